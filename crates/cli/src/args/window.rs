use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};

use super::shared::{common, sections};
use crate::words;

pub(super) fn window() -> Command {
    let command = Command::new("window")
        .about(words::WINDOW)
        .long_about(words::LONG_WINDOW)
        .override_usage("sockscope window [FILTER] [OPTIONS OF sockscope-window]")
        .after_help(format!("Examples:\n{}", words::WINDOW_EXAMPLES))
        .after_long_help(sections(&[("EXAMPLES", words::WINDOW_EXAMPLES), ("EXIT STATUS", words::WINDOW_STATUS)]))
        .arg(
            Arg::new("arguments")
                .value_name("ARGUMENTS")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_hint(ValueHint::Other)
                .value_parser(value_parser!(OsString))
                .help("For sockscope-window: a filter, --filter, --database FILE, --interval TIME, --language TAG, --theme NAME"),
        );
    common(command)
}

/// What is passed on, word for word.
pub(super) fn arguments(matches: &ArgMatches) -> Vec<OsString> {
    matches.get_many::<OsString>("arguments").map(|words| words.cloned().collect()).unwrap_or_default()
}
