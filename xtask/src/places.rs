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
        let table = Table::make(&AUTONOMOUS_SYSTEMS)?;
        write(path, &table.bytes)?;
        println!("{}: {} bytes, {} ranges", path.display(), table.bytes.len(), table.ipv4 + table.ipv6);
        return Ok(());
    }
    let table = Table::make(&COUNTRIES)?;
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
    /// From the pinned package, which is fetched if it is not there yet: the same bytes each time.
    fn make(source: &Source) -> Result<Table> {
        let mut ranges = source.read(&data::file(source.ipv4)?)?;
        let ipv4 = ranges.len();
        ranges.extend(source.read(&data::file(source.ipv6)?)?);
        let bytes = encode(source.number, source.date()?, &ranges)?;
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
