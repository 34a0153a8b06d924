use std::time::Duration;

use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Command};
use sockscope_core::parse_duration;

use super::shared::{
    FORMATS, SOCKETS, SocketArgs, common, flag, place_options, sections, socket_options, source_options,
};
use crate::words;

const WAITING: &str = "How long";

/// The words behind `wait`.
#[derive(Debug)]
pub(crate) struct WaitArgs {
    pub(crate) sockets: SocketArgs,
    /// Wait until none matches.
    pub(crate) gone: bool,
    /// `None`: without end.
    pub(crate) timeout: Option<Duration>,
    /// `None`: as seems fit.
    pub(crate) interval: Option<Duration>,
    pub(crate) json: bool,
}

impl WaitArgs {
    pub(super) fn read(matches: &ArgMatches) -> WaitArgs {
        WaitArgs {
            sockets: SocketArgs::read(matches),
            gone: matches.get_flag("gone"),
            timeout: matches.get_one("timeout").copied(),
            interval: matches.get_one("interval").copied(),
            json: matches.get_flag("json"),
        }
    }
}

pub(super) fn wait() -> Command {
    let command = Command::new("wait")
        .about(words::WAIT)
        .long_about(words::LONG_WAIT)
        .override_usage("sockscope wait [OPTIONS] FILTER...")
        .after_help(format!("Examples:\n{}", words::WAIT_EXAMPLES))
        .after_long_help(sections(&[
            ("EXAMPLES", words::WAIT_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::WAIT_STATUS),
        ]))
        .arg(flag("gone", None, "gone", SOCKETS, "Wait until no socket matches any more"));
    let time =
        |id: &'static str| Arg::new(id).long(id).value_name("TIME").allow_negative_numbers(true).help_heading(WAITING);
    let command = place_options(socket_options(command), true)
        .arg(
            time("timeout")
                .value_parser(ValueParser::new(parse_duration))
                .help("Give up after that: 30s, 500ms, 2m, 1h")
                .long_help(
                    "Give up after that time, with status 1: 30s, 500ms, 2m, 1h; a plain number is seconds. 0 looks once. Without \
                     it, it waits for ever.",
                ),
        )
        .arg(
            time("interval")
                .value_parser(ValueParser::new(interval))
                .help("Time between two looks; without, as fits")
                .long_help(
                    "The time between two looks. Without it, twenty times as long as a look takes, at least 10ms and at most 1s, so \
                     that waiting takes a twentieth of a processor at most.",
                ),
        )
        .arg(flag("json", None, "json", FORMATS, "Print the sockets that match").long_help(
            "Print {\"matched\": ..., \"sockets\": [...], \"waited_us\": ...}: whether a socket matches in the end, and which.",
        ));
    common(source_options(command))
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = parse_duration(text)?;
    if interval < Duration::from_millis(1) {
        return Err("it must be 1ms at least".to_owned());
    }
    Ok(interval)
}
