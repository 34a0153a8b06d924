//! The state of the window.

/// Keys of the table.
mod keys;
/// What is selected.
mod selection;

use std::mem::Discriminant;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{self, CentralPanel, Panel, Ui};
use sockscope_core::{Command, Context, Filter, Identity, Needs};
use sockscope_live::{Arrangement, Held, History, Message, Opened, Settings, Shown, Sort, View};
use sockscope_model::{Frame, Notice, ProcessId, Request, Socket};

use crate::dialog::Dialog;
use crate::export::Save;
use crate::filter::FilterBox;
use crate::map::MapState;
use crate::menu::Menu;
use crate::remember::Remembered;
use crate::words::Words;

pub(crate) use keys::table_id;
pub(crate) use selection::Selection;

/// How the window begins.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// What filters may refer to.
    pub context: Context,
    /// The filter of the command line. It is shown, with what is wrong with it if anything is.
    pub filter: String,
    /// What the source is asked before anybody chooses columns or types filters.
    pub request: Request,
    /// What was shown last, or what the command line says.
    pub remembered: Remembered,
    /// Signals that processes can be sent, by name, the gentlest first; where there are none, processes are just ended.
    pub signals: &'static [&'static str],
    /// What to say besides the notices of what is seen.
    pub notices: Vec<Notice>,
    /// What more privilege would show.
    pub privilege: Privilege,
    /// Where files are saved unless somebody says otherwise.
    pub folder: PathBuf,
    /// What is shown instead of this machine, if anything.
    pub replay: Option<String>,
}

/// How to see what only an administrator sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Privilege {
    /// There is nothing more to see.
    #[default]
    Full,
    /// By this command.
    Command(String),
    /// By starting again, which the system asks for a password or a confirmation.
    Restart,
}

/// What the window wants to have done.
#[derive(Debug)]
pub enum Effect {
    /// Arrange by these settings.
    Arrange(Arc<Settings>),
    /// Tell the monitor.
    Tell(Command),
    /// Close these sockets, and no others.
    Close(Vec<Socket>),
    /// Send these processes that signal.
    End(Vec<(ProcessId, String)>, &'static str),
    /// Remember what is shown.
    Remember(Remembered),
    /// Free what is no longer shown, anywhere but where it would keep somebody waiting.
    Discard(Arc<Arrangement>),
    /// Show that file in the system's file manager.
    OpenLocation(PathBuf),
    /// Write a file.
    Save(Save),
    /// Ask that IP database first, from now on.
    AddDatabase(PathBuf),
    /// Start again with more privilege.
    Elevate,
}

/// Filters of one click.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Chips {
    pub(crate) listening: bool,
    pub(crate) established: bool,
    pub(crate) public: bool,
    /// One process, by number, and what it is called.
    pub(crate) process: Option<(ProcessId, String)>,
}

impl Chips {
    /// In the filter language.
    pub(crate) fn text(&self) -> String {
        let states = match (self.listening, self.established) {
            (true, true) => Some("(listening or established)".to_owned()),
            (true, false) => Some("listening".to_owned()),
            (false, true) => Some("established".to_owned()),
            (false, false) => None,
        };
        let public = self.public.then(|| "public".to_owned());
        let process = self.process.as_ref().map(|(id, _)| format!("pid = {}", id.pid));
        let all: Vec<String> = [states, public, process].into_iter().flatten().collect();
        all.join(" and ")
    }
}

/// The window.
#[derive(Debug)]
pub struct App {
    pub(crate) context: Context,
    pub(crate) filter: FilterBox,
    pub(crate) chips: Chips,
    chip_filter: Arc<Filter>,
    base_request: Request,
    asked: Request,
    pub(crate) remembered: Remembered,
    pub(crate) words: &'static Words,
    pub(crate) signals: &'static [&'static str],
    pub(crate) privilege: Privilege,
    pub(crate) folder: PathBuf,
    pub(crate) replay: Option<String>,
    own_notices: Vec<Notice>,
    pub(crate) paused: bool,
    pub(crate) tree: Opened,
    serial: u64,
    pub(crate) arrangement: Option<Arc<Arrangement>>,
    pub(crate) selection: Selection,
    /// The socket whose details are shown.
    pub(crate) subject: Option<Held>,
    pub(crate) history: History,
    pub(crate) map: MapState,
    pub(crate) menu: Option<Menu>,
    pub(crate) dialog: Option<Dialog>,
    /// What kind of dialog was drawn last: one that was not takes the keyboard.
    pub(crate) asked_before: Option<Discriminant<Dialog>>,
    pub(crate) message: Option<Message>,
    /// Why the latest look failed.
    pub(crate) failure: Option<String>,
    /// The line to which the table scrolls.
    pub(crate) scroll_to: Option<usize>,
    /// How many lines fit.
    pub(crate) page: usize,
    /// The column whose title is dragged.
    pub(crate) dragged: Option<Shown>,
    effects: Vec<Effect>,
}

impl App {
    /// A window that has seen nothing yet.
    pub fn new(options: AppOptions) -> App {
        let AppOptions { context, filter, request, remembered, signals, notices, privilege, folder, replay } = options;
        let filter = FilterBox::new(filter, &context);
        let mut app = App {
            filter,
            context,
            chips: Chips::default(),
            chip_filter: Arc::new(Filter::everything()),
            asked: request.clone(),
            base_request: request,
            words: remembered.language().words(),
            remembered,
            signals,
            privilege,
            folder,
            replay,
            own_notices: notices,
            paused: false,
            tree: Opened::default(),
            serial: 0,
            arrangement: None,
            selection: Selection::default(),
            subject: None,
            history: History::default(),
            map: MapState::default(),
            menu: None,
            dialog: None,
            asked_before: None,
            message: None,
            failure: None,
            scroll_to: None,
            page: 1,
            dragged: None,
            effects: Vec::new(),
        };
        app.arrange();
        app.ask_for_more();
        app
    }

    /// What is to be done since it was asked last.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// There are new lines.
    pub fn arranged(&mut self, arrangement: Arc<Arrangement>) {
        if self.arrangement.as_ref().is_none_or(|it| it.look.number != arrangement.look.number) {
            self.failure = None;
        }
        if let Some(subject) = &mut self.subject
            && arrangement.settings.subject == Some(subject.identity)
        {
            subject.follow(&arrangement);
            let row = (!subject.is_gone).then(|| subject.row());
            self.history.note(arrangement.look.number, subject.identity, row);
        }
        if let Some(old) = self.arrangement.replace(arrangement) {
            self.effects.push(Effect::Discard(old));
        }
        self.selection.follow(self.arrangement.as_deref());
    }

    /// A look failed; what was seen before stays.
    pub fn failed(&mut self, message: String) {
        self.failure = Some(message);
    }

    /// What became of something that was done.
    pub fn tell(&mut self, message: Message) {
        self.message = Some(message);
    }

    /// Something to be seen among the notices.
    pub fn notice(&mut self, notice: Notice) {
        if !self.own_notices.contains(&notice) {
            self.own_notices.push(notice);
        }
    }

    /// What is remembered now.
    pub fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    pub(crate) fn say(&mut self, text: String) {
        self.message = Some(Message { text, is_error: false });
    }

    pub(crate) fn complain(&mut self, text: String) {
        self.message = Some(Message { text, is_error: true });
    }

    pub(crate) fn frame(&self) -> Option<&Arc<Frame>> {
        self.arrangement.as_ref().map(|it| &it.look.frame)
    }

    /// What is missing, and why: of what is seen, and of the program itself.
    pub(crate) fn notices(&self) -> impl Iterator<Item = &Notice> {
        let seen = self.arrangement.as_ref().map(|it| it.look.frame.snapshot.notices.as_slice());
        self.own_notices.iter().chain(seen.unwrap_or_default())
    }

    /// The columns that are shown, in order.
    pub(crate) fn columns(&self) -> Vec<Shown> {
        match &self.remembered.columns {
            Some(columns) => columns.clone(),
            None => crate::table::default_columns(self.frame().map(Arc::as_ref)),
        }
    }

    pub(crate) fn set_columns(&mut self, columns: Option<Vec<Shown>>) {
        self.remembered.columns = columns.filter(|columns| !columns.is_empty());
        self.changed();
        self.arrange();
        self.ask_for_more();
    }

    /// Sorts by a column; by the same again: the other way round, and then in the usual order. `second`: among equals.
    pub(crate) fn sort_by(&mut self, column: Shown, second: bool) {
        let next = |now: Option<Sort>| match now {
            Some(sort) if sort.by == Some(column) && sort.descending == column.largest_first() => {
                Some(Sort { by: Some(column), descending: !sort.descending })
            }
            Some(sort) if sort.by == Some(column) => None,
            _ => Some(Sort { by: Some(column), descending: column.largest_first() }),
        };
        if second && self.remembered.sort.by.is_some_and(|by| by != column) {
            self.remembered.then = next(self.remembered.then);
        } else {
            self.remembered.sort = next(Some(self.remembered.sort)).unwrap_or_default();
            self.remembered.then = self.remembered.then.filter(|then| then.by != Some(column));
            if self.remembered.sort.by.is_none() {
                self.remembered.then = None;
            }
        }
        self.changed();
        self.arrange();
        self.ask_for_more();
    }

    pub(crate) fn group_by(&mut self, view: View) {
        self.remembered.view = view;
        self.tree = Opened::default();
        self.changed();
        self.arrange();
        self.ask_for_more();
    }

    /// Opens a group, or closes it.
    pub(crate) fn toggle(&mut self, group: &sockscope_live::GroupKey) {
        self.tree.toggle(group);
        self.arrange();
    }

    /// Something that is remembered changed.
    pub(crate) fn changed(&mut self) {
        self.effects.push(Effect::Remember(self.remembered.clone()));
    }

    /// The filter or the chips changed.
    pub(crate) fn filter_changed(&mut self) {
        match Filter::parse(&self.chips.text(), &self.context) {
            Ok(filter) => self.chip_filter = Arc::new(filter),
            Err(error) => self.complain(error.message().to_owned()),
        }
        self.arrange();
        self.ask_for_more();
    }

    /// Shows the details of a socket.
    pub(crate) fn show(&mut self, held: Option<Held>) {
        let same = |one: &Held, other: &Held| one.identity == other.identity;
        if let (Some(one), Some(other)) = (&self.subject, &held)
            && same(one, other)
        {
            return;
        }
        if self.subject.is_none() && held.is_none() {
            return;
        }
        if let (Some(held), Some(arrangement)) = (&held, &self.arrangement) {
            let row = (!held.is_gone).then(|| held.row());
            self.history.note(arrangement.look.number, held.identity, row);
        }
        self.subject = held;
        self.arrange();
        self.ask_for_more();
    }

    /// Asks for lines by the settings as they are now.
    pub(crate) fn arrange(&mut self) {
        self.serial += 1;
        let view = self.remembered.view;
        self.effects.push(Effect::Arrange(Arc::new(Settings {
            serial: self.serial,
            view,
            within: None,
            filters: [Arc::clone(&self.chip_filter), Arc::clone(self.filter.applied())],
            sort: self.remembered.sort,
            then: self.remembered.then,
            tree: (view != View::Sockets).then(|| self.tree.clone()),
            map: self.remembered.map,
            ages: self.columns().into_iter().any(Shown::ages),
            subject: self.subject.as_ref().map(|subject| subject.identity),
        })));
    }

    /// What is shown may need more than what is asked: details of processes, traffic, cgroups.
    fn ask_for_more(&mut self) {
        let columns = self.columns();
        let by = self.remembered.sort.by.into_iter().chain(self.remembered.then.and_then(|then| then.by));
        let needs = columns.into_iter().chain(by).fold(Needs::default(), |needs, column| needs.or(column.needs()));
        let needs = needs.or(self.filter.applied().needs()).or(self.chip_filter.needs());
        let of_view = matches!(self.remembered.view, View::Processes | View::Services);
        let base = &self.base_request;
        let request = Request {
            owners: true,
            process_details: base.process_details || needs.process_details || of_view || self.subject.is_some(),
            traffic: base.traffic || needs.traffic,
            autobound: base.autobound || needs.autobound,
            cgroups: base.cgroups || needs.cgroups || self.subject.is_some(),
            ..base.clone()
        };
        if request != self.asked {
            self.asked = request.clone();
            self.effects.push(Effect::Tell(Command::Request(Box::new(request))));
        }
    }

    pub(crate) fn pause(&mut self, paused: bool) {
        self.paused = paused;
        self.effects.push(Effect::Tell(Command::Pause(paused)));
    }

    pub(crate) fn refresh(&mut self) {
        self.effects.push(Effect::Tell(Command::Refresh));
    }

    pub(crate) fn set_interval(&mut self, interval: Duration) {
        self.remembered.interval = interval;
        self.changed();
        self.effects.push(Effect::Tell(Command::Interval(interval)));
    }

    /// How large the window and everything in it is now.
    pub fn note_window(&mut self, size: Option<(f32, f32)>, zoom: f32) {
        self.remembered.size = size.or(self.remembered.size);
        self.remembered.zoom = zoom;
    }

    /// Draws the window, and takes what the user does.
    pub fn ui(&mut self, ui: &mut Ui) {
        self.dropped_files(ui.ctx());
        self.keys(ui.ctx());
        Panel::top("bar").show(ui, |ui| self.bar(ui));
        Panel::bottom("status").show(ui, |ui| self.status(ui));
        if self.remembered.details || self.remembered.map {
            // The table keeps some of a low window.
            let most = (ui.available_height() * 0.6).max(80.0);
            let panel = Panel::bottom("lower").resizable(true).default_size(260.0_f32.min(most * 0.7));
            panel.size_range(80.0_f32.min(most)..=most).show(ui, |ui| self.lower(ui));
        }
        CentralPanel::default()
            .frame(egui::Frame::central_panel(ui.style()).inner_margin(0))
            .show(ui, |ui| self.table(ui));
        self.context_menu(ui.ctx());
        self.dialogs(ui.ctx());
    }

    /// Details and map, beside one another.
    fn lower(&mut self, ui: &mut Ui) {
        match (self.remembered.details, self.remembered.map) {
            (true, true) => {
                let width = ui.available_width() * 0.36;
                Panel::right("map").resizable(true).default_size(width).min_size(120.0).show(ui, |ui| self.map(ui));
                CentralPanel::no_frame().show(ui, |ui| self.details(ui));
            }
            (true, false) => self.details(ui),
            (false, _) => self.map(ui),
        }
    }

    /// Databases, dragged from elsewhere.
    fn dropped_files(&mut self, ctx: &egui::Context) {
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        for path in dropped {
            self.effects.push(Effect::AddDatabase(path));
        }
    }

    /// Whether a socket is selected.
    pub(crate) fn is_selected(&self, identity: &Identity) -> bool {
        self.selection.contains(identity)
    }
}
