use std::time::{Duration, Instant};

/// What a recording is played by.
pub trait Clock: Send + Sync {
    /// The time since some moment that stays the same.
    fn now(&self) -> Duration;
}

/// The system's clock that never goes back.
#[derive(Debug, Clone, Copy)]
pub struct SteadyClock(Instant);

impl Default for SteadyClock {
    fn default() -> SteadyClock {
        SteadyClock(Instant::now())
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
