use std::net::IpAddr;

use sockscope_geo::{CountryCode, Database, Format, Language, OpenError, Options, Ranges};

use crate::common::{address, details, fixture, open, survives_damage, text};

/// The whole of a file. Entries are written as they are given: where a range starts, and the number of its record.
#[derive(Clone)]
struct File {
    version: u8,
    source: u8,
    width: u8,
    date: u32,
    /// Country, autonomous system, organization.
    records: Vec<(&'static str, u32, &'static str)>,
    ipv4: Vec<(&'static str, u32)>,
    /// Of /48s.
    ipv6: Vec<(&'static str, u32)>,
    exact: Vec<(&'static str, u32)>,
}

/// In a file with numbers of one byte, of four bytes.
const MIXED: u32 = 0xff;
const MIXED_WIDE: u32 = 0xffff_ffff;

impl File {
    fn write(&self) -> Vec<u8> {
        let ipv4: Vec<(u16, Vec<u8>)> = self
            .ipv4
            .iter()
            .map(|(start, number)| {
                let IpAddr::V4(start) = address(start) else { panic!("{start} is not IPv4") };
                let [a, b, c, d] = start.octets();
                (u16::from_be_bytes([a, b]), [vec![d, c], self.number(*number)].concat())
            })
            .collect();
        let ipv6: Vec<(u16, Vec<u8>)> = self
            .ipv6
            .iter()
            .map(|(start, number)| {
                let IpAddr::V6(start) = address(start) else { panic!("{start} is not IPv6") };
                let [a, b, c, d, e, f, rest @ ..] = start.octets();
                assert_eq!(rest, [0; 10], "{start} is finer than a /48");
                (u16::from_be_bytes([a, b]), [vec![f, e, d, c], self.number(*number)].concat())
            })
            .collect();
        let exact = self.exact.iter().flat_map(|(start, number)| {
            let IpAddr::V6(start) = address(start) else { panic!("{start} is not IPv6") };
            [start.octets().into_iter().rev().collect(), self.number(*number)].concat()
        });

        let mut file = b"sockscope places\0".to_vec();
        file.extend([self.version, self.source, self.width]);
        file.extend(self.date.to_le_bytes());
        file.extend((self.records.len() as u32).to_le_bytes());
        let text_bytes: usize = self.records.iter().map(|(.., organization)| organization.len()).sum();
        file.extend((text_bytes as u32).to_le_bytes());
        for family in [&ipv4, &ipv6] {
            let first = family.first().map_or(0, |(bucket, _)| u32::from(*bucket));
            let buckets = family.last().map_or(0, |(bucket, _)| u32::from(*bucket) - first + 1);
            [first, buckets, family.len() as u32].iter().for_each(|word| file.extend(word.to_le_bytes()));
        }
        file.extend((self.exact.len() as u32).to_le_bytes());
        assert_eq!(file.len(), 60);

        let mut text_at = 0_u32;
        for (country, asn, organization) in &self.records {
            file.extend(if country.is_empty() { b"\0\0" } else { country.as_bytes() });
            file.extend((organization.len() as u16).to_le_bytes());
            file.extend(asn.to_le_bytes());
            file.extend(text_at.to_le_bytes());
            text_at += organization.len() as u32;
        }
        for (.., organization) in &self.records {
            file.extend(organization.bytes());
        }
        for family in [ipv4, ipv6] {
            let mut index = Vec::new();
            if let (Some((first, _)), Some((last, _))) = (family.first(), family.last()) {
                for bucket in *first..=*last {
                    index.push(family.iter().filter(|(other, _)| *other < bucket).count() as u32);
                }
            }
            index.extend([family.len() as u32; 2]);
            index.iter().for_each(|position| file.extend(position.to_le_bytes()));
            family.iter().for_each(|(_, entry)| file.extend(entry));
        }
        file.extend(exact);
        file
    }

    fn number(&self, number: u32) -> Vec<u8> {
        number.to_le_bytes()[..usize::from(self.width)].to_vec()
    }
}

/// Countries, in numbers of one byte: gaps around and between, a bucket without entries, /48s with ranges inside of them.
fn countries() -> File {
    File {
        version: 1,
        source: 1,
        width: 1,
        date: 20_260_601,
        records: vec![("AU", 0, ""), ("CN", 0, ""), ("DE", 0, "")],
        ipv4: vec![
            ("1.0.0.128", 1),
            ("1.0.1.0", 2),
            ("1.0.4.0", 0),
            ("1.0.255.255", 3),
            ("1.1.0.0", 1),
            // Nothing starts in 1.2.0.0/16.
            ("1.3.0.0", 2),
            ("1.3.0.1", 0),
        ],
        ipv6: vec![
            ("2001:200::", 1),
            ("2001:200:8000::", 2),
            ("2001:550::", MIXED),
            ("2001:550:1::", MIXED),
            ("2001:550:2::", 3),
            ("2001:551::", 0),
            ("2003::", MIXED),
            ("2003:0:1::", 0),
        ],
        exact: vec![
            ("2001:550::", 2),
            ("2001:550:0:1000::9a18:1074", 1),
            ("2001:550:0:1000::9a18:1075", 3),
            ("2001:550:1::", 3),
            ("2001:550:1:0:ffff::", 0),
            ("2001:550:1:1::", 3),
            ("2003::", 0),
            ("2003::1", 1),
            ("2003::2", 0),
        ],
    }
}

/// Autonomous systems, in numbers of four bytes, for every address.
fn autonomous_systems() -> File {
    File {
        version: 1,
        source: 2,
        width: 4,
        date: 20_260_617,
        records: vec![
            ("", 64500, "Example, Inc."),
            ("", 4_200_000_000, "Пример "),
            ("", 64501, "HT"),
            ("DE", 0, "Beispiel"),
        ],
        ipv4: vec![("0.0.0.0", 1), ("0.0.0.1", 2), ("0.2.0.0", 3), ("0.3.255.255", 4)],
        ipv6: vec![("::", 1), ("0:1::", 2), ("1::", MIXED_WIDE), ("1:0:1::", 3)],
        exact: vec![("1::", 4), ("1::1", 1)],
    }
}

fn code(database: &Database, address: &str) -> Option<String> {
    details(database, address).map(|details| details.country_code.unwrap().to_string())
}

#[test]
fn countries_at_edges_and_in_gaps() {
    let database = open(&fixture("table", "countries.places", countries().write())).unwrap();
    let cases = [
        ("AU", "1.0.0.128 1.0.0.255 1.1.0.0 1.1.255.255 1.2.0.0 1.2.255.255"),
        ("CN", "1.0.1.0 1.0.3.255 1.3.0.0"),
        ("DE", "1.0.255.255"),
        ("", "0.0.0.0 0.255.255.255 1.0.0.0 1.0.0.127 1.0.4.0 1.0.255.254 1.3.0.1 1.3.255.255 1.4.0.0 255.255.255.255"),
        ("AU", "2001:200:: 2001:200:7fff:ffff:ffff:ffff:ffff:ffff 2001:550:0:1000::9a18:1074 2003::1"),
        ("CN", "2001:200:8000:: 2001:54f:ffff:ffff:ffff:ffff:ffff:ffff 2001:550:: 2001:550:0:1000::9a18:1073"),
        ("DE", "2001:550:0:1000::9a18:1075 2001:550:0:ffff:ffff:ffff:ffff:ffff 2001:550:1::"),
        ("DE", "2001:550:1:0:fffe:ffff:ffff:ffff 2001:550:1:1:: 2001:550:2:: 2001:550:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("", "2001:550:1:0:ffff:: 2001:550:1:0:ffff:ffff:ffff:ffff 2001:551:: 2002:ffff:: 2003:: 2003::2 2003:0:1::"),
        ("", ":: ::1 2000:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2004:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        // As the IPv4 address that they stand for.
        ("CN", "::ffff:1.0.1.0 2002:100:100:: 64:ff9b::1.0.1.0"),
    ];
    for (expected, addresses) in cases {
        for address in addresses.split(' ') {
            assert_eq!(code(&database, address).unwrap_or_default(), expected, "{address}");
        }
    }
}

#[test]
fn a_place_is_the_name_of_the_country_alone() {
    let bytes = countries().write();
    for language in ["en", "zh-CN"] {
        let language = Language::parse(language).unwrap();
        let database = Database::open(bytes.clone(), &Options { language: language.clone(), key: None }).unwrap();
        let name = CountryCode::parse("DE").unwrap().name(&language);
        let details = details(&database, "1.0.255.255").unwrap();
        assert_eq!(details.text, name.unwrap_or_default());
        assert_eq!(details.country.as_deref(), name);
        assert_eq!((details.asn, details.organization, details.region, details.city), (None, None, None, None));
    }
}

#[test]
fn autonomous_systems_of_every_address() {
    let database = open(&fixture("table", "asn.places", autonomous_systems().write())).unwrap();
    let cases = [
        (
            "0.0.0.0 :: ::ffff 0:0:ffff:ffff:ffff:ffff:ffff:ffff 1::1 1:0:0:ffff:ffff:ffff:ffff:ffff",
            64500,
            "Example, Inc.",
        ),
        ("0.0.0.1 0.0.255.255 0.1.0.0 0.1.255.255 0:1:: 0:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 4_200_000_000, "Пример"),
        // An organization may be called like a country's code.
        ("0.2.0.0 0.3.255.254 1:0:1:: 2:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 64501, "HT"),
        ("0.3.255.255 1.2.3.4 255.255.255.255 1::", 0, "Beispiel"),
    ];
    for (addresses, asn, organization) in cases {
        for address in addresses.split(' ') {
            let details = details(&database, address).unwrap();
            assert_eq!(details.asn.unwrap_or_default(), asn, "{address}");
            assert_eq!(details.organization.as_deref(), Some(organization), "{address}");
            assert_eq!(details.text, organization);
            assert_eq!(details.country_code, (asn == 0).then(|| CountryCode::parse("DE").unwrap()));
        }
    }
}

/// What `each_range` visits, and the first part of a range's country or organization.
fn ranges(database: &Database) -> Vec<String> {
    let mut ranges = Vec::new();
    database.each_range(&mut |first, last, place| {
        let details = place.details();
        let what = details.country_code.map(|code| code.to_string());
        ranges.push(format!("{first} {last} {}", what.or(details.asn.map(|asn| asn.to_string())).unwrap()));
        let found = |address| database.lookup(address).map(|place| place.record());
        assert_eq!((found(first), found(last)), (Some(place.record()), Some(place.record())));
    });
    ranges
}

#[test]
fn ranges_are_as_they_were_before_48s_were_cut_out() {
    let expected = [
        "1.0.0.128 1.0.0.255 AU",
        "1.0.1.0 1.0.3.255 CN",
        "1.0.255.255 1.0.255.255 DE",
        "1.1.0.0 1.2.255.255 AU",
        "1.3.0.0 1.3.0.0 CN",
        "2001:200:: 2001:200:7fff:ffff:ffff:ffff:ffff:ffff AU",
        "2001:200:8000:: 2001:550:0:1000::9a18:1073 CN",
        "2001:550:0:1000::9a18:1074 2001:550:0:1000::9a18:1074 AU",
        "2001:550:0:1000::9a18:1075 2001:550:1:0:fffe:ffff:ffff:ffff DE",
        "2001:550:1:1:: 2001:550:ffff:ffff:ffff:ffff:ffff:ffff DE",
        "2003::1 2003::1 AU",
    ];
    let database = open(&countries().write()).unwrap();
    assert_eq!(ranges(&database), expected);
    assert_eq!(database.ranges(), Ranges { ipv4: 5, ipv6: 6 });

    let expected = [
        "0.0.0.0 0.0.0.0 64500",
        "0.0.0.1 0.1.255.255 4200000000",
        "0.2.0.0 0.3.255.254 64501",
        "0.3.255.255 255.255.255.255 DE",
        ":: ::ffff:ffff:ffff:ffff:ffff:ffff 64500",
        "0:1:: 0:ffff:ffff:ffff:ffff:ffff:ffff:ffff 4200000000",
        "1:: 1:: DE",
        "1::1 1::ffff:ffff:ffff:ffff:ffff 64500",
        "1:0:1:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 64501",
    ];
    assert_eq!(ranges(&open(&autonomous_systems().write()).unwrap()), expected);
}

#[test]
fn the_last_48_of_all_may_be_mixed() {
    let file = File {
        ipv4: vec![("255.255.0.0", 1), ("255.255.255.255", 2)],
        ipv6: vec![("ffff:ffff:ffff::", MIXED)],
        exact: vec![
            ("ffff:ffff:ffff::", 0),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 1),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2),
        ],
        ..countries()
    };
    let database = open(&file.write()).unwrap();
    let expected = [
        "255.255.0.0 255.255.255.254 AU",
        "255.255.255.255 255.255.255.255 CN",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe AU",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff CN",
    ];
    assert_eq!(ranges(&database), expected);
    assert_eq!(code(&database, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffd"), None);
}

#[test]
fn what_it_says_of_itself() {
    let database = open(&countries().write()).unwrap();
    let info = database.info();
    assert_eq!((info.format, info.name.as_str()), (Format::Table, "DB-IP Country Lite 2026-06"));
    assert_eq!(info.date.unwrap().to_string(), "2026-06-01");
    assert_eq!((info.licence, info.attribution), ("CC BY 4.0", Some("IP Geolocation by DB-IP")));
    assert!(info.ipv4 && info.ipv6);

    let file = File { ipv4: Vec::new(), ..autonomous_systems() };
    let database = open(&file.write()).unwrap();
    let info = database.info();
    assert_eq!(info.name, "ASN by RouteViews, NRO and DB-IP 2026-06-17");
    assert_eq!(info.attribution, Some("Autonomous systems by RouteViews, NRO and DB-IP"));
    assert!(!info.ipv4 && info.ipv6);
    assert_eq!(text(&database, "0.0.0.0"), None);

    let file = File { ipv6: Vec::new(), exact: Vec::new(), ..autonomous_systems() };
    let database = open(&file.write()).unwrap();
    assert!(database.info().ipv4 && !database.info().ipv6);
    assert_eq!(text(&database, "::"), None);
}

#[test]
fn a_header_that_can_not_be_right_is_refused() {
    let good = countries().write();
    let error = |bytes: &[u8]| open(bytes).unwrap_err().to_string();
    let with = |at: usize, value: u32| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        error(&bytes)
    };
    let damaged = |problem, at| format!("damaged or cut off sockscope table file: {problem} at byte {at}");
    assert_eq!(error(&good[..59]), damaged("the header ends early", 59));
    assert_eq!(error(&File { width: 2, ..countries() }.write()), damaged("record numbers are of an unknown width", 19));
    assert_eq!(with(20, 20_261_301), damaged("not a date", 20));
    assert_eq!(with(20, u32::MAX), damaged("not a date", 20));
    assert_eq!(with(32, 0x1_0000), damaged("more buckets than 16 bits tell apart", 32));
    assert_eq!(with(48, u32::MAX), damaged("more buckets than 16 bits tell apart", 44));
    for at in [24, 28, 40, 52, 56] {
        assert_eq!(with(at, u32::MAX), damaged("the header tells of another size", good.len()));
    }
    assert_eq!(error(&good[..good.len() - 1]), damaged("the header tells of another size", good.len() - 1));
    assert_eq!(error(&[&good[..], b"\0"].concat()), damaged("the header tells of another size", good.len() + 1));
    let empty = File { ipv4: Vec::new(), ipv6: Vec::new(), ..countries() };
    assert_eq!(error(&empty.write()), damaged("there are no ranges", 32));

    let unsupported = |what| format!("sockscope table file of a kind that is not supported: {what}");
    assert_eq!(error(&File { version: 2, ..countries() }.write()), unsupported("version 2"));
    assert_eq!(error(&File { source: 3, ..countries() }.write()), unsupported("source 3"));
}

#[test]
fn only_the_mark_makes_it_one() {
    let mut bytes = countries().write();
    bytes[16] = b' ';
    assert_eq!(open(&bytes).unwrap_err(), OpenError::Unknown);
    let error = Database::open_as(Format::Table, bytes, &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "damaged or cut off sockscope table file: no mark of this format at byte 0");
}

#[test]
fn damaged_parts_have_no_answer_and_the_others_have() {
    // Numbers of records that there are not, also where a mixed /48 is.
    let mut file = countries();
    file.ipv4[1].1 = 4;
    file.exact[1].1 = MIXED;
    let database = open(&file.write()).unwrap();
    assert_eq!((code(&database, "1.0.1.0"), code(&database, "1.0.255.255")), (None, Some("DE".to_owned())));
    assert_eq!(code(&database, "2001:550:0:1000::9a18:1074"), None);

    // An exact entry that is in no mixed /48 says nothing.
    let mut file = countries();
    file.exact.insert(0, ("2001:300::1", 3));
    let stray = ranges(&open(&file.write()).unwrap());
    assert_eq!(stray, ranges(&open(&countries().write()).unwrap()));

    // An organization behind the end of the text.
    let mut bytes = autonomous_systems().write();
    bytes[60 + 8..60 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let database = open(&bytes).unwrap();
    let details = details(&database, "0.0.0.0").unwrap();
    assert_eq!((details.asn, details.organization), (Some(64500), None));

    // Entries out of order: every range that is visited ends behind its beginning.
    let mut file = countries();
    file.ipv4.swap(0, 2);
    file.ipv6.swap(0, 5);
    file.exact.reverse();
    let mut visited = 0;
    open(&file.write()).unwrap().each_range(&mut |first, last, _| {
        assert!(first <= last, "{first} {last}");
        visited += 1;
    });
    assert!(visited > 3);
}

#[test]
fn damage_is_survived() {
    survives_damage(Format::Table, &countries().write(), &Options::default());
    survives_damage(Format::Table, &autonomous_systems().write(), &Options::default());
}

/// The table that is part of the program; `cargo test -p xtask` holds all of it against its source.
#[test]
fn the_embedded_table() {
    let database = Database::embedded(&Language::default());
    let cases = [
        ("US", "8.8.8.8 ::ffff:8.8.8.8 2001:550:0:1000::9a18:1073"),
        ("CN", "114.114.114.114 223.5.5.5 2400:3200::1 240e::1"),
        ("AU", "1.0.0.0 1.0.0.255 223.255.255.255 2001:550:0:1000::9a18:1074 2001:550:0:1000::9a36:a553"),
        ("DE", "2a00:1450:4001::1"),
        ("", "0.0.0.0 0.255.255.255 10.0.0.0 127.0.0.1 192.0.2.255 224.0.0.0 255.255.255.255"),
        ("", ":: 1fff:ffff:: 2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 3000:: fe80::1 ff02::1"),
    ];
    for (expected, addresses) in cases {
        for address in addresses.split(' ') {
            assert_eq!(code(&database, address).unwrap_or_default(), expected, "{address}");
        }
    }

    let info = database.info();
    assert_eq!((&**database.name(), info.name.as_str()), ("DB-IP Country Lite 2026-06", "DB-IP Country Lite 2026-06"));
    assert_eq!(info.date.unwrap().to_string(), "2026-06-01");
    assert_eq!(info.attribution, Some("IP Geolocation by DB-IP"));
    assert!(info.ipv4 && info.ipv6 && info.warning.is_none());
    assert_eq!(database.ranges(), Ranges { ipv4: 355_800, ipv6: 345_868 });
}

#[test]
fn the_embedded_table_is_small() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/places.bin");
    assert!(std::fs::metadata(path).unwrap().len() < 4_000_000);
}
