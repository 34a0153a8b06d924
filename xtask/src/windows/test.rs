use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::executable::Executable;
use super::{Kit, build, sockets};
use crate::repository::check;

/// The profile that is shipped.
const SHIPPED: &str = "release";

/// What to do.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Parts; all if none is named
    parts: Vec<Part>,
}

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What the executable is made of
    Executable,
    /// Clippy says nothing
    Lints,
    /// The tests of every crate pass under Wine
    Tests,
    /// The program lists sockets of programs under Wine as ss does
    Sockets,
}

/// Builds everything, and runs it under Wine.
pub(crate) fn run(options: &Options) -> Result<()> {
    let began = Instant::now();
    let kit = Kit::prepare()?;
    for part in Part::value_variants() {
        if !options.parts.is_empty() && !options.parts.contains(part) {
            continue;
        }
        eprintln!("\n--- Windows: {part:?} (after {} s)", began.elapsed().as_secs());
        match part {
            Part::Executable => Executable::read(&build(&kit, SHIPPED)?)?.check()?,
            Part::Lints => {
                check(kit.clippy().args(["--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
            }
            Part::Tests => check(kit.cargo().args(["test", "--workspace", "--locked", "--no-fail-fast"]))?,
            // The scenarios are built as the tests are.
            Part::Sockets => sockets::check(&kit, &build(&kit, SHIPPED)?, &sockets::build_testkit(&kit, "dev")?)?,
        }
    }
    eprintln!("\n--- Windows: all is well (after {} s)", began.elapsed().as_secs());
    Ok(())
}
