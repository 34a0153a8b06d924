use std::fmt;

use crate::{AddressBlock, Family, Protocol, Snapshot, StateSet};

/// What a source is asked for. Asking for less is how a listing gets cheaper; a source may always return more rows than
/// `states` and `condition` allow, since the filter is applied again to what it returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// TCP sockets.
    pub tcp: bool,
    /// UDP sockets.
    pub udp: bool,
    /// IPv4 sockets.
    pub ipv4: bool,
    /// IPv6 sockets.
    pub ipv6: bool,
    /// Only sockets in these states, as [`crate::Socket::filter_state`] counts them.
    pub states: StateSet,
    /// Only sockets that meet this; `None`: all.
    pub condition: Option<Condition>,
    /// Whether the kernel may be given `states` and `condition` to evaluate. Off, the source lists everything.
    pub pushdown: bool,
    /// Who owns each socket.
    pub owners: bool,
    /// Path, command line, user and so on of the owners; without, only number, start and name.
    pub process_details: bool,
    /// Fill [`crate::Socket::traffic`].
    pub traffic: bool,
    /// Fill [`crate::Socket::autobound`].
    pub autobound: bool,
    /// Resolve cgroup ids to paths.
    pub cgroups: bool,
    /// Fill [`crate::Snapshot::tcp_opens`].
    pub tcp_opens: bool,
}

impl Default for Request {
    /// Everything but `traffic`, `autobound` and `tcp_opens`.
    fn default() -> Self {
        Request {
            tcp: true,
            udp: true,
            ipv4: true,
            ipv6: true,
            states: StateSet::ALL,
            condition: None,
            pushdown: true,
            owners: true,
            process_details: true,
            traffic: false,
            autobound: false,
            cgroups: true,
            tcp_opens: false,
        }
    }
}

/// What a kernel can decide about a row: a necessary condition of the user's filter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// All of them. Empty: always true.
    All(Vec<Condition>),
    /// At least one of them. Empty: never true.
    Any(Vec<Condition>),
    /// Not so.
    Not(Box<Condition>),
    /// The local port is at least this.
    LocalPortFrom(u16),
    /// The local port is at most this.
    LocalPortTo(u16),
    /// The remote port (0 where there is no peer) is at least this.
    RemotePortFrom(u16),
    /// The remote port (0 where there is no peer) is at most this.
    RemotePortTo(u16),
    /// The local address is in the block; IPv4 blocks also take IPv4-mapped addresses.
    Local(AddressBlock),
    /// The remote address (unspecified where there is no peer) is in the block, likewise.
    Remote(AddressBlock),
    /// Bound to the interface of this index.
    Interface(u32),
    /// `mark & mask == value`.
    Mark {
        /// Compared after masking.
        value: u32,
        /// Which bits count.
        mask: u32,
    },
}

impl Condition {
    /// Whether a socket with that local port may meet the condition, whatever else it is.
    pub fn allows_local_port(&self, port: u16) -> bool {
        match self {
            Condition::All(all) => all.iter().all(|it| it.allows_local_port(port)),
            Condition::Any(any) => any.iter().any(|it| it.allows_local_port(port)),
            // Of anything else the opposite says nothing of the port.
            Condition::Not(inner) => match **inner {
                Condition::LocalPortFrom(least) => port < least,
                Condition::LocalPortTo(most) => port > most,
                _ => true,
            },
            Condition::LocalPortFrom(least) => port >= *least,
            Condition::LocalPortTo(most) => port <= *most,
            _ => true,
        }
    }
}

/// Which way of reading the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum SourceChoice {
    /// The best that works here, with a notice for each that was passed over.
    #[default]
    Auto,
    /// Linux netlink, `NETLINK_SOCK_DIAG`.
    SockDiag,
    /// Linux `/proc/net/{tcp,tcp6,udp,udp6}`.
    Procfs,
    /// Windows `GetExtendedTcpTable` and `GetExtendedUdpTable`, and the tables of bound endpoints.
    GetExtendedTable,
    /// Windows `GetTcpTable2` and `GetTcp6Table2`.
    GetTable2,
    /// Windows `GetTcpTable`, `GetTcp6Table`, `GetUdpTable` and `GetUdp6Table`, which know no owners.
    GetTable,
    /// Windows XP's `AllocateAndGetTcpExTableFromStack` and `AllocateAndGetUdpExTableFromStack`.
    AllocateExTableFromStack,
    /// Windows Vista's and later, undocumented: `InternalGetTcpTable2`, `InternalGetUdpTableWithOwnerPid` and their cousins.
    InternalGetTable,
}

impl SourceChoice {
    /// Every choice, of every system.
    pub const ALL: [SourceChoice; 8] = [
        SourceChoice::Auto,
        SourceChoice::SockDiag,
        SourceChoice::Procfs,
        SourceChoice::GetExtendedTable,
        SourceChoice::GetTable2,
        SourceChoice::GetTable,
        SourceChoice::AllocateExTableFromStack,
        SourceChoice::InternalGetTable,
    ];

    /// The name that `--source` takes.
    pub const fn name(self) -> &'static str {
        match self {
            SourceChoice::Auto => "auto",
            SourceChoice::SockDiag => "sock_diag",
            SourceChoice::Procfs => "procfs",
            SourceChoice::GetExtendedTable => "get_extended_table",
            SourceChoice::GetTable2 => "get_table2",
            SourceChoice::GetTable => "get_table",
            SourceChoice::AllocateExTableFromStack => "allocate_ex_table_from_stack",
            SourceChoice::InternalGetTable => "internal_get_table",
        }
    }
}

/// Who can be asked which sockets there are, so that one answer can be held against another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Witness {
    /// A source, asked by itself; never [`SourceChoice::Auto`].
    Source(SourceChoice),
    /// Linux: every process' descriptors, each asked for its own addresses.
    FdScan,
    /// Binding every port in turn: one that can't be bound is in use.
    BindProbe,
}

impl Witness {
    /// The name that `compare` prints.
    pub const fn name(self) -> &'static str {
        match self {
            Witness::Source(choice) => choice.name(),
            Witness::FdScan => "fd_scan",
            Witness::BindProbe => "bind_probe",
        }
    }
}

/// What one witness says at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Testimony {
    /// Its sockets, with owners where it knows them. [`Witness::BindProbe`]: one for each port in use, without remote end
    /// and without state, whose local address is the unspecified one that was bound.
    pub snapshot: Snapshot,
    /// What rows said beside their meaning, by the row's index: `the remote port of the LISTEN row is 4660`.
    pub quirks: Vec<(usize, String)>,
    /// Why some of its tables or rows are missing, though the witness itself could be heard: then what it does not name
    /// means nothing. One sentence.
    pub damaged: Option<String>,
}

impl Testimony {
    /// Code of a notice in the snapshot: the witness is sound, but something here keeps it from seeing every socket that it
    /// could show (a missing privilege, say), so that what it does not name means nothing. `compare` prints the message; of a
    /// probe, which is missing nothing (ports that nobody may bind, say), it does no more than that. Several are printed in
    /// their order.
    pub const PARTIAL: &'static str = "witness-partial";

    /// Code of a notice in the snapshot: something about the witness is not as the system makes it (a file that is mounted
    /// over its table, say). What it does not name is missing all the same.
    pub const SUSPECT: &'static str = "witness-suspect";

    /// Code of a notice in the snapshot: the witness can show sockets that are bound and no more elsewhere, and can't here.
    pub const LACKS_BOUND: &'static str = "witness-lacks-bound";

    /// Code of a notice in the snapshot: the witness has no table of these sockets here, which is no fault (a function that
    /// this system does not have, say).
    pub const fn lacks(protocol: Protocol, family: Family) -> &'static str {
        match (protocol, family) {
            (Protocol::Tcp, Family::Ipv4) => "witness-lacks-tcp-ipv4",
            (Protocol::Tcp, Family::Ipv6) => "witness-lacks-tcp-ipv6",
            (Protocol::Udp, Family::Ipv4) => "witness-lacks-udp-ipv4",
            (Protocol::Udp, Family::Ipv6) => "witness-lacks-udp-ipv6",
        }
    }

    /// The message of the notice with that code.
    pub fn notice(&self, code: &str) -> Option<&str> {
        let mut notices = self.snapshot.notices.iter();
        notices.find(|notice| notice.code == code).map(|notice| notice.message.as_str())
    }
}

/// Something that can list sockets: a system's tables, or a recording.
pub trait Source {
    /// One pass.
    ///
    /// # Errors
    /// No table could be read. A table among several that could not be read is a notice in the snapshot, and so is
    /// everything that is merely missing from the rows.
    fn snapshot(&mut self, request: &Request) -> Result<Snapshot, SourceError>;
}

/// How a source failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// This system does not have it.
    Unavailable,
    /// The system has it and said no.
    Refused,
    /// The call failed.
    Failed,
    /// The answer made no sense.
    Malformed,
}

/// Why a source gave no snapshot: what was tried on which object, what the system said, what would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// Which kind of failure.
    pub kind: ErrorKind,
    /// What was tried: `open`, `send the request`, ...
    pub operation: String,
    /// On which object: `/proc/net/tcp`, `NETLINK_SOCK_DIAG`, ...
    pub object: String,
    /// What the system or the decoder said.
    pub cause: String,
    /// What would help, where we know.
    pub help: Option<String>,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't {} {}: {}", self.operation, self.object, self.cause)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SourceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_says_which_ports_are_worth_a_look() {
        let port = |port| Condition::All(vec![Condition::LocalPortFrom(port), Condition::LocalPortTo(port)]);
        let either = Condition::Any(vec![port(80), port(443)]);
        let found: Vec<u16> = (1..=u16::MAX).filter(|port| either.allows_local_port(*port)).collect();
        assert_eq!(found, [80, 443]);
        assert!(Condition::All(vec![]).allows_local_port(1) && !Condition::Any(vec![]).allows_local_port(1));
        assert!(Condition::Interface(1).allows_local_port(1));
        let above = Condition::Not(Box::new(Condition::LocalPortTo(1023)));
        assert!(above.allows_local_port(1024) && !above.allows_local_port(1023));
        // Never less than what may be met.
        assert!(Condition::Not(Box::new(either)).allows_local_port(80));
    }
}
