//! What a socket, an owner, a place, a snapshot and a change are.
//!
//! This crate knows no operating system, does no input or output and serialises nothing. Every other crate of sockscope
//! speaks in its types: sources fill a [`Snapshot`], [`Frame`] adds what was looked up beside it, and views read [`Row`]s.
//!
//! Unknown is always `None`: never 0, never an empty text, never `0.0.0.0`.

#![forbid(unsafe_code)]

/// Addresses: blocks of them and how far a listener can be reached.
mod address;
/// What changed between two snapshots.
mod change;
/// Where the sources of one machine differ.
mod comparison;
/// What a system says of sockets the moment it happens.
mod event;
/// Every scalar that a row has, by name: what filters, sorting, columns and CSV share.
mod field;
/// What a look-up in an IP database said.
mod place;
/// Why a port can't be bound.
mod port;
/// Processes and who owns a socket, or why nobody does.
mod process;
/// What a source is asked, and how it fails.
mod request;
/// One pass over the machine, with everything its rows refer to.
mod snapshot;
/// The socket, its identity and its state.
mod socket;
/// Microseconds since 1970.
mod time;
/// What TCP counts for one connection.
mod traffic;

pub use address::{AddressBlock, AddressBlockError, Exposure, clean_address};
pub use change::Change;
pub use comparison::{Cause, Comparison, Difference, SourceVerdict};
pub use event::{Event, EventKind, Events, Heard, Occurrence};
pub use field::{Field, Value};
pub use place::{Coordinates, IpDatabase, Place};
pub use port::{
    BindAttempt, BindError, BindErrorKind, Elsewhere, ForeignNamespace, NatRule, PortAnswer, PortFacts, PortProxy,
    PortQuestion, Verdict,
};
pub use process::{NoOwner, Owner, Owners, Process, ProcessId};
pub use request::{Condition, ErrorKind, Request, Source, SourceChoice, SourceError, Testimony, Witness};
pub use snapshot::{Frame, HostName, Namespace, Notice, Rate, Row, Snapshot, SourceReport};
pub use socket::{Family, Protocol, Queues, Socket, SocketKey, State, StateSet, Tag, Timer, TimerKind};
pub use time::Timestamp;
pub use traffic::Traffic;
