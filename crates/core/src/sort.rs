use std::cmp::Ordering;

use sockscope_model::{Field, Frame, Row, Socket, Value};

use crate::filter::fold_chars;
use crate::names::{SHORT_NAMES, closest, field_by_name};

/// One column to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// Which column.
    pub field: Field,
    /// Largest first.
    pub descending: bool,
}

/// Why a text names no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SortError {
    /// There is no such column.
    #[error("there is no column `{name}`{}", suggestion(.near))]
    Column {
        /// What was typed.
        name: String,
        /// What may have been meant.
        near: Option<&'static str>,
    },
    /// Something else than `asc` or `desc` stands behind the colon.
    #[error("`{direction}` is no direction; `asc` or `desc` could stand there")]
    Direction {
        /// What was typed.
        direction: String,
    },
    /// A column is missing before, between or behind commas.
    #[error("a column is missing; columns are separated by single commas")]
    Empty,
}

fn suggestion(near: &Option<&'static str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

impl SortKey {
    /// Ascending by that field.
    pub fn ascending(field: Field) -> SortKey {
        SortKey { field, descending: false }
    }

    /// Reads `column[:asc|desc],...`, columns by any name that [`field_by_name`] knows. `age` grows as
    /// [`Field::OpenedAt`] shrinks, so it sorts that field the other way round.
    ///
    /// ```
    /// use sockscope_core::SortKey;
    /// use sockscope_model::Field;
    ///
    /// let keys = SortKey::parse("process,recvq:desc")?;
    /// assert_eq!(keys[1], SortKey { field: Field::QueuesReceive, descending: true });
    /// # Ok::<(), sockscope_core::SortError>(())
    /// ```
    ///
    /// # Errors
    /// A column that does not exist, or a direction that is none.
    pub fn parse(text: &str) -> Result<Vec<SortKey>, SortError> {
        text.split(',').map(|part| SortKey::parse_one(part.trim())).collect()
    }

    fn parse_one(text: &str) -> Result<SortKey, SortError> {
        let (name, direction) = text.split_once(':').map_or((text, "asc"), |(name, it)| (name.trim(), it.trim()));
        if name.is_empty() {
            return Err(SortError::Empty);
        }
        let Some(field) = field_by_name(name) else {
            let names = SHORT_NAMES.iter().map(|(name, _)| *name).chain(Field::ALL.iter().map(|field| field.name()));
            return Err(SortError::Column { name: crate::filter::clean(name), near: closest(name, names) });
        };
        let descending = match direction.to_ascii_lowercase().as_str() {
            "asc" => false,
            "desc" => true,
            _ => return Err(SortError::Direction { direction: crate::filter::clean(direction) }),
        };
        Ok(SortKey { field, descending: descending != name.eq_ignore_ascii_case("age") })
    }
}

/// Sorts rows, which are positions in `frame.snapshot.sockets`, by the first key, among equals by the second, and so on.
/// Rows that are equal keep their order; unknown values come last in either direction.
pub fn sort(frame: &Frame, rows: &mut [usize], keys: &[SortKey]) {
    // From the last key to the first: a stable sort keeps what the keys behind it did. Values are looked up once a row,
    // not once a comparison.
    for key in keys.iter().rev() {
        let mut valued: Vec<(Option<Value<'_>>, usize)> = rows
            .iter()
            .map(|index| (frame.row(*index).as_ref().and_then(|row| key.field.value(row)), *index))
            .collect();
        valued.sort_by(|(left, _), (right, _)| match (left, right) {
            (Some(left), Some(right)) if key.descending => compare_values(right, left),
            (Some(left), Some(right)) => compare_values(left, right),
            (left, right) => left.is_none().cmp(&right.is_none()),
        });
        for (slot, (_, index)) in rows.iter_mut().zip(valued) {
            *slot = index;
        }
    }
}

/// Sorts rows as they are shown if nobody asks for another order: listening first, then by protocol, local port, local
/// address, peer and identity, so that the same sockets always stand in the same order.
pub fn default_order(frame: &Frame, rows: &mut [usize]) {
    rows.sort_by_cached_key(|index| {
        frame.row(*index).map(|Row { socket, .. }| {
            let key = socket.key;
            (
                (!socket.is_listening(), key.protocol, key.local.port(), key.local.ip()),
                (key.remote.map(|remote| (remote.ip(), remote.port())), socket.namespace, key.tag, *index),
            )
        })
    });
}

/// The order of [`default_order`] for two sockets, without looking at anything else: for those who keep rows in order from one
/// snapshot to the next.
pub fn compare_sockets(left: &Socket, right: &Socket) -> Ordering {
    let first = |it: &Socket| (!it.is_listening(), it.key.protocol, it.key.local.port(), it.key.local.ip());
    let peer = |it: &Socket| it.key.remote.map(|remote| (remote.ip(), remote.port()));
    let rest = |it: &Socket| (peer(it), it.namespace, it.key.tag);
    first(left).cmp(&first(right)).then_with(|| rest(left).cmp(&rest(right)))
}

/// Numbers as numbers, addresses as numbers (IPv4 before IPv6), states in the standard's order, text without regard to
/// case unless that is all that differs.
pub fn compare_values(left: &Value<'_>, right: &Value<'_>) -> Ordering {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => compare_text(left, right),
        (Value::Address(left), Value::Address(right)) => left.cmp(right),
        (Value::State(left), Value::State(right)) => left.cmp(right),
        (Value::Time(left), Value::Time(right)) => left.cmp(right),
        (left, right) => number(left).cmp(&number(right)),
    }
}

fn compare_text(left: &str, right: &str) -> Ordering {
    // The same order, several times as fast.
    let folded = if left.is_ascii() && right.is_ascii() {
        let lowered = |byte: u8| byte.to_ascii_lowercase();
        left.bytes().map(lowered).cmp(right.bytes().map(lowered))
    } else {
        fold_chars(left).cmp(fold_chars(right))
    };
    folded.then_with(|| left.cmp(right))
}

/// A queue counts bytes or connections; both are numbers.
fn number(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Number(number) | Value::Bytes(number) | Value::Micros(number) | Value::Rate(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use sockscope_model::{
        NoOwner, Owner, Owners, Process, ProcessId, Protocol, Queues, Snapshot, Socket, SocketKey, State, Tag,
        Timestamp,
    };

    use super::*;

    fn socket(protocol: Protocol, local: &str, remote: Option<&str>, state: Option<State>) -> Socket {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut socket =
            Socket::new(SocketKey { protocol, local: parse(local), remote: remote.map(parse), tag: Tag::None });
        socket.state = state;
        socket
    }

    fn frame() -> Frame {
        let mut snapshot = Snapshot::new("linux", String::new(), Timestamp::from_micros(1000));
        let mut sockets = vec![
            socket(Protocol::Tcp, "10.0.0.10:5000", Some("1.1.1.1:443"), Some(State::Established)),
            socket(Protocol::Tcp, "10.0.0.9:80", None, Some(State::Listen)),
            socket(Protocol::Udp, "0.0.0.0:53", None, None),
            socket(Protocol::Tcp, "[::1]:22", None, Some(State::Listen)),
            socket(Protocol::Tcp, "9.0.0.1:6000", Some("1.1.1.1:80"), Some(State::TimeWait)),
        ];
        for (index, name) in [(0, "nginx"), (1, "Apache"), (3, "apache")] {
            let id = ProcessId { pid: 100 - index, started: None };
            let process = Process {
                id,
                name: name.to_owned(),
                path: None,
                command_line: None,
                uid: None,
                user: None,
                service: None,
                container: None,
            };
            snapshot.processes.insert(id, process);
            sockets[index as usize].owners = Owners::Processes(vec![Owner { process: id, fds: vec![3] }]);
        }
        sockets[2].owners = Owners::Nobody(NoOwner::NeedsRoot);
        sockets[0].queues = Some(Queues { receive: 7, send: Some(0) });
        sockets[1].queues = Some(Queues { receive: 30, send: Some(0) });
        sockets[0].opened = Some(Timestamp::from_micros(10));
        sockets[4].opened = Some(Timestamp::from_micros(20));
        snapshot.sockets = sockets;
        Frame::new(snapshot)
    }

    #[test]
    fn rows_are_sorted() {
        let frame = frame();
        for (keys, order) in [
            ("pid", [3, 1, 0, 2, 4]),
            ("pid:desc", [0, 1, 3, 2, 4]),
            ("process", [1, 3, 0, 2, 4]),
            ("process:DESC", [0, 3, 1, 2, 4]),
            ("local", [4, 1, 0, 3, 2]),
            ("lport", [3, 2, 1, 0, 4]),
            ("remote,rport", [4, 0, 1, 2, 3]),
            ("remote:desc, rport:desc", [0, 4, 1, 2, 3]),
            ("recvq:desc", [1, 0, 2, 3, 4]),
            ("state,lport", [3, 1, 0, 4, 2]),
            ("proto:desc,local_port", [2, 3, 1, 0, 4]),
            ("age", [4, 0, 1, 2, 3]),
            ("age:desc", [0, 4, 1, 2, 3]),
            ("opened_at", [0, 4, 1, 2, 3]),
        ] {
            // `local` has 0.0.0.0 first.
            let order = if keys == "local" { [2, 4, 1, 0, 3] } else { order };
            let mut rows: Vec<usize> = (0..5).collect();
            sort(&frame, &mut rows, &SortKey::parse(keys).unwrap());
            assert_eq!(rows, order, "{keys}");
        }
    }

    #[test]
    fn the_default_order_shows_listeners_first() {
        let mut rows: Vec<usize> = (0..5).rev().collect();
        default_order(&frame(), &mut rows);
        assert_eq!(rows, [3, 1, 2, 0, 4]);
        let mut rows = vec![99, 0];
        default_order(&frame(), &mut rows);
        sort(&frame(), &mut rows, &[SortKey::ascending(Field::LocalPort)]);
    }

    #[test]
    fn bad_orders_are_explained() {
        for (text, message) in [
            ("", "a column is missing; columns are separated by single commas"),
            ("pid,", "a column is missing; columns are separated by single commas"),
            (":desc", "a column is missing; columns are separated by single commas"),
            ("pdi", "there is no column `pdi`; did you mean `pid`?"),
            ("colour", "there is no column `colour`"),
            ("pid:down", "`down` is no direction; `asc` or `desc` could stand there"),
            ("pid\u{1b}[0m", "there is no column `pid\u{fffd}[0m`"),
        ] {
            assert_eq!(SortKey::parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }
}
