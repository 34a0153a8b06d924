//! The filter language, sorting, the difference between two snapshots, what several sources say of one machine, and why a port
//! can't be bound.
//!
//! This crate knows no operating system and does no input or output: what a filter needs to know about the machine (service
//! names, interfaces, who asks) is handed in as a [`Context`].

#![forbid(unsafe_code)]

/// What happened, told once.
mod chronicle;
/// What several sources say of one machine, held against one another.
mod compare;
/// What changed between two snapshots.
mod diff;
/// The one language in which users say which sockets they mean.
mod filter;
/// Looking again and again.
mod monitor;
/// The names of fields as users type them.
mod names;
/// Where the peers are.
mod places;
/// How fast sockets and processes send and receive.
mod rates;
/// The names of addresses, in the background.
mod resolver;
/// IP addresses in any text.
mod scanner;
/// The order of rows.
mod sort;
/// Processes that a filter means.
mod targets;
/// Who holds a port, or why it can't be bound.
mod why;

pub use chronicle::{Chronicle, Missed};
pub use compare::Comparer;
pub use diff::{Identity, Pairs, apply, diff, is_notable};
pub use filter::{Context, Filter, FilterError, Needs, Services, parse_duration};
pub use monitor::{Beat, Command, Commander, Monitor, MonitorEnded, MonitorOptions, Update};
pub use names::{SHORT_NAMES, field_by_name};
pub use places::Locator;
pub use rates::process_rates;
pub use resolver::{Resolver, parse_hosts};
pub use scanner::AddressScanner;
pub use sort::{SortError, SortKey, compare_sockets, compare_values, default_order, sort};
pub use targets::{Target, Targets};
pub use why::why;
