use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::thread::CapabilitySet;
use serde_json::Value;

use crate::{Listener, is_usage_error, pty, run, sockets, sport, stderr, stdout};

/// Whether this user may close sockets.
fn may_close() -> bool {
    let may = rustix::thread::capabilities(None).unwrap().effective.contains(CapabilitySet::NET_ADMIN);
    if !may {
        eprintln!("needs CAP_NET_ADMIN");
    }
    may
}

/// Runs the program without the right to close anything, whoever runs the test.
fn run_unprivileged(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    command.args(words).stdin(Stdio::null());
    let drop_right = || {
        // Who may not do this has not the right either.
        let _ = rustix::thread::remove_capability_from_bounding_set(CapabilitySet::NET_ADMIN);
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes one system call and allocates nothing.
    unsafe { command.pre_exec(drop_right) };
    command.output().unwrap()
}

fn port(socket: &TcpStream) -> u16 {
    socket.local_addr().unwrap().port()
}

/// The filter that means this end alone: a local port may be used towards several others at a time.
fn this_end(end: &TcpStream) -> String {
    format!("sport = :{} and dport = :{}", port(end), end.peer_addr().unwrap().port())
}

/// Asserts that the two ends are still connected.
#[track_caller]
fn lives((one, other): &mut (TcpStream, TcpStream)) {
    let mut byte = [0];
    one.write_all(b"x").unwrap();
    other.read_exact(&mut byte).unwrap();
    other.write_all(b"y").unwrap();
    one.read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"y");
}

/// Asserts that the first end was closed from outside, and that the other was told.
#[track_caller]
fn is_closed((closed, peer): &mut (TcpStream, TcpStream)) {
    for end in [&*closed, &*peer] {
        end.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    assert_eq!(closed.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionAborted);
    assert_eq!(peer.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

fn lines(output: &Output) -> Vec<Value> {
    output.stdout.split_inclusive(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn one_connection_is_closed_and_all_else_lives() {
    if !may_close() {
        return;
    }
    let listener = Listener::open();
    let mut connections = [listener.connect(), listener.connect()];
    let filter = this_end(&connections[0].0);
    let output = run(&["close", "--yes", &filter]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(stderr(&output), "");
    let line = stdout(&output);
    let begin = format!("closed tcp 127.0.0.1:{} 127.0.0.1:{} ", port(&connections[0].0), listener.port);
    // Children of other tests own it too, between fork and exec.
    let owner = format!("[{}]", std::process::id());
    assert!(line.starts_with(&begin) && line.contains(&owner) && line.lines().count() == 1, "{line}");
    is_closed(&mut connections[0]);
    lives(&mut connections[1]);
    lives(&mut listener.connect());
    assert_eq!(run(&["close", "--yes", &filter]).status.code(), Some(1), "it is gone now");
}

#[test]
fn a_listener_is_closed_only_on_request() {
    let listener = Listener::open();
    let filter = sport(listener.port);
    for words in
        [&["close", "--yes", &filter][..], &["close", "--yes", &filter, "and", "(", "listening", "or", "tcp", ")"]]
    {
        let output = run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains("nothing to close") && stderr(&output).contains("`listening`"), "{output:?}");
    }
    let mut connection = listener.connect();
    for words in [&["listening", &filter][..], &["state", "listen", &filter], &["-l", &filter]] {
        let output = run(&[&["close", "--dry-run"], words].concat());
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        assert!(stdout(&output).starts_with(&format!("would close tcp 127.0.0.1:{} - ", listener.port)), "{output:?}");
        assert_eq!(stdout(&output).lines().count(), 1, "{output:?}");
    }
    if may_close() {
        let output = run(&["close", "--yes", "listening", &filter]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(TcpStream::connect(("127.0.0.1", listener.port)).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
    lives(&mut connection);
}

#[test]
fn without_privilege_nothing_is_closed() {
    let listener = Listener::open();
    let mut connections = [listener.connect(), listener.connect()];
    let filter = format!("dport = :{}", listener.port);
    let output = run_unprivileged(&["close", "--yes", &filter]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let message = stderr(&output);
    for connection in &mut connections {
        let name = format!("can't close tcp 127.0.0.1:{} 127.0.0.1:{} ", port(&connection.0), listener.port);
        assert!(message.contains(&name) && message.contains("CAP_NET_ADMIN") && message.contains("sudo"), "{message}");
        lives(connection);
    }
    let output = run_unprivileged(&["close", "--json", "--yes", &filter]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let lines = lines(&output);
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line["result"], "refused");
        assert!(line["reason"].as_str().unwrap().contains("CAP_NET_ADMIN"), "{line}");
    }
    connections.iter_mut().for_each(lives);
    // To look is no privilege.
    let output = run_unprivileged(&["close", "--dry-run", &filter]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("CAP_NET_ADMIN"), "{output:?}");
}

#[test]
fn a_rehearsal_touches_nothing() {
    let listener = Listener::open();
    let mut connection = listener.connect();
    let filter = this_end(&connection.0);
    for words in
        [&["close", "--dry-run", &filter][..], &["close", "--yes", "--dry-run", &filter], &["-K", "--dry-run", &filter]]
    {
        let output = run(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        assert!(stdout(&output).starts_with("would close tcp 127.0.0.1:"), "{output:?}");
        lives(&mut connection);
    }
    let output = run(&["close", "--json", "--yes", "--dry-run", &filter]);
    let lines = lines(&output);
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(
        line.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(),
        ["process", "reason", "result", "socket"]
    );
    assert_eq!((&line["result"], &line["reason"]), (&Value::from("would"), &Value::Null));
    assert_eq!(line["socket"]["local"]["port"], port(&connection.0));
    let owners = line["socket"]["owners"].as_array().unwrap();
    assert!(owners.iter().any(|owner| owner["pid"] == std::process::id()), "{line}");
    assert_eq!(line["process"].as_object().unwrap().len(), 3);
    for key in ["pid", "started_at", "name"] {
        assert_eq!(line["process"][key], owners[0][key]);
    }
    lives(&mut connection);
}

#[test]
fn without_a_terminal_it_wants_to_be_told() {
    let listener = Listener::open();
    let mut connection = listener.connect();
    let filter = this_end(&connection.0);
    for words in [&["close", &filter][..], &["-K", &filter], &["close", "--json", &filter]] {
        let message = is_usage_error(words);
        assert!(message.contains("--yes") && message.contains("terminal"), "{message}");
    }
    lives(&mut connection);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for words in [&["close"][..], &["close", "--yes"], &["close", "--yes", "-t", " "], &["-K"], &["-tK", "--yes"]] {
        assert!(is_usage_error(words).contains("needs a filter"), "{words:?}");
    }
    is_usage_error(&["close", "--yes", "state", "nonsense"]);
    is_usage_error(&["close", "--yes", "--csv", "sport = :1"]);
    assert!(is_usage_error(&["-K", "--dry-run", "--csv", "sport = :1"]).contains("csv"));
    assert!(is_usage_error(&["-K", "--dry-run", "--limit", "1", "sport = :1"]).contains("--limit"));
    assert!(is_usage_error(&["assert", "-K", "tcp"]).contains("-K"));
    assert!(is_usage_error(&["--yes", "sport = :1"]).contains("--kill"));
    for words in
        [&["close", "--yes", "--source", "procfs", "tcp"][..], &["-K", "--source", "procfs", "--dry-run", "tcp"]]
    {
        let output = run(words);
        assert_eq!(output.status.code(), Some(3), "{words:?}: {output:?}");
        assert!(stderr(&output).contains("procfs") && stderr(&output).contains("identity"), "{output:?}");
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn nothing_to_close() {
    // Port 0 is nobody's.
    for words in
        [&["close", "--yes", "sport = :0 and dport = :0 and tcp"][..], &["close", "--json", "--dry-run", "tcp and udp"]]
    {
        let output = run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains("nothing to close"), "{output:?}");
    }
}

#[test]
fn an_end_that_is_closed_takes_the_other_with_it() {
    if !may_close() {
        return;
    }
    let listener = Listener::open();
    let mut connection = listener.connect();
    let filter = format!("({}) or ({})", this_end(&connection.0), this_end(&connection.1));
    let output = run(&["--json", "-tanK", "--yes", &filter]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut results: Vec<String> =
        lines(&output).iter().map(|line| line["result"].as_str().unwrap().to_owned()).collect();
    results.sort();
    assert_eq!(results, ["done", "gone"]);
    assert!(connection.0.read(&mut [0]).is_err() && connection.1.read(&mut [0]).is_err());
}

#[test]
fn ipv6_and_mapped_addresses() {
    if !may_close() {
        return;
    }
    let Ok(listener) = TcpListener::bind("[::]:0") else { return };
    let port = listener.local_addr().unwrap().port();
    for address in ["::1", "127.0.0.1"] {
        let client = TcpStream::connect((address, port)).unwrap();
        let (server, _) = listener.accept().unwrap();
        let output = run(&["close", "--yes", "-6", "--json", &sport(port), "and", "state", "established"]);
        assert_eq!(output.status.code(), Some(0), "{address}: {output:?}");
        assert_eq!(lines(&output)[0]["socket"]["family"], "ipv6");
        is_closed(&mut (server, client));
    }
}

#[test]
fn connected_udp_is_a_connection_and_other_udp_is_none() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(server.local_addr().unwrap()).unwrap();
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    for words in [&[][..], &["-l"], &["state", "unconnected"]] {
        let output = run(&[&["close", "--yes", "-u", &sport(port(&server))], words].concat());
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
    }
    let filter = sport(port(&client));
    let output = run_unprivileged(&["close", "--yes", "-u", &filter]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    if may_close() {
        let output = run(&["close", "--yes", "udp", &filter]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(client.recv(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionAborted);
    }
}

#[test]
fn time_wait_is_closed_only_on_request() {
    let listener = Listener::open();
    let (mut client, server) = listener.connect();
    let filter = this_end(&client);
    client.shutdown(Shutdown::Write).unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    let waiting = ["state", "time-wait", &filter];
    assert_eq!(sockets(&[&["--json"], &waiting[..]].concat()).len(), 1);
    assert_eq!(run(&["close", "--yes", &filter]).status.code(), Some(1));
    assert_eq!(sockets(&[&["--json"], &waiting[..]].concat()).len(), 1);
    if may_close() {
        let output = run(&[&["close", "--yes"], &waiting[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(stdout(&output).ends_with(" (time-wait)\n"), "{output:?}");
        assert_eq!(sockets(&[&["--json"], &waiting[..]].concat()).len(), 0);
    }
}

/// The kernel finds only one of the listeners that share an address.
#[test]
fn listeners_that_share_a_port_are_all_closed() {
    if !may_close() {
        return;
    }
    let listen = |port| {
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        sockopt::set_socket_reuseport(&socket, true).unwrap();
        rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
        rustix::net::listen(&socket, 8).unwrap();
        TcpListener::from(socket)
    };
    let first = listen(0);
    let port = first.local_addr().unwrap().port();
    let others = [listen(port), listen(port), listen(port)];
    let output = run(&["close", "--yes", "listening", &sport(port)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(stdout(&output).lines().filter(|line| line.starts_with("closed tcp ")).count(), 4, "{output:?}");
    assert_eq!(sockets(&["--json", "-l", &sport(port)]).len(), 0);
    drop(others);
}

/// Runs the program on a terminal of its own. When it has asked, `meanwhile` happens, and the answer is typed. Returns what
/// it ended with, and what was to be seen until the question and on standard output.
fn on_a_terminal(words: &[&str], answer: &[u8], meanwhile: impl FnOnce()) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    let (output, seen) = pty::on_a_terminal(command.args(words), "[y/N]", answer, meanwhile);
    (output.status.code(), seen, stdout(&output))
}

#[test]
fn on_a_terminal_it_asks_and_all_but_yes_is_no() {
    let listener = Listener::open();
    let mut connections = [listener.connect(), listener.connect()];
    let filter = format!("dport = :{}", listener.port);
    // The last is the end of the input.
    for answer in [&b"n\n"[..], b"\n", b"nonsense\n", b"yesterday\n", b"\x04"] {
        for words in [&["close", &filter][..], &["-K", &filter]] {
            let (status, seen, out) = on_a_terminal(words, answer, || ());
            assert_eq!((status, out.as_str()), (Some(1), ""), "{seen}");
            assert!(seen.contains("Close 2 connections? [y/N]") && seen.contains("established"), "{seen}");
            for (client, _) in &connections {
                assert!(seen.contains(&format!("127.0.0.1:{}", port(client))), "{seen}");
            }
        }
        connections.iter_mut().for_each(lives);
    }
}

#[test]
fn only_what_was_shown_is_closed() {
    if !may_close() {
        return;
    }
    let listener = Listener::open();
    let mut shown = listener.connect();
    let filter = format!("dport = :{}", listener.port);
    let mut later = None;
    let (status, seen, out) = on_a_terminal(&["close", &filter], b"y\n", || later = Some(listener.connect()));
    assert!(seen.contains("Close 1 connection? [y/N]"), "{seen}");
    assert_eq!(status, Some(0), "{seen}");
    assert_eq!(out.lines().count(), 1, "{out}");
    is_closed(&mut shown);
    lives(later.as_mut().unwrap());
}

/// A connection that has the ports of one that ended while the user thought is another connection.
#[test]
fn a_successor_with_the_same_ports_is_spared() {
    let listener = Listener::open();
    let from = |port: u16| {
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        sockopt::set_socket_reuseaddr(&socket, true).unwrap();
        // Its end leaves nothing behind.
        sockopt::set_socket_linger(&socket, Some(Duration::ZERO)).unwrap();
        rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
        rustix::net::connect(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, listener.port)))?;
        Ok::<_, Errno>((TcpStream::from(socket), listener.socket.accept().unwrap().0))
    };
    let shown = from(0).unwrap();
    let port = port(&shown.0);
    let filter = this_end(&shown.0);
    let mut successor = None;
    let (status, seen, out) = on_a_terminal(&["close", &filter], b"yes\n", || {
        drop(shown);
        // A child of another test may have the descriptor between fork and exec.
        successor = (0..1000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(5));
            from(port).ok()
        });
    });
    assert_eq!(status, Some(1), "{seen}{out}");
    assert!(out.starts_with("gone tcp ") && out.lines().count() == 1, "{out}");
    lives(successor.as_mut().unwrap());
}
