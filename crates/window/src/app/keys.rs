use eframe::egui::{Context, Event, Id, Key, Modifiers};
use sockscope_live::{Arrangement, Held, LineKey};

use super::App;
use crate::dialog::Dialog;
use crate::export::Format;

/// Has the focus while the table has it.
pub(crate) fn table_id() -> Id {
    Id::unique("table of sockets")
}

/// Whether the table takes that key.
fn is_of_table(key: Key, modifiers: Modifiers) -> bool {
    let plain = modifiers.is_none();
    match key {
        Key::ArrowDown | Key::ArrowUp | Key::PageDown | Key::PageUp | Key::Home | Key::End | Key::Delete => {
            plain || modifiers.shift_only()
        }
        Key::ArrowLeft | Key::ArrowRight | Key::Enter | Key::Space | Key::Slash | Key::Escape => plain,
        Key::A => modifiers.command_only(),
        Key::F10 => modifiers.shift_only(),
        _ => false,
    }
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

    /// In the order in which they were typed: on a slow display, several come at once.
    fn keys_of_table(&mut self, ctx: &Context) {
        let mut typed = Vec::new();
        ctx.input_mut(|input| {
            input.events.retain(|event| match event {
                Event::Key { key, pressed: true, modifiers, .. } if is_of_table(*key, *modifiers) => {
                    typed.push((*key, *modifiers));
                    false
                }
                _ => true,
            });
        });
        // Copying is an event of its own: the system's key for it may be another.
        if ctx.input(|input| input.events.contains(&Event::Copy)) {
            self.copy_selection(ctx, Format::Text);
        }
        for (key, modifiers) in typed {
            if self.dialog.is_some() || self.menu.is_some() {
                return;
            }
            self.key_of_table(ctx, key, modifiers);
        }
    }

    fn key_of_table(&mut self, ctx: &Context, key: Key, modifiers: Modifiers) {
        let Some(arrangement) = self.arrangement.clone() else { return };
        let (now, page, last) =
            (self.selection.position(), self.page.max(1), arrangement.lines.len().saturating_sub(1));
        let to = match key {
            Key::ArrowDown => Some(now.map_or(0, |now| (now + 1).min(last))),
            Key::ArrowUp => Some(now.map_or(last, |now| now.saturating_sub(1))),
            Key::PageDown => Some(now.map_or(0, |now| (now + page).min(last))),
            Key::PageUp => Some(now.map_or(0, |now| now.saturating_sub(page))),
            Key::Home => Some(0),
            Key::End => Some(last),
            _ => None,
        };
        if let Some(to) = to {
            if !arrangement.lines.is_empty() {
                self.go_to(&arrangement, to, false, modifiers.shift);
            }
            return;
        }
        match key {
            Key::ArrowRight | Key::ArrowLeft | Key::Enter => {
                let Some(LineKey::Group(group)) = self.selection.cursor().cloned() else { return };
                let shown = now.and_then(|now| arrangement.group(now)).filter(|it| it.key == group);
                let is_open = shown.is_some_and(sockscope_live::Group::is_open);
                if key == Key::Enter || is_open == (key == Key::ArrowLeft) {
                    self.toggle(&group);
                }
            }
            Key::A => {
                let all = (0..arrangement.lines.len()).filter_map(|at| arrangement.row(at));
                let all = all.map(|row| sockscope_core::Identity::of(row.socket));
                self.selection.select(&arrangement, all, false);
            }
            Key::Delete if modifiers.shift => self.ask_to_end_selected(),
            Key::Delete => self.ask_to_close_selected(),
            Key::F10 => self.open_menu_at_cursor(ctx),
            Key::Space => self.pause(!self.paused),
            Key::Slash => self.filter.wants_focus = true,
            Key::Escape => {
                self.selection.clear();
                self.show(None);
            }
            _ => {}
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
