use sockscope_model::{NoOwner, Owners, ProcessId, Row, Socket};

use crate::Filter;

/// Which processes are meant by a filter that is to end the owners of what matches it.
#[derive(Debug, Clone)]
pub struct Targets<'a> {
    /// Each process once, in the order of the rows, with the sockets that made it one.
    pub processes: Vec<Target<'a>>,
    /// Sockets that some process has which can't be told, and why.
    pub hidden: Vec<(Row<'a>, NoOwner)>,
    /// Processes that have sockets which match and yet are none: the filter names a local port, which others listen on.
    pub spared: Vec<Target<'a>>,
}

/// A process, and those of its sockets that match.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// Which.
    pub process: ProcessId,
    /// At least one.
    pub rows: Vec<Row<'a>>,
}

impl<'a> Targets<'a> {
    /// Of rows that the filter means.
    ///
    /// A filter that names a local port means whoever listens on it: if any of the rows listens, only the owners of those that do
    /// are targets, and clients are not, even if the port is also theirs. Of several owners of a socket, those are meant that the
    /// filter would mean if they had it alone; all, if it means none by itself.
    pub fn new(filter: &Filter, rows: impl IntoIterator<Item = Row<'a>>) -> Targets<'a> {
        let rows: Vec<Row<'a>> = rows.into_iter().collect();
        let only_listening = filter.names_local_port() && rows.iter().any(|row| row.socket.is_listening());
        let (meant, left): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| !only_listening || row.socket.is_listening());
        let mut targets = Targets { processes: Vec::new(), hidden: Vec::new(), spared: Vec::new() };
        for row in meant {
            match row.socket.owners.reason() {
                Some(reason) if has_process(reason) => targets.hidden.push((row, reason)),
                Some(_) => {}
                None => add(&mut targets.processes, row, &owners(filter, &row)),
            }
        }
        for row in left {
            add(&mut targets.spared, row, &owners(filter, &row));
        }
        targets.spared.retain(|spared| !targets.processes.iter().any(|target| target.process == spared.process));
        targets
    }
}

fn add<'a>(targets: &mut Vec<Target<'a>>, row: Row<'a>, processes: &[ProcessId]) {
    for process in processes {
        match targets.iter_mut().find(|target| target.process == *process) {
            Some(target) => target.rows.push(row),
            None => targets.push(Target { process: *process, rows: vec![row] }),
        }
    }
}

/// The owners that are meant.
fn owners(filter: &Filter, row: &Row<'_>) -> Vec<ProcessId> {
    let owners = row.socket.owners.processes();
    let all = || owners.iter().map(|owner| owner.process).collect();
    let needs = filter.needs();
    if owners.len() < 2 || !(needs.owners || needs.process_details) {
        return all();
    }
    let mut alone = Socket { owners: Owners::Processes(Vec::new()), ..row.socket.clone() };
    let mut meant = Vec::new();
    for owner in owners {
        alone.owners = Owners::Processes(vec![owner.clone()]);
        if filter.matches(&Row { frame: row.frame, socket: &alone }) {
            meant.push(owner.process);
        }
    }
    if meant.is_empty() { all() } else { meant }
}

/// Whether there is somebody who could be ended, if it were known who.
fn has_process(reason: NoOwner) -> bool {
    match reason {
        NoOwner::TimeWait | NoOwner::SynReceived | NoOwner::AcceptQueue | NoOwner::Orphan | NoOwner::Exited => false,
        NoOwner::NeedsRoot
        | NoOwner::Kernel
        | NoOwner::OtherNamespace
        | NoOwner::InFlight
        | NoOwner::IoUring
        | NoOwner::NotAsked
        | NoOwner::Unknown => true,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use sockscope_model::{Frame, Owner, Process, Protocol, Snapshot, SocketKey, State, Tag, Timestamp};

    use super::*;
    use crate::Context;

    const SERVER: u32 = 10;
    const WORKER: u32 = 11;
    const CLIENT: u32 = 20;
    const BOTH: u32 = 30;

    fn id(pid: u32) -> ProcessId {
        ProcessId { pid, started: Some(Timestamp::from_micros(i64::from(pid))) }
    }

    fn owned(pids: &[u32]) -> Owners {
        Owners::Processes(pids.iter().map(|pid| Owner { process: id(*pid), fds: vec![3] }).collect())
    }

    /// A server on port 80 whose listener is also its worker's, a client, and one that is server and client.
    fn frame() -> Frame {
        let mut snapshot = Snapshot::new("linux", "host".into(), Timestamp::from_micros(0));
        let end = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let rows = [
            (Protocol::Tcp, State::Listen, 80, None, owned(&[SERVER, WORKER])),
            (Protocol::Tcp, State::Established, 80, Some(5000), owned(&[WORKER])),
            (Protocol::Tcp, State::Established, 5000, Some(80), owned(&[CLIENT])),
            (Protocol::Tcp, State::TimeWait, 80, Some(5001), Owners::Nobody(NoOwner::TimeWait)),
            (Protocol::Tcp, State::Listen, 81, None, owned(&[BOTH])),
            (Protocol::Tcp, State::Established, 81, Some(6000), owned(&[BOTH])),
            (Protocol::Tcp, State::Established, 6000, Some(81), owned(&[BOTH])),
            (Protocol::Tcp, State::Listen, 82, None, Owners::Nobody(NoOwner::NeedsRoot)),
            (Protocol::Tcp, State::Established, 7000, Some(82), owned(&[CLIENT])),
            (Protocol::Tcp, State::Established, 83, Some(1), owned(&[CLIENT])),
        ];
        for (number, (protocol, state, local, remote, owners)) in (1u64..).zip(rows) {
            let key = SocketKey { protocol, local: end(local), remote: remote.map(end), tag: Tag::Cookie(number) };
            snapshot.sockets.push(Socket { state: Some(state), owners, ..Socket::new(key) });
        }
        for (pid, name) in [(SERVER, "server"), (WORKER, "worker"), (CLIENT, "client"), (BOTH, "both")] {
            snapshot.processes.insert(id(pid), Process::new(id(pid), name.into()));
        }
        Frame::new(snapshot)
    }

    /// Targets, how many sockets are hidden, and who is spared.
    fn of(text: &str) -> (Vec<u32>, usize, Vec<u32>) {
        let frame = frame();
        let filter = Filter::parse(text, &Context::default()).unwrap();
        let found = Targets::new(&filter, frame.rows().filter(|row| filter.matches(row)));
        let pids = |targets: &[Target<'_>]| targets.iter().map(|target| target.process.pid).collect();
        assert!(found.processes.iter().all(|target| !target.rows.is_empty()));
        (pids(&found.processes), found.hidden.len(), pids(&found.spared))
    }

    #[test]
    fn a_local_port_means_whoever_listens() {
        assert_eq!(of("sport = :80"), (vec![SERVER, WORKER], 0, vec![]));
        assert_eq!(of("port = 80"), (vec![SERVER, WORKER], 0, vec![CLIENT]));
        assert_eq!(of("src 127.0.0.1:80 or sport = :5000"), (vec![SERVER, WORKER], 0, vec![CLIENT]));
        assert_eq!(of("port = 81"), (vec![BOTH], 0, vec![]), "it listens, whatever else it does");
    }

    #[test]
    fn clients_are_meant_by_the_port_of_the_peer_or_their_own() {
        assert_eq!(of("dport = :80"), (vec![CLIENT], 0, vec![]));
        assert_eq!(of("sport = :5000"), (vec![CLIENT], 0, vec![]));
        assert_eq!(of("sport = :83"), (vec![CLIENT], 0, vec![]), "nobody listens there");
        assert_eq!(of("sport = :80 and state established"), (vec![WORKER], 0, vec![]));
        assert_eq!(of("not sport = :80 and process = client").0, [CLIENT]);
    }

    #[test]
    fn a_listener_whose_owner_is_hidden_is_nobodys_excuse() {
        assert_eq!(of("port = 82"), (vec![], 1, vec![CLIENT]));
        assert_eq!(of("sport = :80 and state time-wait"), (vec![], 0, vec![]), "no process has it");
    }

    #[test]
    fn of_several_owners_the_filter_chooses() {
        assert_eq!(of("sport = :80 and process = server").0, [SERVER]);
        assert_eq!(of("listening and pid = 11").0, [WORKER]);
        assert_eq!(of("process = server and process = worker").0, [SERVER, WORKER], "both have it");
        let frame = frame();
        let filter = Filter::parse("process = worker", &Context::default()).unwrap();
        let found = Targets::new(&filter, frame.rows().filter(|row| filter.matches(row)));
        assert_eq!(found.processes.len(), 1, "each process once");
        assert_eq!(found.processes[0].rows.len(), 2);
    }
}
