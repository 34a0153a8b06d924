use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use sockscope_core::Identity;
use sockscope_model::{NoOwner, ProcessId};

/// What the sockets of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupKey {
    /// A process that has them open.
    Process(ProcessId),
    /// No process, for this reason.
    Nobody(NoOwner),
    /// The address of the peer.
    Host(std::net::IpAddr),
    /// Where the peer is, in the words of its database; `None` where no database knows.
    Country(Option<Arc<str>>),
    /// The service of the process that has them open; `None`: of none that is known.
    Service(Option<Arc<str>>),
    /// A listener, or an unconnected UDP socket: itself and what came in through it.
    Listener(Identity),
}

/// What a line of any view stands for, wherever it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LineKey {
    /// One socket.
    Socket(Identity),
    /// Several.
    Group(GroupKey),
}

/// A number for a key: equal for equal keys, and different for nearly all others.
pub fn digest<K: std::hash::Hash>(key: &K) -> u64 {
    FixedState::default().hash_one(key)
}
