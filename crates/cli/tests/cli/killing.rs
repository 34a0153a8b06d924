use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use rustix::thread::CapabilitySet;
use serde_json::Value;
use sockscope_testkit::{Running, binary};

use crate::{is_usage_error, plain_environment, pty, run, sport, stderr, stdout};

/// The name of the programs that are ended here, and nothing else is.
const NAME: &str = "sockscope-testk";

/// A server of its own, and its port.
fn serve(arguments: &[&str]) -> (Running, u16) {
    let running = Running::start(&[&["serve"], arguments].concat()).unwrap();
    let port = running.report.case("listener").local.port;
    (running, port)
}

/// A client of it, in a process of its own.
fn connect(port: u16) -> Running {
    Running::start(&["connect", &format!("127.0.0.1:{port}")]).unwrap()
}

/// `sockscope-testk[12]`
fn name(running: &Running) -> String {
    format!("{NAME}[{}]", running.report.pid)
}

/// Asserts that the process goes on, and ends it: as it does when its input ends.
#[track_caller]
fn lives(running: Running) {
    running.stop().unwrap();
}

/// Asserts that it was ended from outside.
#[track_caller]
fn is_ended(running: Running) {
    let error = running.stop().unwrap_err().to_string();
    assert!(error.contains("signal: "), "{error}");
}

fn lines(output: &Output) -> Vec<Value> {
    output.stdout.split_inclusive(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("needs root");
    }
    root
}

#[test]
fn the_listener_ends_and_its_client_lives() {
    for filter in [sport, |port| format!("port = {port}"), |port| format!("src 127.0.0.1:{port} or dport = :{port}")] {
        let (server, port) = serve(&[]);
        let client = connect(port);
        let filter = filter(port);
        let output = run(&["kill", "--yes", &filter]);
        assert_eq!(output.status.code(), Some(0), "{filter}: {output:?}");
        assert_eq!(stdout(&output), format!("ended {} (tcp 127.0.0.1:{port} - listen)\n", name(&server)));
        if filter.starts_with("sport") {
            assert_eq!(stderr(&output), "");
        } else {
            assert!(stderr(&output).contains("left alone") && stderr(&output).contains(&name(&client)), "{output:?}");
        }
        is_ended(server);
        lives(client);
        assert_eq!(run(&["kill", "--yes", &filter]).status.code(), Some(1), "nobody listens any more");
    }
}

#[test]
fn clients_are_ended_by_the_port_of_their_peer() {
    let (server, port) = serve(&[]);
    let clients = [connect(port), connect(port)];
    let output = run(&["kill", "--yes", "--json", &format!("dport = :{port}")]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = lines(&output);
    assert_eq!(lines.len(), 2);
    for (line, client) in lines.iter().zip(&clients) {
        let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["process", "reason", "result", "socket"]);
        assert_eq!((&line["result"], &line["reason"]), (&"done".into(), &Value::Null));
        assert_eq!(line["socket"]["remote"]["port"], port);
        let process = line["process"].as_object().unwrap();
        assert_eq!(process.len(), 3);
        assert!(process["started_at"].is_string() && process["name"] == NAME, "{line}");
        assert!(clients.iter().any(|it| process["pid"] == it.report.pid), "{line} {client:?}");
    }
    clients.into_iter().for_each(is_ended);
    lives(server);
}

#[test]
fn a_rehearsal_touches_nothing() {
    let (server, port) = serve(&[]);
    for words in [&["kill", "--dry-run"][..], &["kill", "--yes", "--dry-run"], &["kill", "--dry-run", "--force"]] {
        let output = run(&[words, &[&sport(port)]].concat());
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        let expected = format!("would send TERM to {} (tcp 127.0.0.1:{port} - listen)\n", name(&server));
        assert_eq!(stdout(&output), expected);
    }
    let output = run(&["kill", "--json", "--dry-run", "--yes", &sport(port)]);
    let lines = lines(&output);
    assert_eq!((lines.len(), &lines[0]["result"]), (1, &"would".into()));
    assert_eq!(lines[0]["process"]["pid"], server.report.pid);
    lives(server);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (server, port) = serve(&[]);
    for words in [&["kill"][..], &["kill", "--yes"], &["kill", "--yes", "-t", " "], &["kill", "--force", "-l"]] {
        assert!(is_usage_error(words).contains("needs a filter"), "{words:?}");
    }
    for words in [&["kill", &sport(port)][..], &["kill", "--json", &sport(port)], &["kill", "--force", &sport(port)]] {
        let message = is_usage_error(words);
        assert!(message.contains("--yes") && message.contains("terminal"), "{message}");
    }
    is_usage_error(&["kill", "--yes", "state", "nonsense"]);
    is_usage_error(&["kill", "--yes", "--csv", "sport = :1"]);
    for signal in ["NONSENSE", "0", "-1", "65", ""] {
        let message = is_usage_error(&["kill", "--yes", &format!("--signal={signal}"), &sport(port)]);
        assert!(message.contains("--signal") && message.contains("TERM KILL"), "{message}");
    }
    lives(server);
}

#[test]
fn nothing_to_kill() {
    // Port 0 is nobody's.
    for words in [&["kill", "--yes", "sport = :0 and dport = :0 and tcp"][..], &["kill", "--dry-run", "tcp and udp"]] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains("nothing to kill"), "{output:?}");
    }
}

#[test]
fn signals_are_sent_by_name_and_by_number() {
    let (server, port) = serve(&[]);
    for signal in ["CONT", "sigcont", "18"] {
        let output = run(&["kill", "--yes", "--signal", signal, &sport(port)]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(stdout(&output).starts_with(&format!("sent CONT to {} (", name(&server))), "{output:?}");
        assert_eq!(stderr(&output), "", "nobody expects it to end");
    }
    let output = run(&["kill", "--yes", "--signal", "usr1", &sport(port)]);
    assert!(stdout(&output).starts_with("sent USR1 to "), "{output:?}");
    is_ended(server);
}

#[test]
fn who_does_not_listen_to_term_is_named() {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' TERM; exec \"$0\" serve"]).arg(binary().unwrap());
    let server = Running::start_command(command).unwrap();
    let filter = sport(server.report.case("listener").local.port);
    let output = run(&["kill", "--yes", &filter]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).starts_with(&format!("sent TERM to {} (", name(&server))), "{output:?}");
    let expected = format!("sockscope: {} is still running; --signal KILL would end it\n", name(&server));
    assert_eq!(stderr(&output), expected);
    let output = run(&["kill", "--yes", "--signal", "KILL", &filter]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{output:?}");
    assert!(stdout(&output).starts_with("ended "), "{output:?}");
    is_ended(server);
}

/// Runs it on a terminal. What it ended with, and what was to be seen until the question and on standard output.
fn on_a_terminal(words: &[&str], answer: &[u8], meanwhile: impl FnOnce()) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    plain_environment(&mut command);
    let (output, seen) = pty::on_a_terminal(command.args(words), "[y/N]", answer, meanwhile);
    (output.status.code(), seen, stdout(&output))
}

#[test]
fn on_a_terminal_it_asks_and_all_but_yes_is_no() {
    let (server, port) = serve(&[]);
    // The last is the end of the input.
    for answer in [&b"n\n"[..], b"\n", b"nonsense\n", b"yesterday\n", b"\x04"] {
        let (status, seen, out) = on_a_terminal(&["kill", &sport(port)], answer, || ());
        assert_eq!((status, out.as_str()), (Some(1), ""), "{seen}");
        assert!(seen.contains("Send TERM to 1 process? [y/N]"), "{seen}");
        let line = seen.lines().find(|line| line.contains(NAME)).unwrap();
        let pid = server.report.pid.to_string();
        let shown = format!("tcp 127.0.0.1:{port} - listen");
        assert!(line.trim_start().starts_with(&pid) && line.contains(&shown) && line.contains("serve"), "{seen}");
    }
    // Whoever comes while it is thought about is no target.
    let mut client = None;
    let (status, seen, out) =
        on_a_terminal(&["kill", &format!("port = {port}")], b"y\n", || client = Some(connect(port)));
    assert_eq!((status, out.lines().count()), (Some(0), 1), "{seen}{out}");
    is_ended(server);
    lives(client.unwrap());
}

#[test]
fn who_ended_meanwhile_is_gone() {
    let (server, port) = serve(&[]);
    let mut server = Some(server);
    let (status, seen, out) = on_a_terminal(&["kill", &sport(port)], b"yes\n", || lives(server.take().unwrap()));
    assert_eq!(status, Some(1), "{seen}{out}");
    assert!(out.starts_with(&format!("gone {NAME}[")) && out.lines().count() == 1, "{out}");
}

/// Runs the program without the right to end processes of others, whoever runs the test.
fn run_unprivileged(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    plain_environment(&mut command);
    command.args(words).stdin(Stdio::null());
    let drop_right = || {
        // Who may not do this has not the right either.
        let _ = rustix::thread::remove_capability_from_bounding_set(CapabilitySet::KILL);
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes one system call and allocates nothing.
    unsafe { command.pre_exec(drop_right) };
    command.output().unwrap()
}

#[test]
fn what_is_refused_is_named_and_the_rest_done() {
    if !is_root() {
        return;
    }
    let (others, port) = serve(&["--user", "65534"]);
    let output = run_unprivileged(&["kill", "--yes", &sport(port)]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(stdout(&output).starts_with("refused "), "{output:?}");
    let message = stderr(&output);
    assert!(message.contains(&name(&others)) && message.contains("CAP_KILL"), "{message}");
    assert_eq!(run_unprivileged(&["kill", "--dry-run", &sport(port)]).status.code(), Some(3), "a rehearsal can tell");

    let (own, own_port) = serve(&[]);
    let filter = format!("lport in ({port}, {own_port})");
    let output = run_unprivileged(&["kill", "--yes", "--json", &filter]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(stderr(&output).contains(&name(&others)), "{output:?}");
    let mut results: Vec<(u64, String)> = lines(&output)
        .iter()
        .map(|line| (line["process"]["pid"].as_u64().unwrap(), line["result"].as_str().unwrap().to_owned()))
        .collect();
    results.sort();
    let mut expected =
        vec![(u64::from(others.report.pid), "refused".to_owned()), (u64::from(own.report.pid), "done".to_owned())];
    expected.sort();
    assert_eq!(results, expected);
    is_ended(own);
    lives(others);
}

#[test]
fn what_other_programs_take_is_explained() {
    for (words, tip) in [
        (&["kill", "8080"][..], "`sport = :8080`"),
        (&["kill", "tcp/8080"], "`tcp sport = :8080`"),
        (&["kill", "-9", ":8080"], "--signal KILL"),
        (&["kill", "-KILL", "sport", "=", ":8080"], "--signal KILL"),
        (&["kill", "nginx"], "`process = nginx`"),
        (&["kill", "--pid", "7"], "pid = "),
        (&["wait", "localhost:8080"], "`sport = :8080`"),
        (&["wait", "sport = :8080", "--timeout", "-1"], "--timeout"),
        (&["why", "sport", "=", ":8080"], "sockscope why 8080"),
        (&["watch", "-E"], "--events closed"),
        (&["watch", "--interval", "-1"], "--interval"),
    ] {
        let message = is_usage_error(words);
        assert!(message.contains(tip) && !message.contains("-- -"), "{words:?}: {message}");
    }
}

/// The program inherits a connection of whoever runs it, and is none that could be ended.
#[test]
fn it_does_not_mean_itself() {
    let (server, port) = serve(&[]);
    let connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    plain_environment(&mut command);
    let child = command
        .args(["kill", "--json", "--dry-run", &format!("dport = :{port}")])
        .stdin(std::os::fd::OwnedFd::from(connection.try_clone().unwrap()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let itself = u64::from(child.id());
    let output = child.wait_with_output().unwrap();
    let pids: Vec<_> = lines(&output).iter().filter_map(|line| line["process"]["pid"].as_u64()).collect();
    // We are its ancestor.
    assert!(pids.contains(&u64::from(std::process::id())) && !pids.contains(&itself), "{output:?}");
    drop(connection);
    lives(server);
}

#[test]
fn an_owner_that_can_not_be_seen_is_refused() {
    if !is_root() {
        return;
    }
    let (server, port) = serve(&[]);
    for (words, printed) in
        [(&["--yes"][..], "refused tcp "), (&["--dry-run"], "refused tcp "), (&["--yes", "--json"], "{")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
        plain_environment(&mut command);
        let output = command.uid(65534).gid(65534).arg("kill").args(words).arg(sport(port)).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(stdout(&output).starts_with(printed), "{output:?}");
        let message = stderr(&output);
        assert!(message.contains(&format!("127.0.0.1:{port}")) && message.contains("sudo"), "{message}");
        if printed == "{" {
            let line = &lines(&output)[0];
            assert_eq!((&line["process"], &line["result"]), (&Value::Null, &"refused".into()));
            assert_eq!(line["socket"]["no_owner"], "needs-root");
        }
    }
    lives(server);
}
