use std::io::{self, Write};

/// Passes on what is written; colours out of sixteen in the words that every terminal understands: `36` for `38;5;6`, which
/// crossterm always writes, and which terminals of sixteen colours need not know.
#[derive(Debug)]
pub(crate) struct Sixteen<W: Write> {
    out: W,
    /// Whether to do so; else everything goes as it comes.
    translates: bool,
    waiting: Vec<u8>,
}

impl<W: Write> Sixteen<W> {
    pub(crate) fn new(out: W, translates: bool) -> Sixteen<W> {
        Sixteen { out, translates, waiting: Vec::new() }
    }
}

impl<W: Write> Write for Sixteen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A whole frame goes out at once.
        self.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let frame = std::mem::take(&mut self.waiting);
        if self.translates {
            self.out.write_all(&translated(&frame))?;
        } else {
            self.out.write_all(&frame)?;
        }
        self.out.flush()
    }
}

/// Translates what stands in `ESC [ ... m`; texts hold no ESC.
fn translated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\x1b[") {
        let (before, sequence) = rest.split_at(at + 2);
        out.extend_from_slice(before);
        let end = sequence.iter().position(|byte| !byte.is_ascii_digit() && *byte != b';').unwrap_or(sequence.len());
        let (parameters, after) = sequence.split_at(end);
        if after.first() == Some(&b'm') {
            push_parameters(&mut out, parameters);
        } else {
            out.extend_from_slice(parameters);
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

fn push_parameters(out: &mut Vec<u8>, parameters: &[u8]) {
    let text = std::str::from_utf8(parameters).unwrap_or_default();
    let mut words = text.split(';');
    let mut first = true;
    while let Some(word) = words.next() {
        let mut ahead = words.clone();
        let number = match (word, ahead.next(), ahead.next().and_then(|number| number.parse::<u8>().ok())) {
            ("38" | "48", Some("5"), Some(number @ 0..16)) => {
                words = ahead;
                let base = if word == "38" { 30 } else { 40 };
                Some(if number < 8 { base + number } else { base + 60 + number - 8 })
            }
            _ => None,
        };
        if !first {
            out.push(b';');
        }
        first = false;
        match number {
            Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
            None => out.extend_from_slice(word.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_colours_are_said_as_they_were_before_there_were_more() {
        for (from, to) in [
            ("\x1b[38;5;6mcyan", "\x1b[36mcyan"),
            ("\x1b[38;5;9;48;5;1m", "\x1b[91;41m"),
            ("\x1b[1m\x1b[48;5;15;39m", "\x1b[1m\x1b[107;39m"),
            ("\x1b[38;5;200m", "\x1b[38;5;200m"),
            ("\x1b[m\x1b[38;5m\x1b[38m", "\x1b[m\x1b[38;5m\x1b[38m"),
            ("38;5;6m \x1b[38;5;6H 中文 \x1b", "38;5;6m \x1b[38;5;6H 中文 \x1b"),
            ("\x1b[", "\x1b["),
        ] {
            let mut sixteen = Sixteen::new(Vec::new(), true);
            for byte in from.bytes() {
                sixteen.write_all(&[byte]).unwrap();
            }
            sixteen.flush().unwrap();
            assert_eq!(String::from_utf8(sixteen.out).unwrap(), to);
        }
        let mut plain = Sixteen::new(Vec::new(), false);
        plain.write_all(b"\x1b[38;5;6m").unwrap();
        plain.flush().unwrap();
        assert_eq!(plain.out, b"\x1b[38;5;6m");
    }
}
