//! Addresses as users write them, and what the registries say about an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sockscope_geo::Special;
use sockscope_model::{AddressBlock, AddressBlockError, Family, Protocol, clean_address};

use super::Context;
use super::quantity::{Flaw, c_number};

/// A port for each protocol: they differ only where a service name has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) tcp: u16,
    pub(super) udp: u16,
}

/// An interface, by index where it is known when the filter is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Zone {
    Index(u32),
    Name(String),
}

/// What `src`, `dst`, `local` and `remote` compare with. Whatever is missing is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Host {
    pub(super) family: Option<Family>,
    /// Any of these; empty: any address.
    pub(super) blocks: Vec<AddressBlock>,
    pub(super) zone: Option<Zone>,
    pub(super) port: Option<Port>,
}

/// What is wrong with a text, and what could stand there.
pub(super) type Problem = (String, Vec<String>);

const HOST: &str =
    "an address or block with an optional port: 10.0.0.1, 10.0.0.0/8, 10.0.0.1:443, [::1]:80, :ssh, *:80";
const PORT: &str = "a port from 0 to 65535 or a service name";

fn problem<T>(message: String, expected: &str) -> Result<T, Problem> {
    Err((message, vec![expected.to_owned()]))
}

/// Reads `[FAMILY:]ADDRESS[/BITS][:PORT]`.
///
/// `as_ss`: the last group of an IPv6 address without brackets is the port if that is possible (`fe80::1:80`), and the
/// missing octets of IPv4 addresses are zero. Else `fe80::1:80` is an address.
pub(super) fn host(text: &str, as_ss: bool, context: &Context) -> Result<Host, Problem> {
    let (family, rest) = family_prefix(text)?;
    let (address, port) = if let Some(inner) = rest.strip_prefix('[') {
        let Some((address, rest)) = inner.split_once(']') else {
            return problem("the `]` after the address is missing".to_owned(), HOST);
        };
        match rest.strip_prefix('/') {
            // `[::1]/64:80`, which means the same as `[::1/64]:80`.
            Some(rest) => {
                let (bits, port) = rest.split_once(':').unwrap_or((rest, ""));
                (format!("{address}/{bits}"), port)
            }
            None => (address.to_owned(), rest.strip_prefix(':').unwrap_or(rest)),
        }
    } else if let Some(rest) = rest.strip_prefix('*') {
        (String::new(), rest.strip_prefix(':').unwrap_or(rest))
    } else {
        return plain_host(rest, as_ss, family, context);
    };
    finish(family, &address, port, as_ss, context)
}

/// An address without brackets, in which a colon may belong to the address or begin the port.
fn plain_host(text: &str, as_ss: bool, family: Option<Family>, context: &Context) -> Result<Host, Problem> {
    let slash = text.find('/').unwrap_or(0);
    let colon = text.get(slash..).and_then(|rest| rest.rfind(':')).map(|at| at + slash);
    let whole = || finish(family, text, "", as_ss, context);
    let Some((address, port)) = colon.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))) else {
        return whole();
    };
    let split = || finish(family, address, port, as_ss, context);
    if !address.contains(':') {
        return split();
    }
    let (first, second) = if as_ss { (split(), whole()) } else { (whole(), split()) };
    first.or(second).or_else(|_| if blocks(address, as_ss).is_ok() { split() } else { whole() })
}

fn finish(
    family: Option<Family>,
    address: &str,
    port_text: &str,
    as_ss: bool,
    context: &Context,
) -> Result<Host, Problem> {
    let mut found = Host { family, ..Host::default() };
    let (address, zone) = match address.split_once('%') {
        None => (address.to_owned(), None),
        // The prefix, if there is one, stands behind the zone.
        Some((address, rest)) => match rest.split_once('/') {
            None => (address.to_owned(), Some(rest)),
            Some((zone, bits)) => (format!("{address}/{bits}"), Some(zone)),
        },
    };
    found.blocks = blocks(&address, as_ss)?;
    if let Some(zone) = zone {
        if !found.blocks.iter().all(|block| block.address().is_ipv6()) || found.blocks.is_empty() {
            return problem("only an IPv6 address has a zone".to_owned(), HOST);
        }
        found.zone = Some(interface(zone, context)?);
    }
    if let Some(family) = family {
        let any = found.blocks.is_empty();
        found.blocks.retain(|block| Family::of(&block.address()) == family);
        if found.blocks.is_empty() && !any {
            return problem(format!("this is no {} address", family.name()), HOST);
        }
    }
    if !port_text.is_empty() && port_text != "*" {
        found.port = Some(port(port_text, context)?);
    }
    Ok(found)
}

/// `inet:` and `inet6:`, the families of ss that sockscope lists.
pub(super) fn family_prefix(text: &str) -> Result<(Option<Family>, &str), Problem> {
    let Some((prefix, rest)) = text.split_once(':') else { return Ok((None, text)) };
    match prefix.to_ascii_lowercase().as_str() {
        "inet" => Ok((Some(Family::Ipv4), rest)),
        "inet6" => Ok((Some(Family::Ipv6), rest)),
        "unix" | "link" | "netlink" | "vsock" => {
            problem(format!("sockscope lists no {prefix} sockets, only TCP and UDP"), HOST)
        }
        _ => Ok((None, text)),
    }
}

/// The blocks that an address stands for: one, two for `localhost`, none for any address.
fn blocks(text: &str, as_ss: bool) -> Result<Vec<AddressBlock>, Problem> {
    if matches!(text, "" | "*") {
        return Ok(Vec::new());
    }
    match text.to_ascii_lowercase().as_str() {
        "any" | "all" | "default" if as_ss => return Ok(Vec::new()),
        // RFC 6761, 6.3: always the loopback addresses, so nobody need be asked.
        "localhost" => {
            return Ok([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
                .map(AddressBlock::host)
                .into());
        }
        _ => {}
    }
    let octets = text.split('/').next().unwrap_or(text);
    if !text.contains(':') && octets.split('.').any(|octet| octet.len() > 1 && octet.starts_with('0')) {
        return problem("a leading zero means octal to some programs and decimal to others".to_owned(), HOST);
    }
    let parsed = match text.split_once('/') {
        None if as_ss => text.parse().or_else(|error| format!("{text}/32").parse().map_err(|_| error)),
        None => text.parse(),
        Some((address, mask)) => match mask.parse().ok().and_then(mask_bits) {
            Some(bits) => format!("{address}/{bits}").parse(),
            None => text.parse(),
        },
    };
    match parsed {
        Ok(block) => Ok(vec![block]),
        Err(AddressBlockError::Prefix) => {
            problem(AddressBlockError::Prefix.to_string(), "a prefix: 0 to 32 bits for IPv4, 0 to 128 for IPv6")
        }
        Err(AddressBlockError::Address) if text.contains(|char: char| char.is_alphabetic()) && !text.contains(':') => {
            problem("host names are not looked up, and this is no address".to_owned(), HOST)
        }
        Err(AddressBlockError::Address) => problem("this is no IP address".to_owned(), HOST),
    }
}

/// How many bits a netmask such as 255.255.0.0 has.
fn mask_bits(mask: Ipv4Addr) -> Option<u32> {
    let mask = u32::from(mask);
    let bits = mask.leading_ones();
    (mask.checked_shl(bits).unwrap_or(0) == 0).then_some(bits)
}

/// Reads a port: a number or a service name, without the colon.
pub(super) fn port(text: &str, context: &Context) -> Result<Port, Problem> {
    match c_number(text) {
        Ok(number) => match u16::try_from(number) {
            Ok(port) => Ok(Port { tcp: port, udp: port }),
            Err(_) => problem(format!("port {number} is above 65535"), PORT),
        },
        Err(Flaw::TooLarge) => problem("this port is above 65535".to_owned(), PORT),
        Err(Flaw::Malformed) => {
            let services = &context.services;
            let (tcp, udp) = (services.port(text, Protocol::Tcp), services.port(text, Protocol::Udp));
            match (tcp.or(udp), udp.or(tcp)) {
                (Some(tcp), Some(udp)) => Ok(Port { tcp, udp }),
                _ => {
                    let near = crate::names::closest(text, services.names());
                    let hint = near.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
                    problem(format!("no port and no known service{hint}"), PORT)
                }
            }
        }
    }
}

/// Reads the name or index of an interface.
pub(super) fn interface(text: &str, context: &Context) -> Result<Zone, Problem> {
    let known = &context.interfaces;
    if let Some((index, _)) = known.iter().find(|(_, name)| *name == text) {
        return Ok(Zone::Index(*index));
    }
    if let Some(index) = c_number(text).ok().and_then(|index| u32::try_from(index).ok()) {
        return Ok(Zone::Index(index));
    }
    if known.is_empty() && !text.is_empty() {
        return Ok(Zone::Name(text.to_owned()));
    }
    let near = crate::names::closest(text, known.values().map(String::as_str));
    let hint = near.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let mut expected: Vec<String> = known.values().take(32).map(|name| super::error::clean(name)).collect();
    expected.push("the index of an interface".to_owned());
    Err((format!("this machine has no such interface{hint}"), expected))
}

/// How far an address reaches, by the IANA IPv4 and IPv6 special-purpose address registries. IPv4-mapped addresses count as
/// the IPv4 address they stand for. Many addresses are none of these: link-local, shared, documentation, multicast, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// "Loopback": 127.0.0.0/8, ::1.
    Loopback,
    /// "Private-Use" and "Unique-Local": 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7.
    Private,
    /// Unicast that the registries do not call anything but globally reachable.
    Public,
}

impl Scope {
    /// Whether the address reaches that far.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        match (self, clean_address(address)) {
            (Scope::Loopback, address) => address.is_loopback(),
            (Scope::Private, IpAddr::V4(v4)) => v4.is_private(),
            (Scope::Private, IpAddr::V6(v6)) => v6.is_unique_local(),
            (Scope::Public, IpAddr::V4(_)) => Special::of(address).is_none(),
            (Scope::Public, IpAddr::V6(v6)) => is_global_unicast(v6) && Special::of(address).is_none(),
        }
    }

    /// The blocks that make it up, where these are few.
    pub(super) fn blocks(self) -> Option<Vec<AddressBlock>> {
        let blocks: &[&str] = match self {
            Scope::Loopback => &["127.0.0.0/8", "::1/128"],
            Scope::Private => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
            Scope::Public => return None,
        };
        blocks.iter().map(|block| block.parse().ok()).collect()
    }
}

/// Unicast that was ever given out, less 6to4, which the registry does not call reachable, and with NAT64, which it does.
fn is_global_unicast(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => true,
        [0x2001, 0, ..] | [0x2002, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            uid: None,
            user: None,
            services: [
                ("ssh", Protocol::Tcp, 22),
                ("http", Protocol::Tcp, 80),
                ("tftp", Protocol::Udp, 69),
                ("odd", Protocol::Tcp, 512),
                ("odd", Protocol::Udp, 513),
            ]
            .into_iter()
            .collect(),
            interfaces: [(1, "lo".to_owned()), (2, "eth0".to_owned())].into(),
        }
    }

    /// Family, blocks, zone and port in one line.
    fn describe(text: &str, as_ss: bool) -> String {
        match host(text, as_ss, &context()) {
            Err((message, _)) => format!("error: {message}"),
            Ok(host) => {
                let blocks: Vec<String> = host.blocks.iter().map(ToString::to_string).collect();
                let family = host.family.map_or("any", Family::name);
                let zone = host.zone.map(|zone| format!(" {zone:?}")).unwrap_or_default();
                let port = match host.port {
                    None => "*".to_owned(),
                    Some(port) if port.tcp == port.udp => port.tcp.to_string(),
                    Some(port) => format!("{}/{}", port.tcp, port.udp),
                };
                format!("{family} {} {port}{zone}", blocks.join("+"))
            }
        }
    }

    #[test]
    fn hosts_are_read_as_ss_reads_them() {
        for (text, meaning) in [
            ("10.0.0.1", "any 10.0.0.1/32 *"),
            ("10/8", "any 10.0.0.0/8 *"),
            ("193.233.7/24", "any 193.233.7.0/24 *"),
            ("10.0.0.0/255.0.0.0", "any 10.0.0.0/8 *"),
            ("10", "any 10.0.0.0/32 *"),
            ("10.1", "any 10.1.0.0/32 *"),
            ("10.0.0.1:443", "any 10.0.0.1/32 443"),
            ("10.0.0.1:", "any 10.0.0.1/32 *"),
            ("10.0.0.1:*", "any 10.0.0.1/32 *"),
            ("10/8:ssh", "any 10.0.0.0/8 22"),
            (":80", "any  80"),
            (":ssh", "any  22"),
            (":tftp", "any  69"),
            (":odd", "any  512/513"),
            (":0x50", "any  80"),
            (":0", "any  0"),
            ("*", "any  *"),
            ("*:80", "any  80"),
            ("*:*", "any  *"),
            ("any", "any  *"),
            ("[::1]", "any ::1/128 *"),
            ("[::1]:80", "any ::1/128 80"),
            ("[::1]80", "any ::1/128 80"),
            ("[2001:db8::]/32", "any 2001:db8::/32 *"),
            ("[2001:db8::/32]:80", "any 2001:db8::/32 80"),
            ("[2001:db8::]/32:80", "any 2001:db8::/32 80"),
            ("2001:db8::/32", "any 2001:db8::/32 *"),
            ("2001:db8::/32:80", "any 2001:db8::/32 80"),
            ("::1", "any ::1/128 *"),
            ("::", "any ::/128 *"),
            ("::ffff:1.2.3.4", "any ::ffff:1.2.3.4/128 *"),
            ("fe80::1:80", "any fe80::1/128 80"),
            ("fe80::1:ssh", "any fe80::1/128 22"),
            ("fe80::1:abcd", "any fe80::1:abcd/128 *"),
            ("2001:db8:0:0:0:0:0:1", "any 2001:db8::1/128 *"),
            ("fe80::1%eth0", "any fe80::1/128 * Index(2)"),
            ("[fe80::1%7]:22", "any fe80::1/128 22 Index(7)"),
            ("fe80::%lo/10", "any fe80::/10 * Index(1)"),
            ("inet:127.0.0.1", "ipv4 127.0.0.1/32 *"),
            ("inet:127.0.0.1:80", "ipv4 127.0.0.1/32 80"),
            ("inet::80", "ipv4  80"),
            ("INET6:[::1]:80", "ipv6 ::1/128 80"),
            ("inet6:::1", "ipv6 ::1/128 *"),
            ("inet6:*:80", "ipv6  80"),
            ("localhost:80", "any 127.0.0.1/32+::1/128 80"),
            ("inet6:localhost", "ipv6 ::1/128 *"),
            ("10.0.0.1:70000", "error: port 70000 is above 65535"),
            ("10.0.0.1:99999999999999999999", "error: this port is above 65535"),
            ("10.0.0.1:-1", "error: no port and no known service"),
            (":shs", "error: no port and no known service; did you mean `ssh`?"),
            ("10/33", "error: the prefix is 0 to 32 bits for IPv4, 0 to 128 for IPv6"),
            ("10/", "error: the prefix is 0 to 32 bits for IPv4, 0 to 128 for IPv6"),
            ("300.1.1.1", "error: this is no IP address"),
            ("1.2.3.4.5", "error: this is no IP address"),
            ("010.0.0.1", "error: a leading zero means octal to some programs and decimal to others"),
            ("example.org", "error: host names are not looked up, and this is no address"),
            ("example.org:80", "error: host names are not looked up, and this is no address"),
            ("inet:::1", "error: this is no ipv4 address"),
            ("inet6:10.0.0.1", "error: this is no ipv6 address"),
            ("unix:/tmp/x", "error: sockscope lists no unix sockets, only TCP and UDP"),
            ("[::1", "error: the `]` after the address is missing"),
            ("[::1]:x", "error: no port and no known service"),
            ("10.0.0.1%eth0", "error: only an IPv6 address has a zone"),
            ("fe80::1%eth9", "error: this machine has no such interface; did you mean `eth0`?"),
        ] {
            assert_eq!(describe(text, true), meaning, "{text}");
        }
        for (text, meaning) in [
            ("fe80::1:80", "any fe80::1:80/128 *"),
            ("[fe80::1]:80", "any fe80::1/128 80"),
            ("2001:db8:0:0:0:0:0:1:443", "any 2001:db8::1/128 443"),
            ("10.0.0.0/8", "any 10.0.0.0/8 *"),
            ("10", "error: this is no IP address"),
        ] {
            assert_eq!(describe(text, false), meaning, "{text}");
        }
    }

    #[test]
    fn scopes_follow_the_registries() {
        for (address, expected) in [
            ("127.0.0.1", Some(Scope::Loopback)),
            ("127.255.255.255", Some(Scope::Loopback)),
            ("::1", Some(Scope::Loopback)),
            ("::ffff:127.0.0.1", Some(Scope::Loopback)),
            ("10.1.2.3", Some(Scope::Private)),
            ("172.16.0.1", Some(Scope::Private)),
            ("172.31.255.255", Some(Scope::Private)),
            ("192.168.0.1", Some(Scope::Private)),
            ("::ffff:192.168.0.1", Some(Scope::Private)),
            ("fd00::1", Some(Scope::Private)),
            ("172.32.0.1", Some(Scope::Public)),
            ("8.8.8.8", Some(Scope::Public)),
            ("192.0.0.9", Some(Scope::Public)),
            ("192.0.1.1", Some(Scope::Public)),
            ("100.63.255.255", Some(Scope::Public)),
            ("100.128.0.0", Some(Scope::Public)),
            ("198.20.0.1", Some(Scope::Public)),
            ("223.255.255.255", Some(Scope::Public)),
            ("::ffff:8.8.8.8", Some(Scope::Public)),
            ("2001:4860:4860::8888", Some(Scope::Public)),
            ("2001:200::1", Some(Scope::Public)),
            ("2001:20::1", Some(Scope::Public)),
            ("2001:1::1", Some(Scope::Public)),
            ("64:ff9b::8.8.8.8", Some(Scope::Public)),
            ("2a00::1", Some(Scope::Public)),
            ("3fff:1000::1", Some(Scope::Public)),
            ("0.0.0.0", None),
            ("::", None),
            ("0.1.2.3", None),
            ("169.254.0.1", None),
            ("fe80::1", None),
            ("100.64.0.1", None),
            ("192.0.0.1", None),
            ("192.0.2.1", None),
            ("198.18.0.1", None),
            ("198.51.100.1", None),
            ("203.0.113.1", None),
            ("224.0.0.1", None),
            ("240.0.0.1", None),
            ("255.255.255.255", None),
            ("64:ff9b:1::1", None),
            ("100::1", None),
            ("2001::1", None),
            ("2001:1::4", None),
            ("2001:db8::1", None),
            ("2002::1", None),
            ("3fff:fff::1", None),
            ("4000::1", None),
            ("5f00::1", None),
            ("ff02::1", None),
        ] {
            for scope in [Scope::Loopback, Scope::Private, Scope::Public] {
                let address = address.parse().unwrap();
                assert_eq!(scope.contains(address), expected == Some(scope), "{address} {scope:?}");
                if let Some(blocks) = scope.blocks() {
                    let inside = blocks.iter().any(|block| block.contains_mapped(address));
                    assert_eq!(inside, expected == Some(scope), "{address} {scope:?}");
                }
            }
        }
    }
}
