//! Who owns which socket. The tables name the process that bound it, which may have ended since; then the number means nobody,
//! or by now another process.
//!
//! | reason | evidence |
//! |---|---|
//! | time-wait, syn-received, orphan | the row names process 0, and this state |
//! | kernel | the row names process 4, System: http.sys, SMB and the like |
//! | exited | no process has that number, or the one that has it began after the socket was made |
//! | unknown | the table names no processes, or none for this row |

use std::collections::{BTreeSet, HashMap};

use sockscope_model::{NoOwner, Notice, Owner, Owners, Process, ProcessId, Request, Snapshot, Socket, State};
use sockscope_wire::windows::{Layout, ProcessEntry};

use super::machine::Machine;

/// Process 4 is the kernel itself, on every Windows since XP.
const SYSTEM: u32 = 4;

/// What the rows say of their owners.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// One for each row.
    pub(super) all: Vec<Claim>,
    /// The tables that they are from.
    pub(super) tables: Vec<(Layout, Vec<u8>)>,
}

/// What a row says of its owner.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) pid: Option<u32>,
    /// Other processes that further rows of the same connection name.
    pub(super) others: Vec<u32>,
    /// Which table it is in, and where in it.
    pub(super) table: usize,
    pub(super) offset: usize,
}

impl Claims {
    /// The row, where it holds information about the module.
    fn module(&self, claim: &Claim) -> Option<(Layout, &[u8])> {
        let (layout, bytes) = self.tables.get(claim.table)?;
        let row = bytes.get(claim.offset..)?.get(..layout.row_size())?;
        layout.has_module().then_some((*layout, row))
    }
}

/// Fills the owners of every row.
pub(super) fn attribute(machine: &mut impl Machine, snapshot: &mut Snapshot, claims: &Claims, request: &Request) {
    // Read after the tables: whoever is in neither has ended.
    let running = machine.processes().map(by_pid);
    if let Err(error) = &running {
        let message = format!("the processes can't be listed ({error}), so owners are numbers without names");
        snapshot.notices.push(Notice { code: "owners-incomplete", message });
    }
    let running = running.ok();
    let mut pids = BTreeSet::new();
    for (socket, claim) in snapshot.sockets.iter_mut().zip(&claims.all) {
        socket.owners = owners(socket, claim.pid, running.as_ref());
        for pid in &claim.others {
            let others = owners(socket, Some(*pid), running.as_ref());
            match (&mut socket.owners, others) {
                (Owners::Processes(owners), Owners::Processes(more)) => {
                    owners.extend(more);
                    owners.sort_by_key(|owner| owner.process);
                    owners.dedup();
                }
                (nobody, more @ Owners::Processes(_)) => *nobody = more,
                (_, Owners::Nobody(_)) => {}
            }
        }
        pids.extend(socket.owners.processes().iter().map(|owner| owner.process.pid));
    }
    let elevated = request.process_details && machine.elevate();
    let mut refused = 0u32;
    for pid in pids {
        let entry = running.as_ref().and_then(|running| running.get(&pid));
        let id = ProcessId { pid, started: entry.and_then(|entry| entry.started) };
        let mut process = Process::new(id, entry.map_or_else(String::new, |entry| entry.name.clone()));
        if request.process_details && !machine.describe(&mut process) {
            refused += 1;
        }
        snapshot.processes.insert(process.id, process);
    }
    if refused > 0 {
        let processes = if refused == 1 { "1 process keeps".into() } else { format!("{refused} processes keep") };
        let help = match elevated {
            true => "even from an administrator, as protected ones do",
            false => "from this user; run as administrator to see them",
        };
        let message = format!("{processes} path, command line or user {help}");
        snapshot.notices.push(Notice { code: "details-need-administrator", message });
    }
    if request.process_details {
        services(machine, snapshot, claims);
    }
}

fn by_pid(processes: Vec<ProcessEntry>) -> HashMap<u32, ProcessEntry> {
    processes.into_iter().map(|process| (process.pid, process)).collect()
}

fn owners(socket: &Socket, pid: Option<u32>, running: Option<&HashMap<u32, ProcessEntry>>) -> Owners {
    let pid = match (pid, socket.state) {
        (None, Some(State::TimeWait)) | (Some(0), Some(State::TimeWait)) => return Owners::Nobody(NoOwner::TimeWait),
        (Some(0), Some(State::SynReceived)) => return Owners::Nobody(NoOwner::SynReceived),
        (Some(0), Some(State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck | State::DeleteTcb)) => {
            return Owners::Nobody(NoOwner::Orphan);
        }
        (None | Some(0), _) => return Owners::Nobody(NoOwner::Unknown),
        (Some(SYSTEM), _) => return Owners::Nobody(NoOwner::Kernel),
        (Some(pid), _) => pid,
    };
    let started = match running {
        Some(running) => match running.get(&pid) {
            None => return Owners::Nobody(NoOwner::Exited),
            Some(process) => process.started,
        },
        None => None,
    };
    if let (Some(started), Some(opened)) = (started, socket.opened)
        && started > opened
    {
        return Owners::Nobody(NoOwner::Exited);
    }
    Owners::Processes(vec![Owner { process: ProcessId { pid, started }, fds: Vec::new() }])
}

/// Names services: that of a process which runs one, and of sockets whose process runs several, the one that has it.
fn services(machine: &mut impl Machine, snapshot: &mut Snapshot, claims: &Claims) {
    let services = match machine.services() {
        Ok(services) => services,
        Err(error) => {
            let message = format!("the services can't be listed ({error}), so none is named");
            snapshot.notices.push(Notice { code: "services-unknown", message });
            return;
        }
    };
    let mut by_process: HashMap<u32, Vec<String>> = HashMap::new();
    for service in services {
        by_process.entry(service.pid).or_default().push(service.name);
    }
    for process in snapshot.processes.values_mut() {
        process.service = by_process.get(&process.id.pid).map(|names| names.join(","));
    }
    for (socket, claim) in snapshot.sockets.iter().zip(&claims.all) {
        let (Some(pid), Some((layout, row))) = (claim.pid, claims.module(claim)) else { continue };
        let Some(names) = by_process.get(&pid).filter(|names| names.len() > 1) else { continue };
        if socket.owners.processes().is_empty() {
            continue;
        }
        // For a socket of the process itself, the module is the image and no service.
        if let Some(name) = machine.module(layout, row).filter(|name| names.contains(name)) {
            snapshot.services.insert(socket.key, name);
        }
    }
}
