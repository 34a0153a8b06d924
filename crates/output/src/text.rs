use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

use sockscope_model::{NoOwner, Row, Timestamp};

/// A short text on the stack. What does not fit makes [`fmt::Write`] fail.
pub(crate) struct Stack<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Stack<N> {
    /// The text of `value`; `None` if it is longer than `N` bytes.
    pub(crate) fn of(value: impl fmt::Display) -> Option<Stack<N>> {
        let mut stack = Stack { bytes: [0; N], length: 0 };
        write!(stack, "{value}").ok()?;
        Some(stack)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for Stack<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A decimal number.
pub(crate) fn push_number(out: &mut String, mut number: u64) {
    // Twenty digits hold u64::MAX. This is several times as fast as `write!`, and tables and CSV are mostly numbers.
    let mut digits = [b'0'; 20];
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        // The remainder is below ten.
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        length += 1;
        if number == 0 {
            break;
        }
    }
    let digits = digits.get(digits.len() - length..).and_then(|digits| std::str::from_utf8(digits).ok());
    out.push_str(digits.unwrap_or_default());
}

/// An address as RFC 5952 has it.
pub(crate) fn push_address(out: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            for (position, octet) in v4.octets().into_iter().enumerate() {
                if position > 0 {
                    out.push('.');
                }
                push_number(out, u64::from(octet));
            }
        }
        // A String takes everything.
        IpAddr::V6(v6) => _ = write!(out, "{v6}"),
    }
}

/// `10.0.0.5:443`, `[2001:db8::1]:443`, `[fe80::1%eth0]:443`.
pub(crate) fn push_endpoint(out: &mut String, row: &Row<'_>, endpoint: SocketAddr) {
    push_endpoint_on(out, row, endpoint, None);
}

/// The local end; a socket that is bound to an interface shows it as `ss` does: `0.0.0.0%lo:8080`.
pub(crate) fn push_local(out: &mut String, row: &Row<'_>) {
    push_endpoint_on(out, row, row.socket.key.local, row.socket.interface);
}

fn push_endpoint_on(out: &mut String, row: &Row<'_>, endpoint: SocketAddr, interface: Option<u32>) {
    let zone = match endpoint {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(v6.scope_id()),
        _ => interface,
    };
    let (open, close) = if endpoint.is_ipv6() { ("[", "]") } else { ("", "") };
    out.push_str(open);
    push_address(out, endpoint.ip());
    if let Some(zone) = zone {
        out.push('%');
        crate::clean::push_clean(out, &row.snapshot().interface_name(zone));
    }
    out.push_str(close);
    out.push(':');
    push_number(out, u64::from(endpoint.port()));
}

/// A socket in a message: `tcp 127.0.0.1:40000 127.0.0.1:80 established curl[12]`, or with the reason why nobody owns it.
pub fn brief(row: &Row<'_>) -> String {
    let socket = row.socket;
    let mut text = String::new();
    push_socket(&mut text, row);
    for owner in socket.owners.processes() {
        text.push(' ');
        crate::clean::push_clean(&mut text, row.snapshot().process(owner.process).map_or("", |it| it.name.as_str()));
        text.push_str(&format!("[{}]", owner.process.pid));
    }
    match socket.owners.reason() {
        None | Some(NoOwner::NotAsked) => {}
        Some(reason) => text.push_str(&format!(" ({})", reason.name())),
    }
    text
}

/// As [`brief`], without owners.
pub(crate) fn push_socket(out: &mut String, row: &Row<'_>) {
    let socket = row.socket;
    out.push_str(socket.key.protocol.name());
    out.push(' ');
    push_local(out, row);
    out.push(' ');
    match socket.key.remote {
        Some(remote) => push_endpoint(out, row, remote),
        None => out.push('-'),
    }
    if let Some(state) = socket.state {
        // A String takes everything.
        _ = write!(out, " {state}");
    }
}

/// Whether RFC 3339 has words for the moment: years 0 to 9999, less the last two days, which are 10000 in some time zone.
pub(crate) fn has_date(time: Timestamp) -> bool {
    (-62_167_219_200_000_000..253_402_207_200_000_000).contains(&time.as_micros())
}

/// RFC 3339 in UTC with microseconds; `None` where [`has_date`] says no.
pub(crate) fn rfc3339(time: Timestamp) -> Option<Stack<32>> {
    let time = jiff::Timestamp::from_microsecond(Some(time).filter(|time| has_date(*time))?.as_micros()).ok()?;
    Stack::of(format_args!("{time:.6}"))
}

/// A moment in a sentence: `2026-11-22 08:00:00.1 UTC`.
pub fn moment(time: Timestamp) -> String {
    let text = rfc3339(time);
    match text.as_ref().and_then(|text| text.as_str().get(..21)?.split_once('T')) {
        Some((day, time)) => format!("{day} {time} UTC"),
        None => "a time without a date".to_owned(),
    }
}

/// A duration in the unit that leaves at most three digits before the point: `850us`, `1.2ms`, `3.4s`, `12m`, `3h`, `4d`.
pub(crate) fn push_duration(out: &mut String, micros: u64) {
    match micros {
        0..1_000 => push_unit(out, micros, 1, "us"),
        1_000..1_000_000 => push_unit(out, micros, 1_000, "ms"),
        1_000_000..60_000_000 => push_unit(out, micros, 1_000_000, "s"),
        60_000_000..3_600_000_000 => push_unit(out, micros, 60_000_000, "m"),
        3_600_000_000..86_400_000_000 => push_unit(out, micros, 3_600_000_000, "h"),
        _ => push_unit(out, micros, 86_400_000_000, "d"),
    }
}

/// A size in powers of 1000: `512B`, `1.2kB`, `34MB`.
pub(crate) fn push_scaled(out: &mut String, number: u64, unit: &str) {
    const STEPS: [(u64, &str); 6] = [
        (1_000_000_000_000_000_000, "E"),
        (1_000_000_000_000_000, "P"),
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (1_000, "k"),
    ];
    let (step, prefix) = STEPS.into_iter().find(|(step, _)| number >= *step).unwrap_or((1, ""));
    push_unit(out, number, step, prefix);
    out.push_str(unit);
}

/// `number / step`, with one decimal where it is below ten and not whole. Rounded down, so that a unit never overflows.
fn push_unit(out: &mut String, number: u64, step: u64, unit: &str) {
    let whole = number / step;
    push_number(out, whole);
    let tenth = number % step / (step / 10).max(1);
    if step > 1 && whole < 10 && tenth > 0 {
        out.push('.');
        push_number(out, tenth);
    }
    out.push_str(unit);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(push: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        push(&mut out);
        out
    }

    #[test]
    fn numbers_have_all_their_digits() {
        for number in [0, 1, 9, 10, 99, 100, 65535, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(pushed(|out| push_number(out, number)), number.to_string());
        }
    }

    #[test]
    fn addresses_follow_rfc_5952() {
        for text in [
            "0.0.0.0",
            "255.255.255.255",
            "10.0.0.5",
            "::",
            "::1",
            "1::",
            // 4.2.2: one field of zeros is not shortened.
            "2001:db8:0:1:1:1:1:1",
            // 4.2.3: the longest run is, and the first of equal ones.
            "2001:0:0:1::1",
            "2001:db8::1:0:0:1",
            // 5: the mapped prefix is well known. 96 bits of zeros are not.
            "::ffff:192.0.2.1",
            "::c000:201",
            "64:ff9b::c000:201",
            "fe80::abcd",
        ] {
            assert_eq!(pushed(|out| push_address(out, text.parse().unwrap())), text);
        }
    }

    #[test]
    fn times_have_six_digits_and_end_with_z() {
        let text = |micros| rfc3339(Timestamp::from_micros(micros)).map(|text| text.as_str().to_owned());
        assert_eq!(text(0).unwrap(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(text(1_795_334_400_123_456).unwrap(), "2026-11-22T08:00:00.123456Z");
        assert_eq!(text(-1).unwrap(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(text(-62_167_219_200_000_000).unwrap(), "0000-01-01T00:00:00.000000Z");
        assert_eq!(text(253_402_207_199_999_999).unwrap(), "9999-12-30T21:59:59.999999Z");
        for outside in [i64::MIN, -62_167_219_200_000_001, 253_402_207_200_000_000, i64::MAX] {
            assert_eq!(text(outside), None);
        }
    }

    #[test]
    fn units_are_short() {
        for (micros, text) in [
            (0, "0us"),
            (850, "850us"),
            (1_000, "1ms"),
            (1_250, "1.2ms"),
            (12_900, "12ms"),
            (999_999, "999ms"),
            (3_400_000, "3.4s"),
            (90_000_000, "1.5m"),
            (7_200_000_000, "2h"),
            (864_000_000_000, "10d"),
        ] {
            assert_eq!(pushed(|out| push_duration(out, micros)), text);
        }
        for (bytes, text) in [(0, "0B"), (999, "999B"), (1_500, "1.5kB"), (34_999_999, "34MB"), (u64::MAX, "18EB")] {
            assert_eq!(pushed(|out| push_scaled(out, bytes, "B")), text);
        }
    }
}
