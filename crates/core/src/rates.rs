use std::collections::{HashMap, HashSet};
use std::time::Duration;

use foldhash::fast::RandomState;
use sockscope_model::{Rate, Snapshot, Socket, SocketKey};

use crate::diff::Pairs;

/// How fast the sockets of `after` send and receive, from what they counted in the `elapsed` time since `before`. A socket
/// that counts less than it did has no rate, nor has a new one.
pub(crate) fn rates(
    before: &Snapshot,
    after: &Snapshot,
    pairs: &Pairs,
    elapsed: Duration,
) -> HashMap<SocketKey, Rate, RandomState> {
    let mut rates = HashMap::default();
    if elapsed.is_zero() {
        return rates;
    }
    for (socket, of) in after.sockets.iter().zip(&pairs.before) {
        let earlier = of.and_then(|index| before.sockets.get(index));
        if let Some(rate) = earlier.and_then(|earlier| rate(earlier, socket, elapsed)) {
            rates.insert(socket.key, rate);
        }
    }
    rates
}

fn rate(before: &Socket, after: &Socket, elapsed: Duration) -> Option<Rate> {
    let (before, after) = (before.traffic.as_deref()?, after.traffic.as_deref()?);
    let a_second = |before: Option<u64>, after: Option<u64>| {
        let bytes = u128::from(after?.checked_sub(before?)?);
        u64::try_from(bytes * 1_000_000 / elapsed.as_micros().max(1)).ok()
    };
    Some(Rate {
        sent: a_second(before.sent_bytes, after.sent_bytes)?,
        received: a_second(before.received_bytes, after.received_bytes)?,
    })
}

/// The sum of the rates of each process that owns sockets; a socket that several have counts for each.
pub fn process_rates(frame: &sockscope_model::Frame) -> HashMap<sockscope_model::ProcessId, Rate, RandomState> {
    let mut rates: HashMap<_, Rate, RandomState> = HashMap::default();
    for row in frame.rows() {
        let Some(rate) = row.rate() else { continue };
        let owners: HashSet<_> = row.socket.owners.processes().iter().map(|owner| owner.process).collect();
        for process in owners {
            let sum = rates.entry(process).or_default();
            sum.sent = sum.sent.saturating_add(rate.sent);
            sum.received = sum.received.saturating_add(rate.received);
        }
    }
    rates
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;
    use sockscope_model::{Frame, Owner, Owners, ProcessId, Protocol, Tag, Timestamp, Traffic};

    use super::*;

    fn snapshot(counts: &[Option<u64>]) -> Snapshot {
        let mut snapshot = Snapshot::new("linux", String::new(), Timestamp::from_micros(0));
        snapshot.sockets = (0u64..)
            .zip(counts)
            .map(|(cookie, count)| {
                let local = SocketAddr::from(([127, 0, 0, 1], 80));
                let tag = Tag::Cookie(cookie);
                let mut socket = Socket::new(SocketKey { protocol: Protocol::Tcp, local, remote: None, tag });
                let traffic = |count: &u64| Traffic {
                    sent_bytes: Some(*count),
                    received_bytes: Some(count / 2),
                    ..Traffic::default()
                };
                socket.traffic = count.as_ref().map(|count| Box::new(traffic(count)));
                let process = ProcessId { pid: 7, started: None };
                socket.owners =
                    Owners::Processes(vec![Owner { process, fds: vec![3] }, Owner { process, fds: vec![4] }]);
                socket
            })
            .collect();
        snapshot
    }

    proptest! {
        #[test]
        fn what_was_counted_is_the_rate_times_the_time(
            counts in prop::collection::vec((prop::option::of(0..u64::MAX), prop::option::of(0..u64::MAX)), 0..10),
            seconds in 0..100u64,
        ) {
            let (before, after): (Vec<_>, Vec<_>) = counts.iter().copied().unzip();
            let (before, after) = (snapshot(&before), snapshot(&after));
            let pairs = Pairs::new(&before, &after);
            let rates = rates(&before, &after, &pairs, Duration::from_secs(seconds));
            for (socket, (earlier, later)) in after.sockets.iter().zip(counts) {
                let counted = earlier.zip(later).and_then(|(earlier, later)| later.checked_sub(earlier));
                let rate = rates.get(&socket.key).map(|rate| rate.sent);
                prop_assert_eq!(rate, counted.and_then(|bytes| bytes.checked_div(seconds)));
            }
            let mut frame = Frame::new(after);
            let sum = rates.values().fold(0, |sum: u64, rate| sum.saturating_add(rate.sent));
            frame.rates = rates.into();
            let of_process = process_rates(&frame).values().next().map_or(0, |rate| rate.sent);
            prop_assert_eq!(of_process, sum, "each socket once, however often the process has it");
        }
    }
}
