use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use sockscope_model::{Event, Events, Frame, Heard, IpDatabase, Place, Request, Source, SourceError};

use crate::diff::Pairs;
use crate::places::Locator;
use crate::rates::rates;
use crate::resolver::Resolver;

/// What a [`Monitor`] watches, and how.
pub struct MonitorOptions {
    /// What the source is asked at each look.
    pub request: Request,
    /// From the beginning of one look to that of the next; more where a look takes long, so that looking never takes more than
    /// a fifth of the time.
    pub interval: Duration,
    /// Who tells of sockets the moment it happens, if anybody.
    pub events: Option<Box<dyn Events>>,
    /// Opens the IP databases, in a thread of its own; `None`: nobody asks where peers are.
    pub places: Option<Box<dyn FnOnce() -> Locator + Send>>,
    /// Finds out the names of peers; `None`: nobody asks.
    pub names: Option<Resolver>,
    /// Whether the first look leaves out the details of processes, so that it is there at once; the second follows immediately.
    pub hurry: bool,
}

impl MonitorOptions {
    /// Looks at everything every second.
    pub fn new(request: Request) -> MonitorOptions {
        MonitorOptions {
            request,
            interval: Duration::from_secs(1),
            events: None,
            places: None,
            names: None,
            hurry: false,
        }
    }
}

/// What a view tells a [`Monitor`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Command {
    /// Look now.
    Refresh,
    /// Look this often from now on.
    Interval(Duration),
    /// Do not look until it is told to go on (false) or to refresh.
    Pause(bool),
    /// Ask for this from now on.
    Request(Box<Request>),
    /// End.
    Stop,
}

/// What a [`Monitor`] tells a view.
#[derive(Debug)]
#[non_exhaustive]
pub enum Update {
    /// It has looked.
    Frame(Beat),
    /// More is known about the frame that was told last: the same sockets, with more places or names.
    Enriched(Arc<Frame>),
    /// What happened meanwhile, and whether some of it was lost.
    Events(Vec<Event>, Heard),
    /// Nothing more is to be heard of events.
    EventsEnded(SourceError),
    /// A look failed; the next is tried all the same.
    Failed(SourceError),
}

/// One look, and what it was like before.
#[derive(Debug, Clone)]
pub struct Beat {
    /// What there is.
    pub frame: Arc<Frame>,
    /// The look before.
    pub before: Option<Arc<Frame>>,
    /// Which sockets of the look before are which now. Empty at the first look.
    pub pairs: Arc<Pairs>,
    /// How often it looks: the interval that was asked for, or more where a look takes long.
    pub interval: Duration,
    /// How long this look took.
    pub pass: Duration,
}

/// One thread that owns a source, looks again and again, and tells a view what it saw.
///
/// Looks wait for a view that does not keep up, so that what is waiting does not grow; events that it does not take are
/// counted as lost.
#[derive(Debug)]
pub struct Monitor {
    updates: Receiver<Signal>,
    inbox: Sender<Message>,
    /// As long as it is there, events are listened for.
    events: Arc<Mutex<Backlog>>,
    /// What is told next, since the events that came before it were told first.
    next: RefCell<Option<Update>>,
}

/// What comes through the channel; events wait beside it, so that they are never behind a look that began after them.
enum Signal {
    Update(Update),
    Events,
}

/// Events that the view has not taken yet.
#[derive(Debug, Default)]
struct Backlog {
    events: Vec<Event>,
    heard: Heard,
    /// How often there was nothing to be heard; `None`: nobody listens.
    silences: Option<u64>,
    /// Why nothing more is to be heard.
    ended: Option<SourceError>,
    /// There are no more looks.
    stopped: bool,
}

impl Backlog {
    fn has_events(&self) -> bool {
        !self.events.is_empty() || self.heard != Heard::default()
    }

    fn has_news(&self) -> bool {
        self.has_events() || self.ended.is_some()
    }
}

fn update_of(signal: Signal) -> Option<Update> {
    match signal {
        Signal::Update(update) => Some(update),
        Signal::Events => None,
    }
}

/// Beats that wait for a view to take them.
const WAITING: usize = 2;

/// Of the time, looking takes at most one in so many parts.
const SHARE: u32 = 5;

/// It looks once in this time at least, since no clock counts for ever.
const LONGEST: Duration = Duration::from_secs(1 << 30);

/// If nothing happens for so long, there is nothing to hear.
const SILENCE: Duration = Duration::from_millis(100);

/// Events that wait for a view; some 400 bytes each.
const BACKLOG: usize = 200_000;

enum Message {
    Command(Command),
    /// What the databases that were opened so many times say.
    Places(u64, Vec<IpDatabase>, Vec<(IpAddr, Option<Arc<[Place]>>)>),
    /// Ask these databases instead.
    OpenPlaces(Box<dyn FnOnce() -> Locator + Send>),
    /// The resolver knows more.
    Names,
}

impl Monitor {
    /// Begins to look.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn start(source: Box<dyn Source + Send>, options: MonitorOptions) -> io::Result<Monitor> {
        let (sender, updates) = mpsc::sync_channel(WAITING);
        let (inbox, messages) = mpsc::channel();
        let MonitorOptions { request, interval, events, places, names, hurry } = options;
        let silences = events.as_ref().map(|_| 0);
        let backlog = Arc::new(Mutex::new(Backlog { silences, ..Backlog::default() }));
        if let Some(events) = events {
            let (sender, backlog) = (sender.clone(), Arc::downgrade(&backlog));
            thread::Builder::new().name("events".into()).spawn(move || listen(events, &sender, &backlog))?;
        }
        let places = match places {
            Some(open) => {
                let (ask, asked) = mpsc::channel();
                let answers = inbox.clone();
                thread::Builder::new().name("places".into()).spawn(move || locate(open(), &asked, &answers))?;
                Some(ask)
            }
            None => None,
        };
        let names = names.map(Arc::new);
        if let Some(names) = &names {
            let (names, answers) = (Arc::clone(names), inbox.clone());
            thread::Builder::new().name("answers".into()).spawn(move || pass_on(&names, &answers))?;
        }
        let looker = Looker {
            source,
            request,
            interval,
            hurry,
            paused: false,
            last: None,
            places: Places { ask: places, ..Places::default() },
            names,
            updates: sender,
            messages,
            backlog: Arc::clone(&backlog),
        };
        thread::Builder::new().name("monitor".into()).spawn(move || looker.run())?;
        Ok(Monitor { updates, inbox, events: backlog, next: RefCell::default() })
    }

    /// What it has to tell, after waiting that long at most; `None`: nothing so far. Events come before looks that began after
    /// them.
    ///
    /// # Errors
    /// All is told that there will ever be.
    pub fn next(&self, at_most: Duration) -> Result<Option<Update>, MonitorEnded> {
        if let Some(update) = self.next.take() {
            return Ok(Some(update));
        }
        // What came through the channel is taken first and told last: of events that never cease, no look would ever be told.
        let mut waiting = self.updates.try_iter().find_map(update_of);
        if waiting.is_none() && !lock(&self.events).has_news() {
            match self.updates.recv_timeout(at_most) {
                Ok(signal) => waiting = update_of(signal),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if lock(&self.events).has_news() => {}
                Err(RecvTimeoutError::Disconnected) => return Err(MonitorEnded),
            }
        }
        match (self.take_events(), waiting) {
            (Some(events), waiting) => {
                self.next.replace(waiting);
                Ok(Some(events))
            }
            (None, Some(update)) => Ok(Some(update)),
            // Whoever hears events keeps the channel open.
            (None, None) if lock(&self.events).stopped => match self.updates.try_iter().find_map(update_of) {
                Some(update) => Ok(Some(update)),
                None => Err(MonitorEnded),
            },
            (None, None) => Ok(None),
        }
    }

    fn take_events(&self) -> Option<Update> {
        let mut backlog = lock(&self.events);
        if backlog.has_events() {
            let heard = std::mem::take(&mut backlog.heard);
            return Some(Update::Events(std::mem::take(&mut backlog.events), heard));
        }
        backlog.ended.take().map(Update::EventsEnded)
    }

    /// How often whoever hears events had nothing to hear so far; `None`: nobody listens. Once it has grown by two (the
    /// first silence may have begun before), all that happened before has been told or is told next. Where events never cease, it
    /// does not grow.
    pub fn silences(&self) -> Option<u64> {
        lock(&self.events).silences
    }

    /// Tells it something. A monitor that ended does not mind.
    pub fn command(&self, command: Command) {
        let _ = self.inbox.send(Message::Command(command));
    }

    /// Who can tell it things, from any thread.
    pub fn commander(&self) -> Commander {
        Commander(self.inbox.clone())
    }
}

/// Nobody waits for its threads: one may be in the middle of a look.
impl Drop for Monitor {
    fn drop(&mut self) {
        self.command(Command::Stop);
    }
}

/// Tells a [`Monitor`] what to do.
#[derive(Debug, Clone)]
pub struct Commander(Sender<Message>);

impl Commander {
    /// Asks other IP databases from now on, of every address that is there. A monitor without any stays without.
    pub fn places(&self, open: Box<dyn FnOnce() -> Locator + Send>) {
        let _ = self.0.send(Message::OpenPlaces(open));
    }

    /// As [`Monitor::command`].
    pub fn command(&self, command: Command) {
        let _ = self.0.send(Message::Command(command));
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Message::Command(command) => command.fmt(f),
            Message::Places(_, _, places) => write!(f, "Places({})", places.len()),
            Message::OpenPlaces(_) => f.write_str("OpenPlaces"),
            Message::Names => f.write_str("Names"),
        }
    }
}

/// The thread that owns the source.
struct Looker {
    source: Box<dyn Source + Send>,
    request: Request,
    interval: Duration,
    hurry: bool,
    paused: bool,
    /// The frame that was told last, and when its look began.
    last: Option<(Arc<Frame>, Instant)>,
    places: Places,
    names: Option<Arc<Resolver>>,
    updates: SyncSender<Signal>,
    messages: Receiver<Message>,
    backlog: Arc<Mutex<Backlog>>,
}

/// The view is gone, or wants no more.
struct Ended;

/// However it ends, a panic of the source included: nobody waits for another look.
impl Drop for Looker {
    fn drop(&mut self) {
        lock(&self.backlog).stopped = true;
        // With the channel full, the view has enough to wake for.
        let _ = self.updates.try_send(Signal::Events);
    }
}

impl Looker {
    fn run(mut self) {
        let mut due = Instant::now();
        loop {
            let outcome = self.wait(&mut due).and_then(|()| {
                let began = Instant::now();
                let pass = self.look(began)?;
                // The second look has what the first left out.
                let pause = if std::mem::take(&mut self.hurry) { Duration::ZERO } else { self.pause(pass) };
                due = began + pause;
                Ok(())
            });
            if outcome.is_err() {
                return;
            }
        }
    }

    /// From the beginning of a look that took `pass` to the next.
    fn pause(&self, pass: Duration) -> Duration {
        self.interval.max(pass.saturating_mul(SHARE)).min(LONGEST)
    }

    /// Until it is time to look.
    fn wait(&mut self, due: &mut Instant) -> Result<(), Ended> {
        loop {
            let message = if self.paused {
                self.messages.recv().map_err(|_| Ended)?
            } else {
                match self.messages.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    Ok(message) => message,
                    Err(RecvTimeoutError::Timeout) => return Ok(()),
                    Err(RecvTimeoutError::Disconnected) => return Err(Ended),
                }
            };
            match message {
                Message::Command(Command::Stop) => return Err(Ended),
                Message::Command(Command::Refresh) => return Ok(()),
                Message::Command(Command::Pause(paused)) => self.paused = paused,
                Message::Command(Command::Interval(interval)) => {
                    self.interval = interval;
                    *due = (*due).min(Instant::now() + self.pause(Duration::ZERO));
                }
                Message::Command(Command::Request(request)) => {
                    self.request = *request;
                    return Ok(());
                }
                Message::Places(opened, databases, places) => {
                    if self.places.add(opened, databases, places) {
                        self.enrich()?;
                    }
                }
                Message::OpenPlaces(open) => {
                    self.places.open(open);
                    if let Some((frame, _)) = &self.last {
                        self.places.ask_for(frame);
                    }
                }
                Message::Names => self.enrich()?,
            }
        }
    }

    /// Looks, tells what it saw, and how long it took.
    fn look(&mut self, began: Instant) -> Result<Duration, Ended> {
        let outcome = if self.hurry {
            self.source.snapshot(&Request { process_details: false, cgroups: false, ..self.request.clone() })
        } else {
            self.source.snapshot(&self.request)
        };
        let snapshot = match outcome {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.tell(Update::Failed(error))?;
                return Ok(began.elapsed());
            }
        };
        let mut frame = Frame::new(snapshot);
        let mut pairs = Pairs::default();
        if let Some((before, then)) = &self.last {
            pairs = Pairs::new(&before.snapshot, &frame.snapshot);
            if self.request.traffic {
                frame.rates = Arc::new(rates(&before.snapshot, &frame.snapshot, &pairs, began.duration_since(*then)));
            }
        }
        self.places.ask_for(&frame);
        if let Some(names) = &self.names {
            names.ask_for(&frame, 0..frame.snapshot.sockets.len());
        }
        self.fill(&mut frame);
        let frame = Arc::new(frame);
        let before = self.last.replace((Arc::clone(&frame), began)).map(|(before, _)| before);
        let pass = began.elapsed();
        let interval = self.pause(pass);
        self.tell(Update::Frame(Beat { frame, before, pairs: Arc::new(pairs), interval, pass }))?;
        Ok(pass)
    }

    /// The last frame again, with what is known by now.
    fn enrich(&mut self) -> Result<(), Ended> {
        let Some((frame, began)) = self.last.take() else { return Ok(()) };
        let mut enriched = Frame::clone(&frame);
        self.fill(&mut enriched);
        let frame = Arc::new(enriched);
        self.last = Some((Arc::clone(&frame), began));
        self.tell(Update::Enriched(frame))
    }

    /// Adds what is known by now.
    fn fill(&self, frame: &mut Frame) {
        self.places.fill(frame);
        if let Some(names) = &self.names {
            names.fill(frame, 0..frame.snapshot.sockets.len());
        }
    }

    fn tell(&self, update: Update) -> Result<(), Ended> {
        self.updates.send(Signal::Update(update)).map_err(|_| Ended)
    }
}

/// Where peers are, as far as it is known; a thread of its own finds it out.
#[derive(Default)]
struct Places {
    ask: Option<Sender<Asked>>,
    /// How often other databases were opened.
    opened: u64,
    /// Of which of these what is known is.
    known_of: u64,
    /// Addresses whose answer is there or under way.
    asked: HashSet<IpAddr, RandomState>,
    known: Arc<HashMap<IpAddr, Arc<[Place]>, RandomState>>,
    databases: Vec<IpDatabase>,
}

/// What the thread that knows the databases is asked.
enum Asked {
    Addresses(Vec<IpAddr>),
    Open(Box<dyn FnOnce() -> Locator + Send>),
}

impl Places {
    /// Asks other databases from now on. What the former say is shown until these have said something.
    fn open(&mut self, open: Box<dyn FnOnce() -> Locator + Send>) {
        self.opened += 1;
        self.asked.clear();
        if self.ask.as_ref().is_some_and(|ask| ask.send(Asked::Open(open)).is_err()) {
            self.ask = None;
        }
    }

    fn ask_for(&mut self, frame: &Frame) {
        let Some(ask) = &self.ask else { return };
        let peers = || frame.snapshot.sockets.iter().filter_map(|socket| Some(socket.key.remote?.ip()));
        // Peers come and go: what was known of those that are gone is forgotten when it is most of what is known.
        if self.asked.len() > 4096 && self.asked.len() / 2 > frame.snapshot.sockets.len() {
            let living: HashSet<IpAddr, RandomState> = peers().collect();
            self.asked.retain(|address| living.contains(address));
            Arc::make_mut(&mut self.known).retain(|address, _| living.contains(address));
        }
        let mut wanted = Vec::new();
        for address in peers() {
            if self.asked.insert(address) {
                wanted.push(address);
            }
        }
        if !wanted.is_empty() && ask.send(Asked::Addresses(wanted)).is_err() {
            self.ask = None;
        }
    }

    /// Adds answers; false: those of databases that are not asked any more are no news.
    fn add(&mut self, opened: u64, databases: Vec<IpDatabase>, places: Vec<(IpAddr, Option<Arc<[Place]>>)>) -> bool {
        if opened != self.opened {
            return false;
        }
        if self.known_of != opened {
            self.known_of = opened;
            self.known = Arc::default();
        }
        self.databases = databases;
        let known = Arc::make_mut(&mut self.known);
        known.extend(places.into_iter().filter_map(|(address, places)| Some((address, places?))));
        true
    }

    fn fill(&self, frame: &mut Frame) {
        frame.places = Arc::clone(&self.known);
        frame.databases.clone_from(&self.databases);
    }
}

/// Looks up what it is asked, until nobody asks any more.
fn locate(mut locator: Locator, asked: &Receiver<Asked>, answers: &Sender<Message>) {
    let mut opened = 0;
    while let Ok(asked) = asked.recv() {
        let addresses = match asked {
            Asked::Addresses(addresses) => addresses,
            Asked::Open(open) => {
                locator = open();
                opened += 1;
                // Nobody may have a peer, and which databases there are is news all the same.
                Vec::new()
            }
        };
        let found = addresses.into_iter().map(|address| (address, locator.places(address))).collect();
        if answers.send(Message::Places(opened, locator.databases(), found)).is_err() {
            return;
        }
    }
}

/// Says when there are new names, some at a time, as long as anybody else has the resolver.
fn pass_on(names: &Arc<Resolver>, answers: &Sender<Message>) {
    while Arc::strong_count(names) > 1 {
        if !names.answers(Duration::from_secs(1)).is_empty() {
            if answers.send(Message::Names).is_err() {
                return;
            }
            // Of a thousand answers, each is not worth a new frame.
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Puts aside what happens and wakes the view, until that is gone or nothing more is to be heard.
fn listen(mut events: Box<dyn Events>, updates: &SyncSender<Signal>, backlog: &Weak<Mutex<Backlog>>) {
    let mut batch = Vec::new();
    loop {
        let outcome = events.wait(SILENCE, &mut batch);
        let has_heard = !batch.is_empty() || !matches!(outcome, Ok(heard) if heard == Heard::default());
        let Some(backlog) = backlog.upgrade() else { return };
        let ended = {
            let mut backlog = lock(&backlog);
            if backlog.stopped {
                return;
            }
            let room = BACKLOG.saturating_sub(backlog.events.len());
            backlog.heard.lost += batch.len().saturating_sub(room) as u64;
            batch.truncate(room);
            backlog.events.append(&mut batch);
            match outcome {
                Ok(heard) => {
                    backlog.heard += heard;
                    if !has_heard {
                        backlog.silences = backlog.silences.map(|silences| silences + 1);
                    }
                    if !backlog.has_events() {
                        continue;
                    }
                    false
                }
                Err(error) => {
                    backlog.silences = None;
                    backlog.ended = Some(error);
                    true
                }
            }
        };
        match updates.try_send(Signal::Events) {
            // With the channel full, the view has enough to wake for, and looks for events first.
            Ok(()) | Err(TrySendError::Full(_)) if !ended => {}
            _ => return,
        }
    }
}

/// A view that panicked leaves a backlog that is as good as any.
fn lock(backlog: &Mutex<Backlog>) -> MutexGuard<'_, Backlog> {
    backlog.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The monitor ended: it was told to, or could not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the monitor has ended")]
pub struct MonitorEnded;

#[cfg(test)]
mod tests;
