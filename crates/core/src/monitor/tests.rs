//! A monitor of a machine made by hand, with real threads and no clock but its own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;

use sockscope_geo::{Atlas, Database, Language};
use sockscope_model::{
    ErrorKind, EventKind, HostName, Protocol, Snapshot, Socket, SocketKey, State, Tag, Timestamp, Traffic,
};

use super::*;

/// What it answers, look by look; the last answer again and again. What it was asked is kept.
struct Scripted {
    answers: VecDeque<Result<Vec<Socket>, ()>>,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Source for Scripted {
    fn snapshot(&mut self, request: &Request) -> Result<Snapshot, SourceError> {
        self.asked.lock().unwrap().push(request.clone());
        let answer = if self.answers.len() > 1 { self.answers.pop_front() } else { self.answers.front().cloned() };
        let Some(Ok(sockets)) = answer else {
            return Err(SourceError {
                kind: ErrorKind::Failed,
                operation: "look".into(),
                object: "at nothing".into(),
                cause: "so it was written".into(),
                help: None,
            });
        };
        let mut snapshot = Snapshot::new("linux", "host".into(), Timestamp::from_micros(1));
        snapshot.sockets = sockets;
        Ok(snapshot)
    }
}

fn socket(cookie: u64, state: State, sent: u64) -> Socket {
    let end = |text: &str| text.parse::<SocketAddr>().unwrap();
    let (local, remote) = (end("10.0.0.1:5000"), Some(end("8.8.8.8:443")));
    let mut socket = Socket::new(SocketKey { protocol: Protocol::Tcp, local, remote, tag: Tag::Cookie(cookie) });
    socket.state = Some(state);
    socket.traffic = Some(Box::new(Traffic { sent_bytes: Some(sent), received_bytes: Some(0), ..Traffic::default() }));
    socket
}

fn start(answers: Vec<Result<Vec<Socket>, ()>>, options: MonitorOptions) -> (Monitor, Arc<Mutex<Vec<Request>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let source = Scripted { answers: answers.into(), asked: Arc::clone(&asked) };
    (Monitor::start(Box::new(source), options).unwrap(), asked)
}

fn often(request: Request) -> MonitorOptions {
    MonitorOptions { interval: Duration::from_millis(1), ..MonitorOptions::new(request) }
}

fn next(monitor: &Monitor) -> Update {
    let since = Instant::now();
    loop {
        if let Some(update) = monitor.next(Duration::from_secs(60)).unwrap() {
            return update;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "nothing more was told");
    }
}

fn beat(monitor: &Monitor) -> Beat {
    loop {
        match next(monitor) {
            Update::Frame(beat) => return beat,
            Update::Enriched(_) | Update::Events(..) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_look_is_held_against_the_one_before() {
    let request = Request { traffic: true, ..Request::default() };
    let open = State::Established;
    let answers = vec![
        Ok(vec![socket(1, open, 100), socket(2, open, 900)]),
        Ok(vec![socket(1, State::FinWait1, 5_000), socket(2, open, 10), socket(3, open, 7)]),
        Ok(vec![socket(3, open, 7)]),
    ];
    let (monitor, _) = start(answers, often(request));
    let (first, second, third) = (beat(&monitor), beat(&monitor), beat(&monitor));
    assert!(first.before.is_none() && *first.pairs == Pairs::default() && first.frame.rates.is_empty());
    assert!(Arc::ptr_eq(second.before.as_ref().unwrap(), &first.frame));
    assert_eq!(second.pairs.before, [Some(0), Some(1), None]);
    assert_eq!(second.pairs.opened, [2]);
    let rate = |beat: &Beat, row: usize| beat.frame.row(row).unwrap().rate();
    assert!(rate(&second, 0).unwrap().sent > 0 && rate(&second, 0).unwrap().received == 0);
    assert_eq!((rate(&second, 1), rate(&second, 2)), (None, None), "counted backwards; new");
    assert_eq!(third.pairs.closed, [0, 1]);
    assert_eq!(rate(&third, 0).unwrap().sent, 0);
}

#[test]
fn a_look_that_fails_is_told_and_tried_again() {
    let answers = vec![Ok(vec![socket(1, State::Established, 0)]), Err(()), Ok(vec![])];
    let (monitor, _) = start(answers, often(Request::default()));
    beat(&monitor);
    assert!(matches!(next(&monitor), Update::Failed(error) if error.cause == "so it was written"));
    assert_eq!(beat(&monitor).pairs.closed, [0], "held against the last that succeeded");
}

#[test]
fn commands_are_obeyed() {
    let hour = Duration::from_secs(3600);
    let (monitor, asked) =
        start(vec![Ok(vec![])], MonitorOptions { interval: hour, ..MonitorOptions::new(Request::default()) });
    assert_eq!(beat(&monitor).interval, hour);
    monitor.command(Command::Refresh);
    beat(&monitor);
    monitor.command(Command::Pause(true));
    monitor.command(Command::Request(Box::new(Request { udp: false, ..Request::default() })));
    beat(&monitor);
    assert!(!asked.lock().unwrap().last().unwrap().udp);
    monitor.command(Command::Pause(false));
    monitor.command(Command::Interval(Duration::from_millis(1)));
    beat(&monitor);
    monitor.command(Command::Stop);
    while monitor.next(Duration::from_secs(60)).is_ok() {}
}

#[test]
fn a_hurried_first_look_has_no_details_and_the_second_has() {
    let hour = Duration::from_secs(3600);
    let options = MonitorOptions { hurry: true, interval: hour, ..MonitorOptions::new(Request::default()) };
    let (monitor, asked) = start(vec![Ok(vec![])], options);
    beat(&monitor);
    beat(&monitor);
    let asked: Vec<bool> = asked.lock().unwrap().iter().map(|request| request.process_details).collect();
    assert_eq!(asked, [false, true]);
}

#[test]
fn places_are_pending_first_and_filled_then() {
    let hour = Duration::from_secs(3600);
    let (go, wait) = mpsc::channel::<()>();
    let open = move || {
        wait.recv().unwrap();
        Locator::new(Atlas::new([Database::embedded(&Language::default())]))
    };
    let options =
        MonitorOptions { places: Some(Box::new(open)), interval: hour, ..MonitorOptions::new(Request::default()) };
    let (monitor, _) = start(vec![Ok(vec![socket(1, State::Established, 0)])], options);
    let first = beat(&monitor);
    assert!(first.frame.row(0).unwrap().place().is_none());
    go.send(()).unwrap();
    let Update::Enriched(frame) = next(&monitor) else { panic!("no more is known") };
    assert_eq!(frame.row(0).unwrap().place().unwrap().country_code.as_deref(), Some("US"));
    assert!(Arc::ptr_eq(&frame.snapshot, &first.frame.snapshot));
    monitor.command(Command::Refresh);
    assert!(beat(&monitor).frame.row(0).unwrap().place().is_some(), "known from the first moment on");
}

#[test]
fn names_are_pending_until_they_come() {
    let hour = Duration::from_secs(3600);
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let names = Resolver::new(HashMap::default(), move |_| {
        wait.lock().unwrap().recv().unwrap();
        HostName::of("dns.google")
    });
    let options = MonitorOptions { names: Some(names), interval: hour, ..MonitorOptions::new(Request::default()) };
    let (monitor, _) = start(vec![Ok(vec![socket(1, State::Established, 0)])], options);
    let first = beat(&monitor);
    assert_eq!(first.frame.names.values().collect::<Vec<_>>(), [&HostName::Pending]);
    go.send(()).unwrap();
    let Update::Enriched(frame) = next(&monitor) else { panic!("no more is known") };
    assert_eq!(frame.row(0).unwrap().remote_name(), Some("dns.google"));
}

/// Tells so many events, and says when it has told all.
struct Chatter(usize, mpsc::Sender<()>);

impl Events for Chatter {
    fn name(&self) -> &'static str {
        "chatter"
    }

    fn kinds(&self) -> &'static [EventKind] {
        &[EventKind::Closed]
    }

    fn wait(&mut self, _: Duration, events: &mut Vec<Event>) -> Result<Heard, SourceError> {
        let Some(left) = self.0.checked_sub(1000) else {
            let _ = self.1.send(());
            return Err(SourceError {
                kind: ErrorKind::Failed,
                operation: "hear".into(),
                object: "anything".into(),
                cause: "all is said".into(),
                help: None,
            });
        };
        self.0 = left;
        events.extend((0..1000).map(|_| Event {
            at: Timestamp::from_micros(0),
            kind: EventKind::Closed,
            socket: Box::new(socket(1, State::Closed, 0)),
            processes: Vec::new(),
        }));
        Ok(Heard::default())
    }
}

#[test]
fn events_that_a_busy_view_does_not_take_are_counted() {
    let told = BACKLOG + 50_000;
    let (say, said) = mpsc::channel();
    let options = MonitorOptions { events: Some(Box::new(Chatter(told, say))), ..often(Request::default()) };
    let (monitor, _) = start(vec![Ok(vec![])], options);
    // Looks fill the channel; the view does nothing until everything was said.
    said.recv_timeout(Duration::from_secs(60)).unwrap();
    let (mut events, mut lost) = (0, 0);
    loop {
        match next(&monitor) {
            Update::Events(more, heard) => {
                events += more.len();
                lost += heard.lost;
            }
            Update::EventsEnded(_) => break,
            _ => {}
        }
    }
    assert!(lost > 0);
    assert_eq!(events + usize::try_from(lost).unwrap(), told);
}

/// Tells events without end, each at once.
struct Endless;

impl Events for Endless {
    fn name(&self) -> &'static str {
        "endless"
    }

    fn kinds(&self) -> &'static [EventKind] {
        &[EventKind::Closed]
    }

    fn wait(&mut self, _: Duration, events: &mut Vec<Event>) -> Result<Heard, SourceError> {
        events.push(Event {
            at: Timestamp::from_micros(0),
            kind: EventKind::Closed,
            socket: Box::new(socket(1, State::Closed, 0)),
            processes: Vec::new(),
        });
        Ok(Heard::default())
    }
}

#[test]
fn events_without_end_hide_no_look() {
    let options = MonitorOptions { events: Some(Box::new(Endless)), ..often(Request::default()) };
    let (monitor, _) = start(vec![Ok(vec![])], options);
    let (mut looks, mut events) = (0, 0);
    while looks < 3 {
        // There are always some that could be told first.
        while !lock(&monitor.events).has_news() {
            thread::yield_now();
        }
        match next(&monitor) {
            Update::Frame(_) => looks += 1,
            Update::Events(..) => events += 1,
            other => panic!("{other:?}"),
        }
        assert!(events < 10_000, "{looks} looks beside {events} times events");
    }
}

/// Panics at the second look.
struct Fragile(bool);

impl Source for Fragile {
    fn snapshot(&mut self, _: &Request) -> Result<Snapshot, SourceError> {
        assert!(!std::mem::replace(&mut self.0, true), "as it was meant");
        Ok(Snapshot::new("linux", "host".into(), Timestamp::from_micros(1)))
    }
}

#[test]
fn a_source_that_panics_ends_it_though_events_go_on() {
    let options = MonitorOptions { events: Some(Box::new(Endless)), ..often(Request::default()) };
    let monitor = Monitor::start(Box::new(Fragile(false)), options).unwrap();
    let since = Instant::now();
    while monitor.next(Duration::from_secs(60)).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(60), "nobody looks any more, and it does not say so");
    }
}

#[test]
fn an_interval_without_end_is_no_error() {
    let options = MonitorOptions { interval: Duration::MAX, ..MonitorOptions::new(Request::default()) };
    let (monitor, _) = start(vec![Ok(vec![])], options);
    beat(&monitor);
    monitor.command(Command::Interval(Duration::MAX));
    monitor.command(Command::Refresh);
    beat(&monitor);
}

/// Has nothing to tell.
struct Silent;

impl Events for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }

    fn kinds(&self) -> &'static [EventKind] {
        &[EventKind::Closed]
    }

    fn wait(&mut self, _: Duration, _: &mut Vec<Event>) -> Result<Heard, SourceError> {
        thread::yield_now();
        Ok(Heard::default())
    }
}

#[test]
fn silence_is_heard() {
    let since = Instant::now();
    let options = MonitorOptions { events: Some(Box::new(Silent)), ..often(Request::default()) };
    let (monitor, _) = start(vec![Ok(vec![])], options);
    while monitor.silences() < Some(3) {
        assert!(since.elapsed() < Duration::from_secs(60), "it hears nothing, and does not say so");
        thread::yield_now();
    }
    let (monitor, _) = start(vec![Ok(vec![])], often(Request::default()));
    assert_eq!(monitor.silences(), None, "nobody listens");
}
