//! A filter as it is evaluated: a tree of tests whose values were prepared when it was read.

use std::cell::RefCell;
use std::net::IpAddr;

use regex::Regex;
use sockscope_model::{AddressBlock, Family, Field, Process, Protocol, Row, Socket, State, StateSet, Value};

use super::address::{Scope, Zone};
use super::quantity::Ranges;
use super::text::{Matcher, Scratch};

/// Tests and how they are connected. As deep as the filter is nested, which the parser limits; so recursion is safe.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// All of them; empty: true.
    All(Vec<Node>),
    /// Any of them; empty: false.
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Test),
}

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Local,
    Remote,
}

/// One question about a row.
#[derive(Debug, Clone)]
pub(super) enum Test {
    States(StateSet),
    /// A number that no one knows.
    UnknownState(u32),
    Protocol(Protocol),
    Family(Family),
    HasPeer,
    /// Unspecified where there is no peer.
    Block(Side, AddressBlock),
    /// 0 where there is no peer.
    Port(Side, Ranges),
    /// The interface that makes a link-local address unique.
    Zone(Side, Zone),
    AddressText(Side, Regex),
    /// Of the peer, else of the local address.
    Scope(Scope),
    /// Bound to this interface; index 0: to none.
    Interface(Zone),
    Mark {
        value: u32,
        mask: u32,
    },
    Autobound,
    Number(NumberSource, Ranges),
    NumberText(NumberSource, Regex),
    Text(TextSource, Matcher),
}

/// Where numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberSource {
    Field(Field),
    /// Microseconds since the socket was made.
    Age,
    /// The users of the socket and of its owners.
    Users,
}

/// Where text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextSource {
    Field(Field),
    /// The user who made the socket, and the users of its owners.
    Users,
    /// The country's name or code.
    Country,
    /// The place's text, or its country, region or city.
    Place,
}

thread_local! {
    /// Where a command line is put together, once for all rows.
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Node {
    pub(super) fn matches(&self, row: &Row<'_>) -> bool {
        match self {
            Node::All(nodes) => nodes.iter().all(|node| node.matches(row)),
            Node::Any(nodes) => nodes.iter().any(|node| node.matches(row)),
            Node::Not(node) => !node.matches(row),
            Node::Test(test) => test.matches(row),
        }
    }

    /// All of them, without needless levels, the cheap questions first.
    pub(super) fn all(nodes: Vec<Node>) -> Node {
        let mut flat = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Node::All(inner) => flat.extend(inner),
                node => flat.push(node),
            }
        }
        flat.sort_by_key(Node::cost);
        single(flat, Node::All)
    }

    /// Any of them, without needless levels, the cheap questions first; ports, states and numbers become one question.
    pub(super) fn any(nodes: Vec<Node>) -> Node {
        let mut flat: Vec<Node> = Vec::with_capacity(nodes.len());
        let mut states: Option<StateSet> = None;
        let mut numbers: Vec<(NumberKey, Vec<(u64, u64)>)> = Vec::new();
        let mut add = |node: Node| match node {
            Node::Test(Test::States(set)) => states = Some(states.map_or(set, |states| states.or(set))),
            Node::Test(Test::Port(side, ranges)) => collect(&mut numbers, NumberKey::Port(side), &ranges),
            Node::Test(Test::Number(source, ranges)) => collect(&mut numbers, NumberKey::Number(source), &ranges),
            node => flat.push(node),
        };
        for node in nodes {
            match node {
                Node::Any(inner) => inner.into_iter().for_each(&mut add),
                node => add(node),
            }
        }
        flat.extend(states.map(|set| Node::Test(Test::States(set))));
        for (key, ranges) in numbers {
            let ranges = Ranges::union(ranges);
            flat.push(Node::Test(match key {
                NumberKey::Port(side) => Test::Port(side, ranges),
                NumberKey::Number(source) => Test::Number(source, ranges),
            }));
        }
        flat.sort_by_key(Node::cost);
        single(flat, Node::Any)
    }

    pub(super) fn negate(self) -> Node {
        match self {
            Node::Not(node) => *node,
            Node::Test(Test::States(set)) => Node::Test(Test::States(set.complement())),
            node => Node::Not(Box::new(node)),
        }
    }

    /// Visits every test.
    pub(super) fn each(&self, visit: &mut dyn FnMut(&Test)) {
        match self {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| node.each(visit)),
            Node::Not(node) => node.each(visit),
            Node::Test(test) => visit(test),
        }
    }

    /// For ordering only: the dearest test below.
    fn cost(&self) -> u8 {
        match self {
            Node::All(nodes) | Node::Any(nodes) => nodes.last().map_or(0, Node::cost),
            Node::Not(node) => node.cost(),
            Node::Test(test) => match test {
                Test::Number(NumberSource::Users, _) => 3,
                Test::Number(NumberSource::Field(field), _) if field.needs_owners() => 3,
                Test::Number(..) | Test::Interface(Zone::Name(_)) | Test::Zone(_, Zone::Name(_)) => 2,
                Test::Text(_, matcher) if !matcher.needs_whole() => 4,
                Test::Text(..) => 5,
                Test::AddressText(..) | Test::NumberText(..) => 6,
                _ => 1,
            },
        }
    }
}

#[derive(PartialEq)]
enum NumberKey {
    Port(Side),
    Number(NumberSource),
}

/// There are few keys, so a search from the front is fine.
fn collect(numbers: &mut Vec<(NumberKey, Vec<(u64, u64)>)>, key: NumberKey, ranges: &Ranges) {
    match numbers.iter_mut().find(|(other, _)| *other == key) {
        Some((_, all)) => all.extend_from_slice(ranges.as_slice()),
        None => numbers.push((key, ranges.as_slice().to_vec())),
    }
}

fn single(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(node) if nodes.is_empty() => node,
        Some(node) => {
            nodes.push(node);
            many(nodes)
        }
        None => many(nodes),
    }
}

impl Test {
    fn matches(&self, row: &Row<'_>) -> bool {
        let socket = row.socket;
        match self {
            Test::States(set) => set.contains(socket.filter_state()),
            Test::UnknownState(number) => socket.filter_state() == State::Other(*number),
            Test::Protocol(protocol) => socket.key.protocol == *protocol,
            Test::Family(family) => socket.family() == *family,
            Test::HasPeer => socket.key.remote.is_some(),
            Test::Block(side, block) => block.contains_mapped(address(socket, *side)),
            Test::Port(side, ranges) => ranges.contains(u64::from(port(socket, *side))),
            Test::Zone(side, zone) => scope_id(socket, *side).is_some_and(|index| zone_matches(row, index, zone)),
            Test::AddressText(side, regex) => match side {
                Side::Remote if socket.key.remote.is_none() => false,
                side => regex.is_match(Scratch::of(address(socket, *side)).as_str()),
            },
            Test::Scope(scope) => scope.contains(socket.key.remote.unwrap_or(socket.key.local).ip()),
            Test::Interface(Zone::Index(index)) => socket.interface.unwrap_or(0) == *index,
            Test::Interface(zone) => socket.interface.is_some_and(|index| zone_matches(row, index, zone)),
            Test::Mark { value, mask } => socket.mark.is_some_and(|mark| mark & mask == *value),
            Test::Autobound => socket.autobound == Some(true),
            Test::Number(source, ranges) => any_number(row, *source, &mut |number| ranges.contains(number)),
            Test::NumberText(source, regex) => {
                any_number(row, *source, &mut |number| regex.is_match(Scratch::of(number).as_str()))
            }
            Test::Text(source, matcher) => any_text(row, *source, matcher),
        }
    }
}

fn address(socket: &Socket, side: Side) -> IpAddr {
    match (side, socket.key.remote) {
        (Side::Local, _) => socket.key.local.ip(),
        (Side::Remote, Some(remote)) => remote.ip(),
        (Side::Remote, None) => match socket.family() {
            Family::Ipv4 => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            Family::Ipv6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        },
    }
}

fn port(socket: &Socket, side: Side) -> u16 {
    match side {
        Side::Local => socket.key.local.port(),
        Side::Remote => socket.key.remote.map_or(0, |remote| remote.port()),
    }
}

fn scope_id(socket: &Socket, side: Side) -> Option<u32> {
    let endpoint = match side {
        Side::Local => Some(socket.key.local),
        Side::Remote => socket.key.remote,
    };
    match endpoint {
        Some(std::net::SocketAddr::V6(v6)) => Some(v6.scope_id()),
        _ => None,
    }
}

fn zone_matches(row: &Row<'_>, index: u32, zone: &Zone) -> bool {
    match zone {
        Zone::Index(wanted) => index == *wanted,
        Zone::Name(name) => row.snapshot().interfaces.get(&index) == Some(name),
    }
}

/// Whether any value passes; with several owners, any owner's.
fn any_number(row: &Row<'_>, source: NumberSource, passes: &mut dyn FnMut(u64) -> bool) -> bool {
    let socket = row.socket;
    match source {
        NumberSource::Age => socket.opened.is_some_and(|opened| passes(row.snapshot().taken.micros_since(opened))),
        NumberSource::Users => {
            socket.uid.is_some_and(|uid| passes(u64::from(uid)))
                || row.processes().filter_map(|process| process.uid).any(|uid| passes(u64::from(uid)))
        }
        // These three without looking anything up, since they are asked most.
        NumberSource::Field(Field::OwnerPid) => {
            socket.owners.processes().iter().any(|owner| passes(u64::from(owner.process.pid)))
        }
        NumberSource::Field(Field::OwnerFds) => {
            socket.owners.processes().iter().flat_map(|owner| &owner.fds).any(|fd| passes(u64::from(*fd)))
        }
        NumberSource::Field(Field::Uid) => socket.uid.is_some_and(|uid| passes(u64::from(uid))),
        NumberSource::Field(field) => {
            let mut found = false;
            field.each(row, &mut |value| {
                found = found || value.as_ref().and_then(number_of).is_some_and(&mut *passes);
            });
            found
        }
    }
}

fn number_of(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Number(number) | Value::Bytes(number) | Value::Micros(number) | Value::Rate(number) => Some(*number),
        Value::Time(time) => u64::try_from(time.as_micros()).ok(),
        Value::Text(_) | Value::Address(_) | Value::State(_) => None,
    }
}

/// Whether any text passes; with several owners, any owner's.
fn any_text(row: &Row<'_>, source: TextSource, matcher: &Matcher) -> bool {
    let snapshot = row.snapshot();
    // Windows ignores case in the names of programs, files, users and services.
    let fold = snapshot.os == "windows";
    let passes = |text: &str| matcher.matches(text, fold);
    match source {
        TextSource::Users => {
            let user = |name: &str| {
                // `DOMAIN\name` is also just `name`.
                passes(name) || name.rsplit_once('\\').is_some_and(|(_, name)| passes(name))
            };
            snapshot.user(row.socket).is_some_and(user)
                || row.processes().any(|process| process.user.as_deref().is_some_and(user))
        }
        TextSource::Country => row
            .place()
            .is_some_and(|place| [&place.country_code, &place.country].into_iter().flatten().any(|text| passes(text))),
        TextSource::Place => row.place().is_some_and(|place| {
            passes(&place.text)
                || [&place.country, &place.region, &place.city].into_iter().flatten().any(|text| passes(text))
        }),
        TextSource::Field(Field::OwnerName) => row.processes().any(|process| {
            // Linux keeps the first 15 bytes of a name.
            passes(&process.name)
                // On Windows a program is mostly called by its name alone.
                || (fold && without_exe(&process.name).is_some_and(passes))
                || (process.name.len() == 15
                    && snapshot.os == "linux"
                    && matcher.exact().is_some_and(|name| name.len() > 15 && name.starts_with(&process.name)))
        }),
        TextSource::Field(Field::OwnerService) => {
            let owners = row.socket.owners.processes().iter();
            owners.filter_map(|owner| snapshot.service(row.socket, owner)).any(|name| {
                // A systemd unit is mostly called by its name alone.
                passes(name) || name.strip_suffix(".service").is_some_and(passes)
            })
        }
        TextSource::Field(Field::OwnerPath) => {
            row.processes().filter_map(|process| process.path.as_deref()).any(|path| passes(&path.to_string_lossy()))
        }
        TextSource::Field(Field::OwnerCommandLine) => {
            row.processes().any(|process| command_passes(process, matcher, fold))
        }
        TextSource::Field(field) => {
            let mut found = false;
            field.each(row, &mut |value| {
                if let Some(Value::Text(text)) = value {
                    found = found || passes(&text);
                }
            });
            found
        }
    }
}

/// `curl` of `curl.exe`.
fn without_exe(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    extension.eq_ignore_ascii_case("exe").then_some(stem)
}

fn command_passes(process: &Process, matcher: &Matcher, fold: bool) -> bool {
    let arguments = match process.command_line.as_deref() {
        None => return false,
        Some([one]) => return matcher.matches(one, fold),
        Some(arguments) => arguments,
    };
    let compare = |line: &mut String| {
        line.clear();
        for (index, argument) in arguments.iter().enumerate() {
            if index > 0 {
                line.push(' ');
            }
            line.push_str(argument);
        }
        matcher.matches(line, fold)
    };
    LINE.with(|line| match line.try_borrow_mut() {
        Ok(mut line) => compare(&mut line),
        Err(_) => compare(&mut String::new()),
    })
}
