//! The published shapes: what `sockscope.snapshot/1` is, and the JSON Schema that is generated from it.
//!
//! All that serde knows of sockscope is here. Every type borrows from the frame and is made from a [`Row`] without
//! allocation; sequences are written straight from the model. Unknown is `null`, never 0 and never an empty text. Within
//! version 1, keys are only ever added.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use sockscope_model as model;
use sockscope_model::Row;

use crate::Listing;
use crate::text::Stack;

/// A line of `watch`.
mod change;
/// The document of `why`.
mod why;

pub use change::{Before, CHANGE, Change, change_schema};
pub use why::{Attempt, WHY, Why, why_schema};

/// The name and version of the document.
pub const SNAPSHOT: &str = "sockscope.snapshot/1";

/// The JSON Schema of [`Snapshot`], as `docs/schema/sockscope.snapshot-1.json` has it.
pub fn snapshot_schema() -> serde_json::Value {
    // `for_serialize`: keys that may be null are nevertheless always there.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Snapshot<'static>>();
    schema.insert("title".to_owned(), SNAPSHOT.into());
    schema.to_value()
}

/// Every TCP and UDP socket of one machine at one moment: the output of `sockscope --json`. `sockscope --ndjson` prints one
/// Socket a line. Addresses are RFC 5952 text, times RFC 3339 UTC with microseconds, durations microseconds, sizes bytes.
/// Unknown is null. Later versions of sockscope may add keys.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Snapshot<'a> {
    /// Name and version of this shape.
    #[schemars(schema_with = "snapshot_name")]
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'a str,
    /// Name of the machine.
    pub host: Option<&'a str>,
    /// Operating system.
    #[schemars(schema_with = "os_names")]
    pub os: &'static str,
    /// When the pass over the machine began.
    pub taken_at: Option<Time>,
    /// How long it took.
    pub elapsed_us: u64,
    /// What was read, and how it went.
    pub sources: Vec<SourceReport>,
    /// What is missing, and why.
    pub notices: Vec<Notice<'a>>,
    /// The sockets that were asked for, in the order that was asked for.
    pub sockets: Sockets<'a>,
}

impl<'a> From<&Listing<'a>> for Snapshot<'a> {
    fn from(listing: &Listing<'a>) -> Self {
        let snapshot: &'a model::Snapshot = &listing.frame.snapshot;
        Snapshot {
            schema: SNAPSHOT,
            version: listing.version,
            host: known(&snapshot.host),
            os: snapshot.os,
            taken_at: Time::new(snapshot.taken),
            elapsed_us: micros(snapshot.elapsed),
            sources: snapshot.sources.iter().map(SourceReport::from).collect(),
            notices: snapshot.notices.iter().map(Notice::from).collect(),
            sockets: Sockets(*listing),
        }
    }
}

/// The name and version of the document of `compare`.
pub const COMPARE: &str = "sockscope.compare/1";

/// The JSON Schema of [`Comparison`], as `docs/schema/sockscope.compare-1.json` has it.
pub fn compare_schema() -> serde_json::Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Comparison<'static>>();
    schema.insert("title".to_owned(), COMPARE.into());
    schema.to_value()
}

/// Where the sources of one machine differ, and why: the output of `sockscope compare --json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Comparison<'a> {
    /// Name and version of this shape.
    #[schemars(schema_with = "compare_name")]
    pub schema: &'static str,
    /// How often every source was asked.
    pub rounds: u32,
    /// Who was asked.
    pub sources: Vec<SourceVerdict<'a>>,
    /// The sockets that are not the same everywhere, unexplained ones first.
    pub differences: Differences<'a>,
    /// How many of these differences have no explanation.
    pub unexplained: u64,
}

impl<'a> Comparison<'a> {
    /// The differences at the positions of the listing; its frame holds the sockets of all of them.
    pub fn new(comparison: &'a model::Comparison, listing: &Listing<'a>) -> Self {
        let differences = Differences { comparison, listing: *listing };
        let unexplained = differences.iter().filter(|(it, _)| it.cause == model::Cause::Unexplained).count() as u64;
        Comparison {
            schema: COMPARE,
            rounds: comparison.rounds,
            sources: comparison.sources.iter().map(SourceVerdict::from).collect(),
            differences,
            unexplained,
        }
    }
}

/// How it went with one source.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceVerdict<'a> {
    /// Its name; where it can also list sockets, as `--source` takes it.
    pub name: &'static str,
    /// Whether it could be heard.
    pub available: bool,
    /// Why it could not be heard, or not wholly.
    pub reason: Option<&'a str>,
    /// Sockets that it listed when it was last heard.
    pub rows: Option<u64>,
}

impl<'a> From<&'a model::SourceVerdict> for SourceVerdict<'a> {
    fn from(verdict: &'a model::SourceVerdict) -> Self {
        SourceVerdict {
            name: verdict.witness.name(),
            available: verdict.available,
            reason: verdict.reason.as_deref(),
            rows: verdict.rows,
        }
    }
}

/// The differences of a comparison, made one at a time.
#[derive(Debug, Clone)]
pub struct Differences<'a> {
    comparison: &'a model::Comparison,
    listing: Listing<'a>,
}

impl<'a> Differences<'a> {
    fn iter(&self) -> impl Iterator<Item = (&'a model::Difference, Row<'a>)> + use<'a> {
        let (comparison, frame) = (self.comparison, self.listing.frame);
        let rows = self.listing.rows.iter();
        rows.filter_map(move |row| Some((comparison.differences.get(*row)?, frame.row(*row)?)))
    }
}

impl Serialize for Differences<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Difference::from))
    }
}

impl JsonSchema for Differences<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Differences".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Difference<'static>>::json_schema(generator)
    }
}

/// A socket that is not the same everywhere.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Difference<'a> {
    /// The socket, as the source describes it that knows most. Of a port that only a probe found in use, there is no state.
    pub socket: Socket<'a>,
    /// The sources that listed it, at least once.
    pub seen_by: Vec<&'static str>,
    /// The sources that were heard and never listed it while others did.
    pub missing_from: Vec<&'static str>,
    /// Why. unexplained: nothing that is known explains it.
    #[schemars(schema_with = "cause_names")]
    pub cause: &'static str,
    /// The same in words.
    pub detail: &'a str,
}

impl<'a> From<(&'a model::Difference, Row<'a>)> for Difference<'a> {
    fn from((difference, row): (&'a model::Difference, Row<'a>)) -> Self {
        let names = |witnesses: &[model::Witness]| witnesses.iter().map(|it| it.name()).collect();
        Difference {
            socket: Socket::from(row),
            seen_by: names(&difference.seen_by),
            missing_from: names(&difference.missing_from),
            cause: difference.cause.name(),
            detail: &difference.detail,
        }
    }
}

/// What `sockscope assert --json` and `wait --json` print.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Assertion<'a> {
    /// Whether a socket matches.
    pub matched: bool,
    /// Those that do.
    pub sockets: Sockets<'a>,
    /// How long it was waited for.
    pub waited_us: u64,
}

/// What `sockscope close --json` and `kill --json` print for each target.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Outcome<'a> {
    /// The socket that was the target, or why the process was.
    pub socket: Option<Socket<'a>>,
    /// The process that was the target, or that has the socket open.
    pub process: Option<ProcessName<'a>>,
    /// What became of it: done, would, refused or gone.
    pub result: &'static str,
    /// Why it was refused.
    pub reason: Option<&'a str>,
}

/// Which process.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProcessName<'a> {
    /// Process number.
    pub pid: u32,
    /// When it began; with the number, this names a process for good.
    pub started_at: Option<Time>,
    /// Linux: comm, at most 15 bytes. Windows: image file name.
    pub name: Option<&'a str>,
}

impl<'a> ProcessName<'a> {
    /// The process, with what the snapshot knows of it.
    pub fn new(snapshot: &'a model::Snapshot, id: model::ProcessId) -> Self {
        let name = snapshot.process(id).and_then(|it| known(&it.name));
        ProcessName { pid: id.pid, started_at: id.started.and_then(Time::new), name }
    }
}

/// The sockets of a listing, made one at a time.
#[derive(Debug, Clone)]
pub struct Sockets<'a>(pub Listing<'a>);

impl Serialize for Sockets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.rows().map(Socket::from))
    }
}

impl JsonSchema for Sockets<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Sockets".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Socket<'static>>::json_schema(generator)
    }
}

/// What one source did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceReport {
    /// As `--source` names it.
    pub name: &'static str,
    /// Rows that it contributed, each socket once.
    pub rows: u64,
    /// Rows that it gave more than once; the copies were dropped.
    pub duplicates: u64,
    /// Sockets that appeared or disappeared while the tables were read more than once.
    pub churned: u64,
    /// How long it took.
    pub elapsed_us: u64,
}

impl From<&model::SourceReport> for SourceReport {
    fn from(report: &model::SourceReport) -> Self {
        SourceReport {
            name: report.name,
            rows: report.rows,
            duplicates: report.duplicates,
            churned: report.churned,
            elapsed_us: micros(report.elapsed),
        }
    }
}

/// Something the reader of the data must know: what is missing and why.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Notice<'a> {
    /// For programs: lower case words joined by hyphens, never changed once published.
    pub code: &'static str,
    /// For people.
    pub message: &'a str,
}

impl<'a> From<&'a model::Notice> for Notice<'a> {
    fn from(notice: &'a model::Notice) -> Self {
        Notice { code: notice.code, message: &notice.message }
    }
}

/// One TCP or UDP socket.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Socket<'a> {
    /// Transport protocol.
    #[schemars(schema_with = "protocol_names")]
    pub protocol: &'static str,
    /// Address family; an IPv4-mapped address belongs to ipv6.
    #[schemars(schema_with = "family_names")]
    pub family: &'static str,
    /// TCP state (RFC 9293); null for UDP.
    pub state: Option<State>,
    /// Where it is bound.
    pub local: Endpoint<'a>,
    /// The peer; null for a listener or an unconnected socket.
    pub remote: Option<Peer<'a>>,
    /// Every process that has it open.
    pub owners: Owners<'a>,
    /// Why there is no owner; null if there is one.
    #[schemars(schema_with = "no_owner_names")]
    pub no_owner: Option<&'static str>,
    /// Number of the user who made it.
    pub uid: Option<u32>,
    /// Name of the user who made it.
    pub user: Option<&'a str>,
    /// Inode in sockfs.
    pub inode: Option<u64>,
    /// Socket cookie, a decimal number: unique until the next boot.
    pub cookie: Option<Decimal>,
    /// Interface that it is bound to.
    pub interface: Option<Interface<'a>>,
    /// Firewall mark; null only where it can't be read.
    pub mark: Option<u32>,
    /// Network namespace.
    pub namespace: Option<Namespace<'a>>,
    /// cgroup v2 path.
    pub cgroup: Option<&'a str>,
    /// When it was made.
    pub opened_at: Option<Time>,
    /// What waits in it.
    pub queues: Option<Queues>,
    /// Its running TCP timer.
    pub timer: Option<Timer>,
    /// What TCP counted; null unless asked for, and for listeners and UDP.
    pub traffic: Option<Traffic<'a>>,
    /// From how far it can be reached; null unless listening or unconnected.
    #[schemars(schema_with = "exposure_names")]
    pub exposure: Option<&'static str>,
    /// What the first IP database that knows the peer says.
    pub place: Option<Place<'a>>,
    /// What each says, if more than one is loaded.
    pub places: Places<'a>,
}

impl<'a> From<Row<'a>> for Socket<'a> {
    fn from(row: Row<'a>) -> Self {
        let (socket, snapshot) = (row.socket, row.snapshot());
        Socket {
            protocol: socket.key.protocol.name(),
            family: socket.family().name(),
            state: socket.state.map(State),
            local: Endpoint::new(row, socket.key.local),
            remote: socket.key.remote.map(|remote| Peer::new(row, remote)),
            owners: Owners(row),
            no_owner: socket.owners.reason().map(model::NoOwner::name),
            uid: socket.uid,
            user: snapshot.user(socket).and_then(known),
            inode: socket.inode,
            cookie: socket.cookie().map(Decimal),
            interface: socket.interface.map(|index| Interface::new(snapshot, index)),
            mark: socket.mark,
            namespace: socket.namespace.map(|id| Namespace {
                id,
                name: snapshot.namespace(socket).and_then(|it| it.name.as_deref()).and_then(known),
            }),
            cgroup: snapshot.cgroup(socket).and_then(known),
            opened_at: socket.opened.and_then(Time::new),
            queues: socket.queues.map(|it| Queues { receive: it.receive, send: it.send }),
            timer: socket.timer.map(|it| Timer {
                kind: it.kind.name(),
                expires_us: it.expires_us,
                retransmits: it.retransmits,
            }),
            traffic: socket.traffic.as_deref().map(Traffic::from),
            exposure: socket.exposure.map(model::Exposure::name),
            place: row.place().map(Place::from),
            places: Places(row),
        }
    }
}

/// An address and a port.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Endpoint<'a> {
    /// IP address.
    pub address: Address,
    /// Port.
    pub port: u16,
    /// What makes a link-local address unique: the interface's name (Linux) or index (Windows).
    pub scope: Option<Interface<'a>>,
}

impl<'a> Endpoint<'a> {
    fn new(row: Row<'a>, endpoint: SocketAddr) -> Self {
        let scope = match endpoint {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(Interface::new(row.snapshot(), v6.scope_id())),
            _ => None,
        };
        Endpoint { address: Address(endpoint.ip()), port: endpoint.port(), scope }
    }
}

/// An address and a port elsewhere.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Peer<'a> {
    /// IP address.
    pub address: Address,
    /// Port.
    pub port: u16,
    /// What makes a link-local address unique: the interface's name (Linux) or index (Windows).
    pub scope: Option<Interface<'a>>,
    /// The address' name, as the hosts file or its name servers have it; null unless asked for (--resolve), and where it is not known.
    pub name: Option<&'a str>,
}

impl<'a> Peer<'a> {
    fn new(row: Row<'a>, endpoint: SocketAddr) -> Self {
        let Endpoint { address, port, scope } = Endpoint::new(row, endpoint);
        Peer { address, port, scope, name: row.remote_name().and_then(known) }
    }
}

/// Every owner of a row, made one at a time.
#[derive(Debug, Clone, Copy)]
pub struct Owners<'a>(pub Row<'a>);

impl Serialize for Owners<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.socket.owners.processes().iter().map(|owner| Owner::new(self.0, owner)))
    }
}

impl JsonSchema for Owners<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Owners".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Owner<'static>>::json_schema(generator)
    }
}

/// A process that has the socket open.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Owner<'a> {
    /// Process number.
    pub pid: u32,
    /// When it began; with the number, this names a process for good.
    pub started_at: Option<Time>,
    /// Linux: comm, at most 15 bytes. Windows: image file name.
    pub name: Option<&'a str>,
    /// The executable.
    pub path: Option<Cow<'a, str>>,
    /// Arguments, the program's own name first.
    pub command_line: Option<&'a [String]>,
    /// Effective user.
    pub user: Option<&'a str>,
    /// Its descriptors for the socket; null on Windows, empty where only an io_uring ring holds the socket.
    pub fds: Option<&'a [u32]>,
    /// systemd unit or Windows service.
    pub service: Option<&'a str>,
    /// Container that it runs in.
    pub container: Option<&'a str>,
}

impl<'a> Owner<'a> {
    /// The owner, with what the snapshot knows of the process.
    pub fn new(row: Row<'a>, owner: &'a model::Owner) -> Self {
        let snapshot = row.snapshot();
        let process = snapshot.process(owner.process);
        Owner {
            pid: owner.process.pid,
            started_at: owner.process.started.and_then(Time::new),
            name: process.and_then(|it| known(&it.name)),
            path: process.and_then(|it| it.path.as_deref()).map(|it| it.to_string_lossy()).filter(|it| !it.is_empty()),
            command_line: process.and_then(|it| it.command_line.as_deref()),
            user: process.and_then(|it| it.user.as_deref()).and_then(known),
            fds: (snapshot.os != "windows").then_some(owner.fds.as_slice()),
            service: snapshot.service(row.socket, owner).and_then(known),
            container: process.and_then(|it| it.container.as_deref()).and_then(known),
        }
    }
}

/// A network namespace.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Namespace<'a> {
    /// Its inode in nsfs.
    pub id: u64,
    /// The name of `ip netns`, or its container's.
    pub name: Option<&'a str>,
}

/// Bytes (for a listener: connections) that wait.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Queues {
    /// Received and not yet read by the program; for a listener, connections not yet accepted.
    pub receive: u32,
    /// Sent and not yet acknowledged; for a listener, the longest its accept queue may grow, where the source says so.
    pub send: Option<u32>,
}

/// A running TCP timer.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Timer {
    /// What it waits for.
    #[schemars(schema_with = "timer_names")]
    pub kind: &'static str,
    /// Time left.
    pub expires_us: u64,
    /// How often it has already gone off.
    pub retransmits: u8,
}

/// What TCP counted for one connection. Rates are bits a second.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Traffic<'a> {
    /// Bytes sent, each counted once.
    pub sent_bytes: Option<u64>,
    /// Bytes received.
    pub received_bytes: Option<u64>,
    /// Round-trip time, smoothed.
    pub rtt_us: Option<u64>,
    /// Variation of the round-trip time.
    pub rtt_variation_us: Option<u64>,
    /// Shortest round-trip time.
    pub min_rtt_us: Option<u64>,
    /// Segments sent again.
    pub retransmitted_segments: Option<u64>,
    /// Segments held for lost now.
    pub lost_segments: Option<u64>,
    /// Congestion control algorithm.
    pub congestion_control: Option<&'a str>,
    /// Congestion window, in segments.
    pub congestion_window: Option<u64>,
    /// Largest segment sent.
    pub segment_size: Option<u64>,
    /// What window and round-trip time allow.
    pub send_rate_bps: Option<u64>,
    /// Latest measured rate of delivery.
    pub delivery_rate_bps: Option<u64>,
    /// Time since data was last sent.
    pub last_sent_us: Option<u64>,
    /// Time since data was last received.
    pub last_received_us: Option<u64>,
}

impl<'a> From<&'a model::Traffic> for Traffic<'a> {
    fn from(traffic: &'a model::Traffic) -> Self {
        Traffic {
            sent_bytes: traffic.sent_bytes,
            received_bytes: traffic.received_bytes,
            rtt_us: traffic.rtt_us,
            rtt_variation_us: traffic.rtt_variation_us,
            min_rtt_us: traffic.min_rtt_us,
            retransmitted_segments: traffic.retransmitted_segments,
            lost_segments: traffic.lost_segments,
            congestion_control: traffic.congestion_control.as_deref().and_then(known),
            congestion_window: traffic.congestion_window,
            segment_size: traffic.segment_size,
            send_rate_bps: traffic.send_rate_bps,
            delivery_rate_bps: traffic.delivery_rate_bps,
            last_sent_us: traffic.last_sent_us,
            last_received_us: traffic.last_received_us,
        }
    }
}

/// What one IP database says about an address.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Place<'a> {
    /// ISO 3166-1 alpha-2.
    pub country_code: Option<&'a str>,
    /// The country's name.
    pub country: Option<&'a str>,
    /// Province or state.
    pub region: Option<&'a str>,
    /// City.
    pub city: Option<&'a str>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// Who runs the network.
    pub organization: Option<&'a str>,
    /// The database's own words, joined by a space.
    pub text: Option<&'a str>,
    /// Which database says so.
    pub database: &'a str,
    /// Where on the globe.
    pub coordinates: Option<Coordinates>,
}

impl<'a> From<&'a model::Place> for Place<'a> {
    fn from(place: &'a model::Place) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().and_then(known);
        Place {
            country_code: text(&place.country_code),
            country: text(&place.country),
            region: text(&place.region),
            city: text(&place.city),
            asn: place.asn,
            organization: text(&place.organization),
            text: known(&place.text),
            database: &place.database,
            coordinates: place.coordinates.map(|it| Coordinates { latitude: it.latitude, longitude: it.longitude }),
        }
    }
}

/// A point on the globe (WGS 84), in degrees.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Coordinates {
    /// North is positive.
    pub latitude: f64,
    /// East is positive.
    pub longitude: f64,
}

/// What `sockscope locate --json` prints for each address.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Located<'a> {
    /// IP address.
    pub address: Address,
    /// What the first IP database that knows it says, or that it is a special address.
    pub place: Option<Place<'a>>,
    /// What each database that knows it says.
    pub places: Vec<Place<'a>>,
}

impl<'a> Located<'a> {
    /// With all that is known of the address.
    pub fn new(address: IpAddr, places: &'a [model::Place]) -> Self {
        let places: Vec<Place<'a>> = places.iter().map(Place::from).collect();
        Located { address: Address(address), place: places.first().copied(), places }
    }
}

/// What `sockscope locate --databases --json` prints for each database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Database<'a> {
    /// The name under which it answers.
    pub name: &'a str,
    /// Where it is; null: part of the program.
    pub file: Option<Cow<'a, str>>,
    /// Its format.
    pub format: &'a str,
    /// When it was made: YYYY-MM-DD.
    pub date: Option<String>,
    /// How many ranges of addresses it has.
    pub ranges: Ranges,
    /// The IP versions that it has: 4, 6.
    pub ip_versions: Vec<u8>,
    /// What is known of its licence.
    pub licence: Option<&'a str>,
    /// Words that its licence wants to be shown with its answers.
    pub attribution: Option<&'a str>,
}

/// Ranges of addresses by IP version.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Ranges {
    /// Of IPv4.
    pub ipv4: u64,
    /// Of IPv6.
    pub ipv6: u64,
}

/// Every place of a row, made one at a time.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a>(pub Row<'a>);

impl Serialize for Places<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // One database's answer is `place` already.
        let places = if self.0.frame.databases.len() > 1 { self.0.places() } else { &[] };
        serializer.collect_seq(places.iter().map(Place::from))
    }
}

impl JsonSchema for Places<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Places".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Place<'static>>::json_schema(generator)
    }
}

/// An IP address as RFC 5952 has it; an IPv4-mapped one is `::ffff:a.b.c.d`.
#[derive(Debug, Clone, Copy)]
pub struct Address(pub IpAddr);

/// A moment as RFC 3339 has it: UTC, six fractional digits, `Z`.
#[derive(Debug, Clone, Copy)]
pub struct Time(model::Timestamp);

impl Time {
    /// The moment; `None` outside the years 0 to 9999, which are all that RFC 3339 can write.
    pub fn new(time: model::Timestamp) -> Option<Time> {
        crate::text::has_date(time).then_some(Time(time))
    }
}

/// A TCP state by name: RFC 9293's, those that systems add, or `unknown-N`.
#[derive(Debug, Clone, Copy)]
pub struct State(pub model::State);

/// A number as decimal text, since many readers of JSON round numbers above 2^53.
#[derive(Debug, Clone, Copy)]
pub struct Decimal(pub u64);

/// An interface by name, or by index where the name is not known.
#[derive(Debug, Clone, Copy)]
pub struct Interface<'a> {
    index: u32,
    name: Option<&'a str>,
}

impl<'a> Interface<'a> {
    fn new(snapshot: &'a model::Snapshot, index: u32) -> Self {
        Interface { index, name: snapshot.interfaces.get(&index).map(String::as_str).and_then(known) }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_short(self.0, serializer)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match crate::text::rfc3339(self.0) {
            Some(text) => serializer.serialize_str(text.as_str()),
            None => serializer.serialize_none(),
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.name() {
            Some(name) => serializer.serialize_str(name),
            None => serializer.collect_str(&self.0),
        }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_short(self.0, serializer)
    }
}

impl Serialize for Interface<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name {
            Some(name) => serializer.serialize_str(name),
            None => serialize_short(self.index, serializer),
        }
    }
}

/// A number's or an address' text, by way of the stack.
fn serialize_short<S: Serializer>(value: impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    match Stack::<48>::of(&value) {
        Some(text) => serializer.serialize_str(text.as_str()),
        None => serializer.collect_str(&value),
    }
}

macro_rules! text_schema {
    ($($type:ty, $name:literal, $schema:expr;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

text_schema! {
    Address, "Address", json_schema!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]});
    Time, "Time", json_schema!({
        "type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
    });
    State, "State", json_schema!({
        "type": "string",
        "anyOf": [{"enum": model::State::NAMED.map(model::State::name)}, {"pattern": "^unknown-[0-9]+$"}]
    });
    Decimal, "Decimal", json_schema!({"type": "string", "pattern": "^[0-9]+$"});
    Interface<'_>, "Interface", json_schema!({"type": "string", "minLength": 1});
}

fn snapshot_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": SNAPSHOT})
}

fn compare_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": COMPARE})
}

fn cause_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": model::Cause::ALL.map(model::Cause::name)})
}

fn os_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "examples": ["linux", "windows"]})
}

fn protocol_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": [model::Protocol::Tcp.name(), model::Protocol::Udp.name()]})
}

fn family_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": [model::Family::Ipv4.name(), model::Family::Ipv6.name()]})
}

fn no_owner_names(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<Option<&str>> = model::NoOwner::ALL.iter().map(|reason| Some(reason.name())).chain([None]).collect();
    json_schema!({"enum": names})
}

fn exposure_names(_: &mut SchemaGenerator) -> Schema {
    use model::Exposure::{Any, ContainerOnly, Host, Loopback, Published};
    let names = [Loopback, Host, Any, ContainerOnly, Published].map(|it| Some(it.name()));
    let names: Vec<Option<&str>> = names.into_iter().chain([None]).collect();
    json_schema!({"enum": names})
}

fn timer_names(_: &mut SchemaGenerator) -> Schema {
    use model::TimerKind::{Keepalive, Probe, Retransmit, TimeWait};
    let names = [Retransmit, Keepalive, TimeWait, Probe].map(model::TimerKind::name);
    json_schema!({"enum": names})
}

/// A text that is there; systems sometimes say nothing by an empty one.
fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
