use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use encoding_rs::UTF_8;
use jiff::civil::Date;

use super::wry::{self, Pool, Wry};
use super::{Format, Opened, Reader, Record, name_and_date};
use crate::bytes::{le16_at, le64_at, u8_at};
use crate::database::Info;
use crate::details::{Details, Role};
use crate::{Data, Language, OpenError};

/// How the file begins.
const MAGIC: &[u8] = b"IPDB";

/// How many bytes of an address an entry of the index has: the upper half.
const ADDRESS: usize = 8;

/// Where the range starts that holds no place but the database's name and date.
const VERSION: u64 = 0xffff_ffff_ffff_fff0;

pub(super) fn detect(bytes: &[u8]) -> bool {
    let small = |offset| u8_at(bytes, offset).is_some_and(|value| (1..=16).contains(&value));
    bytes.starts_with(MAGIC)
        && le16_at(bytes, 4).is_some_and(|version| (1..256).contains(&version))
        && small(6)
        && small(7)
}

/// Reads the header and the version alone.
pub(super) fn open(data: Data) -> Result<Opened, OpenError> {
    let bytes = data.as_ref();
    let cut_off = || OpenError::damaged(Format::Zx, bytes.len(), "the header is cut off");
    let unsupported = |what: String| Err(OpenError::Unsupported { format: Format::Zx, what });
    if !bytes.starts_with(MAGIC) {
        return Err(OpenError::damaged(Format::Zx, 0, "it does not begin with IPDB"));
    }
    let version = le16_at(bytes, 4).ok_or_else(cut_off)?;
    let pointer_size = u8_at(bytes, 6).ok_or_else(cut_off)?;
    let address_size = u8_at(bytes, 7).ok_or_else(cut_off)?;
    let count = le64_at(bytes, 8).ok_or_else(cut_off)?;
    let first = le64_at(bytes, 16).ok_or_else(cut_off)?;
    let fields = u8_at(bytes, 24).ok_or_else(cut_off)?;
    match (version, pointer_size, usize::from(address_size), fields) {
        (256.., ..) => return unsupported(format!("version {version}")),
        (_, 0 | 9.., ..) => return unsupported(format!("pointers of {pointer_size} bytes")),
        (_, _, ADDRESS, 0 | 2) => {}
        (_, _, ADDRESS, _) => return unsupported(format!("{fields} texts a place")),
        _ => return unsupported(format!("addresses of {address_size} bytes")),
    }
    let entry = ADDRESS + usize::from(pointer_size);
    let index = usize::try_from(first).ok().zip(usize::try_from(count).ok()).and_then(|(first, count)| {
        let end = count.checked_mul(entry)?.checked_add(first)?;
        (count > 0 && end <= bytes.len()).then_some(Index { first, count, entry })
    });
    let index =
        index.ok_or_else(|| OpenError::damaged(Format::Zx, 8, "the header tells of no index inside the file"))?;

    let wry = Wry {
        data,
        pointer_size: usize::from(pointer_size),
        encoding: UTF_8,
        separator: '\t',
        unseparated: Role::Country,
    };
    let reader = Zx { wry, index, quick: None };
    let date = reader.date();
    let info = Info {
        format: Format::Zx,
        name: name_and_date(Format::Zx.name(), date),
        date,
        ipv4: false,
        ipv6: true,
        licence: "ZX's terms: no redistribution",
        attribution: None,
        website: None,
        warning: None,
    };
    Ok((Box::new(reader), info))
}

struct Zx {
    wry: Wry,
    index: Index,
    /// All places, and each range's.
    quick: Option<(Pool, Vec<u32>)>,
}

impl Zx {
    /// The last range's place has the date; files of the second version have it by itself too.
    fn date(&self) -> Option<Date> {
        let bytes = self.wry.bytes();
        let last = self.index.count - 1;
        let version = || self.location(bytes, last).map(|location| self.wry.texts(location));
        let by_place = (self.index.start(bytes, last) == Some(VERSION)).then(version).flatten();
        by_place.and_then(|(country, area)| {
            wry::date_in(&self.wry.decode(area)).or_else(|| wry::date_in(&self.wry.decode(country)))
        })
    }

    /// Where a range's place is.
    fn location(&self, bytes: &[u8], range: usize) -> Option<usize> {
        self.wry.location(bytes, self.wry.pointer(bytes, self.index.at(range) + ADDRESS)?)
    }

    fn is_version(&self, bytes: &[u8], range: usize) -> bool {
        range + 1 == self.index.count && self.index.start(bytes, range) == Some(VERSION)
    }

    #[inline]
    fn record(&self, bytes: &[u8], range: usize) -> Option<Record> {
        match &self.quick {
            Some((_, places)) => wry::pooled(places.get(range).copied()?),
            None if self.is_version(bytes, range) => None,
            None => self.location(bytes, range).map(|location| Record(location as u64)),
        }
    }
}

impl Reader for Zx {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        let IpAddr::V6(address) = address else { return None };
        let bytes = self.wry.bytes();
        let upper = (address.to_bits() >> 64) as u64;
        self.record(bytes, self.index.find(bytes, upper)?)
    }

    #[inline]
    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        wry::details(&self.wry, self.quick.as_ref().map(|(pool, _)| pool), record, language)
    }

    fn text<'a>(&'a self, record: Record, language: &Language) -> Cow<'a, str> {
        wry::text(&self.wry, self.quick.as_ref().map(|(pool, _)| pool), record, language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        let bytes = self.wry.bytes();
        for range in 0..self.index.count {
            let Some(first) = self.index.start(bytes, range) else { continue };
            let last = match self.index.start(bytes, range + 1) {
                Some(next) => next.checked_sub(1),
                None => Some(u64::MAX),
            };
            if let Some(last) = last
                && first <= last
                && let Some(record) = self.record(bytes, range)
            {
                let address = |upper: u64, lower: u64| Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower));
                visit(address(first, 0).into(), address(last, u64::MAX).into(), record);
            }
        }
    }

    /// Takes some 20 ms, and about as much memory as the file.
    fn prepare(&mut self) {
        let bytes = self.wry.bytes();
        let location = |range| if self.is_version(bytes, range) { None } else { self.location(bytes, range) };
        self.quick = Pool::new(&self.wry, (0..self.index.count).map(location));
    }
}

/// Where the ranges are, in the order of their first addresses. The file has been checked to be as long.
#[derive(Debug, Clone, Copy)]
struct Index {
    first: usize,
    count: usize,
    /// How many bytes an entry has: the upper half of the first address, and where the place is.
    entry: usize,
}

impl Index {
    #[inline]
    fn at(self, range: usize) -> usize {
        self.first + range * self.entry
    }

    /// The upper half of a range's first address.
    #[inline]
    fn start(self, bytes: &[u8], range: usize) -> Option<u64> {
        if range < self.count { le64_at(bytes, self.at(range)) } else { None }
    }

    /// The last range that starts at an address or before it.
    #[inline]
    fn find(self, bytes: &[u8], upper: u64) -> Option<usize> {
        let (mut from, mut to) = (0, self.count);
        while from < to {
            let middle = from.midpoint(to);
            if self.start(bytes, middle)? <= upper {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from.checked_sub(1)
    }
}
