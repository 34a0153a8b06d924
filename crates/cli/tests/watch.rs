//! `sockscope watch` on real sockets, in network namespaces of their own, so that nothing else opens or closes any there.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what can't be made or is not there is a failed test")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sockscope_testkit::{Counts, Running};

/// A machine with three sockets that nobody touches.
fn quiet() -> Running {
    Running::start(&["--netns", "load", "--connections", "1"]).unwrap()
}

/// A watch that has begun.
struct Watch {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Watch {
    fn start(running: &Running, words: &[&str]) -> Watch {
        let mut command = running.command(env!("CARGO_BIN_EXE_sockscope")).unwrap();
        for variable in ["XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS"] {
            command.env(variable, "/nonexistent");
        }
        Watch::spawn(command.arg("watch").args(words))
    }

    fn spawn(command: &mut Command) -> Watch {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Watch { child, output }
    }

    /// For people, begun: its titles are there.
    fn begun(running: &Running, words: &[&str]) -> Watch {
        let mut watch = Watch::start(running, words);
        assert!(watch.line().starts_with("TIME (UTC)"));
        watch
    }

    /// For programs, begun: something that was opened for it is told. All that goes is told before it returns.
    fn for_programs(running: &Running, words: &[&str]) -> Watch {
        let mut watch = Watch::start(running, &[&["--ndjson"], words].concat());
        let (told, is_told) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let output = &mut watch.output;
            scope.spawn(move || {
                let mut line = String::new();
                output.read_line(&mut line).unwrap();
                told.send(()).unwrap();
            });
            loop {
                drop(running.start_beside(&["load", "--connections", "1"]).unwrap());
                if is_told.recv_timeout(Duration::from_millis(200)).is_ok() {
                    break;
                }
            }
        });
        watch
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// What it still prints, what it says at the end, and how it ends.
    fn end(mut self) -> (String, String, ExitStatus) {
        let (mut output, mut message) = (String::new(), String::new());
        self.output.read_to_string(&mut output).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
        (output, message, self.child.wait().unwrap())
    }

    fn interrupt(self) -> (String, String, ExitStatus) {
        self.signal(Signal::INT);
        self.end()
    }
}

/// `N opened, N closed, N missed`, the last line.
fn summary(message: &str) -> (u64, u64, u64) {
    let line = message.lines().last().unwrap();
    let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    assert_eq!([words[0], words[2], words[4], words[6]], ["sockscope:", "opened", "closed", "missed"], "{message}");
    (words[1].parse().unwrap(), words[3].parse().unwrap(), words[5].parse().unwrap())
}

/// Opens and closes connections at full speed, until that many were begun; how many it were.
fn churn(running: &Running, connections: u64, words: &[&str]) -> u64 {
    let opens = || {
        let text = std::fs::read_to_string(format!("/proc/{}/net/snmp", running.report.pid)).unwrap();
        let values: Vec<&str> = text.lines().rfind(|line| line.starts_with("Tcp:")).unwrap().split(' ').collect();
        // ActiveOpens (RFC 4022).
        values[5].parse::<u64>().unwrap()
    };
    let before = opens();
    let none = ["churn", "--udp-threads", "0", "--listen-threads", "0"];
    let churn = running.start_beside(&[&none, words].concat()).unwrap();
    while opens() < before + connections {
        std::thread::sleep(Duration::from_millis(5));
    }
    let done = churn.stop().unwrap();
    let counts: Counts = serde_json::from_str(done.trim().strip_prefix("done ").unwrap()).unwrap();
    assert!(counts.tcp >= connections, "{counts:?}");
    counts.tcp
}

#[test]
fn ten_thousand_short_connections_are_each_told_once() {
    let running = quiet();
    let mut watch = Watch::for_programs(&running, &["-t"]);
    let (mut told, mut connections) = (HashMap::<String, [u32; 2]>::new(), 0);
    let mut lines = String::new();
    std::thread::scope(|scope| {
        let output = &mut watch.output;
        let reader = scope.spawn(move || {
            let mut lines = String::new();
            output.read_to_string(&mut lines).unwrap();
            lines
        });
        connections = churn(&running, 10_000, &[]);
        let pid = Pid::from_raw(i32::try_from(watch.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        lines = reader.join().unwrap();
    });
    let (_, message, status) = watch.end();
    assert!(status.success());
    let (opened, closed, missed) = summary(&message);
    assert_eq!((opened >= 2 * connections, closed >= 2 * connections, missed), (true, true, 0), "{message}");
    for line in lines.lines() {
        let change: Value = serde_json::from_str(line).unwrap();
        let kind = match change["change"].as_str().unwrap() {
            "opened" => 0,
            "closed" => 1,
            _ => continue,
        };
        let times = &mut told.entry(change["socket"]["cookie"].as_str().unwrap().to_owned()).or_default()[kind];
        *times += 1;
        assert_eq!(*times, 1, "told twice: {line}");
        // Of the end that was reset by its own program the kernel forgets the peer.
        if kind == 1 && !change["socket"]["remote"].is_null() {
            assert!(change["socket"]["traffic"]["sent_bytes"].is_u64(), "{line}");
        }
    }
    let both = told.values().filter(|[opened, closed]| opened + closed == 2).count();
    // Connections that began before this test read are told, too.
    assert!(both as u64 >= 2 * connections, "{both} of {connections}");
}

#[test]
fn sigterm_ends_it_as_ctrl_c_does_and_is_seen_by_who_waits() {
    let running = quiet();
    let watch = Watch::begun(&running, &[]);
    drop(running.start_beside(&["load", "--connections", "1"]).unwrap());
    watch.signal(Signal::TERM);
    let (output, message, status) = watch.end();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{message}");
    let (opened, closed, missed) = summary(&message);
    assert!(opened >= 3 && closed >= 3 && missed == 0, "{message}{output}");
    assert_eq!(
        output.lines().filter(|line| line.split_whitespace().nth(1) == Some("closed")).count() as u64,
        closed,
        "{output}"
    );
}

#[test]
fn without_events_the_loss_is_stated() {
    for words in [&["-t", "--no-events"][..], &["--source", "procfs"], &["-t", "--no-events", "dport > 0"]] {
        let running = quiet();
        let watch = Watch::begun(&running, words);
        let connections = churn(&running, 10_000, &[]);
        let (output, message, status) = watch.interrupt();
        assert!(status.success());
        let (opened, closed, missed) = summary(&message);
        let told = output.lines().filter(|line| line.contains(" opened ") && !line.contains(" - ")).count() as u64;
        let lost = 2 * connections - told;
        assert!(missed.abs_diff(lost) * 10 <= lost, "{missed} missed, {lost} lost: {message}");
        assert_eq!(message.contains("estimated)"), words.contains(&"dport > 0"), "{message}");
        assert!(opened >= told && closed <= opened);
    }
}

#[test]
fn a_reader_that_is_gone_ends_it() {
    let running = quiet();
    let mut watch = Watch::begun(&running, &[]);
    drop(watch.output);
    // Nothing more is ever printed, and yet it ends.
    assert!(watch.child.wait().unwrap().success());
    let mut message = String::new();
    watch.child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    assert!(!message.contains("Broken pipe"), "{message}");
}

#[test]
fn a_full_pipe_loses_nothing_and_does_not_hold_it_up_when_it_shall_end() {
    let running = quiet();
    let watch = Watch::begun(&running, &["-t"]);
    let connections = churn(&running, 5_000, &[]);
    // Nobody has read so far: a pipe holds some hundred lines.
    let (output, message, status) = watch.interrupt();
    assert!(status.success());
    let (opened, _, missed) = summary(&message);
    let lines = output.lines().filter(|line| line.contains(" opened ")).count() as u64;
    assert!(lines >= 2 * connections && opened >= 2 * connections, "{lines} of {connections}: {message}");
    assert_eq!(missed, 0, "{message}");

    let mut watch = Watch::begun(&running, &["-t"]);
    churn(&running, 5_000, &[]);
    watch.signal(Signal::INT);
    // Nobody reads, ever, and yet it ends and says so.
    let status = watch.child.wait().unwrap();
    let (_, message, _) = watch.end();
    assert!(status.success() && message.contains(" opened, "), "{message}");
}

#[test]
fn it_ends_though_messages_and_lines_go_into_the_same_full_pipe() {
    let running = quiet();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = running.command(env!("CARGO_BIN_EXE_sockscope")).unwrap();
    command.args(["watch", "-t", "--no-place"]).stdin(Stdio::null());
    let mut child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    drop(command);
    // Its titles are there, behind notices if there are any; then nobody reads.
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    while !line.starts_with("TIME (UTC)") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended");
    }
    churn(&running, 5_000, &[]);
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn it_goes_on_after_it_was_stopped() {
    let running = quiet();
    let watch = Watch::begun(&running, &["-t"]);
    watch.signal(Signal::STOP);
    let connections = churn(&running, 2_000, &[]);
    watch.signal(Signal::CONT);
    let (output, message, status) = watch.interrupt();
    assert!(status.success());
    let opened = output.lines().filter(|line| line.contains(" opened ")).count() as u64;
    let (_, _, missed) = summary(&message);
    assert!(opened + missed >= 2 * connections, "{opened} told, {missed} missed, of {connections}");
}

#[test]
fn a_connection_that_enters_time_wait_is_closed_once() {
    let running = quiet();
    let watch = Watch::for_programs(&running, &["-t", "--interval", "20ms"]);
    let connections = churn(&running, 200, &["--time-wait"]);
    let (output, message, _) = watch.interrupt();
    let mut ends: HashMap<(String, String), i32> = HashMap::new();
    let mut count = 0;
    // What was there when it began is only told to close.
    let mut opened = std::collections::HashSet::new();
    for line in output.lines() {
        let change: Value = serde_json::from_str(line).unwrap();
        let socket = &change["socket"];
        let step = match change["change"].as_str().unwrap() {
            "opened" => 1,
            "closed" => -1,
            _ => 0,
        };
        let cookie = socket["cookie"].to_string();
        if step == 1 {
            opened.insert(cookie.clone());
        }
        if socket["remote"].is_null() || step == 0 || !opened.contains(&cookie) {
            continue;
        }
        count += u64::from(step == 1);
        let end = |end: &Value| format!("{}:{}", end["address"], end["port"]);
        let open = ends.entry((end(&socket["local"]), end(&socket["remote"]))).or_default();
        *open += step;
        assert!((0..=1).contains(open), "{line}");
    }
    assert!(count >= 2 * connections, "{count} of {connections}: {message}");
    assert!(ends.values().all(|open| *open == 0));
}

#[test]
fn it_ends_after_so_many_lines_and_shows_only_what_was_asked_for() {
    let running = quiet();
    let mut watch = Watch::begun(&running, &["-t", "--events", "closed", "--count", "3"]);
    let mut lines = String::new();
    std::thread::scope(|scope| {
        let output = &mut watch.output;
        let reader = scope.spawn(move || {
            let mut lines = String::new();
            output.read_to_string(&mut lines).unwrap();
            lines
        });
        churn(&running, 10, &[]);
        lines = reader.join().unwrap();
    });
    let (_, message, status) = watch.end();
    assert!(status.success() && summary(&message).1 >= 3, "{message}");
    assert_eq!(lines.lines().filter(|line| line.contains(" closed ")).count(), 3);
    assert_eq!(lines.lines().count(), 3, "{lines}");
}

#[test]
fn a_filter_means_sockets_as_they_are_or_were() {
    let running = quiet();
    let watch = Watch::for_programs(&running, &["-t", "state established"]);
    let other = Watch::begun(&running, &["-t", "sport = :1"]);
    let connections = churn(&running, 50, &[]);
    let (output, ..) = watch.interrupt();
    let closed = output.lines().filter(|line| line.contains("\"change\":\"closed\"")).count() as u64;
    // Of an end that its own program resets, the kernel forgets what it was.
    assert!(closed >= connections, "{closed} of {connections}");
    let without_peer = output.lines().filter(|line| line.contains("\"remote\":null"));
    assert!(
        without_peer.clone().all(|line| line.contains("\"state\":\"established\"")),
        "listeners are never established"
    );
    let (output, message, _) = other.interrupt();
    assert_eq!((output.as_str(), summary(&message)), ("", (0, 0, 0)), "nobody has that port");
}
