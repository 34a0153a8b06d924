use clap::{ArgMatches, Command};

use super::list::{Format, format};
use super::shared::{
    FORMATS, SocketArgs, acting_options, common, flag, place_options, sections, socket_options, source_options,
};
use crate::exit::Failure;
use crate::words;

/// The words behind `close`.
#[derive(Debug)]
pub(crate) struct CloseArgs {
    pub(crate) sockets: SocketArgs,
    pub(crate) yes: bool,
    pub(crate) dry_run: bool,
    pub(crate) json: bool,
}

impl CloseArgs {
    pub(super) fn read(matches: &ArgMatches) -> CloseArgs {
        CloseArgs {
            sockets: SocketArgs::read(matches),
            yes: matches.get_flag("yes"),
            dry_run: matches.get_flag("dry-run"),
            json: matches.get_flag("json"),
        }
    }

    /// `list -K`. What only shapes a table is no matter here, but an option that seems to choose sockets must not be ignored.
    pub(super) fn read_list(matches: &ArgMatches) -> Result<CloseArgs, Failure> {
        let json = match format(matches)? {
            None | Some(Format::Table) => false,
            Some(Format::Json | Format::Ndjson) => true,
            Some(other) => {
                return Err(Failure::Usage(format!("-K prints lines or, with --json, JSON; not {}", other.name())));
            }
        };
        if matches.contains_id("limit") {
            return Err(Failure::Usage("-K closes all sockets that match: it takes no --limit".to_owned()));
        }
        Ok(CloseArgs { json, ..CloseArgs::read(matches) })
    }
}

pub(super) fn close() -> Command {
    let command = Command::new("close")
        .about(words::CLOSE)
        .long_about(words::LONG_CLOSE)
        .override_usage("sockscope close [OPTIONS] FILTER...")
        .after_help(format!("Examples:\n{}", words::CLOSE_EXAMPLES))
        .after_long_help(sections(&[
            ("EXAMPLES", words::CLOSE_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::CLOSE_STATUS),
        ]));
    let command = place_options(acting_options(socket_options(command), words::CLOSE_DRY_RUN), true)
        .mut_arg("processes", |it| it.hide(true))
        .mut_arg("info", |it| it.hide(true))
        .mut_arg("numeric", |it| it.hide(true))
        .arg(
            flag("json", None, "json", FORMATS, "Print a line of JSON for each socket").alias("ndjson").long_help(
                "Print a line for each socket: {\"socket\": ..., \"process\": ..., \"result\": \"done\", \"reason\": null}. The \
                 result is done, would, refused or gone.",
            ),
        );
    common(source_options(command))
}
