//! Sockets that the kernel destroys, told by the multicast groups of NETLINK_SOCK_DIAG. Everybody may listen.
//!
//! The kernel sends one message when the last reference to a full socket goes (net/core/sock.c, `__sk_free`), whichever way it
//! ended; `docs/events.md` has the cases. What remains of a connection in TIME_WAIT, and of an orphan in FIN_WAIT_2, is no full
//! socket: the message comes when it becomes that, and none when that expires. Handshakes that no accept(2) could have taken
//! yet are none either.

use std::mem::size_of_val;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt};
use sockscope_model::{ErrorKind, Event, EventKind, Events, Heard, Request, SourceError, StateSet, Timestamp};
use sockscope_wire::sock_diag::{DumpRequest, Narrow, SOCK_DIAG_BY_FAMILY, Table, state_mask};
use sockscope_wire::{decode_destroyed, destroy_groups, netlink as wire};

use super::names;
use super::netlink::{DiagSocket, DumpError};

/// What the kernel may keep for us while we do something else: some ten thousand messages. It takes the memory only while they wait.
const WAITING: usize = 16 << 20;
/// No message is longer: a row, a byte, and `struct tcp_info`, which grows.
const LONGEST: usize = 4096;
/// So many messages are taken by one call.
const BATCH: usize = 8192;

/// What the groups tell.
#[derive(Debug)]
pub(super) struct Destroyed {
    socket: OwnedFd,
    /// The network namespace that it listens in.
    namespace: Option<u64>,
    buffer: Vec<u8>,
    /// How many messages the kernel had dropped, where it counts them.
    dropped: Option<u32>,
}

/// What this system tells of sockets the moment it happens, in the network namespace of the calling thread: only what the request
/// asks for by protocol and family. Everybody may listen.
///
/// # Errors
/// The kernel has nothing of the kind, or a sandbox forbids it.
pub fn events(request: &Request) -> Result<Box<dyn Events>, SourceError> {
    Ok(Box::new(Destroyed::open(request)?))
}

impl Destroyed {
    fn open(request: &Request) -> Result<Destroyed, SourceError> {
        let failed = |error: Errno| explain(error, None);
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(rustix::net::netlink::SOCK_DIAG),
        )
        .map_err(failed)?;
        // Only root may have more than net.core.rmem_max.
        if sockopt::set_socket_recv_buffer_size_force(&socket, WAITING).is_err() {
            // A shorter one only loses more, and says so.
            let _ = sockopt::set_socket_recv_buffer_size(&socket, WAITING);
        }
        let groups = destroy_groups(request);
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, groups)).map_err(failed)?;
        // Before 4.2 the kernel had no groups, and joined none of them without a word.
        let joined = rustix::net::getsockname(&socket).and_then(SocketAddrNetlink::try_from).map_err(failed)?;
        if joined.groups() != groups {
            return Err(explain(Errno::OPNOTSUPP, None));
        }
        if request.ipv4 || request.ipv6 {
            answers(request)?;
        }
        let dropped = drops(&socket);
        let namespace = names::own_namespace().map(|namespace| namespace.id);
        Ok(Destroyed { socket, namespace, buffer: vec![0; LONGEST], dropped })
    }

    /// Takes what is there.
    fn drain(&mut self, events: &mut Vec<Event>, heard: &mut Heard) -> Result<(), SourceError> {
        let mut overrun = false;
        for _ in 0..BATCH {
            match rustix::net::recv(&self.socket, &mut self.buffer[..], RecvFlags::TRUNC | RecvFlags::DONTWAIT) {
                Ok((_, length)) => match self.buffer.get(..length) {
                    Some(datagram) => take(datagram, self.namespace, events, heard),
                    None => heard.malformed += 1,
                },
                Err(Errno::INTR) => {}
                // Only the first loss is said so, until all that waits is read.
                Err(Errno::NOBUFS) => overrun = true,
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(explain(error, None)),
            }
        }
        match (self.dropped, drops(&self.socket)) {
            (Some(before), Some(now)) => {
                heard.lost += u64::from(now.wrapping_sub(before));
                self.dropped = Some(now);
            }
            _ => heard.lost_unknown |= overrun,
        }
        Ok(())
    }
}

impl Events for Destroyed {
    fn name(&self) -> &'static str {
        "sock_diag_destroy"
    }

    fn kinds(&self) -> &'static [EventKind] {
        &[EventKind::Closed]
    }

    fn wait(&mut self, at_most: Duration, events: &mut Vec<Event>) -> Result<Heard, SourceError> {
        let begin = Instant::now();
        let before = events.len();
        let mut heard = Heard::default();
        loop {
            self.drain(events, &mut heard)?;
            let left = at_most.saturating_sub(begin.elapsed());
            if events.len() > before || heard != Heard::default() || left.is_zero() {
                return Ok(heard);
            }
            let timeout = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], timeout.as_ref()) {
                Ok(_) => {}
                // A signal: the caller may have something else to do now.
                Err(Errno::INTR) => return Ok(heard),
                Err(error) => return Err(explain(error, None)),
            }
        }
    }
}

/// What one datagram says.
fn take(datagram: &[u8], namespace: Option<u64>, events: &mut Vec<Event>, heard: &mut Heard) {
    for message in wire::messages(datagram) {
        let decoded = match message {
            Ok(message) if message.kind == SOCK_DIAG_BY_FAMILY => decode_destroyed(message.payload),
            _ => {
                heard.malformed += 1;
                continue;
            }
        };
        match decoded {
            Ok(Some(mut socket)) => {
                socket.namespace = namespace;
                events.push(Event {
                    at: Timestamp::from(SystemTime::now()),
                    kind: EventKind::Closed,
                    socket: Box::new(socket),
                    processes: Vec::new(),
                });
            }
            Ok(None) => {}
            Err(_) => heard.malformed += 1,
        }
    }
}

/// Whether the kernel can describe such sockets: what a missing module can't describe, it does not tell. The kernel loads modules
/// when it is asked for a table; these ask for no row of it.
fn answers(request: &Request) -> Result<(), SourceError> {
    let mut socket = DiagSocket::open().map_err(|error| explain(error, None))?;
    let tables = [(request.tcp, Table::Tcp4, "tcp_diag"), (request.udp, Table::Udp4, "udp_diag")];
    for (_, table, module) in tables.into_iter().filter(|(wanted, ..)| *wanted) {
        let nothing = DumpRequest {
            table,
            states: state_mask(StateSet::NONE),
            traffic: false,
            narrow: &Narrow::Nothing,
            sequence: 0,
        };
        match socket.dump(nothing, &[], &mut |_| Ok(())) {
            Ok(_) => {}
            Err(DumpError::System(error)) => return Err(explain(error, Some(module))),
            Err(DumpError::Malformed(error)) => {
                return Err(SourceError {
                    cause: error.to_string(),
                    kind: ErrorKind::Malformed,
                    ..explain(Errno::IO, None)
                });
            }
        }
    }
    Ok(())
}

/// SK_MEMINFO_DROPS of SO_MEMINFO (Linux 4.12): how many messages found no room (af_netlink.c, `netlink_overrun`).
fn drops(socket: &OwnedFd) -> Option<u32> {
    const DROPS: usize = 8;
    let mut values = [0u32; 16];
    let mut length = size_of_val(&values) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which the array has, and the length that it wrote; both outlive the call.
    let status = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let written = if status == 0 { length as usize / size_of::<u32>() } else { 0 };
    values.get(..written)?.get(DROPS).copied()
}

/// `module`: what was asked for when it failed.
fn explain(error: Errno, module: Option<&str>) -> SourceError {
    let (kind, cause, help) = match (error, module) {
        (Errno::ACCESS | Errno::PERM, _) => {
            (ErrorKind::Refused, error.to_string(), Some("a sandbox forbids it".to_owned()))
        }
        (Errno::NOENT | Errno::OPNOTSUPP, Some(module)) => (
            ErrorKind::Unavailable,
            format!("the kernel has no {module}"),
            Some(format!("load the module: modprobe {module}")),
        ),
        (Errno::NOENT | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT, _) => (
            ErrorKind::Unavailable,
            "this kernel does not offer it (it needs 4.2 or later, with CONFIG_INET_DIAG)".to_owned(),
            None,
        ),
        (error, _) => (ErrorKind::Failed, error.to_string(), None),
    };
    SourceError {
        kind,
        operation: "hear of closed sockets by".into(),
        object: "the groups of NETLINK_SOCK_DIAG".into(),
        cause,
        help,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_module_is_named() {
        let error = explain(Errno::NOENT, Some("udp_diag"));
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.to_string().contains("modprobe udp_diag"), "{error}");
        assert_eq!(explain(Errno::PERM, Some("udp_diag")).kind, ErrorKind::Refused);
        assert!(explain(Errno::PROTONOSUPPORT, None).to_string().contains("4.2"));
    }

    #[test]
    fn nonsense_is_counted() {
        let (mut events, mut heard) = (Vec::new(), Heard::default());
        take(&[1, 2, 3], None, &mut events, &mut heard);
        take(&[0; 16], None, &mut events, &mut heard);
        take(&[], None, &mut events, &mut heard);
        let mut other = 16u32.to_ne_bytes().to_vec();
        other.extend([0; 12]);
        take(&other, None, &mut events, &mut heard);
        assert_eq!((events.len(), heard.malformed), (0, 3));
    }

    #[test]
    fn drops_are_counted_here() {
        let events = Destroyed::open(&Request::default()).unwrap();
        assert_eq!(events.dropped, Some(0));
    }
}
