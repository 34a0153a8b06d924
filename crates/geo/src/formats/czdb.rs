//! An encrypted header, a table of some entries (not needed here), records, entries: first and last address, where the
//! record is; and a map of places, which is masked with the key. A key is one user's own.

use std::net::IpAddr;

use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::starts::Starts;
use super::{Format, Opened, Reader, Record};
use crate::bytes::{be32_at, be128_at, le32_at, u8_at};
use crate::details::{Details, Role, Statement};
use crate::{Data, Info, Language, OpenError, Options};

const FORMAT: Format = Format::Czdb;
/// Version, client, length of the encrypted block.
const OUTER: usize = 12;
/// A block of AES, and a key of AES-128.
const BLOCK: usize = 16;
/// Kind, size, first entry, size of the table, last entry.
const SUPER: usize = 17;
/// First and last address in big endian, `u32` offset and `u8` length of the record.
const ENTRY4: usize = 13;
const ENTRY6: usize = 37;
/// Between the levels of a place: `中国–广东–深圳`.
const LEVELS: char = '–';

/// What can be read without the key.
struct Outer<'a> {
    version: u32,
    client: u32,
    encrypted: &'a [u8],
}

fn outer(bytes: &[u8]) -> Option<Outer<'_>> {
    let length = le32_at(bytes, 8).filter(|length| matches!(length, 16 | 32 | 48 | 64))?;
    Some(Outer {
        version: le32_at(bytes, 0).filter(|version| *version != 0)?,
        // The encrypted copy has 12 bits.
        client: le32_at(bytes, 4).filter(|client| *client < 1 << 12)?,
        encrypted: bytes.get(OUTER..OUTER + length as usize)?,
    })
}

pub(super) fn detect(bytes: &[u8]) -> bool {
    outer(bytes).is_some()
}

/// What the encrypted block says.
struct Inner {
    expires: Option<Date>,
    /// How many random bytes follow the block.
    random: usize,
}

fn inner(outer: &Outer<'_>, key: [u8; BLOCK]) -> Result<Inner, &'static str> {
    const OTHER: &str = "it decrypts the header to nonsense";
    let cipher = Aes128::new(&Array::from(key));
    let decrypt = |block: Option<&[u8; BLOCK]>| {
        let mut block = Array::from(*block?);
        cipher.decrypt_block(&mut block);
        Some(<[u8; BLOCK]>::from(block))
    };
    let (first, last) = (decrypt(outer.encrypted.first_chunk()), decrypt(outer.encrypted.last_chunk()));
    let (Some(first), Some(last)) = (first, last) else { return Err(OTHER) };
    // PKCS#7: as many bytes as each of them says.
    let padding = *last.last().unwrap_or(&0);
    let padded =
        (1..=BLOCK).contains(&padding.into()) && last.iter().rev().take(padding.into()).all(|it| *it == padding);
    let (Some(stamp), Some(random)) = (le32_at(&first, 0), le32_at(&first, 4)) else { return Err(OTHER) };
    if !padded {
        return Err(OTHER);
    }
    if stamp >> 20 != outer.client {
        return Err("it is the key of another client");
    }
    Ok(Inner { expires: date(20_000_000 + (stamp & 0xf_ffff)), random: random as usize })
}

/// From digits: 20241231.
fn date(digits: u32) -> Option<Date> {
    let year = i16::try_from(digits / 1_00_00).ok().filter(|year| (2000..2100).contains(year))?;
    Date::new(year, (digits / 100 % 100) as i8, (digits % 100) as i8).ok()
}

fn key(options: &Options) -> Result<[u8; BLOCK], OpenError> {
    let text = options.key.as_deref().map_or("", str::trim);
    if text.is_empty() {
        return Err(OpenError::KeyMissing { format: FORMAT });
    }
    let bytes = BASE64_STANDARD.decode(text).ok();
    bytes
        .and_then(|bytes| <[u8; BLOCK]>::try_from(bytes).ok())
        .ok_or(OpenError::KeyWrong { format: FORMAT, problem: "a key is base64 of 16 bytes" })
}

pub(super) fn open(data: Data, options: &Options) -> Result<Opened, OpenError> {
    let bytes = data.as_ref();
    let damaged = |offset, problem| OpenError::damaged(FORMAT, offset, problem);
    let outer = outer(bytes).ok_or_else(|| damaged(0, "the header is no czdb header"))?;
    let key = key(options)?;
    let inner = inner(&outer, key).map_err(|problem| OpenError::KeyWrong { format: FORMAT, problem })?;

    let base = (OUTER + outer.encrypted.len()).saturating_add(inner.random);
    let body = bytes.get(base..).filter(|body| body.len() >= SUPER);
    let body = body.ok_or_else(|| damaged(bytes.len(), "the file ends within its header"))?;
    let field = |offset| le32_at(body, offset).unwrap_or_default() as usize;
    if field(1) != body.len() {
        return Err(damaged(base + 1, "the size that is stated is not the file's"));
    }
    let ipv6 = u8_at(body, 0).unwrap_or_default() & 1 == 1;
    let size = if ipv6 { ENTRY6 } else { ENTRY4 };
    let (first, last) = (field(5), field(13));
    let end = last.saturating_add(size);
    if last.checked_sub(first).is_none_or(|span| !span.is_multiple_of(size)) || first < SUPER || body.len() < end {
        return Err(damaged(base + 5, "the offsets of the first and the last entry do not fit"));
    }
    let geo = geo_map(body, end).ok_or_else(|| damaged(base.saturating_add(end), "the map of places is cut off"))?;

    let (date, today) = (date(outer.version), Timestamp::now().to_zoned(TimeZone::UTC).date());
    let expired = inner.expires.filter(|expires| *expires < today);
    let info = Info {
        format: FORMAT,
        name: super::name_and_date("czdb", date),
        date,
        ipv4: !ipv6,
        ipv6,
        licence: "CZ88 (纯真): for the owner of the key",
        attribution: None,
        website: None,
        warning: expired.map(|expires| format!("its licence expired on {expires}")),
    };
    Ok((Box::new(Czdb { base, ipv6, first, end, key, geo, data, starts: None }), info))
}

/// The map behind the entries.
struct GeoMap {
    /// Bit `i + 1` is set where column `i` is meant to be shown.
    columns: u32,
    /// Offset and size.
    at: usize,
    size: usize,
}

fn geo_map(body: &[u8], end: usize) -> Option<GeoMap> {
    let columns = le32_at(body, end)?;
    // Then there is no map.
    if columns == 0 {
        return Some(GeoMap { columns, at: 0, size: 0 });
    }
    let size = le32_at(body, end.checked_add(4)?)? as usize;
    let at = end.checked_add(8)?;
    body.get(at..at.checked_add(size)?)?;
    Some(GeoMap { columns, at, size })
}

struct Czdb {
    data: Data,
    /// Where the body starts; all offsets are from here.
    base: usize,
    ipv6: bool,
    first: usize,
    /// Behind the last entry.
    end: usize,
    key: [u8; BLOCK],
    geo: GeoMap,
    starts: Option<Starts>,
}

fn record(offset: u32, length: u8) -> Option<Record> {
    (offset != 0 && length != 0).then_some(Record(u64::from(length) << 32 | u64::from(offset)))
}

fn parse4(entry: &[u8; ENTRY4]) -> Option<(u32, u32, Option<Record>)> {
    Some((be32_at(entry, 0)?, be32_at(entry, 4)?, record(le32_at(entry, 8)?, u8_at(entry, 12)?)))
}

fn parse6(entry: &[u8; ENTRY6]) -> Option<(u128, u128, Option<Record>)> {
    Some((be128_at(entry, 0)?, be128_at(entry, 16)?, record(le32_at(entry, 32)?, u8_at(entry, 36)?)))
}

impl Czdb {
    #[inline]
    fn body(&self) -> &[u8] {
        self.data.as_ref().get(self.base..).unwrap_or_default()
    }

    #[inline]
    fn entries<const N: usize>(&self) -> &[[u8; N]] {
        self.body().get(self.first..self.end).unwrap_or_default().as_chunks().0
    }

    #[inline]
    fn find4(&self, address: u32) -> Option<Record> {
        let entries = self.entries::<ENTRY4>();
        let index = match &self.starts {
            Some(starts) => starts.last(address)?,
            None => {
                entries.partition_point(|it| be32_at(it, 0).is_some_and(|first| first <= address)).checked_sub(1)?
            }
        };
        let (_, last, record) = parse4(entries.get(index)?)?;
        record.filter(|_| address <= last)
    }

    #[inline]
    fn find6(&self, address: u128) -> Option<Record> {
        let mut entries = self.entries::<ENTRY6>();
        if let Some(starts) = &self.starts {
            let (from, to) = starts.candidates((address >> 96) as u32)?;
            entries = entries.get(from..to)?;
        }
        let after = entries.partition_point(|it| be128_at(it, 0).is_some_and(|first| first <= address));
        let (_, last, record) = parse6(entries.get(after.checked_sub(1)?)?)?;
        record.filter(|_| address <= last)
    }

    /// A place of the map, unmasked: at most 255 bytes.
    fn place(&self, offset: usize, length: u8) -> Option<Vec<u8>> {
        let end = offset.checked_add(length.into()).filter(|end| *end <= self.geo.size)?;
        let masked = self.body().get(self.geo.at..)?.get(offset..end)?;
        let mask = self.key.iter().cycle().skip(offset % BLOCK);
        Some(masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect())
    }

    fn state<'a>(&'a self, record: Record, statement: &mut Statement<'a>) -> Option<()> {
        let offset = record.0 as u32 as usize;
        let length = (record.0 >> 32) as usize;
        let mut packed = MessagePack(self.body().get(offset..offset.checked_add(length)?)?);
        let place = packed.uint()?;
        let other = packed.text();
        if place != 0 {
            let place = self.place((place & 0xff_ffff) as usize, (place >> 24) as u8).unwrap_or_default();
            state_place(&place, self.geo.columns, statement);
        }
        statement.part(Role::Organization, String::from_utf8_lossy(other?));
        Some(())
    }
}

/// The columns that are to be shown, level by level.
fn state_place(place: &[u8], columns: u32, statement: &mut Statement<'_>) {
    let mut levels = Vec::new();
    let mut packed = MessagePack(place);
    for column in 1..=packed.array().unwrap_or_default().min(31) {
        let Some(text) = packed.text() else { break };
        if columns >> column & 1 == 1 {
            levels.extend(String::from_utf8_lossy(text).split(LEVELS).map(str::to_owned));
        }
    }
    let role = |level| match level {
        0 => Role::Country,
        1 => Role::Region,
        2 => Role::City,
        _ => Role::Other,
    };
    let glued = levels.len() == 1;
    for (level, text) in levels.into_iter().enumerate() {
        statement.part(if glued { Role::Glued } else { role(level) }, text);
    }
}

impl Reader for Czdb {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        match address {
            IpAddr::V4(address) if !self.ipv6 => self.find4(address.to_bits()),
            IpAddr::V6(address) if self.ipv6 => self.find6(address.to_bits()),
            _ => None,
        }
    }

    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        let mut statement = Statement::new();
        self.state(record, &mut statement);
        statement.finish(language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        if self.ipv6 {
            for (first, last, record) in self.entries().iter().filter_map(parse6) {
                if let Some(record) = record.filter(|_| first <= last) {
                    visit(IpAddr::V6(first.into()), IpAddr::V6(last.into()), record);
                }
            }
        } else {
            for (first, last, record) in self.entries().iter().filter_map(parse4) {
                if let Some(record) = record.filter(|_| first <= last) {
                    visit(IpAddr::V4(first.into()), IpAddr::V4(last.into()), record);
                }
            }
        }
    }

    fn prepare(&mut self) {
        let (four, six) = (self.entries::<ENTRY4>(), self.entries::<ENTRY6>());
        let count = if self.ipv6 { six.len() } else { four.len() };
        if self.starts.is_some() || Starts::size(count) > self.data.as_ref().len() {
            return;
        }
        self.starts = Some(if self.ipv6 {
            Starts::new(six.iter().map(|entry| be32_at(entry, 0).unwrap_or_default()))
        } else {
            Starts::new(four.iter().map(|entry| be32_at(entry, 0).unwrap_or_default()))
        });
    }
}

/// The few types of MessagePack that records are made of, off the front of some bytes.
struct MessagePack<'a>(&'a [u8]);

impl<'a> MessagePack<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// An unsigned number of so many bytes.
    fn number(&mut self, length: usize) -> Option<u64> {
        Some(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn uint(&mut self) -> Option<u64> {
        match self.byte()? {
            small @ 0..=0x7f => Some(small.into()),
            0xcc => self.number(1),
            0xcd => self.number(2),
            0xce => self.number(4),
            0xcf => self.number(8),
            _ => None,
        }
    }

    /// A string or bytes; nil is the empty one.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = match self.byte()? {
            short @ 0xa0..=0xbf => u64::from(short & 0x1f),
            0xc4 | 0xd9 => self.number(1)?,
            0xc5 | 0xda => self.number(2)?,
            0xc6 | 0xdb => self.number(4)?,
            0xc0 => 0,
            _ => return None,
        };
        self.take(usize::try_from(length).ok()?)
    }

    /// How many elements follow.
    fn array(&mut self) -> Option<u64> {
        match self.byte()? {
            short @ 0x90..=0x9f => Some((short & 0x0f).into()),
            0xdc => self.number(2),
            0xdd => self.number(4),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_pack() {
        let mut packed =
            MessagePack(b"\x7f\xcc\xff\xcd\x01\x02\xce\0\0\0\x05\xcf\0\0\0\0\0\0\0\x06\xa1a\xd9\x01b\xda\0\x01c\xc0");
        let numbers: Vec<_> = (0..5).map(|_| packed.uint().unwrap()).collect();
        assert_eq!(numbers, [0x7f, 0xff, 0x102, 5, 6]);
        let texts: Vec<_> = (0..4).map(|_| packed.text().unwrap()).collect();
        assert_eq!(texts, [&b"a"[..], b"b", b"c", b""]);
        assert_eq!((packed.uint(), packed.text(), packed.array()), (None, None, None));
        assert_eq!(MessagePack(b"\xdb\xff\xff\xff\xffabc").text(), None);
        assert_eq!(MessagePack(b"\xdc\x01\0").array(), Some(256));
        assert_eq!(MessagePack(b"\xa1a").uint(), None);
    }

    #[test]
    fn dates_of_digits() {
        assert_eq!(date(20_241_231).unwrap().to_string(), "2024-12-31");
        assert_eq!(date(20_241_331), None);
        assert_eq!(date(7), None);
        assert_eq!(date(u32::MAX), None);
    }
}
