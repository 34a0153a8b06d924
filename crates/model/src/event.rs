use std::sync::Arc;
use std::time::Duration;

use crate::{Frame, Process, Row, Socket, SourceError, State, Timestamp};

/// What happened to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// It connects, listens, or was accepted.
    Opened,
    /// It has another state.
    Changed,
    /// It is gone, or in TIME_WAIT.
    Closed,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [EventKind; 3] = [EventKind::Opened, EventKind::Changed, EventKind::Closed];

    /// `opened`, `changed` or `closed`.
    pub const fn name(self) -> &'static str {
        match self {
            EventKind::Opened => "opened",
            EventKind::Changed => "changed",
            EventKind::Closed => "closed",
        }
    }
}

/// What the system said of a socket the moment it happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// The socket as it is then. Of one that is closed, what it counted is in `traffic`, where the system says it.
    pub socket: Box<Socket>,
    /// The owners, where the system says them.
    pub processes: Vec<Process>,
}

/// What was heard while waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Events that are known to be lost.
    pub lost: u64,
    /// Others were lost, and nobody counted them.
    pub lost_unknown: bool,
    /// Events that made no sense.
    pub malformed: u64,
}

impl std::ops::AddAssign for Heard {
    fn add_assign(&mut self, other: Heard) {
        self.lost = self.lost.saturating_add(other.lost);
        self.lost_unknown = self.lost_unknown || other.lost_unknown;
        self.malformed = self.malformed.saturating_add(other.malformed);
    }
}

/// Whoever tells of sockets when it happens, while a [`crate::Source`] is asked.
pub trait Events: Send {
    /// For people and programs: `sock_diag_destroy`.
    fn name(&self) -> &'static str;

    /// The kinds of events that it tells of. What it tells of, it tells of every time, unless it says that it lost some.
    fn kinds(&self) -> &'static [EventKind];

    /// Waits for events, at most that long, and appends what came; returns at once if some are there already.
    ///
    /// # Errors
    /// Nothing more is to be heard.
    fn wait(&mut self, at_most: Duration, events: &mut Vec<Event>) -> Result<Heard, SourceError>;
}

/// Something that happened to a socket.
#[derive(Debug, Clone)]
pub struct Occurrence {
    /// When it happened, or when it was seen to have happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The socket: as it is, or, once it is gone, as it was seen last.
    pub socket: Box<Socket>,
    /// Where the names for its numbers are.
    pub frame: Arc<Frame>,
    /// The state that it had before; `None` for a new socket and for UDP.
    pub before: Option<State>,
    /// Of a closed socket, how long it was open, or seen to be; `None`: it came and went unseen.
    pub lasted: Option<Duration>,
    /// It was there when the watch began, so that `lasted` is the least that it may have been.
    pub from_before: bool,
}

impl Occurrence {
    /// The socket with its names.
    pub fn row(&self) -> Row<'_> {
        Row { frame: &self.frame, socket: &self.socket }
    }
}
