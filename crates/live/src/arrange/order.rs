use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

use sockscope_core::{compare_sockets, compare_values};
use sockscope_model::{Field, Protocol, Row, Socket, Value};
use sockscope_output::Column;

use super::groups::Group;
use super::{Arrangement, Line, Look, in_former_order};
use crate::columns::Shown;
use crate::identity::digest;
use crate::labels;
use crate::settings::{Settings, Sort};

/// What lines are sorted by; the number decides among equal values.
pub(crate) type SortValue<'a> = (Option<Value<'a>>, u64);

/// Sorts sockets, beginning with the order of the look before: most of them still stand in it.
pub(super) fn sockets(look: &Look, settings: &Settings, rows: Vec<Line>, former: Option<&Arrangement>) -> Vec<Line> {
    let mut lines = match former {
        Some(former) => in_former_order(rows, former.lines.len(), |line| former.former_place(look, *line)),
        None => rows,
    };
    let socket = |line: Line| look.row(line).map(|row| row.socket);
    let usual = |left: Line, right: Line| match (socket(left), socket(right)) {
        (Some(left), Some(right)) => compare_sockets(left, right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    };
    let Sort { by, descending } = settings.sort;
    let Some(by) = by else {
        lines.sort_by(|left, right| if descending { usual(*right, *left) } else { usual(*left, *right) });
        return lines;
    };
    if let Some(Sort { by: Some(then), descending: then_descending }) = settings.then {
        let value = |by, line| look.row(line).map_or((None, 0), |row| socket_value(by, &row, look, line));
        let mut valued: Vec<(SortValue<'_>, SortValue<'_>, Line)> =
            lines.into_iter().map(|line| (value(by, line), value(then, line), line)).collect();
        valued.sort_by(|(left, left_then, left_line), (right, right_then, right_line)| {
            let first = compare(left, right, descending);
            let second = first.then_with(|| compare(left_then, right_then, then_descending));
            second.then_with(|| usual(*left_line, *right_line))
        });
        return valued.into_iter().map(|(.., line)| line).collect();
    }
    // Values are looked up once a line, not once a comparison; and of lines with equal values there are many.
    let mut valued: Vec<(SortValue<'_>, Usual, Line)> = lines
        .into_iter()
        .map(|line| match look.row(line) {
            Some(row) => (socket_value(by, &row, look, line), Usual::of(row.socket), line),
            None => ((None, 0), Usual::default(), line),
        })
        .collect();
    valued.sort_by(|(left, left_usual, left_line), (right, right_usual, right_line)| {
        let values = compare(left, right, descending).then_with(|| left_usual.cmp(right_usual));
        values.then_with(|| usual(*left_line, *right_line))
    });
    valued.into_iter().map(|(_, _, line)| line).collect()
}

/// The beginning of what the usual order goes by, so that most pairs need no look at their sockets.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Usual(u64, u128);

impl Usual {
    fn of(socket: &Socket) -> Usual {
        let key = &socket.key;
        let protocol = match key.protocol {
            Protocol::Tcp => 0u64,
            Protocol::Udp => 1,
            _ => 2,
        };
        let connects = u64::from(!socket.is_listening());
        let (is_v6, address) = match key.local.ip() {
            IpAddr::V4(v4) => (0, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (1, v6.to_bits()),
        };
        Usual(connects << 40 | protocol << 32 | u64::from(key.local.port()) << 8 | is_v6, address)
    }
}

/// Sorts the groups of a tree: by what they are together where the column has that, else by their first sockets, in whose order
/// they come.
pub(super) fn tree(settings: &Settings, mut groups: Vec<Group>) -> Vec<Group> {
    let Sort { by, descending } = settings.sort;
    let value: fn(&Group) -> u64 = match by {
        None | Some(Shown::Sockets) => |group| group.sockets.into(),
        Some(Shown::Sending) => |group| group.sending,
        Some(Shown::Receiving) => |group| group.receiving,
        Some(Shown::Trend) => |group| group.sending.saturating_add(group.receiving),
        Some(Shown::Socket(Column::Field(Field::SentBytes))) => |group| group.sent,
        Some(Shown::Socket(Column::Field(Field::ReceivedBytes))) => |group| group.received,
        Some(_) => return groups,
    };
    let descending = descending != by.is_none();
    groups.sort_by(|one, other| {
        let order = value(one).cmp(&value(other));
        if descending { order.reverse() } else { order }
    });
    groups
}

/// Sorts groups likewise. In their usual order, those with most sockets come first.
pub(super) fn groups(look: &Look, settings: &Settings, groups: Vec<Group>, former: Option<&Arrangement>) -> Vec<Group> {
    let groups = match former {
        Some(former) => in_former_order(groups, former.lines.len(), |group| former.group_place(digest(&group.key))),
        None => groups,
    };
    let Sort { by, descending } = settings.sort;
    let mut valued: Vec<(SortValue<'_>, SortValue<'_>, Group)> = groups
        .into_iter()
        .map(|group| {
            let value = group_value(by.unwrap_or(Shown::Sockets), &group, look);
            (value, group_value(Shown::Group, &group, look), group)
        })
        .collect();
    let descending = descending != by.is_none();
    valued.sort_by(|(left, left_label, one), (right, right_label, other)| {
        // TCP and UDP may listen at one address.
        let labels = || compare(left_label, right_label, false).then_with(|| one.key.cmp(&other.key));
        compare(left, right, descending).then_with(labels)
    });
    valued.into_iter().map(|(_, _, group)| group).collect()
}

/// Unknown values come last in either direction.
fn compare(left: &SortValue<'_>, right: &SortValue<'_>, descending: bool) -> Ordering {
    known(left.0.as_ref(), right.0.as_ref(), descending).then_with(|| match descending {
        true => right.1.cmp(&left.1),
        false => left.1.cmp(&right.1),
    })
}

fn known(left: Option<&Value<'_>>, right: Option<&Value<'_>>, descending: bool) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) if descending => compare_values(right, left),
        (Some(left), Some(right)) => compare_values(left, right),
        (left, right) => left.is_none().cmp(&right.is_none()),
    }
}

/// What a socket is sorted by.
pub(crate) fn socket_value<'a>(by: Shown, row: &Row<'a>, look: &'a Look, line: Line) -> SortValue<'a> {
    let rate = || match line {
        Line::There(_) => row.rate(),
        Line::Gone(_) => None,
    };
    match by {
        Shown::Socket(Column::Field(field)) => (field.value(row), 0),
        Shown::Socket(Column::Local) => {
            let local = row.socket.key.local;
            (Some(Value::Address(local.ip())), local.port().into())
        }
        Shown::Socket(Column::Remote) => match row.socket.key.remote {
            Some(remote) => (Some(Value::Address(remote.ip())), remote.port().into()),
            None => (None, 0),
        },
        Shown::Socket(Column::Process) => {
            let pid = row.socket.owners.processes().first().map_or(0, |owner| owner.process.pid);
            (Field::OwnerName.value(row), pid.into())
        }
        Shown::Socket(Column::Places) => (Field::PlaceText.value(row), 0),
        Shown::Socket(Column::Namespace) => {
            (Field::NamespaceName.value(row).or_else(|| Field::NamespaceId.value(row)), 0)
        }
        Shown::Socket(Column::Age) => {
            let taken = look.frame.snapshot.taken;
            (row.socket.opened.map(|opened| Value::Micros(taken.micros_since(opened))), 0)
        }
        Shown::Socket(Column::Timer) => (row.socket.timer.map(|timer| Value::Text(timer.kind.name().into())), {
            row.socket.timer.map_or(0, |timer| timer.expires_us)
        }),
        Shown::RemoteName => (row.remote_name().map(|name| Value::Text(Cow::Borrowed(name))), 0),
        Shown::Sending => (rate().map(|rate| Value::Bytes(rate.sent)), 0),
        Shown::Receiving => (rate().map(|rate| Value::Bytes(rate.received)), 0),
        Shown::Trend => (rate().map(|rate| Value::Bytes(rate.sent.saturating_add(rate.received))), 0),
        _ => (None, 0),
    }
}

fn group_value<'a>(by: Shown, group: &Group, look: &'a Look) -> SortValue<'a> {
    let number = |number: u32| (Some(Value::Number(number.into())), 0);
    let bytes = |bytes: u64| (Some(Value::Bytes(bytes)), 0);
    match by {
        Shown::Group => labels::group_value(group, look),
        Shown::Pid => (labels::process_of(group, look).map(|id| Value::Number(id.pid.into())), 0),
        Shown::User => (labels::user_of(group, look).map(Value::Text), 0),
        Shown::Place => (labels::sample(group, look).and_then(|row| Field::PlaceText.value(&row)), 0),
        Shown::RemoteName => {
            let name = labels::sample(group, look).and_then(|row| row.remote_name());
            (name.map(|name| Value::Text(Cow::Borrowed(name))), 0)
        }
        Shown::Sockets => number(group.sockets),
        Shown::Listening => number(group.listening),
        Shown::Established => number(group.established),
        Shown::Other => number(group.other()),
        Shown::Sending => bytes(group.sending),
        Shown::Receiving => bytes(group.receiving),
        Shown::Trend => bytes(group.sending.saturating_add(group.receiving)),
        Shown::Sent => bytes(group.sent),
        Shown::Received => bytes(group.received),
        Shown::Socket(_) => (None, 0),
    }
}
