use clap::{Arg, ArgMatches, Command, value_parser};

use super::shared::{ASKING, FORMATS, PlaceArgs, SOCKETS, common, flag, place_options, sections, text};
use crate::words;

/// The words behind `why`.
#[derive(Debug)]
pub(crate) struct WhyArgs {
    /// The port, as it was typed.
    pub(crate) port: String,
    pub(crate) tcp: bool,
    pub(crate) udp: bool,
    pub(crate) probe: bool,
    pub(crate) json: bool,
    /// `None`: places are not asked for.
    pub(crate) places: Option<PlaceArgs>,
}

impl WhyArgs {
    pub(super) fn read(matches: &ArgMatches) -> WhyArgs {
        WhyArgs {
            port: text(matches, "port").unwrap_or_default(),
            tcp: matches.get_flag("tcp"),
            udp: matches.get_flag("udp"),
            probe: matches.get_flag("probe"),
            json: matches.get_flag("json"),
            places: (!matches.get_flag("no-place")).then(|| PlaceArgs::read(matches)),
        }
    }
}

pub(super) fn why() -> Command {
    let command = Command::new("why")
        .about(words::WHY)
        .long_about(words::LONG_WHY)
        .override_usage("sockscope why [OPTIONS] PORT\n       sockscope why [OPTIONS] ADDRESS:PORT")
        .after_help(format!("Examples:\n{}", words::WHY_EXAMPLES))
        .after_long_help(sections(&[
            ("EXAMPLES", words::WHY_EXAMPLES),
            ("VERDICTS", words::WHY_VERDICTS),
            ("EXIT STATUS", words::WHY_STATUS),
        ]))
        .arg(
            Arg::new("port")
                .value_name("PORT")
                .value_parser(value_parser!(String))
                .help("8080, 127.0.0.1:8080, [::1]:8080, https, udp/53")
                .long_help(
                    "The port: a number or a name of the services file, alone or behind an address and a colon (127.0.0.1:8080, \
                     [::1]:8080), and behind tcp/ or udp/ if you like.",
                ),
        )
        .arg(
            flag("tcp", Some('t'), "tcp", SOCKETS, "The TCP port, as without -u")
                .long_help("The TCP port, as without -u. Of -t and -u the last counts.")
                .overrides_with("udp"),
        )
        .arg(
            flag("udp", Some('u'), "udp", SOCKETS, "The UDP port")
                .long_help("The UDP port. Of -t and -u the last counts.")
                .overrides_with("tcp"),
        )
        .arg(flag("probe", None, "probe", ASKING, "Also bind the port, and let it go at once").long_help(
            "Also bind the port, without and with SO_REUSEADDR, on the address or on all of them, and say what the system answers. \
             It never listens, and lets the port go at once; a program that wants it in that very moment would find it in use. \
             Where the answer contradicts the verdict, that is unknown.",
        ))
        .arg(flag("json", None, "json", FORMATS, "One JSON document").long_help("One JSON document, sockscope.why/1."));
    common(place_options(command, true))
}
