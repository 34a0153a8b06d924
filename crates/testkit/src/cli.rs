use std::io::Write;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    AbroadOptions, ChurnOptions, ConnectOptions, FilesOptions, LoadOptions, ServeOptions, abroad, churn, connect,
    enter_private_namespace, files, load, owners, serve, varied,
};
use crate::{Report, part, process};

/// Makes real sockets; prints `ready {json}` when all are there; ends when standard input does
#[derive(Parser)]
struct Arguments {
    /// First move into a network namespace of our own, with loopback up
    #[arg(long, global = true)]
    netns: bool,
    #[command(subcommand)]
    scenario: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Many established connections
    Load(LoadOptions),
    /// A connection with each of some addresses, wherever in the world these are
    Abroad(AbroadOptions),
    /// Many processes with many plain files and few sockets
    Files(FilesOptions),
    /// About 300 sockets of every kind and state
    Varied,
    /// Open and close at full speed; prints `done {counts}` at the end
    Churn(ChurnOptions),
    /// Sockets with many owners, hidden ones and none
    Owners,
    /// A server that accepts whoever comes
    Serve(ServeOptions),
    /// A client that holds one connection
    Connect(ConnectOptions),
    /// One process of a scenario
    #[command(hide = true)]
    Part {
        /// What it does, as JSON
        json: String,
    },
}

/// The program `sockscope-testkit`.
pub fn run() -> Result<()> {
    process::this_is_the_program();
    let arguments = Arguments::parse();
    if arguments.netns {
        enter_private_namespace()?;
    }
    match arguments.scenario {
        Kind::Load(options) => serve_until_end(&load(&options)?.report),
        Kind::Abroad(options) => serve_until_end(&abroad(&options)?.report),
        Kind::Files(options) => serve_until_end(&files(&options)?.report),
        Kind::Varied => serve_until_end(&varied()?.report),
        Kind::Owners => serve_until_end(&owners()?.report),
        Kind::Serve(options) => serve_until_end(&serve(&options)?.report),
        Kind::Connect(options) => serve_until_end(&connect(&options)?.report),
        Kind::Churn(options) => {
            let churn = churn(&options)?;
            serve_until_end(&churn.scenario.report)?;
            println!("done {}", serde_json::to_string(&churn.counts())?);
            Ok(())
        }
        Kind::Part { json } => part::play(&serde_json::from_str(&json)?),
    }
}

/// Prints `ready {json}` and returns when standard input has ended.
pub(crate) fn serve_until_end(report: &Report) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "ready {}", serde_json::to_string(report)?)?;
    output.flush()?;
    drop(output);
    part::await_end_of_input();
    Ok(())
}
