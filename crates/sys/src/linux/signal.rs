//! Ending processes: pidfd_open(2) (Linux 5.3), which names a process and never its successor, and pidfd_send_signal(2).

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, getrlimit, pidfd_open, setrlimit};
use sockscope_model::ProcessId;
use sockscope_wire::procfs::{self as wire, Stat};

use super::files::{self, NumberPath};
use super::scan;
use super::source::boot_time;
use crate::{KillError, Signal};

/// The signals that have names here (signal(7)).
pub const SIGNALS: &[(&str, i32)] = &[
    ("TERM", libc::SIGTERM),
    ("KILL", libc::SIGKILL),
    ("INT", libc::SIGINT),
    ("HUP", libc::SIGHUP),
    ("QUIT", libc::SIGQUIT),
    ("USR1", libc::SIGUSR1),
    ("USR2", libc::SIGUSR2),
    ("STOP", libc::SIGSTOP),
    ("CONT", libc::SIGCONT),
    ("TSTP", libc::SIGTSTP),
    ("ABRT", libc::SIGABRT),
    ("ALRM", libc::SIGALRM),
    ("BUS", libc::SIGBUS),
    ("CHLD", libc::SIGCHLD),
    ("FPE", libc::SIGFPE),
    ("ILL", libc::SIGILL),
    ("IO", libc::SIGIO),
    ("PIPE", libc::SIGPIPE),
    ("PROF", libc::SIGPROF),
    ("PWR", libc::SIGPWR),
    ("SEGV", libc::SIGSEGV),
    ("SYS", libc::SIGSYS),
    ("TRAP", libc::SIGTRAP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("VTALRM", libc::SIGVTALRM),
    ("WINCH", libc::SIGWINCH),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
];

/// Whether there is a signal of that number.
pub(crate) fn has_signal(number: i32) -> bool {
    (1..=libc::SIGRTMAX()).contains(&number)
}

/// By how much two computations of one start may differ, in microseconds: another program, or another run of this one, may have
/// rounded the moment of boot the other way. No process can have another's number so soon.
const TICK: u64 = 10_000;

/// A process that is held: whatever is done to it is done to it, or to nobody.
#[derive(Debug)]
pub struct HeldProcess {
    pid: u32,
    handle: Handle,
}

#[derive(Debug)]
enum Handle {
    Pidfd(OwnedFd),
    /// Its directory under /proc, where the kernel lacks pidfd_open or a sandbox forbids it: this, too, leads nowhere once the
    /// process is gone, but the signal goes to the number. Between the look and the signal there are microseconds.
    Directory(OwnedFd),
}

/// Takes hold of a process, if it is still the one that began then. From then on its number may be used again without harm.
///
/// # Errors
/// See [`KillError`].
pub fn hold(process: ProcessId) -> Result<HeldProcess, KillError> {
    let held = HeldProcess { pid: process.pid, handle: handle(process.pid)? };
    let started = held.stat().and_then(|stat| scan::started(boot_time(), stat.start_ticks));
    if held.has_ended(Duration::ZERO) {
        return Err(KillError::Gone);
    }
    // Last, since what was read by the number was the held process' only if it still has the number.
    held.has_its_number()?;
    match (process.started, started) {
        (Some(listed), Some(now)) if listed.as_micros().abs_diff(now.as_micros()) <= TICK => Ok(held),
        (Some(_), Some(_)) => Err(KillError::Gone),
        _ => Err(KillError::NoIdentity),
    }
}

/// Sends a signal to a process, if it is still the one that began then.
///
/// # Errors
/// See [`KillError`].
pub fn kill(process: ProcessId, signal: Signal) -> Result<(), KillError> {
    hold(process)?.signal(signal)
}

fn handle(pid: u32) -> Result<Handle, KillError> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(KillError::Gone)?;
    let open = || match pidfd_open(number, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Handle::Pidfd(pidfd)),
        // The kernel itself never forbids it.
        Err(Errno::NOSYS | Errno::PERM) => {
            let proc = scan::open_proc()?;
            scan::open_directory(&proc, NumberPath::new(pid, c"").as_c_str()).map(Handle::Directory)
        }
        Err(error) => Err(error),
    };
    let handle = match open() {
        Err(Errno::MFILE) if allow_more_descriptors() => open(),
        handle => handle,
    };
    handle.map_err(|error| match error {
        Errno::SRCH | Errno::NOENT => KillError::Gone,
        // It is the number of a thread, which was a process' before.
        Errno::INVAL => KillError::Gone,
        error => KillError::Failed(format!("pidfd_open: {error}")),
    })
}

/// Each process that is held takes a descriptor. Whether there may be more now.
fn allow_more_descriptors() -> bool {
    let limit = getrlimit(Resource::Nofile);
    limit.current < limit.maximum
        && setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_ok()
}

impl HeldProcess {
    /// Whether this user may send it signals.
    ///
    /// # Errors
    /// See [`KillError`].
    pub fn may_signal(&self) -> Result<(), KillError> {
        self.send(0)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// See [`KillError`].
    pub fn signal(&self, signal: Signal) -> Result<(), KillError> {
        // A process that has ended and whose parent does not care yet takes signals, too.
        if self.has_ended(Duration::ZERO) {
            return Err(KillError::Gone);
        }
        self.send(signal.number())
    }

    /// Waits until it has ended, at most that long; whether it has.
    pub fn has_ended(&self, at_most: Duration) -> bool {
        // A day is without end, and no more than a clock can count.
        let deadline = Instant::now() + at_most.min(Duration::from_secs(86_400));
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match &self.handle {
                Handle::Pidfd(pidfd) => {
                    let time = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
                    // It can be read from once the process has ended.
                    match poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&time)) {
                        Err(Errno::INTR) => {}
                        ready => return ready.is_ok_and(|count| count > 0),
                    }
                }
                Handle::Directory(_) => match self.stat() {
                    Some(Stat { state, .. }) if !matches!(state, b'Z' | b'X') => {
                        if left.is_zero() {
                            return false;
                        }
                        std::thread::sleep(left.min(Duration::from_millis(10)));
                    }
                    _ => return true,
                },
            }
        }
    }

    /// What /proc says of the process: by its number, which is why it has to be looked at afterwards whether it still has it,
    /// or by the directory.
    fn stat(&self) -> Option<Stat> {
        let mut text = Vec::new();
        match &self.handle {
            Handle::Pidfd(_) => {
                let proc = scan::open_proc().ok()?;
                files::read_at(&proc, NumberPath::new(self.pid, c"/stat").as_c_str(), 4096, &mut text).ok()?;
            }
            Handle::Directory(directory) => files::read_at(directory, c"stat", 4096, &mut text).ok()?,
        }
        wire::stat(&text)
    }

    /// Whether the number, as /proc counts, is that of the process that is held. /proc may be of another PID namespace than
    /// ours, in which the number is someone else's.
    fn has_its_number(&self) -> Result<(), KillError> {
        match &self.handle {
            Handle::Pidfd(pidfd) => {
                let mut text = Vec::new();
                let proc = scan::open_proc().map_err(|_| KillError::NoIdentity)?;
                let path = NumberPath::new(pidfd.as_raw_fd().cast_unsigned(), c"");
                let directory = scan::open_directory(&proc, c"self/fdinfo").map_err(|_| KillError::NoIdentity)?;
                files::read_at(&directory, path.as_c_str(), 4096, &mut text).map_err(|_| KillError::NoIdentity)?;
                match wire::pidfd_number(&text) {
                    Some(number) if i64::from(self.pid) == number => Ok(()),
                    // It has ended and its parent knows.
                    Some(-1) => Err(KillError::Gone),
                    _ => Err(KillError::NoIdentity),
                }
            }
            Handle::Directory(_) => match own_number() {
                Some(number) if number == std::process::id() => Ok(()),
                _ => Err(KillError::NoIdentity),
            },
        }
    }

    fn send(&self, signal: i32) -> Result<(), KillError> {
        let status = match &self.handle {
            Handle::Pidfd(pidfd) => {
                let (info, flags) = (std::ptr::null::<libc::siginfo_t>(), 0 as libc::c_uint);
                // SAFETY: the descriptor is open for the time of the call; a null pointer asks for what kill(2) would send, so
                // that no memory of ours is read.
                unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, info, flags) }
            }
            Handle::Directory(_) => {
                self.stat().ok_or(KillError::Gone)?;
                let pid = i32::try_from(self.pid).map_err(|_| KillError::Gone)?;
                // SAFETY: the call takes two numbers; the process is above 0, so that no group is meant.
                unsafe { libc::kill(pid, signal) }.into()
            }
        };
        if status == 0 {
            return Ok(());
        }
        let error = std::io::Error::last_os_error();
        Err(match error.raw_os_error() {
            Some(libc::ESRCH) => KillError::Gone,
            Some(libc::EPERM) => KillError::Refused,
            _ => KillError::Failed(format!("pidfd_send_signal: {error}")),
        })
    }
}

/// This process' number as /proc counts.
fn own_number() -> Option<u32> {
    wire::number(rustix::fs::readlinkat(CWD, c"/proc/self", Vec::new()).ok()?.to_bytes())
}

/// This process and those that it descends from, the nearest first, as far as /proc shows them.
pub fn ancestors() -> Vec<ProcessId> {
    let (boot, mut found) = (boot_time(), Vec::<ProcessId>::new());
    let mut next = own_number();
    let Ok(proc) = scan::open_proc() else { return found };
    let mut text = Vec::new();
    while let Some(pid) = next.filter(|pid| *pid != 0) {
        text.clear();
        let read = files::read_at(proc.as_fd(), NumberPath::new(pid, c"/stat").as_c_str(), 4096, &mut text);
        let stat = read.ok().and_then(|()| wire::stat(&text));
        let started = stat.as_ref().and_then(|stat| scan::started(boot, stat.start_ticks));
        // What began later has the number of a parent that is gone.
        let child = found.last().and_then(|child| child.started);
        if found.iter().any(|it| it.pid == pid) || started.zip(child).is_some_and(|(parent, child)| parent > child) {
            break;
        }
        found.push(ProcessId { pid, started });
        next = stat.map(|stat| stat.parent);
    }
    found
}

/// Why the system, or this PID namespace, would not survive the end of a process.
pub fn vital(pid: u32) -> Option<&'static str> {
    (pid == 1).then_some("it is the first process, and all others end with it")
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use sockscope_model::Timestamp;

    use super::*;

    /// A process that waits until its input ends.
    fn waiting() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    fn id(pid: u32) -> ProcessId {
        let stat = files::read(std::ffi::CString::new(format!("/proc/{pid}/stat")).unwrap().as_c_str()).unwrap();
        ProcessId { pid, started: scan::started(boot_time(), wire::stat(&stat).unwrap().start_ticks) }
    }

    fn by_directory(pid: u32) -> HeldProcess {
        let proc = scan::open_proc().unwrap();
        let directory = scan::open_directory(&proc, NumberPath::new(pid, c"").as_c_str()).unwrap();
        HeldProcess { pid, handle: Handle::Directory(directory) }
    }

    #[test]
    fn only_the_process_that_was_meant_is_ended() {
        let mut child = waiting();
        let id = id(child.id());
        let other = |micros| Some(Timestamp::from_micros(id.started.unwrap().as_micros() + micros));
        for micros in [20_000, -20_000, i64::from(u32::MAX)] {
            assert_eq!(hold(ProcessId { started: other(micros), ..id }).err(), Some(KillError::Gone), "{micros}");
        }
        assert_eq!(kill(ProcessId { started: None, ..id }, Signal::KILL), Err(KillError::NoIdentity));
        for pid in [0, u32::MAX, 0x7fff_ffff] {
            assert_eq!(hold(ProcessId { pid, ..id }).err(), Some(KillError::Gone), "{pid}");
        }
        let held = hold(id).unwrap();
        held.may_signal().unwrap();
        assert!(!held.has_ended(Duration::ZERO) && child.try_wait().unwrap().is_none());
        held.signal(Signal::TERM).unwrap();
        assert!(held.has_ended(Duration::from_secs(60)));
        // It is a zombie, then it is gone.
        assert_eq!(held.signal(Signal::TERM), Err(KillError::Gone));
        assert_eq!(hold(id).err(), Some(KillError::Gone));
        child.wait().unwrap();
        assert_eq!(held.signal(Signal::TERM), Err(KillError::Gone));
        assert_eq!(held.may_signal(), Err(KillError::Gone));
        assert_eq!(hold(id).err(), Some(KillError::Gone));
    }

    #[test]
    fn without_pidfd_the_directory_holds() {
        let mut child = waiting();
        let held = by_directory(child.id());
        held.has_its_number().unwrap();
        held.may_signal().unwrap();
        assert!(!held.has_ended(Duration::from_millis(1)));
        held.signal(Signal::KILL).unwrap();
        assert!(held.has_ended(Duration::from_secs(60)));
        assert_eq!(held.signal(Signal::KILL), Err(KillError::Gone));
        child.wait().unwrap();
        assert!(held.has_ended(Duration::ZERO) && held.stat().is_none());
        assert_eq!(held.send(0), Err(KillError::Gone));
    }

    #[test]
    fn ancestors_begin_with_this_process() {
        let found = ancestors();
        assert_eq!(found[0], id(std::process::id()));
        assert_eq!(found[1].pid, std::os::unix::process::parent_id());
        assert!(found.iter().is_sorted_by(|child, parent| parent.started <= child.started));
        assert!(vital(1).is_some() && vital(2).is_none());
    }
}
