use std::collections::{HashMap, HashSet};

use sockscope_core::Identity;
use sockscope_model::{EventKind, Occurrence, ProcessId, Snapshot, Socket, Tag, Timestamp};

/// The sockets at some moment, which changes lead to the next.
#[derive(Debug, Clone)]
pub(crate) struct State {
    snapshot: Snapshot,
    /// Where the last socket of each identity is; made when a change comes.
    positions: Option<HashMap<Identity, usize>>,
    /// How many processes are too many.
    most_processes: usize,
}

impl State {
    /// Nothing is known yet.
    pub(crate) fn empty() -> State {
        State::of(Snapshot::new("unknown", String::new(), Timestamp::from_micros(0)))
    }

    pub(crate) fn of(snapshot: Snapshot) -> State {
        State { snapshot, positions: None, most_processes: 0 }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Socket lines: one that has an identity stands once, as it was said last.
    pub(crate) fn of_lines(mut snapshot: Snapshot) -> State {
        let mut seen = HashSet::new();
        let sockets = std::mem::take(&mut snapshot.sockets).into_iter().rev();
        snapshot.sockets = sockets.filter(|it| it.key.tag == Tag::None || seen.insert(Identity::of(it))).collect();
        snapshot.sockets.reverse();
        State::of(snapshot)
    }

    /// Something happened. A socket that changed or closed and is not there was opened before the recording began.
    pub(crate) fn apply(&mut self, occurrence: &Occurrence) {
        let socket = &*occurrence.socket;
        let position = self.find(socket, occurrence.kind);
        match (occurrence.kind, position) {
            (EventKind::Closed, Some(position)) => self.remove(position),
            (EventKind::Closed, None) => {}
            (_, Some(position)) => {
                if let Some(old) = self.snapshot.sockets.get(position) {
                    self.snapshot.services.remove(&old.key);
                }
                self.learn(occurrence);
                self.replace(position, socket);
            }
            (_, None) => {
                self.learn(occurrence);
                let position = self.snapshot.sockets.len();
                self.snapshot.sockets.push(socket.clone());
                self.positions().insert(Identity::of(socket), position);
            }
        }
        self.forget_processes();
    }

    /// Where the socket is that this happened to.
    fn find(&mut self, socket: &Socket, kind: EventKind) -> Option<usize> {
        if let Some(position) = self.positions().get(&Identity::of(socket)) {
            return Some(*position);
        }
        let key = &socket.key;
        let same = |other: &Socket| other.key.protocol == key.protocol && other.namespace == socket.namespace;
        let found: Box<dyn Fn(&Socket) -> bool> = match kind {
            // It got a peer, or lost its inode in TIME_WAIT.
            EventKind::Changed => Box::new(|other| {
                let connects = other.key.tag == key.tag && key.tag != Tag::None;
                same(other) && other.key.local == key.local && (connects || is_connection(other, socket))
            }),
            // What remains of a connection may bear another cookie.
            EventKind::Closed => Box::new(|other| same(other) && is_connection(other, socket)),
            _ => return None,
        };
        self.snapshot.sockets.iter().position(found)
    }

    fn positions(&mut self) -> &mut HashMap<Identity, usize> {
        let sockets = &self.snapshot.sockets;
        self.positions.get_or_insert_with(|| {
            sockets.iter().enumerate().map(|(position, socket)| (Identity::of(socket), position)).collect()
        })
    }

    fn replace(&mut self, position: usize, socket: &Socket) {
        let Some(place) = self.snapshot.sockets.get_mut(position) else { return };
        let (old, new) = (Identity::of(place), Identity::of(socket));
        *place = socket.clone();
        if old != new {
            self.lose(old, position);
        }
        self.positions().insert(new, position);
    }

    fn remove(&mut self, position: usize) {
        let Some(last) = self.snapshot.sockets.len().checked_sub(1) else { return };
        if position > last {
            return;
        }
        let gone = self.snapshot.sockets.swap_remove(position);
        self.snapshot.services.remove(&gone.key);
        self.lose(Identity::of(&gone), position);
        if let Some(moved) = self.snapshot.sockets.get(position).map(Identity::of)
            && let Some(place) = self.positions().get_mut(&moved)
            && *place == last
        {
            *place = position;
        }
    }

    /// The socket of that identity is not at that position any more. Another may be the same: sockets without tags are twins.
    fn lose(&mut self, identity: Identity, position: usize) {
        if self.positions().get(&identity) != Some(&position) {
            return;
        }
        self.positions().remove(&identity);
        if matches!(identity, Identity::Key(key, _) if key.tag == Tag::None)
            && let Some(twin) = self.snapshot.sockets.iter().rposition(|other| Identity::of(other) == identity)
        {
            self.positions().insert(identity, twin);
        }
    }

    /// The names for the socket's numbers.
    fn learn(&mut self, occurrence: &Occurrence) {
        let (told, known) = (&*occurrence.frame.snapshot, &mut self.snapshot);
        if known.os == "unknown" {
            known.os = told.os;
        }
        for (id, process) in &told.processes {
            let mut process = process.clone();
            if let Some(before) = known.processes.get(id)
                && before.service != process.service
            {
                // Windows: of several services in one process, the socket has this one.
                if let Some(service) = std::mem::replace(&mut process.service, before.service.clone()) {
                    known.services.insert(occurrence.socket.key, service);
                }
            }
            known.processes.insert(*id, process);
        }
        known.services.extend(told.services.iter().map(|(key, service)| (*key, service.clone())));
        known.users.extend(told.users.iter().map(|(uid, name)| (*uid, name.clone())));
        known.interfaces.extend(told.interfaces.iter().map(|(index, name)| (*index, name.clone())));
        known.cgroups.extend(told.cgroups.iter().map(|(id, path)| (*id, path.clone())));
        known.namespaces.extend(told.namespaces.iter().map(|(id, namespace)| (*id, namespace.clone())));
    }

    /// Processes come and go, and the recording may be long.
    fn forget_processes(&mut self) {
        if self.snapshot.processes.len() > self.most_processes {
            keep_owners(&mut self.snapshot);
            self.most_processes = 64 + 2 * self.snapshot.processes.len();
        }
    }
}

/// Whether both are ends of one connection.
fn is_connection(one: &Socket, other: &Socket) -> bool {
    one.key.remote.is_some() && (one.key.local, one.key.remote) == (other.key.local, other.key.remote)
}

/// Forgets processes that own no socket.
pub(crate) fn keep_owners(snapshot: &mut Snapshot) {
    let owners = snapshot.sockets.iter().flat_map(|socket| socket.owners.processes());
    let owners: HashSet<ProcessId> = owners.map(|owner| owner.process).collect();
    snapshot.processes.retain(|id, _| owners.contains(id));
}
