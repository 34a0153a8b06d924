//! A recording as a source: what `sockscope --json`, `--ndjson` and `watch --ndjson` printed is played again, as fast as it was
//! recorded.
//!
//! [`Replay`] is a [`Source`](sockscope_model::Source) like any other, so that every view can look at it; [`Playback`] is how a view
//! pauses it and moves in it. A recording comes from outside: opening reads and checks all of it.

#![forbid(unsafe_code)]

/// What time it is.
mod clock;
/// Why a file can't be replayed.
mod error;
/// Which moment is shown.
mod playback;
/// The source.
mod replay;
/// The sockets that there are, as changes make them.
mod state;
/// The moments of a recording, in order.
mod timeline;

pub use clock::{Clock, SteadyClock};
pub use error::{Cause, ReplayError};
pub use playback::Playback;
pub use replay::Replay;
