use std::fmt;

use unicode_width::UnicodeWidthChar;

/// How long a filter is shown whole, and how many characters of a longer one are shown before and after the beginning of
/// the word.
const WHOLE: usize = 72;
const BEFORE: usize = 24;
const AFTER: usize = 40;

/// A filter that can't be read: what is wrong, where, and what could stand there.
///
/// ```
/// use sockscope_core::{Context, Filter};
///
/// let error = Filter::parse("tcp and sprt = :22", &Context::default()).unwrap_err();
/// assert_eq!((error.column(), error.word()), (9, "sprt"));
/// assert!(error.to_string().starts_with(
///     "unknown word `sprt`; did you mean `sport`?\n  tcp and sprt = :22\n          ^^^^\nexpected: "
/// ));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError(Box<Parts>);

/// Boxed, so that what can fail returns little where it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    message: String,
    offset: usize,
    column: usize,
    word: String,
    expected: Vec<String>,
    /// The part of the filter around the word, fit for a terminal.
    excerpt: String,
    /// Cells before the caret, and how many carets.
    caret: (usize, usize),
}

impl FilterError {
    /// An error at `start..end` (bytes) of `text`.
    pub(super) fn new(text: &str, start: usize, end: usize, message: String, expected: Vec<String>) -> FilterError {
        let before = text.get(..start).unwrap_or(text);
        let after = text.get(start..).unwrap_or("");
        let word = text.get(start..end).unwrap_or("");
        let whole = text.chars().nth(WHOLE).is_none();
        let (most_before, most_after) = if whole { (WHOLE, WHOLE) } else { (BEFORE, AFTER) };
        let mut lead: Vec<char> = before.chars().rev().take(most_before).collect();
        lead.reverse();
        let lead: String = lead.into_iter().collect();
        let mut excerpt = String::new();
        if lead.len() < before.len() {
            excerpt.push('…');
        }
        clean_into(&mut excerpt, lead.chars());
        let caret = cells(&excerpt);
        let shown = word.chars().count().min(most_after);
        clean_into(&mut excerpt, after.chars().take(shown));
        let carets = cells(&excerpt).saturating_sub(caret).max(1);
        clean_into(&mut excerpt, after.chars().skip(shown).take(most_after - shown));
        if after.chars().nth(most_after).is_some() {
            excerpt.push('…');
        }
        FilterError(Box::new(Parts {
            message,
            offset: start,
            column: before.chars().count() + 1,
            word: clean(word),
            expected,
            excerpt,
            caret: (caret, carets),
        }))
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where the word begins, in bytes from the beginning of the filter.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// Where the word begins, in characters; the first is 1.
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// The word at which reading stopped, without control characters and shortened if it is very long; empty at the end.
    pub fn word(&self) -> &str {
        &self.0.word
    }

    /// What could stand there instead.
    pub fn expected(&self) -> &[String] {
        &self.0.expected
    }
}

/// Message, the place in the filter, and what could stand there; several lines, the last without a line feed.
impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, carets) = self.0.caret;
        write!(f, "{}\n  {}\n  {:before$}{:^<carets$}", self.0.message, self.0.excerpt.trim_end(), "", "")?;
        if self.0.expected.is_empty() {
            return Ok(());
        }
        write!(f, "\nexpected: ")?;
        let mut width = "expected: ".len();
        for (index, word) in self.0.expected.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            if index > 0 && width + separator.len() + word.len() > 96 {
                write!(f, ",\n          {word}")?;
                width = 10 + word.len();
            } else {
                write!(f, "{separator}{word}")?;
                width += separator.len() + word.len();
            }
        }
        Ok(())
    }
}

impl std::error::Error for FilterError {}

/// `text` as it may be shown: at most 60 characters, none of which moves the cursor or turns the line around.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    clean_into(&mut cleaned, text.chars().take(60));
    if text.chars().nth(60).is_some() {
        cleaned.push('…');
    }
    cleaned
}

fn clean_into(to: &mut String, from: impl Iterator<Item = char>) {
    to.extend(from.map(|char| match char {
        '\t' | '\n' | '\r' => ' ',
        // Bidirectional and invisible formatting characters would show another filter than the one that was read.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '\u{fffd}',
        char if char.is_control() => '\u{fffd}',
        char => char,
    }));
}

fn cells(text: &str) -> usize {
    text.chars().map(|char| char.width().unwrap_or(0)).sum()
}
