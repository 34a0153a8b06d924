use sockscope_geo::{Coordinates, Database, Format, Options, Ranges};

use super::common::{address, details, fixture, open, survives_damage, text};
use super::damage::Random;

/// The table by first two bytes of an address. Readers do without it; here it is empty, so that fixtures compress.
const TABLE: usize = 262_144;

/// Rows one after the other: where each is, and how long.
#[derive(Default)]
struct Rows {
    bytes: Vec<u8>,
}

impl Rows {
    fn row(&mut self, fields: &[&str]) -> (u32, usize) {
        let (offset, row) = (self.bytes.len() as u32, fields.join("\t"));
        self.bytes.extend(row.as_bytes());
        (offset, row.len())
    }
}

fn file(entries: &[u8], rows: &Rows) -> Vec<u8> {
    let size = 4 + TABLE + entries.len() + TABLE;
    [&(size as u32).to_be_bytes(), &vec![0; TABLE][..], entries, &rows.bytes].concat()
}

fn bits(text: &str) -> [u8; 4] {
    text.parse::<std::net::Ipv4Addr>().unwrap().octets()
}

/// Cities: each entry ends where it says and starts behind the one before.
fn city() -> Vec<u8> {
    let mut rows = Rows::default();
    let reserved = rows.row(&["保留地址", "保留地址", "", "", "", "", "", "", "", "", "", "", ""]);
    let shenzhen = rows.row(&[
        "中国",
        "广东",
        "深圳",
        "",
        "电信",
        "22.5",
        "114.25",
        "Asia/Shanghai",
        "UTC+8",
        "440300",
        "86",
        "CN",
        "AP",
    ]);
    let free = rows.row(&["美国", "加利福尼亚州", ""]);
    let mut entries = Vec::new();
    for (last, (offset, length)) in [
        ("0.255.255.255", reserved),
        ("1.0.0.255", free),
        ("1.0.3.255", shenzhen),
        ("8.8.8.7", free),
        ("8.8.8.8", reserved),
        ("255.255.255.255", free),
    ] {
        entries.extend(bits(last));
        entries.extend(&offset.to_le_bytes()[..3]);
        entries.extend((length as u16).to_be_bytes());
    }
    file(&entries, &rows)
}

/// Districts, and a base station: entries have both ends, and there are gaps.
fn district() -> Vec<u8> {
    let mut rows = Rows::default();
    let nanshan = rows.row(&["中国", "广东", "深圳", "南山", "440305", "12.3", "113.75", "22.5"]);
    let station = rows.row(&["中国", "湖北", "武汉", "", "移动", "BS"]);
    let mut entries = Vec::new();
    for (first, last, (offset, length)) in
        [("1.0.1.0", "1.0.1.255", nanshan), ("1.0.2.0", "1.0.2.0", station), ("1.0.2.2", "223.255.255.255", nanshan)]
    {
        entries.extend(bits(first));
        entries.extend(bits(last));
        entries.extend(offset.to_le_bytes());
        entries.push(length as u8);
    }
    file(&entries, &rows)
}

fn ranges(database: &Database) -> Vec<(String, String)> {
    let mut ranges = Vec::new();
    database.each_range(&mut |first, last, place| {
        assert_eq!(database.lookup(first).map(|place| place.record()), Some(place.record()));
        assert_eq!(database.lookup(last).map(|place| place.record()), Some(place.record()));
        ranges.push((first.to_string(), last.to_string()));
    });
    ranges
}

#[test]
fn cities() {
    let database = open(&fixture("datx", "city.datx", city())).unwrap();
    for (address, expected) in [
        ("0.0.0.0", "保留地址 保留地址"),
        ("0.255.255.255", "保留地址 保留地址"),
        ("1.0.0.0", "美国 加利福尼亚州"),
        ("1.0.0.255", "美国 加利福尼亚州"),
        ("1.0.1.0", "中国 广东 深圳 电信"),
        ("1.0.3.255", "中国 广东 深圳 电信"),
        ("1.0.4.0", "美国 加利福尼亚州"),
        ("8.8.8.7", "美国 加利福尼亚州"),
        ("8.8.8.8", "保留地址 保留地址"),
        ("8.8.8.9", "美国 加利福尼亚州"),
        ("255.255.255.255", "美国 加利福尼亚州"),
    ] {
        assert_eq!(text(&database, address).as_deref(), Some(expected), "{address}");
    }
    let place = details(&database, "1.0.2.0").unwrap();
    assert_eq!((place.country.as_deref(), place.region.as_deref()), (Some("中国"), Some("广东")));
    assert_eq!((place.city.as_deref(), place.organization.as_deref()), (Some("深圳"), Some("电信")));
    assert_eq!(place.country_code.unwrap().as_str(), "CN");
    assert_eq!(place.coordinates, Coordinates::new(22.5, 114.25));
    assert_eq!(details(&database, "1.0.0.0").unwrap().country_code.unwrap().as_str(), "US");
    assert!(database.lookup(address("2400::")).is_none());

    assert_eq!(database.ranges(), Ranges { ipv4: 6, ipv6: 0 });
    let ranges = ranges(&database);
    assert_eq!((ranges[0].0.as_str(), ranges[5].1.as_str()), ("0.0.0.0", "255.255.255.255"));
    assert_eq!((ranges[2].0.as_str(), ranges[2].1.as_str()), ("1.0.1.0", "1.0.3.255"));
}

#[test]
fn districts_and_base_stations() {
    let database = open(&fixture("datx", "district.datx", district())).unwrap();
    for (address, expected) in [
        ("0.0.0.0", None),
        ("1.0.0.255", None),
        ("1.0.1.0", Some("中国 广东 深圳 南山")),
        ("1.0.1.255", Some("中国 广东 深圳 南山")),
        ("1.0.2.0", Some("中国 湖北 武汉 移动")),
        ("1.0.2.1", None),
        ("1.0.2.2", Some("中国 广东 深圳 南山")),
        ("223.255.255.255", Some("中国 广东 深圳 南山")),
        ("224.0.0.0", None),
        ("255.255.255.255", None),
    ] {
        assert_eq!(text(&database, address).as_deref(), expected, "{address}");
    }
    assert_eq!(details(&database, "1.0.1.0").unwrap().coordinates, Coordinates::new(22.5, 113.75));
    let station = details(&database, "1.0.2.0").unwrap();
    assert_eq!((station.organization.as_deref(), station.coordinates), (Some("移动"), None));
    assert_eq!(ranges(&database).len(), 3);
}

#[test]
fn what_a_file_says_of_itself() {
    for bytes in [fixture("datx", "city.datx", city()), fixture("datx", "district.datx", district())] {
        let database = open(&bytes).unwrap();
        let info = database.info();
        assert_eq!((info.format, info.name.as_str(), info.date), (Format::Datx, "datx", None));
        assert_eq!((info.ipv4, info.ipv6), (true, false));
    }
}

#[test]
fn damage_is_named() {
    let entries = 4 + TABLE;
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = city();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let rows = city().len() - entries - 6 * 9;
    for (what, bytes, expected) in [
        ("nothing but a size", vec![0, 9, 0, 0], "goes past the end at byte 4"),
        ("no size", vec![0, 8], "no index size at byte 0"),
        ("no entries", changed(0, &(524_292_u32).to_be_bytes()), "an index without entries at byte 0"),
        ("a part of an entry", changed(0, &(524_297_u32).to_be_bytes()), "no whole number of entries"),
        ("a gap at the end", changed(entries + 45, &[254]), "end before the last address"),
        ("entries in no order", changed(entries + 18, &[0]), "not in order at byte 262166"),
        ("an entry twice", changed(entries + 9, &bits("0.255.255.255")), "not in order at byte 262157"),
        ("an entry behind the last address", changed(entries + 9, &[255; 4]), "not in order at byte 262166"),
        ("a row that is not there", changed(entries + 6, &[1]), "a row past the end at byte 262148"),
        ("a row that is no text", changed(entries + 4, &[1]), "no UTF-8 at byte 262148"),
        ("cut off before the rows", city()[..city().len() - rows].to_vec(), "goes past the end"),
        ("cut off in the rows", city()[..city().len() - 1].to_vec(), "a row past the end"),
    ] {
        let message = match Database::open_as(Format::Datx, bytes, &Options::default()) {
            Ok(_) => panic!("{what} is taken"),
            Err(error) => error.to_string(),
        };
        assert!(message.starts_with("damaged or cut off datx file: "), "{what}: {message}");
        assert!(message.contains(expected), "{what}: {message}");
    }
}

#[test]
fn damaged_files() {
    for (name, bytes) in [("city", city()), ("district", district())] {
        survives_damage(Format::Datx, &fixture("datx", &format!("{name}.datx"), bytes.clone()), &Options::default());
        // Nearly all of that was in the table, which is not read. This is what fuzzing starts from, too.
        let short = fixture("datx", &format!("{name}.without-table"), [&bytes[..4], &bytes[4 + TABLE..]].concat());
        let (mut random, mut opened) = (Random(5), 0);
        for _ in 0..2000 {
            let mut damaged = short.clone();
            for _ in 0..=random.below(3) {
                damaged[random.below(short.len())] = random.next() as u8;
            }
            let whole = [&damaged[..4], &[0; TABLE][..], &damaged[4..]].concat();
            let Ok(database) = Database::open_as(Format::Datx, whole, &Options::default()) else { continue };
            opened += 1;
            for edge in ["0.0.0.0", "1.0.2.0", "8.8.8.8", "255.255.255.255"] {
                if let Some(place) = database.lookup(address(edge)) {
                    place.details();
                }
            }
            let mut visited = 0;
            database.each_range(&mut |first, last, _| {
                assert!(first <= last);
                visited += 1;
            });
            assert_eq!(database.ranges().ipv4, visited);
        }
        assert!((50..2000).contains(&opened), "{opened}");
    }
}
