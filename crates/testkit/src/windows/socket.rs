use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};

use anyhow::{Context, Result, bail};
use socket2::{Domain, Protocol, Socket, Type};

use crate::report::{Endpoint, Holder, Made};

/// A socket that is bound there; an IPv6 one takes IPv4 as well unless it is told not to.
fn bound(address: SocketAddr, kind: Type, only_v6: bool) -> Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.bind(&address.into()).with_context(|| format!("bind {address}"))?;
    Ok(socket)
}

/// A TCP socket that listens there.
pub(crate) fn listener(address: SocketAddr, backlog: i32, only_v6: bool) -> Result<Socket> {
    let socket = bound(address, Type::STREAM, only_v6)?;
    socket.listen(backlog)?;
    Ok(socket)
}

/// A UDP socket that is bound there.
pub(crate) fn udp(address: SocketAddr, only_v6: bool) -> Result<Socket> {
    bound(address, Type::DGRAM, only_v6)
}

fn tcp(address: SocketAddr) -> Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Some go to mapped addresses.
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

/// The client's end of a connection.
pub(crate) fn connect(address: SocketAddr) -> Result<Socket> {
    let socket = tcp(address)?;
    socket.connect(&address.into()).with_context(|| format!("connect {address}"))?;
    Ok(socket)
}

/// One that sends a SYN and does not wait.
pub(crate) fn start_connecting(address: SocketAddr) -> Result<Socket> {
    let socket = tcp(address)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(socket),
        other => bail!("connect {address}: {other:?} at once"),
    }
}

/// Where a socket is bound.
pub(crate) fn local(socket: &Socket) -> Result<SocketAddr> {
    socket.local_addr()?.as_socket().context("no Internet address")
}

/// Its peer.
pub(crate) fn remote(socket: &Socket) -> Result<SocketAddr> {
    socket.peer_addr()?.as_socket().context("no Internet address")
}

/// Waits until the peer has said that it sends no more.
pub(crate) fn await_end(mut socket: &Socket) -> Result<()> {
    anyhow::ensure!(socket.read(&mut [0])? == 0, "something was sent");
    Ok(())
}

/// Sends more than a peer takes that reads nothing, and says that nothing more will come: our end waits for the rest to go.
///
/// Under Wine all of it must fit into the kernel's buffer: what does not, Wine keeps, and the end of it as well.
pub(crate) fn fill_and_end(mut socket: &Socket) -> Result<()> {
    // Linux gives twice net.core.wmem_max at most, 416 KiB, and takes 64 to 128 KiB for the peer (net.ipv4.tcp_rmem).
    const TOTAL: usize = 256 * 1024;
    socket.set_send_buffer_size(2 * TOTAL)?;
    socket.set_nonblocking(true)?;
    let mut sent = 0;
    while sent < TOTAL {
        let count = socket.write(&[0; 16 * 1024]).with_context(|| format!("after {sent} bytes"))?;
        sent += count;
    }
    Ok(socket.shutdown(Shutdown::Write)?)
}

/// A TCP socket of this process, as it should be listed.
pub(crate) fn made_tcp(case: &str, state: &str, local: SocketAddr, remote: Option<SocketAddr>) -> Made {
    Made { state: Some(state.into()), remote: remote.map(Endpoint::of), ..made(case, "tcp", local) }
}

/// A UDP socket of this process, as it should be listed: no table of Windows says with whom it is connected.
pub(crate) fn made_udp(case: &str, socket: &Socket) -> Result<Made> {
    Ok(made(case, "udp", local(socket)?))
}

fn made(case: &str, protocol: &str, local: SocketAddr) -> Made {
    Made {
        case: case.into(),
        protocol: protocol.into(),
        family: if local.is_ipv4() { "ipv4" } else { "ipv6" }.into(),
        state: None,
        local: Endpoint::of(local),
        remote: None,
        owners: vec![Holder { pid: std::process::id(), fds: Vec::new() }],
        no_owner: None,
        inode: None,
        cookie: None,
        uid: None,
        interface: None,
        mark: None,
        receive_queue: None,
    }
}
