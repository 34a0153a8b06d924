//! A small machine with everything on it that is hard to print.

#![allow(dead_code, reason = "each test uses a part")]

use std::time::Duration;

use proptest::prelude::*;
use sockscope_model::{
    Cause, Comparison, Difference, Exposure, Frame, HostName, IpDatabase, Namespace, NoOwner, Notice, Owner, Owners,
    Place, Process, ProcessId, Protocol, Queues, Snapshot, Socket, SocketKey, SourceChoice, SourceReport,
    SourceVerdict, State, Tag, Timer, TimerKind, Timestamp, Traffic, Witness,
};
use sockscope_output::Listing;

pub(crate) const TAKEN: Timestamp = Timestamp::from_micros(1_795_334_400_123_456);

/// A TCP socket, or UDP where there is no state.
pub(crate) fn socket(state: Option<State>, local: &str, remote: Option<&str>) -> Socket {
    let protocol = if state.is_some() { Protocol::Tcp } else { Protocol::Udp };
    let mut socket = Socket::new(SocketKey {
        protocol,
        local: local.parse().unwrap(),
        remote: remote.map(|remote| remote.parse().unwrap()),
        tag: Tag::Cookie(4097),
    });
    socket.state = state;
    socket.queues = Some(Queues { receive: 0, send: Some(0) });
    socket.uid = Some(0);
    socket.mark = Some(0);
    socket.namespace = Some(4_026_531_840);
    if socket.is_listening() {
        socket.exposure = Some(Exposure::of_local(socket.key.local.ip()));
    }
    socket
}

pub(crate) fn process(pid: u32, name: &str) -> Process {
    Process {
        id: ProcessId { pid, started: Some(Timestamp::from_micros(TAKEN.as_micros() - 3_600_000_000)) },
        name: name.to_owned(),
        path: Some(format!("/usr/bin/{name}").into()),
        command_line: Some(vec![name.to_owned(), "-s".to_owned()]),
        uid: Some(1000),
        user: Some("alice".to_owned()),
        service: None,
        container: None,
    }
}

/// The frame under construction.
pub(crate) struct Machine {
    pub(crate) snapshot: Snapshot,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let mut snapshot = Snapshot::new("linux", "web-1".to_owned(), TAKEN);
        snapshot.elapsed = Duration::from_micros(3_800);
        Machine { snapshot }
    }

    pub(crate) fn owned(&mut self, mut socket: Socket, owners: &[(u32, &str, &[u32])]) {
        let owners = owners.iter().map(|(pid, name, fds)| {
            let process = process(*pid, name);
            let owner = Owner { process: process.id, fds: fds.to_vec() };
            self.snapshot.processes.insert(process.id, process);
            owner
        });
        socket.owners = Owners::Processes(owners.collect());
        self.snapshot.sockets.push(socket);
    }

    pub(crate) fn frame(self) -> Frame {
        Frame::new(self.snapshot)
    }

    pub(crate) fn unowned(&mut self, mut socket: Socket, reason: NoOwner) {
        socket.owners = Owners::Nobody(reason);
        self.snapshot.sockets.push(socket);
    }
}

/// One socket of each kind.
pub(crate) fn varied() -> Frame {
    let mut machine = Machine::new();
    let workers: Vec<(u32, &str, &[u32])> = (0..9).map(|pid| (2100 + pid, "nginx", [6u32, 7].as_slice())).collect();
    let mut listener = socket(Some(State::Listen), "0.0.0.0:443", None);
    listener.queues = Some(Queues { receive: 3, send: Some(511) });
    machine.owned(listener, &workers);
    machine.owned(socket(Some(State::Listen), "[::]:22", None), &[(711, "sshd", &[3])]);
    machine.owned(socket(Some(State::Listen), "127.0.0.1:5432", None), &[(980, "postgres: checkpointer", &[5])]);

    let mut curl = socket(Some(State::Established), "10.0.0.5:44312", Some("1.1.1.1:443"));
    curl.uid = Some(1000);
    curl.inode = Some(12_345);
    curl.cgroup = Some(77);
    curl.opened = Some(Timestamp::from_micros(TAKEN.as_micros() - 90_000_000));
    curl.queues = Some(Queues { receive: 0, send: Some(1448) });
    curl.timer = Some(Timer { kind: TimerKind::Retransmit, expires_us: 204_000, retransmits: 1 });
    curl.traffic = Some(Box::new(Traffic {
        sent_bytes: Some(1_250_000),
        received_bytes: Some(640),
        rtt_us: Some(12_400),
        retransmitted_segments: Some(2),
        congestion_control: Some("cubic".to_owned()),
        congestion_window: Some(10),
        send_rate_bps: Some(9_300_000),
        ..Traffic::default()
    }));
    machine.owned(curl, &[(812, "curl", &[5])]);

    let mut six = socket(
        Some(State::Established),
        "[2001:db8:1234:5678:9abc:def0:1234:5678]:50123",
        Some("[2606:4700:4700:1111:2222:3333:4444:5555]:443"),
    );
    six.uid = Some(1000);
    machine.owned(six, &[(901, "浏览器进程-下载", &[88])]);

    let mut link_local = socket(None, "[fe80::1c2d:3eff:fe4f:5a6b]:546", None);
    if let std::net::SocketAddr::V6(v6) = &mut link_local.key.local {
        v6.set_scope_id(2);
    }
    link_local.interface = Some(2);
    machine.owned(link_local, &[(640, "systemd-network", &[19])]);

    machine.owned(
        socket(Some(State::CloseWait), "[::ffff:10.0.0.5]:8080", Some("[::ffff:192.0.2.77]:51514")),
        &[(1500, "java", &[120]), (1501, "java", &[120])],
    );
    let mut connected = socket(None, "10.0.0.5:35353", Some("9.9.9.9:53"));
    connected.uid = Some(992);
    machine.owned(connected, &[(500, "systemd-resolve", &[14])]);
    machine.unowned(socket(None, "0.0.0.0:51820", None), NoOwner::Kernel);
    let mut finished = socket(Some(State::TimeWait), "10.0.0.5:40000", Some("198.51.100.7:80"));
    finished.uid = None;
    finished.mark = None;
    finished.queues = None;
    machine.unowned(finished, NoOwner::TimeWait);
    machine.unowned(socket(Some(State::Other(77)), "10.0.0.5:9", Some("10.0.0.6:9")), NoOwner::NeedsRoot);

    let snapshot = &mut machine.snapshot;
    snapshot.users = [(0, "root".to_owned()), (1000, "alice".to_owned())].into();
    snapshot.interfaces = [(2, "eth0".to_owned())].into();
    snapshot.cgroups = [(77, "/user.slice".to_owned())].into();
    snapshot.namespaces = [(4_026_531_840, Namespace { id: 4_026_531_840, name: None })].into();
    snapshot.sources = vec![SourceReport {
        name: "sock_diag",
        rows: 11,
        duplicates: 0,
        churned: 3,
        elapsed: Duration::from_micros(2_100),
    }];
    snapshot.notices = vec![Notice {
        code: "owners-need-root",
        message: "The owners of 1 socket can't be seen by this user; run as root to see them.".to_owned(),
    }];
    Frame::new(machine.snapshot)
}

pub(crate) fn place(text: &str, database: &str) -> Place {
    Place {
        country_code: Some("US".to_owned()),
        country: Some(text.to_owned()),
        text: text.to_owned(),
        database: database.into(),
        ..Place::default()
    }
}

/// The same with two databases.
pub(crate) fn placed() -> Frame {
    let mut frame = varied();
    let database = |name: &str, attribution| IpDatabase {
        name: name.into(),
        attribution,
        website: attribution.map(|_| "https://db-ip.com"),
    };
    frame.databases =
        vec![database("DB-IP Country Lite 2026-06", Some("IP Geolocation by DB-IP")), database("QQWry", None)];
    let places =
        vec![place("United States", "DB-IP Country Lite 2026-06"), place("美国 APNIC&CloudFlare公共DNS", "QQWry")];
    std::sync::Arc::make_mut(&mut frame.places).insert("1.1.1.1".parse().unwrap(), places.into());
    std::sync::Arc::make_mut(&mut frame.places)
        .insert("9.9.9.9".parse().unwrap(), [place("Switzerland", "DB-IP Country Lite 2026-06")].into());
    frame
}

/// The sources of [`varied`], which differ on each of its sockets for some cause.
pub(crate) fn compared() -> (Comparison, Frame) {
    let frame = varied();
    let sock_diag = Witness::Source(SourceChoice::SockDiag);
    let procfs = Witness::Source(SourceChoice::Procfs);
    let source = |witness, available, reason: Option<&str>, rows| SourceVerdict {
        witness,
        available,
        reason: reason.map(str::to_owned),
        faulty: witness == procfs,
        rows,
    };
    let differences = (0..frame.snapshot.sockets.len()).map(|index| {
        let (cause, detail) = match index {
            0 => (Cause::Unexplained, "procfs does not list it in any of 10 rounds, though it shows such sockets"),
            1 => (
                Cause::Unexplained,
                "process 711 has it open, and yet sock_diag finds no process that does (kernel): the process is hidden",
            ),
            2 => (Cause::Churn, "it came in round 2; sock_diag missed it in round 2"),
            3 => (Cause::SameMeaning, "procfs: \x1b[31mred\nline"),
            _ => (Cause::NotShown, "fd_scan: the connection is over (time-wait)"),
        };
        let (seen_by, missing_from) = match index {
            1 | 3 => (vec![sock_diag, procfs, Witness::FdScan], vec![]),
            0 | 2 => (vec![sock_diag, Witness::FdScan], vec![procfs]),
            _ => (vec![sock_diag, procfs], vec![Witness::FdScan]),
        };
        Difference { seen_by, missing_from, cause, detail: detail.to_owned() }
    });
    let comparison = Comparison {
        rounds: 10,
        sources: vec![
            source(sock_diag, true, None, Some(11)),
            source(
                procfs,
                true,
                Some("1 row of /proc/net made no sense and is missing (/proc/net/tcp: its line of titles is missing)"),
                Some(9),
            ),
            source(
                Witness::FdScan,
                true,
                Some("2 processes could not be looked into, so that sockets may be missing; sudo shows them"),
                Some(3),
            ),
            source(Witness::BindProbe, false, Some("it was not asked"), None),
        ],
        differences: differences.collect(),
    };
    (comparison, frame)
}

/// One listener, held by a process of that name.
pub(crate) fn named(name: &str) -> Frame {
    let mut machine = Machine::new();
    machine.owned(socket(Some(State::Listen), "0.0.0.0:80", None), &[(7, name, &[3, 4]), (8, name, &[5])]);
    machine.snapshot.users = [(0, name.to_owned())].into();
    machine.snapshot.notices = vec![Notice { code: "test", message: name.to_owned() }];
    Frame::new(machine.snapshot)
}

/// Two connections; the peer of the first has that name, that of the other none so far.
pub(crate) fn named_peer(name: &str) -> Frame {
    let mut machine = Machine::new();
    for peer in ["192.0.2.1:443", "192.0.2.2:443"] {
        machine.owned(socket(Some(State::Established), "10.0.0.5:40000", Some(peer)), &[(7, "curl", &[3])]);
    }
    let mut frame = machine.frame();
    let names = [("192.0.2.1", HostName::Known(name.into())), ("192.0.2.2", HostName::Pending)];
    std::sync::Arc::make_mut(&mut frame.names).extend(names.map(|(address, name)| (address.parse().unwrap(), name)));
    frame
}

/// What `print` writes for every row of the frame, in order.
pub(crate) fn printed(frame: &Frame, print: impl FnOnce(&mut Vec<u8>, &Listing<'_>)) -> String {
    let rows: Vec<usize> = (0..frame.snapshot.sockets.len()).collect();
    let mut out = Vec::new();
    print(&mut out, &Listing { frame, rows: &rows, version: "0.1.0" });
    String::from_utf8(out).unwrap()
}

/// Names as an attacker would choose them.
pub(crate) const HOSTILE: [&str; 12] = [
    "\x1b[31m\x1b]0;title\x07",
    "line\nbreak\r\n",
    "tab\tand\0nul",
    "\u{9b}2J",
    "=cmd|'/c calc'!A1",
    "+1;=1;@x\\;",
    "\t=1",
    "＝1",
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>&amp;",
    "safe\u{202e}gpj.exe\u{2066}",
    "a\u{200b}b\u{feff}\u{2028}c",
];

/// Any text, with much of what is special in some format.
pub(crate) fn any_name() -> impl Strategy<Value = String> {
    let special = proptest::sample::select(
        "\x1b\n\r\t\0\u{7f}\u{85}\u{9b}\u{202e}\u{200b}\u{2028}\u{fe0f}\u{301}=+-@＝;\\,\"'<>&[] 中\u{1f980}…"
            .chars()
            .collect::<Vec<_>>(),
    );
    let character = prop_oneof![any::<char>(), special, proptest::char::range(' ', '~')];
    prop_oneof![
        proptest::sample::select(&HOSTILE[..]).prop_map(str::to_owned),
        proptest::collection::vec(character, 0..60).prop_map(String::from_iter),
    ]
}

/// Neither steers a terminal nor deceives its reader. Written apart from the crate's own rule, on purpose.
pub(crate) fn is_harmless(character: char) -> bool {
    let bidi = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}'];
    let invisible = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{ad}'];
    character == '\n'
        || !(character.is_control()
            || bidi.contains(&character)
            || invisible.contains(&character)
            || ('\u{202a}'..='\u{202e}').contains(&character)
            || ('\u{2066}'..='\u{2069}').contains(&character))
}
