//! Who owns which socket, and where nobody does, why. Each reason rests on evidence:
//!
//! | reason | evidence |
//! |---|---|
//! | time-wait, syn-received, accept-queue, orphan | the row has no inode; state and SHUTDOWN (decided in `wire`) |
//! | exited | the socket is gone, or has lost its inode, when its table is read again |
//! | (owner without fds) | an io_uring ring's fdinfo lists the inode |
//! | kernel | UDP with IP_MULTICAST_LOOP off, as the kernel makes its tunnels; or root's, and no process has it |
//! | in-flight | the socket is among the descriptors of an unread message; or some are, and no process has it |
//! | needs-root | a process could not be looked into, or /proc hides processes |
//! | other-namespace | every process here was looked into, but this is not the first PID namespace |
//! | io-uring | a ring holds files that its fdinfo does not name (older kernels), and no process has the socket |
//!
//! The sockets are listed before the processes are looked into, so whoever had one then either still has it, or closed
//! it (`exited`), or handed it on (to a child that is new since, or by SCM_RIGHTS: found by the second look).

use std::collections::{HashMap, HashSet};
use std::ffi::CStr;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use sockscope_model::{
    Condition, Family, NoOwner, Notice, Owner, Owners, Process, Protocol, Request, Snapshot, Socket, State, StateSet,
    Timestamp,
};
use sockscope_wire::procfs as wire;

use super::files::{self, NumberPath};
use super::scan::{FastMap, HeldSocket, Scan, Scanner, Which, open_directory, open_proc};
use super::sock_diag;

/// Inode of the first PID namespace (include/linux/proc_ns.h, PROC_PID_INIT_INO).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;
/// More local ports than this are not worth a condition.
const MOST_PORTS: usize = 24;

/// Fills the owners of every row that can have one.
pub(super) fn attribute(snapshot: &mut Snapshot, request: &Request, boot: Timestamp, tunnels: &HashSet<u64>) {
    let mut search = Search::new(std::mem::take(&mut snapshot.sockets), boot, request);
    search.run(tunnels);
    let hidden = search.sockets.iter().filter(|socket| socket.owners.reason() == Some(NoOwner::NeedsRoot)).count();
    if let Some(error) = search.failed {
        snapshot.notices.push(Notice {
            code: "owners-unavailable",
            message: format!(
                "can't read the processes under /proc ({error}), so owners are unknown; to mount it: mount -t proc proc /proc"
            ),
        });
    } else if let Some(error) = search.unread {
        let message = format!(
            "some processes could not be looked into ({error}), so owners may be missing; is a limit on open files in \
             the way (ulimit -n)?"
        );
        snapshot.notices.push(Notice { code: "owners-incomplete", message });
    } else if hidden > 0 {
        let sockets = if hidden == 1 {
            "1 socket has no owner that".into()
        } else {
            format!("{hidden} sockets have no owner that")
        };
        let message = if may_trace() {
            let pids: Vec<String> = search.denied.iter().take(5).map(u32::to_string).collect();
            let more = if search.denied.len() > 5 { ", ..." } else { "" };
            format!(
                "{sockets} can be seen; even with CAP_SYS_PTRACE the system refuses a look into process {}{more}",
                pids.join(", ")
            )
        } else {
            format!("{sockets} this user may see; use sudo, or give the program CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH")
        };
        snapshot.notices.push(Notice { code: "owners-need-root", message });
    }
    snapshot.sockets = search.sockets;
    snapshot.processes = search.processes.into_iter().map(|process| (process.id, process)).collect();
}

struct Search<'a> {
    sockets: Vec<Socket>,
    /// Inode and row of every socket that a process may hold, ascending.
    rows: Vec<(u64, u32)>,
    /// From an inode to its first place in `rows`.
    wanted: FastMap<u32>,
    processes: Vec<Process>,
    boot: Timestamp,
    request: &'a Request,
    failed: Option<Errno>,
    /// Processes that we were not allowed to look into.
    denied: Vec<u32>,
    /// Why some process could not be looked into, though nobody forbade it.
    unread: Option<Errno>,
}

impl<'a> Search<'a> {
    fn new(sockets: Vec<Socket>, boot: Timestamp, request: &'a Request) -> Search<'a> {
        let mut rows: Vec<(u64, u32)> =
            (0u32..).zip(&sockets).filter_map(|(row, socket)| Some((socket.inode?, row))).collect();
        rows.sort_unstable();
        let mut wanted = FastMap::default();
        wanted.reserve(rows.len());
        for (slot, (inode, _)) in (0u32..).zip(&rows) {
            wanted.entry(*inode).or_insert(slot);
        }
        Search {
            sockets,
            rows,
            wanted,
            processes: Vec::new(),
            boot,
            request,
            failed: None,
            denied: Vec::new(),
            unread: None,
        }
    }

    fn scanner(&self) -> Scanner<'_> {
        Scanner { wanted: &self.wanted, boot: self.boot, details: self.request.process_details, proc: None }
    }

    fn run(&mut self, tunnels: &HashSet<u64>) {
        if self.rows.is_empty() {
            return;
        }
        let mut scan = self.scanner().run(&Which::All);
        self.failed = scan.failed;
        self.assign(&mut scan);
        let mut open = self.unowned();
        if open.is_empty() {
            return;
        }
        if scan.failed.is_some() {
            self.give(&open, NoOwner::Unknown);
            return;
        }
        let capable = may_trace();
        let complete = scan.denied.is_empty() && scan.unread.is_none() && (capable || !processes_are_hidden());
        self.unread = scan.unread;
        self.denied = std::mem::take(&mut scan.denied);
        if !complete && !capable {
            // Sockets of other users are beyond us; ours may have moved while we looked.
            let own = super::viewer_uid();
            open = self.give_where(open, NoOwner::NeedsRoot, |socket| socket.uid != own);
        }
        open = self.without_gone(open);
        if open.is_empty() {
            return;
        }
        self.look_again(&Which::These(&new_processes(&scan)), &mut open);
        self.look_again(&Which::ThreadsOf(&scan.pids), &mut open);
        let ring_knows_more = self.owners_by_ring(&mut open, &scan.rings);
        if open.is_empty() {
            return;
        }
        let is_tunnel = |socket: &Socket| socket.uid == Some(0) && socket.inode.is_some_and(|it| tunnels.contains(&it));
        open = self.give_where(open, NoOwner::Kernel, is_tunnel);
        let in_flight = if open.is_empty() { InFlight::default() } else { in_flight(&scan.other_sockets) };
        let is_in_flight = |socket: &Socket| socket.inode.is_some_and(|inode| in_flight.inodes.contains(&inode));
        open = self.give_where(open, NoOwner::InFlight, is_in_flight);
        if !complete {
            // Elimination needs every process: what refuses us may have it.
            let refused = !self.denied.is_empty() || !capable;
            self.give(&open, if refused { NoOwner::NeedsRoot } else { NoOwner::Unknown });
            return;
        }
        self.look_again(&Which::These(&scan.socket_holders), &mut open);
        open = self.without_gone(open);
        if !in_first_pid_namespace() {
            self.give(&open, NoOwner::OtherNamespace);
        } else if in_flight.more {
            self.give(&open, NoOwner::InFlight);
        } else if ring_knows_more {
            self.give(&open, NoOwner::IoUring);
        } else {
            let rest = self.give_where(open, NoOwner::Kernel, |socket| socket.uid == Some(0));
            self.give(&rest, NoOwner::Unknown);
        }
    }

    /// Looks into some processes for the sockets that are still open questions.
    fn look_again(&mut self, which: &Which<'_>, open: &mut Vec<u32>) {
        if !open.is_empty() {
            let mut scan = self.scanner().run(which);
            self.assign(&mut scan);
            open.retain(|row| self.is_unowned(*row));
        }
    }

    /// Gives the reason to those that it holds for; returns the others.
    fn give_where(&mut self, open: Vec<u32>, reason: NoOwner, holds: impl Fn(&Socket) -> bool) -> Vec<u32> {
        let (those, others): (Vec<u32>, Vec<u32>) =
            open.into_iter().partition(|row| self.socket(*row).is_some_and(&holds));
        self.give(&those, reason);
        others
    }

    fn socket(&self, row: u32) -> Option<&Socket> {
        self.sockets.get(row as usize)
    }

    fn is_unowned(&self, row: u32) -> bool {
        self.socket(row).is_some_and(|socket| socket.owners.reason() == Some(NoOwner::NotAsked))
    }

    fn unowned(&self) -> Vec<u32> {
        self.rows.iter().map(|(_, row)| *row).filter(|row| self.is_unowned(*row)).collect()
    }

    fn give(&mut self, rows: &[u32], reason: NoOwner) {
        for row in rows {
            if let Some(socket) = self.sockets.get_mut(*row as usize) {
                socket.owners = Owners::Nobody(reason);
            }
        }
    }

    /// Turns hits into owners of the rows that had none before. Hits come process by process, each in the order of its
    /// descriptors; only the processes' order depends on which thread was quicker.
    fn assign(&mut self, scan: &mut Scan) {
        let mut shared = Vec::new();
        let open: HashSet<u32> =
            if self.processes.is_empty() { HashSet::new() } else { self.unowned().into_iter().collect() };
        let first = self.processes.is_empty();
        for hit in &scan.hits {
            let Some(process) = scan.processes.get(hit.process as usize).map(|process| process.id) else { continue };
            let Some((inode, _)) = self.rows.get(hit.slot as usize).copied() else { continue };
            let rows = self.rows.iter().skip(hit.slot as usize).take_while(|(other, _)| *other == inode);
            for (_, row) in rows.filter(|(_, row)| first || open.contains(row)) {
                let Some(socket) = self.sockets.get_mut(*row as usize) else { continue };
                match &mut socket.owners {
                    Owners::Processes(owners) => match owners.last_mut() {
                        Some(owner) if owner.process == process && owner.fds.last() < Some(&hit.fd) => {
                            owner.fds.push(hit.fd);
                        }
                        _ => {
                            owners.push(Owner { process, fds: vec![hit.fd] });
                            shared.push(*row);
                        }
                    },
                    nobody => *nobody = Owners::Processes(vec![Owner { process, fds: vec![hit.fd] }]),
                }
            }
        }
        shared.sort_unstable();
        shared.dedup();
        for row in shared {
            if let Some(Socket { owners: Owners::Processes(owners), .. }) = self.sockets.get_mut(row as usize) {
                owners.sort_by_key(|owner| owner.process);
                // Two descriptor tables of one process may hold the same descriptors.
                owners.dedup_by(|next, owner| {
                    let same = next.process == owner.process;
                    if same {
                        owner.fds.append(&mut next.fds);
                    }
                    same
                });
                for owner in owners {
                    owner.fds.sort_unstable();
                    owner.fds.dedup();
                }
            }
        }
        let mut known: HashSet<_> = self.processes.iter().map(|process| process.id).collect();
        self.processes.extend(scan.processes.drain(..).filter(|process| known.insert(process.id)));
        scan.hits = Vec::new();
    }

    /// Gives `exited` to the sockets that are gone by now; returns the others.
    fn without_gone(&mut self, open: Vec<u32>) -> Vec<u32> {
        if open.is_empty() || open.iter().all(|row| self.socket(*row).is_none_or(|it| it.cookie().is_none())) {
            // A source without cookies can't tell.
            return open;
        }
        let mut living = FastMap::default();
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let rows = || {
                let rows = open.iter().filter_map(|row| self.socket(*row));
                rows.filter(|socket| socket.key.protocol == protocol)
            };
            if rows().next().is_none() {
                continue;
            }
            // Only the tables that the open rows are of, but whatever state they are in by now. A listener stays one, and
            // listeners are found without a walk through all connections.
            let listeners = rows().all(|socket| socket.state == Some(State::Listen));
            let ports: HashSet<u16> = rows().map(|socket| socket.key.local.port()).collect();
            let port =
                |port: &u16| Condition::All(vec![Condition::LocalPortFrom(*port), Condition::LocalPortTo(*port)]);
            let request = Request {
                tcp: protocol == Protocol::Tcp,
                udp: protocol == Protocol::Udp,
                ipv4: rows().any(|socket| socket.family() == Family::Ipv4),
                ipv6: rows().any(|socket| socket.family() == Family::Ipv6),
                states: if listeners { StateSet::NONE.with(State::Listen) } else { StateSet::ALL },
                condition: (ports.len() <= MOST_PORTS).then(|| Condition::Any(ports.iter().map(port).collect())),
                pushdown: true,
                ..Request::default()
            };
            match sock_diag::living(&request) {
                Ok(found) => living.extend(found),
                Err(_) => return open,
            }
        }
        let is_gone = |row: &u32| {
            self.socket(*row).is_some_and(|socket| match socket.cookie() {
                Some(cookie) => living.get(&cookie) != socket.inode.as_ref(),
                None => false,
            })
        };
        let (gone, open): (Vec<u32>, Vec<u32>) = open.into_iter().partition(is_gone);
        self.give(&gone, NoOwner::Exited);
        open
    }

    /// Finds sockets in the file tables of io_uring rings. Returns whether a ring holds files that it does not name.
    fn owners_by_ring(&mut self, open: &mut Vec<u32>, rings: &[(u32, u32)]) -> bool {
        let mut knows_more = false;
        let mut found: HashMap<u64, Vec<Owner>> = HashMap::new();
        for (pid, fd) in rings {
            let Ok(proc) = open_proc() else { break };
            let Ok(directory) = open_directory(&proc, NumberPath::new(*pid, c"/fd").as_c_str()) else { continue };
            let mut text = Vec::new();
            let Ok(infos) = open_directory(&directory, c"../fdinfo") else { continue };
            if files::read_at(&infos, NumberPath::new(*fd, c"").as_c_str(), 16 << 20, &mut text).is_err() {
                continue;
            }
            let sockets = wire::ring_sockets(&text);
            knows_more |= sockets.is_empty() && wire::ring_file_count(&text) > 0;
            if !sockets.iter().any(|inode| self.wanted.contains_key(inode)) {
                continue;
            }
            if let Ok(process) = self.scanner().describe(directory.as_fd(), *pid, &mut text) {
                for inode in sockets {
                    let owners = found.entry(inode).or_default();
                    if !owners.iter().any(|owner| owner.process == process.id) {
                        owners.push(Owner { process: process.id, fds: Vec::new() });
                    }
                }
                if !self.processes.iter().any(|known| known.id == process.id) {
                    self.processes.push(process);
                }
            }
        }
        open.retain(|row| {
            let Some(socket) = self.sockets.get_mut(*row as usize) else { return false };
            match socket.inode.and_then(|inode| found.get(&inode)) {
                Some(owners) => {
                    let mut owners = owners.clone();
                    owners.sort_by_key(|owner| owner.process);
                    socket.owners = Owners::Processes(owners);
                    false
                }
                None => true,
            }
        });
        knows_more
    }
}

/// Processes that came since the scan began.
fn new_processes(scan: &Scan) -> Vec<u32> {
    let before: HashSet<u32> = scan.pids.iter().copied().collect();
    super::scan::running().into_iter().filter(|pid| !before.contains(pid)).collect()
}

/// Descriptors in unread messages of Unix sockets.
#[derive(Default)]
struct InFlight {
    /// The inodes of those that are sockets and could be seen.
    inodes: HashSet<u64>,
    /// Whether there are others that could not be seen.
    more: bool,
}

/// Which descriptors wait in unread messages. Where a Unix socket's fdinfo counts some, its first message is peeked at,
/// which hands us duplicates of them and leaves the message where it is.
fn in_flight(other_sockets: &[HeldSocket]) -> InFlight {
    let mut found = InFlight::default();
    if other_sockets.is_empty() {
        return found;
    }
    let unix: HashSet<u64> = match files::read(c"/proc/thread-self/net/unix") {
        Ok(text) => wire::unix_inodes(&text).collect(),
        Err(_) => return found,
    };
    let Ok(proc) = open_proc() else { return found };
    let mut text = Vec::new();
    let mut seen = HashSet::new();
    for HeldSocket { pid, fd, inode, .. } in other_sockets {
        if !unix.contains(inode) || !seen.insert(*inode) {
            continue;
        }
        text.clear();
        let path = format!("{pid}/fdinfo/{fd}\0");
        let Ok(path) = CStr::from_bytes_with_nul(path.as_bytes()) else { continue };
        if files::read_at(&proc, path, 1 << 16, &mut text).is_err() {
            continue;
        }
        let count = wire::in_flight_count(&text);
        if count > 0 {
            let inodes = peek(*pid, *fd).unwrap_or_default();
            found.more |= count > inodes.len() as u64;
            found.inodes.extend(inodes.into_iter().flatten());
        }
    }
    found
}

/// The inodes of the descriptors in the first unread message of another process' Unix socket; `None` for one that is no
/// socket. `pidfd_getfd` needs the same right as following the links of `/proc/PID/fd`, and Linux 5.6.
fn peek(pid: u32, fd: u32) -> Option<Vec<Option<u64>>> {
    let process = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let process = pidfd_open(process, PidfdFlags::empty()).ok()?;
    let socket = pidfd_getfd(&process, i32::try_from(fd).ok()?, PidfdGetfdFlags::empty()).ok()?;
    // A program that keeps a position for peeking would find it moved (unix(7), SO_PEEK_OFF).
    if peek_offset(&socket) != Some(-1) {
        return None;
    }
    let mut space = vec![std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0u8];
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    recvmsg(&socket, &mut [IoSliceMut::new(&mut byte)], &mut control, flags).ok()?;
    let inode = |fd: OwnedFd| {
        let found = rustix::fs::fstat(&fd).ok()?;
        FileType::from_raw_mode(found.st_mode).is_socket().then_some(found.st_ino)
    };
    let mut inodes = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            inodes.extend(fds.map(inode));
        }
    }
    Some(inodes)
}

/// `SO_PEEK_OFF`; -1 where peeking has no position.
fn peek_offset(socket: &OwnedFd) -> Option<i32> {
    let mut value: libc::c_int = 0;
    let mut length = libc::socklen_t::try_from(size_of_val(&value)).ok()?;
    // SAFETY: value is valid for writes of the length that is given.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEEK_OFF,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    (status == 0).then_some(value)
}

pub(super) fn in_first_pid_namespace() -> bool {
    rustix::fs::stat(c"/proc/self/ns/pid").is_ok_and(|found| found.st_ino == FIRST_PID_NAMESPACE)
}

/// Whether /proc was mounted to hide other users' processes (hidepid).
pub(super) fn processes_are_hidden() -> bool {
    files::read(c"/proc/self/mountinfo").is_ok_and(|text| wire::hides_processes(&text))
}

/// Whether we have CAP_SYS_PTRACE (number 19, linux/capability.h): then only a security module, or a process of another
/// user namespace, can refuse us.
pub(super) fn may_trace() -> bool {
    has_capability(19)
}

/// Whether we have the capability of that number.
pub(super) fn has_capability(number: u32) -> bool {
    files::read(c"/proc/thread-self/status").is_ok_and(|text| wire::has_capability(&text, number))
}
