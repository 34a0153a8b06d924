use sockscope_model::{ProcessId, Socket};
use sockscope_sys as sys;

/// Closes a TCP connection, no other that has its addresses by now: the system checks its cookie, where sockets have one.
///
/// # Errors
/// Why not, in a few words.
pub fn close(socket: &Socket) -> Result<(), String> {
    match sys::close(&[socket]).into_iter().next() {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the system did not say".to_owned()),
    }
}

/// Sends a process a signal by its name (empty: `TERM`; on Windows, the process is ended), no other that has its number by now.
/// Processes that the system can't do without, and those that this program runs below, are left alone.
///
/// # Errors
/// Why not, in a few words.
pub fn end(process: ProcessId, signal: &str) -> Result<(), String> {
    if let Some(reason) = sys::vital(process.pid) {
        return Err(reason.to_owned());
    }
    if sys::ancestors().iter().any(|ancestor| ancestor.pid == process.pid) {
        return Err("sockscope runs below it; `sockscope kill --force` would".to_owned());
    }
    let signal = if signal.is_empty() { Some(sys::Signal::TERM) } else { sys::Signal::parse(signal) };
    let signal = signal.ok_or("the system has no such signal")?;
    sys::kill(process, signal).map_err(|error| error.to_string())
}
