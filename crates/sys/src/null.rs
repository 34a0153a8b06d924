//! Systems that we have no backend for: everything compiles, and says so when asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use sockscope_model::{
    BindAttempt, Elsewhere, ErrorKind, Events, HostName, PortFacts, PortQuestion, ProcessId, Request, Snapshot, Socket,
    Source, SourceChoice, SourceError, Testimony, Timestamp, Witness,
};

use crate::{CloseError, KillError, Signal};

/// The sources that this system has.
pub const SOURCES: &[SourceChoice] = &[];

/// The source whose rows can be closed.
pub const CLOSABLE: Option<SourceChoice> = None;

/// Closes nothing.
///
/// # Errors
/// Always: there is no backend.
pub fn close(sockets: &[&Socket]) -> Vec<Result<(), CloseError>> {
    let error = CloseError::Unsupported(format!("sockscope can't close sockets on {}", std::env::consts::OS));
    sockets.iter().map(|_| Err(error.clone())).collect()
}

/// Whether the system has a call that closes such a socket.
///
/// # Errors
/// Always: there is no backend.
pub fn can_close(socket: &Socket) -> Result<(), CloseError> {
    close(&[socket]).pop().unwrap_or(Ok(()))
}

/// The signals that have names here.
pub const SIGNALS: &[(&str, i32)] = &[("TERM", 15), ("KILL", 9)];

/// Whether there is a signal of that number.
pub(crate) fn has_signal(number: i32) -> bool {
    SIGNALS.iter().any(|(_, known)| *known == number)
}

/// A process that is held: there is none.
#[derive(Debug)]
pub struct HeldProcess(std::convert::Infallible);

impl HeldProcess {
    /// # Errors
    /// There is none to fail.
    pub fn may_signal(&self) -> Result<(), KillError> {
        match self.0 {}
    }

    /// # Errors
    /// There is none to fail.
    pub fn signal(&self, _signal: Signal) -> Result<(), KillError> {
        match self.0 {}
    }

    /// Whether it has ended.
    pub fn has_ended(&self, _at_most: Duration) -> bool {
        match self.0 {}
    }
}

/// Takes hold of no process.
///
/// # Errors
/// Always: there is no backend.
pub fn hold(_process: ProcessId) -> Result<HeldProcess, KillError> {
    Err(KillError::Unsupported(format!("sockscope can't end processes on {}", std::env::consts::OS)))
}

/// Ends nothing.
///
/// # Errors
/// Always: there is no backend.
pub fn kill(process: ProcessId, signal: Signal) -> Result<(), KillError> {
    hold(process)?.signal(signal)
}

/// This process and those that it descends from: not known here.
pub fn ancestors() -> Vec<ProcessId> {
    Vec::new()
}

/// Why the system would not survive the end of a process.
pub fn vital(_pid: u32) -> Option<&'static str> {
    None
}

/// A source that always fails.
#[derive(Debug)]
pub struct NativeSource(());

impl Source for NativeSource {
    fn snapshot(&mut self, _request: &Request) -> Result<Snapshot, SourceError> {
        Err(unavailable())
    }
}

fn unavailable() -> SourceError {
    SourceError {
        kind: ErrorKind::Unavailable,
        operation: "read".into(),
        object: "the socket tables".into(),
        cause: format!("sockscope has no backend for {}", std::env::consts::OS),
        help: None,
    }
}

/// # Errors
/// Always: there is no backend.
pub fn native(_choice: SourceChoice) -> Result<NativeSource, SourceError> {
    Err(unavailable())
}

/// Whether whoever reads standard output is gone: known only when something is written.
pub fn output_is_closed() -> bool {
    false
}

/// What the system tells of sockets the moment it happens.
///
/// # Errors
/// Always: there is no backend.
pub fn events(_request: &Request) -> Result<Box<dyn Events>, SourceError> {
    Err(unavailable())
}

/// Who can be asked which sockets there are.
pub const WITNESSES: &[Witness] = &[];

/// Asks one of them.
///
/// # Errors
/// Always: there is no backend.
pub fn testify(_witness: Witness, _request: &Request) -> Result<Testimony, SourceError> {
    Err(unavailable())
}

/// What beside the sockets decides whether a port can be bound: nothing is known.
pub fn port_facts(_question: &PortQuestion) -> PortFacts {
    PortFacts::default()
}

/// The sockets of other network namespaces: none is known.
pub fn elsewhere(_question: &PortQuestion, _facts: &PortFacts) -> Elsewhere {
    let snapshot = Snapshot::new(std::env::consts::OS, String::new(), Timestamp::from(std::time::SystemTime::now()));
    Elsewhere { snapshot, namespaces: Vec::new(), unseen: None }
}

/// Fills the containers that processes run in: none is known.
pub fn name_containers(_snapshot: &mut Snapshot) {}

/// Binds nothing.
pub fn try_bind(_question: &PortQuestion) -> Vec<BindAttempt> {
    Vec::new()
}

/// The viewer's user number.
pub fn viewer_uid() -> Option<u32> {
    None
}

/// The viewer's name.
pub fn viewer_user() -> Option<String> {
    None
}

/// The text of the services file.
pub fn services_text() -> Option<String> {
    None
}

/// The name of an address.
pub fn host_name(_address: std::net::IpAddr) -> HostName {
    HostName::Failed
}

/// The text of the hosts file.
pub fn hosts_text() -> Option<String> {
    None
}

/// Interfaces by index.
pub fn interfaces() -> BTreeMap<u32, String> {
    BTreeMap::new()
}

/// Configuration files, the strongest first.
pub fn config_files() -> Vec<PathBuf> {
    Vec::new()
}

/// Data directories, the user's first.
pub fn data_directories() -> Vec<PathBuf> {
    Vec::new()
}

/// Where programs keep what they remember: nowhere.
pub fn state_directory() -> Option<PathBuf> {
    None
}

/// The locale for messages.
pub fn locale() -> Option<String> {
    None
}
