//! What beside the sockets decides whether a port can be bound.

use std::net::{IpAddr, SocketAddr};

use sockscope_model::{
    BindAttempt, BindError, BindErrorKind, Elsewhere, Family, PortFacts, PortQuestion, Snapshot, Timestamp,
};
use sockscope_wire::windows::{dynamic_ports, excluded_port_ranges, http_urls};
use windows_sys::Win32::Networking::WinSock::{WSAEACCES, WSAEADDRINUSE, WSAEADDRNOTAVAIL, WSAEAFNOSUPPORT};

use super::probe::{bind_once, netsh};

/// Gathers them. Binds nothing.
pub fn port_facts(question: &PortQuestion) -> PortFacts {
    let mut facts = PortFacts { may_bind_privileged: true, ..PortFacts::default() };
    let protocol = question.protocol.name();
    let families = match question.address {
        Some(address) => vec![Family::of(&address)],
        None => vec![Family::Ipv4, Family::Ipv6],
    };
    for family in families {
        let of_protocol = format!("protocol={protocol}");
        match netsh(&["int", family.name(), "show", "excludedportrange", &of_protocol]) {
            Ok(text) => {
                let ranges = excluded_port_ranges(&text);
                let holds = |(first, last): &(u16, u16)| (*first..=*last).contains(&question.port);
                facts.excluded = facts.excluded.or(ranges.into_iter().find(holds));
            }
            Err(why) => facts.unknown.push(format!(
                "ranges of ports that Windows keeps everyone from, over {}, could not be asked: netsh {why}",
                family.name()
            )),
        }
    }
    facts.ephemeral = netsh(&["int", "ipv4", "show", "dynamicport", protocol]).ok().as_deref().and_then(dynamic_ports);
    // Whoever may not ask gets an empty list.
    facts.http_urls = netsh(&["http", "show", "servicestate", "view=requestq"])
        .ok()
        .map(|text| http_urls(&text))
        .filter(|urls| !urls.is_empty())
        .map(|urls| urls.into_iter().filter(|(port, _)| *port == question.port).map(|(_, url)| url).collect());
    facts
}

/// Windows has no network namespaces that a program could look into.
pub fn elsewhere(_question: &PortQuestion, _facts: &PortFacts) -> Elsewhere {
    let snapshot = Snapshot::new("windows", String::new(), Timestamp::from(std::time::SystemTime::now()));
    Elsewhere { snapshot, namespaces: Vec::new(), unseen: None }
}

/// Containers have their own list of processes here.
pub fn name_containers(_snapshot: &mut Snapshot) {}

/// Binds the port exclusively: on the address, or on the unspecified one of each family. SO_REUSEADDR is not tried, since here it
/// would take the port from who has it. The socket never listens, and is closed at once.
pub fn try_bind(question: &PortQuestion) -> Vec<BindAttempt> {
    let addresses = match question.address {
        Some(address) => vec![address],
        None => vec![IpAddr::from([0u8; 4]), IpAddr::from([0u8; 16])],
    };
    let attempt = |address| {
        let local = SocketAddr::new(address, question.port);
        let error = bind_once(question.protocol, local).err().map(|error| BindError {
            kind: match error.raw_os_error() {
                Some(WSAEADDRINUSE) => BindErrorKind::InUse,
                Some(WSAEACCES) => BindErrorKind::Refused,
                Some(WSAEADDRNOTAVAIL) => BindErrorKind::NotLocal,
                Some(WSAEAFNOSUPPORT) => BindErrorKind::NoFamily,
                _ => BindErrorKind::Other,
            },
            text: said(&error),
        });
        BindAttempt { local, reuse_address: false, error }
    };
    addresses.into_iter().map(attempt).collect()
}

/// The system's words for an error, without its number.
fn said(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words);
    words.trim_end_matches('.').to_owned()
}
