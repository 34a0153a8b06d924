use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sockscope_model::Protocol;

use crate::Services;

/// Finds IP addresses in text that comes in pieces, in all the shapes that logs have them: bare, with a zone
/// (`fe80::1%eth0`), with a port (`192.0.2.1:443`, `[2001:db8::1]:443`, `:::22`, `192.0.2.1:https`), in URLs, at the end of a
/// sentence, with colours of a terminal around and inside of them.
///
/// An address is never part of a longer run of digits, letters, dots or colons, so that version numbers of five parts, times,
/// hardware addresses and hashes are none. `::` alone is mostly a word of some programming language: it counts in brackets,
/// before a port, and before the length of a prefix. Any bytes are taken; only ASCII means something.
///
/// ```
/// use sockscope_core::AddressScanner;
///
/// let text = b"GET http://192.0.2.1/ from [2001:db8::1%eth0]:50000 at 12:30:45, version 1.2.3.4.5.";
/// let mut found = Vec::new();
/// let scanned = AddressScanner::default().scan(text, true, &mut |end, address| found.push((end, address.to_string())));
/// assert_eq!(scanned, text.len());
/// assert_eq!(found, [(20, "192.0.2.1".to_owned()), (44, "2001:db8::1".to_owned())]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct AddressScanner {
    /// Names that may stand for ports.
    services: Services,
    /// The text so far ended inside a run that is no address, or behind it and so many bytes of control sequences; it may go on.
    in_other_run: Option<usize>,
    /// The last byte that is done with.
    before: u8,
}

/// No address is longer, with zone, port and a sentence's end. What is longer needs not be kept for its end.
const LONGEST: usize = 128;

impl AddressScanner {
    /// A scanner that knows ports by these names too.
    pub fn new(services: Services) -> AddressScanner {
        AddressScanner { services, ..AddressScanner::default() }
    }

    /// Visits each address in `text` with the position behind it and its zone, and says how much of the text is done with.
    /// The rest, some 100 bytes (with colours in it, at most a KiB), may be the beginning of an address: hand it in again with what follows. If nothing
    /// follows (`at_end`), all is done with.
    pub fn scan(&mut self, text: &[u8], at_end: bool, visit: &mut dyn FnMut(usize, IpAddr)) -> usize {
        let done = self.scan_pieces(text, at_end, visit);
        if let Some(last) = text.get(..done).and_then(<[u8]>::last) {
            self.before = *last;
        }
        done
    }

    fn scan_pieces(&mut self, text: &[u8], at_end: bool, visit: &mut dyn FnMut(usize, IpAddr)) -> usize {
        let mut rest = text;
        loop {
            if let Some(passed) = self.in_other_run.take() {
                match end_of_run(rest, passed) {
                    End::Here(behind) => rest = behind,
                    End::Unknown(..) if at_end => return text.len(),
                    End::Unknown(kept, passed) => {
                        self.in_other_run = Some(passed);
                        return text.len() - kept.len();
                    }
                }
            }
            rest = skip(rest, |byte| !in_run(byte) && byte != ESCAPE);
            let start = text.len() - rest.len();
            if rest.is_empty() {
                return start;
            }
            if rest.starts_with(&[ESCAPE]) {
                match behind_control_sequence(rest) {
                    Some(behind) => rest = behind,
                    None if at_end => return text.len(),
                    None => return start,
                }
                continue;
            }
            let (after, shape) = Shape::of(rest);
            let run = rest.get(..rest.len() - after.len()).unwrap_or_default();
            if after.is_empty() && !at_end {
                if may_begin_address(run) {
                    return start;
                }
                self.in_other_run = Some(0);
                return text.len();
            }
            // Few runs have a control sequence behind them.
            let (run, after) = if after.starts_with(&[ESCAPE]) {
                match Run::gather(rest, at_end) {
                    Gathered::Whole(run, after) => (run, after),
                    Gathered::Unfinished => return start,
                    Gathered::None(after) => {
                        rest = after;
                        self.in_other_run = Some(0);
                        continue;
                    }
                }
            } else {
                rest = after;
                if !shape.may_be_address() || run.len() > LONGEST {
                    continue;
                }
                (Run::plain(run), after)
            };
            rest = after;
            let Some((address, end)) = self.address_in(&run.bytes, after.starts_with(b"-")) else { continue };
            if run.bytes.get(..end) == Some(b"::") && matches!(run.bytes.len(), 2 | 3) {
                let before = start.checked_sub(1).and_then(|at| text.get(at)).unwrap_or(&self.before);
                match lone_gap(*before, &run.bytes, after) {
                    Some(true) => {}
                    Some(false) => continue,
                    None if at_end => continue,
                    None => return start,
                }
            }
            let is_whole = end == run.bytes.len();
            let mut end = start + run.end_of(end);
            // A zone stands directly behind an address, without a port.
            if let Some(zone) = after.strip_prefix(b"%")
                && is_whole
            {
                let behind = skip(zone, in_zone);
                if behind.is_empty() && !at_end && zone.len() <= LONGEST {
                    return start;
                }
                let zone = zone.get(..zone.len() - behind.len()).unwrap_or_default();
                // Names of interfaces have 15 bytes at most.
                let zone = if zone.len() > LONGEST { &[] } else { without_dots(zone) };
                if !zone.is_empty() {
                    end += 1 + zone.len();
                }
                rest = text.get(end..).unwrap_or_default();
            }
            visit(end, address);
        }
    }

    /// The address that a run is, and where it ends in it; behind it may be a port, and a dot or colon that is the sentence's.
    /// `goes_on`: a hyphen follows, as in the name of many a service.
    fn address_in(&self, run: &[u8], goes_on: bool) -> Option<(IpAddr, usize)> {
        let mut text = std::str::from_utf8(run).ok()?;
        loop {
            if let Some(address) = address(text) {
                return Some((address, text.len()));
            }
            if let Some((head, port)) = text.rsplit_once(':')
                && let Some(address) = address(head)
                && (is_number(port) && is_before_number(head, port) || self.is_service(port, goes_on))
            {
                return Some((address, head.len()));
            }
            text = text.strip_suffix(['.', ':'])?;
        }
    }

    fn is_service(&self, name: &str, goes_on: bool) -> bool {
        let known = |protocol| self.services.port(name, protocol).is_some();
        let begins = |whole: &str| whole.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
        known(Protocol::Tcp) || known(Protocol::Udp) || goes_on && self.services.names().any(begins)
    }
}

/// What could be an address: all of a run, less the control sequences in it.
struct Run<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where each byte ends in the text, from the start of the run; empty: one behind the other.
    ends: Vec<usize>,
}

enum Gathered<'a> {
    /// A run, and what is behind it.
    Whole(Run<'a>, &'a [u8]),
    /// Too long for an address, or no beginning of one; it may go on here.
    None(&'a [u8]),
    /// It may go on behind the text.
    Unfinished,
}

impl<'a> Run<'a> {
    fn plain(run: &'a [u8]) -> Run<'a> {
        Run { bytes: Cow::Borrowed(run), ends: Vec::new() }
    }

    /// Where the first `length` bytes end in the text.
    fn end_of(&self, length: usize) -> usize {
        length.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(length)
    }

    fn gather(text: &'a [u8], at_end: bool) -> Gathered<'a> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let mut rest = text;
        loop {
            let behind = skip(rest, in_run);
            let begin = text.len() - rest.len();
            let part = rest.get(..rest.len() - behind.len()).unwrap_or_default();
            if bytes.len() + part.len() > LONGEST || text.len() - behind.len() > 4 * LONGEST {
                return Gathered::None(behind);
            }
            bytes.extend_from_slice(part);
            ends.extend((1..=part.len()).map(|length| begin + length));
            match joined(behind, 0) {
                Joined::Run(next) => rest = next,
                Joined::Unknown(..) if !at_end && may_begin_address(&bytes) => return Gathered::Unfinished,
                Joined::Unknown(..) if !at_end => return Gathered::None(behind),
                _ => return Gathered::Whole(Run { bytes: Cow::Owned(bytes), ends }, behind),
            }
        }
    }
}

/// Where a run ends that is no address.
enum End<'a> {
    Here(&'a [u8]),
    /// Behind the text. What is given must be kept, and behind so many bytes of control sequences are seen.
    Unknown(&'a [u8], usize),
}

/// `passed`: how many bytes of control sequences came before the text, behind the run.
fn end_of_run(text: &[u8], passed: usize) -> End<'_> {
    let (mut rest, mut passed) = (text, passed);
    loop {
        let behind = skip(rest, in_run);
        if behind.len() < rest.len() {
            passed = 0;
        }
        match joined(behind, passed) {
            Joined::Run(next) => (rest, passed) = (next, 0),
            Joined::Unknown(kept, passed) => return End::Unknown(kept, passed),
            Joined::Not => return End::Here(behind),
        }
    }
}

/// What is behind a run.
enum Joined<'a> {
    /// More of it: behind nothing but control sequences, of which a terminal shows nothing.
    Run(&'a [u8]),
    /// Something else.
    Not,
    /// The text ends, with what may be the beginning of a control sequence, behind so many bytes of them.
    Unknown(&'a [u8], usize),
}

fn joined(text: &[u8], passed: usize) -> Joined<'_> {
    let mut rest = text;
    loop {
        let passed = passed + text.len() - rest.len();
        match rest {
            _ if passed > LONGEST => return Joined::Not,
            [] => return Joined::Unknown(rest, passed),
            [ESCAPE, ..] => match behind_control_sequence(rest) {
                Some(behind) => rest = behind,
                None => return Joined::Unknown(rest, passed),
            },
            [byte, ..] if in_run(*byte) => return Joined::Run(rest),
            _ => return Joined::Not,
        }
    }
}

/// Whether an address, with a port, may begin so. What can't is not kept for what follows: it may be a prompt.
fn may_begin_address(run: &[u8]) -> bool {
    let is_begin = match run {
        [b':', second, ..] => *second == b':',
        [first, ..] => first.is_ascii_hexdigit() || *first == b':',
        [] => true,
    };
    if !is_begin || run.len() > LONGEST {
        return false;
    }
    // A letter that is no digit can only be of a port's name; two dots only end a sentence.
    let letter = run.iter().position(|byte| byte.is_ascii_alphabetic() && !byte.is_ascii_hexdigit());
    let dots = run.windows(2).position(|pair| pair == b"..");
    let Some(end) = letter.into_iter().chain(dots).min() else { return true };
    Shape::of(run.get(..end).unwrap_or_default()).1.may_be_address()
}

/// Whether `::` that is all of a run, or has one more colon behind it, is meant as an address; `None`: what follows tells.
fn lone_gap(before: u8, run: &[u8], after: &[u8]) -> Option<bool> {
    match after {
        [b'*', ..] => Some(run.len() == 3),
        [b']', ..] => Some(before == b'[' && run.len() == 2),
        [b'/', digit, ..] => Some(digit.is_ascii_digit() && run.len() == 2),
        [b'/'] => None,
        _ => Some(false),
    }
}

fn without_dots(text: &[u8]) -> &[u8] {
    let kept = text.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
    text.get(..kept).unwrap_or(text)
}

const ESCAPE: u8 = 0x1b;

/// What is behind a terminal's control sequence (ECMA-48, 5.4), such as one for a colour: its last letter is no part of the
/// word that follows. `None`: its end is not there. Behind an escape that begins no such sequence, the next byte.
fn behind_control_sequence(text: &[u8]) -> Option<&[u8]> {
    /// Those that programs write have some ten bytes.
    const LONGEST: usize = 64;
    let (body, middle, last) = match text {
        [ESCAPE, b'[', body @ ..] => (body, 0x20..=0x3f, 0x40..=0x7e),
        // Other sequences have fewer kinds of bytes, as ESC ( B.
        [_, body @ ..] => (body, 0x20..=0x2f, 0x30..=0x7e),
        [] => return None,
    };
    let end = skip(body, |byte| middle.contains(&byte));
    match end {
        _ if body.len() - end.len() > LONGEST => text.get(1..),
        [] => None,
        [byte, behind @ ..] if last.contains(byte) => Some(behind),
        other => Some(other),
    }
}

/// What an address, or more than one, could be part of.
const fn in_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b':'
}

/// Names of interfaces; a dot at the end is the sentence's.
const fn in_zone(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

#[inline]
fn skip(text: &[u8], what: impl Fn(u8) -> bool) -> &[u8] {
    let length = text.iter().position(|byte| !what(*byte)).unwrap_or(text.len());
    text.get(length..).unwrap_or_default()
}

/// What a run is made of: enough to pass over nearly all that are no addresses.
#[derive(Debug, Clone, Copy)]
struct Shape {
    dots: u32,
    colons: u32,
}

/// What each byte adds to a run's count: a dot 1, a colon 2 to the 16th, a letter or digit nothing; [`OUTSIDE`] ends the run.
#[expect(clippy::indexing_slicing, reason = "the compiler runs it, and would stop")]
const WEIGHTS: [u32; 256] = {
    let mut weights = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        weights[byte] = match byte as u8 {
            b'.' => 1,
            b':' => 1 << 16,
            other if in_run(other) => 0,
            _ => OUTSIDE,
        };
        byte += 1;
    }
    weights
};

const OUTSIDE: u32 = 1 << 31;

impl Shape {
    /// Counts, up to the end of the run; also gives what is behind it. This loop sees nearly every byte of a text.
    #[inline]
    fn of(text: &[u8]) -> (&[u8], Shape) {
        let mut counts = 0_u32;
        let mut length = text.len();
        for (position, byte) in text.iter().enumerate() {
            let weight = WEIGHTS.get(usize::from(*byte)).copied().unwrap_or(OUTSIDE);
            if weight == OUTSIDE {
                length = position;
                break;
            }
            // A run of so many dots that they count as colons is none anyway.
            counts = counts.wrapping_add(weight);
        }
        (text.get(length..).unwrap_or_default(), Shape { dots: counts & 0xffff, colons: counts >> 16 })
    }

    /// IPv4 has three dots, IPv6 at least two colons.
    const fn may_be_address(self) -> bool {
        self.dots >= 3 || self.colons >= 2
    }
}

/// An address of either family, and nothing else.
fn address(text: &str) -> Option<IpAddr> {
    match text.bytes().filter(|byte| *byte == b':').count() {
        0 => return text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        // Times, and most hardware addresses.
        6 if text.contains('.') => {}
        1..7 if !text.contains("::") => return None,
        _ => {}
    }
    let address = text.parse::<Ipv6Addr>().ok()?;
    // An EUI-64 is eight pairs of digits, as no IPv6 address is written.
    let is_hardware_address = text.len() == 23 && text.split(':').all(|part| part.len() == 2);
    (!is_hardware_address).then_some(IpAddr::V6(address))
}

/// Whether a number behind a colon is a port: behind IPv4; behind IPv6 as netstat writes it, without brackets, only where the
/// number can't be of the address.
fn is_before_number(head: &str, port: &str) -> bool {
    !head.contains("::") || head == "::" || head.contains('.') || port.len() == 5
}

/// A port's number.
fn is_number(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text with `<` and `>` around what a place would be put behind, however it is cut into pieces.
    fn marked(text: &str) -> String {
        let whole = scan(text.as_bytes(), &[]);
        for piece in [1, 2, 3, 7, 64] {
            let cuts: Vec<usize> = (piece..text.len()).step_by(piece).collect();
            assert_eq!(scan(text.as_bytes(), &cuts), whole, "{text} in pieces of {piece}");
        }
        String::from_utf8(whole).unwrap()
    }

    fn scan(text: &[u8], cuts: &[usize]) -> Vec<u8> {
        let services =
            [("https", Protocol::Tcp, 443), ("ssh", Protocol::Tcp, 22), ("ms-wbt-server", Protocol::Tcp, 3389)];
        let mut scanner = AddressScanner::new(services.into_iter().collect());
        let mut out = Vec::new();
        let mut held: Vec<u8> = Vec::new();
        let mut begin = 0;
        for end in cuts.iter().copied().chain([text.len()]) {
            held.extend(&text[begin..end]);
            begin = end;
            let mut copied = 0;
            let mut found = Vec::new();
            let done = scanner.scan(&held, end == text.len(), &mut |position, _| found.push(position));
            for position in found {
                out.extend(&held[copied..position]);
                out.push(b'#');
                copied = position;
            }
            assert!(copied <= done);
            out.extend(&held[copied..done]);
            held.drain(..done);
            assert!(held.len() <= 2 * LONGEST + 2, "{} bytes are held", held.len());
        }
        assert!(held.is_empty());
        out
    }

    #[test]
    fn shapes_that_logs_have() {
        for expected in [
            "8.8.8.8#",
            " 8.8.8.8# 1.1.1.1#\n",
            "from 8.8.8.8#.",
            "from 8.8.8.8#: timeout",
            "wait 8.8.8.8#...",
            "8.8.8.8#:443",
            "8.8.8.8#:443.",
            "8.8.8.8#:443:",
            "http://8.8.8.8#/x?y=1.1.1.1#&z",
            "https://user@8.8.8.8#:8443/",
            "(8.8.8.8#)",
            "\"8.8.8.8#\"",
            "ip=8.8.8.8#,1.1.1.1#;2001:db8::1#",
            "10.0.0.0#/8",
            "8.8.8.8#-8.8.8.9#",
            "8.8.8.8#->1.1.1.1#",
            "10.0.0.1#:ssh->10.0.0.2#:51234 (ESTABLISHED)",
            "10.0.0.1#:https",
            "10.0.0.1#:ms-wbt-server",
            "10.0.0.1#:*",
            "来自8.8.8.8#的连接",
            "2001:db8::1#",
            "2001:DB8::ABCD#",
            "2001:db8:0:1:2:3:4:5#",
            "[2001:db8::1#]:443",
            "http://[2001:db8::1#]/",
            "[2001:db8::1%eth0#]:443",
            "[fe80::1#]%eth0:546",
            "fe80::1%eth0#",
            "fe80::1%eth0.100#: up",
            "ping fe80::1%eth0#.",
            "fe80::1%eth0#/64",
            "192.168.1.5%eth0#:68",
            "2001:db8::1#/64",
            "2001:db8::#/32",
            "2001:db8::#: none",
            "::1#",
            "[::#]:80",
            "::#/0",
            ":::#22 is netstat's",
            ":::#*",
            "2400:3200::1#:51234",
            "::1#:ssh",
            "0:0:0:0:0:ffff:8.8.8.8#",
            "0:0:0:0:0:ffff:8.8.8.8#:443",
            "::ffff:192.0.2.1#",
            "::ffff:192.0.2.1#:443",
            "2001:db8:1:2:3:4:5:6#:443",
            "64:ff9b::192.0.2.33#",
            "8.8.8.8#%",
            "8.8.8.8#% of",
            "8.8.8.8# [x]",
            "\u{1b}[31m8.8.8.8#\u{1b}[0m",
            "\u{1b}[01;31m\u{1b}[K8.8.8.8#\u{1b}[m\u{1b}[K",
            "\u{1b}[01;31m8.8\u{1b}[m.8.8#\u{1b}[m",
            "8.8.8.8#\u{1b}[m:443",
            "8.8.8.8\u{1b}[31m3#\u{1b}[m.",
            "\u{1b}(B8.8.8.8#",
            "-8.8.8.8#_",
        ] {
            // netstat's `:::22` is marked behind `::`, which the notation above would show inside the third colon.
            let expected = expected.replace(":::#22", "::#:22").replace(":::#*", "::#:*");
            assert_eq!(marked(&expected.replace('#', "")), expected);
        }
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "1.2.3.4.5",
            "1.2.3",
            "v1.2.3.4",
            "1.2.3.4a",
            "1.2.3.4:abc",
            "1.2.3.4:99999",
            "1.2.3.4:5:6",
            "256.1.1.1",
            "01.2.3.4",
            ".1.2.3.4",
            ":1.2.3.4",
            "addr:1.2.3.4",
            "1.2.3.4.tar.gz",
            "20:34:09",
            "2026-11-24T20:34:09.123456Z",
            "00:1a:2b:3c:4d:5e",
            "00:1a:2b:ff:fe:3c:4d:5e",
            "d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42:7e",
            "SHA256:d41d8cd98f00b204e9800998ecf8427e",
            "std::vector<int>",
            "x :: Int, std::, :: y, [::-1], a ::= b, s/::/:/, ::",
            "8.8.8.8\u{1b}[31m.5",
            "v\u{1b}[1m\u{1b}[31m1.2.3.4",
            "1.2.3.4\u{1b}[0mx",
            "1.2.3\u{1b}[",
            "0:0:0:0:ffff:8.8.8.8",
            "Some::Perl::Module",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9:a",
            "2001:db8::1::2",
            "2001:db8::12345",
            "g::1",
            "::1.2.3",
            ". .. ... : ;",
            "a.b.c.d",
            "",
        ] {
            assert_eq!(marked(text), text);
        }
    }

    #[test]
    fn long_runs_are_passed_over_and_not_kept() {
        let long = "1".repeat(100_000);
        assert_eq!(marked(&long), long);
        let dotted = format!("{}8.8.8.8 8.8.8.8", "1.".repeat(400));
        assert_eq!(marked(&dotted), format!("{dotted}#"));
        let zone = format!("fe80::1%{}", "e".repeat(5000));
        assert_eq!(marked(&zone), zone.replace('%', "#%"), "so long a name has no interface");
    }

    /// A prompt must not wait for what is typed behind it.
    #[test]
    fn only_what_may_be_an_address_is_kept() {
        for (text, kept) in [
            ("Password:", 0),
            ("Password: ", 0),
            ("Working.....", 0),
            ("12.....", 0),
            ("done\u{1b}[0m", 0),
            ("> \u{1b}[0m", 0),
            ("x 8.8.8.8", 7),
            ("x 8.8.8.8..", 9),
            ("x 8.8.8.8:http", 12),
            ("x 8.8.8.8\u{1b}[0m", 11),
            ("x fe80::1%eth", 11),
            ("x \u{1b}[3", 3),
            ("x .1", 0),
            ("x :1", 0),
            ("x :", 1),
        ] {
            let done = AddressScanner::default().scan(text.as_bytes(), false, &mut |_, _| panic!("{text}"));
            assert_eq!(text.len() - done, kept, "{text}");
        }
    }

    #[test]
    fn any_bytes_are_taken() {
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.extend(b"\xff8.8.8.8\xfe\x00");
        let mut expected = bytes.clone();
        expected.insert(bytes.len() - 2, b'#');
        for cut in 0..bytes.len() {
            assert_eq!(scan(&bytes, &[cut]), expected);
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "([0-9a-f.:%\\[\\] /-]|8\\.8\\.8\\.8|2001:db8::1|%eth0|\u{1b}|\u{1b}\\[m){0,60}", cuts in prop::collection::vec(0usize..400, 0..6)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < text.len()).collect();
            cuts.sort_unstable();
            cuts.dedup();
            prop_assert_eq!(scan(text.as_bytes(), &cuts), scan(text.as_bytes(), &[]));
        }

        #[test]
        fn a_letter_a_digit_or_a_dot_before_it_makes_it_none(before in "[0-9A-Za-z.:]", address in any::<u32>()) {
            let text = format!("{before}{}", Ipv4Addr::from(address));
            // A digit may make another address.
            prop_assume!(text.parse::<Ipv4Addr>().is_err());
            prop_assert_eq!(marked(&text), text);
        }

        #[test]
        fn every_address_is_found(address in any::<u128>(), zeros in 0u32..128) {
            let ipv6 = Ipv6Addr::from(address & (u128::MAX << zeros) | 1);
            prop_assert_eq!(marked(&format!("x {ipv6} y")), format!("x {ipv6}# y"));
            let ipv4 = Ipv4Addr::from(address as u32);
            prop_assert_eq!(marked(&format!("x {ipv4} y")), format!("x {ipv4}# y"));
        }
    }
}
