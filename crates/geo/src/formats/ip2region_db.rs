//! Where the first and the last entry are, a table of every few hundredth entry, texts, and entries: first and last
//! address, where the text is. There is no mark: the table, which repeats what the entries say, stands for it.

use std::net::IpAddr;

use jiff::civil::Date;

use super::regions::Layout;
use super::starts::Starts;
use super::{Format, Opened, Reader, Record};
use crate::bytes::le32_at;
use crate::details::Details;
use crate::{Data, Info, Language, OpenError};

/// First and last address, `length << 24 | offset` of the text.
const ENTRY: usize = 12;
/// Where the table is: pairs of an entry's first address and its offset, as far as the first offset of zero.
const TABLE: usize = 8;
/// How much of the table is looked at.
const TABLE_CHECKED: usize = 64;
/// How many texts are looked at to tell what their parts are.
const SAMPLES: usize = 256;
/// The city's number, before the text.
const CITY: usize = 4;

/// From the first entry to behind the last one.
fn entries(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = le32_at(bytes, 0)? as usize;
    let last = le32_at(bytes, 4)? as usize;
    let whole = first > TABLE && last.checked_sub(first)?.is_multiple_of(ENTRY);
    whole.then_some((first, last.checked_add(ENTRY)?))
}

pub(super) fn detect(bytes: &[u8]) -> bool {
    matches!(entries(bytes), Some((first, end)) if table_fits(bytes, first, end) == Some(true))
}

/// The table starts with the first entry and ascends.
fn table_fits(bytes: &[u8], first: usize, end: usize) -> Option<bool> {
    let mut before: Option<(u32, usize)> = None;
    for index in 0..TABLE_CHECKED {
        let at = TABLE + index * 8;
        let (address, offset) = (le32_at(bytes, at)?, le32_at(bytes, at + 4)? as usize);
        if offset == 0 || at >= first {
            break;
        }
        let at_an_entry = (first..end).contains(&offset) && (offset - first).is_multiple_of(ENTRY);
        let ascends = before.map_or(offset == first, |before| before.0 < address && before.1 < offset);
        // Of a file that is cut off the entry may be missing.
        let entry_agrees = le32_at(bytes, offset).is_none_or(|start| start == address);
        if !(at_an_entry && ascends && entry_agrees) {
            return Some(false);
        }
        before = Some((address, offset));
    }
    Some(before.is_some())
}

pub(super) fn open(data: Data) -> Result<Opened, OpenError> {
    const FORMAT: Format = Format::Ip2regionDb;
    let bytes = data.as_ref();
    let (first, end) = entries(bytes)
        .ok_or_else(|| OpenError::damaged(FORMAT, 0, "the offsets of the first and the last entry do not fit"))?;
    if table_fits(bytes, first, end) != Some(true) {
        return Err(OpenError::damaged(FORMAT, TABLE, "the table of entries does not fit the entries"));
    }
    if bytes.len() < end {
        return Err(OpenError::damaged(FORMAT, bytes.len(), "the file ends before its entries do"));
    }
    let date = bytes.get(end..).and_then(date_of_note);
    let info = Info {
        format: FORMAT,
        name: super::name_and_date("ip2region", date),
        date,
        ipv4: true,
        ipv6: false,
        licence: "ip2region's own data: Apache-2.0",
        attribution: None,
        website: None,
        warning: None,
    };
    let mut reader = Ip2regionDb { data, first, end, layout: Layout::Area, starts: None };
    let step = (reader.entries().len() / SAMPLES).max(1);
    let samples = reader.entries().iter().step_by(step).filter_map(parse).filter_map(|(_, _, record)| record);
    reader.layout = Layout::of(samples.filter_map(|record| reader.region(record)));
    Ok((Box::new(reader), info))
}

/// The file ends with `Created by lionsoul at 2021/10/25`.
fn date_of_note(note: &[u8]) -> Option<Date> {
    let text = std::str::from_utf8(note.get(note.len().checked_sub(10)?..)?).ok()?;
    let mut numbers = text.split('/');
    let (year, month, day) = (numbers.next()?, numbers.next()?, numbers.next()?);
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn parse(entry: &[u8; ENTRY]) -> Option<(u32, u32, Option<Record>)> {
    let text = le32_at(entry, 8)?;
    Some((le32_at(entry, 0)?, le32_at(entry, 4)?, (text != 0).then_some(Record(text.into()))))
}

struct Ip2regionDb {
    data: Data,
    first: usize,
    end: usize,
    layout: Layout,
    starts: Option<Starts>,
}

impl Ip2regionDb {
    #[inline]
    fn entries(&self) -> &[[u8; ENTRY]] {
        self.data.as_ref().get(self.first..self.end).unwrap_or_default().as_chunks().0
    }

    fn region(&self, record: Record) -> Option<&[u8]> {
        let offset = (record.0 & 0xff_ffff) as usize;
        let length = (record.0 >> 24) as usize;
        self.data.as_ref().get(offset + CITY..offset + length)
    }
}

impl Reader for Ip2regionDb {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        let IpAddr::V4(address) = address else { return None };
        let address = address.to_bits();
        let entries = self.entries();
        let index = match &self.starts {
            Some(starts) => starts.last(address)?,
            None => {
                entries.partition_point(|it| le32_at(it, 0).is_some_and(|first| first <= address)).checked_sub(1)?
            }
        };
        let (_, last, record) = parse(entries.get(index)?)?;
        record.filter(|_| address <= last)
    }

    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        self.layout.details(self.region(record).unwrap_or_default(), language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        for (first, last, record) in self.entries().iter().filter_map(parse) {
            if let Some(record) = record.filter(|_| first <= last) {
                visit(IpAddr::V4(first.into()), IpAddr::V4(last.into()), record);
            }
        }
    }

    fn prepare(&mut self) {
        let entries = self.entries();
        if self.starts.is_none() && Starts::size(entries.len()) <= self.data.as_ref().len() {
            self.starts = Some(Starts::new(entries.iter().map(|entry| le32_at(entry, 0).unwrap_or_default())));
        }
    }
}
