use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use crate::{Condition, Protocol, Request, Snapshot};

/// Which port is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortQuestion {
    /// Transport protocol.
    pub protocol: Protocol,
    /// The port, never 0.
    pub port: u16,
    /// The address that it is to be bound on; `None`: any. Never IPv4-mapped.
    pub address: Option<IpAddr>,
}

impl PortQuestion {
    /// What is asked of a source: the sockets on these ports, of both families, since one may hold the port of the other.
    pub fn request(&self, ports: impl IntoIterator<Item = u16>) -> Request {
        let port = |port| Condition::All(vec![Condition::LocalPortFrom(port), Condition::LocalPortTo(port)]);
        Request {
            tcp: self.protocol == Protocol::Tcp,
            udp: self.protocol == Protocol::Udp,
            condition: Some(Condition::Any(ports.into_iter().map(port).collect())),
            ..Request::default()
        }
    }
}

/// What beside the sockets decides whether a port can be bound. What is not known is `None`, and said in `unknown`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortFacts {
    /// The ports that the system gives to clients, first and last (Linux: `ip_local_port_range`; Windows: the dynamic range).
    pub ephemeral: Option<(u16, u16)>,
    /// Whether the port is kept from clients (Linux: `ip_local_reserved_ports`).
    pub reserved: Option<bool>,
    /// Ports below it need a privilege (Linux: `ip_unprivileged_port_start`).
    pub privileged_below: Option<u32>,
    /// Whether the viewer has that privilege (Linux: CAP_NET_BIND_SERVICE).
    pub may_bind_privileged: bool,
    /// Whether the viewer may look into every process (Linux: CAP_SYS_PTRACE): more privileges would not show more.
    pub may_look_into_all: bool,
    /// Whether the address that is asked about is one of this machine.
    pub address_is_local: Option<bool>,
    /// The range that holds the port, first and last, and that nobody may bind (Windows).
    pub excluded: Option<(u16, u16)>,
    /// What http.sys serves on the port (Windows); `None`: it could not be asked.
    pub http_urls: Option<Vec<String>>,
    /// Rules that send what comes to the port elsewhere.
    pub nat: Vec<NatRule>,
    /// Programs that carry the port into a container, whoever may look into them.
    pub proxies: Vec<PortProxy>,
    /// What could not be looked at, and what would help: a clause each.
    pub unknown: Vec<String>,
}

/// A rule of address translation that rewrites the destination (DNAT).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatRule {
    /// Where it is: `chain DOCKER of table ip nat`.
    pub place: String,
    /// Only for packets to these addresses; `None`: whatever the address.
    pub address: Option<IpAddr>,
    /// Where they go instead, as far as the rule says it.
    pub to_address: Option<IpAddr>,
    /// The port there; `None`: the same.
    pub to_port: Option<u16>,
}

/// A process that carries a port into a container, by its own arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortProxy {
    /// The process.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Which address it serves.
    pub host: Option<IpAddr>,
    /// Where it leads.
    pub container: Option<SocketAddr>,
}

/// The sockets of other network namespaces.
#[derive(Debug, Clone, PartialEq)]
pub struct Elsewhere {
    /// The sockets, and their owners as far as they can be seen.
    pub snapshot: Snapshot,
    /// The namespaces that were looked into.
    pub namespaces: Vec<ForeignNamespace>,
    /// Why some were not: a clause.
    pub unseen: Option<String>,
}

/// A network namespace beside the viewer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignNamespace {
    /// Its inode in nsfs, where that may be known.
    pub id: Option<u64>,
    /// The name of `ip netns`, or its container's.
    pub name: Option<String>,
    /// A process that is in it.
    pub pid: Option<u32>,
    /// Of the addresses that rules and proxies lead to, those that are its own.
    pub addresses: Vec<IpAddr>,
    /// Positions of its sockets in the snapshot.
    pub rows: Range<usize>,
}

impl PortFacts {
    /// Where rules and proxies lead: the address and the port, if they change it.
    pub fn targets(&self) -> impl Iterator<Item = (Option<IpAddr>, Option<u16>)> + '_ {
        let rules = self.nat.iter().map(|it| (it.to_address, it.to_port));
        rules.chain(self.proxies.iter().filter_map(|it| it.container).map(|it| (Some(it.ip()), Some(it.port()))))
    }
}

/// One attempt to bind a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAttempt {
    /// Where.
    pub local: SocketAddr,
    /// Whether SO_REUSEADDR was set, as servers set it.
    pub reuse_address: bool,
    /// `None`: it was bound, and let go at once.
    pub error: Option<BindError>,
}

/// Why a port could not be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError {
    /// Which kind of error.
    pub kind: BindErrorKind,
    /// What the system said.
    pub text: String,
}

/// Kinds of errors of bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BindErrorKind {
    /// EADDRINUSE.
    InUse,
    /// EACCES.
    Refused,
    /// EADDRNOTAVAIL: the address is not of this machine.
    NotLocal,
    /// EAFNOSUPPORT: there is no such family here.
    NoFamily,
    /// Anything else.
    Other,
}

/// Who holds a port, or why it can't be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// Somebody listens, or has a connection that is no client's.
    Held,
    /// Nothing stands against it.
    Free,
    /// Connections that are over.
    TimeWait,
    /// Bound by a socket that does not listen.
    Bound,
    /// Somebody listens in another network namespace.
    OtherNamespace,
    /// It is led into a container.
    Published,
    /// A client has it as its own port.
    Ephemeral,
    /// It is kept from clients.
    Reserved,
    /// It needs a privilege that the viewer does not have.
    Privileged,
    /// Windows keeps it from everyone.
    ExcludedRange,
    /// http.sys serves it, for some program.
    HttpSys,
    /// The other address family's wildcard has it.
    OtherFamily,
    /// It can't be bound, or that can't be told, and nothing that is known explains it.
    Unknown,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 13] = [
        Verdict::Held,
        Verdict::Free,
        Verdict::TimeWait,
        Verdict::Bound,
        Verdict::OtherNamespace,
        Verdict::Published,
        Verdict::Ephemeral,
        Verdict::Reserved,
        Verdict::Privileged,
        Verdict::ExcludedRange,
        Verdict::HttpSys,
        Verdict::OtherFamily,
        Verdict::Unknown,
    ];

    /// The name that formats print.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Held => "held",
            Verdict::Free => "free",
            Verdict::TimeWait => "time-wait",
            Verdict::Bound => "bound",
            Verdict::OtherNamespace => "other-namespace",
            Verdict::Published => "published",
            Verdict::Ephemeral => "ephemeral",
            Verdict::Reserved => "reserved",
            Verdict::Privileged => "privileged",
            Verdict::ExcludedRange => "excluded-range",
            Verdict::HttpSys => "http-sys",
            Verdict::OtherFamily => "other-family",
            Verdict::Unknown => "unknown",
        }
    }
}

/// The answer to a [`PortQuestion`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortAnswer {
    /// In one word.
    pub verdict: Verdict,
    /// The sockets behind it: positions in the frame that comes with the answer.
    pub holders: Vec<usize>,
    /// One paragraph. It may hold names from outside: views clean it.
    pub explanation: String,
    /// What to do about it. Likewise.
    pub advice: String,
}
