use std::borrow::Cow;

use sockscope_model::{Place, Process, ProcessId, Row, Value};
use sockscope_output::{Column, clean, push_cell, push_clean};

use crate::arrange::{Group, Look, SortValue};
use crate::identity::GroupKey;

/// One socket of a group.
pub fn sample<'a>(group: &Group, look: &'a Look) -> Option<Row<'a>> {
    look.row(group.sample)
}

/// The process of a group: itself, or the first that has the listener open.
pub fn process_of(group: &Group, look: &Look) -> Option<ProcessId> {
    match &group.key {
        GroupKey::Process(id) => Some(*id),
        GroupKey::Listener(_) => Some(sample(group, look)?.socket.owners.processes().first()?.process),
        _ => None,
    }
}

/// What is known of it.
pub fn details_of<'a>(id: ProcessId, group: &Group, look: &'a Look) -> Option<&'a Process> {
    sample(group, look)?.snapshot().process(id)
}

/// The user of the process, or whoever made the listener.
pub fn user_of<'a>(group: &Group, look: &'a Look) -> Option<Cow<'a, str>> {
    let row = sample(group, look)?;
    let of_process = match &group.key {
        GroupKey::Process(id) => details_of(*id, group, look).and_then(|process| process.user.as_deref()),
        GroupKey::Listener(_) => None,
        _ => return None,
    };
    match of_process.or_else(|| row.snapshot().user(row.socket)) {
        Some(user) => Some(Cow::Borrowed(user)),
        None => row.socket.uid.map(|uid| Cow::Owned(uid.to_string())),
    }
}

/// What groups are sorted by when they are sorted by what they are.
pub(crate) fn group_value<'a>(group: &Group, look: &'a Look) -> SortValue<'a> {
    match &group.key {
        GroupKey::Process(id) => {
            let name = details_of(*id, group, look).map(|process| Value::Text(Cow::Borrowed(process.name.as_str())));
            (name, id.pid.into())
        }
        GroupKey::Nobody(reason) => (Some(Value::Text(Cow::Owned(format!("({})", reason.name())))), 0),
        GroupKey::Host(host) => (Some(Value::Address(*host)), 0),
        GroupKey::Country(country) => {
            (country.as_deref().map(|country| Value::Text(Cow::Owned(country.to_owned()))), 0)
        }
        GroupKey::Service(service) => {
            (service.as_deref().map(|service| Value::Text(Cow::Owned(service.to_owned()))), 0)
        }
        GroupKey::Listener(_) => match sample(group, look) {
            Some(row) => {
                let local = row.socket.key.local;
                (Some(Value::Number(local.port().into())), u64::from(local.is_ipv6()))
            }
            None => (None, 0),
        },
    }
}

/// What one database says of a place, cleaned: its words, and the network, unless they have that.
pub fn place_text(place: &Place) -> String {
    let mut text = clean(&place.text).into_owned();
    if let Some(asn) = place.asn {
        text.push_str(&format!(" AS{asn}"));
    }
    if let Some(organization) = &place.organization
        && !place.text.contains(organization.as_str())
    {
        text.push(' ');
        push_clean(&mut text, organization);
    }
    text
}

/// Appends what the group is, cleaned.
pub fn push_group(out: &mut String, group: &Group, look: &Look) {
    match &group.key {
        GroupKey::Process(id) => match details_of(*id, group, look) {
            Some(process) => push_clean(out, &process.name),
            None => out.push('?'),
        },
        GroupKey::Nobody(reason) => {
            out.push('(');
            out.push_str(reason.name());
            out.push(')');
        }
        GroupKey::Host(host) => out.push_str(&host.to_string()),
        GroupKey::Country(Some(country)) => push_clean(out, country),
        GroupKey::Country(None) => out.push_str("(unknown)"),
        GroupKey::Service(Some(service)) => push_clean(out, service),
        GroupKey::Service(None) => out.push_str("(no service)"),
        GroupKey::Listener(_) => {
            if let Some(row) = sample(group, look) {
                out.push_str(row.socket.key.protocol.name());
                out.push(' ');
                push_cell(out, Column::Local, &row, None);
                out.push(' ');
                // Apart, since what does not fit is cut from the cell's beginning on.
                let mut process = String::new();
                push_cell(&mut process, Column::Process, &row, Some(24));
                out.push_str(&process);
            }
        }
    }
}
