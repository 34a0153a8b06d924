use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use sockscope_model::{Exposure, Family, Protocol, Socket, SocketKey, State, Tag};

use super::file_time;
use crate::Malformed;
use crate::bytes::{array_at, be16_at, le32_at, le64_at};

/// How the rows of a table are laid out, by the name of their structure (tcpmib.h, udpmib.h). Sizes are those of 64-bit
/// and of 32-bit Windows alike: no row holds a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `MIB_TCPROW`
    TcpRow,
    /// `MIB_TCPROW2`
    TcpRow2,
    /// `MIB_TCPROW_OWNER_PID`
    TcpRowOwnerPid,
    /// `MIB_TCPROW_OWNER_MODULE`
    TcpRowOwnerModule,
    /// `MIB_TCP6ROW`
    Tcp6Row,
    /// `MIB_TCP6ROW2`
    Tcp6Row2,
    /// `MIB_TCP6ROW_OWNER_PID`
    Tcp6RowOwnerPid,
    /// `MIB_TCP6ROW_OWNER_MODULE`
    Tcp6RowOwnerModule,
    /// `MIB_UDPROW`
    UdpRow,
    /// `MIB_UDPROW_OWNER_PID`
    UdpRowOwnerPid,
    /// `MIB_UDPROW_OWNER_MODULE`
    UdpRowOwnerModule,
    /// `MIB_UDP6ROW`
    Udp6Row,
    /// `MIB_UDP6ROW_OWNER_PID`
    Udp6RowOwnerPid,
    /// `MIB_UDP6ROW_OWNER_MODULE`
    Udp6RowOwnerModule,
}

/// Where the fields of a row are.
#[derive(Clone, Copy)]
struct Offsets {
    size: usize,
    /// Rows with 64-bit fields begin at a multiple of 8.
    first: usize,
    local: usize,
    remote: Option<usize>,
    state: Option<usize>,
    pid: Option<usize>,
    created: Option<usize>,
}

impl Layout {
    /// Every layout.
    pub const ALL: [Layout; 14] = [
        Layout::TcpRow,
        Layout::TcpRow2,
        Layout::TcpRowOwnerPid,
        Layout::TcpRowOwnerModule,
        Layout::Tcp6Row,
        Layout::Tcp6Row2,
        Layout::Tcp6RowOwnerPid,
        Layout::Tcp6RowOwnerModule,
        Layout::UdpRow,
        Layout::UdpRowOwnerPid,
        Layout::UdpRowOwnerModule,
        Layout::Udp6Row,
        Layout::Udp6RowOwnerPid,
        Layout::Udp6RowOwnerModule,
    ];

    /// Which protocol's sockets these are.
    pub const fn protocol(self) -> Protocol {
        match self {
            Layout::TcpRow | Layout::TcpRow2 | Layout::TcpRowOwnerPid | Layout::TcpRowOwnerModule => Protocol::Tcp,
            Layout::Tcp6Row | Layout::Tcp6Row2 | Layout::Tcp6RowOwnerPid | Layout::Tcp6RowOwnerModule => Protocol::Tcp,
            _ => Protocol::Udp,
        }
    }

    /// Which family's sockets these are.
    pub const fn family(self) -> Family {
        match self {
            Layout::TcpRow | Layout::TcpRow2 | Layout::TcpRowOwnerPid | Layout::TcpRowOwnerModule => Family::Ipv4,
            Layout::UdpRow | Layout::UdpRowOwnerPid | Layout::UdpRowOwnerModule => Family::Ipv4,
            _ => Family::Ipv6,
        }
    }

    /// Bytes of a row.
    pub const fn row_size(self) -> usize {
        self.offsets().size
    }

    /// Where the first row begins; the number of rows is in the four bytes at the start.
    pub const fn first_row(self) -> usize {
        self.offsets().first
    }

    /// Whether rows hold when the socket was made, and information about the module that has it.
    pub const fn has_module(self) -> bool {
        self.offsets().created.is_some()
    }

    /// Of an endpoint: the address, for IPv6 its scope, then the port.
    const fn offsets(self) -> Offsets {
        /// A row of TCP.
        const fn tcp(size: usize, local: usize, remote: usize, state: usize, pid: Option<usize>) -> Offsets {
            Offsets { size, first: 4, local, remote: Some(remote), state: Some(state), pid, created: None }
        }
        /// A row of UDP.
        const fn udp(size: usize, pid: Option<usize>) -> Offsets {
            Offsets { size, first: 4, local: 0, remote: None, state: None, pid, created: None }
        }
        /// A row that knows when the socket was made.
        const fn module(offsets: Offsets, created: usize) -> Offsets {
            Offsets { first: 8, created: Some(created), ..offsets }
        }
        match self {
            Layout::TcpRow => tcp(20, 4, 12, 0, None),
            Layout::TcpRow2 => tcp(28, 4, 12, 0, Some(20)),
            Layout::TcpRowOwnerPid => tcp(24, 4, 12, 0, Some(20)),
            Layout::TcpRowOwnerModule => module(tcp(160, 4, 12, 0, Some(20)), 24),
            Layout::Tcp6Row => tcp(52, 4, 28, 0, None),
            Layout::Tcp6Row2 => tcp(60, 0, 24, 48, Some(52)),
            Layout::Tcp6RowOwnerPid => tcp(56, 0, 24, 48, Some(52)),
            Layout::Tcp6RowOwnerModule => module(tcp(192, 0, 24, 48, Some(52)), 56),
            Layout::UdpRow => udp(8, None),
            Layout::UdpRowOwnerPid => udp(12, Some(8)),
            Layout::UdpRowOwnerModule => module(udp(160, Some(8)), 16),
            Layout::Udp6Row => udp(24, None),
            Layout::Udp6RowOwnerPid => udp(28, Some(24)),
            Layout::Udp6RowOwnerModule => module(udp(176, Some(24)), 32),
        }
    }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// The socket, its owners not yet told.
    pub socket: Socket,
    /// The process that bound it, as the table says: 0 where there is none any more, 4 for the kernel.
    pub pid: Option<u32>,
    /// The row itself.
    pub bytes: &'a [u8],
}

/// Decodes a table. With `bound` it is one of bound endpoints, whose state and remote end mean nothing.
///
/// # Errors
/// The buffer is shorter than the number of rows that it claims.
pub fn table(bytes: &[u8], layout: Layout, bound: bool) -> Result<Vec<Row<'_>>, Malformed> {
    let Offsets { size, first, .. } = layout.offsets();
    let malformed = |problem| Malformed { what: "table of iphlpapi.dll", offset: 0, problem };
    let count = le32_at(bytes, 0).ok_or_else(|| malformed("it is shorter than its number of rows"))?;
    let rows = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(size)?.checked_add(first))
        .and_then(|end| bytes.get(first.min(end)..end));
    // Without rows, there need not be the padding in front of them.
    let rows = if count == 0 { Some(&[][..]) } else { rows };
    let rows = rows.ok_or_else(|| malformed("it claims more rows than it holds"))?;
    Ok(rows.chunks_exact(size).filter_map(|row| decode(row, layout, bound)).collect())
}

/// `None` is impossible for a slice as long as the layout says.
fn decode(bytes: &[u8], layout: Layout, bound: bool) -> Option<Row<'_>> {
    let offsets = layout.offsets();
    let family = layout.family();
    let local = endpoint(bytes, offsets.local, family)?;
    let state = match offsets.state {
        Some(_) if bound => Some(State::Bound),
        Some(offset) => Some(state(le32_at(bytes, offset)?)),
        None => None,
    };
    let remote = match offsets.remote {
        Some(_) if matches!(state, Some(State::Listen | State::Bound)) => None,
        Some(offset) => Some(endpoint(bytes, offset, family)?),
        None => None,
    };
    // As of a closed connection: nobody is at 0.0.0.0:0.
    let remote = remote.filter(|remote| remote.port() != 0 || !remote.ip().is_unspecified());
    let created = match offsets.created {
        Some(offset) => file_time(le64_at(bytes, offset)?),
        None => None,
    };
    let tag = created.map_or(Tag::None, Tag::Created);
    let mut socket = Socket::new(SocketKey { protocol: layout.protocol(), local, remote, tag });
    socket.state = state;
    socket.opened = created;
    if socket.is_listening() {
        socket.exposure = Some(Exposure::of_local(local.ip()));
    }
    let pid = match offsets.pid {
        Some(offset) => Some(le32_at(bytes, offset)?),
        None => None,
    };
    Some(Row { socket, pid, bytes })
}

/// What a row says beside its meaning, which differs between the functions that fill tables: bits above a port's sixteen,
/// and a remote end of a listener. Both "may contain uninitialized data" (Microsoft's page on MIB_TCPROW2).
pub fn quirk(row: &Row<'_>, layout: Layout) -> Option<String> {
    let offsets = layout.offsets();
    let port = |offset: usize| le32_at(row.bytes, offset + port_offset(layout.family()));
    let mut quirks = Vec::new();
    for (name, offset) in [("local", Some(offsets.local)), ("remote", offsets.remote)] {
        let Some(offset) = offset else { continue };
        let upper = port(offset).map_or(0, |port| port >> 16);
        if upper != 0 {
            quirks.push(format!("the upper 16 bits of the {name} port are {upper:#06x}"));
        }
        let has_no_peer = matches!(row.socket.state, Some(State::Listen | State::Bound));
        if name == "remote"
            && has_no_peer
            && let Some(remote) = endpoint(row.bytes, offset, layout.family())
            && (remote.port() != 0 || !remote.ip().is_unspecified())
        {
            quirks.push(format!("the row names {remote} as the remote end, where there is none"));
        }
    }
    (!quirks.is_empty()).then(|| quirks.join("; "))
}

/// The address is in network byte order, the scope (an interface's index) in the host's: Microsoft's pages say otherwise of
/// some rows, but .NET and System Informer print it as it is. The port is the first two bytes of its four.
fn endpoint(bytes: &[u8], offset: usize, family: Family) -> Option<SocketAddr> {
    let port = be16_at(bytes, offset + port_offset(family))?;
    Some(match family {
        Family::Ipv4 => SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from(array_at::<4>(bytes, offset)?), port)),
        Family::Ipv6 => {
            let address = Ipv6Addr::from(array_at::<16>(bytes, offset)?);
            let scope = le32_at(bytes, offset + 16)?;
            let scope = if is_scoped(address) { scope } else { 0 };
            SocketAddr::V6(SocketAddrV6::new(address, port, 0, scope))
        }
    })
}

/// Whether an address means something else on each interface (RFC 4007, 4). Of others, what stands in the field of the scope
/// means nothing: Wine has 4096 for ::1.
fn is_scoped(address: Ipv6Addr) -> bool {
    match address.octets() {
        // fe80::/10 and, deprecated, fec0::/10
        [0xfe, second, ..] => second & 0x80 != 0,
        // Of the interface and of the link.
        [0xff, second, ..] => matches!(second & 0x0f, 1 | 2),
        _ => false,
    }
}

const fn port_offset(family: Family) -> usize {
    match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 20,
    }
}

/// `MIB_TCP_STATE` (tcpmib.h). `RESERVED` (100) is what Windows 10 and later give bound endpoints.
fn state(number: u32) -> State {
    match number {
        1 => State::Closed,
        2 => State::Listen,
        3 => State::SynSent,
        4 => State::SynReceived,
        5 => State::Established,
        6 => State::FinWait1,
        7 => State::FinWait2,
        8 => State::CloseWait,
        9 => State::Closing,
        10 => State::LastAck,
        11 => State::TimeWait,
        12 => State::DeleteTcb,
        100 => State::Bound,
        other => State::Other(other),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    /// A table of one row, all of whose bytes differ.
    fn table_of(layout: Layout, state_number: u32) -> Vec<u8> {
        let Offsets { size, first, state, .. } = layout.offsets();
        let mut bytes = vec![0; first];
        bytes[0] = 1;
        bytes.extend((1..=u8::MAX).take(size));
        if let Some(state) = state {
            bytes[first + state..][..4].copy_from_slice(&state_number.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn every_layout_has_its_fields_where_the_headers_put_them() {
        for layout in Layout::ALL {
            let bytes = table_of(layout, 5);
            let rows = table(&bytes, layout, false).unwrap();
            let [row] = &rows[..] else { panic!("{layout:?}: {rows:?}") };
            let key = row.socket.key;
            assert_eq!((key.protocol, row.socket.family()), (layout.protocol(), layout.family()), "{layout:?}");
            // Byte n of the row is n + 1.
            let byte = |offset: usize| u8::try_from(offset + 1).unwrap();
            let local = layout.offsets().local;
            match key.local.ip() {
                IpAddr::V4(address) => assert_eq!(address.octets()[0], byte(local), "{layout:?}"),
                IpAddr::V6(address) => assert_eq!(address.octets()[15], byte(local + 15), "{layout:?}"),
            }
            let port = local + port_offset(layout.family());
            assert_eq!(key.local.port().to_be_bytes(), [byte(port), byte(port + 1)], "{layout:?}");
            assert_eq!(row.pid.is_some(), layout.offsets().pid.is_some(), "{layout:?}");
            assert_eq!(row.socket.opened.is_some(), layout.first_row() == 8, "{layout:?}");
            assert!(matches!(key.tag, Tag::Created(_)) == row.socket.opened.is_some(), "{layout:?}");
        }
    }

    #[test]
    fn a_listener_has_no_remote_end_and_a_port_has_sixteen_bits() {
        for layout in Layout::ALL.into_iter().filter(|layout| layout.protocol() == Protocol::Tcp) {
            let bytes = table_of(layout, 2);
            let rows = table(&bytes, layout, false).unwrap();
            assert_eq!((rows[0].socket.state, rows[0].socket.key.remote), (Some(State::Listen), None), "{layout:?}");
            let quirk = quirk(&rows[0], layout).unwrap();
            assert!(
                quirk.contains("upper 16 bits of the local port") && quirk.contains("where there is none"),
                "{quirk}"
            );
            let bound = table(&bytes, layout, true).unwrap();
            assert_eq!((bound[0].socket.state, bound[0].socket.key.remote), (Some(State::Bound), None), "{layout:?}");
        }
        let clean = [1, 0, 0, 0, 127, 0, 0, 1, 0x1f, 0x90, 0, 0];
        let rows = table(&clean, Layout::UdpRow, false).unwrap();
        assert_eq!(rows[0].socket.key.local.to_string(), "127.0.0.1:8080");
        assert_eq!(rows[0].socket.exposure, Some(Exposure::Loopback));
        assert_eq!(quirk(&rows[0], Layout::UdpRow), None);
    }

    #[test]
    fn states_that_no_one_knows_keep_their_number() {
        let bytes = table_of(Layout::TcpRow, 77);
        assert_eq!(table(&bytes, Layout::TcpRow, false).unwrap()[0].socket.state, Some(State::Other(77)));
    }

    #[test]
    fn scopes_are_kept_where_they_mean_something() {
        let mut bytes = vec![1, 0, 0, 0, 0xfe, 0x80];
        bytes.extend([0; 14]);
        bytes.extend([9, 0, 0, 0, 0, 53, 0, 0]);
        let row = &table(&bytes, Layout::Udp6Row, false).unwrap()[0];
        assert_eq!(row.socket.key.local.to_string(), "[fe80::%9]:53");
        for (octets, expected) in [
            ([0xff, 0x02], "[ff02::%9]:53"),
            ([0xff, 0x05], "[ff05::]:53"),
            ([0xfd, 0x00], "[fd00::]:53"),
            ([0x20, 0x01], "[2001::]:53"),
        ] {
            bytes[4..6].copy_from_slice(&octets);
            let row = &table(&bytes, Layout::Udp6Row, false).unwrap()[0];
            assert_eq!(row.socket.key.local.to_string(), expected);
        }
    }

    #[test]
    fn a_table_that_claims_more_rows_than_it_holds_is_refused() {
        for layout in Layout::ALL {
            let mut bytes = table_of(layout, 5);
            bytes[0] = 2;
            table(&bytes, layout, false).unwrap_err();
            bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
            table(&bytes, layout, false).unwrap_err();
            for length in 0..4 {
                table(&bytes[..length], layout, false).unwrap_err();
            }
            assert_eq!(table(&[0; 4], layout, false).unwrap(), []);
            let padded = [&table_of(layout, 5)[..], &[0xee; 400]].concat();
            assert_eq!(table(&padded, layout, false).unwrap().len(), 1, "slack behind the rows");
        }
    }
}
