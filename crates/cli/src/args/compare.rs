use clap::{Arg, ArgMatches, Command, value_parser};

use super::shared::{
    ASKING, FORMATS, SocketArgs, When, common, flag, look_options, place_options, sections, socket_options,
};
use crate::words;

/// How often `compare` asks if nobody says otherwise.
const ROUNDS: u32 = 3;

/// The words behind `compare`.
#[derive(Debug)]
pub(crate) struct CompareArgs {
    pub(crate) sockets: SocketArgs,
    pub(crate) probe: bool,
    pub(crate) rounds: u32,
    pub(crate) json: bool,
    pub(crate) colour: When,
    pub(crate) width: Option<usize>,
}

impl CompareArgs {
    pub(super) fn read(matches: &ArgMatches) -> CompareArgs {
        CompareArgs {
            sockets: SocketArgs::read(matches),
            probe: matches.get_flag("probe"),
            rounds: matches.get_one::<u32>("rounds").copied().unwrap_or(ROUNDS),
            json: matches.get_flag("json"),
            colour: When::read(matches),
            width: matches.get_one::<usize>("width").copied(),
        }
    }
}

pub(super) fn compare() -> Command {
    let command = Command::new("compare")
        .about(words::COMPARE)
        .long_about(words::LONG_COMPARE)
        .override_usage("sockscope compare [OPTIONS] [FILTER]...")
        .after_help(format!("Examples:\n{}", words::COMPARE_EXAMPLES))
        .after_long_help(sections(&[
            ("EXAMPLES", words::COMPARE_EXAMPLES),
            ("CAUSES", words::COMPARE_CAUSES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::COMPARE_STATUS),
        ]));
    let command = place_options(socket_options(command), true)
        .mut_arg("filter", |it| {
            it.help("Only differences whose socket matches; see `sockscope help filter`").long_help(
                "Only differences whose socket matches. All remaining words are the filter, or one quoted argument. See \
                 `sockscope help filter`.",
            )
        })
        .mut_arg("processes", |it| it.hide(true))
        .mut_arg("info", |it| it.hide(true))
        .mut_arg("numeric", |it| it.hide(true))
        .arg(
            flag("probe", None, "probe", ASKING, "Also bind every port, to find those held unseen").long_help(
                "Also bind every TCP and UDP port on every address, one at a time and for microseconds: a port that can't be \
                 bound is in use, whoever hides it. It never listens, and takes no port from a program that has it. A program \
                 that wants a port in the very moment in which it is tried would find it in use, and a datagram that arrives then \
                 is lost. Ports that this user may not bind are left out.",
            ),
        )
        .arg(
            Arg::new("rounds")
                .long("rounds")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..=i64::from(sockscope_core::Comparer::MOST_ROUNDS)))
                .help_heading(ASKING)
                .help("How often every source is asked [default: 3]")
                .long_help(
                    "How often every source is asked, 3 times unless you say otherwise. While something is unexplained it asks \
                     again, 10 times in all, before it says so.",
                ),
        )
        .arg(
            flag("json", None, "json", FORMATS, "One JSON document")
                .long_help("One JSON document, sockscope.compare/1, with every difference."),
        );
    common(look_options(command))
}
