//! A header, an index of 65,536 cells for the first two bytes of an address, texts, and segments: first and last address,
//! where the text is. No segment crosses the border of a cell.

use std::net::IpAddr;

use super::regions::Layout;
use super::starts::Starts;
use super::{Format, Opened, Reader, Record};
use crate::bytes::{array_at, be128_at, le16_at, le32_at};
use crate::details::Details;
use crate::{Data, Info, Language, OpenError};

const HEADER: usize = 256;
/// A segment of IPv4: two addresses in little endian, `u16` length, `u32` offset.
const SEGMENT4: usize = 14;
/// A segment of IPv6: two addresses in big endian, `u16` length, `u32` offset.
const SEGMENT6: usize = 38;
/// How many texts are looked at to tell what their parts are.
const SAMPLES: usize = 256;

#[derive(Debug, Clone, Copy)]
struct Header {
    version: u16,
    ipv6: bool,
    /// Seconds since 1970.
    created: u32,
    /// Where the first segment is.
    first: usize,
    /// Behind the last segment.
    end: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Header> {
        let version = le16_at(bytes, 0).filter(|version| matches!(version, 2 | 3))?;
        le16_at(bytes, 2).filter(|policy| matches!(policy, 1 | 2))?;
        let ipv6 = match (version, le16_at(bytes, 16)?) {
            (2, _) | (3, 4) => false,
            (3, 6) => true,
            _ => return None,
        };
        let size = if ipv6 { SEGMENT6 } else { SEGMENT4 };
        let first = le32_at(bytes, 8)? as usize;
        let last = le32_at(bytes, 12)? as usize;
        let whole = first >= HEADER && last.checked_sub(first)?.is_multiple_of(size);
        let reserved_is_zero = bytes.get(20..HEADER)?.iter().all(|byte| *byte == 0);
        (whole && reserved_is_zero).then_some(Header {
            version,
            ipv6,
            created: le32_at(bytes, 4)?,
            first,
            end: last.checked_add(size)?,
        })
    }
}

pub(super) fn detect(bytes: &[u8]) -> bool {
    Header::read(bytes).is_some()
}

pub(super) fn open(data: Data) -> Result<Opened, OpenError> {
    let bytes = data.as_ref();
    let header =
        Header::read(bytes).ok_or_else(|| OpenError::damaged(Format::Xdb, 0, "the header is no xdb header"))?;
    if header.version == 3 && le16_at(bytes, 18) != Some(4) {
        return Err(OpenError::Unsupported {
            format: Format::Xdb,
            what: format!("pointers of {} bytes", le16_at(bytes, 18).unwrap_or_default()),
        });
    }
    if bytes.len() < header.end {
        return Err(OpenError::damaged(Format::Xdb, bytes.len(), "the file ends before its index does"));
    }
    let date = super::date_of_unix(i64::from(header.created));
    let info = Info {
        format: Format::Xdb,
        name: super::name_and_date("xdb", date),
        date,
        ipv4: !header.ipv6,
        ipv6: header.ipv6,
        licence: "ip2region's own data: Apache-2.0",
        attribution: None,
        website: None,
        warning: None,
    };
    let mut xdb =
        Xdb { data, ipv6: header.ipv6, first: header.first, end: header.end, layout: Layout::Area, starts: None };
    xdb.layout = Layout::of(xdb.samples().filter_map(|record| xdb.region(record)));
    Ok((Box::new(xdb), info))
}

struct Xdb {
    data: Data,
    ipv6: bool,
    first: usize,
    end: usize,
    layout: Layout,
    starts: Option<Starts>,
}

/// The text of a segment: equal texts are mostly stored once.
fn record(length: u16, offset: u32) -> Option<Record> {
    (length != 0).then_some(Record(u64::from(length) << 32 | u64::from(offset)))
}

fn parse4(segment: &[u8; SEGMENT4]) -> Option<(u32, u32, Option<Record>)> {
    let record = record(le16_at(segment, 8)?, le32_at(segment, 10)?);
    Some((le32_at(segment, 0)?, le32_at(segment, 4)?, record))
}

fn parse6(segment: &[u8; SEGMENT6]) -> Option<(u128, u128, Option<Record>)> {
    let record = record(le16_at(segment, 32)?, le32_at(segment, 34)?);
    Some((be128_at(segment, 0)?, be128_at(segment, 16)?, record))
}

impl Xdb {
    /// The segments of the addresses with these upper 16 bits.
    #[inline]
    fn cell(&self, upper: usize) -> Option<&[u8]> {
        let bytes = self.data.as_ref();
        let cell: [u8; 8] = array_at(bytes, HEADER + upper * 8)?;
        let (first, end) = (le32_at(&cell, 0)?, le32_at(&cell, 4)?);
        bytes.get(first as usize..end as usize)
    }

    #[inline]
    fn find4(&self, address: u32) -> Option<Record> {
        let segment = if let Some(starts) = &self.starts {
            self.segments().as_chunks().0.get(starts.last(address)?)
        } else {
            let segments = self.cell((address >> 16) as usize)?.as_chunks::<SEGMENT4>().0;
            let after = segments.partition_point(|it| le32_at(it, 0).is_some_and(|first| first <= address));
            segments.get(after.checked_sub(1)?)
        };
        let (_, last, record) = parse4(segment?)?;
        record.filter(|_| address <= last)
    }

    #[inline]
    fn find6(&self, address: u128) -> Option<Record> {
        let segments = if let Some(starts) = &self.starts {
            let (from, to) = starts.candidates((address >> 96) as u32)?;
            self.segments().as_chunks::<SEGMENT6>().0.get(from..to)?
        } else {
            self.cell((address >> 112) as usize)?.as_chunks::<SEGMENT6>().0
        };
        let after = segments.partition_point(|it| be128_at(it, 0).is_some_and(|first| first <= address));
        let (_, last, record) = parse6(segments.get(after.checked_sub(1)?)?)?;
        record.filter(|_| address <= last)
    }

    fn segments(&self) -> &[u8] {
        self.data.as_ref().get(self.first..self.end).unwrap_or_default()
    }

    fn region(&self, record: Record) -> Option<&[u8]> {
        let offset = record.0 as u32 as usize;
        let length = (record.0 >> 32) as usize;
        self.data.as_ref().get(offset..offset.checked_add(length)?)
    }

    /// Records from all over the file.
    fn samples(&self) -> impl Iterator<Item = Record> {
        let size = if self.ipv6 { SEGMENT6 } else { SEGMENT4 };
        let step = (self.segments().len() / size / SAMPLES).max(1);
        let segments = self.segments().chunks_exact(size).step_by(step);
        segments.filter_map(move |segment| record(le16_at(segment, size - 6)?, le32_at(segment, size - 4)?))
    }
}

impl Reader for Xdb {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        match address {
            IpAddr::V4(address) if !self.ipv6 => self.find4(address.to_bits()),
            IpAddr::V6(address) if self.ipv6 => self.find6(address.to_bits()),
            _ => None,
        }
    }

    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        self.layout.details(self.region(record).unwrap_or_default(), language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        if self.ipv6 {
            for (first, last, record) in self.segments().as_chunks().0.iter().filter_map(parse6) {
                if let Some(record) = record.filter(|_| first <= last) {
                    visit(IpAddr::V6(first.into()), IpAddr::V6(last.into()), record);
                }
            }
        } else {
            for (first, last, record) in self.segments().as_chunks().0.iter().filter_map(parse4) {
                if let Some(record) = record.filter(|_| first <= last) {
                    visit(IpAddr::V4(first.into()), IpAddr::V4(last.into()), record);
                }
            }
        }
    }
    fn prepare(&mut self) {
        let bytes = self.segments();
        let size = if self.ipv6 { SEGMENT6 } else { SEGMENT4 };
        if self.starts.is_some() || Starts::size(bytes.len() / size) > self.data.as_ref().len() {
            return;
        }
        self.starts = Some(if self.ipv6 {
            let upper = |segment: &[u8; SEGMENT6]| (be128_at(segment, 0).unwrap_or_default() >> 96) as u32;
            Starts::new(bytes.as_chunks().0.iter().map(upper))
        } else {
            Starts::new(bytes.as_chunks().0.iter().map(|it: &[u8; SEGMENT4]| le32_at(it, 0).unwrap_or_default()))
        });
    }
}
