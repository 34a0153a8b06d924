use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use crossterm::event::Event;
use sockscope_core::{Command, Commander, Monitor};
use sockscope_model::Notice;

use crate::app::{App, AppOptions, Effect};
use crate::remember::Remembered;
use crate::screen::{self, Screen};
use crate::signals::{self, Signal};
use sockscope_live::Message;
use sockscope_live::arranger::{self, Arranged, Order};

/// What the table needs of the system.
pub trait Actions: sockscope_live::Actions {
    /// Keeps what is shown for the next time.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn remember(&self, remembered: &Remembered) -> Result<(), String>;
}

/// How the table ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By a key.
    Quit,
    /// By that signal. The terminal is given back; ending by the same signal is left to [`end_by`].
    Signal(i32),
}

/// Whatever wakes the thread that draws.
enum Happening {
    Input(Event),
    InputFailed(io::Error),
    Arranged(Arranged),
    Signal(Signal),
    Acted(Message),
    ArrangerEnded,
}

/// Rings when the arranger is no more, also if it panicked: without it, nothing would ever change on the screen.
struct Bell(Sender<Happening>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = self.0.send(Happening::ArrangerEnded);
    }
}

/// Shows the table until somebody quits. The terminal is given back however that happens.
///
/// # Errors
/// The terminal can't be used, or the system has no threads.
pub fn run(monitor: Monitor, options: AppOptions, actions: Arc<dyn Actions>) -> io::Result<Ended> {
    let (happenings, happened) = mpsc::channel();
    let (orders, ordered) = mpsc::channel();
    let commander = monitor.commander();
    let bell = Bell(happenings.clone());
    arranger::start(ordered, move |arranged| bell.0.send(Happening::Arranged(arranged)).is_ok())?;
    arranger::pump(monitor, orders.clone())?;
    let to = happenings.clone();
    signals::listen(move |signal| to.send(Happening::Signal(signal)).is_ok())?;
    let colours = options.colours;
    let (app, effects) = App::new(options);
    let screen = Screen::take(colours)?;
    read_input(happenings.clone())?;
    let mut table = Table { app, screen, commander, orders, happenings, actions };
    let ended = match table.follow(effects) {
        Ok(None) => table.turn(&happened),
        Ok(Some(ended)) => Ok(ended),
        Err(error) => Err(error),
    };
    table.commander.command(Command::Stop);
    ended
}

/// Ends the process by the signal that ended the table, so that whoever waits for it sees that.
pub fn end_by(signal: i32) {
    let _ = signals::end(signal);
}

/// Reads the terminal, on a thread that lasts as long as the process: nothing wakes it but a key.
fn read_input(happenings: Sender<Happening>) -> io::Result<()> {
    let read = move || {
        loop {
            let happening = match crossterm::event::read() {
                Ok(event) => Happening::Input(event),
                Err(error) => {
                    let _ = happenings.send(Happening::InputFailed(error));
                    return;
                }
            };
            if happenings.send(happening).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("input".into()).spawn(read).map(drop)
}

struct Table {
    app: App,
    screen: Screen,
    commander: Commander,
    orders: Sender<Order>,
    happenings: Sender<Happening>,
    actions: Arc<dyn Actions>,
}

impl Table {
    fn turn(&mut self, happened: &Receiver<Happening>) -> io::Result<Ended> {
        loop {
            self.screen.terminal.draw(|frame| self.app.draw(frame))?;
            let Ok(first) = happened.recv() else { return Ok(Ended::Quit) };
            // Whatever else has happened by now is on the screen with it.
            let mut next = Some(first);
            while let Some(happening) = next {
                if let Some(ended) = self.handle(happening)? {
                    return Ok(ended);
                }
                next = happened.try_recv().ok();
            }
        }
    }

    fn handle(&mut self, happening: Happening) -> io::Result<Option<Ended>> {
        match happening {
            Happening::Input(event) => {
                let effects = self.app.event(&event);
                return self.follow(effects);
            }
            Happening::InputFailed(error) => return Err(error),
            Happening::Arranged(Arranged::Lines(arrangement)) => {
                let effects = self.app.arranged(arrangement);
                return self.follow(effects);
            }
            Happening::Arranged(Arranged::Failed(message)) => self.app.failed(message),
            Happening::Arranged(Arranged::Ended) => self.app.failed("nobody looks any more".to_owned()),
            Happening::Acted(message) => {
                self.app.tell(message);
                self.commander.command(Command::Refresh);
            }
            Happening::ArrangerEnded if screen::is_lost() => {
                return Err(io::Error::other("a part of the table panicked"));
            }
            Happening::ArrangerEnded => {}
            Happening::Signal(Signal::End(number)) => return Ok(Some(Ended::Signal(number))),
            Happening::Signal(Signal::Stop) => {
                screen::give_back();
                signals::stop()?;
                self.screen.take_again()?;
            }
            Happening::Signal(Signal::GoOn) => self.screen.take_again()?,
        }
        Ok(None)
    }

    fn follow(&mut self, effects: Vec<Effect>) -> io::Result<Option<Ended>> {
        for effect in effects {
            match effect {
                Effect::Quit => return Ok(Some(Ended::Quit)),
                Effect::Suspend => {
                    if let Err(error) = signals::stop_group() {
                        self.app.tell(Message { text: error.to_string(), is_error: true });
                    }
                }
                Effect::Repaint => self.screen.repaint()?,
                Effect::Arrange(settings) => {
                    let _ = self.orders.send(Order::Settings(settings));
                }
                Effect::Tell(command) => self.commander.command(command),
                Effect::Close(sockets) => self.act(move |actions| sockscope_live::close(actions, &sockets)),
                Effect::Kill(process, name, signal) => {
                    self.act(move |actions| sockscope_live::end(actions, process, &name, signal));
                }
                Effect::Copy(text) => self.screen.copy(&text)?,
                Effect::Remember(remembered) => self.remember(&remembered),
                Effect::Discard(arrangement) => {
                    let _ = self.orders.send(Order::Discard(arrangement));
                }
            }
        }
        Ok(None)
    }

    /// Does something on a thread of its own: it may take time, and the table goes on.
    fn act(&mut self, act: impl FnOnce(&dyn Actions) -> Message + Send + 'static) {
        let (actions, happenings) = (Arc::clone(&self.actions), self.happenings.clone());
        let act = move || {
            let _ = happenings.send(Happening::Acted(act(&*actions)));
        };
        if let Err(error) = thread::Builder::new().name("action".into()).spawn(act) {
            self.app.tell(Message { text: format!("there is no thread for it: {error}"), is_error: true });
        }
    }

    fn remember(&mut self, remembered: &Remembered) {
        if let Err(message) = self.actions.remember(remembered) {
            self.app.notice(Notice { code: "not-remembered", message });
        }
    }
}
