//! A table of rows for IPv4 and one for IPv6: the first address, then pointers to texts, and numbers. A range ends where
//! the next row starts. Addresses in the header are 1-based, pointers to texts are 0-based.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::civil::Date;

use super::{Format, Opened, Reader, Record};
use crate::bytes::{array_at, le32_at, u8_at};
use crate::details::{Details, Role, Statement};
use crate::{Data, Info, Language, OpenError};

const FORMAT: Format = Format::Ip2location;
/// The bytes of the header that every file has.
const HEADER: usize = 29;
/// What a header's product says that is not IP2Location.
const IP2PROXY: u8 = 2;
/// What the files of IP2Location LITE say of their licence.
const LITE: u8 = 2;
/// Country codes have two letters, and their text is this far from the name's, also where it is shorter.
const NAME_AFTER_CODE: usize = 3;

/// In which column a type of database (DB1 to DB26) has a field; 1 is the address, 0 is none.
#[derive(Debug, Clone, Copy, Default)]
struct Columns {
    region: u8,
    city: u8,
    /// Followed by the longitude.
    latitude: u8,
    isp: u8,
    domain: u8,
    /// Followed by the name of the autonomous system.
    asn: u8,
}

const COUNTRY: u8 = 2;

impl Columns {
    fn of(kind: u8) -> Columns {
        let has_city = !matches!(kind, 0..=2);
        let has_coordinates = has_city && !matches!(kind, 3 | 4 | 7);
        let isp = match kind {
            2 => 3,
            4 | 7 => 5,
            6 | 8 | 19 | 23 => 7,
            // With a ZIP code before it.
            10 => 8,
            // With a ZIP code and a time zone before it.
            12 | 14 | 16 | 18 | 20 | 22 | 24..=26 => 9,
            _ => 0,
        };
        let has_domain = isp != 0 && !matches!(kind, 2 | 4 | 6);
        Columns {
            region: if has_city { 3 } else { 0 },
            city: if has_city { 4 } else { 0 },
            latitude: if has_coordinates { 5 } else { 0 },
            isp,
            domain: if has_domain { isp + 1 } else { 0 },
            asn: if kind == 26 { 24 } else { 0 },
        }
    }
}

/// The rows of one IP version.
#[derive(Debug, Clone, Copy)]
struct Table {
    /// How many.
    rows: usize,
    /// Where the first is, 0-based.
    at: usize,
    /// Bytes of an address: 4 or 16.
    address: usize,
    /// Bytes of a row.
    size: usize,
    /// Where the index is, 0-based: for the upper 16 bits of an address its first and last row.
    index: Option<usize>,
}

struct Header {
    kind: u8,
    columns: u8,
    date: Option<Date>,
    ipv4: Table,
    ipv6: Table,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Header> {
        let kind = u8_at(bytes, 0).filter(|kind| (1..=26).contains(kind))?;
        let columns = u8_at(bytes, 1).filter(|columns| (2..=64).contains(columns))?;
        let [year, month, day] = array_at(bytes, 2)?;
        let date = Date::new(2000 + i16::from(year), month as i8, day as i8).ok()?;
        let table = |counts: usize, index: usize, address: usize| {
            let at = (le32_at(bytes, counts + 4)? as usize).checked_sub(1);
            let index = (le32_at(bytes, index)? as usize).checked_sub(1).filter(|at| *at >= HEADER);
            let rows = le32_at(bytes, counts)? as usize;
            let size = usize::from(columns) * 4 - 4 + address;
            Some(Table { rows, at: at.unwrap_or_default(), address, size, index })
        };
        Some(Header { kind, columns, date: Some(date), ipv4: table(5, 21, 4)?, ipv6: table(13, 25, 16)? })
    }

    fn tables(&self) -> impl Iterator<Item = Table> {
        [self.ipv4, self.ipv6].into_iter().filter(|table| table.rows > 0)
    }
}

pub(super) fn detect(bytes: &[u8]) -> bool {
    let Some(header) = Header::read(bytes) else { return false };
    // Both tables start with address 0. There is no better mark.
    let starts = |table: Table| {
        let start = bytes.get(table.at..).and_then(|rest| rest.get(..table.address));
        table.at >= HEADER && start.is_some_and(|start| start.iter().all(|byte| *byte == 0))
    };
    let year = u8_at(bytes, 2).unwrap_or_default();
    let product = u8_at(bytes, 29).unwrap_or_default();
    // Older files do not state their product.
    let known = if year >= 21 { matches!(product, 1 | IP2PROXY) } else { product <= IP2PROXY };
    known && header.tables().next().is_some() && header.tables().all(starts)
}

pub(super) fn open(data: Data) -> Result<Opened, OpenError> {
    let bytes = data.as_ref();
    let header =
        Header::read(bytes).ok_or_else(|| OpenError::damaged(FORMAT, 0, "the header is no IP2Location header"))?;
    if u8_at(bytes, 29) == Some(IP2PROXY) {
        return Err(OpenError::Unsupported {
            format: FORMAT,
            what: "IP2Proxy, which does not say where addresses are".to_owned(),
        });
    }
    if le32_at(bytes, 31).is_some_and(|size| size != 0 && size as usize > bytes.len()) {
        return Err(OpenError::damaged(FORMAT, bytes.len(), "the file is shorter than it says"));
    }
    if header.tables().next().is_none() {
        return Err(OpenError::damaged(FORMAT, 5, "it has no rows"));
    }
    for table in header.tables() {
        let size = table.rows.checked_mul(table.size);
        let end = size.and_then(|size| size.checked_add(table.at)).filter(|_| table.at >= HEADER);
        if end.is_none_or(|end| end > bytes.len()) {
            return Err(OpenError::damaged(FORMAT, table.at, "the table of rows is not within the file"));
        }
    }
    let lite = u8_at(bytes, 30) == Some(LITE);
    let info = Info {
        format: FORMAT,
        name: super::name_and_date(
            &format!("IP2Location{} DB{}", if lite { " LITE" } else { "" }, header.kind),
            header.date,
        ),
        date: header.date,
        ipv4: header.ipv4.rows > 0,
        ipv6: header.ipv6.rows > 0,
        licence: if lite {
            "IP2Location LITE: CC BY-SA 4.0"
        } else {
            "IP2Location: LITE is CC BY-SA 4.0, others are commercial"
        },
        attribution: lite.then_some("IP2Location LITE data available from https://lite.ip2location.com"),
        website: lite.then_some("https://lite.ip2location.com"),
        warning: None,
    };
    let Header { kind, columns, ipv4, ipv6, .. } = header;
    Ok((Box::new(Ip2location { data, width: columns, columns: Columns::of(kind), ipv4, ipv6 }), info))
}

struct Ip2location {
    data: Data,
    /// How many columns there are.
    width: u8,
    columns: Columns,
    ipv4: Table,
    ipv6: Table,
}

/// An address of either version, from a row.
#[inline]
fn start(bytes: &[u8], table: Table, row: usize) -> Option<u128> {
    // That the table is within the file was seen when it was opened.
    let at = table.at + row * table.size;
    if table.address == 4 { le32_at(bytes, at).map(u128::from) } else { array_at(bytes, at).map(u128::from_le_bytes) }
}

impl Table {
    /// The last address of the version.
    const fn maximum(self) -> u128 {
        if self.address == 4 { u32::MAX as u128 } else { u128::MAX }
    }

    /// Among which rows (from, to) an address is.
    #[inline]
    fn candidates(self, bytes: &[u8], address: u128) -> (usize, usize) {
        let upper = (address >> (self.address * 8 - 16)) as usize;
        let cell = self.index.and_then(|index| array_at::<8>(bytes, index.saturating_add(upper * 8)));
        if let Some(cell) = cell
            && let (Some(from), Some(last)) = (le32_at(&cell, 0), le32_at(&cell, 4))
            && from <= last
            && (last as usize) < self.rows
        {
            return (from as usize, last as usize + 1);
        }
        (0, self.rows)
    }

    /// The row of an address. The very last address is in the range before the row that closes the table.
    #[inline]
    fn find(self, bytes: &[u8], address: u128) -> Option<usize> {
        let address = address.min(self.maximum() - 1);
        let (from, to) = self.candidates(bytes, address);
        let (mut low, mut high) = (from, to);
        while low < high {
            let middle = low + (high - low) / 2;
            if start(bytes, self, middle)? <= address {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low > from).then(|| low - 1)
    }
}

/// A text: its length, then its bytes.
fn text(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = u8_at(bytes, at)?;
    bytes.get(at + 1..)?.get(..length.into())
}

/// Official readers take texts for UTF-8 or for ISO 8859-1; the files seen are ASCII.
fn words(text: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(text).map_or_else(|_| encoding_rs::mem::decode_latin1(text), Cow::Borrowed)
}

impl Ip2location {
    fn tables(&self) -> [Table; 2] {
        [self.ipv4, self.ipv6]
    }

    /// The four bytes of a column. `None` where the database has no such column.
    #[inline]
    fn column(&self, table: Table, row: usize, column: u8) -> Option<[u8; 4]> {
        let within = usize::from(column.checked_sub(COUNTRY)?) * 4;
        let at = table.at + row * table.size + table.address + within;
        array_at(self.data.as_ref(), at).filter(|_| column <= self.width)
    }

    fn text(&self, table: Table, row: usize, column: u8) -> Option<&[u8]> {
        text(self.data.as_ref(), u32::from_le_bytes(self.column(table, row, column)?) as usize)
    }

    /// Whether it states a country. Where it does not, it states nothing: each field is `-`.
    #[inline]
    fn known(&self, table: Table, row: usize) -> bool {
        self.text(table, row, COUNTRY).is_some_and(|code| code != b"-")
    }

    fn state<'a>(&'a self, table: Table, row: usize, statement: &mut Statement<'a>) -> Option<()> {
        let bytes = self.data.as_ref();
        let columns = self.columns;
        let country = u32::from_le_bytes(self.column(table, row, COUNTRY)?) as usize;
        statement.country_code(&String::from_utf8_lossy(text(bytes, country)?));
        if let Some(name) = text(bytes, country.saturating_add(NAME_AFTER_CODE)) {
            statement.part(Role::Country, words(name));
        }
        let mut part = |role, column| {
            let text = self.text(table, row, column)?;
            statement.part(role, words(text));
            Some(text)
        };
        part(Role::Region, columns.region);
        part(Role::City, columns.city);
        let isp = part(Role::Organization, columns.isp);
        part(Role::Organization, columns.domain);
        let operator = columns.asn.checked_add(1).filter(|_| columns.asn != 0);
        // The autonomous system is mostly the ISP's.
        if let Some(operator) = operator.filter(|column| self.text(table, row, *column) != isp) {
            part(Role::Organization, operator);
        }
        if let Some(number) = self.text(table, row, columns.asn).and_then(|text| std::str::from_utf8(text).ok()) {
            statement.asn(number.parse().unwrap_or_default());
        }
        let degrees = |column| {
            // Single precision: the six digits that were meant.
            let number = f64::from(f32::from_le_bytes(self.column(table, row, column)?));
            Some((number * 1e6).round_ties_even() / 1e6)
        };
        if columns.latitude != 0
            && let (Some(latitude), Some(longitude)) = (degrees(columns.latitude), degrees(columns.latitude + 1))
        {
            statement.coordinates(latitude, longitude);
        }
        Some(())
    }
}

impl Reader for Ip2location {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        let (table, address, version) = match address {
            IpAddr::V4(address) => (self.ipv4, address.to_bits().into(), 0),
            IpAddr::V6(address) => (self.ipv6, address.to_bits(), 1),
        };
        let row = table.find(self.data.as_ref(), address)?;
        self.known(table, row).then_some(Record((row as u64) << 1 | version))
    }

    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        let mut statement = Statement::new();
        let table = if record.0 & 1 == 0 { self.ipv4 } else { self.ipv6 };
        self.state(table, (record.0 >> 1) as usize, &mut statement);
        statement.finish(language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        let bytes = self.data.as_ref();
        for (version, table) in (0..).zip(self.tables()) {
            for row in 0..table.rows {
                let Some(first) = start(bytes, table, row).filter(|_| self.known(table, row)) else { continue };
                // The row that closes the table starts at the last address, which is in the range before it.
                let next = if row + 1 < table.rows { start(bytes, table, row + 1) } else { None };
                let last = match next {
                    Some(next) if next < table.maximum() => next.checked_sub(1),
                    _ => Some(table.maximum()),
                };
                let closes = row > 0 && first == table.maximum();
                let Some(last) = last.filter(|last| first <= *last && !closes) else { continue };
                let record = Record((row as u64) << 1 | version);
                if version == 0 {
                    visit(IpAddr::V4((first as u32).into()), IpAddr::V4((last as u32).into()), record);
                } else {
                    visit(IpAddr::V6(first.into()), IpAddr::V6(last.into()), record);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings() {
        assert_eq!(words("Zürich".as_bytes()), "Zürich");
        assert_eq!(words(b"Z\xfcrich"), "Zürich");
    }

    /// Each type's fields in the order of its columns, by IP2Location's list of its databases: region R, city C, latitude
    /// and longitude LL, ISP I, domain D, number and name of the autonomous system AN, others as dots.
    const TYPES: [&str; 26] = [
        "",
        "I",
        "RC",
        "RCI",
        "RCLL",
        "RCLLI",
        "RCID",
        "RCLLID",
        "RCLL.",
        "RCLL.ID",
        "RCLL..",
        "RCLL..ID",
        "RCLL..",
        "RCLL..ID.",
        "RCLL....",
        "RCLL..ID...",
        "RCLL....",
        "RCLL..ID.....",
        "RCLLID...",
        "RCLL..ID........",
        "RCLL.....",
        "RCLL..ID.........",
        "RCLLID....",
        "RCLL..ID..........",
        "RCLL..ID............",
        "RCLL..ID.............AN...",
    ];

    #[test]
    fn columns_of_each_type() {
        for (kind, fields) in (1..).zip(TYPES) {
            let column = |field| fields.find(field).map_or(0, |at| at as u8 + 3);
            let columns = Columns::of(kind);
            assert_eq!(columns.region, column('R'), "DB{kind}");
            assert_eq!(columns.city, column('C'), "DB{kind}");
            assert_eq!(columns.latitude, column('L'), "DB{kind}");
            assert_eq!(columns.isp, column('I'), "DB{kind}");
            assert_eq!(columns.domain, column('D'), "DB{kind}");
            assert_eq!(columns.asn, column('A'), "DB{kind}");
        }
    }
}
