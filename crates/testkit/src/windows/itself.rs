use std::env;

use anyhow::Result;
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessTimes};

use crate::report::Program;

/// What this process says of itself.
pub(crate) fn program() -> Result<Program> {
    Ok(Program {
        pid: std::process::id(),
        path: env::current_exe()?.display().to_string(),
        command_line: env::args_os().map(|word| word.display().to_string()).collect(),
        started_at_us: started_at_us()?,
    })
}

/// When it was started: microseconds since 1970.
fn started_at_us() -> Result<i64> {
    /// From 1601, where FILETIME begins, to 1970.
    const EPOCH_US: i64 = 11_644_473_600 * 1_000_000;
    let mut times = [FILETIME::default(); 4];
    let [created, ended, kernel, user] = times.each_mut().map(std::ptr::from_mut);
    // SAFETY: the pseudo handle of the calling process is always valid, and the call writes four FILETIMEs, which live here.
    let done = unsafe { GetProcessTimes(GetCurrentProcess(), created, ended, kernel, user) };
    anyhow::ensure!(done != 0, "GetProcessTimes: {}", std::io::Error::last_os_error());
    let ticks = i64::from(times[0].dwHighDateTime) << 32 | i64::from(times[0].dwLowDateTime);
    // A tick is 100 ns.
    Ok(ticks / 10 - EPOCH_US)
}
