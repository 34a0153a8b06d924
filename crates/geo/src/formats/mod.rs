//! A format is a file here, a variant of [`Format`], and a line each in [`detect`] and [`open`].

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::Data;
use crate::database::{Database, Info, Options, Ranges};
use crate::details::Details;
use crate::error::OpenError;
use crate::language::Language;

/// CZ88's encrypted format.
mod czdb;
/// IPIP.net's older format.
mod datx;
/// IP2Location BIN.
mod ip2location;
/// ip2region's first format.
mod ip2region_db;
/// IPIP.net's tree.
mod ipdb;
/// What IPIP.net's formats have in common.
mod ipip;
/// MaxMind DB.
mod mmdb;
/// CZ88's QQWry.dat.
mod qqwry;
/// The texts of ip2region.
mod regions;
/// What makes a sorted index quicker to search.
mod starts;
/// Our own: what is embedded, and the file of autonomous systems.
mod table;
/// The tree that mmdb and ipdb have in common.
mod trie;
/// What QQWry and ZX have in common.
mod wry;
/// ip2region xdb.
mod xdb;
/// ZX's ipv6wry.db.
mod zx;

/// The formats that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `QQWry.dat` of CZ88 (纯真), IPv4.
    Qqwry,
    /// `ipv6wry.db` of ZX, IPv6.
    Zx,
    /// `.ipdb` of IPIP.net.
    Ipdb,
    /// `.datx` of IPIP.net, IPv4.
    Datx,
    /// `.xdb` of ip2region, version 2 or 3.
    Xdb,
    /// `ip2region.db`, version 1, IPv4.
    Ip2regionDb,
    /// `.czdb` of CZ88 (纯真).
    Czdb,
    /// `.mmdb` of MaxMind and many others.
    Mmdb,
    /// `.BIN` of IP2Location.
    Ip2location,
    /// Our own, of the embedded table.
    Table,
}

impl Format {
    /// Its usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Qqwry => "QQWry",
            Format::Zx => "ZX ipv6wry",
            Format::Ipdb => "ipdb",
            Format::Datx => "datx",
            Format::Xdb => "xdb",
            Format::Ip2regionDb => "ip2region db",
            Format::Czdb => "czdb",
            Format::Mmdb => "mmdb",
            Format::Ip2location => "IP2Location BIN",
            Format::Table => "sockscope table",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where a record is in its file; what the number means is the format's affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Record(pub(crate) u64);

/// What every format does. Nothing here panics or loops for ever, whatever the bytes are.
pub(crate) trait Reader: Send + Sync {
    /// The record of an address; allocates nothing. `None`: the database does not know the address, or is damaged there.
    fn find(&self, address: IpAddr) -> Option<Record>;

    /// What a record states. Of a damaged one: what can be read.
    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a>;

    /// The text of [`Reader::details`], where it can be had for less.
    fn text<'a>(&'a self, record: Record, language: &Language) -> Cow<'a, str> {
        self.details(record, language).text
    }

    /// Visits every range that has a record, in the order of the file, IPv4 addresses as such wherever the file keeps them.
    /// Ends even where the file is damaged so that its parts refer to each other in circles.
    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record));

    /// How many ranges [`Reader::each_range`] visits.
    fn ranges(&self) -> Ranges {
        let mut ranges = Ranges::default();
        self.each_range(&mut |first, _, _| match first {
            IpAddr::V4(_) => ranges.ipv4 += 1,
            IpAddr::V6(_) => ranges.ipv6 += 1,
        });
        ranges
    }

    /// See [`Database::prepare`].
    fn prepare(&mut self) {}
}

/// An open file and what it says of itself.
pub(crate) type Opened = (Box<dyn Reader>, Info);

/// Tells the format by the content.
pub(crate) fn detect(bytes: &[u8]) -> Result<Format, OpenError> {
    type Detect = fn(&[u8]) -> bool;
    /// From the surest mark to the weakest.
    const MARKS: [(Format, Detect); 10] = [
        (Format::Table, table::detect),
        (Format::Zx, zx::detect),
        (Format::Ipdb, ipdb::detect),
        (Format::Mmdb, mmdb::detect),
        (Format::Ip2location, ip2location::detect),
        (Format::Xdb, xdb::detect),
        (Format::Datx, datx::detect),
        (Format::Czdb, czdb::detect),
        (Format::Qqwry, qqwry::detect),
        (Format::Ip2regionDb, ip2region_db::detect),
    ];
    if bytes.is_empty() {
        return Err(OpenError::Empty);
    }
    MARKS.iter().find_map(|(format, detect)| detect(bytes).then_some(*format)).ok_or_else(|| packed(bytes))
}

/// What to say of bytes of no known format: databases are published packed.
fn packed(bytes: &[u8]) -> OpenError {
    const PACKED: [(&[u8], &str); 7] = [
        (b"PK\x03\x04", "ZIP"),
        (b"\x1f\x8b", "gzip"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
    ];
    let packer = PACKED.iter().find(|(mark, _)| bytes.starts_with(mark));
    packer.map_or(OpenError::Unknown, |(_, packer)| OpenError::Packed { packer })
}

/// Opens a file of that format.
pub(crate) fn open(format: Format, data: Data, options: &Options) -> Result<Opened, OpenError> {
    match format {
        Format::Qqwry => qqwry::open(data),
        Format::Zx => zx::open(data),
        Format::Ipdb => ipdb::open(data, options),
        Format::Datx => datx::open(data),
        Format::Xdb => xdb::open(data),
        Format::Ip2regionDb => ip2region_db::open(data),
        Format::Czdb => czdb::open(data, options),
        Format::Mmdb => mmdb::open(data),
        Format::Ip2location => ip2location::open(data),
        Format::Table => table::open(data),
    }
}

/// The day of a time in seconds since 1970, UTC. Zero is no date.
fn date_of_unix(seconds: i64) -> Option<Date> {
    let time = Timestamp::from_second(seconds).ok().filter(|_| seconds > 0)?;
    Some(time.to_zoned(TimeZone::UTC).date())
}

/// What a database that has no name of its own is called.
fn name_and_date(name: &str, date: Option<Date>) -> String {
    date.map_or_else(|| name.to_owned(), |date| format!("{name} {date}"))
}

pub(crate) fn embedded(language: &Language) -> Database {
    table::embedded(language)
}
