use std::collections::HashSet;
use std::io::Write;
use std::time::{Duration, Instant};

use sockscope_core::default_order;
use sockscope_model::{Event, EventKind, Events, Protocol, Request, Socket, Tag};
use sockscope_output::{Listing, assert_json, clean};

use crate::args::WaitArgs;
use crate::assert;
use crate::exit::{Exit, Failure, complain, complain_notice};
use crate::selection::{Looks, Seen, Selection};
use crate::terminal;

/// Waiting takes a twentieth of a processor at most.
const SHARE: u32 = 20;
/// Nobody waits for less.
const SHORTEST: Duration = Duration::from_millis(10);
/// Even where a look takes long, what is waited for is seen this soon.
const LONGEST: Duration = Duration::from_secs(1);

/// `sockscope wait`.
pub(crate) fn run(args: &WaitArgs) -> Result<Exit, Failure> {
    let began = Instant::now();
    if args.sockets.filter.iter().all(|word| word.trim().is_empty()) {
        return Err(Failure::Usage(
            "wait needs a filter, as in: sockscope wait listening sport = :5432 (see --help)".to_owned(),
        ));
    }
    let mut selection = Selection::new(&args.sockets)?;
    selection.places = args.json;
    // While it waits, it asks for no more than the filter needs.
    let cheap = selection.request.clone();
    let mut whole = cheap.clone();
    if args.json {
        whole.cgroups = true;
        whole.owners |= args.sockets.processes;
        whole.process_details |= whole.owners;
    }
    let looks = selection.open()?;
    // What closes is told, where the system tells anything at all; who asks for an interval gets it.
    let events = if args.gone && args.interval.is_none() { selection.events().ok() } else { None };
    let mut waiting = Waiting {
        looks,
        gone: args.gone,
        interval: args.interval,
        deadline: args.timeout.and_then(|timeout| began.checked_add(timeout)),
        pauses: Pauses { events },
        said: HashSet::new(),
    };
    let (mut seen, is_over) = terminal::with_progress("waiting", || waiting.run(&cheap))?;
    let waited = began.elapsed();
    let matched = !seen.rows.is_empty();
    if args.json && matched {
        // Unless it is gone already.
        if whole != cheap
            && let Ok(again) = waiting.looks.look(&whole)
            && !again.rows.is_empty()
        {
            seen = again;
        }
        waiting.looks.locate(&mut seen);
    }
    let Seen { frame, mut rows, .. } = seen;
    default_order(&frame, &mut rows);
    let listing = Listing { frame: &frame, rows: &rows, version: env!("CARGO_PKG_VERSION") };
    if args.json {
        let mut out = terminal::stdout();
        let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        assert_json(&mut out, &listing, matched, waited).and_then(|()| out.flush()).map_err(Failure::Output)?;
    }
    if !is_over {
        return Ok(Exit::Done);
    }
    let timed_out = match args.timeout {
        Some(timeout) if !timeout.is_zero() => format!("timed out after {timeout:?}: "),
        _ => String::new(),
    };
    let state = match matched {
        true => assert::matches(&listing),
        false => format!("no socket matches: {}", clean(&args.sockets.filter.join(" "))),
    };
    complain(&format!("{timed_out}{state}"));
    Ok(Exit::No)
}

/// What is waited for, and how.
struct Waiting<'a> {
    looks: Looks<'a>,
    gone: bool,
    interval: Option<Duration>,
    deadline: Option<Instant>,
    pauses: Pauses,
    /// Notices that were shown: each is said once.
    said: HashSet<&'static str>,
}

impl Waiting<'_> {
    /// Looks until it is so, or the time is over. What was seen last, and whether it is over.
    fn run(&mut self, request: &Request) -> Result<(Seen, bool), Failure> {
        loop {
            let began = Instant::now();
            let seen = self.looks.look(request)?;
            let matched = !seen.rows.is_empty();
            if !matched {
                // What could not be seen may be the reason.
                for notice in &seen.frame.snapshot.notices {
                    if self.said.insert(notice.code) {
                        complain_notice(notice);
                    }
                }
            }
            let is_over = self.deadline.is_some_and(|deadline| began >= deadline);
            if matched != self.gone {
                return Ok((seen, false));
            }
            if is_over {
                return Ok((seen, true));
            }
            let watched = seen.rows.iter().filter_map(|index| seen.frame.row(*index)).map(|row| identity(row.socket));
            let watched: HashSet<Identity> = watched.collect();
            drop(seen);
            let now = Instant::now();
            let look = now.saturating_duration_since(began);
            let pause = self.interval.unwrap_or_else(|| pause_after(look));
            // The last look is at the end.
            let left = self.deadline.map(|deadline| deadline.saturating_duration_since(now));
            let pause = left.map_or(pause, |left| left.min(pause));
            self.pauses.pause(look.min(pause), pause, &watched);
        }
    }
}

/// What a socket keeps until its end, and the system tells of it then.
type Identity = (Protocol, Tag);

fn identity(socket: &Socket) -> Identity {
    (socket.key.protocol, socket.key.tag)
}

/// How long to wait after a look that took that long.
fn pause_after(look: Duration) -> Duration {
    look.saturating_mul(SHARE).clamp(SHORTEST, LONGEST)
}

/// What lies between two looks.
struct Pauses {
    /// Whoever tells when something happens. It only has us look sooner, so that a filter means the same with and without.
    events: Option<Box<dyn Events>>,
}

impl Pauses {
    /// Waits, until one of the sockets closes or any opens, at least so long as a look takes: there may be thousands of them.
    fn pause(&mut self, at_least: Duration, at_most: Duration, watched: &HashSet<Identity>) {
        let began = Instant::now();
        let mut happened: Vec<Event> = Vec::new();
        while let Some(events) = &mut self.events {
            let left = at_most.saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            happened.clear();
            let matters = |event: &Event| match event.kind {
                EventKind::Opened => true,
                _ => watched.contains(&identity(&event.socket)),
            };
            match events.wait(left, &mut happened) {
                Ok(heard) if heard.lost > 0 || heard.lost_unknown || happened.iter().any(matters) => {
                    std::thread::sleep(at_least.saturating_sub(began.elapsed()));
                    return;
                }
                Ok(_) => {}
                // Nothing more is to be heard.
                Err(_) => self.events = None,
            }
        }
        std::thread::sleep(at_most.saturating_sub(began.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use sockscope_model::{ErrorKind, Heard, SocketKey, SourceError, Timestamp};

    use super::*;

    #[test]
    fn the_dearer_a_look_the_longer_the_pause() {
        for (look, pause) in [(0, 10_000), (100, 10_000), (1_000, 20_000), (20_000, 400_000), (60_000_000, 1_000_000)] {
            assert_eq!(pause_after(Duration::from_micros(look)), Duration::from_micros(pause));
        }
    }

    /// Tells at once what it was given, one after another.
    struct Told(std::vec::IntoIter<(EventKind, u64, Heard)>);

    impl Events for Told {
        fn name(&self) -> &'static str {
            "told"
        }

        fn kinds(&self) -> &'static [EventKind] {
            &[EventKind::Opened, EventKind::Closed]
        }

        fn wait(&mut self, _at_most: Duration, events: &mut Vec<Event>) -> Result<Heard, SourceError> {
            let (kind, cookie, heard) = self.0.next().ok_or_else(|| SourceError {
                kind: ErrorKind::Failed,
                operation: "hear".into(),
                object: "events".into(),
                cause: "it is over".into(),
                help: None,
            })?;
            let socket = Box::new(socket(cookie));
            events.push(Event { at: Timestamp::from_micros(0), kind, socket, processes: Vec::new() });
            Ok(heard)
        }
    }

    fn socket(cookie: u64) -> Socket {
        let local = std::net::SocketAddr::from(([127, 0, 0, 1], 80));
        Socket::new(SocketKey { protocol: Protocol::Tcp, local, remote: None, tag: Tag::Cookie(cookie) })
    }

    #[test]
    fn an_event_that_matters_ends_a_pause() {
        // If it waited so long, nobody would wait for the test.
        let forever = Duration::from_secs(1 << 30);
        let nothing = Heard::default();
        let watched = HashSet::from([identity(&socket(7))]);
        let told = vec![
            (EventKind::Closed, 7, nothing),
            (EventKind::Closed, 8, nothing),
            (EventKind::Opened, 9, nothing),
            (EventKind::Closed, 8, Heard { lost: 1, ..nothing }),
            (EventKind::Closed, 8, nothing),
        ];
        let mut pauses = Pauses { events: Some(Box::new(Told(told.into_iter()))) };
        for left in ["closed", "opened", "lost"] {
            pauses.pause(Duration::ZERO, forever, &watched);
            assert!(pauses.events.is_some(), "{left}");
        }
        let began = Instant::now();
        pauses.pause(Duration::ZERO, Duration::from_millis(20), &watched);
        assert!(
            pauses.events.is_none() && began.elapsed() >= Duration::from_millis(20),
            "the end of events is no event"
        );
    }
}
