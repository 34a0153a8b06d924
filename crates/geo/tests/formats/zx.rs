use std::collections::HashMap;
use std::net::Ipv6Addr;

use sockscope_geo::{Database, Format, OpenError, Options};

use crate::common::{address, details, fixture, open, survives_damage, text};

/// Writes `ipv6wry.db`: header, version, places, index.
struct Writer {
    bytes: Vec<u8>,
    index: Vec<u8>,
    pointer_size: usize,
    countries: HashMap<String, usize>,
}

impl Writer {
    fn new(pointer_size: usize) -> Writer {
        let mut bytes = b"IPDB\x01\x00".to_vec();
        bytes.extend([pointer_size as u8, 8]);
        bytes.resize(32, 0);
        bytes.extend(40_u64.to_le_bytes());
        bytes.extend(b"20210511\0");
        Writer { bytes, index: Vec::new(), pointer_size, countries: HashMap::new() }
    }

    /// A range from an address on. A country that was there already is pointed to.
    fn range(&mut self, first: &str, country: &str, area: &str) {
        self.entry(first, self.bytes.len());
        let here = self.bytes.len();
        match self.countries.get(country).copied() {
            Some(at) => self.point(2, at),
            None => {
                self.countries.insert(country.to_owned(), here);
                self.text(country);
            }
        }
        self.text(area);
    }

    fn entry(&mut self, first: &str, place: usize) {
        let upper = (first.parse::<Ipv6Addr>().unwrap().to_bits() >> 64) as u64;
        self.index.extend(upper.to_le_bytes());
        self.index.extend(&place.to_le_bytes()[..self.pointer_size]);
    }

    fn point(&mut self, mode: u8, to: usize) {
        self.bytes.push(mode);
        self.bytes.extend(&to.to_le_bytes()[..self.pointer_size]);
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend(text.as_bytes());
        self.bytes.push(0);
    }

    fn finish(mut self) -> Vec<u8> {
        let count = self.index.len() / (8 + self.pointer_size);
        let first = self.bytes.len();
        self.bytes[8..16].copy_from_slice(&count.to_le_bytes());
        self.bytes[16..24].copy_from_slice(&first.to_le_bytes());
        self.bytes.extend(&self.index);
        self.bytes
    }
}

fn write(pointer_size: usize) -> Vec<u8> {
    let mut writer = Writer::new(pointer_size);
    for (first, country, area) in [
        ("::", "IANA保留地址", ""),
        ("2001:250:7018::", "中国\t辽宁省\t大连市", "大连翻译职业学院"),
        ("2001:250:7019::", "中国\t辽宁省\t大连市\t甘井子区", "中国电信"),
        ("2001:250:701a::", "中国\t香港区", ""),
        ("2001:250:701b::", "中国 台湾省", "中华电信"),
        ("2001:250:701c::", "英国 根西岛", ""),
        ("2001:250:701d::", "欧洲和中东地区", ""),
        ("2001:250:701d:1::", "中国\t辽宁省\t大连市", "大连翻译职业学院"),
        ("2400:3200::", "中国\t浙江省\t杭州市", "阿里云"),
        ("ff00::", "IANA特殊地址", "多播地址"),
        ("ffff:ffff:ffff:fff0::", "", "ZX公网IPv6库 20210511版"),
    ] {
        writer.range(first, country, area);
    }
    // The same place again, behind a `1`.
    let here = writer.bytes.len();
    let place = writer.countries["中国\t辽宁省\t大连市"];
    writer.point(1, place);
    let seventh = 7 * (8 + pointer_size) + 8;
    writer.index[seventh..seventh + pointer_size].copy_from_slice(&here.to_le_bytes()[..pointer_size]);
    writer.finish()
}

fn sample() -> Vec<u8> {
    fixture("zx", "ipv6wry.db", write(3))
}

/// As it is opened, and prepared.
fn both(bytes: &[u8]) -> [Database; 2] {
    let mut prepared = open(bytes).unwrap();
    prepared.prepare();
    [open(bytes).unwrap(), prepared]
}

#[test]
fn edges_of_ranges() {
    let cases = [
        ("::2", "IANA保留地址", ""),
        ("2001:250:7017:ffff:ffff:ffff:ffff:ffff", "IANA保留地址", ""),
        ("2001:250:7018::", "中国 辽宁省 大连市 大连翻译职业学院", "CN"),
        ("2001:250:7018:ffff:ffff:ffff:ffff:ffff", "中国 辽宁省 大连市 大连翻译职业学院", "CN"),
        ("2001:250:7019::", "中国 辽宁省 大连市 甘井子区 中国电信", "CN"),
        ("2001:250:701a::1", "中国 香港区", "HK"),
        ("2001:250:701b::1", "中国 台湾省 中华电信", "TW"),
        ("2001:250:701c::1", "英国 根西岛", "GG"),
        ("2001:250:701d::", "欧洲和中东地区", ""),
        ("2001:250:701d:0:ffff:ffff:ffff:ffff", "欧洲和中东地区", ""),
        ("2001:250:701d:1::", "中国 辽宁省 大连市 大连翻译职业学院", "CN"),
        ("2400:3200::1", "中国 浙江省 杭州市 阿里云", "CN"),
        ("ff02::1", "IANA特殊地址 多播地址", ""),
        ("ffff:ffff:ffff:ffef:ffff:ffff:ffff:ffff", "IANA特殊地址 多播地址", ""),
    ];
    for bytes in [sample(), write(4)] {
        for database in both(&bytes) {
            for (address, text, code) in cases {
                let details = details(&database, address).unwrap();
                let found = details.country_code.map(|code| code.to_string()).unwrap_or_default();
                assert_eq!((&*details.text, &*found), (text, code), "{address}");
            }
            for none in
                ["ffff:ffff:ffff:fff0::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1.2.3.4", "2002:102:304::"]
            {
                assert_eq!(text(&database, none), None, "{none}");
            }
        }
    }
}

#[test]
fn levels_are_parts() {
    for database in both(&sample()) {
        let place = details(&database, "2001:250:7019::").unwrap();
        let parts = [&place.country, &place.region, &place.city, &place.organization].map(Option::as_deref);
        assert_eq!(parts, [Some("中国"), Some("辽宁省"), Some("大连市"), Some("中国电信")]);
        // One place, one number.
        let record = |text| database.lookup(address(text)).unwrap().record();
        assert_eq!(record("2001:250:7018::"), record("2001:250:701d:1::"));
        assert_ne!(record("2001:250:7018::"), record("2001:250:7019::"));
    }
}

#[test]
fn what_it_says_of_itself() {
    for database in both(&sample()) {
        let info = database.info();
        assert_eq!((info.format, &*info.name), (Format::Zx, "ZX ipv6wry 2021-05-11"));
        assert_eq!(info.date.map(|date| date.to_string()).as_deref(), Some("2021-05-11"));
        assert_eq!((info.ipv4, info.ipv6), (false, true));

        let mut ranges = Vec::new();
        database.each_range(&mut |first, last, place| {
            ranges.push(format!("{first} {last} {}", place.details().text));
        });
        assert_eq!(ranges.len(), 10);
        assert_eq!(ranges[6], "2001:250:701d:: 2001:250:701d:0:ffff:ffff:ffff:ffff 欧洲和中东地区");
        assert_eq!(ranges[9], "ff00:: ffff:ffff:ffff:ffef:ffff:ffff:ffff:ffff IANA特殊地址 多播地址");
        assert_eq!((database.ranges().ipv4, database.ranges().ipv6), (0, 10));
    }
}

#[test]
fn kinds_and_damage_that_are_refused() {
    let refused = |at: usize, values: &[u8]| {
        let mut bytes = sample();
        bytes[at..at + values.len()].copy_from_slice(values);
        open(&bytes).unwrap_err().to_string()
    };
    let kind = "ZX ipv6wry file of a kind that is not supported: ";
    assert_eq!(refused(6, &[9]), format!("{kind}pointers of 9 bytes"));
    assert_eq!(refused(7, &[4]), format!("{kind}addresses of 4 bytes"));
    assert_eq!(refused(24, &[3]), format!("{kind}3 texts a place"));
    let no_index = "damaged or cut off ZX ipv6wry file: the header tells of no index inside the file at byte 8";
    assert_eq!(refused(8, &[0; 8]), no_index);
    assert_eq!(refused(8, &[255; 16]), no_index);
    let sample = sample();
    assert_eq!(open(&sample[..sample.len() - 1]).unwrap_err().to_string(), no_index);
    let cut_off = "damaged or cut off ZX ipv6wry file: the header is cut off at byte 20";
    assert_eq!(open(&sample[..20]).unwrap_err().to_string(), cut_off);
    let magic = Database::open_as(Format::Zx, b"ipdb".to_vec(), &Options::default()).unwrap_err().to_string();
    assert_eq!(magic, "damaged or cut off ZX ipv6wry file: it does not begin with IPDB at byte 0");
    // Text that begins like that is none.
    assert_eq!(open(b"IPDB is the name of several formats.").unwrap_err(), OpenError::Unknown);
}

#[test]
fn damaged_files() {
    survives_damage(Format::Zx, &sample(), &Options::default());
}
