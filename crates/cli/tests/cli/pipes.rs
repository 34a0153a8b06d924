use std::io::pipe;
use std::process::{Command, Output, Stdio};

use crate::{Listener, sport};

/// Runs the program with these ends of its output; what is not given is gathered.
fn run_into(words: &[&str], stdout: Stdio, stderr: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    command.args(words).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    command.spawn().unwrap().wait_with_output().unwrap()
}

/// A pipe that nobody reads any more.
fn closed_pipe() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

const DATA: [&[&str]; 15] = [
    &[],
    &["--json", "--no-owners"],
    &["--ndjson", "--no-owners"],
    &["--csv", "--no-owners"],
    &["--csv", "-H", "--no-owners"],
    &["--html", "--no-owners"],
    &["--columns", "help"],
    &["-h"],
    &["--help"],
    &["help", "filter"],
    &["list", "--help"],
    &["--version"],
    &["--version", "--verbose"],
    &["completions", "bash"],
    &["man"],
];

#[test]
fn a_closed_pipe_ends_quietly() {
    let _listener = Listener::open();
    for words in DATA {
        let output = run_into(words, closed_pipe(), Stdio::piped());
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(message, "", "{words:?}");
    }
}

#[test]
fn an_assertion_into_a_closed_pipe_is_quiet_too() {
    let listener = Listener::open();
    let output = run_into(&["assert", "--json", &sport(listener.port)], closed_pipe(), Stdio::piped());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let _listener = Listener::open();
    for words in DATA {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = run_into(words, full.into(), Stdio::piped());
        assert_eq!(output.status.code(), Some(3), "{words:?}: {output:?}");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.starts_with("sockscope: can't write to standard output: "), "{words:?}: {message}");
    }
}

#[test]
fn messages_that_nobody_reads_harm_nobody() {
    for (words, status) in
        [(&["--nonsense"][..], 2), (&["state", "nonsense"], 2), (&["--source", "bpf"], 3), (&["history"], 2)]
    {
        let output = run_into(words, Stdio::piped(), closed_pipe());
        assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
    }
}
