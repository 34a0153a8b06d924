//! Reading one table, whatever happens to it meanwhile.

use std::collections::HashMap;
use std::time::Duration;

use super::functions::{Function, Table};
use super::machine::{Apart, Machine, Pending};

/// How long a buffer is at first: some hundred rows.
const FIRST_SIZE: usize = 64 * 1024;
/// More than any machine's table needs.
const MOST_SIZE: usize = 1 << 30;
/// How often a table may have grown before its size was known, or not have been there at all.
const ATTEMPTS: u32 = 10;

const ERROR_NOT_SUPPORTED: u32 = 50;
const ERROR_INVALID_PARAMETER: u32 = 87;
const ERROR_CALL_NOT_IMPLEMENTED: u32 = 120;
const ERROR_INSUFFICIENT_BUFFER: u32 = 122;
const ERROR_NO_DATA: u32 = 232;
/// STATUS_UNSUCCESSFUL, which the functions give undocumented while the table changes quickly.
const STATUS_UNSUCCESSFUL: u32 = 0xc000_0001;

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
    /// It should have, and could not be read.
    Failed(String),
}

/// Functions that are called apart, by their keys: they run while other tables are read.
pub(super) type Started = HashMap<String, Pending>;

/// Starts what is called apart.
pub(super) fn start(machine: &mut impl Machine, tables: &[Table]) -> Started {
    let functions = tables.iter().filter_map(|table| table.first()).filter(|function| function.is_called_apart());
    let mut started = Started::new();
    for function in functions {
        if machine.exports(*function) {
            started.insert(function.key(), machine.start_apart(*function));
        }
    }
    started
}

/// Reads a table by the first of its functions that this Windows has.
pub(super) fn read(machine: &mut impl Machine, started: &mut Started, table: Table) -> Result<Filled, Missing> {
    let mut absent = Vec::new();
    for function in table {
        match call(machine, started, *function) {
            Ok(bytes) => return Ok(Filled { function: *function, bytes }),
            // Rather an older class of the same table than none.
            Err(Missing::Absent(why)) => absent.push(why),
            Err(failed) => return Err(failed),
        }
    }
    Err(Missing::Absent(absent.join("; ")))
}

fn call(machine: &mut impl Machine, started: &mut Started, function: Function) -> Result<Vec<u8>, Missing> {
    let title = function.title();
    if !machine.exports(function) {
        return Err(Missing::Absent(format!("iphlpapi.dll here has no {}", function.name)));
    }
    if function.is_called_apart() {
        let pending = started.remove(&function.key()).unwrap_or_else(|| machine.start_apart(function));
        return pending().map_err(|error| match error {
            Apart::Status(status) if is_absence(status) => Missing::Absent(format!("{title}: {}", words(status))),
            Apart::Status(status) => Missing::Failed(format!("{title}: {}", words(status))),
            // Of what nobody documents, nobody promised that it works.
            Apart::NoProcess(_) | Apart::Crashed(_) | Apart::TimedOut(_) => {
                Missing::Absent(format!("{title}: {error}"))
            }
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
        Status::Grew(_) => ERROR_INSUFFICIENT_BUFFER,
        Status::Unsuccessful => STATUS_UNSUCCESSFUL,
    })
}

enum Status {
    Is(u32),
    /// Still too short, with so many bytes.
    Grew(usize),
    Unsuccessful,
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
            Err(ERROR_NO_DATA) => return Ok(vec![0; 8]),
            Err(ERROR_INSUFFICIENT_BUFFER) => {
                let wanted = buffer.len().max(size as usize);
                last = Status::Grew(wanted);
                if wanted >= MOST_SIZE {
                    break;
                }
                buffer = vec![0; wanted + wanted / 4 + 4096];
            }
            // Others found that waiting and a longer buffer both help (xilun/cbwin#17, giampaolo/psutil#1335).
            Err(STATUS_UNSUCCESSFUL) => {
                last = Status::Unsuccessful;
                buffer = vec![0; buffer.len() + buffer.len() / 4];
                machine.pause(Duration::from_millis(1 << number.min(6)));
            }
            Err(status) => return Err(Status::Is(status)),
        }
    }
    Err(last)
}

/// Whether a status says that there is no such table, rather than that it could not be read.
fn is_absence(status: u32) -> bool {
    matches!(status, ERROR_NOT_SUPPORTED | ERROR_INVALID_PARAMETER | ERROR_CALL_NOT_IMPLEMENTED)
}

/// A status in words that are the same in every language.
pub(super) fn words(status: u32) -> String {
    match status {
        5 => "access denied (status 5)".into(),
        ERROR_NOT_SUPPORTED => "not supported here (status 50)".into(),
        ERROR_INVALID_PARAMETER => "no such class of table here (status 87)".into(),
        ERROR_CALL_NOT_IMPLEMENTED => "not implemented here (status 120)".into(),
        _ if status > 0xffff => format!("status {status:#010x}"),
        _ => format!("status {status}"),
    }
}
