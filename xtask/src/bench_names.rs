use std::fmt::Write;
use std::io::Read;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use sockscope_testkit::Running;

use crate::page::{self, median, ms, thousands};
use crate::repository::build_sockscope;

/// Between which marks `--write` puts the results.
const MARK: &str = "names";

/// How often, and over how many sockets.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Established connections between addresses all over the world; each is two sockets
    #[arg(long, default_value_t = 5_000)]
    connections: u32,
    /// Runs of each
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// How to build sockscope
    #[arg(long, default_value = "release")]
    profile: String,
    /// Put the table into docs/performance.md
    #[arg(long)]
    write: bool,
}

/// Measures how soon a listing with names is there while the name server never answers. As root.
pub(crate) fn run(options: &Options) -> Result<()> {
    let program = build_sockscope(&options.profile)?;
    sockscope_testkit::binary()?;
    sockscope_testkit::enter_private_namespace()?;
    let _silent = UdpSocket::bind("127.0.0.1:53").context("a name server")?;
    ask_it().context("/etc/resolv.conf")?;
    let connections = options.connections.to_string();
    let _load = Running::start(&["load", "--abroad", "--processes", "50", "--connections", &connections])?;

    let mut text = String::new();
    writeln!(text, "{}, in a network namespace with nothing else in it.\n", page::machine())?;
    writeln!(
        text,
        "{} sockets, each with another peer; medians of {} runs by turns, and the slowest.\n",
        thousands(u64::from(options.connections) * 2),
        options.rounds
    )?;
    writeln!(text, "| sockscope | first output, ms (most) | end, ms (most) |")?;
    writeln!(text, "|---|---:|---:|")?;
    let ways = ["--ndjson", "--ndjson --resolve", "--width 120", "--width 120 --resolve"];
    let mut costs = vec![(Vec::new(), Vec::new()); ways.len()];
    for _ in 0..=options.rounds {
        for (way, (firsts, ends)) in ways.iter().zip(&mut costs) {
            let (first, end) = cost(Command::new(&program).args(way.split(' ')))?;
            firsts.push(first);
            ends.push(end);
        }
    }
    for (way, (firsts, ends)) in ways.iter().zip(costs) {
        // The first run warms the caches up.
        let shown = |mut times: Vec<Duration>| {
            times.remove(0);
            let most = times.iter().max().copied().unwrap_or_default();
            format!("{} ({})", ms(median(times)), ms(most))
        };
        writeln!(text, "| `{way}` | {} | {} |", shown(firsts), shown(ends))?;
    }
    println!("{text}");
    if options.write {
        page::write(MARK, &text)?;
    }
    Ok(())
}

/// Has this process and what it starts ask the name server on loopback, and no other.
fn ask_it() -> Result<()> {
    let scratch = std::env::temp_dir().join(format!("sockscope-names-{}", std::process::id()));
    // SAFETY: a mount namespace changes no memory or descriptors of this process.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    for (name, content) in [("resolv.conf", "nameserver 127.0.0.1\n"), ("nsswitch.conf", "hosts: files dns\n")] {
        let target = std::path::Path::new("/etc").join(name);
        if target.exists() {
            std::fs::write(&scratch, content)?;
            mount_bind(&scratch, &target)?;
            // Its content stays where it is mounted.
            std::fs::remove_file(&scratch)?;
        }
    }
    Ok(())
}

/// From the start of a program to its first output, and to its end.
fn cost(command: &mut Command) -> Result<(Duration, Duration)> {
    let begin = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut output = child.stdout.take().context("no pipe")?;
    let mut buffer = vec![0; 65_536];
    let read = output.read(&mut buffer)?;
    let first = begin.elapsed();
    anyhow::ensure!(read > 0, "{command:?} printed nothing");
    while output.read(&mut buffer)? > 0 {}
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "{command:?}: {status}");
    Ok((first, begin.elapsed()))
}
