use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use sockscope_model::{Frame, HostName};

/// How many look-ups are under way at most: each may block for many seconds.
const THREADS: usize = 16;
/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(30);
/// How many addresses wait; the oldest are forgotten, and asked again when somebody asks again.
const WAITING: usize = 1 << 16;
/// How many answers are kept.
const KEPT: usize = 1 << 16;
/// How long it is believed that an address has a name, or none.
const BELIEVED: Duration = Duration::from_secs(600);
/// How soon a name service that failed is asked again.
const FORGIVEN: Duration = Duration::from_secs(60);

/// Finds out the names of addresses, by threads of its own, so that a name service that never answers delays nobody.
///
/// Each address is asked once, and its answer kept: for ten minutes, for one where the name service failed. What was asked last is
/// looked up first. Dropping it waits for nobody: a thread that is blocked ends when it is not any more.
pub struct Resolver {
    shared: Arc<Shared>,
}

struct Shared {
    /// Names that need no look-up.
    known: HashMap<IpAddr, Arc<str>, RandomState>,
    look_up: Box<dyn Fn(IpAddr) -> HostName + Send + Sync>,
    state: Mutex<State>,
    /// There is work, or no more of it ever.
    work: Condvar,
    /// There is an answer.
    answered: Condvar,
}

#[derive(Default)]
struct State {
    answers: HashMap<IpAddr, (HostName, Instant), RandomState>,
    /// Addresses whose answers nobody took yet, in the order in which they came.
    news: VecDeque<IpAddr>,
    waiting: VecDeque<IpAddr>,
    /// Addresses that wait or are being looked up.
    asked: HashSet<IpAddr, RandomState>,
    threads: usize,
    idle: usize,
    ended: bool,
}

impl Resolver {
    /// `known` has names that are there at once (see [`parse_hosts`]); `look_up` asks for the others, from several threads, and may
    /// block as long as it likes.
    pub fn new(
        known: HashMap<IpAddr, Arc<str>, RandomState>,
        look_up: impl Fn(IpAddr) -> HostName + Send + Sync + 'static,
    ) -> Resolver {
        Resolver {
            shared: Arc::new(Shared {
                known,
                look_up: Box::new(look_up),
                state: Mutex::default(),
                work: Condvar::new(),
                answered: Condvar::new(),
            }),
        }
    }

    /// Asks for the names of these addresses, if they are not known or under way. Never blocks.
    ///
    /// Nobody is asked for the unspecified address, loopback and multicast: their numbers say more than any name.
    pub fn ask(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        let mut state = self.shared.lock();
        let now = Instant::now();
        let mut new = Vec::new();
        for address in addresses {
            if !is_named(address) || state.asked.contains(&address) || state.is_fresh(address, now) {
                continue;
            }
            match self.shared.known.get(&address.to_canonical()) {
                Some(name) => state.keep(address, HostName::Known(Arc::clone(name)), now),
                None => {
                    state.asked.insert(address);
                    new.push(address);
                }
            }
        }
        new.into_iter().rev().for_each(|address| state.waiting.push_front(address));
        while state.waiting.len() > WAITING {
            if let Some(oldest) = state.waiting.pop_back() {
                state.asked.remove(&oldest);
            }
        }
        if !state.news.is_empty() {
            self.shared.answered.notify_all();
        }
        self.start_threads(state);
    }

    fn start_threads(&self, mut state: MutexGuard<'_, State>) {
        let wanted = state.waiting.len().saturating_sub(state.idle).min(THREADS - state.threads.min(THREADS));
        for _ in 0..wanted {
            let shared = Arc::clone(&self.shared);
            match thread::Builder::new().name("names".into()).spawn(move || shared.work()) {
                Ok(_) => state.threads += 1,
                Err(_) => break,
            }
        }
        if state.threads == 0 && !state.waiting.is_empty() {
            // Nobody will ever ask.
            let now = Instant::now();
            while let Some(address) = state.waiting.pop_front() {
                state.asked.remove(&address);
                state.keep(address, HostName::Failed, now);
            }
            self.shared.answered.notify_all();
        }
        drop(state);
        self.shared.work.notify_all();
    }

    /// What is known of the name of an address: nothing but [`HostName::Pending`] where nobody asked. An old answer is given until
    /// there is a newer one.
    pub fn name(&self, address: IpAddr) -> HostName {
        self.shared.lock().name(address)
    }

    /// Answers that came since the last call; without any, waits for one, at most that long.
    pub fn answers(&self, at_most: Duration) -> Vec<(IpAddr, HostName)> {
        let until = Instant::now().checked_add(at_most);
        let mut state = self.shared.wait(until, |state| !state.news.is_empty());
        let news = std::mem::take(&mut state.news);
        news.into_iter().map(|address| (address, state.name(address))).collect()
    }

    /// Waits until everything that was asked is answered; false if it is not until then.
    pub fn wait(&self, until: Instant) -> bool {
        self.shared.wait(Some(until), |state| state.asked.is_empty()).asked.is_empty()
    }

    /// Asks for the peers of these rows.
    pub fn ask_for(&self, frame: &Frame, rows: impl IntoIterator<Item = usize>) {
        self.ask(peers(frame, rows));
    }

    /// Adds to the frame what is known of the names of the peers of these rows.
    pub fn fill(&self, frame: &mut Frame, rows: impl IntoIterator<Item = usize>) {
        let names: Vec<(IpAddr, HostName)> = {
            let state = self.shared.lock();
            let named = peers(frame, rows).filter(|address| is_named(*address));
            named.map(|address| (address, state.name(address))).collect()
        };
        Arc::make_mut(&mut frame.names).extend(names);
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        state.waiting.clear();
        drop(state);
        self.shared.work.notify_all();
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("Resolver")
            .field("answers", &state.answers.len())
            .field("waiting", &state.waiting.len())
            .field("threads", &state.threads)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is so, or until then.
    fn wait(&self, until: Option<Instant>, is_so: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while !is_so(&state) {
            state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => break,
                Some(left) => self.answered.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.answered.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state
    }

    /// What each thread does.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            while state.waiting.is_empty() && !state.ended {
                state.idle += 1;
                let (next, waited) = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
                state = next;
                state.idle -= 1;
                if waited.timed_out() && state.waiting.is_empty() {
                    state.threads -= 1;
                    return;
                }
            }
            let Some(address) = state.waiting.pop_front().filter(|_| !state.ended) else {
                state.threads -= 1;
                return;
            };
            drop(state);
            let name = catch_unwind(AssertUnwindSafe(|| (self.look_up)(address))).unwrap_or(HostName::Failed);
            state = self.lock();
            state.asked.remove(&address);
            state.keep(address, name, Instant::now());
            self.answered.notify_all();
        }
    }
}

impl State {
    fn name(&self, address: IpAddr) -> HostName {
        self.answers.get(&address).map_or(HostName::Pending, |(name, _)| name.clone())
    }

    fn is_fresh(&self, address: IpAddr, now: Instant) -> bool {
        self.answers.get(&address).is_some_and(|answer| is_believed(answer, now))
    }

    fn keep(&mut self, address: IpAddr, name: HostName, now: Instant) {
        if self.answers.len() >= KEPT {
            self.answers.retain(|_, answer| is_believed(answer, now));
            if self.answers.len() >= KEPT {
                self.answers.clear();
            }
        }
        self.answers.insert(address, (name, now));
        if self.news.len() >= KEPT {
            self.news.pop_front();
        }
        self.news.push_back(address);
    }
}

fn is_believed((name, since): &(HostName, Instant), now: Instant) -> bool {
    let age = now.saturating_duration_since(*since);
    age < if matches!(name, HostName::Known(_) | HostName::Absent) { BELIEVED } else { FORGIVEN }
}

/// Whether the name of the address is worth a question.
fn is_named(address: IpAddr) -> bool {
    let address = address.to_canonical();
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast())
}

fn peers(frame: &Frame, rows: impl IntoIterator<Item = usize>) -> impl Iterator<Item = IpAddr> {
    let sockets = &frame.snapshot.sockets;
    rows.into_iter().filter_map(|row| Some(sockets.get(row)?.key.remote?.ip()))
}

/// The names in a file of hosts(5), by address: `192.0.2.1 name alias...`, `#` begins a comment. The first name of an address counts;
/// lines that make no sense are passed over.
pub fn parse_hosts(text: &str) -> HashMap<IpAddr, Arc<str>, RandomState> {
    let mut names = HashMap::default();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or("").split_whitespace();
        let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
        if let (Some(address), Some(HostName::Known(name))) = (address, words.next().map(HostName::of)) {
            names.entry(address.to_canonical()).or_insert(name);
        }
    }
    names
}

#[cfg(test)]
mod tests;
