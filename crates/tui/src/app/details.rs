use std::sync::Arc;

use sockscope_model::{Frame, Row, Socket};

use super::{App, Mode};
use crate::arrange::{Arrangement, Look, Subject};
use sockscope_core::Identity;

/// One socket in full. It stays on the screen when the socket is gone, and says so.
#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) identity: Identity,
    /// Where it was seen last.
    frame: Arc<Frame>,
    pub(crate) socket: Box<Socket>,
    pub(crate) is_gone: bool,
    /// The first line that is shown.
    pub(crate) top: usize,
}

impl Details {
    /// Of the socket of a line.
    pub(super) fn of(arrangement: &Arrangement, position: usize) -> Option<Details> {
        let row = arrangement.row(position)?;
        let Look { frame, before, .. } = &arrangement.look;
        let is_gone = !std::ptr::eq(row.frame, Arc::as_ptr(frame));
        let frame = if is_gone { before.as_ref()? } else { frame };
        Some(Details {
            identity: Identity::of(row.socket),
            frame: Arc::clone(frame),
            socket: Box::new(row.socket.clone()),
            is_gone,
            top: 0,
        })
    }

    pub(crate) fn row(&self) -> Row<'_> {
        Row { frame: &self.frame, socket: &self.socket }
    }

    fn follow(&mut self, arrangement: &Arrangement) {
        let look = &arrangement.look;
        let row = match arrangement.subject {
            Subject::There(index) => look.frame.row(index as usize),
            Subject::Gone(_) | Subject::Nowhere => None,
        };
        match row.filter(|row| Identity::of(row.socket) == self.identity) {
            Some(row) => {
                self.frame = Arc::clone(&look.frame);
                *self.socket = row.socket.clone();
                self.is_gone = false;
            }
            None => self.is_gone = true,
        }
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
        if arrangement.settings.subject == Some(details.identity) {
            details.follow(&arrangement);
        }
    }
}
