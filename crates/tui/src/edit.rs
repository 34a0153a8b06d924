use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A line of text that is being typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    text: String,
    /// In bytes; always between two characters.
    cursor: usize,
}

/// How long a line may get: nobody types a longer one, and a paste may be anything.
const LONGEST: usize = 4096;

impl Edit {
    pub(crate) fn new(text: &str) -> Edit {
        Edit { text: text.to_owned(), cursor: text.len() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor, and from there on.
    pub(crate) fn halves(&self) -> (&str, &str) {
        self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""))
    }

    /// Puts text where the cursor is. What would break the line becomes a space.
    pub(crate) fn insert(&mut self, text: &str) {
        for character in text.chars() {
            let character = if character.is_control() { ' ' } else { character };
            if self.text.len() + character.len_utf8() > LONGEST {
                return;
            }
            self.text.insert(self.cursor, character);
            self.cursor += character.len_utf8();
        }
    }

    /// Whether the key is one that edits.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('u') if control => *self = Edit::default(),
            KeyCode::Char('k') if control => self.text.truncate(self.cursor),
            KeyCode::Char('w') if control => self.remove_from(self.word_start()),
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.text.len(),
            KeyCode::Char('b') if control => self.cursor = self.before(),
            KeyCode::Char('f') if control => self.cursor = self.after(),
            KeyCode::Char('h') if control => self.remove_from(self.before()),
            KeyCode::Char('d') if control => self.delete(),
            KeyCode::Char(_) if control || alt => return false,
            KeyCode::Char(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace if control || alt => self.remove_from(self.word_start()),
            KeyCode::Backspace => self.remove_from(self.before()),
            KeyCode::Delete => self.delete(),
            KeyCode::Left if control => self.cursor = self.word_start(),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    fn before(&self) -> usize {
        self.halves().0.char_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.cursor + self.halves().1.chars().next().map_or(0, char::len_utf8)
    }

    fn word_start(&self) -> usize {
        let before = self.halves().0.trim_end();
        before
            .rfind(char::is_whitespace)
            .map_or(0, |space| space + before.get(space..).and_then(|it| it.chars().next()).map_or(1, char::len_utf8))
    }

    fn remove_from(&mut self, start: usize) {
        let end = self.cursor;
        if start < end {
            self.text.replace_range(start..end, "");
            self.cursor = start;
        }
    }

    fn delete(&mut self) {
        let end = self.after();
        if self.cursor < end {
            self.text.replace_range(self.cursor..end, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(edit: &mut Edit, code: KeyCode, modifiers: KeyModifiers) {
        assert!(edit.key(KeyEvent::new(code, modifiers)));
    }

    #[test]
    fn a_line_is_edited_as_in_a_shell() {
        let mut edit = Edit::new("état 中文");
        let control = KeyModifiers::CONTROL;
        press(&mut edit, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(edit.text(), "état 中");
        press(&mut edit, KeyCode::Left, KeyModifiers::NONE);
        press(&mut edit, KeyCode::Char('x'), KeyModifiers::NONE);
        assert_eq!(edit.halves(), ("état x", "中"));
        press(&mut edit, KeyCode::Char('w'), control);
        assert_eq!(edit.halves(), ("état ", "中"));
        press(&mut edit, KeyCode::Home, KeyModifiers::NONE);
        press(&mut edit, KeyCode::Delete, KeyModifiers::NONE);
        assert_eq!(edit.halves(), ("", "tat 中"));
        press(&mut edit, KeyCode::Right, KeyModifiers::NONE);
        press(&mut edit, KeyCode::Char('k'), control);
        assert_eq!(edit.text(), "t");
        press(&mut edit, KeyCode::Char('u'), control);
        assert_eq!(edit, Edit::default());
        press(&mut edit, KeyCode::Char('w'), control);
        edit.insert("a\nb\u{1b}c");
        assert_eq!(edit.text(), "a b c");
        assert!(!edit.key(KeyEvent::new(KeyCode::Up, KeyModifiers::NONE)));
    }
}
