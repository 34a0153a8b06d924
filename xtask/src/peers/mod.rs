//! Our readers and independent ones must say the same of every address.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;
use sockscope_geo::{Database, Details, Language};

use crate::data;
use crate::repository::root;

/// The databases, each with a reader, and what that one's answers mean.
mod cases;
/// The independent readers.
pub(crate) mod readers;

use cases::{CASES, Case, File};
use readers::{Readers, Runtime};

/// What to compare, and how much of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Databases: names as `cargo xtask data --list` prints them, or parts of them; all if none is named
    names: Vec<String>,
    /// Random addresses for each database
    #[arg(long, default_value_t = 10_000)]
    addresses: usize,
    /// Ranges for each database of which to ask for both edges, evenly spread; QQWry is always asked for all
    #[arg(long, default_value_t = 5_000)]
    ranges: usize,
    /// Where the random addresses start; another number gives others
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Differences to print for each database
    #[arg(long, default_value_t = 10)]
    show: usize,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let readers = Readers::install()?;
    let wanted = |case: &&Case| options.names.is_empty() || options.names.iter().any(|name| case.name().contains(name));
    let (mut compared, mut wrong) = (0, 0);
    for case in CASES.iter().filter(wanted) {
        compared += 1;
        match compare(case, &readers, options) {
            Ok(outcome) => {
                println!("{outcome}");
                wrong += usize::from(outcome.differences > 0);
            }
            // The others are of interest all the same.
            Err(error) => {
                println!("{}: {error:#}", case.title());
                wrong += 1;
            }
        }
    }
    ensure!(compared > 0, "no such database: {}", options.names.join(" "));
    ensure!(wrong == 0, "{wrong} of {compared} comparisons found differences or could not be made");
    Ok(())
}

/// What a comparison found.
#[derive(Debug, Default)]
struct Outcome {
    title: String,
    /// Of IPv4 and of IPv6.
    ranges: (u64, u64),
    addresses: usize,
    /// How many of these are edges of ranges.
    edges: usize,
    /// How many of these both know something of.
    known: usize,
    differences: usize,
    /// The first of them, a line each.
    shown: Vec<String>,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Outcome { title, ranges: (ipv4, ipv6), addresses, edges, known, differences, shown } = self;
        write!(f, "{title}: {ipv4} + {ipv6} ranges; {addresses} addresses ({edges} edges, {known} known), ")?;
        write!(f, "{differences} differences")?;
        shown.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

fn compare(case: &Case, readers: &Readers, options: &Options) -> Result<Outcome> {
    let path = path(case)?;
    let language = Language::parse(case.language).context("no language")?;
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let key = case.key.map(str::to_owned);
    let database = Database::open(bytes, &sockscope_geo::Options { language, key })?;

    let (edges, ranges) = edges(&database, if case.all_edges { usize::MAX } else { options.ranges });
    if let Some(known) = case.ranges {
        ensure!(known == ranges, "it has {known:?} ranges of IPv4 and IPv6, we see {ranges:?}");
    }
    let mut addresses = random_addresses(&edges, (ranges.0 > 0, ranges.1 > 0), options);
    addresses.extend(&edges);
    addresses.retain(|address| (case.asked)(*address));
    let edges = edges.iter().filter(|address| (case.asked)(**address)).count();

    let mut outcome = Outcome { title: case.title(), ranges, addresses: addresses.len(), edges, ..Outcome::default() };
    let mut arguments = vec![OsStr::new("answers"), OsStr::new(case.reader), path.as_os_str()];
    arguments.extend(case.key.map(OsStr::new));
    ask(readers, case.runtime, &arguments, &addresses, &mut |address, answer| {
        let theirs =
            if answer.get("error").is_some() { vec![("error", answer.to_string())] } else { (case.states)(&answer) };
        let place = database.lookup(address);
        let ours = place.map(|place| place.details());
        let mut differs = String::new();
        for (field, theirs) in &theirs {
            let ours = stated(field, ours.as_ref());
            let (ours, theirs) = if case.squeezed { (squeeze(&ours), squeeze(theirs)) } else { (ours, theirs.clone()) };
            if ours != theirs {
                let _ = write!(differs, " {field}: ours {ours:?}, theirs {theirs:?};");
            }
        }
        if !differs.is_empty() {
            outcome.differences += 1;
            if outcome.shown.len() < options.show {
                outcome.shown.push(format!("{address}{differs}"));
            }
        } else if theirs.iter().any(|(_, text)| !text.is_empty()) {
            outcome.known += 1;
        }
    })?;
    Ok(outcome)
}

fn path(case: &Case) -> Result<PathBuf> {
    match case.file {
        File::Real(name) => data::file(name),
        File::Fixture(name) => Ok(root().join("testdata").join(name)),
    }
}

/// Both edges of that many ranges, evenly spread over all; and how many ranges there are of IPv4 and IPv6.
fn edges(database: &Database, wanted: usize) -> (Vec<IpAddr>, (u64, u64)) {
    let (mut all, mut ipv4, mut ipv6) = (Vec::new(), 0, 0);
    database.each_range(&mut |first, last, _| {
        *(if first.is_ipv4() { &mut ipv4 } else { &mut ipv6 }) += 1;
        all.push((first, last));
    });
    let wanted = wanted.min(all.len());
    let chosen = (0..wanted).filter_map(|index| all.get((index as u128 * all.len() as u128 / wanted as u128) as usize));
    (chosen.flat_map(|(first, last)| [*first, *last]).collect(), (ipv4, ipv6))
}

/// Random addresses of the versions that the database has. Nearly all of IPv6 is unused, so half of those have their upper
/// bits from an edge of a range.
fn random_addresses(edges: &[IpAddr], (ipv4, ipv6): (bool, bool), options: &Options) -> Vec<IpAddr> {
    let mut random = Random(options.seed);
    let edges: Vec<u128> = edges
        .iter()
        .filter_map(|address| match address {
            IpAddr::V6(address) => Some(address.to_bits()),
            IpAddr::V4(_) => None,
        })
        .collect();
    let mut next = |index: usize| {
        if ipv4 && (!ipv6 || index.is_multiple_of(2)) {
            return IpAddr::V4(Ipv4Addr::from_bits(random.next() as u32));
        }
        let bits = u128::from(random.next()) << 64 | u128::from(random.next());
        let near = usize::try_from(random.next() % edges.len().max(1) as u64).ok().and_then(|at| edges.get(at));
        let kept = u128::MAX.checked_shl(128 - 16 - (random.next() % 48) as u32).unwrap_or(0);
        let bits = match near {
            Some(near) if index % 4 < 2 => near & kept | bits & !kept,
            // 2000::/3, where addresses are given out.
            _ => bits >> 3 | 1 << 125,
        };
        IpAddr::V6(Ipv6Addr::from_bits(bits))
    };
    (0..options.addresses).map(&mut next).collect()
}

/// Asks an independent reader for all addresses, and hands on its answers, each with its address.
fn ask(
    readers: &Readers,
    runtime: Runtime,
    arguments: &[&OsStr],
    addresses: &[IpAddr],
    answer: &mut dyn FnMut(IpAddr, Value),
) -> Result<()> {
    let mut command = readers.command(runtime, arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().with_context(|| format!("{command:?}"))?;
    let mut input = BufWriter::new(child.stdin.take().context("no pipe")?);
    let mut output = BufReader::new(child.stdout.take().context("no pipe")?).lines();
    // Whatever fails, the pipes are closed then, and the reader ends.
    let told = std::thread::scope(|scope| {
        let writer = scope.spawn(move || -> std::io::Result<()> {
            addresses.iter().try_for_each(|address| writeln!(input, "{address}"))?;
            input.flush()
        });
        let mut read = || -> Result<()> {
            for address in addresses {
                let line = output.next().context("it said nothing more")??;
                answer(*address, serde_json::from_str(&line).with_context(|| line.clone())?);
            }
            Ok(())
        };
        let told = read();
        drop(output);
        writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))?.or_else(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(error),
        })?;
        told
    });
    let status = child.wait()?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    told
}

/// What we state, field by field, as text.
fn stated(field: &str, details: Option<&Details<'_>>) -> String {
    let Some(details) = details else { return String::new() };
    let text = match field {
        "text" => Some(details.text.to_string()),
        "country_code" => details.country_code.map(|code| code.to_string()),
        "country" => details.country.as_deref().map(str::to_owned),
        "region" => details.region.as_deref().map(str::to_owned),
        "city" => details.city.as_deref().map(str::to_owned),
        "organization" => details.organization.as_deref().map(str::to_owned),
        "asn" => details.asn.map(|asn| asn.to_string()),
        "coordinates" => details.coordinates.map(|at| cases::coordinates(at.latitude, at.longitude)),
        _ => None,
    };
    text.unwrap_or_default()
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The same numbers each time (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
