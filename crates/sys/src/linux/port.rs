//! What beside the sockets decides whether a port can be bound.

use std::ffi::CStr;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink as family, sockopt};
use sockscope_model::{BindAttempt, BindError, BindErrorKind, NatRule, PortFacts, PortProxy, PortQuestion, Protocol};
use sockscope_wire::{nftables, procfs as wire, route};

use super::files::{self, NumberPath};
use super::netlink::{DumpError, ask_once};
use super::owners::may_trace;
use super::scan::{numbers_in, open_proc};
use super::witnesses::lists_bound;

/// CAP_NET_BIND_SERVICE (linux/capability.h).
const BIND_SERVICE: u32 = 10;

/// Gathers them. Binds nothing.
pub fn port_facts(question: &PortQuestion) -> PortFacts {
    let mut facts = PortFacts {
        ephemeral: read(c"/proc/sys/net/ipv4/ip_local_port_range").as_deref().and_then(wire::port_range),
        reserved: read(c"/proc/sys/net/ipv4/ip_local_reserved_ports")
            .map(|text| wire::port_ranges(&text).iter().any(|(first, last)| (*first..=*last).contains(&question.port))),
        privileged_below: read(c"/proc/sys/net/ipv4/ip_unprivileged_port_start")
            .and_then(|text| wire::number(text.trim_ascii()))
            // The kernel's constant before 4.11.
            .or(Some(1024)),
        may_bind_privileged: read(c"/proc/thread-self/status")
            .is_some_and(|text| wire::has_capability(&text, BIND_SERVICE)),
        may_look_into_all: may_trace(),
        address_is_local: question.address.and_then(is_local),
        proxies: proxies(question),
        ..PortFacts::default()
    };
    if question.protocol == Protocol::Tcp && !lists_bound() {
        facts.unknown.push("this kernel lists no sockets that are bound and do not listen (Linux 6.8 does)".to_owned());
    }
    if open_proc().is_err() {
        facts.unknown.push("proxies of containers were not looked for, since /proc can't be read".to_owned());
    }
    match nat_rules(question) {
        Ok((rules, malformed)) => {
            facts.nat = rules;
            if malformed > 0 {
                let (noun, verb) = if malformed == 1 { ("rule", "was") } else { ("rules", "were") };
                facts.unknown.push(format!("{malformed} {noun} of nftables made no sense and {verb} passed over"));
            }
        }
        Err(DumpError::System(Errno::PERM | Errno::ACCESS)) => facts
            .unknown
            .push("rules that publish ports (DNAT) were not looked at, which takes root (CAP_NET_ADMIN)".to_owned()),
        // A kernel without nftables has none of its rules.
        Err(DumpError::System(Errno::PROTONOSUPPORT | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOENT)) => {}
        Err(DumpError::System(error)) => {
            facts.unknown.push(format!("rules that publish ports (DNAT) could not be read: {error}"));
        }
        Err(DumpError::Malformed(error)) => {
            facts.unknown.push(format!("rules that publish ports (DNAT) could not be read: {error}"));
        }
    }
    // Asking it for them would make the table, and with it hooks in the way of every packet, where there is none.
    if read(c"/proc/net/ip_tables_names").is_some_and(|names| names.split(|it| *it == b'\n').any(|name| name == b"nat"))
    {
        facts
            .unknown
            .push("rules of the older iptables, which `iptables-legacy -t nat -S` shows, were not read".to_owned());
    }
    facts
}

fn read(path: &CStr) -> Option<Vec<u8>> {
    files::read(path).ok()
}

/// Whether the address is one of this machine, by the routing table. A link-local address belongs to an interface, which is not
/// asked about.
pub(super) fn is_local(address: IpAddr) -> Option<bool> {
    if address.is_unspecified() {
        return Some(true);
    }
    if matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
        return None;
    }
    // Where a program may bind what is not here, nothing is wrong with it.
    let anywhere = match address {
        IpAddr::V4(_) => c"/proc/sys/net/ipv4/ip_nonlocal_bind",
        IpAddr::V6(_) => c"/proc/sys/net/ipv6/ip_nonlocal_bind",
    };
    if read(anywhere).is_some_and(|text| text.trim_ascii() == b"1") {
        return Some(true);
    }
    let request = route::encode_route(address, 1);
    match ask_once(None, &request, 1, route::ROUTE, false) {
        Ok(rows) => rows.first().and_then(|row| route::is_local(row)),
        // There is no way to it at all.
        Err(DumpError::System(Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::SRCH)) => Some(false),
        Err(_) => None,
    }
}

/// The rules of this network namespace that give another destination to what comes to the port, and how many others made no sense.
fn nat_rules(question: &PortQuestion) -> Result<(Vec<NatRule>, usize), DumpError> {
    let rows = ask_once(Some(family::NETFILTER), &nftables::encode_dump(1), 1, nftables::RULE, true)?;
    let number = if question.protocol == Protocol::Udp { libc::IPPROTO_UDP } else { libc::IPPROTO_TCP };
    let (mut rules, mut malformed) = (Vec::new(), 0);
    for row in rows {
        let rule = match nftables::redirection(&row) {
            Ok(Some(rule)) => rule,
            Ok(None) => continue,
            Err(_) => {
                malformed += 1;
                continue;
            }
        };
        let protocol = rule.protocol.is_none_or(|it| i32::from(it) == number);
        let (first, last) = rule.ports;
        let address = match (question.address, rule.address) {
            (Some(asked), Some(address)) => asked == address || asked.is_unspecified(),
            (Some(asked), None) => match rule.family {
                "ip" => asked.is_ipv4(),
                "ip6" => asked.is_ipv6(),
                _ => true,
            },
            (None, _) => true,
        };
        if protocol && address && (first..=last).contains(&question.port) {
            rules.push(NatRule {
                place: format!("chain {} of table {} {}", rule.chain, rule.family, rule.table),
                address: rule.address,
                to_address: rule.to_address,
                to_port: rule.to_port,
            });
        }
    }
    Ok((rules, malformed))
}

/// Processes of Docker that carry the port, by their arguments, which anybody may read.
fn proxies(question: &PortQuestion) -> Vec<PortProxy> {
    let mut found = Vec::new();
    let Ok(proc) = open_proc() else { return found };
    for pid in numbers_in(proc.as_fd()).unwrap_or_default() {
        let mut text = Vec::new();
        let path = NumberPath::new(pid, c"/comm");
        if files::read_at(&proc, path.as_c_str(), 64, &mut text).is_err() || text.trim_ascii() != b"docker-proxy" {
            continue;
        }
        text.clear();
        if files::read_at(&proc, NumberPath::new(pid, c"/cmdline").as_c_str(), 1 << 16, &mut text).is_err() {
            continue;
        }
        let Some(arguments) = wire::command_line(&text) else { continue };
        let Some(proxy) = wire::docker_proxy(&arguments) else { continue };
        if proxy.port == question.port && proxy.udp == (question.protocol == Protocol::Udp) {
            let container = proxy.container_address.map(|ip| SocketAddr::new(ip, proxy.container_port.unwrap_or(0)));
            found.push(PortProxy { pid, name: "docker-proxy".to_owned(), host: proxy.address, container });
        }
    }
    found
}

/// Binds the port: on the address, or on the unspecified one of each family, first as it is and then with SO_REUSEADDR. The
/// socket never listens, and is closed at once.
pub fn try_bind(question: &PortQuestion) -> Vec<BindAttempt> {
    let addresses = match question.address {
        Some(address) => vec![address],
        None => vec![IpAddr::from([0u8; 4]), IpAddr::from([0u8; 16])],
    };
    let each = addresses.into_iter().flat_map(|address| [false, true].map(|reuse| (address, reuse)));
    each.map(|(address, reuse_address)| {
        let local = SocketAddr::new(address, question.port);
        let error = bind(question, local, reuse_address).err().map(|error| BindError {
            kind: match error {
                Errno::ADDRINUSE => BindErrorKind::InUse,
                Errno::ACCESS | Errno::PERM => BindErrorKind::Refused,
                Errno::ADDRNOTAVAIL => BindErrorKind::NotLocal,
                Errno::AFNOSUPPORT => BindErrorKind::NoFamily,
                _ => BindErrorKind::Other,
            },
            text: said(error),
        });
        BindAttempt { local, reuse_address, error }
    })
    .collect()
}

/// The system's words for an error, without its number.
fn said(error: Errno) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_owned()
}

fn bind(question: &PortQuestion, local: SocketAddr, reuse_address: bool) -> Result<(), Errno> {
    let kind = if question.protocol == Protocol::Udp { SocketType::DGRAM } else { SocketType::STREAM };
    let domain = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(domain, kind, SocketFlags::CLOEXEC, None)?;
    if local.is_ipv6() && question.address.is_none() {
        // IPv4 is tried apart. Of an address that was named, everything is as a program would have it.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    sockopt::set_socket_reuseaddr(&socket, reuse_address)?;
    rustix::net::bind(&socket, &local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(port: u16, address: Option<&str>) -> PortQuestion {
        PortQuestion { protocol: Protocol::Tcp, port, address: address.map(|it| it.parse().unwrap()) }
    }

    #[test]
    fn addresses_of_this_machine_are_known() {
        for (address, expected) in [("127.0.0.1", true), ("127.9.9.9", true), ("0.0.0.0", true), ("192.0.2.77", false)]
        {
            assert_eq!(is_local(address.parse().unwrap()), Some(expected), "{address}");
        }
    }

    #[test]
    fn facts_are_there() {
        let facts = port_facts(&question(8080, None));
        assert!(facts.ephemeral.is_some_and(|(low, high)| low < high));
        assert!(facts.reserved.is_some() && facts.privileged_below.is_some());
    }

    #[test]
    fn what_is_held_can_not_be_bound() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let kinds = |address| -> Vec<Option<BindErrorKind>> {
            try_bind(&question(port, address)).into_iter().map(|it| it.error.map(|error| error.kind)).collect()
        };
        assert_eq!(kinds(Some("127.0.0.1")), [Some(BindErrorKind::InUse); 2]);
        assert_eq!(kinds(Some("127.0.0.2")), [None; 2]);
        assert_eq!(kinds(Some("192.0.2.77")), [Some(BindErrorKind::NotLocal); 2]);
        assert_eq!(kinds(None)[..2], [Some(BindErrorKind::InUse); 2]);
        assert_eq!(kinds(None).len(), 4);
    }
}
