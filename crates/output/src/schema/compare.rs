//! The published shape of `compare`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use sockscope_model as model;
use sockscope_model::Row;

use super::{Socket, published};
use crate::Listing;

/// The name and version of the document of `compare`.
pub const COMPARE: &str = "sockscope.compare/1";

/// The JSON Schema of [`Comparison`], as `docs/schema/sockscope.compare-1.json` has it.
pub fn compare_schema() -> serde_json::Value {
    published::<Comparison<'static>>(COMPARE)
}

/// Where the sources of one machine differ, and why: the output of `sockscope compare --json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Comparison<'a> {
    /// Name and version of this shape.
    #[schemars(schema_with = "compare_name")]
    pub schema: &'static str,
    /// How often every source was asked.
    pub rounds: u32,
    /// Who was asked.
    pub sources: Vec<SourceVerdict<'a>>,
    /// The sockets that are not the same everywhere, unexplained ones first.
    pub differences: Differences<'a>,
    /// How many of these differences have no explanation.
    pub unexplained: u64,
}

impl<'a> Comparison<'a> {
    /// The differences at the positions of the listing; its frame holds the sockets of all of them.
    pub fn new(comparison: &'a model::Comparison, listing: &Listing<'a>) -> Self {
        let differences = Differences { comparison, listing: *listing };
        let unexplained = differences.iter().filter(|(it, _)| it.cause == model::Cause::Unexplained).count() as u64;
        Comparison {
            schema: COMPARE,
            rounds: comparison.rounds,
            sources: comparison.sources.iter().map(SourceVerdict::from).collect(),
            differences,
            unexplained,
        }
    }
}

/// How it went with one source.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceVerdict<'a> {
    /// Its name; where it can also list sockets, as `--source` takes it.
    pub name: &'static str,
    /// Whether it could be heard.
    pub available: bool,
    /// Why it could not be heard, or not wholly.
    pub reason: Option<&'a str>,
    /// Sockets that it listed when it was last heard.
    pub rows: Option<u64>,
}

impl<'a> From<&'a model::SourceVerdict> for SourceVerdict<'a> {
    fn from(verdict: &'a model::SourceVerdict) -> Self {
        SourceVerdict {
            name: verdict.witness.name(),
            available: verdict.available,
            reason: verdict.reason.as_deref(),
            rows: verdict.rows,
        }
    }
}

/// The differences of a comparison, made one at a time.
#[derive(Debug, Clone)]
pub struct Differences<'a> {
    comparison: &'a model::Comparison,
    listing: Listing<'a>,
}

impl<'a> Differences<'a> {
    fn iter(&self) -> impl Iterator<Item = (&'a model::Difference, Row<'a>)> + use<'a> {
        let (comparison, frame) = (self.comparison, self.listing.frame);
        let rows = self.listing.rows.iter();
        rows.filter_map(move |row| Some((comparison.differences.get(*row)?, frame.row(*row)?)))
    }
}

impl Serialize for Differences<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Difference::from))
    }
}

impl JsonSchema for Differences<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Differences".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Difference<'static>>::json_schema(generator)
    }
}

/// A socket that is not the same everywhere.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Difference<'a> {
    /// The socket, as the source describes it that knows most. Of a port that only a probe found in use, there is no state.
    pub socket: Socket<'a>,
    /// The sources that listed it, at least once.
    pub seen_by: Vec<&'static str>,
    /// The sources that were heard and never listed it while others did.
    pub missing_from: Vec<&'static str>,
    /// Why. unexplained: nothing that is known explains it.
    #[schemars(schema_with = "cause_names")]
    pub cause: &'static str,
    /// The same in words.
    pub detail: &'a str,
}

impl<'a> From<(&'a model::Difference, Row<'a>)> for Difference<'a> {
    fn from((difference, row): (&'a model::Difference, Row<'a>)) -> Self {
        let names = |witnesses: &[model::Witness]| witnesses.iter().map(|it| it.name()).collect();
        Difference {
            socket: Socket::from(row),
            seen_by: names(&difference.seen_by),
            missing_from: names(&difference.missing_from),
            cause: difference.cause.name(),
            detail: &difference.detail,
        }
    }
}

fn compare_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": COMPARE})
}

fn cause_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": model::Cause::ALL.map(model::Cause::name)})
}
