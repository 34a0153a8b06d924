//! What live views of sockets have in common, on a terminal as in a window: which lines there are, in which order, what happened
//! to them, and what stays the same from look to look.
//!
//! An [`Arranger`], on a thread of its own ([`arranger`]), makes of every look an [`Arrangement`] by the [`Settings`] of the view,
//! so that drawing and keys cost the same whether there are a hundred sockets or a hundred thousand. What is acted on is held by
//! its identity ([`Held`], [`LineKey`]), never by its position.

#![forbid(unsafe_code)]

mod actions;
mod arrange;
/// The thread that arranges.
pub mod arranger;
/// The text of cells.
pub mod cells;
mod columns;
/// Where the peers are, together.
mod geography;
mod held;
mod history;
mod identity;
/// What groups are called.
pub mod labels;
mod lives;
mod settings;
mod view;

pub use actions::{Actions, Message, close, end};
pub use arrange::{Arrangement, Arranger, Branch, Group, Line, Lines, Look, Mark, Subject, TREND, Totals};
pub use columns::{Shown, name_text};
pub use geography::{Spot, SpotKey};
pub use held::Held;
pub use history::{History, Sample};
pub use identity::{GroupKey, LineKey, digest};
pub use lives::{Event, Moment};
pub use settings::{Opened, Settings, Sort};
pub use view::View;
