//! The words of the language.

use sockscope_model::{Exposure, Field, NoOwner, State, StateSet, TimerKind};

use super::program::{NumberSource, Side, TextSource};
use super::quantity::Unit;
use crate::names::{SHORT_NAMES, field_by_name};

/// What a term compares, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Term {
    /// Address and port of an end. `src` and `dst` read IPv6 addresses as ss does and have 0.0.0.0:0 where there is no
    /// peer; `local` and `remote` do not.
    Host {
        side: Option<Side>,
        as_ss: bool,
    },
    /// Likewise of the port alone; no side: either.
    Port {
        side: Option<Side>,
        as_ss: bool,
    },
    /// The interface, as ss compares it.
    Device,
    Mark,
    Cgroup,
    State,
    Protocol,
    Family,
    Number(NumberSource, Unit),
    /// The users by name or number.
    User,
    /// The namespace by name or number.
    Namespace,
    /// Free text; `fold`: case means nothing.
    Text {
        source: TextSource,
        fold: bool,
    },
    /// One of a few words.
    Word(Field),
}

/// The terms whose meaning is more than that of a field.
const TERMS: &[(&str, Term)] = &[
    ("src", Term::Host { side: Some(Side::Local), as_ss: true }),
    ("dst", Term::Host { side: Some(Side::Remote), as_ss: true }),
    ("sport", Term::Port { side: Some(Side::Local), as_ss: true }),
    ("dport", Term::Port { side: Some(Side::Remote), as_ss: true }),
    ("dev", Term::Device),
    ("fwmark", Term::Mark),
    ("cgroup", Term::Cgroup),
    ("state", Term::State),
    ("proto", Term::Protocol),
    ("protocol", Term::Protocol),
    ("family", Term::Family),
    ("local", Term::Host { side: Some(Side::Local), as_ss: false }),
    ("remote", Term::Host { side: Some(Side::Remote), as_ss: false }),
    ("local_address", Term::Host { side: Some(Side::Local), as_ss: false }),
    ("remote_address", Term::Host { side: Some(Side::Remote), as_ss: false }),
    ("address", Term::Host { side: None, as_ss: false }),
    ("lport", Term::Port { side: Some(Side::Local), as_ss: false }),
    ("rport", Term::Port { side: Some(Side::Remote), as_ss: false }),
    ("local_port", Term::Port { side: Some(Side::Local), as_ss: false }),
    ("remote_port", Term::Port { side: Some(Side::Remote), as_ss: false }),
    ("port", Term::Port { side: None, as_ss: false }),
    ("user", Term::User),
    ("namespace", Term::Namespace),
    ("age", Term::Number(NumberSource::Age, Unit::Duration(Some(1_000_000)))),
    ("rtt", Term::Number(NumberSource::Field(Field::RttUs), Unit::Duration(None))),
    ("country", Term::Text { source: TextSource::Country, fold: true }),
    ("place", Term::Text { source: TextSource::Place, fold: true }),
    ("exposure", Term::Word(Field::Exposure)),
    ("no_owner", Term::Word(Field::NoOwner)),
    ("timer", Term::Word(Field::TimerKind)),
    ("timer_kind", Term::Word(Field::TimerKind)),
];

/// The words that stand alone, states aside.
pub(super) const BARE: &[&str] =
    &["autobound", "tcp", "udp", "ipv4", "ipv6", "loopback", "private", "public", "mine", "listening", "established"];

/// What is shown where a term could stand: the words one would type, not every alias.
pub(super) const SHOWN: &[&str] = &[
    "proto",
    "family",
    "state",
    "src",
    "dst",
    "sport",
    "dport",
    "local",
    "remote",
    "lport",
    "rport",
    "port",
    "pid",
    "process",
    "path",
    "command",
    "user",
    "service",
    "container",
    "namespace",
    "cgroup",
    "dev",
    "fwmark",
    "interface",
    "exposure",
    "country",
    "asn",
    "org",
    "place",
    "database",
    "age",
    "sent",
    "received",
    "rtt",
    "retransmits",
    "recvq",
    "sendq",
    "uid",
    "inode",
];

/// The term of that name, in any case.
pub(super) fn term(name: &str) -> Option<Term> {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    if let Some((_, term)) = TERMS.iter().find(|(name, _)| *name == lower) {
        return Some(*term);
    }
    field_by_name(&lower).map(of_field)
}

/// Every word that may begin a term or stand alone.
pub(super) fn vocabulary() -> impl Iterator<Item = &'static str> {
    let states = STATES.iter().map(|(name, _)| *name);
    let fields = Field::ALL.iter().map(|field| field.name());
    SHOWN
        .iter()
        .copied()
        .chain(BARE.iter().copied())
        .chain(["not", "and", "or", "exclude"])
        .chain(states)
        .chain(SHORT_NAMES.iter().map(|(name, _)| *name))
        .chain(fields)
}

fn of_field(field: Field) -> Term {
    let number = |unit| Term::Number(NumberSource::Field(field), unit);
    match field {
        Field::Protocol => Term::Protocol,
        Field::Family => Term::Family,
        Field::State => Term::State,
        Field::LocalAddress => Term::Host { side: Some(Side::Local), as_ss: false },
        Field::RemoteAddress => Term::Host { side: Some(Side::Remote), as_ss: false },
        Field::LocalPort => Term::Port { side: Some(Side::Local), as_ss: false },
        Field::RemotePort => Term::Port { side: Some(Side::Remote), as_ss: false },
        Field::User => Term::User,
        Field::NamespaceName => Term::Namespace,
        Field::Cgroup => Term::Cgroup,
        Field::NoOwner | Field::TimerKind | Field::Exposure => Term::Word(field),
        Field::OwnerPid
        | Field::OwnerFds
        | Field::Uid
        | Field::Inode
        | Field::Cookie
        | Field::Mark
        | Field::NamespaceId
        | Field::TimerRetransmits
        | Field::RetransmittedSegments
        | Field::LostSegments
        | Field::CongestionWindow => number(Unit::Count),
        Field::QueuesReceive | Field::QueuesSend | Field::SentBytes | Field::ReceivedBytes | Field::SegmentSize => {
            number(Unit::Bytes)
        }
        Field::TimerExpiresUs
        | Field::RttUs
        | Field::RttVariationUs
        | Field::MinRttUs
        | Field::LastSentUs
        | Field::LastReceivedUs => number(Unit::Duration(Some(1))),
        Field::SendRateBps | Field::DeliveryRateBps => number(Unit::Rate),
        Field::PlaceAsn => number(Unit::Asn),
        Field::OwnerStartedAt | Field::OpenedAt => number(Unit::Moment),
        Field::PlaceCountry
        | Field::PlaceCountryCode
        | Field::PlaceRegion
        | Field::PlaceCity
        | Field::PlaceOrganization
        | Field::PlaceText
        | Field::PlaceDatabase
        | Field::RemoteName => Term::Text { source: TextSource::Field(field), fold: true },
        _ => Term::Text { source: TextSource::Field(field), fold: false },
    }
}

/// The words that a term of few words may be compared with.
pub(super) fn words_of(field: Field) -> Vec<&'static str> {
    match field {
        Field::Exposure => {
            [Exposure::Loopback, Exposure::Host, Exposure::Any, Exposure::ContainerOnly, Exposure::Published]
                .map(Exposure::name)
                .into()
        }
        Field::NoOwner => NoOwner::ALL.map(NoOwner::name).into(),
        Field::TimerKind => [TimerKind::Retransmit, TimerKind::Keepalive, TimerKind::TimeWait, TimerKind::Probe]
            .map(TimerKind::name)
            .into(),
        _ => Vec::new(),
    }
}

const fn one(state: State) -> StateSet {
    StateSet::NONE.with(state)
}

/// As `ss --help` lists the members: `bound` sockets are not connected.
const CONNECTED: StateSet = StateSet::ALL.without(State::Listen).without(State::Closed).without(State::Bound);
const BUCKET: StateSet = one(State::SynReceived).with(State::TimeWait);

/// Names of states and of groups of states: those of ss, then RFC 9293's, then what netstat and Windows print.
pub(super) const STATES: &[(&str, StateSet)] = &[
    ("established", one(State::Established)),
    ("syn-sent", one(State::SynSent)),
    ("syn-recv", one(State::SynReceived)),
    ("fin-wait-1", one(State::FinWait1)),
    ("fin-wait-2", one(State::FinWait2)),
    ("time-wait", one(State::TimeWait)),
    ("closed", one(State::Closed)),
    ("close-wait", one(State::CloseWait)),
    ("last-ack", one(State::LastAck)),
    ("listening", one(State::Listen)),
    ("closing", one(State::Closing)),
    ("bound", one(State::Bound)),
    ("unconnected", one(State::Closed)),
    ("delete-tcb", one(State::DeleteTcb)),
    ("unknown", one(State::Other(0))),
    ("all", StateSet::ALL),
    ("connected", CONNECTED),
    ("synchronized", CONNECTED.without(State::SynSent)),
    ("bucket", BUCKET),
    ("big", BUCKET.complement()),
    ("listen", one(State::Listen)),
    ("syn-received", one(State::SynReceived)),
    ("bound-inactive", one(State::Bound)),
    ("close", one(State::Closed)),
    ("unconn", one(State::Closed)),
    ("estab", one(State::Established)),
    ("syn-rcv", one(State::SynReceived)),
    ("syn-rcvd", one(State::SynReceived)),
    ("fin-wait1", one(State::FinWait1)),
    ("fin-wait2", one(State::FinWait2)),
    ("synchronised", CONNECTED.without(State::SynSent)),
];

/// How many of [`STATES`] are shown in messages.
pub(super) const STATES_SHOWN: usize = 20;

/// What a name of a state means.
pub(super) enum StateName {
    Set(StateSet),
    /// `unknown-77`.
    Number(u32),
}

/// The state or group of that name, in any case, words joined by `-` or `_`.
pub(super) fn state(name: &str) -> Option<StateName> {
    let lower = name.to_ascii_lowercase().replace('_', "-");
    if let Some((_, set)) = STATES.iter().find(|(name, _)| *name == lower) {
        return Some(StateName::Set(*set));
    }
    let number = lower.strip_prefix("unknown-")?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok().map(StateName::Number)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_and_short_name_is_a_term() {
        for field in Field::ALL {
            assert!(term(field.name()).is_some(), "{field:?}");
        }
        for (name, _) in SHORT_NAMES {
            assert!(term(name).is_some(), "{name}");
        }
        for name in SHOWN {
            assert!(term(name).is_some(), "{name}");
        }
    }

    #[test]
    fn groups_hold_what_ss_says() {
        let set = |name: &str| match state(name) {
            Some(StateName::Set(set)) => set,
            _ => panic!("{name}"),
        };
        assert_eq!(set("all"), StateSet::ALL);
        assert!(!set("closed").contains(State::Bound) && !set("connected").contains(State::Bound));
        assert!(set("connected").contains(State::SynSent) && !set("synchronized").contains(State::SynSent));
        assert!(set("synchronized").contains(State::SynReceived));
        assert_eq!(set("bucket").or(set("big")), StateSet::ALL);
        assert!(set("bucket").and(set("big")).is_empty());
        assert_eq!(set("FIN_WAIT_1"), set("fin-wait-1"));
        for named in State::NAMED {
            assert_eq!(set(named.name().unwrap()), StateSet::NONE.with(named));
        }
        assert!(matches!(state("unknown-77"), Some(StateName::Number(77))));
        assert!(state("unknown--1").is_none() && state("unknown-").is_none() && state("new-syn-recv").is_none());
    }
}
