use crossterm::event::{KeyCode, KeyEvent};

use super::keys::choose;
use super::{App, Effect, Mode};
use sockscope_live::Shown;
use sockscope_live::Sort;

/// A list to choose from.
#[derive(Debug)]
pub(crate) struct Menu {
    pub(crate) kind: MenuKind,
    /// The entry under the cursor.
    pub(crate) at: usize,
    /// The first that is shown.
    pub(crate) top: usize,
    /// What there is to choose from.
    pub(crate) entries: Vec<Shown>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MenuKind {
    /// Which columns are shown, in which order.
    Columns,
    /// What lines are sorted by; the first entry is none of the columns.
    Orders,
}

impl Menu {
    /// Columns: those that are shown first, in their order.
    pub(super) fn columns(app: &App) -> Menu {
        let view = app.view();
        let (mut entries, _) = app.columns(view);
        let hidden: Vec<Shown> = Shown::all(view).into_iter().filter(|column| !entries.contains(column)).collect();
        entries.extend(hidden);
        Menu { kind: MenuKind::Columns, at: 0, top: 0, entries }
    }

    /// Orders: the columns that are shown, then all others.
    pub(super) fn orders(app: &App) -> Menu {
        let menu = Menu::columns(app);
        let at = app.sort().by.and_then(|by| menu.entries.iter().position(|entry| *entry == by)).map_or(0, |at| at + 1);
        Menu { kind: MenuKind::Orders, at, ..menu }
    }

    pub(crate) fn count(&self) -> usize {
        self.entries.len() + usize::from(self.kind == MenuKind::Orders)
    }
}

impl App {
    pub(super) fn key_in_menu(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        let page = self.page.max(1);
        let Mode::Menu(menu) = &mut self.mode else { return };
        let kind = menu.kind;
        match (key.code, kind) {
            (KeyCode::Char('q'), _) => effects.push(Effect::Quit),
            (KeyCode::Esc | KeyCode::Backspace, _) => self.mode = Mode::Table,
            (KeyCode::Char('?') | KeyCode::F(1), _) => self.mode = Mode::Help(0),
            (KeyCode::Enter, MenuKind::Columns) | (KeyCode::Char('c') | KeyCode::F(2), MenuKind::Columns) => {
                self.mode = Mode::Table;
            }
            (KeyCode::Enter | KeyCode::Char(' '), MenuKind::Orders) => self.choose_order(effects),
            (KeyCode::Char(' ' | 'x'), MenuKind::Columns) => self.toggle_column(effects),
            (KeyCode::Char('J' | '+'), MenuKind::Columns) => self.move_column(true, effects),
            (KeyCode::Char('K' | '-'), MenuKind::Columns) => self.move_column(false, effects),
            (KeyCode::Char('d'), MenuKind::Columns)
                if !key.modifiers.contains(crossterm::event::KeyModifiers::CONTROL) =>
            {
                self.set_columns(None, effects);
                self.mode = Mode::Menu(Menu::columns(self));
            }
            _ => menu.at = choose(menu.at, menu.count(), key, page),
        }
    }

    pub(super) fn choose_order(&mut self, effects: &mut Vec<Effect>) {
        let Mode::Menu(menu) = &self.mode else { return };
        let chosen = menu.at.checked_sub(1).and_then(|at| menu.entries.get(at)).copied();
        self.mode = Mode::Table;
        match chosen {
            Some(column) => self.sort_by(column, effects),
            None => self.set_sort(Sort::default(), effects),
        }
    }

    pub(super) fn toggle_column(&mut self, effects: &mut Vec<Effect>) {
        let Mode::Menu(menu) = &self.mode else { return };
        let Some(column) = menu.entries.get(menu.at).copied() else { return };
        let (mut columns, _) = self.columns(self.view());
        match columns.iter().position(|it| *it == column) {
            // The last one stays: a table without columns shows nothing.
            Some(_) if columns.len() == 1 => return,
            Some(at) => _ = columns.remove(at),
            None => columns.push(column),
        }
        self.set_columns(Some(columns), effects);
    }

    fn move_column(&mut self, down: bool, effects: &mut Vec<Effect>) {
        let Mode::Menu(menu) = &mut self.mode else { return };
        let at = menu.at;
        let to = if down { at + 1 } else { at.wrapping_sub(1) };
        if to >= menu.entries.len() || at >= menu.entries.len() {
            return;
        }
        menu.entries.swap(at, to);
        menu.at = to;
        let entries = menu.entries.clone();
        let (columns, _) = self.columns(self.view());
        let in_order: Vec<Shown> = entries.into_iter().filter(|entry| columns.contains(entry)).collect();
        self.set_columns(Some(in_order), effects);
    }
}
