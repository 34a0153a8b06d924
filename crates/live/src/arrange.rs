//! Which lines a view has, in which order: all that costs time with the number of sockets, done on a thread of its own.

/// Sockets that have something in common, as one line.
mod groups;
/// The order of lines.
mod order;
/// Rates over the last looks.
mod trends;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use foldhash::fast::RandomState;
use sockscope_core::{Identity, Pairs, is_notable};
use sockscope_model::{Frame, NoOwner, Row, Socket, State};

use crate::geography::{self, Spot, SpotKey};
use crate::identity::{GroupKey, LineKey, digest};
use crate::lives::{Lives, Moment};
use crate::settings::Settings;
use crate::view::View;

pub use groups::Group;
pub(crate) use order::SortValue;
pub use trends::TREND;
pub(crate) use trends::Trends;

/// What the monitor saw at one time, and what changed since the time before.
#[derive(Debug, Clone)]
pub struct Look {
    /// Counts the looks.
    pub number: u64,
    /// What is there.
    pub frame: Arc<Frame>,
    /// What was there at the look before; an arrangement has it only if it shows something of it.
    pub before: Option<Arc<Frame>>,
    /// Which of it is still there, and as what.
    pub pairs: Arc<Pairs>,
    /// How often the monitor looks.
    pub interval: Duration,
    /// What a look takes.
    pub pass: Duration,
}

/// What happened to a line since the look before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// It was not there.
    New,
    /// It was otherwise.
    Changed,
    /// It is not there any more.
    Gone,
}

/// A socket of an arrangement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// By its position in the frame.
    There(u32),
    /// By its position in the frame before.
    Gone(u32),
}

/// The lines of a view.
#[derive(Debug)]
pub enum Lines {
    /// A socket each.
    Sockets(Vec<Line>),
    /// A group each.
    Groups(Vec<Group>),
    /// Groups, each with its sockets below it if it is open.
    Tree {
        /// All of them, in order.
        groups: Vec<Group>,
        /// The lines.
        lines: Vec<Branch>,
    },
}

/// A line of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// By its position among the groups.
    Group(u32),
    /// A socket of the group above.
    Socket(Line),
}

impl Lines {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Lines::Sockets(lines) => lines.len(),
            Lines::Groups(groups) => groups.len(),
            Lines::Tree { lines, .. } => lines.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What all sockets that pass the filter are together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many pass.
    pub sockets: u32,
    /// How many there are.
    pub all: u32,
    /// UDP sockets that pass.
    pub udp: u32,
    /// TCP sockets that pass, by state, in the order of [`State::NAMED`].
    pub states: [u32; State::NAMED.len()],
    /// How many have owners that can't be seen from here.
    pub hidden: u32,
    /// Bytes a second that they send.
    pub sending: u64,
    /// Bytes a second that they receive.
    pub receiving: u64,
}

/// Where the socket is whose details are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// In the frame, at that position.
    There(u32),
    /// In the frame before: it went since.
    Gone(u32),
    /// Neither.
    Nowhere,
}

/// The lines that a view shows, and all that is needed to draw any part of them.
#[derive(Debug)]
pub struct Arrangement {
    /// What was seen.
    pub look: Look,
    /// What was asked for.
    pub settings: Arc<Settings>,
    /// The lines, in order.
    pub lines: Lines,
    /// Of all of them.
    pub totals: Totals,
    /// Rates of all of them over the last looks, the latest last: sent and received.
    pub rates: Vec<(u64, u64)>,
    /// Where the peers are, if the map is shown.
    pub spots: Vec<Spot>,
    /// Where the socket is that was asked for.
    pub subject: Subject,
    /// How long it took to arrange them.
    pub took: Duration,
    /// Nothing happened since the look before.
    quiet: bool,
    /// Of the sockets of the frame; empty if nothing happened to any.
    marks: Vec<Option<Mark>>,
    positions: Positions,
    trends: Arc<RwLock<Trends>>,
    lives: Arc<RwLock<Lives>>,
}

/// Where lines stand.
#[derive(Debug)]
enum Positions {
    /// Of sockets: by their positions in the frame (or [`NOWHERE`]), and of those that are gone in the frame before.
    Sockets { there: Vec<u32>, gone: HashMap<u32, u32, RandomState> },
    /// Of groups: by the digests of their keys.
    Groups(ByDigest),
    /// Of a tree: groups by the digests of their keys, as position among the groups and as line; a socket that is in several groups
    /// stands where it is first.
    Tree {
        groups: HashMap<u64, (u32, u32), BuildHasherDefault<AsIs>>,
        there: Vec<u32>,
        gone: HashMap<u32, u32, RandomState>,
    },
}

const NOWHERE: u32 = u32::MAX;

type ByDigest = HashMap<u64, u32, BuildHasherDefault<AsIs>>;

/// Digests are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

impl Look {
    /// The row of a line.
    pub fn row(&self, line: Line) -> Option<Row<'_>> {
        match line {
            Line::There(index) => self.frame.row(index as usize),
            Line::Gone(index) => self.before.as_ref()?.row(index as usize),
        }
    }
}

impl Arrangement {
    /// The socket of a line of the view of sockets.
    pub fn row(&self, position: usize) -> Option<Row<'_>> {
        self.look.row(self.line(position)?)
    }

    /// The group of a line of any other view.
    pub fn group(&self, position: usize) -> Option<&Group> {
        match &self.lines {
            Lines::Sockets(_) => None,
            Lines::Groups(groups) => groups.get(position),
            Lines::Tree { groups, lines } => match lines.get(position)? {
                Branch::Group(index) => groups.get(*index as usize),
                Branch::Socket(_) => None,
            },
        }
    }

    /// What a line stands for.
    pub fn key(&self, position: usize) -> Option<LineKey> {
        match self.group(position) {
            Some(group) => Some(LineKey::Group(group.key.clone())),
            None => Some(LineKey::Socket(Identity::of(self.row(position)?.socket))),
        }
    }

    /// Where a line is now. `seen`: at which look it was which, so that it need not be searched for.
    pub fn position(&self, key: &LineKey, seen: Option<(u64, Line)>) -> Option<usize> {
        let position = match (&self.positions, key) {
            (Positions::Groups(groups), LineKey::Group(group)) => groups.get(&digest(group)).map(|at| *at as usize),
            (Positions::Tree { groups, .. }, LineKey::Group(group)) => {
                groups.get(&digest(group)).map(|(_, line)| *line as usize)
            }
            (Positions::Sockets { .. } | Positions::Tree { .. }, LineKey::Socket(_)) => {
                seen.and_then(|(number, line)| self.place(self.line_now(number, line)?))
            }
            _ => None,
        };
        // Acting on the wrong one would be worse than on none.
        let found = position.filter(|position| self.key(*position).as_ref() == Some(key));
        // It may be anywhere where looks were left out.
        let is_lost = found.is_none() && seen.is_none_or(|(number, _)| number + 1 < self.look.number);
        match key {
            LineKey::Socket(_) if is_lost => {
                (0..self.lines.len()).find(|position| self.key(*position).as_ref() == Some(key))
            }
            _ => found,
        }
    }

    /// What a line of that look is at this one.
    fn line_now(&self, number: u64, line: Line) -> Option<Line> {
        match line {
            _ if number == self.look.number => Some(line),
            Line::There(index) if number + 1 == self.look.number => {
                // Most stand where they stood, or a little before.
                let before = &self.look.pairs.before;
                let is_it = |at: &usize| before.get(*at).copied().flatten() == Some(index as usize);
                let at = index as usize;
                let near = (at.saturating_sub(NEAR)..=at.saturating_add(NEAR)).find(is_it);
                let now = near.or_else(|| (0..before.len()).find(is_it)).and_then(|at| u32::try_from(at).ok());
                Some(now.map_or(Line::Gone(index), Line::There))
            }
            _ => None,
        }
    }

    /// Where a line of this look stands.
    fn place(&self, line: Line) -> Option<usize> {
        let (Positions::Sockets { there, gone } | Positions::Tree { there, gone, .. }) = &self.positions else {
            return None;
        };
        let place = match line {
            Line::There(index) => there.get(index as usize).copied()?,
            Line::Gone(index) => gone.get(&index).copied()?,
        };
        (place != NOWHERE).then_some(place as usize)
    }

    /// The line of a position, if that is a socket.
    pub fn line(&self, position: usize) -> Option<Line> {
        match &self.lines {
            Lines::Sockets(lines) => lines.get(position).copied(),
            Lines::Groups(_) => None,
            Lines::Tree { lines, .. } => match lines.get(position)? {
                Branch::Socket(line) => Some(*line),
                Branch::Group(_) => None,
            },
        }
    }

    /// Where the line of a later look stood here, if that is the same look or the next.
    fn former_place(&self, look: &Look, line: Line) -> Option<usize> {
        let line = match line {
            _ if look.number == self.look.number => line,
            Line::There(index) if look.number == self.look.number + 1 => {
                Line::There(u32::try_from(look.pairs.before.get(index as usize).copied().flatten()?).ok()?)
            }
            Line::Gone(index) if look.number == self.look.number + 1 => Line::There(index),
            _ => return None,
        };
        self.place(line)
    }

    /// Where the group stands among groups whose key has that digest.
    fn group_place(&self, digest: u64) -> Option<usize> {
        match &self.positions {
            Positions::Groups(groups) => groups.get(&digest).map(|place| *place as usize),
            Positions::Tree { groups, .. } => groups.get(&digest).map(|(place, _)| *place as usize),
            Positions::Sockets { .. } => None,
        }
    }

    fn group_of(&self, digest: u64) -> Option<&Group> {
        let place = self.group_place(digest)?;
        match &self.lines {
            Lines::Groups(groups) | Lines::Tree { groups, .. } => groups.get(place),
            Lines::Sockets(_) => None,
        }
    }

    /// The sockets of a group that pass the filters, as lines of the look.
    pub fn members(&self, group: &GroupKey) -> Vec<Line> {
        let settings = Settings { within: Some(group.clone()), view: View::Sockets, ..Settings::clone(&self.settings) };
        rows(&self.look, &settings).0
    }

    /// What happened to a line.
    pub fn mark(&self, position: usize) -> Option<Mark> {
        match self.line(position) {
            Some(Line::Gone(_)) => Some(Mark::Gone),
            Some(Line::There(index)) => self.marks.get(index as usize).copied().flatten(),
            None => self.group(position)?.mark,
        }
    }

    /// The sockets that pass the filters and whose peers are at one of these places.
    pub fn at(&self, places: &[SpotKey]) -> Vec<Identity> {
        let (lines, _) = rows(&self.look, &self.settings);
        let there = lines.into_iter().filter(|line| matches!(line, Line::There(_)));
        let rows = there.filter_map(|line| self.look.row(line));
        let is_there = |row: &Row<'_>| SpotKey::of(row).is_some_and(|key| places.contains(&key));
        rows.filter(is_there).map(|row| Identity::of(row.socket)).collect()
    }

    /// Whether it looks like the one before: nothing happened, nothing moves, and no more is known.
    pub fn looks_like(&self, before: &Arrangement) -> bool {
        let (one, other) = (&self.look.frame, &before.look.frame);
        !self.settings.ages
            && self.settings.serial == before.settings.serial
            && self.quiet
            && before.quiet
            && Arc::ptr_eq(&one.places, &other.places)
            && (Arc::ptr_eq(&one.names, &other.names) || one.names.is_empty() && other.names.is_empty())
            && one.databases == other.databases
            && one.snapshot.processes == other.snapshot.processes
            && self.look.interval == before.look.interval
            && one.snapshot.notices == other.snapshot.notices
    }

    /// What happened to a socket since the first look, the latest last.
    pub fn life(&self, socket: &Socket) -> Vec<Moment> {
        let lives = self.lives.read();
        lives.map(|lives| lives.of(&Identity::of(socket), socket.state)).unwrap_or_default()
    }

    /// The rates of a line over the last looks, the latest last.
    pub fn trend(&self, position: usize) -> [u32; TREND] {
        let digest = match self.group(position) {
            Some(group) => Some(digest(&group.key)),
            None => self.row(position).map(|row| digest(&row.socket.key)),
        };
        let (Some(digest), Ok(trends)) = (digest, self.trends.read()) else { return [0; TREND] };
        trends.of(digest, self.look.number)
    }
}

/// Arranges one look after the other, each beginning with the order of the one before.
#[derive(Debug, Default)]
pub struct Arranger {
    last: Option<(Arc<Settings>, Arc<Arrangement>)>,
    trends: Arc<RwLock<Trends>>,
    lives: Arc<RwLock<Lives>>,
    totals: Vec<(u64, u64)>,
}

/// How far from its former position a socket is looked for first.
const NEAR: usize = 64;

/// How many looks the rates of everything go back.
const TOTALS: usize = 60;

impl Arranger {
    /// The lines for these settings.
    pub fn arrange(&mut self, look: &Look, settings: &Arc<Settings>) -> Arc<Arrangement> {
        let began = std::time::Instant::now();
        let last = self.last.take();
        let is_new_look = last.as_ref().is_none_or(|(_, it)| it.look.number != look.number);
        if is_new_look && let Ok(mut trends) = self.trends.write() {
            let moving = look.frame.rates.iter().filter(|(_, rate)| rate.sent > 0 || rate.received > 0);
            trends.add(moving.map(|(key, rate)| (digest(key), *rate)), look.number);
        }
        if let Ok(mut lives) = self.lives.write() {
            lives.note(look);
        }
        let former = last.as_ref().filter(|(of, _)| of.same_lines(settings)).map(|(_, arrangement)| &**arrangement);
        let has_sockets = settings.view == View::Sockets || settings.tree.is_some();
        let marks = if has_sockets { marks(look) } else { Vec::new() };
        let (rows, totals) = rows(look, settings);
        let has_gone = rows.iter().any(|line| matches!(line, Line::Gone(_)));
        let spots = if settings.map { geography::spots(look, &rows) } else { Vec::new() };
        let lines = match settings.view {
            View::Sockets => Lines::Sockets(order::sockets(look, settings, rows, former)),
            _ => {
                let rows = if settings.tree.is_some() { order::sockets(look, settings, rows, None) } else { rows };
                let groups = groups::groups(look, settings, &rows, former);
                if is_new_look && let Ok(mut trends) = self.trends.write() {
                    let rates = groups.iter().map(|group| (digest(&group.key), group.rate()));
                    trends.add(rates, look.number);
                }
                match settings.tree {
                    Some(_) => tree(order::tree(settings, groups)),
                    None => Lines::Groups(order::groups(look, settings, groups, former)),
                }
            }
        };
        let same_rows = last.as_ref().is_some_and(|(of, _)| of.same_rows(settings));
        if !same_rows {
            self.totals.clear();
        }
        if is_new_look || !same_rows {
            self.totals.push((totals.sending, totals.receiving));
            let over = self.totals.len().saturating_sub(TOTALS);
            self.totals.drain(..over);
        }
        let quiet = settings.subject.is_none() && self.is_quiet(look, &marks);
        // What nobody needs any more is a third of the memory.
        let before = look.before.clone().filter(|_| has_gone);
        let arrangement = Arc::new(Arrangement {
            positions: positions(look, &lines),
            quiet,
            spots,
            subject: settings.subject.map_or(Subject::Nowhere, |identity| subject(look, &identity)),
            look: Look { before, ..look.clone() },
            settings: Arc::clone(settings),
            lines,
            totals,
            rates: self.totals.clone(),
            took: began.elapsed(),
            marks,
            trends: Arc::clone(&self.trends),
            lives: Arc::clone(&self.lives),
        });
        self.last = Some((Arc::clone(settings), Arc::clone(&arrangement)));
        arrangement
    }

    /// Whether nothing happened since the look before, and nothing moves.
    fn is_quiet(&self, look: &Look, marks: &[Option<Mark>]) -> bool {
        let pairs = &look.pairs;
        let moves = look.frame.rates.values().any(|rate| rate.sent > 0 || rate.received > 0);
        let same = pairs.opened.is_empty() && pairs.closed.is_empty() && marks.iter().all(Option::is_none);
        // Bars go on to the left while there are any.
        let moved = self.trends.read().is_ok_and(|trends| trends.any(look.number));
        same && !moves && !moved && look.before.as_ref().is_some_and(|before| !has_news(before, look))
    }
}

/// The sockets that pass, and what they are together.
fn rows(look: &Look, settings: &Settings) -> (Vec<Line>, Totals) {
    let frame = &look.frame;
    let all = u32::try_from(frame.snapshot.sockets.len()).unwrap_or(u32::MAX);
    let mut totals = Totals { all, ..Totals::default() };
    let mut lines = Vec::with_capacity(frame.snapshot.sockets.len() + look.pairs.closed.len());
    let keeps_all = settings.keeps_all();
    let keeper = groups::Keeper::new(look, settings);
    let keeps = |row: &Row<'_>| keeps_all || keeper.keeps(row);
    for (index, row) in (0..).zip(frame.rows()) {
        if keeps(&row) {
            totals.add(row.socket);
            if !keeps_all && let Some(rate) = row.rate() {
                totals.sending = totals.sending.saturating_add(rate.sent);
                totals.receiving = totals.receiving.saturating_add(rate.received);
            }
            lines.push(Line::There(index));
        }
    }
    if keeps_all {
        for rate in frame.rates.values() {
            totals.sending = totals.sending.saturating_add(rate.sent);
            totals.receiving = totals.receiving.saturating_add(rate.received);
        }
    }
    let Some(before) = &look.before else { return (lines, totals) };
    let gone = look.pairs.closed.iter().copied();
    // What the filter no longer means has left the table as well.
    let left =
        look.pairs.changed.iter().filter(|(_, after)| !keeps_all && !frame.row(*after).is_some_and(|it| keeps(&it)));
    for index in gone.chain(left.map(|(before, _)| *before)) {
        if let (Some(row), Ok(position)) = (before.row(index), u32::try_from(index))
            && keeps(&row)
        {
            lines.push(Line::Gone(position));
        }
    }
    (lines, totals)
}

impl Totals {
    fn add(&mut self, socket: &Socket) {
        self.sockets += 1;
        if socket.owners.reason() == Some(NoOwner::NeedsRoot) {
            self.hidden += 1;
        }
        match socket.state {
            None => self.udp += 1,
            Some(state) => {
                let place = State::NAMED.iter().position(|named| *named == state);
                if let Some(count) = place.and_then(|place| self.states.get_mut(place)) {
                    *count += 1;
                }
            }
        }
    }
}

/// Whether anything changed of what is seen of a socket, notable or not. Counters of time always do.
fn has_news(before: &Frame, look: &Look) -> bool {
    let (old, new) = (&before.snapshot.sockets, &look.frame.snapshot.sockets);
    let counted = |socket: &Socket| {
        let traffic = socket.traffic.as_deref();
        traffic.map(|it| (it.sent_bytes, it.received_bytes, it.rtt_us, it.retransmitted_segments, it.congestion_window))
    };
    let mut changed = look.pairs.changed.iter().filter_map(|(at, to)| Some((old.get(*at)?, new.get(*to)?)));
    changed
        .any(|(one, other)| one.owners != other.owners || one.queues != other.queues || counted(one) != counted(other))
}

/// What happened to the sockets of the frame.
fn marks(look: &Look) -> Vec<Option<Mark>> {
    let Look { frame, before: Some(before), pairs, .. } = look else { return Vec::new() };
    let mut marks = vec![None; frame.snapshot.sockets.len()];
    let mut set = |index: usize, mark| {
        if let Some(slot) = marks.get_mut(index) {
            *slot = Some(mark);
        }
    };
    for index in &pairs.opened {
        set(*index, Mark::New);
    }
    for (old, new) in &pairs.changed {
        if let (Some(old), Some(now)) = (before.snapshot.sockets.get(*old), frame.snapshot.sockets.get(*new))
            && is_notable(old, now)
        {
            set(*new, Mark::Changed);
        }
    }
    marks
}

/// The lines of groups and of the sockets of those that are open.
fn tree(mut groups: Vec<Group>) -> Lines {
    let mut lines = Vec::new();
    for (index, group) in (0..).zip(&mut groups) {
        lines.push(Branch::Group(index));
        // An empty list stays, to say that the group is open.
        let members = group.members.as_mut().map(std::mem::take).unwrap_or_default();
        lines.extend(members.into_iter().map(Branch::Socket));
    }
    Lines::Tree { groups, lines }
}

/// Where sockets stand first.
fn sockets_at(look: &Look, lines: impl Iterator<Item = (u32, Line)>) -> (Vec<u32>, HashMap<u32, u32, RandomState>) {
    let mut there = vec![NOWHERE; look.frame.snapshot.sockets.len()];
    let mut gone = HashMap::default();
    for (position, line) in lines {
        match line {
            Line::There(index) => match there.get_mut(index as usize) {
                Some(slot) if *slot == NOWHERE => *slot = position,
                _ => {}
            },
            Line::Gone(index) => _ = gone.entry(index).or_insert(position),
        }
    }
    (there, gone)
}

fn positions(look: &Look, lines: &Lines) -> Positions {
    match lines {
        Lines::Sockets(lines) => {
            let (there, gone) = sockets_at(look, (0..).zip(lines.iter().copied()));
            Positions::Sockets { there, gone }
        }
        Lines::Tree { groups, lines } => {
            let mut at: HashMap<u64, (u32, u32), BuildHasherDefault<AsIs>> = HashMap::default();
            for (position, branch) in (0..).zip(lines) {
                if let Branch::Group(index) = branch
                    && let Some(group) = groups.get(*index as usize)
                {
                    at.insert(digest(&group.key), (*index, position));
                }
            }
            let sockets = (0..).zip(lines).filter_map(|(position, branch)| match branch {
                Branch::Socket(line) => Some((position, *line)),
                Branch::Group(_) => None,
            });
            let (there, gone) = sockets_at(look, sockets);
            Positions::Tree { groups: at, there, gone }
        }
        Lines::Groups(groups) => {
            Positions::Groups((0..).zip(groups).map(|(position, group)| (digest(&group.key), position)).collect())
        }
    }
}

fn subject(look: &Look, identity: &Identity) -> Subject {
    let sockets = &look.frame.snapshot.sockets;
    if let Some((index, _)) = (0..).zip(sockets).find(|(_, socket)| Identity::of(socket) == *identity) {
        return Subject::There(index);
    }
    let before = look.before.as_ref().map(|before| before.snapshot.sockets.as_slice()).unwrap_or_default();
    let went = |index: &&usize| before.get(**index).is_some_and(|socket| Identity::of(socket) == *identity);
    let went = look.pairs.closed.iter().find(went).and_then(|index| u32::try_from(*index).ok());
    went.map_or(Subject::Nowhere, Subject::Gone)
}

/// Lines in the order in which they stood before, what is new behind them.
fn in_former_order<T>(lines: Vec<T>, count: usize, former_place: impl Fn(&T) -> Option<usize>) -> Vec<T> {
    let mut placed: Vec<Option<T>> = Vec::new();
    placed.resize_with(count, || None);
    let mut rest = Vec::new();
    for line in lines {
        match former_place(&line).and_then(|place| placed.get_mut(place)) {
            Some(slot @ None) => *slot = Some(line),
            _ => rest.push(line),
        }
    }
    placed.into_iter().flatten().chain(rest).collect()
}
