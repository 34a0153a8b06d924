use sockscope_model::{ProcessId, Socket};

/// What can be done to what is shown: the system's part.
pub trait Actions: Send + Sync {
    /// Closes a socket, no other that has its addresses by now.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn close(&self, socket: &Socket) -> Result<(), String>;

    /// Sends a process that signal (empty: ends it), no other that has its number by now.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn kill(&self, process: ProcessId, signal: &str) -> Result<(), String>;
}

/// What was just done, or could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One line.
    pub text: String,
    /// Whether something went wrong.
    pub is_error: bool,
}

/// Closes these sockets, and says what became of it.
pub fn close(actions: &(impl Actions + ?Sized), sockets: &[Socket]) -> Message {
    let mut closed = 0;
    let mut refused = Vec::new();
    for socket in sockets {
        match actions.close(socket) {
            Ok(()) => closed += 1,
            Err(reason) => refused.push(reason),
        }
    }
    let text = match (closed, refused.as_slice()) {
        (1, []) => "closed".to_owned(),
        (_, []) => format!("{closed} closed"),
        (0, [reason]) => format!("not closed: {reason}"),
        (_, [reason, ..]) => format!("{closed} closed, {} not: {reason}", refused.len()),
    };
    Message { text, is_error: !refused.is_empty() }
}

/// Sends a process a signal, and says what became of it.
pub fn end(actions: &(impl Actions + ?Sized), process: ProcessId, name: &str, signal: &str) -> Message {
    match actions.kill(process, signal) {
        Ok(()) if signal.is_empty() => Message { text: format!("ended {name}[{}]", process.pid), is_error: false },
        Ok(()) => Message { text: format!("sent {signal} to {name}[{}]", process.pid), is_error: false },
        Err(reason) => Message { text: format!("can't end {name}[{}]: {reason}", process.pid), is_error: true },
    }
}
