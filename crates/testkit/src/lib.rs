//! Makes real sockets of every kind: for integration tests, for measurements, and for comparing two listings of one
//! quiet machine.
//!
//! Each scenario is a function here, whose [`Scenario`] holds the sockets until it is dropped, and a subcommand of the
//! program `sockscope-testkit`, which prints `ready {json}` (a [`Report`]) on one line when everything is there and ends
//! when its standard input does. [`Running`] starts that program and reads the line.
//!
//! Nothing here leaves the machine: sockets live on loopback, or in a network namespace that was made for them.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests and measurements use it: what it can't make is a failed test"
)]

/// Connections with anyone, none of which leaves the machine.
mod abroad;
/// Opening and closing at full speed.
mod churn;
/// The program's arguments.
mod cli;
/// Many processes with many files.
mod files;
/// System calls that need unsafe code, behind safe functions.
mod kernel;
/// Many connections.
mod load;
/// Sockets with many owners, hidden ones and none.
mod owners;
/// What further processes of a scenario do.
mod part;
/// Starting scenarios and their processes.
mod process;
/// What was made, as JSON.
mod report;
/// Making sockets and describing them.
mod socket;
/// A few hundred sockets of every kind.
mod varied;

pub use abroad::{AbroadOptions, abroad};
pub use churn::{Churn, ChurnOptions, Counts, churn};
pub use cli::run;
pub use files::{FilesOptions, files};
pub use kernel::{enter_private_namespace, in_namespace_of};
pub use load::{LoadOptions, load};
pub use owners::{FILE_NAME_WITH_EVERYTHING, NAME_WITH_ESCAPES, NAME_WITH_FORMULA, owners};
pub use process::{Running, Scenario, binary};
pub use report::{Endpoint, Holder, Made, Report, Skipped};
pub use varied::varied;
