use std::ffi::OsString;

use crate::args::{self, Typed, When};
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;
use crate::{assert, close, compare, kill, list, locate, pages, terminal, top, wait, watch, why, window, words};

/// Runs the program with the words behind its name.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> Exit {
    match args::parse(words).and_then(command) {
        Ok(exit) => exit,
        Err(failure) => {
            failure.report();
            failure.exit()
        }
    }
}

fn command(typed: Typed) -> Result<Exit, Failure> {
    match typed {
        Typed::List(args) => return list::run(&args),
        Typed::Watch(args) => return watch::run(&args),
        Typed::Why(args) => return why::run(&args),
        Typed::Top(args) => return top::run(&args),
        Typed::Window(arguments) => return window::run(&arguments),
        Typed::Assert(args) => return assert::run(&args),
        Typed::Close(args) => return close::run(&args),
        Typed::Compare(args) => return compare::run(&args),
        Typed::Kill(args) => return kill::run(&args),
        Typed::Wait(args) => return wait::run(&args),
        Typed::Locate(args) => return locate::run(&args),
        Typed::Completions(shell) => pages::completions(shell)?,
        Typed::Man(args) => pages::man(&args)?,
        Typed::FilterHelp => terminal::print(words::FILTER).map_err(Failure::Output)?,
        Typed::Version(verbose) => pages::version(verbose)?,
        Typed::Page(page) => {
            let page =
                if Terminal::of_stdout().colour(When::Auto) { page.ansi().to_string() } else { page.to_string() };
            terminal::print(&page).map_err(Failure::Output)?;
        }
    }
    Ok(Exit::Done)
}
