//! The sources against each other, on a few hundred sockets of every kind.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what can't be made or is not there is a failed test"
)]

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sockscope_core::{Context, Filter};
use sockscope_model::{ErrorKind, Frame, Request, Source, SourceChoice, State, StateSet, Tag};
use sockscope_sys::native;
use sockscope_testkit::Running;

/// Runs `work` in a network namespace that holds the scenario's sockets and nothing else.
fn among_varied_sockets<T: Send + 'static>(work: impl FnOnce(&Running) -> T + Send + 'static) -> Option<T> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("needs root: a network namespace to look into");
        return None;
    }
    let scenario = Running::start(&["--netns", "varied"]).unwrap();
    assert!(scenario.report.sockets.len() > 250, "{}", scenario.report.sockets.len());
    let namespace = std::fs::File::open(format!("/proc/{}/ns/net", scenario.report.pid)).unwrap();
    let worker = std::thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        work(&scenario)
    });
    Some(worker.join().unwrap())
}

fn frame(choice: SourceChoice, request: &Request) -> Frame {
    Frame::new(native(choice).unwrap().snapshot(request).unwrap())
}

const FILTERS: [&str; 36] = [
    "state listening",
    "state established",
    "state all exclude listening",
    "exclude established exclude time-wait",
    "state bucket",
    "state big",
    "state connected",
    "state synchronized",
    "state bound",
    "state closed",
    "sport = :0 or sport > 1024",
    "sport >= 40000 and dport < 50000",
    "not ( sport >= 40000 and dport < 50000 )",
    "! sport gt 30000",
    "src 127.0.0.1",
    "src inet:127.0.0.1",
    "not src 127.0.0.1",
    "not src inet:127.0.0.1",
    "src 127.0.0.0/8 or src ::1",
    "dst 127.0.0.1 and not dst 127.0.0.2",
    "dst ::1",
    "dst ::ffff:127.0.0.1",
    "src fe80::/10",
    "dst 0.0.0.0/0",
    "src ::/0",
    "not dst ::/0",
    "dev = lo",
    "not dev = lo",
    "fwmark = 0",
    "not fwmark = 0/0x1",
    "tcp and not ( listening or established )",
    "udp and remote = 127.0.0.0/8",
    "ipv6 and lport < 60000",
    "proto = tcp and ( state = fin-wait-2 or rport != 80 )",
    "process ~ . and ( sport < 50000 or not dst 10/8 )",
    "loopback or not private and rport in (22, 80, 443)",
];

#[test]
fn what_the_kernel_filters_changes_nothing() {
    among_varied_sockets(|_| {
        let everything = frame(SourceChoice::SockDiag, &Request { pushdown: false, ..Request::default() });
        assert!(everything.snapshot.sockets.len() > 250);
        let context = Context { interfaces: sockscope_sys::interfaces(), ..Context::default() };
        let mut saved = 0;
        for text in FILTERS {
            let filter = Filter::parse(text, &context).unwrap_or_else(|error| panic!("{error}"));
            let (tcp, udp) = filter.protocols();
            let (ipv4, ipv6) = filter.families();
            let request = Request {
                tcp,
                udp,
                ipv4,
                ipv6,
                states: filter.states(),
                condition: filter.condition(),
                ..Request::default()
            };
            let pushed = frame(SourceChoice::SockDiag, &request);
            saved += usize::from(pushed.snapshot.sockets.len() < everything.snapshot.sockets.len());
            let matching = |frame: &Frame| -> BTreeSet<Tag> {
                frame.rows().filter(|row| filter.matches(row)).map(|row| row.socket.key.tag).collect()
            };
            assert_eq!(matching(&pushed), matching(&everything), "{text}");
        }
        assert!(saved > 20, "the kernel was given {saved} of {} filters", FILTERS.len());
    });
}

#[test]
fn proc_net_lists_what_sock_diag_lists() {
    among_varied_sockets(|_| {
        let rows = |choice| -> BTreeSet<_> {
            let frame = frame(choice, &Request { owners: false, ..Request::default() });
            let (with_scope, without): (Vec<_>, Vec<_>) = frame
                .snapshot
                .sockets
                .iter()
                // /proc/net never lists sockets that are bound and no more.
                .filter(|socket| socket.state != Some(State::Bound))
                .map(|socket| {
                    let plain = |address: std::net::SocketAddr| (address.ip(), address.port());
                    (
                        socket.key.protocol,
                        socket.state,
                        plain(socket.key.local),
                        socket.key.remote.map(plain),
                        socket.inode,
                    )
                })
                .partition(|row| matches!(row.2.0, std::net::IpAddr::V6(v6) if v6.is_unicast_link_local()));
            with_scope.into_iter().chain(without).collect()
        };
        let (diag, proc) = (rows(SourceChoice::SockDiag), rows(SourceChoice::Procfs));
        let differences: Vec<_> = diag.symmetric_difference(&proc).collect();
        assert!(diag.len() > 250 && differences.is_empty(), "{differences:#?}");
    });
}

#[test]
fn every_made_socket_is_listed_as_it_was_made() {
    among_varied_sockets(|scenario| {
        let frame = frame(SourceChoice::Auto, &Request::default());
        let mut failures = Vec::new();
        for made in &scenario.report.sockets {
            let found = frame.snapshot.sockets.iter().find(|socket| {
                let same = |one: std::net::SocketAddr, other: &sockscope_testkit::Endpoint| {
                    one.ip().to_string() == other.address && one.port() == other.port
                };
                match &made.cookie {
                    Some(cookie) => socket.cookie().map(|it| it.to_string()).as_ref() == Some(cookie),
                    None => {
                        socket.key.protocol.name() == made.protocol
                            && same(socket.key.local, &made.local)
                            && match (socket.key.remote, &made.remote) {
                                (Some(one), Some(other)) => same(one, other),
                                (None, None) => true,
                                _ => false,
                            }
                    }
                }
            });
            let Some(socket) = found else {
                failures.push(format!("{}: not listed: {made:?}", made.case));
                continue;
            };
            let state = socket.state.map(|state| state.to_string());
            let interface = frame.snapshot.interface(socket).map(std::borrow::Cow::into_owned);
            let scope = |address: std::net::SocketAddr| match address {
                std::net::SocketAddr::V6(v6) if v6.scope_id() != 0 => {
                    Some(frame.snapshot.interface_name(v6.scope_id()).into_owned())
                }
                _ => None,
            };
            let mut wrong = Vec::new();
            let mut check = |what: &str, right: bool| {
                if !right {
                    wrong.push(what.to_owned());
                }
            };
            check("state", state == made.state);
            check("family", socket.family().name() == made.family);
            check("inode", made.inode.is_none() || socket.inode == made.inode);
            check("uid", made.uid.is_none() || socket.uid == made.uid);
            // Binding or connecting to a link-local address binds the socket to the interface.
            check("interface", interface == made.interface.clone().or(made.local.scope.clone()));
            check("mark", made.mark.is_none() || socket.mark == made.mark);
            check("scope", scope(socket.key.local) == made.local.scope);
            check("peer", socket.key.remote.is_some() == made.remote.is_some());
            check("queue", made.receive_queue.is_none() || socket.queues.map(|it| it.receive) == made.receive_queue);
            if !wrong.is_empty() {
                failures.push(format!("{}: {wrong:?}\n  made  {made:?}\n  found {socket:?}", made.case));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    });
}

#[test]
fn traffic_is_counted_for_connections_only() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    std::io::Write::write_all(&mut server, &[0; 1000]).unwrap();
    let mut received = [0; 1000];
    std::io::Read::read_exact(&mut &client, &mut received).unwrap();
    let snapshot =
        native(SourceChoice::Auto).unwrap().snapshot(&Request { traffic: true, ..Request::default() }).unwrap();
    let find =
        |local, remote| snapshot.sockets.iter().find(|it| it.key.local == local && it.key.remote == remote).unwrap();
    let ends = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    let traffic = find(ends.1, Some(ends.0)).traffic.as_deref().unwrap();
    assert_eq!(traffic.sent_bytes, Some(1000));
    assert!(traffic.rtt_us.is_some_and(|rtt| rtt > 0) && traffic.congestion_control.is_some());
    assert_eq!(find(ends.0, Some(ends.1)).traffic.as_deref().unwrap().received_bytes, Some(1000));
    assert_eq!(find(ends.1, None).traffic, None);
}

#[test]
fn automatic_ports_are_told_from_chosen_ones() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let request = Request { autobound: true, ..Request::default() };
    let snapshot = native(SourceChoice::SockDiag).unwrap().snapshot(&request).unwrap();
    let find = |local| snapshot.sockets.iter().find(|socket| socket.key.local == local).unwrap();
    // A port that bind(2) was asked for, even as 0, is the program's.
    assert_eq!(find(client.local_addr().unwrap()).autobound, Some(true));
    let with_filter = Request { states: StateSet::NONE.with(State::Listen), autobound: true, ..Request::default() };
    let snapshot = native(SourceChoice::SockDiag).unwrap().snapshot(&with_filter).unwrap();
    assert!(snapshot.sockets.iter().all(|socket| socket.autobound.is_some()));
}

#[test]
fn sources_of_other_systems_are_refused() {
    for choice in SourceChoice::ALL {
        match native(choice) {
            Ok(_) => assert!(sockscope_sys::SOURCES.contains(&choice)),
            Err(error) => assert_eq!(error.kind, ErrorKind::Unavailable),
        }
    }
}
