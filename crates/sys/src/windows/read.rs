//! Reading one table, whatever happens to it meanwhile.

use std::collections::HashMap;
use std::time::Duration;

use super::functions::{Function, Table};
use super::machine::{Apart, Machine, Pending};
use super::status::{self, is_absence, words};

/// How long a buffer is at first: some hundred rows.
const FIRST_SIZE: usize = 64 * 1024;
/// More than any machine's table needs.
const MOST_SIZE: usize = 1 << 30;
/// How often a table may have grown before its size was known, or not have been there at all.
pub(super) const ATTEMPTS: u32 = 10;

/// A table's bytes, and who filled them.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) function: Function,
    pub(super) bytes: Vec<u8>,
}

/// Why there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// This Windows does not have the function, or the function has no such table.
    Absent(String),
    /// It is there and of no use: it crashed, did not come back, or could not be called apart. Nobody promised that it works.
    Broken(String),
    /// It should have, and could not be read.
    Failed(String),
}

/// Functions that are called apart, by their keys, in one process that runs while other tables are read.
#[derive(Default)]
pub(super) struct Started {
    pending: Option<(Vec<Function>, Pending)>,
    done: HashMap<String, Result<Vec<u8>, Apart>>,
}

impl Started {
    /// Starts those of the functions that are exported and to be called apart, each table's first.
    pub(super) fn new(machine: &mut impl Machine, tables: &[Table]) -> Started {
        let first = tables.iter().filter_map(|table| table.first().copied()).filter(|it| it.is_called_apart());
        let functions: Vec<Function> = first.filter(|function| machine.exports(*function)).collect();
        let pending = (!functions.is_empty()).then(|| machine.start_apart(&functions));
        Started { pending: pending.map(|pending| (functions, pending)), done: HashMap::new() }
    }

    /// Waits for the function's table; has it called now if it was not started.
    fn take(&mut self, machine: &mut impl Machine, function: Function) -> Result<Vec<u8>, Apart> {
        if let Some((functions, pending)) = self.pending.take_if(|(functions, _)| functions.contains(&function)) {
            self.done.extend(functions.iter().map(|function| function.key()).zip(pending()));
        }
        let nothing = || Err(Apart::NoProcess("it gave no answer".to_owned()));
        let started = self.done.remove(&function.key());
        started.unwrap_or_else(|| machine.start_apart(&[function])().pop().unwrap_or_else(nothing))
    }
}

/// Reads a table by the first of its functions that this Windows has.
pub(super) fn read(machine: &mut impl Machine, started: &mut Started, table: Table) -> Result<Filled, Missing> {
    let (mut whys, mut broken) = (Vec::new(), false);
    for function in table {
        match call(machine, started, *function) {
            Ok(bytes) => return Ok(Filled { function: *function, bytes }),
            // Rather an older class of the same table than none.
            Err(Missing::Absent(why)) => whys.push(why),
            Err(Missing::Broken(why)) => {
                broken = true;
                whys.push(why);
            }
            Err(failed) => return Err(failed),
        }
    }
    let whys = whys.join("; ");
    Err(if broken { Missing::Broken(whys) } else { Missing::Absent(whys) })
}

fn call(machine: &mut impl Machine, started: &mut Started, function: Function) -> Result<Vec<u8>, Missing> {
    let title = function.title();
    if !machine.exports(function) {
        return Err(Missing::Absent(format!("iphlpapi.dll here has no {}", function.name)));
    }
    if function.is_called_apart() {
        return started.take(machine, function).map_err(|error| match error {
            Apart::Status(status) if is_absence(status) => Missing::Absent(format!("{title}: {}", words(status))),
            Apart::Status(status) => Missing::Failed(format!("{title}: {}", words(status))),
            error => Missing::Broken(format!("{title}: {error}")),
        });
    }
    attempt(machine, function).map_err(|status| match status {
        Status::Is(status) if is_absence(status) => Missing::Absent(format!("{title}: {}", words(status))),
        Status::Is(status) => Missing::Failed(format!("{title}: {}", words(status))),
        Status::Grew(size) => Missing::Failed(format!(
            "{title}: the table grew faster than it could be read: {ATTEMPTS} attempts, the last with {size} bytes"
        )),
        Status::Unsuccessful => Missing::Failed(format!(
            "{title}: the table could not be read in {ATTEMPTS} attempts (0xc0000001), as happens while it changes quickly"
        )),
    })
}

/// The table that a documented function gives, as it is.
///
/// # Errors
/// The status.
#[cfg(windows)]
pub(super) fn fill(machine: &mut impl Machine, function: Function) -> Result<Vec<u8>, u32> {
    attempt(machine, function).map_err(|status| match status {
        Status::Is(status) => status,
        Status::Grew(_) => status::INSUFFICIENT_BUFFER,
        Status::Unsuccessful => status::UNSUCCESSFUL,
    })
}

enum Status {
    Is(u32),
    /// Still too short, with so many bytes.
    Grew(usize),
    Unsuccessful,
}

/// A table without rows.
pub(super) fn empty_table() -> Vec<u8> {
    vec![0; 8]
}

/// How long to wait before an attempt after a table was not readable. Others found that waiting and a longer buffer both help
/// (xilun/cbwin#17, giampaolo/psutil#1335).
pub(super) fn pause_after(attempt: u32) -> Duration {
    Duration::from_millis(1 << attempt.min(6))
}

/// Calls the function with a buffer that is longer than what was asked for, until it fits: between two calls a table grows.
fn attempt(machine: &mut impl Machine, function: Function) -> Result<Vec<u8>, Status> {
    let mut buffer = vec![0u8; FIRST_SIZE];
    let mut last = Status::Unsuccessful;
    for number in 0..ATTEMPTS {
        let mut size = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        match machine.fill(function, &mut buffer, &mut size) {
            Ok(()) => return Ok(buffer),
            // No row is no failure.
            Err(status::NO_DATA) => return Ok(empty_table()),
            Err(status::INSUFFICIENT_BUFFER) => {
                let wanted = buffer.len().max(size as usize);
                last = Status::Grew(wanted);
                if wanted >= MOST_SIZE {
                    break;
                }
                buffer = vec![0; wanted + wanted / 4 + 4096];
            }
            Err(status::UNSUCCESSFUL) => {
                last = Status::Unsuccessful;
                buffer = vec![0; buffer.len() + buffer.len() / 4];
                machine.pause(pause_after(number));
            }
            Err(status) => return Err(Status::Is(status)),
        }
    }
    Err(last)
}
