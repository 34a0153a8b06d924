//! The published shape of `why`.

use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use sockscope_model as model;

use super::{Address, Notice, Sockets, protocol_names, published};
use crate::Listing;

/// The name and version of the document of `why`.
pub const WHY: &str = "sockscope.why/1";

/// The JSON Schema of [`Why`], as `docs/schema/sockscope.why-1.json` has it.
pub fn why_schema() -> serde_json::Value {
    published::<Why<'static>>(WHY)
}

/// Who holds a port, or why it can't be bound: the output of `sockscope why --json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Why<'a> {
    /// Name and version of this shape.
    #[schemars(schema_with = "why_name")]
    pub schema: &'static str,
    /// The port that was asked about.
    pub port: u16,
    /// Transport protocol.
    #[schemars(schema_with = "protocol_names")]
    pub protocol: &'static str,
    /// The address that was asked about; null: any.
    pub address: Option<Address>,
    /// In one word. unknown: there is neither a holder nor a cause that is known.
    #[schemars(schema_with = "verdict_names")]
    pub verdict: &'static str,
    /// The sockets behind the verdict, those of other network namespaces included.
    pub holders: Sockets<'a>,
    /// The verdict in one paragraph.
    pub explanation: &'a str,
    /// What to do about it.
    pub advice: &'a str,
    /// What came of binding the port; null unless --probe asked for it.
    pub probe: Option<Vec<Attempt<'a>>>,
    /// What is missing, and why.
    pub notices: Vec<Notice<'a>>,
}

impl<'a> Why<'a> {
    /// The answer; the listing has its holders.
    pub fn new(
        question: &model::PortQuestion,
        answer: &'a model::PortAnswer,
        attempts: Option<&'a [model::BindAttempt]>,
        listing: &Listing<'a>,
    ) -> Self {
        Why {
            schema: WHY,
            port: question.port,
            protocol: question.protocol.name(),
            address: question.address.map(Address),
            verdict: answer.verdict.name(),
            holders: Sockets(*listing),
            explanation: &answer.explanation,
            advice: &answer.advice,
            probe: attempts.map(|attempts| attempts.iter().map(Attempt::from).collect()),
            notices: listing.frame.snapshot.notices.iter().map(Notice::from).collect(),
        }
    }
}

/// An attempt to bind the port.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Attempt<'a> {
    /// On which address.
    pub address: Address,
    /// Whether SO_REUSEADDR was set.
    pub reuse_address: bool,
    /// What the system said; null: it was bound.
    pub error: Option<&'a str>,
}

impl<'a> From<&'a model::BindAttempt> for Attempt<'a> {
    fn from(attempt: &'a model::BindAttempt) -> Self {
        let address: IpAddr = attempt.local.ip();
        let error = attempt.error.as_ref().map(|error| error.text.as_str());
        Attempt { address: Address(address), reuse_address: attempt.reuse_address, error }
    }
}

fn why_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": WHY})
}

fn verdict_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": model::Verdict::ALL.map(model::Verdict::name)})
}
