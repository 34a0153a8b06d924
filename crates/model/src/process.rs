use std::path::PathBuf;

use crate::Timestamp;

/// A process: its number and the moment it began, since numbers are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// The number, as the PID namespace of the viewer counts.
    pub pid: u32,
    /// When it began; `None` where the system would not say.
    pub started: Option<Timestamp>,
}

/// What is known about a process that owns a listed socket. Text is as the system gave it, control characters included
/// (views clean it), except that bytes that are no UTF-8 became U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Number and start.
    pub id: ProcessId,
    /// Linux: `comm`, at most 15 bytes. Windows: image file name.
    pub name: String,
    /// The executable.
    pub path: Option<PathBuf>,
    /// Arguments, the program's own name first.
    pub command_line: Option<Vec<String>>,
    /// Effective user, as a number.
    pub uid: Option<u32>,
    /// The user's name.
    pub user: Option<String>,
    /// The service it belongs to (systemd unit, Windows service).
    pub service: Option<String>,
    /// The container it runs in.
    pub container: Option<String>,
}

impl Process {
    /// A process of which only number, start and name are known.
    pub fn new(id: ProcessId, name: String) -> Process {
        Process { id, name, path: None, command_line: None, uid: None, user: None, service: None, container: None }
    }
}

/// A process that has the socket open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Which process; details are in the snapshot.
    pub process: ProcessId,
    /// Its descriptors for the socket, ascending. Empty where the system has none (Windows) or where only an io_uring
    /// ring of the process holds the socket.
    pub fds: Vec<u32>,
}

/// Who has a socket open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owners {
    /// At least one process, in ascending order of pid.
    Processes(Vec<Owner>),
    /// Nobody that we can name, and why.
    Nobody(NoOwner),
}

impl Owners {
    /// The owners, none if nobody owns the socket.
    pub fn processes(&self) -> &[Owner] {
        match self {
            Owners::Processes(owners) => owners,
            Owners::Nobody(_) => &[],
        }
    }

    /// Why there is no owner.
    pub fn reason(&self) -> Option<NoOwner> {
        match self {
            Owners::Processes(_) => None,
            Owners::Nobody(reason) => Some(*reason),
        }
    }
}

/// Why a socket has no owner that we can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NoOwner {
    /// Some process could not be looked into: more privilege would tell.
    NeedsRoot,
    /// The connection is over; the kernel keeps its addresses for a while (RFC 9293, 3.3.2).
    TimeWait,
    /// The handshake is not finished; no process has been told yet.
    SynReceived,
    /// Established, but the program has not called accept(2) yet.
    AcceptQueue,
    /// Closed by its process; the kernel is still finishing it.
    Orphan,
    /// Made and held by the kernel itself (NFS, WireGuard, VXLAN, ...).
    Kernel,
    /// Held by a process that this PID namespace can't see.
    OtherNamespace,
    /// Its owner ended while we looked.
    Exited,
    /// Its descriptor waits in an unread message of a Unix socket (SCM_RIGHTS).
    InFlight,
    /// Held by an io_uring ring whose process can't be told.
    IoUring,
    /// Owners were not asked for.
    NotAsked,
    /// None of the above could be shown.
    Unknown,
}

impl NoOwner {
    /// Every reason.
    pub const ALL: [NoOwner; 12] = [
        NoOwner::NeedsRoot,
        NoOwner::TimeWait,
        NoOwner::SynReceived,
        NoOwner::AcceptQueue,
        NoOwner::Orphan,
        NoOwner::Kernel,
        NoOwner::OtherNamespace,
        NoOwner::Exited,
        NoOwner::InFlight,
        NoOwner::IoUring,
        NoOwner::NotAsked,
        NoOwner::Unknown,
    ];

    /// The reason's name as every format prints it.
    pub const fn name(self) -> &'static str {
        match self {
            NoOwner::NeedsRoot => "needs-root",
            NoOwner::TimeWait => "time-wait",
            NoOwner::SynReceived => "syn-received",
            NoOwner::AcceptQueue => "accept-queue",
            NoOwner::Orphan => "orphan",
            NoOwner::Kernel => "kernel",
            NoOwner::OtherNamespace => "other-namespace",
            NoOwner::Exited => "exited",
            NoOwner::InFlight => "in-flight",
            NoOwner::IoUring => "io-uring",
            NoOwner::NotAsked => "not-asked",
            NoOwner::Unknown => "unknown",
        }
    }
}
