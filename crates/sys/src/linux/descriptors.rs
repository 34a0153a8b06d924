//! The scan of descriptors: what processes hold, whatever the tables say. Each socket is asked for its own addresses by way
//! of a duplicate (`pidfd_getfd`, Linux 5.6), so that no table has a part in the answer.
//!
//! Where we may, the processes are read from a process file system of our own, mounted nowhere: what is mounted over
//! `/proc/PID` hides nothing there.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::CString;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use sockscope_model::{
    ErrorKind, Exposure, Family, Notice, Owner, Owners, Protocol, Request, Snapshot, Socket, SocketKey, SourceError,
    SourceReport, Tag, Testimony, Timestamp,
};
use sockscope_wire::sock_diag::state;

use super::files::NumberPath;
use super::owners::{in_first_pid_namespace, may_trace, processes_are_hidden};
use super::scan::{FastMap, HeldSocket, Scan, Scanner, Which, open_directory, open_proc};
use super::unlisted::unlisted;
use super::{names, procfs, source};

/// `SO_NETNS_COOKIE` (Linux 5.14), which libc does not have yet.
const SO_NETNS_COOKIE: libc::c_int = 71;
/// `PIDFD_THREAD` (Linux 6.9).
const PIDFD_THREAD: PidfdFlags = PidfdFlags::from_bits_retain(libc::O_EXCL as u32);
/// MPTCP, whose sockets are TCP to their programs (RFC 8684).
const IPPROTO_MPTCP: u32 = 262;

/// Looks at every socket that some process holds.
pub(super) fn scan(request: &Request) -> Result<Testimony, SourceError> {
    let start = Instant::now();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut snapshot = Snapshot::new("linux", host, Timestamp::from(std::time::SystemTime::now()));
    let own_proc = mount_proc();
    let proc = match own_proc.as_ref() {
        Some(own) => own.try_clone().map_err(|error| failed("read", "the processes", &error.to_string()))?,
        None => open_proc().map_err(|error| failed("read", "/proc", &error.to_string()))?,
    };
    let wanted = FastMap::default();
    let details = request.process_details;
    let scanner = Scanner { wanted: &wanted, boot: source::boot_time(), details, proc: Some(proc.as_fd()) };
    let mut found = scanner.run(&Which::All);
    if let Some(error) = found.failed {
        return Err(failed("list the processes in", "/proc", &error.to_string()));
    }
    // In another PID namespace the numbers are others, and what hidepid hides is nobody's secret.
    let listing_is_whole = own_proc.is_some() || !is_of_another_namespace() && (may_trace() || !processes_are_hidden());
    let hidden = if listing_is_whole { unlisted(proc.as_fd()) } else { Vec::new() };
    found.append(scanner.run(&Which::These(&hidden)));
    // Threads with tables of their own: those of the process were read above.
    let threads = scanner.run(&Which::ThreadsOf(&found.pids));
    found.other_sockets.extend(threads.other_sockets);
    found.unread = found.unread.or(threads.unread);

    let namespace = names::own_namespace();
    let mut asked = Asked::new(request, namespace.as_ref().map(|it| it.id));
    for held in &found.other_sockets {
        asked.ask(held);
    }
    if asked.known.is_empty() && asked.missing_call {
        return Err(SourceError {
            kind: ErrorKind::Unavailable,
            operation: "ask sockets by".into(),
            object: "pidfd_getfd".into(),
            cause: "this kernel does not offer it".into(),
            help: Some("it needs Linux 5.6".into()),
        });
    }
    asked.settle(scanner, &mut snapshot);
    if let Some(namespace) = namespace {
        snapshot.namespaces.insert(namespace.id, namespace);
    }
    let uids: HashSet<u32> = snapshot
        .sockets
        .iter()
        .filter_map(|socket| socket.uid)
        .chain(snapshot.processes.values().filter_map(|process| process.uid))
        .collect();
    snapshot.users = names::Users::default().resolve(&uids);
    for process in snapshot.processes.values_mut() {
        process.user = process.uid.and_then(|uid| snapshot.users.get(&uid).cloned());
    }
    snapshot.notices.extend(partial(&found, asked.refused));
    snapshot.notices.extend(suspect_listing(&hidden));
    if own_proc.is_none() {
        snapshot.notices.extend(suspect(&proc, &found.pids));
    }
    let rows = snapshot.sockets.len() as u64;
    snapshot.sources.push(SourceReport { name: "fd_scan", rows, duplicates: 0, churned: 0, elapsed: start.elapsed() });
    snapshot.elapsed = start.elapsed();
    let damaged = found.unread.map(|error| {
        format!("some processes could not be looked into ({error}); is a limit on open files in the way (ulimit -n)?")
    });
    Ok(Testimony { snapshot, quirks: Vec::new(), damaged })
}

/// A process file system that is mounted nowhere. It takes CAP_SYS_ADMIN, and Linux 5.2.
fn mount_proc() -> Option<OwnedFd> {
    let context = rustix::mount::fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC).ok()?;
    rustix::mount::fsconfig_create(&context).ok()?;
    let flags = MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mount = rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, flags).ok()?;
    // What fsmount gives is a path; a directory that can be read is opened from it.
    open_directory(&mount, c".").ok()
}

fn failed(operation: &str, object: &str, cause: &str) -> SourceError {
    SourceError {
        kind: ErrorKind::Failed,
        operation: operation.into(),
        object: object.into(),
        cause: cause.into(),
        help: Some("is /proc mounted?".into()),
    }
}

/// What keeps the scan from seeing everything, if anything does.
fn partial(found: &Scan, refused: u64) -> Option<Notice> {
    let processes: HashSet<u32> = found.denied.iter().copied().collect();
    let capable = may_trace();
    let hidden = !capable && processes_are_hidden();
    if is_of_another_namespace() {
        // The tables' owners are from there, and this scan can ask none of them.
        let message = "/proc is of another PID namespace, whose processes can't be asked; to mount ours: \
                       mount -t proc proc /proc";
        return Some(Notice { code: Testimony::PARTIAL, message: message.to_owned() });
    }
    let contained = !in_first_pid_namespace();
    if processes.is_empty() && refused == 0 && !hidden && !contained {
        return None;
    }
    let mut what = match processes.len() {
        0 => Vec::new(),
        1 => vec!["1 process could not be looked into".to_owned()],
        count => vec![format!("{count} processes could not be looked into")],
    };
    match refused {
        0 => {}
        1 => what.push("1 socket could not be asked".to_owned()),
        count => what.push(format!("{count} sockets could not be asked")),
    }
    if hidden {
        what.push("/proc hides the processes of others (hidepid)".to_owned());
    }
    let help = match (what.is_empty(), capable) {
        (true, _) => "",
        (false, true) => "; even with CAP_SYS_PTRACE the system refuses it",
        (false, false) => "; sudo shows them",
    };
    if contained {
        what.push("processes outside this PID namespace can't be seen".to_owned());
    }
    let message = format!("{}, so that sockets may be missing{help}", what.join(" and "));
    Some(Notice { code: Testimony::PARTIAL, message })
}

/// Whether /proc numbers processes otherwise than we do: `unshare --pid` without a /proc of its own.
fn is_of_another_namespace() -> bool {
    let own = rustix::process::getpid().as_raw_nonzero().to_string();
    rustix::fs::readlink(c"/proc/self", Vec::new()).is_ok_and(|link| link.to_bytes() != own.as_bytes())
}

/// Says which processes are there without being listed.
fn suspect_listing(hidden: &[u32]) -> Option<Notice> {
    let names: Vec<String> = hidden.iter().take(5).map(u32::to_string).collect();
    let more = if hidden.len() > 5 { ", ..." } else { "" };
    let (noun, verb, them) = if hidden.len() == 1 { ("process", "is", "it") } else { ("processes", "are", "them") };
    (!hidden.is_empty()).then(|| Notice {
        code: Testimony::SUSPECT,
        message: format!(
            "{noun} {}{more} {verb} running, and /proc does not list {them}: something hides what runs here",
            names.join(", ")
        ),
    })
}

/// Says over which processes something is mounted. In a process file system of our own nothing is.
fn suspect(proc: &OwnedFd, pids: &[u32]) -> Option<Notice> {
    let covered = |pid: &&u32| {
        let path = CString::new(format!("/proc/{pid}/fd"));
        path.is_ok_and(|path| procfs::is_covered(proc, &path))
    };
    let covered: Vec<String> = pids.iter().filter(covered).take(5).map(|pid| format!("/proc/{pid}")).collect();
    (!covered.is_empty()).then(|| Notice {
        code: Testimony::SUSPECT,
        message: format!("something is mounted over {}, which hides what is there (see findmnt)", covered.join(", ")),
    })
}

/// The sockets that were asked.
struct Asked<'a> {
    request: &'a Request,
    namespace: Option<u64>,
    /// The cookie of our network namespace, where the kernel has such.
    namespace_cookie: Option<u64>,
    /// By inode; `None`: it is none of those that are meant.
    known: HashMap<u64, Option<Socket>>,
    holders: BTreeMap<(u64, u32), Vec<u32>>,
    /// The process or thread whose descriptors are asked now.
    task: Option<(u32, Result<OwnedFd, Errno>)>,
    /// Descriptors that we were not allowed to duplicate, of sockets that nobody else's told of.
    refused: u64,
    refused_inodes: HashSet<u64>,
    missing_call: bool,
}

impl<'a> Asked<'a> {
    fn new(request: &'a Request, namespace: Option<u64>) -> Asked<'a> {
        let own = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None);
        Asked {
            request,
            namespace,
            namespace_cookie: own.ok().and_then(|own| option(&own, libc::SOL_SOCKET, SO_NETNS_COOKIE).ok()),
            known: HashMap::new(),
            holders: BTreeMap::new(),
            task: None,
            refused: 0,
            refused_inodes: HashSet::new(),
            missing_call: false,
        }
    }

    /// Asks the socket, unless another descriptor's was asked already.
    fn ask(&mut self, held: &HeldSocket) {
        let mut inode = held.inode;
        if !self.known.contains_key(&inode) {
            match self.duplicate(held) {
                Ok(socket) => {
                    // Closed meanwhile, and the number used for another.
                    inode = rustix::fs::fstat(&socket).map_or(inode, |found| found.st_ino);
                    let is_ours = self.is_of_our_namespace(&socket, held.pid);
                    let asked = if is_ours { interview(&socket, inode, self.request, self.namespace) } else { None };
                    self.known.entry(inode).or_insert(asked);
                    self.refused_inodes.remove(&inode);
                }
                Err(Errno::PERM | Errno::ACCESS) => {
                    self.refused_inodes.insert(inode);
                }
                Err(Errno::NOSYS) => self.missing_call = true,
                // A thread of a kernel that has no handles on threads: its sockets can't be asked.
                Err(Errno::INVAL) if held.task != held.pid => {
                    self.refused_inodes.insert(inode);
                }
                // It ended, or closed the descriptor.
                Err(_) => {}
            }
            self.refused = self.refused_inodes.len() as u64;
        }
        if let Entry::Occupied(known) = self.known.entry(inode)
            && known.get().is_some()
        {
            self.holders.entry((inode, held.pid)).or_default().push(held.fd);
        }
    }

    /// A descriptor of our own for the same socket. Should its holder close it now, the socket lives on until we close ours:
    /// microseconds.
    fn duplicate(&mut self, held: &HeldSocket) -> Result<OwnedFd, Errno> {
        if self.task.as_ref().is_none_or(|(task, _)| *task != held.task) {
            let flags = if held.task == held.pid { PidfdFlags::empty() } else { PIDFD_THREAD };
            let pid = i32::try_from(held.task).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH);
            self.task = Some((held.task, pid.and_then(|pid| pidfd_open(pid, flags))));
        }
        match &self.task {
            Some((_, Ok(task))) => {
                pidfd_getfd(task, i32::try_from(held.fd).map_err(|_| Errno::BADF)?, PidfdGetfdFlags::empty())
            }
            Some((_, Err(error))) => Err(*error),
            None => Err(Errno::SRCH),
        }
    }

    fn is_of_our_namespace(&self, socket: &OwnedFd, pid: u32) -> bool {
        match (self.namespace_cookie, option::<u64>(socket, libc::SOL_SOCKET, SO_NETNS_COOKIE)) {
            (Some(ours), Ok(its)) => its == ours,
            _ => {
                // Before Linux 5.14: most sockets are of the namespace that their process is in.
                let path = CString::new(format!("/proc/{pid}/ns/net"));
                let found = path.ok().and_then(|path| rustix::fs::stat(path.as_c_str()).ok());
                self.namespace.is_none() || found.is_some_and(|found| Some(found.st_ino) == self.namespace)
            }
        }
    }

    /// Puts the sockets into the snapshot, with their holders.
    fn settle(&mut self, scanner: Scanner<'_>, snapshot: &mut Snapshot) {
        let mut owners: HashMap<u64, Vec<Owner>> = HashMap::new();
        let mut processes: HashMap<u32, Option<sockscope_model::ProcessId>> = HashMap::new();
        let mut text = Vec::new();
        for ((inode, pid), fds) in std::mem::take(&mut self.holders) {
            let process = processes.entry(pid).or_insert_with(|| {
                let proc = scanner.proc?;
                let directory = open_directory(proc, NumberPath::new(pid, c"/fd").as_c_str()).ok()?;
                let process = scanner.describe(directory.as_fd(), pid, &mut text).ok()?;
                let id = process.id;
                snapshot.processes.insert(id, process);
                Some(id)
            });
            // One that ended meanwhile holds nothing.
            let Some(process) = *process else { continue };
            let mut fds = fds;
            fds.sort_unstable();
            fds.dedup();
            owners.entry(inode).or_default().push(Owner { process, fds });
        }
        for (inode, socket) in std::mem::take(&mut self.known) {
            if let (Some(mut socket), Some(owners)) = (socket, owners.remove(&inode)) {
                socket.owners = Owners::Processes(owners);
                snapshot.sockets.push(socket);
            }
        }
    }
}

/// What a socket says of itself; `None` if it is none of those that are asked for.
fn interview(socket: &OwnedFd, inode: u64, request: &Request, namespace: Option<u64>) -> Option<Socket> {
    let domain = sockopt::socket_domain(socket).ok()?;
    let ipv4 = domain == AddressFamily::INET;
    if !(ipv4 && request.ipv4 || domain == AddressFamily::INET6 && request.ipv6) {
        return None;
    }
    let kind = sockopt::socket_type(socket).ok()?;
    let number = sockopt::socket_protocol(socket).ok()?.map(|it| it.as_raw().get());
    const TCP: u32 = libc::IPPROTO_TCP.cast_unsigned();
    const UDP: u32 = libc::IPPROTO_UDP.cast_unsigned();
    let protocol = match number {
        Some(TCP | IPPROTO_MPTCP) if kind == SocketType::STREAM && request.tcp => Protocol::Tcp,
        Some(UDP) if kind == SocketType::DGRAM && request.udp => Protocol::Udp,
        _ => return None,
    };
    let local: SocketAddr = rustix::net::getsockname(socket).ok()?.try_into().ok()?;
    let remote: Option<SocketAddr> =
        rustix::net::getpeername(socket).ok().flatten().and_then(|remote| remote.try_into().ok());
    let cookie = sockopt::socket_cookie(socket).ok();
    let tag = cookie.map_or(Tag::Inode(inode), Tag::Cookie);
    let mut found = Socket::new(SocketKey { protocol, local, remote, tag });
    // The first byte of tcp_info is the state (include/uapi/linux/tcp.h).
    found.state = match protocol {
        Protocol::Tcp => option::<u8>(socket, libc::IPPROTO_TCP, libc::TCP_INFO).ok().map(state),
        _ => None,
    };
    found.inode = Some(inode);
    found.uid = rustix::fs::fstat(socket).ok().map(|found| found.st_uid);
    found.namespace = namespace;
    if found.is_listening() {
        found.exposure = Some(Exposure::of_local(local.ip()));
    }
    debug_assert_eq!(found.family() == Family::Ipv4, ipv4);
    Some(found)
}

/// A plain number that getsockopt(2) writes.
trait Number: Copy + Default {}
impl Number for u8 {}
impl Number for u64 {}

/// An option of a socket. Of a longer one, the first bytes.
fn option<T: Number>(socket: &OwnedFd, level: libc::c_int, name: libc::c_int) -> Result<T, Errno> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = libc::socklen_t::try_from(size_of::<T>()).map_err(|_| Errno::INVAL)?;
    // SAFETY: value is valid for writes of the length that is given, which is its own.
    let status =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut length) };
    if status != 0 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL));
    }
    // SAFETY: every byte was zero before the call, which wrote some of them, and any bytes are a number.
    Ok(unsafe { value.assume_init() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_cut_to_what_is_asked() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = OwnedFd::from(socket);
        // TCP_LISTEN of include/net/tcp_states.h.
        assert_eq!(option::<u8>(&socket, libc::IPPROTO_TCP, libc::TCP_INFO), Ok(10));
        assert!(option::<u8>(&socket, libc::IPPROTO_TCP, 9999).is_err());
    }

    #[test]
    fn what_keeps_from_seeing_is_said() {
        let mut found = Scan::default();
        let says = |found: &Scan, refused| partial(found, refused).map(|notice| notice.message).unwrap_or_default();
        if may_trace() {
            assert_eq!(says(&found, 0), "");
        }
        found.denied = vec![1, 2, 2];
        let message = says(&found, 1);
        assert!(
            message.starts_with("2 processes could not be looked into and 1 socket could not be asked"),
            "{message}"
        );
    }

    #[test]
    fn processes_that_are_not_listed_are_named() {
        assert_eq!(suspect_listing(&[]), None);
        for (hidden, words) in [
            (&[66][..], "process 66 is running, and /proc does not list it: "),
            (&[66, 67], "processes 66, 67 are running, and /proc does not list them: "),
            (&[1, 2, 3, 4, 5, 6, 7], "processes 1, 2, 3, 4, 5, ... are running"),
        ] {
            let notice = suspect_listing(hidden).unwrap();
            assert_eq!(notice.code, Testimony::SUSPECT);
            assert!(notice.message.starts_with(words), "{}", notice.message);
        }
    }

    #[test]
    fn a_file_system_of_our_own_lists_us() {
        // It takes a privilege that not everyone who runs tests has.
        if let Some(proc) = mount_proc() {
            let mut text = Vec::new();
            super::super::files::read_at(&proc, c"self/status", 1 << 16, &mut text).unwrap();
            assert!(String::from_utf8(text).unwrap().contains(&format!("Pid:\t{}\n", std::process::id())));
        }
    }
}
