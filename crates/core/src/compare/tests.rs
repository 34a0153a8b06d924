use proptest::prelude::*;
use sockscope_model::{Notice, Owner, ProcessId, SocketKey, SourceVerdict, Tag};

use super::*;

const SOCK_DIAG: Witness = Witness::Source(SourceChoice::SockDiag);
const PROCFS: Witness = Witness::Source(SourceChoice::Procfs);
const EXTENDED: Witness = Witness::Source(SourceChoice::GetExtendedTable);
const TABLE2: Witness = Witness::Source(SourceChoice::GetTable2);
const TABLE: Witness = Witness::Source(SourceChoice::GetTable);
const ALLOCATE: Witness = Witness::Source(SourceChoice::AllocateExTableFromStack);

fn socket(state: Option<State>, local: &str, remote: Option<&str>, inode: Option<u64>) -> Socket {
    let protocol = if state.is_some() { Protocol::Tcp } else { Protocol::Udp };
    let mut socket = Socket::new(SocketKey {
        protocol,
        local: local.parse().unwrap(),
        remote: remote.map(|it| it.parse().unwrap()),
        tag: inode.map_or(Tag::None, Tag::Inode),
    });
    socket.state = state;
    socket.inode = inode;
    socket
}

fn listener(inode: u64) -> Socket {
    owned(socket(Some(State::Listen), "127.0.0.1:80", None, Some(inode)), 7)
}

fn owned(mut socket: Socket, pid: u32) -> Socket {
    let process = ProcessId { pid, started: None };
    socket.owners = Owners::Processes(vec![Owner { process, fds: vec![3] }]);
    socket
}

fn unowned(mut socket: Socket, reason: NoOwner) -> Socket {
    socket.owners = Owners::Nobody(reason);
    socket
}

fn testimony(sockets: &[Socket]) -> Testimony {
    let mut snapshot = Snapshot::new("linux", "host".to_owned(), Timestamp::from_micros(0));
    snapshot.sockets = sockets.to_vec();
    Testimony { snapshot, quirks: Vec::new(), damaged: None }
}

fn with_notice(mut testimony: Testimony, code: &'static str, message: &str) -> Testimony {
    testimony.snapshot.notices.push(Notice { code, message: message.to_owned() });
    testimony
}

fn failure(kind: ErrorKind) -> SourceError {
    let text = |text: &str| text.to_owned();
    SourceError { kind, operation: text("read"), object: text("it"), cause: text("no"), help: None }
}

/// A comparison with the sockets that it is about.
#[derive(Debug)]
struct Compared {
    rounds: u32,
    sources: Vec<SourceVerdict>,
    differences: Vec<Difference>,
    snapshot: Snapshot,
}

impl Compared {
    fn of(comparer: &Comparer) -> Compared {
        let (Comparison { rounds, sources, differences }, snapshot) = comparer.comparison();
        Compared { rounds, sources, differences, snapshot }
    }

    fn unexplained(&self) -> usize {
        self.differences.iter().filter(|it| it.cause == Cause::Unexplained).count()
    }
}

/// What each witness says in each of the rounds.
fn compare(rounds: &[&[(Witness, Result<Testimony, SourceError>)]]) -> Compared {
    let mut comparer = Comparer::new();
    for round in rounds {
        for (witness, outcome) in *round {
            comparer.hear(*witness, outcome.clone());
        }
        comparer.end_round();
    }
    Compared::of(&comparer)
}

/// The same in three rounds.
fn steady(said: &[(Witness, &[Socket])]) -> Compared {
    let round: Vec<_> = said.iter().map(|(witness, sockets)| (*witness, Ok(testimony(sockets)))).collect();
    compare(&[&round, &round, &round])
}

/// The one difference.
#[track_caller]
fn only(comparison: &Compared) -> &Difference {
    let [difference] = comparison.differences.as_slice() else { panic!("{:#?}", comparison.differences) };
    assert_eq!(comparison.snapshot.sockets.len(), 1);
    difference
}

#[track_caller]
fn cause(comparison: &Compared) -> (Cause, &str) {
    let difference = only(comparison);
    (difference.cause, difference.detail.as_str())
}

#[test]
fn what_all_see_is_no_difference() {
    let sockets = [
        listener(1),
        owned(socket(None, "[::]:53", None, Some(2)), 8),
        owned(socket(Some(State::Established), "10.0.0.1:80", Some("10.0.0.2:9"), Some(3)), 7),
    ];
    let comparison = steady(&[(SOCK_DIAG, &sockets), (PROCFS, &sockets), (Witness::FdScan, &sockets)]);
    assert_eq!((comparison.differences.len(), comparison.unexplained(), comparison.rounds), (0, 0, 3));
    let rows: Vec<u64> = comparison.sources.iter().filter_map(|it| it.rows).collect();
    assert_eq!(rows, [3, 3, 3]);
    assert!(comparison.sources.iter().all(|it| it.available && !it.faulty && it.reason.is_none()));
}

#[test]
fn scopes_and_order_do_not_matter() {
    let mut scoped = socket(None, "[fe80::1]:546", None, Some(1));
    let plain = scoped.clone();
    if let std::net::SocketAddr::V6(v6) = &mut scoped.key.local {
        v6.set_scope_id(2);
    }
    let comparison = steady(&[(SOCK_DIAG, &[scoped, listener(2)]), (PROCFS, &[listener(2), plain])]);
    assert_eq!(comparison.differences, []);
}

#[test]
fn a_hidden_row_is_unexplained() {
    let all = [listener(1), listener(2)];
    let comparison = steady(&[(SOCK_DIAG, &all), (PROCFS, &all[..1]), (Witness::FdScan, &all)]);
    let found = only(&comparison);
    assert_eq!(found.cause, Cause::Unexplained);
    assert_eq!((&found.seen_by[..], &found.missing_from[..]), (&[SOCK_DIAG, Witness::FdScan][..], &[PROCFS][..]));
    assert!(found.detail.contains("procfs does not list it in any of 3 rounds"), "{}", found.detail);
    assert_eq!(comparison.snapshot.sockets[0].inode, Some(2));
}

#[test]
fn a_socket_that_only_its_process_shows_is_unexplained() {
    let held = [listener(1)];
    let comparison = steady(&[(SOCK_DIAG, &[]), (PROCFS, &[]), (Witness::FdScan, &held)]);
    let found = only(&comparison);
    assert_eq!((found.cause, &found.missing_from[..]), (Cause::Unexplained, &[SOCK_DIAG, PROCFS][..]));
}

#[test]
fn what_comes_and_goes_is_churn() {
    let full: &[_] = &[(SOCK_DIAG, Ok(testimony(&[listener(1)]))), (PROCFS, Ok(testimony(&[listener(1)])))];
    let late: &[_] = &[(SOCK_DIAG, Ok(testimony(&[]))), (PROCFS, Ok(testimony(&[listener(1)])))];
    let early: &[_] = &[(SOCK_DIAG, Ok(testimony(&[listener(1)]))), (PROCFS, Ok(testimony(&[])))];
    let none: &[_] = &[(SOCK_DIAG, Ok(testimony(&[]))), (PROCFS, Ok(testimony(&[])))];
    for (rounds, words) in [
        (&[none, late, full][..], "it came in round 2; sock_diag missed it in round 2"),
        (&[full, early, none], "it was gone after round 2; procfs missed it in round 2"),
        (&[none, early, none], "it came and went: there in round 2"),
        (&[early, none, early], "it came and went: there in rounds 1, 3"),
        (&[late, full, full], "sock_diag missed it in round 1"),
        (&[none, none, late], "it came in round 3"),
    ] {
        assert_eq!(cause(&compare(rounds)), (Cause::Churn, words));
    }
    // Everybody agrees on its coming and going.
    assert_eq!(compare(&[none, full, none]).differences, []);
}

#[test]
fn who_was_not_heard_misses_nothing() {
    let seen: (Witness, Result<Testimony, SourceError>) = (SOCK_DIAG, Ok(testimony(&[listener(1)])));
    let damaged = Testimony { damaged: Some("the table has no titles".to_owned()), ..testimony(&[]) };
    for (outcome, available, faulty) in [
        (Ok(damaged), true, true),
        (Err(failure(ErrorKind::Malformed)), false, true),
        (Err(failure(ErrorKind::Failed)), false, true),
        (Err(failure(ErrorKind::Refused)), false, false),
        (Err(failure(ErrorKind::Unavailable)), false, false),
    ] {
        let round = [seen.clone(), (PROCFS, outcome)];
        let comparison = compare(&[&round, &round]);
        assert_eq!(comparison.differences, []);
        let verdict = &comparison.sources[1];
        assert_eq!((verdict.available, verdict.faulty), (available, faulty));
        assert!(verdict.reason.is_some());
    }
    // What a damaged one does say counts.
    let damaged = Testimony { damaged: Some("cut off".to_owned()), ..testimony(&[listener(2)]) };
    let round = [(SOCK_DIAG, Ok(testimony(&[]))), (PROCFS, Ok(damaged))];
    assert_eq!(only(&compare(&[&round, &round])).missing_from, [SOCK_DIAG]);
}

#[test]
fn a_round_that_failed_is_left_out() {
    let both: &[_] = &[(SOCK_DIAG, Ok(testimony(&[listener(1)]))), (PROCFS, Ok(testimony(&[])))];
    let failed: &[_] = &[(SOCK_DIAG, Ok(testimony(&[listener(1)]))), (PROCFS, Err(failure(ErrorKind::Failed)))];
    let comparison = compare(&[both, failed, both]);
    assert_eq!(only(&comparison).cause, Cause::Unexplained);
    assert!(comparison.sources[1].available && comparison.sources[1].faulty);
    // The only one that knows the socket was silent in between: that is no coming and going.
    let silent: &[_] = &[(SOCK_DIAG, Err(failure(ErrorKind::Failed))), (PROCFS, Ok(testimony(&[])))];
    assert_eq!(only(&compare(&[both, silent, both])).cause, Cause::Unexplained);
}

#[test]
fn linux_sources_lack_what_they_can_not_show() {
    let connection = |state, reason| unowned(socket(Some(state), "10.0.0.1:80", Some("10.0.0.2:9"), None), reason);
    let inode = |reason| unowned(socket(None, "0.0.0.0:4789", None, Some(9)), reason);
    let tables = [SOCK_DIAG, PROCFS];
    for (row, missing, words) in [
        (connection(State::TimeWait, NoOwner::TimeWait), Witness::FdScan, "time-wait"),
        (connection(State::SynReceived, NoOwner::SynReceived), Witness::FdScan, "syn-received"),
        (connection(State::Established, NoOwner::AcceptQueue), Witness::FdScan, "accept-queue"),
        (connection(State::FinWait2, NoOwner::Orphan), Witness::FdScan, "orphan"),
        (inode(NoOwner::Kernel), Witness::FdScan, "(kernel)"),
        (inode(NoOwner::InFlight), Witness::FdScan, "in-flight"),
        (inode(NoOwner::IoUring), Witness::FdScan, "io-uring"),
        (inode(NoOwner::OtherNamespace), Witness::FdScan, "other-namespace"),
        (inode(NoOwner::NeedsRoot), Witness::FdScan, "needs-root"),
        (owned(socket(Some(State::Bound), "10.0.0.1:80", None, Some(4)), 7), PROCFS, "bound and no more"),
    ] {
        let said: Vec<(Witness, &[Socket])> = tables
            .into_iter()
            .chain([Witness::FdScan])
            .map(|witness| (witness, if witness == missing { &[] } else { std::slice::from_ref(&row) }))
            .collect();
        let comparison = steady(&said);
        let found = only(&comparison);
        assert_eq!((found.cause, &found.missing_from[..]), (Cause::NotShown, &[missing][..]), "{words}");
        assert!(found.detail.starts_with(missing.name()) && found.detail.contains(words), "{}", found.detail);
    }
    // An io_uring ring's socket has an owner without descriptors.
    let mut ring = listener(5);
    if let Owners::Processes(owners) = &mut ring.owners {
        owners[0].fds.clear();
    }
    let comparison = steady(&[(SOCK_DIAG, &[ring]), (Witness::FdScan, &[])]);
    assert_eq!(cause(&comparison).0, Cause::NotShown);
    for held in [
        socket(Some(State::Closed), "10.0.0.1:80", None, Some(4)),
        socket(Some(State::Closed), "0.0.0.0:0", None, Some(4)),
        socket(None, "0.0.0.0:0", None, Some(4)),
    ] {
        let comparison = steady(&[(SOCK_DIAG, &[]), (PROCFS, &[]), (Witness::FdScan, &[owned(held, 7)])]);
        assert_eq!(cause(&comparison).0, Cause::NotShown);
    }
}

/// That nobody was found is no evidence that somebody can't be found.
#[test]
fn reasons_that_explain_nothing_do_not_explain() {
    for reason in [NoOwner::Unknown, NoOwner::Exited] {
        let row = [unowned(socket(Some(State::Listen), "0.0.0.0:80", None, Some(9)), reason)];
        let comparison = steady(&[(SOCK_DIAG, &row), (PROCFS, &row), (Witness::FdScan, &[])]);
        let (cause, detail) = cause(&comparison);
        assert_eq!(cause, Cause::Unexplained);
        assert!(detail.contains("no process has it open") && detail.contains(reason.name()), "{detail}");
    }
    let row = [listener(9)];
    let comparison = steady(&[(SOCK_DIAG, &row), (PROCFS, &row), (Witness::FdScan, &[])]);
    assert_eq!(cause(&comparison).0, Cause::Unexplained, "the descriptor is another's when asked");
}

#[test]
fn a_process_that_only_descriptors_show_is_hidden() {
    for reason in [NoOwner::Kernel, NoOwner::Unknown, NoOwner::OtherNamespace, NoOwner::NeedsRoot] {
        let row = [unowned(socket(Some(State::Listen), "0.0.0.0:80", None, Some(9)), reason)];
        let held = [owned(row[0].clone(), 66)];
        let comparison = steady(&[(SOCK_DIAG, &row), (PROCFS, &row), (Witness::FdScan, &held)]);
        let found = only(&comparison);
        assert_eq!((found.cause, &found.missing_from[..]), (Cause::Unexplained, &[][..]));
        assert!(found.detail.starts_with("process 66 has it open"), "{}", found.detail);
        assert_eq!(pids(&comparison.snapshot.sockets[0]).collect::<Vec<_>>(), [66], "the holder is named");
    }
    let row = [unowned(socket(Some(State::Listen), "0.0.0.0:80", None, Some(9)), NoOwner::NotAsked)];
    let held = [owned(row[0].clone(), 66)];
    assert_eq!(steady(&[(SOCK_DIAG, &row), (Witness::FdScan, &held)]).differences, []);
}

#[test]
fn a_scan_that_could_not_look_everywhere_misses_nothing_for_sure() {
    let row = [unowned(socket(Some(State::Listen), "0.0.0.0:80", None, Some(9)), NoOwner::Unknown)];
    let partial = with_notice(testimony(&[]), Testimony::PARTIAL, "2 processes could not be looked into");
    let round = [(SOCK_DIAG, Ok(testimony(&row))), (Witness::FdScan, Ok(partial))];
    let comparison = compare(&[&round, &round]);
    assert_eq!(cause(&comparison), (Cause::NotShown, "fd_scan: 2 processes could not be looked into"));
    // Of one that was away the better cause is known.
    let partial = with_notice(testimony(&[]), Testimony::PARTIAL, "2 processes could not be looked into");
    let gone = [(SOCK_DIAG, Ok(testimony(&[]))), (Witness::FdScan, Ok(partial))];
    assert_eq!(cause(&compare(&[&round, &gone])), (Cause::Churn, "it was gone after round 1"));
    let verdict = &comparison.sources[1];
    assert_eq!((verdict.available, verdict.faulty), (true, false));
    assert_eq!(verdict.reason.as_deref(), Some("2 processes could not be looked into"));
}

/// One round in which something was in the way explains nothing of those in which nothing was.
#[test]
fn what_was_in_the_way_once_explains_only_that_round() {
    let tcp4 = Testimony::lacks(Protocol::Tcp, Family::Ipv4);
    let listen = owned(socket(Some(State::Listen), "0.0.0.0:80", None, None), 7);
    let bound = owned(socket(Some(State::Bound), "0.0.0.0:80", None, None), 7);
    for (code, row, witness) in [
        (Testimony::PARTIAL, unowned(listener(9), NoOwner::Unknown), Witness::FdScan),
        (tcp4, listen, ALLOCATE),
        (Testimony::LACKS_BOUND, bound, EXTENDED),
    ] {
        let said = [(SOCK_DIAG, Ok(testimony(std::slice::from_ref(&row))))];
        let limited =
            [&said[..], &[(witness, Ok(with_notice(testimony(&[]), code, "something is in the way")))]].concat();
        let clean = [&said[..], &[(witness, Ok(testimony(&[])))]].concat();
        let unheard = [&said[..], &[(witness, Err(failure(ErrorKind::Refused)))]].concat();
        for (rounds, expected) in [
            (&[&limited[..], &limited][..], Cause::NotShown),
            (&[&limited, &unheard], Cause::NotShown),
            (&[&limited, &clean, &clean], Cause::Unexplained),
            (&[&clean, &limited], Cause::Unexplained),
        ] {
            assert_eq!(cause(&compare(rounds)).0, expected, "{code} {rounds:?}");
        }
    }
}

/// The same of a port, which every list missed.
#[test]
fn what_was_in_the_way_once_explains_no_port() {
    let probed = [Socket::new(SocketKey { protocol: Protocol::Tcp, tag: Tag::None, ..listener(1).key })];
    let probe = (Witness::BindProbe, Ok(testimony(&probed)));
    let odd = |code| Ok(with_notice(testimony(&[]), code, "something is in the way"));
    let clean = || Ok(testimony(&[]));
    for (limited, free) in [
        (
            vec![(PROCFS, clean()), (Witness::FdScan, odd(Testimony::PARTIAL))],
            vec![(PROCFS, clean()), (Witness::FdScan, clean())],
        ),
        (vec![(SOCK_DIAG, odd(Testimony::LACKS_BOUND))], vec![(SOCK_DIAG, clean())]),
        (
            vec![
                (TABLE2, odd(Testimony::lacks(Protocol::Tcp, Family::Ipv4))),
                (EXTENDED, Err(failure(ErrorKind::Failed))),
            ],
            vec![(EXTENDED, clean())],
        ),
    ] {
        let limited = [&limited[..], std::slice::from_ref(&probe)].concat();
        let free = [&free[..], std::slice::from_ref(&probe)].concat();
        assert_eq!(cause(&compare(&[&limited, &limited])).0, Cause::NotShown, "{limited:?}");
        assert_eq!(cause(&compare(&[&limited, &free])).0, Cause::Unexplained, "{limited:?}");
    }
}

#[test]
fn a_witness_that_is_tampered_with_misses_what_it_misses() {
    let row = |reason| [unowned(socket(None, "0.0.0.0:80", None, Some(9)), reason)];
    for (said, witness) in [(row(NoOwner::Kernel), Witness::FdScan), (row(NoOwner::TimeWait), PROCFS)] {
        let odd = with_notice(testimony(&[]), Testimony::SUSPECT, "something is mounted over /proc/9");
        let round = [(SOCK_DIAG, Ok(testimony(&said))), (witness, Ok(odd))];
        let comparison = compare(&[&round, &round]);
        assert_eq!(cause(&comparison).0, Cause::Unexplained);
        assert_eq!(comparison.sources[1].reason.as_deref(), Some("something is mounted over /proc/9"));
        assert!(!comparison.sources[1].faulty);
    }
}

#[test]
fn subflows_share_the_inode_of_their_socket() {
    let flow = |local: &str, state| owned(socket(Some(state), local, Some("10.0.0.2:9"), Some(5)), 7);
    let flows = [flow("10.0.0.1:80", State::Established), flow("10.0.0.9:81", State::FinWait1)];
    let comparison = steady(&[(SOCK_DIAG, &flows), (PROCFS, &flows), (Witness::FdScan, &flows[..1])]);
    assert_eq!(comparison.differences, []);
}

#[test]
fn windows_ways_lack_what_they_can_not_show() {
    let four = owned(socket(Some(State::Listen), "0.0.0.0:80", None, None), 7);
    let six = owned(socket(Some(State::Listen), "[::]:80", None, None), 7);
    let udp = owned(socket(None, "0.0.0.0:53", None, None), 7);
    let bound = owned(socket(Some(State::Bound), "0.0.0.0:99", None, None), 7);
    let nobody = |it: &Socket| unowned(it.clone(), NoOwner::NotAsked);
    let comparison = steady(&[
        (EXTENDED, &[four.clone(), six.clone(), udp.clone(), bound]),
        (TABLE2, &[four.clone(), six.clone()]),
        (ALLOCATE, &[four.clone(), udp.clone()]),
        (TABLE, &[nobody(&four), nobody(&six), nobody(&udp)]),
    ]);
    let found: Vec<(u16, Cause, Vec<Witness>)> = comparison
        .snapshot
        .sockets
        .iter()
        .zip(&comparison.differences)
        .map(|(socket, it)| (socket.key.local.port(), it.cause, it.missing_from.clone()))
        .collect();
    assert_eq!(
        found,
        [
            (80, Cause::NotShown, vec![ALLOCATE]),
            (99, Cause::NotShown, vec![TABLE2, ALLOCATE, TABLE]),
            (53, Cause::NotShown, vec![TABLE2]),
        ]
    );
    // What this system's way has no function for.
    let lacks = with_notice(
        testimony(std::slice::from_ref(&four)),
        Testimony::lacks(Protocol::Udp, Family::Ipv4),
        "AllocateAndGetUdpExTableFromStack is not there",
    );
    let round = [(EXTENDED, Ok(testimony(&[four.clone(), udp.clone()]))), (ALLOCATE, Ok(lacks))];
    let comparison = compare(&[&round, &round]);
    let words = "allocate_ex_table_from_stack: AllocateAndGetUdpExTableFromStack is not there";
    assert_eq!(cause(&comparison), (Cause::NotShown, words));
    // A hidden row stays one.
    let comparison = steady(&[(EXTENDED, &[four.clone(), udp.clone()]), (TABLE, &[nobody(&udp)])]);
    assert_eq!(cause(&comparison).0, Cause::Unexplained);
}

#[test]
fn quirks_are_equal_in_meaning() {
    let rows = [owned(socket(Some(State::Listen), "0.0.0.0:80", None, None), 7)];
    let quirk = "the remote port of the LISTEN row is 4660".to_owned();
    let odd = Testimony { quirks: vec![(0, quirk)], ..testimony(&rows) };
    let round = [(EXTENDED, Ok(testimony(&rows))), (TABLE2, Ok(odd))];
    let comparison = compare(&[&round, &round]);
    assert_eq!(cause(&comparison), (Cause::SameMeaning, "get_table2: the remote port of the LISTEN row is 4660"));
    assert_eq!(only(&comparison).seen_by, [EXTENDED, TABLE2]);
}

#[test]
fn twins_are_counted() {
    let twin = |pid| owned(socket(None, "0.0.0.0:5353", None, None), pid);
    let comparison = steady(&[(EXTENDED, &[twin(1), twin(2), twin(3)]), (TABLE, &[twin(3), twin(1)])]);
    let found = only(&comparison);
    assert_eq!((found.cause, &found.missing_from[..]), (Cause::Unexplained, &[TABLE][..]));
    let comparison = steady(&[(EXTENDED, &[twin(2), twin(1)]), (TABLE, &[twin(1), twin(2)])]);
    assert_eq!(comparison.differences, []);
}

#[test]
fn lasting_contradictions_are_unexplained() {
    let row = |state, pid| owned(socket(Some(state), "10.0.0.1:80", Some("10.0.0.2:9"), None), pid);
    let established = [row(State::Established, 7)];
    let comparison = steady(&[(EXTENDED, &established), (TABLE, &[row(State::TimeWait, 7)])]);
    let words = "get_extended_table says established and get_table says time-wait";
    assert_eq!(cause(&comparison), (Cause::Unexplained, words));
    let comparison = steady(&[(EXTENDED, &established), (TABLE2, &[row(State::Established, 8)])]);
    let words = "get_extended_table says that process 7 has it and get_table2 says process 8";
    assert_eq!(cause(&comparison), (Cause::Unexplained, words));
    // One that knows no owners contradicts nobody, and a bound socket is a closed one to whom asks it.
    let unknown = [unowned(established[0].clone(), NoOwner::NotAsked)];
    assert_eq!(steady(&[(EXTENDED, &established), (TABLE, &unknown)]).differences, []);
    let bound = |state| [owned(socket(Some(state), "10.0.0.1:80", None, Some(4)), 7)];
    let said = [(SOCK_DIAG, &bound(State::Bound)[..]), (Witness::FdScan, &bound(State::Closed)[..])];
    assert_eq!(steady(&said).differences, []);
    let said = [(SOCK_DIAG, &bound(State::Closed)[..]), (Witness::FdScan, &bound(State::Listen)[..])];
    assert_eq!(cause(&steady(&said)), (Cause::Unexplained, "sock_diag says closed and the socket itself says listen"));
    // It changed between the calls, and once they agreed.
    let before: &[_] = &[(EXTENDED, Ok(testimony(&established))), (TABLE, Ok(testimony(&[row(State::CloseWait, 7)])))];
    let after: &[_] =
        &[(EXTENDED, Ok(testimony(&[row(State::CloseWait, 7)]))), (TABLE, Ok(testimony(&[row(State::CloseWait, 7)])))];
    assert_eq!(compare(&[before, after]).differences, []);
}

#[test]
fn a_probed_port_is_accounted_for_by_any_row() {
    let mut probed = [socket(Some(State::Listen), "0.0.0.0:80", None, None), socket(None, "[::]:53", None, None)];
    probed.iter_mut().for_each(as_probed);
    let listed = [listener(1), socket(None, "[::1]:53", None, Some(2))];
    let bound = [owned(socket(Some(State::Bound), "127.0.0.1:9", None, Some(3)), 7)];
    let all = [&listed[..], &bound].concat();
    let held = [&listed[..], &bound].concat();
    let comparison = steady(&[(SOCK_DIAG, &all), (Witness::FdScan, &held), (Witness::BindProbe, &probed)]);
    assert!(comparison.differences.is_empty(), "{comparison:?}");

    // The row of port 80 is taken out of every list: the port is hidden.
    let rest = [&listed[1..], &bound].concat();
    let comparison = steady(&[(SOCK_DIAG, &rest), (Witness::FdScan, &rest), (Witness::BindProbe, &probed)]);
    let found = only(&comparison);
    assert_eq!((found.cause, &found.seen_by[..]), (Cause::Unexplained, &[Witness::BindProbe][..]));
    assert_eq!(found.missing_from, [SOCK_DIAG, Witness::FdScan]);
    assert_eq!(comparison.snapshot.sockets[0].key.local.port(), 80);

    // Not if it was free once, or listed once.
    let round = |sockets: &[Socket], probed: &[Socket]| {
        [(SOCK_DIAG, Ok(testimony(sockets))), (Witness::BindProbe, Ok(testimony(probed)))]
    };
    let comparison = compare(&[&round(&rest, &probed), &round(&rest, &probed[1..])]);
    assert_eq!(cause(&comparison).0, Cause::Churn);
    let comparison = compare(&[&round(&rest, &probed), &round(&all, &probed)]);
    let words = "the port was in use in round 1 while no source listed a socket on it";
    assert_eq!(cause(&comparison), (Cause::Churn, words));
}

/// Each system's sockets, where rows say that they are, and the families that they hold their ports in.
#[test]
fn a_port_is_accounted_for_in_the_families_that_its_socket_may_hold() {
    let four: &[&str] = &["0.0.0.0:53"];
    let both: &[&str] = &["0.0.0.0:53", "[::]:53"];
    for (witness, local, held) in [
        (SOCK_DIAG, "127.0.0.1:53", four),
        (PROCFS, "127.0.0.1:53", four),
        (Witness::FdScan, "127.0.0.1:53", four),
        (SOCK_DIAG, "[::ffff:127.0.0.1]:53", four),
        (SOCK_DIAG, "[::1]:53", both),
        (PROCFS, "[::1]:53", both),
        (Witness::FdScan, "[::1]:53", both),
        (EXTENDED, "127.0.0.1:53", both),
        (EXTENDED, "[::1]:53", both),
        (TABLE, "127.0.0.1:53", both),
    ] {
        let listed = [owned(socket(None, local, None, Some(1)), 7)];
        let probed: Vec<Socket> = both
            .iter()
            .map(|it| Socket::new(SocketKey { tag: Tag::None, ..socket(None, it, None, None).key }))
            .collect();
        let comparison = steady(&[(witness, &listed), (Witness::BindProbe, &probed)]);
        let alone: Vec<_> = (comparison.snapshot.sockets.iter().zip(&comparison.differences))
            .filter(|(_, it)| it.seen_by == [Witness::BindProbe])
            .map(|(socket, _)| socket.key.local.to_string())
            .collect();
        assert_eq!(alone, both[held.len()..], "{witness:?} {local}");
    }
    // Whose port is hidden is not the IPv4 socket with the same number.
    let udp = [owned(socket(None, "0.0.0.0:53", None, Some(1)), 7)];
    let mut probed = [socket(None, "0.0.0.0:53", None, None), socket(None, "[::]:53", None, None)];
    probed.iter_mut().for_each(as_probed);
    let comparison = steady(&[(SOCK_DIAG, &udp), (Witness::FdScan, &udp), (Witness::BindProbe, &probed)]);
    assert_eq!(only(&comparison).cause, Cause::Unexplained);
    assert_eq!(comparison.snapshot.sockets[0].key.local, "[::]:53".parse().unwrap());
}

/// A socket that comes after the lists and goes before the next is in a probe's way once.
#[test]
fn one_probe_of_several_rounds_is_not_enough() {
    let mut probed = [socket(Some(State::Listen), "0.0.0.0:80", None, None)];
    probed.iter_mut().for_each(as_probed);
    let lists: &[_] = &[(SOCK_DIAG, Ok(testimony(&[])))];
    let with_probe: &[_] = &[(SOCK_DIAG, Ok(testimony(&[]))), (Witness::BindProbe, Ok(testimony(&probed)))];
    let failed: &[_] = &[(SOCK_DIAG, Ok(testimony(&[]))), (Witness::BindProbe, Err(failure(ErrorKind::Failed)))];
    let free: &[_] = &[(SOCK_DIAG, Ok(testimony(&[]))), (Witness::BindProbe, Ok(testimony(&[])))];
    // It may not have come to that port.
    let damaged = Testimony { damaged: Some("some ports could not be tried".to_owned()), ..testimony(&[]) };
    let damaged: &[_] = &[(SOCK_DIAG, Ok(testimony(&[]))), (Witness::BindProbe, Ok(damaged))];
    for (rounds, expected) in [
        (&[with_probe][..], Cause::Unexplained),
        (&[with_probe, lists, lists], Cause::Churn),
        (&[with_probe, lists, failed], Cause::Churn),
        (&[lists, lists, with_probe], Cause::Churn),
        (&[with_probe, lists, with_probe], Cause::Unexplained),
        (&[with_probe, failed, with_probe], Cause::Unexplained),
        (&[with_probe, damaged, with_probe], Cause::Unexplained),
        (&[with_probe, free, with_probe], Cause::Churn),
        (&[with_probe, damaged], Cause::Churn),
    ] {
        assert_eq!(cause(&compare(rounds)).0, expected, "{rounds:?}");
    }
}

#[test]
fn it_is_known_whether_another_probe_is_worth_while() {
    let mut probed = [socket(Some(State::Listen), "0.0.0.0:80", None, None)];
    probed.iter_mut().for_each(as_probed);
    let mut comparer = Comparer::new();
    assert!(comparer.unlisted_ports().is_empty());
    for (listed, probed, expected) in [
        (&[][..], Some(&probed[..]), true),
        (&[], None, true),
        (&[], Some(&probed), true),
        (&[listener(1)], None, false),
    ] {
        comparer.hear(SOCK_DIAG, Ok(testimony(listed)));
        if let Some(probed) = probed {
            comparer.hear(Witness::BindProbe, Ok(testimony(probed)));
        }
        comparer.end_round();
        assert_eq!(!comparer.unlisted_ports().is_empty(), expected);
    }
    let mut comparer = Comparer::new();
    for probed in [&probed[..], &[]] {
        comparer.hear(Witness::BindProbe, Ok(testimony(probed)));
        comparer.end_round();
    }
    assert!(comparer.unlisted_ports().is_empty(), "it was free the second time");
}

#[test]
fn a_port_is_hidden_only_where_its_holder_could_have_been_seen() {
    let probed = [Socket::new(SocketKey { protocol: Protocol::Tcp, ..listener(1).key })];
    let partial = with_notice(testimony(&[]), Testimony::PARTIAL, "others' processes are closed to this user");
    let round = [
        (PROCFS, Ok(testimony(&[]))),
        (Witness::FdScan, Ok(partial.clone())),
        (Witness::BindProbe, Ok(testimony(&probed))),
    ];
    let comparison = compare(&[&round, &round]);
    let (found, detail) = cause(&comparison);
    assert_eq!(found, Cause::NotShown);
    assert!(detail.ends_with("it may be bound and no more, and others' processes are closed to this user"), "{detail}");
    // A system that shows bound sockets shows this one too, unless it says that it does not.
    let with = |said: Testimony| [&round[..], &[(SOCK_DIAG, Ok(said))]].concat();
    assert_eq!(compare(&[&with(testimony(&[])), &with(testimony(&[]))]).unexplained(), 1);
    let lacks = with_notice(testimony(&[]), Testimony::LACKS_BOUND, "Linux shows them since 6.8");
    assert_eq!(cause(&compare(&[&with(lacks.clone()), &with(lacks.clone())])).0, Cause::NotShown);
    let round = [(EXTENDED, Ok(lacks.clone())), (Witness::BindProbe, Ok(testimony(&probed)))];
    let comparison = compare(&[&round, &round]);
    let (found, detail) = cause(&comparison);
    assert_eq!(found, Cause::Unexplained, "nobody could look further");
    assert!(detail.ends_with("unless a socket is bound to it and no more (Linux shows them since 6.8)"), "{detail}");
    let bound = [owned(socket(Some(State::Bound), "127.0.0.1:9", None, Some(3)), 7)];
    let round = [(SOCK_DIAG, Ok(lacks)), (EXTENDED, Ok(testimony(&bound)))];
    assert_eq!(cause(&compare(&[&round, &round])), (Cause::NotShown, "sock_diag: Linux shows them since 6.8"));
    let round = [(SOCK_DIAG, Err(failure(ErrorKind::Refused))), (Witness::BindProbe, Ok(testimony(&probed)))];
    assert_eq!(cause(&compare(&[&round, &round])).0, Cause::NotShown);
}

/// Ports that a system keeps from everyone, or from this user, are worth a word and nothing else.
#[test]
fn what_a_probe_could_not_try_is_its_reason() {
    let probed = [Socket::new(SocketKey { protocol: Protocol::Tcp, tag: Tag::None, ..listener(1).key })];
    let plain = testimony(&probed);
    let mut partial = plain.clone();
    for message in ["10 ports of tcp are excluded from use", "20 ports of udp are excluded from use"] {
        partial = with_notice(partial, Testimony::PARTIAL, message);
    }
    let rows = [listener(2)];
    for (listed, missed) in [(&rows[..], &rows[..]), (&rows, &[]), (&[], &[])] {
        let round = |probe: &Testimony| {
            let lists = [(EXTENDED, Ok(testimony(listed))), (TABLE, Ok(testimony(missed)))];
            [&lists[..], &[(Witness::BindProbe, Ok(probe.clone()))]].concat()
        };
        let (with, without) =
            (compare(&[&round(&partial), &round(&partial)]), compare(&[&round(&plain), &round(&plain)]));
        assert_eq!((&with.differences, with.rounds), (&without.differences, without.rounds));
        let verdict = &with.sources[2];
        assert_eq!(
            verdict.reason.as_deref(),
            Some("10 ports of tcp are excluded from use; 20 ports of udp are excluded from use")
        );
        assert_eq!(without.sources[2], SourceVerdict { reason: None, ..verdict.clone() });
        assert!(verdict.available && !verdict.faulty);
    }
}

#[test]
fn rounds_beyond_the_last_change_nothing() {
    let mut comparer = Comparer::new();
    for _ in 0..40 {
        comparer.hear(SOCK_DIAG, Ok(testimony(&[listener(1)])));
        comparer.hear(PROCFS, Ok(testimony(&[])));
        comparer.end_round();
    }
    assert_eq!((comparer.rounds(), Compared::of(&comparer).unexplained()), (Comparer::MOST_ROUNDS, 1));
    assert_eq!(Compared::of(&Comparer::new()).differences, []);
}

/// One of a few sockets, so that witnesses meet.
fn any_socket() -> impl Strategy<Value = Socket> {
    let state = prop_oneof![
        Just(None),
        Just(Some(State::Listen)),
        Just(Some(State::Established)),
        Just(Some(State::TimeWait)),
        Just(Some(State::Bound)),
    ];
    let reason = proptest::sample::select(&NoOwner::ALL[..]);
    (state, 0..3u16, prop::option::of(0..2u16), prop::option::of(1..4u64), prop::option::of(1..3u32), reason).prop_map(
        |(state, local, remote, inode, pid, reason)| {
            let remote = remote.map(|port| format!("10.0.0.2:{port}"));
            let socket = socket(state, &format!("10.0.0.1:{local}"), remote.as_deref(), inode);
            match pid {
                Some(pid) => owned(socket, pid),
                None => unowned(socket, reason),
            }
        },
    )
}

fn any_outcome() -> impl Strategy<Value = Result<Testimony, SourceError>> {
    let sockets = prop::collection::vec(any_socket(), 0..6);
    (sockets, 0..12u8).prop_map(|(sockets, mood)| match mood {
        0 => Err(failure(ErrorKind::Failed)),
        1 => Ok(Testimony { damaged: Some("damaged".to_owned()), ..testimony(&sockets) }),
        2 => Ok(with_notice(testimony(&sockets), Testimony::PARTIAL, "partial")),
        _ => Ok(testimony(&sockets)),
    })
}

/// A probe knows the port alone.
fn as_probed(socket: &mut Socket) {
    *socket = Socket::new(SocketKey { remote: None, tag: Tag::None, ..socket.key });
}

type Round = Vec<(Witness, Result<Testimony, SourceError>)>;

fn any_rounds() -> impl Strategy<Value = Vec<Round>> {
    const WITNESSES: [Witness; 6] = [SOCK_DIAG, PROCFS, Witness::FdScan, EXTENDED, TABLE2, Witness::BindProbe];
    let round = prop::collection::vec(any_outcome(), WITNESSES.len()).prop_map(|mut outcomes| {
        if let Some(Ok(probe)) = outcomes.last_mut() {
            probe.snapshot.sockets.iter_mut().for_each(as_probed);
        }
        if let Some(Ok(scan)) = outcomes.get_mut(2) {
            // It names each inode once.
            let mut seen = BTreeSet::new();
            scan.snapshot.sockets.retain(|it| it.inode.is_some_and(|inode| seen.insert(inode)));
        }
        WITNESSES.into_iter().zip(outcomes).collect::<Round>()
    });
    prop::collection::vec(round, 1..5)
}

fn compare_owned(rounds: &[Round]) -> Compared {
    let rounds: Vec<&[_]> = rounds.iter().map(Vec::as_slice).collect();
    compare(&rounds)
}

proptest! {
    #[test]
    fn verdicts_hold_together(rounds in any_rounds()) {
        let comparison = compare_owned(&rounds);
        prop_assert_eq!(comparison.differences.len(), comparison.snapshot.sockets.len());
        for (difference, socket) in comparison.differences.iter().zip(&comparison.snapshot.sockets) {
            let Difference { seen_by, missing_from, cause, detail } = difference;
            prop_assert!(!seen_by.is_empty() && !detail.is_empty());
            prop_assert!(seen_by.iter().all(|it| !missing_from.contains(it)));
            prop_assert!(!missing_from.contains(&Witness::BindProbe));
            // Whoever is missing it spoke, undamaged, at least once, and never named it.
            for witness in missing_from {
                let said = rounds.iter().flatten().filter(|(it, _)| it == witness).filter_map(|(_, it)| it.as_ref().ok());
                prop_assert!(said.clone().any(|it| it.damaged.is_none()));
                if matches!(witness, Witness::Source(_)) && socket.inode.is_some() {
                    prop_assert!(!said.flat_map(|it| &it.snapshot.sockets).any(|it| key(it) == key(socket)));
                }
            }
            // Absent from everyone in a round in which all were whole: never unexplained.
            let names = |it: &Testimony| it.snapshot.sockets.iter().any(|it| {
                key(it) == key(socket) || it.inode.is_some() && it.inode == socket.inode
            });
            let absent = rounds.iter().any(|round| {
                round.iter().all(|(_, it)| it.as_ref().is_ok_and(|it| it.damaged.is_none() && !names(it)))
            });
            prop_assert!(!absent || *cause != Cause::Unexplained, "{:?} {:?}", difference, socket);
        }
    }

    #[test]
    fn the_order_of_rows_means_nothing(rounds in any_rounds(), seed in any::<u64>()) {
        let mut turned = rounds.clone();
        for (_, outcome) in turned.iter_mut().flatten() {
            if let Ok(testimony) = outcome {
                let rows = testimony.snapshot.sockets.len().max(1);
                testimony.snapshot.sockets.rotate_left(seed as usize % rows);
                testimony.snapshot.sockets.reverse();
            }
        }
        let (one, other) = (compare_owned(&rounds), compare_owned(&turned));
        prop_assert_eq!(one.differences, other.differences);
        let keys = |it: &Snapshot| it.sockets.iter().map(key).collect::<Vec<_>>();
        prop_assert_eq!(keys(&one.snapshot), keys(&other.snapshot));
    }

    #[test]
    fn witnesses_that_agree_differ_in_nothing(
        sockets in prop::collection::vec(any_socket(), 0..8),
        rounds in 1..5usize,
    ) {
        let sockets: Vec<Socket> =
            sockets.into_iter().enumerate().map(|(index, mut it)| { it.inode = Some(index as u64); it }).collect();
        let sockets: Vec<Socket> = sockets.into_iter().filter(|it| it.state != Some(State::Bound)).collect();
        let said: Round = [SOCK_DIAG, PROCFS].map(|witness| (witness, Ok(testimony(&sockets)))).into();
        prop_assert_eq!(compare_owned(&vec![said; rounds]).differences, vec![]);
    }

    /// A row taken away from one witness for good is found, whatever else comes and goes.
    #[test]
    fn a_lasting_lack_is_found(noise in any_rounds()) {
        let hidden = owned(socket(Some(State::Listen), "192.0.2.1:4444", None, Some(77)), 5);
        let mut rounds = noise;
        for (witness, outcome) in rounds.iter_mut().flatten() {
            match witness {
                Witness::Source(SourceChoice::SockDiag) => {
                    let mut testimony = outcome.clone().unwrap_or_else(|_| testimony(&[]));
                    testimony.snapshot.sockets.push(hidden.clone());
                    *outcome = Ok(testimony);
                }
                Witness::Source(SourceChoice::Procfs) => *outcome = Ok(testimony(&[])),
                _ => {}
            }
        }
        let comparison = compare_owned(&rounds);
        let found = comparison.snapshot.sockets.iter().position(|it| it.inode == Some(77)).unwrap();
        prop_assert_eq!(comparison.differences[found].cause, Cause::Unexplained);
    }
}
