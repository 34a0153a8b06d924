use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockscope::Locator;
use sockscope_core::{Beat, Chronicle, Command, Missed, Monitor, MonitorOptions, Update};
use sockscope_model::{EventKind, Frame, Occurrence, Protocol, Row, Socket};
use sockscope_output::{ChangeOptions, change_day, change_json, change_line, change_title};

use crate::args::WatchArgs;
use crate::exit::{Exit, Failure, complain, complain_notice};
use crate::selection::Selection;
use crate::terminal::{self, Terminal};
use ending::{Ending, PATIENCE};
use sockscope_sys as sys;

/// How it ends.
mod ending;

/// How soon Ctrl-C, or a reader that is gone, is noticed.
const ATTENTIVE: Duration = Duration::from_millis(100);

/// So often a watch that was told to end hears what is new, where that never ceases: more than the system keeps for it.
const MOST_BATCHES: u32 = 16;

/// `sockscope watch`.
pub(crate) fn run(args: &WatchArgs) -> Result<Exit, Failure> {
    let mut selection = Selection::new(&args.sockets)?;
    let events = if args.hears { Some(selection.events()) } else { None };
    let hears = matches!(events, Some(Ok(_)));
    selection.watch(hears);
    selection.request.process_details |= args.json || cfg!(windows);
    selection.request.cgroups |= args.json;
    selection.places = true;
    let locator = match selection.open_databases()? {
        Some(databases) => {
            databases.notices.iter().for_each(complain_notice);
            Some(Locator::new(databases.atlas))
        }
        None => None,
    };
    let ending = Ending::obeyed()?;
    let source = Box::new(selection.source()?);
    let mut options = MonitorOptions { interval: args.interval, ..MonitorOptions::new(selection.request.clone()) };
    options.names = (args.sockets.resolve == Some(true)).then(sockscope::resolver);
    match events {
        Some(Ok(events)) => options.events = Some(events),
        Some(Err(error)) => complain(&format!(
            "notice: {error}; what opens and closes between two looks is missed, and estimated at the end"
        )),
        None => {}
    }
    let monitor = Monitor::start(source, options)
        .map_err(|error| Failure::System(format!("can't start a thread to watch with: {error}")))?;
    let width = Terminal::of_stdout().width_or(args.width).filter(|_| args.width.is_some());
    let colour = Terminal::of_stdout().colour(args.colour);
    let watch = Watch {
        args,
        style: ChangeOptions { colour, width, places: locator.is_some() },
        all_tcp: selection.wants_all_tcp(),
        selection,
        locator,
        chronicle: Chronicle::new(hears),
        ending,
        connections: 0,
        lines: 0,
        day: None,
        pass: Duration::ZERO,
        failed: None,
    };
    watch.run(&monitor)
}

struct Watch<'a> {
    args: &'a WatchArgs,
    style: ChangeOptions,
    selection: Selection,
    /// Whether every TCP connection is meant.
    all_tcp: bool,
    locator: Option<Locator>,
    chronicle: Chronicle,
    ending: Arc<Ending>,
    /// Connections that were seen to begin and are meant.
    connections: u64,
    lines: u64,
    /// Of the line before.
    day: Option<String>,
    /// How long a look takes.
    pass: Duration,
    /// What a look failed with, so that it is not said again at every look.
    failed: Option<String>,
}

impl Watch<'_> {
    fn run(mut self, monitor: &Monitor) -> Result<Exit, Failure> {
        self.first_look(monitor)?;
        loop {
            if self.ending.is_wanted() {
                self.last_look(monitor)?;
                break;
            }
            match monitor.next(ATTENTIVE) {
                Ok(Some(update)) => self.update(update)?,
                Ok(None) if sys::output_is_closed() => return Ok(Exit::Done),
                Ok(None) => {}
                // Nobody told it to.
                Err(error) => return Err(Failure::System(format!("can't watch any longer: {error}"))),
            }
            if self.is_full() {
                break;
            }
        }
        self.ending.finish();
        self.ending.end_as_told();
        Ok(Exit::Done)
    }

    /// What is there already.
    fn first_look(&mut self, monitor: &Monitor) -> Result<(), Failure> {
        while !self.ending.is_wanted() {
            match monitor.next(ATTENTIVE) {
                Ok(Some(Update::Frame(beat))) => {
                    let story = self.chronicle.look(&beat);
                    self.pass = beat.pass;
                    self.begin(&beat)?;
                    // What ended since it began.
                    return self.tell(story);
                }
                Ok(Some(Update::Failed(error))) => return Err(error.into()),
                Ok(Some(update)) => self.update(update)?,
                Ok(None) => {}
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn begin(&mut self, beat: &Beat) -> Result<(), Failure> {
        let snapshot = &beat.frame.snapshot;
        snapshot.notices.iter().chain(&self.selection.unknown(snapshot)).for_each(complain_notice);
        if std::io::stderr().is_terminal() {
            let count = snapshot.sockets.len();
            complain(&format!("watching {count} socket{}; Ctrl-C ends", if count == 1 { "" } else { "s" }));
        }
        if self.args.header && !self.args.json {
            let mut out = terminal::stdout();
            // Lines may run on; that their titles do helps nobody.
            let style = ChangeOptions { width: self.style.width.or(Terminal::of_stdout().width()), ..self.style };
            writeln!(out, "{}", change_title(&style)).and_then(|()| out.flush()).map_err(Failure::Output)?;
        }
        self.tally();
        Ok(())
    }

    /// What happened before the end was wanted.
    fn last_look(&mut self, monitor: &Monitor) -> Result<(), Failure> {
        let mut deadline = Instant::now() + PATIENCE + self.pass.saturating_mul(4);
        let silences = monitor.silences();
        let all_is_heard = || {
            let are_two_more = |before| monitor.silences().is_none_or(|now| now >= before + 2);
            silences.is_none_or(are_two_more)
        };
        monitor.command(Command::Refresh);
        // A look may be under way, which began before the end was wanted; and what was heard may still wait to be told.
        let (mut looks, mut batches) = (0, 0);
        while Instant::now() < deadline && !self.is_full() {
            let is_over = looks >= 2 && (batches > MOST_BATCHES || all_is_heard());
            match monitor.next(if is_over { Duration::ZERO } else { ATTENTIVE / 4 }) {
                Ok(Some(update)) => {
                    let is_look = matches!(update, Update::Frame(_));
                    looks += u32::from(is_look);
                    batches += u32::from(matches!(update, Update::Events(..)));
                    let began = Instant::now();
                    self.update(update)?;
                    // Telling much takes its time, which is none of waiting.
                    deadline += began.elapsed();
                    if is_look && looks == 1 {
                        monitor.command(Command::Refresh);
                    }
                }
                Ok(None) if is_over => break,
                Ok(None) => {}
                Err(_) => break,
            }
            if is_over && batches > MOST_BATCHES {
                break;
            }
        }
        let rest = self.chronicle.finish();
        self.tell(rest)
    }

    fn update(&mut self, update: Update) -> Result<(), Failure> {
        self.ending.goes_on();
        match update {
            Update::Frame(beat) => {
                self.failed = None;
                self.pass = beat.pass;
                let story = self.chronicle.look(&beat);
                self.tell(story)
            }
            Update::Events(events, heard) => {
                let story = self.chronicle.events(events, heard);
                self.tell(story)
            }
            Update::EventsEnded(error) => {
                self.chronicle.hears_no_more();
                complain(&format!("notice: {error}; from now on only looks tell"));
                Ok(())
            }
            Update::Failed(error) => {
                let message = error.to_string();
                if self.failed.as_ref() != Some(&message) {
                    complain(&format!("{message}; trying again"));
                    self.failed = Some(message);
                }
                Ok(())
            }
            Update::Enriched(frame) => {
                self.chronicle.enriched(&frame);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_full(&self) -> bool {
        self.args.count.is_some_and(|count| self.lines >= count)
    }

    fn tell(&mut self, mut story: Vec<Occurrence>) -> Result<(), Failure> {
        if let Some(locator) = &mut self.locator {
            locate(locator, &mut story);
        }
        let mut out = terminal::stdout();
        let (mut opened, mut closed) = (0, 0);
        for occurrence in story {
            if !self.is_meant(&occurrence) {
                continue;
            }
            opened += u64::from(occurrence.kind == EventKind::Opened);
            closed += u64::from(occurrence.kind == EventKind::Closed);
            let socket = &occurrence.socket;
            let connects = socket.key.protocol == Protocol::Tcp && socket.key.remote.is_some();
            self.connections += u64::from(connects && occurrence.kind == EventKind::Opened);
            if !self.args.kinds.contains(&occurrence.kind) || self.is_full() {
                continue;
            }
            self.lines += 1;
            self.ending.goes_on();
            self.line(&mut out, &occurrence).map_err(Failure::Output)?;
        }
        self.ending.count(opened, closed);
        self.tally();
        out.flush().map_err(Failure::Output)
    }

    fn line(&mut self, out: &mut dyn Write, occurrence: &Occurrence) -> std::io::Result<()> {
        if self.args.json {
            return change_json(out, occurrence);
        }
        // Lines have the time of day: a new day is said once.
        let day = change_day(occurrence);
        if let (true, Some(before), Some(day)) = (self.args.header, &self.day, &day)
            && before != day
        {
            writeln!(out, "-- {day}")?;
        }
        self.day = day;
        writeln!(out, "{}", change_line(occurrence, &self.style))
    }

    /// Whether the socket is meant, as it is or as it was.
    fn is_meant(&self, occurrence: &Occurrence) -> bool {
        if self.selection.matches(&occurrence.row()) {
            return true;
        }
        occurrence.before.is_some_and(|before| {
            let socket = Socket { state: Some(before), ..Socket::clone(&occurrence.socket) };
            self.selection.matches(&Row { frame: &occurrence.frame, socket: &socket })
        })
    }

    /// What the end will say, should it come now.
    fn tally(&self) {
        let share = (!self.all_tcp).then_some(self.connections);
        let mut missed = self.chronicle.missed(share);
        if missed.tcp_only && !self.selection.wants_tcp() {
            missed.count = None;
        }
        self.ending.miss(missed_words(missed, self.selection.wants_udp()));
    }
}

fn missed_words(missed: Missed, udp: bool) -> String {
    let Some(count) = missed.count else {
        return "an unknown number missed".to_owned();
    };
    let mut remarks = Vec::new();
    if missed.estimated {
        remarks.push("estimated");
    }
    if missed.tcp_only && udp {
        remarks.push("of TCP; nobody counts UDP");
    }
    let remarks = if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join("; ")) };
    format!("{count} missed{remarks}")
}

/// Looks up where the peers are. Occurrences of one look share a frame before and after.
fn locate(locator: &mut Locator, story: &mut [Occurrence]) {
    let mut frames: HashMap<*const Frame, Frame> = HashMap::new();
    for occurrence in story.iter() {
        let Some(remote) = occurrence.socket.key.remote else { continue };
        let original = &occurrence.frame;
        let frame = frames.entry(Arc::as_ptr(original)).or_insert_with(|| Frame {
            places: Arc::default(),
            rates: Arc::default(),
            databases: locator.databases(),
            ..Frame::clone(original)
        });
        if !frame.places.contains_key(&remote.ip())
            && let Some(places) = locator.places(remote.ip())
        {
            Arc::make_mut(&mut frame.places).insert(remote.ip(), places);
        }
    }
    let frames: HashMap<*const Frame, Arc<Frame>> =
        frames.into_iter().map(|(original, frame)| (original, Arc::new(frame))).collect();
    for occurrence in story {
        if let Some(frame) = frames.get(&Arc::as_ptr(&occurrence.frame)) {
            occurrence.frame = Arc::clone(frame);
        }
    }
}
