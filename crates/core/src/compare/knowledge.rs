//! docs/compare.md has the same as a table.

use std::net::IpAddr;

use sockscope_model::{Family, NoOwner, Owners, Protocol, Socket, SourceChoice, State, Witness};

/// Why tables never list such a socket.
pub(super) fn not_listed(witness: Witness, socket: &Socket) -> Option<&'static str> {
    let Witness::Source(choice) = witness else { return None };
    let tcp = socket.key.protocol == Protocol::Tcp;
    let bound = socket.state == Some(State::Bound);
    let six = socket.family() == Family::Ipv6;
    match choice {
        SourceChoice::SockDiag | SourceChoice::Procfs => match socket.state {
            Some(State::Bound) if choice == SourceChoice::Procfs => {
                Some("/proc/net has no sockets that are bound and no more")
            }
            // Once connected, it may keep its port; bound, it is listed by sock_diag since Linux 6.8.
            Some(State::Closed) => Some("no table has sockets that neither listen nor are connected"),
            None if socket.key.local.port() == 0 => Some("it is bound to no port, and no table has such sockets"),
            _ => None,
        },
        SourceChoice::GetTable2 if !tcp => Some("there is no GetUdpTable2"),
        SourceChoice::AllocateExTableFromStack if six => Some("the function knows IPv4 alone"),
        _ if bound && choice != SourceChoice::GetExtendedTable => {
            Some("only InternalGetBoundTcpEndpointTable has sockets that are bound and no more")
        }
        _ => None,
    }
}

/// Why no process has such a socket among its descriptors; `reason` is why nobody owns it. Reasons that say no more than that
/// nobody was found explain nothing.
pub(super) fn not_held(socket: &Socket, reason: Option<NoOwner>) -> Option<&'static str> {
    let Some(reason) = reason else {
        let owners = match &socket.owners {
            Owners::Processes(owners) => owners.as_slice(),
            Owners::Nobody(_) => &[],
        };
        let only_rings = !owners.is_empty() && owners.iter().all(|owner| owner.fds.is_empty());
        return only_rings.then_some("only an io_uring ring holds it, without a descriptor");
    };
    match reason {
        NoOwner::TimeWait => Some("the connection is over (time-wait)"),
        NoOwner::SynReceived => Some("no process was told of it yet (syn-received)"),
        NoOwner::AcceptQueue => Some("no process has accepted it yet (accept-queue)"),
        NoOwner::Orphan => Some("its process closed it (orphan)"),
        NoOwner::InFlight => Some("its descriptor waits in an unread message (in-flight)"),
        NoOwner::IoUring => Some("only an io_uring ring holds it (io-uring)"),
        NoOwner::OtherNamespace => Some("processes outside this PID namespace can't be seen (other-namespace)"),
        NoOwner::NeedsRoot => Some("its process can't be looked into without more privilege (needs-root)"),
        // By elimination, but of every process that answers by its number, whether /proc lists it or not.
        NoOwner::Kernel => Some("it is root's and no process has it, so it is the kernel's own (kernel)"),
        NoOwner::NotAsked => Some("owners were not asked for"),
        _ => None,
    }
}

/// Whether tables have sockets that are bound and no more.
pub(super) fn shows_bound(witness: Witness) -> bool {
    matches!(witness, Witness::Source(SourceChoice::SockDiag | SourceChoice::GetExtendedTable))
}

/// In which families a socket may keep others from binding its port, by the local address of the row that lists it.
///
/// On Linux, a socket of IPv6 holds the port for IPv4 as well, unless it is IPV6_V6ONLY, which no row says; even once it is
/// connected. One of IPv4, or with an IPv4-mapped address, never keeps an IPv6 one that is V6ONLY from it, as the probe's is.
/// On Windows, an IPv4 row may be of an IPv6 socket that serves both.
pub(super) fn families_held(witness: Witness, local: IpAddr) -> &'static [Family] {
    let is_linux = matches!(witness, Witness::FdScan | Witness::Source(SourceChoice::SockDiag | SourceChoice::Procfs));
    match local.to_canonical() {
        IpAddr::V4(_) if is_linux => &[Family::Ipv4],
        _ => &[Family::Ipv4, Family::Ipv6],
    }
}
