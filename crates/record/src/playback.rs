use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sockscope_model::Timestamp;

use crate::clock::Clock;

/// How far a recording has been played, for whoever shows it: each of its clones speaks of the same.
///
/// A source is asked from time to time; what is changed here shows when it is asked next.
#[derive(Clone)]
pub struct Playback(Arc<Shared>);

struct Shared {
    /// When each moment was recorded, ascending; never empty.
    times: Vec<Timestamp>,
    clock: Arc<dyn Clock>,
    run: Mutex<Run>,
}

/// Where it was at some time, and how it goes on from there.
#[derive(Debug, Clone, Copy)]
struct Run {
    position: Duration,
    /// When it was there; `None`: it has not begun, or is paused.
    since: Option<Duration>,
    begun: bool,
    speed: f64,
}

impl std::fmt::Debug for Playback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playback").field("len", &self.len()).field("run", &*self.run()).finish_non_exhaustive()
    }
}

impl Playback {
    /// How many times as fast as it was recorded it can be played.
    pub const FASTEST: f64 = 1000.0;

    /// Stands at the beginning, and waits there until it is asked.
    pub(crate) fn new(times: Vec<Timestamp>, clock: Arc<dyn Clock>) -> Playback {
        let run = Run { position: Duration::ZERO, since: None, begun: false, speed: 1.0 };
        Playback(Arc::new(Shared { times, clock, run: Mutex::new(run) }))
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.0.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many moments were recorded: at least one.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.times.len()
    }

    /// When a moment was recorded.
    pub fn time(&self, index: usize) -> Option<Timestamp> {
        self.0.times.get(index).copied()
    }

    /// From the first moment to the last.
    pub fn duration(&self) -> Duration {
        self.offset(self.len() - 1)
    }

    /// How far from the first moment it is.
    pub fn position(&self) -> Duration {
        self.position_of(&self.run())
    }

    /// Which moment is shown: the last that is not later than the position.
    pub fn index(&self) -> usize {
        self.index_at(self.position())
    }

    /// Whether the last moment is shown.
    pub fn has_ended(&self) -> bool {
        self.index() + 1 == self.len()
    }

    /// Goes to a position; behind the end, to the end.
    pub fn seek(&self, position: Duration) {
        let mut run = self.run();
        run.position = position.min(self.duration());
        if run.since.is_some() {
            run.since = Some(self.0.clock.now());
        }
    }

    /// Goes to a moment; behind the last, to the last.
    pub fn seek_to(&self, index: usize) {
        self.seek(self.offset(index.min(self.len() - 1)));
    }

    /// Whether it stands still.
    pub fn is_paused(&self) -> bool {
        let run = self.run();
        run.begun && run.since.is_none()
    }

    /// Stands still, or goes on.
    pub fn pause(&self, pause: bool) {
        let mut run = self.run();
        run.position = self.position_of(&run);
        run.begun = true;
        run.since = (!pause).then(|| self.0.clock.now());
    }

    /// How many times as fast as it was recorded it is played.
    pub fn speed(&self) -> f64 {
        self.run().speed
    }

    /// Goes on that much faster than it was recorded, at most by [`Playback::FASTEST`]. What is no speed changes nothing.
    pub fn set_speed(&self, speed: f64) {
        if !(speed.is_finite() && speed > 0.0) {
            return;
        }
        let mut run = self.run();
        run.position = self.position_of(&run);
        run.since = run.since.map(|_| self.0.clock.now());
        run.speed = speed.min(Self::FASTEST);
    }

    /// It is asked: the first time it begins. Gives the moment that is to be shown.
    pub(crate) fn ask(&self) -> usize {
        let mut run = self.run();
        if !run.begun {
            run.begun = true;
            run.since = Some(self.0.clock.now());
        }
        self.index_at(self.position_of(&run))
    }

    fn position_of(&self, run: &Run) -> Duration {
        let end = self.duration();
        let Some(since) = run.since else { return run.position };
        let passed = self.0.clock.now().saturating_sub(since).as_secs_f64() * run.speed;
        let passed = Duration::try_from_secs_f64(passed).unwrap_or(end);
        run.position.saturating_add(passed).min(end)
    }

    fn offset(&self, index: usize) -> Duration {
        let (Some(first), Some(time)) = (self.0.times.first(), self.0.times.get(index)) else { return Duration::ZERO };
        Duration::from_micros(time.micros_since(*first))
    }

    fn index_at(&self, position: Duration) -> usize {
        let Some(first) = self.0.times.first() else { return 0 };
        // Times have microseconds, positions less.
        let position = u64::try_from(position.as_micros()).unwrap_or(u64::MAX);
        self.0.times.partition_point(|time| time.micros_since(*first) <= position).saturating_sub(1)
    }
}
