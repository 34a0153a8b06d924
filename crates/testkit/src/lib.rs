//! Makes real sockets of every kind: for integration tests, for measurements, and for comparing two listings of one
//! quiet machine.
//!
//! Each scenario is a function here, whose [`Scenario`] holds the sockets until it is dropped, and a subcommand of the
//! program `sockscope-testkit`, which prints `ready {json}` (a [`Report`]) on one line when everything is there and ends
//! when its standard input does. [`Running`] starts that program and reads the line.
//!
//! Nothing here leaves the machine: sockets live on loopback, or in a network namespace that was made for them.
//!
//! Most of it is for Linux. The program for Windows has scenarios of its own, which [`Running`] starts on Linux, under Wine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests and measurements use it: what it can't make is a failed test"
)]

/// Connections with anyone, none of which leaves the machine.
#[cfg(target_os = "linux")]
mod abroad;
/// Opening and closing at full speed.
#[cfg(target_os = "linux")]
mod churn;
/// The program's arguments.
#[cfg(target_os = "linux")]
mod cli;
/// Many processes with many files.
#[cfg(target_os = "linux")]
mod files;
/// System calls that need unsafe code, behind safe functions.
#[cfg(target_os = "linux")]
mod kernel;
/// Many connections.
#[cfg(target_os = "linux")]
mod load;
/// Sockets with many owners, hidden ones and none.
#[cfg(target_os = "linux")]
mod owners;
/// A server and its client, each a process by itself.
#[cfg(target_os = "linux")]
mod pair;
/// What further processes of a scenario do.
#[cfg(target_os = "linux")]
mod part;
/// Starting scenarios and their processes.
#[cfg(target_os = "linux")]
mod process;
/// What was made, as JSON.
mod report;
/// Making sockets and describing them.
#[cfg(target_os = "linux")]
mod socket;
/// A few hundred sockets of every kind.
#[cfg(target_os = "linux")]
mod varied;
/// Scenarios on Windows.
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use abroad::{AbroadOptions, abroad};
#[cfg(target_os = "linux")]
pub use churn::{Churn, ChurnOptions, Counts, churn};
#[cfg(target_os = "linux")]
pub use cli::run;
#[cfg(target_os = "linux")]
pub use files::{FilesOptions, files};
#[cfg(target_os = "linux")]
pub use kernel::{enter_private_namespace, in_namespace_of};
#[cfg(target_os = "linux")]
pub use load::{LoadOptions, load};
#[cfg(target_os = "linux")]
pub use owners::{FILE_NAME_WITH_EVERYTHING, NAME_WITH_ESCAPES, NAME_WITH_FORMULA, owners};
#[cfg(target_os = "linux")]
pub use pair::{ConnectOptions, ServeOptions, connect, serve};
#[cfg(target_os = "linux")]
pub use process::{Running, Scenario, binary};
pub use report::{Endpoint, Holder, Made, Program, Report, Skipped};
#[cfg(target_os = "linux")]
pub use varied::varied;
#[cfg(windows)]
pub use windows::run;
