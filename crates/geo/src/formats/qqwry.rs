use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use encoding_rs::{Encoding, GBK, UTF_8};

use super::wry::{self, NO_PLACE, Pool, Wry};
use super::{Format, Opened, Reader, Record, name_and_date};
use crate::bytes::{le24_at, le32_at};
use crate::database::Info;
use crate::details::{Details, Role};
use crate::{Data, Language, OpenError};

/// An entry of the index: the first address of a range, and where its record is.
const ENTRY: usize = 7;

/// The range that holds no place but the database's name and date.
const VERSION: u32 = 0xffff_ff00;

pub(super) fn detect(bytes: &[u8]) -> bool {
    match Index::of(bytes) {
        Ok(index) => index.looks_right(bytes),
        // A file that is cut off has no index: its first record says that 0.0.0.0/8 ends here.
        Err(Flaw::CutOff(_)) => le32_at(bytes, 8) == Some(0x00ff_ffff),
        Err(Flaw::Header(_)) => false,
    }
}

/// Reads the header and the version alone.
pub(super) fn open(data: Data) -> Result<Opened, OpenError> {
    let bytes = data.as_ref();
    let index = Index::of(bytes).map_err(|flaw| match flaw {
        Flaw::Header(problem) => OpenError::damaged(Format::Qqwry, 0, problem),
        Flaw::CutOff(at) => OpenError::damaged(Format::Qqwry, at, "the index is cut off"),
    })?;

    let wry = Wry { data, pointer_size: 3, encoding: GBK, separator: '–', unseparated: Role::Glued };
    let mut reader = Qqwry { wry, index, quick: None };
    reader.wry.encoding = reader.encoding();
    let date = reader.version();
    let name = name_and_date(Format::Qqwry.name(), date);
    let info = Info {
        format: Format::Qqwry,
        name,
        date,
        ipv4: true,
        ipv6: false,
        licence: "CZ88's terms: no redistribution",
        attribution: None,
        website: None,
        warning: None,
    };
    Ok((Box::new(reader), info))
}

struct Qqwry {
    wry: Wry,
    index: Index,
    quick: Option<Quick>,
}

impl Qqwry {
    /// The strings are GBK; those of some that others have rebuilt are UTF-8. Chinese text of the one is hardly ever valid as
    /// the other, so that some places, among them the version, tell.
    fn encoding(&self) -> &'static Encoding {
        let bytes = self.wry.bytes();
        let locations = self.index.samples().filter_map(|range| self.location(bytes, range));
        let mut texts = locations.map(|location| self.wry.texts(location)).flat_map(|(country, area)| [country, area]);
        let (mut chinese, mut utf8) = (false, true);
        texts.by_ref().for_each(|text| {
            chinese |= !text.is_ascii();
            utf8 &= std::str::from_utf8(text).is_ok();
        });
        if chinese && utf8 { UTF_8 } else { GBK }
    }

    fn version(&self) -> Option<jiff::civil::Date> {
        let bytes = self.wry.bytes();
        let last = self.index.count.checked_sub(1)?;
        if self.index.start(bytes, last)? != VERSION {
            return None;
        }
        let (country, area) = self.wry.texts(self.location(bytes, last)?);
        wry::date_in(&self.wry.decode(area)).or_else(|| wry::date_in(&self.wry.decode(country)))
    }

    /// Where a range's place is.
    fn location(&self, bytes: &[u8], range: usize) -> Option<usize> {
        self.wry.location(bytes, self.index.record(bytes, range)?.checked_add(4)?)
    }

    /// The last address of a range by its record.
    fn end(&self, bytes: &[u8], range: usize) -> Option<u32> {
        le32_at(bytes, self.index.record(bytes, range)?)
    }

    #[inline]
    fn record(&self, bytes: &[u8], range: usize) -> Option<Record> {
        match &self.quick {
            Some(quick) => quick.record(range),
            None => self.location(bytes, range).map(|location| Record(location as u64)),
        }
    }

    /// Whether a range is there to say how old the database is.
    fn is_version(&self, bytes: &[u8], range: usize) -> bool {
        range + 1 == self.index.count && self.index.start(bytes, range) == Some(VERSION)
    }
}

impl Reader for Qqwry {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        let IpAddr::V4(address) = address else { return None };
        let address = address.to_bits();
        if let Some(quick) = &self.quick {
            let range = quick.find(address)?;
            let within = !quick.gaps || self.end(self.wry.bytes(), range).is_some_and(|end| address <= end);
            return if within { quick.record(range) } else { None };
        }
        let bytes = self.wry.bytes();
        let range = self.index.find(bytes, address)?;
        if self.is_version(bytes, range) || self.end(bytes, range)? < address {
            return None;
        }
        self.record(bytes, range)
    }

    #[inline]
    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        wry::details(&self.wry, self.quick.as_ref().map(|quick| &quick.pool), record, language)
    }

    fn text<'a>(&'a self, record: Record, language: &Language) -> Cow<'a, str> {
        wry::text(&self.wry, self.quick.as_ref().map(|quick| &quick.pool), record, language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        let bytes = self.wry.bytes();
        for range in (0..self.index.count).filter(|range| !self.is_version(bytes, *range)) {
            let (Some(first), Some(end)) = (self.index.start(bytes, range), self.end(bytes, range)) else { continue };
            // What the next range has is not this one's.
            let last = match self.index.start(bytes, range + 1) {
                Some(next) => next.checked_sub(1).map(|before| before.min(end)),
                None => Some(end),
            };
            if let Some(last) = last
                && first <= last
                && let Some(record) = self.record(bytes, range)
            {
                visit(Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(last).into(), record);
            }
        }
    }

    /// Takes some 80 ms, and about as much memory as the file.
    fn prepare(&mut self) {
        self.quick = Quick::new(self);
    }
}

/// Where the ranges are, in the order of their first addresses. The file has been checked to be as long.
#[derive(Debug, Clone, Copy)]
struct Index {
    first: usize,
    count: usize,
}

/// What is wrong with a header.
enum Flaw {
    /// It is none.
    Header(&'static str),
    /// The index that it tells of is behind the end.
    CutOff(usize),
}

impl Index {
    fn of(bytes: &[u8]) -> Result<Index, Flaw> {
        let (Some(first), Some(last)) = (le32_at(bytes, 0), le32_at(bytes, 4)) else {
            return Err(Flaw::Header("the header is cut off"));
        };
        let (first, last) = (first as usize, last as usize);
        if first < 8 || last < first || !(last - first).is_multiple_of(ENTRY) {
            return Err(Flaw::Header("the header tells of no index"));
        }
        if last.checked_add(ENTRY).is_none_or(|end| end > bytes.len()) {
            return Err(Flaw::CutOff(first));
        }
        Ok(Index { first, count: (last - first) / ENTRY + 1 })
    }

    /// Whether what it holds is an index: nearly all ranges are in order and refer to records that end where they should.
    fn looks_right(self, bytes: &[u8]) -> bool {
        let right = |range: &usize| {
            let start = self.start(bytes, *range)?;
            let end = le32_at(bytes, self.record(bytes, *range)?)?;
            let next = self.start(bytes, range + 1);
            Some(start <= end && next.is_none_or(|next| end < next))
        };
        let (samples, good) =
            (self.samples().count(), self.samples().filter(|range| right(range) == Some(true)).count());
        good > samples - samples.div_ceil(8)
    }

    /// Some ranges, from the first to the last.
    fn samples(self) -> impl Iterator<Item = usize> {
        const SAMPLES: usize = 64;
        let last = self.count - 1;
        let samples = last.min(SAMPLES);
        (0..=samples).map(move |sample| (last * sample).checked_div(samples).unwrap_or(0))
    }

    /// The first address of a range.
    #[inline]
    fn start(self, bytes: &[u8], range: usize) -> Option<u32> {
        if range < self.count { le32_at(bytes, self.first + range * ENTRY) } else { None }
    }

    /// Where the record of a range is.
    fn record(self, bytes: &[u8], range: usize) -> Option<usize> {
        le24_at(bytes, self.first + range * ENTRY + 4).map(|record| record as usize)
    }

    /// The last range that starts at an address or before it.
    fn find(self, bytes: &[u8], address: u32) -> Option<usize> {
        let (mut from, mut to) = (0, self.count);
        while from < to {
            let middle = from.midpoint(to);
            if self.start(bytes, middle)? <= address {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from.checked_sub(1)
    }
}

/// What makes look-ups quick: the index and the places, in as few and as near bytes as possible, because each access to
/// memory that is not at hand takes longer than all the rest.
struct Quick {
    /// Of each upper half of an address, how many ranges start below it.
    below: Vec<u32>,
    ranges: Vec<Range>,
    /// Whether some ranges end before the next one starts.
    gaps: bool,
    pool: Pool,
}

/// The lower half of a range's first address, and the position of its place in the pool.
#[derive(Clone, Copy)]
struct Range([u8; 5]);

impl Range {
    fn new(start: u32, place: u32) -> Range {
        let ([a, b, ..], [c, d, e, _]) = (start.to_le_bytes(), place.to_le_bytes());
        Range([a, b, c, d, e])
    }

    #[inline]
    fn start(self) -> u16 {
        let Range([a, b, ..]) = self;
        u16::from_le_bytes([a, b])
    }

    #[inline]
    fn place(self) -> u32 {
        let Range([_, _, c, d, e]) = self;
        u32::from_le_bytes([c, d, e, 0])
    }
}

impl Quick {
    /// `None` where the index is not in order.
    fn new(reader: &Qqwry) -> Option<Quick> {
        let (bytes, index) = (reader.wry.bytes(), reader.index);
        let mut below = Vec::with_capacity((1 << 16) + 1);
        let mut gaps = false;
        for range in 0..index.count {
            let (start, next) = (index.start(bytes, range)?, index.start(bytes, range + 1));
            if next.is_some_and(|next| next <= start) {
                return None;
            }
            while below.len() <= (start >> 16) as usize {
                below.push(range as u32);
            }
            let last = next.map_or(u32::MAX, |next| next.saturating_sub(1));
            gaps |= reader.end(bytes, range).is_none_or(|end| end < last);
        }
        below.resize((1 << 16) + 1, index.count as u32);

        let location = |range| if reader.is_version(bytes, range) { None } else { reader.location(bytes, range) };
        let (pool, places) = Pool::new(&reader.wry, (0..index.count).map(location))?;
        let start = |range| index.start(bytes, range).unwrap_or_default();
        let ranges = places.iter().enumerate().map(|(range, place)| Range::new(start(range), *place)).collect();
        Some(Quick { below, ranges, gaps, pool })
    }

    /// The last range that starts at an address or before it.
    #[inline]
    fn find(&self, address: u32) -> Option<usize> {
        let (upper, lower) = ((address >> 16) as usize, address as u16);
        let (from, to) = (*self.below.get(upper)? as usize, *self.below.get(upper + 1)? as usize);
        let within = self.ranges.get(from..to)?.partition_point(|range| range.start() <= lower);
        (from + within).checked_sub(1)
    }

    #[inline]
    fn record(&self, range: usize) -> Option<Record> {
        wry::pooled(self.ranges.get(range).map_or(NO_PLACE, |range| range.place()))
    }
}
