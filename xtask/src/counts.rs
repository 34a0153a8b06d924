use std::process::Stdio;

use anyhow::{Context, Result};
use clap::Args;
use sockscope_testkit::Running;

use crate::repository::{build_sockscope, check};

/// Over how many sockets.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Established connections to make first; each is two sockets
    #[arg(long, default_value_t = 1_000)]
    connections: u32,
    /// How to build sockscope
    #[arg(long, default_value = "release")]
    profile: String,
    /// Arguments of sockscope
    #[arg(last = true, default_value = "--ndjson")]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let program = build_sockscope(&options.profile)?;
    let load = Running::start(&["--netns", "load", "--connections", &options.connections.to_string()])?;
    let mut strace = load.command("strace")?;
    strace.args(["-f", "-c", "-S", "calls"]).arg(&program).args(&options.arguments).stdout(Stdio::null());
    check(&mut strace).context("is strace installed?")
}
