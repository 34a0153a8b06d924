//! The published shape of a listing.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use sockscope_model as model;

use super::{Socket, Time, known, micros, published};
use crate::Listing;

/// The name and version of the document.
pub const SNAPSHOT: &str = "sockscope.snapshot/1";

/// The JSON Schema of [`Snapshot`], as `docs/schema/sockscope.snapshot-1.json` has it.
pub fn snapshot_schema() -> serde_json::Value {
    published::<Snapshot<'static>>(SNAPSHOT)
}

/// Every TCP and UDP socket of one machine at one moment: the output of `sockscope --json`. `sockscope --ndjson` prints one
/// Socket a line. Addresses are RFC 5952 text, times RFC 3339 UTC with microseconds, durations microseconds, sizes bytes.
/// Unknown is null. Later versions of sockscope may add keys.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Snapshot<'a> {
    /// Name and version of this shape.
    #[schemars(schema_with = "snapshot_name")]
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'a str,
    /// Name of the machine.
    pub host: Option<&'a str>,
    /// Operating system.
    #[schemars(schema_with = "os_names")]
    pub os: &'static str,
    /// When the pass over the machine began.
    pub taken_at: Option<Time>,
    /// How long it took.
    pub elapsed_us: u64,
    /// What was read, and how it went.
    pub sources: Vec<SourceReport>,
    /// What is missing, and why.
    pub notices: Vec<Notice<'a>>,
    /// The sockets that were asked for, in the order that was asked for.
    pub sockets: Sockets<'a>,
}

impl<'a> From<&Listing<'a>> for Snapshot<'a> {
    fn from(listing: &Listing<'a>) -> Self {
        let snapshot: &'a model::Snapshot = &listing.frame.snapshot;
        Snapshot {
            schema: SNAPSHOT,
            version: listing.version,
            host: known(&snapshot.host),
            os: snapshot.os,
            taken_at: Time::new(snapshot.taken),
            elapsed_us: micros(snapshot.elapsed),
            sources: snapshot.sources.iter().map(SourceReport::from).collect(),
            notices: snapshot.notices.iter().map(Notice::from).collect(),
            sockets: Sockets(*listing),
        }
    }
}

/// The sockets of a listing, made one at a time.
#[derive(Debug, Clone)]
pub struct Sockets<'a>(pub Listing<'a>);

impl Serialize for Sockets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.rows().map(Socket::from))
    }
}

impl JsonSchema for Sockets<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Sockets".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Socket<'static>>::json_schema(generator)
    }
}

/// What one source did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceReport {
    /// As `--source` names it.
    pub name: &'static str,
    /// Rows that it contributed, each socket once.
    pub rows: u64,
    /// Rows that it gave more than once; the copies were dropped.
    pub duplicates: u64,
    /// Sockets that appeared or disappeared while the tables were read more than once.
    pub churned: u64,
    /// How long it took.
    pub elapsed_us: u64,
}

impl From<&model::SourceReport> for SourceReport {
    fn from(report: &model::SourceReport) -> Self {
        SourceReport {
            name: report.name,
            rows: report.rows,
            duplicates: report.duplicates,
            churned: report.churned,
            elapsed_us: micros(report.elapsed),
        }
    }
}

/// Something the reader of the data must know: what is missing and why.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Notice<'a> {
    /// For programs: lower case words joined by hyphens, never changed once published.
    pub code: &'static str,
    /// For people.
    pub message: &'a str,
}

impl<'a> From<&'a model::Notice> for Notice<'a> {
    fn from(notice: &'a model::Notice) -> Self {
        Notice { code: notice.code, message: &notice.message }
    }
}

fn snapshot_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": SNAPSHOT})
}

fn os_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "examples": ["linux", "windows"]})
}
