//! Numbers, moments and addresses as the text that they are in JSON.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use sockscope_model as model;

use super::known;
use crate::text::Stack;

/// An IP address as RFC 5952 has it; an IPv4-mapped one is `::ffff:a.b.c.d`.
#[derive(Debug, Clone, Copy)]
pub struct Address(pub IpAddr);

/// A moment as RFC 3339 has it: UTC, six fractional digits, `Z`.
#[derive(Debug, Clone, Copy)]
pub struct Time(model::Timestamp);

impl Time {
    /// The moment; `None` outside the years 0 to 9999, which are all that RFC 3339 can write.
    pub fn new(time: model::Timestamp) -> Option<Time> {
        crate::text::has_date(time).then_some(Time(time))
    }
}

/// A TCP state by name: RFC 9293's, those that systems add, or `unknown-N`.
#[derive(Debug, Clone, Copy)]
pub struct State(pub model::State);

/// A number as decimal text, since many readers of JSON round numbers above 2^53.
#[derive(Debug, Clone, Copy)]
pub struct Decimal(pub u64);

/// An interface by name, or by index where the name is not known.
#[derive(Debug, Clone, Copy)]
pub struct Interface<'a> {
    index: u32,
    name: Option<&'a str>,
}

impl<'a> Interface<'a> {
    pub(super) fn new(snapshot: &'a model::Snapshot, index: u32) -> Self {
        Interface { index, name: snapshot.interfaces.get(&index).map(String::as_str).and_then(known) }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_short(self.0, serializer)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match crate::text::rfc3339(self.0) {
            Some(text) => serializer.serialize_str(text.as_str()),
            None => serializer.serialize_none(),
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.name() {
            Some(name) => serializer.serialize_str(name),
            None => serializer.collect_str(&self.0),
        }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_short(self.0, serializer)
    }
}

impl Serialize for Interface<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name {
            Some(name) => serializer.serialize_str(name),
            None => serialize_short(self.index, serializer),
        }
    }
}

/// A number's or an address' text, by way of the stack.
fn serialize_short<S: Serializer>(value: impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    match Stack::<48>::of(&value) {
        Some(text) => serializer.serialize_str(text.as_str()),
        None => serializer.collect_str(&value),
    }
}

macro_rules! text_schema {
    ($($type:ty, $name:literal, $schema:expr;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

text_schema! {
    Address, "Address", json_schema!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]});
    Time, "Time", json_schema!({
        "type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
    });
    State, "State", json_schema!({
        "type": "string",
        "anyOf": [{"enum": model::State::NAMED.map(model::State::name)}, {"pattern": "^unknown-[0-9]+$"}]
    });
    Decimal, "Decimal", json_schema!({"type": "string", "pattern": "^[0-9]+$"});
    Interface<'_>, "Interface", json_schema!({"type": "string", "minLength": 1});
}
