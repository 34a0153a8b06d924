//! The tables under /proc/net: what is left where netlink is refused.

use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use sockscope_model::{Family, Protocol, Request, Socket, SocketKey, SourceReport, Tag};
use sockscope_wire::{Malformed, procfs as wire};

use super::files;
use super::scan::open_proc;

/// What came of the tables.
pub(super) struct Tables {
    pub(super) sockets: Vec<Socket>,
    pub(super) report: SourceReport,
    /// Tables that could not be read.
    pub(super) unreadable: Vec<(&'static CStr, Errno)>,
    /// Lines that made no sense.
    pub(super) malformed: u64,
    /// The first of them.
    pub(super) first_malformed: Option<(&'static CStr, Malformed)>,
}

/// Where `netstat` and others read them: a link to those of the process' first thread.
const TABLES: [(&CStr, Protocol, Family); 4] = [
    (c"/proc/net/tcp", Protocol::Tcp, Family::Ipv4),
    (c"/proc/net/tcp6", Protocol::Tcp, Family::Ipv6),
    (c"/proc/net/udp", Protocol::Udp, Family::Ipv4),
    (c"/proc/net/udp6", Protocol::Udp, Family::Ipv6),
];

/// Those of the calling thread, where it moved into another network namespace.
const TABLES_OF_THREAD: [(&CStr, Protocol, Family); 4] = [
    (c"/proc/thread-self/net/tcp", Protocol::Tcp, Family::Ipv4),
    (c"/proc/thread-self/net/tcp6", Protocol::Tcp, Family::Ipv6),
    (c"/proc/thread-self/net/udp", Protocol::Udp, Family::Ipv4),
    (c"/proc/thread-self/net/udp6", Protocol::Udp, Family::Ipv6),
];

fn tables() -> [(&'static CStr, Protocol, Family); 4] {
    let namespace = |path: &CStr| rustix::fs::stat(path).map(|found| (found.st_dev, found.st_ino));
    match (namespace(c"/proc/self/ns/net"), namespace(c"/proc/thread-self/ns/net")) {
        (Ok(process), Ok(thread)) if process == thread => TABLES,
        _ => TABLES_OF_THREAD,
    }
}

/// The tables over which something is mounted, so that other bytes than the kernel's are read. Where the kernel can't tell
/// (before Linux 5.6), none.
pub(super) fn covered(request: &Request) -> Vec<&'static CStr> {
    let Ok(proc) = open_proc() else { return Vec::new() };
    let wanted = tables().into_iter().filter(|(_, protocol, family)| is_wanted(request, *protocol, *family));
    wanted.map(|(path, ..)| path).filter(|path| is_covered(&proc, path)).collect()
}

/// Whether the way to a file below /proc leads to another mount.
pub(super) fn is_covered(proc: &OwnedFd, path: &CStr) -> bool {
    let Some(below) = path.to_bytes_with_nul().strip_prefix(b"/proc/") else { return false };
    let Ok(below) = CStr::from_bytes_with_nul(below) else { return false };
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let opened = rustix::fs::openat2(proc, below, flags, Mode::empty(), ResolveFlags::NO_XDEV);
    opened.is_err_and(|error| error == Errno::XDEV)
}

fn is_wanted(request: &Request, protocol: Protocol, family: Family) -> bool {
    let protocol = if protocol == Protocol::Udp { request.udp } else { request.tcp };
    protocol && if family == Family::Ipv4 { request.ipv4 } else { request.ipv6 }
}

/// Reads the tables that the request asks for. The kernel leaves a table every 4 KiB and comes back to a position in it,
/// so each is read twice: rows that one reading gave twice are dropped, rows that one of them missed are kept.
pub(super) fn collect(request: &Request) -> Tables {
    let start = Instant::now();
    let mut tables = Tables {
        sockets: Vec::new(),
        report: SourceReport { name: "procfs", rows: 0, duplicates: 0, churned: 0, elapsed: Default::default() },
        unreadable: Vec::new(),
        malformed: 0,
        first_malformed: None,
    };
    for (path, protocol, family) in self::tables() {
        if is_wanted(request, protocol, family)
            && let Err(error) = tables.add(path, protocol, family)
        {
            // Without IPv6 in the kernel there is no such file, and nothing is missing.
            if !(error == Errno::NOENT && family == Family::Ipv6) {
                tables.unreadable.push((path, error));
            }
        }
    }
    tables.report.rows = tables.sockets.len() as u64;
    tables.report.elapsed = start.elapsed();
    tables
}

impl Tables {
    fn add(&mut self, path: &'static CStr, protocol: Protocol, family: Family) -> Result<(), Errno> {
        let mut once: HashSet<SocketKey> = HashSet::new();
        let mut both = 0u64;
        for reading in 0..2 {
            let table = wire::table(&files::read(path)?, protocol, family);
            let mut seen: HashSet<SocketKey> = HashSet::new();
            for socket in table.sockets {
                let key = identity(socket.key);
                if !seen.insert(key) {
                    self.report.duplicates += 1;
                } else if reading == 0 {
                    once.insert(key);
                    self.sockets.push(socket);
                } else if once.contains(&key) {
                    both += 1;
                } else {
                    self.report.churned += 1;
                    self.sockets.push(socket);
                }
            }
            if reading == 0 {
                self.malformed += table.malformed.len() as u64;
                let first = table.malformed.into_iter().next().map(|malformed| (path, malformed));
                self.first_malformed = self.first_malformed.take().or(first);
            }
        }
        self.report.churned += once.len() as u64 - both.min(once.len() as u64);
        Ok(())
    }
}

/// A TCP connection that lost its inode between two readings (it entered TIME_WAIT) is still the same.
fn identity(key: SocketKey) -> SocketKey {
    if key.protocol == Protocol::Tcp && key.remote.is_some() { SocketKey { tag: Tag::None, ..key } } else { key }
}
