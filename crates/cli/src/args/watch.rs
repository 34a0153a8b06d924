use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use sockscope_core::parse_duration;
use sockscope_model::EventKind;

use super::shared::{
    FORMATS, SHOWN, SocketArgs, WATCHING, When, common, flag, look_options, place_options, resolve_flag, sections,
    socket_options, source_options,
};
use crate::exit::Failure;
use crate::words;

/// The words behind `watch`.
#[derive(Debug)]
pub(crate) struct WatchArgs {
    pub(crate) sockets: SocketArgs,
    pub(crate) interval: Duration,
    /// Whether to hear what the kernel tells.
    pub(crate) hears: bool,
    /// The kinds of lines.
    pub(crate) kinds: Vec<EventKind>,
    pub(crate) count: Option<u64>,
    pub(crate) header: bool,
    pub(crate) json: bool,
    pub(crate) colour: When,
    pub(crate) width: Option<usize>,
}

/// Looking more often than this would be all that the machine does.
const SHORTEST: Duration = Duration::from_millis(10);

impl WatchArgs {
    pub(super) fn read(matches: &ArgMatches) -> Result<WatchArgs, Failure> {
        Ok(WatchArgs {
            sockets: SocketArgs::read(matches),
            interval: interval(matches)?,
            hears: !matches.get_flag("no-events"),
            kinds: kinds(matches.get_one::<String>("events").map_or("", String::as_str))?,
            count: matches.get_one::<u64>("count").copied(),
            header: !matches.get_flag("no-header"),
            json: matches.get_flag("json")
                || matches.get_one::<String>("format").is_some_and(|format| format != "table"),
            colour: When::read(matches),
            width: matches.get_one::<usize>("width").copied(),
        })
    }
}

/// `--interval`, at least 10 ms.
pub(super) fn interval(matches: &ArgMatches) -> Result<Duration, Failure> {
    match matches.get_one::<Duration>("interval") {
        None => Ok(Duration::from_secs(1)),
        Some(interval) if *interval < SHORTEST => Err(Failure::Usage("--interval: the shortest is 10ms".to_owned())),
        Some(interval) => Ok(*interval),
    }
}

pub(super) fn interval_option() -> Arg {
    Arg::new("interval")
        .long("interval")
        .value_name("TIME")
        .value_parser(parse_duration)
        .allow_negative_numbers(true)
        .help_heading(WATCHING)
        .help("How often to look [default: 1s]")
        .long_help(
            "How often to look, once a second unless you say otherwise: 500ms, 2s, 1m; a plain number is one of seconds. Where a look \
             takes long, it looks less often: looking never takes more than a fifth of the time.",
        )
}

fn kinds(text: &str) -> Result<Vec<EventKind>, Failure> {
    let named = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let kinds: Result<Vec<EventKind>, Failure> = named
        .map(|name| {
            EventKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
                let known = EventKind::ALL.map(EventKind::name).join(", ");
                Failure::Usage(format!("--events: '{}' is none; there are: {known}", sockscope_output::clean(name)))
            })
        })
        .collect();
    kinds.map(|kinds| if kinds.is_empty() { EventKind::ALL.to_vec() } else { kinds })
}

pub(super) fn watch() -> Command {
    let command = Command::new("watch")
        .about(words::WATCH)
        .long_about(words::LONG_WATCH)
        .override_usage("sockscope watch [OPTIONS] [FILTER]...")
        .after_help(format!("Examples:\n{}", words::WATCH_EXAMPLES))
        .after_long_help(sections(&[
            ("EXAMPLES", words::WATCH_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::WATCH_STATUS),
        ]));
    let command = place_options(socket_options(command), true)
        .mut_arg("info", |it| it.help("With --ndjson, also what TCP counted so far").long_help(
            "With --ndjson, what TCP counted so far is in every line. In those of closed sockets it is anyway, where the system says it.",
        ))
        .mut_arg("numeric", |it| it.hide(true))
        .mut_arg("processes", |it| it.hide(true))
        .arg(interval_option())
        .arg(
            Arg::new("events")
                .long("events")
                .value_name("KIND,...")
                .value_parser(value_parser!(String))
                .help_heading(WATCHING)
                .help("Only these lines: opened, changed, closed")
                .long_help("Only these kinds of lines: opened, changed, closed. With `closed` it is what ss -E does."),
        )
        .arg(
            Arg::new("count")
                .long("count")
                .value_name("N")
                .action(ArgAction::Set)
                .value_parser(value_parser!(u64).range(1..))
                .allow_negative_numbers(true)
                .help_heading(WATCHING)
                .help("End after so many lines"),
        )
        .arg(flag("no-events", None, "no-events", WATCHING, "Only look, don't hear what the kernel tells").long_help(
            "Only look every so often, and don't hear what the kernel tells of closed sockets. What comes and goes between two looks \
             is then missed.",
        ))
        .arg(resolve_flag().long_help(
            "Names of peers where they are known when a line is printed; looked up in the background, as this system does it. No line \
             waits for a name.",
        ))
        .arg(flag("no-header", Some('H'), "no-header", SHOWN, "Only the lines, no titles"))
        .arg(
            flag("json", None, "ndjson", FORMATS, "A JSON object a line (also --json)")
                .alias("json")
                .long_help("A JSON object a line, sockscope.change/1. May be spelt --json."),
        );
    let command = command.arg(
        Arg::new("format")
            .long("format")
            .value_name("FORMAT")
            .value_parser(PossibleValuesParser::new(["table", "ndjson", "json"]))
            .hide(true)
            .help_heading(FORMATS)
            .help("table, or ndjson, which is --ndjson"),
    );
    common(source_options(look_options(command)))
}
