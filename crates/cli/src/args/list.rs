use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::shared::{
    FORMATS, OTHER, SHOWN, SocketArgs, When, acting_options, common, flag, look_options, place_options, resolve_flag,
    sections, socket_options, source_options,
};
use crate::exit::Failure;
use crate::words;

/// The words behind `list`.
#[derive(Debug)]
pub(crate) struct ListArgs {
    pub(crate) sockets: SocketArgs,
    pub(crate) extended: bool,
    pub(crate) timers: bool,
    pub(crate) owners: bool,
    pub(crate) header: bool,
    pub(crate) format: Option<Format>,
    pub(crate) columns: Option<String>,
    pub(crate) sort: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) colour: When,
    pub(crate) width: Option<usize>,
}

impl ListArgs {
    pub(super) fn read(matches: &ArgMatches) -> Result<ListArgs, Failure> {
        let joined = |id: &str| {
            let values: Vec<&str> = matches.get_many::<String>(id)?.map(String::as_str).collect();
            Some(values.join(","))
        };
        Ok(ListArgs {
            sockets: SocketArgs::read(matches),
            extended: matches.get_flag("extended"),
            timers: matches.get_flag("timers"),
            owners: !matches.get_flag("no-owners"),
            header: !matches.get_flag("no-header"),
            format: format(matches)?,
            columns: joined("columns"),
            sort: joined("sort"),
            limit: matches.get_one::<usize>("limit").copied(),
            colour: When::read(matches),
            width: matches.get_one::<usize>("width").copied(),
        })
    }
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
    Html,
}

impl Format {
    const ALL: [Format; 5] = [Format::Table, Format::Json, Format::Ndjson, Format::Csv, Format::Html];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Html => "html",
        }
    }

    fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// The one format that was asked for, however often.
pub(super) fn format(matches: &ArgMatches) -> Result<Option<Format>, Failure> {
    let named = matches.get_many::<String>("format").unwrap_or_default().filter_map(|name| Format::from_name(name));
    let short = [Format::Json, Format::Ndjson, Format::Csv, Format::Html];
    let short = short.into_iter().filter(|format| matches.get_flag(format.name()));
    let mut chosen: Option<Format> = None;
    for format in named.chain(short) {
        match chosen {
            Some(other) if other != format => {
                return Err(Failure::Usage(format!(
                    "the output can't be both {} and {}: choose one format",
                    other.name(),
                    format.name()
                )));
            }
            _ => chosen = Some(format),
        }
    }
    Ok(chosen)
}

pub(super) fn list() -> Command {
    list_options(Command::new("list"))
        .about(words::LIST)
        .long_about(words::LONG_ABOUT)
        .after_help(words::SHORT_EXAMPLES)
        .after_long_help(sections(&[
            ("EXAMPLES", words::LIST_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::LIST_STATUS),
            ("ENVIRONMENT", words::ENVIRONMENT),
        ]))
}

/// The options of `list`.
pub(super) fn list_options(command: Command) -> Command {
    let formats = PossibleValuesParser::new(Format::ALL.map(|format| PossibleValue::new(format.name())));
    let command = socket_options(command)
        .arg(resolve_flag().conflicts_with("kill"))
        .arg(extended_flag())
        .arg(timers_flag())
        .arg(
            Arg::new("columns")
                .long("columns")
                .value_name("NAME,...")
                .action(ArgAction::Append)
                .help_heading(SHOWN)
                .help("These columns; `--columns help` lists them")
                .long_help("These columns, in this order (table, csv, html). `--columns help` lists all there are."),
        )
        .arg(
            Arg::new("sort")
                .long("sort")
                .value_name("COLUMN[:desc],...")
                .action(ArgAction::Append)
                .help_heading(SHOWN)
                .help("Sort by these columns")
                .long_help("Sort by these columns, the first first; with :desc the largest comes first."),
        )
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(value_parser!(usize))
                .help_heading(SHOWN)
                .help("At most so many sockets")
                .long_help("At most so many sockets: the first ones in the order of --sort."),
        )
        .arg(
            flag("no-owners", None, "no-owners", SHOWN, "Don't search for the owners")
                .long_help("Don't search for the owners. Faster where there are many processes.")
                .overrides_with("processes"),
        )
        .mut_arg("processes", |it| it.overrides_with("no-owners"))
        .arg(
            flag("no-header", Some('H'), "no-header", SHOWN, "Only the sockets, no header")
                .long_help("Only the sockets, without header lines (table, csv). Notices go to standard error."),
        );
    let command = place_options(command, true)
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(formats)
                .action(ArgAction::Append)
                .help_heading(FORMATS)
                .hide_possible_values(true)
                .help("table, json, ndjson, csv or html")
                .long_help("How to print: table, json, ndjson, csv or html. The first is the default."),
        )
        .arg(
            flag("json", None, "json", FORMATS, "One JSON document")
                .long_help("One JSON document, sockscope.snapshot/1."),
        )
        .arg(flag("ndjson", None, "ndjson", FORMATS, "One JSON object a socket, one a line"))
        .arg(flag("csv", None, "csv", FORMATS, "CSV, for spreadsheets").long_help("CSV (RFC 4180), for spreadsheets."))
        .arg(flag("html", None, "html", FORMATS, "One HTML page"));
    let command = look_options(command);
    let command = acting_options(command, words::CLOSE_DRY_RUN)
        .arg(flag("kill", Some('K'), "kill", OTHER, "Close them: as `sockscope close`").long_help(
            "Close the connections that match, as `sockscope close` does; see there, also for --yes and --dry-run.",
        ))
        .mut_arg("yes", |it| it.hide(true).requires("kill"))
        .mut_arg("dry-run", |it| it.hide(true).requires("kill"));
    common(source_options(command))
}

#[cfg(not(windows))]
pub(super) fn extended_flag() -> Arg {
    flag("extended", Some('e'), "extended", SHOWN, "Also uid, inode, cookie, mark, timer, cgroup")
        .long_help("In the table also uid, inode, cookie, interface, mark, timer and cgroup of each socket.")
}

#[cfg(windows)]
pub(super) fn extended_flag() -> Arg {
    flag("extended", Some('e'), "extended", SHOWN, "Also exposure, age and path")
        .long_help("In the table also how far each socket can be reached, its age, and the path of its program.")
}

#[cfg(not(windows))]
pub(super) fn timers_flag() -> Arg {
    flag("timers", Some('o'), "options", SHOWN, "Also the timer that runs")
        .long_help("In the table also the timer that runs for each connection: what it waits for and how long.")
}

#[cfg(windows)]
pub(super) fn timers_flag() -> Arg {
    flag("timers", Some('o'), "options", SHOWN, "Owners, as without it")
        .long_help("The processes that own each socket, as with netstat. list shows them unless --no-owners is given.")
}
