use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use sockscope_core::{Command, Filter};

use super::{App, Details, Effect, FilterEdit, Menu, Mode, Question};
use crate::edit::Edit;
use sockscope_live::{Lines, Message, Sort, View};

/// What the keys do, for the help.
pub(crate) const KEYS: &[(&str, &[(&str, &str)])] = &[
    (
        "Moving",
        &[
            ("Up Down, j k", "one line"),
            ("PgUp PgDn, Ctrl-B Ctrl-F", "one page; Ctrl-U Ctrl-D half of one"),
            ("Home End, g G", "first and last line"),
            ("Left Right", "scroll the columns"),
            ("Enter", "details of the socket; the sockets of the group"),
            ("Esc, Backspace", "back; then, clear the filter"),
        ],
    ),
    (
        "Showing",
        &[
            ("1 2 3 4 5 6, Tab", "sockets, processes, hosts, countries, listeners, services"),
            ("/, F4", "filter: Enter applies, Esc leaves, Ctrl-U clears"),
            ("s, F6", "sort: choose a column"),
            ("< >", "sort by the column to the left, to the right"),
            ("r, I", "reverse the order"),
            ("c, F2", "columns: choose and order them"),
            ("p, Space", "pause, go on"),
            ("+ -", "look less often, more often"),
            ("u, F5", "look now"),
            ("!", "notices: what is missing, and why"),
        ],
    ),
    (
        "Acting on what is selected (each asks first)",
        &[
            ("x, Delete", "close the connection, not its process"),
            ("K, F9", "end the process, or send it a signal"),
            ("y", "copy the line, an address, the process number"),
        ],
    ),
    (
        "The rest",
        &[
            ("?, h, F1", "this help"),
            ("Ctrl-L", "draw the screen anew"),
            ("Ctrl-Z", "suspend; fg comes back"),
            ("q, F10, Ctrl-C", "quit"),
            ("mouse", "click selects, click again opens; a title sorts; the wheel scrolls"),
        ],
    ),
];

impl App {
    pub(super) fn key(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return effects.push(Effect::Quit),
            KeyCode::Char('z') if control => return effects.push(Effect::Suspend),
            KeyCode::Char('l') if control => return effects.push(Effect::Repaint),
            KeyCode::F(10) => return effects.push(Effect::Quit),
            _ => {}
        }
        match &self.mode {
            Mode::Filter(_) => self.key_in_filter(key, effects),
            Mode::Ask(_) => self.key_in_question(key, effects),
            Mode::Menu(_) => self.key_in_menu(key, effects),
            Mode::Help(_) | Mode::Notices(_) => self.key_in_page(key, effects),
            Mode::Details(_) => self.key_in_details(key, effects),
            Mode::Table => self.key_in_table(key, effects),
        }
    }

    fn key_in_table(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let position = self.cursor().position;
        let page = self.page.max(1);
        match key.code {
            KeyCode::Up => self.select(position.saturating_sub(1)),
            KeyCode::Down => self.select(position + 1),
            KeyCode::PageUp => self.select(position.saturating_sub(page)),
            KeyCode::PageDown => self.select(position + page),
            KeyCode::Home => self.select(0),
            KeyCode::End => self.select(usize::MAX),
            KeyCode::Left => self.scrolled = self.scrolled.saturating_sub(1),
            KeyCode::Right => {
                let (columns, _) = self.columns(self.view());
                self.scrolled = (self.scrolled + 1).min(columns.len().saturating_sub(1));
            }
            KeyCode::Char('b') if control => self.select(position.saturating_sub(page)),
            KeyCode::Char('f') if control => self.select(position + page),
            KeyCode::Char('u') if control => self.select(position.saturating_sub(page.div_ceil(2))),
            KeyCode::Char('d') if control => self.select(position + page.div_ceil(2)),
            KeyCode::Char('p') if control => self.select(position.saturating_sub(1)),
            KeyCode::Char('n') if control => self.select(position + 1),
            KeyCode::Char(_) if control => {}
            KeyCode::Enter => self.open(effects),
            KeyCode::Esc | KeyCode::Backspace if self.go_back(effects) || self.filter.0.is_empty() => {}
            KeyCode::Esc | KeyCode::Backspace => {
                self.set_filter("", Filter::everything(), effects);
                self.say("the filter is cleared");
            }
            KeyCode::Tab => self.set_view(self.view().beside(true), effects),
            KeyCode::BackTab => self.set_view(self.view().beside(false), effects),
            KeyCode::Delete => self.ask_to_close(),
            KeyCode::F(1) => self.mode = Mode::Help(0),
            KeyCode::F(2) => self.mode = Mode::Menu(Menu::columns(self)),
            KeyCode::F(3 | 4) => self.edit_filter(),
            KeyCode::F(5) => effects.push(Effect::Tell(Command::Refresh)),
            KeyCode::F(6) => self.mode = Mode::Menu(Menu::orders(self)),
            KeyCode::F(9) => self.ask_to_kill(),
            KeyCode::Char(character) => self.character_in_table(character, effects),
            _ => {}
        }
    }

    fn character_in_table(&mut self, character: char, effects: &mut Vec<Effect>) {
        let position = self.cursor().position;
        match character {
            'q' => effects.push(Effect::Quit),
            'k' => self.select(position.saturating_sub(1)),
            'j' => self.select(position + 1),
            'g' => self.select(0),
            'G' => self.select(usize::MAX),
            '1'..='6' => {
                let index = character.to_digit(10).map_or(0, |digit| digit as usize - 1);
                if let Some(view) = View::ALL.get(index) {
                    self.set_view(*view, effects);
                }
            }
            '/' => self.edit_filter(),
            's' => self.mode = Mode::Menu(Menu::orders(self)),
            'c' => self.mode = Mode::Menu(Menu::columns(self)),
            '<' => self.sort_beside(false, effects),
            '>' => self.sort_beside(true, effects),
            'r' | 'R' | 'I' => {
                let sort = self.sort();
                self.set_sort(Sort { descending: !sort.descending, ..sort }, effects);
            }
            'p' | ' ' => self.set_paused(!self.paused, effects),
            '+' | '=' => self.step_interval(true, effects),
            '-' => self.step_interval(false, effects),
            'u' => effects.push(Effect::Tell(Command::Refresh)),
            '!' => self.mode = Mode::Notices(0),
            '?' | 'h' => self.mode = Mode::Help(0),
            'x' => self.ask_to_close(),
            'K' => self.ask_to_kill(),
            'y' => self.ask_what_to_copy(),
            _ => {}
        }
    }

    /// What is selected, in full.
    pub(super) fn open(&mut self, effects: &mut Vec<Effect>) {
        let Some(arrangement) = self.arrangement.clone() else { return };
        let position = self.cursor().position;
        match &arrangement.lines {
            Lines::Sockets(_) => {
                if let Some(details) = Details::of(&arrangement, position) {
                    self.mode = Mode::Details(Box::new(details));
                    effects.push(self.arrange());
                    self.ask_for_more(effects);
                }
            }
            Lines::Groups(_) | Lines::Tree { .. } => {
                if let Some(group) = arrangement.group(position) {
                    let mut label = String::new();
                    sockscope_live::labels::push_group(&mut label, group, &arrangement.look);
                    self.go_into(group.key.clone(), label, effects);
                }
            }
        }
    }

    fn sort_beside(&mut self, forward: bool, effects: &mut Vec<Effect>) {
        let (columns, _) = self.columns(self.view());
        let now = self.sort().by.and_then(|by| columns.iter().position(|column| *column == by));
        let next = match (now, forward) {
            (None, true) => Some(0),
            (None, false) => columns.len().checked_sub(1),
            (Some(now), true) => Some(now + 1),
            (Some(now), false) => now.checked_sub(1),
        };
        // Beyond either end lies the usual order.
        let sort = match next.and_then(|next| columns.get(next)) {
            Some(column) => Sort { by: Some(*column), descending: column.largest_first() },
            None => Sort::default(),
        };
        self.set_sort(sort, effects);
    }

    pub(super) fn edit_filter(&mut self) {
        self.mode = Mode::Filter(FilterEdit { edit: Edit::new(&self.filter.0), error: None, earlier: None });
    }

    fn key_in_filter(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        let Mode::Filter(FilterEdit { edit, error, earlier }) = &mut self.mode else { return };
        match key.code {
            KeyCode::Esc => self.mode = Mode::Table,
            KeyCode::Enter => {
                let text = edit.text().to_owned();
                match self.parse_filter(&text) {
                    Ok(filter) => {
                        self.mode = Mode::Table;
                        self.set_filter(&text, filter, effects);
                    }
                    Err(message) => {
                        if let Mode::Filter(filter) = &mut self.mode {
                            filter.error = Some(message);
                        }
                    }
                }
            }
            KeyCode::Up | KeyCode::Down => {
                let next = match (*earlier, key.code) {
                    (None, KeyCode::Up) => Some(0),
                    (Some(at), KeyCode::Up) => Some(at + 1),
                    (Some(at), _) => at.checked_sub(1),
                    (None, _) => None,
                };
                let text = match next {
                    Some(at) => self.earlier_filters.iter().rev().nth(at),
                    None => Some(&self.filter.0),
                };
                if let Some(text) = text {
                    (*earlier, *edit, *error) = (next, Edit::new(text), None);
                }
            }
            _ => {
                // Once it was wrong, it is said at every key whether it still is.
                if edit.key(key) && error.is_some() {
                    let text = edit.text().to_owned();
                    let now = self.parse_filter(&text).err();
                    if let Mode::Filter(filter) = &mut self.mode {
                        filter.error = now;
                    }
                }
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Mode::Filter(filter) = &mut self.mode {
            filter.edit.insert(text);
            filter.error = None;
        }
    }

    fn key_in_page(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        let page = self.page.max(1);
        let is_help = matches!(self.mode, Mode::Help(_));
        let (Mode::Help(top) | Mode::Notices(top)) = &mut self.mode else { return };
        match key.code {
            KeyCode::Char('q') => effects.push(Effect::Quit),
            KeyCode::Esc | KeyCode::Enter | KeyCode::Backspace => self.mode = Mode::Table,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) if is_help => self.mode = Mode::Table,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.mode = Mode::Help(0),
            KeyCode::Char('!') if !is_help => self.mode = Mode::Table,
            KeyCode::Char('!') => self.mode = Mode::Notices(0),
            _ => scroll(top, key, page),
        }
    }

    fn key_in_details(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        let page = self.page.max(1);
        match key.code {
            KeyCode::Char('q') => effects.push(Effect::Quit),
            KeyCode::Esc | KeyCode::Enter | KeyCode::Backspace => {
                self.mode = Mode::Table;
                effects.push(self.arrange());
                self.ask_for_more(effects);
            }
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.mode = Mode::Help(0),
            KeyCode::Char('p' | ' ') => self.set_paused(!self.paused, effects),
            KeyCode::Char('u') | KeyCode::F(5) => effects.push(Effect::Tell(Command::Refresh)),
            KeyCode::Char('+' | '=') => self.step_interval(true, effects),
            KeyCode::Char('-') => self.step_interval(false, effects),
            KeyCode::Char('x') | KeyCode::Delete => self.ask_to_close(),
            KeyCode::Char('K') | KeyCode::F(9) => self.ask_to_kill(),
            KeyCode::Char('y') => self.ask_what_to_copy(),
            _ => {
                if let Mode::Details(details) = &mut self.mode {
                    scroll(&mut details.top, key, page);
                }
            }
        }
    }

    pub(super) fn ask(&mut self, question: Question) {
        let before = std::mem::replace(&mut self.mode, Mode::Table);
        let details = match before {
            Mode::Details(details) => Some(details),
            _ => None,
        };
        self.mode = Mode::Ask(Question { details, ..question });
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), is_error: false });
    }
}

/// Moves the first line that is shown; drawing keeps it within the text.
fn scroll(top: &mut usize, key: KeyEvent, page: usize) {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    *top = match key.code {
        KeyCode::Up => top.saturating_sub(1),
        KeyCode::Down => top.saturating_add(1),
        KeyCode::PageUp => top.saturating_sub(page),
        KeyCode::PageDown => top.saturating_add(page),
        KeyCode::Home => 0,
        KeyCode::End => usize::MAX,
        KeyCode::Char('k') if !control => top.saturating_sub(1),
        KeyCode::Char('j') if !control => top.saturating_add(1),
        KeyCode::Char('g') if !control => 0,
        KeyCode::Char('G') if !control => usize::MAX,
        KeyCode::Char('b') if control => top.saturating_sub(page),
        KeyCode::Char('f') if control => top.saturating_add(page),
        KeyCode::Char('u') if control => top.saturating_sub(page.div_ceil(2)),
        KeyCode::Char('d') if control => top.saturating_add(page.div_ceil(2)),
        _ => *top,
    };
}

/// Moves a choice among `count`.
pub(super) fn choose(at: usize, count: usize, key: KeyEvent, page: usize) -> usize {
    let mut next = at;
    scroll(&mut next, key, page);
    next.min(count.saturating_sub(1))
}
