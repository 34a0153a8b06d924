use sockscope_model::{Field, Row, Value};
use sockscope_output::{Column, push_cell, push_clean, push_human};

use crate::arrange::{Arrangement, Group, Look};
use crate::columns::{Shown, name_text};
use crate::labels;

/// A cell of a line, cleaned; `room`: characters that fit, where something sensible can be left out. A trend has no text.
pub fn cell(column: Shown, arrangement: &Arrangement, position: usize, room: Option<usize>) -> String {
    let mut text = String::new();
    if column == Shown::Trend {
        return text;
    }
    if let Some(row) = arrangement.row(position) {
        push_socket_cell(&mut text, column, &row, room);
    } else if let Some(group) = arrangement.group(position) {
        push_group_cell(&mut text, column, group, &arrangement.look);
    }
    text
}

/// Appends a cell of a socket, cleaned.
pub fn push_socket_cell(out: &mut String, column: Shown, row: &Row<'_>, room: Option<usize>) {
    match column {
        Shown::RemoteName | Shown::Socket(Column::Field(Field::RemoteName)) => {
            let name = row.socket.key.remote.and_then(|remote| row.frame.names.get(&remote.ip()));
            push_clean(out, name_text(name));
        }
        Shown::Socket(column) => push_cell(out, column, row, room),
        Shown::Sending => push_rate(out, row.rate().map(|rate| rate.sent)),
        Shown::Receiving => push_rate(out, row.rate().map(|rate| rate.received)),
        _ => out.push('-'),
    }
}

/// Appends a cell of a group, cleaned.
pub fn push_group_cell(out: &mut String, column: Shown, group: &Group, look: &Look) {
    let number = |out: &mut String, number: u32| out.push_str(&number.to_string());
    match column {
        Shown::Group => labels::push_group(out, group, look),
        Shown::Pid => match labels::process_of(group, look) {
            Some(id) => number(out, id.pid),
            None => out.push('-'),
        },
        Shown::User => match labels::user_of(group, look) {
            Some(user) => push_clean(out, &user),
            None => out.push('-'),
        },
        Shown::Place => match labels::sample(group, look) {
            Some(row) => push_cell(out, Column::Field(Field::PlaceText), &row, None),
            None => out.push('-'),
        },
        Shown::RemoteName => {
            let row = labels::sample(group, look);
            let name = row.and_then(|row| row.frame.names.get(&row.socket.key.remote?.ip()));
            push_clean(out, name_text(name));
        }
        Shown::Sockets => number(out, group.sockets),
        Shown::Listening => number(out, group.listening),
        Shown::Established => number(out, group.established),
        Shown::Other => number(out, group.other()),
        Shown::Sending => push_rate(out, Some(group.sending)),
        Shown::Receiving => push_rate(out, Some(group.receiving)),
        Shown::Sent => push_human(out, &Value::Bytes(group.sent)),
        Shown::Received => push_human(out, &Value::Bytes(group.received)),
        Shown::Socket(_) | Shown::Trend => {}
    }
}

/// Bytes a second. Nothing is a dot, so that what moves is seen.
pub fn push_rate(out: &mut String, rate: Option<u64>) {
    match rate {
        None => out.push('-'),
        Some(0) => out.push('·'),
        Some(rate) => push_human(out, &Value::Bytes(rate)),
    }
}
