use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};

use super::PROGRAM;

pub(super) const SOCKETS: &str = "Which sockets";
pub(super) const SHOWN: &str = "What is shown";
pub(super) const FORMATS: &str = "Formats";
pub(super) const PLACES: &str = "Places";
pub(super) const ASKING: &str = "How it is asked";
pub(super) const WATCHING: &str = "Watching";
pub(super) const ACTING: &str = "Before it is done";
pub(super) const OTHER: &str = "Other";

/// Which sockets, and from where.
#[derive(Debug)]
pub(crate) struct SocketArgs {
    pub(crate) tcp: bool,
    pub(crate) udp: bool,
    pub(crate) ipv4: bool,
    pub(crate) ipv6: bool,
    pub(crate) listening: bool,
    pub(crate) processes: bool,
    pub(crate) info: bool,
    /// Whether names of peers are looked up; `None`: this command never does.
    pub(crate) resolve: Option<bool>,
    pub(crate) source: Option<String>,
    pub(crate) pushdown: bool,
    /// `None`: places are not asked for.
    pub(crate) places: Option<PlaceArgs>,
    pub(crate) filter: Vec<String>,
}

impl SocketArgs {
    pub(super) fn read(matches: &ArgMatches) -> SocketArgs {
        SocketArgs {
            places: (!matches.get_flag("no-place")).then(|| PlaceArgs::read(matches)),
            tcp: matches.get_flag("tcp"),
            udp: matches.get_flag("udp"),
            ipv4: matches.get_flag("ipv4"),
            ipv6: matches.get_flag("ipv6"),
            listening: matches.get_flag("listening"),
            processes: matches.get_flag("processes"),
            info: matches.get_flag("info"),
            resolve: matches.try_get_one("resolve").ok().flatten().copied(),
            // Those that every source is asked for have no option that names one.
            source: matches.try_get_one::<String>("source").ok().flatten().cloned(),
            pushdown: !matches!(matches.try_get_one("no-pushdown"), Ok(Some(true))),
            filter: matches.get_many::<String>("filter").unwrap_or_default().cloned().collect(),
        }
    }
}

/// Which IP databases, and how they answer.
#[derive(Debug)]
pub(crate) struct PlaceArgs {
    pub(crate) databases: Vec<PathBuf>,
    pub(crate) language: Option<String>,
}

impl PlaceArgs {
    pub(super) fn read(matches: &ArgMatches) -> PlaceArgs {
        let databases = matches.get_many::<PathBuf>("database").unwrap_or_default().cloned().collect();
        PlaceArgs { databases, language: text(matches, "language") }
    }
}

/// Whether to do something that depends on where the output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

impl When {
    pub(super) fn read(matches: &ArgMatches) -> When {
        match matches.get_one::<String>("colour").map(String::as_str) {
            Some("always") => When::Always,
            Some("never") => When::Never,
            _ => When::Auto,
        }
    }
}

pub(super) fn text(matches: &ArgMatches, id: &str) -> Option<String> {
    matches.get_one::<String>(id).cloned()
}

/// The options that say which sockets.
pub(super) fn socket_options(command: Command) -> Command {
    command
        .arg(
            Arg::new("filter")
                .value_name("FILTER")
                .num_args(0..)
                .action(ArgAction::Append)
                .value_parser(value_parser!(String))
                .help("Only sockets that match; see `sockscope help filter`")
                .long_help(
                    "Only sockets that match. All remaining words are the filter, or one quoted argument; options may stand \
                     before, between and behind them. See `sockscope help filter`.",
                ),
        )
        .arg(flag("tcp", Some('t'), "tcp", SOCKETS, "TCP; with -u both").long_help("TCP. With -u both, as without either."))
        .arg(flag("udp", Some('u'), "udp", SOCKETS, "UDP; with -t both").long_help("UDP. With -t both, as without either."))
        .arg(
            flag("ipv4", Some('4'), "ipv4", SOCKETS, "IPv4; with -6 both")
                .long_help("IPv4. With -6 both, as without either."),
        )
        .arg(
            flag("ipv6", Some('6'), "ipv6", SOCKETS, "IPv6; with -4 both").long_help(
                "IPv6, to which IPv4-mapped addresses (::ffff:192.0.2.1) belong. With -4 both, as without either.",
            ),
        )
        .arg(
            flag("listening", Some('l'), "listening", SOCKETS, "TCP that listens, UDP that is not connected")
                .overrides_with("all"),
        )
        .arg(
            flag("all", Some('a'), "all", SOCKETS, "Everything, as without -l")
                .long_help("Everything, as without -l. Of -l and -a the last counts, as in ss.")
                .overrides_with("listening"),
        )
        .arg(
            flag("processes", Some('p'), "processes", SHOWN, "Owners, as without --no-owners")
                .long_help("The processes that own each socket. list shows them unless --no-owners is given."),
        )
        .arg(
            flag("info", Some('i'), "info", SHOWN, "What TCP counted: round-trip time, bytes, ...")
                .long_help("What TCP counted for each connection: round-trip time, bytes sent and received, retransmissions."),
        )
        .arg(
            flag("numeric", Some('n'), "numeric", SHOWN, "Numbers, not names: always so")
                .long_help("Numbers instead of names of hosts and ports. It is the default; the option is here for your hands."),
        )
}

/// For commands that can show the names of peers.
pub(super) fn resolve_flag() -> Arg {
    flag("resolve", None, "resolve", SHOWN, "Names of peers that come at once").long_help(
        "Names of peers instead of their addresses, from the hosts file and from name servers, which learn by it whom you talk to. \
         list waits for them a tenth of a second at most; what has not come by then stays an address. A name is what the owner of \
         the address says it is.",
    )
}

/// How a table looks.
pub(super) fn look_options(command: Command) -> Command {
    command
        .arg(colour_option().long_help(
            "Colours in the table: auto, always or never. auto: on a terminal, unless NO_COLOR or TERM=dumb say otherwise. May be \
             spelt --color.",
        ))
        .arg(
            Arg::new("width")
                .long("width")
                .value_name("N")
                .value_parser(value_parser!(usize))
                .help_heading(FORMATS)
                .help("Cut the table at this width; 0: never")
                .long_help(
                    "Cut the lines of the table at this width; 0: never. Without it, the width of the terminal; nothing is \
                     cut in a file or a pipe.",
                ),
        )
}

/// Whether to colour.
pub(super) fn colour_option() -> Arg {
    Arg::new("colour")
        .long("colour")
        .alias("color")
        .value_name("WHEN")
        .value_parser(PossibleValuesParser::new(["auto", "always", "never"]))
        .hide_possible_values(true)
        .help_heading(FORMATS)
        .help("auto, always or never (also --color)")
}

/// Options that are understood and neither shown nor completed.
pub(super) fn hidden_options(command: Command) -> Command {
    command.arg(flag("no-pushdown", None, "no-pushdown", OTHER, "Let the kernel filter nothing").hide(true))
}

/// Which IP databases, and how they answer; `optional`: or none at all.
pub(super) fn place_options(command: Command, optional: bool) -> Command {
    let command = command
        .arg(
            Arg::new("database")
                .long("database")
                .value_name("FILE")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help_heading(PLACES)
                .help("Ask this IP database first; repeatable")
                .long_help(
                    "Ask this IP database before all others: QQWry.dat, ipv6wry.db, ipdb, datx, xdb, ip2region db, czdb, mmdb or \
                     IP2Location BIN. Repeatable, in order. See `sockscope locate --help` for the others.",
                ),
        )
        .arg(
            Arg::new("language")
                .long("language")
                .value_name("LANG")
                .help_heading(PLACES)
                .help("The language of places, as zh-CN")
                .long_help(
                    "The language of places (en, zh-CN, ...) where a database has several. Without it, the locale's; else \
                     English.",
                ),
        );
    if !optional {
        return command;
    }
    command.arg(
        flag("no-place", None, "no-place", PLACES, "Don't look up where peers are")
            .long_help("Don't look up where peers are; no IP database is opened."),
    )
}

/// The options of commands that change something; `only` is what a rehearsal does, in short and at length.
pub(super) fn acting_options(command: Command, (only, long): (&'static str, &'static str)) -> Command {
    command
        .arg(
            flag("yes", None, "yes", ACTING, "Don't ask")
                .long_help("Don't ask. Needed where there is no terminal to ask on."),
        )
        .arg(flag("dry-run", None, "dry-run", ACTING, only).long_help(long))
}

/// Where the sockets come from: behind all other options that matter.
pub(super) fn source_options(command: Command) -> Command {
    command.arg(
            Arg::new("source")
                .long("source")
                .value_name("NAME")
                .help_heading(OTHER)
                .help("Where the sockets come from; --help lists them")
                .long_help(format!(
                    "Where the sockets come from: {}. auto takes the best that works; any other is used or the program ends \
                     with status 3.",
                    crate::selection::source_names().collect::<Vec<_>>().join(", ")
                )),
        )
}

/// What every command has.
pub(super) fn common(command: Command) -> Command {
    let about_program = command.get_name() == PROGRAM;
    command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .max_term_width(100)
        .arg(help_flag())
        .arg(
            flag("version", Some('V'), "version", OTHER, "Version; with --verbose, how it was built")
                .long_help("The version; with --verbose also how it was built and which sources it has.")
                .hide(!about_program),
        )
        .arg(flag("verbose", Some('v'), "verbose", OTHER, "Say more").hide(true))
}

pub(super) fn help_flag() -> Arg {
    Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help_heading(OTHER)
        .help("Help; --help says more")
        .long_help("Help; -h is shorter.")
}

pub(super) fn flag(
    id: &'static str,
    short: Option<char>,
    long: &'static str,
    heading: &'static str,
    help: &'static str,
) -> Arg {
    let arg = Arg::new(id)
        .long(long)
        .action(ArgAction::SetTrue)
        .help_heading(heading)
        .help(help)
        .long_help(format!("{help}."));
    match short {
        Some(short) => arg.short(short),
        None => arg,
    }
}

/// Preformatted sections for the end of a long help.
pub(super) fn sections(sections: &[(&str, &str)]) -> String {
    let sections: Vec<String> = sections.iter().map(|(title, text)| format!("{title}\n{text}")).collect();
    sections.join("\n\n")
}
