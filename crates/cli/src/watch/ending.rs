#[cfg(unix)]
use std::sync::atomic::AtomicI32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use crate::exit::{Failure, complain};

/// How long a watch that was told to end takes for a last look, and how long it may hang in a full pipe.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the watch shall end, and what is said then: also where the watch itself hangs in a full pipe.
#[derive(Debug, Default)]
pub(super) struct Ending {
    wanted: AtomicBool,
    /// The signal that ends programs and ended this one, if it was that; else 0.
    #[cfg(unix)]
    signal: AtomicI32,
    /// Counts what the watch does, so that it shows when it does nothing more.
    steps: AtomicU64,
    summary: Mutex<Summary>,
}

#[derive(Debug, Default)]
struct Summary {
    opened: u64,
    closed: u64,
    missed: String,
    said: bool,
}

impl Ending {
    /// From now on Ctrl-C ends the watch and not the program, and SIGTERM first the watch and then the program.
    pub(super) fn obeyed() -> Result<Arc<Ending>, Failure> {
        let ending = Arc::new(Ending::default());
        let of_ctrl_c = Arc::clone(&ending);
        ctrlc::set_handler(move || of_ctrl_c.wind_up())
            .map_err(|error| Failure::System(format!("can't take care of Ctrl-C: {error}")))?;
        #[cfg(unix)]
        {
            let ending = Arc::clone(&ending);
            let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM])
                .map_err(|error| Failure::System(format!("can't take care of SIGTERM: {error}")))?;
            let listen = move || {
                for signal in signals.forever() {
                    ending.signal.store(signal, Ordering::Relaxed);
                    ending.wind_up();
                }
            };
            std::thread::Builder::new()
                .name("signals".into())
                .spawn(listen)
                .map_err(|error| Failure::System(format!("can't start a thread that hears of SIGTERM: {error}")))?;
        }
        Ok(ending)
    }

    /// Has the watch end, and the program where the watch does not.
    fn wind_up(self: &Arc<Self>) {
        self.wanted.store(true, Ordering::Relaxed);
        // It should be gone after that, unless it hangs in a pipe that nobody reads.
        let mut before = u64::MAX;
        while before != self.steps.load(Ordering::Relaxed) {
            before = self.steps.load(Ordering::Relaxed);
            std::thread::sleep(PATIENCE * 2);
        }
        // Standard error may be the same pipe.
        let (said, is_said) = mpsc::channel();
        let spokesman = Arc::clone(self);
        let _ = std::thread::Builder::new().spawn(move || {
            spokesman.finish();
            let _ = said.send(());
        });
        let _ = is_said.recv_timeout(PATIENCE);
        self.end_as_told();
        std::process::exit(0);
    }

    /// If a signal ended it, ends the program by that, so that whoever waits for it sees it.
    pub(super) fn end_as_told(&self) {
        #[cfg(unix)]
        {
            let signal = self.signal.load(Ordering::Relaxed);
            if signal != 0 {
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        }
    }

    pub(super) fn goes_on(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    fn summary(&self) -> MutexGuard<'_, Summary> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, opened: u64, closed: u64) {
        let mut summary = self.summary();
        summary.opened += opened;
        summary.closed += closed;
    }

    pub(super) fn miss(&self, words: String) {
        self.summary().missed = words;
    }

    /// Says how it went, once.
    pub(super) fn finish(&self) {
        let text = {
            let mut summary = self.summary();
            if std::mem::replace(&mut summary.said, true) {
                return;
            }
            let Summary { opened, closed, missed, .. } = &*summary;
            let missed = if missed.is_empty() { "0 missed" } else { missed };
            format!("{opened} opened, {closed} closed, {missed}")
        };
        complain(&text);
    }
}
