//! What the routing table says of one address (NETLINK_ROUTE; rtnetlink(7)).

use std::net::IpAddr;

use crate::bytes::u8_at;
use crate::netlink::HEADER_LENGTH;
use crate::sock_diag::{AF_INET, AF_INET6};

/// `RTM_NEWROUTE`: the type of the answer.
pub const ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
/// NLM_F_REQUEST.
const REQUEST: u16 = 1;
/// RTA_DST.
const DESTINATION: u16 = 1;

/// A request for the way to an address.
pub fn encode_route(address: IpAddr, sequence: u32) -> Vec<u8> {
    let (family, octets) = match address {
        IpAddr::V4(v4) => (AF_INET, v4.octets().to_vec()),
        IpAddr::V6(v6) => (AF_INET6, v6.octets().to_vec()),
    };
    let bits = u8::try_from(octets.len() * 8).unwrap_or(128);
    // struct rtmsg, then one attribute.
    let mut body = vec![family, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    body.extend(u16::try_from(octets.len() + 4).unwrap_or(20).to_ne_bytes());
    body.extend(DESTINATION.to_ne_bytes());
    body.extend(octets);
    let mut bytes = Vec::with_capacity(HEADER_LENGTH + body.len());
    bytes.extend(u32::try_from(HEADER_LENGTH + body.len()).unwrap_or(u32::MAX).to_ne_bytes());
    bytes.extend(GET_ROUTE.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend(body);
    bytes
}

/// Whether the way ends here (RTN_LOCAL): the address can be bound. `None`: the answer is too short.
pub fn is_local(payload: &[u8]) -> Option<bool> {
    // Broadcast and multicast addresses can be bound as well.
    u8_at(payload, 7).map(|kind| matches!(kind, 2 | 3 | 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_the_address() {
        let bytes = encode_route("127.0.0.1".parse().unwrap(), 7);
        assert_eq!(bytes.len(), 36);
        assert!(bytes.ends_with(&[127, 0, 0, 1]));
        assert_eq!(encode_route("::1".parse().unwrap(), 7).len(), 48);
        assert_eq!(is_local(&[2, 32, 0, 0, 255, 0, 0, 2]), Some(true));
        assert_eq!(is_local(&[2, 32, 0, 0, 254, 0, 0, 1]), Some(false));
        assert_eq!(is_local(&[2]), None);
    }
}
