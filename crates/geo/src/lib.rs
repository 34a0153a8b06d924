//! Where IP addresses are, according to the IP location databases that people have.
//!
//! A [`Database`] is opened from bytes, whatever their format: it is told by the content. [`Database::lookup`] gives a
//! [`Place`], a handle that costs nothing; [`Place::details`] reads what the database states there. An [`Atlas`] asks
//! several databases in order, and names special addresses (private, loopback, ...) as what they are before any of them.
//!
//! Files are not trusted: whatever their bytes are, opening gives a database or an [`OpenError`], and a look-up an answer
//! or none. Nothing is ever sent anywhere.

#![forbid(unsafe_code)]

/// Several databases, asked in order.
mod atlas;
/// Reading numbers and strings out of a file that may be damaged.
mod bytes;
/// Countries: codes and names.
mod country;
/// The bytes of a database, wherever they are.
mod data;
/// One reader for every format.
mod database;
/// What a record states.
mod details;
/// What goes wrong.
mod error;
/// One file a format.
mod formats;
/// IPv4 addresses inside IPv6 addresses.
mod inner;
/// In which language a database answers.
mod language;
/// Addresses that are nowhere in particular.
mod special;

pub use atlas::{Answer, Atlas};
pub use country::CountryCode;
pub use data::Data;
pub use database::{Database, Info, Options, Place, Ranges};
pub use details::{Coordinates, Details};
pub use error::OpenError;
pub use formats::Format;
pub use inner::inner_ipv4;
pub use language::Language;
pub use special::{SPECIAL_DATABASE, Special};
