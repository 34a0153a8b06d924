//! Who owns which socket, and where nobody does, why. Each reason rests on evidence:
//!
//! | reason | evidence |
//! |---|---|
//! | time-wait, syn-received, accept-queue, orphan | the row has no inode; state and SHUTDOWN (decided in `wire`) |
//! | exited | the socket is gone, or has lost its inode, when its table is read again |
//! | needs-root | a process could not be looked into, or /proc hides processes |
//! | other-namespace | every process here was looked into, but this is not the first PID namespace |
//! | (owner without fds) | an io_uring ring's fdinfo lists the inode |
//! | io-uring | a ring holds files that its fdinfo does not list by inode (kernels before 6.11) |
//! | kernel | the socket lives, no process or ring has it, root made it; tunnels also by IP_MULTICAST_LOOP |
//! | in-flight | likewise, but some Unix socket's fdinfo counts descriptors in unread messages |

use std::collections::{HashMap, HashSet};
use std::os::fd::AsFd;

use rustix::io::Errno;
use sockscope_model::{Condition, NoOwner, Notice, Owner, Owners, Process, Request, Snapshot, Socket, Timestamp};
use sockscope_wire::procfs as wire;

use super::files::{self, NumberPath};
use super::scan::{FastMap, Hit, Scan, Scanner, Which, open_directory};
use super::sock_diag;

/// Inode of the first PID namespace (include/linux/proc_ns.h, PROC_PID_INIT_INO).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;
/// How often processes are looked into again for sockets that live but have no owner yet.
const SECOND_LOOKS: usize = 2;
/// More local ports than this are not worth a condition.
const MOST_PORTS: usize = 24;

/// Fills the owners of every row that can have one.
pub(super) fn attribute(snapshot: &mut Snapshot, request: &Request, boot: Timestamp, tunnels: &HashSet<u64>) {
    let mut search = Search::new(std::mem::take(&mut snapshot.sockets), boot, request);
    search.run(tunnels);
    let hidden =
        search.sockets.iter().filter(|socket| socket.owners.reason() == Some(NoOwner::NeedsRoot)).count();
    if let Some(error) = search.failed {
        snapshot.notices.push(Notice {
            code: "owners-unavailable",
            message: format!("can't read /proc: {error}; owners are unknown. Mount it: mount -t proc proc /proc"),
        });
    } else if hidden > 0 {
        let sockets = if hidden == 1 { "socket" } else { "sockets" };
        snapshot.notices.push(Notice {
            code: "owners-need-root",
            message: format!(
                "{hidden} {sockets} may belong to processes that only root can look into; \
                 to see them, use sudo or give the program CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
            ),
        });
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
}

impl<'a> Search<'a> {
    fn new(sockets: Vec<Socket>, boot: Timestamp, request: &'a Request) -> Search<'a> {
        let mut rows: Vec<(u64, u32)> = (0u32..)
            .zip(&sockets)
            .filter_map(|(row, socket)| Some((socket.inode?, row)))
            .collect();
        rows.sort_unstable();
        let mut wanted = FastMap::default();
        wanted.reserve(rows.len());
        for (slot, (inode, _)) in (0u32..).zip(&rows) {
            wanted.entry(*inode).or_insert(slot);
        }
        Search { sockets, rows, wanted, processes: Vec::new(), boot, request, failed: None }
    }

    fn scanner(&self) -> Scanner<'_> {
        Scanner { wanted: &self.wanted, boot: self.boot, details: self.request.process_details }
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
        let complete = scan.denied == 0 && !processes_are_hidden();
        if !complete {
            // Sockets of other users are beyond us; ours may have moved while we looked.
            let own = super::viewer_uid();
            let (mine, others): (Vec<u32>, Vec<u32>) =
                open.into_iter().partition(|row| self.socket(*row).is_some_and(|socket| socket.uid == own));
            self.give(&others, NoOwner::NeedsRoot);
            open = mine;
        }
        for look in 0..=SECOND_LOOKS {
            open = self.without_gone(open);
            if open.is_empty() {
                return;
            }
            if look < SECOND_LOOKS {
                let again = processes_to_look_into_again(&scan);
                let mut second = self.scanner().run(&Which::These(&again));
                self.assign(&mut second);
                scan.rings.append(&mut second.rings);
                open.retain(|row| self.is_unowned(*row));
            }
        }
        let ring_knows_more = self.owners_by_ring(&mut open, &scan);
        if open.is_empty() {
            return;
        }
        if !complete {
            self.give(&open, NoOwner::NeedsRoot);
        } else if !in_first_pid_namespace() {
            self.give(&open, NoOwner::OtherNamespace);
        } else {
            self.without_process(open, tunnels, &scan, ring_knows_more);
        }
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

    /// Turns hits into owners of the rows that have none yet.
    fn assign(&mut self, scan: &mut Scan) {
        let pid_of = |hit: &Hit| scan.processes.get(hit.process as usize).map_or(0, |process| process.id.pid);
        scan.hits.sort_unstable_by_key(|hit| (hit.slot, pid_of(hit), hit.fd));
        for hits in scan.hits.chunk_by(|one, other| one.slot == other.slot) {
            let owners: Vec<Owner> = hits
                .chunk_by(|one, other| one.process == other.process)
                .filter_map(|hits| {
                    let first = hits.first()?;
                    let process = scan.processes.get(first.process as usize)?.id;
                    Some(Owner { process, fds: hits.iter().map(|hit| hit.fd).collect() })
                })
                .collect();
            let Some(slot) = hits.first().map(|hit| hit.slot as usize) else { continue };
            let Some((inode, _)) = self.rows.get(slot).copied() else { continue };
            for (_, row) in self.rows.iter().skip(slot).take_while(|(other, _)| *other == inode) {
                if let Some(socket) = self.sockets.get_mut(*row as usize)
                    && socket.owners.reason() == Some(NoOwner::NotAsked)
                {
                    socket.owners = Owners::Processes(owners.clone());
                }
            }
        }
        let known: HashSet<_> = self.processes.iter().map(|process| process.id).collect();
        self.processes.extend(scan.processes.drain(..).filter(|process| !known.contains(&process.id)));
        scan.hits = Vec::new();
    }

    /// Gives `exited` to the sockets that are gone by now; returns the others.
    fn without_gone(&mut self, open: Vec<u32>) -> Vec<u32> {
        if open.is_empty() || open.iter().all(|row| self.socket(*row).is_none_or(|it| it.cookie().is_none())) {
            // A source without cookies can't tell.
            return open;
        }
        let mut request = self.request.clone();
        let ports: HashSet<u16> =
            open.iter().filter_map(|row| self.socket(*row)).map(|socket| socket.key.local.port()).collect();
        if ports.len() <= MOST_PORTS {
            let port = |port: &u16| {
                Condition::All(vec![Condition::LocalPortFrom(*port), Condition::LocalPortTo(*port)])
            };
            request.condition = Some(Condition::Any(ports.iter().map(port).collect()));
        }
        let Ok(living) = sock_diag::living(&request) else { return open };
        let is_gone = |row: &u32| {
            self.socket(*row).is_some_and(|socket| match socket.cookie() {
                Some(cookie) => living.get(&cookie).copied() != socket.inode,
                None => false,
            })
        };
        let (gone, open): (Vec<u32>, Vec<u32>) = open.into_iter().partition(is_gone);
        self.give(&gone, NoOwner::Exited);
        open
    }

    /// Finds sockets in the file tables of io_uring rings. Returns whether a ring holds files that it does not name.
    fn owners_by_ring(&mut self, open: &mut Vec<u32>, scan: &Scan) -> bool {
        let mut knows_more = false;
        let mut found: HashMap<u64, Vec<Owner>> = HashMap::new();
        for (pid, fd) in &scan.rings {
            let Ok(proc) = open_directory(rustix::fs::CWD, c"/proc") else { break };
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
            if let Some(process) = self.scanner().describe(directory.as_fd(), *pid, &mut text) {
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

    /// Sockets that live though every process was looked into and has none of them.
    fn without_process(&mut self, open: Vec<u32>, tunnels: &HashSet<u64>, scan: &Scan, ring_knows_more: bool) {
        let (tunnel, open): (Vec<u32>, Vec<u32>) = open
            .into_iter()
            .partition(|row| self.socket(*row).and_then(|socket| socket.inode).is_some_and(|it| tunnels.contains(&it)));
        self.give(&tunnel, NoOwner::Kernel);
        if open.is_empty() {
            return;
        }
        if self.descriptors_in_flight(&scan.socket_holders) {
            self.give(&open, NoOwner::InFlight);
        } else if ring_knows_more {
            self.give(&open, NoOwner::IoUring);
        } else {
            for row in open {
                let by_root = self.socket(row).is_some_and(|socket| socket.uid == Some(0));
                self.give(&[row], if by_root { NoOwner::Kernel } else { NoOwner::Unknown });
            }
        }
    }

    /// Whether any Unix socket has descriptors in unread messages.
    fn descriptors_in_flight(&self, holders: &[u32]) -> bool {
        let Ok(proc) = open_directory(rustix::fs::CWD, c"/proc") else { return false };
        let mut text = Vec::new();
        holders.iter().any(|pid| {
            let Ok(directory) = open_directory(&proc, NumberPath::new(*pid, c"/fd").as_c_str()) else { return false };
            let Ok(infos) = open_directory(&directory, c"../fdinfo") else { return false };
            socket_descriptors(&directory).into_iter().any(|(fd, inode)| {
                text.clear();
                !self.wanted.contains_key(&inode)
                    && files::read_at(&infos, NumberPath::new(fd, c"").as_c_str(), 1 << 16, &mut text).is_ok()
                    && wire::in_flight_count(&text) > 0
            })
        })
    }
}

/// The descriptors in a process' table that are sockets, with their inodes.
fn socket_descriptors(directory: &std::os::fd::OwnedFd) -> Vec<(u32, u64)> {
    let mut found = Vec::new();
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 * 1024];
    let mut link = [std::mem::MaybeUninit::uninit(); 48];
    let mut entries = rustix::fs::RawDir::new(directory, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let Some(fd) = wire::number(entry.file_name().to_bytes()) else { continue };
        let Ok((target, _)) = rustix::fs::readlinkat_raw(directory, entry.file_name(), &mut link[..]) else { continue };
        found.extend(wire::socket_inode(target).map(|inode| (fd, inode)));
    }
    found
}

/// Those that held sockets, and those that came since.
fn processes_to_look_into_again(scan: &Scan) -> Vec<u32> {
    let before: HashSet<u32> = scan.pids.iter().copied().collect();
    let mut pids = scan.socket_holders.clone();
    pids.extend(super::scan::running().into_iter().filter(|pid| !before.contains(pid)));
    pids
}

fn in_first_pid_namespace() -> bool {
    rustix::fs::stat(c"/proc/self/ns/pid").is_ok_and(|found| found.st_ino == FIRST_PID_NAMESPACE)
}

/// Whether /proc was mounted to hide other users' processes (hidepid) and we are not exempt.
fn processes_are_hidden() -> bool {
    let hides = files::read(c"/proc/self/mountinfo").is_ok_and(|text| wire::hides_processes(&text));
    // CAP_SYS_PTRACE lifts it (capability number 19, linux/capability.h).
    hides && !files::read(c"/proc/self/status").is_ok_and(|text| wire::has_capability(&text, 19))
}
