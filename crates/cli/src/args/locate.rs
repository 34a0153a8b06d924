use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::shared::{FORMATS, PLACES, PlaceArgs, common, flag, place_options, sections};
use crate::exit::Failure;
use crate::words;

/// The words behind `locate`.
#[derive(Debug)]
pub(crate) struct LocateArgs {
    pub(crate) places: PlaceArgs,
    pub(crate) list_databases: bool,
    pub(crate) json: bool,
    pub(crate) addresses: Vec<String>,
}

impl LocateArgs {
    pub(super) fn read(matches: &ArgMatches) -> Result<LocateArgs, Failure> {
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

pub(super) fn locate() -> Command {
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
