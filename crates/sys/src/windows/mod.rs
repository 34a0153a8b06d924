//! Windows: the tables of iphlpapi.dll for the sockets, the list of processes for their owners.
//!
//! What is made of the answers does not depend on Windows and is built with the tests of every system; `machine.rs` says
//! what is asked. What nobody documents is called in a process of its own (`apart.rs`).

/// Which processes a process descends from.
mod ancestors;
/// Calling what is undocumented in a process of its own.
#[cfg(windows)]
mod apart;
/// Closing connections.
mod close;
/// Arguments as one line.
mod command_line;
/// Saying something without a console, and an administrator's rights.
#[cfg(windows)]
mod desktop;
/// Where configuration and data are.
#[cfg(windows)]
mod directories;
/// Ending processes.
#[cfg(windows)]
mod ending;
/// Functions that fill tables.
mod functions;
/// Names of addresses.
#[cfg(windows)]
mod host_name;
/// What is asked of Windows.
mod machine;
/// Who owns which socket, and why nobody does.
mod owners;
/// What beside the sockets decides whether a port can be bound.
#[cfg(windows)]
mod port;
/// Which ports can't be bound.
#[cfg(windows)]
mod probe;
/// Processes, services and users.
#[cfg(windows)]
mod processes;
/// Reading one table.
mod read;
/// The source: all of the above in order.
mod source;
/// Statuses of functions, and what they mean.
mod status;
/// The real Windows.
#[cfg(windows)]
mod system;
/// What only a real Windows shows, from tables made by hand.
#[cfg(test)]
mod tests;

#[cfg(windows)]
pub use native::*;

/// What the crate exports where it is built for Windows.
#[cfg(windows)]
mod native {
    use std::collections::BTreeMap;

    use sockscope_model::{
        ErrorKind, Events, ProcessId, Request, Snapshot, Socket, Source, SourceChoice, SourceError, Testimony, Witness,
    };

    pub(crate) use super::apart::serve;
    pub(crate) use super::desktop::{is_elevated, restart_elevated, tell};
    pub use super::directories::{config_files, data_directories, locale, services_text, state_directory};
    pub(crate) use super::ending::has_signal;
    pub use super::ending::{HeldProcess, SIGNALS, hold, kill, vital};
    pub use super::host_name::{host_name, hosts_text};
    pub use super::port::{elsewhere, name_containers, port_facts, try_bind};
    pub use super::processes::viewer_user;
    use super::source::WindowsSource;
    use super::system::System;
    use crate::CloseError;

    /// The sources that this system has, `auto` first.
    pub const SOURCES: &[SourceChoice] = &[
        SourceChoice::Auto,
        SourceChoice::GetExtendedTable,
        SourceChoice::GetTable2,
        SourceChoice::GetTable,
        SourceChoice::AllocateExTableFromStack,
        SourceChoice::InternalGetTable,
    ];

    /// The source whose rows have what [`close`] checks.
    pub const CLOSABLE: Option<SourceChoice> = Some(SourceChoice::GetExtendedTable);

    /// Who can be asked which sockets there are, the one that knows most first.
    pub const WITNESSES: &[Witness] = &[
        Witness::Source(SourceChoice::GetExtendedTable),
        Witness::Source(SourceChoice::GetTable2),
        Witness::Source(SourceChoice::GetTable),
        Witness::Source(SourceChoice::AllocateExTableFromStack),
        Witness::Source(SourceChoice::InternalGetTable),
        Witness::BindProbe,
    ];

    /// This machine's sockets.
    #[derive(Debug)]
    pub struct NativeSource(WindowsSource<System>);

    impl Source for NativeSource {
        fn snapshot(&mut self, request: &Request) -> Result<Snapshot, SourceError> {
            self.0.snapshot(request)
        }
    }

    /// The system's own source. Nothing is asked before the first snapshot.
    ///
    /// # Errors
    /// The choice names a source of another system.
    pub fn native(choice: SourceChoice) -> Result<NativeSource, SourceError> {
        WindowsSource::new(choice, System::default()).map(NativeSource)
    }

    /// Asks one of them, and no other: what it does not know stays unknown.
    ///
    /// # Errors
    /// It could not be heard.
    pub fn testify(witness: Witness, request: &Request) -> Result<Testimony, SourceError> {
        match witness {
            Witness::Source(choice) => native(choice)?.0.testify(request),
            _ => super::probe::testify(witness, request),
        }
    }

    /// Whether whoever reads standard output is gone: known only when something is written.
    pub fn output_is_closed() -> bool {
        false
    }

    /// What Windows tells of sockets the moment it happens: nothing, without a session of Event Tracing for Windows.
    ///
    /// # Errors
    /// Always.
    pub fn events(_request: &Request) -> Result<Box<dyn Events>, SourceError> {
        Err(SourceError {
            kind: ErrorKind::Unavailable,
            operation: "hear of".into(),
            object: "sockets as they open and close".into(),
            cause: "Windows tells it only to a session of Event Tracing (ETW), which sockscope does not start".into(),
            help: None,
        })
    }

    /// Closes connections, each only if it is still the one that was listed.
    ///
    /// # Errors
    /// See [`CloseError`].
    pub fn close(sockets: &[&Socket]) -> Vec<Result<(), CloseError>> {
        match native(SourceChoice::GetExtendedTable) {
            Ok(mut source) => super::close::close(&mut source.0, sockets),
            Err(error) => sockets.iter().map(|_| Err(CloseError::Failed(error.to_string()))).collect(),
        }
    }

    /// Whether Windows has a call that closes such a socket; asks nobody.
    ///
    /// # Errors
    /// [`CloseError::Unsupported`], with the reason.
    pub fn can_close(socket: &Socket) -> Result<(), CloseError> {
        super::close::can_close(socket)
    }

    /// This process and those that it descends from, the nearest first.
    pub fn ancestors() -> Vec<ProcessId> {
        super::ancestors::chain(&super::processes::list().unwrap_or_default(), std::process::id())
    }

    /// Users have names here, and no numbers.
    pub fn viewer_uid() -> Option<u32> {
        None
    }

    /// Interfaces are numbers here: no socket is bound to one, and a scope is an index.
    pub fn interfaces() -> BTreeMap<u32, String> {
        BTreeMap::new()
    }
}
