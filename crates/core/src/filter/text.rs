//! Comparing text without allocating.

use std::fmt::{self, Write};

use regex::Regex;

/// What a text is compared with.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// Exactly this; where the system itself ignores case (Windows), ignoring case.
    Exact { text: String, folded: String },
    /// This, ignoring case.
    Folded(String),
    /// `*` and `?` stand for anything.
    Glob { pattern: Vec<char>, folded: Vec<char>, fold: bool },
    /// A regular expression, found anywhere.
    Regex(Regex),
}

impl Matcher {
    /// Compares with one text. `fold`: whether case means nothing; else the language of the field decides.
    pub(super) fn literal(text: &str, fold: bool) -> Matcher {
        if fold {
            Matcher::Folded(fold_string(text))
        } else {
            Matcher::Exact { text: text.to_owned(), folded: fold_string(text) }
        }
    }

    /// Compares with a pattern in which `*` and `?` are wildcards.
    pub(super) fn glob(pattern: &str, fold: bool) -> Matcher {
        Matcher::Glob { pattern: pattern.chars().collect(), folded: fold_chars(pattern).collect(), fold }
    }

    /// Whether the text passes, on a system that ignores case if `fold`.
    pub(super) fn matches(&self, text: &str, fold: bool) -> bool {
        match self {
            Matcher::Exact { text: wanted, .. } if !fold => text == wanted,
            Matcher::Exact { folded, .. } | Matcher::Folded(folded) => fold_chars(text).eq(folded.chars()),
            Matcher::Glob { folded, fold: always, .. } if fold || *always => glob_matches(folded, fold_chars(text)),
            Matcher::Glob { pattern, .. } => glob_matches(pattern, text.chars()),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }

    /// The text that is compared with, if it is compared exactly.
    pub(super) fn exact(&self) -> Option<&str> {
        match self {
            Matcher::Exact { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether nothing but the whole text as one piece can be matched against it.
    pub(super) fn needs_whole(&self) -> bool {
        matches!(self, Matcher::Glob { .. } | Matcher::Regex(_))
    }
}

/// Lower case, character by character, as [`Matcher`] compares.
pub(crate) fn fold_chars(text: &str) -> impl Iterator<Item = char> + Clone {
    text.chars().flat_map(char::to_lowercase)
}

fn fold_string(text: &str) -> String {
    fold_chars(text).collect()
}

/// Two places to go back to are enough: a later `*` can take whatever an earlier one could.
fn glob_matches(pattern: &[char], text: impl Iterator<Item = char> + Clone) -> bool {
    let mut text = text;
    let mut at = 0;
    let mut back = None;
    loop {
        let here = text.clone();
        match (text.next(), pattern.get(at)) {
            (_, Some('*')) => {
                at += 1;
                back = Some((at, here.clone()));
                text = here;
            }
            (Some(char), Some(wanted)) if *wanted == '?' || *wanted == char => at += 1,
            (None, None) => return true,
            (None, Some(_)) => return false,
            (Some(_), _) => {
                let Some((star, mut rest)) = back.take() else { return false };
                if rest.next().is_none() {
                    return false;
                }
                at = star;
                back = Some((star, rest.clone()));
                text = rest;
            }
        }
    }
}

/// Room for a number or an address as text.
#[derive(Debug)]
pub(super) struct Scratch {
    bytes: [u8; 64],
    length: usize,
}

impl Scratch {
    /// The text of a value.
    pub(super) fn of(value: impl fmt::Display) -> Scratch {
        let mut scratch = Scratch { bytes: [0; 64], length: 0 };
        // Fails if it is too long, which no number and no address is; what fitted is compared then.
        let _ = write!(scratch, "{value}");
        scratch
    }

    /// What was written.
    pub(super) fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}

impl Write for Scratch {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "", false),
            ("nginx*", "nginx: worker", true),
            ("nginx*", "ngin", false),
            ("*.exe", "chrome.exe", true),
            ("*.exe", "chrome.exe.bak", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("a**c", "ac", true),
            ("?b?", "abc", true),
            ("*ä?", "xxä数", true),
            ("*aab", "aaaaaaaaaaaab", true),
        ] {
            assert_eq!(Matcher::glob(pattern, false).matches(text, false), expected, "{pattern} {text}");
        }
        assert!(Matcher::glob("CHROME*", false).matches("chrome.exe", true));
        assert!(!Matcher::glob("CHROME*", false).matches("chrome.exe", false));
        assert!(Matcher::glob("CHROME*", true).matches("chrome.exe", false));
    }

    #[test]
    fn case_counts_only_where_it_should() {
        let exact = Matcher::literal("Nginx", false);
        assert!(exact.matches("Nginx", false) && !exact.matches("nginx", false) && exact.matches("nginx", true));
        let folded = Matcher::literal("ÖSTERREICH", true);
        assert!(folded.matches("Österreich", false) && !folded.matches("Osterreich", false));
    }

    #[test]
    fn scratch_holds_every_address() {
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        assert_eq!(Scratch::of(longest.parse::<std::net::IpAddr>().unwrap()).as_str(), longest);
        assert_eq!(Scratch::of(u64::MAX).as_str(), "18446744073709551615");
    }
}
