use std::net::IpAddr;

use crate::{Database, Place, Special, inner_ipv4};

/// Several databases, asked in order.
#[derive(Debug, Default)]
pub struct Atlas {
    databases: Vec<Database>,
}

/// What is known of an address.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    /// It is nowhere in particular.
    Special(Special),
    /// A database knows it.
    Place(Place<'a>),
}

impl Atlas {
    /// Databases, the first the most trusted. One whose name another has already gets a number behind it.
    pub fn new(databases: impl IntoIterator<Item = Database>) -> Atlas {
        let mut atlas = Atlas::default();
        for database in databases {
            atlas.push(database);
        }
        atlas
    }

    /// Adds the database to ask last.
    pub fn push(&mut self, mut database: Database) {
        let taken = |name: &str| self.databases.iter().any(|other| &**other.name() == name);
        if taken(database.name()) {
            let name = database.name().clone();
            let free = (2..).map(|number| format!("{name} ({number})")).find(|name| !taken(name));
            database.rename(&free.unwrap_or_default());
        }
        self.databases.push(database);
    }

    /// The databases, in order.
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// See [`Database::prepare`].
    pub fn prepare(&mut self) {
        self.databases.iter_mut().for_each(Database::prepare);
    }

    /// What is known of an address: that it is special, or what the first database says that knows it.
    #[inline]
    pub fn lookup(&self, address: IpAddr) -> Option<Answer<'_>> {
        self.lookup_all(address).next().map(|(_, answer)| answer)
    }

    /// That an address is special, or what every database says that knows it, with the database's position.
    #[inline]
    pub fn lookup_all(&self, address: IpAddr) -> impl Iterator<Item = (usize, Answer<'_>)> {
        let address = match address {
            IpAddr::V6(ipv6) => inner_ipv4(ipv6).map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        let special = Special::of(address);
        let databases = if special.is_some() { &[][..] } else { &self.databases };
        let places = databases.iter().enumerate().filter_map(move |(position, database)| {
            database.lookup(address).map(|place| (position, Answer::Place(place)))
        });
        special.map(|special| (0, Answer::Special(special))).into_iter().chain(places)
    }
}
