//! Words of the documents and what they stand for. What the model holds for the life of the program is one of the words here, or
//! said to be another: a text from outside never lives that long.

use sockscope_model::{EventKind, Exposure, Family, NoOwner, Protocol, SourceChoice, State, TimerKind, Witness};

/// Every code of a notice that a snapshot may have.
pub(super) const NOTICES: [&str; 23] = [
    "age-unknown",
    "configuration-ignored",
    "database-ignored",
    "database-warning",
    "details-need-administrator",
    "malformed-rows",
    "marks-unknown",
    "names-failed",
    "names-pending",
    "not-remembered",
    "owners-incomplete",
    "owners-need-root",
    "owners-unavailable",
    "owners-unknown",
    "places-unknown",
    "procfs-limits",
    "replay",
    "replay-incomplete",
    "services-unknown",
    "sock-diag-unavailable",
    "table-unavailable",
    "traffic-unavailable",
    "unknown-on-windows",
];

pub(super) fn notice_code(code: &str) -> &'static str {
    NOTICES.into_iter().find(|known| *known == code).unwrap_or("recorded")
}

pub(super) fn source_name(name: &str) -> &'static str {
    let choices = SourceChoice::ALL.into_iter().map(SourceChoice::name);
    let others = [Witness::FdScan.name(), Witness::BindProbe.name(), "replay"];
    choices.chain(others).find(|known| *known == name).unwrap_or("recorded")
}

pub(super) fn os(name: &str) -> &'static str {
    ["linux", "windows", "macos", "freebsd"].into_iter().find(|known| *known == name).unwrap_or("unknown")
}

pub(super) fn protocol(word: &str) -> Option<Protocol> {
    [Protocol::Tcp, Protocol::Udp].into_iter().find(|it| it.name() == word)
}

pub(super) fn family(word: &str) -> Option<Family> {
    [Family::Ipv4, Family::Ipv6].into_iter().find(|it| it.name() == word)
}

pub(super) fn state(word: &str) -> Option<State> {
    match word.strip_prefix("unknown-") {
        Some(number) => decimal(number).and_then(|number| u32::try_from(number).ok()).map(State::Other),
        None => State::NAMED.into_iter().find(|it| it.name() == Some(word)),
    }
}

/// A reason of a later version is none that we know.
pub(super) fn no_owner(word: &str) -> Option<NoOwner> {
    Some(NoOwner::ALL.into_iter().find(|it| it.name() == word).unwrap_or(NoOwner::Unknown))
}

pub(super) fn exposure(word: &str) -> Option<Exposure> {
    use Exposure::{Any, ContainerOnly, Host, Loopback, Published};
    [Loopback, Host, Any, ContainerOnly, Published].into_iter().find(|it| it.name() == word)
}

pub(super) fn timer(word: &str) -> Option<TimerKind> {
    use TimerKind::{Keepalive, Probe, Retransmit, TimeWait};
    [Retransmit, Keepalive, TimeWait, Probe].into_iter().find(|it| it.name() == word)
}

pub(super) fn kind(word: &str) -> Option<EventKind> {
    EventKind::ALL.into_iter().find(|it| it.name() == word)
}

/// Digits and nothing else.
pub(super) fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
