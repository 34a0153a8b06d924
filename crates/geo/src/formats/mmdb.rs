//! MaxMind DB, by <https://maxmind.github.io/MaxMind-DB/>: a tree of addresses, and behind it a section of values that its
//! leaves refer to. What a record is made of is the publisher's affair, so that fields are told by their names.
//!
//! The crate `maxminddb` decodes a record only together with the look-up of an address, and wants keys of the metadata
//! that the format calls optional. So this reads the file itself; the tests hold it against that crate.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::trie::{Trie, Width};
use super::{Format, Opened, Reader, Record, name_and_date};
use crate::details::{Details, Role, Statement};
use crate::language::Language;
use crate::{Data, Info, OpenError};

use value::{Section, Value};

/// Values of the data section and the metadata.
mod value;

/// What stands before the metadata.
const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// The metadata is in so many bytes at the end.
const METADATA_SPAN: usize = 128 * 1024;
/// Zeros between the tree and the data section.
const SEPARATOR: usize = 16;
/// How many nodes are looked at when a file is opened. It is all of a small tree, and enough of a large one to see that the
/// file is not what its metadata says, which is how damage shows most of the time.
const NODES_CHECKED: u32 = 1024;

pub(super) fn detect(bytes: &[u8]) -> bool {
    metadata_at(bytes).is_some()
}

pub(super) fn open(data: Data) -> Result<Opened, OpenError> {
    let bytes = data.as_ref();
    let start = metadata_at(bytes).ok_or_else(|| damaged(bytes.len(), "no metadata"))?;
    let metadata = Metadata::read(bytes.get(start..).unwrap_or_default())
        .map_err(|(offset, problem)| damaged(start.saturating_add(offset), problem))?;
    let end = start - MARK.len();
    let trie = Trie::new(bytes, 0, metadata.node_count, metadata.width)
        .ok_or_else(|| damaged(end, "a search tree that goes past the end"))?;
    let tree_end = trie.end().unwrap_or(usize::MAX);
    let data_start = tree_end.saturating_add(SEPARATOR);
    if data_start > end {
        return Err(damaged(end, "a search tree that goes past the end"));
    }
    if bytes.get(tree_end..data_start).is_none_or(|zeros| zeros.iter().any(|byte| *byte != 0)) {
        return Err(damaged(tree_end, "a search tree of another size than the metadata says"));
    }
    let trie = match metadata.ip_version {
        4 => trie.only_ipv4(),
        _ => trie.with_ipv6().with_ipv4_below(bytes, 0),
    };
    let (licence, attribution, website) = licence(metadata.database_type);
    let name = if metadata.database_type.is_empty() { Format::Mmdb.name() } else { metadata.database_type };
    let date = metadata.build.map(|build| build.to_zoned(TimeZone::UTC).date());
    let info = Info {
        format: Format::Mmdb,
        name: name_and_date(name, date),
        date,
        ipv4: trie.has_ipv4(),
        ipv6: metadata.ip_version == 6,
        licence,
        attribution,
        website,
        warning: None,
    };
    let mmdb = Mmdb { values: (data_start, end), trie, data };
    mmdb.check()?;
    Ok((Box::new(mmdb), info))
}

fn damaged(offset: usize, problem: &'static str) -> OpenError {
    OpenError::damaged(Format::Mmdb, offset, problem)
}

/// The offset behind the last mark. Most files that are asked are of another format, and have none: the search is quick.
fn metadata_at(bytes: &[u8]) -> Option<usize> {
    let span = bytes.len().saturating_sub(METADATA_SPAN);
    let tail = bytes.get(span..)?;
    let starts = tail.iter().enumerate().rev().filter(|(_, byte)| Some(*byte) == MARK.first());
    let is_mark = |at: &usize| tail.get(*at..).is_some_and(|rest| rest.starts_with(MARK));
    starts.map(|(at, _)| at).find(is_mark).map(|at| span + at + MARK.len())
}

/// What the licence is, which words it wants to be shown, and where these shall lead, as far as the database's type tells.
fn licence(database_type: &str) -> (&'static str, Option<&'static str>, Option<&'static str>) {
    let is = |start: &str| database_type.get(..start.len()).is_some_and(|it| it.eq_ignore_ascii_case(start));
    if is("GeoLite2") {
        let words = "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com";
        ("GeoLite End User License Agreement", Some(words), Some("https://www.maxmind.com"))
    } else if is("GeoIP") {
        ("MaxMind, commercial", None, None)
    } else if is("DBIP") && database_type.contains("Lite") {
        ("CC BY 4.0", Some("IP Geolocation by DB-IP"), Some("https://db-ip.com"))
    } else if is("DBIP") {
        ("DB-IP, commercial", None, None)
    } else if is("ipinfo") {
        let words = "IP address data powered by IPinfo";
        ("IPinfo; its free databases are CC BY-SA 4.0", Some(words), Some("https://ipinfo.io"))
    } else {
        ("not stated by the file", None, None)
    }
}

/// What the file says of itself.
struct Metadata<'a> {
    node_count: u32,
    width: Width,
    ip_version: u64,
    database_type: &'a str,
    build: Option<Timestamp>,
}

impl<'a> Metadata<'a> {
    fn read(bytes: &'a [u8]) -> Result<Metadata<'a>, (usize, &'static str)> {
        let section = Section::new(bytes);
        section.check(0)?;
        let entries = section.value(0).map().ok_or((0, "metadata that is no map"))?;
        let (mut nodes, mut size, mut ip_version, mut major) = (None, None, None, None);
        let (mut database_type, mut build) = ("", None);
        for (key, value) in entries {
            match key {
                "node_count" => nodes = value.unsigned(),
                "record_size" => size = value.unsigned(),
                "ip_version" => ip_version = value.unsigned(),
                "binary_format_major_version" => major = value.unsigned(),
                "database_type" => database_type = value.text().unwrap_or_default(),
                "build_epoch" => build = value.unsigned(),
                _ => {}
            }
        }
        if major != Some(2) {
            return Err((0, "metadata of another version than 2"));
        }
        let node_count = nodes.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        let width = match size {
            Some(24) => Width::Bits24,
            Some(28) => Width::Bits28,
            Some(32) => Width::Bits32,
            _ => return Err((0, "metadata with a record_size that is none of 24, 28 and 32")),
        };
        let build = build.filter(|seconds| *seconds > 0).map(|seconds| {
            let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
            time.ok_or((0, "metadata with a build_epoch that is no time"))
        });
        Ok(Metadata {
            node_count: node_count.ok_or((0, "metadata without a node_count"))?,
            width,
            ip_version: ip_version
                .filter(|version| matches!(version, 4 | 6))
                .ok_or((0, "metadata with an ip_version that is neither 4 nor 6"))?,
            database_type,
            build: build.transpose()?,
        })
    }
}

struct Mmdb {
    data: Data,
    trie: Trie,
    /// Where the data section starts and ends.
    values: (usize, usize),
}

impl Mmdb {
    fn section(&self) -> Section<'_> {
        Section::new(self.data.as_ref().get(self.values.0..self.values.1).unwrap_or_default())
    }

    /// Where a leaf's record is in the data section; `None` if it is not in it.
    fn record(&self, leaf: u32) -> Option<Record> {
        let offset = (leaf as usize).checked_sub(SEPARATOR)?;
        (offset < self.values.1 - self.values.0).then_some(Record(offset as u64))
    }

    /// Looks at the first nodes and at the records of their leaves.
    fn check(&self) -> Result<(), OpenError> {
        let (bytes, nodes) = (self.data.as_ref(), self.trie.nodes());
        let section = self.section();
        let mut last = None;
        for node in 0..nodes.min(NODES_CHECKED) {
            let problem = |problem| damaged(self.trie.offset(node), problem);
            for value in self.trie.node(bytes, node).unwrap_or([nodes; 2]) {
                if value == 0 {
                    return Err(problem("a search tree that leads back to its first node"));
                }
                let Some(leaf) = value.checked_sub(nodes).filter(|leaf| *leaf > 0) else { continue };
                let record =
                    self.record(leaf).ok_or_else(|| problem("a search tree that leads out of the data section"))?;
                if last.replace(record) != Some(record) {
                    section
                        .check(record.0 as usize)
                        .map_err(|(offset, problem)| damaged(self.values.0.saturating_add(offset), problem))?;
                }
            }
        }
        Ok(())
    }
}

impl Reader for Mmdb {
    #[inline]
    fn find(&self, address: IpAddr) -> Option<Record> {
        self.record(self.trie.find(self.data.as_ref(), address)?)
    }

    fn details<'a>(&'a self, record: Record, language: &Language) -> Details<'a> {
        let section = self.section();
        let mut fields = Fields { language, texts: Texts::default() };
        let value = usize::try_from(record.0).map(|offset| section.value(offset));
        if let Ok(value) = value {
            fields.record(value);
        }
        fields.texts.state(language)
    }

    fn each_range(&self, visit: &mut dyn FnMut(IpAddr, IpAddr, Record)) {
        self.trie.each_leaf(self.data.as_ref(), &mut |first, last, leaf| {
            if let Some(record) = self.record(leaf) {
                visit(first, last, record);
            }
        });
    }

    fn prepare(&mut self) {
        let Mmdb { trie, data, .. } = self;
        trie.prepare(data.as_ref());
    }
}

/// How many letters a country's code has. Databases also write such codes for what is no country (`EU`, `ZZ`), and no name
/// is as short.
const CODE: usize = 2;
/// How many levels of regions are kept.
const REGIONS: usize = 4;

/// What was found of a record, wherever it was.
#[derive(Default)]
struct Texts<'a> {
    code: Option<&'a str>,
    country: Option<&'a str>,
    registered: (Option<&'a str>, Option<&'a str>),
    regions: [Option<&'a str>; REGIONS],
    city: Option<&'a str>,
    district: Option<&'a str>,
    /// From the customer to the network that announces it.
    organization: Option<&'a str>,
    isp: Option<&'a str>,
    as_name: Option<&'a str>,
    asn: Option<u32>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    /// All that a record without fields has.
    word: Option<&'a str>,
}

/// Collects the fields of a record by their names.
struct Fields<'a, 'l> {
    language: &'l Language,
    texts: Texts<'a>,
}

impl<'a> Fields<'a, '_> {
    /// A record: usually a map. Databases for rule-based routing have a country's code or a service's name alone.
    fn record(&mut self, value: Value<'_, 'a>) {
        if value.map().is_some() {
            self.map(value, 0);
        } else {
            let mut members = value.array();
            let first = members.as_mut().map_or(Some(value), Iterator::next);
            self.texts.word = first.and_then(|value| value.text());
        }
    }

    /// The fields of the record or of a map in it. MaxMind keeps some in maps called `location` and `traits`, others in
    /// maps of their own making.
    fn map(&mut self, value: Value<'_, 'a>, depth: u32) {
        for (key, value) in value.map().into_iter().flatten() {
            match key {
                "country" => self.country(value),
                "registered_country" => self.registered(value),
                "country_code" | "countryCode" | "country_iso_code" => self.texts.code = value.text(),
                "country_name" | "countryName" => self.texts.country = value.text(),
                "subdivisions" => self.subdivisions(value),
                "state1" | "region" | "region_name" | "regionName" | "province" | "state" | "stateprov" => {
                    self.region(0, value);
                }
                "state2" => self.region(1, value),
                "city" | "city_name" | "cityName" => self.texts.city = self.name(value),
                "district" | "district_name" => self.texts.district = self.name(value),
                "latitude" | "lat" => self.texts.latitude = number(value),
                "longitude" | "lng" | "lon" => self.texts.longitude = number(value),
                "loc" => self.location(value),
                "organization" | "org" | "owner" => self.organization(value),
                "isp" | "isp_domain" => self.texts.isp = value.text(),
                "autonomous_system_organization" | "as_organization" | "as_name" | "asname" => {
                    self.texts.as_name = value.text();
                }
                "autonomous_system_number" | "as_number" | "asn" => self.asn(value),
                // In databases of autonomous systems.
                "name" if depth == 0 => self.texts.as_name = self.texts.as_name.or(value.text()),
                // These have countries and names, which are not where the address is.
                "continent" | "represented_country" | "postal" => {}
                _ if depth < 2 => self.map(value, depth + 1),
                _ => {}
            }
        }
    }

    /// A name: the text itself, or that of a language out of a map of them.
    fn name(&self, value: Value<'_, 'a>) -> Option<&'a str> {
        if let Some(text) = value.text() {
            return Some(text);
        }
        let names = value.map()?.find(|(key, _)| matches!(*key, "names" | "name")).map(|(_, names)| names)?;
        if let Some(text) = names.text() {
            return Some(text);
        }
        let mut best = None;
        for (tag, name) in names.map()? {
            let rank = self.language.rank(tag);
            if best.is_none_or(|(least, _)| rank < least) {
                best = Some((rank, name));
            }
            if rank == 0 {
                break;
            }
        }
        best.and_then(|(_, name)| name.text())
    }

    fn iso_code(value: Value<'_, 'a>) -> Option<&'a str> {
        value.map()?.find(|(key, _)| *key == "iso_code").and_then(|(_, code)| code.text())
    }

    /// Texts are a code in some databases and a name in others.
    fn country(&mut self, value: Value<'_, 'a>) {
        let name = self.name(value);
        self.texts.code = Self::iso_code(value).or(self.texts.code);
        match name {
            Some(code) if code.len() == CODE => self.texts.code = Some(code),
            _ => self.texts.country = name.or(self.texts.country),
        }
    }

    fn registered(&mut self, value: Value<'_, 'a>) {
        self.texts.registered = (Self::iso_code(value), self.name(value));
    }

    fn subdivisions(&mut self, value: Value<'_, 'a>) {
        for (index, subdivision) in value.array().into_iter().flatten().enumerate().take(REGIONS) {
            self.region(index, subdivision);
        }
    }

    fn region(&mut self, index: usize, value: Value<'_, 'a>) {
        let name = self.name(value);
        if let Some(region) = self.texts.regions.get_mut(index) {
            *region = name.or(*region);
        }
    }

    /// Latitude and longitude with a comma between them.
    fn location(&mut self, value: Value<'_, 'a>) {
        if let Some((latitude, longitude)) = value.text().and_then(|text| text.split_once(',')) {
            self.texts.latitude = latitude.trim().parse().ok();
            self.texts.longitude = longitude.trim().parse().ok();
        }
    }

    /// IPinfo writes the number before the name: `AS15169 Google LLC`.
    fn organization(&mut self, value: Value<'_, 'a>) {
        let Some(text) = value.text() else { return };
        let numbered = text.split_once(' ').and_then(|(number, name)| Some((asn(number)?, name)));
        if let Some((number, name)) = numbered {
            self.texts.asn.get_or_insert(number);
            self.texts.organization = Some(name);
        } else {
            self.texts.organization = Some(text);
        }
    }

    fn asn(&mut self, value: Value<'_, 'a>) {
        let number = value.unsigned().and_then(|number| u32::try_from(number).ok());
        let number = number.or_else(|| {
            let text = value.text()?;
            asn(text).or_else(|| text.parse().ok())
        });
        self.texts.asn = number.or(self.texts.asn);
    }
}

impl<'a> Texts<'a> {
    /// In the order of the contract, from the country to the organization.
    fn state(self, language: &Language) -> Details<'a> {
        let mut statement = Statement::new();
        let (mut code, mut country) = (self.code, self.country);
        // Where it was registered is better than nothing, where nothing else tells the country.
        if code.is_none() && country.is_none() {
            (code, country) = self.registered;
        }
        // Databases for rule-based routing have small letters, and words for what is no country.
        let code = code.or(self.word);
        let letters = code.and_then(|code| <[u8; CODE]>::try_from(code.as_bytes()).ok());
        if let Some(letters) = letters {
            let upper = letters.map(|letter| letter.to_ascii_uppercase());
            statement.country_code(std::str::from_utf8(&upper).unwrap_or_default());
        }
        let word = code.filter(|_| letters.is_none() && country.is_none());
        let parts =
            std::iter::once((Role::Country, country)).chain(self.regions.map(|region| (Role::Region, region))).chain([
                (Role::City, self.city),
                (Role::Other, self.district),
                (Role::Organization, self.organization.or(self.isp).or(self.as_name)),
                (Role::Other, word),
            ]);
        for (role, text) in parts {
            if let Some(text) = text {
                statement.part(role, text);
            }
        }
        if let Some(asn) = self.asn {
            statement.asn(asn);
        }
        if let (Some(latitude), Some(longitude)) = (self.latitude, self.longitude) {
            statement.coordinates(latitude, longitude);
        }
        statement.finish(language)
    }
}

fn number(value: Value<'_, '_>) -> Option<f64> {
    value.real().or_else(|| value.text()?.trim().parse().ok())
}

/// `AS15169`.
fn asn(text: &str) -> Option<u32> {
    text.strip_prefix("AS").or_else(|| text.strip_prefix("as"))?.parse().ok()
}
