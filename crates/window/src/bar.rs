use std::time::Duration;

use eframe::egui::{self, Button, Ui};
use sockscope_live::View;

use crate::app::{App, table_id};
use crate::dialog::Dialog;
use crate::export::Format;
use crate::filter::Typed;
use crate::remember::ThemeChoice;
use crate::words::Language;

/// How often to look, in milliseconds.
const INTERVALS: [u64; 7] = [200, 500, 1_000, 2_000, 5_000, 10_000, 60_000];

impl App {
    pub(crate) fn bar(&mut self, ui: &mut Ui) {
        let words = self.words;
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            ui.menu_button(words.menu, |ui| self.main_menu(ui));
            let room = (ui.available_width() - 905.0).clamp(180.0, 700.0);
            match self.filter.ui(ui, room, words, &self.context) {
                Typed::Filter => self.filter_changed(),
                Typed::Done => ui.memory_mut(|memory| memory.request_focus(table_id())),
                Typed::Nothing => {}
            }
            let has_filter = !self.filter.text.is_empty() || self.chips != crate::app::Chips::default();
            if ui.add_enabled(has_filter, Button::new(words.clear_filter)).clicked() {
                self.filter.set(String::new(), &self.context);
                self.chips = crate::app::Chips::default();
                self.filter_changed();
            }
            let before = self.chips.clone();
            ui.toggle_value(&mut self.chips.listening, words.listening);
            ui.toggle_value(&mut self.chips.established, words.established);
            ui.toggle_value(&mut self.chips.public, words.public);
            self.process_chip(ui);
            if self.chips != before {
                self.filter_changed();
            }
            ui.separator();
            let view = self.remembered.view;
            let mut chosen = view;
            let label = words.with(words.group_by, &[words.view(view)]);
            let combo = egui::ComboBox::from_id_salt("group by").selected_text(&label).width(110.0).show_ui(ui, |ui| {
                for view in View::ALL {
                    ui.selectable_value(&mut chosen, view, words.view(view));
                }
            });
            combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &label));
            if chosen != view {
                self.group_by(chosen);
            }
            if view != View::Sockets {
                let (word, all) = if self.tree.all { (words.collapse_all, false) } else { (words.expand_all, true) };
                if ui.button(word).clicked() {
                    self.tree = sockscope_live::Opened { all, ..sockscope_live::Opened::default() };
                    self.arrange();
                }
            }
            ui.separator();
            let pause = if self.paused { words.resume } else { words.pause };
            if ui.selectable_label(self.paused, pause).clicked() {
                let paused = !self.paused;
                self.pause(paused);
            }
            if ui.button(words.refresh).clicked() {
                self.refresh();
            }
            self.interval(ui);
        });
        if let Some(error) = &self.filter.error {
            let expected: Vec<&str> = error.expected().iter().take(10).map(String::as_str).collect();
            let mut text = error.message().to_owned();
            if !expected.is_empty() {
                text.push_str(&words.with(words.expected, &[&expected.join(", ")]));
            }
            ui.colored_label(ui.visuals().error_fg_color, text);
        }
        ui.add_space(4.0);
    }

    /// The chip of one process: of the one that owns what is selected, or the one that was chosen.
    fn process_chip(&mut self, ui: &mut Ui) {
        let words = self.words;
        if let Some((id, name)) = &self.chips.process {
            let label = format!("{name}[{}]", id.pid);
            if ui.selectable_label(true, label).clicked() {
                self.chips.process = None;
            }
            return;
        }
        let owner = self.subject.as_ref().and_then(|held| crate::menu::owners(&held.row()).into_iter().next());
        let response = ui.add_enabled(owner.is_some(), Button::selectable(false, words.this_process));
        if response.clicked() {
            self.chips.process = owner;
        }
    }

    fn interval(&mut self, ui: &mut Ui) {
        let now = self.remembered.interval;
        let mut chosen = now;
        let label = self.interval_text(now);
        let combo = egui::ComboBox::from_id_salt("interval").selected_text(&label).width(90.0).show_ui(ui, |ui| {
            for millis in INTERVALS {
                let interval = Duration::from_millis(millis);
                ui.selectable_value(&mut chosen, interval, self.interval_text(interval));
            }
        });
        combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &label));
        if chosen != now {
            self.set_interval(chosen);
        }
    }

    pub(crate) fn interval_text(&self, interval: Duration) -> String {
        let mut text = String::new();
        let micros = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX);
        sockscope_output::push_human(&mut text, &sockscope_model::Value::Micros(micros));
        self.words.with(self.words.every, &[&text])
    }

    fn main_menu(&mut self, ui: &mut Ui) {
        let words = self.words;
        for (word, format) in
            [(words.save_csv, Format::Csv), (words.save_json, Format::Json), (words.save_html, Format::Html)]
        {
            if ui.button(word).clicked() {
                self.ask_to_save(format);
            }
        }
        ui.separator();
        if ui.button(words.add_database).clicked() {
            self.dialog = Some(Dialog::database());
        }
        if ui.button(words.choose_columns).clicked() {
            self.dialog = Some(Dialog::Columns);
        }
        let mut map = self.remembered.map;
        if ui.checkbox(&mut map, words.map).changed() {
            self.remembered.map = map;
            self.changed();
            self.arrange();
        }
        let mut details = self.remembered.details;
        if ui.checkbox(&mut details, words.details).changed() {
            self.remembered.details = details;
            self.changed();
        }
        ui.separator();
        ui.menu_button(words.theme, |ui| {
            let names = [
                (ThemeChoice::System, words.system_theme),
                (ThemeChoice::Light, words.light),
                (ThemeChoice::Dark, words.dark),
            ];
            for (choice, name) in names {
                if ui.radio(self.remembered.theme == choice, name).clicked() {
                    self.remembered.theme = choice;
                    ui.ctx().set_theme(choice.preference());
                    self.changed();
                }
            }
        });
        ui.menu_button(words.language, |ui| {
            for language in Language::ALL {
                if ui.radio(self.remembered.language() == language, language.name()).clicked() {
                    self.remembered.language = Some(language);
                    self.words = language.words();
                    self.changed();
                }
            }
        });
        ui.menu_button(words.size, |ui| {
            for percent in [75u16, 100, 125, 150, 200] {
                let zoom = f32::from(percent) / 100.0;
                let is_it = (ui.ctx().zoom_factor() - zoom).abs() < 0.01;
                if ui.radio(is_it, format!("{percent} %")).clicked() {
                    ui.ctx().set_zoom_factor(zoom);
                }
            }
        });
        ui.separator();
        if ui.button(words.keys).clicked() {
            self.dialog = Some(Dialog::Keys);
        }
        if ui.button(words.about).clicked() {
            self.dialog = Some(Dialog::About);
        }
    }
}
