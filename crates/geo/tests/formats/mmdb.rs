use std::collections::HashMap;
use std::net::IpAddr;

use sockscope_geo::{Coordinates, Database, Format, Options, Ranges};

use super::common::{address, details, fixture, open, open_in, survives_damage, text};
use super::damage::Random;
use super::tree::{Child, Tree};

/// A value, as <https://maxmind.github.io/MaxMind-DB/> defines them.
#[derive(Clone)]
enum Value {
    Text(String),
    Double(f64),
    Float(f32),
    U16(u16),
    U32(u32),
    U64(u64),
    Boolean(bool),
    Map(Vec<(&'static str, Value)>),
    Array(Vec<Value>),
    /// Bytes as they are, for what is wrong.
    Raw(Vec<u8>),
}

use Value::{Array, Boolean, Double, Float, Map, Raw, U16, U32, U64};

fn t(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn names(of: &[(&'static str, &str)]) -> Value {
    Map(of.iter().map(|(language, name)| (*language, t(name))).collect())
}

/// Where values are written. A text that was written before is pointed to, as real files do.
#[derive(Default)]
struct Section {
    bytes: Vec<u8>,
    texts: HashMap<String, usize>,
}

impl Section {
    fn head(&mut self, kind: u8, size: usize) {
        let (size, more) = match size {
            0..29 => (size as u8, vec![]),
            29..285 => (29, vec![(size - 29) as u8]),
            285..65_821 => (30, ((size - 285) as u16).to_be_bytes().to_vec()),
            _ => (31, ((size - 65_821) as u32).to_be_bytes()[1..].to_vec()),
        };
        if kind > 7 {
            self.bytes.extend([size, kind - 7]);
        } else {
            self.bytes.push(kind << 5 | size);
        }
        self.bytes.extend(more);
    }

    fn pointer(&mut self, target: usize) {
        match target {
            0..2048 => self.bytes.extend([1 << 5 | (target >> 8) as u8, target as u8]),
            2048..526_336 => {
                let offset = (target - 2048) as u32;
                self.bytes.extend([1 << 5 | 1 << 3 | (offset >> 16) as u8, (offset >> 8) as u8, offset as u8]);
            }
            526_336..134_744_064 => {
                let [high, rest @ ..] = ((target - 526_336) as u32).to_be_bytes();
                self.bytes.push(1 << 5 | 2 << 3 | high);
                self.bytes.extend(rest);
            }
            _ => {
                self.bytes.push(1 << 5 | 3 << 3);
                self.bytes.extend((target as u32).to_be_bytes());
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(target) = self.texts.get(text) {
            self.pointer(*target);
            return;
        }
        self.texts.insert(text.to_owned(), self.bytes.len());
        self.head(2, text.len());
        self.bytes.extend(text.as_bytes());
    }

    fn number(&mut self, kind: u8, bytes: &[u8]) {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        self.head(kind, bytes.len() - zeros);
        self.bytes.extend(&bytes[zeros..]);
    }

    fn write(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.text(text),
            Double(number) => {
                self.head(3, 8);
                self.bytes.extend(number.to_be_bytes());
            }
            Float(number) => {
                self.head(15, 4);
                self.bytes.extend(number.to_be_bytes());
            }
            U16(number) => self.number(5, &number.to_be_bytes()),
            U32(number) => self.number(6, &number.to_be_bytes()),
            U64(number) => self.number(9, &number.to_be_bytes()),
            Boolean(value) => self.head(14, usize::from(*value)),
            Map(entries) => {
                self.head(7, entries.len());
                for (key, value) in entries {
                    self.text(key);
                    self.write(value);
                }
            }
            Array(members) => {
                self.head(11, members.len());
                members.iter().for_each(|member| self.write(member));
            }
            Raw(bytes) => self.bytes.extend(bytes),
        }
    }
}

/// A file to be.
struct File {
    tree: Tree,
    record_size: usize,
    records: Vec<Value>,
    /// Bytes before the records.
    padding: usize,
    metadata: Vec<(&'static str, Value)>,
}

impl File {
    fn new(record_size: u16, ip_version: u16, database_type: &str, languages: &[&str]) -> File {
        File {
            tree: Tree::new(),
            record_size: usize::from(record_size),
            records: Vec::new(),
            padding: 0,
            metadata: vec![
                ("binary_format_major_version", U16(2)),
                ("binary_format_minor_version", U16(0)),
                // 2026-03-01T12:00:00Z.
                ("build_epoch", U64(1_772_366_400)),
                ("database_type", t(database_type)),
                ("description", names(&[("en", "of our own making")])),
                ("ip_version", U16(ip_version)),
                ("languages", Array(languages.iter().map(|language| t(language)).collect())),
                ("record_size", U16(record_size)),
            ],
        }
    }

    /// A file of one record for all of IPv4.
    fn of_all_ipv4(record: Value) -> File {
        let mut file = File::new(24, 4, "Test", &["en"]);
        let number = file.record(record);
        file.tree.set((0, 1), Child::Leaf(number));
        file.tree.set((1 << 127, 1), Child::Leaf(number));
        file
    }

    fn record(&mut self, value: Value) -> usize {
        self.records.push(value);
        self.records.len() - 1
    }

    fn set(&mut self, key: &'static str, value: Value) {
        self.metadata.retain(|(other, _)| *other != key);
        self.metadata.push((key, value));
    }

    fn bytes(&self) -> Vec<u8> {
        let mut data = Section { bytes: vec![0; self.padding], texts: HashMap::new() };
        let offsets: Vec<_> = self
            .records
            .iter()
            .map(|record| {
                let offset = data.bytes.len();
                data.write(record);
                offset
            })
            .collect();
        let count = self.tree.nodes.len();
        let value = |child: Child| match child {
            Child::Nothing => count,
            Child::Node(node) => node,
            Child::Leaf(record) => count + 16 + offsets[record],
        };
        let mut bytes = Vec::new();
        for [left, right] in &self.tree.nodes {
            let (left, right) = ((value(*left) as u32).to_be_bytes(), (value(*right) as u32).to_be_bytes());
            match self.record_size {
                24 => bytes.extend([&left[1..], &right[1..]].concat()),
                28 => bytes.extend([&left[1..], &[left[0] << 4 | right[0]], &right[1..]].concat()),
                _ => bytes.extend([left, right].concat()),
            }
        }
        bytes.extend([0; 16]);
        bytes.extend(data.bytes);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        let mut metadata = self.metadata.clone();
        if !metadata.iter().any(|(key, _)| *key == "node_count") {
            metadata.push(("node_count", U32(count as u32)));
        }
        let mut section = Section::default();
        section.write(&Map(metadata));
        bytes.extend(section.bytes);
        bytes
    }
}

/// As MaxMind makes them: IPv6 with IPv4 below `::/96`, other ways to the same IPv4 tree, names in several languages.
fn city() -> Vec<u8> {
    let mut file = File::new(24, 6, "GeoLite2-City", &["de", "en", "zh-CN"]);
    let china = || {
        let names = names(&[("de", "China"), ("en", "China"), ("zh-CN", "中国")]);
        Map(vec![("geoname_id", U32(1_814_991)), ("iso_code", t("CN")), ("names", names)])
    };
    let asia = || {
        Map(vec![
            ("code", t("AS")),
            ("geoname_id", U32(6_255_147)),
            ("names", names(&[("en", "Asia"), ("zh-CN", "亚洲")])),
        ])
    };
    let shenzhen = file.record(Map(vec![
        ("city", Map(vec![("names", names(&[("en", "Shenzhen"), ("zh-CN", "深圳市")]))])),
        ("continent", asia()),
        ("country", china()),
        (
            "location",
            Map(vec![
                ("accuracy_radius", U16(20)),
                ("latitude", Double(22.5333)),
                ("longitude", Double(114.1333)),
                ("time_zone", t("Asia/Shanghai")),
            ]),
        ),
        ("postal", Map(vec![("code", t("518000"))])),
        ("registered_country", china()),
        (
            "subdivisions",
            Array(vec![
                Map(vec![("iso_code", t("GD")), ("names", names(&[("en", "Guangdong"), ("zh-CN", "广东")]))]),
                Map(vec![("iso_code", t("SZ")), ("names", names(&[("en", "Nanshan")]))]),
            ]),
        ),
    ]));
    let registered = file.record(Map(vec![
        ("continent", asia()),
        (
            "registered_country",
            Map(vec![("iso_code", t("DE")), ("names", names(&[("de", "Deutschland"), ("en", "Germany")]))]),
        ),
    ]));
    let traits = file.record(Map(vec![
        ("country", Map(vec![("iso_code", t("GB")), ("names", names(&[("en", "United Kingdom")]))])),
        ("represented_country", Map(vec![("iso_code", t("US")), ("names", names(&[("en", "United States")]))])),
        (
            "traits",
            Map(vec![
                ("autonomous_system_number", U32(2856)),
                ("autonomous_system_organization", t("British Telecommunications PLC")),
                ("is_anycast", Boolean(true)),
                ("isp", t("BT")),
            ]),
        ),
    ]));
    let nothing = file.record(Map(vec![]));
    file.tree.range("1.0.0.0", "1.0.3.255", Some(0), shenzhen);
    file.tree.range("1.0.4.0", "1.0.4.6", Some(0), registered);
    file.tree.range("81.0.0.0", "81.255.255.255", Some(0), traits);
    file.tree.range("255.255.255.255", "255.255.255.255", Some(0), nothing);
    file.tree.range("2400::", "240f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, shenzhen);
    file.tree.range("2a00:1450::", "2a00:1450::1", None, traits);
    let ipv4 = file.tree.node_at((0, 96));
    file.tree.set(Tree::prefix("::ffff:0:0", 96), ipv4);
    file.tree.set(Tree::prefix("2002::", 16), ipv4);
    file.bytes()
}

/// The ways in which others name their fields; one record for each `10.0.N.0/24`.
fn flat() -> Vec<u8> {
    let mut file = File::new(28, 4, "DBIP-City-Lite", &["en"]);
    let records = vec![
        // ip-location-db.
        Map(vec![
            ("city", t("Grand Rapids")),
            ("country_code", t("US")),
            ("latitude", Float(42.5)),
            ("longitude", Float(-85.25)),
            ("postcode", t("49503")),
            ("state1", t("Michigan")),
            ("state2", t("Kent")),
            ("timezone", t("")),
        ]),
        // IPinfo, of two kinds.
        Map(vec![
            ("city", t("Mountain View")),
            ("country", t("US")),
            ("lat", t("37.4")),
            ("lng", t("-122.1")),
            ("region", t("California")),
        ]),
        Map(vec![
            ("as_domain", t("google.com")),
            ("as_name", t("Google LLC")),
            ("asn", t("AS15169")),
            ("continent", t("North America")),
            ("country", t("United States")),
            ("country_code", t("US")),
        ]),
        Map(vec![("country_name", t("Germany")), ("loc", t("52.5,13.25")), ("org", t("AS3320 Deutsche Telekom AG"))]),
        // A code alone, and what only looks like one.
        Map(vec![("country_code", t("FR"))]),
        Map(vec![("country_code", t("ZZ"))]),
        // Databases for rules.
        Map(vec![("country", Map(vec![("iso_code", t("PRIVATE"))]))]),
        t("cn"),
        Array(vec![t("telegram"), t("nl")]),
        // Of somebody's own making.
        Map(vec![
            (
                "geo",
                Map(vec![("country", t("中国")), ("province", t("广东")), ("city", Map(vec![("name", t("广州"))]))]),
            ),
            ("district", t("天河区")),
            ("isp", t("电信")),
            ("autonomous_system_number", t("4134")),
        ]),
        // An ASN database, a long text, and fields of types that nobody expects.
        Map(vec![("asn", U32(64_496)), ("name", t(&"Long Name ".repeat(40))), ("type", t("isp"))]),
        Map(vec![("asn", U64(1 << 40)), ("city", U16(7)), ("country", Array(vec![])), ("latitude", Boolean(true))]),
    ];
    for (index, record) in records.into_iter().enumerate() {
        let number = file.record(record);
        file.tree.range(&format!("10.0.{index}.0"), &format!("10.0.{index}.255"), None, number);
    }
    file.bytes()
}

/// Autonomous systems of IPv6 alone, with no more metadata than the format wants.
fn asn() -> Vec<u8> {
    let mut file = File::new(32, 6, "", &[]);
    file.metadata.retain(|(key, _)| !matches!(*key, "languages" | "description" | "build_epoch"));
    let google = file
        .record(Map(vec![("autonomous_system_number", U32(15_169)), ("autonomous_system_organization", t("GOOGLE"))]));
    file.tree.range("2001:4860::", "2001:4860:ffff:ffff:ffff:ffff:ffff:ffff", None, google);
    file.tree.range("ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, google);
    file.bytes()
}

fn ranges(database: &Database) -> Vec<(String, String, u64)> {
    let mut ranges = Vec::new();
    database.each_range(&mut |first, last, place| ranges.push((first.to_string(), last.to_string(), place.record())));
    ranges
}

#[test]
fn a_city_in_each_language() {
    let bytes = fixture("mmdb", "city.mmdb", city());
    let chinese = open_in(&bytes, "zh-CN").unwrap();
    let place = details(&chinese, "1.0.0.0").unwrap();
    assert_eq!(place.text, "中国 广东 Nanshan 深圳市");
    assert_eq!(place.country_code.unwrap().as_str(), "CN");
    assert_eq!(place.country.as_deref(), Some("中国"));
    assert_eq!(place.region.as_deref(), Some("广东"));
    assert_eq!(place.city.as_deref(), Some("深圳市"));
    assert_eq!(place.coordinates, Coordinates::new(22.5333, 114.1333));
    assert_eq!((place.asn, place.organization), (None, None));

    for (language, expected) in [
        ("en", "China Guangdong Nanshan Shenzhen"),
        // The nearest that there is, else English.
        ("zh", "中国 广东 Nanshan 深圳市"),
        ("zh-TW", "中国 广东 Nanshan 深圳市"),
        ("de", "China Guangdong Nanshan Shenzhen"),
        ("fr", "China Guangdong Nanshan Shenzhen"),
    ] {
        assert_eq!(text(&open_in(&bytes, language).unwrap(), "1.0.0.0").as_deref(), Some(expected), "{language}");
    }
    assert_eq!(text(&open_in(&bytes, "de").unwrap(), "1.0.4.0").as_deref(), Some("Deutschland"));
}

#[test]
fn edges_gaps_and_ways_to_the_same_ipv4_tree() {
    let mut database = open(&fixture("mmdb", "city.mmdb", city())).unwrap();
    for prepared in [false, true] {
        for (first, last, before, behind) in [
            ("1.0.0.0", "1.0.3.255", "0.255.255.255", None),
            ("1.0.4.0", "1.0.4.6", "1.0.3.255", Some("1.0.4.7")),
            ("81.0.0.0", "81.255.255.255", "80.255.255.255", Some("82.0.0.0")),
        ] {
            let record = |text: &str| database.lookup(address(text)).map(|place| place.record());
            assert!(record(first).is_some(), "{first}, prepared: {prepared}");
            assert_eq!(record(first), record(last));
            assert_ne!(record(first), record(before));
            assert!(behind.is_none_or(|behind| record(behind).is_none()));
            // Mapped, and 6to4.
            assert_eq!(record(&format!("::ffff:{first}")), record(first));
        }
        let texts = [
            ("0.0.0.0", None),
            ("255.255.255.254", None),
            // A record that states nothing.
            ("255.255.255.255", Some("")),
            ("::", None),
            ("23ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
            ("2400::", Some("China Guangdong Nanshan Shenzhen")),
            ("240f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("China Guangdong Nanshan Shenzhen")),
            ("2410::", None),
            ("2a00:1450::1", Some("United Kingdom BT")),
            ("2a00:1450::2", None),
            ("2002:100:404::1", Some("Germany")),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ];
        for (address, expected) in texts {
            assert_eq!(text(&database, address).as_deref(), expected, "{address}, prepared: {prepared}");
        }
        database.prepare();
    }
    // One record, whichever family.
    let record = |text: &str| database.lookup(address(text)).unwrap().record();
    assert_eq!(record("1.0.0.1"), record("2400::1"));
}

#[test]
fn organizations_and_registered_countries() {
    let database = open(&fixture("mmdb", "city.mmdb", city())).unwrap();
    let place = details(&database, "81.1.2.3").unwrap();
    assert_eq!((place.asn, place.organization.as_deref()), (Some(2856), Some("BT")));
    assert_eq!(place.country_code.unwrap().as_str(), "GB");
    assert_eq!(place.text, "United Kingdom BT");
    let place = details(&database, "1.0.4.1").unwrap();
    assert_eq!((place.country_code.unwrap().as_str(), place.text.as_ref()), ("DE", "Germany"));
}

#[test]
fn every_range_once() {
    let database = open(&fixture("mmdb", "city.mmdb", city())).unwrap();
    let ranges = ranges(&database);
    assert_eq!(database.ranges(), Ranges { ipv4: 6, ipv6: 2 });
    let firsts_and_lasts: Vec<_> = ranges.iter().map(|(first, last, _)| (first.as_str(), last.as_str())).collect();
    assert_eq!(
        firsts_and_lasts,
        [
            ("1.0.0.0", "1.0.3.255"),
            ("1.0.4.0", "1.0.4.3"),
            ("1.0.4.4", "1.0.4.5"),
            ("1.0.4.6", "1.0.4.6"),
            ("81.0.0.0", "81.255.255.255"),
            ("255.255.255.255", "255.255.255.255"),
            ("2400::", "240f:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2a00:1450::", "2a00:1450::1"),
        ]
    );
    for (first, last, record) in ranges {
        for edge in [first, last] {
            assert_eq!(database.lookup(address(&edge)).map(|place| place.record()), Some(record), "{edge}");
        }
    }
}

#[test]
fn fields_by_whatever_name() {
    let database = open(&fixture("mmdb", "flat.mmdb", flat())).unwrap();
    let place = |index: usize| details(&database, &format!("10.0.{index}.77")).unwrap();
    let code = |index: usize| place(index).country_code.map(|code| code.to_string());

    assert_eq!(place(0).text, "Michigan Kent Grand Rapids");
    assert_eq!(place(0).coordinates, Coordinates::new(42.5, -85.25));
    assert_eq!((code(0).as_deref(), place(0).region.as_deref()), (Some("US"), Some("Michigan")));

    assert_eq!((place(1).text.as_ref(), code(1).as_deref()), ("California Mountain View", Some("US")));
    assert_eq!(place(1).coordinates, Coordinates::new(37.4, -122.1));

    assert_eq!((place(2).text.as_ref(), code(2).as_deref()), ("United States Google LLC", Some("US")));
    assert_eq!(place(2).asn, Some(15_169));

    assert_eq!((place(3).text.as_ref(), code(3).as_deref()), ("Germany Deutsche Telekom AG", Some("DE")));
    assert_eq!((place(3).asn, place(3).coordinates), (Some(3320), Coordinates::new(52.5, 13.25)));

    assert_eq!((place(4).text.as_ref(), code(4).as_deref()), ("France", Some("FR")));
    assert_eq!((place(5).text.as_ref(), code(5)), ("", None));
    assert_eq!((place(6).text.as_ref(), code(6)), ("PRIVATE", None));
    assert_eq!((place(7).text.as_ref(), code(7).as_deref()), ("China", Some("CN")));
    assert_eq!((place(8).text.as_ref(), code(8)), ("telegram", None));

    assert_eq!((place(9).text.as_ref(), code(9).as_deref()), ("中国 广东 广州 天河区 电信", Some("CN")));
    assert_eq!((place(9).asn, place(9).city.as_deref()), (Some(4134), Some("广州")));

    assert_eq!((place(10).asn, place(10).text.len()), (Some(64_496), 399));
    assert_eq!(place(11), sockscope_geo::Details::default());
}

#[test]
fn what_a_file_says_of_itself() {
    let city = open(&fixture("mmdb", "city.mmdb", city())).unwrap();
    let info = city.info();
    assert_eq!((info.format, info.name.as_str()), (Format::Mmdb, "GeoLite2-City 2026-03-01"));
    assert_eq!((info.date.unwrap().to_string().as_str(), info.ipv4, info.ipv6), ("2026-03-01", true, true));
    assert!(info.attribution.unwrap().contains("MaxMind"));

    let flat = open(&fixture("mmdb", "flat.mmdb", flat())).unwrap();
    assert_eq!((flat.info().ipv4, flat.info().ipv6), (true, false));
    assert_eq!(flat.info().attribution, Some("IP Geolocation by DB-IP"));
    assert!(flat.lookup(address("2400::")).is_none());

    let asn = open(&fixture("mmdb", "asn.mmdb", asn())).unwrap();
    let info = asn.info();
    assert_eq!((info.name.as_str(), info.date, info.ipv4, info.ipv6), ("mmdb", None, false, true));
    assert_eq!((info.licence, info.attribution), ("not stated by the file", None));
    let place = details(&asn, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").unwrap();
    assert_eq!((place.asn, place.text.as_ref()), (Some(15_169), "GOOGLE"));
    assert!(asn.lookup(address("8.8.8.8")).is_none());
}

/// The crate `maxminddb` finds the same records.
#[test]
fn another_reader_finds_the_same() {
    let mut random = Random(7);
    let mut found = 0;
    for bytes in [city(), flat()] {
        let (ours, theirs) = (open(&bytes).unwrap(), maxminddb::Reader::from_source(&bytes).unwrap());
        let mut addresses: Vec<_> = ranges(&ours)
            .into_iter()
            .flat_map(|(first, last, _)| [address(&first), address(&last)])
            .filter(|address| address.is_ipv4() || theirs.metadata().ip_version == 6)
            .collect();
        addresses.extend((0..1000).map(|_| {
            let [first, second, ..] = random.next().to_be_bytes();
            IpAddr::from([[1, 10, 81][random.below(3)], 0, first % 16, second])
        }));
        for address in addresses {
            let offset = theirs.lookup(address).unwrap().offset();
            assert_eq!(
                ours.lookup(address).map(|place| place.record()),
                offset.map(|offset| offset as u64),
                "{address}"
            );
            found += usize::from(offset.is_some());
        }
        assert_eq!(theirs.networks(Default::default()).unwrap().count(), ranges(&ours).len());
    }
    assert!(found > 500, "{found}");
}

/// Texts and pointers of every length, and records of every size in files as large as they are for.
#[test]
fn long_pointers() {
    for (padding, record_size) in [(0, 24), (2040, 28), (526_000, 24), (526_400, 32)] {
        let mut file = File::new(record_size, 4, "Test", &["en"]);
        file.padding = padding;
        let long = "x".repeat(66_000);
        let first = file.record(Map(vec![("country_name", t("Germany")), ("note", t(&long)), ("isp", t("Acme"))]));
        let second = file.record(Map(vec![("city", t("Germany")), ("region", t(&long)), ("isp", t("Acme"))]));
        file.tree.range("0.0.0.0", "0.0.0.255", None, first);
        file.tree.range("255.255.255.0", "255.255.255.255", None, second);
        let bytes = file.bytes();
        let database = open(&bytes).unwrap();
        for (address, country, city) in [("0.0.0.0", Some("Germany"), None), ("255.255.255.255", None, Some("Germany"))]
        {
            let place = details(&database, address).unwrap();
            assert_eq!((place.country.as_deref(), place.city.as_deref()), (country, city), "{padding}");
            assert_eq!(place.organization.as_deref(), Some("Acme"), "{padding}");
            assert_eq!(place.region, None, "no region has so long a name");
        }
    }
}

/// An IPv6 tree in which one record is above all of IPv4.
#[test]
fn a_leaf_above_ipv4() {
    let mut file = File::new(24, 6, "Test", &["en"]);
    let record = file.record(Map(vec![("city", t("Everywhere"))]));
    file.tree.set((0, 64), Child::Leaf(record));
    let database = open(&file.bytes()).unwrap();
    for address in ["0.0.0.0", "255.255.255.255", "::", "::ffff:ffff:ffff:ffff"] {
        assert_eq!(text(&database, address).as_deref(), Some("Everywhere"), "{address}");
    }
    assert_eq!(text(&database, "0:0:0:1::"), None);
    let record = database.lookup(address("::")).unwrap().record();
    assert_eq!(
        ranges(&database),
        [
            ("0.0.0.0".to_owned(), "255.255.255.255".to_owned(), record),
            ("::".to_owned(), "::ffff:ffff:ffff:ffff".to_owned(), record),
        ]
    );
}

/// What is wrong in MaxMind's collection of damaged files is refused with what is wrong.
#[test]
fn damage_is_named() {
    let good = || File::of_all_ipv4(Map(vec![("ip", t("test"))]));
    assert!(open(&good().bytes()).is_ok());
    let of = |record: Value| File::of_all_ipv4(record).bytes();
    let metadata = |key, value| {
        let mut file = good();
        file.set(key, value);
        file.bytes()
    };
    let without = |key| {
        let mut file = good();
        file.metadata.retain(|(other, _)| *other != key);
        file.bytes()
    };
    let tree = |left: u8, right: u8| {
        let mut bytes = good().bytes();
        bytes[..6].copy_from_slice(&[0, 0, left, 0, 0, right]);
        bytes
    };
    let separator = {
        let mut bytes = good().bytes();
        bytes[9] = 1;
        bytes
    };
    let behind_mark = |bytes: &[u8]| [b"\xab\xcd\xefMaxMind.com", bytes].concat();
    let nested = |head: &[u8]| Raw([head.repeat(600), vec![0x41, b'x']].concat());

    let cases = [
        ("a mark alone", behind_mark(b""), "cut off at byte 14"),
        ("metadata of a number", behind_mark(&[2, 3]), "goes past the end at byte 14"),
        ("metadata of another type", behind_mark(&[0xa1, 2]), "metadata that is no map"),
        ("metadata with a map's key of no text", behind_mark(&[0xe1, 0xa1, 2, 0xa1, 2]), "key that is no text"),
        ("another version", metadata("binary_format_major_version", U16(3)), "another version than 2"),
        ("no version", without("binary_format_major_version"), "another version than 2"),
        ("a record_size of 20", metadata("record_size", U16(20)), "none of 24, 28 and 32"),
        ("an ip_version of 5", metadata("ip_version", U16(5)), "neither 4 nor 6"),
        ("no nodes", metadata("node_count", U32(0)), "without a node_count"),
        ("more nodes than the file", metadata("node_count", U32(1 << 30)), "a search tree that goes past the end"),
        (
            "some more nodes than there are",
            metadata("node_count", U32(2)),
            "of another size than the metadata says at byte 12",
        ),
        ("another record_size than it is", metadata("record_size", U16(28)), "of another size than the metadata says"),
        ("the last time there is", metadata("build_epoch", U64(u64::MAX)), "a build_epoch that is no time"),
        ("no zeros behind the tree", separator, "of another size than the metadata says at byte 6"),
        ("a leaf at the separator's start", tree(2, 17), "out of the data section at byte 0"),
        ("a leaf at the separator's end", tree(17, 16), "out of the data section at byte 0"),
        ("a leaf behind the data section", tree(17, 200), "out of the data section at byte 0"),
        ("a circle", tree(17, 0), "back to its first node at byte 0"),
        ("an array of a million", of(Raw(vec![31, 4, 0x0e, 0x41, 0x1f, 0x41, b'x'])), "cut off at byte 29"),
        (
            "a map of a million",
            of(Raw(vec![0xff, 0x0e, 0x41, 0x1f, 0x41, b'k', 0x41, b'v'])),
            "no text or cut off at byte 30",
        ),
        ("a text past the end", of(Raw(vec![0x4a, b'x'])), "goes past the end at byte 22"),
        ("maps in maps in maps", of(nested(&[0xe1, 0x41, b'a'])), "inside of each other without end"),
        ("arrays in arrays in arrays", of(nested(&[1, 4])), "inside of each other without end"),
        ("a map that has itself", of(Raw(vec![0xe1, 0x41, b'a', 0x20, 0])), "inside of each other without end"),
        ("a pointer to a pointer", of(Raw(vec![0x20, 2, 0x20, 4, 0x41, b'x'])), "a pointer that leads to no value"),
        ("a pointer past the end", of(Raw(vec![0x27, 0xff])), "a pointer that leads to no value"),
        ("a key of no text", of(Raw(vec![0xe1, 0x41, 0xff, 0x41, b'x'])), "no text or cut off at byte 23"),
        ("a double of two bytes", of(Raw(vec![0x62, 0, 0])), "a number of the wrong size at byte 22"),
        ("a type that there is not", of(Raw(vec![0, 5])), "of no known type"),
    ];
    for (what, bytes, expected) in cases {
        let message = match Database::open_as(Format::Mmdb, bytes, &Options::default()) {
            Ok(_) => panic!("{what} is taken"),
            Err(error) => error.to_string(),
        };
        assert!(message.starts_with("damaged or cut off mmdb file: "), "{what}: {message}");
        assert!(message.contains(expected), "{what}: {message}");
    }
}

/// Not all of a large file is looked at when it is opened: look-ups meet what is wrong in it, and end.
#[test]
fn damage_behind_the_first_nodes() {
    let mut file = File::new(32, 4, "Test", &["en"]);
    let good = file.record(Map(vec![("city", t("Here"))]));
    for third in 0..=255 {
        for fourth in 0..8 {
            file.tree.set(Tree::prefix(&format!("1.1.{third}.{}", fourth * 32), 32), Child::Leaf(good));
        }
    }
    assert!(file.tree.nodes.len() > 2000);
    // 60,000 times the same field, which is a map of 60,000 more; each also leads back to itself.
    let bomb = |target: u8| {
        let mut bytes = vec![0xfe];
        bytes.extend((60_000_u16 - 285).to_be_bytes());
        let entry = [&[0x47][..], b"country", &[0x20, target]].concat();
        bytes.extend(entry.repeat(60_000));
        bytes
    };
    let here = b"\x44city\x44Here";
    let bad = [
        (Raw(bomb(10)), ""),
        (Raw([vec![0xe2], here.to_vec(), vec![0x44, b'x', 0xff, 0xff, 0xff, 0x41, b'x']].concat()), "Here"),
        (Raw([vec![0xe2], here.to_vec(), vec![0x4f]].concat()), "Here"),
        (Raw([vec![0xe2], here.to_vec(), [0xe1, 0x41, b'a'].repeat(600), vec![0x41, b'x']].concat()), "Here"),
        (Raw(vec![0x27, 0xff]), ""),
    ];
    for (index, (record, _)) in bad.iter().enumerate() {
        let number = file.record(record.clone());
        file.tree.set(Tree::prefix(&format!("9.9.9.{index}"), 32), Child::Leaf(number));
    }
    let circle = file.tree.node_at(Tree::prefix("1.1.0.0", 16));
    file.tree.set(Tree::prefix("9.9.9.128", 27), circle);
    let mut bytes = file.bytes();
    let database = open(&bytes).unwrap();
    assert_eq!(text(&database, "1.1.255.224").as_deref(), Some("Here"));
    for (index, (_, expected)) in bad.iter().enumerate() {
        assert_eq!(text(&database, &format!("9.9.9.{index}")).as_deref(), Some(*expected), "{index}");
    }
    // The bits end before the node's own way does.
    assert_eq!(text(&database, "9.9.9.128"), None);

    // The last nodes lead back to themselves, to the first node, and out of the file.
    let count = file.tree.nodes.len();
    for (node, value) in
        [(count - 1, count - 1), (count - 2, 0), (count - 3, count + 1), (count - 4, u32::MAX as usize)]
    {
        bytes[node * 8..node * 8 + 4].copy_from_slice(&(value as u32).to_be_bytes());
        bytes[node * 8 + 4..node * 8 + 8].copy_from_slice(&(value as u32).to_be_bytes());
    }
    let database = open(&bytes).unwrap();
    assert_eq!(text(&database, "9.9.9.130"), None);
    let ranges = database.ranges();
    assert!(ranges.ipv4 >= 2048 && ranges.ipv4 < 20_000, "{ranges:?}");
}

/// A tree of which every node leads twice to the next has more ways through it than there is time for.
#[test]
fn a_walk_of_a_tangle_ends() {
    let mut file = File::new(24, 6, "Test", &["en"]);
    let record = file.record(Map(vec![("city", t("Here"))]));
    file.tree.nodes = (1..2000).map(|next| [Child::Node(next); 2]).collect();
    file.tree.nodes.push([Child::Leaf(record); 2]);
    let database = open(&file.bytes()).unwrap();
    assert_eq!(database.ranges(), Ranges::default());
    assert!(database.lookup(address("2400::")).is_none());
}

#[test]
fn told_by_content() {
    for bytes in [city(), flat(), asn()] {
        assert_eq!(open(&bytes).unwrap().info().format, Format::Mmdb);
        // The mark is looked for at the end.
        assert!(open(&bytes[..bytes.len() - 300]).is_err());
    }
    let mut far = city();
    far.extend([0; 128 * 1024]);
    assert!(open(&far).is_err());
}

#[test]
fn damaged_files() {
    for (name, bytes) in [("city.mmdb", city()), ("flat.mmdb", flat()), ("asn.mmdb", asn())] {
        survives_damage(Format::Mmdb, &fixture("mmdb", name, bytes), &Options::default());
    }
}
