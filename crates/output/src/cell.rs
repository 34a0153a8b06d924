use sockscope_model::{Field, Owner, Place, Row, Value};

use crate::columns::{Column, DISAGREE};
use crate::text::{push_address, push_duration, push_endpoint, push_local, push_number, push_scaled, rfc3339};

/// The value as text, as it is: units are those of JSON.
pub(crate) fn push_raw(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Text(text) => out.push_str(text),
        Value::Number(number) | Value::Bytes(number) | Value::Micros(number) | Value::Rate(number) => {
            push_number(out, *number);
        }
        Value::Time(time) => {
            if let Some(text) = rfc3339(*time) {
                out.push_str(text.as_str());
            }
        }
        Value::Address(address) => push_address(out, *address),
        Value::State(state) => match state.name() {
            Some(name) => out.push_str(name),
            None => out.push_str(&state.to_string()),
        },
    }
}

/// Appends the value for people, with units. Text is as it is: see [`crate::clean`].
pub fn push_human(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Bytes(bytes) => push_scaled(out, *bytes, "B"),
        Value::Micros(micros) => push_duration(out, *micros),
        Value::Rate(rate) => push_scaled(out, *rate, "bps"),
        _ => push_raw(out, value),
    }
}

/// The value that people are shown: without a user's name his number, as `ls -l` has it, and queues without a unit, since
/// those of listeners count connections.
pub(crate) fn for_people<'a>(column: Column, row: &Row<'_>, value: Option<Value<'a>>) -> Option<Value<'a>> {
    match (column, value) {
        (Column::Field(Field::User), None) => row.socket.uid.map(|uid| Value::Number(uid.into())),
        (Column::Field(Field::QueuesReceive | Field::QueuesSend), Some(Value::Bytes(bytes))) => {
            Some(Value::Number(bytes))
        }
        (_, value) => value,
    }
}

/// Visits every value of a column: one, or one an owner. `text` is where composite values are put together.
pub(crate) fn each_value(column: Column, row: &Row<'_>, text: &mut String, visit: &mut dyn FnMut(Option<Value<'_>>)) {
    let socket = row.socket;
    text.clear();
    match column {
        Column::Field(field) => return field.each(row, visit),
        Column::Process => {
            for owner in socket.owners.processes() {
                text.clear();
                push_owner(text, row, owner);
                visit(Some(Value::Text(text.as_str().into())));
            }
            return;
        }
        Column::Places => {
            let places = row.places();
            let mut mark = disagree(places).then_some(DISAGREE);
            for place in places {
                text.clear();
                if let Some(mark) = mark.take() {
                    text.push(mark);
                    text.push(' ');
                }
                text.push_str(&place.text);
                visit(Some(Value::Text(text.as_str().into())));
            }
            return;
        }
        Column::Local => push_local(text, row),
        Column::Remote => match socket.key.remote {
            Some(remote) => push_endpoint(text, row, remote),
            None => return visit(None),
        },
        Column::Namespace => {
            return visit(Field::NamespaceName.value(row).or_else(|| Field::NamespaceId.value(row)));
        }
        Column::Age => {
            return visit(socket.opened.map(|opened| Value::Micros(row.snapshot().taken.micros_since(opened))));
        }
        Column::Timer => match socket.timer {
            Some(timer) => {
                text.push_str(timer.kind.name());
                text.push(':');
                push_duration(text, timer.expires_us);
                text.push(':');
                push_number(text, u64::from(timer.retransmits));
            }
            None => return visit(None),
        },
    }
    visit(Some(Value::Text(text.as_str().into())));
}

/// Whether the column may have several values: one an owner, or one a database.
pub(crate) const fn has_several(column: Column) -> bool {
    match column {
        Column::Field(field) => field.is_per_owner(),
        _ => matches!(column, Column::Process | Column::Places),
    }
}

/// Whether databases name different countries.
fn disagree(places: &[Place]) -> bool {
    let mut codes = places.iter().filter_map(|place| place.country_code.as_deref());
    codes.next().is_some_and(|first| codes.any(|code| code != first))
}

/// `name[pid]`, not cleaned.
pub(crate) fn push_owner(out: &mut String, row: &Row<'_>, owner: &Owner) {
    match row.snapshot().process(owner.process) {
        Some(process) if !process.name.is_empty() => out.push_str(&process.name),
        _ => out.push('?'),
    }
    out.push('[');
    push_number(out, u64::from(owner.process.pid));
    out.push(']');
}
