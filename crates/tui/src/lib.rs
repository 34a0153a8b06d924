//! The live table of sockets in a terminal: `sockscope top`.
//!
//! [`App`] is the table as a state machine: events of the terminal in, [`Effect`]s out, and [`App::draw`] draws what can be seen. An
//! arranger, on a thread of its own, makes of every look which lines there are and in which order, so that drawing and keys cost
//! the same whether there are a hundred sockets or a hundred thousand. [`run`] joins both with a terminal and a monitor.
//!
//! What is done to sockets and processes, and where the table is remembered, is the caller's: this crate knows no operating
//! system but the terminal.

#![forbid(unsafe_code)]

mod app;
pub mod arrange;
/// The thread that arranges.
mod arranger;
/// Columns of the live table.
mod columns;
mod draw;
/// A line of text that is being typed.
mod edit;
/// What stays the same from look to look.
mod identity;
/// What is remembered from one run to the next.
mod remember;
/// The loop that joins table, terminal and monitor.
mod run;
/// The terminal, taken and given back.
mod screen;
/// What decides which lines there are.
mod settings;
/// Signals that concern the terminal.
mod signals;
/// Colours for terminals that have sixteen.
mod sixteen;
/// What things look like.
mod theme;
/// What a line is.
mod view;

pub use app::{App, AppOptions, Effect, Message};
pub use columns::Shown;
pub use identity::{GroupKey, LineKey};
pub use remember::{Remembered, RememberedView};
pub use run::{Actions, Ended, end_by, run};
pub use settings::{Settings, Sort};
pub use theme::Colours;
pub use view::View;
