//! What the kernel tells the multicast groups of NETLINK_SOCK_DIAG when a socket is destroyed (include/uapi/linux/sock_diag.h,
//! net/core/sock_diag.c: `sock_diag_broadcast_destroy_work`; Linux 4.2).

use sockscope_model::{Protocol, Request, Socket};

use crate::bytes::u8_at;
use crate::sock_diag::{self, IPPROTO_TCP, IPPROTO_UDP, attribute, offset};
use crate::{Malformed, netlink};

/// The groups that tell of what the request asks for, as the bit mask that bind(2) takes (`SKNLGRP_INET_TCP_DESTROY` and so on,
/// each a bit one less than its number).
pub fn destroy_groups(request: &Request) -> u32 {
    let groups = [
        (request.tcp && request.ipv4, 1),
        (request.udp && request.ipv4, 2),
        (request.tcp && request.ipv6, 3),
        (request.udp && request.ipv6, 4),
    ];
    groups.into_iter().filter(|(wanted, _)| *wanted).fold(0, |mask, (_, number)| mask | 1 << (number - 1))
}

/// Decodes the payload of a message about a destroyed socket: `struct inet_diag_msg`, `INET_DIAG_PROTOCOL` and, for TCP,
/// `INET_DIAG_INFO`. `None`: it never had a port, so that no table ever listed it.
///
/// The message says neither uid nor inode, and no state but CLOSE. Of a connection that its own program broke off (SO_LINGER of
/// 0, a failed connect(2), a listener closed above it) the kernel has already forgotten the remote port, and what it had counted
/// (net/ipv4/tcp.c: `tcp_disconnect`); often the local address, too, which is the unspecified one then. It is the same
/// socket by its cookie.
///
/// # Errors
/// The payload is shorter than the structure, or of another family or protocol than the groups are for.
pub fn decode_destroyed(payload: &[u8]) -> Result<Option<Socket>, Malformed> {
    let malformed = |problem| Malformed { what: "message about a destroyed socket", offset: offset::END, problem };
    let mut attributes = netlink::attributes(payload.get(offset::END..).unwrap_or(&[]));
    let number = attributes.find(|(kind, _)| *kind == attribute::PROTOCOL).and_then(|(_, value)| u8_at(value, 0));
    let protocol = match number {
        Some(IPPROTO_TCP) => Protocol::Tcp,
        Some(IPPROTO_UDP) => Protocol::Udp,
        Some(_) => return Err(malformed("neither TCP nor UDP")),
        None if payload.len() < offset::END => Protocol::Tcp,
        None => return Err(malformed("no protocol")),
    };
    let mut socket = sock_diag::decode_row(payload, protocol, false)?.socket;
    if socket.key.local.port() == 0 {
        return Ok(None);
    }
    socket.key.remote = socket.key.remote.filter(|remote| remote.port() != 0);
    if socket.key.remote.is_none() {
        socket.traffic = None;
    }
    // What is gone has no queues (of UDP the kernel says nonsense), no timer, and can't be reached.
    (socket.queues, socket.timer, socket.exposure) = (None, None, None);
    Ok(Some(socket))
}

#[cfg(test)]
mod tests {
    use sockscope_model::{NoOwner, Owners, State, Tag};

    use super::*;

    const AF_INET6: u8 = 10;
    const CLOSE: u8 = 7;
    const ESTABLISHED: u8 = 1;

    /// As the kernel writes it.
    fn message(protocol: Option<u8>, state: u8, ports: [u16; 2], info: Option<&[u8]>) -> Vec<u8> {
        let mut bytes = vec![0; offset::END];
        bytes[offset::FAMILY] = AF_INET6;
        bytes[offset::STATE] = state;
        bytes[offset::SPORT..offset::DPORT].copy_from_slice(&ports[0].to_be_bytes());
        bytes[offset::DPORT..offset::SRC].copy_from_slice(&ports[1].to_be_bytes());
        bytes[offset::DST + 15] = 1;
        bytes[offset::COOKIE] = 9;
        bytes[offset::WQUEUE..offset::UID].copy_from_slice(&[0xff; 4]);
        if let Some(protocol) = protocol {
            bytes.extend(5u16.to_ne_bytes());
            bytes.extend(attribute::PROTOCOL.to_ne_bytes());
            bytes.extend([protocol, 0, 0, 0]);
        }
        if let Some(info) = info {
            bytes.extend(u16::try_from(info.len() + 4).unwrap().to_ne_bytes());
            bytes.extend(attribute::INFO.to_ne_bytes());
            bytes.extend(info);
        }
        bytes
    }

    #[test]
    fn a_connection_that_ended_is_told_with_what_it_counted() {
        let bytes = message(Some(IPPROTO_TCP), CLOSE, [40_000, 80], Some(&[0; 280]));
        let socket = decode_destroyed(&bytes).unwrap().unwrap();
        assert_eq!(socket.key.remote, Some("[::1]:80".parse().unwrap()));
        assert_eq!((socket.key.local.port(), socket.key.tag), (40_000, Tag::Cookie(9)));
        assert_eq!((socket.state, socket.owners), (Some(State::Closed), Owners::Nobody(NoOwner::Exited)));
        assert_eq!((socket.uid, socket.inode, socket.queues), (None, None, None));
        assert_eq!(socket.traffic.unwrap().received_bytes, Some(0));
    }

    #[test]
    fn what_the_kernel_forgot_is_unknown() {
        let bytes = message(Some(IPPROTO_TCP), CLOSE, [40_000, 0], Some(&[0; 280]));
        let socket = decode_destroyed(&bytes).unwrap().unwrap();
        assert_eq!((socket.key.remote, socket.traffic), (None, None));
    }

    #[test]
    fn udp_has_no_state_and_no_queue() {
        for (state, port, remote) in [(ESTABLISHED, 53, Some("[::1]:53".parse().unwrap())), (CLOSE, 0, None)] {
            let bytes = message(Some(IPPROTO_UDP), state, [40_000, port], None);
            let socket = decode_destroyed(&bytes).unwrap().unwrap();
            assert_eq!((socket.state, socket.key.remote, socket.queues), (None, remote, None));
            assert_eq!(socket.exposure, None);
        }
    }

    #[test]
    fn what_was_never_bound_is_not_told() {
        for protocol in [IPPROTO_TCP, IPPROTO_UDP] {
            assert_eq!(decode_destroyed(&message(Some(protocol), CLOSE, [0, 0], None)), Ok(None));
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        let good = message(Some(IPPROTO_TCP), CLOSE, [1, 2], Some(&[0; 280]));
        // The attribute of the protocol ends one byte behind its header.
        for length in 0..offset::END + 5 {
            decode_destroyed(&good[..length]).unwrap_err();
        }
        decode_destroyed(&message(Some(136), CLOSE, [1, 2], None)).unwrap_err();
        decode_destroyed(&message(None, CLOSE, [1, 2], Some(&[0; 280]))).unwrap_err();
        let mut other = good;
        other[0] = 1;
        decode_destroyed(&other).unwrap_err();
    }

    #[test]
    fn only_what_is_wanted_is_joined() {
        assert_eq!(destroy_groups(&Request::default()), 0b1111);
        assert_eq!(destroy_groups(&Request { udp: false, ..Request::default() }), 0b101);
        assert_eq!(destroy_groups(&Request { tcp: false, ipv4: false, ..Request::default() }), 0b1000);
    }
}
