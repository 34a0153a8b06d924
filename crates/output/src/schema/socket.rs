//! The published shape of a socket, and of all that is in it.

use std::borrow::Cow;
use std::net::SocketAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use sockscope_model as model;
use sockscope_model::Row;

use super::{Address, Decimal, Interface, Place, Places, State, Time, known};

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

pub(super) fn protocol_names(_: &mut SchemaGenerator) -> Schema {
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
