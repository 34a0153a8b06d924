use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use sockscope_geo::{Answer, Atlas, SPECIAL_DATABASE};
use sockscope_model::{Coordinates, Frame, IpDatabase, Place};

/// Finds out where addresses are, and keeps what it found: every place is read from its database once, and shared by all
/// addresses that are there.
#[derive(Debug)]
pub struct Locator {
    atlas: Atlas,
    /// Of the database that gives one answer, its record; of several, all of them.
    known: HashMap<Vec<Key>, Arc<[Place]>, RandomState>,
    special: Arc<str>,
    /// Addresses that no database knows.
    unknown: HashSet<IpAddr, RandomState>,
    /// The keys of the address at hand.
    keys: Vec<Key>,
}

/// How many different places are kept, so that memory does not grow with what is asked.
const KEPT: usize = 1 << 14;

/// A special address' text, or a database's position and record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Special(&'static str),
    Record(usize, u64),
}

impl Locator {
    /// Asks these databases.
    pub fn new(atlas: Atlas) -> Locator {
        let special = SPECIAL_DATABASE.into();
        Locator { atlas, known: HashMap::default(), special, unknown: HashSet::default(), keys: Vec::new() }
    }

    /// The databases.
    pub fn atlas(&self) -> &Atlas {
        &self.atlas
    }

    /// See [`sockscope_geo::Database::prepare`].
    pub fn prepare(&mut self) {
        // Preparing may number the records anew.
        self.known.clear();
        self.atlas.prepare();
    }

    /// What every database that knows the address says, in their order; for a special address, what it is.
    pub fn places(&mut self, address: IpAddr) -> Option<Arc<[Place]>> {
        let Locator { atlas, known, special, keys, .. } = self;
        keys.clear();
        keys.extend(atlas.lookup_all(address).map(|(position, answer)| match answer {
            Answer::Special(special) => Key::Special(special.text()),
            Answer::Place(place) => Key::Record(position, place.record()),
        }));
        if keys.is_empty() {
            return None;
        }
        if let Some(places) = known.get(keys.as_slice()) {
            return some(Arc::clone(places));
        }
        if known.len() >= KEPT {
            known.clear();
        }
        let places = atlas.lookup_all(address).map(|(_, answer)| read(&answer, special));
        // Some files have records in which nothing is known, or coordinates alone.
        let places: Arc<[Place]> = places.filter(says_something).collect();
        known.insert(keys.clone(), Arc::clone(&places));
        some(places)
    }

    /// Looks up the peers of these rows of a frame, each address once.
    pub fn locate(&mut self, frame: &mut Frame, rows: impl IntoIterator<Item = usize>) {
        if frame.databases.is_empty() {
            frame.databases = self.databases();
        }
        if self.unknown.len() >= KEPT {
            self.unknown.clear();
        }
        let sockets = &frame.snapshot.sockets;
        let rows = rows.into_iter();
        let places = Arc::make_mut(&mut frame.places);
        // Growing a table step by step costs as much as filling it.
        places.reserve(rows.size_hint().0.min(1 << 17));
        for socket in rows.filter_map(|row| sockets.get(row)) {
            if let Some(remote) = socket.key.remote
                && let Entry::Vacant(vacant) = places.entry(remote.ip())
                && !self.unknown.contains(&remote.ip())
            {
                match self.places(remote.ip()) {
                    Some(places) => _ = vacant.insert(places),
                    None => _ = self.unknown.insert(remote.ip()),
                }
            }
        }
    }

    /// The databases, as a frame names them.
    pub fn databases(&self) -> Vec<IpDatabase> {
        let describe = |database: &sockscope_geo::Database| IpDatabase {
            name: Arc::clone(database.name()),
            attribution: database.info().attribution,
            website: database.info().website,
        };
        self.atlas.databases().iter().map(describe).collect()
    }
}

fn some(places: Arc<[Place]>) -> Option<Arc<[Place]>> {
    (!places.is_empty()).then_some(places)
}

fn says_something(place: &Place) -> bool {
    !place.text.is_empty()
}

/// Everything that an answer states.
fn read(answer: &Answer<'_>, special: &Arc<str>) -> Place {
    match answer {
        Answer::Special(kind) => {
            Place { text: kind.text().to_owned(), database: Arc::clone(special), ..Place::default() }
        }
        Answer::Place(place) => {
            let details = place.details();
            Place {
                country_code: details.country_code.map(|code| code.as_str().to_owned()),
                country: details.country.map(Into::into),
                region: details.region.map(Into::into),
                city: details.city.map(Into::into),
                asn: details.asn,
                organization: details.organization.map(Into::into),
                coordinates: details
                    .coordinates
                    .map(|it| Coordinates { latitude: it.latitude, longitude: it.longitude }),
                text: details.text.into_owned(),
                database: Arc::clone(place.database().name()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use sockscope_geo::{Database, Language};
    use sockscope_model::{Protocol, Snapshot, Socket, SocketKey, Tag, Timestamp};

    use super::*;

    fn locator() -> Locator {
        Locator::new(Atlas::new([Database::embedded(&Language::default())]))
    }

    fn frame(remotes: &[Option<&str>]) -> Frame {
        let mut snapshot = Snapshot::new("linux", String::new(), Timestamp::from_micros(0));
        let local: SocketAddr = "10.0.0.1:5000".parse().unwrap();
        snapshot.sockets = remotes
            .iter()
            .map(|remote| {
                let remote = remote.map(|text| SocketAddr::new(text.parse().unwrap(), 443));
                Socket::new(SocketKey { protocol: Protocol::Tcp, local, remote, tag: Tag::None })
            })
            .collect();
        Frame::new(snapshot)
    }

    #[test]
    fn peers_of_the_rows_are_looked_up_and_share_what_they_have_in_common() {
        let mut frame =
            frame(&[Some("8.8.8.8"), Some("8.8.4.4"), None, Some("10.0.0.2"), Some("4000::1"), Some("1.1.1.1")]);
        let mut locator = locator();
        locator.locate(&mut frame, [0, 1, 2, 3, 4, 99]);
        let place = |text: &str| frame.places.get(&text.parse().unwrap());
        let (first, second) = (place("8.8.8.8").unwrap(), place("8.8.4.4").unwrap());
        assert_eq!(first[0].country_code.as_deref(), Some("US"));
        assert!(Arc::ptr_eq(first, second));
        assert_eq!(place("10.0.0.2").unwrap()[0].text, "private");
        assert!(place("4000::1").is_none() && place("1.1.1.1").is_none(), "unknown; not asked for");
        assert_eq!(frame.databases[0].attribution, Some("IP Geolocation by DB-IP"));
        assert_eq!(frame.row(0).unwrap().place().unwrap().country.as_deref(), Some("United States"));
    }

    #[test]
    fn preparing_changes_no_answer() {
        let mut locator = locator();
        let address = "114.114.114.114".parse().unwrap();
        let before = locator.places(address);
        locator.prepare();
        assert_eq!(locator.places(address), before);
    }

    #[test]
    fn every_database_answers_in_order() {
        let embedded = || Database::embedded(&Language::default());
        let mut locator = Locator::new(Atlas::new([embedded(), embedded()]));
        let places = locator.places("8.8.8.8".parse().unwrap()).unwrap();
        let names: Vec<&str> = places.iter().map(|place| &*place.database).collect();
        assert_eq!(names, ["DB-IP Country Lite 2026-06", "DB-IP Country Lite 2026-06 (2)"]);
        assert_eq!(locator.places("127.0.0.1".parse().unwrap()).unwrap().len(), 1);
    }
}
