use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use eframe::egui::{Context, Id, LayerId, Order, Popup, PopupCloseBehavior, PopupKind, Pos2, Ui};
use sockscope_core::Identity;
use sockscope_live::{Arrangement, GroupKey, Held, Line, LineKey, Shown, cells, labels};
use sockscope_model::{ProcessId, Row, Socket};
use sockscope_output::{brief, clean};

use crate::app::{App, Effect};
use crate::dialog::Dialog;
use crate::export::{self, Format};

/// The menu of what was clicked. All that it acts on was copied when it was opened: what moves to that line meanwhile is not meant.
#[derive(Debug)]
pub(crate) struct Menu {
    at: Pos2,
    /// The cell that was clicked: its column and its text.
    cell: Option<(Shown, String)>,
    pub(crate) about: About,
    /// It was drawn already, so that a click elsewhere closes it.
    is_drawn: bool,
}

/// What something shall be done to.
#[derive(Debug)]
pub(crate) enum About {
    /// Sockets, in the order of the table.
    Sockets(Vec<Held>),
    /// A group: what it is called, and its sockets that are there.
    Group(GroupKey, String, Vec<Held>),
}

impl About {
    pub(crate) fn sockets(&self) -> &[Held] {
        let (About::Sockets(sockets) | About::Group(_, _, sockets)) = self;
        sockets
    }

    /// In a few words.
    pub(crate) fn text(&self) -> String {
        match self {
            About::Sockets(sockets) => match sockets.as_slice() {
                [one] => brief(&one.row()),
                _ => String::new(),
            },
            About::Group(_, label, _) => label.clone(),
        }
    }

    /// Those that can be closed: connections that are there, or a single listener.
    pub(crate) fn closable(&self) -> Vec<Socket> {
        let living = self.sockets().iter().filter(|held| !held.is_gone);
        match self.sockets() {
            [_] => living.map(|held| (*held.socket).clone()).collect(),
            _ => living.filter(|held| held.socket.key.remote.is_some()).map(|held| (*held.socket).clone()).collect(),
        }
    }

    /// The processes that own them, each once, with their names.
    pub(crate) fn processes(&self) -> Vec<(ProcessId, String)> {
        let mut processes: Vec<(ProcessId, String)> = Vec::new();
        let only = match self {
            About::Group(GroupKey::Process(id), ..) => Some(*id),
            _ => None,
        };
        for held in self.sockets() {
            for (id, name) in owners(&held.row()) {
                if only.is_none_or(|only| only == id) && processes.iter().all(|(other, _)| *other != id) {
                    processes.push((id, name));
                }
            }
        }
        processes
    }
}

/// The owners of a socket, with their names.
pub(crate) fn owners(row: &Row<'_>) -> Vec<(ProcessId, String)> {
    let name = |id| row.snapshot().process(id).map_or_else(|| "?".to_owned(), |it| clean(&it.name).into_owned());
    row.socket.owners.processes().iter().map(|owner| (owner.process, name(owner.process))).collect()
}

/// What was chosen in the menu.
enum Chosen {
    CopyText(String),
    Copy(Format),
    Close,
    End,
    Open(PathBuf),
    Filter(String),
    Process(ProcessId, String),
}

impl App {
    /// Opens the menu of a line.
    pub(crate) fn open_menu(&mut self, arrangement: &Arrangement, position: usize, column: Option<Shown>, at: Pos2) {
        let cell = column.map(|column| (column, cells::cell(column, arrangement, position, None)));
        let about = match arrangement.group(position) {
            Some(group) => {
                let mut label = String::new();
                labels::push_group(&mut label, group, &arrangement.look);
                let lines = arrangement.members(&group.key).into_iter();
                let there = lines.filter(|line| matches!(line, Line::There(_)));
                let held = there.filter_map(|line| Held::of_line(&arrangement.look, line)).collect();
                About::Group(group.key.clone(), label, held)
            }
            None => {
                let Some(clicked) = Held::of(arrangement, position) else { return };
                if !self.is_selected(&clicked.identity) {
                    self.selection.choose(arrangement, position, false, false);
                    self.show(Some(clicked.clone()));
                }
                let sockets = self.selected(arrangement);
                About::Sockets(sockets)
            }
        };
        self.menu = Some(Menu { at, cell, about, is_drawn: false });
    }

    /// What is selected, as it is now.
    fn selected(&self, arrangement: &Arrangement) -> Vec<Held> {
        let mut all: Vec<Held> = Vec::new();
        // A tree may have a socket more than once.
        let mut seen: HashSet<Identity> = HashSet::new();
        for position in 0..arrangement.lines.len() {
            let Some(row) = arrangement.row(position) else { continue };
            let identity = Identity::of(row.socket);
            if self.is_selected(&identity)
                && seen.insert(identity)
                && let Some(held) = Held::of(arrangement, position)
            {
                all.push(held);
            }
        }
        all
    }

    /// What keys act on: what is selected, or the group at the cursor.
    fn about_selection(&self) -> Option<About> {
        let arrangement = self.arrangement.clone()?;
        if let Some(LineKey::Group(key)) = self.selection.cursor() {
            let group =
                (0..arrangement.lines.len()).filter_map(|at| arrangement.group(at)).find(|it| it.key == *key)?;
            let mut label = String::new();
            labels::push_group(&mut label, group, &arrangement.look);
            let held = arrangement.members(key).into_iter();
            let held = held.filter(|line| matches!(line, Line::There(_)));
            return Some(About::Group(
                key.clone(),
                label,
                held.filter_map(|line| Held::of_line(&arrangement.look, line)).collect(),
            ));
        }
        let selected = self.selected(&arrangement);
        (!selected.is_empty()).then_some(About::Sockets(selected))
    }

    pub(crate) fn open_menu_at_cursor(&mut self, ctx: &Context) {
        let (Some(arrangement), Some(position)) = (self.arrangement.clone(), self.selection.position()) else { return };
        let at = ctx.content_rect().center();
        self.open_menu(&arrangement, position, None, at);
    }

    pub(crate) fn ask_to_close_selected(&mut self) {
        match self.about_selection() {
            Some(about) => self.ask_to_close(&about),
            None => self.complain(self.words.none_selected.to_owned()),
        }
    }

    pub(crate) fn ask_to_end_selected(&mut self) {
        match self.about_selection() {
            Some(about) => self.ask_to_end(&about),
            None => self.complain(self.words.none_selected.to_owned()),
        }
    }

    fn ask_to_close(&mut self, about: &About) {
        let sockets = about.closable();
        if sockets.is_empty() {
            self.complain(self.words.nothing_to_close.to_owned());
        } else {
            self.dialog = Some(Dialog::Close { sockets, what: about.text() });
        }
    }

    fn ask_to_end(&mut self, about: &About) {
        let processes = about.processes();
        if processes.is_empty() {
            self.complain(self.words.nobody_to_end.to_owned());
        } else {
            let chosen = vec![true; processes.len()];
            self.dialog = Some(Dialog::End { processes, chosen, signal: 0 });
        }
    }

    pub(crate) fn copy_selection(&mut self, ctx: &Context, format: Format) {
        let Some(arrangement) = self.arrangement.clone() else { return };
        let columns = self.columns();
        let positions = (0..arrangement.lines.len()).filter(|position| match arrangement.row(*position) {
            Some(row) => self.is_selected(&Identity::of(row.socket)),
            None => self.selection.position() == Some(*position),
        });
        let positions: Vec<usize> = positions.collect();
        let count = positions.len();
        if count == 0 {
            return self.complain(self.words.none_selected.to_owned());
        }
        ctx.copy_text(export::copied(format, &arrangement, &columns, positions.into_iter()));
        self.say(self.words.with(self.words.copied_rows, &[&count.to_string()]));
    }

    /// Draws the menu, if one is open.
    pub(crate) fn context_menu(&mut self, ctx: &Context) {
        let Some(menu) = &mut self.menu else { return };
        let layer = LayerId::new(Order::Foreground, Id::unique("menu layer"));
        let mut open = true;
        let words = self.words;
        let was_drawn = std::mem::replace(&mut menu.is_drawn, true);
        let menu = &*menu;
        let response = Popup::new(Id::unique("menu"), ctx.clone(), menu.at, layer)
            .kind(PopupKind::Menu)
            .layout(eframe::egui::Layout::top_down_justified(eframe::egui::Align::Min))
            .close_behavior(PopupCloseBehavior::IgnoreClicks)
            .open(true)
            .accessible_name(words.menu)
            .show(|ui| menu.ui(ui, words));
        let chosen = response.as_ref().and_then(|it| it.inner.as_ref()).is_some();
        let elsewhere = response.as_ref().is_none_or(|it| it.response.clicked_elsewhere());
        let escape = ctx.input_mut(|input| input.consume_key(eframe::egui::Modifiers::NONE, eframe::egui::Key::Escape));
        if chosen || escape || (was_drawn && elsewhere) {
            open = false;
        }
        let chosen = response.and_then(|it| it.inner);
        if open {
            return;
        }
        let Some(menu) = self.menu.take() else { return };
        match chosen {
            None => {}
            Some(Chosen::CopyText(text)) => {
                ctx.copy_text(text);
                self.say(words.copied.to_owned());
            }
            Some(Chosen::Copy(format)) => self.copy_held(ctx, &menu.about, format),
            Some(Chosen::Close) => self.ask_to_close(&menu.about),
            Some(Chosen::End) => self.ask_to_end(&menu.about),
            Some(Chosen::Open(path)) => self.push(Effect::OpenLocation(path)),
            Some(Chosen::Filter(filter)) => {
                self.filter.set(filter, &self.context);
                self.filter_changed();
            }
            Some(Chosen::Process(id, name)) => {
                self.chips.process = Some((id, name));
                self.filter_changed();
            }
        }
    }

    /// Copies what the menu is about, as it was when the menu was opened.
    fn copy_held(&mut self, ctx: &Context, about: &About, format: Format) {
        let columns = self.columns();
        let sockets = about.sockets();
        if format == Format::Text {
            let line = |held: &Held| {
                let columns = columns.iter().filter(|column| **column != Shown::Trend);
                let cells = columns.map(|column| {
                    let mut text = String::new();
                    cells::push_socket_cell(&mut text, *column, &held.row(), None);
                    text
                });
                cells.collect::<Vec<_>>().join("\t")
            };
            ctx.copy_text(sockets.iter().map(line).collect::<Vec<_>>().join("\n"));
        } else if let Some(first) = sockets.iter().find(|held| !held.is_gone).or(sockets.first()) {
            // All that were there then are of one frame.
            let row = first.row();
            let all = row.frame.snapshot.sockets.iter().enumerate();
            let places: HashMap<Identity, usize> = all.map(|(place, socket)| (Identity::of(socket), place)).collect();
            let rows: Vec<usize> = sockets.iter().filter_map(|held| places.get(&held.identity).copied()).collect();
            ctx.copy_text(export::listed(format, row.frame, &columns, &rows));
        }
        self.say(self.words.with(self.words.copied_rows, &[&sockets.len().to_string()]));
    }
}

impl Menu {
    fn ui(&self, ui: &mut Ui, words: &'static crate::words::Words) -> Option<Chosen> {
        let mut chosen = None;
        let sockets = self.about.sockets();
        let title = match sockets {
            [_] => self.about.text(),
            _ => words.with(words.n_sockets, &[&sockets.len().to_string()]),
        };
        ui.weak(title);
        ui.separator();
        if let Some((_, text)) = &self.cell
            && ui.button(words.copy_cell).clicked()
        {
            chosen = Some(Chosen::CopyText(text.clone()));
        }
        for (word, format) in
            [(words.copy_rows, Format::Text), (words.copy_csv, Format::Csv), (words.copy_json, Format::Json)]
        {
            if ui.button(word).clicked() {
                chosen = Some(Chosen::Copy(format));
            }
        }
        ui.separator();
        let processes = self.about.processes();
        if let [(id, name)] = processes.as_slice() {
            let label = words.with(words.filter_process, &[&format!("{name}[{}]", id.pid)]);
            if ui.button(label).clicked() {
                chosen = Some(Chosen::Process(*id, name.clone()));
            }
        }
        if let [held] = sockets {
            let key = &held.socket.key;
            if let Some(remote) = key.remote {
                let label = words.with(words.filter_host, &[&remote.ip().to_string()]);
                if ui.button(label).clicked() {
                    chosen = Some(Chosen::Filter(format!("remote = {}", remote.ip())));
                }
            }
            let mut ports = vec![key.local.port()];
            ports.extend(key.remote.map(|remote| remote.port()).filter(|port| *port != key.local.port()));
            for port in ports {
                if ui.button(words.with(words.filter_port, &[&port.to_string()])).clicked() {
                    chosen = Some(Chosen::Filter(format!("sport = {port} or dport = {port}")));
                }
            }
        }
        let path = sockets.iter().find_map(|held| {
            let row = held.row();
            row.processes().find_map(|process| process.path.as_ref().map(PathBuf::from))
        });
        ui.separator();
        if ui.add_enabled(path.is_some(), eframe::egui::Button::new(words.open_location)).clicked() {
            chosen = path.map(Chosen::Open);
        }
        let can_close = !self.about.closable().is_empty();
        if ui.add_enabled(can_close, eframe::egui::Button::new(words.close_connection)).clicked() {
            chosen = Some(Chosen::Close);
        }
        if ui.add_enabled(!processes.is_empty(), eframe::egui::Button::new(words.end_process)).clicked() {
            chosen = Some(Chosen::End);
        }
        chosen
    }
}
