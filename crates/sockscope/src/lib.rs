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
//!
//! A [`Monitor`] looks again and again, by threads of its own. What it saw, and what the kernel told meanwhile where it does
//! ([`events`]), a [`Chronicle`] makes a story of, in which each socket is opened once and closed once (`examples/watch.rs`):
//!
//! ```
//! use std::time::Duration;
//!
//! use sockscope::{Chronicle, Monitor, MonitorOptions, Request, SourceChoice, Update};
//!
//! let request = Request::default();
//! let events = sockscope::events(&request).ok();
//! let mut chronicle = Chronicle::new(events.is_some());
//! let source = Box::new(sockscope::native(SourceChoice::Auto)?);
//! let monitor = Monitor::start(source, MonitorOptions { events, ..MonitorOptions::new(request) })?;
//! # let mut looks = 0;
//! while let Ok(update) = monitor.next(Duration::from_secs(1)) {
//!     let story = match update {
//!         Some(Update::Frame(beat)) => chronicle.look(&beat),
//!         Some(Update::Events(events, heard)) => chronicle.events(events, heard),
//!         _ => continue,
//!     };
//!     for occurrence in story {
//!         println!("{} {:?}", occurrence.kind.name(), occurrence.socket.key);
//!     }
//! #   looks += 1;
//! #   if looks == 2 {
//! #       break;
//! #   }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Names of peers are found out by a [`Resolver`], in the background, if somebody wants that ([`resolver`]); processes that a
//! filter means, by [`Targets`].

#![forbid(unsafe_code)]

/// What is done to sockets and processes.
mod acting;
/// The user's configuration file.
mod config;
/// The IP databases that a user has.
mod databases;
/// What views keep from one run to the next.
mod kept;

pub use acting::{close, end};
pub use databases::{DatabaseError, DatabaseOptions, Databases};
pub use kept::Kept;
pub use sockscope_core::{
    AddressScanner, Beat, Chronicle, Command, Commander, Comparer, Context as FilterContext, Filter, FilterError,
    Locator, Missed, Monitor, MonitorEnded, MonitorOptions, Needs, Pairs, Resolver, Services, SortError, SortKey,
    Target, Targets, Update, apply, default_order, diff, field_by_name, is_notable, parse_hosts, process_rates, sort,
    why,
};
pub use sockscope_geo as geo;
pub use sockscope_model::{
    AddressBlock, AddressBlockError, BindAttempt, BindError, BindErrorKind, Cause, Change, Comparison, Condition,
    Coordinates, Difference, Elsewhere, ErrorKind, Event, EventKind, Events, Exposure, Family, Field, ForeignNamespace,
    Frame, Heard, HostName, IpDatabase, Namespace, NatRule, NoOwner, Notice, Occurrence, Owner, Owners, Place,
    PortAnswer, PortFacts, PortProxy, PortQuestion, Process, ProcessId, Protocol, Queues, Rate, Request, Row, Snapshot,
    Socket, SocketKey, Source, SourceChoice, SourceError, SourceReport, SourceVerdict, State, StateSet, Tag, Testimony,
    Timer, TimerKind, Timestamp, Traffic, Value, Verdict, Witness,
};
pub use sockscope_sys::{
    NativeSource, SOURCES, WITNESSES, elsewhere, events, host_name, hosts_text, interfaces, native, port_facts,
    serve_apart, services_text, testify, try_bind, viewer_uid, viewer_user,
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

/// Finds out the names of addresses by this system's name service, which may ask name servers; what the hosts file has is there
/// at once.
pub fn resolver() -> Resolver {
    let known = hosts_text().map(|text| parse_hosts(&text)).unwrap_or_default();
    Resolver::new(known, host_name)
}
