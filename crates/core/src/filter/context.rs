use std::collections::{BTreeMap, HashMap};

use sockscope_model::Protocol;

/// What a filter may refer to and this crate can't find out by itself.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Who asks: what `mine` compares with. `None` where sockets have no user number.
    pub uid: Option<u32>,
    /// Who asks, by name: what `mine` compares with where users have no numbers.
    pub user: Option<String>,
    /// Service names that may stand for ports.
    pub services: Services,
    /// Names of this machine's interfaces by index. If there are none, names are compared when rows are.
    pub interfaces: BTreeMap<u32, String>,
}

/// Service names and their ports, as /etc/services (services(5)) has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services {
    ports: HashMap<String, [Option<u16>; 2]>,
    names: HashMap<(Protocol, u16), String>,
}

impl Services {
    /// No services.
    pub fn new() -> Services {
        Services::default()
    }

    /// The text of a services(5) file: `name port/protocol alias...`, `#` begins a comment. Other protocols than TCP and
    /// UDP and lines that make no sense are passed over, as getservbyname(3) does.
    pub fn parse(text: &str) -> Services {
        let mut services = Services::new();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next()) else { continue };
            let Some((port, protocol)) = port.split_once('/') else { continue };
            let Ok(port) = port.parse() else { continue };
            let protocol = match protocol {
                "tcp" => Protocol::Tcp,
                "udp" => Protocol::Udp,
                _ => continue,
            };
            for name in std::iter::once(name).chain(words) {
                services.insert(name, protocol, port);
            }
        }
        services
    }

    /// Adds one. The first port of a name and the first name of a port stay.
    pub fn insert(&mut self, name: &str, protocol: Protocol, port: u16) {
        let ports = self.ports.entry(name.to_owned()).or_default();
        if let Some(slot) = slot(protocol).and_then(|slot| ports.get_mut(slot)) {
            slot.get_or_insert(port);
        }
        self.names.entry((protocol, port)).or_insert_with(|| name.to_owned());
    }

    /// The port of a name.
    pub fn port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        *self.ports.get(name)?.get(slot(protocol)?)?
    }

    /// The name of a port.
    pub fn name(&self, protocol: Protocol, port: u16) -> Option<&str> {
        self.names.get(&(protocol, port)).map(String::as_str)
    }

    /// Every name, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.ports.keys().map(String::as_str)
    }
}

fn slot(protocol: Protocol) -> Option<usize> {
    match protocol {
        Protocol::Tcp => Some(0),
        Protocol::Udp => Some(1),
        _ => None,
    }
}

impl<S: AsRef<str>> FromIterator<(S, Protocol, u16)> for Services {
    fn from_iter<I: IntoIterator<Item = (S, Protocol, u16)>>(services: I) -> Services {
        let mut all = Services::new();
        for (name, protocol, port) in services {
            all.insert(name.as_ref(), protocol, port);
        }
        all
    }
}
