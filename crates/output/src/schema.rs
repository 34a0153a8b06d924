//! The published shapes: what `sockscope.snapshot/1` is, and the JSON Schema that is generated from it.
//!
//! All that serde knows of sockscope is here. Every type borrows from the frame and is made from a [`Row`](sockscope_model::Row) without
//! allocation; sequences are written straight from the model. Unknown is `null`, never 0 and never an empty text. Within
//! version 1, keys are only ever added.

use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

/// A line of `watch`.
mod change;
/// The document of `compare`.
mod compare;
/// What `assert`, `wait`, `close` and `kill` print.
mod outcome;
/// Where addresses are.
mod place;
/// The document of a listing.
mod snapshot;
/// One socket.
mod socket;
/// What is text in JSON and none in the model.
mod text;
/// The document of `why`.
mod why;

pub use change::{Before, CHANGE, Change, change_schema};
pub use compare::{COMPARE, Comparison, Difference, Differences, SourceVerdict, compare_schema};
pub use outcome::{Assertion, Outcome, ProcessName};
pub use place::{Coordinates, Database, Located, Place, Places, Ranges};
pub use snapshot::{Notice, SNAPSHOT, Snapshot, Sockets, SourceReport, snapshot_schema};
use socket::protocol_names;
pub use socket::{Endpoint, Namespace, Owner, Owners, Peer, Queues, Socket, Timer, Traffic};
pub use text::{Address, Decimal, Interface, State, Time};
pub use why::{Attempt, WHY, Why, why_schema};

/// The JSON Schema of a document under its name and version.
fn published<T: JsonSchema>(name: &str) -> serde_json::Value {
    // `for_serialize`: keys that may be null are nevertheless always there.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), name.into());
    schema.to_value()
}

/// A text that is there; systems sometimes say nothing by an empty one.
pub(crate) fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
