//! Any text as a filter. What can be read is applied to a few sockets: nothing that a source is told to leave out may pass.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sockscope_core::{Context, Filter, Services};
use sockscope_model::{
    Condition, Family, Frame, Owner, Owners, Process, ProcessId, Protocol, Snapshot, Socket, SocketKey, State, Tag,
    Timestamp,
};

static CONTEXT: LazyLock<Context> = LazyLock::new(|| Context {
    uid: Some(1000),
    user: None,
    services: Services::parse("ssh 22/tcp\nodd 512/tcp\nodd 513/udp\n"),
    interfaces: [(1, "lo".to_owned()), (2, "eth0".to_owned())].into(),
});

static FRAME: LazyLock<Frame> = LazyLock::new(frame);

fuzz_target!(|data: &str| {
    match Filter::parse(data, &CONTEXT) {
        Ok(filter) => check(&filter),
        Err(error) => {
            assert!(data.is_char_boundary(error.offset()) && error.column() <= data.chars().count() + 1);
            assert!(!error.to_string().chars().any(|char| char != '\n' && char.is_control()));
        }
    }
    // The same as a shell would have split it; a word may be a whole value here, so the result may differ.
    let words: Vec<&str> = data.split(' ').collect();
    if let Ok(filter) = Filter::from_words(&words, &CONTEXT) {
        check(&filter);
    }
});

fn check(filter: &Filter) {
    let (states, condition) = (filter.states(), filter.condition());
    let ((tcp, udp), (ipv4, ipv6)) = (filter.protocols(), filter.families());
    let _ = filter.needs();
    for row in FRAME.rows().filter(|row| filter.matches(row)) {
        let socket = row.socket;
        assert!(states.contains(socket.filter_state()));
        assert!(if socket.key.protocol == Protocol::Tcp { tcp } else { udp });
        assert!(if socket.family() == Family::Ipv4 { ipv4 } else { ipv6 });
        assert!(condition.as_ref().is_none_or(|condition| holds(condition, socket)));
    }
}

/// What a kernel would say.
fn holds(condition: &Condition, socket: &Socket) -> bool {
    let unspecified = match socket.family() {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let local = socket.key.local;
    let remote = socket.key.remote.unwrap_or_else(|| SocketAddr::new(unspecified, 0));
    match condition {
        Condition::All(all) => all.iter().all(|condition| holds(condition, socket)),
        Condition::Any(any) => any.iter().any(|condition| holds(condition, socket)),
        Condition::Not(condition) => !holds(condition, socket),
        Condition::LocalPortFrom(port) => local.port() >= *port,
        Condition::LocalPortTo(port) => local.port() <= *port,
        Condition::RemotePortFrom(port) => remote.port() >= *port,
        Condition::RemotePortTo(port) => remote.port() <= *port,
        Condition::Local(block) => block.contains_mapped(local.ip()),
        Condition::Remote(block) => block.contains_mapped(remote.ip()),
        Condition::Interface(index) => socket.interface.unwrap_or(0) == *index,
        // Where the row does not show a mark, the kernel may know one all the same.
        Condition::Mark { value, mask } => socket.mark.unwrap_or(3) & mask == *value,
        _ => true,
    }
}

fn frame() -> Frame {
    let mut snapshot = Snapshot::new("linux", "host".to_owned(), Timestamp::from_micros(600_000_000));
    let process = Process {
        id: ProcessId { pid: 812, started: None },
        name: "nginx".to_owned(),
        path: Some("/usr/sbin/nginx".into()),
        command_line: Some(vec!["nginx".to_owned(), "-g".to_owned(), "daemon off;".to_owned()]),
        uid: Some(33),
        user: Some("www-data".to_owned()),
        service: Some("nginx.service".to_owned()),
        container: None,
    };
    let rows = [
        (Protocol::Tcp, Some(State::Listen), "0.0.0.0:22", None),
        (Protocol::Tcp, Some(State::Listen), "[::]:80", None),
        (Protocol::Tcp, Some(State::Established), "10.0.0.5:44312", Some("1.1.1.1:443")),
        (Protocol::Tcp, Some(State::Established), "[::ffff:127.0.0.1]:80", Some("[::ffff:127.0.0.1]:5000")),
        (Protocol::Tcp, Some(State::TimeWait), "[fe80::1%2]:22", Some("[fe80::2%2]:65535")),
        (Protocol::Tcp, Some(State::Bound), "127.0.0.1:0", None),
        (Protocol::Tcp, Some(State::Other(77)), "192.168.0.1:1", Some("8.8.8.8:0")),
        (Protocol::Udp, None, "127.0.0.53:53", None),
        (Protocol::Udp, None, "[2001:db8::1]:512", Some("[2001:db8::2]:513")),
    ];
    for (index, (protocol, state, local, remote)) in rows.into_iter().enumerate() {
        let (Ok(local), remote) = (local.parse(), remote.and_then(|remote: &str| remote.parse().ok())) else {
            continue;
        };
        let mut socket = Socket::new(SocketKey { protocol, local, remote, tag: Tag::Cookie(index as u64) });
        socket.state = state;
        socket.mark = (index % 2 == 0).then_some(index as u32);
        socket.interface = (index % 3 == 0).then_some(2);
        socket.uid = Some(1000);
        socket.opened = Some(Timestamp::from_micros(0));
        socket.autobound = Some(index % 2 == 0);
        if index % 2 == 0 {
            socket.owners = Owners::Processes(vec![Owner { process: process.id, fds: vec![3] }]);
        }
        snapshot.sockets.push(socket);
    }
    snapshot.processes.insert(process.id, process);
    Frame::new(snapshot)
}
