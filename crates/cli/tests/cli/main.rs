//! The program as its users run it. No test assumes sockets other than those it opens.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what tests share fails as tests do, and the lints spare only the tests themselves"
)]

/// `sockscope assert`.
mod asserting;
/// `sockscope close` and `-K`.
#[cfg(target_os = "linux")]
mod closing;
/// `sockscope compare`, where nothing is hidden.
#[cfg(target_os = "linux")]
mod comparing;
/// Filters that make no sense, that are long, or that are no text.
mod filters;
/// `sockscope kill`.
#[cfg(target_os = "linux")]
mod killing;
/// `sockscope list`.
mod listing;
/// `sockscope locate`, and places in listings.
mod locating;
/// `sockscope window`, which starts another program.
mod opening;
/// Help, version, man pages, completions.
mod pages;
/// Closed pipes and full disks.
mod pipes;
/// A terminal to ask on.
#[cfg(target_os = "linux")]
#[path = "../pty/mod.rs"]
mod pty;
/// The words behind `sockscope why`; its verdicts are in a test of their own.
mod reasons;
/// `sockscope wait`.
mod waiting;

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// The program, with nothing in the environment that changes what it prints.
fn sockscope() -> Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sockscope"));
    plain_environment(&mut command);
    Command::from_std(command)
}

/// Takes out of the environment what changes the output, the databases of whoever runs the tests included.
fn plain_environment(command: &mut std::process::Command) {
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(variable);
    }
    // Where Linux has configuration and data, and where Windows has.
    for variable in [
        "XDG_CONFIG_HOME",
        "XDG_CONFIG_DIRS",
        "XDG_DATA_HOME",
        "XDG_DATA_DIRS",
        "APPDATA",
        "LOCALAPPDATA",
        "ProgramData",
    ] {
        command.env(variable, "/nonexistent");
    }
    command.env_remove("SOCKSCOPE_DATABASE_KEY");
}

/// Runs it with these words.
fn run(words: &[&str]) -> Output {
    sockscope().args(words).output().unwrap()
}

/// The filter that means this local port.
fn sport(port: u16) -> String {
    format!("sport = :{port}")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Asserts that the run was refused for what was typed: status 2, a message, and nothing that a program could take for data.
#[track_caller]
fn is_usage_error(words: &[&str]) -> String {
    let output = run(words);
    assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
    assert_eq!(stdout(&output), "", "{words:?}");
    let message = stderr(&output);
    assert!(message.starts_with("sockscope: ") && message.ends_with('\n'), "{words:?}: {message:?}");
    message
}

/// The sockets of a listing that ended well.
#[track_caller]
fn sockets(words: &[&str]) -> Vec<Value> {
    let output = run(words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["sockets"].as_array().unwrap().clone()
}

/// A listener of our own.
struct Listener {
    socket: TcpListener,
    port: u16,
}

impl Listener {
    fn open() -> Listener {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        Listener { socket, port }
    }

    /// Both ends of a connection to it.
    fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let (server, _) = self.socket.accept().unwrap();
        (client, server)
    }
}

/// An unconnected UDP socket of our own.
fn udp() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}
