//! Our own format: of the table that is part of the program, and of the file of autonomous systems. Nothing is unpacked or
//! checked through when it is opened; a look-up touches a handful of pages. `cargo xtask places` writes it.
//!
//! All numbers are little-endian and at any alignment. 60 bytes of header:
//!
//! | at | what |
//! |---|---|
//! | 0 | `sockscope places` and a NUL |
//! | 17 | u8: version, 1 |
//! | 18 | u8: source, see [`SOURCES`] |
//! | 19 | u8: width of a number of a record, 1 or 4 bytes |
//! | 20 | u32: date of the data, as decimal digits YYYYMMDD |
//! | 24 | u32: records |
//! | 28 | u32: bytes of text |
//! | 32 | IPv4: u32 first bucket, u32 buckets, u32 entries |
//! | 44 | IPv6: the same |
//! | 56 | u32: exact entries |
//!
//! Sections follow without a space between them, and nothing follows them:
//!
//! 1. Records, 12 bytes each: country code (two letters or two NULs), u16 length of the organization, u32 autonomous system
//!    (0: none), u32 where in the text the organization begins.
//! 2. The text, UTF-8.
//! 3. IPv4: the index, then the entries.
//! 4. IPv6: the same.
//! 5. Exact entries.
//!
//! An entry is a key, which tells the address where a range starts, and the number of the range's record: 0 is none, 1 the
//! first record. A range ends before the next entry, the last one with the address space, and so a gap between ranges is an
//! entry with number 0. The first 16 bits of a start are its bucket, the next 16 (IPv4, u16) or 32 bits (IPv6, u32) its key.
//! The index has for each bucket, from the first on, the position of its first entry (u32), and twice the number of entries
//! after the last.
//!
//! The greatest number of the width stands for a /48 of IPv6 with ranges that start inside of it: the answer is in the exact
//! entries, whose key is the whole start (u128), and of which one starts where the /48 does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use jiff::civil::Date;

use super::{Format, Opened, Reader, Record};
use crate::bytes::{array_at, le16_at, le32_at, u8_at};
use crate::details::{Role, Statement};
use crate::{Data, Database, Details, Info, Language, OpenError, Options};

/// The country of each address.
static EMBEDDED: &[u8] = include_bytes!("../../data/places.bin");

const MAGIC: &[u8] = b"sockscope places\0";
const VERSION: u8 = 1;
const HEADER: usize = 60;
const RECORD: usize = 12;
/// Of a family's first bucket, buckets and entries.
const IPV4_AT: usize = 32;
const IPV6_AT: usize = 44;
/// As many buckets as 16 bits tell apart.
const BUCKETS: u64 = 1 << 16;

/// Whose data it is. Kept here and not in the file, so that no file makes us show words of its own.
struct Source {
    /// As the file says it.
    number: u8,
    name: &'static str,
    /// It comes out every day, not every month: how much of the date the name needs.
    daily: bool,
    licence: &'static str,
    attribution: &'static str,
    website: Option<&'static str>,
}

const SOURCES: [Source; 2] = [
    Source {
        number: 1,
        name: "DB-IP Country Lite",
        daily: false,
        licence: "CC BY 4.0",
        attribution: "IP Geolocation by DB-IP",
        website: Some("https://db-ip.com"),
    },
    Source {
        number: 2,
        name: "ASN by RouteViews, NRO and DB-IP",
        daily: true,
        licence: "CC BY 4.0",
        attribution: "Autonomous systems by RouteViews, NRO and DB-IP",
        website: None,
    },
];

impl Source {
    /// Its name and how old it is.
    fn name_at(&self, date: Date) -> String {
        let (name, year, month) = (self.name, date.year(), date.month());
        if self.daily {
            format!("{name} {year:04}-{month:02}-{:02}", date.day())
        } else {
            format!("{name} {year:04}-{month:02}")
        }
    }
}

pub(super) fn detect(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

pub(super) fn open(data: Data) -> Result<Opened, OpenError> {
    let bytes = data.as_ref();
    let damaged = |offset, problem| OpenError::damaged(Format::Table, offset, problem);
    let unsupported = |what| OpenError::Unsupported { format: Format::Table, what };
    if !detect(bytes) {
        return Err(damaged(0, "no mark of this format"));
    }
    let Some(header) = array_at::<HEADER>(bytes, 0) else {
        return Err(damaged(bytes.len(), "the header ends early"));
    };
    let byte = |at| u8_at(&header, at).unwrap_or_default();
    let word = |at| le32_at(&header, at).unwrap_or_default();

    if byte(17) != VERSION {
        return Err(unsupported(format!("version {}", byte(17))));
    }
    let Some(source) = SOURCES.iter().find(|source| source.number == byte(18)) else {
        return Err(unsupported(format!("source {}", byte(18))));
    };
    let width = match byte(19) {
        1 => Width::Byte,
        4 => Width::Word,
        _ => return Err(damaged(19, "record numbers are of an unknown width")),
    };
    let date = date(word(20)).ok_or_else(|| damaged(20, "not a date"))?;

    let mut sections = Sections { end: HEADER as u64 };
    let records = sections.next(word(24), RECORD);
    let text = sections.next(word(28), 1);
    let mut family = |at, key| {
        let (first, buckets, entries) = (word(at), word(at + 4), word(at + 8));
        if u64::from(first) + u64::from(buckets) > BUCKETS {
            return Err(damaged(at, "more buckets than 16 bits tell apart"));
        }
        let index = sections.next(buckets + 2, 4);
        Ok(Family { first, buckets, index, entries: sections.next(entries, key + width.bytes()) })
    };
    let ipv4 = family(IPV4_AT, 2)?;
    let ipv6 = family(IPV6_AT, 4)?;
    let exact = sections.next(word(56), 16 + width.bytes());
    // From here on every section is inside of the file.
    if sections.end != bytes.len() as u64 {
        return Err(damaged(bytes.len(), "the header tells of another size"));
    }
    if ipv4.entries.is_empty() && ipv6.entries.is_empty() {
        return Err(damaged(IPV4_AT, "there are no ranges"));
    }

    let info = Info {
        format: Format::Table,
        name: source.name_at(date),
        date: Some(date),
        ipv4: !ipv4.entries.is_empty(),
        ipv6: !ipv6.entries.is_empty(),
        licence: source.licence,
        attribution: Some(source.attribution),
        website: source.website,
        warning: None,
    };
    Ok((Box::new(Table { data, width, count: word(24), records, text, ipv4, ipv6, exact }), info))
}

#[expect(clippy::expect_used, reason = "the bytes are a constant, and tests open it")]
pub(super) fn embedded(language: &Language) -> Database {
    let options = Options { language: language.clone(), key: None };
    Database::open_as(Format::Table, EMBEDDED, &options).expect("the embedded table can be opened")
}

/// Where each section is.
struct Table {
    data: Data,
    width: Width,
    /// How many records there are.
    count: u32,
    records: Range<usize>,
    text: Range<usize>,
    ipv4: Family,
    ipv6: Family,
    exact: Range<usize>,
}

struct Family {
    first: u32,
    buckets: u32,
    index: Range<usize>,
    entries: Range<usize>,
}

/// Of the number of a record.
#[derive(Clone, Copy, PartialEq)]
enum Width {
    Byte,
    Word,
}

impl Reader for Table {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        let number = match (address, self.width) {
            (IpAddr::V4(address), Width::Byte) => self.find_ipv4::<3>(address),
            (IpAddr::V4(address), Width::Word) => self.find_ipv4::<6>(address),
            (IpAddr::V6(address), Width::Byte) => self.find_ipv6::<5, 17>(address),
            (IpAddr::V6(address), Width::Word) => self.find_ipv6::<8, 20>(address),
        };
        self.record(number?)
    }

    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        let mut statement = Statement::new();
        self.state(record, &mut statement);
        statement.finish(language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        match self.width {
            Width::Byte => {
                self.each_ipv4::<3>(visit);
                self.each_ipv6::<5, 17>(visit);
            }
            Width::Word => {
                self.each_ipv4::<6>(visit);
                self.each_ipv6::<8, 20>(visit);
            }
        }
    }
}

/// `N` and `EXACT` are sizes of entries, which follow from the width.
impl Table {
    #[inline]
    fn find_ipv4<const N: usize>(&self, address: Ipv4Addr) -> Option<u32> {
        let bits = address.to_bits();
        let key = bits as u16;
        let entry = self.ipv4.find::<N>(self.data.as_ref(), bits >> 16, |entry| key16(entry) <= key)?;
        number(entry, 2)
    }

    #[inline]
    fn find_ipv6<const N: usize, const EXACT: usize>(&self, address: Ipv6Addr) -> Option<u32> {
        let bits = address.to_bits();
        let key = (bits >> 80) as u32;
        let bytes = self.data.as_ref();
        let entry = self.ipv6.find::<N>(bytes, (bits >> 112) as u32, |entry| key32(entry) <= key)?;
        let number_here = number(entry, 4)?;
        if number_here != self.width.mixed() {
            return Some(number_here);
        }
        let exact: &[[u8; EXACT]] = items(bytes, &self.exact)?;
        let behind = exact.partition_point(|entry| key128(entry) <= bits);
        number(exact.get(behind.checked_sub(1)?)?, 16)
    }

    fn each_ipv4<const N: usize>(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        let mut walk = Walk::new(|first, last, number| {
            if let Some(record) = number.and_then(|number| self.record(number)) {
                visit(Ipv4Addr::from_bits(first as u32).into(), Ipv4Addr::from_bits(last as u32).into(), record);
            }
        });
        for (bucket, entry) in self.ipv4.entries::<N>(self.data.as_ref()) {
            walk.start(u128::from(bucket) << 16 | u128::from(key16(entry)), number(entry, 2));
        }
        walk.end(u32::MAX.into());
    }

    fn each_ipv6<const N: usize, const EXACT: usize>(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        let mut walk = Walk::new(|first, last, number| {
            if let Some(record) = number.and_then(|number| self.record(number)) {
                visit(Ipv6Addr::from_bits(first).into(), Ipv6Addr::from_bits(last).into(), record);
            }
        });
        let bytes = self.data.as_ref();
        let start = |bucket, entry| u128::from(bucket) << 112 | u128::from(key32(entry)) << 80;
        // Both lists are gone through once, whatever they contain.
        let exact: &[[u8; EXACT]] = items(bytes, &self.exact).unwrap_or_default();
        let mut exact = exact.iter().peekable();
        let mut entries = self.ipv6.entries::<N>(bytes).map(|(bucket, entry)| (start(bucket, entry), entry)).peekable();
        while let Some((start, entry)) = entries.next() {
            let number_here = number(entry, 4);
            if number_here != Some(self.width.mixed()) {
                walk.start(start, number_here);
                continue;
            }
            let end = entries.peek().map(|(next, _)| *next);
            while let Some(inside) = exact.next_if(|inside| end.is_none_or(|end| key128(inside) < end)) {
                if key128(inside) >= start {
                    walk.start(key128(inside), number(inside, 16));
                }
            }
        }
        walk.end(u128::MAX);
    }

    #[inline]
    fn record(&self, number: u32) -> Option<Record> {
        let record = number.checked_sub(1)?;
        (record < self.count).then_some(Record(record.into()))
    }

    fn state<'a>(&'a self, record: Record, statement: &mut Statement<'a>) -> Option<()> {
        let bytes = self.data.as_ref();
        let records: &[[u8; RECORD]] = items(bytes, &self.records)?;
        let record = records.get(usize::try_from(record.0).ok()?)?;
        statement.country_code(&String::from_utf8_lossy(record.get(..2)?));
        let asn = le32_at(record, 4)?;
        statement.asn(asn);
        let from = usize::try_from(le32_at(record, 8)?).ok()?;
        let to = from.checked_add(le16_at(record, 2)?.into())?;
        let organization = bytes.get(self.text.clone())?.get(from..to)?;
        statement.part(Role::Organization, String::from_utf8_lossy(organization));
        Some(())
    }
}

impl Family {
    /// The entry that an address belongs to: the last one that does not start behind it.
    #[inline]
    fn find<'a, const N: usize>(
        &self,
        bytes: &'a [u8],
        bucket: u32,
        not_behind: impl Fn(&[u8; N]) -> bool,
    ) -> Option<&'a [u8; N]> {
        // All that is behind the last bucket is in one more, which is empty.
        let bucket = bucket.checked_sub(self.first)?.min(self.buckets) as usize;
        let index: &[[u8; 4]] = items(bytes, &self.index)?;
        let [from, to] = index.get(bucket..)?.first_chunk::<2>()?.map(|it| u32::from_le_bytes(it) as usize);
        let entries: &[[u8; N]] = items(bytes, &self.entries)?;
        // Where none in the bucket is, it is the last one of the buckets before.
        let behind = from + entries.get(from..to)?.partition_point(not_behind);
        entries.get(behind.checked_sub(1)?)
    }

    /// Every entry and its bucket. Each is looked at once.
    fn entries<'a, const N: usize>(&self, bytes: &'a [u8]) -> impl Iterator<Item = (u32, &'a [u8; N])> + use<'a, N> {
        let index: &[[u8; 4]] = items(bytes, &self.index).unwrap_or_default();
        let entries: &[[u8; N]] = items(bytes, &self.entries).unwrap_or_default();
        let mut ends = index.iter().skip(1).map(|end| u32::from_le_bytes(*end) as usize).peekable();
        let (mut bucket, behind) = (self.first, self.first + self.buckets);
        entries.iter().enumerate().map_while(move |(position, entry)| {
            while ends.next_if(|end| *end <= position).is_some() {
                bucket += 1;
            }
            (bucket < behind).then_some((bucket, entry))
        })
    }
}

impl Width {
    const fn bytes(self) -> usize {
        match self {
            Width::Byte => 1,
            Width::Word => 4,
        }
    }

    /// The number that stands for a /48 with ranges that start inside of it.
    const fn mixed(self) -> u32 {
        match self {
            Width::Byte => u8::MAX as u32,
            Width::Word => u32::MAX,
        }
    }
}

// Entries are never too short for their keys: what stands for none costs nothing.

#[inline]
fn key16<const N: usize>(entry: &[u8; N]) -> u16 {
    le16_at(entry, 0).unwrap_or_default()
}

#[inline]
fn key32<const N: usize>(entry: &[u8; N]) -> u32 {
    le32_at(entry, 0).unwrap_or_default()
}

#[inline]
fn key128<const N: usize>(entry: &[u8; N]) -> u128 {
    array_at(entry, 0).map_or(0, u128::from_le_bytes)
}

/// The number of the record, which is behind the key.
#[inline]
fn number<const N: usize>(entry: &[u8; N], key: usize) -> Option<u32> {
    match entry.get(key..)? {
        [byte] => Some(u32::from(*byte)),
        word => le32_at(word, 0),
    }
}

/// Makes ranges of entries: neighbours with the same record are one, since a /48 that is looked at closely is cut out of the
/// range around it.
struct Walk<Visit> {
    visit: Visit,
    open: Option<(u128, Option<u32>)>,
}

impl<Visit: FnMut(u128, u128, Option<u32>)> Walk<Visit> {
    fn new(visit: Visit) -> Walk<Visit> {
        Walk { visit, open: None }
    }

    fn start(&mut self, start: u128, number: Option<u32>) {
        match self.open {
            // The same again, or out of order, which happens in a damaged file only.
            Some((first, open)) if open == number || start <= first => {}
            Some((first, open)) => {
                (self.visit)(first, start - 1, open);
                self.open = Some((start, number));
            }
            None => self.open = Some((start, number)),
        }
    }

    fn end(mut self, last: u128) {
        if let Some((first, open)) = self.open {
            (self.visit)(first, last, open);
        }
    }
}

/// Counts off one section after the other.
struct Sections {
    /// May be behind the end of the file, until that is checked.
    end: u64,
}

impl Sections {
    fn next(&mut self, count: u32, size: usize) -> Range<usize> {
        let start = self.end;
        // A few sections of less than 2^32 items of at most 16 bytes: far from 2^64.
        self.end += u64::from(count) * size as u64;
        // On a system where this does not fit, the file does not either.
        start as usize..self.end as usize
    }
}

/// A section as the items that it consists of.
#[inline]
fn items<'a, const N: usize>(bytes: &'a [u8], section: &Range<usize>) -> Option<&'a [[u8; N]]> {
    Some(bytes.get(section.clone())?.as_chunks().0)
}

fn date(digits: u32) -> Option<Date> {
    let [year, month, day] = [digits / 10_000, digits / 100 % 100, digits % 100];
    Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}
