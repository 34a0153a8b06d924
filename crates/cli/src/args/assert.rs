use clap::{ArgMatches, Command};

use super::shared::{
    FORMATS, SOCKETS, SocketArgs, common, flag, place_options, sections, socket_options, source_options,
};
use crate::words;

/// The words behind `assert`.
#[derive(Debug)]
pub(crate) struct AssertArgs {
    pub(crate) sockets: SocketArgs,
    pub(crate) none: bool,
    pub(crate) json: bool,
}

impl AssertArgs {
    pub(super) fn read(matches: &ArgMatches) -> AssertArgs {
        AssertArgs {
            sockets: SocketArgs::read(matches),
            none: matches.get_flag("none"),
            json: matches.get_flag("json"),
        }
    }
}

pub(super) fn assert() -> Command {
    let command = Command::new("assert")
        .about(words::ASSERT)
        .long_about(words::LONG_ASSERT)
        .override_usage("sockscope assert [OPTIONS] FILTER...")
        .after_help(format!("Examples:\n{}", words::ASSERT_EXAMPLES))
        .after_long_help(sections(&[
            ("EXAMPLES", words::ASSERT_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::ASSERT_STATUS),
        ]))
        .arg(flag("none", None, "none", SOCKETS, "Succeed if no socket matches"));
    let command = place_options(socket_options(command), true).arg(
        flag("json", None, "json", FORMATS, "Print the sockets that match").long_help(
            "Print {\"matched\": ..., \"sockets\": [...], \"waited_us\": 0}: whether a socket matches, and which.",
        ),
    );
    common(source_options(command))
}
