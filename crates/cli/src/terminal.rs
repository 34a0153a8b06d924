use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::args::When;

/// Room for the output of some hundred rows a system call.
const BUFFER: usize = 128 * 1024;

#[cfg(not(windows))]
type Raw = StdoutLock<'static>;
/// Older Windows consoles understand colours only after they are told, or not at all: `anstream` sees to both.
#[cfg(windows)]
type Raw = anstream::AutoStream<StdoutLock<'static>>;

/// Standard output, locked and buffered. What is still in the buffer when it is dropped is lost: end with `flush`.
pub(crate) fn stdout() -> BufWriter<Raw> {
    let raw = io::stdout().lock();
    #[cfg(windows)]
    let raw = anstream::AutoStream::always(raw);
    BufWriter::with_capacity(BUFFER, raw)
}

/// Writes all of `text` to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// What standard output (or error) is, asked once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    is_terminal: bool,
}

impl Terminal {
    /// Asks.
    pub(crate) fn of_stdout() -> Terminal {
        Terminal { is_terminal: io::stdout().is_terminal() }
    }

    /// Standard error, where questions are asked; `None` unless they can be seen there and answered on standard input.
    pub(crate) fn of_questions() -> Option<Terminal> {
        (io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Terminal { is_terminal: true })
    }

    /// Whether to write colours.
    pub(crate) fn colour(self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                let variable = |name: &str| std::env::var_os(name).map(|it| it.to_string_lossy().into_owned());
                wanted(variable, self.is_terminal)
            }
        }
    }

    /// How wide output may be: as told, where 0 is without limit, else as [`Terminal::width`] has it.
    pub(crate) fn width_or(self, told: Option<usize>) -> Option<usize> {
        match told {
            Some(0) => None,
            Some(width) => Some(width),
            None => self.width(),
        }
    }

    /// How many columns there are; `None` where it is no terminal, so that nothing is cut in a file.
    pub(crate) fn width(self) -> Option<usize> {
        if !self.is_terminal {
            return None;
        }
        let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let asked = || {
            terminal_size::terminal_size_of(io::stdout())
                .or_else(|| terminal_size::terminal_size_of(io::stderr()))
                .map(|(width, _)| usize::from(width.0))
        };
        told.or_else(asked).filter(|columns| *columns > 0)
    }
}

/// Does the work. Where it takes longer than a second and standard error is a terminal, it says there what is being done.
pub(crate) fn with_progress<T>(doing: &str, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            let mut shown = false;
            for second in 1u64.. {
                match is_done.recv_timeout(Duration::from_secs(1)) {
                    Err(RecvTimeoutError::Timeout) => {
                        shown = true;
                        // If standard error is closed by now, nobody is left to tell.
                        let _ = write!(io::stderr(), "\r{doing} ... {second} s");
                    }
                    _ => break,
                }
            }
            if shown {
                let _ = write!(io::stderr(), "\r{:1$}\r", "", doing.len() + 16);
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// The usual variables, strongest first: NO_COLOR (no-color.org), CLICOLOR_FORCE and CLICOLOR (bixense.com/clicolors),
/// then what standard output is.
fn wanted(variable: impl Fn(&str) -> Option<String>, is_terminal: bool) -> bool {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    if variable("NO_COLOR").is_some() {
        return false;
    }
    if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    if variable("CLICOLOR").is_some_and(|value| value == "0") {
        return false;
    }
    let able = match variable("TERM") {
        Some(terminal) => terminal != "dumb",
        // Windows consoles do without the variable.
        None => cfg!(windows),
    };
    able && is_terminal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_about_colour() {
        let decide = |variables: &[(&str, &str)], is_terminal| {
            let variables = variables.to_vec();
            wanted(
                |name| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned()),
                is_terminal,
            )
        };
        let xterm = ("TERM", "xterm");
        assert!(decide(&[xterm], true));
        assert!(!decide(&[xterm], false));
        assert!(!decide(&[("TERM", "dumb")], true));
        assert!(!decide(&[xterm, ("NO_COLOR", "1")], true));
        assert!(decide(&[xterm, ("NO_COLOR", "")], true), "an empty NO_COLOR says nothing");
        assert!(decide(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!decide(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!decide(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true));
        assert!(!decide(&[xterm, ("CLICOLOR", "0")], true));
    }
}
