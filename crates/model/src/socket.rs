use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::{Exposure, Owners, Timestamp, Traffic};

/// Transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

/// Address family of the socket; an IPv4-mapped address belongs to `Ipv6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// AF_INET.
    Ipv4,
    /// AF_INET6.
    Ipv6,
}

impl Family {
    /// `ipv4` or `ipv6`.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        }
    }

    /// The family of an address.
    pub const fn of(address: &IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        }
    }
}

/// State of a TCP connection: RFC 9293, 3.3.2, then what systems add, then any number nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the standard's own names")]
pub enum State {
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
    /// Bound to a port, neither listening nor connected (Linux 6.8, Windows 10).
    Bound,
    /// Windows: the control block is being deleted.
    DeleteTcb,
    /// A number that no one knows.
    Other(u32),
}

impl State {
    /// Every state with a name, in the standard's order.
    pub const NAMED: [State; 13] = [
        State::Listen,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
        State::Closed,
        State::Bound,
        State::DeleteTcb,
    ];

    /// The name, unless it is a number that no one knows.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            State::Listen => "listen",
            State::SynSent => "syn-sent",
            State::SynReceived => "syn-received",
            State::Established => "established",
            State::FinWait1 => "fin-wait-1",
            State::FinWait2 => "fin-wait-2",
            State::CloseWait => "close-wait",
            State::Closing => "closing",
            State::LastAck => "last-ack",
            State::TimeWait => "time-wait",
            State::Closed => "closed",
            State::Bound => "bound",
            State::DeleteTcb => "delete-tcb",
            State::Other(_) => return None,
        })
    }
}

/// The name as JSON has it: `fin-wait-1`, `unknown-77`.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.name()) {
            (_, Some(name)) => f.pad(name),
            (State::Other(number), _) => f.pad(&format!("unknown-{number}")),
            (_, None) => Ok(()),
        }
    }
}

/// A set of states. All unknown numbers are one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateSet(u16);

impl StateSet {
    /// Every state, unknown ones included.
    pub const ALL: StateSet = StateSet(0x3fff);
    /// No state.
    pub const NONE: StateSet = StateSet(0);

    const fn bit(state: State) -> u16 {
        match state {
            State::Listen => 1,
            State::SynSent => 1 << 1,
            State::SynReceived => 1 << 2,
            State::Established => 1 << 3,
            State::FinWait1 => 1 << 4,
            State::FinWait2 => 1 << 5,
            State::CloseWait => 1 << 6,
            State::Closing => 1 << 7,
            State::LastAck => 1 << 8,
            State::TimeWait => 1 << 9,
            State::Closed => 1 << 10,
            State::Bound => 1 << 11,
            State::DeleteTcb => 1 << 12,
            State::Other(_) => 1 << 13,
        }
    }

    /// This set and `state`.
    pub const fn with(self, state: State) -> StateSet {
        StateSet(self.0 | Self::bit(state))
    }

    /// This set less `state`.
    pub const fn without(self, state: State) -> StateSet {
        StateSet(self.0 & !Self::bit(state))
    }

    /// Whether `state` is a member.
    pub const fn contains(self, state: State) -> bool {
        self.0 & Self::bit(state) != 0
    }

    /// Members of both.
    pub const fn and(self, other: StateSet) -> StateSet {
        StateSet(self.0 & other.0)
    }

    /// Members of either.
    pub const fn or(self, other: StateSet) -> StateSet {
        StateSet(self.0 | other.0)
    }

    /// All states that are no members.
    pub const fn complement(self) -> StateSet {
        StateSet(!self.0 & Self::ALL.0)
    }

    /// Whether there is no member.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What tells two sockets with equal addresses apart, and one connection from the next that reuses its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tag {
    /// Linux socket cookie: unique until the next boot, kept when a connection enters TIME_WAIT.
    Cookie(u64),
    /// Linux inode in sockfs.
    Inode(u64),
    /// Windows: when the socket was made.
    Created(Timestamp),
    /// The source has nothing.
    None,
}

/// Identity of a socket: never its process, since TIME_WAIT loses that and is still the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketKey {
    /// Transport protocol.
    pub protocol: Protocol,
    /// Local address and port; the scope id of IPv6 is the interface's index.
    pub local: SocketAddr,
    /// Peer; `None` for a listener or an unconnected socket.
    pub remote: Option<SocketAddr>,
    /// What tells equal addresses apart.
    pub tag: Tag,
}

/// Bytes (for a listener: connections) that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Queues {
    /// Received and not yet read by the program; for a listener, connections not yet accepted.
    pub receive: u32,
    /// Sent and not yet acknowledged; for a listener, the longest its accept queue may grow, where the source says so.
    pub send: Option<u32>,
}

/// What a TCP timer waits for (Linux include/uapi/linux/inet_diag.h, `idiag_timer`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimerKind {
    /// Retransmission.
    Retransmit,
    /// Keep-alive, or the SYN-ACK's or FIN-WAIT-2's.
    Keepalive,
    /// End of TIME_WAIT.
    TimeWait,
    /// Zero-window probe.
    Probe,
}

impl TimerKind {
    /// The name that formats print.
    pub const fn name(self) -> &'static str {
        match self {
            TimerKind::Retransmit => "retransmit",
            TimerKind::Keepalive => "keepalive",
            TimerKind::TimeWait => "time-wait",
            TimerKind::Probe => "probe",
        }
    }
}

/// A running TCP timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timer {
    /// What it waits for.
    pub kind: TimerKind,
    /// Microseconds left.
    pub expires_us: u64,
    /// How often it has already gone off.
    pub retransmits: u8,
}

/// One socket. Numbers that stand for names (uid, interface, cgroup, namespace) are resolved by the [`crate::Snapshot`].
#[derive(Debug, Clone, PartialEq)]
pub struct Socket {
    /// Who it is.
    pub key: SocketKey,
    /// TCP state; `None` for UDP.
    pub state: Option<State>,
    /// Who has it open, or why nobody.
    pub owners: Owners,
    /// Who made it.
    pub uid: Option<u32>,
    /// Inode in sockfs; `None` where there is no descriptor behind it.
    pub inode: Option<u64>,
    /// Index of the interface that it is bound to.
    pub interface: Option<u32>,
    /// Firewall mark (SO_MARK).
    pub mark: Option<u32>,
    /// Network namespace, by its inode.
    pub namespace: Option<u64>,
    /// cgroup v2, by its id.
    pub cgroup: Option<u64>,
    /// When it was made.
    pub opened: Option<Timestamp>,
    /// What waits in it.
    pub queues: Option<Queues>,
    /// Its running timer.
    pub timer: Option<Timer>,
    /// What TCP counted; only if asked for.
    pub traffic: Option<Box<Traffic>>,
    /// Whether the kernel chose an ephemeral port for it; only if asked for.
    pub autobound: Option<bool>,
    /// From how far it can be reached; only for listeners and unconnected UDP.
    pub exposure: Option<Exposure>,
    /// Whether it serves IPv6 alone (IPV6_V6ONLY); only for listeners, bound sockets and unconnected UDP over IPv6, and only
    /// where the source says it.
    pub only_ipv6: Option<bool>,
}

impl Socket {
    /// A socket of which only the identity is known; owners not asked for.
    pub fn new(key: SocketKey) -> Socket {
        Socket {
            key,
            state: None,
            owners: Owners::Nobody(crate::NoOwner::NotAsked),
            uid: None,
            inode: None,
            interface: None,
            mark: None,
            namespace: None,
            cgroup: None,
            opened: None,
            queues: None,
            timer: None,
            traffic: None,
            autobound: None,
            exposure: None,
            only_ipv6: None,
        }
    }

    /// Address family.
    pub fn family(&self) -> Family {
        Family::of(&self.key.local.ip())
    }

    /// The state that filters ask for: UDP counts as `Established` when connected, else as `Closed`, as in `ss`.
    pub fn filter_state(&self) -> State {
        match (self.state, self.key.remote) {
            (Some(state), _) => state,
            (None, Some(_)) => State::Established,
            (None, None) => State::Closed,
        }
    }

    /// A TCP listener or an unconnected UDP socket: what `-l` lists.
    pub fn is_listening(&self) -> bool {
        match self.key.protocol {
            Protocol::Tcp => self.state == Some(State::Listen),
            Protocol::Udp => self.key.remote.is_none(),
        }
    }

    /// The cookie, where the source knows cookies.
    pub fn cookie(&self) -> Option<u64> {
        match self.key.tag {
            Tag::Cookie(cookie) => Some(cookie),
            _ => None,
        }
    }
}
