//! The values of a MaxMind DB: maps, arrays, texts and numbers, as the data section and the metadata have them. Nothing is
//! decoded but what is asked for, and text is borrowed from the file.

use std::cell::Cell;

use crate::bytes::{array_at, u8_at};

/// How deep values may be inside of each other: real ones are some five deep.
const DEPTH_LIMIT: u32 = 64;
/// How many values one answer may pass over. Real records have some hundred; damaged ones can claim millions, again and
/// again.
const STEP_LIMIT: u32 = 1 << 16;

/// A part of the file that has values. Pointers count from its start.
pub(super) struct Section<'a> {
    bytes: &'a [u8],
    /// How many values may still be passed over.
    steps: Cell<u32>,
}

impl<'a> Section<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Section<'a> {
        Section { bytes, steps: Cell::new(STEP_LIMIT) }
    }

    pub(super) fn value(&self, offset: usize) -> Value<'_, 'a> {
        Value { section: self, offset }
    }

    /// The offset behind a value and all that is in it. A pointer's target is not in it.
    fn behind(&self, offset: usize) -> Option<usize> {
        let mut offset = offset;
        let mut pending = 1_u64;
        while pending > 0 {
            self.steps.set(self.steps.get().checked_sub(1)?);
            let head = Head::read(self.bytes, offset)?;
            offset = head.body;
            pending -= 1;
            match head.kind {
                Kind::Map => pending += 2 * head.size as u64,
                Kind::Array => pending += head.size as u64,
                Kind::Pointer | Kind::Boolean => {}
                _ => offset = offset.checked_add(head.size)?,
            }
        }
        (offset <= self.bytes.len()).then_some(offset)
    }

    /// Looks at a value and all that is in it or that it points to, and says what is wrong and where. What is too much to
    /// look at is taken to be right.
    pub(super) fn check(&self, offset: usize) -> Result<(), (usize, &'static str)> {
        self.check_at(offset, 0).map(|_| ())
    }

    fn check_at(&self, offset: usize, depth: u32) -> Result<usize, (usize, &'static str)> {
        let Some(left) = self.steps.get().checked_sub(1) else { return Ok(offset) };
        self.steps.set(left);
        if depth > DEPTH_LIMIT {
            return Err((offset, "values that are inside of each other without end"));
        }
        let head = Head::read(self.bytes, offset).ok_or((offset, "a value of no known type or cut off"))?;
        match head.kind {
            Kind::Pointer => {
                if Head::read(self.bytes, head.size).is_none_or(|target| target.kind == Kind::Pointer) {
                    return Err((offset, "a pointer that leads to no value"));
                }
                self.check_at(head.size, depth + 1)?;
                Ok(head.body)
            }
            Kind::Map | Kind::Array => {
                let mut at = head.body;
                for _ in 0..head.size {
                    if self.steps.get() == 0 {
                        break;
                    }
                    if head.kind == Kind::Map {
                        self.value(at).text().ok_or((at, "a map's key that is no text or cut off"))?;
                        at = self.check_at(at, depth + 1)?;
                    }
                    at = self.check_at(at, depth + 1)?;
                }
                Ok(at)
            }
            kind => {
                let size_is_right = match kind {
                    Kind::Text | Kind::Bytes => true,
                    Kind::Unsigned(longest) => head.size <= longest,
                    Kind::Signed => head.size <= 4,
                    Kind::Double => head.size == 8,
                    Kind::Float => head.size == 4,
                    _ => head.size <= 1,
                };
                if !size_is_right {
                    return Err((offset, "a number of the wrong size"));
                }
                let size = if kind == Kind::Boolean { 0 } else { head.size };
                let behind = head.body.checked_add(size).filter(|behind| *behind <= self.bytes.len());
                behind.ok_or((offset, "a value that goes past the end"))
            }
        }
    }
}

/// The types of values that readers tell apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Its size is the offset that it leads to.
    Pointer,
    Text,
    Double,
    Bytes,
    /// Of at most so many bytes.
    Unsigned(usize),
    Signed,
    Map,
    Array,
    /// Its size is its value.
    Boolean,
    Float,
}

/// What a value starts with: its type and its size in bytes or members.
struct Head {
    kind: Kind,
    size: usize,
    /// The offset behind the head.
    body: usize,
}

impl Head {
    fn read(bytes: &[u8], offset: usize) -> Option<Head> {
        let control = u8_at(bytes, offset)?;
        let mut body = offset.checked_add(1)?;
        if control >> 5 == 1 {
            return Head::pointer(bytes, control, body);
        }
        let kind = match control >> 5 {
            0 => {
                let extended = u8_at(bytes, body)?;
                body += 1;
                match extended {
                    1 => Kind::Signed,
                    2 => Kind::Unsigned(8),
                    3 => Kind::Unsigned(16),
                    4 => Kind::Array,
                    7 => Kind::Boolean,
                    8 => Kind::Float,
                    _ => return None,
                }
            }
            2 => Kind::Text,
            3 => Kind::Double,
            4 => Kind::Bytes,
            5 => Kind::Unsigned(2),
            6 => Kind::Unsigned(4),
            _ => Kind::Map,
        };
        let (size, more) = match control & 0x1f {
            29 => (29 + usize::from(u8_at(bytes, body)?), 1),
            30 => (285 + usize::from(u16::from_be_bytes(array_at(bytes, body)?)), 2),
            31 => {
                let [a, b, c] = array_at(bytes, body)?;
                (65_821 + u32::from_be_bytes([0, a, b, c]) as usize, 3)
            }
            size => (usize::from(size), 0),
        };
        Some(Head { kind, size, body: body + more })
    }

    /// The low three bits of a pointer's first byte are its highest, but for the longest pointers.
    fn pointer(bytes: &[u8], control: u8, body: usize) -> Option<Head> {
        let high = control & 7;
        let (target, length) = match control >> 3 & 3 {
            0 => (u32::from_be_bytes([0, 0, high, u8_at(bytes, body)?]), 1),
            1 => {
                let [a, b] = array_at(bytes, body)?;
                (2048 + u32::from_be_bytes([0, high, a, b]), 2)
            }
            2 => {
                let [a, b, c] = array_at(bytes, body)?;
                (526_336 + u32::from_be_bytes([high, a, b, c]), 3)
            }
            _ => (u32::from_be_bytes(array_at(bytes, body)?), 4),
        };
        Some(Head { kind: Kind::Pointer, size: target as usize, body: body + length })
    }
}

/// Names and keys are shorter. A file could have many values point to one text of 16 MiB, to be read again for each.
const LONGEST: usize = 1024;

/// A value, not decoded yet.
#[derive(Clone, Copy)]
pub(super) struct Value<'s, 'a> {
    section: &'s Section<'a>,
    offset: usize,
}

impl<'s, 'a> Value<'s, 'a> {
    /// Its head, or that of what it points to. No pointer leads to another.
    fn head(&self) -> Option<Head> {
        let head = Head::read(self.section.bytes, self.offset)?;
        if head.kind == Kind::Pointer { Head::read(self.section.bytes, head.size) } else { Some(head) }
    }

    fn bytes_of(&self, head: &Head) -> Option<&'a [u8]> {
        self.section.bytes.get(head.body..head.body.checked_add(head.size)?)
    }

    /// Text; `None` for anything else, and for what is too long to be a name.
    pub(super) fn text(&self) -> Option<&'a str> {
        let head = self.head()?;
        if head.kind != Kind::Text || head.size > LONGEST {
            return None;
        }
        std::str::from_utf8(self.bytes_of(&head)?).ok()
    }

    /// A whole number that is not negative.
    pub(super) fn unsigned(&self) -> Option<u64> {
        let head = self.head()?;
        if !matches!(head.kind, Kind::Unsigned(_)) {
            return None;
        }
        self.bytes_of(&head)?.iter().try_fold(0_u64, |number, byte| Some(number.checked_mul(256)? + u64::from(*byte)))
    }

    /// A number with a fraction.
    pub(super) fn real(&self) -> Option<f64> {
        let head = self.head()?;
        let bytes = self.bytes_of(&head)?;
        match head.kind {
            Kind::Double => bytes.try_into().ok().map(f64::from_be_bytes),
            Kind::Float => bytes.try_into().ok().map(f32::from_be_bytes).map(f64::from),
            _ => None,
        }
    }

    /// The entries of a map, as far as they can be read.
    pub(super) fn map(&self) -> Option<impl Iterator<Item = (&'a str, Value<'s, 'a>)> + use<'s, 'a>> {
        let mut keys_and_values = self.members(Kind::Map)?;
        Some(std::iter::from_fn(move || Some((keys_and_values.next()?.text()?, keys_and_values.next()?))))
    }

    /// The members of an array, as far as they can be read.
    pub(super) fn array(&self) -> Option<impl Iterator<Item = Value<'s, 'a>> + use<'s, 'a>> {
        self.members(Kind::Array)
    }

    fn members(&self, kind: Kind) -> Option<impl Iterator<Item = Value<'s, 'a>> + use<'s, 'a>> {
        let Value { section, .. } = *self;
        let head = self.head().filter(|head| head.kind == kind)?;
        let count = if kind == Kind::Map { head.size * 2 } else { head.size };
        let mut next = Some(head.body);
        Some((0..count).map_while(move |_| {
            let offset = next?;
            next = section.behind(offset);
            next.map(|_| Value { section, offset })
        }))
    }
}
