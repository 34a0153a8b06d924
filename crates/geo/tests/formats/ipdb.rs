use sockscope_geo::{Coordinates, Database, Format, OpenError, Options, Ranges};

use super::common::{address, details, fixture, open, open_in, survives_damage, text};
use super::tree::{Child, Tree};

/// What stands before an IPv4 address.
const IPV4: u128 = 0xffff << 32;

/// A file to be: its metadata but for the sizes, a tree, and rows.
struct File {
    metadata: &'static str,
    tree: Tree,
    rows: Vec<Vec<u8>>,
}

impl File {
    fn new(metadata: &'static str) -> File {
        File { metadata, tree: Tree::new(), rows: Vec::new() }
    }

    fn row(&mut self, fields: &[&str]) -> usize {
        self.rows.push(fields.join("\t").into_bytes());
        self.rows.len() - 1
    }

    fn body(&self) -> Vec<u8> {
        let count = self.tree.nodes.len();
        let mut rows = vec![0; 4];
        let leaves: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                let leaf = rows.len();
                rows.extend((row.len() as u16).to_be_bytes());
                rows.extend(row);
                leaf
            })
            .collect();
        let value = |child: &Child| match *child {
            Child::Nothing => count,
            Child::Node(node) => node,
            Child::Leaf(row) => count + leaves[row],
        };
        let values = self.tree.nodes.iter().flatten();
        let mut body: Vec<_> = values.flat_map(|child| (value(child) as u32).to_be_bytes()).collect();
        body.extend(rows);
        body
    }

    fn bytes(&self) -> Vec<u8> {
        let body = self.body();
        let metadata =
            format!(r#"{{{},"node_count":{},"total_size":{}}}"#, self.metadata, self.tree.nodes.len(), body.len());
        [&(metadata.len() as u32).to_be_bytes(), metadata.as_bytes(), &body].concat()
    }
}

/// As IPIP.net makes them: IPv4 and IPv6, two languages, and fields that are no text. The wrong `v4node` is of a real file.
fn city() -> Vec<u8> {
    let mut file = File::new(
        r#""build":1772366400,"ip_version":3,"v4node":7,"languages":{"EN":16,"CN":0},"fields":["country_name",
        "region_name","city_name","owner_domain","isp_domain","latitude","longitude","timezone","utc_offset",
        "china_admin_code","idd_code","country_code","continent_code","idc","district_info","asn"]"#,
    );
    let shenzhen = file.row(&[
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
        "IDC",
        r#"{"china_admin_code":440305,"district_name":"南山"}"#,
        "4134",
        "China",
        "Guangdong",
        "Shenzhen",
        "",
        "ChinaTelecom",
        "22.5",
        "114.25",
        "Asia/Shanghai",
        "UTC+8",
        "440300",
        "86",
        "CN",
        "AP",
        "IDC",
        "",
        "4134",
    ]);
    let google = file.row(&[
        "GOOGLE.COM",
        "GOOGLE.COM",
        "",
        "google.com",
        "level3.com",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "GOOGLE.COM",
        "GOOGLE.COM",
        "",
        "google.com",
        "level3.com",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
    ]);
    // Rows that end before their fields do: one in the first language, one in the second.
    let short = file.row(&["日本", "东京都"]);
    let half =
        file.row(&["法国", "", "", "", "", "", "", "", "", "", "", "FR", "EU", "", "", "", "France", "Ile-de-France"]);
    let empty = file.row(&[""]);
    for (first, last, row) in [
        ("0.0.0.0", "0.255.255.255", empty),
        ("1.0.1.0", "1.0.3.255", shenzhen),
        ("8.8.8.8", "8.8.8.8", google),
        ("8.8.8.10", "8.8.9.0", short),
        ("255.255.255.254", "255.255.255.255", half),
    ] {
        file.tree.range(first, last, Some(IPV4), row);
    }
    file.tree.range("2400::", "2400:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, shenzhen);
    file.tree.range("2a00::", "2a00::", None, half);
    file.tree.range("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, short);
    let ipv4 = file.tree.node_at((IPV4, 96));
    file.tree.set(Tree::prefix("2002::", 16), ipv4);
    file.bytes()
}

/// IPv4 alone, fields of somebody's own making, no date.
fn own() -> Vec<u8> {
    let mut file =
        File::new(r#""ip_version":1,"languages":{"CN":0},"fields":["country","province","street","isp","zip_code"]"#);
    let row = file.row(&["德国", "柏林", "Unter den Linden 1", "CZ88.NET", "10117"]);
    file.tree.range("5.0.0.0", "5.0.0.255", Some(IPV4), row);
    file.rows.push(b"\xff\xfe\tok\tok\tok".to_vec());
    file.tree.range("6.0.0.0", "6.0.0.0", Some(IPV4), 1);
    file.bytes()
}

fn ranges(database: &Database) -> Vec<(String, String, u64)> {
    let mut ranges = Vec::new();
    database.each_range(&mut |first, last, place| ranges.push((first.to_string(), last.to_string(), place.record())));
    ranges
}

#[test]
fn fields_in_each_language() {
    let bytes = fixture("ipdb", "city.ipdb", city());
    let chinese = open_in(&bytes, "zh-CN").unwrap();
    let place = details(&chinese, "1.0.1.0").unwrap();
    assert_eq!(place.text, "中国 广东 深圳 电信 南山");
    assert_eq!(place.country_code.unwrap().as_str(), "CN");
    assert_eq!((place.country.as_deref(), place.region.as_deref()), (Some("中国"), Some("广东")));
    assert_eq!((place.city.as_deref(), place.organization.as_deref()), (Some("深圳"), Some("电信")));
    assert_eq!((place.asn, place.coordinates), (Some(4134), Coordinates::new(22.5, 114.25)));
    for (language, expected) in [
        ("en-GB", "China Guangdong Shenzhen ChinaTelecom"),
        ("zh", "中国 广东 深圳 电信 南山"),
        ("fr", "China Guangdong Shenzhen ChinaTelecom"),
    ] {
        assert_eq!(text(&open_in(&bytes, language).unwrap(), "1.0.3.255").as_deref(), Some(expected), "{language}");
    }
    // The only language there is.
    let own = open_in(&fixture("ipdb", "own.ipdb", own()), "en").unwrap();
    assert_eq!(text(&own, "5.0.0.0").as_deref(), Some("德国 柏林 Unter den Linden 1"));
    assert_eq!(details(&own, "5.0.0.0").unwrap().country_code.unwrap().as_str(), "DE");
}

#[test]
fn edges_and_gaps() {
    let mut database = open(&fixture("ipdb", "city.ipdb", city())).unwrap();
    for prepared in [false, true] {
        for (address, expected) in [
            ("0.0.0.0", Some("")),
            ("0.255.255.255", Some("")),
            ("1.0.0.255", None),
            ("1.0.1.0", Some("China Guangdong Shenzhen ChinaTelecom")),
            ("1.0.3.255", Some("China Guangdong Shenzhen ChinaTelecom")),
            ("1.0.4.0", None),
            ("8.8.8.7", None),
            ("8.8.8.8", Some("GOOGLE.COM GOOGLE.COM google.com level3.com")),
            ("8.8.8.9", None),
            // English would be behind the row's end.
            ("8.8.8.10", Some("")),
            ("8.8.9.0", Some("")),
            ("8.8.9.1", None),
            ("255.255.255.253", None),
            ("255.255.255.255", Some("France Ile-de-France")),
            ("::", None),
            ("::8.8.8.8", None),
            ("::ffff:8.8.8.8", Some("GOOGLE.COM GOOGLE.COM google.com level3.com")),
            ("2002:808:808::", Some("GOOGLE.COM GOOGLE.COM google.com level3.com")),
            ("23ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
            ("2400::", Some("China Guangdong Shenzhen ChinaTelecom")),
            ("2400:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("China Guangdong Shenzhen ChinaTelecom")),
            ("2401::", None),
            ("2a00::", Some("France Ile-de-France")),
            ("2a00::1", None),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("")),
        ] {
            assert_eq!(text(&database, address).as_deref(), expected, "{address}, prepared: {prepared}");
        }
        database.prepare();
    }
}

#[test]
fn short_and_broken_rows() {
    let chinese = open_in(&fixture("ipdb", "city.ipdb", city()), "zh").unwrap();
    assert_eq!(text(&chinese, "8.8.8.10").as_deref(), Some("日本 东京都"));
    let english = open(&fixture("ipdb", "city.ipdb", city())).unwrap();
    assert_eq!(details(&english, "2a00::").unwrap().country_code.unwrap().as_str(), "FR");
    let own = open(&fixture("ipdb", "own.ipdb", own())).unwrap();
    assert_eq!(text(&own, "6.0.0.0").as_deref(), Some("ok ok ok"));
    assert!(own.lookup(address("2400::")).is_none());
}

#[test]
fn every_range_once() {
    let database = open(&fixture("ipdb", "city.ipdb", city())).unwrap();
    let ranges = ranges(&database);
    assert_eq!(database.ranges(), Ranges { ipv4: 12, ipv6: 3 });
    assert_eq!(ranges[0].0, "0.0.0.0");
    assert_eq!(ranges[11].1, "255.255.255.255");
    assert_eq!((ranges[13].0.as_str(), ranges[13].1.as_str()), ("2a00::", "2a00::"));
    for (first, last, record) in ranges {
        for edge in [first, last] {
            assert_eq!(database.lookup(address(&edge)).map(|place| place.record()), Some(record), "{edge}");
        }
    }
}

#[test]
fn what_a_file_says_of_itself() {
    let city = open(&fixture("ipdb", "city.ipdb", city())).unwrap();
    let info = city.info();
    assert_eq!((info.format, info.name.as_str(), info.ipv4, info.ipv6), (Format::Ipdb, "ipdb 2026-03-01", true, true));
    let own = open(&fixture("ipdb", "own.ipdb", own())).unwrap();
    let info = own.info();
    assert_eq!((info.name.as_str(), info.date, info.ipv4, info.ipv6), ("ipdb", None, true, false));
}

/// A prefix that leads to nothing ends a look-up at once: official readers go on into the bytes behind the tree.
#[test]
fn nothing_is_no_node() {
    let mut file = File::new(r#""ip_version":3,"languages":{"CN":0},"fields":["city_name"]"#);
    let row = file.row(&["x"]);
    file.tree.set((0, 1), Child::Leaf(row));
    let bytes = file.bytes();
    let database = open(&bytes).unwrap();
    // IPv4 is all below that one leaf.
    assert_eq!(text(&database, "1.2.3.4").as_deref(), Some("x"));
    assert_eq!(text(&database, "255.255.255.255").as_deref(), Some("x"));
    assert_eq!(text(&database, "7fff::").as_deref(), Some("x"));
    assert_eq!(text(&database, "8000::"), None);
    assert_eq!(database.ranges(), Ranges { ipv4: 1, ipv6: 1 });
}

#[test]
fn damage_is_named() {
    let body = File { metadata: "", tree: Tree::new(), rows: vec![b"x".to_vec()] }.body();
    let with = |metadata: &str| [&(metadata.len() as u32).to_be_bytes(), metadata.as_bytes(), &body].concat();
    let good = r#"{"ip_version":1,"languages":{"CN":0},"fields":["city_name"],"node_count":1,"total_size":15}"#;
    assert!(open(&with(good)).is_ok());
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        with(&good.replace(from, to))
    };
    let mut cut = with(good);
    cut.pop();
    for (what, bytes, expected) in [
        ("no metadata", vec![0, 0, 1, 0, b'{'], "metadata longer than the file at byte 0"),
        ("no JSON", changed("}", ""), "metadata that is no JSON at byte 4"),
        ("cut off", cut, "the metadata says at byte 109"),
        ("more bytes", [with(good), vec![0]].concat(), "another total_size"),
        ("no nodes", changed(":1,\"total", ":0,\"total"), "without a node_count"),
        ("too many nodes", changed(":1,\"total", ":2,\"total"), "a tree that goes past the end"),
        ("more nodes than can be", changed(":1,\"total", ":4294967296,\"total"), "without a node_count"),
        ("no fields", changed("\"city_name\"", ""), "without fields"),
        ("no languages", changed("\"CN\":0", ""), "without languages"),
        ("a language nowhere", changed("\"CN\":0", "\"CN\":-1"), "without languages"),
    ] {
        let message = match Database::open_as(Format::Ipdb, bytes, &Options::default()) {
            Ok(_) => panic!("{what} is taken"),
            Err(error) => error.to_string(),
        };
        assert!(message.starts_with("damaged or cut off ipdb file: "), "{what}: {message}");
        assert!(message.contains(expected), "{what}: {message}");
    }
}

#[test]
fn told_by_content() {
    for bytes in [city(), own()] {
        assert_eq!(open(&bytes).unwrap().info().format, Format::Ipdb);
    }
    // JSON with a length before it that is nothing of the kind.
    let other = br#"{"node": 1, "count": 2}"#;
    let mut bytes = vec![0, 0, 0, other.len() as u8];
    bytes.extend(other);
    assert_eq!(open(&bytes).unwrap_err(), OpenError::Unknown);
    assert_eq!(open(other).unwrap_err(), OpenError::Unknown);
}

#[test]
fn damaged_files() {
    for (name, bytes) in [("city.ipdb", city()), ("own.ipdb", own())] {
        survives_damage(Format::Ipdb, &fixture("ipdb", name, bytes), &Options::default());
    }
}
