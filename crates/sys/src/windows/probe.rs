//! The bind probe: a port that can't be bound is in use, whatever the tables say.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use sockscope_model::{
    ErrorKind, Family, Notice, Protocol, Request, Snapshot, Socket, SocketKey, SourceError, SourceReport, Tag,
    Testimony, Timestamp, Witness,
};
use sockscope_wire::windows::excluded_port_ranges;
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, INVALID_SOCKET, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, IPV6_V6ONLY, SO_EXCLUSIVEADDRUSE,
    SOCK_DGRAM, SOCK_STREAM, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, SOCKET, SOL_SOCKET, WSADATA, WSAEACCES,
    WSAEADDRINUSE, WSAGetLastError, WSAStartup, bind, closesocket, setsockopt, socket,
};

use super::machine::Machine;
use super::system::System;

/// What one attempt to bind a port says.
enum Port {
    Free,
    InUse,
    /// WSAEACCES: excluded from use, or held with SO_EXCLUSIVEADDRUSE.
    Refused,
}

/// Binds every port that the request asks for, in turn, exclusively, and closes it at once; nothing ever listens.
pub(super) fn testify(witness: Witness, request: &Request) -> Result<Testimony, SourceError> {
    let failed = |cause: String| SourceError {
        kind: ErrorKind::Failed,
        operation: "probe ports by".into(),
        object: witness.name().into(),
        cause,
        help: None,
    };
    if witness != Witness::BindProbe {
        return Err(SourceError { kind: ErrorKind::Unavailable, ..failed("Windows does not have it".into()) });
    }
    let start = Instant::now();
    let mut data = WSADATA::default();
    // SAFETY: the structure is valid for writes. Sockets stay usable until the process ends.
    let status = unsafe { WSAStartup(0x0202, &raw mut data) };
    if status != 0 {
        return Err(failed(format!("WSAStartup: {}", std::io::Error::from_raw_os_error(status))));
    }
    let mut snapshot = Snapshot::new("windows", System::default().host(), Timestamp::from(SystemTime::now()));
    let protocols = [(Protocol::Tcp, request.tcp), (Protocol::Udp, request.udp)];
    let families = [(Family::Ipv4, request.ipv4), (Family::Ipv6, request.ipv6)];
    let kinds = protocols.into_iter().filter(|(_, wanted)| *wanted).flat_map(|(protocol, _)| {
        families.into_iter().filter(|(_, wanted)| *wanted).map(move |(family, _)| (protocol, family))
    });
    let mut damaged = Vec::new();
    for (protocol, family) in kinds {
        let mut refused = Vec::new();
        let excluded = BTreeSet::from_iter(excluded_ports(protocol, family));
        for port in 1..=u16::MAX {
            match attempt(protocol, family, port) {
                Ok(Port::Free) => {}
                Ok(Port::InUse) => snapshot.sockets.push(in_use(protocol, family, port)),
                Ok(Port::Refused) if excluded.contains(&port) => refused.push(port),
                Ok(Port::Refused) => snapshot.sockets.push(in_use(protocol, family, port)),
                Err(error) => {
                    damaged.push(format!("{} over {} can't be probed: {error}", protocol.name(), family.name()));
                    break;
                }
            }
        }
        if !refused.is_empty() {
            let message = format!(
                "{} ports of {} over {} are excluded from use (netsh int {} show excludedportrange protocol={})",
                refused.len(),
                protocol.name(),
                family.name(),
                family.name(),
                protocol.name()
            );
            snapshot.notices.push(Notice { code: "ports-excluded", message });
        }
    }
    snapshot.elapsed = start.elapsed();
    snapshot.sources.push(SourceReport {
        name: witness.name(),
        rows: snapshot.sockets.len() as u64,
        duplicates: 0,
        churned: 0,
        elapsed: snapshot.elapsed,
    });
    Ok(Testimony { snapshot, quirks: Vec::new(), damaged: (!damaged.is_empty()).then(|| damaged.join("; ")) })
}

fn in_use(protocol: Protocol, family: Family, port: u16) -> Socket {
    let local = match family {
        Family::Ipv4 => ([0; 4], port).into(),
        Family::Ipv6 => ([0; 16], port).into(),
    };
    Socket::new(SocketKey { protocol, local, remote: None, tag: Tag::None })
}

/// A socket that is closed when it is dropped.
struct Probe(SOCKET);

impl Drop for Probe {
    fn drop(&mut self) {
        // SAFETY: the socket was opened here and is closed once.
        unsafe { closesocket(self.0) };
    }
}

fn attempt(protocol: Protocol, family: Family, port: u16) -> std::io::Result<Port> {
    let address_family = if family == Family::Ipv4 { AF_INET } else { AF_INET6 };
    let (kind, number) = match protocol {
        Protocol::Udp => (SOCK_DGRAM, IPPROTO_UDP),
        _ => (SOCK_STREAM, IPPROTO_TCP),
    };
    // SAFETY: no precondition but WSAStartup.
    let probe = unsafe { socket(i32::from(address_family), kind, number) };
    if probe == INVALID_SOCKET {
        return Err(last_error());
    }
    let probe = Probe(probe);
    // Without it, Windows lets a socket share the port of another that did not ask for the same.
    switch_on(&probe, SOL_SOCKET, SO_EXCLUSIVEADDRUSE)?;
    let status = match family {
        Family::Ipv4 => {
            let address = SOCKADDR_IN { sin_family: address_family, sin_port: port.to_be(), ..Default::default() };
            bind_to(&probe, &address)
        }
        Family::Ipv6 => {
            switch_on(&probe, IPPROTO_IPV6, IPV6_V6ONLY)?;
            let address = SOCKADDR_IN6 { sin6_family: address_family, sin6_port: port.to_be(), ..Default::default() };
            bind_to(&probe, &address)
        }
    };
    match status {
        Ok(()) => Ok(Port::Free),
        Err(error) if error.raw_os_error() == Some(WSAEADDRINUSE) => Ok(Port::InUse),
        Err(error) if error.raw_os_error() == Some(WSAEACCES) => Ok(Port::Refused),
        Err(error) => Err(error),
    }
}

fn switch_on(probe: &Probe, level: i32, option: i32) -> std::io::Result<()> {
    let on = 1i32;
    // SAFETY: the socket is open, and the value is valid for reads of its size.
    let status = unsafe { setsockopt(probe.0, level, option, (&raw const on).cast(), size_of::<i32>() as i32) };
    if status == 0 { Ok(()) } else { Err(last_error()) }
}

/// `A` is a structure of addresses as its family has it.
fn bind_to<A>(probe: &Probe, address: &A) -> std::io::Result<()> {
    let length = size_of::<A>() as i32;
    // SAFETY: the socket is open, and the address is valid for reads of its size, which is its family's.
    let status = unsafe { bind(probe.0, std::ptr::from_ref(address).cast::<SOCKADDR>(), length) };
    if status == 0 { Ok(()) } else { Err(last_error()) }
}

fn last_error() -> std::io::Error {
    // SAFETY: no precondition.
    std::io::Error::from_raw_os_error(unsafe { WSAGetLastError() })
}

/// The ports that Windows keeps everyone from binding (Hyper-V, WinNAT, administrators). There is no documented call that lists
/// them; netsh does.
fn excluded_ports(protocol: Protocol, family: Family) -> Vec<u16> {
    let Some(root) = std::env::var_os("SystemRoot") else { return Vec::new() };
    let program = std::path::Path::new(&root).join(r"System32\netsh.exe");
    let protocol = format!("protocol={}", protocol.name());
    let output = Command::new(program)
        .args(["int", family.name(), "show", "excludedportrange", &protocol])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    excluded_port_ranges(&text).into_iter().flat_map(|(first, last)| first..=last).collect()
}
