use std::collections::BTreeSet;

use sockscope_model::{NoOwner, Socket, State, StateSet, Witness};

use super::heard::Heard;
use super::{Comparer, Held, Listed, Rounds, Sighting, key, pids};

/// All that is said of one socket.
pub(super) struct Case<'a> {
    pub(super) socket: &'a Socket,
    /// What the scan of descriptors says of it.
    pub(super) held: Option<&'a Held>,
    /// By the witness' place, the rounds in which it named the socket.
    pub(super) seen: Vec<Rounds>,
    /// The rounds in which somebody did.
    pub(super) present: Rounds,
    /// What the tables say beside its being there; nothing where several sockets can't be told apart.
    pub(super) sightings: &'a [Sighting],
    pub(super) quirks: Vec<(Witness, &'a str)>,
    /// Why nobody owns it, as the best of the tables says.
    pub(super) reason: Option<NoOwner>,
}

impl<'a> Case<'a> {
    pub(super) fn of_listed(
        comparer: &Comparer,
        listed: &'a Listed,
        twin: usize,
        socket: &'a Socket,
        held: Option<&'a Held>,
    ) -> Case<'a> {
        let mut seen = vec![0; comparer.heard.len()];
        let mut quirks = Vec::new();
        for sighting in &listed.by {
            if let Some(seen) = seen.get_mut(sighting.witness) {
                *seen = sighting.rounds.get(twin).copied().unwrap_or(0);
            }
            if let (0, Some(heard)) = (twin, comparer.heard.get(sighting.witness)) {
                quirks.extend(sighting.quirks.iter().map(|quirk| (heard.witness, quirk.as_str())));
            }
        }
        quirks.sort_unstable();
        let present = seen.iter().fold(0, |all, rounds| all | rounds);
        if let Some(held) = held
            && let Some(place) = comparer.heard.iter().position(|it| it.witness == Witness::FdScan)
            && let Some(seen) = seen.get_mut(place)
        {
            *seen = held.rounds & present;
        }
        let sightings = if listed.sockets.len() == 1 { listed.by.as_slice() } else { &[] };
        Case { socket, held, seen, present, sightings, quirks, reason: socket.owners.reason() }
    }

    /// A socket that processes hold and no table lists.
    pub(super) fn of_held(comparer: &Comparer, held: &'a Held) -> Case<'a> {
        let seen = comparer.heard.iter().map(|it| if it.witness == Witness::FdScan { held.rounds } else { 0 });
        Case {
            socket: &held.socket,
            held: Some(held),
            seen: seen.collect(),
            present: held.rounds,
            sightings: &[],
            quirks: Vec::new(),
            reason: None,
        }
    }

    /// Where two witnesses that saw the socket in every round never agree on what it is.
    pub(super) fn contradictions(&self, comparer: &Comparer) -> Vec<String> {
        let mut found = Vec::new();
        let all = comparer.all();
        let steady: Vec<(&Heard, &Sighting)> = self
            .sightings
            .iter()
            .filter_map(|it| Some((comparer.heard.get(it.witness)?, it)))
            .filter(|(heard, it)| it.rounds.first() == Some(&(heard.spoke & all)))
            .collect();
        let states = |set: StateSet| {
            let names = State::NAMED.into_iter().filter(|state| set.contains(*state));
            names.filter_map(State::name).collect::<Vec<_>>().join(" or ")
        };
        for (index, (one, first)) in steady.iter().enumerate() {
            for (other, second) in steady.iter().skip(index + 1) {
                if self.socket.state.is_some() && first.states.and(second.states).is_empty() {
                    found.push(format!(
                        "{} says {} and {} says {}",
                        one.witness.name(),
                        states(first.states),
                        other.witness.name(),
                        states(second.states)
                    ));
                }
                if first.owned & second.owned != 0
                    && (first.reason, second.reason) == (None, None)
                    && first.pids.is_disjoint(&second.pids)
                {
                    let list = |pids: &BTreeSet<u32>| pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
                    found.push(format!(
                        "{} says that process {} has it and {} says process {}",
                        one.witness.name(),
                        list(&first.pids),
                        other.witness.name(),
                        list(&second.pids)
                    ));
                }
            }
        }
        if let Some(held) = self.held
            && held.rounds & self.present == self.present
        {
            found.extend(self.contradicts_holders(&steady, held, states));
        }
        found
    }

    /// Where the descriptors tell another story than the tables.
    fn contradicts_holders(
        &self,
        steady: &[(&Heard, &Sighting)],
        held: &Held,
        states: impl Fn(StateSet) -> String,
    ) -> Option<String> {
        let holders: Vec<u32> = pids(&held.socket).collect();
        for (heard, sighting) in steady {
            // MPTCP: further connections bear the inode of the first, and states of their own.
            let same = key(&held.socket) == key(self.socket) && self.socket.state.is_some();
            if same && held.socket.state.is_some() && held.states.and(sighting.states).is_empty() {
                return Some(format!(
                    "{} says {} and the socket itself says {}",
                    heard.witness.name(),
                    states(sighting.states),
                    states(held.states)
                ));
            }
            // The tables' own search for owners has the same privileges, needs-root included.
            let unasked = matches!(sighting.reason, None | Some(NoOwner::NotAsked));
            if let (0, false, [first, ..]) = (sighting.owned, unasked, holders.as_slice()) {
                return Some(format!(
                    "process {first} has it open, and yet {} finds no process that does ({}): the process is hidden",
                    heard.witness.name(),
                    sighting.reason.map_or("unknown", NoOwner::name)
                ));
            }
        }
        None
    }
}
