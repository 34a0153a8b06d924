use sockscope_live::{Arrangement, Held};
use sockscope_model::Row;

use super::{App, Mode};

/// One socket in full. It stays on the screen when the socket is gone, and says so.
#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) held: Held,
    /// The first line that is shown.
    pub(crate) top: usize,
}

impl Details {
    /// Of the socket of a line.
    pub(super) fn of(arrangement: &Arrangement, position: usize) -> Option<Details> {
        Some(Details { held: Held::of(arrangement, position)?, top: 0 })
    }

    pub(crate) fn row(&self) -> Row<'_> {
        self.held.row()
    }
}

impl App {
    /// Brings the details up to date, also behind a question.
    pub(super) fn follow_details(&mut self) {
        let Some(arrangement) = self.arrangement.clone() else { return };
        let details = match &mut self.mode {
            Mode::Details(details) => details,
            Mode::Ask(question) => match &mut question.details {
                Some(details) => details,
                None => return,
            },
            _ => return,
        };
        if arrangement.settings.subject == Some(details.held.identity) {
            details.held.follow(&arrangement);
        }
    }
}
