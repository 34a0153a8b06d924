use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, StyledStr};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use clap_complete::Shell;
use sockscope_core::Filter;
use sockscope_output::Column;

use crate::exit::Failure;
use crate::words;

/// The name of the program.
pub(crate) const PROGRAM: &str = "sockscope";

/// The commands of this version.
pub(crate) const COMMANDS: [&str; 8] = ["list", "assert", "close", "compare", "locate", "completions", "man", "help"];

/// Commands that are promised and not there yet. Without this, they would be taken for bad filters.
const LATER: [&str; 11] =
    ["watch", "top", "window", "why", "wait", "kill", "record", "history", "serve", "agent", "completion"];

/// Long options that take their value from the next word; a test compares the list with the definitions.
const WITH_VALUE: [&str; 12] = [
    "--format",
    "--columns",
    "--sort",
    "--limit",
    "--source",
    "--rounds",
    "--database",
    "--language",
    "--colour",
    "--color",
    "--width",
    "--dir",
];

/// What was typed.
#[derive(Debug)]
pub(crate) enum Typed {
    /// `list`, or no command.
    List(Box<ListArgs>),
    /// `assert`.
    Assert(Box<AssertArgs>),
    /// `close`, or `list -K`.
    Close(Box<CloseArgs>),
    /// `compare`.
    Compare(Box<CompareArgs>),
    /// `locate`.
    Locate(LocateArgs),
    /// `completions`.
    Completions(Shell),
    /// `man`.
    Man(ManArgs),
    /// `help filter`.
    FilterHelp,
    /// `--version`; true with `--verbose`.
    Version(bool),
    /// Help, ready to be shown.
    Page(StyledStr),
}

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
    pub(crate) source: Option<String>,
    pub(crate) pushdown: bool,
    /// `None`: places are not asked for.
    pub(crate) places: Option<PlaceArgs>,
    pub(crate) filter: Vec<String>,
}

/// Which IP databases, and how they answer.
#[derive(Debug)]
pub(crate) struct PlaceArgs {
    pub(crate) databases: Vec<PathBuf>,
    pub(crate) language: Option<String>,
}

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

/// The words behind `assert`.
#[derive(Debug)]
pub(crate) struct AssertArgs {
    pub(crate) sockets: SocketArgs,
    pub(crate) none: bool,
    pub(crate) json: bool,
}

/// The words behind `close`.
#[derive(Debug)]
pub(crate) struct CloseArgs {
    pub(crate) sockets: SocketArgs,
    pub(crate) yes: bool,
    pub(crate) dry_run: bool,
    pub(crate) json: bool,
}

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

/// The words behind `locate`.
#[derive(Debug)]
pub(crate) struct LocateArgs {
    pub(crate) places: PlaceArgs,
    pub(crate) list_databases: bool,
    pub(crate) json: bool,
    pub(crate) addresses: Vec<String>,
}

/// The words behind `man`.
#[derive(Debug)]
pub(crate) struct ManArgs {
    pub(crate) command: Option<String>,
    pub(crate) directory: Option<String>,
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

/// Whether to do something that depends on where the output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// Makes sense of the words behind the program's name.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Typed, Failure> {
    let words = without_later_options(utf8(words)?)?;
    let (name, words) = take_command(words);
    if let Some(name) = name.as_deref().filter(|name| LATER.contains(name)) {
        return Err(no_such_command_yet(name));
    }
    let name = name.as_deref();
    let wants_long_help = words.iter().take_while(|word| *word != "--").any(|word| word == "--help");
    let command = match name {
        None => hidden_options(root()),
        Some("list") => hidden_options(list()),
        Some("assert") => hidden_options(assert()),
        Some("close") => hidden_options(close()),
        Some("compare") => compare(),
        Some("locate") => locate(),
        Some("completions") => completions(),
        Some("man") => man(),
        Some(_) => help(),
    };
    let command = match name {
        None => command,
        Some(name) => command.bin_name(format!("{PROGRAM} {name}")),
    };
    let matches = match command.no_binary_name(true).try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            // The commands are not part of what was parsed, and shall be part of what is shown.
            let page = match name {
                None => page(&mut everything(), wants_long_help),
                Some(_) => error.render(),
            };
            return Ok(Typed::Page(page));
        }
        Err(error) => return Err(usage(&error)),
    };
    if name != Some("help") && matches.get_flag("version") {
        return Ok(Typed::Version(matches.get_flag("verbose")));
    }
    match name {
        None | Some("list") if matches.get_flag("kill") => Ok(Typed::Close(Box::new(CloseArgs::read_list(&matches)?))),
        None | Some("list") => Ok(Typed::List(Box::new(ListArgs::read(&matches)?))),
        Some("assert") => Ok(Typed::Assert(Box::new(AssertArgs::read(&matches)))),
        Some("close") => Ok(Typed::Close(Box::new(CloseArgs::read(&matches)))),
        Some("compare") => Ok(Typed::Compare(Box::new(CompareArgs::read(&matches)))),
        Some("locate") => Ok(Typed::Locate(LocateArgs::read(&matches)?)),
        Some("completions") => {
            let shell = matches.get_one::<Shell>("shell").copied();
            shell.map(Typed::Completions).ok_or_else(|| Failure::Usage("which shell? See --help".to_owned()))
        }
        Some("man") => {
            Ok(Typed::Man(ManArgs { command: text(&matches, "command"), directory: text(&matches, "directory") }))
        }
        Some(_) => help_about(text(&matches, "topic").as_deref()),
    }
}

/// Every command, for what describes them all: help, man pages, completions.
pub(crate) fn everything() -> Command {
    let commands = [list(), assert(), close(), compare(), locate(), completions(), man(), help()];
    commands.into_iter().fold(root(), |root, command| {
        let name = format!("{PROGRAM} {}", command.get_name());
        root.subcommand(command.bin_name(name))
    })
}

/// As [`everything`], and what an option takes is listed where a shell can offer it.
pub(crate) fn everything_for_completion() -> Command {
    let columns = || Column::all().map(|column| PossibleValue::new(column.name()).help(column.description()));
    let listed = PossibleValuesParser::new(columns().chain([PossibleValue::new("help")]));
    let sorted = PossibleValuesParser::new(columns());
    // Long names of fields have short ones, which are offered instead.
    let filter = PossibleValuesParser::new(Filter::words().filter(|word| !word.contains('_')));
    let with_values = |command: Command, lists: bool| {
        let source = PossibleValuesParser::new(crate::plan::source_names());
        let command = command
            .mut_arg("filter", |arg| arg.value_parser(filter.clone()))
            .mut_arg("source", |arg| arg.value_parser(source));
        if lists {
            command
                .mut_arg("columns", |arg| arg.value_parser(listed.clone()))
                .mut_arg("sort", |arg| arg.value_parser(sorted.clone()))
        } else {
            command
        }
    };
    let topics: Vec<&str> = std::iter::once("filter").chain(COMMANDS).collect();
    with_values(everything(), true)
        .mut_subcommand("list", |command| with_values(command, true))
        .mut_subcommand("assert", |command| with_values(command, false))
        .mut_subcommand("close", |command| with_values(command, false))
        .mut_subcommand("compare", |command| command.mut_arg("filter", |arg| arg.value_parser(filter.clone())))
        .mut_subcommand("man", |command| {
            command.mut_arg("command", |arg| arg.value_parser(PossibleValuesParser::new(COMMANDS)))
        })
        .mut_subcommand("help", |command| {
            command.mut_arg("topic", |arg| arg.value_parser(PossibleValuesParser::new(topics)))
        })
}

/// Options that are to come, and would change the rows: it is said that they are missing.
fn without_later_options(words: Vec<String>) -> Result<Vec<String>, Failure> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let later = ["--all-namespaces", "--resolve"];
    let is_later = |word: &&String| later.iter().any(|option| word.split('=').next() == Some(option));
    if let Some(option) = words.iter().take(end).find(is_later) {
        let option = option.split('=').next().unwrap_or_default();
        return Err(Failure::Usage(format!("this version has no option '{option}' (see --help for those it has)")));
    }
    Ok(words)
}

/// All words as text, or the one that is none.
fn utf8(words: impl Iterator<Item = OsString>) -> Result<Vec<String>, Failure> {
    words
        .enumerate()
        .map(|(index, word)| {
            word.into_string().map_err(|word| {
                let word: String = word.to_string_lossy().chars().take(60).collect();
                Failure::Usage(format!("argument {} is not valid UTF-8: {word:?}", index + 1))
            })
        })
        .collect()
}

/// Takes the command out of the words: it is the first that is neither an option nor an option's value. All others keep
/// their order, so options may come before the command.
fn take_command(mut words: Vec<String>) -> (Option<String>, Vec<String>) {
    let mut is_value = false;
    let mut found = None;
    for (index, word) in words.iter().enumerate() {
        if is_value {
            is_value = false;
        } else if word == "--" {
            break;
        } else if word.len() > 1 && word.starts_with('-') {
            is_value = WITH_VALUE.contains(&word.as_str());
        } else {
            found = (COMMANDS.contains(&word.as_str()) || LATER.contains(&word.as_str())).then_some(index);
            break;
        }
    }
    match found {
        Some(index) => {
            let name = words.remove(index);
            (Some(name), words)
        }
        None => (None, words),
    }
}

fn no_such_command_yet(name: &str) -> Failure {
    Failure::Usage(match name {
        "completion" => "there is no command 'completion'; it is called 'completions'".to_owned(),
        _ => format!("this version has no command '{name}' (see --help for those it has)"),
    })
}

/// An error of the parser, begun like all our messages.
fn usage(error: &clap::Error) -> Failure {
    let message = error.render().to_string();
    Failure::Usage(message.strip_prefix("error: ").unwrap_or(&message).to_owned())
}

fn page(command: &mut Command, long: bool) -> StyledStr {
    if long { command.render_long_help() } else { command.render_help() }
}

fn help_about(topic: Option<&str>) -> Result<Typed, Failure> {
    let mut everything = everything();
    match topic {
        None => Ok(Typed::Page(page(&mut everything, true))),
        Some("filter" | "filters") => Ok(Typed::FilterHelp),
        Some(name) if LATER.contains(&name) => Err(no_such_command_yet(name)),
        Some(name) => {
            everything.build();
            match everything.find_subcommand_mut(name) {
                Some(command) => Ok(Typed::Page(page(command, true))),
                None => Err(Failure::Usage(format!(
                    "there is no help about '{name}'; there is about: filter, {}",
                    COMMANDS.join(", ")
                ))),
            }
        }
    }
}

impl SocketArgs {
    fn read(matches: &ArgMatches) -> SocketArgs {
        SocketArgs {
            places: (!matches.get_flag("no-place")).then(|| PlaceArgs::read(matches)),
            tcp: matches.get_flag("tcp"),
            udp: matches.get_flag("udp"),
            ipv4: matches.get_flag("ipv4"),
            ipv6: matches.get_flag("ipv6"),
            listening: matches.get_flag("listening"),
            processes: matches.get_flag("processes"),
            info: matches.get_flag("info"),
            // Those that every source is asked for have no option that names one.
            source: matches.try_get_one::<String>("source").ok().flatten().cloned(),
            pushdown: !matches!(matches.try_get_one("no-pushdown"), Ok(Some(true))),
            filter: matches.get_many::<String>("filter").unwrap_or_default().cloned().collect(),
        }
    }
}

impl PlaceArgs {
    fn read(matches: &ArgMatches) -> PlaceArgs {
        let databases = matches.get_many::<PathBuf>("database").unwrap_or_default().cloned().collect();
        PlaceArgs { databases, language: text(matches, "language") }
    }
}

impl LocateArgs {
    fn read(matches: &ArgMatches) -> Result<LocateArgs, Failure> {
        let args = LocateArgs {
            places: PlaceArgs::read(matches),
            list_databases: matches.get_flag("databases"),
            json: matches.get_flag("json"),
            addresses: matches.get_many::<String>("address").unwrap_or_default().cloned().collect(),
        };
        if args.list_databases && !args.addresses.is_empty() {
            return Err(Failure::Usage("--databases lists the databases, and takes no addresses".to_owned()));
        }
        Ok(args)
    }
}

impl ListArgs {
    fn read(matches: &ArgMatches) -> Result<ListArgs, Failure> {
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

impl When {
    fn read(matches: &ArgMatches) -> When {
        match matches.get_one::<String>("colour").map(String::as_str) {
            Some("always") => When::Always,
            Some("never") => When::Never,
            _ => When::Auto,
        }
    }
}

impl CompareArgs {
    fn read(matches: &ArgMatches) -> CompareArgs {
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

impl AssertArgs {
    fn read(matches: &ArgMatches) -> AssertArgs {
        AssertArgs {
            sockets: SocketArgs::read(matches),
            none: matches.get_flag("none"),
            json: matches.get_flag("json"),
        }
    }
}

impl CloseArgs {
    fn read(matches: &ArgMatches) -> CloseArgs {
        CloseArgs {
            sockets: SocketArgs::read(matches),
            yes: matches.get_flag("yes"),
            dry_run: matches.get_flag("dry-run"),
            json: matches.get_flag("json"),
        }
    }

    /// `list -K`. What only shapes a table is no matter here, but an option that seems to choose sockets must not be ignored.
    fn read_list(matches: &ArgMatches) -> Result<CloseArgs, Failure> {
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

/// The one format that was asked for, however often.
fn format(matches: &ArgMatches) -> Result<Option<Format>, Failure> {
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

fn text(matches: &ArgMatches, id: &str) -> Option<String> {
    matches.get_one::<String>(id).cloned()
}

/// How often `compare` asks if nobody says otherwise.
const ROUNDS: u32 = 3;

const SOCKETS: &str = "Which sockets";
const SHOWN: &str = "What is shown";
const FORMATS: &str = "Formats";
const PLACES: &str = "Places";
const ASKING: &str = "How it is asked";
const ACTING: &str = "Before it is done";
const OTHER: &str = "Other";

fn root() -> Command {
    list_options(Command::new(PROGRAM))
        .version(env!("CARGO_PKG_VERSION"))
        .about(words::ABOUT)
        .long_about(words::LONG_ABOUT)
        .override_usage("sockscope [list] [OPTIONS] [FILTER]...\n       sockscope COMMAND ...")
        .subcommand_help_heading("Commands")
        .disable_help_subcommand(true)
        .after_help(words::SHORT_EXAMPLES)
        .after_long_help(sections(&[
            ("EXAMPLES", words::LIST_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::LIST_STATUS),
            ("ENVIRONMENT", words::ENVIRONMENT),
        ]))
}

fn list() -> Command {
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

fn assert() -> Command {
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

fn close() -> Command {
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
    let command = place_options(acting_options(socket_options(command)), true)
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

/// The options of commands that change something.
fn acting_options(command: Command) -> Command {
    command
        .arg(
            flag("yes", None, "yes", ACTING, "Don't ask")
                .long_help("Don't ask. Needed where there is no terminal to ask on."),
        )
        .arg(
            flag("dry-run", None, "dry-run", ACTING, "Only print what would be closed")
                .long_help("Only print what would be closed, also with --yes. It needs no privilege."),
        )
}

fn compare() -> Command {
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

fn locate() -> Command {
    let command = Command::new("locate")
        .about(words::LOCATE)
        .long_about(words::LONG_LOCATE)
        .override_usage("sockscope locate [OPTIONS] [ADDRESS]...\n       COMMAND | sockscope locate [OPTIONS]")
        .after_help(format!("Examples:\n{}", words::LOCATE_EXAMPLES))
        .after_long_help(sections(&[
            ("EXAMPLES", words::LOCATE_EXAMPLES),
            ("DATABASES", words::DATABASES),
            ("EXIT STATUS", words::LOCATE_STATUS),
        ]))
        .arg(
            Arg::new("address")
                .value_name("ADDRESS")
                .num_args(0..)
                .action(ArgAction::Append)
                .value_parser(value_parser!(String))
                .help("IP addresses; without any, standard input is copied and annotated"),
        )
        .arg(
            flag("json", None, "json", FORMATS, "A JSON object a line").alias("ndjson").long_help(
                "A JSON object a line: {\"address\": ..., \"place\": ..., \"places\": [...]}. Of standard input, which then has an \
                 address a line. With --databases, an object a database.",
            ),
        )
        .arg(
            flag("databases", None, "databases", PLACES, "List the databases and what they say of themselves")
                .long_help("List the databases in the order in which they are asked, and what they say of themselves."),
        );
    common(place_options(command, false))
}

fn completions() -> Command {
    let command = Command::new("completions")
        .about(words::COMPLETIONS)
        .after_help(format!("Examples:\n{}", words::COMPLETIONS_EXAMPLES))
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell)));
    common(command)
}

fn man() -> Command {
    let command = Command::new("man")
        .about(words::MAN)
        .after_help(format!("Examples:\n{}", words::MAN_EXAMPLES))
        .arg(Arg::new("command").value_name("COMMAND").help("Whose page; without, that of sockscope"))
        .arg(
            Arg::new("directory")
                .long("dir")
                .value_name("DIR")
                .value_hint(ValueHint::DirPath)
                .conflicts_with("command")
                .help("Write all pages to this directory"),
        );
    common(command)
}

fn help() -> Command {
    Command::new("help")
        .about(words::HELP)
        .arg(Arg::new("topic").value_name("TOPIC").help("filter, or the name of a command"))
        .disable_help_flag(true)
        .max_term_width(100)
        .arg(help_flag())
}

/// The options that say which sockets.
fn socket_options(command: Command) -> Command {
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
                .long_help("Numbers instead of names of hosts and ports. It is always so; the option is here for your hands."),
        )
}

#[cfg(not(windows))]
fn extended_flag() -> Arg {
    flag("extended", Some('e'), "extended", SHOWN, "Also uid, inode, cookie, mark, timer, cgroup")
        .long_help("In the table also uid, inode, cookie, interface, mark, timer and cgroup of each socket.")
}

#[cfg(windows)]
fn extended_flag() -> Arg {
    flag("extended", Some('e'), "extended", SHOWN, "Also exposure, age and path")
        .long_help("In the table also how far each socket can be reached, its age, and the path of its program.")
}

#[cfg(not(windows))]
fn timers_flag() -> Arg {
    flag("timers", Some('o'), "options", SHOWN, "Also the timer that runs")
        .long_help("In the table also the timer that runs for each connection: what it waits for and how long.")
}

#[cfg(windows)]
fn timers_flag() -> Arg {
    flag("timers", Some('o'), "options", SHOWN, "Owners, as without it")
        .long_help("The processes that own each socket, as with netstat. list shows them unless --no-owners is given.")
}

/// The options of `list`.
fn list_options(command: Command) -> Command {
    let formats = PossibleValuesParser::new(Format::ALL.map(|format| PossibleValue::new(format.name())));
    let command = socket_options(command)
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
    let command = acting_options(command)
        .arg(flag("kill", Some('K'), "kill", OTHER, "Close them: as `sockscope close`").long_help(
            "Close the connections that match, as `sockscope close` does; see there, also for --yes and --dry-run.",
        ))
        .mut_arg("yes", |it| it.hide(true).requires("kill"))
        .mut_arg("dry-run", |it| it.hide(true).requires("kill"));
    common(source_options(command))
}

/// How a table looks.
fn look_options(command: Command) -> Command {
    command
        .arg(
            Arg::new("colour")
                .long("colour")
                .alias("color")
                .value_name("WHEN")
                .value_parser(PossibleValuesParser::new(["auto", "always", "never"]))
                .hide_possible_values(true)
                .help_heading(FORMATS)
                .help("auto, always or never (also --color)")
                .long_help(
                    "Colours in the table: auto, always or never. auto: on a terminal, unless NO_COLOR or TERM=dumb say \
                     otherwise. May be spelt --color.",
                ),
        )
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

/// Options that are understood and neither shown nor completed.
fn hidden_options(command: Command) -> Command {
    command.arg(flag("no-pushdown", None, "no-pushdown", OTHER, "Let the kernel filter nothing").hide(true))
}

/// Which IP databases, and how they answer; `optional`: or none at all.
fn place_options(command: Command, optional: bool) -> Command {
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

/// Where the sockets come from: behind all other options that matter.
fn source_options(command: Command) -> Command {
    command.arg(
            Arg::new("source")
                .long("source")
                .value_name("NAME")
                .help_heading(OTHER)
                .help("Where the sockets come from; --help lists them")
                .long_help(format!(
                    "Where the sockets come from: {}. auto takes the best that works; any other is used or the program ends \
                     with status 3.",
                    crate::plan::source_names().collect::<Vec<_>>().join(", ")
                )),
        )
}

/// What every command has.
fn common(command: Command) -> Command {
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

fn help_flag() -> Arg {
    Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help_heading(OTHER)
        .help("Help; --help says more")
        .long_help("Help; -h is shorter.")
}

fn flag(id: &'static str, short: Option<char>, long: &'static str, heading: &'static str, help: &'static str) -> Arg {
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
fn sections(sections: &[(&str, &str)]) -> String {
    let sections: Vec<String> = sections.iter().map(|(title, text)| format!("{title}\n{text}")).collect();
    sections.join("\n\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Long options of a command, under each of their names, that take their value from the next word.
    fn with_value(command: &Command) -> impl Iterator<Item = String> {
        let takes_value = |arg: &&Arg| arg.get_action().takes_values() && arg.get_long().is_some();
        command.get_arguments().filter(takes_value).flat_map(|arg| {
            let aliases = arg.get_all_aliases().unwrap_or_default();
            arg.get_long().into_iter().chain(aliases).map(|name| format!("--{name}")).collect::<Vec<_>>()
        })
    }

    #[test]
    fn options_with_a_value_are_known_before_the_command_is() {
        let mut everything = hidden_options(everything());
        everything.build();
        let commands: Vec<&Command> = std::iter::once(&everything).chain(everything.get_subcommands()).collect();
        let defined: BTreeSet<String> = commands.iter().flat_map(|command| with_value(command)).collect();
        assert_eq!(defined, WITH_VALUE.map(str::to_owned).into());
        for arg in commands.into_iter().flat_map(Command::get_arguments).filter(|arg| arg.get_action().takes_values()) {
            assert_eq!(arg.get_short(), None, "short options with a value are not looked for");
        }
    }
}
