use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use crate::{Row, State, Timestamp, Traffic};

/// A scalar value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Words.
    Text(Cow<'a, str>),
    /// A plain number: port, pid, count.
    Number(u64),
    /// Bytes.
    Bytes(u64),
    /// Microseconds.
    Micros(u64),
    /// Bits a second.
    Rate(u64),
    /// A moment.
    Time(Timestamp),
    /// An IP address.
    Address(IpAddr),
    /// A TCP state.
    State(State),
}

macro_rules! fields {
    ($($variant:ident $name:literal $doc:literal,)*) => {
        /// Every scalar that a row has. The names are those of the JSON paths, joined by `_`: CSV's columns.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field { $(#[doc = $doc] $variant,)* }

        impl Field {
            /// Every field, in the order of CSV's columns.
            pub const ALL: &'static [Field] = &[$(Field::$variant,)*];

            /// The name.
            pub const fn name(self) -> &'static str {
                match self { $(Field::$variant => $name,)* }
            }

            /// What it holds, in a few words.
            pub const fn description(self) -> &'static str {
                match self { $(Field::$variant => $doc,)* }
            }

            /// The field of that name.
            pub fn from_name(name: &str) -> Option<Field> {
                match name { $($name => Some(Field::$variant),)* _ => None }
            }
        }
    };
}

fields! {
    Protocol "protocol" "tcp or udp",
    Family "family" "ipv4 or ipv6",
    State "state" "TCP state (RFC 9293)",
    LocalAddress "local_address" "local address",
    LocalPort "local_port" "local port",
    LocalScope "local_scope" "interface of a link-local local address",
    RemoteAddress "remote_address" "address of the peer",
    RemotePort "remote_port" "port of the peer",
    RemoteScope "remote_scope" "interface of a link-local remote address",
    OwnerPid "owner_pid" "process number of each owner",
    OwnerStartedAt "owner_started_at" "when each owner began",
    OwnerName "owner_name" "name of each owner",
    OwnerPath "owner_path" "executable of each owner",
    OwnerCommandLine "owner_command_line" "command line of each owner, joined by spaces",
    OwnerUser "owner_user" "user of each owner",
    OwnerFds "owner_fds" "descriptors of each owner, joined by commas",
    OwnerService "owner_service" "service of each owner",
    OwnerContainer "owner_container" "container of each owner",
    NoOwner "no_owner" "why there is no owner",
    Uid "uid" "number of the user who made the socket",
    User "user" "name of the user who made the socket",
    Inode "inode" "inode in sockfs",
    Cookie "cookie" "socket cookie",
    Interface "interface" "interface it is bound to",
    Mark "mark" "firewall mark",
    NamespaceId "namespace_id" "inode of the network namespace",
    NamespaceName "namespace_name" "name of the network namespace",
    Cgroup "cgroup" "cgroup v2 path",
    OpenedAt "opened_at" "when the socket was made",
    QueuesReceive "queues_receive" "bytes received and not read; listeners: connections not accepted",
    QueuesSend "queues_send" "bytes sent and not acknowledged; listeners: longest accept queue",
    TimerKind "timer_kind" "what the running timer waits for",
    TimerExpiresUs "timer_expires_us" "time until the timer goes off",
    TimerRetransmits "timer_retransmits" "how often the timer went off",
    SentBytes "traffic_sent_bytes" "bytes sent",
    ReceivedBytes "traffic_received_bytes" "bytes received",
    RttUs "traffic_rtt_us" "round-trip time, smoothed",
    RttVariationUs "traffic_rtt_variation_us" "variation of the round-trip time",
    MinRttUs "traffic_min_rtt_us" "shortest round-trip time",
    RetransmittedSegments "traffic_retransmitted_segments" "segments sent again",
    LostSegments "traffic_lost_segments" "segments held for lost now",
    CongestionControl "traffic_congestion_control" "congestion control algorithm",
    CongestionWindow "traffic_congestion_window" "congestion window in segments",
    SegmentSize "traffic_segment_size" "largest segment sent",
    SendRateBps "traffic_send_rate_bps" "what window and round-trip time allow",
    DeliveryRateBps "traffic_delivery_rate_bps" "latest measured rate of delivery",
    LastSentUs "traffic_last_sent_us" "time since data was last sent",
    LastReceivedUs "traffic_last_received_us" "time since data was last received",
    Exposure "exposure" "from how far it can be reached",
    PlaceCountryCode "place_country_code" "country of the peer, ISO 3166-1",
    PlaceCountry "place_country" "country of the peer",
    PlaceRegion "place_region" "region of the peer",
    PlaceCity "place_city" "city of the peer",
    PlaceAsn "place_asn" "autonomous system of the peer",
    PlaceOrganization "place_organization" "network operator of the peer",
    PlaceText "place_text" "place of the peer in the database's words",
    PlaceDatabase "place_database" "which database says so",
    RemoteName "remote_name" "name of the peer, with --resolve",
}

impl Field {
    /// Whether the field has one value an owner: such values are visited in the order of the owners, and an owner
    /// without one is visited as `None`.
    pub const fn is_per_owner(self) -> bool {
        matches!(
            self,
            Field::OwnerPid
                | Field::OwnerStartedAt
                | Field::OwnerName
                | Field::OwnerPath
                | Field::OwnerCommandLine
                | Field::OwnerUser
                | Field::OwnerFds
                | Field::OwnerService
                | Field::OwnerContainer
        )
    }

    /// Whether the value comes from the search for owners.
    pub const fn needs_owners(self) -> bool {
        self.is_per_owner() || matches!(self, Field::NoOwner)
    }

    /// Whether the value comes from more than a process' number, start and name.
    pub const fn needs_process_details(self) -> bool {
        self.is_per_owner()
            && !matches!(self, Field::OwnerPid | Field::OwnerStartedAt | Field::OwnerName | Field::OwnerFds)
    }

    /// Whether the value comes from [`crate::Socket::traffic`].
    pub const fn needs_traffic(self) -> bool {
        matches!(
            self,
            Field::SentBytes
                | Field::ReceivedBytes
                | Field::RttUs
                | Field::RttVariationUs
                | Field::MinRttUs
                | Field::RetransmittedSegments
                | Field::LostSegments
                | Field::CongestionControl
                | Field::CongestionWindow
                | Field::SegmentSize
                | Field::SendRateBps
                | Field::DeliveryRateBps
                | Field::LastSentUs
                | Field::LastReceivedUs
        )
    }

    /// Whether the value comes from an IP database.
    pub const fn needs_places(self) -> bool {
        matches!(
            self,
            Field::PlaceCountryCode
                | Field::PlaceCountry
                | Field::PlaceRegion
                | Field::PlaceCity
                | Field::PlaceAsn
                | Field::PlaceOrganization
                | Field::PlaceText
                | Field::PlaceDatabase
        )
    }

    /// Whether the value comes from a name service.
    pub const fn needs_names(self) -> bool {
        matches!(self, Field::RemoteName)
    }

    /// The value of the row; `None` where it is not known. For a field with a value an owner, the first owner's.
    pub fn value<'a>(self, row: &Row<'a>) -> Option<Value<'a>> {
        if self.is_per_owner() {
            let mut first = None;
            let mut seen = false;
            self.each(row, &mut |value| {
                if !seen {
                    first = value;
                    seen = true;
                }
            });
            return first;
        }
        let socket = row.socket;
        let text = |text: &'a str| Value::Text(Cow::Borrowed(text));
        match self {
            Field::Protocol => Some(text(socket.key.protocol.name())),
            Field::Family => Some(text(socket.family().name())),
            Field::State => socket.state.map(Value::State),
            Field::LocalAddress => Some(Value::Address(socket.key.local.ip())),
            Field::LocalPort => Some(Value::Number(u64::from(socket.key.local.port()))),
            Field::LocalScope => scope(row, Some(socket.key.local)),
            Field::RemoteAddress => socket.key.remote.map(|remote| Value::Address(remote.ip())),
            Field::RemotePort => socket.key.remote.map(|remote| Value::Number(u64::from(remote.port()))),
            Field::RemoteScope => scope(row, socket.key.remote),
            Field::NoOwner => socket.owners.reason().map(|reason| text(reason.name())),
            Field::Uid => socket.uid.map(|uid| Value::Number(u64::from(uid))),
            Field::User => row.snapshot().user(socket).map(text),
            Field::Inode => socket.inode.map(Value::Number),
            Field::Cookie => socket.cookie().map(Value::Number),
            Field::Interface => row.snapshot().interface(socket).map(Value::Text),
            Field::Mark => socket.mark.map(|mark| Value::Number(u64::from(mark))),
            Field::NamespaceId => socket.namespace.map(Value::Number),
            Field::NamespaceName => row.snapshot().namespace(socket).and_then(|it| it.name.as_deref()).map(text),
            Field::Cgroup => row.snapshot().cgroup(socket).map(text),
            Field::OpenedAt => socket.opened.map(Value::Time),
            Field::QueuesReceive => socket.queues.map(|queues| queue(row, queues.receive)),
            Field::QueuesSend => socket.queues.and_then(|queues| queues.send).map(|length| queue(row, length)),
            Field::TimerKind => socket.timer.map(|timer| text(timer.kind.name())),
            Field::TimerExpiresUs => socket.timer.map(|timer| Value::Micros(timer.expires_us)),
            Field::TimerRetransmits => socket.timer.map(|timer| Value::Number(u64::from(timer.retransmits))),
            Field::Exposure => socket.exposure.map(|exposure| text(exposure.name())),
            Field::PlaceCountryCode => row.place().and_then(|place| place.country_code.as_deref()).map(text),
            Field::PlaceCountry => row.place().and_then(|place| place.country.as_deref()).map(text),
            Field::PlaceRegion => row.place().and_then(|place| place.region.as_deref()).map(text),
            Field::PlaceCity => row.place().and_then(|place| place.city.as_deref()).map(text),
            Field::PlaceAsn => row.place().and_then(|place| place.asn).map(|asn| Value::Number(u64::from(asn))),
            Field::PlaceOrganization => row.place().and_then(|place| place.organization.as_deref()).map(text),
            Field::PlaceText => row.place().map(|place| text(&place.text)),
            Field::PlaceDatabase => row.place().map(|place| text(&place.database)),
            Field::RemoteName => row.remote_name().map(text),
            _ => socket.traffic.as_deref().and_then(|traffic| self.traffic_value(traffic)),
        }
    }

    /// Visits every value of the row: one for most fields, one an owner where [`Field::is_per_owner`].
    pub fn each<'a>(self, row: &Row<'a>, visit: &mut dyn FnMut(Option<Value<'a>>)) {
        if !self.is_per_owner() {
            visit(self.value(row));
            return;
        }
        let text = |text: &'a str| Value::Text(Cow::Borrowed(text));
        for owner in row.socket.owners.processes() {
            let process = row.snapshot().process(owner.process);
            visit(match self {
                Field::OwnerPid => Some(Value::Number(u64::from(owner.process.pid))),
                Field::OwnerStartedAt => owner.process.started.map(Value::Time),
                Field::OwnerFds if owner.fds.is_empty() => None,
                Field::OwnerFds => {
                    let fds: Vec<String> = owner.fds.iter().map(u32::to_string).collect();
                    Some(Value::Text(Cow::Owned(fds.join(","))))
                }
                Field::OwnerName => process.map(|process| text(&process.name)),
                Field::OwnerPath => {
                    process.and_then(|it| it.path.as_deref()).map(|it| Value::Text(it.to_string_lossy()))
                }
                Field::OwnerCommandLine => process
                    .and_then(|process| process.command_line.as_deref())
                    .map(|arguments| Value::Text(Cow::Owned(arguments.join(" ")))),
                Field::OwnerUser => process.and_then(|process| process.user.as_deref()).map(text),
                Field::OwnerService => row.snapshot().service(row.socket, owner).map(text),
                Field::OwnerContainer => process.and_then(|process| process.container.as_deref()).map(text),
                _ => None,
            });
        }
    }

    fn traffic_value(self, traffic: &Traffic) -> Option<Value<'_>> {
        match self {
            Field::SentBytes => traffic.sent_bytes.map(Value::Bytes),
            Field::ReceivedBytes => traffic.received_bytes.map(Value::Bytes),
            Field::RttUs => traffic.rtt_us.map(Value::Micros),
            Field::RttVariationUs => traffic.rtt_variation_us.map(Value::Micros),
            Field::MinRttUs => traffic.min_rtt_us.map(Value::Micros),
            Field::RetransmittedSegments => traffic.retransmitted_segments.map(Value::Number),
            Field::LostSegments => traffic.lost_segments.map(Value::Number),
            Field::CongestionControl => traffic.congestion_control.as_deref().map(|it| Value::Text(Cow::Borrowed(it))),
            Field::CongestionWindow => traffic.congestion_window.map(Value::Number),
            Field::SegmentSize => traffic.segment_size.map(Value::Bytes),
            Field::SendRateBps => traffic.send_rate_bps.map(Value::Rate),
            Field::DeliveryRateBps => traffic.delivery_rate_bps.map(Value::Rate),
            Field::LastSentUs => traffic.last_sent_us.map(Value::Micros),
            Field::LastReceivedUs => traffic.last_received_us.map(Value::Micros),
            _ => None,
        }
    }
}

/// The interface that makes a link-local address unique.
fn scope<'a>(row: &Row<'a>, endpoint: Option<SocketAddr>) -> Option<Value<'a>> {
    match endpoint {
        Some(SocketAddr::V6(v6)) if v6.scope_id() != 0 => {
            Some(Value::Text(row.snapshot().interface_name(v6.scope_id())))
        }
        _ => None,
    }
}

/// A listener's queues count connections, all others bytes.
fn queue<'a>(row: &Row<'a>, length: u32) -> Value<'a> {
    let length = u64::from(length);
    if row.socket.state == Some(State::Listen) { Value::Number(length) } else { Value::Bytes(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for field in Field::ALL {
            assert_eq!(Field::from_name(field.name()), Some(*field));
        }
    }
}
