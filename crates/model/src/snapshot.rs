use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::{IpDatabase, Owner, Place, Process, ProcessId, Socket, SocketKey, Timestamp};

/// What one source did for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReport {
    /// As `--source` names it.
    pub name: &'static str,
    /// Rows that it contributed, each socket once.
    pub rows: u64,
    /// Rows that it gave more than once; the copies were dropped.
    pub duplicates: u64,
    /// Sockets that appeared or disappeared while the tables were read more than once.
    pub churned: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Something the reader of the data must know: what is missing and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notice {
    /// For programs: lower case words joined by hyphens, never changed once published.
    pub code: &'static str,
    /// For people: one sentence.
    pub message: String,
}

/// A network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its inode in nsfs.
    pub id: u64,
    /// The name of `ip netns`, or its container's.
    pub name: Option<String>,
}

/// One pass over the machine: the sockets, and everything that their numbers refer to.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When the pass began.
    pub taken: Timestamp,
    /// How long it took.
    pub elapsed: Duration,
    /// The machine's name.
    pub host: String,
    /// `linux` or `windows`.
    pub os: &'static str,
    /// What the sources report.
    pub sources: Vec<SourceReport>,
    /// What is missing, and why.
    pub notices: Vec<Notice>,
    /// Every socket once. The order means nothing.
    pub sockets: Vec<Socket>,
    /// The processes that own listed sockets.
    pub processes: HashMap<ProcessId, Process>,
    /// The service that has a socket, where the system says it of the socket (Windows): of several in one process, that one.
    pub services: HashMap<SocketKey, String>,
    /// Names of the users that occur.
    pub users: HashMap<u32, String>,
    /// Names of the interfaces that occur, by index.
    pub interfaces: BTreeMap<u32, String>,
    /// Paths of the cgroups that occur, by id, beginning with `/`.
    pub cgroups: HashMap<u64, String>,
    /// The namespaces that occur.
    pub namespaces: BTreeMap<u64, Namespace>,
    /// TCP connections that the system had counted when the pass began, both those that programs here opened and those that
    /// they accepted (RFC 4022, tcpActiveOpens and tcpPassiveOpens): a program that talks to itself counts twice, one that was
    /// refused once. Only if asked for. Windows counts in 32 bits, so it may begin again.
    pub tcp_opens: Option<u64>,
}

impl Snapshot {
    /// A snapshot without rows.
    pub fn new(os: &'static str, host: String, taken: Timestamp) -> Snapshot {
        Snapshot {
            taken,
            elapsed: Duration::ZERO,
            host,
            os,
            sources: Vec::new(),
            notices: Vec::new(),
            sockets: Vec::new(),
            processes: HashMap::new(),
            services: HashMap::new(),
            users: HashMap::new(),
            interfaces: BTreeMap::new(),
            cgroups: HashMap::new(),
            namespaces: BTreeMap::new(),
            tcp_opens: None,
        }
    }

    /// Details of an owner.
    pub fn process(&self, id: ProcessId) -> Option<&Process> {
        self.processes.get(&id)
    }

    /// The user who made the socket; where sockets have no user number (Windows), the user of the process that has it.
    pub fn user(&self, socket: &Socket) -> Option<&str> {
        match (socket.uid, socket.owners.processes()) {
            (Some(uid), _) => self.users.get(&uid).map(String::as_str),
            (None, [owner, ..]) => self.process(owner.process)?.user.as_deref(),
            (None, []) => None,
        }
    }

    /// The service that has the socket by way of that owner.
    pub fn service(&self, socket: &Socket, owner: &Owner) -> Option<&str> {
        let of_socket = if self.services.is_empty() { None } else { self.services.get(&socket.key) };
        of_socket.or_else(|| self.process(owner.process)?.service.as_ref()).map(String::as_str)
    }

    /// The interface that the socket is bound to.
    pub fn interface(&self, socket: &Socket) -> Option<Cow<'_, str>> {
        socket.interface.map(|index| self.interface_name(index))
    }

    /// An interface's name, or its index where the name is not known.
    pub fn interface_name(&self, index: u32) -> Cow<'_, str> {
        match self.interfaces.get(&index) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(index.to_string()),
        }
    }

    /// The socket's cgroup, as a path.
    pub fn cgroup(&self, socket: &Socket) -> Option<&str> {
        self.cgroups.get(&socket.cgroup?).map(String::as_str)
    }

    /// The socket's network namespace.
    pub fn namespace(&self, socket: &Socket) -> Option<&Namespace> {
        self.namespaces.get(&socket.namespace?)
    }
}

/// A snapshot and what was looked up beside it. Views see frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The system's part.
    pub snapshot: Arc<Snapshot>,
    /// The IP databases that were asked where the peers are, in order.
    pub databases: Vec<IpDatabase>,
    /// What each of them that knows an address says, in their order. Addresses of one place share it. Asked for every row more
    /// than once, hence the hasher; shared by frames that follow one another.
    pub places: Arc<HashMap<IpAddr, Arc<[Place]>, RandomState>>,
    /// What name servers say of addresses, where they were asked.
    pub names: Arc<HashMap<IpAddr, HostName, RandomState>>,
    /// How fast sockets send and receive, where an earlier snapshot tells.
    pub rates: Arc<HashMap<SocketKey, Rate, RandomState>>,
}

/// What is known of the name of an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HostName {
    /// Nobody has answered yet.
    Pending,
    /// Its name. Text from outside: views clean it.
    Known(Arc<str>),
    /// It has none.
    Absent,
    /// The name servers failed, or did not answer in time.
    Failed,
}

impl HostName {
    /// What a name service said. A name that is none is absent: one that is empty or longer than DNS allows (253 characters,
    /// RFC 1035), and one that could be taken for an address, which whoever owns an address is free to claim.
    pub fn of(name: &str) -> HostName {
        let name = name.strip_suffix('.').unwrap_or(name);
        // No top-level domain is a number (RFC 3696, 2), and no name has a colon.
        let last = name.rsplit('.').next().unwrap_or(name);
        let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || name.contains(':');
        if name.is_empty() || name.len() > 253 || numeric {
            return HostName::Absent;
        }
        HostName::Known(name.into())
    }
}

/// How fast a socket sends and receives, from what two snapshots counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// Bytes a second.
    pub sent: u64,
    /// Bytes a second.
    pub received: u64,
}

impl Frame {
    /// A frame to which nothing was added yet.
    pub fn new(snapshot: Snapshot) -> Frame {
        Frame {
            snapshot: Arc::new(snapshot),
            databases: Vec::new(),
            places: Arc::default(),
            names: Arc::default(),
            rates: Arc::default(),
        }
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.snapshot.sockets.iter().map(|socket| Row { frame: self, socket })
    }

    /// The row of that position.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        self.snapshot.sockets.get(index).map(|socket| Row { frame: self, socket })
    }
}

/// One socket with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Where names and places are.
    pub frame: &'a Frame,
    /// The socket.
    pub socket: &'a Socket,
}

impl<'a> Row<'a> {
    /// The snapshot that the row is of.
    pub fn snapshot(&self) -> &'a Snapshot {
        &self.frame.snapshot
    }

    /// What every database says about the peer.
    pub fn places(&self) -> &'a [Place] {
        let Some(remote) = self.socket.key.remote else { return &[] };
        self.frame.places.get(&remote.ip()).map_or(&[], |places| places)
    }

    /// What the first database that knows says about the peer.
    pub fn place(&self) -> Option<&'a Place> {
        self.places().first()
    }

    /// The name of the peer, if it is known.
    pub fn remote_name(&self) -> Option<&'a str> {
        match self.frame.names.get(&self.socket.key.remote?.ip())? {
            HostName::Known(name) => Some(name),
            _ => None,
        }
    }

    /// How fast it sends and receives, if that is known.
    pub fn rate(&self) -> Option<Rate> {
        self.frame.rates.get(&self.socket.key).copied()
    }

    /// Details of the owners that are known.
    pub fn processes(&self) -> impl Iterator<Item = &'a Process> + use<'a> {
        let snapshot = self.snapshot();
        self.socket.owners.processes().iter().filter_map(|owner| snapshot.process(owner.process))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_address() {
        for bad in ["", ".", "1.1.1.1", "1.1.1.1.", "::1", "10", "a.b.7", "0x7f.0x1", "www:443", &"a".repeat(254)] {
            assert_eq!(HostName::of(bad), HostName::Absent, "{bad}");
        }
        for (good, name) in
            [("one.one.one.one", "one.one.one.one"), ("a.", "a"), ("1-1.example", "1-1.example"), ("x1", "x1")]
        {
            assert_eq!(HostName::of(good), HostName::Known(name.into()));
        }
    }
}
