use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::kernel;
use crate::report::{Endpoint, Holder, Made};

/// States by the kernel's numbers (include/net/tcp_states.h), in the words of the published JSON.
const STATES: [(u8, &str); 12] = [
    (1, "established"),
    (2, "syn-sent"),
    (3, "syn-received"),
    (4, "fin-wait-1"),
    (5, "fin-wait-2"),
    (6, "time-wait"),
    (7, "bound"),
    (8, "close-wait"),
    (9, "last-ack"),
    (10, "listen"),
    (11, "closing"),
    (12, "syn-received"),
];

fn family(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

fn socket(address: SocketAddr, kind: SocketType) -> Result<OwnedFd> {
    Ok(rustix::net::socket_with(family(address), kind, SocketFlags::CLOEXEC, None)?)
}

/// A TCP socket of the address' family.
pub(crate) fn tcp(address: SocketAddr) -> Result<OwnedFd> {
    socket(address, SocketType::STREAM)
}

/// A UDP socket of the address' family.
pub(crate) fn udp(address: SocketAddr) -> Result<OwnedFd> {
    socket(address, SocketType::DGRAM)
}

/// A UDP socket that is bound there.
pub(crate) fn udp_bound(address: SocketAddr) -> Result<OwnedFd> {
    let socket = udp(address)?;
    rustix::net::bind(&socket, &address).with_context(|| format!("bind {address}"))?;
    Ok(socket)
}

/// A TCP socket that is bound there.
pub(crate) fn tcp_bound(address: SocketAddr) -> Result<OwnedFd> {
    let socket = tcp(address)?;
    rustix::net::bind(&socket, &address).with_context(|| format!("bind {address}"))?;
    Ok(socket)
}

/// A TCP socket that listens there.
pub(crate) fn listener(address: SocketAddr, backlog: i32) -> Result<OwnedFd> {
    let socket = tcp_bound(address)?;
    rustix::net::listen(&socket, backlog)?;
    Ok(socket)
}

/// Lets several sockets of this user bind to one address and port.
pub(crate) fn share_port(socket: &OwnedFd) -> Result<()> {
    Ok(sockopt::set_socket_reuseport(socket, true)?)
}

/// Makes close(2) of a connection reset it at once, so that no TIME-WAIT is left.
pub(crate) fn reset_on_close(socket: &OwnedFd) -> Result<()> {
    Ok(sockopt::set_socket_linger(socket, Some(Duration::ZERO))?)
}

/// A connection to a listening socket: the client's end and the accepted one.
pub(crate) fn connect(listener: &OwnedFd) -> Result<(OwnedFd, OwnedFd)> {
    let address = local(listener)?;
    let client = tcp(address)?;
    rustix::net::connect(&client, &address).with_context(|| format!("connect {address}"))?;
    Ok((client, rustix::net::accept_with(listener, SocketFlags::CLOEXEC)?))
}

/// Sends a SYN and does not wait.
pub(crate) fn start_connecting(client: &OwnedFd, address: SocketAddr) -> Result<()> {
    rustix::io::ioctl_fionbio(client, true)?;
    match rustix::net::connect(client, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("connect {address}")),
    }
}

/// Where a socket is bound.
pub(crate) fn local(socket: &OwnedFd) -> Result<SocketAddr> {
    Ok(rustix::net::getsockname(socket)?.try_into()?)
}

/// A socket's peer.
pub(crate) fn remote(socket: &OwnedFd) -> Result<Option<SocketAddr>> {
    match rustix::net::getpeername(socket) {
        Ok(Some(address)) => Ok(Some(address.try_into()?)),
        Ok(None) | Err(Errno::NOTCONN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Waits until the kernel has a TCP socket in that state: a segment may still be on its way through loopback.
pub(crate) fn await_state(socket: &OwnedFd, state: &str) -> Result<()> {
    await_true(|| {
        let now = kernel::tcp_state(socket)?;
        Ok(STATES.contains(&(now, state)))
    })
    .with_context(|| format!("{state}: the socket is in state {:?}", kernel::tcp_state(socket)))
}

/// Waits until a connection that no descriptor stands for is in that state.
pub(crate) fn await_listed(local: SocketAddr, remote: SocketAddr, state: &str) -> Result<()> {
    let path = if local.is_ipv4() { "/proc/thread-self/net/tcp" } else { "/proc/thread-self/net/tcp6" };
    let (local_text, remote_text) = (proc_address(local), proc_address(remote));
    await_true(|| {
        let table = std::fs::read_to_string(path)?;
        Ok(table.lines().any(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            words.next() == Some(&local_text)
                && words.next() == Some(&remote_text)
                && words
                    .next()
                    .and_then(|word| u8::from_str_radix(word, 16).ok())
                    .is_some_and(|number| STATES.contains(&(number, state)))
        }))
    })
    .with_context(|| format!("{local} -> {remote} did not become {state}"))
}

fn await_true(mut check: impl FnMut() -> io::Result<bool>) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !check()? {
        if Instant::now() > deadline {
            bail!("waited 5 seconds");
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// As the tables of /proc write it: each 32 bits as a number of this machine, in hexadecimal.
fn proc_address(address: SocketAddr) -> String {
    let octets = match address.ip() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let words = octets.chunks_exact(4).map(|it| u32::from_ne_bytes([it[0], it[1], it[2], it[3]]));
    let text: String = words.map(|word| format!("{word:08X}")).collect();
    format!("{text}:{:04X}", address.port())
}

/// How a row of that family looks, whoever holds it.
pub(crate) fn made(case: &str, protocol: &str, local: SocketAddr, remote: Option<SocketAddr>) -> Made {
    Made {
        case: case.into(),
        protocol: protocol.into(),
        family: if local.is_ipv4() { "ipv4" } else { "ipv6" }.into(),
        state: None,
        local: Endpoint::of(local),
        remote: remote.map(Endpoint::of),
        owners: Vec::new(),
        no_owner: None,
        inode: None,
        cookie: None,
        uid: None,
        interface: None,
        mark: None,
        receive_queue: None,
    }
}

/// A TCP socket of this process, as it should be listed, once it is in that state.
pub(crate) fn made_tcp(case: &str, socket: &OwnedFd, state: &str) -> Result<Made> {
    await_state(socket, state).with_context(|| format!("case {case}"))?;
    let mut made = made_by_us(case, "tcp", socket)?;
    made.state = Some(state.into());
    Ok(made)
}

/// A UDP socket of this process, as it should be listed.
pub(crate) fn made_udp(case: &str, socket: &OwnedFd) -> Result<Made> {
    made_by_us(case, "udp", socket)
}

fn made_by_us(case: &str, protocol: &str, socket: &OwnedFd) -> Result<Made> {
    let status = rustix::fs::fstat(socket)?;
    Ok(Made {
        owners: vec![Holder { pid: std::process::id(), fds: vec![socket.as_raw_fd().cast_unsigned()] }],
        inode: Some(status.st_ino),
        cookie: sockopt::socket_cookie(socket.as_fd()).ok().map(|cookie| cookie.to_string()),
        uid: Some(status.st_uid),
        ..made(case, protocol, local(socket)?, remote(socket)?)
    })
}

/// A connection that no descriptor stands for, once it is in that state.
pub(crate) fn made_unheld(
    case: &str,
    (local, remote): (SocketAddr, SocketAddr),
    state: &str,
    no_owner: &str,
) -> Result<Made> {
    await_listed(local, remote, state).with_context(|| format!("case {case}"))?;
    Ok(Made { state: Some(state.into()), no_owner: Some(no_owner.into()), ..made(case, "tcp", local, Some(remote)) })
}
