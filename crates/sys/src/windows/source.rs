//! One pass: the tables of a source, then owners, then what is known of them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::{Instant, SystemTime};

use sockscope_model::{
    ErrorKind, Family, NoOwner, Notice, Owners, Protocol, Request, Snapshot, Socket, SocketKey, Source, SourceChoice,
    SourceError, SourceReport, State, Testimony, Timestamp,
};
use sockscope_wire::windows::{quirk, table, traffic};

use super::functions::{self, Function, Table, kind};
use super::machine::Machine;
use super::owners::{self, Claim, Claims};
use super::read::{Filled, Missing, Started, read};
use super::status::words;

/// This machine's sockets, from the tables of iphlpapi.dll.
#[derive(Debug)]
pub(super) struct WindowsSource<M> {
    machine: M,
    choice: SourceChoice,
    tables: &'static [Table],
}

/// What one pass over the tables gave.
struct Rows {
    sockets: Vec<Socket>,
    claims: Claims,
    quirks: Vec<(usize, String)>,
    notices: Vec<Notice>,
    /// Tables that should have been there.
    damaged: Vec<String>,
    /// What this Windows has no table of, and why.
    absent: Vec<(Protocol, Family, String)>,
    /// Why it does not list sockets that are bound and no more.
    absent_bound: Option<String>,
    /// Functions whose tables name no processes.
    without_owners: bool,
    /// Which row a connection has: there is one of it, however many rows it has.
    connections: HashMap<SocketKey, usize>,
    duplicates: u64,
    /// Ports of sockets with a row of their own, by family and process.
    taken: HashSet<(Family, u16, Option<u32>)>,
}

impl<M: Machine> WindowsSource<M> {
    pub(super) fn new(choice: SourceChoice, machine: M) -> Result<WindowsSource<M>, SourceError> {
        let Some((choice, tables)) = functions::tables(choice) else {
            return Err(SourceError {
                kind: ErrorKind::Unavailable,
                operation: "use the source".into(),
                object: choice.name().into(),
                cause: "Windows does not have it".into(),
                help: None,
            });
        };
        Ok(WindowsSource { machine, choice, tables })
    }

    pub(super) fn machine(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The snapshot, and what rows said beside their meaning.
    pub(super) fn testify(&mut self, request: &Request) -> Result<Testimony, SourceError> {
        // One source that says all of the processes is enough: asking takes longer than the tables.
        let details = request.process_details && self.choice == SourceChoice::GetExtendedTable;
        let request = &Request { process_details: details, ..request.clone() };
        // To take another source is no advice to whoever compares them.
        let shorter =
            |error| SourceError { operation: "read".into(), object: "its tables".into(), help: None, ..error };
        let pass = self.pass(request, true).map_err(shorter);
        let (mut snapshot, rows) = pass?;
        if let Some(message) = rows.absent_bound {
            snapshot.notices.push(Notice { code: Testimony::LACKS_BOUND, message });
        }
        for (protocol, family, message) in rows.absent {
            snapshot.notices.push(Notice { code: Testimony::lacks(protocol, family), message });
        }
        let damaged = (!rows.damaged.is_empty()).then(|| rows.damaged.join("; "));
        Ok(Testimony { snapshot, quirks: rows.quirks, damaged })
    }

    fn pass(&mut self, request: &Request, quirks: bool) -> Result<(Snapshot, Rows), SourceError> {
        let start = Instant::now();
        let mut snapshot = Snapshot::new("windows", self.machine.host(), Timestamp::from(SystemTime::now()));
        if request.tcp_opens {
            snapshot.tcp_opens = self.opens();
        }
        let mut rows = self.rows(request, quirks)?;
        snapshot.sockets = std::mem::take(&mut rows.sockets);
        snapshot.notices = std::mem::take(&mut rows.notices);
        snapshot.sources.push(SourceReport {
            name: self.choice.name(),
            rows: snapshot.sockets.len() as u64,
            duplicates: rows.duplicates,
            churned: 0,
            elapsed: start.elapsed(),
        });
        if !request.owners {
            for socket in &mut snapshot.sockets {
                socket.owners = Owners::Nobody(NoOwner::NotAsked);
            }
        } else {
            owners::attribute(&mut self.machine, &mut snapshot, &rows.claims, request);
            if rows.without_owners {
                let message = format!("the tables of {} name no processes, so owners are unknown", self.choice.name());
                snapshot.notices.push(Notice { code: "owners-unknown", message });
            }
        }
        if request.traffic {
            self.traffic(&mut snapshot);
        }
        snapshot.elapsed = start.elapsed();
        Ok((snapshot, rows))
    }

    /// Of both families; a system without IPv6 has none there.
    fn opens(&mut self) -> Option<u64> {
        let sum = |counts: [u32; 2]| counts.into_iter().map(u64::from).sum::<u64>();
        match (self.machine.opens(Family::Ipv4).map(sum), self.machine.opens(Family::Ipv6).map(sum)) {
            (Some(four), Some(six)) => Some(four + six),
            (four, six) => four.or(six),
        }
    }

    fn rows(&mut self, request: &Request, quirks: bool) -> Result<Rows, SourceError> {
        let mut rows = Rows {
            sockets: Vec::new(),
            claims: Claims::default(),
            quirks: Vec::new(),
            notices: Vec::new(),
            damaged: Vec::new(),
            absent: Vec::new(),
            absent_bound: None,
            without_owners: false,
            connections: HashMap::new(),
            duplicates: 0,
            taken: HashSet::new(),
        };
        let mut read_any = false;
        let mut lacking = Vec::new();
        let wanted: Vec<Table> = self.tables.iter().copied().filter(|it| is_wanted(it, request)).collect();
        let mut started = Started::new(&mut self.machine, &wanted);
        for table in wanted {
            match read(&mut self.machine, &mut started, table) {
                Ok(filled) => {
                    let title = filled.function.title();
                    match rows.add(filled, quirks) {
                        Ok(()) => read_any = true,
                        Err(error) => rows.damaged.push(format!("{title}: {error}")),
                    }
                }
                // An older Windows has no list of bound endpoints, and one without IPv6 has no IPv6.
                Err(Missing::Absent(why)) => lacking.push((table, why, false)),
                Err(Missing::Broken(why)) => lacking.push((table, why, true)),
                Err(Missing::Failed(why)) => rows.damaged.push(why),
            }
        }
        let asks_nothing = !(request.tcp || request.udp) || !(request.ipv4 || request.ipv6);
        if !read_any && !asks_nothing {
            return Err(self.nothing(&rows.damaged, &lacking));
        }
        for (table, why, broken) in lacking {
            let Some(function) = table.first() else { continue };
            let kind = kind(*function);
            if function.is_of_bound() {
                rows.absent_bound = Some(why.clone());
            } else {
                rows.absent.push((function.layout.protocol(), function.layout.family(), why.clone()));
            }
            // Whoever asks for a source that has no such table at all learns it; what this Windows lacks of it, too.
            if broken || self.lack_matters(*function) {
                let message = format!("{kind} is missing: {why}");
                rows.notices.push(Notice { code: "table-unavailable", message });
            }
        }
        for why in &rows.damaged {
            let message = format!("{why}; its sockets are missing");
            rows.notices.push(Notice { code: "table-unavailable", message });
        }
        let has_udp = self.tables.iter().flat_map(|it| it.iter()).any(|it| it.layout.protocol() == Protocol::Udp);
        if request.udp && !has_udp {
            let message = format!("the source {} has no UDP", self.choice.name());
            rows.notices.push(Notice { code: "table-unavailable", message });
        }
        Ok(rows)
    }

    /// Whether the lack of a table is worth a word.
    fn lack_matters(&self, function: Function) -> bool {
        let documented = matches!(self.choice, SourceChoice::GetExtendedTable | SourceChoice::GetTable2);
        let may_lack_ipv6 = documented && function.layout.family() == Family::Ipv6;
        !(function.is_of_bound() || may_lack_ipv6)
    }

    /// Why there is no table at all.
    fn nothing(&self, failed: &[String], lacking: &[(Table, String, bool)]) -> SourceError {
        let (kind, cause) = match (failed.first(), lacking.first()) {
            (Some(why), _) => (ErrorKind::Failed, why.clone()),
            (None, Some((_, why, _))) => (ErrorKind::Unavailable, why.clone()),
            (None, None) => (ErrorKind::Unavailable, "it has no UDP".into()),
        };
        let help = (self.choice != SourceChoice::GetExtendedTable).then(|| "try --source auto".to_owned());
        SourceError { kind, operation: "list sockets by".into(), object: self.choice.name().into(), cause, help }
    }

    /// Counters of connections, where Windows keeps them.
    fn traffic(&mut self, snapshot: &mut Snapshot) {
        let (mut known, mut asked, mut refusal) = (0u64, 0u64, 0);
        for socket in &mut snapshot.sockets {
            let is_connection = socket.key.protocol == Protocol::Tcp && socket.key.remote.is_some();
            if !is_connection || matches!(socket.state, Some(State::TimeWait | State::Closed | State::SynReceived)) {
                continue;
            }
            asked += 1;
            let counters = self.machine.counters(&socket.key);
            socket.traffic = traffic(counters.data.as_deref(), counters.path.as_deref()).map(Box::new);
            known += u64::from(socket.traffic.is_some());
            if refusal == 0 {
                refusal = counters.status;
            }
        }
        if known < asked {
            let why = if refusal == 0 { String::new() } else { format!(" ({})", words(refusal)) };
            let message = format!(
                "{} of {asked} connections have no counters{why}: Windows keeps none until an administrator turns them on for a \
                 connection (SetPerTcpConnectionEStats)",
                asked - known
            );
            snapshot.notices.push(Notice { code: "traffic-unavailable", message });
        }
    }
}

impl<M: Machine> Source for WindowsSource<M> {
    fn snapshot(&mut self, request: &Request) -> Result<Snapshot, SourceError> {
        self.pass(request, false).map(|(snapshot, _)| snapshot)
    }
}

impl Rows {
    fn add(&mut self, filled: Filled, quirks: bool) -> Result<(), sockscope_wire::Malformed> {
        let Function { layout, .. } = filled.function;
        let bound = filled.function.is_of_bound();
        let index = self.claims.tables.len();
        let offsets = (layout.first_row()..).step_by(layout.row_size());
        for (row, offset) in table(&filled.bytes, layout, bound)?.into_iter().zip(offsets) {
            // A connection that Windows chose the port of has a row here too, with the unspecified address.
            let port = (row.socket.family(), row.socket.key.local.port(), row.pid);
            if bound && self.taken.contains(&port) {
                continue;
            }
            if row.socket.key.protocol == Protocol::Tcp && !bound {
                self.taken.insert(port);
            }
            if row.socket.key.protocol == Protocol::Tcp && row.socket.key.remote.is_some() {
                match self.connections.entry(row.socket.key) {
                    Entry::Occupied(known) => {
                        self.duplicates += 1;
                        if let Some(claim) = self.claims.all.get_mut(*known.get()) {
                            claim.others.extend(row.pid.filter(|pid| claim.pid != Some(*pid)));
                        }
                        continue;
                    }
                    Entry::Vacant(free) => drop(free.insert(self.sockets.len())),
                }
            }
            if quirks && let Some(text) = quirk(&row, layout) {
                self.quirks.push((self.sockets.len(), text));
            }
            self.without_owners |= row.pid.is_none();
            self.claims.all.push(Claim { pid: row.pid, others: Vec::new(), table: index, offset });
            self.sockets.push(row.socket);
        }
        self.claims.tables.push((layout, filled.bytes));
        Ok(())
    }
}

/// Whether the request asks for what a table holds.
fn is_wanted(table: Table, request: &Request) -> bool {
    let Some(function) = table.first() else { return false };
    let protocol = match function.layout.protocol() {
        Protocol::Udp => request.udp,
        _ => request.tcp,
    };
    let family = match function.layout.family() {
        Family::Ipv4 => request.ipv4,
        Family::Ipv6 => request.ipv6,
    };
    // What is bound is not asked for where the states rule it out: the call takes a process of its own.
    let state = !function.is_of_bound() || !request.pushdown || request.states.contains(State::Bound);
    protocol && family && state
}
