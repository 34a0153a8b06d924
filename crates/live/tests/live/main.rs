//! Arrangements of looks at a made-up machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what tests share fails as tests do, and the lints spare only the tests themselves"
)]

/// Whether anything is to be seen.
mod alike;
/// What happened to sockets.
mod lives;
/// A made-up machine.
mod machine;
/// The order of lines.
mod order;
/// Where peers are.
mod spots;
/// Groups with their sockets below them.
mod tree;
