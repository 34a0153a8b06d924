use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What one run of a program cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// From start to end.
    pub(crate) wall: Duration,
    /// Processor time, user and system.
    pub(crate) cpu: Duration,
    /// Largest resident memory in KiB. Not less than ours was, since the kernel counts from before exec(2).
    pub(crate) peak_kib: u64,
}

/// Runs a program to its end; what it prints is thrown away.
pub(crate) fn cost(command: &mut Command) -> Result<Cost> {
    of(command.stdin(Stdio::null()))
}

/// The same of a program that reads a file.
pub(crate) fn cost_reading(command: &mut Command, file: File) -> Result<Cost> {
    of(command.stdin(file))
}

fn of(command: &mut Command) -> Result<Cost> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begin = Instant::now();
    let child = command.spawn().with_context(|| format!("{command:?}"))?;
    let pid = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    // SAFETY: rusage is plain data, all zero is a value of it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: the kernel writes one int and one rusage, which outlive the call. `child` is not waited for elsewhere.
        let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
        if waited == pid {
            break;
        }
        let error = std::io::Error::last_os_error();
        anyhow::ensure!(error.kind() == std::io::ErrorKind::Interrupted, "wait4: {error}");
    }
    let wall = begin.elapsed();
    // lsof ends with 1 where some of its questions had no answer.
    anyhow::ensure!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) <= 1, "{command:?}: status {status}");
    let time = |time: libc::timeval| {
        Duration::new(time.tv_sec.try_into().unwrap_or(0), u32::try_from(time.tv_usec).unwrap_or(0) * 1_000)
    };
    Ok(Cost {
        wall,
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        peak_kib: usage.ru_maxrss.try_into().unwrap_or(0),
    })
}
