use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};
use sockscope::geo::{Database, Language};

use crate::args::{self, ManArgs, PROGRAM};
use crate::exit::Failure;
use crate::{selection, terminal, words};

/// `sockscope completions SHELL`.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut command = args::everything_for_completion();
    // In memory first: the generator panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, PROGRAM, &mut script);
    let mut out = terminal::stdout();
    out.write_all(&script).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// `sockscope man`.
pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut everything = args::everything();
    everything.build();
    if let Some(directory) = &args.directory {
        return write_all_pages(&everything, Path::new(directory));
    }
    let command = match args.command.as_deref() {
        None | Some(PROGRAM) => Some(&everything),
        Some(name) => everything.find_subcommand(name),
    };
    let Some(command) = command else {
        let name = args.command.as_deref().unwrap_or_default();
        return Err(Failure::Usage(format!("there is no command '{name}'")));
    };
    let page = man_page(command).map_err(Failure::Output)?;
    let mut out = terminal::stdout();
    out.write_all(&page).and_then(|()| out.flush()).map_err(Failure::Output)
}

/// `sockscope --version`.
pub(crate) fn version(verbose: bool) -> Result<(), Failure> {
    let mut text = format!("{PROGRAM} {}\n", env!("CARGO_PKG_VERSION"));
    if verbose {
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        let sources: Vec<&str> = selection::source_names().collect();
        let _ = writeln!(text, "target:  {}", env!("SOCKSCOPE_TARGET"));
        let _ = writeln!(text, "build:   {build}");
        let _ = writeln!(text, "sources: {}", sources.join(", "));
        let database = Database::embedded(&Language::default());
        let info = database.info();
        let _ = writeln!(text, "licence: {}", env!("CARGO_PKG_LICENSE"));
        let _ = writeln!(text, "places:  {} ({})", info.attribution.unwrap_or(&info.name), info.licence);
    }
    terminal::print(&text).map_err(Failure::Output)
}

fn write_all_pages(everything: &Command, directory: &Path) -> Result<(), Failure> {
    let refused = |doing: &str, path: &Path, error: &io::Error| {
        Failure::System(format!("can't {doing} {}: {error}", path.display()))
    };
    std::fs::create_dir_all(directory).map_err(|error| refused("make the directory", directory, &error))?;
    for command in std::iter::once(everything).chain(everything.get_subcommands()) {
        let path = directory.join(format!("{}.1", page_name(command)));
        man_page(command)
            .and_then(|page| std::fs::write(&path, page))
            .map_err(|error| refused("write", &path, &error))?;
    }
    Ok(())
}

/// `sockscope` or `sockscope-list`.
fn page_name(command: &Command) -> String {
    match command.get_name() {
        PROGRAM => PROGRAM.to_owned(),
        name => format!("{PROGRAM}-{name}"),
    }
}

fn man_page(command: &Command) -> io::Result<Vec<u8>> {
    let is_program = command.get_name() == PROGRAM;
    let name = page_name(command);
    // The examples and tables behind the options have sections of their own here.
    let bare = command.clone().display_name(name.clone()).after_help("").after_long_help("");
    let man = Man::new(bare)
        .title(name.to_uppercase())
        .source(format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION")))
        .manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    synopsis(command).to_writer(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if is_program {
        commands(command).to_writer(&mut page)?;
    }
    for (title, text) in sections(command.get_name()) {
        let mut roff = Roff::new();
        roff.control("SH", [title]);
        roff.control("nf", []);
        for line in text.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        roff.to_writer(&mut page)?;
    }
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    let others = std::iter::once(PROGRAM.to_owned())
        .chain(args::COMMANDS.map(|name| format!("{PROGRAM}-{name}")))
        .filter(|other| *other != name)
        .flat_map(|other| [bold(other), roman("(1), ")])
        .chain([bold("ss"), roman("(8), "), bold("netstat"), roman("(8)")]);
    roff.text(others.collect::<Vec<Inline>>());
    roff.to_writer(&mut page)?;
    Ok(page)
}

/// The usage as the help has it; the generator's own would show each option and forget that `list` may be left out.
fn synopsis(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let usage = command.clone().render_usage().to_string();
    for (index, line) in usage.trim_start_matches("Usage:").lines().enumerate() {
        if index > 0 {
            roff.control("br", []);
        }
        roff.text([roman(line.trim())]);
    }
    roff
}

fn commands(program: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for command in program.get_subcommands() {
        roff.control("TP", []);
        roff.text([bold(page_name(command)), roman("(1)")]);
        roff.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
    }
    roff
}

/// What follows the options on the page of a command.
fn sections(name: &str) -> Vec<(&'static str, &'static str)> {
    match name {
        PROGRAM => vec![
            ("EXAMPLES", words::LIST_EXAMPLES),
            ("FILTERS", words::FILTER),
            ("EXIT STATUS", words::LIST_STATUS),
            ("ENVIRONMENT", words::ENVIRONMENT),
        ],
        "list" => vec![
            ("EXAMPLES", words::LIST_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::LIST_STATUS),
            ("ENVIRONMENT", words::ENVIRONMENT),
        ],
        "assert" => vec![
            ("EXAMPLES", words::ASSERT_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::ASSERT_STATUS),
        ],
        "close" => vec![
            ("EXAMPLES", words::CLOSE_EXAMPLES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::CLOSE_STATUS),
        ],
        "compare" => vec![
            ("EXAMPLES", words::COMPARE_EXAMPLES),
            ("CAUSES", words::COMPARE_CAUSES),
            ("FILTERS", words::FILTER_SUMMARY),
            ("EXIT STATUS", words::COMPARE_STATUS),
        ],
        "locate" => vec![
            ("EXAMPLES", words::LOCATE_EXAMPLES),
            ("DATABASES", words::DATABASES),
            ("EXIT STATUS", words::LOCATE_STATUS),
        ],
        "window" => vec![("EXAMPLES", words::WINDOW_EXAMPLES), ("EXIT STATUS", words::WINDOW_STATUS)],
        "completions" => vec![("EXAMPLES", words::COMPLETIONS_EXAMPLES)],
        "man" => vec![("EXAMPLES", words::MAN_EXAMPLES)],
        _ => vec![],
    }
}
