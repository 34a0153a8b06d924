//! Systems that we have no backend for: everything compiles, and says so when asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sockscope_model::{
    BindAttempt, Elsewhere, ErrorKind, PortFacts, PortQuestion, Request, Snapshot, Socket, Source, SourceChoice,
    SourceError, Testimony, Timestamp, Witness,
};

use crate::CloseError;

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

/// The locale for messages.
pub fn locale() -> Option<String> {
    None
}
