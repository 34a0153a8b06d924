//! One rule of nftables, written without its program (include/uapi/linux/netfilter/nf_tables.h).

use std::io;
use std::net::Ipv4Addr;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

const SUBSYSTEM: u16 = 10 << 8;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;

fn put(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(value.len() + 4).unwrap().to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    put(kind, &value.to_be_bytes())
}

fn name(kind: u16, value: &str) -> Vec<u8> {
    put(kind, format!("{value}\0").as_bytes())
}

fn expression(kind: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    put(1, &[name(1, kind), put(2, &parts.concat())].concat())
}

fn message(kind: u16, flags: u16, sequence: u32, family: u8, resource: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(20 + body.len()).unwrap().to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((REQUEST | flags).to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend([family, 0]);
    bytes.extend(resource.to_be_bytes());
    bytes.extend(body);
    bytes
}

/// In the network namespace of the calling thread: `tcp dport PORT dnat to ADDRESS:TO`, in the chain DOCKER of the table ip nat.
pub(crate) fn redirect(port: u16, address: Ipv4Addr, to: u16) -> io::Result<()> {
    let value = |bytes: &[u8]| put(1, bytes);
    let rule = [
        expression("meta", &[number(2, 16), number(1, 1)]),
        expression("cmp", &[number(1, 1), number(2, 0), put(3, &value(&[6]))]),
        expression("payload", &[number(1, 1), number(2, 2), number(3, 2), number(4, 2)]),
        expression("cmp", &[number(1, 1), number(2, 0), put(3, &value(&port.to_be_bytes()))]),
        expression("immediate", &[number(1, 1), put(2, &value(&address.octets()))]),
        expression("immediate", &[number(1, 2), put(2, &value(&to.to_be_bytes()))]),
        expression("nat", &[number(1, 1), number(2, 2), number(3, 1), number(5, 2)]),
    ]
    .concat();
    let hook = [number(1, 0), number(2, (-100i32).cast_unsigned())].concat();
    let chain = [name(1, "nat"), name(3, "DOCKER"), put(4, &hook), name(7, "nat")].concat();
    let rule = [name(1, "nat"), name(2, "DOCKER"), put(4, &rule)].concat();
    let batch = [
        message(0x10, 0, 1, 0, 10, &[]),
        message(SUBSYSTEM, CREATE | ACKNOWLEDGE, 2, 2, 0, &name(1, "nat")),
        message(SUBSYSTEM | 3, CREATE | ACKNOWLEDGE, 3, 2, 0, &chain),
        message(SUBSYSTEM | 6, CREATE | APPEND | ACKNOWLEDGE, 4, 2, 0, &rule),
        message(0x11, 0, 5, 0, 10, &[]),
    ]
    .concat();
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::NETFILTER),
    )?;
    rustix::net::send(&socket, &batch, SendFlags::empty())?;
    let mut acknowledged = 0;
    while acknowledged < 3 {
        let mut buffer = vec![0u8; 8192];
        let (length, _) = rustix::net::recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let mut rest = &buffer[..length];
        while rest.len() >= 20 {
            let size = u32::from_ne_bytes(rest[..4].try_into().unwrap()) as usize;
            let error = i32::from_ne_bytes(rest[16..20].try_into().unwrap());
            if error != 0 {
                return Err(io::Error::from_raw_os_error(-error));
            }
            acknowledged += 1;
            rest = rest.get(size.next_multiple_of(4)..).unwrap_or(&[]);
        }
    }
    Ok(())
}
