//! Stories of machines made by hand: looks and events, and what is told of them.

use std::net::SocketAddr;

use proptest::prelude::*;
use sockscope_model::{Owner, ProcessId, SocketKey, Tag, Traffic};

use super::*;
use crate::diff::Pairs;

fn socket(tag: Tag, state: State) -> Socket {
    let end = |text: &str| text.parse::<SocketAddr>().unwrap();
    let remote = (state != State::Listen).then(|| end("8.8.8.8:443"));
    let mut socket = Socket::new(SocketKey { protocol: Protocol::Tcp, local: end("10.0.0.1:5000"), remote, tag });
    socket.state = Some(state);
    if !matches!(state, State::TimeWait | State::SynReceived) {
        let process = ProcessId { pid: 42, started: None };
        socket.owners = Owners::Processes(vec![Owner { process, fds: vec![3] }]);
    }
    socket
}

fn cookie(cookie: u64, state: State) -> Socket {
    socket(Tag::Cookie(cookie), state)
}

/// As [`cookie`], and no other has its ends.
fn apart(number: u64, state: State) -> Socket {
    let mut socket = cookie(number, state);
    socket.key.local.set_port(1000 + u16::try_from(number).unwrap());
    socket
}

fn frame(at: i64, sockets: Vec<Socket>, tcp_opens: u64) -> Arc<Frame> {
    let mut snapshot = Snapshot::new("linux", "host".into(), Timestamp::from_micros(at));
    snapshot.sockets = sockets;
    snapshot.tcp_opens = Some(tcp_opens);
    Arc::new(Frame::new(snapshot))
}

fn closing(at: i64, cookie: u64) -> Event {
    let mut socket = Socket { owners: Owners::Nobody(NoOwner::NotAsked), ..self::cookie(cookie, State::Closed) };
    socket.traffic = Some(Box::new(Traffic { sent_bytes: Some(cookie), ..Traffic::default() }));
    event(at, EventKind::Closed, socket)
}

fn event(at: i64, kind: EventKind, socket: Socket) -> Event {
    Event { at: Timestamp::from_micros(at), kind, socket: Box::new(socket), processes: Vec::new() }
}

/// Looks and events one after another.
struct Story {
    chronicle: Chronicle,
    before: Option<Arc<Frame>>,
}

impl Story {
    fn new(hears: bool) -> Story {
        Story { chronicle: Chronicle::new(hears), before: None }
    }

    fn look(&mut self, frame: Arc<Frame>) -> Vec<Occurrence> {
        let pairs = self.before.as_ref().map(|before| Pairs::new(&before.snapshot, &frame.snapshot));
        let beat = Beat {
            before: self.before.replace(Arc::clone(&frame)),
            frame,
            pairs: Arc::new(pairs.unwrap_or_default()),
            interval: Duration::ZERO,
            pass: Duration::ZERO,
        };
        self.chronicle.look(&beat)
    }

    fn sees(&mut self, at: i64, sockets: &[Socket]) -> String {
        words(&self.look(frame(at, sockets.to_vec(), 0)))
    }

    fn hears(&mut self, events: Vec<Event>) -> String {
        words(&self.chronicle.events(events, Heard::default()))
    }
}

/// `+5000@10` opened, `~` changed, `-` closed, with the tag and the time.
fn words(story: &[Occurrence]) -> String {
    let word = |it: &Occurrence| {
        let sign = match it.kind {
            EventKind::Opened => '+',
            EventKind::Closed => '-',
            _ => '~',
        };
        let tag = match it.socket.key.tag {
            Tag::Cookie(number) | Tag::Inode(number) => number,
            _ => 0,
        };
        format!("{sign}{tag}@{}", it.at.as_micros())
    };
    story.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn looks_alone_tell_what_opens_changes_and_closes() {
    let open = State::Established;
    let mut story = Story::new(false);
    assert_eq!(story.sees(10, &[cookie(1, open), cookie(2, State::TimeWait)]), "", "there before");
    assert_eq!(story.sees(20, &[cookie(1, open), cookie(3, open)]), "+3@20", "a TIME_WAIT that ends is no news");
    assert_eq!(story.sees(30, &[cookie(1, State::CloseWait), cookie(3, open)]), "~1@30");
    let closed = story.look(frame(40, vec![cookie(1, State::CloseWait), cookie(3, State::TimeWait)], 0));
    assert_eq!(words(&closed), "-3@40");
    assert_eq!(closed[0].before, Some(open));
    assert_eq!((closed[0].lasted, closed[0].from_before), (Some(Duration::from_micros(20)), false));
    assert_eq!(closed[0].socket.owners.processes().len(), 1, "who had it last");
    assert_eq!(story.sees(50, &[cookie(1, State::CloseWait)]), "");
    let closed = story.look(frame(60, vec![], 0));
    assert_eq!((words(&closed), closed[0].from_before), ("-1@60".to_owned(), true));
    assert_eq!(story.sees(70, &[cookie(9, State::TimeWait)]), "+9@70 -9@70", "it came and went between two looks");
}

#[test]
fn counters_are_no_news() {
    let mut story = Story::new(false);
    let mut socket = cookie(1, State::Established);
    story.sees(10, std::slice::from_ref(&socket));
    socket.traffic = Some(Box::default());
    socket.uid = Some(5);
    assert_eq!(story.sees(20, &[socket]), "");
}

#[test]
fn time_wait_without_a_cookie_is_the_same_connection() {
    let mut story = Story::new(false);
    story.sees(10, &[]);
    assert_eq!(story.sees(20, &[socket(Tag::Inode(5), State::Established)]), "+5@20");
    assert_eq!(story.sees(30, &[socket(Tag::None, State::TimeWait)]), "-0@30");
    assert_eq!(story.sees(40, &[]), "");
    assert_eq!(story.sees(50, &[socket(Tag::None, State::Established)]), "+0@50", "the next with these ends");
    assert_eq!(story.sees(60, &[]), "-0@60");
    assert_eq!(story.sees(70, &[socket(Tag::None, State::Established)]), "+0@70");
}

#[test]
fn an_event_and_a_look_tell_once() {
    let open = State::Established;
    let mut story = Story::new(true);
    story.sees(10, &[cookie(1, open), cookie(2, open)]);
    let closed = story.chronicle.events(vec![closing(15, 1)], Heard::default());
    assert_eq!(words(&closed), "-1@15");
    assert_eq!(closed[0].socket.traffic.as_ref().unwrap().sent_bytes, Some(1), "what it counted until its end");
    assert_eq!(closed[0].socket.owners.processes().len(), 1);
    assert_eq!((closed[0].socket.state, closed[0].before), (Some(open), Some(open)));
    assert_eq!(story.sees(20, &[cookie(1, State::TimeWait), cookie(2, open)]), "");
    assert_eq!(story.sees(30, &[]), "-2@30");
    assert_eq!(story.hears(vec![closing(31, 2), closing(31, 1)]), "", "too late to be news");
    assert_eq!(story.sees(40, &[]), "");
}

#[test]
fn what_no_look_showed_waits_for_one_that_may() {
    let open = State::Established;
    let mut story = Story::new(true);
    story.sees(10, &[]);
    assert_eq!(story.hears(vec![closing(15, 1), closing(25, 2), closing(26, 3)]), "");
    // This look began at 20: it had 2, it came too early for 3, and it shows that 1 will never be seen.
    assert_eq!(story.sees(20, &[cookie(2, open)]), "+1@15 -1@15 +2@20 -2@25");
    let told = story.look(frame(30, vec![], 0));
    assert_eq!(words(&told), "+3@26 -3@26");
    assert_eq!(told[1].socket.owners, Owners::Nobody(NoOwner::Unknown));
    assert_eq!((told[1].lasted, told[1].from_before), (None, false));
    assert_eq!(story.hears(vec![closing(35, 4)]), "");
    assert_eq!(words(&story.chronicle.finish()), "+4@35 -4@35");
}

#[test]
fn what_ends_while_the_first_look_is_under_way_is_told_if_that_shows_it() {
    let open = State::Established;
    let mut story = Story::new(true);
    assert_eq!(story.hears(vec![closing(5, 1), closing(15, 2), closing(16, 3)]), "");
    // It began at 10: 1 was gone by then, it shows 2, and 3 it may have missed.
    assert_eq!(story.sees(10, &[cookie(2, open), cookie(4, open)]), "-2@15");
    assert_eq!(story.sees(20, &[cookie(4, open)]), "+3@16 -3@16");
    assert_eq!(story.sees(30, &[]), "-4@30");
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up() {
    let mut story = Story::new(true);
    story.sees(1_000, &[]);
    assert_eq!(story.hears(vec![closing(1_005, 1)]), "");
    assert_eq!(story.sees(10, &[]), "", "it may have begun before the end");
    assert_eq!(story.sees(20, &[]), "+1@1005 -1@1005", "this one did not");
}

#[test]
fn what_remains_in_fin_wait_2_may_have_another_cookie() {
    let orphan = |number| Socket { owners: Owners::Nobody(NoOwner::Orphan), ..cookie(number, State::FinWait2) };
    let mut story = Story::new(true);
    story.sees(10, &[]);
    story.hears(vec![closing(15, 1)]);
    assert_eq!(story.sees(20, &[orphan(7)]), "+1@15 -1@15");
    assert_eq!(story.sees(30, &[cookie(7, State::TimeWait)]), "");
    assert_eq!(story.sees(40, &[]), "");
    assert_eq!(story.sees(50, &[orphan(8)]), "+8@50", "the look was faster than the event");
    assert_eq!(story.hears(vec![closing(49, 2)]), "");
    assert_eq!(story.sees(60, &[]), "-8@60");
    // One that a program still has is no remains.
    story.hears(vec![closing(65, 3)]);
    assert_eq!(story.sees(70, &[Socket { inode: Some(9), ..cookie(9, State::FinWait2) }]), "+3@65 -3@65 +9@70");
}

#[test]
fn what_is_held_is_bounded_and_told_all_the_same() {
    let mut story = Story::new(true);
    story.sees(10, &[]);
    let events: Vec<Event> = (0..HELD as u64 + 2).map(|number| closing(15, number)).collect();
    // Each has the same ends here, which only remains could bear.
    assert_eq!(story.chronicle.events(events, Heard::default()).len(), 2 * 2);
    assert_eq!(story.chronicle.held.len(), HELD);
    assert_eq!(story.look(frame(20, vec![], 0)).len(), 2 * HELD);
    assert_eq!(story.sees(30, &[]) + &story.sees(40, &[]), "");
    assert!(story.chronicle.closed.len() + story.chronicle.ends.len() < 10, "and is forgotten");
}

#[test]
fn what_remains_in_time_wait_may_have_another_cookie() {
    let waiting = |cookie| self::cookie(cookie, State::TimeWait);
    let mut story = Story::new(true);
    story.sees(10, &[]);
    story.hears(vec![closing(15, 1)]);
    assert_eq!(story.sees(20, &[waiting(7)]), "+1@15 -1@15");
    assert_eq!(story.sees(30, &[waiting(7), waiting(8)]), "+8@30 -8@30", "the look was faster than the event");
    assert_eq!(story.hears(vec![closing(29, 2)]), "");
    assert_eq!(story.sees(40, &[waiting(7), waiting(8)]), "");
    assert_eq!(story.sees(50, &[]), "");
    assert_eq!(story.hears(vec![closing(55, 3)]), "");
    assert_eq!(story.sees(60, &[]), "+3@55 -3@55", "the next connection with these ends");
}

#[test]
fn events_may_tell_of_beginnings() {
    let mut story = Story::new(true);
    story.sees(10, &[]);
    assert_eq!(
        story.hears(vec![event(15, EventKind::Opened, cookie(1, State::Established)), closing(18, 1)]),
        "+1@15 -1@18"
    );
    assert_eq!(story.hears(vec![event(19, EventKind::Opened, cookie(2, State::Established))]), "+2@19");
    assert_eq!(story.sees(20, &[cookie(2, State::Established)]), "");
    assert_eq!(story.sees(30, &[]), "-2@30");
}

#[test]
fn what_is_missed_is_what_the_system_counted_and_nobody_told() {
    let open = State::Established;
    let mut story = Story::new(false);
    story.look(frame(10, vec![cookie(1, open)], 1_000));
    story.look(frame(20, vec![cookie(1, open), cookie(2, open), cookie(3, State::Listen)], 1_100));
    let missed = |count, estimated| Missed { count, estimated, tcp_only: true };
    assert_eq!(story.chronicle.missed(None), missed(Some(99), false));
    assert_eq!(story.chronicle.missed(Some(0)), missed(Some(50), true), "of one that was seen, none was meant");
    story.look(frame(30, vec![cookie(4, open), cookie(5, open)], 1_100));
    assert_eq!(story.chronicle.missed(Some(1)), missed(Some(49), true), "one of three, or rather two of four, of 97");

    let mut story = Story::new(false);
    story.look(frame(10, vec![], 0));
    story.look(frame(20, vec![cookie(1, open), cookie(2, open), cookie(3, open)], 4));
    assert_eq!(story.chronicle.missed(Some(0)), missed(Some(1), true), "one was missed, and may have been meant");

    let mut story = Story::new(true);
    story.look(frame(10, vec![], 0));
    story.look(frame(20, vec![], 50));
    let exact = Missed { count: Some(0), estimated: false, tcp_only: false };
    assert_eq!(story.chronicle.missed(None), exact, "what events tell of is told");
    story.chronicle.events(vec![], Heard { lost: 7, ..Heard::default() });
    assert_eq!(story.chronicle.missed(None), Missed { count: Some(7), ..exact });
    story.chronicle.events(vec![], Heard { malformed: 1, ..Heard::default() });
    assert_eq!(
        story.chronicle.missed(None),
        Missed { count: Some(8), ..exact },
        "what made no sense was told to nobody"
    );
    let share = Missed { count: Some(8), estimated: true, ..exact };
    assert_eq!(story.chronicle.missed(Some(0)), share, "whether what was lost was meant, nobody knows");
    story.chronicle.events(vec![], Heard { lost_unknown: true, ..Heard::default() });
    assert_eq!(story.chronicle.missed(None), missed(Some(50), false));
}

/// What a socket does, step by step: unborn, alive, in TIME_WAIT or gone, never backwards.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Life {
    Unborn,
    Open,
    Waiting,
    Gone,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    (0..8usize, 0..6usize, 0..3usize).prop_map(|(unborn, open, waiting)| {
        let mut life = vec![Life::Unborn; unborn];
        life.extend(std::iter::repeat_n(Life::Open, open));
        life.extend(std::iter::repeat_n(Life::Waiting, waiting));
        life.resize(12, Life::Gone);
        life
    })
}

proptest! {
    /// However looks and events fall together, a socket is opened once and closed once; with events, none is missed.
    #[test]
    fn every_socket_is_told_once(
        sockets in prop::collection::vec(lives(), 1..6),
        looks in prop::collection::vec(any::<bool>(), 12),
        late in prop::collection::vec(0..3usize, 6),
        hears in any::<bool>(),
    ) {
        let mut story = Story::new(hears);
        let mut told = Vec::new();
        let mut events: Vec<(usize, Event)> = Vec::new();
        for step in 0..14usize {
            let at = i64::try_from(step).unwrap() * 10;
            let life = |socket: &Vec<Life>, step: usize| socket.get(step).copied().unwrap_or(Life::Gone);
            for (number, socket) in (0u64..).zip(&sockets) {
                let was = if step == 0 { life(socket, 0) } else { life(socket, step - 1) };
                if was == Life::Open && life(socket, step) != Life::Open {
                    // An event may be heard before or after the look that shows the same.
                    let closed = event(at - 5, EventKind::Closed, apart(number, State::Closed));
                    events.push((step + late[usize::try_from(number).unwrap()] / 2, closed));
                }
            }
            let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut events).into_iter().partition(|(due, _)| *due <= step);
            events = later;
            if hears {
                told.extend(story.chronicle.events(now.into_iter().map(|(_, event)| event).collect(), Heard::default()));
            }
            if step == 0 || looks.get(step).is_none_or(|looks| *looks) {
                let rows = (0u64..).zip(&sockets).filter_map(|(number, socket)| match life(socket, step) {
                    Life::Open => Some(apart(number, State::Established)),
                    Life::Waiting => Some(apart(number, State::TimeWait)),
                    _ => None,
                });
                told.extend(story.look(frame(at, rows.collect(), 0)));
            }
        }
        told.extend(story.chronicle.finish());
        for (number, socket) in (0u64..).zip(&sockets) {
            let of = |kind: EventKind| {
                told.iter().filter(|it| it.kind == kind && it.socket.key.tag == Tag::Cookie(number)).count()
            };
            let (opened, closed) = (of(EventKind::Opened), of(EventKind::Closed));
            let there_before = matches!(socket[0], Life::Open | Life::Waiting);
            let lived = socket.contains(&Life::Open) || socket.contains(&Life::Waiting);
            prop_assert!(opened <= 1 && closed <= 1, "{opened} {closed}");
            if there_before {
                prop_assert_eq!((opened, closed), (0, usize::from(socket[0] == Life::Open)));
            } else if hears && socket.contains(&Life::Open) {
                prop_assert_eq!((opened, closed), (1, 1));
            } else {
                prop_assert_eq!(opened, closed);
                prop_assert!(lived || opened == 0);
            }
        }
    }
}
