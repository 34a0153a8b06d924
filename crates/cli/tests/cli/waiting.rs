use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::{Listener, is_usage_error, plain_environment, run, sockets, sport, stderr, stdout};

/// A port that is nobody's.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Begins to wait.
fn start(words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    plain_environment(&mut command);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_status_is_the_answer() {
    let listener = Listener::open();
    let there = format!("listening and {}", sport(listener.port));
    let not_there = format!("{} and state syn-sent", sport(listener.port));
    for (words, status) in [
        (&["wait", &there][..], 0),
        (&["wait", "--gone", &not_there], 0),
        (&["wait", "-tl", "--timeout", "0", &sport(listener.port)], 0),
        (&["wait", &not_there, "--timeout", "0"], 1),
        (&["wait", "--timeout=50ms", &not_there], 1),
        (&["--timeout", "0.05", "wait", "--gone", &there], 1),
        (&["wait", "--interval", "5ms", "--timeout", "50ms", "-u", &there], 1),
    ] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
        assert_eq!(stdout(&output), "", "{words:?}");
        assert_eq!(stderr(&output).lines().count(), usize::from(status == 1), "{words:?}: {output:?}");
    }
    let message = stderr(&run(&["wait", "--timeout", "20ms", &not_there]));
    assert_eq!(message, format!("sockscope: timed out after 20ms: no socket matches: {not_there}\n"));
    let message = stderr(&run(&["wait", "--gone", "--timeout", "0", &there]));
    assert!(message.starts_with(&format!("sockscope: a socket matches: tcp 127.0.0.1:{}", listener.port)), "{message}");
}

#[test]
fn what_it_waits_for_comes_and_goes() {
    let port = free_port();
    let there = format!("listening and {}", sport(port));
    let waiting = start(&["wait", "--json", &there, "--timeout", "1h"]);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(stderr(&output), "");
    let document = document(&output);
    assert_eq!((&document["matched"], &document["sockets"][0]["local"]["port"]), (&true.into(), &port.into()));
    assert!(document["waited_us"].as_u64().unwrap() > 0);

    let waiting = start(&["wait", "--gone", "--json", &there]);
    drop(listener);
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(self::document(&output)["matched"], false);
}

#[test]
fn json_says_what_matches_in_the_end() {
    let listener = Listener::open();
    let there = format!("listening and {}", sport(listener.port));
    let not_there = format!("{} and state syn-sent", sport(listener.port));
    for (words, status, matched, least) in [
        (&["wait", "--json", &there][..], 0, true, 0),
        (&["wait", "--json", &not_there, "--timeout", "30ms"], 1, false, 30_000),
        (&["wait", "--json", "--gone", &there, "--timeout", "30ms"], 1, true, 30_000),
        (&["wait", "--json", "--gone", &not_there], 0, false, 0),
    ] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
        let document = document(&output);
        assert_eq!(
            document.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(),
            ["matched", "sockets", "waited_us"]
        );
        assert_eq!(document["matched"], matched, "{words:?}");
        assert!(document["waited_us"].as_u64().unwrap() >= least, "{words:?}: {document}");
        let listed = document["sockets"].as_array().unwrap();
        assert_eq!(listed.len(), usize::from(matched), "{words:?}");
        for socket in listed {
            assert_eq!((&socket["local"]["port"], &socket["no_owner"]), (&listener.port.into(), &"not-asked".into()));
        }
    }
    let output = run(&["wait", "--json", "-p", &there]);
    let owners = document(&output)["sockets"][0]["owners"].as_array().unwrap().clone();
    let expected = sockets(&["--json", &there]);
    assert!(owners.iter().any(|owner| owner["pid"] == std::process::id() && !owner["path"].is_null()), "{owners:?}");
    assert_eq!(expected.len(), 1);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for words in [&["wait"][..], &["wait", "--gone"], &["wait", " ", "--timeout", "1s"], &["wait", "-l"]] {
        assert!(is_usage_error(words).contains("needs a filter"), "{words:?}");
    }
    is_usage_error(&["wait", "state", "nonsense"]);
    for time in ["soon", "-1s", "1y", "", "1e9", "99999999999999999999s"] {
        assert!(is_usage_error(&["wait", &format!("--timeout={time}"), "tcp"]).contains("--timeout"), "{time}");
    }
    assert!(is_usage_error(&["wait", "--interval", "0", "tcp"]).contains("1ms at least"));
    is_usage_error(&["wait", "--csv", "tcp"]);
    is_usage_error(&["assert", "--timeout", "1s", "tcp"]);
    let elsewhere = if cfg!(windows) { "sock_diag" } else { "get_table2" };
    let output = run(&["wait", "--source", elsewhere, "tcp"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(stdout(&output), "");
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;
    use crate::pty;

    /// Even if it looks a hundred times.
    #[test]
    fn what_can_not_be_seen_is_said_once() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
        plain_environment(&mut command);
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        // All sockets of others are hidden; there is one that is, or else nothing is to be said.
        let output = command.args(["--json"]).output().unwrap();
        let hidden = stdout(&output).contains("owners-need-root");
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
        plain_environment(&mut command);
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        command.args(["wait", "process = no-such-program", "--interval", "1ms", "--timeout", "200ms"]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let notices = stderr(&output).lines().filter(|line| line.contains("sudo")).count();
        assert_eq!(notices, usize::from(hidden), "{output:?}");
    }

    #[test]
    fn an_interrupt_ends_it() {
        let port = free_port();
        let waiting = start(&["wait", &sport(port)]);
        kill_process(Pid::from_raw(waiting.id().cast_signed()).unwrap(), Signal::INT).unwrap();
        let output = waiting.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(Signal::INT.as_raw()), "{output:?}");
        assert_eq!(stdout(&output), "");
    }

    #[test]
    fn on_a_terminal_it_says_that_it_waits() {
        let port = free_port();
        let mut listener = None;
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
        plain_environment(&mut command);
        command.args(["wait", &sport(port)]);
        let (output, seen) = pty::on_a_terminal(&mut command, "waiting ... 1 s", b"", || {
            listener = Some(TcpListener::bind(("127.0.0.1", port)).unwrap());
        });
        assert_eq!(output.status.code(), Some(0), "{seen}");
        assert_eq!(stdout(&output), "");
    }
}
