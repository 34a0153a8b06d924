use std::io::{BufRead, ErrorKind};

use super::{Place, ReadCause, ReadError, error_at};

/// Cuts a text into objects, however they are spread over lines. Whether an object makes sense is not asked here.
#[derive(Debug)]
pub(super) struct Documents<R> {
    input: R,
    /// Where the next byte is.
    at: Place,
    /// How many bytes an object may have.
    pub(super) largest: usize,
}

/// How far an object has come.
#[derive(Debug, Default)]
struct Progress {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Progress {
    /// Takes a byte; whether the object ends with it.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }
}

impl<R: BufRead> Documents<R> {
    pub(super) fn new(input: R, at: Place, largest: usize) -> Documents<R> {
        Documents { input, at: Place { end: at.offset, ..at }, largest }
    }

    /// Puts the next object into the buffer; `None` at the end.
    pub(super) fn next(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Place>, ReadError> {
        buffer.clear();
        if !self.skip_to_object()? {
            return Ok(None);
        }
        let mut place = self.at;
        let mut progress = Progress::default();
        loop {
            let largest = self.largest;
            let chunk = self.fill()?;
            if chunk.is_empty() {
                return Err(error_at(place, String::new(), ReadCause::Truncated));
            }
            let end = chunk.iter().position(|byte| progress.ends_with(*byte));
            let part = chunk.get(..end.map_or(chunk.len(), |end| end + 1)).unwrap_or(chunk);
            if part.len() > largest.saturating_sub(buffer.len()) {
                return Err(error_at(place, String::new(), ReadCause::TooLarge(largest)));
            }
            buffer.extend_from_slice(part);
            let (length, lines) = (part.len(), part.iter().filter(|byte| **byte == b'\n').count());
            self.pass(length, lines);
            if end.is_some() {
                place.end = self.at.offset;
                self.at.document += 1;
                return Ok(Some(place));
            }
        }
    }

    /// Passes over what stands between objects; whether there is another.
    fn skip_to_object(&mut self) -> Result<bool, ReadError> {
        loop {
            let begin = self.at.offset;
            let chunk = self.fill()?;
            if chunk.is_empty() {
                return Ok(false);
            }
            // What some editors and shells begin every text with.
            let is_mark = |offset: u64, byte: u8| {
                usize::try_from(offset).is_ok_and(|offset| [0xef, 0xbb, 0xbf].get(offset) == Some(&byte))
            };
            let skipped = |(offset, byte): (u64, u8)| byte.is_ascii_whitespace() || is_mark(offset, byte);
            let found = chunk.iter().zip(begin..).position(|(byte, offset)| !skipped((offset, *byte)));
            let passed = chunk.get(..found.unwrap_or(chunk.len())).unwrap_or_default();
            let byte = found.and_then(|found| chunk.get(found)).copied();
            let (length, lines) = (passed.len(), passed.iter().filter(|byte| **byte == b'\n').count());
            self.pass(length, lines);
            match byte {
                None => {}
                Some(b'{') => return Ok(true),
                Some(byte) => {
                    let stands = match (self.at.offset, byte) {
                        (0, 0xff | 0xfe) => "UTF-16, which Windows PowerShell writes; cmd and PowerShell 7 write UTF-8",
                        (0, 0x1f) => "what may be compressed",
                        (_, b'[') => "an array",
                        (_, 0x21..=0x7e) => &format!("'{}'", char::from(byte)),
                        _ => &format!("the byte {byte:#04x}"),
                    };
                    return Err(error_at(self.at, String::new(), ReadCause::NoObject(stands.to_owned())));
                }
            }
        }
    }

    fn fill(&mut self) -> Result<&[u8], ReadError> {
        loop {
            match self.input.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error_at(self.at, String::new(), ReadCause::Io(error))),
            }
        }
        // What is in the buffer is given again without being read again.
        self.input.fill_buf().map_err(|error| error_at(self.at, String::new(), ReadCause::Io(error)))
    }

    fn pass(&mut self, bytes: usize, lines: usize) {
        self.input.consume(bytes);
        self.at.offset += bytes as u64;
        self.at.line += lines as u64;
    }
}
