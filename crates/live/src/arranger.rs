use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::time::Duration;
use std::{io, thread};

use sockscope_core::{Monitor, Update};

use crate::arrange::{Arrangement, Arranger, Look};
use crate::settings::Settings;

/// What the arranger is told.
pub enum Order {
    /// What the monitor says.
    Update(Update),
    /// Arrange by these from now on.
    Settings(Arc<Settings>),
    /// Free this: it may be the last that refers to a hundred thousand sockets.
    Discard(Arc<Arrangement>),
    /// The monitor has ended.
    Ended,
}

/// What the arranger says.
#[derive(Debug)]
pub enum Arranged {
    /// The lines.
    Lines(Arc<Arrangement>),
    /// A look failed; the next is tried all the same.
    Failed(String),
    /// Nobody looks any more.
    Ended,
}

/// Knows what was passed on last, so that what looks like it need not be: whoever draws only what is new would never take it.
#[derive(Debug, Default)]
pub struct News {
    last: Option<Weak<Arrangement>>,
}

impl News {
    /// Whether that is to be passed on.
    pub fn is_new(&mut self, arranged: &Arranged) -> bool {
        let Arranged::Lines(lines) = arranged else {
            // What follows a failure says that it is over.
            self.last = None;
            return true;
        };
        let last = self.last.as_ref().and_then(Weak::upgrade);
        let is_new = last.is_none_or(|last| !lines.looks_like(&last));
        if is_new {
            self.last = Some(Arc::downgrade(lines));
        }
        is_new
    }
}

/// Passes on what the monitor says, until it ends.
///
/// # Errors
/// The system has no thread for it.
pub fn pump(monitor: Monitor, orders: Sender<Order>) -> io::Result<()> {
    let pump = move || {
        loop {
            match monitor.next(Duration::from_secs(3600)) {
                Ok(Some(update)) => {
                    if orders.send(Order::Update(update)).is_err() {
                        return;
                    }
                }
                Ok(None) => {}
                Err(_) => {
                    let _ = orders.send(Order::Ended);
                    return;
                }
            }
        }
    };
    thread::Builder::new().name("updates".into()).spawn(pump).map(drop)
}

/// Arranges whatever comes, on a thread of its own, until nobody orders any more or `say` says no.
///
/// # Errors
/// The system has no thread for it.
pub fn start(orders: Receiver<Order>, mut say: impl FnMut(Arranged) -> bool + Send + 'static) -> io::Result<()> {
    let arrange = move || {
        let mut arranger = Arranger::default();
        let mut look: Option<Look> = None;
        let mut settings: Option<Arc<Settings>> = None;
        let mut next = orders.recv().ok();
        while let Some(order) = next.take() {
            let mut is_new = true;
            match order {
                Order::Settings(new) => settings = Some(new),
                Order::Update(Update::Frame(beat)) => {
                    let number = look.as_ref().map_or(1, |look| look.number + 1);
                    look = Some(Look {
                        number,
                        frame: beat.frame,
                        before: beat.before,
                        pairs: beat.pairs,
                        interval: beat.interval,
                        pass: beat.pass,
                    });
                }
                Order::Update(Update::Enriched(frame)) => {
                    // The same sockets: all positions still hold.
                    if let Some(look) = &mut look {
                        look.frame = frame;
                    }
                }
                Order::Update(Update::Failed(error)) => {
                    is_new = false;
                    if !say(Arranged::Failed(error.to_string())) {
                        return;
                    }
                }
                Order::Discard(arrangement) => {
                    is_new = false;
                    drop(arrangement);
                }
                Order::Update(_) => is_new = false,
                Order::Ended => {
                    say(Arranged::Ended);
                    return;
                }
            }
            // Settings that are followed by others, as when a key is held down, need no lines.
            match orders.recv_timeout(Duration::ZERO) {
                Ok(order @ (Order::Settings(_) | Order::Update(Update::Enriched(_)))) => {
                    next = Some(order);
                    continue;
                }
                Ok(order) => next = Some(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if is_new
                && let (Some(look), Some(settings)) = (&look, &settings)
                && !say(Arranged::Lines(arranger.arrange(look, settings)))
            {
                return;
            }
            if next.is_none() {
                next = orders.recv().ok();
            }
        }
    };
    thread::Builder::new().name("arranger".into()).spawn(arrange).map(drop)
}
