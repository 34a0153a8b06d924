use std::collections::HashSet;

use foldhash::fast::RandomState;
use sockscope_core::Identity;
use sockscope_live::{Arrangement, Line, LineKey};

/// Which sockets are selected, and where the cursor is. Both follow what they stand for, not its position.
#[derive(Debug, Default, Clone)]
pub(crate) struct Selection {
    sockets: HashSet<Identity, RandomState>,
    /// The line that keys move from, and where it was last.
    cursor: Option<LineKey>,
    position: usize,
    /// Of a socket: at which look it was which line.
    seen: Option<(u64, Line)>,
    /// Where a range begins.
    anchor: Option<usize>,
}

impl Selection {
    pub(crate) fn contains(&self, identity: &Identity) -> bool {
        self.sockets.contains(identity)
    }

    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn cursor(&self) -> Option<&LineKey> {
        self.cursor.as_ref()
    }

    pub(crate) fn position(&self) -> Option<usize> {
        self.cursor.as_ref().map(|_| self.position)
    }

    pub(crate) fn clear(&mut self) {
        *self = Selection::default();
    }

    /// Moves the cursor to a line and selects it alone, or (`add`) changes whether it is selected, or (`range`) selects all from
    /// where the range began.
    pub(crate) fn choose(&mut self, arrangement: &Arrangement, position: usize, add: bool, range: bool) {
        let from = self.anchor.filter(|_| range).unwrap_or(position);
        if !range {
            self.anchor = Some(position);
        }
        if !add {
            self.sockets.clear();
        }
        for position in from.min(position)..=from.max(position) {
            let Some(row) = arrangement.row(position) else { continue };
            let identity = Identity::of(row.socket);
            if !(add && !range && self.sockets.remove(&identity)) {
                self.sockets.insert(identity);
            }
        }
        self.put_cursor(arrangement, position);
    }

    /// Selects these sockets, and moves the cursor to the first line that is one of them.
    pub(crate) fn select(
        &mut self,
        arrangement: &Arrangement,
        sockets: impl Iterator<Item = Identity>,
        add: bool,
    ) -> Option<usize> {
        if !add {
            self.sockets.clear();
        }
        self.sockets.extend(sockets);
        let is_selected =
            |position: &usize| arrangement.row(*position).is_some_and(|row| self.contains(&Identity::of(row.socket)));
        let first = (0..arrangement.lines.len()).find(is_selected)?;
        self.anchor = Some(first);
        self.put_cursor(arrangement, first);
        Some(first)
    }

    fn put_cursor(&mut self, arrangement: &Arrangement, position: usize) {
        self.cursor = arrangement.key(position);
        self.position = position;
        self.seen = arrangement.line(position).map(|line| (arrangement.look.number, line));
    }

    /// Where the cursor is after a look. A line that went leaves it where it was.
    pub(crate) fn follow(&mut self, arrangement: Option<&Arrangement>) {
        let (Some(arrangement), Some(key)) = (arrangement, self.cursor.clone()) else { return };
        if let Some(position) = arrangement.position(&key, self.seen) {
            self.anchor = self.anchor.map(|anchor| if anchor == self.position { position } else { anchor });
            self.put_cursor(arrangement, position);
        } else {
            self.position = self.position.min(arrangement.lines.len().saturating_sub(1));
            self.seen = None;
        }
    }
}
