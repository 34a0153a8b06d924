//! The program as its users start it, as far as no display is needed.

#![allow(clippy::unwrap_used, reason = "tests fail by it")]

use std::process::{Command, Output};

/// The status, and what was said on standard error.
fn run(words: &[&str], display: Option<&str>) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope-window"));
    command.args(words).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    command.env("XDG_STATE_HOME", home.path()).env("LOCALAPPDATA", home.path());
    if let Some(display) = display {
        command.env("DISPLAY", display);
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&stdout), "");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[cfg(unix)]
#[test]
fn without_a_display_the_terminal_is_named() {
    for (display, word) in [(None, "DISPLAY"), (Some("/nowhere:7"), "/nowhere:7")] {
        let (status, message) = run(&[], display);
        assert_eq!(status, Some(3), "{message}");
        assert!(message.contains("`sockscope top`") && message.contains(word), "{message}");
        assert!(message.lines().count() == 1 && !message.contains(".rs:"), "{message}");
    }
}

#[test]
fn words_that_make_no_sense_are_a_usage_error() {
    for words in [
        &["--nonsense"][..],
        &["--interval", "1ms"],
        &["--language", "xx"],
        &["--theme", "pink"],
        &["--source", "nobody"],
        &["--replay", "x", "--source", "auto"],
    ] {
        let (status, message) = run(words, None);
        assert_eq!(status, Some(2), "{words:?}: {message}");
    }
}

#[test]
fn files_that_can_t_be_read_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let nothing = directory.path().join("nothing.dat");
    let nothing = nothing.to_str().unwrap();
    for option in ["--database", "--replay"] {
        let (status, message) = run(&[option, nothing], None);
        assert_eq!(status, Some(3), "{message}");
        assert!(message.contains("nothing.dat"), "{message}");
    }
}

#[test]
fn help_version_and_manual_page_need_no_display() {
    let home = tempfile::tempdir().unwrap();
    for (option, expected) in [
        ("--help", "Usage: sockscope-window"),
        ("--version", concat!("sockscope-window ", env!("CARGO_PKG_VERSION"))),
        ("--man", ".TH SOCKSCOPE-WINDOW 1"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope-window"));
        command.arg(option).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("XDG_STATE_HOME", home.path());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()), "{option}");
        assert!(text.contains(expected), "{option}: {text}");
    }
}
