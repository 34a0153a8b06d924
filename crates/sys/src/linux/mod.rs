//! Linux: sock_diag for the sockets, /proc for their owners, /proc/net where netlink is refused.

/// Paths of cgroups by id.
mod cgroups;
/// Every process' sockets, each asked for itself.
mod descriptors;
/// Closing sockets.
mod destroy;
/// Where configuration and data are.
mod directories;
/// Sockets of other network namespaces.
mod elsewhere;
/// Sockets that the kernel destroys, as it tells of them.
mod events;
/// Small files read whole, and numbers as file names.
mod files;
/// Names of addresses.
mod host_name;
/// Network namespaces, interfaces, users, services: names for numbers.
mod names;
/// Datagrams to and from NETLINK_SOCK_DIAG.
mod netlink;
/// Who owns which socket, and why nobody does.
mod owners;
/// What beside the sockets decides whether a port can be bound.
mod port;
/// Every port, whether it can be bound.
mod probe;
/// The tables under /proc/net.
mod procfs;
/// Every process' descriptors.
mod scan;
/// Ending processes.
mod signal;
/// Complete dumps of the sock_diag tables.
mod sock_diag;
/// The source: all of the above in order.
mod source;
/// Processes that /proc does not list.
mod unlisted;
/// Sources one by one, and those that only `compare` asks.
mod witnesses;

use std::collections::BTreeMap;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockscope_model::{SourceChoice, SourceError};

pub use destroy::{can_close, close};
pub use directories::{config_files, data_directories, locale, state_directory};
pub use elsewhere::{elsewhere, name_containers};
pub use events::events;
pub use host_name::{host_name, hosts_text};
pub use port::{port_facts, try_bind};
pub(crate) use signal::has_signal;
pub use signal::{HeldProcess, SIGNALS, ancestors, hold, kill, vital};
pub use source::LinuxSource as NativeSource;
pub use witnesses::{WITNESSES, testify};

/// The sources that this system has, `auto` first.
pub const SOURCES: &[SourceChoice] = &[SourceChoice::Auto, SourceChoice::SockDiag, SourceChoice::Procfs];

/// The source whose rows have what [`close`] checks, if this system can close sockets.
pub const CLOSABLE: Option<SourceChoice> = Some(SourceChoice::SockDiag);

/// The system's own source. Nothing is opened before the first snapshot.
///
/// # Errors
/// The choice names a source of another system.
pub fn native(choice: SourceChoice) -> Result<NativeSource, SourceError> {
    NativeSource::new(choice)
}

/// The viewer's effective user number.
pub fn viewer_uid() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

/// The viewer's name, where users have no numbers: not here.
pub fn viewer_user() -> Option<String> {
    None
}

/// The text of /etc/services, if there is one.
pub fn services_text() -> Option<String> {
    std::fs::read("/etc/services").ok().map(|text| String::from_utf8_lossy(&text).into_owned())
}

/// Whether whoever reads standard output is gone, which a program that writes nothing would not notice.
pub fn output_is_closed() -> bool {
    let stdout = std::io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut asked, Some(&now)), Ok(1)) && asked.iter().any(|it| it.revents().contains(PollFlags::ERR))
}

/// The names of the interfaces of the viewer's network namespace, by index.
pub fn interfaces() -> BTreeMap<u32, String> {
    names::interfaces()
}
