//! Complete dumps of the sock_diag tables.
//!
//! A dump walks a hash table and fills datagrams of at most 32 KiB (some 260 rows). Where a datagram is full the kernel
//! leaves the table and comes back to the same bucket and the same *position* in it. If sockets in front of that position
//! were closed meanwhile, as many rows behind it are skipped; if some were opened, as many are given twice. Cookies
//! remove the doubles; the skipped rows need a second look:
//!
//! - A dump that fits one datagram never comes back into a bucket (but for buckets of 16 and more that are not listeners or
//!   UDP: there the kernel comes back after every 16 rows). So listeners and bound sockets (which
//!   crowd buckets, since those are chosen by local address and port) are dumped apart from connections, and filters and
//!   state masks are left to the kernel.
//! - A dump that does not fit is repeated with datagrams cut at *other* rows, at least [`STAGGER`] apart from all former
//!   cuts. A socket that lives through the walks is missed by all of them only if, between two reads of 10 microseconds
//!   distance, that many sockets in front of it in its own bucket were closed, twice.
//! - Bound sockets that crowd a bucket are walked several times more: the union grows by chance alone.
//! - Only if the kernel's own counters show that no connection began or ended meanwhile is the repetition saved.
//!
//! `docs/completeness.md` has the argument in full, and what remains.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::Instant;

use rustix::io::Errno;
use sockscope_model::{Condition, Protocol, Request, Socket, SourceReport, State, StateSet, Tag};
use sockscope_wire::sock_diag::{DiagRow, DumpRequest, Narrow, Table, decode_row, state_mask};
use sockscope_wire::{compile, procfs as wire_procfs};

use super::files;
use super::netlink::{DiagSocket, DumpError};
use super::scan::{FastMap, processors};

/// The states that are dumped apart from connections: buckets are crowded by them, and they are few.
const LOCAL_STATES: StateSet = StateSet::NONE.with(State::Listen).with(State::Bound);
/// The states of UDP sockets: connected and not.
const UDP_STATES: StateSet = StateSet::NONE.with(State::Established).with(State::Closed);

/// The lengths of the first reads of the second and third walk. Such a walk has a socket of its own: its first datagram
/// is 4 KiB long (30 rows), the next as long as the first read. With datagrams of 261 rows thereafter, the cuts lie at
/// rows 30, 160, 421, ... and 30, 95, 356, ..., where the first walk's lie at 261, 522, ...
const STAGGER: [&[usize]; 2] = [&[16_384], &[8_192]];

/// How often a table is walked again where bound sockets crowd a bucket: there the cuts lie at the same rows in every
/// walk, and only chance moves rows across them.
const CROWDED_WALKS: usize = 6;

/// A table of as many connections is worth a second thread.
const HALVED_FROM: u64 = 4096;

/// What came of the dumps.
pub(super) struct Collected {
    pub(super) sockets: Vec<Socket>,
    /// Sockets that look like the kernel's own tunnels: UDP with multicast loop switched off.
    pub(super) tunnels: HashSet<u64>,
    pub(super) report: SourceReport,
    /// Tables that this kernel does not offer.
    pub(super) missing: Vec<(Table, Errno)>,
    /// Rows that made no sense.
    pub(super) malformed: u64,
}

/// Dumps what the request asks for.
pub(super) fn collect(request: &Request) -> Result<Collected, DumpError> {
    match collect_narrowed(request) {
        // Some conditions need a privilege (marks: CAP_NET_ADMIN) or a newer kernel. Without them every row is listed.
        Err(DumpError::System(Errno::PERM | Errno::ACCESS | Errno::INVAL)) if request.condition.is_some() => {
            collect_narrowed(&Request { condition: None, ..request.clone() })
        }
        outcome => outcome,
    }
}

fn collect_narrowed(request: &Request) -> Result<Collected, DumpError> {
    let start = Instant::now();
    let mut dumper = Dumper::new(request)?;
    dumper.tcp()?;
    dumper.udp()?;
    if request.autobound {
        dumper.autobound()?;
    }
    let Dumper { rows, missing, .. } = dumper;
    let Rows { sockets, tunnels, duplicates, churned, malformed, .. } = rows;
    let report =
        SourceReport { name: "sock_diag", rows: sockets.len() as u64, duplicates, churned, elapsed: start.elapsed() };
    Ok(Collected { sockets, tunnels, report, missing, malformed })
}

/// The cookies of all sockets that there are now and meet the request.
pub(super) fn living(request: &Request) -> Result<FastMap<u64>, DumpError> {
    let mut request = request.clone();
    (request.traffic, request.autobound) = (false, false);
    let collected = collect(&request)?;
    Ok(collected.sockets.iter().filter_map(|socket| Some((socket.cookie()?, socket.inode.unwrap_or(0)))).collect())
}

/// What was dumped so far: each socket once.
#[derive(Default)]
struct Rows {
    sockets: Vec<Socket>,
    /// In which walks of its table each row was seen, a bit a walk.
    seen: Vec<u8>,
    by_cookie: FastMap<u32>,
    tunnels: HashSet<u64>,
    duplicates: u64,
    churned: u64,
    malformed: u64,
}

impl Rows {
    fn reserve(&mut self, rows: usize) {
        self.sockets.reserve(rows);
        self.seen.reserve(rows);
        self.by_cookie.reserve(rows);
    }

    /// Adds a row, or replaces the one of the same cookie. `bit` is the walk, `first_row` where its table begins.
    fn keep(&mut self, socket: Socket, first_row: usize, bit: u8) {
        let index = u32::try_from(self.sockets.len()).unwrap_or(u32::MAX);
        let known = match socket.key.tag {
            Tag::Cookie(cookie) => match self.by_cookie.entry(cookie) {
                Entry::Occupied(known) => Some(*known.get() as usize),
                Entry::Vacant(free) => {
                    free.insert(index);
                    None
                }
            },
            _ => None,
        };
        let Some(known) = known else {
            self.sockets.push(socket);
            self.seen.push(bit);
            return;
        };
        if let (Some(row), Some(seen)) = (self.sockets.get_mut(known), self.seen.get_mut(known)) {
            // A row of another table: the socket moved on (a listener's child, a bound socket that connected).
            self.duplicates += u64::from(known >= first_row && *seen & bit != 0);
            *row = socket;
            *seen |= bit;
        }
    }

    fn append(&mut self, other: Rows) {
        self.duplicates += other.duplicates;
        self.churned += other.churned;
        self.malformed += other.malformed;
        self.tunnels.extend(other.tunnels);
        self.reserve(other.sockets.len());
        other.sockets.into_iter().for_each(|row| self.keep(row, 0, 0));
    }
}

struct Dumper<'a> {
    request: &'a Request,
    socket: DiagSocket,
    narrow: Narrow,
    /// Whether a large table may be walked by two at once.
    halving: bool,
    rows: Rows,
    missing: Vec<(Table, Errno)>,
}

impl<'a> Dumper<'a> {
    fn new(request: &'a Request) -> Result<Dumper<'a>, DumpError> {
        Dumper::with(request, None)
    }

    /// `part` narrows further what the request wants.
    fn with(request: &'a Request, part: Option<Condition>) -> Result<Dumper<'a>, DumpError> {
        let mut socket = DiagSocket::open()?;
        socket.prime()?;
        let wanted = request.condition.as_ref().filter(|_| request.pushdown);
        let program = match (wanted, part) {
            (Some(wanted), Some(part)) => {
                // A condition that does not fit into a program is left to the user's filter, but not the part.
                compile(&Condition::All(vec![part.clone(), wanted.clone()])).or_else(|| compile(&part))
            }
            (Some(wanted), None) => compile(wanted),
            (None, Some(part)) => compile(&part),
            (None, None) => None,
        };
        Ok(Dumper {
            request,
            socket,
            narrow: program.map_or(Narrow::Nothing, Narrow::Program),
            halving: request.pushdown && processors() > 1,
            rows: Rows::default(),
            missing: Vec::new(),
        })
    }

    fn states(&self) -> StateSet {
        if self.request.pushdown { self.request.states } else { StateSet::ALL }
    }

    fn tcp(&mut self) -> Result<(), DumpError> {
        if !self.request.tcp {
            return Ok(());
        }
        let tables: &[Table] = match (self.request.ipv4, self.request.ipv6) {
            (true, true) => &[Table::TcpBoth],
            (true, false) => &[Table::Tcp4],
            (false, true) => &[Table::Tcp6],
            (false, false) => &[],
        };
        for table in tables {
            match self.tcp_table(*table) {
                // A kernel without the older request has the newer one.
                Err(DumpError::System(Errno::NOENT | Errno::INVAL | Errno::OPNOTSUPP))
                    if *table == Table::TcpBoth && self.rows.sockets.is_empty() =>
                {
                    self.tcp_table(Table::Tcp4)?;
                    self.tcp_table(Table::Tcp6)?;
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn tcp_table(&mut self, table: Table) -> Result<(), DumpError> {
        let local = self.states().and(LOCAL_STATES);
        if !local.is_empty() {
            self.complete(table, local, None)?;
        }
        let mut connections = self.states().and(LOCAL_STATES.complement());
        if self.request.pushdown {
            // No socket in these states is in the table of connections, which is large.
            connections = connections.without(State::Closed).without(State::DeleteTcb);
        }
        if connections.is_empty() {
            return Ok(());
        }
        let before = Counters::read();
        if self.halving && before.as_ref().is_some_and(|counters| counters.rows() >= HALVED_FROM) {
            self.halves(table, connections)
        } else {
            self.complete(table, connections, before.as_ref())
        }
    }

    /// Two processors walk the table for one half of the rows each.
    fn halves(&mut self, table: Table, states: StateSet) -> Result<(), DumpError> {
        let request = self.request;
        let lower = lower_half();
        let upper = Condition::Not(Box::new(lower.clone()));
        let dump = |part| {
            let mut dumper = Dumper::with(request, Some(part))?;
            dumper.complete(table, states, Counters::read().as_ref())?;
            Ok::<_, DumpError>(dumper.rows)
        };
        let (lower, upper) =
            std::thread::scope(|scope| match std::thread::Builder::new().spawn_scoped(scope, || dump(upper.clone())) {
                Ok(thread) => {
                    let lower = dump(lower);
                    (lower, thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                }
                Err(_) => (dump(lower), dump(upper.clone())),
            });
        self.rows.append(lower?);
        self.rows.append(upper?);
        Ok(())
    }

    fn udp(&mut self) -> Result<(), DumpError> {
        let states = self.states().and(UDP_STATES);
        if !self.request.udp || states.is_empty() {
            return Ok(());
        }
        for (table, wanted) in [(Table::Udp4, self.request.ipv4), (Table::Udp6, self.request.ipv6)] {
            match if wanted { self.complete(table, states, None) } else { Ok(()) } {
                // udp_diag is a module of its own, which may be missing.
                Err(DumpError::System(error @ (Errno::NOENT | Errno::OPNOTSUPP))) => self.missing.push((table, error)),
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Dumps a table so that no socket that lives through the dump is missing. `before` are the kernel's counters, where
    /// they tell whether rows of the table came or went.
    fn complete(&mut self, table: Table, states: StateSet, before: Option<&Counters>) -> Result<(), DumpError> {
        let first_row = self.rows.sockets.len();
        if let (Some(before), 0) = (before, first_row) {
            // A wrong guess costs nothing but a reservation.
            self.rows.reserve(usize::try_from(before.rows()).unwrap_or(0).min(1 << 20));
        }
        let interrupted = self.walk(table, states, first_row, 0, &[])?;
        let crowded = self.has_crowded_bucket(first_row);
        if !interrupted && !crowded {
            return Ok(());
        }
        // Handshakes are counted nowhere until they end; where the request leaves them out, there may be some.
        let handshakes = !states.contains(State::SynReceived)
            || self.request.pushdown && self.request.condition.is_some()
            || self.rows.sockets.iter().skip(first_row).any(|row| row.state == Some(State::SynReceived));
        if before.is_some() && !handshakes && Counters::read().as_ref() == before {
            return Ok(());
        }
        let walks = if crowded { CROWDED_WALKS } else { STAGGER.len() };
        for (walk, reads) in (1..).zip(STAGGER.iter().cycle().take(walks)) {
            let mut socket = DiagSocket::open()?;
            std::mem::swap(&mut socket, &mut self.socket);
            let outcome = self.walk(table, states, first_row, walk, reads);
            std::mem::swap(&mut socket, &mut self.socket);
            outcome?;
            let all_walks = u8::MAX >> (7 - walk);
            let differing = self.rows.seen.iter().skip(first_row).filter(|seen| **seen != all_walks).count() as u64;
            if differing == 0 {
                return Ok(());
            }
            if usize::from(walk) == walks {
                self.rows.churned += differing;
            }
        }
        Ok(())
    }

    /// Whether a bucket of bound sockets holds so many that the kernel leaves it in between, even inside a datagram
    /// (net/ipv4/inet_diag.c, SKARR_SZ: after every 16 rows). They are hashed by local address and port.
    fn has_crowded_bucket(&self, first_row: usize) -> bool {
        let mut bound: HashMap<_, u32> = HashMap::new();
        for row in self.rows.sockets.iter().skip(first_row).filter(|row| row.state == Some(State::Bound)) {
            *bound.entry(row.key.local).or_default() += 1;
        }
        bound.values().any(|count| *count >= 15)
    }

    fn walk(
        &mut self,
        table: Table,
        states: StateSet,
        first_row: usize,
        walk: u8,
        reads: &[usize],
    ) -> Result<bool, DumpError> {
        let Dumper { request, socket, narrow, rows, .. } = self;
        let bound = states.contains(State::Bound) && !states.contains(State::Closed);
        let protocol = table.protocol();
        let dump = DumpRequest { table, states: state_mask(states), traffic: request.traffic, narrow, sequence: 0 };
        socket.dump(dump, reads, &mut |payload| {
            match decode_row(payload, protocol, bound) {
                Ok(DiagRow { socket, multicast_loop }) => {
                    if protocol == Protocol::Udp && multicast_loop == Some(false) {
                        rows.tunnels.extend(socket.inode);
                    }
                    rows.keep(socket, first_row, 1 << walk);
                }
                Err(_) => rows.malformed += 1,
            }
            Ok(())
        })
    }

    /// Asks the kernel which sockets did not choose their port themselves.
    fn autobound(&mut self) -> Result<(), DumpError> {
        let automatic = {
            let mut request = self.request.clone();
            (request.autobound, request.traffic, request.condition) = (false, false, None);
            let mut dumper = Dumper::new(&request)?;
            (dumper.narrow, dumper.halving) = (Narrow::AutomaticPort, false);
            dumper.tcp()?;
            dumper.udp()?;
            dumper.rows.by_cookie
        };
        let (low, high) = ephemeral_ports();
        for row in &mut self.rows.sockets {
            let Some(cookie) = row.cookie() else { continue };
            let port = row.key.local.port();
            row.autobound = Some(automatic.contains_key(&cookie) && (low..=high).contains(&port));
        }
        Ok(())
    }
}

/// About half of the connections: by the port that a kernel chose, on either end. Ports never change, so a connection
/// belongs to the same half in every walk.
fn lower_half() -> Condition {
    let (low, high) = ephemeral_ports();
    let middle = low + high.saturating_sub(low) / 2;
    let chosen_here = Condition::All(vec![Condition::LocalPortFrom(low), Condition::LocalPortTo(high)]);
    Condition::Any(vec![
        Condition::All(vec![chosen_here.clone(), Condition::LocalPortTo(middle)]),
        Condition::All(vec![Condition::Not(Box::new(chosen_here)), Condition::RemotePortTo(middle)]),
    ])
}

/// `net.ipv4.ip_local_port_range`, or the kernel's default.
fn ephemeral_ports() -> (u16, u16) {
    let read = || {
        let text = files::read(c"/proc/sys/net/ipv4/ip_local_port_range").ok()?;
        let mut words = std::str::from_utf8(&text).ok()?.split_ascii_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    };
    read().unwrap_or((32768, 60999))
}

/// What the kernel counts about TCP connections of this network namespace: equal before and after, nothing began or
/// ended in between.
#[derive(PartialEq)]
struct Counters {
    /// In the hash tables (IPv4 with TIME_WAIT of both families, IPv6).
    gauges: [u64; 3],
    events: Vec<u64>,
}

impl Counters {
    fn read() -> Option<Counters> {
        let [inuse, waiting] = wire_procfs::sockstat_tcp(&files::read(c"/proc/thread-self/net/sockstat").ok()?)?;
        // Without IPv6 in the kernel there is no such file, and no such socket.
        let six = files::read(c"/proc/thread-self/net/sockstat6");
        let six = six.ok().and_then(|text| wire_procfs::sockstat_tcp6(&text)).unwrap_or(0);
        let events = wire_procfs::snmp_tcp(&files::read(c"/proc/thread-self/net/snmp").ok()?)?;
        Some(Counters { gauges: [inuse, waiting, six], events })
    }

    fn rows(&self) -> u64 {
        self.gauges.iter().sum()
    }
}
