use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use socket2::Socket;

use crate::report::{Made, Report};

/// What a process says of itself.
mod itself;
/// Many connections.
mod load;
/// Making sockets and describing them.
mod socket;
/// Sockets of every kind, in two processes.
mod varied;

/// Makes real sockets; prints `ready {json}` when all are there; ends when standard input does
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    scenario: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Many established connections, both ends in one process
    Load {
        /// How many; each is two sockets
        #[arg(long, default_value_t = 500)]
        connections: u32,
    },
    /// Sockets of every kind and state, in two processes
    Varied {
        /// The second process is started from this copy of the program
        #[arg(long)]
        other: Option<PathBuf>,
    },
    /// The second process of `varied`
    #[command(hide = true)]
    Part {
        /// What it does, as JSON
        json: String,
    },
}

/// The program `sockscope-testkit`.
pub fn run() -> Result<()> {
    match Arguments::parse().scenario {
        Kind::Load { connections } => load::load(connections)?.serve_until_end(),
        Kind::Varied { other } => varied::varied(other.as_deref())?.serve_until_end(),
        Kind::Part { json } => varied::part(&serde_json::from_str(&json)?)?.serve_until_end(),
    }
}

/// What one process holds until its standard input ends.
#[derive(Debug)]
struct Held {
    report: Report,
    sockets: Vec<Socket>,
    others: Vec<Other>,
}

impl Held {
    fn new(scenario: &str) -> Result<Held> {
        let mut report = Report::new(scenario);
        report.programs.push(itself::program()?);
        Ok(Held { report, sockets: Vec::new(), others: Vec::new() })
    }

    /// Lists a socket and keeps it.
    fn hold(&mut self, made: Made, socket: Socket) {
        self.report.add(made);
        self.sockets.push(socket);
    }

    /// Counts what another process of the scenario made as ours, and keeps it running.
    fn hold_other(&mut self, other: Other) {
        self.report.processes.push(other.child.id());
        self.report.programs.extend(other.report.programs.iter().cloned());
        for made in &other.report.sockets {
            self.report.add(made.clone());
        }
        self.others.push(other);
    }

    /// Prints `ready {json}` and returns when standard input has ended.
    fn serve_until_end(self) -> Result<()> {
        let mut output = std::io::stdout().lock();
        writeln!(output, "ready {}", serde_json::to_string(&self.report)?)?;
        output.flush()?;
        drop(output);
        let mut buffer = [0u8; 64];
        let mut input = std::io::stdin().lock();
        while input.read(&mut buffer).is_ok_and(|read| read > 0) {}
        Ok(())
    }
}

/// Another process of a scenario. It ends when we do, since its standard input is a pipe of ours.
#[derive(Debug)]
struct Other {
    child: Child,
    report: Report,
}

impl Other {
    /// Starts the program with these arguments and waits until its sockets are there.
    fn start(program: &Path, arguments: &[&str]) -> Result<Other> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| program.display().to_string())?;
        let mut output = BufReader::new(child.stdout.take().context("no pipe")?);
        let mut line = String::new();
        while output.read_line(&mut line)? > 0 {
            if let Some(json) = line.strip_prefix("ready ") {
                return Ok(Other { child, report: serde_json::from_str(json)? });
            }
            line.clear();
        }
        bail!("{} ended before it was ready", program.display())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}
