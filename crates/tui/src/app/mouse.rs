use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{App, Effect, MenuKind, Mode};

/// Lines a turn of the wheel moves.
const WHEEL: usize = 3;

impl App {
    pub(super) fn mouse(&mut self, mouse: MouseEvent, effects: &mut Vec<Effect>) {
        let at = Position::new(mouse.column, mouse.row);
        let wheel = match mouse.kind {
            MouseEventKind::ScrollDown => Some(true),
            MouseEventKind::ScrollUp => Some(false),
            _ => None,
        };
        if let Some(down) = wheel {
            return self.wheel(down);
        }
        if mouse.kind != MouseEventKind::Down(MouseButton::Left) {
            return;
        }
        match &mut self.mode {
            Mode::Table => {
                self.message = None;
                self.click(at, effects);
            }
            Mode::Menu(menu) => {
                let area = self.regions.menu;
                if !area.contains(at) {
                    self.mode = Mode::Table;
                    return;
                }
                let entry = menu.top + usize::from(at.y - area.y);
                if entry < menu.count() {
                    menu.at = entry;
                    match menu.kind {
                        MenuKind::Columns => self.toggle_column(effects),
                        MenuKind::Orders => self.choose_order(effects),
                    }
                }
            }
            // A question is answered by a key, never by a click that was meant for something else.
            _ => {}
        }
    }

    fn click(&mut self, at: Position, effects: &mut Vec<Effect>) {
        let hit = |area: &Rect| area.contains(at);
        if let Some((_, view)) = self.regions.views.iter().find(|(area, _)| hit(area)) {
            return self.set_view(*view, effects);
        }
        if let Some((_, column)) = self.regions.titles.iter().find(|(area, _)| hit(area)) {
            return self.sort_by(*column, effects);
        }
        if hit(&self.regions.table) {
            let cursor = self.cursor();
            let (before, position) = (cursor.position, cursor.top + usize::from(at.y - self.regions.table.y));
            if position >= self.lines() {
                return;
            }
            if position == before {
                return self.open(effects);
            }
            self.select(position);
        }
    }

    fn wheel(&mut self, down: bool) {
        let step = |at: usize| if down { at.saturating_add(WHEEL) } else { at.saturating_sub(WHEEL) };
        match &mut self.mode {
            Mode::Table => {
                let position = step(self.cursor().position);
                self.select(position);
            }
            Mode::Help(top) | Mode::Notices(top) => *top = step(*top),
            Mode::Details(details) => details.top = step(details.top),
            Mode::Menu(menu) => menu.at = step(menu.at).min(menu.count().saturating_sub(1)),
            Mode::Filter(_) | Mode::Ask(_) => {}
        }
    }
}
