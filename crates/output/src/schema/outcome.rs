//! The published shapes of commands that check and act.

use schemars::JsonSchema;
use serde::Serialize;
use sockscope_model as model;

use super::{Socket, Sockets, Time, known};

/// What `sockscope assert --json` and `wait --json` print.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Assertion<'a> {
    /// Whether a socket matches.
    pub matched: bool,
    /// Those that do.
    pub sockets: Sockets<'a>,
    /// How long it was waited for.
    pub waited_us: u64,
}

/// What `sockscope close --json` and `kill --json` print for each target.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Outcome<'a> {
    /// The socket that was the target, or why the process was.
    pub socket: Option<Socket<'a>>,
    /// The process that was the target, or that has the socket open.
    pub process: Option<ProcessName<'a>>,
    /// What became of it: done, would, refused or gone.
    pub result: &'static str,
    /// Why it was refused.
    pub reason: Option<&'a str>,
}

/// Which process.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProcessName<'a> {
    /// Process number.
    pub pid: u32,
    /// When it began; with the number, this names a process for good.
    pub started_at: Option<Time>,
    /// Linux: comm, at most 15 bytes. Windows: image file name.
    pub name: Option<&'a str>,
}

impl<'a> ProcessName<'a> {
    /// The process, with what the snapshot knows of it.
    pub fn new(snapshot: &'a model::Snapshot, id: model::ProcessId) -> Self {
        let name = snapshot.process(id).and_then(|it| known(&it.name));
        ProcessName { pid: id.pid, started_at: id.started.and_then(Time::new), name }
    }
}
