//! From text to a tree: recursive descent, a function a level of precedence.

use regex::RegexBuilder;
use sockscope_geo::CountryCode;
use sockscope_model::{Family, Field, Protocol, State, StateSet};

use super::Context;
use super::address::{self, Host, Port, Problem, Scope};
use super::error::{FilterError, clean};
use super::hints;
use super::lexer::{LexError, Lexer, Mode, Op, Operand, Span, Token};
use super::program::{Node, NumberSource, Side, Test, TextSource};
use super::quantity::{Flaw, Ranges, Unit, c_number};
use super::terms::{self, StateName, Term};
use super::text::Matcher;
use crate::names::closest;

/// Parentheses in parentheses: more would only be there to exhaust the stack.
const DEEPEST: usize = 200;
/// Longer than any command line.
const LONGEST: usize = 1 << 20;
/// Regular expressions take memory, so there is an end to them: together at most 128 times the limit below.
const MOST_PATTERNS: usize = 128;
const LONGEST_PATTERN: usize = 4096;
const PATTERN_BYTES: usize = 1 << 20;

const EQUALITY: &[Op] = &[Op::Eq, Op::Ne, Op::In, Op::NotIn];
const TEXTUAL: &[Op] = &[Op::Eq, Op::Ne, Op::Match, Op::NotMatch, Op::In, Op::NotIn];
const ORDERED: &[Op] = &[Op::Eq, Op::Ne, Op::Lt, Op::Gt, Op::Le, Op::Ge, Op::Match, Op::NotMatch, Op::In, Op::NotIn];
/// Moments have no text that one would search.
const TIMELY: &[Op] = &[Op::Eq, Op::Ne, Op::Lt, Op::Gt, Op::Le, Op::Ge, Op::In, Op::NotIn];

type Parsed = Result<Node, FilterError>;

/// Reads a whole filter. `words` are the shell words that hold spaces.
pub(super) fn parse(text: &str, words: &[Span], context: &Context) -> Parsed {
    let mut parser = Parser { text, lexer: Lexer::new(text, words), context, depth: 0, patterns: 0 };
    if text.len() > LONGEST {
        let message = format!("the filter is {} bytes long", text.len());
        return Err(FilterError::new(text, 0, 0, message, vec![format!("at most {LONGEST} bytes")]));
    }
    parser.filter()
}

struct Parser<'t> {
    text: &'t str,
    lexer: Lexer<'t>,
    context: &'t Context,
    depth: usize,
    patterns: usize,
}

impl<'t> Parser<'t> {
    fn filter(&mut self) -> Parsed {
        if self.lexer.peek().0 == Token::End {
            return Ok(Node::All(Vec::new()));
        }
        // In ss the states are no part of the expression: `state X A or B` is `state X and (A or B)`.
        let leading = self.state_words(usize::MAX)?;
        let node = match (leading, self.lexer.peek().0) {
            (Some(states), Token::End) => states,
            (Some(_), Token::And | Token::Or) => {
                self.lexer.at = 0;
                self.any()?
            }
            (Some(states), _) => Node::all(vec![states, self.any()?]),
            (None, _) => self.any()?,
        };
        match self.lexer.peek() {
            (Token::End, _) => Ok(node),
            (Token::Close, span) => {
                Err(self.error(span, "no parenthesis is open here", connectives(&["the end of the filter"])))
            }
            (_, span) => Err(self.error(span, "the filter should end here", connectives(&["the end of the filter"]))),
        }
    }

    /// Parts joined by `or`.
    fn any(&mut self) -> Parsed {
        let mut parts = vec![self.all()?];
        while let (Token::Or, span) = self.lexer.peek() {
            self.lexer.consume(span);
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.pop().unwrap_or(Node::Any(Vec::new())) } else { Node::any(parts) })
    }

    /// Parts joined by `and` or by nothing.
    fn all(&mut self) -> Parsed {
        let mut parts = vec![self.negated()?];
        loop {
            match self.lexer.peek() {
                (Token::And, span) => self.lexer.consume(span),
                (Token::End | Token::Close | Token::Or, _) => break,
                _ => {}
            }
            parts.push(self.negated()?);
        }
        Ok(if parts.len() == 1 { parts.pop().unwrap_or(Node::All(Vec::new())) } else { Node::all(parts) })
    }

    /// One part, with any number of `not` before it.
    fn negated(&mut self) -> Parsed {
        let mut nots = 0usize;
        while let (Token::Not, span) = self.lexer.peek() {
            self.lexer.consume(span);
            nots += 1;
        }
        let node = self.part(nots > 0)?;
        Ok(if nots % 2 == 1 { node.negate() } else { node })
    }

    fn part(&mut self, after_not: bool) -> Parsed {
        let (token, span) = self.lexer.peek();
        let missing = match token {
            Token::Open => return self.parenthesis(span),
            Token::Word(word) => return self.word(word, span, after_not),
            Token::End => "the filter ends where a term should stand",
            Token::Close => "a term is missing before this parenthesis",
            Token::Comma => "a comma can only stand in a list, such as `in (22, 80)`",
            Token::And | Token::Or => "a term is missing before this word",
            Token::Op(_) => "a term is missing before this operator",
            Token::Quoted => "a text in quotes can only stand behind an operator",
            Token::Not => "a term is missing behind `not`",
        };
        Err(self.error(span, missing, beginnings()))
    }

    fn parenthesis(&mut self, open: Span) -> Parsed {
        if self.depth >= DEEPEST {
            return Err(self.error(open, format!("more than {DEEPEST} parentheses are open"), Vec::new()));
        }
        self.lexer.consume(open);
        self.depth += 1;
        let node = self.any()?;
        self.depth -= 1;
        match self.lexer.peek() {
            (Token::Close, span) => {
                self.lexer.consume(span);
                Ok(node)
            }
            (Token::End, _) => Err(self.error(open, "this parenthesis is not closed", vec!["`)`".to_owned()])),
            (_, span) => Err(self.error(span, "the parenthesis should be closed here", connectives(&["`)`"]))),
        }
    }

    /// A term with its comparison, or a word that stands alone.
    fn word(&mut self, word: &'t str, span: Span, after_not: bool) -> Parsed {
        if let Some(states) = self.state_words(if after_not { 1 } else { usize::MAX })? {
            return Ok(states);
        }
        self.lexer.consume(span);
        if let Some(term) = terms::term(word) {
            return self.comparison(word, term);
        }
        let node = match word.to_ascii_lowercase().as_str() {
            "autobound" => Node::Test(Test::Autobound),
            "tcp" => Node::Test(Test::Protocol(Protocol::Tcp)),
            "udp" => Node::Test(Test::Protocol(Protocol::Udp)),
            "ipv4" => Node::Test(Test::Family(Family::Ipv4)),
            "ipv6" => Node::Test(Test::Family(Family::Ipv6)),
            "loopback" => Node::Test(Test::Scope(Scope::Loopback)),
            "private" => Node::Test(Test::Scope(Scope::Private)),
            "public" => Node::Test(Test::Scope(Scope::Public)),
            "mine" => match (self.context.uid, &self.context.user) {
                (Some(uid), _) => number(NumberSource::Field(Field::Uid), u64::from(uid), u64::from(uid)),
                (None, Some(user)) => Node::Test(Test::Text(TextSource::Users, Matcher::literal(user, true))),
                (None, None) => {
                    return Err(self.error(
                        span,
                        "who you are is not known here, so no socket can be told to be yours",
                        vec!["user = NAME".to_owned()],
                    ));
                }
            },
            _ => match terms::state(word) {
                Some(state) => state_node(&state),
                None => return Err(self.unknown_word(word, span)),
            },
        };
        if let (Token::Op(_), behind) = self.lexer.peek() {
            let message = format!("`{}` stands alone", clean(word));
            return Err(self.error(behind, message, connectives(&["the end of the filter"])));
        }
        Ok(node)
    }

    fn unknown_word(&mut self, word: &str, span: Span) -> FilterError {
        let is_compared = matches!(self.lexer.peek(), (Token::Op(_), _));
        let hint = match (hints::place(word), closest(word, terms::vocabulary())) {
            (Some(hint), _) => format!("; {hint}"),
            (None, Some(known)) => format!("; did you mean `{known}`?"),
            (None, None) if !is_compared => hints::program(word).map(|hint| format!("; {hint}")).unwrap_or_default(),
            (None, None) => String::new(),
        };
        self.error(span, format!("unknown word `{}`{hint}", clean(word)), beginnings())
    }

    /// `state X state Y,Z exclude W`: as many of them as stand side by side, at most `most`. They are read as ss reads
    /// them: each `state` adds, each `exclude` takes away, and a first `exclude` takes away from all.
    fn state_words(&mut self, most: usize) -> Result<Option<Node>, FilterError> {
        let mut set: Option<Node> = None;
        for _ in 0..most {
            let (Token::Word(word), span) = self.lexer.peek() else { break };
            let adds = if word.eq_ignore_ascii_case("state") {
                true
            } else if word.eq_ignore_ascii_case("exclude") || word.eq_ignore_ascii_case("excl") {
                false
            } else {
                break;
            };
            let mut behind = self.lexer.clone();
            behind.consume(span);
            if adds && operator(&mut behind).is_some() {
                break;
            }
            self.lexer.consume(span);
            let listed = self.state_list()?;
            set = Some(match (set, adds) {
                (None, true) => listed,
                (None, false) => listed.negate(),
                (Some(set), true) => Node::any(vec![set, listed]),
                (Some(set), false) => intersect(set, listed.negate()),
            });
        }
        Ok(set)
    }

    /// One or more names of states, separated by commas.
    fn state_list(&mut self) -> Parsed {
        let mut nodes = Vec::new();
        loop {
            let operand = self.operand(Mode { list: true, ..Mode::default() }, &state_names)?;
            nodes.push(self.one_state(&operand)?);
            match self.lexer.peek() {
                (Token::Comma, span) => self.lexer.consume(span),
                _ => return Ok(Node::any(nodes)),
            }
        }
    }

    fn one_state(&self, operand: &Operand<'_>) -> Parsed {
        match terms::state(&operand.text) {
            Some(state) => Ok(state_node(&state)),
            None => {
                let near = closest(&operand.text, terms::STATES.iter().map(|(name, _)| *name));
                let hint = near.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
                let message = format!("unknown state `{}`{hint}", clean(&operand.text));
                Err(self.error(operand.span, message, state_names()))
            }
        }
    }

    /// What stands behind a term.
    fn comparison(&mut self, name: &str, term: Term) -> Parsed {
        let (op, span) = match operator(&mut self.lexer) {
            Some((op, span)) => (op, Some(span)),
            // As in ss, a missing operator is `=`.
            None => (Op::Eq, None),
        };
        let allowed = match term {
            Term::Number(_, Unit::Moment) => TIMELY,
            Term::Port { .. } | Term::Number(..) => ORDERED,
            Term::Device | Term::Mark => EQUALITY,
            _ => TEXTUAL,
        };
        if let Some(span) = span.filter(|_| !allowed.contains(&op)) {
            let message = format!("`{}` can't be compared in this way", clean(name));
            return Err(self.error(span, message, symbols(allowed)));
        }
        let expected = || match span {
            Some(_) => self::expected(term),
            None => symbols(allowed).into_iter().chain(self::expected(term)).collect(),
        };
        let text = matches!(term, Term::Text { .. } | Term::User | Term::Namespace | Term::Cgroup);
        let mode = Mode { list: false, regex: matches!(op, Op::Match | Op::NotMatch), text };
        match op {
            Op::In | Op::NotIn => {
                let node = self.list(term, Mode { list: true, ..mode }, &expected)?;
                Ok(if op == Op::NotIn { node.negate() } else { node })
            }
            Op::Ne | Op::NotMatch => {
                let positive = if op == Op::Ne { Op::Eq } else { Op::Match };
                let operand = self.operand(mode, &expected)?;
                Ok(self.test(term, positive, &operand)?.negate())
            }
            // `state = listen, time-wait`, since `state listen, time-wait` may be written.
            Op::Eq if term == Term::State => self.state_list(),
            op => {
                let operand = self.operand(mode, &expected)?;
                self.test(term, op, &operand)
            }
        }
    }

    /// `(a, b)`.
    fn list(&mut self, term: Term, mode: Mode, expected: &dyn Fn() -> Vec<String>) -> Parsed {
        let open = match self.lexer.peek() {
            (Token::Open, span) => span,
            (_, span) => {
                return Err(self.error(span, "`in` needs a list in parentheses", vec!["`(`".to_owned()]));
            }
        };
        self.lexer.consume(open);
        let mut nodes = Vec::new();
        loop {
            let operand = self.operand(mode, expected)?;
            nodes.push(self.test(term, Op::Eq, &operand)?);
            match self.lexer.peek() {
                (Token::Comma, span) => self.lexer.consume(span),
                (Token::Close, span) => {
                    self.lexer.consume(span);
                    return Ok(Node::any(nodes));
                }
                (Token::End, _) => {
                    return Err(self.error(open, "this list is not closed", vec!["`)`".to_owned()]));
                }
                (_, span) => {
                    let expected = vec!["`,`".to_owned(), "`)`".to_owned()];
                    return Err(self.error(span, "the members of a list are separated by commas", expected));
                }
            }
        }
    }

    fn operand(&mut self, mode: Mode, expected: &dyn Fn() -> Vec<String>) -> Result<Operand<'t>, FilterError> {
        match self.lexer.operand(mode) {
            Ok(operand) => {
                let word = &*operand.text;
                let keyword = ["and", "or", "not"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
                if !keyword || operand.quoted {
                    return Ok(operand);
                }
                let message = format!("a value is missing before `{word}`; in quotes it would be one");
                Err(self.error(operand.span, message, expected()))
            }
            Err((LexError::Missing, span)) => {
                let end = span.start >= self.text.trim_end().len();
                let message =
                    if end { "the filter ends where a value should stand" } else { "a value is missing here" };
                Err(self.error(span, message, expected()))
            }
            Err((LexError::Unclosed, span)) => {
                let quote = self.text.get(span.start..=span.start).unwrap_or("\"");
                Err(self.error(span, "this quote is not closed", vec![format!("`{quote}` at the end of the text")]))
            }
            Err((LexError::Glued, span)) => {
                Err(self.error(span, "a space is missing behind the quote", connectives(&["the end of the filter"])))
            }
        }
    }

    /// One comparison; `op` is positive.
    fn test(&mut self, term: Term, op: Op, operand: &Operand<'_>) -> Parsed {
        if op == Op::Match {
            return self.matching(term, operand);
        }
        let text = &*operand.text;
        let refuse = |(message, expected): Problem| self.error(operand.span, message, expected);
        match term {
            Term::Host { side, as_ss } => {
                let host = address::host(text, as_ss, self.context).map_err(refuse)?;
                Ok(either(side, |side| host_node(side, as_ss, &host)))
            }
            Term::Port { side, as_ss } => self.port(side, as_ss, op, operand),
            Term::Device => {
                address::interface(text, self.context).map_err(refuse).map(|zone| Node::Test(Test::Interface(zone)))
            }
            Term::Mark => {
                let (value, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
                let number = |text| c_number(text).ok().and_then(|number| u32::try_from(number).ok());
                match (number(value), number(mask)) {
                    (Some(value), Some(mask)) => Ok(Node::Test(Test::Mark { value, mask })),
                    _ => Err(self.error(operand.span, "this is no mark", expected(term))),
                }
            }
            Term::Cgroup => Ok(text_node(TextSource::Field(Field::Cgroup), &cgroup_path(text), operand.quoted, false)),
            Term::State => self.one_state(operand),
            Term::Protocol => match text.to_ascii_lowercase().as_str() {
                "tcp" => Ok(Node::Test(Test::Protocol(Protocol::Tcp))),
                "udp" => Ok(Node::Test(Test::Protocol(Protocol::Udp))),
                _ => Err(self.no_such(text, operand.span, expected(term))),
            },
            Term::Family => match text.to_ascii_lowercase().as_str() {
                "ipv4" | "inet" | "4" => Ok(Node::Test(Test::Family(Family::Ipv4))),
                "ipv6" | "inet6" | "6" => Ok(Node::Test(Test::Family(Family::Ipv6))),
                _ => Err(self.no_such(text, operand.span, expected(term))),
            },
            Term::Number(source, unit) => self.number(source, unit, op, operand),
            Term::User => {
                let named = text_node(TextSource::Users, text, operand.quoted, false);
                Ok(match Unit::Count.parse(text) {
                    Ok(uid) => Node::any(vec![number(NumberSource::Users, uid, uid), named]),
                    Err(_) => named,
                })
            }
            Term::Namespace => {
                let named = text_node(TextSource::Field(Field::NamespaceName), text, operand.quoted, false);
                Ok(match Unit::Count.parse(text) {
                    Ok(id) => Node::any(vec![number(NumberSource::Field(Field::NamespaceId), id, id), named]),
                    Err(_) => named,
                })
            }
            Term::Text { source, fold } => Ok(text_node(source, text, operand.quoted, fold)),
            Term::Word(field) => {
                let words = terms::words_of(field);
                let lower = text.to_ascii_lowercase().replace('_', "-");
                match words.iter().find(|word| **word == lower) {
                    Some(word) => Ok(Node::Test(Test::Text(TextSource::Field(field), Matcher::literal(word, false)))),
                    None => Err(self.no_such(text, operand.span, expected(term))),
                }
            }
        }
    }

    /// The term is not one of a few words.
    fn no_such(&self, word: &str, span: Span, expected: Vec<String>) -> FilterError {
        let near = closest(word, expected.iter().map(String::as_str));
        let hint = near.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        self.error(span, format!("`{}` is none of the words that can stand here{hint}", clean(word)), expected)
    }

    fn port(&self, side: Option<Side>, as_ss: bool, op: Op, operand: &Operand<'_>) -> Parsed {
        let refuse = |(message, expected): Problem| self.error(operand.span, message, expected);
        let (family, text) = address::family_prefix(&operand.text).map_err(refuse)?;
        let text = text.strip_prefix(':').unwrap_or(text);
        let family = family.map(|family| Node::Test(Test::Family(family)));
        if matches!(text, "" | "*") && op == Op::Eq && !operand.text.is_empty() {
            // Any port, as in ss.
            return Ok(Node::all(family.into_iter().collect()));
        }
        let (low, high) = match range_of(text) {
            Some((low, high)) if op == Op::Eq => {
                (address::port(low, self.context).map_err(refuse)?, address::port(high, self.context).map_err(refuse)?)
            }
            _ => {
                let port = address::port(text, self.context).map_err(refuse)?;
                (port, port)
            }
        };
        if low.tcp > high.tcp || low.udp > high.udp {
            return Err(self.error(
                operand.span,
                "this range ends before it begins",
                expected(Term::Port { side, as_ss }),
            ));
        }
        let node = either(side, |side| port_node(side, as_ss, op, low, high));
        Ok(Node::all(family.into_iter().chain([node]).collect()))
    }

    fn number(&self, source: NumberSource, unit: Unit, op: Op, operand: &Operand<'_>) -> Parsed {
        let parse = |text: &str| {
            unit.parse(text).map_err(|flaw| {
                let message = match flaw {
                    Flaw::TooLarge => "this number is too large",
                    Flaw::Malformed if matches!(unit, Unit::Duration(None)) && Unit::Count.parse(text).is_ok() => {
                        "this duration has no unit"
                    }
                    Flaw::Malformed if text.contains(',') => "this is no number; several are written `in (1, 2)`",
                    Flaw::Malformed => "this is no number that can stand here",
                };
                self.error(operand.span, message, vec![unit.expected().to_owned()])
            })
        };
        let text = &*operand.text;
        if let Some((low, high)) = range_of(text).filter(|_| op == Op::Eq && unit != Unit::Moment) {
            let (low, high) = (parse(low)?, parse(high)?);
            if low > high {
                return Err(self.error(
                    operand.span,
                    "this range ends before it begins",
                    vec![unit.expected().to_owned()],
                ));
            }
            return Ok(number(source, low, high));
        }
        let value = parse(text)?;
        let (low, high) = bounds(op, value, value, u64::MAX);
        Ok(Node::Test(Test::Number(
            source,
            if low > high { Ranges::union(Vec::new()) } else { Ranges::new(low, high) },
        )))
    }

    /// A term compared with a regular expression.
    fn matching(&mut self, term: Term, operand: &Operand<'_>) -> Parsed {
        let fold = match term {
            Term::Text { fold, .. } => fold,
            Term::State | Term::Protocol | Term::Family | Term::Word(_) => true,
            _ => false,
        };
        self.patterns += 1;
        if self.patterns > MOST_PATTERNS {
            let message = format!("more than {MOST_PATTERNS} regular expressions");
            return Err(self.error(operand.span, message, Vec::new()));
        }
        if operand.text.len() > LONGEST_PATTERN {
            let expected = vec![format!("at most {LONGEST_PATTERN} bytes")];
            return Err(self.error(operand.span, "this regular expression is too long", expected));
        }
        let regex = RegexBuilder::new(&operand.text)
            .case_insensitive(fold)
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES)
            .nest_limit(64)
            .build();
        let regex = match regex {
            Ok(regex) => regex,
            Err(error) => {
                let message = match error {
                    regex::Error::CompiledTooBig(_) => "this regular expression takes too much memory".to_owned(),
                    error => {
                        // Its last line says what is wrong, those before draw the place.
                        let text = error.to_string();
                        let reason = text.lines().last().unwrap_or("").trim().trim_start_matches("error: ");
                        format!("this is no regular expression: {}", clean(reason))
                    }
                };
                return Err(self.error(operand.span, message, vec!["a regular expression".to_owned()]));
            }
        };
        let text = |source| Node::Test(Test::Text(source, Matcher::Regex(regex.clone())));
        Ok(match term {
            Term::Host { side, .. } => either(side, |side| Node::Test(Test::AddressText(side, regex.clone()))),
            Term::Port { side, .. } => either(side, |side| {
                let field = if side == Side::Local { Field::LocalPort } else { Field::RemotePort };
                Node::Test(Test::NumberText(NumberSource::Field(field), regex.clone()))
            }),
            Term::Number(source, _) => Node::Test(Test::NumberText(source, regex)),
            Term::State => Node::Test(Test::States(states_named_like(|name| regex.is_match(name)))),
            Term::Protocol => Node::any(
                [Protocol::Tcp, Protocol::Udp]
                    .into_iter()
                    .filter(|protocol| regex.is_match(protocol.name()))
                    .map(|protocol| Node::Test(Test::Protocol(protocol)))
                    .collect(),
            ),
            Term::Family => Node::any(
                [Family::Ipv4, Family::Ipv6]
                    .into_iter()
                    .filter(|family| regex.is_match(family.name()))
                    .map(|family| Node::Test(Test::Family(family)))
                    .collect(),
            ),
            Term::Cgroup => text(TextSource::Field(Field::Cgroup)),
            Term::User => text(TextSource::Users),
            Term::Namespace => text(TextSource::Field(Field::NamespaceName)),
            Term::Word(field) => text(TextSource::Field(field)),
            Term::Text { source, .. } => text(source),
            // Not among the operators that these allow.
            Term::Device => text(TextSource::Field(Field::Interface)),
            Term::Mark => Node::Test(Test::NumberText(NumberSource::Field(Field::Mark), regex)),
        })
    }

    fn error(&self, span: Span, message: impl Into<String>, expected: Vec<String>) -> FilterError {
        FilterError::new(self.text, span.start, span.end, message.into(), expected)
    }
}

/// The operator here, which is consumed.
fn operator(lexer: &mut Lexer<'_>) -> Option<(Op, Span)> {
    match lexer.peek() {
        (Token::Op(op), span) => {
            lexer.consume(span);
            Some((op, span))
        }
        (Token::Not, not) => {
            let mut behind = lexer.clone();
            behind.consume(not);
            let (Token::Op(op @ (Op::In | Op::Match)), span) = behind.peek() else { return None };
            *lexer = behind;
            lexer.consume(span);
            let op = if op == Op::In { Op::NotIn } else { Op::NotMatch };
            Some((op, Span { start: not.start, end: span.end }))
        }
        _ => None,
    }
}

/// What could stand where a term is missing.
fn beginnings() -> Vec<String> {
    ["(", "not", "exclude"].iter().chain(terms::SHOWN).chain(terms::BARE).map(ToString::to_string).collect()
}

/// What could stand behind a complete term.
fn connectives(more: &[&str]) -> Vec<String> {
    ["and", "or", "another term"].iter().chain(more).map(ToString::to_string).collect()
}

fn state_names() -> Vec<String> {
    terms::STATES.iter().take(terms::STATES_SHOWN).map(|(name, _)| (*name).to_owned()).collect()
}

fn symbols(ops: &[Op]) -> Vec<String> {
    ops.iter()
        .map(|op| {
            let symbol = match op {
                Op::Eq => "=",
                Op::Ne => "!=",
                Op::Lt => "<",
                Op::Gt => ">",
                Op::Le => "<=",
                Op::Ge => ">=",
                Op::Match => "~",
                Op::NotMatch => "!~",
                Op::In => "in",
                Op::NotIn => "not in",
            };
            symbol.to_owned()
        })
        .collect()
}

/// What a term may be compared with.
fn expected(term: Term) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    match term {
        Term::Host { .. } => {
            words(&["an address or block with an optional port, such as 10.0.0.0/8, [::1]:443 or :ssh"])
        }
        Term::Port { .. } => words(&["a port from 0 to 65535 or a service name"]),
        Term::Device => words(&["the name or index of an interface"]),
        Term::Mark => words(&["MARK or MARK/MASK, decimal or hexadecimal, such as 0x1/0x3"]),
        Term::Cgroup => words(&["the path of a cgroup, such as /user.slice"]),
        Term::State => state_names(),
        Term::Protocol => words(&["tcp", "udp"]),
        Term::Family => words(&["ipv4", "ipv6"]),
        Term::Number(_, unit) => words(&[unit.expected()]),
        Term::User => words(&["the name or number of a user"]),
        Term::Namespace => words(&["the name or number of a network namespace"]),
        Term::Text { .. } => words(&["a text, in quotes if it holds spaces"]),
        Term::Word(field) => words(&terms::words_of(field)),
    }
}

fn state_node(state: &StateName) -> Node {
    Node::Test(match state {
        StateName::Set(set) => Test::States(*set),
        StateName::Number(number) => Test::UnknownState(*number),
    })
}

/// Both, joined into one set where both are sets.
fn intersect(one: Node, other: Node) -> Node {
    match (one, other) {
        (Node::Test(Test::States(one)), Node::Test(Test::States(other))) => Node::Test(Test::States(one.and(other))),
        (one, other) => Node::all(vec![one, other]),
    }
}

fn states_named_like(matches: impl Fn(&str) -> bool) -> StateSet {
    let mut set = StateSet::NONE;
    for state in State::NAMED {
        if state.name().is_some_and(&matches) {
            set = set.with(state);
        }
    }
    if matches("unknown") { set.with(State::Other(0)) } else { set }
}

/// The test for one side, or for either.
fn either(side: Option<Side>, node: impl Fn(Side) -> Node) -> Node {
    match side {
        Some(side) => node(side),
        None => Node::any(vec![node(Side::Local), node(Side::Remote)]),
    }
}

fn host_node(side: Side, as_ss: bool, host: &Host) -> Node {
    let mut parts: Vec<Node> = host.family.map(|family| Node::Test(Test::Family(family))).into_iter().collect();
    if let Some(Port { tcp, udp }) = host.port {
        parts.push(port_node(side, as_ss, Op::Eq, Port { tcp, udp }, Port { tcp, udp }));
    }
    if !host.blocks.is_empty() {
        parts.push(Node::any(host.blocks.iter().map(|block| Node::Test(Test::Block(side, *block))).collect()));
    }
    if let Some(zone) = &host.zone {
        parts.push(Node::Test(Test::Zone(side, zone.clone())));
    }
    // Without a peer the kernel has 0.0.0.0 or ::, which these tests find by themselves not to be meant.
    let unspecified = host.blocks.iter().any(|block| {
        block.contains_mapped(std::net::Ipv4Addr::UNSPECIFIED.into())
            || block.contains_mapped(std::net::Ipv6Addr::UNSPECIFIED.into())
    });
    if side == Side::Remote && !as_ss && (unspecified || host.blocks.is_empty()) {
        parts.push(Node::Test(Test::HasPeer));
    }
    Node::all(parts)
}

/// `low == high` unless a range is compared with `=`.
fn port_node(side: Side, as_ss: bool, op: Op, low: Port, high: Port) -> Node {
    let one = |low: u16, high: u16| {
        let (low, high) = bounds(op, u64::from(low), u64::from(high), u64::from(u16::MAX));
        let test =
            Node::Test(Test::Port(side, if low > high { Ranges::union(Vec::new()) } else { Ranges::new(low, high) }));
        // Without a peer the port is 0 in ss, and unknown to `rport`.
        if side == Side::Remote && !as_ss && low == 0 { Node::all(vec![test, Node::Test(Test::HasPeer)]) } else { test }
    };
    if (low.tcp, high.tcp) == (low.udp, high.udp) {
        return one(low.tcp, high.tcp);
    }
    let of = |protocol, node| Node::all(vec![Node::Test(Test::Protocol(protocol)), node]);
    Node::any(vec![of(Protocol::Tcp, one(low.tcp, high.tcp)), of(Protocol::Udp, one(low.udp, high.udp))])
}

/// The numbers that pass, from and to; the first is greater if there are none.
fn bounds(op: Op, low: u64, high: u64, most: u64) -> (u64, u64) {
    match op {
        Op::Lt => low.checked_sub(1).map_or((1, 0), |last| (0, last)),
        Op::Le => (0, high),
        Op::Gt => (high.saturating_add(1), if high == u64::MAX { 0 } else { most }),
        Op::Ge => (low, most),
        _ => (low, high),
    }
}

fn number(source: NumberSource, low: u64, high: u64) -> Node {
    Node::Test(Test::Number(source, Ranges::new(low, high)))
}

/// `8000-8100`: only where both begin with a digit, since names of services hold hyphens.
fn range_of(text: &str) -> Option<(&str, &str)> {
    let (low, high) = text.split_once('-')?;
    let digit = |text: &str| text.starts_with(|char: char| char.is_ascii_digit());
    (digit(low) && digit(high)).then_some((low, high))
}

/// A text to be equal to, or with wildcards if it is not in quotes.
fn text_node(source: TextSource, text: &str, quoted: bool, fold: bool) -> Node {
    let is_glob = !quoted && text.contains(['*', '?']);
    let matcher = if is_glob { Matcher::glob(text, fold) } else { Matcher::literal(text, fold) };
    let test = Node::Test(Test::Text(source, matcher));
    // A country by one of its names is the country, whatever the database at hand calls it.
    match CountryCode::from_name(text) {
        Some(code) if source == TextSource::Country && !is_glob => {
            Node::any(vec![test, Node::Test(Test::Text(source, Matcher::literal(code.as_str(), fold)))])
        }
        _ => test,
    }
}

/// The path below the mount point, as rows have it.
fn cgroup_path(text: &str) -> String {
    let below = |mount: &str| text.strip_prefix(mount).filter(|path| path.is_empty() || path.starts_with('/'));
    let path = below("/sys/fs/cgroup/unified").or_else(|| below("/sys/fs/cgroup")).unwrap_or(text);
    format!("/{}", path.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroups_lose_their_mount_point() {
        for (text, path) in [
            ("/user.slice", "/user.slice"),
            ("user.slice/", "/user.slice"),
            ("/sys/fs/cgroup/user.slice", "/user.slice"),
            ("/sys/fs/cgroup/unified/a/b", "/a/b"),
            ("/sys/fs/cgroup", "/"),
            ("/sys/fs/cgroups/x", "/sys/fs/cgroups/x"),
            ("/", "/"),
        ] {
            assert_eq!(cgroup_path(text), path, "{text}");
        }
    }

    #[test]
    fn orders_become_ranges() {
        let most = u64::from(u16::MAX);
        for (op, port, range) in [
            (Op::Eq, 5, Some((5, 5))),
            (Op::Lt, 0, None),
            (Op::Lt, 1, Some((0, 0))),
            (Op::Le, 0, Some((0, 0))),
            (Op::Gt, most, None),
            (Op::Gt, 0, Some((1, most))),
            (Op::Ge, most, Some((most, most))),
        ] {
            let (low, high) = bounds(op, port, port, most);
            assert_eq!((low <= high).then_some((low, high)), range, "{op:?} {port}");
        }
        let (low, high) = bounds(Op::Gt, u64::MAX, u64::MAX, u64::MAX);
        assert!(low > high);
    }
}
