//! The probe of ports: each is bound, and let go at once. One that can't be bound is in use, whoever hides it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use sockscope_model::{
    ErrorKind, Family, NoOwner, Notice, Owners, Protocol, Request, Snapshot, Socket, SocketKey, SourceError,
    SourceReport, Tag, Testimony, Timestamp,
};

use super::names;
use super::scan::on_every_processor;

/// Ports that a thread takes at a time.
const PIECE: u32 = 1024;

/// Binds every port of every protocol and family that is asked for. A socket never listens, and never receives: it is closed
/// before the next is made. It does not ask to share its address, so that whatever has the port keeps it to itself.
pub(super) fn probe(request: &Request) -> Result<Testimony, SourceError> {
    let start = Instant::now();
    let mut found = Found::default();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        for family in [Family::Ipv4, Family::Ipv6] {
            let wanted = if protocol == Protocol::Tcp { request.tcp } else { request.udp }
                && if family == Family::Ipv4 { request.ipv4 } else { request.ipv6 };
            if wanted && is_offered(protocol, family) {
                found.append(every_port(protocol, family, request));
            }
        }
    }
    if let (0, Some(error)) = (found.tried, found.error) {
        return Err(SourceError {
            kind: ErrorKind::Failed,
            operation: "bind".into(),
            object: "ports".into(),
            cause: error.to_string(),
            help: None,
        });
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut snapshot = Snapshot::new("linux", host, Timestamp::from(std::time::SystemTime::now()));
    let namespace = names::own_namespace();
    snapshot.sockets = found.in_use;
    for socket in &mut snapshot.sockets {
        socket.namespace = namespace.as_ref().map(|it| it.id);
    }
    snapshot.namespaces.extend(namespace.map(|it| (it.id, it)));
    if found.refused > 0 {
        let message = format!(
            "{} ports can't be bound by this user, and nobody knows whether they are in use; sudo would tell",
            found.refused
        );
        snapshot.notices.push(Notice { code: Testimony::PARTIAL, message });
    }
    let rows = snapshot.sockets.len() as u64;
    let elapsed = start.elapsed();
    snapshot.sources.push(SourceReport { name: "bind_probe", rows, duplicates: 0, churned: 0, elapsed });
    snapshot.elapsed = elapsed;
    let damaged = found.error.map(|error| format!("some ports could not be tried: {error}"));
    Ok(Testimony { snapshot, quirks: Vec::new(), damaged })
}

#[derive(Default)]
struct Found {
    in_use: Vec<Socket>,
    /// Ports that were bound or found in use.
    tried: u64,
    /// Ports that this user may not bind.
    refused: u64,
    /// Why another could not be tried.
    error: Option<Errno>,
}

impl Found {
    fn append(&mut self, mut other: Found) {
        self.in_use.append(&mut other.in_use);
        self.tried += other.tried;
        self.refused += other.refused;
        self.error = self.error.or(other.error);
    }

    fn try_port(&mut self, protocol: Protocol, family: Family, port: u16) {
        let ip = match family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let local = SocketAddr::new(ip, port);
        match socket(protocol, family).and_then(|socket| rustix::net::bind(&socket, &local)) {
            Ok(()) => self.tried += 1,
            Err(Errno::ADDRINUSE) => {
                self.tried += 1;
                let mut socket = Socket::new(SocketKey { protocol, local, remote: None, tag: Tag::None });
                socket.owners = Owners::Nobody(NoOwner::Unknown);
                self.in_use.push(socket);
            }
            // Below net.ipv4.ip_unprivileged_port_start, or what a BPF program of the cgroup forbids.
            Err(Errno::ACCESS | Errno::PERM) => self.refused += 1,
            Err(error) => self.error = Some(error),
        }
    }
}

/// Tries all ports that the request allows, with as many threads as there are processors.
fn every_port(protocol: Protocol, family: Family, request: &Request) -> Found {
    let allowed = |port: &u16| *port != 0 && request.condition.as_ref().is_none_or(|it| it.allows_local_port(*port));
    let next = AtomicU32::new(0);
    let work = || {
        let mut found = Found::default();
        loop {
            let first = next.fetch_add(PIECE, Ordering::Relaxed);
            if first > u32::from(u16::MAX) {
                return found;
            }
            for port in (first..first + PIECE).filter_map(|port| u16::try_from(port).ok()).filter(allowed) {
                found.try_port(protocol, family, port);
            }
        }
    };
    let mut found = Found::default();
    on_every_processor(work).into_iter().for_each(|part| found.append(part));
    found
}

/// Whether the kernel has the protocol over that family, and the family has addresses: without, nothing can be in use.
fn is_offered(protocol: Protocol, family: Family) -> bool {
    let unspecified = match family {
        Family::Ipv4 => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        Family::Ipv6 => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
    };
    let outcome = socket(protocol, family).and_then(|socket| rustix::net::bind(&socket, &unspecified));
    !matches!(outcome, Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL | Errno::PROTONOSUPPORT))
}

fn socket(protocol: Protocol, family: Family) -> Result<OwnedFd, Errno> {
    let kind = if protocol == Protocol::Tcp { SocketType::STREAM } else { SocketType::DGRAM };
    let domain = if family == Family::Ipv4 { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(domain, kind, SocketFlags::CLOEXEC, None)?;
    if family == Family::Ipv6 {
        // IPv4 is tried apart.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}
