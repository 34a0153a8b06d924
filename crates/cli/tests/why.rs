//! `sockscope why`: every cause is made for real, and the verdict on it must be right; as whoever runs the tests, and, where that
//! is root, as an ordinary user as well.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what can't be made or is not there is a failed test")]

/// A rule that publishes a port.
mod nft;
/// System calls that fail.
mod sandbox;

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use sockscope_testkit::{Running, enter_private_namespace};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sockscope");
/// The user and group of `nobody`.
const NOBODY: u32 = 65_534;

/// What the program answered.
struct Answer {
    status: i32,
    document: Value,
    /// The paragraph, and what to do.
    words: String,
}

impl Answer {
    #[track_caller]
    fn is(&self, verdict: &str) -> &Answer {
        assert_eq!(self.document["verdict"], verdict, "{}", self.document);
        assert_eq!(self.status, i32::from(verdict == "unknown"), "{}", self.document);
        self
    }

    #[track_caller]
    fn says(&self, parts: &[&str]) -> &Answer {
        for part in parts {
            assert!(self.words.contains(part), "{part:?} is not in: {}", self.words);
        }
        self
    }

    fn holders(&self) -> &Vec<Value> {
        self.document["holders"].as_array().unwrap()
    }

    /// Who has the socket at that place open, by number.
    fn owners(&self, holder: usize) -> Vec<u64> {
        let owners = self.holders()[holder]["owners"].as_array().unwrap();
        let pid = |owner: &Value| owner["pid"].as_u64().unwrap();
        let own_name = owners.iter().find(|owner| pid(owner) == me()).map(|owner| &owner["name"]);
        // What another test starts is a copy of this process for a moment, with all its descriptors.
        owners.iter().filter(|owner| pid(owner) == me() || Some(&owner["name"]) != own_name).map(pid).collect()
    }
}

fn plain(mut command: Command) -> Command {
    for variable in ["LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"] {
        command.env_remove(variable);
    }
    for variable in ["XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS"] {
        command.env(variable, "/nonexistent");
    }
    command
}

/// Asks by that command, as JSON and in words, which must be the same.
fn asked(mut command: Command, words: &[&str]) -> Answer {
    let output = command.arg("why").args(words).arg("--json").output().unwrap();
    assert!(!output.stdout.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = jsonschema::validator_for(&sockscope_output::why_schema()).unwrap();
    let errors: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let text = |key: &str| document[key].as_str().unwrap().to_owned();
    let words = format!("{}\n{}\n", text("explanation"), text("advice"));
    Answer { status: output.status.code().unwrap(), document, words }
}

/// As whoever runs the tests.
fn why(words: &[&str]) -> Answer {
    asked(plain(Command::new(PROGRAM)), words)
}

/// As an ordinary user, who is no owner of what these tests make, if they are run by root; `None` if they are not, or if others
/// may not run what is in our target directory.
fn why_as_nobody(words: &[&str]) -> Option<Answer> {
    if !is_root() {
        return None;
    }
    let nobody = || {
        let mut command = plain(Command::new(PROGRAM));
        command.uid(NOBODY).gid(NOBODY);
        command
    };
    nobody().arg("--version").output().ok()?;
    Some(asked(nobody(), words))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Does it in a thread that has a network namespace to itself, if root runs the tests: others can't have one beside threads.
fn alone(test: impl FnOnce() + Send + 'static) {
    if !is_root() {
        eprintln!("needs root: a network namespace");
        return;
    }
    let thread = std::thread::spawn(|| {
        enter_private_namespace().unwrap();
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn tcp(family: AddressFamily) -> OwnedFd {
    rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
}

fn bound(address: &str) -> (OwnedFd, u16) {
    let address: SocketAddr = address.parse().unwrap();
    let socket = tcp(if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 });
    rustix::net::bind(&socket, &address).unwrap();
    let port = port(&socket);
    (socket, port)
}

fn port(socket: &OwnedFd) -> u16 {
    SocketAddr::try_from(rustix::net::getsockname(socket).unwrap()).unwrap().port()
}

fn listener(address: &str) -> (OwnedFd, u16) {
    let (socket, port) = bound(address);
    rustix::net::listen(&socket, 8).unwrap();
    (socket, port)
}

/// A process that ends when this is dropped.
struct Started(Child);

impl Started {
    /// Any process, which has the socket as its standard input.
    fn holding(socket: OwnedFd, mut command: Command) -> Started {
        Started(command.stdin(Stdio::from(socket)).stdout(Stdio::null()).spawn().unwrap())
    }

    fn sleeping(socket: OwnedFd) -> Started {
        let mut command = Command::new("sleep");
        command.arg("1000");
        Started::holding(socket, command)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Asks until the verdict is there: what the kernel does on its own takes a moment.
fn await_verdict(verdict: &str, ask: impl Fn() -> Answer) -> Answer {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = ask();
        if answer.document["verdict"] == verdict || Instant::now() > end {
            return answer;
        }
        std::thread::yield_now();
    }
}

fn me() -> u64 {
    u64::from(std::process::id())
}

#[test]
fn held_by_a_listener_of_one_family() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let ours = std::fs::read_to_string("/proc/self/comm").unwrap();
    for words in
        [&[port.as_str()][..], &[&format!(":{port}")], &[&format!("127.0.0.1:{port}")], &[&format!("tcp/{port}")]]
    {
        let answer = why(words);
        answer.is("held").says(&[
            &format!("pid {}", me()),
            ours.trim(),
            "listens on 127.0.0.1",
            "running since 20",
            " UTC",
        ]);
        answer.says(&["Only this machine", "sockscope kill"]);
        assert_eq!((answer.holders().len(), answer.owners(0)), (1, vec![me()]));
    }
    assert_eq!(why(&[&format!("127.0.0.1:{port}")]).document["address"], "127.0.0.1");
    // Another address has nothing to do with it.
    why(&[&format!("127.0.0.2:{port}")]).is("free");
    if let Some(answer) = why_as_nobody(&[&port]) {
        answer.is("held").says(&["user root", "only root may see", "sudo sockscope why"]);
        assert_eq!(answer.holders()[0]["no_owner"], "needs-root");
    }
    let (six, port) = listener("[::1]:0");
    why(&[&port.to_string()]).is("held").says(&["[::1]"]);
    drop(six);
}

#[test]
fn held_for_both_families_by_one_socket() {
    let (_socket, port) = listener("[::]:0");
    let answer = why(&[&port.to_string()]);
    answer.is("held").says(&["[::]", "serves IPv4 as well", "on every address"]);
    assert_eq!(answer.holders()[0]["exposure"], "any");
    why(&[&format!("[::1]:{port}")]).is("held");
}

#[test]
fn held_by_a_group_and_by_several_processes() {
    let group: Vec<OwnedFd> = {
        let first = tcp(AddressFamily::INET);
        sockopt::set_socket_reuseport(&first, true).unwrap();
        rustix::net::bind(&first, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = port(&first);
        let more = (0..2).map(|_| {
            let socket = tcp(AddressFamily::INET);
            sockopt::set_socket_reuseport(&socket, true).unwrap();
            rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
            socket
        });
        let all: Vec<OwnedFd> = std::iter::once(first).chain(more.collect::<Vec<_>>()).collect();
        all.iter().for_each(|socket| rustix::net::listen(socket, 8).unwrap());
        all
    };
    let answer = why(&[&port(&group[0]).to_string()]);
    answer.is("held").says(&["3 sockets share 127.0.0.1:", "SO_REUSEPORT", "by design"]);
    assert_eq!(answer.holders().len(), 3);

    let (socket, port) = listener("127.0.0.1:0");
    let child = Started::sleeping(socket.try_clone().unwrap());
    let mut expected = vec![me(), u64::from(child.0.id())];
    expected.sort_unstable();
    // The child has it as soon as it is there, and is called `sleep` once it has begun.
    let end = Instant::now() + Duration::from_secs(20);
    let answer = loop {
        let answer = why(&[&port.to_string()]);
        if answer.words.contains("sleep (pid") || Instant::now() > end {
            break answer;
        }
    };
    answer.is("held").says(&["shared by 2 processes", "sleep (pid", " and "]);
    assert_eq!(answer.owners(0), expected);
}

#[test]
fn a_full_queue_is_named() {
    let (socket, port) = bound("127.0.0.1:0");
    rustix::net::listen(&socket, 1).unwrap();
    // One more than are allowed fit.
    let clients = [(); 2].map(|()| TcpStream::connect(("127.0.0.1", port)).unwrap());
    let answer = await_verdict("held", || why(&[&port.to_string()]));
    answer.is("held").says(&["accept queue is full (2 connections wait, 1 are allowed)"]);
    drop(clients);
}

#[test]
fn bound_and_not_listening() {
    let (_socket, port) = bound("127.0.0.1:0");
    let port = port.to_string();
    let answer = why(&[&port]);
    if answer.document["verdict"] == "free" {
        answer.says(&["Linux 6.8"]);
        return;
    }
    answer.is("bound").says(&["neither listens nor connects", &format!("pid {}", me()), "SO_REUSEADDR"]);
    assert_eq!((&answer.holders()[0]["state"], answer.owners(0)), (&"bound".into(), vec![me()]));
    let answer = why(&[&port, "--probe"]);
    answer.is("bound").says(&["Tried: bind to 0.0.0.0", "fails (Address already in use)"]);
    assert_eq!(answer.document["probe"].as_array().unwrap().len(), 4);
    if let Some(answer) = why_as_nobody(&[&port]) {
        answer.is("bound").says(&["user root"]);
    }
}

#[test]
fn taken_by_a_client() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
    let (local, remote) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    let words = [local.port().to_string(), "--probe".to_owned()];
    let answer = why(&[&words[0], &words[1]]);
    answer.is("ephemeral").says(&[
        &format!("{local} to {remote}, established"),
        &format!("pid {}", me()),
        "ip_local_port_range",
        "ip_local_reserved_ports",
        "sockscope close",
        "fails (Address already in use), with SO_REUSEADDR and without",
    ]);
    assert_eq!(answer.owners(0), [me()]);
    if let Some(answer) = why_as_nobody(&[&words[0]]) {
        answer.is("ephemeral").says(&["only root may see"]);
    }
}

#[test]
fn kept_by_connections_that_are_over() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // Whoever closes first keeps the connection.
    drop(server.accept().unwrap());
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    drop((client, server));
    let answer = await_verdict("time-wait", || why(&[&port.to_string(), "--probe"]));
    // The standard library sets SO_REUSEADDR, so that a successor that sets it as well may bind.
    answer.is("time-wait").says(&["TIME-WAIT", "SO_REUSEADDR", "gone in ", " second", "with SO_REUSEADDR it succeeds"]);
    assert_eq!(
        (&answer.holders()[0]["state"], &answer.holders()[0]["no_owner"]),
        (&"time-wait".into(), &"time-wait".into())
    );
    if let Some(answer) = why_as_nobody(&[&port.to_string()]) {
        answer.is("time-wait");
    }
}

#[test]
fn another_familys_wildcard() {
    let (_six, port) = listener("[::]:0");
    let answer = why(&[&format!("127.0.0.1:{port}"), "--probe"]);
    answer.is("other-family").says(&["No IPv4 socket", "one of IPv6", "IPV6_V6ONLY", "fails (Address already in use)"]);
    assert_eq!((&answer.holders()[0]["local"]["address"], answer.owners(0)), (&"::".into(), vec![me()]));
    why(&[&port.to_string()]).is("held");
    if let Some(answer) = why_as_nobody(&[&format!("127.0.0.1:{port}")]) {
        answer.is("other-family").says(&["user root"]);
    }
    let (_four, port) = listener("0.0.0.0:0");
    let answer = why(&[&format!("[::]:{port}"), "--probe"]);
    answer.is("other-family").says(&["one of IPv4", "ipv6only=on", "fails (Address already in use)"]);
    why(&[&format!("[::1]:{port}")]).is("free");
    // What serves IPv6 alone leaves IPv4 free.
    let only = tcp(AddressFamily::INET6);
    sockopt::set_ipv6_v6only(&only, true).unwrap();
    rustix::net::bind(&only, &"[::]:0".parse::<SocketAddr>().unwrap()).unwrap();
    rustix::net::listen(&only, 8).unwrap();
    let port = self::port(&only);
    why(&[&format!("127.0.0.1:{port}"), "--probe"]).is("free");
    why(&[&port.to_string()]).is("held").says(&["Over IPv4 it is not taken"]);
}

#[test]
fn udp_has_ports_of_its_own() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    for words in [&["--udp", &port][..], &["-u", &port], &[&format!("udp/{port}")]] {
        let answer = why(words);
        answer.is("held").says(&["UDP port", "has 127.0.0.1", &format!("pid {}", me())]);
        assert_eq!(answer.document["protocol"], "udp");
    }
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.connect(socket.local_addr().unwrap()).unwrap();
    let answer = why(&["--udp", &peer.local_addr().unwrap().port().to_string(), "--probe"]);
    answer.is("ephemeral").says(&["UDP port", "client"]);
}

#[test]
fn a_privilege_is_missing() {
    // Whoever may, asks as root: the port is free.
    const PORT: &str = "1019";
    let answer = if is_root() { why_as_nobody(&[PORT, "--probe"]) } else { Some(why(&[PORT, "--probe"])) };
    let Some(answer) = answer else { return };
    answer.is("privileged").says(&[
        "CAP_NET_BIND_SERVICE",
        "setcap",
        "Permission denied",
        "ip_unprivileged_port_start",
    ]);
    if is_root() {
        why(&[PORT]).is("free").says(&["which you have"]);
    }
    alone(|| {
        std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "80").unwrap();
        if let (Some(at), Some(below)) = (why_as_nobody(&["80"]), why_as_nobody(&["79"])) {
            at.is("free");
            below.is("privileged").says(&["below 80"]);
        }
    });
}

#[test]
fn a_listener_in_another_namespace() {
    let scenario = match Running::start(&["--netns", "varied"]) {
        Ok(scenario) => scenario,
        Err(error) => {
            eprintln!("needs a network namespace: {error:#}");
            return;
        }
    };
    let sockets = scenario.report.sockets.iter();
    let found =
        sockets.filter(|it| it.state.as_deref() == Some("listen") && it.local.address == "0.0.0.0").find_map(|it| {
            let answer = why(&[&it.local.port.to_string()]);
            // Here somebody may have the same port.
            (answer.document["verdict"] != "held").then_some((it, answer))
        });
    let (made, answer) = found.unwrap();
    answer.is("other-namespace").says(&["can be bound here", "listens on 0.0.0.0", "nsenter", "network namespace"]);
    assert_eq!(answer.owners(0), made.owners.iter().map(|it| u64::from(it.pid)).collect::<Vec<_>>());
    assert_eq!(answer.holders()[0]["exposure"], "container-only");
    assert_eq!(answer.holders()[0]["namespace"]["id"].as_u64(), Some(scenario.report.namespace));
    let port = made.local.port.to_string();
    why(&[&port, "--probe"]).is("other-namespace").says(&["succeeds"]);
    // Without privilege the namespace can't be entered, and its tables can be read.
    if let Some(answer) = why_as_nobody(&[&port]) {
        answer.is("other-namespace").says(&["the network namespace of process"]);
        assert_eq!(answer.holders()[0]["local"]["port"], made.local.port);
    }
    // There, it is held.
    asked(plain(scenario.command(PROGRAM).unwrap()), &[&port]).is("held");
}

/// A name of `ip netns`, which goes with it.
struct Named(String);

impl Named {
    fn add() -> Named {
        let name = format!("sockscope-why-{}", std::process::id());
        assert!(Command::new("ip").args(["netns", "add", &name]).status().unwrap().success());
        Named(name)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        assert!(Command::new("ip").args(["netns", "del", &self.0]).status().unwrap().success());
    }
}

#[test]
fn a_namespace_has_the_name_of_ip_netns() {
    if !is_root() {
        eprintln!("needs root: ip netns");
        return;
    }
    let namespace = Named::add();
    let file = std::fs::File::open(format!("/run/netns/{}", namespace.0)).unwrap();
    let (socket, port) = std::thread::spawn(move || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        listener("0.0.0.0:0")
    })
    .join()
    .unwrap();
    alone(move || {
        // No process is in it, but one has its socket.
        let answer = why(&[&port.to_string()]);
        answer.is("other-namespace").says(&[&format!("in network namespace {}", namespace.0), "sudo ip netns exec"]);
        assert_eq!(answer.holders()[0]["namespace"]["name"], namespace.0.as_str());
        assert_eq!(answer.owners(0), [me()]);
        drop((socket, namespace));
    });
}

#[test]
fn held_by_a_proxy() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = directory.path().join("docker-proxy");
    // It stops, and so it is there until it is killed.
    std::fs::write(&program, "#!/bin/sh\nkill -STOP $$\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (socket, port) = listener("0.0.0.0:0");
    let port = port.to_string();
    let mut command = Command::new(&program);
    command.args(["-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", &port]);
    command.args(["-container-ip", "172.17.0.2", "-container-port", "80"]);
    let proxy = Started::holding(socket, command);
    let is_proxy = |answer: &Answer| answer.document["explanation"].as_str().unwrap().contains("for Docker");
    let end = Instant::now() + Duration::from_secs(20);
    let mut answer = why(&[&port]);
    while !is_proxy(&answer) && Instant::now() < end {
        answer = why(&[&port]);
    }
    answer.is("held").says(&["docker-proxy (pid", "to 172.17.0.2:80", &format!("docker ps --filter publish={port}")]);
    assert_eq!(answer.owners(0), [u64::from(proxy.0.id())]);
    why(&[&port, "--probe"]).is("held").says(&["fails (Address already in use)"]);
    // Its arguments are open to everybody.
    if let Some(answer) = why_as_nobody(&[&port]) {
        answer.is("held").says(&["172.17.0.2:80"]);
    }
}

#[test]
fn published_by_a_rule() {
    alone(|| {
        // One that nobody has in any other namespace either, or not for long.
        let (number, other) = (listener("127.0.0.1:0").1, listener("127.0.0.1:0").1);
        let target = Ipv4Addr::new(10, 88, 77, 2);
        if let Err(error) = nft::redirect(number, target, 80) {
            eprintln!("needs nftables with nat: {error}");
            return;
        }
        let port = number.to_string();
        let answer = why(&[&port]);
        answer.is("published").says(&[
            "chain DOCKER of table ip nat leads to 10.88.77.2:80",
            "do not reach it",
            "docker ps",
        ]);
        assert!(answer.holders().is_empty());
        why(&[&format!("{}:{port}", Ipv4Addr::LOCALHOST)]).is("published");
        // IPv6, UDP and other ports are not led anywhere.
        why(&[&format!("[::1]:{port}")]).is("free");
        why(&["--udp", &port]).is("free");
        why(&[&other.to_string()]).is("free");
        // Others may not see the rules.
        if let Some(answer) = why_as_nobody(&[&port]) {
            answer.is("free").says(&["DNAT", "CAP_NET_ADMIN"]);
        }
        // Who listens behind it is found in his namespace, by his address.
        let behind = std::thread::spawn(move || {
            enter_private_namespace().unwrap();
            assert!(
                Command::new("ip").args(["address", "add", "10.88.77.2/32", "dev", "lo"]).status().unwrap().success()
            );
            let (socket, _) = listener("0.0.0.0:80");
            Started::sleeping(socket)
        });
        let behind = behind.join().unwrap();
        let answer = await_verdict("published", || why(&[&port]));
        answer.is("published").says(&["There sleep (pid"]);
        assert_eq!(
            (answer.owners(0), &answer.holders()[0]["exposure"]),
            (vec![u64::from(behind.0.id())], &"published".into())
        );
    });
}

#[test]
fn reserved_for_somebody() {
    alone(|| {
        // Ports that nobody has in any other namespace either, or not for long.
        let (single, first) = (listener("127.0.0.1:0").1, listener("127.0.0.1:0").1);
        let reserved = format!("{first}-{},{single}", first + 10);
        std::fs::write("/proc/sys/net/ipv4/ip_local_reserved_ports", reserved).unwrap();
        for port in [single, first + 7] {
            let port = port.to_string();
            let answer = why(&[&port, "--probe"]);
            answer.is("reserved").says(&["ip_local_reserved_ports", "bind it", "succeeds"]);
            if let Some(answer) = why_as_nobody(&[&port]) {
                answer.is("reserved");
            }
        }
        let beside = (first + 11..).find(|port| *port != single).unwrap();
        why(&[&beside.to_string()]).is("free");
        // A holder goes before.
        let (_socket, _) = listener(&format!("0.0.0.0:{single}"));
        why(&[&single.to_string()]).is("held");
    });
}

#[test]
fn free() {
    // Below the range for clients, so that nobody gets it by chance.
    let port = (28_000..32_000).find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok()).unwrap().to_string();
    let answer = why(&[&port]);
    answer.is("free").says(&["nobody has it", "--probe"]);
    assert!(answer.holders().is_empty() && answer.document["probe"].is_null() && answer.document["address"].is_null());
    why(&[&port, "--probe"]).is("free").says(&["succeeds, with SO_REUSEADDR and without"]);
    if let Some(answer) = why_as_nobody(&[&port]) {
        answer.is("free");
    }
}

#[test]
fn an_address_of_another_machine() {
    let answer = why(&["192.0.2.1:18080", "--probe"]);
    answer.is("unknown").says(&["no address of this machine", "Cannot assign requested address"]);
}

/// Without netlink, sockets that are bound and no more are not seen, and bind finds them all the same.
#[test]
fn an_attempt_that_contradicts_makes_it_unknown() {
    let (_socket, port) = bound("127.0.0.1:0");
    let blind = || {
        let mut command = plain(Command::new(PROGRAM));
        sandbox::forbid(&mut command, &[(libc::SYS_socket, Some(libc::AF_NETLINK), libc::EPERM)]);
        command
    };
    asked(blind(), &[&port.to_string()]).is("free");
    let answer = asked(blind(), &[&port.to_string(), "--probe"]);
    answer.is("unknown").says(&["and yet it can't be", "fails (Address already in use)", "compare --probe"]);
}

/// In words it is what JSON has, a paragraph and what to do; nothing is on standard error.
#[test]
fn one_paragraph() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let output = plain(Command::new(PROGRAM)).args(["why", &port]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.starts_with(&format!("TCP port {port} is held: ")), "{text}");
    assert_eq!(
        (output.status.code(), output.stderr.len()),
        (Some(0), 0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
