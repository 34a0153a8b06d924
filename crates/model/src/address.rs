use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// From how far a listener or an unconnected UDP socket can be reached, as the viewer's namespace sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Exposure {
    /// Only from this machine.
    Loopback,
    /// On some addresses of this machine, not on all.
    Host,
    /// On every address of this machine.
    Any,
    /// Only inside another network namespace.
    ContainerOnly,
    /// Inside another network namespace, and a port of this machine leads to it.
    Published,
}

impl Exposure {
    /// The name that formats print.
    pub const fn name(self) -> &'static str {
        match self {
            Exposure::Loopback => "loopback",
            Exposure::Host => "host",
            Exposure::Any => "any",
            Exposure::ContainerOnly => "container-only",
            Exposure::Published => "published",
        }
    }

    /// What a local address in the viewer's own namespace says.
    pub fn of_local(address: IpAddr) -> Exposure {
        let address = clean_address(address);
        if address.is_unspecified() {
            Exposure::Any
        } else if address.is_loopback() {
            Exposure::Loopback
        } else {
            Exposure::Host
        }
    }
}

/// An IPv4-mapped IPv6 address as the IPv4 address it stands for; any other as it is.
pub fn clean_address(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

/// All addresses that share their first `prefix` bits with `address`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressBlock {
    address: IpAddr,
    prefix: u8,
}

impl AddressBlock {
    /// A block; `None` if the prefix is longer than the address.
    pub fn new(address: IpAddr, prefix: u8) -> Option<AddressBlock> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (prefix <= longest).then_some(AddressBlock { address, prefix })
    }

    /// The block of one address.
    pub fn host(address: IpAddr) -> AddressBlock {
        AddressBlock { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// The address that the block was written with; bits behind the prefix may be set.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits are shared.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether `address` is in the block. Families differ: an IPv4 block does not contain `::ffff:a.b.c.d`
    /// (see [`AddressBlock::contains_mapped`]).
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(block), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix.min(32));
                shift == 32 || (u32::from(block) ^ u32::from(address)) >> shift == 0
            }
            (IpAddr::V6(block), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix.min(128));
                shift == 128 || (u128::from(block) ^ u128::from(address)) >> shift == 0
            }
            _ => false,
        }
    }

    /// As [`AddressBlock::contains`], and an IPv4 block also contains the IPv4-mapped addresses of its members, as the
    /// kernel's socket filter has it (net/ipv4/inet_diag.c, `inet_diag_bc_run`).
    pub fn contains_mapped(&self, address: IpAddr) -> bool {
        if self.address.is_ipv4() { self.contains(clean_address(address)) } else { self.contains(address) }
    }
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Why a text is no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressBlockError {
    /// The part before the slash is no IP address.
    Address,
    /// The part behind the slash is no number of bits that the address has.
    Prefix,
}

impl fmt::Display for AddressBlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressBlockError::Address => "not an IP address",
            AddressBlockError::Prefix => "the prefix is 0 to 32 bits for IPv4, 0 to 128 for IPv6",
        })
    }
}

impl std::error::Error for AddressBlockError {}

/// `10.0.0.0/8`, `2001:db8::/32`, `10/8` (missing octets of IPv4 are zero when a prefix is given), or one address.
impl FromStr for AddressBlock {
    type Err = AddressBlockError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse().map(AddressBlock::host).map_err(|_| AddressBlockError::Address);
        };
        let address = match address.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => IpAddr::V4(short_ipv4(address).ok_or(AddressBlockError::Address)?),
        };
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AddressBlockError::Prefix);
        }
        let prefix = prefix.parse().map_err(|_| AddressBlockError::Prefix)?;
        AddressBlock::new(address, prefix).ok_or(AddressBlockError::Prefix)
    }
}

/// `10`, `10.1` or `10.1.2` as `10.0.0.0` and so on.
fn short_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    for (count, part) in text.split('.').enumerate() {
        if part.is_empty() || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octets.get_mut(count)? = part.parse().ok()?;
    }
    Some(Ipv4Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_and_contain_their_members() {
        let block: AddressBlock = "10/8".parse().unwrap();
        assert!(block.contains("10.255.0.1".parse().unwrap()));
        assert!(!block.contains("11.0.0.1".parse().unwrap()));
        assert!(!block.contains("::ffff:10.0.0.1".parse().unwrap()));
        assert!(block.contains_mapped("::ffff:10.0.0.1".parse().unwrap()));
        let all: AddressBlock = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        let six: AddressBlock = "2001:db8::/32".parse().unwrap();
        assert!(six.contains("2001:db8:1::1".parse().unwrap()) && !six.contains("2001:db9::".parse().unwrap()));
        for bad in ["", "/", "10", "10/", "10/33", "10/+8", "::1/129", "1.2.3.4.5/8", "300/8", "x/8", "::1/ 8"] {
            assert!(bad.parse::<AddressBlock>().is_err(), "{bad}");
        }
    }

    #[test]
    fn exposure_follows_the_address() {
        for (address, exposure) in [
            ("127.0.0.53", Exposure::Loopback),
            ("::1", Exposure::Loopback),
            ("::ffff:127.0.0.1", Exposure::Loopback),
            ("0.0.0.0", Exposure::Any),
            ("::", Exposure::Any),
            ("10.0.0.1", Exposure::Host),
            ("fe80::1", Exposure::Host),
        ] {
            assert_eq!(Exposure::of_local(address.parse().unwrap()), exposure, "{address}");
        }
    }
}
