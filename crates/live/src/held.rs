use std::sync::Arc;

use sockscope_core::Identity;
use sockscope_model::{Frame, Row, Socket};

use crate::arrange::{Arrangement, Line, Look, Subject};

/// One socket, held as it was seen last: it stays when the socket is gone, and says so.
#[derive(Debug, Clone)]
pub struct Held {
    /// Which one.
    pub identity: Identity,
    /// Where it was seen last.
    frame: Arc<Frame>,
    /// As it was seen last.
    pub socket: Box<Socket>,
    /// Whether it is there no more.
    pub is_gone: bool,
}

impl Held {
    /// The socket of a line of a look.
    pub fn of_line(look: &Look, line: Line) -> Option<Held> {
        let (frame, is_gone) = match line {
            Line::There(_) => (&look.frame, false),
            Line::Gone(_) => (look.before.as_ref()?, true),
        };
        let socket = look.row(line)?.socket;
        Some(Held {
            identity: Identity::of(socket),
            frame: Arc::clone(frame),
            socket: Box::new(socket.clone()),
            is_gone,
        })
    }

    /// The socket of a position of the view of sockets.
    pub fn of(arrangement: &Arrangement, position: usize) -> Option<Held> {
        Held::of_line(&arrangement.look, arrangement.line(position)?)
    }

    /// With all that was known of it.
    pub fn row(&self) -> Row<'_> {
        Row { frame: &self.frame, socket: &self.socket }
    }

    /// Brings it up to date, from an arrangement whose settings name it as their subject.
    pub fn follow(&mut self, arrangement: &Arrangement) {
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
