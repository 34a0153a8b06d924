//! Any snapshot that a source could make, with what is looked up beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sockscope_model::{
    Coordinates, Exposure, Frame, HostName, IpDatabase, Namespace, NoOwner, Notice, Owner, Owners, Place, Process,
    ProcessId, Protocol, Queues, Snapshot, Socket, SocketKey, SourceReport, State, Tag, Timer, TimerKind, Timestamp,
    Traffic,
};

use crate::common::any_name;

fn text() -> impl Strategy<Value = Option<String>> {
    option::of(any_name())
}

fn number() -> impl Strategy<Value = Option<u64>> {
    option::of(any::<u64>())
}

/// The years that documents can write.
fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![-62_167_219_200_000_000..253_402_207_200_000_000i64, Just(0)].prop_map(Timestamp::from_micros)
}

fn address(six: bool) -> BoxedStrategy<IpAddr> {
    if six {
        let mapped = any::<Ipv4Addr>().prop_map(|address| address.to_ipv6_mapped());
        prop_oneof![any::<Ipv6Addr>(), mapped, Just(Ipv6Addr::LOCALHOST)].prop_map(IpAddr::from).boxed()
    } else {
        prop_oneof![any::<Ipv4Addr>(), Just(Ipv4Addr::new(192, 0, 2, 1))].prop_map(IpAddr::from).boxed()
    }
}

fn endpoint(six: bool) -> impl Strategy<Value = SocketAddr> {
    (address(six), any::<u16>(), 0..5u32).prop_map(|(address, port, scope)| match address {
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, scope).into(),
        IpAddr::V4(_) => SocketAddr::new(address, port),
    })
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![select(&State::NAMED[..]), any::<u32>().prop_map(State::Other)]
}

fn traffic() -> impl Strategy<Value = Traffic> {
    (vec(number(), 13), text()).prop_map(|(numbers, congestion_control)| {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m] = <[Option<u64>; 13]>::try_from(numbers).unwrap();
        Traffic {
            sent_bytes: a,
            received_bytes: b,
            rtt_us: c,
            rtt_variation_us: d,
            min_rtt_us: e,
            retransmitted_segments: f,
            lost_segments: g,
            congestion_control,
            congestion_window: h,
            segment_size: i,
            send_rate_bps: j,
            delivery_rate_bps: k,
            last_sent_us: l,
            last_received_us: m,
        }
    })
}

/// Owners by which of the processes they are.
type Drawn = (Socket, Vec<(Index, Vec<u32>)>);

fn socket() -> impl Strategy<Value = Drawn> {
    let ends = any::<bool>().prop_flat_map(|six| (endpoint(six), option::of(endpoint(six))));
    let timer = select(vec![TimerKind::Retransmit, TimerKind::Keepalive, TimerKind::TimeWait, TimerKind::Probe]);
    let exposures =
        vec![Exposure::Loopback, Exposure::Host, Exposure::Any, Exposure::ContainerOnly, Exposure::Published];
    let first = (ends, option::of(state()), select(&NoOwner::ALL[..]), option::of(0..4u32), number(), any::<bool>());
    let second = (
        option::of(0..5u32),
        option::of(any::<u32>()),
        option::of(0..3u64),
        option::of(0..3u64),
        option::of(time()),
        option::of((any::<u32>(), option::of(any::<u32>()))),
        option::of((timer, any::<u64>(), any::<u8>())),
        option::of(traffic()),
        option::of(select(exposures)),
    );
    let owners = vec((any::<Index>(), vec(any::<u32>(), 0..3)), 0..4);
    (first, second, owners).prop_map(|(first, second, owners)| {
        let ((local, remote), state, reason, uid, inode, has_cookie) = first;
        let (interface, mark, namespace, cgroup, opened, queues, timer, traffic, exposure) = second;
        let protocol = if state.is_some() { Protocol::Tcp } else { Protocol::Udp };
        let tag = if has_cookie { Tag::Cookie(0) } else { Tag::None };
        let socket = Socket {
            state,
            owners: Owners::Nobody(reason),
            uid,
            inode,
            interface,
            mark,
            namespace,
            cgroup,
            opened,
            queues: queues.map(|(receive, send)| Queues { receive, send }),
            timer: timer.map(|(kind, expires_us, retransmits)| Timer { kind, expires_us, retransmits }),
            traffic: traffic.map(Box::new),
            exposure,
            ..Socket::new(SocketKey { protocol, local, remote, tag })
        };
        (socket, owners)
    })
}

fn process() -> impl Strategy<Value = Process> {
    let details = (text(), option::of(vec(any_name(), 0..3)), text(), service(), text());
    (option::of(time()), any_name(), details).prop_map(|(started, name, details)| {
        let (path, command_line, user, service, container) = details;
        let path = path.map(Into::into);
        let id = ProcessId { pid: 0, started };
        Process { path, command_line, user, service, container, ..Process::new(id, name) }
    })
}

/// Few, so that processes and sockets have the same.
fn service() -> impl Strategy<Value = Option<String>> {
    option::of(select(vec!["Dhcp".to_owned(), "Dnscache".to_owned(), String::new()]))
}

fn place() -> impl Strategy<Value = Place> {
    let angle = || -180.0..180.0f64;
    let point = option::of((angle(), angle()));
    (text(), text(), text(), text(), option::of(any::<u32>()), text(), point, any_name()).prop_map(
        |(country_code, country, region, city, asn, organization, point, text)| {
            let coordinates = point.map(|(latitude, longitude)| Coordinates { latitude, longitude });
            let database = "".into();
            Place { country_code, country, region, city, asn, organization, coordinates, text, database }
        },
    )
}

pub(crate) fn any_frame() -> impl Strategy<Value = Frame> {
    let machine = (select(vec!["linux", "windows", "unknown"]), any_name(), time(), any::<u64>());
    let notices = vec((select(vec!["malformed-rows", "recorded", "owners-need-root"]), any_name()), 0..3);
    let sources = vec((select(vec!["sock_diag", "get_table", "recorded"]), any::<[u64; 4]>()), 0..3);
    let names = (vec(any_name(), 3), vec(any_name(), 3), vec(any_name(), 3), vec(text(), 2));
    let rows = (vec(process(), 1..4), vec((socket(), service()), 0..6));
    let beside = (0..4usize, vec((vec(option::of(place()), 3), any_name()), 6));
    (machine, notices, sources, names, rows, beside).prop_map(|(machine, notices, sources, names, rows, beside)| {
        let (os, host, taken, elapsed) = machine;
        let mut snapshot = Snapshot::new(os, host, taken);
        snapshot.elapsed = Duration::from_micros(elapsed);
        snapshot.notices = notices.into_iter().map(|(code, message)| Notice { code, message }).collect();
        let report = |(name, [rows, duplicates, churned, elapsed]): (&'static str, [u64; 4])| SourceReport {
            name,
            rows,
            duplicates,
            churned,
            elapsed: Duration::from_micros(elapsed),
        };
        snapshot.sources = sources.into_iter().map(report).collect();
        let (users, interfaces, cgroups, namespaces) = names;
        snapshot.users = (0..).zip(users).collect();
        snapshot.interfaces = (1..).zip(interfaces).collect();
        snapshot.cgroups = (0..).zip(cgroups).collect();
        snapshot.namespaces = (0..).zip(namespaces).map(|(id, name)| (id, Namespace { id, name })).collect();
        let (mut processes, sockets) = rows;
        for (pid, process) in (7..).zip(&mut processes) {
            process.id.pid = pid;
        }
        for (number, ((mut socket, owners), service)) in sockets.into_iter().enumerate() {
            if let Tag::Cookie(cookie) = &mut socket.key.tag {
                *cookie = number as u64;
            } else {
                // Otherwise two could be taken for one.
                socket.key.local.set_port(u16::try_from(number).unwrap());
            }
            // A socket's empty service would hide its process', which no source does.
            if let Some(service) = service.filter(|service| !service.is_empty()) {
                snapshot.services.insert(socket.key, service);
            }
            let mut owners: Vec<Owner> =
                owners.into_iter().map(|(index, fds)| Owner { process: index.get(&processes).id, fds }).collect();
            owners.sort_by_key(|owner| owner.process);
            owners.dedup_by_key(|owner| owner.process);
            if !owners.is_empty() {
                socket.owners = Owners::Processes(owners);
            }
            snapshot.sockets.push(socket);
        }
        snapshot.processes = processes.into_iter().map(|process| (process.id, process)).collect();
        look_up(Frame::new(snapshot), beside.0, beside.1)
    })
}

/// Each peer in as many databases, some of which know it; and its name.
fn look_up(mut frame: Frame, databases: usize, answers: Vec<(Vec<Option<Place>>, String)>) -> Frame {
    let name = |number: usize| Arc::<str>::from(format!("Database {number}"));
    let database = |number| IpDatabase { name: name(number), attribution: None, website: None };
    frame.databases = (0..databases).map(database).collect();
    let peers = frame.snapshot.sockets.iter().filter_map(|socket| socket.key.remote);
    for (peer, (places, host)) in peers.zip(answers) {
        let known = (0..databases).zip(places).filter_map(|(number, place)| {
            let database = name(number);
            place.map(|place| Place { database, ..place })
        });
        let known: Vec<Place> = known.collect();
        if !known.is_empty() {
            Arc::make_mut(&mut frame.places).insert(peer.ip(), known.into());
        }
        Arc::make_mut(&mut frame.names).insert(peer.ip(), HostName::of(&host));
    }
    frame
}
