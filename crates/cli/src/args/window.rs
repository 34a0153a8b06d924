use std::ffi::OsString;

use clap::{Arg, Command, ValueHint, value_parser};

use super::shared::{common, sections};
use crate::words;

/// What describes the command. Its words are never parsed here: they are another program's.
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
