//! The live table of sockets in a window, with details of the selected one and the map of where the peers are.
//!
//! [`App`] is the window as a state machine: what was seen goes in ([`App::arranged`]), [`App::ui`] draws it and takes what the
//! user does, and [`App::take_effects`] says what shall be done. It knows no thread and no system, so that tests drive it as users
//! do. [`run`] joins it with a monitor and with the window of the system.

#![forbid(unsafe_code)]

mod app;
/// What stands above the table: filter, groups, how often to look.
mod bar;
/// What drawing costs.
mod bench;
/// The details of one socket.
mod details;
/// Questions and lists in front of the table.
mod dialog;
/// What lines are exported as.
mod export;
/// The filter that is typed.
mod filter;
mod map;
/// What can be done to what was clicked.
mod menu;
/// What is remembered from one run to the next.
mod remember;
/// The loop that joins window and monitor.
mod run;
/// What stands below the table: totals, sources, notices, privilege.
mod status;
mod table;
/// What things look like.
mod theme;
mod words;

pub use app::{App, AppOptions, Effect, Privilege};
pub use bench::{MadeUp, Timings};
pub use export::{Format, Save};
pub use remember::{Remembered, ThemeChoice};
pub use run::{Desk, Opener, Started, run};
pub use words::{Language, Words};
