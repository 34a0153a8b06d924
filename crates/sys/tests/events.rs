//! What the kernel tells of sockets that end, held against real ones: each is told exactly once, however it ended.
//!
//! As root each test has a network namespace of its own, and nothing else may be told there; otherwise other sockets of this
//! machine are told as well.
#![cfg(all(target_os = "linux", not(sockscope_null)))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what can't be made or is not there is a failed test")]

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_linger, socket_cookie};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use sockscope_model::{Event, EventKind, Events, Heard, Request, Socket, Source, SourceChoice, State};
use sockscope_sys::{events, native};

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs it where nobody else makes sockets, if we may.
fn alone(test: impl FnOnce() + Send + 'static) {
    let inside = || {
        if is_root() {
            sockscope_testkit::enter_private_namespace().unwrap();
        }
        test();
    };
    std::thread::spawn(inside).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn cookie(socket: impl AsFd) -> u64 {
    socket_cookie(socket.as_fd()).unwrap()
}

/// What was told, by cookie.
struct Told {
    source: Box<dyn Events>,
    events: HashMap<u64, Vec<Event>>,
    heard: Heard,
}

impl Told {
    fn listen(request: &Request) -> Told {
        Told { source: events(request).unwrap(), events: HashMap::new(), heard: Heard::default() }
    }

    fn hear(&mut self, at_most: Duration) {
        let mut new = Vec::new();
        let heard = self.source.wait(at_most, &mut new).unwrap();
        self.heard.lost += heard.lost;
        self.heard.malformed += heard.malformed;
        self.heard.lost_unknown |= heard.lost_unknown;
        for event in new {
            self.events.entry(event.socket.cookie().unwrap()).or_default().push(event);
        }
    }

    fn hear_until(&mut self, done: impl Fn(&Told) -> bool) {
        let begin = Instant::now();
        while !done(self) {
            assert!(begin.elapsed() < PATIENCE, "{:?} told, {:?}", self.events.len(), self.heard);
            self.hear(Duration::from_secs(1));
        }
    }

    fn await_all(&mut self, cookies: &[u64]) {
        self.hear_until(|told| cookies.iter().all(|cookie| told.events.contains_key(cookie)));
    }

    /// The socket of that cookie, once it is told; the tale is over then.
    fn one(&mut self, cookie: u64) -> Socket {
        self.await_all(&[cookie]);
        let event = self.events.remove(&cookie).unwrap().pop().unwrap();
        assert_eq!(event.kind, EventKind::Closed);
        *event.socket
    }
}

/// 10,000 connections, half of them reset, half ended in order: both ends of each are told once, and nothing else is.
#[test]
fn ten_thousand_connections_are_told_once_each() {
    alone(|| {
        let request = Request { udp: false, ..Request::default() };
        let mut told = Told::listen(&request);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut made = Vec::new();
        let opened = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        for round in 0..200 {
            // No more than any system keeps for us.
            let first = made.len();
            for number in 0..50 {
                let client = TcpStream::connect(address).unwrap();
                let (accepted, _) = listener.accept().unwrap();
                made.extend([cookie(&client), cookie(&accepted)]);
                if (round + number) % 2 == 0 {
                    set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
                }
            }
            told.await_all(made.split_at(first).1);
        }
        assert_eq!(made.len(), 20_000);
        assert_eq!(told.heard, Heard::default());
        for cookie in &made {
            let events = told.events.remove(cookie).unwrap();
            assert_eq!(events.len(), 1, "{events:?}");
            let Event { at, socket, kind, processes } = events.into_iter().next().unwrap();
            assert_eq!((kind, processes.len()), (EventKind::Closed, 0));
            assert!(at.as_micros() / 1_000_000 >= opened.tv_sec);
            assert_eq!((socket.state, socket.uid, socket.inode), (Some(State::Closed), None, None));
            assert!(socket.namespace.is_some());
        }
        if is_root() {
            assert!(told.events.is_empty(), "{:?}", told.events);
            let listener_cookie = cookie(&listener);
            drop(listener);
            let socket = told.one(listener_cookie);
            assert_eq!((socket.key.local, socket.key.remote, socket.traffic), (address, None, None));
        }
    });
}

#[test]
fn what_a_connection_carried_is_told() {
    use std::io::{Read, Write};
    alone(|| {
        let mut told = Told::listen(&Request::default());
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut accepted, peer) = listener.accept().unwrap();
        let (ours, theirs) = (cookie(&client), cookie(&accepted));
        client.write_all(&[7; 5000]).unwrap();
        accepted.read_exact(&mut [0; 5000]).unwrap();
        accepted.write_all(b"thanks").unwrap();
        client.read_exact(&mut [0; 6]).unwrap();

        // The client ends first: what remains of it is in TIME_WAIT in the end, and the socket itself is told before that
        // expires.
        drop(client);
        assert_eq!(accepted.read(&mut [0]).unwrap(), 0);
        drop(accepted);
        let socket = told.one(ours);
        assert_eq!((socket.key.local, socket.key.remote), (peer, Some(listener.local_addr().unwrap())));
        let traffic = socket.traffic.unwrap();
        assert_eq!(traffic.sent_bytes, Some(5000));
        // The FIN counts as one where the kernel counts it.
        assert!([6, 7].contains(&traffic.received_bytes.unwrap()), "{traffic:?}");
        let traffic = told.one(theirs).traffic.unwrap();
        assert_eq!(traffic.sent_bytes, Some(6));
        assert!([5000, 5001].contains(&traffic.received_bytes.unwrap()), "{traffic:?}");
        let now = native(SourceChoice::SockDiag).unwrap().snapshot(&Request::default()).unwrap();
        let rest = now.sockets.iter().find(|socket| socket.cookie() == Some(ours)).unwrap();
        assert_eq!(rest.state, Some(State::TimeWait));
    });
}

/// The peer never closes: what remains is in FIN_WAIT_2, of the same cookie, and no full socket any more.
#[test]
fn an_orphan_is_told_when_it_is_one() {
    alone(|| {
        let mut told = Told::listen(&Request::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let ours = cookie(&client);
        drop(client);
        assert!(told.one(ours).key.remote.is_some());
        let now = native(SourceChoice::SockDiag).unwrap().snapshot(&Request::default()).unwrap();
        let rest = now.sockets.iter().find(|socket| socket.cookie() == Some(ours)).unwrap();
        assert_eq!(rest.state, Some(State::FinWait2));
        drop(accepted);
    });
}

/// A socket that its own program breaks off has forgotten its peer; the other end has not.
#[test]
fn resets_and_failures_are_told() {
    alone(|| {
        let mut told = Told::listen(&Request::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();

        let client = TcpStream::connect(address).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
        let (ours, theirs) = (cookie(&client), cookie(&accepted));
        drop(client);
        let socket = told.one(ours);
        assert_eq!((socket.key.local.port(), socket.key.remote), (peer.port(), None));
        assert_eq!(socket.traffic, None);
        drop(accepted);
        assert_eq!(told.one(theirs).key.remote, Some(peer));

        // Waits in the queue of a listener that is closed.
        let client = TcpStream::connect(address).unwrap();
        let (ours, theirs) = (cookie(&client), cookie(&listener));
        let request = Request { owners: false, ..Request::default() };
        let listed = native(SourceChoice::SockDiag).unwrap().snapshot(&request).unwrap();
        let waiting = listed.sockets.iter().find(|it| it.key.remote == Some(client.local_addr().unwrap())).unwrap();
        drop(listener);
        assert_eq!(told.one(theirs).key.local, address);
        assert_eq!(told.one(waiting.cookie().unwrap()).key.local.port(), address.port());
        drop(client);
        assert_eq!(told.one(ours).key.remote, Some(address));

        // Nobody listens: refused, with and without waiting for it.
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        for waits in [true, false] {
            let client = tcp(nowhere);
            let ours = cookie(&client);
            rustix::io::ioctl_fionbio(&client, !waits).unwrap();
            let refused = rustix::net::connect(&client, &nowhere).unwrap_err();
            assert_eq!(refused, if waits { Errno::CONNREFUSED } else { Errno::INPROGRESS });
            drop(client);
            let socket = told.one(ours);
            assert_ne!(socket.key.local.port(), 0);
            assert_eq!(socket.key.remote, (!waits).then_some(nowhere));
        }

        // Bound and no more.
        let bound = tcp(nowhere);
        rustix::net::bind(&bound, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let ours = cookie(&bound);
        drop(bound);
        assert_eq!(told.one(ours).key.local.ip(), nowhere.ip());
        assert_eq!(told.heard, Heard::default());
    });
}

/// A count of what was opened and accepted, so that who misses some can say how many.
#[test]
fn openings_are_counted() {
    alone(|| {
        let opens = |tcp_opens| {
            let request = Request { tcp_opens, ..Request::default() };
            native(SourceChoice::Auto).unwrap().snapshot(&request).unwrap().tcp_opens
        };
        let listener = TcpListener::bind("[::]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let before = opens(true).unwrap();
        for address in ["127.0.0.1", "::1"] {
            for _ in 0..5 {
                drop((TcpStream::connect((address, port)).unwrap(), listener.accept().unwrap()));
            }
        }
        let more = opens(true).unwrap() - before;
        assert!(more == 20 || !is_root() && more > 20, "{more}");
        assert_eq!(opens(false), None);
    });
}

fn tcp(address: SocketAddr) -> OwnedFd {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
}

#[test]
fn udp_of_both_families_is_told() {
    alone(|| {
        let mut told = Told::listen(&Request { tcp: false, ..Request::default() });
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let address: SocketAddr = address.parse().unwrap();
            let (server, client) = (UdpSocket::bind(address).unwrap(), UdpSocket::bind(address).unwrap());
            client.connect(server.local_addr().unwrap()).unwrap();
            let (theirs, ours) = (cookie(&server), cookie(&client));
            let (there, here) = (server.local_addr().unwrap(), client.local_addr().unwrap());
            drop((server, client));
            let socket = told.one(theirs);
            assert_eq!((socket.key.local, socket.key.remote, socket.state), (there, None, None));
            let socket = told.one(ours);
            assert_eq!((socket.key.local, socket.key.remote, socket.traffic), (here, Some(there), None));
        }
    });
}

/// Neither what was only made, nor what was not asked for. The last socket is told after all others.
#[test]
fn what_nobody_wants_is_not_told() {
    alone(|| {
        let mut told = Told::listen(&Request { tcp: false, ipv6: false, ..Request::default() });
        let unbound = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
        let six = UdpSocket::bind("[::1]:0").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let unwanted = [cookie(&unbound), cookie(&six), cookie(&listener)];
        drop((unbound, six, listener));
        let last = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wanted = cookie(&last);
        drop(last);
        told.await_all(&[wanted]);
        // The kernel tells of each by a work of its own, in the order in which they ended or nearly so.
        told.hear(Duration::from_millis(100));
        assert!(unwanted.iter().all(|cookie| !told.events.contains_key(cookie)));
    });
}

/// Nobody listens while more sockets end than the kernel keeps for us: what is lost is counted, to the last one.
#[test]
fn what_is_lost_is_counted() {
    if !is_root() {
        return;
    }
    alone(|| {
        const ENDED: u64 = 100_000;
        let mut told = Told::listen(&Request::default());
        for _ in 0..ENDED {
            drop(UdpSocket::bind("127.0.0.1:0").unwrap());
        }
        let count = |told: &Told| told.events.values().map(Vec::len).sum::<usize>() as u64;
        told.hear_until(|told| count(told) + told.heard.lost == ENDED);
        assert!(!told.heard.lost_unknown, "{:?}", told.heard);
        if told.heard.lost == 0 {
            // The kernel tells of them in its own time: on a busy machine, as fast as we hear.
            eprintln!("nothing was lost");
        }
        // And it goes on.
        let next = UdpSocket::bind("127.0.0.1:0").unwrap();
        let ours = cookie(&next);
        drop(next);
        told.one(ours);
    });
}
