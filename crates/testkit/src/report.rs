use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One end of a socket, in the shape of the published JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address, RFC 5952.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The interface of a link-local address: on Linux its name, on Windows its number.
    pub scope: Option<String>,
}

impl Endpoint {
    /// Of a socket address, with its scope's text.
    pub fn of(address: SocketAddr) -> Endpoint {
        let scope = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => scope(v6.scope_id()),
            _ => None,
        };
        Endpoint { address: address.ip().to_string(), port: address.port(), scope }
    }
}

#[cfg(target_os = "linux")]
fn scope(index: u32) -> Option<String> {
    crate::kernel::interface_name(index)
}

#[cfg(not(target_os = "linux"))]
fn scope(index: u32) -> Option<String> {
    Some(index.to_string())
}

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// Its number, as the maker counts.
    pub pid: u32,
    /// Its descriptors, ascending; empty where only an io_uring ring holds the socket, and on Windows.
    pub fds: Vec<u32>,
}

/// A socket that was made, as a listing should show it. The keys are those of the published JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Which case it is there for, such as `syn-sent` or `in-flight`.
    pub case: String,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// RFC 9293 in lower case, or `bound`; `None` for UDP.
    pub state: Option<String>,
    /// Where it is bound.
    pub local: Endpoint,
    /// Its peer.
    pub remote: Option<Endpoint>,
    /// Who holds it, ascending by pid.
    pub owners: Vec<Holder>,
    /// If nobody does: why.
    pub no_owner: Option<String>,
    /// Its inode; `None` where it has none or the maker can't know it.
    pub inode: Option<u64>,
    /// Its cookie as decimal text; `None` where the maker can't know it.
    pub cookie: Option<String>,
    /// Who made it.
    pub uid: Option<u32>,
    /// The interface that it is bound to.
    pub interface: Option<String>,
    /// The firewall mark, where one was set.
    pub mark: Option<u32>,
    /// What waits to be read; for listeners, to be accepted. `None` where the case does not fix it.
    pub receive_queue: Option<u32>,
}

/// What a process says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its number.
    pub pid: u32,
    /// The file that it was started from.
    pub path: String,
    /// Its own words, the program first.
    pub command_line: Vec<String>,
    /// When it was started: microseconds since 1970.
    pub started_at_us: i64,
}

/// Something that could not be made here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The case.
    pub case: String,
    /// Why.
    pub reason: String,
}

/// What a scenario made: the JSON behind `ready`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// The process that runs it. A tool that joins its network namespace sees exactly these sockets.
    pub pid: u32,
    /// The inode of the network namespace that the sockets are in; on Windows 0.
    pub namespace: u64,
    /// Every other process of the scenario.
    pub processes: Vec<u32>,
    /// On Windows, what each process says of itself.
    pub programs: Vec<Program>,
    /// TCP sockets of the scenario, those included that are not listed below.
    pub tcp: u64,
    /// UDP sockets of the scenario, those included that are not listed below.
    pub udp: u64,
    /// Descriptors for plain files.
    pub files: u64,
    /// Each socket, where the scenario is about single sockets.
    pub sockets: Vec<Made>,
    /// What could not be made, and why.
    pub skipped: Vec<Skipped>,
}

impl Report {
    /// An empty report of a scenario that this process runs.
    pub(crate) fn new(scenario: &str) -> Report {
        #[cfg(target_os = "linux")]
        let namespace = crate::kernel::namespace_of_self();
        #[cfg(not(target_os = "linux"))]
        let namespace = 0;
        Report { scenario: scenario.into(), pid: std::process::id(), namespace, ..Report::default() }
    }

    /// The only socket of that case.
    ///
    /// # Panics
    /// If there is none or more than one.
    pub fn case(&self, case: &str) -> &Made {
        let mut found = self.sockets.iter().filter(|made| made.case == case);
        match (found.next(), found.next()) {
            (Some(made), None) => made,
            (None, _) => panic!("no socket of case {case}; skipped: {:?}", self.skipped),
            _ => panic!("more than one socket of case {case}"),
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn skip(&mut self, case: &str, reason: impl std::fmt::Display) {
        self.skipped.push(Skipped { case: case.into(), reason: reason.to_string() });
    }

    /// Counts a listed socket.
    pub(crate) fn add(&mut self, made: Made) {
        if made.protocol == "tcp" {
            self.tcp += 1;
        } else {
            self.udp += 1;
        }
        self.sockets.push(made);
    }
}
