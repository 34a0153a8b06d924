use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use sockscope::DatabaseError;
use sockscope_model::{Notice, SourceError};
use sockscope_output::clean;

/// How a run ended. The numbers are promised to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or the answer is yes.
    Done = 0,
    /// The answer is no.
    No = 1,
    /// A flag, a filter or an argument is wrong.
    Usage = 2,
    /// The operating system refused or failed.
    System = 3,
    /// Some of what was to be done was refused.
    Partly = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command stopped before its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was typed makes no sense; the message points at the place.
    Usage(String),
    /// The operating system refused or failed; the message says what, on which object, and what would help.
    System(String),
    /// Standard output took no more.
    Output(io::Error),
}

impl Failure {
    /// What the process ends with. Whoever closed the pipe has seen enough: that is a normal end.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Output(error) if is_closed_pipe(error) => Exit::Done,
            Failure::System(_) | Failure::Output(_) => Exit::System,
        }
    }

    /// Tells the user, on standard error.
    pub(crate) fn report(&self) {
        if self.exit() != Exit::Done {
            complain(&self.to_string());
        }
    }
}

/// Whether whoever read what we write does so no more.
pub(crate) fn is_closed_pipe(error: &io::Error) -> bool {
    // "No process is on the other end of the pipe" (winerror.h), which the standard library takes for something else.
    const ERROR_PIPE_NOT_CONNECTED: i32 = 233;
    error.kind() == io::ErrorKind::BrokenPipe || cfg!(windows) && error.raw_os_error() == Some(ERROR_PIPE_NOT_CONNECTED)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(message) | Failure::System(message) => f.write_str(message),
            Failure::Output(error) => write!(f, "can't write to standard output: {error}"),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        Failure::System(error.to_string())
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Failure {
        Failure::System(clean(&error.to_string()).into_owned())
    }
}

/// What is missing, and why. It may name files and what is in them.
pub(crate) fn complain_notice(notice: &Notice) {
    complain(&format!("notice: {}", clean(&notice.message)));
}

/// One message on standard error. If that is closed too, nobody is left to tell.
pub(crate) fn complain(message: &str) {
    let message = message.trim_end_matches('\n');
    // One write, so that messages of programs that share a standard error do not mix.
    let _ = io::stderr().write_all(format!("sockscope: {message}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_a_normal_end_and_a_full_disk_is_not() {
        assert_eq!(Failure::Output(io::ErrorKind::BrokenPipe.into()).exit(), Exit::Done);
        assert_eq!(Failure::Output(io::ErrorKind::StorageFull.into()).exit(), Exit::System);
    }
}
