//! The program for Windows: built here, and run here under Wine.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

/// Measures it against netstat.
mod bench;
/// Writes down what Wine's DLLs say, for tests and as seeds for fuzzing.
mod capture;
/// What an executable for Windows is made of.
mod executable;
/// Compilers and Wine.
mod kit;
/// What it lists, held against others.
mod sockets;
/// All that must hold of it.
mod test;

use kit::Kit;

use crate::repository::words;

/// What to do with it.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Prepare compilers and Wine on Debian 12, into target/windows-kit or $SOCKSCOPE_WINDOWS_KIT
    Setup,
    /// Build sockscope.exe, and print where it is
    Build(Build),
    /// Run sockscope.exe, or another program, under Wine
    Run(Run),
    /// Write down the tables of Wine's iphlpapi.dll, into testdata/
    Capture,
    /// Build everything for Windows, and run all tests under Wine
    Test(test::Options),
    /// Measure sockscope.exe against Wine's netstat.exe
    Bench(bench::Options),
    /// Run cargo as it builds for Windows, such as `cargo -- test -p sockscope-core`
    Cargo(Cargo),
}

/// How to build.
#[derive(Debug, Args)]
pub(crate) struct Profile {
    /// The profile of cargo to build with
    #[arg(long, default_value = "release")]
    profile: String,
}

/// What to build.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Build sockscope-window.exe beside it, which takes some ten minutes
    #[arg(long)]
    window: bool,
    #[command(flatten)]
    profile: Profile,
}

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Run this file; sockscope.exe if none is given, which is built if it is not there
    #[arg(long)]
    exe: Option<PathBuf>,
    #[command(flatten)]
    profile: Profile,
    /// Arguments of the program
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// What cargo is to do.
#[derive(Debug, Args)]
pub(crate) struct Cargo {
    /// Command and arguments of cargo
    #[arg(last = true, required = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(task: &Task) -> Result<()> {
    match task {
        Task::Setup => Kit::prepare().map(drop),
        Task::Build(Build { window, profile: Profile { profile } }) => {
            let kit = Kit::open()?;
            println!("{}", build(&kit, profile)?.display());
            if *window {
                kit.build(&["--package", "sockscope-window", "--bins"], profile)?;
                println!("{}", kit.built(profile).join("sockscope-window.exe").display());
            }
            Ok(())
        }
        Task::Run(options) => run_program(options),
        Task::Capture => capture::run(),
        Task::Test(options) => test::run(options),
        Task::Bench(options) => bench::run(options),
        Task::Cargo(Cargo { arguments }) => {
            let mut command = Kit::open()?.cargo();
            Err(command.args(arguments).exec()).with_context(|| words(&command))
        }
    }
}

/// Becomes the program: its status and its streams are ours.
fn run_program(options: &Run) -> Result<()> {
    let kit = Kit::open()?;
    let path = match &options.exe {
        // Wine would search for a name without a directory.
        Some(path) => path.canonicalize().with_context(|| path.display().to_string())?,
        None => {
            let path = kit.built(&options.profile.profile).join("sockscope.exe");
            if path.exists() { path } else { build(&kit, &options.profile.profile)? }
        }
    };
    let mut command = kit.wine(&path);
    Err(command.args(&options.arguments).exec()).with_context(|| words(&command))
}

/// Builds `sockscope.exe` and says where it is.
fn build(kit: &Kit, profile: &str) -> Result<PathBuf> {
    kit.build(&["--package", "sockscope-cli", "--bin", "sockscope"], profile)?;
    Ok(kit.built(profile).join("sockscope.exe"))
}
