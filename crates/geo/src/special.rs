use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::inner_ipv4;

/// The name under which special addresses are answered.
pub const SPECIAL_DATABASE: &str = "IANA special-purpose addresses";

/// An address that is nowhere in particular, by the IANA IPv4 and IPv6 special-purpose address registries (RFC 6890) and the
/// assignments of multicast. Blocks that the registries call globally reachable, such as those of anycast services, are
/// somewhere, and not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Special {
    /// 0.0.0.0 and ::.
    Unspecified,
    /// 0.0.0.0/8: "this network" (RFC 791).
    ThisNetwork,
    /// Private-use (RFC 1918) and unique-local (RFC 4193).
    Private,
    /// 127.0.0.0/8 and ::1.
    Loopback,
    /// 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291).
    LinkLocal,
    /// fec0::/10, which RFC 3879 took back.
    SiteLocal,
    /// 100.64.0.0/10, between carriers and their customers (RFC 6598).
    Shared,
    /// 192.0.0.0/24 and 2001::/23: for protocols.
    Protocol,
    /// For examples in texts (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// For measuring devices (RFC 2544, RFC 5180).
    Benchmarking,
    /// 224.0.0.0/4 and ff00::/8.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// 240.0.0.0/4.
    Reserved,
    /// 100::/64, where packets end (RFC 6666), and 100:0:0:1::/64, a source for none (RFC 9780).
    Discard,
    /// 64:ff9b:1::/48: translation to IPv4 inside one network (RFC 8215).
    LocalNat64,
    /// 5f00::/16: segment identifiers (RFC 9602).
    SegmentRouting,
}

impl Special {
    /// What an address is; `None` for one that may be anywhere. An IPv6 address that stands for an IPv4 address is what that
    /// one is.
    #[inline]
    pub fn of(address: IpAddr) -> Option<Special> {
        match address {
            IpAddr::V4(ipv4) => of_ipv4(ipv4),
            IpAddr::V6(ipv6) => match inner_ipv4(ipv6) {
                Some(ipv4) => of_ipv4(ipv4),
                None => of_ipv6(ipv6),
            },
        }
    }

    /// In a word or two.
    pub const fn text(self) -> &'static str {
        match self {
            Special::Unspecified => "unspecified",
            Special::ThisNetwork => "this network",
            Special::Private => "private",
            Special::Loopback => "loopback",
            Special::LinkLocal => "link-local",
            Special::SiteLocal => "site-local (deprecated)",
            Special::Shared => "shared (CGNAT)",
            Special::Protocol => "protocol assignments",
            Special::Documentation => "documentation",
            Special::Benchmarking => "benchmarking",
            Special::Multicast => "multicast",
            Special::Broadcast => "broadcast",
            Special::Reserved => "reserved",
            Special::Discard => "discard-only",
            Special::LocalNat64 => "local NAT64",
            Special::SegmentRouting => "segment routing",
        }
    }
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

#[inline]
fn of_ipv4(address: Ipv4Addr) -> Option<Special> {
    match address.octets() {
        [0, 0, 0, 0] => Some(Special::Unspecified),
        [0, ..] => Some(Special::ThisNetwork),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Special::Private),
        [100, 64..=127, ..] => Some(Special::Shared),
        [127, ..] => Some(Special::Loopback),
        [169, 254, ..] => Some(Special::LinkLocal),
        // Port Control Protocol and TURN have anycast addresses that are globally reachable.
        [192, 0, 0, 9 | 10] => None,
        [192, 0, 0, _] => Some(Special::Protocol),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some(Special::Documentation),
        [198, 18..=19, ..] => Some(Special::Benchmarking),
        [224..=239, ..] => Some(Special::Multicast),
        [255, 255, 255, 255] => Some(Special::Broadcast),
        [240..=255, ..] => Some(Special::Reserved),
        _ => None,
    }
}

#[inline]
fn of_ipv6(address: Ipv6Addr) -> Option<Special> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Special::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Special::Loopback),
        [0x64, 0xff9b, 1, ..] => Some(Special::LocalNat64),
        [0x100, 0, 0, 0 | 1, ..] => Some(Special::Discard),
        [0x2001, 2, 0, ..] => Some(Special::Benchmarking),
        // In 2001::/23 these are globally reachable: anycast addresses, AMT, AS112, ORCHIDv2, drones' identities.
        [0x2001, 1, 0, 0, 0, 0, 0, 1..=3] | [0x2001, 3, ..] | [0x2001, 4, 0x112, ..] | [0x2001, 0x20..=0x3f, ..] => {
            None
        }
        [0x2001, 0..=0x1ff, ..] => Some(Special::Protocol),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Special::Documentation),
        [0x5f00, ..] => Some(Special::SegmentRouting),
        [0xfc00..=0xfdff, ..] => Some(Special::Private),
        [0xfe80..=0xfebf, ..] => Some(Special::LinkLocal),
        [0xfec0..=0xfeff, ..] => Some(Special::SiteLocal),
        [0xff00..=0xffff, ..] => Some(Special::Multicast),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First and last address of each block of the registries, and their neighbours.
    #[test]
    fn blocks_and_what_is_beside_them() {
        let cases = [
            ("0.0.0.0", "unspecified"),
            ("0.0.0.1 0.255.255.255", "this network"),
            ("1.0.0.0 9.255.255.255 11.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0", ""),
            ("10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255", "private"),
            ("100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0", ""),
            ("100.64.0.0 100.127.255.255", "shared (CGNAT)"),
            ("127.0.0.0 127.255.255.255 ::1", "loopback"),
            ("169.254.0.0 169.254.255.255 fe80:: febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
            ("192.0.0.0 192.0.0.8 192.0.0.11 192.0.0.170 192.0.0.255", "protocol assignments"),
            ("192.0.0.9 192.0.0.10 192.0.1.0 192.0.3.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0", ""),
            ("192.0.2.0 192.0.2.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255", "documentation"),
            ("198.17.255.255 198.20.0.0 223.255.255.255", ""),
            ("198.18.0.0 198.19.255.255 2001:2::", "benchmarking"),
            ("224.0.0.0 239.255.255.255 ff00:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
            ("240.0.0.0 255.255.255.254", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::2 64:ff9b:2:: 100:0:0:2:: 2001:200:: 2001:db7:: 2001:db9:: 3ffe:: 3fff:1000:: 5eff:: 5f01::", ""),
            ("64:ff9b:1::", "local NAT64"),
            ("100:: 100::ffff:ffff:ffff:ffff 100:0:0:1::", "discard-only"),
            ("2001:1:: 2001:1::4 2001:10:: 2001:1ff::", "protocol assignments"),
            ("2001:1::1 2001:1::3 2001:3:: 2001:4:112:: 2001:20:: 2001:3f::", ""),
            ("2001:db8:: 2001:db8:ffff:ffff:: 3fff:: 3fff:fff::", "documentation"),
            ("5f00::", "segment routing"),
            ("fbff:: fe00:: fe7f::", ""),
            ("fc00:: fdff:ffff::", "private"),
            ("fec0:: feff::", "site-local (deprecated)"),
            ("::ffff:10.0.0.1 2002:a00:1:: 64:ff9b::192.168.0.1", "private"),
            ("::ffff:8.8.8.8 2002:808:808:: 64:ff9b::8.8.8.8", ""),
        ];
        for (addresses, expected) in cases {
            for address in addresses.split(' ') {
                let text = Special::of(address.parse().unwrap()).map_or("", Special::text);
                assert_eq!(text, expected, "{address}");
            }
        }
    }
}
