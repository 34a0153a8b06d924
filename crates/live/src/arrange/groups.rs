use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use foldhash::fast::RandomState;
use sockscope_core::Identity;
use sockscope_model::{NoOwner, Owners, Place, ProcessId, Protocol, Rate, Row, Socket, State, clean_address};

use super::{Arrangement, Line, Look, Mark};
use crate::identity::{GroupKey, digest};
use crate::settings::{Opened, Settings};
use crate::view::View;

/// Sockets that have something in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What.
    pub key: GroupKey,
    /// One of them, which has what all have; of a listener's, the listener.
    pub sample: Line,
    /// How many are there.
    pub sockets: u32,
    /// How many of these listen.
    pub listening: u32,
    /// How many are established.
    pub established: u32,
    /// Bytes a second.
    pub sending: u64,
    /// Bytes a second.
    pub receiving: u64,
    /// Bytes, of those that are there.
    pub sent: u64,
    /// Bytes, of those that are there.
    pub received: u64,
    /// How many went since the look before.
    pub gone: u32,
    /// What happened to the group.
    pub mark: Option<Mark>,
    /// Of an open group of a tree: its sockets, in order.
    pub(crate) members: Option<Vec<Line>>,
}

impl Group {
    fn new(key: GroupKey, sample: Line) -> Group {
        Group {
            key,
            sample,
            sockets: 0,
            listening: 0,
            established: 0,
            sending: 0,
            receiving: 0,
            sent: 0,
            received: 0,
            gone: 0,
            mark: None,
            members: None,
        }
    }

    /// Whether its sockets are shown below it.
    pub fn is_open(&self) -> bool {
        self.members.is_some()
    }

    /// How many neither listen nor are established.
    pub fn other(&self) -> u32 {
        self.sockets.saturating_sub(self.listening).saturating_sub(self.established)
    }

    pub(crate) fn rate(&self) -> Rate {
        Rate { sent: self.sending, received: self.receiving }
    }

    fn add(&mut self, row: &Row<'_>, line: Line) {
        if let Some(members) = &mut self.members {
            members.push(line);
        }
        if matches!(line, Line::Gone(_)) {
            self.gone += 1;
            return;
        }
        if matches!(self.sample, Line::Gone(_)) {
            self.sample = line;
        }
        self.sockets += 1;
        if row.socket.is_listening() {
            self.listening += 1;
        } else if row.socket.filter_state() == State::Established {
            self.established += 1;
        }
        if let Some(rate) = row.rate() {
            self.sending = self.sending.saturating_add(rate.sent);
            self.receiving = self.receiving.saturating_add(rate.received);
        }
        if let Some(traffic) = &row.socket.traffic {
            self.sent = self.sent.saturating_add(traffic.sent_bytes.unwrap_or(0));
            self.received = self.received.saturating_add(traffic.received_bytes.unwrap_or(0));
        }
    }
}

/// The groups of a view, in the order in which their first sockets stand.
pub(super) fn groups(look: &Look, settings: &Settings, rows: &[Line], former: Option<&Arrangement>) -> Vec<Group> {
    let tree = settings.tree.as_ref();
    let mut groups = match settings.view {
        View::Processes => by_process(look, rows, tree),
        View::Hosts => by_host(look, rows, tree),
        View::Countries => by_country(look, rows, tree),
        View::Listeners => by_listener(look, rows, tree),
        View::Services => by_service(look, rows, tree),
        View::Sockets => Vec::new(),
    };
    for group in &mut groups {
        group.mark = mark(group, look, former);
    }
    groups
}

/// Groups that appeared or went; in one that stays, what went or came is seen by the numbers.
fn mark(group: &Group, look: &Look, former: Option<&Arrangement>) -> Option<Mark> {
    if group.sockets == 0 {
        return Some(Mark::Gone);
    }
    // Only against the look before: what other settings show is not new.
    let former = former?;
    let before = former.group_of(digest(&group.key));
    if former.look.number == look.number {
        return before.and_then(|before| before.mark);
    }
    match before {
        None => Some(Mark::New),
        Some(before) if before.sockets == 0 => Some(Mark::New),
        Some(before) if before.sockets != group.sockets || group.gone > 0 => Some(Mark::Changed),
        Some(_) => None,
    }
}

/// Groups by a key that is cheaper than [`GroupKey`].
struct Groups<'a, K> {
    by_key: HashMap<K, usize, RandomState>,
    all: Vec<Group>,
    /// Of a tree: which groups keep their sockets.
    tree: Option<&'a Opened>,
}

impl<K: Hash + Eq> Groups<'_, K> {
    fn new(tree: Option<&Opened>) -> Groups<'_, K> {
        Groups { by_key: HashMap::default(), all: Vec::new(), tree }
    }

    fn add(&mut self, key: K, row: &Row<'_>, line: Line, group_key: impl FnOnce() -> GroupKey) {
        let index = *self.by_key.entry(key).or_insert_with(|| {
            let mut group = Group::new(group_key(), line);
            group.members = self.tree.filter(|tree| tree.is_open(&group.key)).map(|_| Vec::new());
            self.all.push(group);
            self.all.len() - 1
        });
        if let Some(group) = self.all.get_mut(index) {
            group.add(row, line);
        }
    }
}

fn by_process(look: &Look, rows: &[Line], tree: Option<&Opened>) -> Vec<Group> {
    #[derive(PartialEq, Eq, Hash)]
    enum Key {
        Process(ProcessId),
        Nobody(NoOwner),
    }
    let mut groups = Groups::new(tree);
    each(look, rows, |line, row| match &row.socket.owners {
        Owners::Processes(owners) => {
            for owner in owners {
                let id = owner.process;
                groups.add(Key::Process(id), row, line, || GroupKey::Process(id));
            }
        }
        Owners::Nobody(reason) => groups.add(Key::Nobody(*reason), row, line, || GroupKey::Nobody(*reason)),
    });
    groups.all
}

fn by_host(look: &Look, rows: &[Line], tree: Option<&Opened>) -> Vec<Group> {
    let mut groups = Groups::new(tree);
    each(look, rows, |line, row| {
        if let Some(remote) = row.socket.key.remote {
            let host = clean_address(remote.ip());
            groups.add(host, row, line, || GroupKey::Host(host));
        }
    });
    groups.all
}

fn by_country(look: &Look, rows: &[Line], tree: Option<&Opened>) -> Vec<Group> {
    let mut groups = Groups::new(tree);
    each(look, rows, |line, row| {
        if row.socket.key.remote.is_some() {
            let country = row.place().and_then(country);
            groups.add(country.map(str::to_owned), row, line, || GroupKey::Country(country.map(Arc::from)));
        }
    });
    groups.all
}

/// The country, or, where the place is no country (a private address), what it is.
fn country(place: &Place) -> Option<&str> {
    let country = place.country.as_deref().or(place.country_code.as_deref());
    country.or(Some(place.text.as_str())).filter(|text| !text.is_empty())
}

fn by_service(look: &Look, rows: &[Line], tree: Option<&Opened>) -> Vec<Group> {
    let mut groups = Groups::new(tree);
    each(look, rows, |line, row| {
        let service = service(row);
        groups.add(service, row, line, || GroupKey::Service(service.map(Arc::from)));
    });
    groups.all
}

/// The service of the first owner that is one.
fn service<'a>(row: &Row<'a>) -> Option<&'a str> {
    let snapshot = row.snapshot();
    row.socket.owners.processes().iter().find_map(|owner| snapshot.service(row.socket, owner))
}

type Door = (Option<u64>, Protocol, IpAddr, u16);

/// What comes in does so at the listener's own address, or at that of a listener for all addresses.
fn doors(socket: &Socket) -> [Door; 4] {
    let key = &socket.key;
    let door = |address| (socket.namespace, key.protocol, address, key.local.port());
    let local = key.local.ip();
    let clean = clean_address(local);
    let any: IpAddr = if clean.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    [door(local), door(clean), door(any), door(Ipv6Addr::UNSPECIFIED.into())]
}

fn by_listener(look: &Look, rows: &[Line], tree: Option<&Opened>) -> Vec<Group> {
    let mut groups: Groups<'_, Door> = Groups::new(tree);
    each(look, rows, |line, row| {
        if row.socket.is_listening() {
            let [door, ..] = doors(row.socket);
            groups.add(door, row, line, || GroupKey::Listener(Identity::of(row.socket)));
        }
    });
    each(look, rows, |line, row| {
        if !row.socket.is_listening() && row.socket.key.remote.is_some() {
            let found = doors(row.socket).iter().find_map(|door| groups.by_key.get(door)).copied();
            if let Some(group) = found.and_then(|index| groups.all.get_mut(index)) {
                let sample = group.sample;
                group.add(row, line);
                group.sample = sample;
            }
        }
    });
    groups.all
}

fn each<'a>(look: &'a Look, rows: &[Line], mut visit: impl FnMut(Line, &Row<'a>)) {
    for line in rows {
        if let Some(row) = look.row(*line) {
            visit(*line, &row);
        }
    }
}

/// Decides which sockets stay.
pub(super) struct Keeper<'a> {
    settings: &'a Settings,
    /// For the sockets of a listener, its door; and whether another listener is nearer is looked up there.
    doors: Option<(Door, HashMap<Door, (), RandomState>)>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(look: &Look, settings: &'a Settings) -> Keeper<'a> {
        let mut keeper = Keeper { settings, doors: None };
        if let Some(GroupKey::Listener(identity)) = &settings.within {
            let mut doors: HashMap<Door, (), RandomState> = HashMap::default();
            let mut own = None;
            for socket in look.frame.snapshot.sockets.iter().filter(|socket| socket.is_listening()) {
                let [door, ..] = self::doors(socket);
                doors.insert(door, ());
                if Identity::of(socket) == *identity {
                    own = Some(door);
                }
            }
            keeper.doors = own.map(|own| (own, doors));
        }
        keeper
    }

    pub(super) fn keeps(&self, row: &Row<'_>) -> bool {
        let [fixed, typed] = &self.settings.filters;
        self.is_within(row) && fixed.matches(row) && typed.matches(row)
    }

    fn is_within(&self, row: &Row<'_>) -> bool {
        let Some(group) = &self.settings.within else { return true };
        let socket = row.socket;
        match group {
            GroupKey::Process(id) => socket.owners.processes().iter().any(|owner| owner.process == *id),
            GroupKey::Nobody(reason) => socket.owners.reason() == Some(*reason),
            GroupKey::Host(host) => socket.key.remote.is_some_and(|remote| clean_address(remote.ip()) == *host),
            GroupKey::Country(of) => socket.key.remote.is_some() && row.place().and_then(country) == of.as_deref(),
            GroupKey::Service(of) => service(row) == of.as_deref(),
            GroupKey::Listener(identity) => {
                if socket.is_listening() {
                    let door = doors(socket);
                    return match &self.doors {
                        Some((own, _)) => door.first() == Some(own),
                        None => Identity::of(socket) == *identity,
                    };
                }
                let Some((own, all)) = &self.doors else { return false };
                socket.key.remote.is_some() && doors(socket).iter().find(|door| all.contains_key(door)) == Some(own)
            }
        }
    }
}
