use std::net::{Ipv4Addr, Ipv6Addr};

/// The IPv4 address inside an IPv6 address that stands for one: IPv4-mapped (RFC 4291), 6to4 (RFC 3056), Teredo's client
/// (RFC 4380), and the well-known prefix of NAT64 (RFC 6052).
#[inline]
pub fn inner_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (a, b) {
        (0, 0) if c == 0 && d == 0 && e == 0 && f == 0xffff => of(g, h),
        (0x64, 0xff9b) if c == 0 && d == 0 && e == 0 && f == 0 => of(g, h),
        (0x2002, _) => of(b, c),
        // The client's address is written inverted, so that no NAT on the way rewrites it.
        (0x2001, 0) => of(!g, !h),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind() {
        let inner = |text: &str| inner_ipv4(text.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(inner("::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(inner("64:ff9b::192.0.2.33").as_deref(), Some("192.0.2.33"));
        assert_eq!(inner("2002:c000:0204::1").as_deref(), Some("192.0.2.4"));
        // The example of RFC 4380, section 4.
        assert_eq!(inner("2001:0:4136:e378:8000:63bf:3fff:fdd2").as_deref(), Some("192.0.2.45"));
        for none in ["::1", "::192.0.2.1", "64:ff9b:1::1", "2001:1::1", "2001:db8::1", "fe80::1"] {
            assert_eq!(inner(none), None, "{none}");
        }
    }
}
