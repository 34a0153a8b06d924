use eframe::egui::{RichText, Ui};
use sockscope_live::cells::push_rate;
use sockscope_model::State;
use sockscope_output::clean;

use crate::app::{App, Effect, Privilege};
use crate::dialog::Dialog;

/// Below it a number needs no space between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

impl App {
    pub(crate) fn status(&mut self, ui: &mut Ui) {
        let words = self.words;
        ui.add_space(2.0);
        ui.horizontal_wrapped(|ui| {
            if let Some(failure) = &self.failure {
                let text = words.with(words.failed, &[&clean(failure)]);
                ui.colored_label(ui.visuals().error_fg_color, text);
                ui.separator();
            }
            if self.paused {
                ui.colored_label(ui.visuals().warn_fg_color, words.paused);
                ui.separator();
            }
            if let Some(replay) = &self.replay {
                ui.colored_label(ui.visuals().warn_fg_color, clean(replay));
                ui.separator();
            }
            self.totals(ui);
            self.hidden(ui);
            let notices = self.notices().count();
            if notices > 0 {
                let text = words.with(words.n_notices, &[&notices.to_string()]);
                if ui.link(RichText::new(text).color(ui.visuals().warn_fg_color)).clicked() {
                    self.dialog = Some(Dialog::Notices);
                }
            }
            if self.selection.len() > 1 {
                ui.separator();
                ui.label(words.with(words.selected, &[&grouped(self.selection.len() as u64)]));
            }
            if let Some(message) = &self.message {
                ui.separator();
                let color =
                    if message.is_error { ui.visuals().error_fg_color } else { ui.visuals().strong_text_color() };
                ui.colored_label(color, clean(&message.text));
            }
        });
        ui.add_space(2.0);
    }

    fn totals(&self, ui: &mut Ui) {
        let words = self.words;
        let Some(arrangement) = &self.arrangement else { return };
        let totals = &arrangement.totals;
        let count = if totals.sockets == totals.all {
            words.with(words.n_sockets, &[&grouped(totals.all.into())])
        } else {
            words.with(words.n_of_m, &[&grouped(totals.sockets.into()), &grouped(totals.all.into())])
        };
        ui.strong(count);
        let of = |state: State| {
            let place = State::NAMED.iter().position(|named| *named == state);
            place.and_then(|place| totals.states.get(place)).copied().unwrap_or(0)
        };
        for (state, count) in [State::Listen, State::Established, State::TimeWait].map(|state| (state, of(state))) {
            if count > 0 {
                ui.label(format!("{} {state}", grouped(count.into())));
            }
        }
        if totals.udp > 0 {
            ui.label(format!("{} udp", grouped(totals.udp.into())));
        }
        ui.separator();
        let mut rates = [String::new(), String::new()];
        let [receiving, sending] = &mut rates;
        push_rate(receiving, Some(totals.receiving));
        push_rate(sending, Some(totals.sending));
        ui.label(words.with(words.rates, &[receiving, sending]));
        ui.separator();
        let snapshot = &arrangement.look.frame.snapshot;
        for source in &snapshot.sources {
            let mut took = String::new();
            let micros = u64::try_from(source.elapsed.as_micros()).unwrap_or(u64::MAX);
            sockscope_output::push_human(&mut took, &sockscope_model::Value::Micros(micros));
            ui.label(format!("{} {took}", source.name));
        }
        if arrangement.look.interval > self.remembered.interval {
            ui.label(self.interval_text(arrangement.look.interval));
        }
        ui.separator();
    }

    /// How many owners can't be seen, and what would help.
    fn hidden(&mut self, ui: &mut Ui) {
        let words = self.words;
        let hidden = self.arrangement.as_ref().map_or(0, |it| it.totals.hidden);
        if hidden == 0 {
            return;
        }
        ui.colored_label(ui.visuals().warn_fg_color, words.with(words.hidden_owners, &[&grouped(hidden.into())]));
        match self.privilege.clone() {
            Privilege::Full => {}
            Privilege::Restart => {
                if ui.button(words.restart_elevated).clicked() {
                    self.push(Effect::Elevate);
                }
            }
            Privilege::Command(command) => {
                let button = ui.button(words.copy_command).on_hover_text(&command);
                if button.clicked() {
                    ui.ctx().copy_text(command.clone());
                    self.say(words.with(words.command_copied, &[&command]));
                }
            }
        }
        ui.separator();
    }
}
