use sockscope_geo::{Database, Format, OpenError, Options};

use crate::common::{address, details, fixture, open, survives_damage, text};

const RANGES: [(&str, &str, &str); 7] = [
    ("0.0.0.0", "0.255.255.255", "0|0|0|内网IP|内网IP"),
    ("1.0.0.0", "1.0.0.255", "澳大利亚|0|0|0|0"),
    ("1.0.1.0", "1.0.3.255", "中国|0|福建省|福州市|电信"),
    // A gap before this one.
    ("1.0.8.0", "1.0.15.255", "中国|0|广东省|广州市|电信"),
    ("1.0.16.0", "1.0.31.255", "日本|0|0|0|0"),
    ("1.0.32.0", "1.0.63.255", "中国|0|广东省|广州市|电信"),
    ("224.0.0.0", "255.255.255.255", "0|0|0|内网IP|内网IP"),
];

/// Super block, table of every second entry, texts with the city's number before, entries, the maker's note.
fn write(ranges: &[(&str, &str, &str)]) -> Vec<u8> {
    const TABLE: usize = 16 * 8;
    let bits = |text: &str| match address(text) {
        std::net::IpAddr::V4(it) => it.to_bits(),
        std::net::IpAddr::V6(_) => unreachable!(),
    };
    let mut bytes = vec![0; 8 + TABLE];
    let mut texts: Vec<(&str, u32)> = Vec::new();
    for (_, _, region) in ranges {
        if !texts.iter().any(|(text, _)| text == region) {
            texts.push((region, (region.len() as u32 + 4) << 24 | bytes.len() as u32));
            bytes.extend(2163_u32.to_le_bytes());
            bytes.extend(region.as_bytes());
        }
    }
    let first = bytes.len() as u32;
    for (index, (start, end, region)) in ranges.iter().enumerate() {
        if index % 2 == 0 || index == ranges.len() - 1 {
            let entry = 8 + index.div_ceil(2) * 8;
            let at = bytes.len() as u32;
            bytes[entry..entry + 4].copy_from_slice(&bits(start).to_le_bytes());
            bytes[entry + 4..entry + 8].copy_from_slice(&at.to_le_bytes());
        }
        bytes.extend(bits(start).to_le_bytes());
        bytes.extend(bits(end).to_le_bytes());
        bytes.extend(texts.iter().find(|(text, _)| text == region).unwrap().1.to_le_bytes());
    }
    let last = bytes.len() as u32 - 12;
    bytes[0..4].copy_from_slice(&first.to_le_bytes());
    bytes[4..8].copy_from_slice(&last.to_le_bytes());
    bytes.extend(b"\x30Created by lionsoul at 2021/10/25");
    bytes
}

fn file() -> Vec<u8> {
    fixture("ip2region_db", "ip2region.db", write(&RANGES))
}

/// Enough entries for look-ups to be prepared: every other address of 1.0.0.0/17 and one more in each later /16.
fn large() -> Vec<u8> {
    let mut ranges: Vec<(String, &str)> =
        (0..0x4000).map(|it| (format!("1.0.{}.{}", it >> 7, (it & 0x7f) * 2), "中国|0|福建省|福州市|电信")).collect();
    ranges.extend((2..200).map(|it| (format!("{it}.3.0.0"), "日本|0|0|0|0")));
    let ranges: Vec<_> = ranges.iter().map(|(address, region)| (&**address, &**address, *region)).collect();
    let mut bytes = write_long(&ranges);
    bytes.resize(bytes.len() + 300_000, 0);
    bytes
}

/// With a table of the first and the last entry only.
fn write_long(ranges: &[(&str, &str, &str)]) -> Vec<u8> {
    let (first, last) = (ranges.first().unwrap(), ranges.last().unwrap());
    let mut bytes = write(&[*first, *last]);
    let at = u32::from_le_bytes(bytes[0..4].try_into().unwrap()) as usize;
    let entry = |bytes: &[u8], index: usize| -> [u8; 4] { bytes[at + index * 12 + 8..][..4].try_into().unwrap() };
    let (first_text, last_text) = (entry(&bytes, 0), entry(&bytes, 1));
    bytes.truncate(at);
    for (start, end, region) in ranges {
        for edge in [start, end] {
            let std::net::IpAddr::V4(edge) = address(edge) else { unreachable!() };
            bytes.extend(edge.to_bits().to_le_bytes());
        }
        bytes.extend(if *region == first.2 { first_text } else { last_text });
    }
    let last = (bytes.len() as u32 - 12).to_le_bytes();
    bytes[4..8].copy_from_slice(&last);
    bytes[20..24].copy_from_slice(&last);
    bytes
}

#[test]
fn says_what_it_is() {
    let database = open(&file()).unwrap();
    let info = database.info();
    assert_eq!((info.format, info.ipv4, info.ipv6), (Format::Ip2regionDb, true, false));
    assert_eq!(info.name, "ip2region 2021-10-25");
    assert_eq!(info.date.unwrap().to_string(), "2021-10-25");
    let unsigned = &file()[..file().len() - 34];
    assert_eq!(
        (open(unsigned).unwrap().info().name.as_str(), open(unsigned).unwrap().info().date),
        ("ip2region", None)
    );
}

#[test]
fn finds_each_edge_and_nothing_in_gaps() {
    let database = open(&file()).unwrap();
    for (inside, wanted) in [
        ("0.0.0.0", Some("内网IP 内网IP")),
        ("0.255.255.255", Some("内网IP 内网IP")),
        ("1.0.0.0", Some("澳大利亚")),
        ("1.0.0.255", Some("澳大利亚")),
        ("1.0.1.0", Some("中国 福建省 福州市 电信")),
        ("1.0.3.255", Some("中国 福建省 福州市 电信")),
        ("1.0.4.0", None),
        ("1.0.7.255", None),
        ("1.0.8.0", Some("中国 广东省 广州市 电信")),
        ("1.0.63.255", Some("中国 广东省 广州市 电信")),
        ("1.0.64.0", None),
        ("223.255.255.255", None),
        ("224.0.0.0", Some("内网IP 内网IP")),
        ("255.255.255.255", Some("内网IP 内网IP")),
        ("100::1", None),
    ] {
        assert_eq!(text(&database, inside).as_deref(), wanted, "{inside}");
    }
    let it = details(&database, "1.0.2.1").unwrap();
    assert_eq!((it.country.as_deref(), it.region.as_deref()), (Some("中国"), Some("福建省")));
    assert_eq!((it.city.as_deref(), it.organization.as_deref()), (Some("福州市"), Some("电信")));
}

#[test]
fn prepared_or_not_is_the_same() {
    let bytes = large();
    let (plain, mut prepared) = (open(&bytes).unwrap(), open(&bytes).unwrap());
    prepared.prepare();
    let mut found = 0;
    for low in 0..0x8100_u32 {
        for address in [0x0100_0000 + low, (low << 16) + 0x3_0000, (low << 16) + 0x2_ffff] {
            let address = std::net::IpAddr::V4(address.into());
            let record = plain.lookup(address).map(|place| place.record());
            assert_eq!(prepared.lookup(address).map(|place| place.record()), record, "{address}");
            found += usize::from(record.is_some());
        }
    }
    assert!(found > 0x4000);
}

#[test]
fn every_range() {
    let database = open(&file()).unwrap();
    let mut ranges = Vec::new();
    database.each_range(&mut |first, last, place| ranges.push((first, last, place.details().text.into_owned())));
    let edges: Vec<_> = ranges.iter().map(|(first, last, _)| (*first, *last)).collect();
    let written: Vec<_> = RANGES.iter().map(|(first, last, _)| (address(first), address(last))).collect();
    assert_eq!(edges, written);
    assert_eq!(ranges[1].2, "澳大利亚");
    assert_eq!((database.ranges().ipv4, database.ranges().ipv6), (7, 0));
    // Equal texts are one record.
    let record = |text: &str| database.lookup(address(text)).unwrap().record();
    assert_eq!(record("1.0.8.0"), record("1.0.32.0"));
}

#[test]
fn refuses_what_it_cannot_read() {
    let good = file();
    let entries = u32::from_le_bytes(good[0..4].try_into().unwrap()) as usize;
    let cut = &good[..entries + 5 * 12];
    let error = open(cut).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("damaged or cut off ip2region db file: the file ends before its entries do at byte {}", cut.len())
    );
    let as_one =
        |bytes: &[u8]| Database::open_as(Format::Ip2regionDb, bytes.to_vec(), &Options::default()).unwrap_err();
    // The table: not the first entry, not ascending, beside an entry, another address.
    for (at, value) in [(12, 1), (16, 0), (20, 1), (8, 1)] {
        let mut other = good.clone();
        other[at] = other[at].wrapping_sub(value);
        if at == 16 {
            other[16..20].fill(0);
        }
        assert_eq!(open(&other).unwrap_err(), OpenError::Unknown, "{at}");
        assert!(as_one(&other).to_string().contains("the table of entries"), "{at}");
    }
    let mut other = good.clone();
    other[4] = other[4].wrapping_add(1);
    assert!(as_one(&other).to_string().contains("the first and the last entry"));
    for text in ["1.0.0.0,1.0.0.255,AU\n".repeat(100), "\0".repeat(500), "\u{1}\0\0\0".repeat(500)] {
        assert_eq!(open(text.as_bytes()).unwrap_err(), OpenError::Unknown);
    }
}

#[test]
fn damage() {
    survives_damage(Format::Ip2regionDb, &file(), &Options::default());
}
