//! Every process' descriptors, by getdents64 and readlinkat relative to directory handles.

use std::collections::HashMap;
use std::ffi::CStr;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;
use sockscope_model::{Process, ProcessId, Timestamp};
use sockscope_wire::procfs as wire;

use super::files::{self, NumberPath};

/// A map by numbers that nobody outside chooses: inodes and cookies.
pub(super) type FastMap<V> = HashMap<u64, V, BuildHasherDefault<NumberHasher>>;

/// Spreads numbers that count upwards over a table; SipHash would cost more than the look-up.
#[derive(Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

/// Which processes to look into.
pub(super) enum Which<'a> {
    /// All of them.
    All,
    /// Those.
    These(&'a [u32]),
    /// Of those, the threads that have a descriptor table of their own.
    ThreadsOf(&'a [u32]),
}

/// A descriptor of a wanted socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    /// What the inode stands for in the map of wanted ones.
    pub(super) slot: u32,
    /// Index of the process in [`Scan::processes`].
    pub(super) process: u32,
    /// The descriptor.
    pub(super) fd: u32,
}

/// A descriptor of some socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldSocket {
    /// The process.
    pub(super) pid: u32,
    /// Whose table it is in: the process', or that of a thread with a table of its own.
    pub(super) task: u32,
    /// The descriptor.
    pub(super) fd: u32,
    /// The socket's inode.
    pub(super) inode: u64,
}

/// What a scan saw.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) hits: Vec<Hit>,
    /// Processes with at least one hit.
    pub(super) processes: Vec<Process>,
    /// Processes that we were not allowed to look into.
    pub(super) denied: Vec<u32>,
    /// All processes that were there.
    pub(super) pids: Vec<u32>,
    /// Processes that hold any socket, wanted or not.
    pub(super) socket_holders: Vec<u32>,
    /// Sockets that are not wanted, most of them Unix sockets.
    pub(super) other_sockets: Vec<HeldSocket>,
    /// io_uring rings: process and descriptor.
    pub(super) rings: Vec<(u32, u32)>,
    /// Why some process could not be looked into, though nobody forbade it: no descriptors left, say.
    pub(super) unread: Option<Errno>,
    /// Why /proc could not be read at all.
    pub(super) failed: Option<Errno>,
}

/// Lets threads begin at once. A new thread is queued behind the one that made it and moves to an idle processor only
/// milliseconds later, as long as a whole scan takes; where all wait for all, each runs at once where there is room.
#[derive(Default)]
struct Gate {
    /// How many have come, and how many there will be once that is known.
    count: Mutex<(usize, Option<usize>)>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.0 += 1;
        self.changed.notify_all();
        while count.1.is_none_or(|all| count.0 < all) {
            count = self.changed.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Says how many there are, and passes as one of them.
    fn open(&self, all: usize) {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(all);
        self.pass();
    }
}

/// How many threads are worth having. Asked once: the answer is read from several files.
pub(super) fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from).min(8))
}

/// What as many threads as there are processors make of the same work; where no more may be made, those that there are do all
/// of it.
pub(super) fn on_every_processor<T: Send>(work: impl Fn() -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let others: Vec<_> =
            (1..processors()).map_while(|_| std::thread::Builder::new().spawn_scoped(scope, &work).ok()).collect();
        let mut made = vec![work()];
        for other in others {
            match other.join() {
                Ok(part) => made.push(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    })
}

/// What is constant during a scan.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    /// Which inodes are looked for.
    pub(super) wanted: &'a FastMap<u32>,
    /// When the system was started.
    pub(super) boot: Timestamp,
    /// Whether path, command line and so on are read.
    pub(super) details: bool,
    /// The file system of processes, where it is not to be the one at /proc.
    pub(super) proc: Option<BorrowedFd<'a>>,
}

impl Scanner<'_> {
    /// Looks into the processes, with as many threads as there are processors.
    pub(super) fn run(self, which: &Which<'_>) -> Scan {
        let own = match self.proc.map_or_else(|| open_proc().map(Some), |_| Ok(None)) {
            Ok(own) => own,
            Err(error) => return Scan { failed: Some(error), ..Scan::default() },
        };
        let Some(proc) = self.proc.or(own.as_ref().map(AsFd::as_fd)) else { return Scan::default() };
        let pids = match which {
            Which::These(pids) | Which::ThreadsOf(pids) => pids.to_vec(),
            Which::All => match numbers_in(proc) {
                Ok(pids) => pids,
                Err(error) => return Scan { failed: Some(error), ..Scan::default() },
            },
        };
        let next = AtomicUsize::new(0);
        let gate = Gate::default();
        let work = || {
            let mut scan = Scan::default();
            let mut buffers = Buffers::default();
            // Processes are handed out one at a time: some have three descriptors, some have a hundred thousand.
            while let Some(pid) = pids.get(next.fetch_add(1, Ordering::Relaxed)) {
                match which {
                    Which::ThreadsOf(_) => self.threads(proc, *pid, &mut buffers, &mut scan),
                    _ => self.process(proc, *pid, &mut buffers, &mut scan),
                }
            }
            scan
        };
        let mut scan = std::thread::scope(|scope| {
            let begin = || {
                gate.pass();
                work()
            };
            // Where no more threads may be made, those that there are do all the work.
            let others: Vec<_> = (1..processors().min(pids.len()))
                .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, begin).ok())
                .collect();
            gate.open(others.len() + 1);
            let mut scan = work();
            for other in others {
                match other.join() {
                    Ok(part) => scan.append(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            scan
        });
        scan.pids = pids;
        scan
    }

    fn process(self, proc: BorrowedFd<'_>, pid: u32, buffers: &mut Buffers, scan: &mut Scan) {
        let directory = match open_directory(proc, NumberPath::new(pid, c"/fd").as_c_str()) {
            Ok(directory) => directory,
            Err(Errno::ACCESS | Errno::PERM) => {
                scan.denied.push(pid);
                return;
            }
            // It ended since it was listed.
            Err(Errno::NOENT | Errno::SRCH) => return,
            Err(error) => {
                scan.unread = Some(error);
                return;
            }
        };
        self.table(directory.as_fd(), directory.as_fd(), (pid, pid), buffers, scan);
    }

    /// Threads usually share their process' descriptors, which kcmp(2) tells without reading them. Those that do not
    /// (CLONE_FILES was not given, or the first thread ended) are read.
    fn threads(self, proc: BorrowedFd<'_>, pid: u32, buffers: &mut Buffers, scan: &mut Scan) {
        let open = |path: &CStr| open_directory(proc, path).ok();
        let Some(tasks) = open(NumberPath::new(pid, c"/task").as_c_str()) else { return };
        let Some(process) = open(NumberPath::new(pid, c"/fd").as_c_str()) else { return };
        let Ok(threads) = numbers_in(tasks.as_fd()) else { return };
        // The threads of one process with tables of their own mostly share one.
        let mut read = pid;
        for thread in threads.into_iter().filter(|thread| *thread != pid) {
            if has_same_files(pid, thread) || (read != pid && has_same_files(read, thread)) {
                continue;
            }
            if let Ok(directory) = open_directory(&tasks, NumberPath::new(thread, c"/fd").as_c_str()) {
                read = thread;
                self.table(directory.as_fd(), process.as_fd(), (pid, thread), buffers, scan);
            }
        }
    }

    /// Reads one table of descriptors, of a process or one of its threads; `process_directory` is the handle on the one of
    /// the process.
    fn table(
        self,
        directory: BorrowedFd<'_>,
        process_directory: BorrowedFd<'_>,
        (pid, task): (u32, u32),
        buffers: &mut Buffers,
        scan: &mut Scan,
    ) {
        let Buffers { entries, link, text } = buffers;
        let first_hit = scan.hits.len();
        let process = u32::try_from(scan.processes.len()).unwrap_or(u32::MAX);
        let mut holds_sockets = false;
        let mut directory_entries = RawDir::new(directory, entries);
        while let Some(entry) = directory_entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(Errno::NOENT | Errno::SRCH) => break,
                Err(error) => {
                    scan.unread = Some(error);
                    break;
                }
            };
            let name = entry.file_name();
            let Some(fd) = wire::number(name.to_bytes()) else { continue };
            let target = match rustix::fs::readlinkat_raw(directory, name, &mut link[..]) {
                Ok((target, _)) => target,
                // Listing the descriptors may be allowed where following them is not: the same holds for all of them.
                Err(Errno::ACCESS | Errno::PERM) => {
                    scan.denied.push(pid);
                    break;
                }
                Err(_) => continue,
            };
            if let Some(inode) = wire::socket_inode(target) {
                holds_sockets = true;
                match self.wanted.get(&inode) {
                    Some(slot) => scan.hits.push(Hit { slot: *slot, process, fd }),
                    None => scan.other_sockets.push(HeldSocket { pid, task, fd, inode }),
                }
            } else if target == b"anon_inode:[io_uring]" {
                scan.rings.push((pid, fd));
            }
        }
        if holds_sockets {
            scan.socket_holders.push(pid);
        }
        if scan.hits.len() > first_hit {
            match self.describe(process_directory, pid, text) {
                Ok(found) => scan.processes.push(found),
                Err(error) => {
                    scan.hits.truncate(first_hit);
                    // Unless it ended while we read its descriptors, which are nobody's then.
                    if !matches!(error, Errno::NOENT | Errno::SRCH) {
                        scan.unread = Some(error);
                    }
                }
            }
        }
    }

    /// Who it is, through the handle on its descriptors: should its number be used again, that leads nowhere.
    pub(super) fn describe(self, fd_directory: BorrowedFd<'_>, pid: u32, text: &mut Vec<u8>) -> Result<Process, Errno> {
        let mut read = |path: &CStr| {
            text.clear();
            files::read_at(fd_directory, path, 1 << 20, text)?;
            Ok::<_, Errno>(std::mem::take(text))
        };
        let stat_text = read(c"../stat")?;
        // What can't be decoded was cut off by the process' end.
        let stat = wire::stat(&stat_text).ok_or(Errno::SRCH)?;
        let started = started(self.boot, stat.start_ticks);
        let mut process = Process::new(ProcessId { pid, started }, String::from_utf8_lossy(&stat.name).into_owned());
        if self.details {
            process.path = rustix::fs::readlinkat(fd_directory, c"../exe", Vec::new()).ok().map(path);
            process.command_line = read(c"../cmdline").ok().as_deref().and_then(wire::command_line);
            process.service =
                read(c"../cgroup").ok().as_deref().and_then(wire::cgroup).and_then(wire::service).map(str::to_owned);
            process.uid =
                rustix::fs::statat(fd_directory, c"..", rustix::fs::AtFlags::empty()).ok().map(|it| it.st_uid);
        }
        *text = stat_text;
        Ok(process)
    }
}

impl Scan {
    /// Adds what another scan saw.
    pub(super) fn append(&mut self, mut part: Scan) {
        let offset = u32::try_from(self.processes.len()).unwrap_or(u32::MAX);
        self.hits.extend(part.hits.iter().map(|hit| Hit { process: hit.process.saturating_add(offset), ..*hit }));
        self.processes.append(&mut part.processes);
        self.denied.append(&mut part.denied);
        self.other_sockets.append(&mut part.other_sockets);
        self.socket_holders.append(&mut part.socket_holders);
        self.rings.append(&mut part.rings);
        self.pids.append(&mut part.pids);
        self.unread = self.unread.or(part.unread);
    }
}

struct Buffers {
    entries: Box<[MaybeUninit<u8>]>,
    /// Longer than any link that we care for; a longer one comes back cut and is none of ours.
    link: [MaybeUninit<u8>; 48],
    text: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers {
            entries: vec![MaybeUninit::uninit(); 32 * 1024].into_boxed_slice(),
            link: [MaybeUninit::uninit(); 48],
            text: Vec::new(),
        }
    }
}

/// When a process began, from the ticks since the system was started.
pub(super) fn started(boot: Timestamp, ticks: u64) -> Option<Timestamp> {
    let ticks_per_second = i64::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100).max(1);
    let since_boot = i64::try_from(ticks).ok()?.checked_mul(1_000_000 / ticks_per_second)?;
    boot.as_micros().checked_add(since_boot).map(Timestamp::from_micros)
}

fn path(target: std::ffi::CString) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes()))
}

/// A directory, for reading its entries.
pub(super) fn open_directory(at: impl AsFd, path: &CStr) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(at, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// /proc, if the process file system is mounted there: an empty directory would look like a machine without processes.
pub(super) fn open_proc() -> Result<OwnedFd, Errno> {
    let proc = open_directory(rustix::fs::CWD, c"/proc")?;
    let kind = rustix::fs::fstatfs(&proc)?.f_type;
    if kind == rustix::fs::PROC_SUPER_MAGIC { Ok(proc) } else { Err(Errno::NOENT) }
}

/// The processes that there are now; none if /proc can't be read.
pub(super) fn running() -> Vec<u32> {
    open_proc().and_then(|proc| numbers_in(proc.as_fd())).unwrap_or_default()
}

/// Whether two tasks share their descriptors: kcmp(2). Where the kernel lacks the call or forbids it, they are taken to.
fn has_same_files(one: u32, other: u32) -> bool {
    const KCMP_FILES: libc::c_ulong = 2;
    let (one, other) = (libc::c_ulong::from(one), libc::c_ulong::from(other));
    // SAFETY: the call takes five numbers, each as wide as a register, and touches no memory of ours.
    let order =
        unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0 as libc::c_ulong, 0 as libc::c_ulong) };
    order <= 0
}

/// The entries of a directory that are numbers: processes, or threads.
pub(super) fn numbers_in(directory: BorrowedFd<'_>) -> Result<Vec<u32>, Errno> {
    let mut numbers = Vec::new();
    let mut buffer = vec![MaybeUninit::uninit(); 32 * 1024];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        numbers.extend(wire::number(entry?.file_name().to_bytes()));
    }
    Ok(numbers)
}
