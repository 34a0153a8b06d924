use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::mpsc;

use anyhow::{Context, Result};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde::{Deserialize, Serialize};

use crate::report::{Holder, Report};
use crate::{abroad, kernel, socket};

/// What one further process of a scenario does before it waits for the end of its input.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Part {
    /// Makes connections and UDP sockets on addresses that no other index uses.
    Load {
        /// Which addresses.
        index: u32,
        /// How many connections, two sockets each.
        connections: u32,
        /// How many UDP sockets.
        udp: u32,
        /// Between addresses all over the world.
        abroad: bool,
    },
    /// Opens files, and one socket.
    Files {
        /// Which process: even ones listen, odd ones have a UDP socket.
        index: u32,
        /// How many files.
        files: u32,
        /// Whether it has the socket.
        socket: bool,
    },
    /// Holds the sockets that it inherits.
    Hold,
    /// Takes one socket out of a message on the Unix socket that it inherits, and closes that.
    Receive,
    /// Holds a listener by an io_uring ring, not by a descriptor.
    Ring {
        /// Has no descriptor of the ring either.
        hidden: bool,
    },
    /// Listens, under some name and user.
    Listen {
        /// The case to report.
        case: String,
        /// The name of the process.
        name: Option<String>,
        /// The user to become.
        uid: Option<u32>,
    },
    /// Listens by a thread with a descriptor table of its own.
    Thread,
    /// Listens, and then its first thread ends while another lives.
    LeaderGone,
}

/// Plays a part: prints `ready {json}`, holds what it made until standard input ends.
pub(crate) fn play(part: &Part) -> Result<()> {
    let mut report = Report::new("part");
    let mut keep: Vec<OwnedFd> = Vec::new();
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    if rustix::thread::name()?.as_bytes() == b"exe" {
        // We were started by way of /proc/self/exe.
        rustix::thread::set_name(c"sockscope-testkit")?;
    }
    match part {
        Part::Load { index, connections, udp, abroad: true } => {
            load_abroad(*index, *connections, &mut keep)?;
            load(*index, 0, *udp, &mut report, &mut keep)?;
            report.tcp = u64::from(*connections) * 2;
        }
        Part::Load { index, connections, udp, abroad: false } => {
            load(*index, *connections, *udp, &mut report, &mut keep)?;
        }
        Part::Files { index, files, socket } => open_files(*index, *files, *socket, &mut report, &mut keep)?,
        Part::Hold => keep.push(kernel::inherited(0)),
        Part::Receive => {
            let socket = receive(&kernel::inherited(0))?;
            report.add(socket::made_tcp("received", &socket, "listen")?);
            keep.push(socket);
        }
        Part::Ring { hidden } => {
            let listener = socket::listener(loopback, 8)?;
            let mut made = socket::made_tcp(if *hidden { "io-uring-hidden" } else { "io-uring" }, &listener, "listen")?;
            let ring = kernel::ring_that_holds(&[listener.as_fd()]).context("io_uring")?;
            drop(listener);
            if *hidden {
                kernel::keep_ring_without_descriptor(&ring).context("io_uring")?;
                drop(ring);
                made.owners.clear();
                made.no_owner = Some("io-uring".into());
            } else {
                made.owners[0].fds.clear();
                keep.push(ring);
            }
            report.add(made);
        }
        Part::Listen { case, name, uid } => {
            if let Some(uid) = uid {
                become_user(*uid)?;
            }
            if let Some(name) = name {
                rustix::thread::set_name(&std::ffi::CString::new(name.as_str())?)?;
            }
            let listener = socket::listener(loopback, 8)?;
            report.add(socket::made_tcp(case, &listener, "listen")?);
            keep.push(listener);
        }
        Part::Thread => {
            let (send, receive) = mpsc::channel();
            std::thread::spawn(move || {
                let made = kernel::own_descriptor_table().context("a descriptor table").and_then(|()| {
                    let listener = socket::listener(loopback, 8)?;
                    Ok((socket::made_tcp("thread-files", &listener, "listen")?, listener))
                });
                drop(send.send(made.map(|(made, listener)| {
                    std::mem::forget(listener);
                    made
                })));
                loop {
                    std::thread::park();
                }
            });
            report.add(receive.recv()??);
        }
        Part::LeaderGone => {
            let listener = socket::listener(loopback, 8)?;
            report.add(socket::made_tcp("leader-gone", &listener, "listen")?);
            std::thread::spawn(move || {
                let result = crate::cli::serve_until_end(&report);
                drop(listener);
                std::process::exit(i32::from(result.is_err()));
            });
            kernel::end_this_thread();
        }
    }
    crate::cli::serve_until_end(&report)?;
    drop(keep);
    Ok(())
}

/// What a process may open besides its share of a load.
pub(crate) const SPARE_DESCRIPTORS: u64 = 300;

/// Sockets on one address stay this few, so that ports are found quickly.
const SOCKETS_AN_ADDRESS: u32 = 8_000;

fn load(index: u32, connections: u32, udp: u32, report: &mut Report, keep: &mut Vec<OwnedFd>) -> Result<()> {
    kernel::allow_files(u64::from(connections) * 2 + u64::from(udp) + SPARE_DESCRIPTORS - 100)?;
    keep.reserve((connections * 2 + udp) as usize);
    let address = |block: u32| {
        let octet = |number: u32| u8::try_from(number).context("too many processes or connections a process");
        let ip = Ipv4Addr::new(127, octet(64 + index / 200)?, octet(index % 200 + 1)?, octet(block + 1)?);
        anyhow::Ok(SocketAddr::from((ip, 0)))
    };
    for block in 0..connections.div_ceil(SOCKETS_AN_ADDRESS) {
        let listener = socket::listener(address(block)?, 16)?;
        for _ in 0..SOCKETS_AN_ADDRESS.min(connections - block * SOCKETS_AN_ADDRESS) {
            let (client, server) = socket::connect(&listener)?;
            // The client's descriptor is the lower one: when the process ends, it is closed first and resets both.
            socket::reset_on_close(&client)?;
            keep.push(client);
            keep.push(server);
        }
    }
    for number in 0..udp {
        keep.push(socket::udp_bound(address(number / SOCKETS_AN_ADDRESS)?)?);
    }
    report.tcp = u64::from(connections) * 2;
    report.udp = u64::from(udp);
    Ok(())
}

fn load_abroad(index: u32, connections: u32, keep: &mut Vec<OwnedFd>) -> Result<()> {
    kernel::allow_files(u64::from(connections) * 2 + SPARE_DESCRIPTORS)?;
    for connection in 0..connections {
        let number = (index * connections + connection) * 2;
        let end = |number| SocketAddr::from((abroad::somewhere(number), 443));
        let (client, server, _) = abroad::connect(end(number), end(number + 1))?;
        keep.push(client);
        keep.push(server);
    }
    Ok(())
}

fn open_files(index: u32, files: u32, socket: bool, report: &mut Report, keep: &mut Vec<OwnedFd>) -> Result<()> {
    kernel::allow_files(u64::from(files) + 100)?;
    for _ in 0..files {
        keep.push(File::open("/proc/self/exe")?.into());
    }
    report.files = u64::from(files);
    if socket {
        let octets = index.to_be_bytes();
        let address = SocketAddr::from((Ipv4Addr::new(127, 62, octets[2], octets[3]), 0));
        if index.is_multiple_of(2) {
            keep.push(socket::listener(address, 8)?);
            report.tcp = 1;
        } else {
            keep.push(socket::udp_bound(address)?);
            report.udp = 1;
        }
    }
    Ok(())
}

/// Takes a descriptor out of a Unix socket's message.
fn receive(from: &OwnedFd) -> Result<OwnedFd> {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0u8; 1];
    recvmsg(from, &mut [std::io::IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut fds) = message {
            return fds.next().context("an empty message");
        }
    }
    anyhow::bail!("no descriptor came")
}

/// Becomes another user for good, and as open to its own tools as a program which that user started.
pub(crate) fn become_user(uid: u32) -> Result<()> {
    let (user, group) = (rustix::process::Uid::from_raw(uid), rustix::process::Gid::from_raw(uid));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(group, group, group)?;
    rustix::thread::set_thread_res_uid(user, user, user)?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)?;
    Ok(())
}

/// The holder that this process is, by these descriptors.
pub(crate) fn holder(pid: u32, fds: &[&OwnedFd]) -> Holder {
    let mut fds: Vec<u32> = fds.iter().map(|fd| fd.as_raw_fd().cast_unsigned()).collect();
    fds.sort_unstable();
    Holder { pid, fds }
}

/// Returns when standard input has ended.
pub(crate) fn await_end_of_input() {
    let mut buffer = [0u8; 64];
    let mut input = std::io::stdin().lock();
    while input.read(&mut buffer).is_ok_and(|read| read > 0) {}
}
