//! The live table of sockets in a terminal: `sockscope top`.
//!
//! [`App`] is the table as a state machine: events of the terminal in, [`Effect`]s out, and [`App::draw`] draws what can be seen. An
//! arranger ([`sockscope_live`]), on a thread of its own, makes of every look which lines there are and in which order, so that drawing and keys cost
//! the same whether there are a hundred sockets or a hundred thousand. [`run`] joins both with a terminal and a monitor.
//!
//! What is done to sockets and processes, and where the table is remembered, is the caller's: this crate knows no operating
//! system but the terminal.

#![forbid(unsafe_code)]

mod app;
mod draw;
/// A line of text that is being typed.
mod edit;
/// What is remembered from one run to the next.
mod remember;
/// The loop that joins table, terminal and monitor.
mod run;
/// The terminal, taken and given back.
mod screen;
/// Signals that concern the terminal.
mod signals;
/// Colours for terminals that have sixteen.
mod sixteen;
/// What things look like.
mod theme;

pub use app::{App, AppOptions, Effect};
pub use remember::{Remembered, RememberedView};
pub use run::{Actions, Ended, end_by, run};
pub use theme::Colours;
