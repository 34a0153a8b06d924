use std::net::SocketAddr;

use sockscope_model::{
    BindAttempt, BindError, BindErrorKind, Elsewhere, Exposure, ForeignNamespace, NatRule, NoOwner, Owner, Owners,
    PortAnswer, PortFacts, PortProxy, PortQuestion, Process, ProcessId, Protocol, Queues, Snapshot, Socket, SocketKey,
    State, Tag, Timer, TimerKind, Timestamp, Verdict,
};

use super::why;

const PORT: u16 = 8080;
/// 2026-11-22T08:00:00Z.
const NOW: i64 = 1_795_334_400_000_000;

fn socket(local: &str, remote: Option<&str>, state: State) -> Socket {
    let local: SocketAddr = local.parse().unwrap();
    let remote = remote.map(|it| it.parse().unwrap());
    let mut socket = Socket::new(SocketKey { protocol: Protocol::Tcp, local, remote, tag: Tag::None });
    socket.state = Some(state);
    socket.owners = Owners::Nobody(NoOwner::NeedsRoot);
    socket
}

fn listener(local: &str) -> Socket {
    let mut socket = socket(local, None, State::Listen);
    socket.exposure = Some(Exposure::of_local(socket.key.local.ip()));
    socket
}

fn owned(mut socket: Socket, pids: &[u32]) -> Socket {
    let owner = |pid: &u32| Owner { process: id(*pid), fds: vec![3] };
    socket.owners = Owners::Processes(pids.iter().map(owner).collect());
    socket
}

fn unowned(mut socket: Socket, reason: NoOwner) -> Socket {
    socket.owners = Owners::Nobody(reason);
    socket
}

fn id(pid: u32) -> ProcessId {
    ProcessId { pid, started: Some(Timestamp::from_micros(NOW - 3_600_000_000)) }
}

fn udp(local: &str) -> Socket {
    let mut socket = socket(local, None, State::Closed);
    socket.key.protocol = Protocol::Udp;
    socket.state = None;
    socket
}

/// What is asked, and all that is known.
struct World {
    question: PortQuestion,
    here: Snapshot,
    elsewhere: Elsewhere,
    facts: PortFacts,
    attempts: Option<Vec<BindAttempt>>,
}

impl World {
    fn with(sockets: Vec<Socket>) -> World {
        let mut here = Snapshot::new("linux", "host".into(), Timestamp::from_micros(NOW));
        for owner in sockets.iter().flat_map(|socket| socket.owners.processes()) {
            let mut process = Process::new(owner.process, format!("program{}", owner.process.pid));
            process.user = Some("alice".into());
            here.processes.insert(owner.process, process);
        }
        here.sockets = sockets;
        let snapshot = Snapshot::new("linux", "host".into(), Timestamp::from_micros(NOW));
        World {
            question: PortQuestion { protocol: Protocol::Tcp, port: PORT, address: None },
            here,
            elsewhere: Elsewhere { snapshot, namespaces: Vec::new(), unseen: None },
            facts: PortFacts {
                ephemeral: Some((32768, 60999)),
                reserved: Some(false),
                privileged_below: Some(1024),
                ..PortFacts::default()
            },
            attempts: None,
        }
    }

    fn on(mut self, address: &str) -> World {
        self.question.address = Some(address.parse().unwrap());
        self
    }

    fn port(mut self, port: u16) -> World {
        self.question.port = port;
        self
    }

    fn windows(mut self) -> World {
        self.here.os = "windows";
        self
    }

    fn knowing(mut self, change: impl FnOnce(&mut PortFacts)) -> World {
        change(&mut self.facts);
        self
    }

    fn abroad(mut self, name: Option<&str>, socket: Socket) -> World {
        let rows = self.elsewhere.snapshot.sockets.len();
        self.elsewhere.snapshot.sockets.push(socket);
        let namespace = ForeignNamespace {
            id: Some(7),
            name: name.map(str::to_owned),
            pid: Some(77),
            addresses: vec!["172.17.0.2".parse().unwrap()],
            rows: rows..rows + 1,
        };
        self.elsewhere.namespaces.push(namespace);
        self
    }

    /// Attempts without and with SO_REUSEADDR.
    fn tried(mut self, plain: Option<BindErrorKind>, reuse: Option<BindErrorKind>) -> World {
        let local = SocketAddr::from(([0; 4], self.question.port));
        let error = |kind: Option<BindErrorKind>| kind.map(|kind| BindError { kind, text: format!("{kind:?}") });
        self.attempts = Some(vec![
            BindAttempt { local, reuse_address: false, error: error(plain) },
            BindAttempt { local, reuse_address: true, error: error(reuse) },
        ]);
        self
    }

    fn answer(self) -> PortAnswer {
        why(&self.question, self.here, self.elsewhere, &self.facts, self.attempts.as_deref()).1
    }

    #[track_caller]
    fn is(self, verdict: Verdict) -> PortAnswer {
        let answer = self.answer();
        assert_eq!(answer.verdict, verdict, "{}", answer.explanation);
        assert!(!answer.explanation.is_empty() && !answer.advice.is_empty());
        assert!(!answer.explanation.contains("  ") && answer.explanation.ends_with('.'), "{}", answer.explanation);
        answer
    }
}

fn rule() -> NatRule {
    NatRule {
        place: "chain DOCKER of table ip nat".into(),
        address: None,
        to_address: Some("172.17.0.2".parse().unwrap()),
        to_port: Some(80),
    }
}

/// One cause after the other is taken away, and the next one in the contract's order shows.
#[test]
fn the_order_of_verdicts() {
    let sockets = || {
        vec![
            owned(listener("0.0.0.0:80"), &[1]),
            owned(socket("0.0.0.0:80", None, State::Bound), &[2]),
            owned(socket("10.0.0.1:80", Some("10.0.0.2:443"), State::Established), &[3]),
            unowned(socket("10.0.0.1:80", Some("10.0.0.2:444"), State::TimeWait), NoOwner::TimeWait),
        ]
    };
    let world = |left: usize| {
        let known = |facts: &mut PortFacts| {
            facts.ephemeral = Some((1, 60999));
            facts.reserved = Some(true);
            facts.nat.push(rule());
        };
        World::with(sockets().split_off(left)).port(80).knowing(known).abroad(None, listener("0.0.0.0:80"))
    };
    world(0).is(Verdict::Held);
    world(1).is(Verdict::Bound);
    world(2).is(Verdict::Ephemeral);
    world(3).is(Verdict::TimeWait);
    world(4).is(Verdict::Privileged);
    let allowed = || world(4).knowing(|facts| facts.may_bind_privileged = true);
    allowed().is(Verdict::OtherNamespace);
    let mut without = allowed();
    without.elsewhere.namespaces.clear();
    without.elsewhere.snapshot.sockets.clear();
    without.is(Verdict::Published);
    World::with(vec![]).knowing(|facts| facts.reserved = Some(true)).is(Verdict::Reserved);
    World::with(vec![]).is(Verdict::Free);
}

#[test]
fn which_sockets_keep_an_address() {
    let dual = |only: Option<bool>| {
        let mut socket = owned(listener("[::]:8080"), &[1]);
        socket.only_ipv6 = only;
        socket
    };
    for (asked, socket, verdict) in [
        ("127.0.0.1", listener("127.0.0.1:8080"), Verdict::Held),
        ("127.0.0.1", listener("0.0.0.0:8080"), Verdict::Held),
        ("0.0.0.0", listener("127.0.0.1:8080"), Verdict::Held),
        ("127.0.0.1", listener("127.0.0.2:8080"), Verdict::Free),
        ("127.0.0.1", listener("[::ffff:127.0.0.1]:8080"), Verdict::Held),
        ("127.0.0.1", listener("[::1]:8080"), Verdict::Free),
        ("127.0.0.1", dual(Some(false)), Verdict::OtherFamily),
        ("127.0.0.1", dual(None), Verdict::OtherFamily),
        ("127.0.0.1", dual(Some(true)), Verdict::Free),
        ("::1", listener("0.0.0.0:8080"), Verdict::Free),
        ("::1", dual(Some(true)), Verdict::Held),
        ("::", listener("0.0.0.0:8080"), Verdict::OtherFamily),
        ("::", listener("127.0.0.1:8080"), Verdict::OtherFamily),
        ("::", listener("[::1]:8080"), Verdict::Held),
        // Other ports and protocols are nobody's business.
        ("127.0.0.1", listener("127.0.0.1:8081"), Verdict::Free),
        ("127.0.0.1", udp("127.0.0.1:8080"), Verdict::Free),
    ] {
        let text = format!("{asked} {:?}", socket.key.local);
        let answer = World::with(vec![socket]).on(asked).answer();
        assert_eq!(answer.verdict, verdict, "{text}: {}", answer.explanation);
        assert_eq!(answer.holders.is_empty(), verdict == Verdict::Free, "{text}");
    }
    // Windows lists what serves both among those of IPv4.
    World::with(vec![dual(None)]).on("127.0.0.1").windows().is(Verdict::Free);
    // Its own family goes before the other's.
    let both = vec![dual(Some(false)), owned(socket("127.0.0.1:8080", None, State::Bound), &[2])];
    assert_eq!(World::with(both).on("127.0.0.1").is(Verdict::Bound).holders, [1]);
    let both = vec![dual(Some(false)), owned(listener("127.0.0.1:8080"), &[2])];
    assert_eq!(World::with(both).on("127.0.0.1").is(Verdict::Held).holders, [1]);
}

#[test]
fn holders_are_described() {
    let mut world = World::with(vec![
        owned(listener("0.0.0.0:8080"), &[12, 13]),
        owned(listener("[::]:8080"), &[12, 13]),
        owned(listener("10.0.0.1:8080"), &[14]),
    ]);
    world.here.sockets[0].queues = Some(Queues { receive: 129, send: Some(128) });
    let process = world.here.processes.get_mut(&id(12)).unwrap();
    process.path = Some("/usr/sbin/nginx".into());
    process.service = Some("nginx.service".into());
    let answer = world.is(Verdict::Held);
    for part in [
        "TCP port 8080 is held: program12 (pid 12, user alice, /usr/sbin/nginx, service nginx.service, running since 2026-11-22 \
         07:00:00 UTC, 60 minutes) and program13 (pid 13",
        "listen on 0.0.0.0:8080 and [::]:8080. Also program14 (pid 14",
        "listens on 10.0.0.1:8080.",
        "shared by 2 processes",
        "accept queue is full (129 connections wait, 128 are allowed)",
        "every address",
    ] {
        assert!(answer.explanation.contains(part), "{part}: {}", answer.explanation);
    }
    assert!(answer.advice.contains("systemctl stop nginx.service"), "{}", answer.advice);
    assert_eq!(answer.holders, [0, 1, 2]);
}

#[test]
fn many_holders_are_counted() {
    let sockets: Vec<Socket> = (1..=9).map(|last| owned(listener(&format!("10.0.0.{last}:8080")), &[last])).collect();
    let answer = World::with(sockets).is(Verdict::Held);
    assert!(answer.explanation.contains("6 more hold it as well"), "{}", answer.explanation);
    let pids: Vec<u32> = (1..=9).collect();
    let answer = World::with(vec![owned(listener("10.0.0.1:8080"), &pids)]).is(Verdict::Held);
    assert!(answer.explanation.contains("and 6 more listen on"), "{}", answer.explanation);
}

#[test]
fn nobody_has_many_reasons() {
    for reason in NoOwner::ALL {
        let answer = World::with(vec![unowned(listener("0.0.0.0:8080"), reason)]).is(Verdict::Held);
        assert!(answer.explanation.contains("listens on 0.0.0.0:8080"), "{}", answer.explanation);
        let names_root = answer.advice.contains("sudo sockscope why 8080");
        assert_eq!(names_root, reason == NoOwner::NeedsRoot, "{}", answer.advice);
    }
    let answer = World::with(vec![unowned(listener("0.0.0.0:8080"), NoOwner::Kernel)]).is(Verdict::Held);
    assert!(answer.explanation.contains("the kernel itself"), "{}", answer.explanation);
}

#[test]
fn connections_outside_of_the_range_for_clients_hold_it() {
    let connection = || owned(socket("10.0.0.1:8080", Some("10.0.0.9:50000"), State::Established), &[5]);
    let answer = World::with(vec![connection()]).is(Verdict::Held);
    assert!(answer.explanation.contains("Nobody listens"), "{}", answer.explanation);
    World::with(vec![connection()]).knowing(|facts| facts.ephemeral = Some((1024, 65535))).is(Verdict::Ephemeral);
    // A process that has closed it is as good as none.
    let orphan = unowned(socket("10.0.0.1:8080", Some("10.0.0.9:50000"), State::LastAck), NoOwner::Orphan);
    let answer = World::with(vec![orphan]).is(Verdict::TimeWait);
    assert!(answer.explanation.contains("LAST-ACK"), "{}", answer.explanation);
}

#[test]
fn time_wait_has_an_end() {
    let mut first = unowned(socket("10.0.0.1:8080", Some("10.0.0.9:50000"), State::TimeWait), NoOwner::TimeWait);
    first.timer = Some(Timer { kind: TimerKind::TimeWait, expires_us: 12_300_000, retransmits: 0 });
    let mut second = first.clone();
    second.timer = Some(Timer { kind: TimerKind::TimeWait, expires_us: 43_000_000, retransmits: 0 });
    let answer = World::with(vec![first, second]).tried(Some(BindErrorKind::InUse), None).is(Verdict::TimeWait);
    assert!(answer.explanation.contains("2 connections that are over"), "{}", answer.explanation);
    assert!(answer.explanation.contains("gone in 43 seconds"), "{}", answer.explanation);
    assert!(answer.explanation.contains("with SO_REUSEADDR it succeeds"), "{}", answer.explanation);
}

#[test]
fn a_proxy_publishes_though_its_owner_is_hidden() {
    let proxy = PortProxy {
        pid: 9,
        name: "docker-proxy".into(),
        host: Some("0.0.0.0".parse().unwrap()),
        container: Some("172.17.0.2:80".parse().unwrap()),
    };
    let hidden = || listener("0.0.0.0:8080");
    let answer = World::with(vec![hidden()])
        .knowing(|facts| facts.proxies.push(proxy.clone()))
        .abroad(Some("web"), listener("0.0.0.0:80"))
        .is(Verdict::Held);
    assert!(answer.explanation.contains("to 172.17.0.2:80"), "{}", answer.explanation);
    assert!(answer.explanation.contains("in network namespace web"), "{}", answer.explanation);
    assert_eq!(answer.holders, [0, 1]);
    // A proxy of another address is not the one.
    let other = PortProxy { host: Some("10.0.0.1".parse().unwrap()), ..proxy };
    World::with(vec![hidden()]).knowing(|facts| facts.proxies.push(other)).is(Verdict::Held);
    let mut named = World::with(vec![owned(listener("0.0.0.0:8080"), &[9])]);
    named.here.processes.get_mut(&id(9)).unwrap().name = "docker-proxy".into();
    let answer = named.is(Verdict::Held);
    assert!(answer.explanation.contains("carries the port into a container"), "{}", answer.explanation);
}

#[test]
fn a_rule_leads_to_its_listener() {
    let world = || World::with(vec![]).knowing(|facts| facts.nat.push(rule()));
    let answer = world().abroad(Some("web"), owned(listener("0.0.0.0:80"), &[4])).is(Verdict::Published);
    assert_eq!(answer.holders, [0]);
    assert!(answer.explanation.contains("leads to 172.17.0.2:80"), "{}", answer.explanation);
    // Another port or address is not where it leads.
    assert!(world().abroad(None, listener("0.0.0.0:81")).is(Verdict::Published).holders.is_empty());
    assert!(world().abroad(None, listener("10.9.9.9:80")).is(Verdict::Published).holders.is_empty());
    let (frame, _) = {
        let world = world().abroad(Some("web"), listener("0.0.0.0:80"));
        why(&world.question, world.here, world.elsewhere, &world.facts, None)
    };
    assert_eq!(frame.snapshot.sockets[0].exposure, Some(Exposure::Published));
}

#[test]
fn windows_has_causes_of_its_own() {
    let system = || owned(listener("0.0.0.0:8080"), &[4]);
    let known = |urls: Option<Vec<String>>| move |facts: &mut PortFacts| facts.http_urls = urls;
    let answer = World::with(vec![system()])
        .windows()
        .knowing(known(Some(vec!["HTTP://+:8080/APP/".into()])))
        .is(Verdict::HttpSys);
    assert!(answer.explanation.contains("HTTP://+:8080/APP/"), "{}", answer.explanation);
    World::with(vec![system()]).windows().is(Verdict::HttpSys);
    World::with(vec![system()]).windows().knowing(known(Some(vec![]))).is(Verdict::Held);
    World::with(vec![owned(listener("0.0.0.0:445"), &[4])]).port(445).windows().is(Verdict::Held);
    World::with(vec![owned(listener("0.0.0.0:8080"), &[44])]).windows().is(Verdict::Held);
    World::with(vec![system()]).is(Verdict::Held);

    let excluded = || World::with(vec![]).windows().knowing(|facts| facts.excluded = Some((8000, 8099)));
    let answer = excluded().is(Verdict::ExcludedRange);
    assert!(answer.explanation.contains("8000 to 8099"), "{}", answer.explanation);
    assert!(answer.advice.contains("startport=8000 numberofports=100"), "{}", answer.advice);
    excluded().tried(Some(BindErrorKind::Refused), None).is(Verdict::ExcludedRange);
}

#[test]
fn attempts_confirm_or_contradict() {
    use BindErrorKind::{InUse, NoFamily, NotLocal, Refused};
    let held = || World::with(vec![owned(listener("0.0.0.0:8080"), &[1])]);
    held().tried(Some(InUse), Some(InUse)).is(Verdict::Held);
    held().tried(None, None).is(Verdict::Unknown);
    let free = || World::with(vec![]);
    free().tried(None, None).is(Verdict::Free);
    let answer = free().tried(Some(InUse), Some(InUse)).is(Verdict::Unknown);
    assert!(answer.explanation.contains("and yet it can't be"), "{}", answer.explanation);
    free().tried(Some(Refused), None).is(Verdict::Unknown);
    // IPv6 may be switched off.
    free().tried(Some(NoFamily), Some(NoFamily)).is(Verdict::Free);
    free().tried(Some(NotLocal), Some(NotLocal)).is(Verdict::Free);
    free().on("192.0.2.1").tried(Some(NotLocal), Some(NotLocal)).is(Verdict::Unknown);
    let privileged = || World::with(vec![]).port(80);
    privileged().tried(Some(Refused), Some(Refused)).is(Verdict::Privileged);
    privileged().tried(None, None).is(Verdict::Unknown);
    World::with(vec![]).knowing(|facts| facts.reserved = Some(true)).tried(Some(InUse), None).is(Verdict::Unknown);
}

#[test]
fn what_is_not_known_is_said() {
    let mut world = World::with(vec![]).knowing(|facts| facts.unknown.push("rules were not looked at".into()));
    world.elsewhere.unseen = Some("2 other network namespaces were not looked into".into());
    let answer = world.is(Verdict::Free);
    assert!(
        answer
            .explanation
            .ends_with("What is not known: 2 other network namespaces were not looked into; rules were not looked at."),
        "{}",
        answer.explanation
    );
    World::with(vec![]).on("192.0.2.1").knowing(|facts| facts.address_is_local = Some(false)).is(Verdict::Unknown);
}

#[test]
fn advice_can_be_followed() {
    let two = owned(listener("0.0.0.0:8080"), &[6, 7]);
    let answer = World::with(vec![two]).is(Verdict::Held);
    assert!(answer.advice.contains("ends both processes and asks first"), "{}", answer.advice);
    let hidden = |reason| {
        let mut socket = listener("0.0.0.0:8080");
        socket.owners = Owners::Nobody(reason);
        World::with(vec![socket])
    };
    let answer = hidden(NoOwner::Unknown).is(Verdict::Held);
    assert!(!answer.advice.contains("sockscope kill"), "{}", answer.advice);
    let answer = hidden(NoOwner::NeedsRoot).is(Verdict::Held);
    assert!(answer.advice.starts_with("`sudo sockscope why 8080`"), "{}", answer.advice);
    let answer = hidden(NoOwner::NeedsRoot).knowing(|facts| facts.may_look_into_all = true).is(Verdict::Held);
    assert!(!answer.explanation.contains("only root"), "{}", answer.explanation);
    assert!(!answer.advice.contains("sudo"), "{}", answer.advice);
    let no_lo = World::with(vec![]).on("127.0.0.1").knowing(|facts| facts.address_is_local = Some(false));
    let answer = no_lo.is(Verdict::Unknown);
    assert!(answer.advice.contains("ip link set lo up"), "{}", answer.advice);
}

#[test]
fn udp_is_no_tcp() {
    let world = |socket| {
        let mut world = World::with(vec![socket]);
        world.question.protocol = Protocol::Udp;
        world
    };
    let answer = world(owned(udp("0.0.0.0:8080"), &[6])).is(Verdict::Held);
    assert!(answer.explanation.contains("UDP port 8080 is held: program6 (pid 6"), "{}", answer.explanation);
    assert!(answer.explanation.contains("has 0.0.0.0:8080"), "{}", answer.explanation);
    assert!(answer.advice.contains("'udp and listening and sport = :8080'"), "{}", answer.advice);
    world(owned(listener("0.0.0.0:8080"), &[6])).is(Verdict::Free);
    let mut connected = owned(udp("10.0.0.1:8080"), &[6]);
    connected.key.remote = Some("10.0.0.2:53".parse().unwrap());
    world(connected).knowing(|facts| facts.ephemeral = Some((8000, 9000))).is(Verdict::Ephemeral);
}
