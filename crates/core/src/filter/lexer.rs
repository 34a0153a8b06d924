//! Words of a filter. What a character means depends on whether a term or a value is read: `|` joins terms and is part of
//! a regular expression, a comma separates the members of a list and is part of a command line.

use std::borrow::Cow;

/// How two things are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Lt,
    Gt,
    Le,
    Ge,
    Match,
    NotMatch,
    In,
    NotIn,
}

/// A piece of a filter where a term, an operator or a connective may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    End,
    Open,
    Close,
    Comma,
    Not,
    And,
    Or,
    Op(Op),
    /// A text in quotes, which can be no term.
    Quoted,
    Word(&'t str),
}

/// Where in the filter, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What to compare with.
#[derive(Debug, Clone)]
pub(super) struct Operand<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) span: Span,
    /// In quotes: no wildcards, no keywords.
    pub(super) quoted: bool,
}

/// What kind of value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mode {
    /// A comma ends it.
    pub(super) list: bool,
    /// Backslashes, `|` and `&` belong to it.
    pub(super) regex: bool,
    /// It may hold spaces if a shell has already removed the quotes.
    pub(super) text: bool,
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LexError {
    /// Nothing is there.
    Missing,
    /// The quote that begins here has no end.
    Unclosed,
    /// Something clings to the closing quote.
    Glued,
}

/// Reads a filter from left to right.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    pub(super) at: usize,
    /// Words of the shell that hold spaces, ascending.
    words: &'t [Span],
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str, words: &'t [Span]) -> Lexer<'t> {
        Lexer { text, at: 0, words }
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// The token here and where it is; it is not consumed.
    pub(super) fn peek(&mut self) -> (Token<'t>, Span) {
        self.skip_space();
        let start = self.at;
        let rest = self.rest();
        // `\(`: a backslash that was meant for the shell.
        let escaped = rest.strip_prefix('\\').filter(|rest| rest.starts_with(is_operator));
        let (rest, skipped) = escaped.map_or((rest, 0), |rest| (rest, 1));
        let (token, length) = token(rest);
        (token, Span { start, end: start + skipped + length })
    }

    /// Goes to the end of what was seen.
    pub(super) fn consume(&mut self, span: Span) {
        self.at = span.end;
    }

    /// The value here.
    pub(super) fn operand(&mut self, mode: Mode) -> Result<Operand<'t>, (LexError, Span)> {
        self.skip_space();
        let start = self.at;
        let rest = self.rest();
        let quote = rest.chars().next().filter(|char| matches!(char, '"' | '\''));
        if let Some(word) = self.shell_word(start).filter(|word| mode.text && !wrapped(word, quote)) {
            let span = Span { start, end: start + word.len() };
            self.consume(span);
            return Ok(Operand { text: Cow::Borrowed(word), span, quoted: false });
        }
        let (text, length) = match quote {
            Some(quote) => quoted(rest, quote, mode)
                .map_err(|(error, from, to)| (error, Span { start: start + from, end: start + to }))?,
            None => bare(rest, mode),
        };
        let span = Span { start, end: start + length };
        if length == 0 {
            return Err((LexError::Missing, self.peek().1));
        }
        self.consume(span);
        Ok(Operand { text, span, quoted: quote.is_some() })
    }

    /// The word of the shell that begins here, if it holds spaces.
    fn shell_word(&self, start: usize) -> Option<&'t str> {
        let index = self.words.binary_search_by_key(&start, |word| word.start).ok()?;
        let word = self.words.get(index)?;
        self.text.get(word.start..word.end)
    }
}

/// Whether the word has quotes of its own around it.
fn wrapped(word: &str, quote: Option<char>) -> bool {
    quote.is_some_and(|quote| word.len() > 1 && word.ends_with(quote))
}

fn is_operator(char: char) -> bool {
    matches!(char, '(' | ')' | '=' | '!' | '<' | '>' | '~' | '&' | '|')
}

fn token(rest: &str) -> (Token<'_>, usize) {
    const SYMBOLS: &[(&str, Token<'static>)] = &[
        ("&&", Token::And),
        ("&", Token::And),
        ("||", Token::Or),
        ("|", Token::Or),
        ("==", Token::Op(Op::Eq)),
        ("=~", Token::Op(Op::Match)),
        ("=", Token::Op(Op::Eq)),
        ("!=", Token::Op(Op::Ne)),
        ("!~", Token::Op(Op::NotMatch)),
        ("!", Token::Not),
        ("<=", Token::Op(Op::Le)),
        ("<", Token::Op(Op::Lt)),
        (">=", Token::Op(Op::Ge)),
        (">", Token::Op(Op::Gt)),
        ("~", Token::Op(Op::Match)),
        ("(", Token::Open),
        (")", Token::Close),
        (",", Token::Comma),
    ];
    const WORDS: &[(&str, Token<'static>)] = &[
        ("not", Token::Not),
        ("and", Token::And),
        ("or", Token::Or),
        ("eq", Token::Op(Op::Eq)),
        ("ne", Token::Op(Op::Ne)),
        ("neq", Token::Op(Op::Ne)),
        ("gt", Token::Op(Op::Gt)),
        ("lt", Token::Op(Op::Lt)),
        ("ge", Token::Op(Op::Ge)),
        ("geq", Token::Op(Op::Ge)),
        ("le", Token::Op(Op::Le)),
        ("leq", Token::Op(Op::Le)),
        ("in", Token::Op(Op::In)),
    ];
    if let Some((symbol, token)) = SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
        return (*token, symbol.len());
    }
    let Some(first) = rest.chars().next() else { return (Token::End, 0) };
    if matches!(first, '"' | '\'') {
        let length = quoted(rest, first, Mode::default()).map_or(rest.len(), |(_, length)| length);
        return (Token::Quoted, length);
    }
    let ends = |char: char| char.is_whitespace() || is_operator(char) || matches!(char, ',' | '"' | '\'');
    let end = rest.find(ends).unwrap_or(rest.len());
    let word = rest.get(..end).unwrap_or(rest);
    let keyword = WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    (keyword.map_or(Token::Word(word), |(_, token)| *token), end)
}

/// A text in quotes: the backslash keeps its meaning unless it stands before the quote or another backslash, so that Windows
/// paths and regular expressions can be written as they are.
fn quoted(rest: &str, quote: char, mode: Mode) -> Result<(Cow<'_, str>, usize), (LexError, usize, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some((_, next)) if next == quote || (next == '\\' && !mode.regex) => text.push(next),
                Some((_, next)) => text.extend(['\\', next]),
                None => break,
            },
            char if char == quote => {
                let end = at + quote.len_utf8();
                let behind = rest.get(end..).unwrap_or("");
                let boundary = |char: char| char.is_whitespace() || matches!(char, ')' | '(' | ',' | '&' | '|' | '\\');
                if !behind.is_empty() && !behind.starts_with(boundary) {
                    let length = behind.find(boundary).unwrap_or(behind.len());
                    return Err((LexError::Glued, end, end + length));
                }
                return Ok((Cow::Owned(text), end));
            }
            char => text.push(char),
        }
    }
    Err((LexError::Unclosed, 0, rest.len()))
}

/// A value without quotes: up to a space, an unbalanced parenthesis or a connective. A backslash takes the meaning of a
/// space, quote, parenthesis, comma, connective or backslash behind it; elsewhere it is itself.
fn bare(rest: &str, mode: Mode) -> (Cow<'_, str>, usize) {
    let special = |char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '(' | ')' | ',' | '&' | '|' | '\\');
    let mut text = String::new();
    let mut changed = false;
    let mut depth = 0usize;
    let mut end = rest.len();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let doubled = chars.peek().is_some_and(|(_, next)| *next == char);
        let stop = match char {
            '(' => at == 0 && !mode.regex,
            ')' => depth == 0,
            ',' => mode.list && depth == 0,
            '&' | '|' => depth == 0 && (!mode.regex || doubled),
            char => char.is_whitespace(),
        };
        if stop {
            end = at;
            break;
        }
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if char == '\\' {
            match chars.peek().copied() {
                Some((_, next)) if mode.regex => {
                    chars.next();
                    text.extend([char, next]);
                    continue;
                }
                Some((_, next)) if special(next) => {
                    chars.next();
                    text.push(next);
                    changed = true;
                    continue;
                }
                _ => {}
            }
        }
        text.push(char);
    }
    let text = if changed { Cow::Owned(text) } else { Cow::Borrowed(rest.get(..end).unwrap_or(rest)) };
    (text, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_should() {
        let plain = Mode::default();
        let list = Mode { list: true, ..plain };
        let regex = Mode { regex: true, ..plain };
        for (mode, rest, text, behind) in [
            (plain, "nginx and tcp", "nginx", " and tcp"),
            (plain, "nginx)", "nginx", ")"),
            (plain, "a(1) b", "a(1)", " b"),
            (plain, "a,b", "a,b", ""),
            (list, "a,b", "a", ",b"),
            (plain, ":22&&x", ":22", "&&x"),
            (plain, "--a=b<c", "--a=b<c", ""),
            (plain, "my\\ app x", "my app", " x"),
            (plain, "C:\\Windows\\a.exe", "C:\\Windows\\a.exe", ""),
            (plain, "C:\\\\a", "C:\\a", ""),
            (plain, "a\\", "a\\", ""),
            (plain, "\"my app\" x", "my app", " x"),
            (plain, "'my \"app'", "my \"app", ""),
            (plain, "\"a\\\"b\\\\c\\d\")", "a\"b\\c\\d", ")"),
            (plain, "\"\" x", "", " x"),
            (regex, "^(a|b)$ x", "^(a|b)$", " x"),
            (regex, "(a|b))", "(a|b)", ")"),
            (regex, "a|b", "a|b", ""),
            (regex, "a||b", "a", "||b"),
            (regex, "\\d+\\)", "\\d+\\)", ""),
            (regex, "\"\\d\\\\ \\\"\" x", "\\d\\\\ \"", " x"),
            (plain, "it's", "it's", ""),
            (plain, "数据 x", "数据", " x"),
        ] {
            let mut lexer = Lexer::new(rest, &[]);
            let operand = lexer.operand(mode).unwrap();
            assert_eq!((&*operand.text, lexer.rest()), (text, behind), "{rest}");
        }
        for (rest, error, start) in [
            ("", LexError::Missing, 0),
            ("   ", LexError::Missing, 3),
            (" )", LexError::Missing, 1),
            ("(a)", LexError::Missing, 0),
            (" \"a", LexError::Unclosed, 1),
            ("\"a\"b", LexError::Glued, 3),
            ("'a\\'", LexError::Unclosed, 0),
        ] {
            let (found, span) = Lexer::new(rest, &[]).operand(plain).unwrap_err();
            assert_eq!((found, span.start), (error, start), "{rest}");
        }
    }
}
