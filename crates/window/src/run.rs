use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use eframe::egui::{self, Context, ViewportBuilder};
use sockscope_core::{Command, Commander, Locator, Monitor};
use sockscope_live::Message;
use sockscope_live::arranger::{self, Arranged, News, Order};
use sockscope_model::{Notice, Socket};

use crate::app::{App, AppOptions, Effect};
use crate::bench::{Frame, Timings};
use crate::export::Save;
use crate::remember::Remembered;
use crate::words::Words;

/// Opens IP databases, on a thread of its own.
pub type Opener = Box<dyn FnOnce() -> Locator + Send>;

/// What the window needs of the system.
pub trait Desk: sockscope_live::Actions {
    /// Keeps what is shown for the next time.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn remember(&self, remembered: &Remembered) -> Result<(), String>;

    /// Shows a file in the system's file manager.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn open_location(&self, path: &Path) -> Result<(), String>;

    /// Opens an IP database beside those that are asked already, to be asked first; what is to be said of it.
    ///
    /// # Errors
    /// Why not, in a few words that name the file.
    fn add_database(&self, path: &Path) -> Result<(Opener, Vec<Notice>), String>;

    /// Starts again with more privilege.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn elevate(&self) -> Result<(), String>;
}

/// What the window is started with.
pub struct Started {
    /// Who looks.
    pub monitor: Monitor,
    /// How the window begins.
    pub options: AppOptions,
    /// The system's part.
    pub desk: Arc<dyn Desk>,
    /// What frames cost is noted there, until it has enough; then the window closes.
    pub timings: Option<Arc<Timings>>,
    /// Becomes true when a frame has been drawn, and not before: what draws may fail at the first.
    pub is_drawn: Arc<AtomicBool>,
    /// How it is drawn.
    pub native: eframe::NativeOptions,
}

/// For window managers that don't look for the one of the desktop file.
const ICON: &[u8] = include_bytes!("../linux/icons/64.png");

/// Whatever wakes the window besides the user.
enum Happening {
    Arranged(Arranged),
    Said(Message),
    Notices(Vec<Notice>),
    Exists(Save),
}

/// Shows the window until somebody closes it.
///
/// # Errors
/// There is no display, or nothing that can draw on it.
pub fn run(started: Started) -> Result<(), eframe::Error> {
    let Started { monitor, options, desk, timings, is_drawn, mut native } = started;
    let title = format!("sockscope · {}", options.replay.as_deref().unwrap_or("TCP / UDP"));
    let (width, height) = options.remembered.size.unwrap_or((1240.0, 740.0));
    native.viewport = ViewportBuilder::default()
        .with_title(title)
        .with_app_id("sockscope-window")
        .with_inner_size([width, height])
        .with_min_inner_size([480.0, 300.0])
        .with_drag_and_drop(true);
    if let Ok(icon) = eframe::icon_data::from_png_bytes(ICON) {
        native.viewport = native.viewport.with_icon(icon);
    }
    native.persist_window = false;
    eframe::run_native(
        "sockscope-window",
        native,
        Box::new(move |creation| {
            let window = Window::new(monitor, options, desk, (timings, is_drawn), &creation.egui_ctx)?;
            Ok(Box::new(window))
        }),
    )
}

/// When to draw what is new.
const SOON: Duration = Duration::from_millis(1);

struct Window {
    app: App,
    orders: Sender<Order>,
    commander: Commander,
    happenings: Sender<Happening>,
    happened: Receiver<Happening>,
    desk: Arc<dyn Desk>,
    ctx: Context,
    timings: Option<Arc<Timings>>,
    is_drawn: Arc<AtomicBool>,
    /// So many were begun.
    frames: u64,
    /// What taking the latest look cost.
    taking: Duration,
    /// What is remembered was said to be impossible to keep.
    is_forgetful: bool,
}

impl Window {
    fn new(
        monitor: Monitor,
        options: AppOptions,
        desk: Arc<dyn Desk>,
        (timings, is_drawn): (Option<Arc<Timings>>, Arc<AtomicBool>),
        ctx: &Context,
    ) -> io::Result<Window> {
        let (happenings, happened) = mpsc::channel();
        let (orders, ordered) = mpsc::channel();
        let commander = monitor.commander();
        let (to, wake) = (happenings.clone(), ctx.clone());
        let mut news = News::default();
        arranger::start(ordered, move |arranged| {
            // Nobody takes what comes before the window is drawn again: on a quiet machine, that may be hours.
            if !news.is_new(&arranged) {
                return true;
            }
            let is_heard = to.send(Happening::Arranged(arranged)).is_ok();
            // Without a delay, egui would draw twice.
            wake.request_repaint_after(SOON);
            is_heard
        })?;
        arranger::pump(monitor, orders.clone())?;
        ctx.set_theme(options.remembered.theme.preference());
        ctx.set_zoom_factor(options.remembered.zoom);
        let app = App::new(options);
        Ok(Window {
            app,
            orders,
            commander,
            happenings,
            happened,
            desk,
            ctx: ctx.clone(),
            timings,
            is_drawn,
            frames: 0,
            taking: Duration::ZERO,
            is_forgetful: false,
        })
    }

    fn words(&self) -> &'static Words {
        self.app.remembered().language().words()
    }

    fn follow(&mut self, effect: Effect) {
        let words = self.words();
        match effect {
            Effect::Arrange(settings) => _ = self.orders.send(Order::Settings(settings)),
            Effect::Discard(arrangement) => _ = self.orders.send(Order::Discard(arrangement)),
            Effect::Tell(command) => self.commander.command(command),
            Effect::Close(sockets) => self.act(move |desk, _| close(desk, words, &sockets)),
            Effect::End(processes, signal) => self.act(move |desk, _| {
                let mut said = Vec::new();
                for (process, name) in &processes {
                    said.push(sockscope_live::end(desk, *process, name, signal));
                }
                let text: Vec<String> = said.iter().map(|message| message.text.clone()).collect();
                Some(Message { text: text.join("; "), is_error: said.iter().any(|message| message.is_error) })
            }),
            Effect::Remember(remembered) => self.remember(&remembered),
            Effect::OpenLocation(path) => self.act(move |desk, _| match desk.open_location(&path) {
                Ok(()) => None,
                Err(text) => Some(Message { text, is_error: true }),
            }),
            Effect::Save(save) => self.act(move |_, happenings| save_file(words, save, happenings)),
            Effect::AddDatabase(path) => {
                let commander = self.commander.clone();
                self.act(move |desk, happenings| match desk.add_database(&path) {
                    Ok((open, notices)) => {
                        commander.places(open);
                        let _ = happenings.send(Happening::Notices(notices));
                        let text = words.with(words.database_added, &[&path.display().to_string()]);
                        Some(Message { text, is_error: false })
                    }
                    Err(text) => Some(Message { text, is_error: true }),
                });
            }
            Effect::Elevate => self.act(|desk, _| match desk.elevate() {
                Ok(()) => None,
                Err(text) => Some(Message { text, is_error: true }),
            }),
        }
    }

    /// Does something on a thread of its own: it may take time, and the window goes on.
    fn act(&mut self, act: impl FnOnce(&dyn Desk, &Sender<Happening>) -> Option<Message> + Send + 'static) {
        let (desk, happenings, ctx) = (Arc::clone(&self.desk), self.happenings.clone(), self.ctx.clone());
        let commander = self.commander.clone();
        let act = move || {
            if let Some(message) = act(&*desk, &happenings) {
                let _ = happenings.send(Happening::Said(message));
                commander.command(Command::Refresh);
            }
            ctx.request_repaint_after(SOON);
        };
        if let Err(error) = thread::Builder::new().name("action".into()).spawn(act) {
            self.app.tell(Message { text: error.to_string(), is_error: true });
        }
    }

    fn remember(&mut self, remembered: &Remembered) {
        if let Err(message) = self.desk.remember(remembered)
            && !std::mem::replace(&mut self.is_forgetful, true)
        {
            self.app.notice(Notice { code: "not-remembered", message });
        }
    }
}

impl eframe::App for Window {
    fn logic(&mut self, _ctx: &Context, _frame: &mut eframe::Frame) {
        let began = Instant::now();
        while let Ok(happening) = self.happened.try_recv() {
            match happening {
                Happening::Arranged(Arranged::Lines(arrangement)) => self.app.arranged(arrangement),
                Happening::Arranged(Arranged::Failed(message)) => self.app.failed(message),
                Happening::Arranged(Arranged::Ended) => self.app.failed(self.words().nobody_looks.to_owned()),
                Happening::Said(message) => self.app.tell(message),
                Happening::Notices(notices) => notices.into_iter().for_each(|notice| self.app.notice(notice)),
                Happening::Exists(save) => self.app.ask_to_overwrite(&save),
            }
        }
        for effect in self.app.take_effects() {
            self.follow(effect);
        }
        self.taking = began.elapsed();
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let began = Instant::now();
        // Whoever begins a second one has finished the first.
        self.is_drawn.store(self.frames > 0, Ordering::Relaxed);
        self.frames += 1;
        self.app.ui(ui);
        if let Some(timings) = &self.timings {
            let ui_time = self.taking + began.elapsed();
            if timings.note(Frame { ui: ui_time, whole: frame.info().cpu_usage }) {
                ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
            }
        }
        for effect in self.app.take_effects() {
            self.follow(effect);
        }
        let size = ui.input(|input| input.viewport().inner_rect).map(|rect| (rect.width(), rect.height()));
        self.app.note_window(size, ui.ctx().zoom_factor());
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        let remembered = self.app.remembered().clone();
        self.remember(&remembered);
        self.commander.command(Command::Stop);
    }
}

fn close(desk: &dyn Desk, words: &Words, sockets: &[Socket]) -> Option<Message> {
    let message = sockscope_live::close(desk, sockets);
    let text = if message.is_error { message.text } else { words.with(words.n_closed, &[&sockets.len().to_string()]) };
    Some(Message { text, is_error: message.is_error })
}

/// Writes a file so that whoever reads it meanwhile sees the old one or the new one.
fn save_file(words: &Words, save: Save, happenings: &Sender<Happening>) -> Option<Message> {
    if !save.overwrite && save.path.exists() {
        let _ = happenings.send(Happening::Exists(save));
        return None;
    }
    let beside = save.path.with_extension(format!("{}.part", std::process::id()));
    let written = fs::File::create(&beside).and_then(|file| {
        let mut out = io::BufWriter::new(file);
        save.write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&beside, &save.path)
    });
    let path = save.path.display().to_string();
    Some(match written {
        Ok(()) => Message { text: words.with(words.saved, &[&path]), is_error: false },
        Err(error) => {
            let _ = fs::remove_file(&beside);
            Message { text: words.with(words.not_saved, &[&path, &error.to_string()]), is_error: true }
        }
    })
}
