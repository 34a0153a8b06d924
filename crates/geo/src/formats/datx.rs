//! IPIP.net's datx, which came before ipdb: sorted ranges of IPv4 addresses, and the rows that they refer to. Cities have
//! ranges without gaps, of which only the last address is written; districts and base stations have both ends.

use std::net::{IpAddr, Ipv4Addr};

use super::ipip::{self, BASE_STATIONS, CITIES, DISTRICTS};
use super::{Format, Opened, Reader, Record};
use crate::bytes::{array_at, be16_at, be32_at, le24_at, le32_at, u8_at};
use crate::details::Details;
use crate::language::Language;
use crate::{Data, Info, OpenError};

/// The size of the table of the first entries by an address's first two bytes. It is not needed.
const TABLE: usize = 256 * 256 * 4;
/// The offset of the first entry.
const ENTRIES: usize = 4 + TABLE;
/// How many entries are looked at to tell what a file is.
const ENTRIES_CHECKED: usize = 256;

/// The two kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Last address, offset of three bytes, length of two.
    City,
    /// First and last address, offset of four bytes, length of one.
    District,
}

impl Kind {
    fn entry_size(self) -> usize {
        match self {
            Kind::City => 9,
            Kind::District => 13,
        }
    }
}

pub(super) fn detect(bytes: &[u8]) -> bool {
    [Kind::City, Kind::District].iter().any(|kind| Index::read(bytes, *kind).is_ok())
}

pub(super) fn open(data: Data) -> Result<Opened, OpenError> {
    let bytes = data.as_ref();
    let index = Index::read(bytes, Kind::City).or_else(|problem| {
        // What is said is about the kind that most files are of.
        Index::read(bytes, Kind::District).map_err(|_| problem)
    });
    let index = index.map_err(|(offset, problem)| OpenError::damaged(Format::Datx, offset, problem))?;
    let info = Info {
        format: Format::Datx,
        name: Format::Datx.to_string(),
        date: None,
        ipv4: true,
        ipv6: false,
        licence: "not stated by the file",
        attribution: None,
        website: None,
        warning: None,
    };
    Ok((Box::new(Datx { data, index }), info))
}

/// An entry.
#[derive(Debug, Clone, Copy)]
struct Entry {
    first: u32,
    last: u32,
    /// Of the row, from the first one.
    offset: u32,
    length: u16,
}

/// Where the entries are, and of which kind.
#[derive(Debug, Clone, Copy)]
struct Index {
    kind: Kind,
    count: usize,
    /// The offset of the first row.
    rows: usize,
}

impl Index {
    /// Looks at entries all over the file: enough to be sure of what it is, without reading all of it.
    fn read(bytes: &[u8], kind: Kind) -> Result<Index, (usize, &'static str)> {
        // What is written is larger by a table than where the rows start.
        let size = be32_at(bytes, 0).ok_or((0, "no index size"))? as usize;
        let rows = size.checked_sub(TABLE).filter(|rows| *rows > ENTRIES).ok_or((0, "an index without entries"))?;
        if rows >= bytes.len() {
            return Err((bytes.len(), "an index that goes past the end"));
        }
        if !(rows - ENTRIES).is_multiple_of(kind.entry_size()) {
            return Err((0, "an index that is no whole number of entries"));
        }
        let index = Index { kind, count: (rows - ENTRIES) / kind.entry_size(), rows };
        let step = index.count.div_ceil(ENTRIES_CHECKED);
        let mut end = None;
        for position in (0..index.count).step_by(step).chain([index.count - 1]) {
            let problem = |problem| (index.at(position), problem);
            let entry = index.entry(bytes, position).ok_or_else(|| problem("entries that are not in order"))?;
            let in_order = entry.first <= entry.last && end.is_none_or(|end| end <= entry.last);
            if !in_order {
                return Err(problem("entries that are not in order"));
            }
            end = Some(entry.last);
            let row = index.row(bytes, entry.record()).ok_or_else(|| problem("an entry with a row past the end"))?;
            if std::str::from_utf8(row).is_err() {
                return Err(problem("an entry with a row that is no UTF-8"));
            }
        }
        if kind == Kind::City && end != Some(u32::MAX) {
            return Err((rows, "entries that end before the last address"));
        }
        Ok(index)
    }

    fn at(&self, position: usize) -> usize {
        ENTRIES + position * self.kind.entry_size()
    }

    #[inline]
    fn entry(&self, bytes: &[u8], position: usize) -> Option<Entry> {
        if position >= self.count {
            return None;
        }
        let at = self.at(position);
        Some(match self.kind {
            Kind::City => Entry {
                first: match position.checked_sub(1) {
                    // Behind the last address there is no range; an entry that starts there is damaged, and empty.
                    Some(previous) => be32_at(bytes, self.at(previous))?.checked_add(1)?,
                    None => 0,
                },
                last: be32_at(bytes, at)?,
                offset: le24_at(bytes, at + 4)?,
                length: be16_at(bytes, at + 7)?,
            },
            Kind::District => Entry {
                first: be32_at(bytes, at)?,
                last: be32_at(bytes, at + 4)?,
                offset: le32_at(bytes, at + 8)?,
                length: u16::from(u8_at(bytes, at + 12)?),
            },
        })
    }

    /// The last address of an entry.
    #[inline]
    fn last(&self, bytes: &[u8], position: usize) -> Option<u32> {
        let skipped = if self.kind == Kind::City { 0 } else { 4 };
        array_at(bytes, self.at(position) + skipped).map(u32::from_be_bytes)
    }

    /// The first entry that does not end before an address.
    #[inline]
    fn search(&self, bytes: &[u8], address: u32) -> Option<Entry> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.last(bytes, middle)? < address {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.entry(bytes, low).filter(|entry| (entry.first..=entry.last).contains(&address))
    }

    #[inline]
    fn row<'a>(&self, bytes: &'a [u8], record: Record) -> Option<&'a [u8]> {
        let (offset, length) = ((record.0 >> 16) as usize, (record.0 & 0xffff) as usize);
        let start = self.rows.checked_add(offset)?;
        bytes.get(start..start.checked_add(length)?)
    }
}

impl Entry {
    /// Where the row is and how long: entries share rows.
    fn record(&self) -> Record {
        Record(u64::from(self.offset) << 16 | u64::from(self.length))
    }
}

struct Datx {
    data: Data,
    index: Index,
}

impl Datx {
    /// An entry's record, if its row is there.
    fn record(&self, entry: Entry) -> Option<Record> {
        let record = entry.record();
        self.index.row(self.data.as_ref(), record).map(|_| record)
    }
}

impl Reader for Datx {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        let IpAddr::V4(address) = address else { return None };
        self.record(self.index.search(self.data.as_ref(), address.to_bits())?)
    }

    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        let row = self.index.row(self.data.as_ref(), record).unwrap_or_default();
        let fields = match self.index.kind {
            Kind::City => &CITIES[..],
            // The fifth field of a district is a number, that of a base station an ISP.
            Kind::District
                if ipip::split(row)
                    .nth(4)
                    .is_some_and(|code| !code.is_empty() && code.iter().all(u8::is_ascii_digit)) =>
            {
                &DISTRICTS
            }
            Kind::District => &BASE_STATIONS,
        };
        ipip::details(fields.iter().copied().zip(ipip::split(row)), language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        let bytes = self.data.as_ref();
        for position in 0..self.index.count {
            let entry = self.index.entry(bytes, position).filter(|entry| entry.first <= entry.last);
            if let Some((entry, record)) = entry.and_then(|entry| Some((entry, self.record(entry)?))) {
                let address = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
                visit(address(entry.first), address(entry.last), record);
            }
        }
    }
}
