use std::fmt::Write;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use sockscope_testkit::Running;

use crate::measure::{Cost, cost};
use crate::page::{self, median, ms, printed, thousands};
use crate::repository::build_sockscope;

/// What all are compared with.
const REFERENCE: &str = "ss -tuanpe -H";

/// Between which marks `--write` puts the results.
const MARK: &str = "bench";

/// What to measure, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Numbers of sockets, and `files`: 2,000 processes with 212,000 plain files and 2,000 sockets
    #[arg(long, value_delimiter = ',', default_value = "2000,20000,200000,files")]
    loads: Vec<String>,
    /// Most runs of each program on each load
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// A program that has run this many seconds on a load does not run again on it
    #[arg(long, default_value_t = 60)]
    budget: u64,
    /// Leave out the searches for owners that grow with the square of the sockets, from 100,000 on
    #[arg(long)]
    skip_slow: bool,
    /// How to build sockscope
    #[arg(long, default_value = "release")]
    profile: String,
    /// Measure this sockscope instead of building one
    #[arg(long)]
    program: Option<PathBuf>,
    /// Measure the peers only
    #[arg(long, conflicts_with = "program")]
    peers_only: bool,
    /// Put the tables into docs/performance.md
    #[arg(long)]
    write: bool,
}

/// A program with its arguments.
#[derive(Debug)]
struct Contender {
    label: String,
    command: Vec<String>,
    /// Its search for owners grows with the square of the sockets.
    quadratic: bool,
}

/// What one contender's runs on one load cost.
#[derive(Debug)]
struct Series<'a> {
    contender: &'a Contender,
    costs: Vec<Cost>,
    /// Lines that it printed in a run beforehand; `None` where it is too slow for one more.
    lines: Option<usize>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let contenders = contenders(options)?;
    sockscope_testkit::binary()?;
    // Alone in a namespace: the tables hold the load and nothing else. Programs and loads start in it.
    let private = sockscope_testkit::enter_private_namespace();
    if let Err(error) = &private {
        eprintln!("in the machine's own network namespace, with what else is in it: {error:#}");
    }
    let mut text = header(&contenders, options, private.is_ok())?;
    for load in &options.loads {
        text.push_str(&measure_load(load, &contenders, options)?);
    }
    println!("{text}");
    if options.write {
        page::write(MARK, &text)?;
    }
    Ok(())
}

fn contenders(options: &Options) -> Result<Vec<Contender>> {
    let mut all = Vec::new();
    if !options.peers_only {
        let program = match &options.program {
            Some(program) => program.canonicalize().with_context(|| program.display().to_string())?,
            None => build_sockscope(&options.profile)?,
        };
        for arguments in ["--ndjson", "--ndjson --no-owners"] {
            let mut command = vec![program.display().to_string()];
            command.extend(arguments.split(' ').map(str::to_owned));
            all.push(Contender { label: format!("sockscope {arguments}"), command, quadratic: false });
        }
    }
    for (label, quadratic) in
        [(REFERENCE, true), ("ss -tuan -H", false), ("netstat -tunap", true), ("lsof -nP -i", false)]
    {
        let command: Vec<String> = label.split(' ').map(str::to_owned).collect();
        let name = command.first().context("no program")?;
        let search = std::env::var_os("PATH").unwrap_or_default();
        if std::env::split_paths(&search).any(|directory| directory.join(name).exists()) {
            all.push(Contender { label: label.into(), command, quadratic });
        } else {
            eprintln!("{name} is not installed");
        }
    }
    Ok(all)
}

impl Contender {
    fn command(&self) -> Command {
        let mut words = self.command.iter();
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command.args(words);
        command
    }
}

/// Makes a load, measures all contenders by turns, and writes a table.
fn measure_load(load: &str, contenders: &[Contender], options: &Options) -> Result<String> {
    let (running, title, sockets) = start_load(load)?;
    eprintln!("{title}");
    let slow = |contender: &Contender| contender.quadratic && sockets >= 100_000;
    let mut all: Vec<Series<'_>> = contenders
        .iter()
        .filter(|contender| !(options.skip_slow && slow(contender)))
        .map(|contender| Series { contender, costs: Vec::new(), lines: None })
        .collect();
    for series in &mut all {
        // It also warms the caches up.
        if !slow(series.contender) {
            series.lines = Some(lines(&mut series.contender.command())?);
        }
    }
    let budget = Duration::from_secs(options.budget);
    for round in 0..options.rounds {
        let count = all.len();
        all.rotate_left(usize::from(round > 0).min(count));
        for series in &mut all {
            if series.costs.iter().map(|cost| cost.wall).sum::<Duration>() < budget {
                series.costs.push(cost(&mut series.contender.command())?);
            }
        }
        eprintln!("  round {} of {}", round + 1, options.rounds);
    }
    drop(running);
    all.sort_by_key(|series| contenders.iter().position(|it| std::ptr::eq(it, series.contender)));
    table(&title, &all)
}

/// How many lines a program prints. They are not kept, since our own memory shows in the peaks of what we start.
pub(crate) fn lines(command: &mut Command) -> Result<usize> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut output = child.stdout.take().context("no pipe")?;
    let mut buffer = [0; 65_536];
    let mut lines = 0;
    loop {
        let read = output.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        lines += buffer.iter().take(read).filter(|byte| **byte == b'\n').count();
    }
    child.wait()?;
    Ok(lines)
}

/// Starts the load; returns its title and its number of sockets.
fn start_load(load: &str) -> Result<(Running, String, u64)> {
    if load == "files" {
        let running = Running::start(&["files", "--processes", "2000", "--files", "106", "--sockets", "2000"])?;
        let (sockets, files) = (running.report.tcp + running.report.udp, running.report.files);
        let title = format!("{} sockets among {} plain files in 2,000 processes", thousands(sockets), thousands(files));
        return Ok((running, title, sockets));
    }
    let sockets: u32 = load.parse().with_context(|| format!("--loads {load}: neither a number nor `files`"))?;
    let connections = sockets / 2;
    let processes = (connections / 50).clamp(1, 100);
    let running =
        Running::start(&["load", "--connections", &connections.to_string(), "--processes", &processes.to_string()])?;
    let sockets = running.report.tcp;
    let title =
        format!("{} sockets: {} connections in {processes} processes", thousands(sockets), thousands(sockets / 2));
    Ok((running, title, sockets))
}

fn table(title: &str, all: &[Series<'_>]) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "### {title}\n")?;
    writeln!(text, "| program | wall ms (min-max) | CPU ms (min-max) | peak MiB | lines | runs | wall | CPU |")?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
    let middle = |series: &Series<'_>, value: fn(&Cost) -> Duration| median(series.costs.iter().map(value).collect());
    let reference = all.iter().find(|series| series.contender.label == REFERENCE);
    for series in all {
        let spread = |value: fn(&Cost) -> Duration| {
            let least = series.costs.iter().map(value).min().unwrap_or_default();
            let most = series.costs.iter().map(value).max().unwrap_or_default();
            format!("{} ({}-{})", ms(middle(series, value)), ms(least), ms(most))
        };
        let ratio = |value: fn(&Cost) -> Duration| {
            reference.map_or_else(
                || "-".into(),
                |reference| {
                    let ratio = middle(reference, value).as_secs_f64() / middle(series, value).as_secs_f64().max(1e-6);
                    if ratio < 10.0 { format!("{ratio:.1}x") } else { format!("{ratio:.0}x") }
                },
            )
        };
        let peak = series.costs.iter().map(|cost| cost.peak_kib).max().unwrap_or(0);
        let lines = series.lines.map_or_else(|| "-".into(), |lines| thousands(lines as u64));
        writeln!(
            text,
            "| `{}` | {} | {} | {:.1} | {lines} | {} | {} | {} |",
            series.contender.label,
            spread(|cost| cost.wall),
            spread(|cost| cost.cpu),
            peak as f64 / 1024.0,
            series.costs.len(),
            ratio(|cost| cost.wall),
            ratio(|cost| cost.cpu),
        )?;
    }
    text.push('\n');
    Ok(text)
}

/// The machine, the programs and the method, as they were in this run.
fn header(contenders: &[Contender], options: &Options, private: bool) -> Result<String> {
    let mut text = String::new();
    let place = if private { "a network namespace with nothing else in it" } else { "the machine's network namespace" };
    writeln!(text, "{}, in {place}.\n", page::machine())?;
    let mut versions = vec![printed("ss", &["-V"]), printed("netstat", &["-V"]), lsof_version()];
    if let Some(sockscope) = contenders.first().filter(|it| it.label.starts_with("sockscope")) {
        let program = sockscope.command.first().map_or("", String::as_str);
        versions.insert(0, printed(program, &["--version"]));
    }
    versions.retain(|version| !version.is_empty());
    writeln!(
        text,
        "{}. At most {} runs each, fewer where a program took over {} seconds in all.\n",
        versions.join("; "),
        options.rounds,
        options.budget
    )?;
    let floor = cost(&mut Command::new("true"))?;
    writeln!(
        text,
        "The last two columns: how many times less than `{REFERENCE}` took. To start and end any program (`true`) takes \
         {} ms here; peaks below {:.1} MiB can't be seen.\n",
        ms(floor.wall),
        floor.peak_kib as f64 / 1024.0
    )?;
    Ok(text)
}

fn lsof_version() -> String {
    let output = Command::new("lsof").arg("-v").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
    text.lines()
        .find_map(|line| line.trim().strip_prefix("revision: "))
        .map_or_else(String::new, |version| format!("lsof {version}"))
}
