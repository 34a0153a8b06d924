use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use sockscope_model::{
    Event, EventKind, Frame, Heard, NoOwner, Occurrence, Owners, Process, Protocol, Snapshot, Socket, State, Timestamp,
};

use crate::diff::{Identity, is_notable};
use crate::monitor::Beat;

/// Sockets that came and went, and that nobody told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// How many; `None`: nobody knows.
    pub count: Option<u64>,
    /// The number is no count: it is a share of what the system counted.
    pub estimated: bool,
    /// Only TCP connections are counted.
    pub tcp_only: bool,
}

/// Makes a story of looks and events: each socket is opened once and closed once, whoever tells of it first. A connection that
/// enters TIME_WAIT is closed then.
///
/// The sockets of the first look were there before the story begins.
#[derive(Debug, Default)]
pub struct Chronicle {
    latest: Option<Arc<Frame>>,
    /// Where each socket of the latest frame is, once somebody asked.
    positions: Option<HashMap<Identity, usize, RandomState>>,
    /// When each was seen to open.
    opened: HashMap<Identity, Timestamp, RandomState>,
    /// Of which it was told that they are closed.
    closed: HashMap<Identity, Closed, RandomState>,
    /// Ends of connections whose end was told and that no look had shown before, since what remains of them in TIME_WAIT or
    /// FIN_WAIT_2 then bears a cookie of its own: Linux gives one to whoever asks, and nobody had asked for that of the connection.
    ends: HashMap<Ends, Told, RandomState>,
    /// Of sockets that no look has shown so far: one that is under way may. With the number of looks by then.
    held: Vec<(Event, u64)>,
    looks: u64,
    /// When the first look began, and what the system had counted by then.
    began: Option<(Timestamp, Option<u64>)>,
    /// Connections that were seen to begin.
    connections: u64,
    heard: Heard,
    /// Whether somebody tells of everything that closes.
    hears: bool,
}

/// What is known of a socket after its end.
#[derive(Debug)]
struct Closed {
    /// Whether the latest look shows it, in TIME_WAIT or because it began before the end.
    shown: bool,
    /// The look at which that was so.
    look: u64,
}

/// So many events are held at most, some 400 bytes each, where looks are far apart or fail. What is told without having been held
/// is told once all the same; nobody knows its owner then.
const HELD: usize = 100_000;

/// What two sockets have in common of which one is the remains of the other.
type Ends = (Option<u64>, std::net::SocketAddr, Option<std::net::SocketAddr>);

/// Who told first of the end of a connection that no look had shown.
#[derive(Debug)]
struct Told {
    by_event: bool,
    look: u64,
}

impl Chronicle {
    /// Begins; `hears`: whether there are events that tell of every socket that closes.
    pub fn new(hears: bool) -> Chronicle {
        Chronicle { hears, ..Chronicle::default() }
    }

    /// Events are no longer told.
    pub fn hears_no_more(&mut self) {
        self.hears = false;
        self.heard.lost_unknown = true;
    }

    /// What a look shows, in the order in which it happened.
    pub fn look(&mut self, beat: &Beat) -> Vec<Occurrence> {
        self.looks += 1;
        let frame = &beat.frame;
        let taken = frame.snapshot.taken;
        let mut story = Vec::new();
        self.latest = Some(Arc::clone(frame));
        self.positions = None;
        let mut shown = Vec::new();
        for (event, look) in std::mem::take(&mut self.held) {
            if self.position(Identity::of(&event.socket)).is_some() {
                shown.push(event);
            } else if event.at > taken && look + 1 >= self.looks {
                // The look began before the end, and may have missed the beginning; the next will not show it either, whatever
                // the clock says by then.
                self.held.push((event, look));
            } else if beat.before.is_some() {
                self.ended(event, &mut story);
            }
            // What came and went before the first look is no part of the story.
        }
        match &beat.before {
            Some(before) => {
                for index in &beat.pairs.closed {
                    if let Some(socket) = before.snapshot.sockets.get(*index) {
                        self.gone(socket, before, taken, &mut story);
                    }
                }
                for (old, new) in &beat.pairs.changed {
                    let sockets = (before.snapshot.sockets.get(*old), frame.snapshot.sockets.get(*new));
                    if let (Some(old), Some(new)) = sockets {
                        self.changed(old, new, frame, &mut story);
                    }
                }
                for index in &beat.pairs.opened {
                    if let Some(socket) = frame.snapshot.sockets.get(*index) {
                        self.appeared(socket, frame, &mut story);
                    }
                }
            }
            None => {
                self.began = Some((taken, frame.snapshot.tcp_opens));
                for socket in frame.snapshot.sockets.iter().filter(|socket| socket.state == Some(State::TimeWait)) {
                    self.closed.insert(Identity::of(socket), Closed { shown: true, look: self.looks });
                }
            }
        }
        for event in shown {
            self.ended(event, &mut story);
        }
        let look = self.looks;
        // Dumps overlap with what happens, by one look at most.
        self.closed.retain(|_, closed| closed.shown || closed.look + 2 > look);
        self.ends.retain(|_, told| told.look + 2 > look);
        in_order(story)
    }

    /// More is known about the latest look: names of peers.
    pub fn enriched(&mut self, frame: &Arc<Frame>) {
        if self.latest.as_ref().is_some_and(|latest| Arc::ptr_eq(&latest.snapshot, &frame.snapshot)) {
            self.latest = Some(Arc::clone(frame));
        }
    }

    /// What events tell, in the order in which it happened.
    pub fn events(&mut self, events: Vec<Event>, heard: Heard) -> Vec<Occurrence> {
        self.heard += heard;
        let mut story = Vec::new();
        for event in events {
            match event.kind {
                EventKind::Closed => {
                    let identity = Identity::of(&event.socket);
                    if self.opened.contains_key(&identity)
                        || self.closed.contains_key(&identity)
                        || self.position(identity).is_some()
                    {
                        self.ended(event, &mut story);
                    } else if self.held.len() < HELD {
                        self.held.push((event, self.looks));
                    } else if self.latest.is_some() {
                        self.ended(event, &mut story);
                    } else {
                        self.heard.lost += 1;
                    }
                }
                EventKind::Opened => self.began(event, &mut story),
                // The next look shows it.
                _ => {}
            }
        }
        in_order(story)
    }

    /// Nothing more will be told: what was held back.
    pub fn finish(&mut self) -> Vec<Occurrence> {
        let mut story = Vec::new();
        for (event, _) in std::mem::take(&mut self.held) {
            self.ended(event, &mut story);
        }
        in_order(story)
    }

    /// How many sockets nobody told of. `share`: of how many connections that were seen to begin the caller wants to know,
    /// where it is not all of them.
    ///
    /// Events that were lost or made no sense count as such sockets, though a look may have shown some of these: rather too many
    /// than too few.
    pub fn missed(&self, share: Option<u64>) -> Missed {
        // Of those unseen the same share may be meant as of those seen; where few were seen, rather more than less.
        let meant = |unseen: u64| match share {
            Some(share) => {
                let (meant, seen) = (u128::from(share) + 1, u128::from(self.connections.max(share)) + 1);
                u64::try_from((u128::from(unseen) * meant).div_ceil(seen)).unwrap_or(u64::MAX)
            }
            None => unseen,
        };
        if self.hears && !self.heard.lost_unknown {
            let unheard = self.heard.lost.saturating_add(self.heard.malformed);
            let estimated = share.is_some() && unheard > 0;
            return Missed { count: Some(meant(unheard)), estimated, tcp_only: false };
        }
        let counted = || {
            let (_, first) = self.began?;
            let last = self.latest.as_ref()?.snapshot.tcp_opens;
            last?.checked_sub(first?)
        };
        let unseen = counted().map(|counted| counted.saturating_sub(self.connections));
        // That nothing was missed is known even if only a share is meant.
        Missed { count: unseen.map(meant), estimated: share.is_some() && unseen != Some(0), tcp_only: true }
    }

    fn position(&mut self, identity: Identity) -> Option<usize> {
        let latest = self.latest.as_ref()?;
        let positions = self.positions.get_or_insert_with(|| {
            latest.snapshot.sockets.iter().enumerate().map(|(index, socket)| (Identity::of(socket), index)).collect()
        });
        positions.get(&identity).copied()
    }

    /// A socket that the look before did not show.
    fn appeared(&mut self, socket: &Socket, frame: &Arc<Frame>, story: &mut Vec<Occurrence>) {
        let identity = Identity::of(socket);
        if let Some(closed) = self.closed.get_mut(&identity) {
            *closed = Closed { shown: true, look: self.looks };
            return;
        }
        if self.opened.contains_key(&identity) {
            return;
        }
        if is_remains(socket) && self.is_told(socket, false) {
            self.closed.insert(identity, Closed { shown: true, look: self.looks });
            return;
        }
        self.connections += u64::from(is_connection(socket));
        let at = socket.opened.unwrap_or(frame.snapshot.taken);
        self.opened.insert(identity, at);
        story.push(occurrence(at, EventKind::Opened, socket, frame));
        if socket.state == Some(State::TimeWait) {
            self.opened.remove(&identity);
            self.closed.insert(identity, Closed { shown: true, look: self.looks });
            story.push(occurrence(frame.snapshot.taken, EventKind::Closed, socket, frame));
        }
    }

    fn changed(&mut self, before: &Socket, after: &Socket, frame: &Arc<Frame>, story: &mut Vec<Occurrence>) {
        let (old, identity) = (Identity::of(before), Identity::of(after));
        if let Some(Closed { look, .. }) = self.closed.remove(&old) {
            // Sources without cookies know it by another identity in TIME_WAIT.
            self.closed.insert(identity, Closed { shown: true, look });
            return;
        }
        if !is_notable(before, after) {
            return;
        }
        self.connections += u64::from(is_connection(after) && !is_connection(before));
        let taken = frame.snapshot.taken;
        if after.state == Some(State::TimeWait) {
            let (lasted, from_before) = self.lasted(old, before, taken);
            self.closed.insert(identity, Closed { shown: true, look: self.looks });
            // What it counted went with the socket; its owner, too.
            let mut last = after.clone();
            last.traffic = before.traffic.clone();
            last.owners = before.owners.clone();
            last.uid = before.uid;
            last.inode = before.inode;
            let before = before.state;
            let closed = occurrence(taken, EventKind::Closed, &last, frame);
            story.push(Occurrence { before, lasted, from_before, ..closed });
            return;
        }
        if old != identity
            && let Some(at) = self.opened.remove(&old)
        {
            self.opened.insert(identity, at);
        }
        story.push(Occurrence { before: before.state, ..occurrence(taken, EventKind::Changed, after, frame) });
    }

    /// A socket that the look does not show any more.
    fn gone(&mut self, socket: &Socket, before: &Arc<Frame>, taken: Timestamp, story: &mut Vec<Occurrence>) {
        let identity = Identity::of(socket);
        let told = self.closed.remove(&identity).is_some();
        if matches!(identity, Identity::Cookie(..)) {
            // Nobody else will ever have the cookie, and an event may be on its way that tells the same.
            self.closed.insert(identity, Closed { shown: false, look: self.looks });
        }
        let (lasted, from_before) = self.lasted(identity, socket, taken);
        if !told {
            let closed = occurrence(taken, EventKind::Closed, socket, before);
            story.push(Occurrence { before: socket.state, lasted, from_before, ..closed });
        }
    }

    /// An event tells of a new socket.
    fn began(&mut self, event: Event, story: &mut Vec<Occurrence>) {
        let identity = Identity::of(&event.socket);
        if self.opened.contains_key(&identity)
            || self.closed.contains_key(&identity)
            || self.position(identity).is_some()
        {
            return;
        }
        self.connections += u64::from(is_connection(&event.socket));
        self.opened.insert(identity, event.at);
        let frame = self.frame_with(event.processes);
        story.push(occurrence(event.at, EventKind::Opened, &event.socket, &frame));
    }

    /// Whether the other witness, events or looks, has told of the end of this connection, which nobody has shown by its cookie.
    fn is_told(&mut self, socket: &Socket, by_event: bool) -> bool {
        let ends = (socket.namespace, socket.key.local, socket.key.remote);
        if self.ends.get(&ends).is_some_and(|told| told.by_event != by_event) {
            self.ends.remove(&ends);
            return true;
        }
        if self.hears {
            self.ends.insert(ends, Told { by_event, look: self.looks });
        }
        false
    }

    /// An event tells of the end of a socket.
    fn ended(&mut self, event: Event, story: &mut Vec<Occurrence>) {
        let Event { at, socket: mut last, processes, .. } = event;
        let identity = Identity::of(&last);
        let position = self.position(identity);
        let closed = Closed { shown: position.is_some(), look: self.looks };
        if self.closed.insert(identity, closed).is_some() {
            return;
        }
        let latest = self.latest.clone();
        let seen = position.and_then(|index| latest.as_ref()?.snapshot.sockets.get(index).cloned());
        let was_told = seen.is_some() || self.opened.contains_key(&identity);
        let (lasted, from_before) = self.lasted(identity, seen.as_ref().unwrap_or(&last), at);
        let frame = match (latest, &seen) {
            (Some(latest), Some(_)) => latest,
            _ => self.frame_with(processes),
        };
        let mut before = seen.as_ref().and_then(|socket| socket.state);
        if let Some(seen) = seen {
            // As it was seen last, with what it counted until its end.
            *last = Socket { traffic: last.traffic.take().or(seen.traffic.clone()), ..seen };
        } else if last.owners.processes().is_empty() {
            last.owners = Owners::Nobody(NoOwner::Unknown);
        }
        if !was_told {
            if last.key.protocol == Protocol::Tcp && last.key.remote.is_some() && self.is_told(&last, true) {
                return;
            }
            self.connections += u64::from(is_connection(&last));
            let mut opened = occurrence(at, EventKind::Opened, &last, &frame);
            if last.traffic.as_ref().is_some_and(|traffic| traffic.rtt_us.is_some_and(|rtt| rtt > 0)) {
                // An answer came.
                before = Some(State::Established);
                opened.socket.state = before;
            }
            story.push(opened);
        }
        let (lasted, from_before) = (lasted.filter(|_| was_told), from_before && was_told);
        story.push(Occurrence { before, lasted, from_before, ..occurrence(at, EventKind::Closed, &last, &frame) });
    }

    /// How long a socket was open that is so no more, and whether it was so before the story began.
    fn lasted(&mut self, identity: Identity, socket: &Socket, end: Timestamp) -> (Option<Duration>, bool) {
        let seen = self.opened.remove(&identity);
        let begin = socket.opened.or(seen);
        let from = begin.or(self.began.map(|(taken, _)| taken));
        let lasted = from.map(|from| Duration::from_micros(end.micros_since(from)));
        (lasted, begin.is_none())
    }

    /// The latest frame, with these processes.
    fn frame_with(&self, processes: Vec<Process>) -> Arc<Frame> {
        let latest = match &self.latest {
            Some(latest) if processes.is_empty() => return Arc::clone(latest),
            latest => latest.as_ref(),
        };
        let empty = || Snapshot::new(std::env::consts::OS, String::new(), Timestamp::from_micros(0));
        let mut snapshot = latest.map_or_else(empty, |latest| {
            let Snapshot { taken, os, ref host, ref users, ref interfaces, ref cgroups, ref namespaces, .. } =
                *latest.snapshot;
            let mut snapshot = Snapshot::new(os, host.clone(), taken);
            snapshot.users.clone_from(users);
            snapshot.interfaces.clone_from(interfaces);
            snapshot.cgroups.clone_from(cgroups);
            snapshot.namespaces.clone_from(namespaces);
            snapshot
        });
        snapshot.processes = processes.into_iter().map(|process| (process.id, process)).collect();
        Arc::new(Frame::new(snapshot))
    }
}

/// Whether the system counts it among its connections (RFC 4022): it has a peer, and more than a handshake.
fn is_connection(socket: &Socket) -> bool {
    socket.key.protocol == Protocol::Tcp && socket.key.remote.is_some() && socket.state != Some(State::SynReceived)
}

/// Whether it is what Linux keeps of a connection that no process has any more, and may give another cookie than the connection.
fn is_remains(socket: &Socket) -> bool {
    match socket.state {
        Some(State::TimeWait) => true,
        Some(State::FinWait2) => socket.inode.is_none() && socket.owners.processes().is_empty(),
        _ => false,
    }
}

fn occurrence(at: Timestamp, kind: EventKind, socket: &Socket, frame: &Arc<Frame>) -> Occurrence {
    let (socket, frame) = (Box::new(socket.clone()), Arc::clone(frame));
    Occurrence { at, kind, socket, frame, before: None, lasted: None, from_before: false }
}

/// Of what happened to one socket at one moment, the order is kept.
fn in_order(mut story: Vec<Occurrence>) -> Vec<Occurrence> {
    story.sort_by_key(|occurrence| occurrence.at);
    story
}

#[cfg(test)]
mod tests;
