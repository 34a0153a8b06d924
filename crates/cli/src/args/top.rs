use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use sockscope_live::View;

use super::shared::{
    SHOWN, SocketArgs, When, colour_option, common, place_options, resolve_flag, sections, socket_options,
    source_options,
};
use super::watch::{interval, interval_option};
use crate::exit::Failure;
use crate::words;

/// The words behind `top`.
#[derive(Debug)]
pub(crate) struct TopArgs {
    pub(crate) sockets: SocketArgs,
    pub(crate) interval: Duration,
    pub(crate) view: Option<View>,
    pub(crate) columns: Option<String>,
    pub(crate) sort: Option<String>,
    pub(crate) colour: When,
}

impl TopArgs {
    pub(super) fn read(matches: &ArgMatches) -> Result<TopArgs, Failure> {
        let joined = |id: &str| {
            let values: Vec<&str> = matches.get_many::<String>(id)?.map(String::as_str).collect();
            Some(values.join(","))
        };
        Ok(TopArgs {
            sockets: SocketArgs::read(matches),
            interval: interval(matches)?,
            view: matches.get_one::<String>("view").and_then(|name| View::from_name(name)),
            columns: joined("columns"),
            sort: joined("sort"),
            colour: When::read(matches),
        })
    }
}

pub(super) fn top() -> Command {
    let command = Command::new("top")
        .about(words::TOP)
        .long_about(words::LONG_TOP)
        .override_usage("sockscope top [OPTIONS] [FILTER]...")
        .after_help(format!("Examples:\n{}", words::TOP_EXAMPLES))
        .after_long_help(sections(&[
            ("EXAMPLES", words::TOP_EXAMPLES),
            ("KEYS", words::TOP_KEYS),
            ("FILTERS", words::FILTER_SUMMARY),
            ("FILES", words::TOP_FILES),
            ("EXIT STATUS", words::TOP_STATUS),
        ]));
    let command = place_options(socket_options(command), true)
        .mut_arg("info", |it| it.hide(true))
        .mut_arg("numeric", |it| it.hide(true))
        .mut_arg("processes", |it| it.hide(true))
        .arg(resolve_flag().long_help(
            "Ask the name servers for the names of peers, in the background; they are shown as they come. This is the only thing that \
             sends anything to the network.",
        ))
        .arg(interval_option())
        .arg(
            Arg::new("view")
                .long("view")
                .value_name("NAME")
                .value_parser(PossibleValuesParser::new(View::ALL.map(View::name)))
                .hide_possible_values(true)
                .help_heading(SHOWN)
                .help("sockets, processes, hosts, countries, listeners")
                .long_help("Begin with this view: sockets, processes, hosts, countries or listeners. Without it, with the last one."),
        )
        .arg(
            Arg::new("columns")
                .long("columns")
                .value_name("NAME,...")
                .action(ArgAction::Append)
                .help_heading(SHOWN)
                .help("These columns; the key c chooses")
                .long_help(
                    "These columns of the view, in this order: those of `sockscope list --columns help`, and sending, receiving, trend. \
                     The key c chooses them.",
                ),
        )
        .arg(
            Arg::new("sort")
                .long("sort")
                .value_name("COLUMN[:desc]")
                .help_heading(SHOWN)
                .help("Sort the view by this column; the key s chooses")
                .long_help("Sort the view by this column; with :desc the largest comes first. The key s chooses."),
        )
        .arg(
            colour_option()
                .long_help("Colours: auto, always or never. auto: unless NO_COLOR says otherwise. May be spelt --color."),
        );
    common(source_options(command))
}
