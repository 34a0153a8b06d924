//! Which processes a process descends from.

use sockscope_model::ProcessId;
use sockscope_wire::windows::ProcessEntry;

/// A process and those that it descends from, the nearest first. Windows keeps the number of a parent that is gone, which may be
/// another's by now: what began after its child is no parent.
pub(super) fn chain(all: &[ProcessEntry], pid: u32) -> Vec<ProcessId> {
    let mut found: Vec<ProcessId> = Vec::new();
    let mut next = pid;
    while let Some(entry) = all.iter().find(|entry| entry.pid == next && next != 0) {
        let child = found.last().and_then(|child| child.started);
        let is_later = entry.started.zip(child).is_some_and(|(parent, child)| parent > child);
        if is_later || found.iter().any(|it| it.pid == entry.pid) {
            break;
        }
        found.push(ProcessId { pid: entry.pid, started: entry.started });
        next = entry.parent;
    }
    found
}

#[cfg(test)]
mod tests {
    use sockscope_model::Timestamp;

    use super::*;

    #[test]
    fn parents_began_before_their_children() {
        let entry = |pid, parent, started: i64| ProcessEntry {
            pid,
            name: String::new(),
            started: Some(Timestamp::from_micros(started)),
            parent,
        };
        let all =
            [entry(4, 0, 1), entry(8, 4, 2), entry(12, 8, 3), entry(16, 20, 4), entry(20, 4, 9), entry(24, 24, 5)];
        let pids = |pid| chain(&all, pid).iter().map(|it| it.pid).collect::<Vec<_>>();
        assert_eq!(pids(12), [12, 8, 4]);
        assert_eq!(pids(16), [16], "20 began later");
        assert_eq!(pids(24), [24], "a circle ends");
        assert_eq!(pids(99), []);
        assert_eq!(pids(0), []);
    }
}
