//! Rules of address translation, as nftables keeps them (NETLINK_NETFILTER; include/uapi/linux/netfilter/nf_tables.h). What
//! iptables-nft writes is among them, with the older matches and targets inside.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Malformed;
use crate::bytes::{array_at, be16_at, be32_at, u8_at, u16_at};
use crate::netlink::{HEADER_LENGTH, attributes};

/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE`: the type of a row.
pub const RULE: u16 = 10 << 8 | 6;
const GET_RULE: u16 = 10 << 8 | 7;
/// NLM_F_REQUEST and NLM_F_DUMP.
const DUMP: u16 = 0x301;

/// A request for the rules of every table.
pub fn encode_dump(sequence: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LENGTH + 4);
    bytes.extend(20u32.to_ne_bytes());
    bytes.extend(GET_RULE.to_ne_bytes());
    bytes.extend(DUMP.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    // struct nfgenmsg: any family, version 0.
    bytes.extend([0u8; 4]);
    bytes
}

/// A rule that gives packets another destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// `ip`, `ip6`, `inet`, ...
    pub family: &'static str,
    /// The table's name.
    pub table: String,
    /// The chain's.
    pub chain: String,
    /// Only this protocol, by its number; `None`: any.
    pub protocol: Option<u8>,
    /// Only these destination ports, first and last.
    pub ports: (u16, u16),
    /// Only this destination address.
    pub address: Option<IpAddr>,
    /// The new address, as far as the rule says it.
    pub to_address: Option<IpAddr>,
    /// The new port; `None`: the same.
    pub to_port: Option<u16>,
}

/// Decodes the payload of a row. `None`: the rule redirects nothing, or by what is not in the rule (sets and maps), or whatever
/// the port.
///
/// # Errors
/// The payload has no header, no table or no chain.
pub fn redirection(payload: &[u8]) -> Result<Option<Redirection>, Malformed> {
    let malformed = |problem| Malformed { what: "nftables rule", offset: 0, problem };
    let family = u8_at(payload, 0).ok_or(malformed("too short for nfgenmsg"))?;
    let (mut table, mut chain, mut expressions) = (None, None, None);
    for (kind, value) in attributes(payload.get(4..).unwrap_or(&[])) {
        match kind {
            1 => table = Some(text(value)),
            2 => chain = Some(text(value)),
            4 => expressions = Some(value),
            _ => {}
        }
    }
    let (Some(table), Some(chain)) = (table, chain) else { return Err(malformed("it names no table or no chain")) };
    let mut rule = Rule::default();
    for (_, element) in attributes(expressions.unwrap_or(&[])) {
        let (mut name, mut data) = (&[][..], &[][..]);
        for (kind, value) in attributes(element) {
            match kind {
                1 => name = value,
                2 => data = value,
                _ => {}
            }
        }
        rule.expression(name.split(|byte| *byte == 0).next().unwrap_or(&[]), data, family);
    }
    let Rule { target: Some((to_address, to_port)), ports: Some(ports), protocol, address, never: false, .. } = rule
    else {
        return Ok(None);
    };
    let family = match family {
        1 => "inet",
        2 => "ip",
        10 => "ip6",
        7 => "bridge",
        _ => "other",
    };
    Ok(Some(Redirection { family, table, chain, protocol, ports, address, to_address, to_port }))
}

/// What a register holds.
#[derive(Debug, Clone)]
enum Register {
    Value(Vec<u8>),
    Protocol,
    Address,
    /// The destination port lies that many bytes into it.
    Port(usize),
}

#[derive(Debug, Default)]
struct Rule {
    registers: HashMap<u32, Register>,
    protocol: Option<u8>,
    ports: Option<(u16, u16)>,
    address: Option<IpAddr>,
    target: Option<(Option<IpAddr>, Option<u16>)>,
    /// It asks for ports by what is not in it, or for all but some.
    never: bool,
}

impl Rule {
    fn expression(&mut self, name: &[u8], data: &[u8], family: u8) {
        let found: HashMap<u16, &[u8]> = attributes(data).collect();
        let number = |kind: u16| found.get(&kind).and_then(|value| be32_at(value, 0));
        let register = |kind: u16| number(kind).map(numbered);
        match name {
            b"meta" => {
                // NFT_META_L4PROTO.
                let what = (number(2) == Some(16)).then_some(Register::Protocol);
                self.load(register(1), what);
            }
            b"payload" => {
                let what = match (number(2), number(3), number(4)) {
                    (Some(1), Some(9), Some(1)) => Some(Register::Protocol),
                    (Some(1), Some(16), Some(4)) | (Some(1), Some(24), Some(16)) => Some(Register::Address),
                    (Some(2), Some(2), Some(2)) => Some(Register::Port(0)),
                    // Both ports at once.
                    (Some(2), Some(0), Some(4)) => Some(Register::Port(2)),
                    _ => None,
                };
                self.load(register(1), what);
            }
            b"immediate" => {
                let value = found.get(&2).and_then(|data| attribute(data, 1));
                self.load(register(1), value.map(|value| Register::Value(value.to_vec())));
            }
            b"bitwise" => self.load(register(2), None),
            b"cmp" => {
                let value = found.get(&3).and_then(|data| attribute(data, 1)).unwrap_or(&[]);
                self.compare(register(1), number(2).unwrap_or(u32::MAX), value);
            }
            b"range" => {
                let bound = |kind| found.get(&kind).and_then(|data| attribute(data, 1)).and_then(|it| be16_at(it, 0));
                if let Some(Register::Port(0)) = register(1).and_then(|it| self.registers.get(&it)) {
                    match (number(2), bound(3), bound(4)) {
                        (Some(0), Some(first), Some(last)) => self.narrow(first, last),
                        _ => self.never = true,
                    }
                }
            }
            b"lookup" => {
                let asked = register(2).and_then(|it| self.registers.get(&it));
                self.never |= matches!(asked, Some(Register::Port(_)));
            }
            // A destination (NFT_NAT_DNAT), not a source.
            b"nat" if number(1) == Some(1) => {
                let value = |kind| match register(kind).and_then(|it| self.registers.get(&it)) {
                    Some(Register::Value(value)) => Some(value.as_slice()),
                    _ => None,
                };
                let family = number(2).and_then(|it| u8::try_from(it).ok()).unwrap_or(family);
                let to = value(3).and_then(|it| address(it, family));
                self.target = Some((to, value(5).and_then(|it| be16_at(it, 0))));
            }
            b"redir" => {
                let port = match register(1).and_then(|it| self.registers.get(&it)) {
                    Some(Register::Value(value)) => be16_at(value, 0),
                    _ => None,
                };
                self.target = Some((None, port));
            }
            b"match" => self.older_match(found.get(&1).copied().unwrap_or(&[]), found.get(&3).copied().unwrap_or(&[])),
            b"target" => {
                let (name, info) = (found.get(&1).copied().unwrap_or(&[]), found.get(&3).copied().unwrap_or(&[]));
                self.target = older_target(name, number(2).unwrap_or(0), info, family).or(self.target);
            }
            _ => {}
        }
    }

    fn load(&mut self, register: Option<u32>, what: Option<Register>) {
        let Some(register) = register else { return };
        match what {
            Some(what) => self.registers.insert(register, what),
            None => self.registers.remove(&register),
        };
    }

    fn narrow(&mut self, first: u16, last: u16) {
        let (low, high) = self.ports.unwrap_or((0, u16::MAX));
        self.ports = Some((low.max(first), high.min(last)));
        self.never |= low.max(first) > high.min(last);
    }

    fn compare(&mut self, register: Option<u32>, operation: u32, value: &[u8]) {
        match register.and_then(|it| self.registers.get(&it)) {
            Some(Register::Protocol) if operation == 0 => self.protocol = u8_at(value, 0),
            Some(Register::Address) if operation == 0 => {
                self.address = address(value, if value.len() == 4 { 2 } else { 10 });
            }
            Some(Register::Port(at)) => match (operation, be16_at(value, *at)) {
                (0, Some(port)) => self.narrow(port, port),
                (2, Some(port)) => self.narrow(0, port.saturating_sub(1)),
                (3, Some(port)) => self.narrow(0, port),
                (4, Some(port)) => self.narrow(port.saturating_add(1), u16::MAX),
                (5, Some(port)) => self.narrow(port, u16::MAX),
                _ => self.never = true,
            },
            _ => {}
        }
    }

    /// struct xt_tcp, struct xt_udp: in the host's byte order.
    fn older_match(&mut self, name: &[u8], info: &[u8]) {
        let inverted = match name.split(|byte| *byte == 0).next() {
            Some(b"tcp") => u8_at(info, 11),
            Some(b"udp") => u8_at(info, 8),
            Some(b"multiport") => {
                self.never = true;
                return;
            }
            _ => return,
        };
        let (Some(first), Some(last), Some(inverted)) = (u16_at(info, 4), u16_at(info, 6), inverted) else { return };
        self.never |= inverted & 2 != 0;
        self.narrow(first, last);
    }
}

/// The new destination of DNAT and REDIRECT (include/uapi/linux/netfilter/nf_nat.h).
fn older_target(name: &[u8], revision: u32, info: &[u8], family: u8) -> Option<(Option<IpAddr>, Option<u16>)> {
    const MAP_IPS: u32 = 1;
    const PROTO_SPECIFIED: u32 = 2;
    let name = name.split(|byte| *byte == 0).next()?;
    // struct nf_nat_ipv4_multi_range_compat has a count in front and addresses of 4 bytes.
    let (at, ports, length) = match (name, revision, family) {
        (b"DNAT" | b"REDIRECT", 0, 2) => (4, 16, 4),
        (b"DNAT" | b"REDIRECT", ..) => (0, 36, 16),
        _ => return None,
    };
    let flags = crate::bytes::u32_at(info, at)?;
    let new_address = || address(info.get(at + 4..at + 4 + length)?, family);
    let to = if flags & MAP_IPS != 0 { new_address() } else { None };
    let port = if flags & PROTO_SPECIFIED != 0 { be16_at(info, ports) } else { None };
    Some((to, port))
}

/// A name of a register as its first 4 bytes: 1 to 4 are 16 bytes wide, 8 to 23 are 4.
fn numbered(register: u32) -> u32 {
    if (1..=4).contains(&register) { register * 4 + 4 } else { register }
}

fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(kind, value)| (kind == wanted).then_some(value))
}

fn address(bytes: &[u8], family: u8) -> Option<IpAddr> {
    match family {
        10 => array_at::<16>(bytes, 0).map(|it| IpAddr::V6(Ipv6Addr::from(it))),
        // The chain of an inet table says by the length which it is.
        _ if bytes.len() == 16 && family == 1 => array_at::<16>(bytes, 0).map(|it| IpAddr::V6(Ipv6Addr::from(it))),
        _ => array_at::<4>(bytes, 0).map(|it| IpAddr::V4(Ipv4Addr::from(it))),
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.split(|byte| *byte == 0).next().unwrap_or(&[])).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(value.len() + 4).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn expression(name: &str, parts: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let data: Vec<u8> = parts.iter().flat_map(|(kind, value)| put(*kind, value)).collect();
        put(1, &[put(1, format!("{name}\0").as_bytes()), put(2, &data)].concat())
    }

    fn number(value: u32) -> Vec<u8> {
        value.to_be_bytes().to_vec()
    }

    fn data(value: &[u8]) -> Vec<u8> {
        put(1, value)
    }

    fn rule(family: u8, expressions: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![family, 0, 0, 0];
        bytes.extend(put(1, b"nat\0"));
        bytes.extend(put(2, b"DOCKER\0"));
        bytes.extend(put(4, &expressions.concat()));
        bytes
    }

    fn dport(port: u16) -> Vec<Vec<u8>> {
        vec![
            expression("meta", &[(2, number(16)), (1, number(1))]),
            expression("cmp", &[(1, number(1)), (2, number(0)), (3, data(&[6]))]),
            expression("payload", &[(1, number(1)), (2, number(2)), (3, number(2)), (4, number(2))]),
            expression("cmp", &[(1, number(1)), (2, number(0)), (3, data(&port.to_be_bytes()))]),
        ]
    }

    #[test]
    fn a_rule_of_nftables_says_where_it_leads() {
        let mut rules = dport(8080);
        rules.push(expression("immediate", &[(1, number(1)), (2, data(&[172, 17, 0, 2]))]));
        rules.push(expression("immediate", &[(1, number(2)), (2, data(&80u16.to_be_bytes()))]));
        rules.push(expression("nat", &[(1, number(1)), (2, number(2)), (3, number(1)), (5, number(2))]));
        let found = redirection(&rule(2, &rules)).unwrap().unwrap();
        assert_eq!(
            found,
            Redirection {
                family: "ip",
                table: "nat".into(),
                chain: "DOCKER".into(),
                protocol: Some(6),
                ports: (8080, 8080),
                address: None,
                to_address: Some("172.17.0.2".parse().unwrap()),
                to_port: Some(80),
            }
        );
        // A source is no destination.
        rules.pop();
        rules.push(expression("nat", &[(1, number(0)), (2, number(2)), (3, number(1))]));
        assert_eq!(redirection(&rule(2, &rules)).unwrap(), None);
    }

    #[test]
    fn a_rule_of_iptables_says_where_it_leads() {
        let mut tcp = Vec::new();
        for number in [0u16, 65535, 8000, 8010] {
            tcp.extend(number.to_ne_bytes());
        }
        tcp.extend([0; 4]);
        let mut range = 3u32.to_ne_bytes().to_vec();
        range.extend([10, 88, 0, 5]);
        range.resize(36, 0);
        range.extend(443u16.to_be_bytes());
        range.resize(44, 0);
        let rules = [
            expression("payload", &[(1, number(1)), (2, number(1)), (3, number(9)), (4, number(1))]),
            expression("cmp", &[(1, number(1)), (2, number(0)), (3, data(&[17]))]),
            expression("match", &[(1, b"tcp\0".to_vec()), (2, number(0)), (3, tcp)]),
            expression("target", &[(1, b"DNAT\0".to_vec()), (2, number(2)), (3, range)]),
        ];
        let found = redirection(&rule(2, &rules)).unwrap().unwrap();
        assert_eq!((found.protocol, found.ports), (Some(17), (8000, 8010)));
        assert_eq!((found.to_address, found.to_port), (Some("10.88.0.5".parse().unwrap()), Some(443)));
    }

    #[test]
    fn what_asks_for_no_port_or_other_ports_is_left_out() {
        let target = expression("redir", &[]);
        let not = |operation| {
            let mut rules = dport(80);
            rules.pop();
            rules.push(expression("cmp", &[(1, number(1)), (2, number(operation)), (3, data(&80u16.to_be_bytes()))]));
            rules.push(target.clone());
            redirection(&rule(1, &rules)).unwrap()
        };
        assert_eq!(not(1), None);
        assert_eq!(not(5).unwrap().ports, (80, u16::MAX));
        assert_eq!(redirection(&rule(2, std::slice::from_ref(&target))).unwrap(), None);
        let mut looked_up = dport(80);
        looked_up.pop();
        looked_up.push(expression("lookup", &[(1, b"__set0\0".to_vec()), (2, number(1))]));
        looked_up.push(target);
        assert_eq!(redirection(&rule(2, &looked_up)).unwrap(), None);
    }

    #[test]
    fn cut_off_rules_are_errors_or_nothing() {
        let mut rules = dport(8080);
        rules.push(expression("redir", &[]));
        let whole = rule(2, &rules);
        for end in 0..whole.len() {
            drop(redirection(&whole[..end]));
        }
        assert!(redirection(&[]).is_err());
        assert!(redirection(&[2, 0, 0, 0]).is_err());
    }
}
