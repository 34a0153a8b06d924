use std::net::IpAddr;

use sockscope_geo::{Database, Format, OpenError, Options};

use crate::common::{address, details, fixture, open, survives_damage, text};

/// The first address, then the texts and numbers of the columns that the type has.
type Row = (&'static str, &'static [Field]);

enum Field {
    Country(&'static str, &'static str),
    Text(&'static str),
    Degrees(f32),
}

use Field::{Country, Degrees, Text};

const NOTHING: Field = Country("-", "-");
const US: Field = Country("US", "United States of America");

const DB1: [Row; 6] = [
    ("0.0.0.0", &[NOTHING]),
    ("1.0.0.0", &[Country("AU", "Australia")]),
    ("1.0.1.0", &[Country("CN", "China")]),
    ("1.0.4.0", &[Country("AU", "Australia")]),
    ("224.0.0.0", &[NOTHING]),
    ("255.255.255.255", &[NOTHING]),
];

const DB1_V6: [Row; 5] = [
    ("::", &[NOTHING]),
    ("2001:200::", &[Country("JP", "Japan")]),
    ("2001:200:134::", &[US]),
    ("2001:200:135::", &[Country("JP", "Japan")]),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &[NOTHING]),
];

/// Country, region, city, latitude, longitude, ZIP code, time zone, ISP, domain, ten others from the speed to the
/// elevation and usage, address type, category, district, number, name, domain, usage and addresses of the system.
const DB26: [Row; 4] = [
    (
        "0.0.0.0",
        &[
            NOTHING,
            Text("-"),
            Text("-"),
            Degrees(0.0),
            Degrees(0.0),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
        ],
    ),
    (
        "8.8.8.0",
        &[
            US,
            Text("California"),
            Text("Mountain View"),
            Degrees(37.405_99),
            Degrees(-122.078_514),
            Text("94043"),
            Text("-08:00"),
            Text("Google LLC"),
            Text("google.com"),
            Text("T1"),
            Text("1"),
            Text("650"),
            Text("USCA0746"),
            Text("Mountain View"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("32"),
            Text("DCH"),
            Text("A"),
            Text("IAB19-11"),
            Text("Santa Clara"),
            Text("15169"),
            Text("Google LLC"),
            Text("google.com"),
            Text("DCH"),
            Text("8.8.8.0/24"),
        ],
    ),
    (
        "8.8.9.0",
        &[
            Country("GB", "United Kingdom"),
            Text("England"),
            Text("Reading"),
            Degrees(-0.5),
            Degrees(0.25),
            Text("-"),
            Text("-"),
            Text("BT"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("2856"),
            Text("British Telecom PLC"),
            Text("-"),
            Text("-"),
            Text("-"),
        ],
    ),
    (
        "255.255.255.255",
        &[
            NOTHING,
            Text("-"),
            Text("-"),
            Degrees(0.0),
            Degrees(0.0),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
            Text("-"),
        ],
    ),
];

/// Country, region, city, ISP, domain.
const DB7: [Row; 4] = [
    ("0.0.0.0", &[NOTHING, Text("-"), Text("-"), Text("-"), Text("-")]),
    ("8.8.8.0", &[US, Text("California"), Text("Mountain View"), Text("Google LLC"), Text("google.com")]),
    ("8.8.9.0", &[Country("DE", "Germany"), Text("-"), Text("-"), Text("-"), Text("example.de")]),
    ("255.255.255.255", &[NOTHING, Text("-"), Text("-"), Text("-"), Text("-")]),
];

/// A row with a field of a type, for each type that has no table above.
const COUNTRY_AND_ISP: [Row; 2] = [("0.0.0.0", &[US, Text("Verizon")]), ("255.255.255.255", &[NOTHING, Text("-")])];

struct File<'a> {
    kind: u8,
    date: [u8; 3],
    ipv4: &'a [Row],
    ipv6: &'a [Row],
    indexed: bool,
    product: u8,
    licence: u8,
}

impl Default for File<'_> {
    fn default() -> Self {
        File { kind: 1, date: [21, 5, 28], ipv4: &DB1, ipv6: &[], indexed: false, product: 1, licence: 2 }
    }
}

impl File<'_> {
    /// Header of 64 bytes, indexes, rows of IPv4, rows of IPv6, texts.
    fn write(&self) -> Vec<u8> {
        let octets = |text: &str| match address(text) {
            IpAddr::V4(it) => it.to_bits().to_le_bytes().to_vec(),
            IpAddr::V6(it) => it.to_bits().to_le_bytes().to_vec(),
        };
        let index = if self.indexed { 65_536 * 8 } else { 0 };
        let index6 = if self.ipv6.is_empty() { 0 } else { index };
        let rows =
            |rows: &[Row]| rows.iter().map(|(start, fields)| octets(start).len() + 4 * fields.len()).sum::<usize>();
        let base4 = 64 + index + index6;
        let base6 = base4 + rows(self.ipv4);
        let mut texts_at = base6 + rows(self.ipv6);
        let mut texts = Vec::<u8>::new();
        let mut known: Vec<(Vec<u8>, usize)> = Vec::new();
        let mut place = |text: Vec<u8>| {
            if let Some((_, at)) = known.iter().find(|(known, _)| *known == text) {
                return *at as u32;
            }
            let at = texts_at;
            texts_at += text.len();
            texts.extend(&text);
            known.push((text, at));
            at as u32
        };
        let packed = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        let mut table = Vec::new();
        for (start, fields) in self.ipv4.iter().chain(self.ipv6) {
            table.extend(octets(start));
            for field in *fields {
                match field {
                    Country(code, name) => {
                        let mut text = packed(code);
                        text.resize(3, b' ');
                        table.extend(place([text, packed(name)].concat()).to_le_bytes());
                    }
                    Text(text) => table.extend(place(packed(text)).to_le_bytes()),
                    Degrees(degrees) => table.extend(degrees.to_le_bytes()),
                }
            }
        }
        let mut bytes = vec![0; 64];
        bytes[0] = self.kind;
        bytes[1] = self.ipv4.first().or(self.ipv6.first()).unwrap().1.len() as u8 + 1;
        bytes[2..5].copy_from_slice(&self.date);
        let one_based = |at: usize| at as u32 + 1;
        let numbers = [
            self.ipv4.len() as u32,
            one_based(base4),
            self.ipv6.len() as u32,
            if self.ipv6.is_empty() { 1 } else { one_based(base6) },
            if self.indexed { 65 } else { 0 },
            if index6 > 0 { one_based(64 + index) } else { 0 },
        ];
        for (at, number) in numbers.into_iter().enumerate() {
            bytes[5 + 4 * at..9 + 4 * at].copy_from_slice(&number.to_le_bytes());
        }
        bytes[29] = self.product;
        bytes[30] = self.licence;
        if self.indexed {
            bytes.extend(index_of(self.ipv4));
            bytes.extend(if self.ipv6.is_empty() { Vec::new() } else { index_of(self.ipv6) });
        }
        bytes.extend(table);
        bytes.extend(texts);
        if self.date[0] > 20 {
            let size = bytes.len() as u32;
            bytes[31..35].copy_from_slice(&size.to_le_bytes());
        }
        bytes
    }
}

/// For the upper 16 bits of an address: the rows in which its first and its last address are.
fn index_of(rows: &[Row]) -> Vec<u8> {
    let starts: Vec<(u128, u32)> = rows
        .iter()
        .map(|(start, _)| match address(start) {
            IpAddr::V4(it) => (it.to_bits().into(), 32),
            IpAddr::V6(it) => (it.to_bits(), 128),
        })
        .collect();
    let shift = starts[0].1 - 16;
    let last_row = starts.len() - 2;
    let row = |address: u128| (starts.partition_point(|(start, _)| *start <= address) - 1).min(last_row) as u32;
    let mut index = Vec::new();
    for upper in 0..65_536_u128 {
        index.extend(row(upper << shift).to_le_bytes());
        index.extend(row((upper << shift) + ((1 << shift) - 1)).to_le_bytes());
    }
    index
}

fn both() -> File<'static> {
    File { ipv6: &DB1_V6, ..File::default() }
}

fn db1() -> Vec<u8> {
    fixture("ip2location", "db1.bin", both().write())
}

fn db26() -> Vec<u8> {
    fixture("ip2location", "db26.bin", File { kind: 26, ipv4: &DB26, licence: 1, ..File::default() }.write())
}

#[test]
fn says_what_it_is() {
    let database = open(&db1()).unwrap();
    let info = database.info();
    assert_eq!((info.format, info.ipv4, info.ipv6), (Format::Ip2location, true, true));
    assert_eq!(info.name, "IP2Location LITE DB1 2021-05-28");
    assert_eq!(info.date.unwrap().to_string(), "2021-05-28");
    assert!(info.attribution.unwrap().contains("https://lite.ip2location.com"));
    let database = open(&db26()).unwrap();
    let info = database.info();
    assert_eq!((info.name.as_str(), info.ipv6, info.attribution), ("IP2Location DB26 2021-05-28", false, None));
    // Before 2021 files stated neither their product nor their size.
    let old = File { date: [14, 12, 4], product: 0, licence: 0, ..File::default() }.write();
    assert_eq!(open(&old).unwrap().info().name, "IP2Location DB1 2014-12-04");
    assert_eq!(text(&open(&old).unwrap(), "1.0.3.255").as_deref(), Some("China"));
}

#[test]
fn finds_each_edge_and_nothing_where_nothing_is_stated() {
    for bytes in [db1(), File { indexed: true, ..both() }.write()] {
        let database = open(&bytes).unwrap();
        for (inside, wanted) in [
            ("0.0.0.0", None),
            ("0.255.255.255", None),
            ("1.0.0.0", Some("Australia")),
            ("1.0.0.255", Some("Australia")),
            ("1.0.1.0", Some("China")),
            ("1.0.3.255", Some("China")),
            ("1.0.4.0", Some("Australia")),
            ("223.255.255.255", Some("Australia")),
            ("224.0.0.0", None),
            ("255.255.255.255", None),
            ("::", None),
            ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", None),
            ("2001:200::", Some("Japan")),
            ("2001:200:133:ffff:ffff:ffff:ffff:ffff", Some("Japan")),
            ("2001:200:134::", Some("United States of America")),
            ("2001:200:134:ffff:ffff:ffff:ffff:ffff", Some("United States of America")),
            ("2001:200:135::", Some("Japan")),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("Japan")),
            // IPv4 inside IPv6.
            ("::ffff:1.0.1.7", Some("China")),
        ] {
            assert_eq!(text(&database, inside).as_deref(), wanted, "{inside}");
        }
        assert_eq!(details(&database, "1.0.1.0").unwrap().country_code.unwrap().as_str(), "CN");
    }
}

/// The last row only closes the table; without such a row the last range goes on to the last address.
#[test]
fn the_last_address() {
    let rows: [Row; 2] = [("0.0.0.0", &[US]), ("200.0.0.0", &[Country("BR", "Brazil")])];
    let database = open(&File { ipv4: &rows, ..File::default() }.write()).unwrap();
    assert_eq!(text(&database, "255.255.255.255").as_deref(), Some("Brazil"));
    let closed: [Row; 2] = [("0.0.0.0", &[US]), ("255.255.255.255", &[Country("BR", "Brazil")])];
    let closed = open(&File { ipv4: &closed, ..File::default() }.write()).unwrap();
    assert_eq!(text(&closed, "255.255.255.255").as_deref(), Some("United States of America"));
    for (database, count) in [(&database, 2), (&closed, 1)] {
        let mut end = None;
        database.each_range(&mut |_, last, _| end = Some(last));
        assert_eq!(end, Some(address("255.255.255.255")));
        assert_eq!(database.ranges().ipv4, count);
    }
}

#[test]
fn fields_of_the_largest_type() {
    let database = open(&db26()).unwrap();
    let it = details(&database, "8.8.8.8").unwrap();
    assert_eq!(it.country_code.unwrap().as_str(), "US");
    assert_eq!(it.country.as_deref(), Some("United States of America"));
    assert_eq!((it.region.as_deref(), it.city.as_deref()), (Some("California"), Some("Mountain View")));
    assert_eq!((it.organization.as_deref(), it.asn), (Some("Google LLC"), Some(15169)));
    let coordinates = it.coordinates.unwrap();
    assert_eq!((coordinates.latitude, coordinates.longitude), (37.405991, -122.078514));
    assert_eq!(it.text, "United States of America California Mountain View Google LLC google.com");
    let it = details(&database, "8.8.9.1").unwrap();
    assert_eq!(it.text, "United Kingdom England Reading BT British Telecom PLC");
    assert_eq!((it.country_code.unwrap().as_str(), it.organization.as_deref()), ("GB", Some("BT")));
    assert_eq!((it.asn, it.coordinates.unwrap().latitude), (Some(2856), -0.5));
    assert_eq!(text(&database, "8.8.7.255"), None);
}

#[test]
fn fields_of_other_types() {
    let database = open(&File { kind: 7, ipv4: &DB7, ..File::default() }.write()).unwrap();
    let it = details(&database, "8.8.8.8").unwrap();
    assert_eq!(it.text, "United States of America California Mountain View Google LLC google.com");
    assert_eq!((it.organization.as_deref(), it.coordinates, it.asn), (Some("Google LLC"), None, None));
    let it = details(&database, "8.8.9.8").unwrap();
    assert_eq!((it.text.as_ref(), it.city), ("Germany example.de", None));

    let database = open(&File { kind: 2, ipv4: &COUNTRY_AND_ISP, ..File::default() }.write()).unwrap();
    let it = details(&database, "200.8.8.8").unwrap();
    assert_eq!((it.text.as_ref(), it.region), ("United States of America Verizon", None));
    assert_eq!(it.organization.as_deref(), Some("Verizon"));
    // A type whose file has fewer columns than it should: those that are there.
    let database = open(&File { kind: 26, ipv4: &DB7, ..File::default() }.write()).unwrap();
    assert_eq!(details(&database, "8.8.8.8").unwrap().city.as_deref(), Some("Mountain View"));
}

#[test]
fn every_range() {
    let database = open(&db1()).unwrap();
    let mut ranges = Vec::new();
    database.each_range(&mut |first, last, place| ranges.push((first.to_string(), last.to_string(), place.record())));
    let edges: Vec<_> = ranges.iter().map(|(first, last, _)| (first.as_str(), last.as_str())).collect();
    let wanted = [
        ("1.0.0.0", "1.0.0.255"),
        ("1.0.1.0", "1.0.3.255"),
        ("1.0.4.0", "223.255.255.255"),
        ("2001:200::", "2001:200:133:ffff:ffff:ffff:ffff:ffff"),
        ("2001:200:134::", "2001:200:134:ffff:ffff:ffff:ffff:ffff"),
        ("2001:200:135::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ];
    assert_eq!(edges, wanted);
    assert_eq!((database.ranges().ipv4, database.ranges().ipv6), (3, 3));
    for (first, last, record) in &ranges {
        assert_eq!(database.lookup(address(first)).unwrap().record(), *record);
        assert_eq!(database.lookup(address(last)).unwrap().record(), *record);
    }
}

#[test]
fn an_index_that_is_wrong_is_passed_over() {
    let mut bytes = File { indexed: true, ..File::default() }.write();
    // Row numbers behind the last, and backwards.
    for (upper, row) in [(0x100, [0xff_u8; 8]), (0x101, [5, 0, 0, 0, 1, 0, 0, 0])] {
        bytes[64 + upper * 8..72 + upper * 8].copy_from_slice(&row);
    }
    let database = open(&bytes).unwrap();
    assert_eq!(text(&database, "1.0.1.0").as_deref(), Some("China"));
    assert_eq!(text(&database, "1.1.1.0").as_deref(), Some("Australia"));
}

#[test]
fn refuses_what_it_cannot_read() {
    let good = db1();
    let error = |bytes: &[u8]| open(bytes).unwrap_err().to_string();
    let cut = &good[..good.len() - 1];
    let wanted =
        format!("damaged or cut off IP2Location BIN file: the file is shorter than it says at byte {}", cut.len());
    assert_eq!(error(cut), wanted);
    let mut other = good.clone();
    other[5..9].fill(0x7f);
    assert!(error(&other).contains("the table of rows is not within the file at byte 64"));
    let proxy = File { product: 2, ..File::default() }.write();
    assert!(error(&proxy).contains("IP2Location BIN file of a kind that is not supported: IP2Proxy"));
    // Other types, columns, dates, products, and rows that don't start with address 0.
    for (at, value) in [(0, 0), (0, 27), (1, 1), (3, 13), (4, 0), (29, 3), (29, 0), (64, 1), (13, 0xff)] {
        let mut other = good.clone();
        other[at] = value;
        if at == 13 {
            other[17] = 2;
        }
        assert_eq!(open(&other).unwrap_err(), OpenError::Unknown, "{at}");
    }
}

/// Databases are downloaded packed.
#[test]
fn names_the_packer_of_a_packed_file() {
    for (mark, packer) in [
        (&b"PK\x03\x04\x14\0\0\0\x08\0"[..], "ZIP"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip"),
        (b"Rar!\x1a\x07\x01\0", "RAR"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "7z"),
    ] {
        let bytes = [mark, &db1()].concat();
        let wanted = format!("this is a {packer} file, not an IP database: unpack it and give the file that is in it");
        assert_eq!(open(&bytes).unwrap_err().to_string(), wanted);
        Database::open_as(Format::Ip2location, bytes, &Options::default()).unwrap_err();
    }
}

#[test]
fn damage() {
    survives_damage(Format::Ip2location, &db1(), &Options::default());
    survives_damage(Format::Ip2location, &db26(), &Options::default());
}
