use std::mem::discriminant;
use std::path::PathBuf;

use eframe::egui::{Button, Context, Grid, Id, Key, Modal, Response, Role, ScrollArea, TextEdit, Ui, WidgetInfo};
use sockscope_live::Shown;
use sockscope_model::{ProcessId, Socket};
use sockscope_output::clean;

use crate::app::{App, Effect};
use crate::export::{Format, Save};

/// What stands in front of the table until it is answered.
#[derive(Debug)]
pub(crate) enum Dialog {
    /// Whether to close these: copied when it was asked.
    Close { sockets: Vec<Socket>, what: String },
    /// Which of these processes to end, and by which signal.
    End { processes: Vec<(ProcessId, String)>, chosen: Vec<bool>, signal: usize },
    /// Where to save.
    Save { format: Format, path: String, exists: bool },
    /// Which IP database to ask, too.
    Database { path: String },
    /// Which columns to show.
    Columns,
    /// What is missing, and why.
    Notices,
    /// What keys do.
    Keys,
    /// What this is.
    About,
}

impl Dialog {
    pub(crate) fn database() -> Dialog {
        Dialog::Database { path: String::new() }
    }
}

/// What an answer does to the dialog.
#[derive(PartialEq, Eq)]
enum Answer {
    None,
    Yes,
    No,
}

impl App {
    pub(crate) fn ask_to_save(&mut self, format: Format) {
        let host = self.frame().map_or_else(String::new, |frame| clean(&frame.snapshot.host).into_owned());
        let safe: String = host.chars().filter(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '.')).collect();
        let name = if safe.is_empty() { "sockets".to_owned() } else { format!("sockets-{safe}") };
        let path = self.folder.join(format!("{name}.{}", format.extension()));
        self.dialog = Some(Dialog::Save { format, path: path.display().to_string(), exists: false });
    }

    pub(crate) fn dialogs(&mut self, ctx: &Context) {
        let Some(mut dialog) = self.dialog.take() else {
            self.asked_before = None;
            return;
        };
        let kind = discriminant(&dialog);
        let is_new = self.asked_before.replace(kind) != Some(kind);
        let words = self.words;
        let response = Modal::new(Id::unique("dialog")).show(ctx, |ui| {
            ui.set_max_width(ctx.content_rect().width() * 0.8);
            match &mut dialog {
                Dialog::Close { sockets, what } => {
                    ui.heading(match sockets.as_slice() {
                        [_] => words.ask_close.to_owned(),
                        _ => words.with(words.ask_close_many, &[&sockets.len().to_string()]),
                    });
                    if !what.is_empty() {
                        ui.label(what.as_str());
                    }
                    ui.weak(words.close_help);
                    yes_or_no(ui, words.do_close, words.cancel, true, is_new)
                }
                Dialog::End { processes, chosen, signal } => {
                    ui.heading(words.ask_end);
                    ScrollArea::vertical().max_height(200.0).show(ui, |ui| {
                        for ((id, name), chosen) in processes.iter().zip(chosen.iter_mut()) {
                            ui.checkbox(chosen, format!("{name}[{}]", id.pid));
                        }
                    });
                    if !self.signals.is_empty() {
                        ui.horizontal_wrapped(|ui| {
                            for (index, name) in self.signals.iter().enumerate() {
                                ui.radio_value(signal, index, *name);
                            }
                        });
                    }
                    yes_or_no(ui, words.do_end, words.cancel, chosen.contains(&true), is_new)
                }
                Dialog::Save { path, exists, .. } => {
                    ui.heading(words.save_as);
                    let edit = ui.add(TextEdit::singleline(path).desired_width(460.0));
                    edit.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, words.save_as));
                    if edit.changed() {
                        *exists = false;
                    }
                    if *exists {
                        ui.colored_label(ui.visuals().warn_fg_color, words.overwrite);
                    }
                    let can = !path.trim().is_empty();
                    let answer = yes_or_no(ui, words.save, words.cancel, can, false);
                    entered(ui, &edit, is_new, can).unwrap_or(answer)
                }
                Dialog::Database { path } => {
                    ui.heading(words.add_database);
                    ui.weak(words.database_drop);
                    let edit = ui.add(TextEdit::singleline(path).desired_width(460.0));
                    edit.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, words.path));
                    let frame = self.frame();
                    for database in frame.map(|frame| frame.databases.as_slice()).unwrap_or_default() {
                        ui.small(clean(&database.name));
                    }
                    let can = !path.trim().is_empty();
                    let answer = yes_or_no(ui, words.add_database, words.cancel, can, false);
                    entered(ui, &edit, is_new, can).unwrap_or(answer)
                }
                Dialog::Columns => {
                    self.choose_columns(ui);
                    close_only(ui, words.close_dialog)
                }
                Dialog::Notices => {
                    ui.heading(words.notices);
                    ScrollArea::vertical().max_height(ctx.content_rect().height() * 0.6).show(ui, |ui| {
                        for notice in self.notices() {
                            ui.horizontal_wrapped(|ui| {
                                ui.weak(notice.code);
                                ui.label(clean(&notice.message));
                            });
                        }
                    });
                    close_only(ui, words.close_dialog)
                }
                Dialog::Keys => {
                    ui.heading(words.keys);
                    Grid::new("keys").num_columns(2).striped(true).show(ui, |ui| {
                        for line in words.what_keys.lines() {
                            let (key, what) = line.split_once('\t').unwrap_or((line, ""));
                            ui.monospace(key);
                            ui.label(what);
                            ui.end_row();
                        }
                    });
                    close_only(ui, words.close_dialog)
                }
                Dialog::About => {
                    ui.heading(format!("sockscope {}", env!("CARGO_PKG_VERSION")));
                    ui.label(words.about_text);
                    let frame = self.frame();
                    for database in frame.map(|frame| frame.databases.as_slice()).unwrap_or_default() {
                        ui.label(clean(&database.name));
                        match (database.attribution, database.website) {
                            (Some(text), Some(site)) => _ = ui.hyperlink_to(text, site),
                            (Some(text), None) => _ = ui.small(text),
                            _ => {}
                        }
                    }
                    close_only(ui, words.close_dialog)
                }
            }
        });
        let answer = if response.should_close() { Answer::No } else { response.inner };
        match answer {
            Answer::None => self.dialog = self.dialog.take().or(Some(dialog)),
            Answer::No => {}
            Answer::Yes => self.answered(dialog),
        }
    }

    fn answered(&mut self, dialog: Dialog) {
        match dialog {
            Dialog::Close { sockets, .. } => self.push(Effect::Close(sockets)),
            Dialog::End { processes, chosen, signal } => {
                let processes = processes.into_iter().zip(chosen).filter_map(|(it, chosen)| chosen.then_some(it));
                let signal = self.signals.get(signal).copied().unwrap_or_default();
                self.push(Effect::End(processes.collect(), signal));
            }
            Dialog::Save { format, path, exists } => {
                let Some(arrangement) = self.arrangement.clone() else { return };
                let columns = self.columns();
                let path = PathBuf::from(path.trim());
                self.push(Effect::Save(Save { path, format, arrangement, columns, overwrite: exists }));
            }
            Dialog::Database { path } => self.push(Effect::AddDatabase(PathBuf::from(path.trim()))),
            Dialog::Columns | Dialog::Notices | Dialog::Keys | Dialog::About => {}
        }
    }

    /// The file is there already: ask whether to replace it.
    pub fn ask_to_overwrite(&mut self, save: &Save) {
        self.dialog = Some(Dialog::Save { format: save.format, path: save.path.display().to_string(), exists: true });
    }

    fn choose_columns(&mut self, ui: &mut Ui) {
        let words = self.words;
        ui.heading(words.choose_columns);
        if ui.button(words.reset_columns).clicked() {
            self.set_columns(None);
        }
        let mut columns = self.columns();
        let before = columns.clone();
        ScrollArea::vertical().max_height(400.0).show(ui, |ui| {
            let others = Shown::all(sockscope_live::View::Sockets);
            let all: Vec<Shown> =
                before.iter().copied().chain(others.into_iter().filter(|it| !before.contains(it))).collect();
            for column in all {
                let mut is_shown = columns.contains(&column);
                let label = words.column(column);
                let box_ = ui.checkbox(&mut is_shown, label).on_hover_text(column.description());
                if box_.changed() {
                    if is_shown {
                        columns.push(column);
                    } else {
                        columns.retain(|it| *it != column);
                    }
                }
            }
        });
        if columns != before && !columns.is_empty() {
            self.set_columns(Some(columns));
        }
    }
}

/// What is typed has the keyboard, and Enter there is a yes.
fn entered(ui: &Ui, edit: &Response, is_new: bool, can: bool) -> Option<Answer> {
    if is_new {
        edit.request_focus();
    }
    let enter = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    (enter && can).then_some(Answer::Yes)
}

/// `guards`: no has the keyboard, so that Enter, typed by mistake, does no harm.
fn yes_or_no(ui: &mut Ui, yes: &str, no: &str, can: bool, guards: bool) -> Answer {
    let mut answer = Answer::None;
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        if ui.add_enabled(can, Button::new(yes)).clicked() {
            answer = Answer::Yes;
        }
        let no = ui.button(no);
        if guards {
            no.request_focus();
        }
        if no.clicked() {
            answer = Answer::No;
        }
    });
    answer
}

fn close_only(ui: &mut Ui, word: &str) -> Answer {
    ui.add_space(8.0);
    if ui.button(word).clicked() { Answer::No } else { Answer::None }
}
