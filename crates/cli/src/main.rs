//! The command line program `sockscope`: the only crate that knows all the others.
//!
//! What was typed ([`args`]) becomes what it means ([`selection`], [`plan`]), and one file a command does it.

#![forbid(unsafe_code)]

/// What commands share that change something.
mod acting;
/// What was typed.
mod args;
/// The command `assert`.
mod assert;
/// The command `close`.
mod close;
/// The command `compare`.
mod compare;
/// How a run ends: exit codes and the errors behind them.
mod exit;
/// The command `kill`.
mod kill;
/// The command `list`.
mod list;
/// The command `locate`.
mod locate;
/// Help topics, man pages, shell completions, version.
mod pages;
/// Names of peers, as far as they come in time.
mod peer_names;
/// What `list` does.
mod plan;
/// Which command does the work.
mod run;
/// Which sockets are meant, and looking for them.
mod selection;
/// What the terminal can do, and writing to it.
mod terminal;
/// The command `top`.
mod top;
/// The command `wait`.
mod wait;
/// The command `watch`.
mod watch;
/// The command `why`.
mod why;
/// The command `window`.
mod window;
/// The words of the help.
mod words;

fn main() -> std::process::ExitCode {
    sockscope_sys::serve_apart();
    run::run(std::env::args_os().skip(1)).into()
}
