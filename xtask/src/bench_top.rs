use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use sockscope_testkit::Running;

use crate::page;
use crate::repository::{build_sockscope, cargo};

/// What to measure, and where it goes
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Replace the tables in docs/performance.md
    #[arg(long)]
    write: bool,
    /// How long the processor time of a whole `top` is counted
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

/// Between these marks of the page.
const MARK: &str = "top";

/// The size of the terminal.
const SIZE: [&str; 2] = ["160", "50"];

pub(crate) fn run(options: &Options) -> Result<()> {
    let program = build_sockscope("fast")?;
    let mut text = format!(
        "{}. Per frame, with 100,000 sockets that are made up, of which from look to look one in a hundred goes and one comes, and one in \
         ten sends; {} x {} cells. Medians of 37 looks, with the most in parentheses. Drawing includes the sequences for the terminal.\n\n```\n",
        page::machine(),
        200,
        60
    );
    text.push_str(&frames()?);
    text.push_str("```\n\nA whole `sockscope top` at one look a second, with real connections over loopback in a network namespace of their own:\n\n");
    text.push_str("| sockets | arguments | % of a core | of that looking | peak MiB |\n|---:|---|---:|---:|---:|\n");
    for (connections, arguments) in
        [(1_000, ""), (1_000, "--view processes"), (1_000, "--sort receiving:desc"), (50_000, "")]
    {
        text.push_str(&whole(&program, connections, arguments, options)?);
    }
    println!("{text}");
    if options.write {
        page::write(MARK, &text)?;
    }
    Ok(())
}

/// What each thread of a table needs for a frame.
fn frames() -> Result<String> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--profile", "fast", "-p", "sockscope-tui", "--example", "frames", "--", "100000"]);
    let output = command.stderr(Stdio::inherit()).output().context("the example `frames`")?;
    anyhow::ensure!(output.status.success(), "the example `frames`: {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The processor time of a `top` in a terminal of tmux's.
fn whole(program: &Path, connections: u32, arguments: &str, options: &Options) -> Result<String> {
    let load = Running::start(&["--netns", "load", "--connections", &connections.to_string(), "--processes", "8"])?;
    let directory = std::env::temp_dir().join(format!("sockscope-bench-top-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let tmux = |command: &mut Command, words: &[&str]| -> Result<String> {
        command.arg("-S").arg(directory.join("socket")).args(["-f", "/dev/null", "-u"]).args(words);
        let output = command.output().context("tmux")?;
        anyhow::ensure!(output.status.success(), "tmux {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let line = format!("exec env XDG_STATE_HOME=/nonexistent {} top {arguments}", program.display());
    let [width, height] = SIZE;
    tmux(&mut load.command("tmux")?, &["new-session", "-d", "-x", width, "-y", height, &line])?;
    let pid = tmux(&mut Command::new("tmux"), &["display-message", "-p", "#{pane_pid}"])?;
    // The first looks ask for more than those that follow.
    sleep(Duration::from_secs(5));
    let before = (ticks(&format!("/proc/{pid}/stat"))?, looking(&pid)?);
    sleep(Duration::from_secs(options.seconds.into()));
    let after = (ticks(&format!("/proc/{pid}/stat"))?, looking(&pid)?);
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|it| it.split_whitespace().next());
    let peak: u64 = peak.and_then(|kib| kib.parse().ok()).unwrap_or(0);
    tmux(&mut Command::new("tmux"), &["kill-server"])?;
    fs::remove_dir_all(&directory)?;
    // A tick is a hundredth of a second (USER_HZ).
    let percent = |before: u64, after: u64| after.saturating_sub(before) as f64 / f64::from(options.seconds);
    Ok(format!(
        "| {} | {} | {:.1} | {:.1} | {:.0} |\n",
        page::thousands(u64::from(connections) * 2),
        if arguments.is_empty() { String::new() } else { format!("`{arguments}`") },
        percent(before.0, after.0),
        percent(before.1, after.1),
        peak as f64 / 1024.0,
    ))
}

/// The processor time of a process or thread, user and system (proc_pid_stat(5), fields 14 and 15).
fn ticks(path: &str) -> Result<u64> {
    let stat = fs::read_to_string(path).with_context(|| path.to_owned())?;
    // The name may hold anything; the last parenthesis ends it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    Ok(fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum())
}

/// Of the thread that asks the system.
fn looking(pid: &str) -> Result<u64> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path();
        if fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "monitor") {
            return ticks(&path.join("stat").to_string_lossy());
        }
    }
    anyhow::bail!("process {pid} has no thread that looks")
}
