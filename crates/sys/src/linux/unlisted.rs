//! Processes that are there and that /proc does not list: whoever alters its listing (getdents64) seldom alters every other
//! way to a process. Each number that a process may have is asked for by `pidfd_open` (Linux 5.3), which knows processes from
//! threads and needs no privilege.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};
use sockscope_wire::procfs as wire;

use super::files;
use super::scan::{numbers_in, on_every_processor, open_directory};

/// Numbers that a thread takes at a time.
const PIECE: u32 = 16 * 1024;
/// The most that the kernel allows (include/linux/threads.h, PID_MAX_LIMIT).
const MOST_NUMBERS: u32 = 4 << 20;

/// The processes that this file system of processes does not list.
pub(super) fn unlisted(proc: BorrowedFd<'_>) -> Vec<u32> {
    let read = |path| {
        let mut text = Vec::new();
        files::read_at(proc, path, 1 << 20, &mut text).ok().map(|()| text)
    };
    let most = read(c"sys/kernel/pid_max").and_then(|text| wire::number(text.trim_ascii()));
    let last = read(c"loadavg").and_then(|text| wire::last_process(&text));
    let forks = read(c"stat").and_then(|text| wire::forks(&text));
    // From its beginning: the handle may have been read.
    find(highest(most, last, forks), || numbers_in(open_directory(proc, c".")?.as_fd()))
}

/// No process has a higher number. They are given upwards: until `most` is reached and they begin anew, none is higher than
/// the last that was given. Forks that failed cost numbers too, and nobody counts them, hence the half.
fn highest(most: Option<u32>, last: Option<u32>, forks: Option<u64>) -> u32 {
    let most = most.unwrap_or(MOST_NUMBERS).min(MOST_NUMBERS);
    match (last, forks) {
        (Some(last), Some(forks)) if forks < u64::from(most) / 2 => last.min(most),
        _ => most,
    }
}

/// Those up to `highest` that answer, and that `list` leaves out as often as it is asked.
fn find(highest: u32, list: impl Fn() -> Result<Vec<u32>, Errno>) -> Vec<u32> {
    let listed = || list().map(HashSet::<u32>::from_iter);
    let own = getpid();
    if pidfd_open(own, PidfdFlags::empty()).is_err() {
        return Vec::new();
    }
    let Ok(before) = listed() else { return Vec::new() };
    if !before.contains(&own.as_raw_pid().cast_unsigned()) {
        // It numbers processes otherwise than we do, or is none.
        return Vec::new();
    }
    let mut found = ask(highest, &before);
    // Most are new since. Whoever answered before a listing and is there after it, had to be in it.
    for _ in 0..2 {
        if found.is_empty() {
            break;
        }
        let Ok(listed) = listed() else { return Vec::new() };
        found.retain(|(pid, process)| !listed.contains(pid) && is_running(process));
    }
    let mut pids: Vec<u32> = found.into_iter().map(|(pid, _)| pid).collect();
    pids.sort_unstable();
    pids
}

/// Tries all numbers but those, with as many threads as there are processors.
fn ask(highest: u32, but: &HashSet<u32>) -> Vec<(u32, OwnedFd)> {
    let next = AtomicU32::new(1);
    let work = || {
        let mut found = Vec::new();
        loop {
            let first = next.fetch_add(PIECE, Ordering::Relaxed);
            if first > highest {
                return found;
            }
            let numbers = (first..first.saturating_add(PIECE)).take_while(|number| *number <= highest);
            for number in numbers.filter(|number| !but.contains(number)) {
                let Some(pid) = i32::try_from(number).ok().and_then(Pid::from_raw) else { continue };
                // Nobody has the number, or a thread.
                if let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) {
                    found.push((number, process));
                }
            }
        }
    };
    on_every_processor(work).into_iter().flatten().collect()
}

/// A handle on a process can be read once that has ended (pidfd_open(2)).
fn is_running(process: &OwnedFd) -> bool {
    poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&Timespec::default())) == Ok(0)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::super::owners::{may_trace, processes_are_hidden};
    use super::super::scan::running;
    use super::*;

    fn most() -> u32 {
        wire::number(files::read(c"/proc/sys/kernel/pid_max").unwrap().trim_ascii()).unwrap()
    }

    /// Some systems hide the processes of others, from whoever runs tests as well.
    fn others_are_hidden() -> bool {
        processes_are_hidden() && !may_trace()
    }

    /// A process that does nothing until it is dropped.
    struct Idle(Child);

    impl Idle {
        fn start() -> Idle {
            let mut command = Command::new("sleep");
            Idle(command.arg("1000").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
        }
    }

    impl Drop for Idle {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    /// The process is real, and so are all others, which come and go meanwhile; its listing leaves it out.
    #[test]
    fn what_a_listing_leaves_out_is_found() {
        if others_are_hidden() {
            return;
        }
        // A thread has a number as well, and is in no listing of processes.
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || receiver.recv().is_ok());
        let hidden = [Idle::start(), Idle::start()].map(|it| (it.0.id(), it));
        let mut pids = [hidden[0].0, hidden[1].0];
        pids.sort_unstable();
        let without = || Ok(running().into_iter().filter(|pid| !pids.contains(pid)).collect());
        assert_eq!(find(most(), without), pids);
        assert_eq!(find(pids[0], without), pids[..1]);
        assert_eq!(find(most(), || Ok(running())), []);
        // Where a listing can't be had, nobody is missing from it.
        assert_eq!(find(most(), || Err(Errno::MFILE)), []);
        assert_eq!(find(most(), || Ok(Vec::new())), []);
        sender.send(()).unwrap();
        assert!(thread.join().unwrap());
    }

    #[test]
    fn here_nobody_is_hidden() {
        if others_are_hidden() {
            return;
        }
        let proc = super::super::scan::open_proc().unwrap();
        // A handle that was read is at its end.
        assert!(numbers_in(proc.as_fd()).unwrap().contains(&std::process::id()));
        assert_eq!(unlisted(proc.as_fd()), []);
    }

    /// One that is listed once is new, and one that ended is none.
    #[test]
    fn who_came_or_went_meanwhile_is_not_hidden() {
        if others_are_hidden() {
            return;
        }
        let new = Idle::start();
        let pid = new.0.id();
        let asked = std::cell::Cell::new(0);
        let late = || {
            asked.set(asked.get() + 1);
            Ok(running().into_iter().filter(|it| *it != pid || asked.get() > 2).collect())
        };
        assert_eq!(find(most(), late), []);
        let process = pidfd_open(Pid::from_raw(pid.cast_signed()).unwrap(), PidfdFlags::empty()).unwrap();
        assert!(is_running(&process));
        drop(new);
        assert!(!is_running(&process));
    }

    #[test]
    fn no_more_numbers_are_tried_than_were_given() {
        for (most, last, forks, expected) in [
            (Some(4_194_304), Some(70_000), Some(80_000), 70_000),
            (Some(32_768), Some(7), Some(40_000), 32_768),
            (Some(32_768), Some(20_000), Some(20_000), 32_768),
            (Some(32_768), None, Some(9), 32_768),
            (Some(32_768), Some(9), None, 32_768),
            (None, None, None, MOST_NUMBERS),
            (Some(u32::MAX), None, None, MOST_NUMBERS),
        ] {
            assert_eq!(highest(most, last, forks), expected);
        }
    }
}
