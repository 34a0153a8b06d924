//! Numbers as users write them: with units, as ports, as moments.

use std::time::Duration;

/// A set of numbers: ascending ranges, both ends included, that neither touch nor overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The numbers from `low` to `high`.
    pub(super) fn new(low: u64, high: u64) -> Ranges {
        Ranges(if low <= high { vec![(low, high)] } else { Vec::new() })
    }

    /// The union of all sets.
    pub(super) fn union(mut ranges: Vec<(u64, u64)>) -> Ranges {
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some((_, end)) if low <= end.saturating_add(1) => *end = high.max(*end),
                _ => merged.push((low, high)),
            }
        }
        Ranges(merged)
    }

    /// The ranges themselves.
    pub(super) fn as_slice(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// Whether the number is a member.
    pub(super) fn contains(&self, number: u64) -> bool {
        match self.0.as_slice() {
            [(low, high)] => *low <= number && number <= *high,
            ranges => {
                let index = ranges.partition_point(|(low, _)| *low <= number);
                index.checked_sub(1).and_then(|index| ranges.get(index)).is_some_and(|(_, high)| number <= *high)
            }
        }
    }
}

/// What a number counts, hence which units it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Microseconds; a number without a unit means this many of them, or is an error.
    Duration(Option<u64>),
    /// Bits a second.
    Rate,
    /// Autonomous systems: `AS13335` or `13335`.
    Asn,
    /// Microseconds since 1970.
    Moment,
}

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("ki", 1 << 10),
    ("kib", 1 << 10),
    ("mi", 1 << 20),
    ("mib", 1 << 20),
    ("gi", 1 << 30),
    ("gib", 1 << 30),
    ("ti", 1 << 40),
    ("tib", 1 << 40),
];

const TIMES: &[(&str, u64)] = &[
    ("us", 1),
    ("µs", 1),
    ("μs", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
    ("w", 604_800_000_000),
];

const RATES: &[(&str, u64)] = &[
    ("", 1),
    ("bps", 1),
    ("k", 1_000),
    ("kbps", 1_000),
    ("kbit", 1_000),
    ("m", 1_000_000),
    ("mbps", 1_000_000),
    ("mbit", 1_000_000),
    ("g", 1_000_000_000),
    ("gbps", 1_000_000_000),
    ("gbit", 1_000_000_000),
];

impl Unit {
    /// What can be written, for messages.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Unit::Count => "a whole number",
            Unit::Bytes => "a number of bytes, such as 1500, 64kb, 1.5MB or 4KiB",
            Unit::Duration(Some(1)) => "a number of microseconds, or one with a unit: us, ms, s, m, h, d",
            Unit::Duration(Some(_)) => "a number of seconds, or one with a unit: us, ms, s, m, h, d",
            Unit::Duration(None) => "a duration with its unit, such as 100ms: us, ms, s, m, h, d",
            Unit::Rate => "a number of bits a second, such as 500kbps, 10mbps or 1gbps",
            Unit::Asn => "the number of an autonomous system, such as 13335 or AS13335",
            Unit::Moment => "a moment, such as 2026-11-22T08:00:00Z or 2026-11-22",
        }
    }

    /// Reads a number with its unit.
    pub(super) fn parse(self, text: &str) -> Result<u64, Flaw> {
        match self {
            Unit::Count => whole(text),
            Unit::Bytes => scaled(text, SIZES),
            Unit::Rate => scaled(text, RATES),
            Unit::Asn => match text.get(..2) {
                Some(prefix) if prefix.eq_ignore_ascii_case("as") => whole(text.get(2..).unwrap_or("")),
                _ => whole(text),
            },
            Unit::Duration(plain) => match (whole(text), plain) {
                (Ok(0), _) => Ok(0),
                (Ok(number), Some(scale)) => number.checked_mul(scale).ok_or(Flaw::TooLarge),
                _ => scaled(text, TIMES),
            },
            Unit::Moment => moment(text).ok_or(Flaw::Malformed),
        }
    }
}

/// A duration as users write it everywhere: `30s`, `1.5h`, `500ms`; a plain number is one of seconds.
///
/// # Errors
/// It is none; the message says what could be written.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit = Unit::Duration(Some(1_000_000));
    match unit.parse(text.trim()) {
        Ok(micros) => Ok(Duration::from_micros(micros)),
        // As `2.5`, which filters do not take.
        Err(Flaw::Malformed) if text.trim().ends_with(|last: char| last.is_ascii_digit()) => {
            unit.parse(&format!("{}s", text.trim())).map(Duration::from_micros).map_err(|_| unit.expected().to_owned())
        }
        Err(Flaw::Malformed) => Err(unit.expected().to_owned()),
        Err(Flaw::TooLarge) => Err("it is too long".to_owned()),
    }
}

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It does not look like one.
    Malformed,
    /// More than 64 bits, or than the thing can be.
    TooLarge,
}

/// Decimal digits, nothing else.
fn whole(text: &str) -> Result<u64, Flaw> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Flaw::Malformed);
    }
    text.parse().map_err(|_| Flaw::TooLarge)
}

/// `12`, `1.5MB`: integer arithmetic, so that no digit is lost.
fn scaled(text: &str, units: &[(&str, u64)]) -> Result<u64, Flaw> {
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).ok_or(Flaw::Malformed)?;
    let unit = unit.to_lowercase();
    let (_, scale) = units.iter().find(|(name, _)| *name == unit).ok_or(Flaw::Malformed)?;
    let (integer, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 9 {
        return Err(Flaw::Malformed);
    }
    let digits = u32::try_from(fraction.len()).map_err(|_| Flaw::Malformed)?;
    let integer = u128::from(whole(integer)?) * u128::from(*scale);
    let fraction = u128::from(whole(fraction)?) * u128::from(*scale) / 10u128.pow(digits);
    u64::try_from(integer + fraction).map_err(|_| Flaw::TooLarge)
}

/// A number as strtol(3) reads it with base 0, as ss does: `0x` begins a hexadecimal, `0` an octal one.
pub(super) fn c_number(text: &str) -> Result<u64, Flaw> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|char| char.is_digit(radix)) {
        return Err(Flaw::Malformed);
    }
    u64::from_str_radix(digits, radix).map_err(|_| Flaw::TooLarge)
}

/// RFC 3339, of which the time of day, its seconds and the offset (then UTC) may be missing; microseconds since 1970.
fn moment(text: &str) -> Option<u64> {
    if !text.is_ascii() {
        return None;
    }
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, "00:00"),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day > longest {
        return None;
    }
    let (time, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => (time.get(..at)?, time.get(at..)?),
        None => (time, "Z"),
    };
    let offset = match offset.strip_prefix(['+', '-']) {
        None if offset.eq_ignore_ascii_case("z") => 0,
        None => return None,
        Some(clock) => {
            let (hours, minutes) = clock.split_once(':')?;
            let seconds = digits(hours, 2)? * 3600 + digits(minutes, 2)? * 60;
            if offset.starts_with('-') { -seconds } else { seconds }
        }
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |seconds| digits(seconds, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || fraction.is_empty() {
        return None;
    }
    let mut micros: i64 = 0;
    for index in 0..6 {
        let digit = fraction.as_bytes().get(index).copied().unwrap_or(b'0');
        micros = micros * 10 + i64::from((digit as char).to_digit(10)?);
    }
    // Days since 1970 in the proleptic Gregorian calendar; the year begins in March, so that the leap day is its last.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day - 719_469;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    u64::try_from(seconds * 1_000_000 + micros).ok()
}

/// Exactly that many decimal digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    if text.len() != count {
        return None;
    }
    i64::try_from(whole(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_scale() {
        for (unit, text, number) in [
            (Unit::Count, "0", Ok(0)),
            (Unit::Count, "18446744073709551615", Ok(u64::MAX)),
            (Unit::Count, "18446744073709551616", Err(Flaw::TooLarge)),
            (Unit::Count, "-1", Err(Flaw::Malformed)),
            (Unit::Count, "1k", Err(Flaw::Malformed)),
            (Unit::Bytes, "1500", Ok(1500)),
            (Unit::Bytes, "1MB", Ok(1_000_000)),
            (Unit::Bytes, "1.5mb", Ok(1_500_000)),
            (Unit::Bytes, "1.000000001GB", Ok(1_000_000_001)),
            (Unit::Bytes, "4KiB", Ok(4096)),
            (Unit::Bytes, "2g", Ok(2_000_000_000)),
            (Unit::Bytes, "1 MB", Err(Flaw::Malformed)),
            (Unit::Bytes, "MB", Err(Flaw::Malformed)),
            (Unit::Bytes, ".5MB", Err(Flaw::Malformed)),
            (Unit::Bytes, "1.MB", Err(Flaw::Malformed)),
            (Unit::Bytes, "1.2.3MB", Err(Flaw::Malformed)),
            (Unit::Bytes, "20000000TB", Err(Flaw::TooLarge)),
            (Unit::Bytes, "5ms", Err(Flaw::Malformed)),
            (Unit::Duration(None), "100ms", Ok(100_000)),
            (Unit::Duration(None), "0.5s", Ok(500_000)),
            (Unit::Duration(None), "0", Ok(0)),
            (Unit::Duration(None), "100", Err(Flaw::Malformed)),
            (Unit::Duration(Some(1_000_000)), "5", Ok(5_000_000)),
            (Unit::Duration(Some(1_000_000)), "5m", Ok(300_000_000)),
            (Unit::Duration(Some(1)), "250us", Ok(250)),
            (Unit::Duration(None), "2d", Ok(172_800_000_000)),
            (Unit::Rate, "10mbps", Ok(10_000_000)),
            (Unit::Asn, "AS13335", Ok(13335)),
            (Unit::Asn, "as13335", Ok(13335)),
            (Unit::Asn, "AS", Err(Flaw::Malformed)),
            (Unit::Moment, "1970-01-01T00:00:00Z", Ok(0)),
            (Unit::Moment, "2000-02-29", Ok(951_782_400_000_000)),
            (Unit::Moment, "2026-11-22T08:00:00.123456Z", Ok(1_795_334_400_123_456)),
            (Unit::Moment, "2026-11-22T09:00:00+01:00", Ok(1_795_334_400_000_000)),
            (Unit::Moment, "2026-11-22 08:00", Ok(1_795_334_400_000_000)),
            (Unit::Moment, "2025-02-29", Err(Flaw::Malformed)),
            (Unit::Moment, "1969-12-31", Err(Flaw::Malformed)),
            (Unit::Moment, "2026-11-22T25:00:00Z", Err(Flaw::Malformed)),
            (Unit::Moment, "yesterday", Err(Flaw::Malformed)),
            (Unit::Moment, "２０２６-11-22", Err(Flaw::Malformed)),
        ] {
            assert_eq!(unit.parse(text), number, "{unit:?} {text}");
        }
    }

    #[test]
    fn c_numbers_have_three_radices() {
        for (text, number) in [
            ("0", Ok(0)),
            ("80", Ok(80)),
            ("0x50", Ok(80)),
            ("010", Ok(8)),
            ("080", Err(Flaw::Malformed)),
            ("0x", Err(Flaw::Malformed)),
            ("+5", Err(Flaw::Malformed)),
            ("-1", Err(Flaw::Malformed)),
            ("", Err(Flaw::Malformed)),
            ("99999999999999999999", Err(Flaw::TooLarge)),
        ] {
            assert_eq!(c_number(text), number, "{text}");
        }
    }

    #[test]
    fn ranges_join() {
        let ranges = Ranges::union(vec![(5, 9), (1, 2), (3, 3), (20, u64::MAX), (21, 22)]);
        assert_eq!(ranges.as_slice(), [(1, 3), (5, 9), (20, u64::MAX)]);
        for (number, member) in [(0, false), (1, true), (3, true), (4, false), (9, true), (10, false), (u64::MAX, true)]
        {
            assert_eq!(ranges.contains(number), member, "{number}");
        }
        assert!(!Ranges::new(3, 2).contains(3));
        assert!(!Ranges::union(Vec::new()).contains(0));
    }
}
