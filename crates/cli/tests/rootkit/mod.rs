use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// The descriptor under which the program has what its calls are received by.
const LISTENER: i32 = 900;
/// The inode of a process file system's root (include/linux/proc_fs.h, PROC_ROOT_INO).
const PROC_ROOT: u64 = 1;
/// Where a record of getdents64 has its length and its name.
const LENGTH: usize = 16;
const NAME: usize = 19;

/// Runs the program as on a machine whose root kit takes a process out of every listing of processes: each getdents64 of the
/// program is answered by us (seccomp_unotify(2)).
pub(crate) fn output_without(command: &mut Command, hidden: u32) -> Output {
    have_getdents_answered(command);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let program = pidfd_open(Pid::from_raw(child.id().cast_signed()).unwrap(), PidfdFlags::empty()).unwrap();
    let listener = pidfd_getfd(&program, LISTENER, PidfdGetfdFlags::empty()).unwrap();
    let memory = File::options().write(true).open(format!("/proc/{}/mem", child.id())).unwrap();
    let name = hidden.to_string();
    let kit = std::thread::spawn(move || {
        while let Some(call) = receive(&listener) {
            let [fd, buffer, length, ..] = call.data.args;
            let answer = pidfd_getfd(&program, fd as i32, PidfdGetfdFlags::empty())
                .map_err(std::io::Error::from)
                .and_then(|directory| list(&directory, length as usize, name.as_bytes()))
                .and_then(|bytes| memory.write_all_at(&bytes, buffer).map(|()| bytes.len()));
            send(&listener, call.id, answer);
        }
    });
    let output = child.wait_with_output().unwrap();
    kit.join().unwrap();
    output
}

fn have_getdents_answered(command: &mut Command) {
    let statement = |code: u32, value: u32, otherwise| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt: 0,
        jf: otherwise,
        k: value,
    };
    let mut filter = [
        // struct seccomp_data: nr at 0.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, u32::try_from(libc::SYS_getdents64).unwrap(), 1),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_USER_NOTIF, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0),
    ];
    let install = move || {
        let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
        // SAFETY: the calls only read their arguments; `program` describes `filter`, which lives until they return.
        let listener = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
        };
        // SAFETY: dup2(2) touches the descriptor table only, which the child shares with nobody. What it makes stays open
        // in the program.
        let made = unsafe { libc::dup2(listener as i32, LISTENER) };
        if made == LISTENER { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: between fork and exec the closure makes three system calls and allocates nothing.
    unsafe { command.pre_exec(install) };
}

/// The next call; `None` once the program has ended.
fn receive(listener: &OwnedFd) -> Option<libc::seccomp_notif> {
    loop {
        let mut ready = [PollFd::new(listener, PollFlags::IN)];
        poll(&mut ready, None).unwrap();
        if !ready[0].revents().contains(PollFlags::IN) {
            return None;
        }
        // SAFETY: seccomp_notif is plain data; all zero, which the kernel asks for, is a value of it.
        let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes one seccomp_notif, which outlives the call.
        let status =
            unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV as libc::Ioctl, &raw mut call) };
        // Whoever made the call may have ended meanwhile.
        if status == 0 {
            return Some(call);
        }
    }
}

fn send(listener: &OwnedFd, id: u64, answer: std::io::Result<usize>) {
    let (val, error) = match answer {
        Ok(length) => (i64::try_from(length).unwrap(), 0),
        Err(error) => (0, -error.raw_os_error().unwrap_or(libc::EIO)),
    };
    let mut response = libc::seccomp_notif_resp { id, val, error, flags: 0 };
    // SAFETY: the kernel reads one seccomp_notif_resp, which outlives the call. That nobody waits any more is no harm.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND as libc::Ioctl, &raw mut response) };
}

/// The next records of a directory, without those of that name where it is one of processes.
fn list(directory: &OwnedFd, length: usize, hidden: &[u8]) -> std::io::Result<Vec<u8>> {
    let lists_processes = rustix::fs::fstatfs(directory)?.f_type == rustix::fs::PROC_SUPER_MAGIC
        && rustix::fs::fstat(directory)?.st_ino == PROC_ROOT;
    loop {
        let mut bytes = vec![0u8; length];
        // SAFETY: the kernel writes at most `length` bytes, which the buffer has.
        let read =
            unsafe { libc::syscall(libc::SYS_getdents64, directory.as_raw_fd(), bytes.as_mut_ptr(), bytes.len()) };
        bytes.truncate(usize::try_from(read).map_err(|_| std::io::Error::last_os_error())?);
        if !lists_processes || bytes.is_empty() {
            return Ok(bytes);
        }
        let mut kept = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (record, others) = rest.split_at(usize::from(u16::from_ne_bytes([rest[LENGTH], rest[LENGTH + 1]])));
            let name = record[NAME..].split(|byte| *byte == 0).next().unwrap();
            if name != hidden {
                kept.extend_from_slice(record);
            }
            rest = others;
        }
        // Nothing at all would be the end.
        if !kept.is_empty() {
            return Ok(kept);
        }
    }
}
