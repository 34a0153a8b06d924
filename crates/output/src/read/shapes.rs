//! What `schema` writes, as it is read. What a later version may add is passed over; what is missing and could be null is null.

use std::net::IpAddr;

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use sockscope_model as model;

use super::words;

/// Enough to know what a document is.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) schema: Option<String>,
    pub(super) protocol: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Snapshot {
    pub(super) host: Option<String>,
    pub(super) os: Option<String>,
    pub(super) taken_at: Option<Time>,
    pub(super) elapsed_us: Option<u64>,
    pub(super) sources: Option<Vec<SourceReport>>,
    pub(super) notices: Option<Vec<Notice>>,
    pub(super) sockets: Vec<Socket>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SourceReport {
    pub(super) name: String,
    pub(super) rows: Option<u64>,
    pub(super) duplicates: Option<u64>,
    pub(super) churned: Option<u64>,
    pub(super) elapsed_us: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Notice {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Change {
    pub(super) at: Option<Time>,
    pub(super) change: Kind,
    pub(super) socket: Socket,
    pub(super) before: Option<Before>,
    pub(super) duration_us: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Before {
    pub(super) state: Option<State>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "AnySocket")]
pub(super) struct Socket(pub(super) AnySocket);

/// A socket whose ends may contradict one another.
#[derive(Debug, Deserialize)]
pub(super) struct AnySocket {
    pub(super) protocol: Protocol,
    pub(super) family: Option<Family>,
    pub(super) state: Option<State>,
    pub(super) local: Endpoint,
    pub(super) remote: Option<Endpoint>,
    pub(super) owners: Option<Vec<Owner>>,
    pub(super) no_owner: Option<NoOwner>,
    pub(super) uid: Option<u32>,
    pub(super) user: Option<String>,
    pub(super) inode: Option<u64>,
    pub(super) cookie: Option<Decimal>,
    pub(super) interface: Option<String>,
    pub(super) mark: Option<u32>,
    pub(super) namespace: Option<Namespace>,
    pub(super) cgroup: Option<String>,
    pub(super) opened_at: Option<Time>,
    pub(super) queues: Option<Queues>,
    pub(super) timer: Option<Timer>,
    pub(super) traffic: Option<Box<Traffic>>,
    pub(super) exposure: Option<Exposure>,
    pub(super) place: Option<Place>,
    pub(super) places: Option<Vec<Place>>,
}

impl TryFrom<AnySocket> for Socket {
    type Error = String;

    fn try_from(socket: AnySocket) -> Result<Socket, String> {
        let family = model::Family::of(&socket.local.address);
        if let Some(said) = &socket.family
            && said.0 != family
        {
            return Err(format!("its family is {}, its local address of {}", said.0.name(), family.name()));
        }
        match &socket.remote {
            Some(remote) if model::Family::of(&remote.address) != family => {
                Err("its local and its remote address are of different families".to_owned())
            }
            _ => Ok(Socket(socket)),
        }
    }
}

/// Of a peer, also its name.
#[derive(Debug, Deserialize)]
pub(super) struct Endpoint {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) scope: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Owner {
    pub(super) pid: u32,
    pub(super) started_at: Option<Time>,
    pub(super) name: Option<String>,
    pub(super) path: Option<String>,
    pub(super) command_line: Option<Vec<String>>,
    pub(super) user: Option<String>,
    pub(super) fds: Option<Vec<u32>>,
    pub(super) service: Option<String>,
    pub(super) container: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Namespace {
    pub(super) id: u64,
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Queues {
    pub(super) receive: u32,
    pub(super) send: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Timer {
    pub(super) kind: TimerKind,
    pub(super) expires_us: u64,
    pub(super) retransmits: u8,
}

#[derive(Debug, Deserialize)]
pub(super) struct Traffic {
    pub(super) sent_bytes: Option<u64>,
    pub(super) received_bytes: Option<u64>,
    pub(super) rtt_us: Option<u64>,
    pub(super) rtt_variation_us: Option<u64>,
    pub(super) min_rtt_us: Option<u64>,
    pub(super) retransmitted_segments: Option<u64>,
    pub(super) lost_segments: Option<u64>,
    pub(super) congestion_control: Option<String>,
    pub(super) congestion_window: Option<u64>,
    pub(super) segment_size: Option<u64>,
    pub(super) send_rate_bps: Option<u64>,
    pub(super) delivery_rate_bps: Option<u64>,
    pub(super) last_sent_us: Option<u64>,
    pub(super) last_received_us: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) country_code: Option<String>,
    pub(super) country: Option<String>,
    pub(super) region: Option<String>,
    pub(super) city: Option<String>,
    pub(super) asn: Option<u32>,
    pub(super) organization: Option<String>,
    pub(super) text: Option<String>,
    pub(super) database: String,
    pub(super) coordinates: Option<Coordinates>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Coordinates {
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
}

macro_rules! texts {
    ($($name:ident($type:ty), $read:expr, $what:literal;)*) => {$(
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $name(pub(super) $type);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $read(&text).map($name).ok_or_else(|| D::Error::custom(format!(concat!("'{}' is no ", $what), text)))
            }
        }
    )*};
}

texts! {
    Time(model::Timestamp), time, "time of RFC 3339";
    Decimal(u64), words::decimal, "decimal number of 64 bits";
    Protocol(model::Protocol), words::protocol, "protocol that this version knows";
    Family(model::Family), words::family, "address family that this version knows";
    State(model::State), words::state, "state that this version knows";
    NoOwner(model::NoOwner), words::no_owner, "reason";
    Exposure(model::Exposure), words::exposure, "exposure that this version knows";
    TimerKind(model::TimerKind), words::timer, "timer that this version knows";
    Kind(model::EventKind), words::kind, "change that this version knows";
}

fn time(text: &str) -> Option<model::Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(model::Timestamp::from_micros(time.as_microsecond()))
}
