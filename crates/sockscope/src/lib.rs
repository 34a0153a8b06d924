//! Which program on this machine talks to whom.
//!
//! Three lines list every TCP and UDP socket with the processes that have it open:
//!
//! ```
//! let snapshot = sockscope::snapshot()?;
//! for socket in &snapshot.sockets {
//!     println!("{:?} {:?} {:?}", socket.key, socket.state, socket.owners);
//! }
//! # Ok::<(), sockscope::SourceError>(())
//! ```
//!
//! Everything works without privilege; what is then missing says so. A socket either has [`Owners::Processes`] or a
//! [`NoOwner`] reason, and [`Snapshot::notices`] holds one sentence for each thing that the whole listing lacks.
//!
//! To ask for less (and pay less), fill a [`Request`]; to keep only some rows, parse a [`Filter`], which also tells what
//! the request must ask for:
//!
//! ```
//! use sockscope::{Filter, FilterContext, Frame};
//!
//! let filter = Filter::parse("listening and exposure = any", &FilterContext::default())?;
//! let frame = Frame::new(sockscope::snapshot()?);
//! let exposed = frame.rows().filter(|row| filter.matches(row)).count();
//! println!("{exposed} sockets can be reached from outside");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Two snapshots are compared by [`diff`], which knows a connection again when it enters TIME_WAIT and tells it from the
//! next one that uses its ports.

#![forbid(unsafe_code)]

pub use sockscope_core::{Context as FilterContext, Filter, FilterError, apply, diff};
pub use sockscope_model::*;
pub use sockscope_sys::{NativeSource, SOURCES, interfaces, native, services_text, viewer_uid};

/// Every TCP and UDP socket of the viewer's network namespace, with owners.
///
/// # Errors
/// Neither the kernel's socket diagnosis nor its tables under /proc could be read.
pub fn snapshot() -> Result<Snapshot, SourceError> {
    native(SourceChoice::Auto)?.snapshot(&Request::default())
}
