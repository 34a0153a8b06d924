//! The operating system's part: the only crate that asks a kernel for sockets and their owners.
//!
//! A backend provides a [`Source`](sockscope_model::Source) and a few facts about the viewer. Bytes that it reads are
//! decoded in `sockscope-wire`; what it can't read becomes a notice or a reason beside the rows, never an empty list.

// `--cfg sockscope_null` builds the backend of systems that have none, so that it keeps compiling.
/// How closing a socket can fail.
mod closing;
#[cfg(all(target_os = "linux", not(sockscope_null)))]
mod linux;
/// Files as bytes.
mod map;
#[cfg(any(not(target_os = "linux"), sockscope_null))]
mod null;

pub use closing::CloseError;
#[cfg(all(target_os = "linux", not(sockscope_null)))]
pub use linux::{
    CLOSABLE, NativeSource, SOURCES, WITNESSES, close, config_files, data_directories, interfaces, locale, native,
    services_text, testify, viewer_uid, viewer_user,
};
pub use map::{FileBytes, map_file, read_file};
#[cfg(any(not(target_os = "linux"), sockscope_null))]
pub use null::{
    CLOSABLE, NativeSource, SOURCES, WITNESSES, close, config_files, data_directories, interfaces, locale, native,
    services_text, testify, viewer_uid, viewer_user,
};
