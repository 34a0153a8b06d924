//! The live table, without a terminal.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what tests share fails as tests do, and the lints spare only the tests themselves"
)]

/// Any keys, in any order.
mod anything;
/// What keys and mouse do.
mod keys;
/// A table, and a machine.
mod rig;
/// What is on the screen.
mod screens;
