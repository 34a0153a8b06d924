use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use encoding_rs::{Encoding, GBK, UTF_8};
use sockscope_geo::{Database, Format, OpenError, Options};

use crate::common::{address, details, fixture, open, open_in, survives_damage, text};

/// How a place's two texts are kept.
#[derive(Clone, Copy)]
enum Form {
    /// One behind the other.
    Plain,
    /// `2`: the country's is elsewhere.
    Country,
    /// `2`, and the area's is elsewhere too, behind that byte.
    Both(u8),
    /// The area's is elsewhere.
    Area,
    /// `2`, and the area's pointer is 0.
    NoArea,
    /// `1`: both are where the last place of the same texts has them.
    Same,
    /// `1`, to a `2`.
    SameElsewhere,
}

/// Writes `QQWry.dat`: header, records with their texts, index.
struct Writer {
    bytes: Vec<u8>,
    index: Vec<u8>,
    encoding: &'static Encoding,
    texts: HashMap<String, usize>,
    places: HashMap<(String, String), usize>,
}

impl Writer {
    fn new(encoding: &'static Encoding) -> Writer {
        let (texts, places) = (HashMap::new(), HashMap::new());
        Writer { bytes: vec![0; 8], index: Vec::new(), encoding, texts, places }
    }

    fn range(&mut self, first: &str, last: &str, country: &str, area: &str, form: Form) {
        let place = (country.to_owned(), area.to_owned());
        // What is pointed to comes first, so that the record itself is in one piece.
        if let Form::Country | Form::Both(_) | Form::NoArea | Form::SameElsewhere = form {
            self.keep(country);
        }
        if let Form::Both(_) | Form::Area = form {
            self.keep(area);
        }
        if let Form::SameElsewhere = form {
            let here = self.bytes.len();
            self.places.insert(place.clone(), here);
            self.point(2, self.texts[country]);
            self.text(area);
        }

        self.entry(first, self.bytes.len());
        self.bytes.extend(to_bits(last).to_le_bytes());
        if !matches!(form, Form::Same | Form::SameElsewhere) {
            self.places.insert(place.clone(), self.bytes.len());
        }
        match form {
            Form::Plain | Form::Area => self.text(country),
            Form::Country | Form::Both(_) | Form::NoArea => self.point(2, self.texts[country]),
            Form::Same | Form::SameElsewhere => return self.point(1, self.places[&place]),
        }
        match form {
            Form::Both(mode) => self.point(mode, self.texts[area]),
            Form::Area => self.point(1, self.texts[area]),
            Form::NoArea => self.point(2, 0),
            _ => self.text(area),
        }
    }

    /// An entry of the index.
    fn entry(&mut self, first: &str, record: usize) {
        self.index.extend(to_bits(first).to_le_bytes());
        self.index.extend(&record.to_le_bytes()[..3]);
    }

    fn point(&mut self, mode: u8, to: usize) {
        self.bytes.push(mode);
        self.bytes.extend(&to.to_le_bytes()[..3]);
    }

    fn keep(&mut self, text: &str) {
        if !self.texts.contains_key(text) {
            self.texts.insert(text.to_owned(), self.bytes.len());
            self.text(text);
        }
    }

    fn text(&mut self, text: &str) {
        let (encoded, _, unknown) = self.encoding.encode(text);
        assert!(!unknown, "{text}");
        self.bytes.extend(&*encoded);
        self.bytes.push(0);
    }

    fn finish(mut self) -> Vec<u8> {
        let first = self.bytes.len() as u32;
        let last = first + self.index.len() as u32 - 7;
        self.bytes[..4].copy_from_slice(&first.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&last.to_le_bytes());
        self.bytes.extend(&self.index);
        self.bytes
    }
}

fn to_bits(address: &str) -> u32 {
    address.parse::<Ipv4Addr>().unwrap().to_bits()
}

/// First, last, country, area, form; what is expected of it: text, code, country in English, organization.
type Line = (&'static str, &'static str, &'static str, &'static str, Form, [&'static str; 4]);

const GLUED: [Line; 16] = [
    ("0.0.0.0", "0.255.255.255", "IANA", "保留地址", Form::Plain, ["IANA 保留地址", "", "", "保留地址"]),
    ("1.0.0.0", "1.0.0.0", "美国", "APNIC", Form::Plain, ["美国 APNIC", "US", "美国", "APNIC"]),
    ("1.0.0.1", "1.0.0.255", "美国", "APNIC", Form::Same, ["美国 APNIC", "US", "美国", "APNIC"]),
    ("1.0.1.0", "1.0.3.255", "福建省", "电信", Form::Country, ["福建省 电信", "CN", "China", "电信"]),
    ("1.0.4.0", "1.255.255.255", "广东省深圳市", "电信", Form::Both(2), ["广东省深圳市 电信", "CN", "China", "电信"]),
    (
        "2.0.0.0",
        "8.8.7.255",
        "美国加利福尼亚州圣克拉拉县山景市",
        " CZ88.NET",
        Form::Plain,
        ["美国加利福尼亚州圣克拉拉县山景市", "US", "美国", ""],
    ),
    ("8.8.8.0", "8.8.8.255", "美国", "谷歌DNS", Form::SameElsewhere, ["美国 谷歌DNS", "US", "美国", "谷歌DNS"]),
    ("8.8.9.0", "9.255.255.255", "台湾省台北市", "", Form::NoArea, ["台湾省台北市", "TW", "台湾省", ""]),
    ("10.0.0.0", "10.0.0.255", "局域网", "电信", Form::Area, ["局域网 电信", "", "", "电信"]),
    ("10.0.1.0", "99.255.255.255", "香港", "电信", Form::Both(1), ["香港 电信", "HK", "香港", "电信"]),
    ("100.0.0.0", "126.255.255.255", " CZ88.NET", " CZ88.NET", Form::Country, ["", "", "", ""]),
    ("127.0.0.0", "127.255.255.255", "本机地址", " CZ88.NET", Form::Country, ["本机地址", "", "", ""]),
    ("128.0.0.0", "128.0.0.0", "韩国", "SK", Form::Country, ["韩国 SK", "KR", "韩国", "SK"]),
    ("128.0.0.1", "199.255.255.255", "亚太地区", " ", Form::Plain, ["亚太地区", "", "", ""]),
    ("200.0.0.0", "255.255.254.255", "中国-香港-中西区", "0", Form::Plain, ["中国-香港-中西区", "HK", "中国", ""]),
    ("255.255.255.0", "255.255.255.255", "纯真网络", "2024年01月17日IP数据", Form::Plain, ["", "", "", ""]),
];

fn write(encoding: &'static Encoding, lines: &[Line]) -> Vec<u8> {
    let mut writer = Writer::new(encoding);
    for (first, last, country, area, form, _) in lines {
        writer.range(first, last, country, area, *form);
    }
    writer.finish()
}

fn glued() -> Vec<u8> {
    fixture("qqwry", "glued.dat", write(GBK, &GLUED))
}

/// Country, province and city have `–` between them; between some ranges there is nothing.
fn levels() -> Vec<u8> {
    let mut writer = Writer::new(GBK);
    for (first, last, country, area, form) in [
        ("1.0.0.0", "1.0.0.255", "中国–广东–广州–天河", "电信", Form::Plain),
        ("1.0.2.0", "1.0.2.255", "中国–香港", "香港电讯", Form::Country),
        ("1.0.3.0", "1.0.3.255", "美国–加利福尼亚", " CZ88.NET", Form::Country),
        ("1.0.5.0", "1.0.5.0", "中国––杭州", "阿里云", Form::Plain),
        ("255.255.255.0", "255.255.255.255", "纯真网络", "2025年3月5日IP数据", Form::Plain),
    ] {
        writer.range(first, last, country, area, form);
    }
    fixture("qqwry", "levels.dat", writer.finish())
}

fn utf8() -> Vec<u8> {
    fixture("qqwry", "utf8.dat", write(UTF_8, &GLUED))
}

/// As it is opened, and prepared.
fn both(bytes: &[u8]) -> [Database; 2] {
    let mut prepared = open(bytes).unwrap();
    prepared.prepare();
    [open(bytes).unwrap(), prepared]
}

/// What a database states: text, code, country, organization.
fn state(database: &Database, address: IpAddr) -> Option<[String; 4]> {
    let place = database.lookup(address)?;
    let details = place.details();
    assert_eq!(place.text(), details.text);
    let own = |part: Option<&str>| part.unwrap_or_default().to_owned();
    let code = details.country_code.map(|code| code.to_string()).unwrap_or_default();
    Some([details.text.to_string(), code, own(details.country.as_deref()), own(details.organization.as_deref())])
}

#[test]
fn both_edges_of_every_range() {
    for bytes in [glued(), utf8()] {
        for database in both(&bytes) {
            for (first, last, .., expected) in &GLUED[..15] {
                for edge in [first, last] {
                    assert_eq!(state(&database, address(edge)), Some(expected.map(str::to_owned)), "{edge}");
                }
            }
            assert_eq!((text(&database, "255.255.255.0"), text(&database, "255.255.255.255")), (None, None));
            assert_eq!(text(&database, "2001:db8::1"), None);
            // The IPv4 address inside.
            assert_eq!(text(&database, "::ffff:8.8.8.8").as_deref(), Some("美国 谷歌DNS"));
        }
    }
}

#[test]
fn what_it_says_of_itself() {
    let database = open(&glued()).unwrap();
    let info = database.info();
    assert_eq!((info.format, &*info.name), (Format::Qqwry, "QQWry 2024-01-17"));
    assert_eq!(info.date.map(|date| date.to_string()).as_deref(), Some("2024-01-17"));
    assert_eq!((info.ipv4, info.ipv6, info.attribution, &info.warning), (true, false, None, &None));
    assert_eq!(&*open(&levels()).unwrap().info().name, "QQWry 2025-03-05");

    let mut without_version = Writer::new(GBK);
    without_version.range("0.0.0.0", "255.255.255.255", "中国", "", Form::Plain);
    let database = open(&without_version.finish()).unwrap();
    assert_eq!((&*database.info().name, database.info().date), ("QQWry", None));
    assert_eq!(text(&database, "255.255.255.0").as_deref(), Some("中国"));
}

#[test]
fn the_ranges_in_order() {
    for database in both(&glued()) {
        let mut ranges = Vec::new();
        database.each_range(&mut |first, last, place| {
            assert_eq!(database.lookup(first).map(|place| place.record()), Some(place.record()));
            ranges.push((first.to_string(), last.to_string()));
        });
        let expected: Vec<_> = GLUED[..15].iter().map(|line| (line.0.to_owned(), line.1.to_owned())).collect();
        assert_eq!(ranges, expected);
        assert_eq!((database.ranges().ipv4, database.ranges().ipv6), (15, 0));
        // One place, one number.
        let record = |text| database.lookup(address(text)).unwrap().record();
        assert_eq!(record("1.0.0.0"), record("1.0.0.1"));
        assert_ne!(record("1.0.0.0"), record("1.0.1.0"));
    }
    let [fresh, prepared] = both(&glued()).map(|it| it.lookup(address("8.8.8.8")).unwrap().record());
    assert_ne!(fresh, prepared, "the number says whether it was prepared");
}

#[test]
fn levels_are_parts() {
    for database in both(&levels()) {
        let guangzhou = details(&database, "1.0.0.7").unwrap();
        assert_eq!(guangzhou.text, "中国 广东 广州 天河 电信");
        assert_eq!(guangzhou.country_code.unwrap().as_str(), "CN");
        let parts = [&guangzhou.country, &guangzhou.region, &guangzhou.city, &guangzhou.organization];
        assert_eq!(parts.map(Option::as_deref), [Some("中国"), Some("广东"), Some("广州"), Some("电信")]);

        let hong_kong = details(&database, "1.0.2.0").unwrap();
        assert_eq!((&*hong_kong.text, hong_kong.country_code.unwrap().as_str()), ("中国 香港 香港电讯", "HK"));
        assert_eq!((hong_kong.region.as_deref(), hong_kong.city), (Some("香港"), None));

        let california = details(&database, "1.0.3.255").unwrap();
        assert_eq!((&*california.text, california.region.as_deref()), ("美国 加利福尼亚", Some("加利福尼亚")));
        assert_eq!((california.country_code.unwrap().as_str(), california.organization), ("US", None));

        let hangzhou = details(&database, "1.0.5.0").unwrap();
        assert_eq!((hangzhou.region, hangzhou.city.as_deref()), (None, Some("杭州")));
        assert_eq!(hangzhou.text, "中国 杭州 阿里云");
    }
}

#[test]
fn a_record_ends_where_it_says() {
    for database in both(&levels()) {
        for gap in ["0.0.0.0", "0.255.255.255", "1.0.1.0", "1.0.1.255", "1.0.4.0", "1.0.5.1", "255.255.254.255"] {
            assert_eq!(text(&database, gap), None, "{gap}");
        }
        assert_eq!(database.ranges().ipv4, 4);
    }
}

#[test]
fn the_country_in_the_language_asked_for_where_the_text_names_none() {
    let database = open_in(&glued(), "zh-CN").unwrap();
    assert_eq!(details(&database, "1.0.1.0").unwrap().country.as_deref(), Some("中国"));
    assert_eq!(details(&database, "1.0.0.0").unwrap().country.as_deref(), Some("美国"));
}

#[test]
fn pointers_in_circles_end() {
    let mut writer = Writer::new(GBK);
    writer.range("0.0.0.0", "0.255.255.255", "中国", "", Form::Plain);
    for (first, last) in [("1.0.0.0", 0x01ff_ffff_u32), ("2.0.0.0", 0x02ff_ffff), ("3.0.0.0", u32::MAX)] {
        let record = writer.bytes.len();
        writer.entry(first, record);
        writer.bytes.extend(last.to_le_bytes());
        match first {
            // To itself; to an area that points to itself; to a country that points to the area that points back.
            "1.0.0.0" => writer.point(1, record + 4),
            "2.0.0.0" => {
                writer.text("中国");
                let area = writer.bytes.len();
                writer.point(2, area);
            }
            _ => {
                writer.point(2, record + 8);
                writer.point(1, record + 4);
            }
        }
    }
    for database in both(&writer.finish()) {
        assert_eq!(text(&database, "1.0.0.0"), None);
        assert_eq!(text(&database, "2.0.0.0").as_deref(), Some("中国"));
        assert_eq!(text(&database, "3.0.0.0").as_deref(), Some(""));
    }
}

/// Texts that are longer than the pool of a prepared database can say, and more text than the file is long.
#[test]
fn what_does_not_fit_in_is_read_from_the_file() {
    let mut writer = Writer::new(GBK);
    let long = format!("{}州", "美国".repeat(40));
    writer.range("0.0.0.0", "0.255.255.255", &format!("{long}–{long}–{long}"), &"电信".repeat(100), Form::Plain);
    let shared = "电".repeat(500);
    // Behind the end of its range.
    let start = writer.bytes.len() + 4;
    writer.range("1.0.0.0", "1.0.0.0", &shared, "", Form::Plain);
    for number in 1..100_u32 {
        let record = writer.bytes.len();
        writer.entry(&Ipv4Addr::from_bits(0x0100_0000 + number).to_string(), record);
        writer.bytes.extend((0x0100_0000 + number).to_le_bytes());
        writer.point(2, start + 2 * number as usize);
        writer.text("");
    }
    let [fresh, prepared] = both(&writer.finish());
    for address in ["0.0.0.0", "1.0.0.0", "1.0.0.1", "1.0.0.50", "1.0.0.99"].map(address) {
        assert_eq!(state(&fresh, address), state(&prepared, address));
    }
    assert_eq!(text(&prepared, "1.0.0.99").map(|text| text.chars().count()), Some(401));
    assert_eq!(details(&prepared, "0.0.0.0").unwrap().city.as_deref(), Some(&*long));
}

#[test]
fn text_without_an_end_is_none() {
    let mut writer = Writer::new(GBK);
    writer.range("0.0.0.0", "0.255.255.255", "中国", &"a".repeat(2000), Form::Plain);
    writer.range("1.0.0.0", "255.255.255.255", "美国", "", Form::Plain);
    for database in both(&writer.finish()) {
        assert_eq!(text(&database, "0.0.0.0").as_deref(), Some("中国"));
    }
}

#[test]
fn an_index_out_of_order_is_not_prepared() {
    let mut bytes = glued();
    let first = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    // Ranges 1 and 2 change places: what a search finds there is uncertain, the others stay as they are.
    let (one, two) = (bytes[first + 7..][..7].to_vec(), bytes[first + 14..][..7].to_vec());
    bytes[first + 7..][..7].copy_from_slice(&two);
    bytes[first + 14..][..7].copy_from_slice(&one);
    let mut database = Database::open_as(Format::Qqwry, bytes, &Options::default()).unwrap();
    database.prepare();
    assert_eq!(text(&database, "8.8.8.8").as_deref(), Some("美国 谷歌DNS"));
}

#[test]
fn told_by_its_content() {
    assert_eq!(open(&glued()).unwrap().info().format, Format::Qqwry);
    let unknown = |bytes: &[u8]| assert_eq!(open(bytes).unwrap_err(), OpenError::Unknown);
    // A header that tells of an index, and no index.
    let mut header = [0_u8; 200];
    header[0] = 8;
    header[4] = 8 + 7 * 20;
    unknown(&header);
    unknown(b"The quick brown fox jumps over the lazy dog, and so on, and so on.");
    let mut records = glued();
    let first = u32::from_le_bytes(records[..4].try_into().unwrap()) as usize;
    records[8..first].fill(0);
    unknown(&records);
}

#[test]
fn damage_that_makes_it_useless() {
    let glued = glued();
    let first = u32::from_le_bytes(glued[..4].try_into().unwrap()) as usize;
    let refused = |bytes: &[u8]| open(bytes).unwrap_err().to_string();
    let cut_off = format!("damaged or cut off QQWry file: the index is cut off at byte {first}");
    assert_eq!(refused(&glued[..glued.len() - 1]), cut_off);
    assert_eq!(refused(&glued[..100]), cut_off);

    let as_qqwry = |change: fn(&mut Vec<u8>)| {
        let mut bytes = glued.clone();
        change(&mut bytes);
        Database::open_as(Format::Qqwry, bytes, &Options::default()).unwrap_err().to_string()
    };
    let no_index = "damaged or cut off QQWry file: the header tells of no index at byte 0";
    assert_eq!(as_qqwry(|bytes| bytes[0] += 1), no_index);
    assert_eq!(as_qqwry(|bytes| bytes[..4].fill(0)), no_index);
    assert_eq!(as_qqwry(|bytes| bytes[4..8].fill(0)), no_index);
    let short = "damaged or cut off QQWry file: the header is cut off at byte 0";
    assert_eq!(as_qqwry(|bytes| bytes.truncate(7)), short);
}

#[test]
fn damaged_files() {
    survives_damage(Format::Qqwry, &glued(), &Options::default());
    survives_damage(Format::Qqwry, &levels(), &Options::default());
}
