//! What was typed. What every command shares is in [`shared`], what is one command's own in the file of its name.

use std::ffi::OsString;

use clap::Command;
use clap::builder::{PossibleValue, PossibleValuesParser, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap_complete::Shell;
use sockscope_core::Filter;
use sockscope_output::Column;

use crate::exit::Failure;
use crate::words;

/// `assert`.
mod assert;
/// `close`.
mod close;
/// `compare`.
mod compare;
/// `kill`.
mod kill;
/// `list`.
mod list;
/// `locate`.
mod locate;
/// `completions`, `man` and `help`.
mod pages;
/// Options that several commands have.
mod shared;
/// What options of other programs are called here.
mod tips;
/// `top`.
mod top;
/// `wait`.
mod wait;
/// `watch`.
mod watch;
/// `why`.
mod why;
/// The command `window`.
mod window;

pub(crate) use assert::AssertArgs;
use assert::assert;
pub(crate) use close::CloseArgs;
use close::close;
pub(crate) use compare::CompareArgs;
use compare::compare;
pub(crate) use kill::KillArgs;
use kill::kill;
pub(crate) use list::{Format, ListArgs};
use list::{list, list_options};
pub(crate) use locate::LocateArgs;
use locate::locate;
pub(crate) use pages::ManArgs;
use pages::{completions, help, help_about, man};
pub(crate) use shared::{PlaceArgs, SocketArgs, When};
use shared::{hidden_options, sections, text};
pub(crate) use top::TopArgs;
use top::top;
pub(crate) use wait::WaitArgs;
use wait::wait;
pub(crate) use watch::WatchArgs;
use watch::watch;
pub(crate) use why::WhyArgs;
use why::why;
use window::window;

/// The name of the program.
pub(crate) const PROGRAM: &str = "sockscope";

/// The commands of this version.
pub(crate) const COMMANDS: [&str; 14] = [
    "list",
    "watch",
    "top",
    "window",
    "why",
    "assert",
    "wait",
    "close",
    "kill",
    "compare",
    "locate",
    "completions",
    "man",
    "help",
];

/// Of these, the one whose words are not ours.
const WINDOW: &str = "window";

/// Commands that are promised and not there yet. Without this, they would be taken for bad filters.
const LATER: [&str; 5] = ["record", "history", "serve", "agent", "completion"];

/// Long options that take their value from the next word; a test compares the list with the definitions.
const WITH_VALUE: [&str; 18] = [
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
    "--interval",
    "--events",
    "--view",
    "--count",
    "--dir",
    "--signal",
    "--timeout",
];

/// What was typed.
#[derive(Debug)]
pub(crate) enum Typed {
    /// `list`, or no command.
    List(Box<ListArgs>),
    /// `why`.
    Why(WhyArgs),
    /// `assert`.
    Assert(Box<AssertArgs>),
    /// `close`, or `list -K`.
    Close(Box<CloseArgs>),
    /// `kill`.
    Kill(Box<KillArgs>),
    /// `wait`.
    Wait(Box<WaitArgs>),
    /// `compare`.
    Compare(Box<CompareArgs>),
    /// `watch`.
    Watch(Box<WatchArgs>),
    /// `top`.
    Top(Box<TopArgs>),
    /// `window`: words for the program that shows it.
    Window(Vec<OsString>),
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

/// Makes sense of the words behind the program's name.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Typed, Failure> {
    let mut words: Vec<OsString> = words.collect();
    // Its words are another program's, which may take some that are no text, and has its own help.
    if words.first().is_some_and(|word| word == WINDOW) {
        return Ok(Typed::Window(words.split_off(1)));
    }
    let (name, words) = take_command(utf8(words.into_iter())?);
    if name.as_deref() == Some(WINDOW) {
        return Ok(Typed::Window(words.into_iter().map(OsString::from).collect()));
    }
    let words = without_later_options(words)?;
    if let Some(name) = name.as_deref().filter(|name| LATER.contains(name)) {
        return Err(no_such_command_yet(name));
    }
    let name = name.as_deref();
    let wants_long_help = words.iter().take_while(|word| *word != "--").any(|word| word == "--help");
    let command = match name {
        None => hidden_options(root()),
        Some("list") => hidden_options(list()),
        Some("watch") => hidden_options(watch()),
        Some("why") => why(),
        Some("top") => top(),
        Some("assert") => hidden_options(assert()),
        Some("close") => hidden_options(close()),
        Some("kill") => hidden_options(kill()),
        Some("wait") => hidden_options(wait()),
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
    let matches = match command.no_binary_name(true).try_get_matches_from(&words) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            // The commands are not part of what was parsed, and shall be part of what is shown.
            let page = match name {
                None => page(&mut everything(), wants_long_help),
                Some(_) => error.render(),
            };
            return Ok(Typed::Page(page));
        }
        Err(error) => return Err(usage(error, name.unwrap_or("list"), &words)),
    };
    if name != Some("help") && matches.get_flag("version") {
        return Ok(Typed::Version(matches.get_flag("verbose")));
    }
    match name {
        None | Some("list") if matches.get_flag("kill") => Ok(Typed::Close(Box::new(CloseArgs::read_list(&matches)?))),
        None | Some("list") => Ok(Typed::List(Box::new(ListArgs::read(&matches)?))),
        Some("top") => Ok(Typed::Top(Box::new(TopArgs::read(&matches)?))),
        Some("watch") => Ok(Typed::Watch(Box::new(WatchArgs::read(&matches)?))),
        Some("why") => Ok(Typed::Why(WhyArgs::read(&matches))),
        Some("assert") => Ok(Typed::Assert(Box::new(AssertArgs::read(&matches)))),
        Some("close") => Ok(Typed::Close(Box::new(CloseArgs::read(&matches)))),
        Some("kill") => Ok(Typed::Kill(Box::new(KillArgs::read(&matches)))),
        Some("wait") => Ok(Typed::Wait(Box::new(WaitArgs::read(&matches)))),
        Some("compare") => Ok(Typed::Compare(Box::new(CompareArgs::read(&matches)))),
        Some("locate") => Ok(Typed::Locate(LocateArgs::read(&matches)?)),
        Some("completions") => {
            let shell = matches.get_one::<Shell>("shell").copied();
            shell.map(Typed::Completions).ok_or_else(|| Failure::Usage("which shell? See --help".to_owned()))
        }
        Some("man") => Ok(Typed::Man(ManArgs::read(&matches))),
        Some(_) => help_about(text(&matches, "topic").as_deref()),
    }
}

/// Every command, for what describes them all: help, man pages, completions.
pub(crate) fn everything() -> Command {
    let commands = [
        list(),
        watch(),
        top(),
        window(),
        why(),
        assert(),
        wait(),
        close(),
        kill(),
        compare(),
        locate(),
        completions(),
        man(),
        help(),
    ];
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
        let source = PossibleValuesParser::new(crate::selection::source_names());
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
        .mut_subcommand("watch", |command| with_values(command, false))
        .mut_subcommand("top", |command| with_values(command, true))
        .mut_subcommand("assert", |command| with_values(command, false))
        .mut_subcommand("wait", |command| with_values(command, false))
        .mut_subcommand("close", |command| with_values(command, false))
        .mut_subcommand("kill", |command| {
            let signals = PossibleValuesParser::new(sockscope_sys::SIGNALS.iter().map(|(name, _)| *name));
            with_values(command, false).mut_arg("signal", |arg| arg.value_parser(signals))
        })
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
    let is_later = |word: &&String| word.split('=').next() == Some("--all-namespaces");
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
fn usage(mut error: clap::Error, command: &str, words: &[String]) -> Failure {
    if error.kind() == ErrorKind::UnknownArgument {
        // It advises to put the word behind --, where it would be a bad filter.
        error.remove(ContextKind::Suggested);
        let unknown = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(unknown)) => unknown.clone(),
            _ => String::new(),
        };
        if let Some(tip) = tips::tip(command, &unknown, words) {
            error.remove(ContextKind::SuggestedArg);
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
    }
    let message = error.render().to_string();
    Failure::Usage(message.strip_prefix("error: ").unwrap_or(&message).to_owned())
}

fn page(command: &mut Command, long: bool) -> StyledStr {
    if long { command.render_long_help() } else { command.render_help() }
}

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Arg;

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
