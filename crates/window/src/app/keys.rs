use eframe::egui::{Context, Event, Id, Key, Modifiers};
use sockscope_live::{Arrangement, Held, LineKey};

use super::App;
use crate::dialog::Dialog;
use crate::export::Format;

/// Has the focus while the table has it.
pub(crate) fn table_id() -> Id {
    Id::unique("table of sockets")
}

impl App {
    /// Keys that mean the same wherever the focus is, and those of the table.
    pub(super) fn keys(&mut self, ctx: &Context) {
        if self.dialog.is_some() || self.menu.is_some() {
            return;
        }
        let pressed = |modifiers, key| ctx.input_mut(|input| input.consume_key(modifiers, key));
        if pressed(Modifiers::COMMAND, Key::F) {
            self.filter.wants_focus = true;
        }
        if pressed(Modifiers::COMMAND, Key::S) {
            self.ask_to_save(Format::Csv);
        }
        if pressed(Modifiers::COMMAND, Key::O) {
            self.dialog = Some(Dialog::database());
        }
        if pressed(Modifiers::NONE, Key::F5) {
            self.refresh();
        }
        if pressed(Modifiers::NONE, Key::F1) {
            self.dialog = Some(Dialog::Keys);
        }
        let focused = ctx.memory(eframe::egui::Memory::focused);
        if focused.is_none_or(|id| id == table_id()) {
            self.keys_of_table(ctx);
        }
    }

    fn keys_of_table(&mut self, ctx: &Context) {
        let Some(arrangement) = self.arrangement.clone() else { return };
        let pressed = |modifiers, key| ctx.input_mut(|input| input.consume_key(modifiers, key));
        let page = self.page.max(1);
        let now = self.selection.position();
        let last = arrangement.lines.len().saturating_sub(1);
        type Move = fn(Option<usize>, usize, usize) -> usize;
        let moves: [(Key, Move); 6] = [
            (Key::ArrowDown, |now, _, last| now.map_or(0, |now| (now + 1).min(last))),
            (Key::ArrowUp, |now, _, last| now.map_or(last, |now| now.saturating_sub(1))),
            (Key::PageDown, |now, page, last| now.map_or(0, |now| (now + page).min(last))),
            (Key::PageUp, |now, page, _| now.map_or(0, |now| now.saturating_sub(page))),
            (Key::Home, |_, _, _| 0),
            (Key::End, |_, _, last| last),
        ];
        for (key, to) in moves {
            for range in [true, false] {
                let modifiers = if range { Modifiers::SHIFT } else { Modifiers::NONE };
                if !arrangement.lines.is_empty() && pressed(modifiers, key) {
                    self.go_to(&arrangement, to(now, page, last), false, range);
                    return;
                }
            }
        }
        if let (Some(LineKey::Group(group)), Some(position)) = (self.selection.cursor().cloned(), now) {
            let is_open = arrangement.group(position).is_some_and(|it| it.key == group && it.is_open());
            let wanted = (pressed(Modifiers::NONE, Key::ArrowRight) && !is_open)
                || (pressed(Modifiers::NONE, Key::ArrowLeft) && is_open)
                || pressed(Modifiers::NONE, Key::Enter);
            if wanted {
                self.toggle(&group);
            }
        }
        if pressed(Modifiers::COMMAND, Key::A) {
            let all = (0..arrangement.lines.len()).filter_map(|at| arrangement.row(at));
            let all = all.map(|row| sockscope_core::Identity::of(row.socket));
            self.selection.select(&arrangement, all, false);
        }
        // Copying is an event of its own: the system's key for it may be another.
        if ctx.input(|input| input.events.contains(&Event::Copy)) {
            self.copy_selection(ctx, Format::Text);
        }
        if pressed(Modifiers::SHIFT, Key::Delete) {
            self.ask_to_end_selected();
        } else if pressed(Modifiers::NONE, Key::Delete) {
            self.ask_to_close_selected();
        }
        if pressed(Modifiers::SHIFT, Key::F10) {
            self.open_menu_at_cursor(ctx);
        }
        if pressed(Modifiers::NONE, Key::Space) {
            let paused = !self.paused;
            self.pause(paused);
        }
        if pressed(Modifiers::NONE, Key::Slash) {
            self.filter.wants_focus = true;
        }
        if pressed(Modifiers::NONE, Key::Escape) {
            self.selection.clear();
            self.show(None);
        }
    }

    /// Moves the cursor, selects, and shows the details.
    pub(crate) fn go_to(&mut self, arrangement: &Arrangement, position: usize, add: bool, range: bool) {
        self.selection.choose(arrangement, position, add, range);
        self.scroll_to = Some(position);
        if let Some(held) = Held::of(arrangement, position) {
            self.show(Some(held));
        }
    }
}
