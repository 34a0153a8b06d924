use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::encode::{Place, Range, encode};
use crate::data;
use crate::repository::root;

/// Writes the format.
mod encode;

/// Of the table that is part of the program: users download it with every version.
const MOST_BYTES: usize = 4_000_000;

/// Which table, and what to do with it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Compare with what is committed, and write nothing
    #[arg(long)]
    check: bool,
    /// Write the table of autonomous systems and organizations, to that file, instead
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    asn: Option<PathBuf>,
}

/// Where a table is from, and what is in its columns.
struct Source {
    /// As the format knows it.
    number: u8,
    ipv4: &'static str,
    ipv6: &'static str,
    place: fn(&[&str]) -> Result<Place>,
}

const COUNTRIES: Source = Source {
    number: 1,
    ipv4: "dbip-country-ipv4.csv",
    ipv6: "dbip-country-ipv6.csv",
    place: |columns| match columns {
        [country] => Ok(Place { country: (*country).to_owned(), ..Place::default() }),
        _ => bail!("not a country alone"),
    },
};

const AUTONOMOUS_SYSTEMS: Source = Source {
    number: 2,
    ipv4: "asn-ipv4.csv",
    ipv6: "asn-ipv6.csv",
    place: |columns| match columns {
        [asn, organization] => {
            Ok(Place { asn: asn.parse()?, organization: (*organization).to_owned(), ..Place::default() })
        }
        _ => bail!("not a number and an organization"),
    },
};

pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(path) = &options.asn {
        let table = Table::make(&AUTONOMOUS_SYSTEMS, &AUTONOMOUS_SYSTEMS.ranges()?)?;
        write(path, &table.bytes)?;
        println!("{}: {} bytes, {} ranges", path.display(), table.bytes.len(), table.ipv4 + table.ipv6);
        return Ok(());
    }
    let table = Table::make(&COUNTRIES, &COUNTRIES.ranges()?)?;
    ensure!(table.bytes.len() < MOST_BYTES, "{} bytes are too many to be part of the program", table.bytes.len());
    let directory = root().join("crates/geo/data");
    for (name, bytes) in [("places.bin", table.bytes.as_slice()), ("README.md", table.readme()?.as_bytes())] {
        let path = directory.join(name);
        if options.check {
            let committed = fs::read(&path).with_context(|| path.display().to_string())?;
            ensure!(committed == bytes, "{} is not what `cargo xtask places` writes", path.display());
        } else {
            write(&path, bytes)?;
        }
    }
    println!("{} bytes, {} ranges of IPv4, {} of IPv6", table.bytes.len(), table.ipv4, table.ipv6);
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// An encoded table.
struct Table {
    bytes: Vec<u8>,
    /// Ranges of the source.
    ipv4: usize,
    ipv6: usize,
}

impl Table {
    /// The same ranges make the same bytes.
    fn make(source: &Source, ranges: &[Range]) -> Result<Table> {
        let bytes = encode(source.number, source.date()?, ranges)?;
        let ipv4 = ranges.iter().filter(|(first, ..)| first.is_ipv4()).count();
        Ok(Table { bytes, ipv4, ipv6: ranges.len() - ipv4 })
    }

    fn readme(&self) -> Result<String> {
        let (package, sha256) = data::origin(COUNTRIES.ipv4)?;
        let mut text = "# The country of each address\n\n\
            `cargo xtask places` makes `places.bin`, which is part of the program, and this page. The format is described in \
            `../src/formats/table.rs`.\n\n| | |\n|---|---|\n"
            .to_owned();
        let rows = [
            ("source", "IP to Country Lite by DB-IP, <https://db-ip.com>".to_owned()),
            ("package", package),
            ("SHA-256 of the package", format!("`{sha256}`")),
            ("ranges", format!("{} of IPv4, {} of IPv6", self.ipv4, self.ipv6)),
            ("size", format!("{} bytes", self.bytes.len())),
            ("licence", "CC BY 4.0, <https://creativecommons.org/licenses/by/4.0/>".to_owned()),
            ("attribution", "IP Geolocation by DB-IP".to_owned()),
            ("changes", "another encoding of the same ranges".to_owned()),
        ];
        for (what, value) in rows {
            writeln!(text, "| {what} | {value} |")?;
        }
        Ok(text)
    }
}

impl Source {
    /// Of the data, as digits YYYYMMDD, which the packages' versions end with: 2.3.2026060120.
    fn date(&self) -> Result<u32> {
        let (package, _) = data::origin(self.ipv4)?;
        let digits = package.rsplit('.').next().and_then(|digits| digits.get(..8));
        Ok(digits.with_context(|| format!("{package} has no date"))?.parse()?)
    }

    /// Of the pinned package, which is fetched if it is not there yet.
    fn ranges(&self) -> Result<Vec<Range>> {
        let mut ranges = self.read(&data::file(self.ipv4)?)?;
        ranges.extend(self.read(&data::file(self.ipv6)?)?);
        Ok(ranges)
    }

    /// Reads a CSV file: first address, last address, and what is there.
    fn read(&self, path: &Path) -> Result<Vec<Range>> {
        let open = || -> Result<_> { Ok(csv::ReaderBuilder::new().has_headers(false).from_path(path)?) };
        let mut reader = open().with_context(|| path.display().to_string())?;
        let mut ranges = Vec::new();
        for row in reader.records() {
            let row = row.with_context(|| path.display().to_string())?;
            ranges.push(self.range(&row).with_context(|| format!("{}: {row:?}", path.display()))?);
        }
        Ok(ranges)
    }

    fn range(&self, row: &csv::StringRecord) -> Result<Range> {
        let address = |column| -> Result<IpAddr> { Ok(row.get(column).unwrap_or_default().parse()?) };
        let rest: Vec<&str> = row.iter().skip(2).collect();
        Ok((address(0)?, address(1)?, (self.place)(&rest)?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use sockscope_geo::{CountryCode, Database, Options, Ranges, inner_ipv4};

    use super::*;

    fn open(bytes: Vec<u8>) -> Database {
        Database::open(bytes, &Options::default()).unwrap()
    }

    /// One more or one less; `None` where there is none.
    fn step(address: IpAddr, forward: bool) -> Option<IpAddr> {
        match address {
            IpAddr::V4(address) if forward => Some(IpAddr::V4(address.to_bits().checked_add(1)?.into())),
            IpAddr::V4(address) => Some(IpAddr::V4(address.to_bits().checked_sub(1)?.into())),
            IpAddr::V6(address) if forward => Some(IpAddr::V6(address.to_bits().checked_add(1)?.into())),
            IpAddr::V6(address) => Some(IpAddr::V6(address.to_bits().checked_sub(1)?.into())),
        }
    }

    /// What a reader should state of a place. A code that is no country's is kept, and not shown.
    fn stated(place: &Place) -> (Option<CountryCode>, Option<u32>, Option<String>) {
        let organization = place.organization.trim();
        let organization = (!organization.is_empty()).then(|| organization.to_owned());
        (CountryCode::parse(&place.country), (place.asn != 0).then_some(place.asn), organization)
    }

    /// Holds a table against the ranges that it was made of: every range, and the address at each of its edges and beside
    /// them. Ranges ascend; one that reaches into the next ends before it.
    fn hold(database: &Database, ranges: &[Range]) {
        let mut cut = ranges.to_vec();
        for index in 1..cut.len() {
            let next = cut[index].0;
            if cut[index - 1].0.is_ipv4() == next.is_ipv4() {
                cut[index - 1].1 = cut[index - 1].1.min(step(next, false).unwrap());
            }
        }
        let mut merged: Vec<Range> = Vec::new();
        for range in &cut {
            match merged.last_mut() {
                Some(last) if step(last.1, true) == Some(range.0) && last.2 == range.2 => last.1 = range.1,
                _ => merged.push(range.clone()),
            }
        }

        let mut expected = merged.iter();
        let mut by_record = HashMap::new();
        database.each_range(&mut |first, last, place| {
            let range = expected.next().unwrap();
            assert_eq!((first, last), (range.0, range.1));
            by_record.entry(place.record()).or_insert_with(|| {
                let details = place.details();
                assert_eq!(
                    (details.country_code, details.asn, details.organization.map(Into::into)),
                    stated(&range.2),
                    "{range:?}"
                );
                range.2.clone()
            });
            assert_eq!(by_record[&place.record()], range.2);
        });
        assert_eq!(expected.next(), None);

        let by_bisection = |address: IpAddr| {
            let behind = cut.partition_point(|range| range.0 <= address);
            cut[..behind].last().filter(|range| range.0.is_ipv4() == address.is_ipv4() && range.1 >= address)
        };
        let holds = |range: &&Range, address| range.0 <= address && address <= range.1;
        for (index, range) in cut.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| &cut[before]);
            let edges = [
                (Some(range.0), Some(range)),
                (Some(range.1), Some(range)),
                (step(range.0, false), before),
                (step(range.1, true), cut.get(index + 1)),
            ];
            for (address, range) in edges {
                let Some(address) = address else { continue };
                let expected = match address {
                    IpAddr::V6(ipv6) if inner_ipv4(ipv6).is_some() => by_bisection(inner_ipv4(ipv6).unwrap().into()),
                    _ => range.filter(|range| holds(range, address)),
                };
                let found = database.lookup(address).map(|place| &by_record[&place.record()]);
                assert_eq!(found, expected.map(|range| &range.2), "{address}");
            }
        }
    }

    /// Ranges of a source, if it was fetched.
    fn fetched(source: &Source) -> Option<Vec<Range>> {
        for name in [source.ipv4, source.ipv6] {
            let path = data::directory().ok()?.join(name);
            if !path.exists() {
                println!(
                    "{} is not there, and nothing is tested: `cargo xtask data {name}` fetches it",
                    path.display()
                );
                return None;
            }
        }
        Some(source.ranges().unwrap())
    }

    #[test]
    fn the_committed_table_says_what_its_source_says() {
        let Some(ranges) = fetched(&COUNTRIES) else { return };
        let committed = fs::read(root().join("crates/geo/data/places.bin")).unwrap();
        assert!(
            Table::make(&COUNTRIES, &ranges).unwrap().bytes == committed,
            "`cargo xtask places` writes another table"
        );
        let database = open(committed);
        assert_eq!(database.ranges(), Ranges { ipv4: 355_800, ipv6: 345_868 });
        assert_eq!(ranges.len(), 701_668);
        hold(&database, &ranges);
    }

    #[test]
    fn the_table_of_autonomous_systems_says_what_its_source_says() {
        let Some(ranges) = fetched(&AUTONOMOUS_SYSTEMS) else { return };
        let database = open(Table::make(&AUTONOMOUS_SYSTEMS, &ranges).unwrap().bytes);
        assert_eq!(database.info().name, "ASN by RouteViews, NRO and DB-IP 2026-06-17");
        hold(&database, &ranges);
    }

    fn country(first: &str, last: &str, country: &str) -> Range {
        (first.parse().unwrap(), last.parse().unwrap(), Place { country: country.to_owned(), ..Place::default() })
    }

    #[test]
    fn ranges_of_every_size_at_every_place() {
        let mut random = 1_u64;
        let mut next = move || {
            // Knuth's MMIX: its upper half is random enough.
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random >> 32
        };
        for round in 0..100 {
            let places: Vec<Place> = (0..if round % 10 == 0 { 300 } else { 3 })
                .map(|asn| Place { asn, organization: format!("organization {}", asn / 2), country: "DE".to_owned() })
                .collect();
            let mut ranges = Vec::new();
            for bits in [32, 128] {
                // Edges close to one another and far from one another, the last address of all among them.
                let mut edges: Vec<u128> = (0..next() % 60)
                    .map(|_| {
                        let wide = (0..4).fold(0, |wide, _| wide << 32 | u128::from(next()));
                        let address = if next() % 2 == 0 { wide } else { u128::MAX << (next() % 127) | wide >> 120 };
                        (address >> (next() % 6 * 16) << (next() % 6 * 16)) >> (128 - bits)
                    })
                    .collect();
                edges.extend([0, u128::MAX >> (128 - bits)]);
                edges.sort_unstable();
                edges.dedup();
                for pair in edges.windows(2) {
                    // A third are gaps.
                    if next() % 3 > 0 {
                        let last = if next() % 2 == 0 { pair[1] - 1 } else { pair[0] + (pair[1] - 1 - pair[0]) / 2 };
                        let address = |it: u128| match bits {
                            32 => IpAddr::V4((it as u32).into()),
                            _ => IpAddr::V6(it.into()),
                        };
                        let place = places[next() as usize % places.len()].clone();
                        ranges.push((address(pair[0]), address(last), place));
                    }
                }
                // The last address of all.
                if next() % 2 == 0 {
                    let last = if bits == 32 { IpAddr::from([255; 4]) } else { IpAddr::from([255; 16]) };
                    ranges.push((last, last, places[0].clone()));
                }
            }
            if !ranges.is_empty() {
                hold(&open(encode(2, 20_260_617, &ranges).unwrap()), &ranges);
            }
        }
    }

    #[test]
    fn a_range_that_reaches_into_the_next_ends_before_it() {
        let ranges = [country("1.0.0.0", "1.0.2.255", "DE"), country("1.0.2.0", "1.0.3.255", "FR")];
        hold(&open(encode(1, 20_260_601, &ranges).unwrap()), &ranges);
    }

    #[test]
    fn what_can_not_be_told_apart_is_refused() {
        let error = |ranges: &[Range]| encode(1, 20_260_601, ranges).unwrap_err().to_string();
        let inside = [country("1.0.0.0", "1.0.3.255", "DE"), country("1.0.2.0", "1.0.2.255", "FR")];
        assert_eq!(error(&inside), "the range 16777728-16777983 does not follow 16777216-16778239");
        let unsorted = [country("::2", "::2", "DE"), country("::1", "::1", "FR")];
        assert_eq!(error(&unsorted), "the range 1-1 does not follow 2-2");
        assert_eq!(error(&[country("::2", "::1", "DE")]), "the range 2-1 ends before it begins");
        assert_eq!(error(&[country("::1", "::1", "DEU")]), "DEU is no country code");
    }
}
