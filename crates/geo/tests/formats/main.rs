//! Every format: a small file of our own making, what its reader says of it, and what damage does to it.
//!
//! Each module writes its format by the description of it and not by our reader. The files are committed in
//! `testdata/geo_*`, where fuzzing takes them as seeds; `UPDATE=1` rewrites them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what tests share fails as tests do, and the lints spare only the tests themselves"
)]

mod common;
mod czdb;
mod damage;
mod datx;
mod ip2location;
mod ip2region_db;
mod ipdb;
mod mmdb;
mod qqwry;
mod table;
mod tree;
mod xdb;
mod zx;
