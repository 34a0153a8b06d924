use std::collections::{HashMap, HashSet};

use sockscope_model::Snapshot;

/// Numbers of interfaces and cgroups, of which documents have the names.
///
/// A number depends on the name alone (but for two names that meet by chance), so that a socket has the same in every document:
/// the scope of its address is part of its identity.
#[derive(Debug)]
pub(super) struct Numbers {
    interfaces: Table,
    cgroups: Table,
}

impl Default for Numbers {
    fn default() -> Numbers {
        // Behind the indexes that systems give, which count from 1.
        Numbers { interfaces: Table::new(1 << 31), cgroups: Table::new(0) }
    }
}

impl Numbers {
    /// The index of an interface. A text that is an index stands for itself: its name was not known.
    pub(super) fn interface(&mut self, text: String) -> u32 {
        let itself = text.parse().ok().filter(|index: &u32| *index != 0 && index.to_string() == text);
        let wanted = itself.map_or_else(|| hash(&text) >> 33 | 1 << 31, u64::from);
        // Not all names of the upper half are ever taken.
        u32::try_from(self.interfaces.number(text, wanted)).unwrap_or(u32::MAX)
    }

    /// The id of a cgroup.
    pub(super) fn cgroup(&mut self, path: String) -> u64 {
        let wanted = hash(&path);
        self.cgroups.number(path, wanted)
    }

    /// Gives the names to the snapshot.
    pub(super) fn name(self, snapshot: &mut Snapshot) {
        for (text, index) in self.interfaces.numbers {
            if index.to_string() != text {
                snapshot.interfaces.insert(u32::try_from(index).unwrap_or(u32::MAX), text);
            }
        }
        snapshot.cgroups.extend(self.cgroups.numbers.into_iter().map(|(path, id)| (id, path)));
    }
}

/// Texts and their numbers. Whoever chooses texts that want the same number makes nothing slow.
#[derive(Debug)]
struct Table {
    numbers: HashMap<String, u64>,
    taken: HashSet<u64>,
    /// All from the least up to it were given to texts whose own was taken, or are taken.
    next: u64,
}

impl Table {
    fn new(least: u64) -> Table {
        Table { numbers: HashMap::new(), taken: HashSet::new(), next: least }
    }

    fn number(&mut self, text: String, wanted: u64) -> u64 {
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let mut number = wanted;
        while !self.taken.insert(number) {
            number = self.next;
            self.next += 1;
        }
        self.numbers.insert(text, number);
        number
    }
}

/// FNV-1a, and its bits mixed (splitmix64): the same in every run and version.
fn hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indexes_keep_apart() {
        let mut numbers = Numbers::default();
        let eth0 = numbers.interface("eth0".into());
        assert_eq!(numbers.interface("eth0".into()), eth0);
        assert_eq!(Numbers::default().interface("eth0".into()), eth0, "in every document");
        assert_eq!(numbers.interface("7".into()), 7);
        assert!(numbers.interface("0".into()) > 1 << 31 && numbers.interface("007".into()) > 1 << 31);
        // An index that is taken by a name.
        let other = numbers.interface(eth0.to_string());
        assert_ne!(other, eth0);
        let mut snapshot = Snapshot::new("linux", String::new(), sockscope_model::Timestamp::from_micros(0));
        numbers.name(&mut snapshot);
        for (index, text) in [(eth0, "eth0"), (7, "7"), (other, &eth0.to_string())] {
            assert_eq!(snapshot.interface_name(index), text);
        }
        assert!(!snapshot.interfaces.contains_key(&7));
    }
}
