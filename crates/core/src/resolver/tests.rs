use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use proptest::prelude::*;
use sockscope_model::{Protocol, Snapshot, Socket, SocketKey, Tag, Timestamp};

use super::*;

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 | number).into()
}

fn known(name: &str) -> HostName {
    HostName::Known(name.into())
}

fn patient() -> Instant {
    Instant::now() + PATIENCE
}

/// Look-ups that answer when they are allowed to, and how many of them there are.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar, AtomicUsize)>);

impl Gate {
    fn pass(&self) {
        let (open, changed, inside) = &*self.0;
        inside.fetch_add(1, Ordering::SeqCst);
        let mut open = open.lock().unwrap();
        while !*open {
            open = changed.wait(open).unwrap();
        }
        inside.fetch_sub(1, Ordering::SeqCst);
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn inside(&self) -> usize {
        self.0.2.load(Ordering::SeqCst)
    }

    fn await_inside(&self, count: usize) {
        let until = patient();
        while self.inside() != count {
            assert!(Instant::now() < until, "{}", self.inside());
            thread::yield_now();
        }
    }
}

/// Opens however the test ends, so that no thread stays.
impl Drop for Gate {
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) <= 2 {
            self.open();
        }
    }
}

fn gated() -> (Gate, Resolver) {
    let gate = Gate::default();
    let ours = gate.clone();
    let resolver = Resolver::new(HashMap::default(), move |address| {
        ours.pass();
        known(&format!("{address}.example"))
    });
    (gate, resolver)
}

#[test]
fn a_name_service_that_never_answers_delays_nobody() {
    let (gate, resolver) = gated();
    resolver.ask((0..10_000).map(address));
    gate.await_inside(THREADS);
    assert!(!resolver.wait(Instant::now()));
    assert!(!resolver.wait(Instant::now() + Duration::from_millis(20)));
    assert_eq!(resolver.answers(Duration::ZERO), []);
    assert_eq!(resolver.answers(Duration::from_millis(20)), []);
    assert_eq!(resolver.name(address(1)), HostName::Pending);
    // All are under way or wait already.
    resolver.ask((0..10_000).map(address));
    assert_eq!(resolver.shared.lock().waiting.len(), 10_000 - THREADS);
    let shared = Arc::downgrade(&resolver.shared);
    drop(resolver);
    assert_eq!(gate.inside(), THREADS, "nobody waited for them");
    gate.open();
    let until = patient();
    while shared.strong_count() > 0 {
        assert!(Instant::now() < until);
        thread::yield_now();
    }
}

#[test]
fn what_is_asked_last_is_looked_up_first() {
    let (sender, order) = mpsc::channel();
    let gate = Gate::default();
    let ours = gate.clone();
    let resolver = Resolver::new(HashMap::default(), move |address| {
        ours.pass();
        let _ = sender.send(address);
        HostName::Absent
    });
    let blocked = THREADS as u32;
    resolver.ask((0..blocked).map(address));
    gate.await_inside(THREADS);
    resolver.ask([address(100), address(101)]);
    resolver.ask([address(200), address(201)]);
    let waiting: Vec<IpAddr> = resolver.shared.lock().waiting.iter().copied().collect();
    assert_eq!(waiting, [200, 201, 100, 101].map(address));
    gate.open();
    assert!(resolver.wait(patient()));
    assert_eq!(order.try_iter().count(), THREADS + 4);
    assert_eq!(resolver.answers(Duration::ZERO).len(), THREADS + 4);
    assert_eq!(resolver.answers(Duration::ZERO), []);
}

#[test]
fn the_queue_is_bounded_and_what_fell_out_may_be_asked_again() {
    let (gate, resolver) = gated();
    let many = u32::try_from(WAITING + 100).unwrap();
    resolver.ask((0..many).map(address));
    gate.await_inside(THREADS);
    let state = resolver.shared.lock();
    assert!(state.waiting.len() <= WAITING);
    assert_eq!(state.asked.len(), state.waiting.len() + THREADS);
    assert!(!state.asked.contains(&address(many - 1)));
    drop(state);
    resolver.ask([address(many - 1)]);
    assert_eq!(resolver.shared.lock().waiting.front(), Some(&address(many - 1)));
}

#[test]
fn some_addresses_are_not_asked_for() {
    let resolver = Resolver::new(HashMap::default(), |address| panic!("{address}"));
    let odd: [IpAddr; 7] = [
        Ipv4Addr::LOCALHOST.into(),
        Ipv4Addr::new(127, 3, 2, 1).into(),
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv4Addr::new(224, 0, 0, 251).into(),
        Ipv6Addr::LOCALHOST.into(),
        Ipv6Addr::UNSPECIFIED.into(),
        Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(),
    ];
    resolver.ask(odd);
    assert!(resolver.wait(Instant::now()));
    assert_eq!(resolver.shared.lock().threads, 0);
}

#[test]
fn names_of_the_hosts_file_come_at_once() {
    let text = "\u{feff}nonsense\n# 10.0.0.9 no\n10.0.0.1\tone.example one # the first\n10.0.0.1 uno\n::ffff:10.0.0.2 two\n10.0.0.3\n\
                10.0.0.4 1.2.3.4\n300.0.0.1 x\n";
    let hosts = parse_hosts(text);
    assert_eq!(hosts.len(), 2);
    let gate = Gate::default();
    let ours = gate.clone();
    let resolver = Resolver::new(hosts, move |_| {
        ours.pass();
        HostName::Failed
    });
    // The others are stuck.
    resolver.ask((100..200).map(address));
    let mapped = Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped().into();
    resolver.ask([address(1), address(2), mapped]);
    let mut answers = resolver.answers(PATIENCE);
    answers.sort_by_key(|(address, _)| *address);
    assert_eq!(
        answers,
        [(address(1), known("one.example")), (address(2), known("two")), (mapped, known("one.example"))]
    );
}

#[test]
fn answers_are_believed_for_a_while() {
    let now = Instant::now();
    for (name, age, is_so) in [
        (known("a"), BELIEVED - Duration::from_secs(1), true),
        (known("a"), BELIEVED, false),
        (HostName::Absent, BELIEVED - Duration::from_secs(1), true),
        (HostName::Failed, FORGIVEN - Duration::from_secs(1), true),
        (HostName::Failed, FORGIVEN, false),
    ] {
        assert_eq!(is_believed(&(name.clone(), now), now + age), is_so, "{name:?} {age:?}");
    }
    // An old answer is shown until there is a newer one.
    let (gate, resolver) = gated();
    resolver.shared.lock().answers.insert(address(1), (known("old"), now));
    let later = now + BELIEVED;
    assert!(!resolver.shared.lock().is_fresh(address(1), later));
    assert_eq!(resolver.name(address(1)), known("old"));
    drop(gate);
}

#[test]
fn a_look_up_that_panics_failed() {
    let resolver = Resolver::new(HashMap::default(), |address| match address {
        IpAddr::V4(v4) if v4.octets()[3] % 2 == 0 => std::panic::resume_unwind(Box::new("as tests do")),
        _ => HostName::Absent,
    });
    resolver.ask((0..100).map(address));
    assert!(resolver.wait(patient()));
    assert_eq!((resolver.name(address(2)), resolver.name(address(3))), (HostName::Failed, HostName::Absent));
}

#[test]
fn peers_of_rows_get_their_names() {
    let mut snapshot = Snapshot::new("linux", String::new(), Timestamp::from_micros(0));
    let local = SocketAddr::from(([10, 9, 9, 9], 1));
    for remote in [Some(address(1)), None, Some(address(2)), Some(Ipv4Addr::LOCALHOST.into()), Some(address(1))] {
        let remote = remote.map(|ip| SocketAddr::new(ip, 443));
        snapshot.sockets.push(Socket::new(SocketKey { protocol: Protocol::Tcp, local, remote, tag: Tag::None }));
    }
    let mut frame = Frame::new(snapshot);
    let resolver = Resolver::new(HashMap::default(), |address| known(&format!("{address}.example")));
    resolver.ask_for(&frame, [0, 1, 3, 4, 99]);
    assert!(resolver.wait(patient()));
    resolver.fill(&mut frame, 0..5);
    let names: Vec<_> = frame.rows().map(|row| row.remote_name().map(str::to_owned)).collect();
    let one = Some("10.0.0.1.example".to_owned());
    assert_eq!(names, [one.clone(), None, None, None, one]);
    assert_eq!(frame.names.get(&address(2)), Some(&HostName::Pending));
    assert_eq!(frame.names.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever asks, and however often: each address is looked up once, never by more threads than are allowed, and every answer
    /// is told once.
    #[test]
    fn each_address_is_looked_up_once(asks in prop::collection::vec(prop::collection::vec(0u32..300, 0..40), 0..20)) {
        let counts: Arc<Mutex<HashMap<IpAddr, usize>>> = Arc::default();
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let resolver = {
            let (counts, inside, most) = (Arc::clone(&counts), Arc::clone(&inside), Arc::clone(&most));
            Resolver::new(HashMap::default(), move |address| {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                *counts.lock().unwrap().entry(address).or_default() += 1;
                thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                known(&format!("{address}.example"))
            })
        };
        let mut told = Vec::new();
        for ask in &asks {
            resolver.ask(ask.iter().copied().map(address));
            told.extend(resolver.answers(Duration::ZERO));
        }
        prop_assert!(resolver.wait(patient()));
        told.extend(resolver.answers(Duration::ZERO));
        let wanted: HashSet<IpAddr> = asks.iter().flatten().copied().map(address).collect();
        let counts = counts.lock().unwrap();
        prop_assert!(counts.values().all(|count| *count == 1));
        prop_assert_eq!(counts.keys().copied().collect::<HashSet<_>>(), wanted.clone());
        prop_assert_eq!(told.len(), wanted.len());
        let is_right = |(address, name): &(IpAddr, HostName)| *name == known(&format!("{address}.example"));
        prop_assert!(told.iter().all(is_right));
        prop_assert!(most.load(Ordering::SeqCst) <= THREADS);
    }
}
