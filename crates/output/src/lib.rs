//! Frames as text: table, JSON, NDJSON, CSV and HTML, and the JSON Schema of what is published.
//!
//! This crate asks no system and decides nothing: which rows, in which order, is the caller's [`Listing`]. All that serde
//! and schemars know of sockscope's types is in [`schema`], and in [`read`], its inverse. Each function that writes streams: what
//! it keeps does not grow with the number of rows, and an error is always the writer's own, a closed pipe included.

#![forbid(unsafe_code)]

/// One cell as text, for the formats that have cells.
mod cell;
/// What happened to sockets, a line each.
mod change;
/// Text from outside made harmless: for terminals, for spreadsheets, for browsers.
mod clean;
/// Which columns there are, by name.
mod columns;
/// Where sources differ, for people.
mod compare;
/// Comma-separated values.
mod csv;
/// A page for the browser.
mod html;
/// One JSON document, or one object a line.
mod json;
/// What is to be printed.
mod listing;
pub mod read;
pub mod schema;
/// Columns for people.
mod table;
/// Processes to which something is to be done.
mod targets;
/// Numbers, addresses and times as text, without allocation.
mod text;

pub use self::cell::push_human;
pub use self::change::{ChangeOptions, change_day, change_line, change_title};
pub use self::clean::{clean, push_clean};
pub use self::columns::{Column, ColumnError};
pub use self::compare::{CompareOptions, compare_table, wrapped};
pub use self::csv::csv;
pub use self::html::html;
pub use self::json::{
    assert_json, change_json, compare_json, database_json, json, located_json, ndjson, outcome_json, why_json,
};
pub use self::listing::Listing;
pub use self::schema::{change_schema, compare_schema, snapshot_schema, why_schema};
pub use self::table::{TableOptions, cut, push_cell, table, width};
pub use self::targets::{sockets, target_table};
pub use self::text::{brief, moment};
