use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use sockscope_core::Identity;
use sockscope_model::{State, Timestamp};

use crate::arrange::Look;

/// What happened to a socket, and when that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When the look began that saw it; for the beginning, when the system says that it was, where it does.
    pub at: Timestamp,
    /// What.
    pub what: Event,
}

/// What may happen to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It came to be, in that state.
    Opened(Option<State>),
    /// It was there when the first look began.
    Found(Option<State>),
    /// It entered that state.
    State(Option<State>),
    /// It went.
    Gone,
}

/// What happened to sockets since the first look. Those to which nothing happened take no room.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    began: Option<Timestamp>,
    number: u64,
    all: HashMap<Identity, Vec<Moment>, RandomState>,
    /// Those that went, the latest last.
    gone: VecDeque<Identity>,
}

/// So many of those that went are remembered.
const GONE: usize = 10_000;

/// So many moments of one socket: one that cannot make up its mind would fill the memory.
const MOMENTS: usize = 64;

impl Lives {
    /// Notes what happened since the look before, each look once.
    pub(crate) fn note(&mut self, look: &Look) {
        if self.number == look.number {
            return;
        }
        self.number = look.number;
        let (frame, taken) = (&look.frame, look.frame.snapshot.taken);
        let Some(before) = &look.before else {
            self.began = Some(taken);
            return;
        };
        let sockets = &frame.snapshot.sockets;
        for socket in look.pairs.opened.iter().filter_map(|index| sockets.get(*index)) {
            let moment = Moment { at: socket.opened.unwrap_or(taken), what: Event::Opened(socket.state) };
            self.all.insert(Identity::of(socket), vec![moment]);
        }
        for (old, new) in &look.pairs.changed {
            let (Some(old), Some(new)) = (before.snapshot.sockets.get(*old), sockets.get(*new)) else { continue };
            if old.state == new.state {
                continue;
            }
            let (was, is) = (Identity::of(old), Identity::of(new));
            let mut life = self.all.remove(&was).unwrap_or_else(|| self.found(old.state));
            if life.len() < MOMENTS {
                life.push(Moment { at: taken, what: Event::State(new.state) });
            }
            self.all.insert(is, life);
        }
        for socket in look.pairs.closed.iter().filter_map(|index| before.snapshot.sockets.get(*index)) {
            let identity = Identity::of(socket);
            let found = self.found(socket.state);
            self.all.entry(identity).or_insert(found).push(Moment { at: taken, what: Event::Gone });
            self.gone.push_back(identity);
        }
        let over = self.gone.len().saturating_sub(GONE);
        for identity in self.gone.drain(..over) {
            self.all.remove(&identity);
        }
    }

    fn found(&self, state: Option<State>) -> Vec<Moment> {
        self.began.map(|at| Moment { at, what: Event::Found(state) }).into_iter().collect()
    }

    /// What happened to a socket that is, or was, in that state.
    pub(crate) fn of(&self, identity: &Identity, state: Option<State>) -> Vec<Moment> {
        self.all.get(identity).cloned().unwrap_or_else(|| self.found(state))
    }
}
