//! The operating system's part: the only crate that asks a kernel for sockets and their owners.
//!
//! A backend provides a [`Source`](sockscope_model::Source) and a few facts about the viewer. Bytes that it reads are
//! decoded in `sockscope-wire`; what it can't read becomes a notice or a reason beside the rows, never an empty list.

// `--cfg sockscope_null` builds the backend of systems that have none, so that it keeps compiling.
/// How closing a socket can fail.
mod closing;
/// What programs with a window need besides.
mod desktop;
/// What a process is told, and how ending one can fail.
mod ending;
#[cfg(all(target_os = "linux", not(sockscope_null)))]
mod linux;
/// Files as bytes.
mod map;
/// Memory that is free.
mod memory;
#[cfg(any(not(any(target_os = "linux", windows)), sockscope_null))]
mod null;
// What is made of Windows' answers is tested on every system.
#[cfg(any(all(windows, not(sockscope_null)), test))]
mod windows;

pub use closing::CloseError;
pub use desktop::{Stream, is_elevated, restart_elevated, tell};
pub use ending::{KillError, Signal};
#[cfg(all(target_os = "linux", not(sockscope_null)))]
use linux::has_signal;
#[cfg(all(target_os = "linux", not(sockscope_null)))]
pub use linux::{
    CLOSABLE, HeldProcess, NativeSource, SIGNALS, SOURCES, WITNESSES, ancestors, can_close, close, config_files,
    data_directories, elsewhere, events, hold, host_name, hosts_text, interfaces, kill, locale, name_containers,
    native, output_is_closed, port_facts, services_text, state_directory, testify, try_bind, viewer_uid, viewer_user,
    vital,
};
pub use map::{FileBytes, map_file, read_file};
pub use memory::give_memory_back;
#[cfg(any(not(any(target_os = "linux", windows)), sockscope_null))]
use null::has_signal;
#[cfg(any(not(any(target_os = "linux", windows)), sockscope_null))]
pub use null::{
    CLOSABLE, HeldProcess, NativeSource, SIGNALS, SOURCES, WITNESSES, ancestors, can_close, close, config_files,
    data_directories, elsewhere, events, hold, host_name, hosts_text, interfaces, kill, locale, name_containers,
    native, output_is_closed, port_facts, services_text, state_directory, testify, try_bind, viewer_uid, viewer_user,
    vital,
};
#[cfg(all(windows, not(sockscope_null)))]
use windows::has_signal;
#[cfg(all(windows, not(sockscope_null)))]
pub use windows::{
    CLOSABLE, HeldProcess, NativeSource, SIGNALS, SOURCES, WITNESSES, ancestors, can_close, close, config_files,
    data_directories, elsewhere, events, hold, host_name, hosts_text, interfaces, kill, locale, name_containers,
    native, output_is_closed, port_facts, services_text, state_directory, testify, try_bind, viewer_uid, viewer_user,
    vital,
};

/// Lets this program ask for tables by functions that nobody documents: on Windows these are called in a second run of the same
/// program, so that whatever they do does not end the first. To be called first in `main`; without it, the sources that need it
/// say that they are missing. In such a second run it does not return. On other systems it does nothing.
pub fn serve_apart() {
    #[cfg(all(windows, not(sockscope_null)))]
    windows::serve();
}
