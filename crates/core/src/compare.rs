use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use sockscope_model::{
    Cause, Comparison, Difference, ErrorKind, Family, NoOwner, Owners, Protocol, Snapshot, Socket, SourceChoice,
    SourceError, State, StateSet, Testimony, Timestamp, Witness,
};

/// All that is said of one socket, and where that does not go together.
mod case;
/// How it went with each witness.
mod heard;
/// What each witness can't show, and why.
mod knowledge;

use case::Case;
use heard::Heard;

/// Holds what several witnesses say against one another, round by round.
///
/// A round asks every witness once. What one of them lacks in every round in which another has it, though the socket was
/// there all the time and the witness could show it, is [`Cause::Unexplained`]: somebody hides it.
///
/// The probe of ports may be asked in some of the rounds. Where there are several, a port is hidden only if two probes found
/// it in use: one alone may have met a socket that was there for a moment, after the lists and before the next.
#[derive(Debug, Default)]
pub struct Comparer {
    /// Rounds that are over.
    rounds: u32,
    heard: Vec<Heard>,
    /// What the tables list.
    listed: HashMap<Key, Listed, RandomState>,
    /// What processes hold, by inode.
    held: HashMap<u64, Held, RandomState>,
    /// Ports that a probe found in use.
    in_use: HashMap<(Protocol, Family, u16), InUse, RandomState>,
    /// Ports that some row accounts for, and in which rounds.
    ports: HashMap<(Protocol, Family, u16), Rounds, RandomState>,
    /// A snapshot without rows, for the names of everything.
    names: Option<Snapshot>,
}

/// Bit n: round n.
type Rounds = u32;

/// What witnesses agree on if they speak of one socket. Scopes are left out, since some sources lack them; the last is the
/// inode.
type Key = (Protocol, (IpAddr, u16), Option<(IpAddr, u16)>, Option<u64>);

/// What the tables say of sockets with one key: mostly one socket, but where there are no inodes there may be several.
#[derive(Debug)]
struct Listed {
    /// As the best of the witnesses describes each.
    sockets: Vec<Socket>,
    by: Vec<Sighting>,
}

/// What one witness says of the sockets with one key.
#[derive(Debug)]
struct Sighting {
    /// Its place in [`Comparer::heard`].
    witness: usize,
    /// For each of the sockets, the rounds in which it named as many.
    rounds: Vec<Rounds>,
    states: StateSet,
    pids: BTreeSet<u32>,
    /// Rounds in which it named an owner.
    owned: Rounds,
    reason: Option<NoOwner>,
    quirks: Vec<String>,
}

#[derive(Debug)]
struct Held {
    socket: Socket,
    rounds: Rounds,
    states: StateSet,
}

#[derive(Debug)]
struct InUse {
    socket: Socket,
    rounds: Rounds,
}

impl Comparer {
    /// As many rounds are told apart; what is heard in later ones is not taken in.
    pub const MOST_ROUNDS: u32 = Rounds::BITS;

    /// Nobody was heard yet.
    pub fn new() -> Comparer {
        Comparer::default()
    }

    /// Takes in what a witness says, or why it could not be heard. Nothing of it is kept but each socket once.
    pub fn hear(&mut self, witness: Witness, outcome: Result<Testimony, SourceError>) {
        let Some(round) = 1u32.checked_shl(self.rounds) else { return };
        let place = self.heard.iter().position(|it| it.witness == witness).unwrap_or_else(|| {
            self.heard.push(Heard::new(witness));
            self.heard.len() - 1
        });
        let Some(heard) = self.heard.get_mut(place) else { return };
        heard.asked |= round;
        let testimony = match outcome {
            Ok(testimony) => testimony,
            Err(error) => {
                heard.faulty |= matches!(error.kind, ErrorKind::Failed | ErrorKind::Malformed);
                heard.reason = Some(error.to_string());
                return;
            }
        };
        heard.spoke |= round;
        heard.rows = Some(testimony.snapshot.sockets.len() as u64);
        heard.note(&testimony, round);
        match &testimony.damaged {
            Some(reason) => {
                heard.faulty = true;
                heard.reason = Some(reason.clone());
            }
            None => heard.whole |= round,
        }
        let Testimony { mut snapshot, quirks, .. } = testimony;
        let sockets = std::mem::take(&mut snapshot.sockets);
        self.learn_names(snapshot);
        match witness {
            Witness::Source(choice) => self.take_list((place, choice), round, sockets, quirks),
            Witness::FdScan => self.take_held(round, sockets),
            _ => self.take_in_use(round, sockets),
        }
    }

    /// Says that every witness was asked once more.
    pub fn end_round(&mut self) {
        self.rounds = self.rounds.saturating_add(1).min(Comparer::MOST_ROUNDS);
    }

    /// How many rounds are over.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }

    /// Ports that were in use whenever a probe tried them, and that no row names: to try them again would tell more.
    pub fn unlisted_ports(&self) -> BTreeSet<u16> {
        let unlisted =
            self.in_use.iter().filter(|(port, it)| self.was_always_in_use(it) && self.accounted_for(**port) == 0);
        unlisted.map(|(port, _)| port.2).collect()
    }

    /// Whether no probe found the port free. One that was damaged may not have tried it.
    fn was_always_in_use(&self, in_use: &InUse) -> bool {
        let probed = self.heard.iter().find(|it| it.witness == Witness::BindProbe).map_or(0, |it| it.whole);
        probed & !in_use.rounds == 0
    }

    /// Rounds in which some row accounts for the port's being in use.
    fn accounted_for(&self, port: (Protocol, Family, u16)) -> Rounds {
        self.ports.get(&port).copied().unwrap_or(0)
    }

    fn learn_names(&mut self, snapshot: Snapshot) {
        let Some(names) = &mut self.names else {
            self.names = Some(Snapshot { notices: Vec::new(), sources: Vec::new(), ..snapshot });
            return;
        };
        // Who was asked first was asked for more.
        for (id, process) in snapshot.processes {
            names.processes.entry(id).or_insert(process);
        }
        names.users.extend(snapshot.users);
        names.interfaces.extend(snapshot.interfaces);
        names.cgroups.extend(snapshot.cgroups);
        names.namespaces.extend(snapshot.namespaces);
    }

    fn take_list(
        &mut self,
        (witness, choice): (usize, SourceChoice),
        round: Rounds,
        sockets: Vec<Socket>,
        quirks: Vec<(usize, String)>,
    ) {
        let rank = rank(choice);
        let mut quirks_of: HashMap<usize, Vec<String>> = HashMap::new();
        for (row, quirk) in quirks {
            quirks_of.entry(row).or_default().push(quirk);
        }
        let mut groups: HashMap<Key, Vec<(Socket, Vec<String>)>, RandomState> = HashMap::default();
        for (row, socket) in sockets.into_iter().enumerate() {
            self.note_port(Witness::Source(choice), &socket, round);
            let quirks = quirks_of.remove(&row).unwrap_or_default();
            // A vector's first push makes room for four, and nearly all groups are of one.
            match groups.entry(key(&socket)) {
                Entry::Vacant(group) => _ = group.insert(vec![(socket, quirks)]),
                Entry::Occupied(mut group) => group.get_mut().push((socket, quirks)),
            }
        }
        for (key, mut group) in groups {
            // Twins are told apart by what there is, so that the order of rows means nothing.
            group.sort_by_cached_key(|(socket, quirks)| {
                (socket.state, pids(socket).collect::<Vec<_>>(), socket.owners.reason(), socket.opened, quirks.clone())
            });
            // An inode is one socket's, however often the row is given.
            if key.3.is_some() {
                group.truncate(1);
            }
            let listed = self.listed.entry(key).or_insert_with(|| Listed { sockets: Vec::new(), by: Vec::new() });
            let best = listed.by.iter().all(|it| self.heard.get(it.witness).is_none_or(|it| rank <= it.rank()));
            let sighting = sighting(&mut listed.by, witness);
            for (twin, (socket, quirks)) in group.into_iter().enumerate() {
                sighting.add(twin, round, &socket, quirks);
                match listed.sockets.get_mut(twin) {
                    Some(known) if best => *known = socket,
                    Some(_) => {}
                    None => {
                        listed.sockets.reserve_exact(1);
                        listed.sockets.push(socket);
                    }
                }
            }
        }
    }

    fn take_held(&mut self, round: Rounds, mut sockets: Vec<Socket>) {
        sockets.sort_by_cached_key(key);
        for socket in sockets {
            self.note_port(Witness::FdScan, &socket, round);
            let Some(inode) = socket.inode else { continue };
            let states = comparable(socket.state);
            match self.held.get_mut(&inode) {
                Some(held) => {
                    held.rounds |= round;
                    held.states = held.states.or(states);
                    held.socket = socket;
                }
                None => _ = self.held.insert(inode, Held { socket, rounds: round, states }),
            }
        }
    }

    /// A row accounts for its port, in whichever family its socket keeps others from binding it.
    fn note_port(&mut self, witness: Witness, socket: &Socket, round: Rounds) {
        for family in knowledge::families_held(witness, socket.key.local.ip()) {
            *self.ports.entry((socket.key.protocol, *family, socket.key.local.port())).or_default() |= round;
        }
    }

    fn take_in_use(&mut self, round: Rounds, sockets: Vec<Socket>) {
        for socket in sockets {
            let port = (socket.key.protocol, socket.family(), socket.key.local.port());
            self.in_use.entry(port).or_insert(InUse { socket, rounds: 0 }).rounds |= round;
        }
    }

    /// What is known so far. Where something is unexplained, further rounds may explain it.
    ///
    /// The snapshot holds the sockets of the differences, in their order, and what the numbers of these refer to.
    pub fn comparison(&self) -> (Comparison, Snapshot) {
        let mut found: Vec<(Difference, Socket)> = Vec::new();
        let known: std::collections::HashSet<u64> = self.listed.keys().filter_map(|key| key.3).collect();
        for (key, listed) in &self.listed {
            let held = key.3.and_then(|inode| self.held.get(&inode));
            for (twin, socket) in listed.sockets.iter().enumerate() {
                found.extend(self.judge(&Case::of_listed(self, listed, twin, socket, held)));
            }
        }
        for (_, held) in self.held.iter().filter(|(inode, _)| !known.contains(inode)) {
            found.extend(self.judge(&Case::of_held(self, held)));
        }
        for (port, in_use) in &self.in_use {
            found.extend(self.judge_port(*port, in_use));
        }
        found.sort_by_cached_key(|(difference, socket)| {
            let (_, (local, port), remote, inode) = key(socket);
            (difference.cause, socket.key.protocol, port, local, remote, inode, socket.state, difference.detail.clone())
        });
        let mut snapshot =
            self.names.clone().unwrap_or_else(|| Snapshot::new("", String::new(), Timestamp::from_micros(0)));
        let differences;
        (differences, snapshot.sockets) = found.into_iter().unzip();
        let sources = self.heard.iter().map(Heard::verdict).collect();
        (Comparison { rounds: self.rounds, sources, differences }, snapshot)
    }

    /// All rounds that are over.
    fn all(&self) -> Rounds {
        1u32.checked_shl(self.rounds).map_or(Rounds::MAX, |bit| bit - 1)
    }

    fn judge(&self, case: &Case<'_>) -> Option<(Difference, Socket)> {
        let all = self.all();
        let (mut seen_by, mut missing_from) = (Vec::new(), Vec::new());
        // Rounds in which one of those that know the socket was heard: it was away where none of them named it then.
        let mut knowable = 0;
        let (mut sometimes, mut missing) = (Vec::new(), Vec::new());
        for (place, heard) in self.heard.iter().enumerate().filter(|(_, it)| it.witness != Witness::BindProbe) {
            let seen = case.seen.get(place).copied().unwrap_or(0);
            let missed = heard.whole & case.present & !seen;
            if seen != 0 {
                seen_by.push(heard.witness);
                knowable |= heard.spoke;
                if missed != 0 {
                    sometimes.push(format!("{} missed it in {}", heard.witness.name(), rounds_text(missed)));
                }
            } else if missed != 0 {
                missing_from.push(heard.witness);
                missing.push((heard, missed));
            }
        }
        let away = knowable & all & !case.present;
        let (mut why_not_shown, mut puzzles) = (Vec::new(), Vec::new());
        for (heard, missed) in missing {
            // What might have been in the way is no reason where the socket itself was away.
            let may = heard.partial.as_ref().filter(|limit| away == 0 && limit.covers(missed));
            match heard.cannot_show(case, missed).or_else(|| may.map(|limit| limit.why.clone())) {
                Some(why) => why_not_shown.push(format!("{}: {why}", heard.witness.name())),
                None => puzzles.push(heard),
            }
        }
        let contradictions = if away == 0 && sometimes.is_empty() { case.contradictions(self) } else { Vec::new() };
        let mut words = Vec::new();
        let cause = if !contradictions.is_empty() || !puzzles.is_empty() && away == 0 {
            words.extend(puzzles.iter().map(|heard| heard.puzzle(case, self.rounds)));
            words.extend(contradictions);
            Cause::Unexplained
        } else if !sometimes.is_empty() || !puzzles.is_empty() {
            if away != 0 {
                words.push(came_and_went(case.present, all));
            }
            words.append(&mut sometimes);
            Cause::Churn
        } else if !missing_from.is_empty() {
            Cause::NotShown
        } else if !case.quirks.is_empty() {
            Cause::SameMeaning
        } else {
            return None;
        };
        words.append(&mut why_not_shown);
        words.extend(case.quirks.iter().map(|(witness, quirk)| format!("{}: {quirk}", witness.name())));
        let mut socket = case.socket.clone();
        if let (Owners::Nobody(_), Some(held)) = (&socket.owners, case.held)
            && let Owners::Processes(_) = held.socket.owners
        {
            socket.owners = held.socket.owners.clone();
        }
        Some((Difference { seen_by, missing_from, cause, detail: words.join("; ") }, socket))
    }

    /// A port that a probe could not bind.
    fn judge_port(&self, port: (Protocol, Family, u16), in_use: &InUse) -> Option<(Difference, Socket)> {
        let (protocol, ..) = port;
        let named = self.accounted_for(port);
        if in_use.rounds & !named == 0 {
            return None;
        }
        let others = self.heard.iter().filter(|it| it.witness != Witness::BindProbe && it.whole & in_use.rounds != 0);
        let missing_from: Vec<Witness> =
            if named == 0 { others.clone().map(|it| it.witness).collect() } else { vec![] };
        let often = self.rounds == 1 || in_use.rounds.count_ones() > 1;
        let (cause, detail) = if named != 0 || !often || !self.was_always_in_use(in_use) {
            let detail = format!(
                "the port was in use in {} while no source listed a socket on it",
                rounds_text(in_use.rounds & !named)
            );
            (Cause::Churn, detail)
        } else if let Some(why) = self.unseen_holder(protocol, in_use.rounds) {
            (Cause::NotShown, format!("the port can't be bound, and no source lists a socket on it: {why}"))
        } else {
            let mut detail = format!(
                "the port can't be bound, and no source lists a socket on it {}: something holds it unseen",
                in_rounds(self.rounds)
            );
            let doubt = self.heard.iter().find_map(|it| it.lacks_bound.as_ref()).filter(|_| protocol == Protocol::Tcp);
            if let Some(limit) = doubt {
                detail.push_str(&format!(", unless a socket is bound to it and no more ({})", limit.why));
            }
            (Cause::Unexplained, detail)
        };
        let seen_by = vec![Witness::BindProbe];
        Some((Difference { seen_by, missing_from, cause, detail }, in_use.socket.clone()))
    }

    /// Why a port may be in use, in those rounds, by a socket that nobody could list: damaged tables, or a socket that is
    /// only bound, which not every system lists and an ordinary user can't find among descriptors.
    fn unseen_holder(&self, protocol: Protocol, rounds: Rounds) -> Option<String> {
        let mut tables = self.heard.iter().filter(|it| matches!(it.witness, Witness::Source(_)));
        let lists = |it: &Heard| {
            let lacks = it.lacks.iter().filter(|lack| lack.0 == protocol).fold(0, |all, lack| all | lack.2.rounds);
            it.whole & rounds & !lacks != 0
        };
        if !tables.clone().any(lists) {
            return Some("no source that could be heard wholly lists such sockets".to_owned());
        }
        // Where descriptors can't be looked at either (Windows), better an alarm that names its doubt than none.
        let shows_bound = |it: &Heard| {
            let named_doubt = it.witness == Witness::Source(SourceChoice::GetExtendedTable);
            let lacks = it.lacks_bound.as_ref().filter(|_| !named_doubt).map_or(0, |limit| limit.rounds);
            knowledge::shows_bound(it.witness) && it.whole & rounds & !lacks != 0
        };
        if protocol != Protocol::Tcp || tables.any(shows_bound) {
            return None;
        }
        match self.heard.iter().find(|it| it.witness == Witness::FdScan && it.whole & rounds != 0) {
            Some(scan) => {
                let partial = scan.partial.as_ref().filter(|limit| limit.covers(scan.whole & rounds));
                partial.map(|limit| format!("it may be bound and no more, and {}", limit.why))
            }
            None => Some("it may be bound and no more, which no source that could be heard shows".to_owned()),
        }
    }
}

impl Sighting {
    fn add(&mut self, twin: usize, round: Rounds, socket: &Socket, quirks: Vec<String>) {
        match self.rounds.get_mut(twin) {
            Some(rounds) => *rounds |= round,
            None => self.rounds.push(round),
        }
        self.states = self.states.or(comparable(socket.state));
        self.pids.extend(pids(socket));
        match socket.owners.reason() {
            None => self.owned |= round,
            Some(reason) => self.reason = Some(reason),
        }
        for quirk in quirks {
            if !self.quirks.contains(&quirk) {
                self.quirks.push(quirk);
            }
        }
    }
}

/// The witness' among the sightings, a new one if it had none.
fn sighting(by: &mut Vec<Sighting>, witness: usize) -> &mut Sighting {
    let place = by.iter().position(|it| it.witness == witness).unwrap_or(by.len());
    if place == by.len() {
        by.reserve_exact(1);
        by.push(Sighting {
            witness,
            rounds: Vec::new(),
            states: StateSet::NONE,
            pids: BTreeSet::new(),
            owned: 0,
            reason: None,
            quirks: Vec::new(),
        });
    }
    #[expect(clippy::indexing_slicing, reason = "it was found, or pushed just now")]
    &mut by[place]
}

/// Whose description of a socket says most, lowest first.
fn rank(choice: SourceChoice) -> u8 {
    match choice {
        SourceChoice::SockDiag | SourceChoice::GetExtendedTable => 0,
        SourceChoice::GetTable => 2,
        _ => 1,
    }
}

fn key(socket: &Socket) -> Key {
    let sockscope_model::SocketKey { protocol, local, remote, .. } = socket.key;
    (protocol, (local.ip(), local.port()), remote.map(|it| (it.ip(), it.port())), socket.inode)
}

fn pids(socket: &Socket) -> impl Iterator<Item = u32> + '_ {
    socket.owners.processes().iter().map(|owner| owner.process.pid)
}

/// States that may be held against one another: to a descriptor that was asked, a bound socket is a closed one.
fn comparable(state: Option<State>) -> StateSet {
    match state {
        None => StateSet::NONE,
        Some(State::Bound) => StateSet::NONE.with(State::Closed),
        Some(state) => StateSet::NONE.with(state),
    }
}

/// `in any of 3 rounds`.
fn in_rounds(rounds: u32) -> String {
    if rounds == 1 { "in the one round".to_owned() } else { format!("in any of {rounds} rounds") }
}

/// `round 2`, `rounds 1, 3`.
fn rounds_text(rounds: Rounds) -> String {
    let numbers: Vec<String> =
        (0..Rounds::BITS).filter(|bit| rounds >> bit & 1 == 1).map(|bit| (bit + 1).to_string()).collect();
    format!("{} {}", if numbers.len() == 1 { "round" } else { "rounds" }, numbers.join(", "))
}

/// What became of a socket that was not there all the time.
fn came_and_went(present: Rounds, all: Rounds) -> String {
    let first = present.trailing_zeros();
    let behind = Rounds::BITS - present.leading_zeros();
    let unbroken = present.count_ones() == behind.saturating_sub(first);
    let (from_start, to_end) = (present & 1 == 1, present > all >> 1);
    match (unbroken, from_start, to_end) {
        (true, false, true) => format!("it came in round {}", first + 1),
        (true, true, false) => format!("it was gone after round {behind}"),
        _ => format!("it came and went: there in {}", rounds_text(present)),
    }
}

#[cfg(test)]
mod tests;
