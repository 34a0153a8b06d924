//! The bind probe: a port that can't be bound is in use, whatever the tables say.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use sockscope_model::{
    ErrorKind, Family, NoOwner, Notice, Owners, Protocol, Request, Snapshot, Socket, SocketKey, SourceError,
    SourceReport, Tag, Testimony, Timestamp, Witness,
};
use sockscope_wire::windows::excluded_port_ranges;
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, INVALID_SOCKET, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, IPV6_V6ONLY, SO_EXCLUSIVEADDRUSE,
    SOCK_DGRAM, SOCK_STREAM, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, SOCKET, SOL_SOCKET, WSADATA, WSAEACCES,
    WSAEADDRINUSE, WSAEADDRNOTAVAIL, WSAEAFNOSUPPORT, WSAEPROTONOSUPPORT, WSAGetLastError, WSAStartup, bind,
    closesocket, setsockopt, socket,
};
use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;

use super::apart::{End, Run};
use super::machine::{Apart, Machine};
use super::system::System;

/// How long netsh may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so many unexpected errors, further ports would not be better.
const MOST_FAILURES: u32 = 100;

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
    let (mut damaged, mut partial) = (Vec::new(), Vec::new());
    for (protocol, family) in kinds {
        let (mut refused, mut failures) = (Vec::new(), 0u32);
        let allowed = |port: &u16| request.condition.as_ref().is_none_or(|it| it.allows_local_port(*port));
        for port in (1..=u16::MAX).filter(allowed) {
            match attempt(protocol, family, port) {
                Ok(Port::Free) => {}
                Ok(Port::InUse) => snapshot.sockets.push(in_use(protocol, family, port)),
                Ok(Port::Refused) => refused.push(port),
                // Without the family there is nothing that could be in use.
                Err(error) if is_family_missing(&error) => break,
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        damaged.push(format!("{} over {}, port {port}: {error}", protocol.name(), family.name()));
                    }
                    if failures == MOST_FAILURES {
                        break;
                    }
                }
            }
        }
        partial.extend(sort_out(&mut snapshot, protocol, family, &refused));
    }
    if !partial.is_empty() {
        snapshot.notices.push(Notice { code: Testimony::PARTIAL, message: partial.join("; ") });
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

/// Of ports that Windows refused, those that it keeps everyone from; the others are in use, exclusively.
fn sort_out(snapshot: &mut Snapshot, protocol: Protocol, family: Family, refused: &[u16]) -> Option<String> {
    if refused.is_empty() {
        return None;
    }
    let (protocol_name, family_name) = (protocol.name(), family.name());
    match excluded_ports(protocol, family) {
        Ok(excluded) => {
            let (kept, used): (Vec<u16>, Vec<u16>) = refused.iter().partition(|port| excluded.contains(port));
            snapshot.sockets.extend(used.into_iter().map(|port| in_use(protocol, family, port)));
            (!kept.is_empty()).then(|| {
                format!(
                    "{} ports of {protocol_name} over {family_name} are excluded from use (netsh int {family_name} show \
                     excludedportrange protocol={protocol_name})",
                    kept.len()
                )
            })
        }
        Err(why) => Some(format!(
            "{} ports of {protocol_name} over {family_name} were refused, and which of them are excluded from use is not known: \
             netsh {why}",
            refused.len()
        )),
    }
}

/// IPv6 may be switched off.
fn is_family_missing(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(WSAEAFNOSUPPORT | WSAEPROTONOSUPPORT | WSAEADDRNOTAVAIL))
}

fn in_use(protocol: Protocol, family: Family, port: u16) -> Socket {
    let local = match family {
        Family::Ipv4 => ([0; 4], port).into(),
        Family::Ipv6 => ([0; 16], port).into(),
    };
    let mut socket = Socket::new(SocketKey { protocol, local, remote: None, tag: Tag::None });
    socket.owners = Owners::Nobody(NoOwner::Unknown);
    socket
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
    let address = match family {
        Family::Ipv4 => ([0; 4], port).into(),
        Family::Ipv6 => ([0; 16], port).into(),
    };
    match bind_exclusively(protocol, address) {
        Ok(()) => Ok(Port::Free),
        Err(error) if error.raw_os_error() == Some(WSAEADDRINUSE) => Ok(Port::InUse),
        Err(error) if error.raw_os_error() == Some(WSAEACCES) => Ok(Port::Refused),
        Err(error) => Err(error),
    }
}

/// As [`bind_exclusively`], for whoever has not begun with WSAStartup.
pub(super) fn bind_once(protocol: Protocol, address: SocketAddr) -> std::io::Result<()> {
    let mut data = WSADATA::default();
    // SAFETY: the structure is valid for writes. Sockets stay usable until the process ends.
    match unsafe { WSAStartup(0x0202, &raw mut data) } {
        0 => bind_exclusively(protocol, address),
        status => Err(std::io::Error::from_raw_os_error(status)),
    }
}

/// Binds the address so that nobody else has it, and lets it go at once. IPv6 alone, where it is one of IPv6.
fn bind_exclusively(protocol: Protocol, address: SocketAddr) -> std::io::Result<()> {
    let address_family = if address.is_ipv4() { AF_INET } else { AF_INET6 };
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
    match address {
        SocketAddr::V4(v4) => {
            let mut address =
                SOCKADDR_IN { sin_family: address_family, sin_port: v4.port().to_be(), ..Default::default() };
            address.sin_addr.S_un.S_addr = u32::from_ne_bytes(v4.ip().octets());
            bind_to(&probe, &address)
        }
        SocketAddr::V6(v6) => {
            switch_on(&probe, IPPROTO_IPV6, IPV6_V6ONLY)?;
            let mut address =
                SOCKADDR_IN6 { sin6_family: address_family, sin6_port: v6.port().to_be(), ..Default::default() };
            address.sin6_addr.u.Byte = v6.ip().octets();
            bind_to(&probe, &address)
        }
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
fn excluded_ports(protocol: Protocol, family: Family) -> Result<BTreeSet<u16>, String> {
    let protocol = format!("protocol={}", protocol.name());
    let text = netsh(&["int", family.name(), "show", "excludedportrange", &protocol])?;
    Ok(excluded_port_ranges(&text).into_iter().flat_map(|(first, last)| first..=last).collect())
}

/// What netsh prints.
///
/// # Errors
/// What became of it.
pub(super) fn netsh(arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(system_directory()?.join("netsh.exe"));
    command.args(arguments);
    let (output, end) = Run::start(command, PATIENCE).map_err(|error| error.to_string())?.wait();
    match end {
        End::Status(0) => Ok(String::from_utf8_lossy(&output).into_owned()),
        end => Err(Apart::from(end).to_string()),
    }
}

/// Where Windows keeps its programs, asked of Windows: a variable of the environment may say anything.
fn system_directory() -> Result<PathBuf, String> {
    let mut path = [0u16; 512];
    // SAFETY: the buffer is valid for writes of the length that is given with it.
    let length = unsafe { GetSystemDirectoryW(path.as_mut_ptr(), path.len() as u32) };
    let path = path.get(..length as usize).filter(|path| !path.is_empty()).ok_or("has no directory")?;
    Ok(PathBuf::from(OsString::from_wide(path)))
}
