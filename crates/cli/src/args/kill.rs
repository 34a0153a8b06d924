use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Command};
use sockscope_sys::{SIGNALS, Signal};

use super::shared::{
    ACTING, FORMATS, SocketArgs, acting_options, common, flag, place_options, sections, socket_options, source_options,
};
use crate::words;

/// The words behind `kill`.
#[derive(Debug)]
pub(crate) struct KillArgs {
    pub(crate) sockets: SocketArgs,
    pub(crate) signal: Signal,
    pub(crate) force: bool,
    pub(crate) yes: bool,
    pub(crate) dry_run: bool,
    pub(crate) json: bool,
}

impl KillArgs {
    pub(super) fn read(matches: &ArgMatches) -> KillArgs {
        KillArgs {
            sockets: SocketArgs::read(matches),
            signal: matches.get_one::<Signal>("signal").copied().unwrap_or(Signal::TERM),
            force: matches.get_flag("force"),
            yes: matches.get_flag("yes"),
            dry_run: matches.get_flag("dry-run"),
            json: matches.get_flag("json"),
        }
    }
}

pub(super) fn kill() -> Command {
    let command = Command::new("kill")
        .about(words::KILL)
        .long_about(words::LONG_KILL)
        .override_usage("sockscope kill [OPTIONS] FILTER...")
        .after_help(format!("Examples:\n{}", words::KILL_EXAMPLES))
        .after_long_help(sections(&[
            ("EXAMPLES", words::KILL_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::KILL_STATUS),
        ]));
    let command = place_options(acting_options(socket_options(command), words::KILL_DRY_RUN), true)
        .mut_arg("processes", |it| it.hide(true))
        .mut_arg("info", |it| it.hide(true))
        .mut_arg("numeric", |it| it.hide(true))
        .arg(
            Arg::new("signal")
                .long("signal")
                .value_name("SIGNAL")
                .value_parser(ValueParser::new(signal))
                .help_heading(ACTING)
                .help("What to send; TERM if none is named")
                .long_help(words::KILL_SIGNAL),
        )
        .arg(flag("force", None, "force", ACTING, "Also those that sockscope descends from").long_help(words::KILL_FORCE))
        .arg(
            flag("json", None, "json", FORMATS, "Print a line of JSON for each process").alias("ndjson").long_help(
                "Print a line for each process: {\"socket\": ..., \"process\": ..., \"result\": \"done\", \"reason\": null}, with \
                 its first socket that matches. The result is done, would, refused or gone.",
            ),
        );
    common(source_options(command))
}

/// A signal by its name or number.
fn signal(text: &str) -> Result<Signal, String> {
    Signal::parse(text).ok_or_else(|| {
        let names: Vec<&str> = SIGNALS.iter().map(|(name, _)| *name).collect();
        if cfg!(windows) {
            format!("Windows has no signals; {} end a process at once", names.join(" and "))
        } else {
            format!("there is no such signal; there are: {}, and numbers", names.join(" "))
        }
    })
}
