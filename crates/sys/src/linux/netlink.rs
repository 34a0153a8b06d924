//! A NETLINK_SOCK_DIAG socket: one request, a train of datagrams or an answer back.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use sockscope_wire::sock_diag::{DumpRequest, encode_probe};
use sockscope_wire::{Malformed, netlink as wire};

/// Longer than the longest datagram of a dump (32 KiB less the kernel's bookkeeping).
const BUFFER: usize = 40_960;
/// A dump's datagram holds at most this many bytes (af_netlink.c: SKB_WITH_OVERHEAD(32768), on 64-bit machines).
const LONGEST_DATAGRAM: usize = 32_448;
/// No row is longer, attributes included.
const LONGEST_ROW: usize = 1024;
/// The kernel answers a dump at once; if it does not, waiting longer does not help.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a dump, or another request, failed.
#[derive(Debug)]
pub(super) enum DumpError {
    /// The kernel said so, or a call failed.
    System(Errno),
    /// What the kernel sent made no sense.
    Malformed(Malformed),
}

impl From<Errno> for DumpError {
    fn from(error: Errno) -> Self {
        DumpError::System(error)
    }
}

impl From<Malformed> for DumpError {
    fn from(error: Malformed) -> Self {
        DumpError::Malformed(error)
    }
}

/// A netlink socket and its buffer.
#[derive(Debug)]
pub(super) struct DiagSocket {
    fd: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

impl DiagSocket {
    pub(super) fn open() -> Result<DiagSocket, Errno> {
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(rustix::net::netlink::SOCK_DIAG),
        )?;
        set_socket_timeout(&fd, Timeout::Recv, Some(PATIENCE))?;
        Ok(DiagSocket { fd, buffer: vec![0; BUFFER], sequence: 0 })
    }

    /// Has the kernel learn how long our buffer is. It fills a dump's first datagram before the first read of that dump,
    /// so without this the first holds 4 KiB and a table of 31 rows would already span two.
    pub(super) fn prime(&mut self) -> Result<(), DumpError> {
        self.sequence = self.sequence.wrapping_add(1);
        self.send(&encode_probe(self.sequence))?;
        // The answer is that there is no such socket.
        self.receive(BUFFER).map(|_| ()).map_err(DumpError::from)
    }

    /// Sends `request` and hands each row's payload to `row`. `reads` are the lengths of the first reads: the kernel makes
    /// the datagram after a read as long as the longest read so far.
    ///
    /// Returns whether the walk was interrupted: the rows did not fit one datagram, so the kernel left the table and came
    /// back to a position in it.
    pub(super) fn dump(
        &mut self,
        mut request: DumpRequest<'_>,
        reads: &[usize],
        row: &mut dyn FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<bool, DumpError> {
        self.sequence = self.sequence.wrapping_add(1);
        request.sequence = self.sequence;
        let kind = request.table.message_kind();
        self.send(&request.encode())?;
        let mut reads = reads.iter().copied();
        let (mut datagrams, mut longest) = (0u32, 0);
        loop {
            let length = self.receive(reads.next().unwrap_or(BUFFER).min(BUFFER))?;
            let datagram = self.buffer.get(..length).unwrap_or(&[]);
            let mut rows = 0u32;
            for message in wire::messages(datagram) {
                let message = message?;
                if message.sequence != self.sequence {
                    continue;
                }
                match message.kind {
                    wire::DONE | wire::ERROR => {
                        return match message.errno() {
                            None | Some(0) => Ok(datagrams > 1 || longest + LONGEST_ROW > LONGEST_DATAGRAM),
                            Some(errno) => Err(DumpError::System(Errno::from_raw_os_error(errno))),
                        };
                    }
                    found if found == kind => {
                        rows += 1;
                        row(message.payload)?;
                    }
                    _ => {}
                }
            }
            if rows > 0 {
                datagrams += 1;
                longest = longest.max(length);
            }
        }
    }

    /// Sends the request that `encode` makes of a sequence number, and waits for the kernel's answer to it. `None`: there was
    /// nothing to send.
    pub(super) fn ask(&mut self, encode: impl FnOnce(u32) -> Option<Vec<u8>>) -> Option<Result<(), DumpError>> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = encode(self.sequence)?;
        Some(self.send(&request).map_err(DumpError::from).and_then(|()| self.answer()))
    }

    /// The answer to the latest request.
    fn answer(&mut self) -> Result<(), DumpError> {
        loop {
            let length = self.receive(BUFFER)?;
            for message in wire::messages(self.buffer.get(..length).unwrap_or(&[])) {
                let message = message?;
                if message.sequence == self.sequence && message.kind == wire::ERROR {
                    return match message.errno() {
                        Some(0) => Ok(()),
                        Some(errno) => Err(DumpError::System(Errno::from_raw_os_error(errno))),
                        None => Err(DumpError::Malformed(Malformed {
                            what: "netlink answer",
                            offset: 0,
                            problem: "no room for an errno",
                        })),
                    };
                }
            }
        }
    }

    fn send(&self, datagram: &[u8]) -> Result<(), Errno> {
        loop {
            match rustix::net::send(&self.fd, datagram, SendFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn receive(&mut self, limit: usize) -> Result<usize, Errno> {
        let buffer = self.buffer.get_mut(..limit).ok_or(Errno::INVAL)?;
        loop {
            match rustix::net::recv(&self.fd, &mut *buffer, RecvFlags::TRUNC) {
                // Datagrams are never longer than the read they were made for; if one were, its rows would be lost.
                Ok((_, length)) if length > limit => return Err(Errno::MSGSIZE),
                Ok((_, length)) => return Ok(length),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Sends one request to another family of netlink (`None`: NETLINK_ROUTE, which is 0) and gathers the payloads of the answers of
/// that kind: of a dump all rows, else the first.
pub(super) fn ask_once(
    protocol: Option<rustix::net::Protocol>,
    request: &[u8],
    sequence: u32,
    kind: u16,
    is_dump: bool,
) -> Result<Vec<Vec<u8>>, DumpError> {
    let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    set_socket_timeout(&fd, Timeout::Recv, Some(PATIENCE))?;
    let mut socket = DiagSocket { fd, buffer: vec![0; BUFFER], sequence };
    socket.send(request)?;
    let mut found = Vec::new();
    loop {
        let length = socket.receive(BUFFER)?;
        for message in wire::messages(socket.buffer.get(..length).unwrap_or(&[])) {
            let message = message?;
            if message.sequence != sequence {
                continue;
            }
            match message.kind {
                wire::DONE | wire::ERROR => {
                    return match message.errno() {
                        None | Some(0) => Ok(found),
                        Some(errno) => Err(DumpError::System(Errno::from_raw_os_error(errno))),
                    };
                }
                answer if answer == kind => {
                    found.push(message.payload.to_vec());
                    if !is_dump {
                        return Ok(found);
                    }
                }
                _ => {}
            }
        }
    }
}
