use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use clap_complete::Shell;

use super::shared::{common, help_flag, text};
use super::{COMMANDS, LATER, Typed, everything, no_such_command_yet, page};
use crate::exit::Failure;
use crate::words;

/// The words behind `man`.
#[derive(Debug)]
pub(crate) struct ManArgs {
    pub(crate) command: Option<String>,
    pub(crate) directory: Option<String>,
}

impl ManArgs {
    pub(super) fn read(matches: &ArgMatches) -> ManArgs {
        ManArgs { command: text(matches, "command"), directory: text(matches, "directory") }
    }
}

pub(super) fn completions() -> Command {
    let command = Command::new("completions")
        .about(words::COMPLETIONS)
        .after_help(format!("Examples:\n{}", words::COMPLETIONS_EXAMPLES))
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell)));
    common(command)
}

pub(super) fn man() -> Command {
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

pub(super) fn help() -> Command {
    Command::new("help")
        .about(words::HELP)
        .arg(Arg::new("topic").value_name("TOPIC").help("filter, or the name of a command"))
        .disable_help_flag(true)
        .max_term_width(100)
        .arg(help_flag())
}

pub(super) fn help_about(topic: Option<&str>) -> Result<Typed, Failure> {
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
