//! What the backend asks of Windows: everything that only a real system can answer, so that what is made of the answers is
//! tested on any host.

use std::time::Duration;

use sockscope_model::{Family, Process, SocketKey};
use sockscope_wire::windows::{Layout, ProcessEntry, ServiceEntry};

use super::functions::Function;

/// A Windows, or what tests put in its place.
pub(super) trait Machine {
    /// The machine's name.
    fn host(&mut self) -> String;

    /// Whether iphlpapi.dll exports the function.
    fn exports(&mut self, function: Function) -> bool;

    /// Calls a function that fills a buffer of ours. `size` says how long the buffer is, and afterwards how long it should
    /// be.
    ///
    /// # Errors
    /// The status, if it is not 0.
    fn fill(&mut self, function: Function, buffer: &mut [u8], size: &mut u32) -> Result<(), u32>;

    /// Has a process of its own call functions that allocate their tables. It runs until the results are asked for.
    fn start_apart(&mut self, functions: &[Function]) -> Pending;

    /// Waits until a table that changes quickly may be readable.
    fn pause(&mut self, time: Duration);

    /// Every process.
    ///
    /// # Errors
    /// A sentence.
    fn processes(&mut self) -> Result<Vec<ProcessEntry>, String>;

    /// Every running service.
    ///
    /// # Errors
    /// A sentence.
    fn services(&mut self) -> Result<Vec<ServiceEntry>, String>;

    /// Makes use of what rights this user has over processes of others. Whether these are all there are.
    fn elevate(&mut self) -> bool;

    /// Adds path, command line and user; false if this user may not know them.
    fn describe(&mut self, process: &mut Process) -> bool;

    /// The service that has the socket of a row with module information, where Windows tells.
    fn module(&mut self, layout: Layout, row: &[u8]) -> Option<String>;

    /// The counters of a connection.
    fn counters(&mut self, key: &SocketKey) -> Counters;

    /// How many TCP connections over that family were opened and accepted since the system began, each counted in 32 bits.
    fn opens(&mut self, family: Family) -> Option<[u32; 2]>;

    /// Asks Windows to reset a connection over IPv4: SetTcpEntry.
    ///
    /// # Errors
    /// The status, if it is not 0.
    fn reset(&mut self, key: &SocketKey) -> Result<(), u32>;
}

/// Waits for functions that are called apart, and gives the table of each.
pub(super) type Pending = Box<dyn FnOnce() -> Vec<Result<Vec<u8>, Apart>>>;

/// What came of asking for a connection's counters (TCP_ESTATS_DATA_ROD and TCP_ESTATS_PATH_ROD); `Ok(None)` where they are not
/// running.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) data: Option<Vec<u8>>,
    pub(super) path: Option<Vec<u8>>,
    /// The first status that was not 0.
    pub(super) status: u32,
}

/// Why a function that is called apart gave no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Apart {
    /// The function said so.
    #[error("it failed with status {0}")]
    Status(u32),
    /// The process ended in it.
    #[error("it ended the process that called it ({0})")]
    Crashed(String),
    /// It did not come back.
    #[error("it did not come back within {0} seconds")]
    TimedOut(u64),
    /// There is no process that could call it.
    #[error("it is undocumented, so it is called in a process of its own: {0}")]
    NoProcess(String),
}
