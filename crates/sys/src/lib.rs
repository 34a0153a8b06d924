//! The operating system's part: the only crate that asks a kernel for sockets and their owners.
//!
//! A backend provides a [`Source`](sockscope_model::Source) and a few facts about the viewer. Bytes that it reads are
//! decoded in `sockscope-wire`; what it can't read becomes a notice or a reason beside the rows, never an empty list.

/// How closing a socket can fail.
mod closing;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod null;

pub use closing::CloseError;
#[cfg(target_os = "linux")]
pub use linux::{CLOSABLE, NativeSource, SOURCES, close, interfaces, native, services_text, viewer_uid};
#[cfg(not(target_os = "linux"))]
pub use null::{CLOSABLE, NativeSource, SOURCES, close, interfaces, native, services_text, viewer_uid};
