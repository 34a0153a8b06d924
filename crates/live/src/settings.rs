use std::collections::HashSet;
use std::sync::Arc;

use sockscope_core::{Filter, Identity};

use crate::columns::Shown;
use crate::identity::GroupKey;
use crate::view::View;

/// In which order lines stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// By that column; `None`: the usual order of the view.
    pub by: Option<Shown>,
    /// The other way round.
    pub descending: bool,
}

/// What decides which lines there are, and in which order.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Counts changes of the settings.
    pub serial: u64,
    /// What a line is.
    pub view: View,
    /// Only the sockets of that group.
    pub within: Option<GroupKey>,
    /// What options on the command line leave, and what was typed.
    pub filters: [Arc<Filter>; 2],
    /// The order.
    pub sort: Sort,
    /// Among equals; `None`: the usual order of the view.
    pub then: Option<Sort>,
    /// Lines are groups with their sockets below them, as far as these are open; `None`: only groups.
    pub tree: Option<Opened>,
    /// Whether the map is shown.
    pub map: bool,
    /// Whether something is shown that changes though nothing happens, such as ages.
    pub ages: bool,
    /// The socket whose details are shown.
    pub subject: Option<Identity>,
}

/// Which groups of a tree show their sockets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// All of them, but for the exceptions; else none but the exceptions.
    pub all: bool,
    /// The exceptions.
    pub but: Arc<HashSet<GroupKey>>,
}

impl Opened {
    /// Whether that group shows its sockets.
    pub fn is_open(&self, group: &GroupKey) -> bool {
        self.all != self.but.contains(group)
    }

    /// Opens the group if it is closed, or closes it.
    pub fn toggle(&mut self, group: &GroupKey) {
        let but = Arc::make_mut(&mut self.but);
        if !but.remove(group) {
            but.insert(group.clone());
        }
    }
}

impl Settings {
    /// Whether every socket stays.
    pub fn keeps_all(&self) -> bool {
        self.within.is_none() && self.filters.iter().all(|filter| filter.is_everything())
    }

    /// Whether two settings show lines of the same kind, so that those of one are found again in the other.
    pub fn same_lines(&self, other: &Settings) -> bool {
        self.view == other.view && self.within == other.within && self.tree.is_some() == other.tree.is_some()
    }

    /// Whether the same sockets pass.
    pub fn same_rows(&self, other: &Settings) -> bool {
        let same = |(one, other): (&Arc<Filter>, &Arc<Filter>)| Arc::ptr_eq(one, other);
        self.same_lines(other) && self.filters.iter().zip(&other.filters).all(same)
    }
}
