use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::exit::{Exit, Failure};

/// The program that shows the window.
#[cfg(windows)]
const WINDOW: &str = "sockscope-window.exe";
#[cfg(not(windows))]
const WINDOW: &str = "sockscope-window";

/// `sockscope window`: the window is a program of its own, so that this one needs nothing that draws.
pub(crate) fn run(arguments: &[OsString]) -> Result<Exit, Failure> {
    let beside = env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    // Of the path, what depends on where one is, is passed over: whoever can write there would choose what runs.
    let path = env::var_os("PATH").unwrap_or_default();
    let places = beside.iter().cloned().chain(env::split_paths(&path).filter(|place| place.is_absolute()));
    let Some(program) = find(places) else {
        let beside = beside.unwrap_or_default();
        return Err(Failure::System(format!(
            "there is no {WINDOW}, neither in {} nor in PATH; `sockscope top` shows the same in a terminal",
            beside.display()
        )));
    };
    let mut command = Command::new(&program);
    command.args(arguments);
    let error = start(&mut command);
    Err(Failure::System(format!(
        "can't start {}: {error}; `sockscope top` shows the same in a terminal",
        program.display()
    )))
}

fn find(places: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    places.map(|place| place.join(WINDOW)).find(|program| is_program(program))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Becomes that program; returns only if it can't.
#[cfg(unix)]
fn start(command: &mut Command) -> std::io::Error {
    use std::os::unix::process::CommandExt;

    command.exec()
}

/// Waits for that program and ends as it ended; returns only if it can't be started.
#[cfg(not(unix))]
fn start(command: &mut Command) -> std::io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(3)),
        Err(error) => error,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_program_is_found() {
        let [first, second] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let places = || [first.path().to_owned(), second.path().to_owned()].into_iter();
        assert_eq!(find(places()), None);
        for place in [&first, &second] {
            fs::write(place.path().join(WINDOW), "").unwrap();
        }
        assert_eq!(find(places()), None, "a file that can't be run");
        let program = second.path().join(WINDOW);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(places()), Some(program));
    }
}
