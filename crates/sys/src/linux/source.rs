//! One pass: sockets, owners, then names for the numbers that occur.

use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::Instant;

use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use sockscope_model::{
    ErrorKind, Family, NoOwner, Notice, Owners, Protocol, Request, Snapshot, Source, SourceChoice, SourceError,
    Testimony, Timestamp,
};
use sockscope_wire::procfs as wire_procfs;
use sockscope_wire::sock_diag::Table;

use super::names::{self, Users};
use super::netlink::DumpError;
use super::sock_diag::Collected;
use super::{cgroups, files, owners, procfs, sock_diag};

/// This machine's sockets, from sock_diag, or from /proc/net where that is refused.
#[derive(Debug)]
pub struct LinuxSource {
    choice: SourceChoice,
    users: Users,
    /// Whether it is asked as a witness: tables that this kernel lacks are named one by one.
    witness: bool,
}

impl LinuxSource {
    /// The source as `compare` asks it.
    pub(super) fn witness(choice: SourceChoice) -> Result<LinuxSource, SourceError> {
        Ok(LinuxSource { witness: true, ..LinuxSource::new(choice)? })
    }

    pub(super) fn new(choice: SourceChoice) -> Result<LinuxSource, SourceError> {
        if !super::SOURCES.contains(&choice) {
            return Err(SourceError {
                kind: ErrorKind::Unavailable,
                operation: "use the source".into(),
                object: choice.name().into(),
                cause: "Linux does not have it".into(),
                help: Some(format!("here are: {}", names_of(super::SOURCES))),
            });
        }
        Ok(LinuxSource { choice, users: Users::default(), witness: false })
    }

    fn sockets(&self, request: &Request, snapshot: &mut Snapshot) -> Result<HashSet<u64>, SourceError> {
        if self.choice != SourceChoice::Procfs {
            match sock_diag::collect(request) {
                Ok(collected) => return self.take(collected, request, snapshot),
                Err(error) if self.choice == SourceChoice::SockDiag => return Err(explain(&error)),
                Err(error) => snapshot.notices.push(Notice {
                    code: "sock-diag-unavailable",
                    message: SourceError { help: None, ..explain(&error) }.to_string(),
                }),
            }
        }
        procfs_tables(request, snapshot)?;
        snapshot.notices.push(Notice {
            code: "procfs-limits",
            message: "the tables of /proc/net, which are shown here, lack bound sockets, cookies, marks, cgroups, \
                      interfaces, traffic and the length of accept queues, and may miss sockets while others come and go"
                .into(),
        });
        Ok(HashSet::new())
    }

    fn take(
        &self,
        collected: Collected,
        request: &Request,
        snapshot: &mut Snapshot,
    ) -> Result<HashSet<u64>, SourceError> {
        snapshot.sockets = collected.sockets;
        snapshot.sources.push(collected.report);
        malformed(snapshot, collected.malformed, "sock_diag", None);
        for (table, error) in &collected.missing {
            let family = if *table == Table::Udp4 { "IPv4" } else { "IPv6" };
            let message = format!("the kernel has no sock_diag for UDP over {family}: {error}");
            if self.choice == SourceChoice::SockDiag {
                let of = if *table == Table::Udp4 { Family::Ipv4 } else { Family::Ipv6 };
                let code = if self.witness { Testimony::lacks(Protocol::Udp, of) } else { "table-unavailable" };
                snapshot.notices.push(Notice { code, message });
                continue;
            }
            snapshot
                .notices
                .push(Notice { code: "table-unavailable", message: format!("{message}; read from /proc/net instead") });
            let mut request = Request { tcp: false, ..request.clone() };
            (request.ipv4, request.ipv6) = (*table == Table::Udp4, *table == Table::Udp6);
            procfs_tables(&request, snapshot)?;
        }
        Ok(collected.tunnels)
    }

    fn name(&mut self, snapshot: &mut Snapshot, request: &Request) {
        let mut uids: HashSet<u32> = snapshot.sockets.iter().filter_map(|socket| socket.uid).collect();
        uids.extend(snapshot.processes.values().filter_map(|process| process.uid));
        snapshot.users = self.users.resolve(&uids);
        for process in snapshot.processes.values_mut() {
            process.user = process.uid.and_then(|uid| snapshot.users.get(&uid).cloned());
        }
        let scoped = |address: std::net::SocketAddr| match address {
            std::net::SocketAddr::V6(v6) => v6.scope_id() != 0,
            std::net::SocketAddr::V4(_) => false,
        };
        if snapshot.sockets.iter().any(|socket| socket.interface.is_some() || scoped(socket.key.local)) {
            snapshot.interfaces = names::interfaces();
        }
        if request.cgroups {
            let ids: HashSet<u64> = snapshot.sockets.iter().filter_map(|socket| socket.cgroup).collect();
            snapshot.cgroups = cgroups::resolve(&ids);
        }
    }
}

impl Source for LinuxSource {
    fn snapshot(&mut self, request: &Request) -> Result<Snapshot, SourceError> {
        let start = Instant::now();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut snapshot = Snapshot::new("linux", host, Timestamp::from(std::time::SystemTime::now()));
        if request.tcp_opens {
            snapshot.tcp_opens = tcp_opens();
        }
        let tunnels = self.sockets(request, &mut snapshot)?;
        if let Some(namespace) = names::own_namespace() {
            for socket in &mut snapshot.sockets {
                socket.namespace = Some(namespace.id);
            }
            snapshot.namespaces.insert(namespace.id, namespace);
        }
        if request.owners {
            owners::attribute(&mut snapshot, request, boot_time(), &tunnels);
        } else {
            for socket in &mut snapshot.sockets {
                socket.owners = Owners::Nobody(NoOwner::NotAsked);
            }
        }
        self.name(&mut snapshot, request);
        snapshot.elapsed = start.elapsed();
        Ok(snapshot)
    }
}

/// ActiveOpens and PassiveOpens of this network namespace: both families, in one.
fn tcp_opens() -> Option<u64> {
    wire_procfs::snmp_tcp_opens(&files::read(c"/proc/thread-self/net/snmp").ok()?)
}

fn procfs_tables(request: &Request, snapshot: &mut Snapshot) -> Result<(), SourceError> {
    let tables = procfs::collect(request);
    if tables.sockets.is_empty()
        && let Some((path, error)) = tables.unreadable.first()
    {
        return Err(SourceError {
            kind: if matches!(*error, Errno::ACCESS | Errno::PERM) { ErrorKind::Refused } else { ErrorKind::Failed },
            operation: "read".into(),
            object: path.to_string_lossy().into_owned(),
            cause: error.to_string(),
            help: Some("is /proc mounted?".into()),
        });
    }
    for (path, error) in &tables.unreadable {
        let message = format!("can't read {}: {error}; its sockets are missing", path.to_string_lossy());
        snapshot.notices.push(Notice { code: "table-unavailable", message });
    }
    let first = tables.first_malformed.map(|(path, first)| format!("{}: {}", path.to_string_lossy(), first.problem));
    malformed(snapshot, tables.malformed, "/proc/net", first);
    snapshot.sockets.extend(tables.sockets);
    snapshot.sources.push(tables.report);
    Ok(())
}

fn malformed(snapshot: &mut Snapshot, rows: u64, source: &str, first: Option<String>) {
    if rows > 0 {
        let (noun, verb) = if rows == 1 { ("row", "is") } else { ("rows", "are") };
        let first = first.map_or_else(String::new, |first| format!(" ({first})"));
        let message = format!("{rows} {noun} of {source} made no sense and {verb} missing{first}");
        snapshot.notices.push(Notice { code: "malformed-rows", message });
    }
}

fn explain(error: &DumpError) -> SourceError {
    let (kind, cause, help) = match error {
        DumpError::System(Errno::ACCESS | Errno::PERM) => {
            (ErrorKind::Refused, Errno::PERM.to_string(), Some("a sandbox forbids it; try --source procfs"))
        }
        DumpError::System(Errno::NOENT | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT) => (
            ErrorKind::Unavailable,
            "this kernel does not offer it".to_owned(),
            Some("load the modules tcp_diag and udp_diag, or try --source procfs"),
        ),
        DumpError::System(error) => (ErrorKind::Failed, error.to_string(), None),
        DumpError::Malformed(error) => (ErrorKind::Malformed, error.to_string(), None),
    };
    SourceError {
        kind,
        operation: "list sockets by".into(),
        object: "NETLINK_SOCK_DIAG".into(),
        cause,
        help: help.map(str::to_owned),
    }
}

fn names_of(choices: &[SourceChoice]) -> String {
    let names: Vec<_> = choices.iter().map(|choice| choice.name()).collect();
    names.join(", ")
}

/// When the system was started: now less the time since then, suspended time included, which the start times under /proc count
/// from. Rounded to the hundredth of a second that those are given in.
///
/// It is asked once, so that a process' start is the same in every snapshot, and still the same when the process is to be ended:
/// whoever sets the clock meanwhile moves this moment, too.
pub(super) fn boot_time() -> Timestamp {
    static BOOT: OnceLock<Timestamp> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let micros = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)
        };
        let boot = micros(ClockId::Realtime).saturating_sub(micros(ClockId::Boottime));
        Timestamp::from_micros(boot.saturating_add(5_000).div_euclid(10_000).saturating_mul(10_000))
    })
}
