//! The window, driven as users drive it: without display, clock and threads.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what tests share fails as tests do, and the lints spare only the tests themselves"
)]

/// What was clicked is what is acted on, whatever moves meanwhile.
mod captured;
/// Details of one socket.
mod details;
/// Questions and lists in front of the table.
mod dialogs;
/// What is typed, and chips.
mod filter;
/// Trees.
mod groups;
/// Sizes and texts that nobody asked for.
mod hostile;
/// The keyboard alone.
mod keys;
/// A made-up machine.
mod machine;
/// What the menu does.
mod menu;
/// A window without a screen.
mod rig;
/// What stands below the table.
mod status;
/// Rows, order, columns and marks.
mod table;
/// Languages, themes, sizes.
mod words;
