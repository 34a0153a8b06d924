use std::net::IpAddr;

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use sockscope_geo::{Database, Format, OpenError, Options};

use crate::common::{address, details, fixture, open, survives_damage, text};

const KEY: &[u8; 16] = b"sockscope test !";
const KEY_BASE64: &str = "c29ja3Njb3BlIHRlc3QgIQ==";
const CLIENT: u32 = 1234;

/// First and last address, columns of the place (none: no place), the rest; no rest: the entry has no record.
struct Range(&'static str, &'static str, &'static [&'static str], Option<&'static str>);

const V4: [Range; 9] = [
    Range("0.0.0.1", "0.255.255.255", &[], Some("IANA")),
    Range("1.0.0.0", "1.0.0.255", &["澳大利亚", "hidden", ""], Some("CloudFlare公司")),
    Range("1.0.1.0", "1.0.3.255", &["中国–福建–福州", "hidden", "鼓楼区"], Some("电信")),
    Range("1.0.4.0", "1.0.4.255", &["中国–广东–深圳–南山区", "", ""], Some("")),
    // A gap, then an entry without a record.
    Range("1.0.8.0", "1.0.8.255", &[], None),
    Range("1.0.9.0", "1.0.9.255", &["美国加利福尼亚州"], Some("谷歌公司 DNS")),
    Range("1.0.10.0", "1.0.10.255", &["中国–福建–福州", "hidden", "鼓楼区"], Some("电信")),
    Range("100.0.0.0", "100.0.0.0", &["日本–东京都", "hidden", "null"], Some("CZ88.NET")),
    Range("255.255.255.0", "255.255.255.255", &["纯真网络", "", ""], Some("2024年06月05日IP数据")),
];

const V6: [Range; 3] = [
    Range("::1", "::ffff", &["本地", "hidden", ""], Some("回环")),
    Range("2001:200::", "2001:200:ffff:ffff:ffff:ffff:ffff:ffff", &["日本", "", ""], Some("WIDE")),
    Range("2400:3200::", "2400:3200::1", &["中国–浙江–杭州", "hidden", ""], Some("阿里云")),
];

struct File<'a> {
    ranges: &'a [Range],
    /// `yymmdd`.
    expires: u32,
    random: usize,
    /// Bit `i + 1`: column `i` is shown.
    columns: u32,
}

impl Default for File<'_> {
    fn default() -> Self {
        File { ranges: &V4, expires: 991_231, random: 37, columns: 0b1010 }
    }
}

fn pack_text(into: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..=31 => into.push(0xa0 | length as u8),
        length => into.extend([0xd9, length as u8]),
    }
    into.extend(text.as_bytes());
}

impl File<'_> {
    fn header(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        plain.extend((CLIENT << 20 | self.expires).to_le_bytes());
        plain.extend((self.random as u32).to_le_bytes());
        plain.extend([0; 8]);
        plain.extend([16; 16]);
        let cipher = Aes128::new(&Array::from(*KEY));
        let mut bytes = Vec::new();
        for number in [20_240_605, CLIENT, plain.len() as u32] {
            bytes.extend(number.to_le_bytes());
        }
        for block in plain.as_chunks::<16>().0 {
            let mut block = Array::from(*block);
            cipher.encrypt_block(&mut block);
            bytes.extend(block);
        }
        bytes.extend((0..self.random).map(|it| (it * 7) as u8));
        bytes
    }

    /// Kind, sizes, table, records, entries, map.
    fn body(&self) -> Vec<u8> {
        let ipv6 = address(self.ranges[0].0).is_ipv6();
        let octets = |text: &str| match address(text) {
            IpAddr::V4(it) => it.octets().to_vec(),
            IpAddr::V6(it) => it.octets().to_vec(),
        };
        let size = if ipv6 { 37 } else { 13 };
        let table = 20 * 4;
        let mut body = vec![0; 17 + table];
        let mut places: Vec<u8> = vec![0xc0];
        let mut known: Vec<(&[&str], usize, usize)> = Vec::new();
        let mut entries = Vec::new();
        for Range(first, last, place, rest) in self.ranges {
            entries.extend(octets(first));
            entries.extend(octets(last));
            let Some(rest) = rest else {
                entries.extend([0; 5]);
                continue;
            };
            let start = body.len();
            if place.is_empty() {
                body.push(0);
            } else {
                let (_, offset, length) = known.iter().find(|known| known.0 == *place).copied().unwrap_or_else(|| {
                    let offset = places.len();
                    places.push(0x90 | place.len() as u8);
                    place.iter().for_each(|column| pack_text(&mut places, column));
                    known.push((place, offset, places.len() - offset));
                    *known.last().unwrap()
                });
                body.push(0xce);
                body.extend(((length << 24 | offset) as u32).to_be_bytes());
            }
            pack_text(&mut body, rest);
            entries.extend((start as u32).to_le_bytes());
            entries.push((body.len() - start) as u8);
        }
        let first = body.len();
        let last = first + entries.len() - size;
        body.extend(entries);
        for (index, at) in [first, last].into_iter().enumerate() {
            let block = 17 + 20 * index;
            let start = body[at..at + size / 2 - 2].to_vec();
            body[block..block + start.len()].copy_from_slice(&start);
            body[block + 16..block + 20].copy_from_slice(&(at as u32).to_le_bytes());
        }
        body.extend(self.columns.to_le_bytes());
        if self.columns != 0 {
            body.extend((places.len() as u32).to_le_bytes());
            body.extend(places.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
        body[0] = u8::from(ipv6);
        for (at, number) in [(1, body.len()), (5, first), (9, table), (13, last)] {
            body[at..at + 4].copy_from_slice(&(number as u32).to_le_bytes());
        }
        body
    }

    fn write(&self) -> Vec<u8> {
        [self.header(), self.body()].concat()
    }
}

fn options() -> Options {
    Options { key: Some(KEY_BASE64.to_owned()), ..Options::default() }
}

fn unlock(bytes: &[u8]) -> Result<Database, OpenError> {
    Database::open(bytes.to_vec(), &options())
}

fn v4() -> Vec<u8> {
    fixture("czdb", "v4.czdb", File::default().write())
}

fn v6() -> Vec<u8> {
    fixture("czdb", "v6.czdb", File { ranges: &V6, random: 0, ..File::default() }.write())
}

#[test]
fn says_what_it_is() {
    let database = unlock(&v4()).unwrap();
    let info = database.info();
    assert_eq!((info.format, info.ipv4, info.ipv6), (Format::Czdb, true, false));
    assert_eq!((info.name.as_str(), info.date.unwrap().to_string().as_str()), ("czdb 2024-06-05", "2024-06-05"));
    assert_eq!(info.warning, None);
    let info = unlock(&v6()).unwrap().info().clone();
    assert_eq!((info.ipv4, info.ipv6), (false, true));
}

#[test]
fn an_expired_licence_is_a_warning() {
    let expired = unlock(&File { expires: 240_704, ..File::default() }.write()).unwrap();
    assert_eq!(expired.info().warning.as_deref(), Some("its licence expired on 2024-07-04"));
    assert_eq!(text(&expired, "1.0.1.7").as_deref(), Some("中国 福建 福州 鼓楼区 电信"));
}

#[test]
fn keys() {
    let bytes = v4();
    let with = |key: &str| {
        Database::open(bytes.clone(), &Options { key: Some(key.to_owned()), ..Options::default() }).map(|_| ())
    };
    assert_eq!(open(&bytes).unwrap_err(), OpenError::KeyMissing { format: Format::Czdb });
    assert_eq!(open(&bytes).unwrap_err().to_string(), "the czdb file is encrypted and needs a key");
    assert_eq!(with(" \n"), Err(OpenError::KeyMissing { format: Format::Czdb }));
    // As it is in a file: with the end of the line.
    assert_eq!(with(&format!("{KEY_BASE64}\r\n")), Ok(()));
    for wrong in ["c29ja3Njb3BlIHRlc3QgIA==", "AAAAAAAAAAAAAAAAAAAAAA=="] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.starts_with("wrong key for the czdb file: "), "{error}");
    }
    for no_key in ["c29ja3Njb3Bl", "not base64", "sockscope test !"] {
        let error = with(no_key).unwrap_err().to_string();
        assert_eq!(error, "wrong key for the czdb file: a key is base64 of 16 bytes");
    }
    // The right key, and a header that is another client's.
    let mut other = bytes.clone();
    other[4] ^= 1;
    assert!(unlock(&other).unwrap_err().to_string().contains("another client"));
}

#[test]
fn finds_each_edge_and_nothing_in_gaps() {
    let mut database = unlock(&v4()).unwrap();
    for _ in 0..2 {
        for (inside, wanted) in [
            ("0.0.0.0", None),
            ("0.0.0.1", Some("IANA")),
            ("0.255.255.255", Some("IANA")),
            ("1.0.0.0", Some("澳大利亚 CloudFlare公司")),
            ("1.0.0.255", Some("澳大利亚 CloudFlare公司")),
            ("1.0.1.0", Some("中国 福建 福州 鼓楼区 电信")),
            ("1.0.4.255", Some("中国 广东 深圳 南山区")),
            ("1.0.5.0", None),
            ("1.0.7.255", None),
            ("1.0.8.7", None),
            ("1.0.9.0", Some("美国加利福尼亚州 谷歌公司 DNS")),
            ("99.255.255.255", None),
            ("100.0.0.0", Some("日本 东京都")),
            ("100.0.0.1", None),
            ("255.255.254.255", None),
            ("255.255.255.255", Some("纯真网络 2024年06月05日IP数据")),
            ("2400:3200::", None),
        ] {
            assert_eq!(text(&database, inside).as_deref(), wanted, "{inside}");
        }
        database.prepare();
    }
    let database = unlock(&v6()).unwrap();
    for (inside, wanted) in [
        ("::", None),
        ("::1", Some("本地 回环")),
        ("::1:0", None),
        ("2001:200:1::", Some("日本 WIDE")),
        ("2001:201::", None),
        ("2400:3200::1", Some("中国 浙江 杭州 阿里云")),
        ("2400:3200::2", None),
        ("1.0.0.1", None),
    ] {
        assert_eq!(text(&database, inside).as_deref(), wanted, "{inside}");
    }
}

#[test]
fn parts() {
    let database = unlock(&v4()).unwrap();
    let it = details(&database, "1.0.2.1").unwrap();
    assert_eq!(it.country.as_deref(), Some("中国"));
    assert_eq!((it.region.as_deref(), it.city.as_deref()), (Some("福建"), Some("福州")));
    assert_eq!(it.organization.as_deref(), Some("电信"));
    let it = details(&database, "1.0.4.0").unwrap();
    assert_eq!((it.city.as_deref(), it.organization), (Some("深圳"), None));
    assert_eq!(details(&database, "1.0.0.1").unwrap().organization.as_deref(), Some("CloudFlare公司"));
    // Which columns are shown is the file's affair.
    let other = unlock(&File { columns: 0b110, ..File::default() }.write()).unwrap();
    assert_eq!(text(&other, "1.0.2.1").as_deref(), Some("中国 福建 福州 hidden 电信"));
    // None: then there is no map.
    let other = unlock(&File { columns: 0, ..File::default() }.write()).unwrap();
    assert_eq!(text(&other, "1.0.2.1").as_deref(), Some("电信"));
}

#[test]
fn every_range() {
    for (bytes, written) in [(v4(), &V4[..]), (v6(), &V6)] {
        let database = unlock(&bytes).unwrap();
        let mut ranges = Vec::new();
        database.each_range(&mut |first, last, place| ranges.push((first, last, place.record())));
        let edges: Vec<_> = ranges.iter().map(|(first, last, _)| (*first, *last)).collect();
        let with_record = written.iter().filter(|range| range.3.is_some());
        assert_eq!(edges, with_record.map(|range| (address(range.0), address(range.1))).collect::<Vec<_>>());
        assert_eq!(database.ranges().ipv4 + database.ranges().ipv6, edges.len() as u64);
        for (first, last, record) in ranges {
            assert_eq!(database.lookup(first).unwrap().record(), record);
            assert_eq!(database.lookup(last).unwrap().record(), record);
        }
    }
}

#[test]
fn prepared_or_not_is_the_same() {
    // Enough bytes in front to be worth it.
    for (ranges, base) in [(&V4[..], 0x0100_0000_u128), (&V6, 0x2400_31ff_ffff_ffff_ffff_ffff_ffff_ffff)] {
        let bytes = File { ranges, random: 400_000, ..File::default() }.write();
        let (plain, mut prepared) = (unlock(&bytes).unwrap(), unlock(&bytes).unwrap());
        prepared.prepare();
        let mut found = 0;
        for low in 0..0x1000 {
            let bits = base + low;
            let address = if base < 1 << 32 { IpAddr::V4((bits as u32).into()) } else { IpAddr::V6(bits.into()) };
            let record = plain.lookup(address).map(|place| place.record());
            assert_eq!(prepared.lookup(address).map(|place| place.record()), record, "{address}");
            found += usize::from(record.is_some());
        }
        assert!(found > 0);
    }
}

#[test]
fn refuses_what_it_cannot_read() {
    let good = v4();
    let base = 12 + 32 + 37;
    let error = |bytes: &[u8]| unlock(bytes).unwrap_err().to_string();
    let cut = &good[..good.len() - 1];
    assert_eq!(error(cut), "damaged or cut off czdb file: the size that is stated is not the file's at byte 82");
    assert_eq!(error(&good[..60]), "damaged or cut off czdb file: the file ends within its header at byte 60");
    let mut other = good.clone();
    other[base + 13] += 1;
    assert!(error(&other).contains("the first and the last entry do not fit"));
    let mut other = good.clone();
    let last = u32::from_le_bytes(good[base + 13..base + 17].try_into().unwrap()) as usize;
    other[base + last + 13 + 4..base + last + 13 + 8].fill(0xff);
    assert!(error(&other).contains("the map of places is cut off"));
    for (at, value) in [(8, 33), (8, 80), (5, 0x10), (7, 1)] {
        let mut other = good.clone();
        other[at] = value;
        assert_eq!(unlock(&other).unwrap_err(), OpenError::Unknown, "{at}");
    }
}

#[test]
fn bad_records_say_what_can_be_read() {
    let good = v4();
    let base = 12 + 32 + 37;
    let entry =
        |index: usize| base + u32::from_le_bytes(good[base + 5..base + 9].try_into().unwrap()) as usize + 13 * index;
    let record = |index: usize| base + u32::from_le_bytes(good[entry(index) + 8..][..4].try_into().unwrap()) as usize;
    // The place is outside of the map; the rest is still there.
    let mut other = good.clone();
    other[record(2) + 2..record(2) + 5].fill(0xff);
    assert_eq!(text(&unlock(&other).unwrap(), "1.0.1.1").as_deref(), Some("电信"));
    // The text is said to be longer than the record; the place is still there.
    let mut other = good.clone();
    other[record(2) + 5] = 0xbf;
    assert_eq!(text(&unlock(&other).unwrap(), "1.0.1.1").as_deref(), Some("中国 福建 福州 鼓楼区"));
    // The record is outside of the file.
    let mut other = good.clone();
    other[entry(2) + 8..entry(2) + 12].fill(0xff);
    assert_eq!(text(&unlock(&other).unwrap(), "1.0.1.1").as_deref(), Some(""));
}

#[test]
fn damage() {
    survives_damage(Format::Czdb, &v4(), &options());
    survives_damage(Format::Czdb, &v6(), &options());
}
