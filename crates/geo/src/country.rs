use std::fmt;

use crate::language::Language;

/// ISO 3166-1 alpha-2, upper case: a code that is assigned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// Two upper case letters that are a country's code.
    pub fn parse(text: &str) -> Option<CountryCode> {
        match text.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Some(CountryCode([*a, *b])),
            _ => None,
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The country's name, English or Simplified Chinese.
    pub fn name(self, language: &Language) -> Option<&'static str> {
        let _ = language;
        None
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The country of exactly that name, in English or Chinese.
pub(crate) fn by_name(_name: &str) -> Option<CountryCode> {
    None
}

/// The country that a Chinese text starts with, and the words that name it; a Chinese province stands for China, and has
/// no such words.
pub(crate) fn at_start_of(_text: &str) -> (Option<CountryCode>, Option<&'static str>) {
    (None, None)
}
