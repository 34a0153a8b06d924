use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use sockscope_model::{
    Coordinates, Frame, HostName, IpDatabase, Namespace, NoOwner, Notice, Occurrence, Owner, Owners, Place, Process,
    ProcessId, Queues, Snapshot, Socket, SocketKey, SourceReport, Tag, Timer, Timestamp, Traffic,
};

use super::{shapes, words};
use crate::schema::known;
use numbers::Numbers;

/// Numbers for what documents have by name alone.
mod numbers;
/// Which service is whose.
mod services;

const NEVER: Timestamp = Timestamp::from_micros(0);

/// A document.
pub(super) fn snapshot(read: shapes::Snapshot) -> Frame {
    let os = read.os.as_deref().map_or_else(|| os_of(&read.sockets), words::os);
    let mut snapshot = Snapshot::new(os, read.host.unwrap_or_default(), read.taken_at.map_or(NEVER, |time| time.0));
    snapshot.elapsed = Duration::from_micros(read.elapsed_us.unwrap_or(0));
    let sources = read.sources.unwrap_or_default().into_iter();
    snapshot.sources = sources
        .map(|report| SourceReport {
            name: words::source_name(&report.name),
            rows: report.rows.unwrap_or(0),
            duplicates: report.duplicates.unwrap_or(0),
            churned: report.churned.unwrap_or(0),
            elapsed: Duration::from_micros(report.elapsed_us.unwrap_or(0)),
        })
        .collect();
    let notices = read.notices.unwrap_or_default().into_iter();
    snapshot.notices =
        notices.map(|notice| Notice { code: words::notice_code(&notice.code), message: notice.message }).collect();
    Builder::new(snapshot).frame(read.sockets)
}

/// Socket lines.
pub(super) fn sockets(read: Vec<shapes::Socket>) -> Frame {
    Builder::new(Snapshot::new(os_of(&read), String::new(), NEVER)).frame(read)
}

/// A line of a watch.
pub(super) fn change(read: shapes::Change) -> Occurrence {
    let os = os_of(std::slice::from_ref(&read.socket));
    let at = read.at.map_or(NEVER, |time| time.0);
    let mut builder = Builder::new(Snapshot::new(os, String::new(), at));
    let socket = Box::new(builder.socket(read.socket));
    Occurrence {
        at,
        kind: read.change.0,
        socket,
        frame: Arc::new(builder.finish()),
        before: read.before.and_then(|before| before.state).map(|state| state.0),
        lasted: read.duration_us.map(Duration::from_micros),
        from_before: false,
    }
}

/// Windows has no descriptors, and every other system has.
fn os_of(sockets: &[shapes::Socket]) -> &'static str {
    let mut owners = sockets.iter().filter_map(|socket| socket.0.owners.as_ref()).flatten();
    match owners.next() {
        Some(owner) if owner.fds.is_none() => "windows",
        Some(_) => "linux",
        None => "unknown",
    }
}

/// A frame that grows by a socket at a time.
struct Builder {
    snapshot: Snapshot,
    numbers: Numbers,
    services: services::Services,
    databases: Vec<Arc<str>>,
    /// Several databases were asked, so that each answer stands beside the first one.
    several: bool,
    places: HashMap<IpAddr, Arc<[Place]>>,
    names: HashMap<IpAddr, HostName>,
}

impl Builder {
    fn new(snapshot: Snapshot) -> Builder {
        Builder {
            snapshot,
            numbers: Numbers::default(),
            services: services::Services::default(),
            databases: Vec::new(),
            several: false,
            places: HashMap::new(),
            names: HashMap::new(),
        }
    }

    fn frame(mut self, sockets: Vec<shapes::Socket>) -> Frame {
        self.snapshot.sockets.reserve_exact(sockets.len());
        for socket in sockets {
            let socket = self.socket(socket);
            self.snapshot.sockets.push(socket);
        }
        self.finish()
    }

    fn finish(self) -> Frame {
        let Builder { mut snapshot, numbers, services, databases, several, places, names } = self;
        numbers.name(&mut snapshot);
        services.assign(&mut snapshot);
        let database = |name| IpDatabase { name, attribution: None, website: None };
        let mut frame = Frame::new(snapshot);
        frame.databases = databases.into_iter().map(database).collect();
        if several && frame.databases.len() == 1 {
            // Others were asked and knew none of the peers.
            frame.databases.push(database("(not recorded)".into()));
        }
        frame.places = Arc::new(places.into_iter().collect());
        frame.names = Arc::new(names.into_iter().collect());
        frame
    }

    fn socket(&mut self, shapes::Socket(read): shapes::Socket) -> Socket {
        let local = self.endpoint(&read.local);
        let remote = read.remote.as_ref().map(|remote| self.endpoint(remote));
        let opened = read.opened_at.map(|time| time.0);
        let tag = match (read.cookie, read.inode, opened) {
            (Some(cookie), ..) => Tag::Cookie(cookie.0),
            (None, Some(inode), _) => Tag::Inode(inode),
            (None, None, Some(opened)) => Tag::Created(opened),
            (None, None, None) => Tag::None,
        };
        let key = SocketKey { protocol: read.protocol.0, local, remote, tag };
        if let Some(peer) = remote {
            self.peer(peer.ip(), read.remote.and_then(|remote| remote.name), read.place, read.places);
        }
        if let (Some(uid), Some(user)) = (read.uid, non_empty(read.user)) {
            self.snapshot.users.entry(uid).or_insert(user);
        }
        if let Some(namespace) = &read.namespace {
            let entry = self.snapshot.namespaces.entry(namespace.id);
            let entry = entry.or_insert(Namespace { id: namespace.id, name: None });
            if entry.name.is_none() {
                entry.name = namespace.name.as_deref().and_then(known).map(str::to_owned);
            }
        }
        let owners = read.owners.unwrap_or_default();
        let owners = match (owners.is_empty(), read.no_owner) {
            (false, _) => Owners::Processes(self.owners(key, owners)),
            (true, reason) => Owners::Nobody(reason.map_or(NoOwner::Unknown, |reason| reason.0)),
        };
        Socket {
            state: read.state.map(|state| state.0),
            owners,
            uid: read.uid,
            inode: read.inode,
            interface: non_empty(read.interface).map(|name| self.numbers.interface(name)),
            mark: read.mark,
            namespace: read.namespace.map(|namespace| namespace.id),
            cgroup: non_empty(read.cgroup).map(|path| self.numbers.cgroup(path)),
            opened,
            queues: read.queues.map(|it| Queues { receive: it.receive, send: it.send }),
            timer: read.timer.map(|it| Timer {
                kind: it.kind.0,
                expires_us: it.expires_us,
                retransmits: it.retransmits,
            }),
            traffic: read.traffic.map(|it| Box::new(traffic(*it))),
            exposure: read.exposure.map(|it| it.0),
            ..Socket::new(key)
        }
    }

    fn endpoint(&mut self, read: &shapes::Endpoint) -> SocketAddr {
        match (read.address, read.scope.as_deref().and_then(known)) {
            (IpAddr::V6(address), Some(scope)) => {
                SocketAddrV6::new(address, read.port, 0, self.numbers.interface(scope.to_owned())).into()
            }
            (address, _) => SocketAddr::new(address, read.port),
        }
    }

    fn owners(&mut self, key: SocketKey, read: Vec<shapes::Owner>) -> Vec<Owner> {
        let mut owners = Vec::with_capacity(read.len());
        let mut services = Vec::with_capacity(read.len());
        for owner in read {
            let id = ProcessId { pid: owner.pid, started: owner.started_at.map(|time| time.0) };
            let said = Process {
                id,
                name: owner.name.unwrap_or_default(),
                path: non_empty(owner.path).map(Into::into),
                command_line: owner.command_line,
                uid: None,
                user: non_empty(owner.user),
                service: None,
                container: non_empty(owner.container),
            };
            services.push((id, non_empty(owner.service)));
            self.snapshot.processes.entry(id).or_insert(said);
            owners.push(Owner { process: id, fds: owner.fds.unwrap_or_default() });
        }
        self.services.said(key, services);
        owners
    }

    /// What was known of a peer.
    fn peer(
        &mut self,
        peer: IpAddr,
        name: Option<String>,
        first: Option<shapes::Place>,
        all: Option<Vec<shapes::Place>>,
    ) {
        if let Some(name) = name {
            self.names.entry(peer).or_insert_with(|| HostName::of(&name));
        }
        let all = all.unwrap_or_default();
        self.several |= !all.is_empty();
        if self.places.contains_key(&peer) {
            return;
        }
        let read = if all.is_empty() { first.into_iter().collect() } else { all };
        let places: Vec<Place> = read.into_iter().map(|place| self.place(place)).collect();
        if !places.is_empty() {
            self.places.insert(peer, places.into());
        }
    }

    fn place(&mut self, read: shapes::Place) -> Place {
        let database = match self.databases.iter().find(|name| ***name == *read.database) {
            Some(name) => Arc::clone(name),
            None => {
                let name: Arc<str> = read.database.into();
                self.databases.push(Arc::clone(&name));
                name
            }
        };
        let coordinates = read.coordinates.and_then(|it| it.latitude.zip(it.longitude));
        Place {
            country_code: non_empty(read.country_code),
            country: non_empty(read.country),
            region: non_empty(read.region),
            city: non_empty(read.city),
            asn: read.asn,
            organization: non_empty(read.organization),
            coordinates: coordinates.map(|(latitude, longitude)| Coordinates { latitude, longitude }),
            text: read.text.unwrap_or_default(),
            database,
        }
    }
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn traffic(read: shapes::Traffic) -> Traffic {
    Traffic {
        sent_bytes: read.sent_bytes,
        received_bytes: read.received_bytes,
        rtt_us: read.rtt_us,
        rtt_variation_us: read.rtt_variation_us,
        min_rtt_us: read.min_rtt_us,
        retransmitted_segments: read.retransmitted_segments,
        lost_segments: read.lost_segments,
        congestion_control: non_empty(read.congestion_control),
        congestion_window: read.congestion_window,
        segment_size: read.segment_size,
        send_rate_bps: read.send_rate_bps,
        delivery_rate_bps: read.delivery_rate_bps,
        last_sent_us: read.last_sent_us,
        last_received_us: read.last_received_us,
    }
}
