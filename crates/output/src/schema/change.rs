//! The published shape of a line of `watch`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use sockscope_model as model;

use super::{Socket, State, Time, micros, published};

/// The name and version of a line of `watch`.
pub const CHANGE: &str = "sockscope.change/1";

/// The JSON Schema of [`Change`], as `docs/schema/sockscope.change-1.json` has it.
pub fn change_schema() -> serde_json::Value {
    published::<Change<'static>>(CHANGE)
}

/// What happened to one socket: a line of `sockscope watch --ndjson`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Change<'a> {
    /// Name and version of this shape.
    #[schemars(schema_with = "change_name")]
    pub schema: &'static str,
    /// When it happened, or when it was seen to have happened.
    pub at: Option<Time>,
    /// What happened. closed is said once: when the socket is gone or enters TIME_WAIT.
    #[schemars(schema_with = "kind_names")]
    pub change: &'static str,
    /// The socket as it is; a closed one as it was seen last, with what it counted in traffic.
    pub socket: Socket<'a>,
    /// What it was like before; null for a new socket and where that is not known.
    pub before: Option<Before>,
    /// Of a closed socket, how long it was seen open; null where it was there before the watch began, or came and went between two
    /// looks.
    pub duration_us: Option<u64>,
}

/// What a socket was like before.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Before {
    /// TCP state (RFC 9293); null for UDP.
    pub state: Option<State>,
}

impl<'a> From<&'a model::Occurrence> for Change<'a> {
    fn from(occurrence: &'a model::Occurrence) -> Self {
        let lasted = occurrence.lasted.filter(|_| !occurrence.from_before);
        let is_udp = occurrence.socket.key.protocol == model::Protocol::Udp;
        let is_new = occurrence.kind == model::EventKind::Opened;
        Change {
            schema: CHANGE,
            at: Time::new(occurrence.at),
            change: occurrence.kind.name(),
            socket: Socket::from(occurrence.row()),
            before: match occurrence.before {
                Some(state) => Some(Before { state: Some(State(state)) }),
                None if is_udp && !is_new => Some(Before { state: None }),
                None => None,
            },
            duration_us: lasted.map(micros),
        }
    }
}

fn change_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": CHANGE})
}

fn kind_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": model::EventKind::ALL.map(model::EventKind::name)})
}
