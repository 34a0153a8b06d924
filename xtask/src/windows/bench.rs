use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use sockscope_testkit::Running;

use super::{Kit, build, sockets};
use crate::bench::lines;
use crate::measure::cost;
use crate::page::{self, median, ms, thousands};
use crate::repository::words;

/// Between which marks `--write` puts the results.
const MARK: &str = "windows";

/// What the others are compared with.
const REFERENCE: &str = "netstat.exe -ano";

/// How much, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Established connections of a Windows program, two sockets each
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    connections: Vec<u32>,
    /// Runs of each program on each load
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Put the tables into docs/performance.md
    #[arg(long)]
    write: bool,
}

/// A program, and what its runs took.
struct Series {
    label: &'static str,
    command: Command,
    lines: usize,
    walls: Vec<Duration>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let kit = Kit::open()?;
    let sockscope = build(&kit, "release")?;
    let testkit = sockets::build_testkit(&kit, "dev")?;
    let version = kit.wine(&sockscope).arg("--version").output().context("sockscope.exe")?;
    let mut text = format!(
        "{}. {}, and that netstat.exe which comes with {}. {} runs each.\n\n",
        page::machine(),
        String::from_utf8_lossy(&version.stdout).trim(),
        kit.wine_version(),
        options.rounds,
    );
    for connections in &options.connections {
        let mut command = kit.wine(&testkit);
        command.args(["load", "--connections", &connections.to_string()]);
        let load = Running::start_command(command).context("the load of Windows sockets")?;
        eprintln!("{} sockets", thousands(load.report.tcp));
        let mut all = contenders(&kit, &sockscope)?;
        measure(&mut all, options.rounds)?;
        drop(load);
        table(&mut text, *connections, &all)?;
    }
    println!("{text}");
    if options.write {
        page::write(MARK, &text)?;
    }
    Ok(())
}

/// Who is measured. The last does nothing that counts: that is what Wine takes to start any program.
fn contenders(kit: &Kit, sockscope: &Path) -> Result<Vec<Series>> {
    // Wine finds its own programs by name.
    let netstat = Path::new("netstat.exe");
    let programs: [(&str, &Path, &[&str]); 4] = [
        ("sockscope.exe --ndjson", sockscope, &["--ndjson"]),
        ("sockscope.exe --ndjson --no-owners", sockscope, &["--ndjson", "--no-owners"]),
        (REFERENCE, netstat, &["-ano"]),
        ("sockscope.exe --version", sockscope, &["--version"]),
    ];
    let series = programs.into_iter().map(|(label, program, arguments)| {
        let mut command = kit.wine(program);
        command.args(arguments);
        // It also warms the caches up.
        let lines = lines(&mut command).with_context(|| words(&command))?;
        Ok(Series { label, command, lines, walls: Vec::new() })
    });
    series.collect()
}

/// The programs take turns.
fn measure(all: &mut [Series], rounds: usize) -> Result<()> {
    for round in 0..rounds {
        let count = all.len().max(1);
        for turn in 0..count {
            // Each round begins with another one.
            if let Some(series) = all.get_mut((turn + round) % count) {
                series.walls.push(cost(&mut series.command)?.wall);
            }
        }
    }
    Ok(())
}

fn table(text: &mut String, connections: u32, all: &[Series]) -> Result<()> {
    writeln!(text, "### {} sockets of one Windows program\n", thousands(u64::from(connections) * 2))?;
    writeln!(text, "| program | wall ms (min-max) | lines | less than `{REFERENCE}` |")?;
    writeln!(text, "|---|---:|---:|---:|")?;
    let middle = |series: &Series| median(series.walls.clone());
    let reference = all.iter().find(|series| series.label == REFERENCE).map(middle).unwrap_or_default();
    for series in all {
        let least = series.walls.iter().min().copied().unwrap_or_default();
        let most = series.walls.iter().max().copied().unwrap_or_default();
        writeln!(
            text,
            "| `{}` | {} ({}-{}) | {} | {:.1}x |",
            series.label,
            ms(middle(series)),
            ms(least),
            ms(most),
            thousands(series.lines as u64),
            reference.as_secs_f64() / middle(series).as_secs_f64().max(1e-6),
        )?;
    }
    text.push('\n');
    Ok(())
}
