use std::collections::{HashMap, VecDeque};

use sockscope_model::{Change, Protocol, Snapshot, Socket, SocketKey, State, Tag};

/// What makes two rows of two snapshots the same socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// Addresses may change under a cookie: a bound socket connects. Before Linux 5.9 every namespace counted its own.
    Cookie(Protocol, u64, Option<u64>),
    /// Addresses and whatever else the source has, and the namespace.
    Key(SocketKey, Option<u64>),
}

impl Identity {
    /// The identity of a socket.
    pub fn of(socket: &Socket) -> Identity {
        match socket.key.tag {
            Tag::Cookie(cookie) => Identity::Cookie(socket.key.protocol, cookie, socket.namespace),
            _ => Identity::Key(socket.key, socket.namespace),
        }
    }

    /// The identity without its tag, which sources that know no cookies lose when a connection enters TIME_WAIT.
    fn untagged(socket: &Socket) -> Identity {
        Identity::Key(SocketKey { tag: Tag::None, ..socket.key }, socket.namespace)
    }
}

/// What changed from `before` to `after`: first what was closed, then what changed, then what was opened, each in the order
/// of its snapshot.
///
/// A connection that enters TIME_WAIT has changed, even if its source no longer tells its inode then. Sockets that nothing
/// tells apart are counted: of three such and then two, one was closed.
pub fn diff(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let pairs = Pairs::new(before, after);
    let copy = |sockets: &[Socket], index: usize| sockets.get(index).map(|socket| Box::new(socket.clone()));
    let closed = pairs.closed.iter().filter_map(|index| copy(&before.sockets, *index)).map(Change::Closed);
    let changed = pairs.changed.iter().filter_map(|(old, new)| {
        Some(Change::Changed { before: copy(&before.sockets, *old)?, after: copy(&after.sockets, *new)? })
    });
    let opened = pairs.opened.iter().filter_map(|index| copy(&after.sockets, *index)).map(Change::Opened);
    closed.chain(changed).chain(opened).collect()
}

/// Which sockets of one snapshot are which of a later one of the same source, by their positions: what [`diff`] says, without
/// a copy of any socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Of each socket after, the position that it had before.
    pub before: Vec<Option<usize>>,
    /// Positions before, of what is not there any more.
    pub closed: Vec<usize>,
    /// Positions before and after, of what is there and differs in anything, counters included.
    pub changed: Vec<(usize, usize)>,
    /// Positions after, of what was not there before.
    pub opened: Vec<usize>,
}

impl Pairs {
    /// Finds every socket of `before` in `after`.
    pub fn new(before: &Snapshot, after: &Snapshot) -> Pairs {
        let mut pairing = Pairing::new(&before.sockets, &after.sockets);
        pairing.side_by_side();
        pairing.equal();
        pairing.same_identity();
        pairing.entering_time_wait();
        pairing.pairs()
    }
}

/// Whether people would say that the socket changed: it has another state or other ends, or somebody owns it who did not, or
/// nobody any more. Counters and queues differ at every look.
pub fn is_notable(before: &Socket, after: &Socket) -> bool {
    let ends = |socket: &Socket| (socket.key.local, socket.key.remote);
    let owned = |socket: &Socket| !socket.owners.processes().is_empty();
    before.state != after.state || ends(before) != ends(after) || owned(before) != owned(after)
}

/// Which sockets before are which after.
struct Pairing<'a> {
    before: Vec<(&'a Socket, bool)>,
    /// With the position before that each was found to be.
    after: Vec<(&'a Socket, Option<usize>)>,
}

/// Positions by identity, in ascending order.
type Positions = HashMap<Identity, VecDeque<usize>>;

impl<'a> Pairing<'a> {
    fn new(before: &'a [Socket], after: &'a [Socket]) -> Pairing<'a> {
        Pairing {
            before: before.iter().map(|socket| (socket, false)).collect(),
            after: after.iter().map(|socket| (socket, None)).collect(),
        }
    }

    fn unpaired(&self, identity: fn(&Socket) -> Identity, wanted: fn(&Socket) -> bool) -> Positions {
        let mut positions = Positions::new();
        for (index, (socket, paired)) in self.before.iter().enumerate() {
            if !paired && wanted(socket) {
                positions.entry(identity(socket)).or_default().push_back(index);
            }
        }
        positions
    }

    fn pair(&mut self, after: usize, before: usize) {
        if let (Some((_, of)), Some((_, paired))) = (self.after.get_mut(after), self.before.get_mut(before)) {
            *of = Some(before);
            *paired = true;
        }
    }

    /// Most sockets stand in the order of the pass before, with a few more or less between them: these are found without
    /// hashing anything. No two have the same cookie; of others only those that did not change are surely themselves.
    fn side_by_side(&mut self) {
        let equal = |it: &Self, before: usize, after: usize| match (it.before.get(before), it.after.get(after)) {
            (Some((before, _)), Some((after, _))) => match (before.key.tag, after.key.tag) {
                (Tag::Cookie(_), Tag::Cookie(_)) => Identity::of(before) == Identity::of(after),
                _ => before == after,
            },
            _ => false,
        };
        let (mut before, mut after) = (0, 0);
        while before < self.before.len() && after < self.after.len() {
            if equal(self, before, after) {
                self.pair(after, before);
            } else if let Some(skipped) = (1..8).find(|skipped| equal(self, before + skipped, after)) {
                before += skipped;
                continue;
            } else if let Some(skipped) = (1..8).find(|skipped| equal(self, before, after + skipped)) {
                after += skipped;
                continue;
            }
            before += 1;
            after += 1;
        }
    }

    /// Sockets that did not change are themselves, whatever else bears their identity.
    fn equal(&mut self) {
        let mut positions = self.unpaired(Identity::of, |_| true);
        if positions.is_empty() {
            return;
        }
        for index in 0..self.after.len() {
            let Some((socket, None)) = self.after.get(index).copied() else { continue };
            let Some(candidates) = positions.get_mut(&Identity::of(socket)) else { continue };
            // Almost always the only one. A bound on how many are looked at keeps thousands of twins from taking
            // minutes; what is missed is paired below.
            let before = &self.before;
            let equal = candidates
                .iter()
                .take(64)
                .position(|candidate| before.get(*candidate).is_some_and(|(other, _)| *other == socket));
            if let Some(found) = equal.and_then(|place| candidates.remove(place)) {
                self.pair(index, found);
            }
        }
    }

    fn same_identity(&mut self) {
        let mut positions = self.unpaired(Identity::of, |_| true);
        self.pair_first(&mut positions, Identity::of, |_| true);
    }

    fn entering_time_wait(&mut self) {
        let mut positions = self.unpaired(Identity::untagged, |socket| {
            socket.state != Some(State::TimeWait) && socket.key.remote.is_some()
        });
        self.pair_first(&mut positions, Identity::untagged, |socket| {
            socket.state == Some(State::TimeWait) && !matches!(socket.key.tag, Tag::Cookie(_))
        });
    }

    fn pair_first(
        &mut self,
        positions: &mut Positions,
        identity: fn(&Socket) -> Identity,
        wanted: fn(&Socket) -> bool,
    ) {
        if positions.is_empty() {
            return;
        }
        for index in 0..self.after.len() {
            let Some((socket, None)) = self.after.get(index).copied() else { continue };
            if !wanted(socket) {
                continue;
            }
            if let Some(found) = positions.get_mut(&identity(socket)).and_then(VecDeque::pop_front) {
                self.pair(index, found);
            }
        }
    }

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs { before: Vec::with_capacity(self.after.len()), ..Pairs::default() };
        for (index, (socket, of)) in self.after.iter().enumerate() {
            pairs.before.push(*of);
            match of.and_then(|place| Some((place, self.before.get(place)?))) {
                None => pairs.opened.push(index),
                Some((_, (before, _))) if before == socket => {}
                Some((place, _)) => pairs.changed.push((place, index)),
            }
        }
        let gone = self.before.iter().enumerate().filter(|(_, (_, paired))| !paired);
        pairs.closed.extend(gone.map(|(index, _)| index));
        pairs
    }
}

/// Makes the changes: `sockets` holds afterwards what the snapshot after held, in another order.
///
/// A change of a socket that is not there is made as far as it can be: what was opened or changed is there afterwards.
pub fn apply(sockets: &mut Vec<Socket>, changes: &[Change]) {
    let mut positions: HashMap<SocketKey, Vec<usize>> = HashMap::new();
    let mut slots: Vec<Option<Socket>> = std::mem::take(sockets).into_iter().map(Some).collect();
    for (index, socket) in slots.iter().flatten().enumerate() {
        positions.entry(socket.key).or_default().push(index);
    }
    // What changed is put in at the end, so that no change meets the result of another.
    let mut added = Vec::new();
    for change in changes {
        let (before, after) = match change {
            Change::Opened(socket) => (None, Some(socket)),
            Change::Changed { before, after } => (Some(before), Some(after)),
            Change::Closed(socket) => (Some(socket), None),
            _ => continue,
        };
        if let Some(before) = before {
            let candidates = positions.get_mut(&before.key);
            let place = candidates.as_ref().and_then(|candidates| {
                candidates.iter().position(|index| slots.get(*index).and_then(Option::as_ref) == Some(&**before))
            });
            if let (Some(candidates), Some(place)) = (candidates, place) {
                let index = candidates.swap_remove(place);
                if let Some(slot) = slots.get_mut(index) {
                    *slot = None;
                }
            }
        }
        added.extend(after.map(|socket| (**socket).clone()));
    }
    sockets.extend(slots.into_iter().flatten());
    sockets.append(&mut added);
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;
    use sockscope_model::Timestamp;

    use super::*;

    fn snapshot(sockets: Vec<Socket>) -> Snapshot {
        let mut snapshot = Snapshot::new("linux", String::new(), Timestamp::from_micros(0));
        snapshot.sockets = sockets;
        snapshot
    }

    fn socket(local: &str, remote: Option<&str>, tag: Tag, state: Option<State>) -> Socket {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let key = SocketKey { protocol: Protocol::Tcp, local: parse(local), remote: remote.map(parse), tag };
        let mut socket = Socket::new(key);
        socket.state = state;
        socket
    }

    /// `-` closed, `~` changed, `+` opened.
    fn summary(before: &[Socket], after: &[Socket]) -> String {
        diff(&snapshot(before.to_vec()), &snapshot(after.to_vec()))
            .iter()
            .map(|change| match change {
                Change::Opened(_) => '+',
                Change::Changed { .. } => '~',
                Change::Closed(_) => '-',
                _ => '?',
            })
            .collect()
    }

    #[test]
    fn identity_outlives_what_changes() {
        let listen = |tag| socket("0.0.0.0:80", None, tag, Some(State::Listen));
        let open = |tag| socket("10.0.0.1:80", Some("1.1.1.1:9"), tag, Some(State::Established));
        let waiting = |tag| socket("10.0.0.1:80", Some("1.1.1.1:9"), tag, Some(State::TimeWait));
        let (cookie, inode) = (Tag::Cookie, Tag::Inode);
        for (name, before, after, expected) in [
            ("nothing", vec![listen(cookie(1))], vec![listen(cookie(1))], ""),
            ("closed and opened again", vec![listen(cookie(1))], vec![listen(cookie(2))], "-+"),
            ("bound socket connects", vec![listen(cookie(1))], vec![open(cookie(1))], "~"),
            ("time-wait keeps its cookie", vec![open(cookie(1))], vec![waiting(cookie(1))], "~"),
            ("time-wait loses its inode", vec![open(inode(1))], vec![waiting(Tag::None)], "~"),
            ("time-wait has inode 0", vec![open(inode(1))], vec![waiting(inode(0))], "~"),
            ("another connection's time-wait", vec![open(cookie(1))], vec![waiting(cookie(2))], "-+"),
            ("the next connection", vec![waiting(Tag::None)], vec![open(inode(5))], "-+"),
            ("twins", vec![listen(Tag::None); 3], vec![listen(Tag::None); 2], "-"),
            ("more twins", vec![listen(Tag::None); 1], vec![listen(Tag::None); 3], "++"),
            ("order", vec![listen(cookie(1)), open(cookie(2))], vec![open(cookie(2)), listen(cookie(1))], ""),
        ] {
            assert_eq!(summary(&before, &after), expected, "{name}");
        }
    }

    #[test]
    fn an_unchanged_twin_is_no_change() {
        let mut marked = socket("0.0.0.0:80", None, Tag::None, Some(State::Listen));
        let plain = marked.clone();
        marked.uid = Some(5);
        let mut other = plain.clone();
        other.uid = Some(6);
        assert_eq!(summary(&[plain.clone(), marked.clone()], &[marked, other]), "~");
    }

    #[test]
    fn namespaces_are_apart() {
        let mut here = socket("0.0.0.0:80", None, Tag::Cookie(1), Some(State::Listen));
        let mut there = here.clone();
        here.namespace = Some(1);
        there.namespace = Some(2);
        assert_eq!(summary(&[here], &[there]), "-+");
    }

    #[test]
    fn many_sockets_take_no_time() {
        let many = |from: u64| {
            (from..from + 20_000).map(|it| socket("0.0.0.0:80", None, Tag::Cookie(it), None)).collect::<Vec<_>>()
        };
        let changes = diff(&snapshot(many(0)), &snapshot(many(10_000)));
        assert_eq!(changes.len(), 20_000);
        let twins = vec![socket("0.0.0.0:80", None, Tag::None, None); 20_000];
        let mut others = twins.clone();
        others.iter_mut().enumerate().for_each(|(index, twin)| twin.uid = Some(index as u32));
        assert_eq!(diff(&snapshot(twins), &snapshot(others)).len(), 20_000);
    }

    fn any_socket() -> impl Strategy<Value = Socket> {
        let tag = prop_oneof![(0..4u64).prop_map(Tag::Cookie), (0..3u64).prop_map(Tag::Inode), Just(Tag::None),];
        let state = prop_oneof![Just(None), Just(Some(State::Established)), Just(Some(State::TimeWait))];
        (0..3u16, prop::option::of(0..2u16), tag, state, prop::option::of(0..2u32), prop::option::of(0..2u64)).prop_map(
            |(local, remote, tag, state, uid, namespace)| {
                let local = SocketAddr::from(([127, 0, 0, 1], local));
                let remote = remote.map(|port| SocketAddr::from(([127, 0, 0, 2], port)));
                let mut socket = Socket::new(SocketKey { protocol: Protocol::Tcp, local, remote, tag });
                socket.state = state;
                socket.uid = uid;
                socket.namespace = namespace;
                socket
            },
        )
    }

    fn sorted(sockets: &[Socket]) -> Vec<String> {
        let mut texts: Vec<String> = sockets.iter().map(|socket| format!("{socket:?}")).collect();
        texts.sort();
        texts
    }

    proptest! {
        #[test]
        fn every_socket_is_paired_once_or_told_once(
            before in prop::collection::vec(any_socket(), 0..20),
            after in prop::collection::vec(any_socket(), 0..20),
        ) {
            let pairs = Pairs::new(&snapshot(before.clone()), &snapshot(after.clone()));
            let paired = pairs.before.iter().flatten().copied();
            let mut old: Vec<usize> = paired.clone().chain(pairs.closed.iter().copied()).collect();
            old.sort_unstable();
            prop_assert_eq!(old, (0..before.len()).collect::<Vec<_>>());
            let new: Vec<usize> = (0..after.len()).filter(|index| pairs.before[*index].is_none()).collect();
            prop_assert_eq!(&pairs.opened, &new);
            for (old, new) in &pairs.changed {
                prop_assert_eq!(pairs.before[*new], Some(*old));
                prop_assert_ne!(&before[*old], &after[*new]);
            }
            // Nothing is both closed and opened under one identity, as far as one of each is left over.
            for closed in &pairs.closed {
                let identity = Identity::of(&before[*closed]);
                prop_assert!(pairs.opened.iter().all(|opened| Identity::of(&after[*opened]) != identity));
            }
        }

        #[test]
        fn applying_a_difference_gives_the_other(
            before in prop::collection::vec(any_socket(), 0..20),
            after in prop::collection::vec(any_socket(), 0..20),
        ) {
            let (before, after) = (snapshot(before), snapshot(after));
            let changes = diff(&before, &after);
            let mut sockets = before.sockets.clone();
            apply(&mut sockets, &changes);
            prop_assert_eq!(sorted(&sockets), sorted(&after.sockets));
            prop_assert!(diff(&after, &after).is_empty());
        }

        #[test]
        fn no_socket_is_closed_and_opened_under_one_identity(
            before in prop::collection::vec(any_socket(), 0..20),
            after in prop::collection::vec(any_socket(), 0..20),
        ) {
            let changes = diff(&snapshot(before), &snapshot(after));
            for closed in &changes {
                let Change::Closed(closed) = closed else { continue };
                for opened in &changes {
                    let Change::Opened(opened) = opened else { continue };
                    prop_assert_ne!(Identity::of(closed), Identity::of(opened));
                }
            }
        }
    }
}
