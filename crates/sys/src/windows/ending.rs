//! Ending processes: TerminateProcess. An open handle keeps the number of a process from being used again.

use std::time::Duration;

use sockscope_model::ProcessId;
use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, TerminateProcess, WaitForSingleObject,
};

use super::processes::{Handle, open, started};
use crate::{KillError, Signal};

/// What stands for the signals of Unix: both end a process at once.
pub const SIGNALS: &[(&str, i32)] = &[("TERM", 15), ("KILL", 9)];

/// Whether there is something that stands for the signal of that number.
pub(crate) fn has_signal(number: i32) -> bool {
    SIGNALS.iter().any(|(_, known)| *known == number)
}

/// A process that is held: whatever is done to it is done to it, or to nobody.
#[derive(Debug)]
pub struct HeldProcess(Handle);

/// Takes hold of a process, if it is still the one that began then. Until it is let go, its number is not used again.
///
/// # Errors
/// See [`KillError`].
pub fn hold(process: ProcessId) -> Result<HeldProcess, KillError> {
    if process.started.is_none() {
        return Err(KillError::NoIdentity);
    }
    let rights = PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
    let handle = open(process.pid, rights).map_err(|error| match error {
        ERROR_INVALID_PARAMETER => KillError::Gone,
        ERROR_ACCESS_DENIED => KillError::Refused,
        error => KillError::Failed(std::io::Error::from_raw_os_error(error.cast_signed()).to_string()),
    })?;
    let held = HeldProcess(handle);
    if started(&held.0) != process.started || held.has_ended(Duration::ZERO) {
        return Err(KillError::Gone);
    }
    Ok(held)
}

/// Ends a process (TerminateProcess, status 1), if it is still the one that began then.
///
/// # Errors
/// See [`KillError`].
pub fn kill(process: ProcessId, signal: Signal) -> Result<(), KillError> {
    hold(process)?.signal(signal)
}

impl HeldProcess {
    /// Whether this user may end it: without the right it would not be held.
    ///
    /// # Errors
    /// It has ended.
    pub fn may_signal(&self) -> Result<(), KillError> {
        if self.has_ended(Duration::ZERO) { Err(KillError::Gone) } else { Ok(()) }
    }

    /// Ends it, whichever of [`SIGNALS`] is meant.
    ///
    /// # Errors
    /// See [`KillError`].
    pub fn signal(&self, _signal: Signal) -> Result<(), KillError> {
        self.may_signal()?;
        // SAFETY: the handle is open and allows it.
        if unsafe { TerminateProcess(self.0.0, 1) } == 0 {
            let error = std::io::Error::last_os_error();
            // It ended by itself since it was looked at.
            self.may_signal()?;
            return Err(KillError::Failed(format!("TerminateProcess: {error}")));
        }
        Ok(())
    }

    /// Waits until it has ended, at most that long; whether it has.
    pub fn has_ended(&self, at_most: Duration) -> bool {
        // The greatest number would be without end.
        let millis = u32::try_from(at_most.as_millis()).unwrap_or(u32::MAX).min(u32::MAX - 1);
        // SAFETY: the handle is open and allows it.
        unsafe { WaitForSingleObject(self.0.0, millis) == WAIT_OBJECT_0 }
    }
}

/// Why the system would not survive the end of a process.
pub fn vital(pid: u32) -> Option<&'static str> {
    matches!(pid, 0 | 4).then_some("it is the system itself")
}
