use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use sockscope_model::{
    Exposure, Family, NoOwner, Owners, Protocol, Queues, Socket, SocketKey, State, StateSet, Tag, Timer, TimerKind,
};

use crate::bytes::{array_at, be16_at, u8_at, u32_at, u64_at};
use crate::netlink::{self, HEADER_LENGTH};
use crate::{Malformed, bytecode, tcp_info};

pub(crate) const AF_INET: u8 = 2;
pub(crate) const AF_INET6: u8 = 10;
pub(crate) const IPPROTO_TCP: u8 = 6;
pub(crate) const IPPROTO_UDP: u8 = 17;

/// `SOCK_DIAG_BY_FAMILY`: the type of requests and replies.
pub const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `TCPDIAG_GETSOCK`: the type of the older request, which lists the TCP sockets of both families in one walk.
pub const TCPDIAG_GETSOCK: u16 = 18;

/// `SOCK_DESTROY`: the type of a request to close one socket.
const SOCK_DESTROY: u16 = 21;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;

/// Response attributes (`INET_DIAG_*`, include/uapi/linux/inet_diag.h).
pub(crate) mod attribute {
    pub(crate) const INFO: u16 = 2;
    pub(crate) const CONG: u16 = 4;
    pub(crate) const SHUTDOWN: u16 = 8;
    pub(crate) const PROTOCOL: u16 = 10;
    pub(crate) const SKV6ONLY: u16 = 11;
    pub(crate) const MARK: u16 = 15;
    pub(crate) const CGROUP_ID: u16 = 21;
    pub(crate) const SOCKOPT: u16 = 22;
}

/// `INET_DIAG_REQ_BYTECODE`.
const REQUEST_BYTECODE: u16 = 1;

/// States as the kernel numbers them (include/net/tcp_states.h).
mod number {
    pub(super) const ESTABLISHED: u8 = 1;
    pub(super) const SYN_SENT: u8 = 2;
    pub(super) const SYN_RECV: u8 = 3;
    pub(super) const FIN_WAIT1: u8 = 4;
    pub(super) const FIN_WAIT2: u8 = 5;
    pub(super) const TIME_WAIT: u8 = 6;
    pub(super) const CLOSE: u8 = 7;
    pub(super) const CLOSE_WAIT: u8 = 8;
    pub(super) const LAST_ACK: u8 = 9;
    pub(super) const LISTEN: u8 = 10;
    pub(super) const CLOSING: u8 = 11;
    pub(super) const NEW_SYN_RECV: u8 = 12;
    pub(super) const BOUND_INACTIVE: u8 = 13;
}

/// The state of that number in `/proc/net/tcp` and in sock_diag.
pub fn state(number: u8) -> State {
    match number {
        number::ESTABLISHED => State::Established,
        number::SYN_SENT => State::SynSent,
        number::SYN_RECV | number::NEW_SYN_RECV => State::SynReceived,
        number::FIN_WAIT1 => State::FinWait1,
        number::FIN_WAIT2 => State::FinWait2,
        number::TIME_WAIT => State::TimeWait,
        number::CLOSE => State::Closed,
        number::CLOSE_WAIT => State::CloseWait,
        number::LAST_ACK => State::LastAck,
        number::LISTEN => State::Listen,
        number::CLOSING => State::Closing,
        number::BOUND_INACTIVE => State::Bound,
        unknown => State::Other(u32::from(unknown)),
    }
}

/// The set as the bit mask that requests take. `Other` asks for the numbers behind the last known one.
pub fn state_mask(states: StateSet) -> u32 {
    let known = (1..=number::BOUND_INACTIVE).filter(|number| states.contains(state(*number)));
    let mask = known.fold(0, |mask, number| mask | 1 << number);
    if states.contains(State::Other(0)) { mask | !0 << (number::BOUND_INACTIVE + 1) } else { mask }
}

/// Which table a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// TCP of both families, by the older request.
    TcpBoth,
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over IPv4.
    Udp4,
    /// UDP over IPv6.
    Udp6,
}

impl Table {
    /// The protocol of the table's rows.
    pub const fn protocol(self) -> Protocol {
        match self {
            Table::TcpBoth | Table::Tcp4 | Table::Tcp6 => Protocol::Tcp,
            Table::Udp4 | Table::Udp6 => Protocol::Udp,
        }
    }

    /// The message type of requests for the table, and of its rows.
    pub const fn message_kind(self) -> u16 {
        match self {
            Table::TcpBoth => TCPDIAG_GETSOCK,
            _ => SOCK_DIAG_BY_FAMILY,
        }
    }

    const fn family(self) -> u8 {
        match self {
            Table::TcpBoth => 0,
            Table::Tcp4 | Table::Udp4 => AF_INET,
            Table::Tcp6 | Table::Udp6 => AF_INET6,
        }
    }
}

/// What narrows a dump.
#[derive(Debug, Clone, Default)]
pub enum Narrow {
    /// Nothing: all rows.
    #[default]
    Nothing,
    /// A program of [`crate::compile`].
    Program(Vec<u8>),
    /// Only sockets whose port the kernel chose.
    AutomaticPort,
}

/// A request to dump a table.
#[derive(Debug, Clone)]
pub struct DumpRequest<'a> {
    /// Which table.
    pub table: Table,
    /// Which states, by [`state_mask`].
    pub states: u32,
    /// Whether rows carry `struct tcp_info` and the congestion control's name.
    pub traffic: bool,
    /// Which rows.
    pub narrow: &'a Narrow,
    /// Comes back in every reply.
    pub sequence: u32,
}

impl DumpRequest<'_> {
    /// The request as a datagram: `struct nlmsghdr`, then `struct inet_diag_req_v2` or the older `struct inet_diag_req`,
    /// then the program.
    pub fn encode(&self) -> Vec<u8> {
        let automatic;
        let program: &[u8] = match self.narrow {
            Narrow::Nothing => &[],
            Narrow::Program(program) => program,
            Narrow::AutomaticPort => {
                automatic = bytecode::automatic_port();
                &automatic
            }
        };
        let extensions: u8 = if self.traffic { 1 << (attribute::INFO - 1) | 1 << (attribute::CONG - 1) } else { 0 };
        let mut body = Vec::with_capacity(64 + program.len());
        let no_socket = [0u8; 48];
        if self.table == Table::TcpBoth {
            body.extend([self.table.family(), 0, 0, extensions]);
            body.extend(no_socket);
            body.extend(self.states.to_ne_bytes());
            body.extend(0u32.to_ne_bytes());
        } else {
            let protocol = match self.table.protocol() {
                Protocol::Udp => IPPROTO_UDP,
                _ => IPPROTO_TCP,
            };
            body.extend([self.table.family(), protocol, extensions, 0]);
            body.extend(self.states.to_ne_bytes());
            body.extend(no_socket);
        }
        // A program is at most 0xff00 bytes long (see `compile`); a longer one would not be sent.
        if let Some(length) = u16::try_from(program.len() + 4).ok().filter(|_| !program.is_empty()) {
            body.extend(length.to_ne_bytes());
            body.extend(REQUEST_BYTECODE.to_ne_bytes());
            body.extend(program);
        }
        datagram(self.table.message_kind(), NLM_F_REQUEST | NLM_F_DUMP, self.sequence, &body)
    }
}

/// A request that asks for nothing that exists and is answered at once: it tells the kernel how large the reader's buffer
/// is, and the reader whether the kernel answers at all.
pub fn encode_probe(sequence: u32) -> Vec<u8> {
    let mut body = vec![AF_INET, IPPROTO_TCP, 0, 0];
    body.extend(0u32.to_ne_bytes());
    body.extend([0u8; 48]);
    datagram(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, sequence, &body)
}

/// A request to close this one socket: `struct nlmsghdr` and `struct inet_diag_req_v2` with the socket's full id. The kernel
/// looks the addresses up and compares the cookie, so that it never closes another socket that has them by now; it
/// answers with `NLMSG_ERROR`, errno 0 for done. `None` if the socket's cookie or protocol is not known.
pub fn encode_destroy(socket: &Socket, sequence: u32) -> Option<Vec<u8>> {
    let cookie = socket.cookie()?;
    let protocol = match socket.key.protocol {
        Protocol::Tcp => IPPROTO_TCP,
        Protocol::Udp => IPPROTO_UDP,
        _ => return None,
    };
    let (family, nowhere) = match socket.family() {
        Family::Ipv4 => (AF_INET, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
        Family::Ipv6 => (AF_INET6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
    };
    let source = socket.key.local;
    let destination = socket.key.remote.unwrap_or(nowhere);
    let mut body = Vec::with_capacity(56);
    body.extend([family, protocol, 0, 0]);
    // The states are for dumps.
    body.extend(0u32.to_ne_bytes());
    body.extend(source.port().to_be_bytes());
    body.extend(destination.port().to_be_bytes());
    body.extend(address_words(source.ip()));
    body.extend(address_words(destination.ip()));
    body.extend(socket.interface.unwrap_or(0).to_ne_bytes());
    // The low half first, whatever the byte order.
    body.extend((cookie as u32).to_ne_bytes());
    body.extend(((cookie >> 32) as u32).to_ne_bytes());
    Some(datagram(SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, sequence, &body))
}

/// `idiag_src` and `idiag_dst`: an IPv4 address is in the first of the four words.
fn address_words(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn datagram(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = HEADER_LENGTH + body.len();
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend(body);
    bytes
}

/// A row of a dump.
#[derive(Debug, Clone, PartialEq)]
pub struct DiagRow {
    /// The socket. Where no process can have it open, `owners` already says why; else `not-asked`.
    pub socket: Socket,
    /// IP_MULTICAST_LOOP, which the kernel's own tunnel sockets have switched off; `None` on kernels before 5.10 and for
    /// rows that are no full sockets.
    pub multicast_loop: Option<bool>,
}

/// Offsets in `struct inet_diag_msg`.
pub(crate) mod offset {
    pub(crate) const FAMILY: usize = 0;
    pub(crate) const STATE: usize = 1;
    pub(crate) const TIMER: usize = 2;
    pub(crate) const RETRANS: usize = 3;
    pub(crate) const SPORT: usize = 4;
    pub(crate) const DPORT: usize = 6;
    pub(crate) const SRC: usize = 8;
    pub(crate) const DST: usize = 24;
    pub(crate) const IF: usize = 40;
    pub(crate) const COOKIE: usize = 44;
    pub(crate) const EXPIRES: usize = 52;
    pub(crate) const RQUEUE: usize = 56;
    pub(crate) const WQUEUE: usize = 60;
    pub(crate) const UID: usize = 64;
    pub(crate) const INODE: usize = 68;
    pub(crate) const END: usize = 72;
}

const SEND_SHUTDOWN: u8 = 2;
/// The loopback interface has the same index in every network namespace (include/net/flow.h).
const LOOPBACK_IFINDEX: u32 = 1;

/// Decodes the payload of a row: `struct inet_diag_msg` and attributes. `bound` says that the dump asked for sockets that
/// are bound and no more, which come back as CLOSE.
///
/// # Errors
/// The payload is shorter than the structure, or of a family that was not asked for.
pub fn decode_row(payload: &[u8], protocol: Protocol, bound: bool) -> Result<DiagRow, Malformed> {
    let malformed = |offset, problem| Malformed { what: "sock_diag row", offset, problem };
    let header = payload.get(..offset::END).ok_or(malformed(payload.len(), "the row is shorter than inet_diag_msg"))?;
    let read = || -> Option<_> {
        let family = u8_at(header, offset::FAMILY)?;
        let interface = u32_at(header, offset::IF)?;
        let local = endpoint(family, array_at(header, offset::SRC)?, be16_at(header, offset::SPORT)?, interface);
        let remote = endpoint(family, array_at(header, offset::DST)?, be16_at(header, offset::DPORT)?, interface);
        Some((local?, remote?, interface, u8_at(header, offset::STATE)?))
    };
    let (local, remote, interface, state_number) =
        read().ok_or(malformed(offset::FAMILY, "neither AF_INET nor AF_INET6"))?;
    let word = |offset| u32_at(header, offset).unwrap_or(0);

    let inode = Some(u64::from(word(offset::INODE))).filter(|inode| *inode != 0);
    let cookie = u64::from(word(offset::COOKIE)) | u64::from(word(offset::COOKIE + 4)) << 32;
    let tag = match (cookie, inode) {
        (0 | u64::MAX, Some(inode)) => Tag::Inode(inode),
        (0 | u64::MAX, None) => Tag::None,
        (cookie, _) => Tag::Cookie(cookie),
    };
    let tcp_state = match state(state_number) {
        State::Closed if bound => State::Bound,
        state => state,
    };
    let (state, has_peer) = match protocol {
        Protocol::Udp => (None, state_number == number::ESTABLISHED || remote.port() != 0),
        _ => (Some(tcp_state), !matches!(tcp_state, State::Listen | State::Bound) && !is_nowhere(&remote)),
    };
    let mut socket = Socket::new(SocketKey { protocol, local, remote: has_peer.then_some(remote), tag });
    socket.state = state;
    socket.inode = inode;
    // Rows that are no sockets of a process (TIME_WAIT, handshakes) say uid 0, which does not mean root.
    socket.uid = Some(word(offset::UID)).filter(|uid| *uid != 0 || inode.is_some());
    socket.interface = Some(interface).filter(|index| *index != 0);
    socket.queues = Some(Queues { receive: word(offset::RQUEUE), send: Some(word(offset::WQUEUE)) });
    socket.timer = timer_kind(u8_at(header, offset::TIMER).unwrap_or(0)).map(|kind| Timer {
        kind,
        expires_us: u64::from(word(offset::EXPIRES)) * 1000,
        retransmits: u8_at(header, offset::RETRANS).unwrap_or(0),
    });
    if socket.is_listening() {
        let exposure = Exposure::of_local(local.ip());
        socket.exposure = Some(if interface == LOOPBACK_IFINDEX { Exposure::Loopback } else { exposure });
    }

    let mut shutdown = 0;
    let mut multicast_loop = None;
    let mut congestion_control = None;
    for (kind, value) in netlink::attributes(payload.get(offset::END..).unwrap_or(&[])) {
        match kind {
            attribute::SHUTDOWN => shutdown = u8_at(value, 0).unwrap_or(0),
            attribute::SKV6ONLY => socket.only_ipv6 = u8_at(value, 0).map(|it| it != 0),
            attribute::MARK => socket.mark = u32_at(value, 0),
            attribute::CGROUP_ID => socket.cgroup = u64_at(value, 0),
            // The fifth bit of the first byte, on the side where the compiler puts bit fields.
            attribute::SOCKOPT => {
                let bit = if cfg!(target_endian = "little") { 1 << 4 } else { 1 << 3 };
                multicast_loop = u8_at(value, 0).map(|flags| flags & bit != 0);
            }
            attribute::INFO if state != Some(State::Listen) && state != Some(State::Bound) => {
                socket.traffic = Some(Box::new(tcp_info::decode(value)));
            }
            attribute::CONG => congestion_control = Some(value),
            _ => {}
        }
    }
    if let (Some(traffic), Some(name)) = (socket.traffic.as_mut(), congestion_control) {
        let name = name.split(|byte| *byte == 0).next().unwrap_or(&[]);
        traffic.congestion_control = Some(String::from_utf8_lossy(name).into_owned()).filter(|name| !name.is_empty());
    }
    if inode.is_none() {
        socket.owners = Owners::Nobody(why_no_inode(state, shutdown));
    }
    Ok(DiagRow { socket, multicast_loop })
}

/// A row without an inode has no descriptor behind it (net/ipv4/inet_diag.c). Which kind it is shows in state and
/// SHUTDOWN: close(2) shuts both directions, while a connection that waits for accept(2) never sent its FIN.
fn why_no_inode(state: Option<State>, shutdown: u8) -> NoOwner {
    match state {
        Some(State::TimeWait) => NoOwner::TimeWait,
        Some(State::SynReceived) => NoOwner::SynReceived,
        Some(State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck) => NoOwner::Orphan,
        Some(State::Established | State::CloseWait | State::SynSent | State::Closed) => {
            match (shutdown & SEND_SHUTDOWN != 0, state) {
                (true, _) => NoOwner::Orphan,
                (false, Some(State::Established | State::CloseWait)) => NoOwner::AcceptQueue,
                (false, _) => NoOwner::Exited,
            }
        }
        // A listener or UDP socket loses its inode only while it is being closed.
        _ => NoOwner::Exited,
    }
}

fn is_nowhere(remote: &SocketAddr) -> bool {
    remote.port() == 0 && remote.ip().is_unspecified()
}

fn endpoint(family: u8, address: [u8; 16], port: u16, interface: u32) -> Option<SocketAddr> {
    match family {
        AF_INET => {
            let [a, b, c, d, ..] = address;
            Some(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port)))
        }
        AF_INET6 => Some(scoped(Ipv6Addr::from(address), port, interface)),
        _ => None,
    }
}

/// Only link-local addresses need the interface to be told apart (RFC 4007).
pub(crate) fn scoped(address: Ipv6Addr, port: u16, interface: u32) -> SocketAddr {
    let link_local = address.is_unicast_link_local() || (address.segments()[0] & 0xff0f) == 0xff02;
    SocketAddr::V6(SocketAddrV6::new(address, port, 0, if link_local { interface } else { 0 }))
}

fn timer_kind(number: u8) -> Option<TimerKind> {
    match number {
        1 => Some(TimerKind::Retransmit),
        2 => Some(TimerKind::Keepalive),
        3 => Some(TimerKind::TimeWait),
        4 => Some(TimerKind::Probe),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: u8, inode: u32, shutdown: Option<u8>) -> Vec<u8> {
        let mut bytes = vec![AF_INET, state, 0, 0];
        bytes.extend(80u16.to_be_bytes());
        bytes.extend(40000u16.to_be_bytes());
        bytes.extend([127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([127, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend(1u32.to_ne_bytes());
        bytes.extend([0u8; 16]);
        bytes.extend(inode.to_ne_bytes());
        assert_eq!(bytes.len(), offset::END);
        if let Some(shutdown) = shutdown {
            bytes.extend(5u16.to_ne_bytes());
            bytes.extend(attribute::SHUTDOWN.to_ne_bytes());
            bytes.extend([shutdown, 0, 0, 0]);
        }
        bytes
    }

    #[test]
    fn rows_without_an_inode_say_why_nobody_owns_them() {
        for (number, shutdown, reason) in [
            (number::TIME_WAIT, None, NoOwner::TimeWait),
            (number::FIN_WAIT2, None, NoOwner::Orphan),
            (number::SYN_RECV, None, NoOwner::SynReceived),
            (number::ESTABLISHED, Some(0), NoOwner::AcceptQueue),
            (number::CLOSE_WAIT, Some(1), NoOwner::AcceptQueue),
            (number::ESTABLISHED, Some(3), NoOwner::Orphan),
            (number::FIN_WAIT1, Some(3), NoOwner::Orphan),
            (number::LAST_ACK, Some(3), NoOwner::Orphan),
            (number::LISTEN, Some(0), NoOwner::Exited),
        ] {
            let found = decode_row(&row(number, 0, shutdown), Protocol::Tcp, false).unwrap().socket;
            assert_eq!(found.owners, Owners::Nobody(reason), "state {number}, shutdown {shutdown:?}");
            assert_eq!(found.uid, None);
        }
        let owned = decode_row(&row(number::ESTABLISHED, 9, Some(0)), Protocol::Tcp, false).unwrap().socket;
        assert_eq!(owned.owners, Owners::Nobody(NoOwner::NotAsked));
        assert_eq!((owned.uid, owned.inode, owned.key.tag), (Some(0), Some(9), Tag::Cookie(7 | 1 << 32)));
    }

    #[test]
    fn unknown_states_are_kept_and_listeners_have_no_peer() {
        let odd = decode_row(&row(77, 1, None), Protocol::Tcp, false).unwrap().socket;
        assert_eq!(odd.state, Some(State::Other(77)));
        let listener = decode_row(&row(number::LISTEN, 1, None), Protocol::Tcp, false).unwrap().socket;
        assert_eq!((listener.key.remote, listener.exposure), (None, Some(Exposure::Loopback)));
        let bound = decode_row(&row(number::CLOSE, 1, None), Protocol::Tcp, true).unwrap().socket;
        assert_eq!((bound.state, bound.key.remote), (Some(State::Bound), None));
        let udp = decode_row(&row(number::ESTABLISHED, 1, None), Protocol::Udp, false).unwrap().socket;
        assert_eq!((udp.state, udp.filter_state()), (None, State::Established));
    }

    #[test]
    fn short_rows_and_other_families_are_errors() {
        let good = row(1, 1, Some(0));
        for length in 0..offset::END {
            assert!(decode_row(&good[..length], Protocol::Tcp, false).is_err());
        }
        let mut other = good;
        other[0] = 1;
        assert!(decode_row(&other, Protocol::Tcp, false).is_err());
    }

    #[test]
    fn masks_ask_for_what_the_set_holds() {
        assert_eq!(state_mask(StateSet::NONE.with(State::Listen)), 1 << 10);
        assert_eq!(state_mask(StateSet::NONE.with(State::SynReceived)), 1 << 3 | 1 << 12);
        assert_eq!(state_mask(StateSet::ALL), !1);
    }

    #[test]
    fn requests_have_the_lengths_of_their_structures() {
        let narrow = Narrow::Nothing;
        let mut request =
            DumpRequest { table: Table::TcpBoth, states: 1, traffic: false, narrow: &narrow, sequence: 1 };
        assert_eq!(request.encode().len(), 16 + 60);
        request.table = Table::Udp6;
        assert_eq!(request.encode().len(), 16 + 56);
        assert_eq!(encode_probe(1).len(), 16 + 56);
    }

    /// The id of a request is the id of the row that it is about, byte by byte.
    #[test]
    fn a_request_to_close_has_the_id_of_the_row() {
        let row = row(number::ESTABLISHED, 9, None);
        let socket = decode_row(&row, Protocol::Tcp, false).unwrap().socket;
        let request = encode_destroy(&socket, 3).unwrap();
        assert_eq!(request.len(), 16 + 56);
        assert_eq!(request[4..8], [21u16.to_ne_bytes(), 5u16.to_ne_bytes()].concat());
        assert_eq!(request[16..24], [AF_INET, IPPROTO_TCP, 0, 0, 0, 0, 0, 0]);
        assert_eq!(request[24..], row[offset::SPORT..offset::EXPIRES]);

        let mut row6 = row;
        row6[offset::FAMILY] = AF_INET6;
        row6[offset::IF] = 2;
        let socket = decode_row(&row6, Protocol::Udp, false).unwrap().socket;
        let request = encode_destroy(&socket, 3).unwrap();
        assert_eq!(request[16..18], [AF_INET6, IPPROTO_UDP]);
        assert_eq!(request[24..], row6[offset::SPORT..offset::EXPIRES]);
    }

    #[test]
    fn what_has_no_cookie_and_no_peer() {
        let listener = decode_row(&row(number::LISTEN, 9, None), Protocol::Tcp, false).unwrap().socket;
        let request = encode_destroy(&listener, 1).unwrap();
        assert_eq!(request[26..28], [0, 0], "no peer has port 0");
        assert_eq!(request[44..60], [0; 16]);
        let mut unknown = listener;
        unknown.key.tag = Tag::Inode(9);
        assert_eq!(encode_destroy(&unknown, 1), None);
    }
}
