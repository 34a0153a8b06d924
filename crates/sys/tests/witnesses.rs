//! The witnesses of `compare`, each by itself and against one another, on sockets that are made for real.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what can't be made or is not there is a failed test"
)]

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketType};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sockscope_core::Comparer;
use sockscope_model::{
    Cause, Comparison, ErrorKind, Family, Protocol, Request, Socket, SourceChoice, State, Testimony, Witness,
};
use sockscope_sys::{WITNESSES, testify};
use sockscope_testkit::Running;

const SOCK_DIAG: Witness = Witness::Source(SourceChoice::SockDiag);
const PROCFS: Witness = Witness::Source(SourceChoice::Procfs);

fn ask(witness: Witness) -> Testimony {
    testify(witness, &Request::default()).unwrap()
}

/// Runs `work` in the network namespace of a scenario.
fn inside<T: Send + 'static>(scenario: Running, work: impl FnOnce(&Running) -> T + Send + 'static) -> T {
    let namespace = std::fs::File::open(format!("/proc/{}/ns/net", scenario.report.pid)).unwrap();
    let worker = std::thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        work(&scenario)
    });
    worker.join().unwrap()
}

/// Rounds until nothing is unexplained, ten at most.
fn compare(witnesses: &[Witness]) -> Comparison {
    let mut comparer = Comparer::new();
    loop {
        // One probe is enough: it says what it says until a table says otherwise.
        let first = comparer.rounds() == 0;
        for witness in witnesses.iter().filter(|it| first || **it != Witness::BindProbe) {
            comparer.hear(*witness, testify(*witness, &Request::default()));
        }
        comparer.end_round();
        if comparer.rounds() < 3 {
            continue;
        }
        let (comparison, _) = comparer.comparison();
        if comparer.rounds() == 10 || comparison.unexplained() == 0 {
            return comparison;
        }
    }
}

fn of<'a>(testimony: &'a Testimony, socket: &impl AsFd) -> Option<&'a Socket> {
    let inode = rustix::fs::fstat(socket).unwrap().st_ino;
    testimony.snapshot.sockets.iter().find(|it| it.inode == Some(inode))
}

#[test]
fn descriptors_say_what_they_are() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
    connected.connect(udp.local_addr().unwrap()).unwrap();
    let bound = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&bound, &"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap()).unwrap();
    let nowhere = rustix::net::socket(AddressFamily::INET6, SocketType::DGRAM, None).unwrap();
    let second = udp.try_clone().unwrap();
    let (unix, _other) = std::os::unix::net::UnixStream::pair().unwrap();

    let scan = ask(Witness::FdScan);
    assert_eq!((&scan.damaged, scan.notice(Testimony::SUSPECT)), (&None, None));
    if of(&scan, &listener).is_none() {
        // Yama and sandboxes forbid even to look at what is one's own; then it is said.
        assert!(scan.notice(Testimony::PARTIAL).unwrap().contains("could not be asked"));
        return;
    }
    let address = |fd: &OwnedFd| rustix::net::getsockname(fd).unwrap().try_into().unwrap();
    for (found, state, local, remote, fd) in [
        (of(&scan, &listener), Some(State::Listen), listener.local_addr().unwrap(), None, listener.as_raw_fd()),
        (
            of(&scan, &client),
            Some(State::Established),
            client.local_addr().unwrap(),
            client.peer_addr().ok(),
            client.as_raw_fd(),
        ),
        (
            of(&scan, &server),
            Some(State::Established),
            server.local_addr().unwrap(),
            server.peer_addr().ok(),
            server.as_raw_fd(),
        ),
        (of(&scan, &connected), None, connected.local_addr().unwrap(), udp.local_addr().ok(), connected.as_raw_fd()),
        (of(&scan, &bound), Some(State::Closed), address(&bound), None, bound.as_raw_fd()),
        (of(&scan, &nowhere), None, "[::]:0".parse().unwrap(), None, nowhere.as_raw_fd()),
    ] {
        let found = found.unwrap();
        assert_eq!((found.state, found.key.local, found.key.remote), (state, local, remote));
        let [owner] = found.owners.processes() else { panic!("{found:?}") };
        assert_eq!((owner.process.pid, &owner.fds[..]), (std::process::id(), &[fd.cast_unsigned()][..]));
        assert!(scan.snapshot.process(owner.process).is_some());
        assert_eq!(found.uid, Some(rustix::process::geteuid().as_raw()));
    }
    let mut fds = [udp.as_raw_fd().cast_unsigned(), second.as_raw_fd().cast_unsigned()];
    fds.sort_unstable();
    assert_eq!(of(&scan, &udp).unwrap().owners.processes()[0].fds, fds);
    assert!(of(&scan, &unix).is_none(), "TCP and UDP only");
    for (request, expected) in [
        (Request { tcp: false, ..Request::default() }, [false, true]),
        (Request { udp: false, ..Request::default() }, [true, false]),
        (Request { ipv4: false, ..Request::default() }, [true, false]),
        (Request { ipv6: false, ..Request::default() }, [false, true]),
    ] {
        let scan = testify(Witness::FdScan, &request).unwrap();
        assert_eq!([of(&scan, &listener).is_some(), of(&scan, &udp).is_some()], expected);
    }
}

#[test]
fn a_probe_finds_ports_that_are_held() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let six = UdpSocket::bind("[::1]:0").unwrap();
    let port = |protocol, port| move |it: &&Socket| it.key.protocol == protocol && it.key.local.port() == port;
    let probe = ask(Witness::BindProbe);
    assert_eq!(probe.damaged, None);
    let rows = || probe.snapshot.sockets.iter();
    let found = rows().find(port(Protocol::Tcp, listener.local_addr().unwrap().port())).unwrap();
    assert_eq!((found.state, found.key.remote, found.key.local.ip().is_unspecified()), (None, None, true));
    assert!(rows().any(|it| it.key.local.is_ipv6() && it.key.local.port() == six.local_addr().unwrap().port()));
    // What others hold by now may differ, but never are most ports in use.
    assert!(rows().count() < 60_000, "{}", rows().count());
    let refused = probe.notice(Testimony::PARTIAL);
    assert_eq!(refused.is_some(), TcpListener::bind("127.0.0.1:1").is_err_and(|it| it.raw_os_error() == Some(13)));
    // It left nothing behind.
    TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let none = testify(Witness::BindProbe, &Request { tcp: false, udp: false, ..Request::default() }).unwrap();
    assert_eq!(none.snapshot.sockets, []);
}

/// Which sockets keep whom from a port: what a row accounts for rests on it.
#[test]
fn a_socket_of_ipv6_holds_its_port_for_ipv4_and_not_the_other_way_round() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("needs root: a network namespace without other sockets");
        return;
    }
    inside(Running::start(&["--netns", "load", "--connections", "0", "--processes", "1"]).unwrap(), |_| {
        let request = Request { tcp: false, ..Request::default() };
        let holds = |socket: &UdpSocket| {
            let port = socket.local_addr().unwrap().port();
            let probe = testify(Witness::BindProbe, &request).unwrap();
            let rows = probe.snapshot.sockets.iter().filter(|it| it.key.local.port() == port);
            let mut families: Vec<Family> = rows.map(Socket::family).collect();
            families.sort();
            families
        };
        let peer = UdpSocket::bind("[::1]:0").unwrap();
        for (address, peer, families) in [
            ("127.0.0.1:0", None, &[Family::Ipv4][..]),
            ("[::ffff:127.0.0.1]:0", None, &[Family::Ipv4]),
            ("[::]:0", None, &[Family::Ipv4, Family::Ipv6]),
            ("[::]:0", Some(peer.local_addr().unwrap()), &[Family::Ipv4, Family::Ipv6]),
            ("[::]:0", Some("[::ffff:127.0.0.1]:9".parse().unwrap()), &[Family::Ipv4]),
        ] {
            let socket = UdpSocket::bind(address).unwrap();
            if let Some(peer) = peer {
                socket.connect(peer).unwrap();
            }
            assert_eq!(holds(&socket), families, "{address} {peer:?}");
        }
    });
}

#[test]
fn witnesses_of_other_systems_are_not_here() {
    let error = testify(Witness::Source(SourceChoice::GetTable2), &Request::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    let none = Request { tcp: false, udp: false, ..Request::default() };
    assert!(WITNESSES.iter().all(|witness| testify(*witness, &none).is_ok()));
}

/// Everything that processes hold, in tables of their own and in those of their threads.
#[test]
fn every_descriptor_of_every_scenario_is_found() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("needs root: a network namespace to look into");
        return;
    }
    for name in ["owners", "varied"] {
        let scenario = Running::start(&["--netns", name]).unwrap();
        inside(scenario, move |scenario| {
            let scan = ask(Witness::FdScan);
            assert_eq!(scan.damaged, None);
            let by_inode: BTreeMap<u64, &Socket> =
                scan.snapshot.sockets.iter().filter_map(|it| Some((it.inode?, it))).collect();
            let mut count = 0;
            for made in &scenario.report.sockets {
                let expected: BTreeMap<u32, Vec<u32>> = made
                    .owners
                    .iter()
                    .filter(|owner| !owner.fds.is_empty())
                    .map(|owner| (owner.pid, owner.fds.clone()))
                    .collect();
                let found = made.inode.and_then(|inode| by_inode.get(&inode));
                let owners = found.map_or(&[][..], |it| it.owners.processes());
                let owners: BTreeMap<u32, Vec<u32>> =
                    owners.iter().map(|owner| (owner.process.pid, owner.fds.clone())).collect();
                assert_eq!(owners, expected, "{}", made.case);
                let Some(found) = found else { continue };
                let local = (found.key.local.ip().to_string(), found.key.local.port());
                assert_eq!(local, (made.local.address.clone(), made.local.port), "{}", made.case);
                let state = found.state.map(|it| it.to_string().replace("closed", "bound"));
                assert_eq!(state, made.state, "{}", made.case);
                assert_eq!(found.namespace, Some(scenario.report.namespace));
                count += 1;
            }
            // Nothing of other namespaces is among them.
            assert!(count > 10 && by_inode.len() < count + 20, "{count} of {}", by_inode.len());
        });
    }
}

#[test]
fn all_witnesses_agree_on_every_kind_of_socket() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("needs root: a network namespace to look into");
        return;
    }
    for name in ["owners", "varied"] {
        let scenario = Running::start(&["--netns", name]).unwrap();
        inside(scenario, move |scenario| {
            let comparison = compare(&[SOCK_DIAG, PROCFS, Witness::FdScan, Witness::BindProbe]);
            let unexplained: Vec<_> =
                comparison.differences.iter().filter(|it| it.cause == Cause::Unexplained).collect();
            assert!(unexplained.is_empty(), "{unexplained:#?}");
            assert!(comparison.sources.iter().all(|it| it.available && !it.faulty), "{:?}", comparison.sources);
            // TIME_WAIT, the accept queue and the like are nobody's: that is what makes the sources differ at all.
            let lacking = scenario.report.sockets.iter().filter(|it| it.owners.is_empty()).count();
            let not_shown = comparison.differences.iter().filter(|it| it.cause == Cause::NotShown).count();
            assert!(lacking > 0 && not_shown >= lacking, "{not_shown} of {lacking}");
        });
    }
}
