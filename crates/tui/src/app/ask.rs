use crossterm::event::{KeyCode, KeyEvent};
use sockscope_model::{NoOwner, Owners, Process, ProcessId, Row, Socket};
use sockscope_output::{Column, brief, clean, push_cell};

use super::keys::choose;
use super::{App, Details, Effect, Mode};
use sockscope_live::{Group, GroupKey, Line, Look, Mark, Message, labels};

/// A question that stands before something is done. Whatever it is about was copied when it was asked: what moves to that line
/// meanwhile is not meant.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) about: About,
    /// What was shown behind it.
    pub(crate) details: Option<Box<Details>>,
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum About {
    /// Whether to close these.
    Close { sockets: Vec<Socket>, what: String },
    /// Which process to end, and by which signal.
    Kill { processes: Vec<(ProcessId, String)>, chosen: usize, signals: &'static [&'static str], signal: usize },
    /// What to copy: the key, its name, the text.
    Copy { texts: Vec<(char, &'static str, String)> },
}

impl Question {
    fn new(about: About) -> Question {
        Question { about, details: None }
    }
}

impl App {
    pub(super) fn key_in_question(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        let Mode::Ask(Question { about, .. }) = &mut self.mode else { return };
        match (about, key.code) {
            (About::Kill { processes, chosen, .. }, KeyCode::Up | KeyCode::Down) => {
                *chosen = choose(*chosen, processes.len(), key, 1);
                return;
            }
            (About::Kill { signals, signal, .. }, KeyCode::Tab | KeyCode::Right) => {
                *signal = (*signal + 1) % signals.len().max(1);
                return;
            }
            (About::Kill { signals, signal, .. }, KeyCode::BackTab | KeyCode::Left) => {
                *signal = signal.checked_sub(1).unwrap_or(signals.len().saturating_sub(1));
                return;
            }
            _ => {}
        }
        let mode = std::mem::replace(&mut self.mode, Mode::Table);
        let Mode::Ask(Question { about, details }) = mode else { return };
        if let Some(details) = details {
            self.mode = Mode::Details(details);
        }
        let is_yes = matches!(key.code, KeyCode::Char('y' | 'Y'));
        match about {
            About::Close { sockets, .. } if is_yes => effects.push(Effect::Close(sockets)),
            About::Close { .. } => self.say("nothing was closed"),
            About::Kill { processes, chosen, signals, signal } if is_yes => {
                let signal = signals.get(signal).copied().unwrap_or_default();
                if let Some((id, name)) = processes.into_iter().nth(chosen) {
                    effects.push(Effect::Kill(id, name, signal));
                }
            }
            About::Kill { .. } => self.say("no process was touched"),
            About::Copy { texts } => {
                let wanted = match key.code {
                    KeyCode::Enter => texts.into_iter().next(),
                    KeyCode::Char(character) => texts.into_iter().find(|(key, ..)| *key == character),
                    _ => None,
                };
                match wanted {
                    Some((_, _, text)) => {
                        self.say(format!("copied: {text}"));
                        effects.push(Effect::Copy(text));
                    }
                    None => self.say("nothing was copied"),
                }
            }
        }
    }

    /// The socket that is meant: of the details, or of the selected line; not one that is gone.
    fn meant(&self) -> Result<Row<'_>, &'static str> {
        const GONE: &str = "it is gone";
        if let Mode::Details(details) = &self.mode {
            return if details.held.is_gone { Err(GONE) } else { Ok(details.row()) };
        }
        let arrangement = self.arrangement.as_ref().ok_or("nothing is selected")?;
        let position = self.cursor().position;
        let row = arrangement.row(position).ok_or("nothing is selected")?;
        if arrangement.mark(position) == Some(Mark::Gone) { Err(GONE) } else { Ok(row) }
    }

    fn complain(&mut self, text: &str) {
        self.message = Some(Message { text: text.to_owned(), is_error: true });
    }

    pub(super) fn ask_to_close(&mut self) {
        let about = match self.selected_group() {
            Some((group, look)) => {
                let sockets = self.connections_of(group, look);
                let mut what = String::new();
                labels::push_group(&mut what, group, look);
                let count = sockets.len();
                let plural = if count == 1 { "" } else { "s" };
                Ok(About::Close { sockets, what: format!("{count} connection{plural} of {what}") })
            }
            None => self.meant().map(|row| About::Close { sockets: vec![row.socket.clone()], what: brief(&row) }),
        };
        match about {
            Ok(About::Close { sockets, .. }) if sockets.is_empty() => self.complain("there is no connection to close"),
            Ok(about) => self.ask(Question::new(about)),
            Err(message) => self.complain(message),
        }
    }

    /// The group that is selected, where lines are groups.
    fn selected_group(&self) -> Option<(&Group, &Look)> {
        let arrangement = self.arrangement.as_ref()?;
        Some((arrangement.group(self.cursor().position)?, &arrangement.look))
    }

    /// The connections of a group; listeners and unconnected sockets are closed one by one.
    fn connections_of(&self, group: &Group, look: &Look) -> Vec<Socket> {
        let Some(arrangement) = &self.arrangement else { return Vec::new() };
        let lines = arrangement.members(&group.key).into_iter().filter(|line| matches!(line, Line::There(_)));
        let rows = lines.filter_map(|line| look.row(line));
        rows.filter(|row| row.socket.key.remote.is_some()).map(|row| row.socket.clone()).collect()
    }

    pub(super) fn ask_to_kill(&mut self) {
        let named = |process: Option<&Process>, id: ProcessId| {
            (id, process.map_or_else(|| "?".to_owned(), |process| clean(&process.name).into_owned()))
        };
        let processes = match self.selected_group() {
            Some((group, look)) => match &group.key {
                GroupKey::Process(id) => Ok(vec![named(labels::details_of(*id, group, look), *id)]),
                GroupKey::Listener(_) => match labels::sample(group, look) {
                    Some(row) => owners(&row, named),
                    None => Err("it is gone"),
                },
                _ => Err("it is no process: choose a socket (Enter)"),
            },
            None => self.meant().and_then(|row| owners(&row, named)),
        };
        match processes {
            Ok(processes) => {
                let signals = self.signals;
                self.ask(Question::new(About::Kill { processes, chosen: 0, signals, signal: 0 }));
            }
            Err(message) => self.complain(message),
        }
    }

    pub(super) fn ask_what_to_copy(&mut self) {
        let texts = match self.selected_group() {
            Some((group, look)) => {
                let mut label = String::new();
                labels::push_group(&mut label, group, look);
                let mut texts = vec![('y', "line", label)];
                if let Some(id) = labels::process_of(group, look) {
                    texts.push(('p', "process number", id.pid.to_string()));
                }
                Ok(texts)
            }
            // What is gone can still be copied.
            None => match (&self.mode, &self.arrangement) {
                (Mode::Details(details), _) => Ok(texts_of(&details.row())),
                (_, Some(arrangement)) => {
                    arrangement.row(self.cursor().position).map(|row| texts_of(&row)).ok_or("nothing is selected")
                }
                (_, None) => Err("nothing is selected"),
            },
        };
        match texts {
            Ok(texts) => self.ask(Question::new(About::Copy { texts })),
            Err(message) => self.complain(message),
        }
    }
}

fn owners(
    row: &Row<'_>,
    named: impl Fn(Option<&Process>, ProcessId) -> (ProcessId, String),
) -> Result<Vec<(ProcessId, String)>, &'static str> {
    match &row.socket.owners {
        Owners::Processes(owners) => {
            let mut processes: Vec<(ProcessId, String)> = Vec::new();
            for owner in owners {
                if processes.iter().all(|(id, _)| *id != owner.process) {
                    processes.push(named(row.snapshot().process(owner.process), owner.process));
                }
            }
            Ok(processes)
        }
        Owners::Nobody(NoOwner::NeedsRoot) => Err("its process can't be seen from here"),
        Owners::Nobody(_) => Err("no process owns it"),
    }
}

fn texts_of(row: &Row<'_>) -> Vec<(char, &'static str, String)> {
    let cell = |column| {
        let mut text = String::new();
        push_cell(&mut text, column, row, None);
        text
    };
    let mut texts = vec![('y', "line", brief(row)), ('l', "local", cell(Column::Local))];
    if let Some(remote) = row.socket.key.remote {
        // Not the cell, which has the name where one is known.
        texts.push(('r', "remote", remote.to_string()));
        texts.push(('a', "address of the peer", remote.ip().to_string()));
    }
    if let Some(owner) = row.socket.owners.processes().first() {
        texts.push(('p', "process number", owner.process.pid.to_string()));
    }
    texts
}
