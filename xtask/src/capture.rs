use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, sockopt};
use sockscope_model::{Request, StateSet};
use sockscope_wire::sock_diag::{DumpRequest, Narrow, Table, state_mask};
use sockscope_wire::{destroy_groups, netlink};

use crate::repository::root;

const TABLES: [(&str, Table); 5] = [
    ("tcp", Table::TcpBoth),
    ("tcp4", Table::Tcp4),
    ("tcp6", Table::Tcp6),
    ("udp4", Table::Udp4),
    ("udp6", Table::Udp6),
];

/// One file a dump, its datagrams one behind the other (a datagram is a whole number of messages, so that is again one);
/// the files under /proc that hold the same sockets; and what is told when they are closed. What they decode to is pinned by the tests of `sockscope-wire`.
pub(crate) fn run() -> Result<()> {
    sockscope_testkit::enter_private_namespace()?;
    let destroyed = listen()?;
    let sockets = sockscope_testkit::varied()?;
    let directory = root().join("testdata");
    for (name, table) in TABLES {
        for (kind, traffic) in [("", false), ("-info", true)] {
            write(&directory.join("sock_diag").join(format!("{name}{kind}.bin")), &dump(table, traffic)?)?;
        }
    }
    for name in ["tcp", "tcp6", "udp", "udp6", "unix", "sockstat", "sockstat6", "snmp"] {
        let text = fs::read(Path::new("/proc/thread-self/net").join(name)).context(name)?;
        write(&directory.join("procfs").join(name), &text)?;
    }
    drop(sockets);
    write(&directory.join("sock_diag_destroy/events.bin"), &heard(&destroyed)?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(path.parent().context("no directory")?)?;
    fs::write(path, bytes).with_context(|| path.display().to_string())?;
    println!("{}: {} bytes", path.display(), bytes.len());
    Ok(())
}

/// A socket that is told of every one that is destroyed.
fn listen() -> Result<OwnedFd> {
    let protocol = Some(rustix::net::netlink::SOCK_DIAG);
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, protocol)?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, destroy_groups(&Request::default())))?;
    Ok(socket)
}

/// What was told until the kernel had nothing more to say for a second.
fn heard(socket: &OwnedFd) -> Result<Vec<u8>> {
    sockopt::set_socket_timeout(socket, sockopt::Timeout::Recv, Some(Duration::from_secs(1)))?;
    let mut all = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        match rustix::net::recv(socket, &mut buffer[..], RecvFlags::empty()) {
            Ok((_, length)) => all.extend(buffer.get(..length).unwrap_or_default()),
            Err(Errno::AGAIN) => return Ok(all),
            Err(error) => return Err(error.into()),
        }
    }
}

fn dump(table: Table, traffic: bool) -> Result<Vec<u8>> {
    let protocol = Some(rustix::net::netlink::SOCK_DIAG);
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, protocol)?;
    let request =
        DumpRequest { table, states: state_mask(StateSet::ALL), traffic, narrow: &Narrow::Nothing, sequence: 1 };
    rustix::net::send(&socket, &request.encode(), SendFlags::empty())?;
    let mut all = Vec::new();
    loop {
        let mut buffer = vec![0; 65_536];
        let (_, length) = rustix::net::recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        let datagram = buffer.get(..length).unwrap_or_default();
        all.extend(datagram);
        for message in netlink::messages(datagram) {
            let message = message?;
            match (message.kind, message.errno()) {
                (netlink::DONE | netlink::ERROR, None | Some(0)) => return Ok(all),
                (netlink::DONE | netlink::ERROR, Some(errno)) => anyhow::bail!("{table:?}: errno {errno}"),
                _ => {}
            }
        }
    }
}
