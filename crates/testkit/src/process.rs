use std::env;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

use crate::Report;
use crate::part::Part;

/// A scenario that runs in a process of its own, until it is dropped.
#[derive(Debug)]
pub struct Running {
    /// What it made.
    pub report: Report,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Running {
    /// Starts `sockscope-testkit` with these arguments and waits until all its sockets are there.
    pub fn start(arguments: &[&str]) -> Result<Running> {
        let mut command = Command::new(binary()?);
        command.args(arguments);
        Running::start_command(command)
    }

    /// As [`Running::start`], in the network namespace of a scenario that runs already.
    pub fn start_beside(&self, arguments: &[&str]) -> Result<Running> {
        let mut command = Command::new(binary()?);
        command.args(arguments);
        crate::kernel::in_namespace_of(&mut command, self.report.pid)?;
        Running::start_command(command)
    }

    /// Starts a command that is `sockscope-testkit` by another way, such as under Wine.
    pub fn start_command(mut command: Command) -> Result<Running> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("sockscope-testkit")?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().context("no pipe")?);
        let report = read_ready(&mut output);
        let mut running = Running { report: Report::default(), child, input, output };
        running.report = report.with_context(|| format!("{command:?}"))?;
        Ok(running)
    }

    /// A command that starts inside the scenario's network namespace.
    pub fn command(&self, program: impl AsRef<Path>) -> Result<Command> {
        let mut command = Command::new(program.as_ref());
        crate::kernel::in_namespace_of(&mut command, self.report.pid)?;
        Ok(command)
    }

    /// Ends the scenario and returns what it printed last: for `churn`, `done {json}`.
    pub fn stop(mut self) -> Result<String> {
        drop(self.input.take());
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "sockscope-testkit ended with {status}");
        Ok(text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.child.wait());
    }
}

/// Reads lines up to `ready {json}`.
fn read_ready(output: &mut impl BufRead) -> Result<Report> {
    let mut line = String::new();
    while output.read_line(&mut line)? > 0 {
        if let Some(json) = line.strip_prefix("ready ") {
            return Ok(serde_json::from_str(json)?);
        }
        line.clear();
    }
    bail!("it ended before it was ready")
}

/// Whether this process is the program `sockscope-testkit`, whatever its file is called.
static IS_PROGRAM: AtomicBool = AtomicBool::new(false);

/// Says that this process is the program.
pub(crate) fn this_is_the_program() {
    IS_PROGRAM.store(true, Ordering::Relaxed);
}

/// The program `sockscope-testkit`: this one, or what cargo builds beside the running test, or `SOCKSCOPE_TESTKIT`.
pub fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| find_binary().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn find_binary() -> Result<PathBuf> {
    const NAME: &str = "sockscope-testkit";
    if IS_PROGRAM.load(Ordering::Relaxed) {
        return Ok("/proc/self/exe".into());
    }
    if let Some(path) = env::var_os("SOCKSCOPE_TESTKIT") {
        return Ok(path.into());
    }
    let exe = env::current_exe()?;
    let mut profile = exe.parent().context("no directory")?;
    if profile.ends_with("deps") {
        profile = profile.parent().context("no directory")?;
    }
    let path = profile.join(NAME);
    // Under cargo, always ask it, since what lies there may be of yesterday; unless others built it for us.
    let ours = rustix::fs::access(profile, rustix::fs::Access::WRITE_OK).is_ok();
    if let (true, Some(cargo), Some(target)) = (ours, env::var_os("CARGO"), profile.parent()) {
        let name = profile.file_name().and_then(|it| it.to_str()).unwrap_or("debug");
        let name = if name == "debug" { "dev" } else { name };
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--offline", "--package", NAME, "--profile", name, "--manifest-path"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .arg("--target-dir")
            .arg(target)
            .status()?;
        anyhow::ensure!(status.success(), "cargo build of {NAME}: {status}");
    }
    anyhow::ensure!(path.exists(), "{} is not there: cargo build --package {NAME}", path.display());
    Ok(path)
}

/// One process of a scenario: this program again, with a [`Part`] to play until its input ends.
#[derive(Debug)]
pub(crate) struct Actor {
    child: Child,
    output: BufReader<ChildStdout>,
}

/// The write end of a pipe that is standard input of every actor: they end when it closes, also if we are killed.
#[derive(Debug)]
pub(crate) struct Lifeline {
    read: OwnedFd,
    write: Option<OwnedFd>,
}

impl Lifeline {
    pub(crate) fn new() -> Result<Lifeline> {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        Ok(Lifeline { read, write: Some(write) })
    }

    /// Starts an actor; `change` may add to the command.
    pub(crate) fn start(&self, part: &Part, change: impl FnOnce(&mut Command)) -> Result<Actor> {
        self.start_program(binary()?, part, change)
    }

    /// Starts an actor from another copy of this program.
    pub(crate) fn start_program(
        &self,
        program: &Path,
        part: &Part,
        change: impl FnOnce(&mut Command),
    ) -> Result<Actor> {
        let mut command = Command::new(program);
        command.arg("part").arg(serde_json::to_string(part)?);
        command.stdin(self.read.try_clone()?).stdout(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let output = BufReader::new(child.stdout.take().context("no pipe")?);
        Ok(Actor { child, output })
    }
}

impl Actor {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the actor's sockets are there.
    pub(crate) fn wait_ready(&mut self) -> Result<Report> {
        read_ready(&mut self.output)
    }
}

/// What a scenario holds. Dropping it closes all its sockets and ends all its processes.
#[derive(Debug)]
pub struct Scenario {
    /// What it made.
    pub report: Report,
    pub(crate) sockets: Vec<OwnedFd>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) lifeline: Lifeline,
    pub(crate) scratch: Option<PathBuf>,
}

impl Scenario {
    pub(crate) fn new(name: &str) -> Result<Scenario> {
        Ok(Scenario {
            report: Report::new(name),
            sockets: Vec::new(),
            actors: Vec::new(),
            lifeline: Lifeline::new()?,
            scratch: None,
        })
    }

    /// Starts an actor, waits for it and keeps it; returns its number and report.
    pub(crate) fn play(&mut self, part: &Part, change: impl FnOnce(&mut Command)) -> Result<(u32, Report)> {
        let actor = self.lifeline.start(part, change)?;
        self.keep(actor)
    }

    /// Waits for an actor and keeps it.
    pub(crate) fn keep(&mut self, mut actor: Actor) -> Result<(u32, Report)> {
        let pid = actor.pid();
        let report = actor.wait_ready();
        self.actors.push(actor);
        self.report.processes.push(pid);
        Ok((pid, report.with_context(|| format!("process {pid}"))?))
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        drop(self.lifeline.write.take());
        for actor in &mut self.actors {
            drop(actor.child.wait());
        }
        if let Some(scratch) = &self.scratch {
            drop(std::fs::remove_dir_all(scratch));
        }
    }
}
