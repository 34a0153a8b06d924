use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use crate::{plain_environment, stderr, stdout};

/// A directory with the program alone: where it was built, the window may be too.
fn alone() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join(format!("sockscope{EXE_SUFFIX}"));
    copy(&program);
    (directory, program)
}

/// A copy of ours. Not by a file of this process that is open for writing: a child that another test starts meanwhile would have it
/// too, and what somebody may write can't be run.
fn copy(to: &Path) {
    let ours = env!("CARGO_BIN_EXE_sockscope");
    if cfg!(unix) {
        assert!(std::process::Command::new("cp").arg(ours).arg(to).status().unwrap().success());
    } else {
        std::fs::copy(ours, to).unwrap();
    }
}

fn run(program: &Path, path: &Path, words: &[&str]) -> Output {
    let mut command = std::process::Command::new(program);
    plain_environment(&mut command);
    command.env("PATH", path).args(words).output().unwrap()
}

#[test]
fn a_window_that_is_not_installed_is_named() {
    let (directory, program) = alone();
    let elsewhere = tempfile::tempdir().unwrap();
    for words in [&["window"][..], &["window", "--help"], &["--resolve", "window", "--filter", "tcp"]] {
        let output = run(&program, elsewhere.path(), words);
        assert_eq!(output.status.code(), Some(3), "{words:?}: {output:?}");
        assert_eq!(stdout(&output), "");
        let message = stderr(&output);
        assert_eq!(message.lines().count(), 1, "{message}");
        let place = directory.path().canonicalize().unwrap();
        let place = place.file_name().unwrap().to_str().unwrap();
        let name = format!("sockscope-window{EXE_SUFFIX}");
        for part in ["sockscope: ", &name, place, "PATH", "`sockscope top`"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

/// A copy of our program stands for the window: what it says and how it ends is seen.
#[test]
fn the_window_gets_all_words_and_its_status_is_ours() {
    let (directory, program) = alone();
    let nothing = tempfile::tempdir().unwrap();
    copy(&directory.path().join(format!("sockscope-window{EXE_SUFFIX}")));
    let run = |words: &[&str]| run(&program, nothing.path(), words);

    let output = run(&["window", "locate", "--help"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("Usage: sockscope locate"), "{output:?}");
    let output = run(&["window", "assert", "sport = :0 and dport = :1"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let output = run(&["window", "--nonsense"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("--nonsense"), "{output:?}");
    // What comes before the command belongs to it as well.
    let output = run(&["--json", "window", "--limit", "0"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).trim_start().starts_with('{'), "{output:?}");
}

#[cfg(unix)]
#[test]
fn words_come_through_as_they_are_and_the_path_is_searched() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let (_directory, program) = alone();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/usr/bin/printf", elsewhere.path().join("sockscope-window")).unwrap();
    let mut command = std::process::Command::new(&program);
    plain_environment(&mut command);
    let words = [b"window".as_slice(), b"[%s]", b"a b", b"", b"--all-namespaces", b"\xff"].map(OsStr::from_bytes);
    let output = command.env("PATH", elsewhere.path()).args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stdout, b"[a b][][--all-namespaces][\xff]");
}
