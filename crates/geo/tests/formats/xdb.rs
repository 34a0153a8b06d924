use std::net::IpAddr;

use sockscope_geo::{Database, Format, OpenError, Options};

use crate::common::{address, details, fixture, open, survives_damage, text};
use crate::damage::Random;

/// All cells of the vector index.
const CELLS: usize = 65_536;
/// Those of the addresses below 2.0.0.0 and 200::. A file with these alone is small and can be searched below there.
const FEW: usize = 512;

type Segment = (&'static str, &'static str, &'static str);

const V2: [Segment; 6] = [
    ("0.0.0.0", "0.255.255.255", "0|0|0|内网IP|内网IP"),
    ("1.0.0.0", "1.0.0.255", "澳大利亚|0|0|0|0"),
    ("1.0.1.0", "1.0.3.255", "中国|0|福建省|福州市|电信"),
    // A gap, and a range that is split at the borders of two cells.
    ("1.0.8.0", "1.2.0.255", "中国|华南|广东省|广州市|电信"),
    ("1.2.1.0", "1.2.1.0", "中国|0|福建省|福州市|电信"),
    ("1.255.255.0", "1.255.255.255", "英国|0|0|伦敦|BT"),
];

const V3: [Segment; 4] = [
    ("0.0.0.0", "0.255.255.255", "Reserved|Reserved|Reserved|0|0"),
    ("1.0.0.0", "1.0.0.255", "Australia|Queensland|Brisbane|Cloudflare, Inc|AU"),
    ("1.0.1.0", "1.0.3.255", "中国|福建省|福州市|电信|CN"),
    ("1.0.4.0", "1.255.255.255", "United Kingdom|0|0|BT|GB"),
];

const V6: [Segment; 5] = [
    ("::1", "::1", "中国|0|0|本机|CN"),
    ("100::", "101:0:0:1::ffff", "United States|California|San Jose|xTom|US"),
    ("102::", "102::", "中国|广东省|深圳市|电信|CN"),
    ("102::1", "102:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "Japan|Tokyo|Tokyo|IIJ|JP"),
    ("1ff:ffff::", "1ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "Germany|0|0|0|DE"),
];

/// Header, vector index, regions, segments.
fn write(version: u16, cells: usize, segments: &[Segment]) -> Vec<u8> {
    let bits = |text: &str| match address(text) {
        IpAddr::V4(it) => (u128::from(it.to_bits()), 32),
        IpAddr::V6(it) => (it.to_bits(), 128),
    };
    let width = bits(segments[0].0).1;
    let mut bytes = vec![0; 256 + cells * 8];
    let mut index = Vec::new();
    let mut known: Vec<(&str, u32)> = Vec::new();
    for (first, last, region) in segments {
        if !known.iter().any(|(text, _)| text == region) {
            known.push((region, bytes.len() as u32));
            bytes.extend(region.as_bytes());
        }
        let offset = known.iter().find(|(text, _)| text == region).unwrap().1;
        let (mut first, last) = (bits(first).0, bits(last).0);
        // The makers split at each border of the upper 16 bits.
        loop {
            let cell = first >> (width - 16);
            let end = last.min(((cell + 1) << (width - 16)).wrapping_sub(1));
            index.push((cell as usize, first, end, region.len() as u16, offset));
            if end == last {
                break;
            }
            first = end + 1;
        }
    }
    let start = bytes.len();
    for (cell, first, last, length, offset) in index {
        let at = bytes.len() as u32;
        if width == 32 {
            bytes.extend((first as u32).to_le_bytes());
            bytes.extend((last as u32).to_le_bytes());
        } else {
            bytes.extend(first.to_be_bytes());
            bytes.extend(last.to_be_bytes());
        }
        bytes.extend(length.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        let (cell, end) = (256 + cell * 8, bytes.len() as u32);
        if bytes[cell..cell + 4] == [0; 4] {
            bytes[cell..cell + 4].copy_from_slice(&at.to_le_bytes());
        }
        bytes[cell + 4..cell + 8].copy_from_slice(&end.to_le_bytes());
    }
    let size = if width == 32 { 14 } else { 38 };
    bytes[0..2].copy_from_slice(&version.to_le_bytes());
    bytes[2..4].copy_from_slice(&1_u16.to_le_bytes());
    // 2024-02-28.
    bytes[4..8].copy_from_slice(&1_709_087_558_u32.to_le_bytes());
    bytes[8..12].copy_from_slice(&(start as u32).to_le_bytes());
    let last = (bytes.len() - size) as u32;
    bytes[12..16].copy_from_slice(&last.to_le_bytes());
    if version == 3 {
        bytes[16..18].copy_from_slice(&if width == 32 { 4_u16 } else { 6 }.to_le_bytes());
        bytes[18..20].copy_from_slice(&4_u16.to_le_bytes());
    }
    bytes
}

fn v2() -> Vec<u8> {
    fixture("xdb", "v2.xdb", write(2, FEW, &V2))
}

fn v3() -> Vec<u8> {
    fixture("xdb", "v3.xdb", write(3, FEW, &V3))
}

fn v6() -> Vec<u8> {
    fixture("xdb", "v3-ipv6.xdb", write(3, FEW, &V6))
}

fn all() -> [(Vec<u8>, &'static [Segment]); 5] {
    [(v2(), &V2), (v3(), &V3), (v6(), &V6), (write(2, CELLS, &V2), &V2), (write(3, CELLS, &V6), &V6)]
}

#[test]
fn says_what_it_is() {
    for (bytes, segments) in all() {
        let database = open(&bytes).unwrap();
        let info = database.info();
        let ipv6 = segments == V6;
        assert_eq!((info.format, info.ipv4, info.ipv6), (Format::Xdb, !ipv6, ipv6));
        assert_eq!(info.name, "xdb 2024-02-28");
        assert_eq!(info.date.unwrap().to_string(), "2024-02-28");
    }
    let mut undated = v2();
    undated[4..8].fill(0);
    let database = open(&undated).unwrap();
    assert_eq!((database.info().name.as_str(), database.info().date), ("xdb", None));
}

/// Both edges of every range, prepared or not, against the list that was written.
#[test]
fn finds_each_edge_and_nothing_in_gaps() {
    for (bytes, segments) in all() {
        let mut database = open(&bytes).unwrap();
        for _ in 0..2 {
            let stated = |text: &str| {
                let address = address(text);
                segments.iter().find(|(first, last, _)| (self::address(first)..=self::address(last)).contains(&address))
            };
            let mut asked = 0;
            let beside = |address: IpAddr, step: i32| match address {
                IpAddr::V4(it) => it.to_bits().checked_add_signed(step).map(|it| IpAddr::V4(it.into())),
                IpAddr::V6(it) => it.to_bits().checked_add_signed(step.into()).map(|it| IpAddr::V6(it.into())),
            };
            for edge in segments.iter().flat_map(|(first, last, _)| [first, last]) {
                for address in (-1..=1).filter_map(|step| beside(self::address(edge), step)) {
                    let found = text(&database, &address.to_string());
                    assert_eq!(found.is_some(), stated(&address.to_string()).is_some(), "{address}");
                    asked += usize::from(found.is_some());
                }
            }
            assert!(asked > segments.len());
            database.prepare();
        }
    }
    let database = open(&v2()).unwrap();
    assert_eq!(text(&database, "1.0.4.0"), None);
    assert_eq!(text(&database, "1.1.77.1").as_deref(), Some("中国 华南 广东省 广州市 电信"));
    assert_eq!(text(&database, "255.255.255.255"), None);
    assert_eq!(text(&database, "100::1"), None);
    assert_eq!(text(&open(&v6()).unwrap(), "1.0.0.1"), None);
}

#[test]
fn parts_of_the_second_version() {
    let database = open(&v2()).unwrap();
    let it = details(&database, "1.0.2.1").unwrap();
    assert_eq!(it.text, "中国 福建省 福州市 电信");
    assert_eq!(it.country.as_deref(), Some("中国"));
    assert_eq!((it.region.as_deref(), it.city.as_deref()), (Some("福建省"), Some("福州市")));
    assert_eq!(it.organization.as_deref(), Some("电信"));
    // An ISP that looks like a country's code.
    let it = details(&database, "1.255.255.7").unwrap();
    assert_eq!((it.text.as_ref(), it.organization.as_deref()), ("英国 伦敦 BT", Some("BT")));
    assert_ne!(it.country_code.map(|code| code.to_string()).as_deref(), Some("BT"));
    assert_eq!(text(&database, "0.1.2.3").as_deref(), Some("内网IP 内网IP"));
}

#[test]
fn parts_of_the_third_version() {
    let database = open(&v3()).unwrap();
    let it = details(&database, "1.0.0.1").unwrap();
    assert_eq!(it.text, "Australia Queensland Brisbane Cloudflare, Inc");
    assert_eq!(it.country_code.unwrap().as_str(), "AU");
    assert_eq!((it.region.as_deref(), it.city.as_deref()), (Some("Queensland"), Some("Brisbane")));
    assert_eq!(it.organization.as_deref(), Some("Cloudflare, Inc"));
    // Without a code the order is still the file's.
    let it = details(&database, "0.0.0.1").unwrap();
    assert_eq!((it.city.as_deref(), it.organization), (Some("Reserved"), None));
    let it = details(&database, "1.2.3.4").unwrap();
    assert_eq!((it.country_code.unwrap().as_str(), it.text.as_ref()), ("GB", "United Kingdom BT"));

    let database = open(&v6()).unwrap();
    let it = details(&database, "101::7").unwrap();
    assert_eq!(it.country_code.unwrap().as_str(), "US");
    assert_eq!(it.text, "United States California San Jose xTom");
}

#[test]
fn texts_of_users_are_kept() {
    let segments = [
        ("0.0.0.0", "0.0.0.255", "office 3|rack 7|-|DE"),
        ("0.0.1.0", "0.0.1.255", "just words"),
        ("0.0.2.0", "0.0.2.255", "|||"),
    ];
    let database = open(&write(2, FEW, &segments)).unwrap();
    let it = details(&database, "0.0.0.9").unwrap();
    assert_eq!(it.text, "office 3 rack 7");
    assert_eq!(it.country_code.unwrap().as_str(), "DE");
    assert_eq!(text(&database, "0.0.1.9").as_deref(), Some("just words"));
    assert_eq!(text(&database, "0.0.2.9").as_deref(), Some(""));
}

#[test]
fn equal_regions_are_one_record() {
    let database = open(&v2()).unwrap();
    let record = |text: &str| database.lookup(address(text)).unwrap().record();
    assert_eq!(record("1.0.1.0"), record("1.2.1.0"));
    assert_ne!(record("1.0.1.0"), record("1.0.0.0"));
}

#[test]
fn every_range() {
    for (bytes, segments) in all() {
        let database = open(&bytes).unwrap();
        let mut ranges = Vec::new();
        database.each_range(&mut |first, last, place| ranges.push((first, last, place.record())));
        let total = database.ranges();
        assert_eq!(total.ipv4 + total.ipv6, ranges.len() as u64);
        assert_eq!(
            (ranges[0].0, ranges.last().unwrap().1),
            (address(segments[0].0), address(segments.last().unwrap().1))
        );
        for (first, last, record) in ranges {
            assert_eq!(database.lookup(first).unwrap().record(), record);
            assert_eq!(database.lookup(last).unwrap().record(), record);
        }
    }
    // The two that cross borders are three more each, and 0.0.0.0/8 has 256.
    assert_eq!(open(&v2()).unwrap().ranges().ipv4, 256 + 1 + 1 + 3 + 1 + 1);
}

#[test]
fn refuses_what_it_cannot_read() {
    let error = |bytes: &[u8]| open(bytes).unwrap_err().to_string();
    let good = v3();
    let cut = &good[..good.len() - 1];
    let wanted = format!("damaged or cut off xdb file: the file ends before its index does at byte {}", cut.len());
    assert_eq!(error(cut), wanted);
    assert!(error(&good[..300]).contains("the file ends before its index does at byte 300"));
    let mut wide = good.clone();
    wide[18] = 5;
    assert!(error(&wide).contains("pointers of 5 bytes"));
    // Other versions, policies and addresses are no xdb.
    for (at, value) in [(0, 4), (0, 1), (2, 0), (2, 3), (16, 5), (8, 0), (200, 1)] {
        let mut other = good.clone();
        other[at] = value;
        assert_eq!(open(&other).unwrap_err(), OpenError::Unknown, "{at}");
        assert!(Database::open_as(Format::Xdb, other, &Options::default()).unwrap_err().to_string().contains("header"));
    }
}

#[test]
fn bad_pointers_give_no_answer() {
    // A cell that points behind the end, backwards, or into the middle of a segment.
    for (first, end) in [(u32::MAX - 7, u32::MAX), (9000, 300), (0, u32::MAX), (257, 258)] {
        let mut bytes = v2();
        let cell = 256 + 256 * 8;
        bytes[cell..cell + 4].copy_from_slice(&first.to_le_bytes());
        bytes[cell + 4..cell + 8].copy_from_slice(&end.to_le_bytes());
        let database = open(&bytes).unwrap();
        assert_eq!(text(&database, "1.0.0.1"), None);
        assert_eq!(text(&database, "1.1.0.1").as_deref(), Some("中国 华南 广东省 广州市 电信"));
    }
    // A region outside of the file: the range is known, and nothing is said of it.
    let mut bytes = v2();
    let last = bytes.len();
    bytes[last - 4..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(text(&open(&bytes).unwrap(), "1.255.255.1").as_deref(), Some(""));
}

#[test]
fn damage() {
    survives_damage(Format::Xdb, &v2(), &Options::default());
    survives_damage(Format::Xdb, &v6(), &Options::default());
}

/// Where it hurts: the cells that are used, and the segments.
#[test]
fn damage_to_the_index() {
    for (bytes, segments) in [(v2(), &V2[..]), (v6(), &V6)] {
        let mut random = Random(7);
        let mut differs = 0;
        for _ in 0..2000 {
            let mut damaged = bytes.clone();
            let span = damaged.len() - 256;
            for _ in 0..8 {
                let at = 256 + random.below(span);
                damaged[at] = random.next() as u8;
            }
            let mut database = open(&damaged).unwrap();
            for _ in 0..2 {
                for (first, last, region) in segments {
                    for edge in [first, last] {
                        let found = text(&database, edge);
                        differs +=
                            usize::from(found.is_none_or(|text| !region.contains(text.split(' ').next().unwrap())));
                    }
                }
                database.prepare();
            }
        }
        assert!(differs > 0, "no damage showed");
    }
}
