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
//! must be asked for:
//!
//! ```
//! use sockscope::{Filter, Frame, Source, SourceChoice};
//!
//! let filter = Filter::parse("rtt > 100ms or listening and exposure = any", &sockscope::filter_context())?;
//! let frame = Frame::new(sockscope::native(SourceChoice::Auto)?.snapshot(&filter.request())?);
//! for row in frame.rows().filter(|row| filter.matches(row)) {
//!     println!("{:?}", row.socket.key);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where the peers are, a [`Locator`] finds out, offline, from the IP databases that the user has and the one that is part of
//! the program:
//!
//! ```
//! use sockscope::{DatabaseOptions, Databases, Frame, Locator};
//!
//! let mut locator = Locator::new(Databases::open(&DatabaseOptions::default())?.atlas);
//! let mut frame = Frame::new(sockscope::snapshot()?);
//! let rows = 0..frame.snapshot.sockets.len();
//! locator.locate(&mut frame, rows);
//! for row in frame.rows() {
//!     println!("{:?} {:?}", row.socket.key.remote, row.place().map(|place| &place.text));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What one source hides another may show: [`testify`] asks one [`Witness`], and a [`Comparer`] holds what they say against
//! one another (`examples/witnesses.rs`).
//!
//! Who holds a port, or why it can't be bound, [`why`] finds out from a snapshot, from [`port_facts`] and from [`elsewhere`].
//!
//! Two snapshots are compared by [`diff`], which knows a connection again when it enters TIME_WAIT and tells it from the
//! next one that uses its ports.

#![forbid(unsafe_code)]

/// The user's configuration file.
mod config;
/// The IP databases that a user has.
mod databases;

pub use databases::{DatabaseError, DatabaseOptions, Databases};
pub use sockscope_core::{
    AddressScanner, Comparer, Context as FilterContext, Filter, FilterError, Locator, Needs, Services, SortError,
    SortKey, apply, default_order, diff, field_by_name, sort, why,
};
pub use sockscope_geo as geo;
pub use sockscope_model::{
    AddressBlock, AddressBlockError, BindAttempt, BindError, BindErrorKind, Cause, Change, Comparison, Condition,
    Coordinates, Difference, Elsewhere, ErrorKind, Exposure, Family, Field, ForeignNamespace, Frame, IpDatabase,
    Namespace, NatRule, NoOwner, Notice, Owner, Owners, Place, PortAnswer, PortFacts, PortProxy, PortQuestion, Process,
    ProcessId, Protocol, Queues, Request, Row, Snapshot, Socket, SocketKey, Source, SourceChoice, SourceError,
    SourceReport, SourceVerdict, State, StateSet, Tag, Testimony, Timer, TimerKind, Timestamp, Traffic, Value, Verdict,
    Witness,
};
pub use sockscope_sys::{
    NativeSource, SOURCES, WITNESSES, elsewhere, interfaces, native, port_facts, serve_apart, services_text, testify,
    try_bind, viewer_uid, viewer_user,
};

/// Every TCP and UDP socket of the viewer's network namespace, with owners.
///
/// # Errors
/// Neither the kernel's socket diagnosis nor its tables under /proc could be read.
pub fn snapshot() -> Result<Snapshot, SourceError> {
    native(SourceChoice::Auto)?.snapshot(&Request::default())
}

/// What a filter may need to know of this machine: who asks, the names of services and of interfaces.
pub fn filter_context() -> FilterContext {
    FilterContext {
        uid: viewer_uid(),
        user: viewer_user(),
        services: services_text().as_deref().map(Services::parse).unwrap_or_default(),
        interfaces: interfaces(),
    }
}
