use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use sockscope_geo::{Answer, Atlas, SPECIAL_DATABASE};
use sockscope_model::{Coordinates, Frame, IpDatabase, Place};

/// Finds out where addresses are, and keeps what it found: every place is read from its database once, and shared by all
/// addresses that are there.
#[derive(Debug)]
pub struct Locator {
    atlas: Atlas,
    /// Of the database that gives one answer, its record; of several, all of them.
    known: HashMap<Vec<Key>, Arc<[Place]>>,
    special: Arc<str>,
    /// The keys of the address at hand.
    keys: Vec<Key>,
}

/// How many different places are kept, so that memory does not grow with what is asked.
const KEPT: usize = 1 << 16;

/// A special address' text, or a database's position and record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Special(&'static str),
    Record(usize, u64),
}

impl Locator {
    /// Asks these databases.
    pub fn new(atlas: Atlas) -> Locator {
        Locator { atlas, known: HashMap::new(), special: SPECIAL_DATABASE.into(), keys: Vec::new() }
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
        let Locator { atlas, known, special, keys } = self;
        keys.clear();
        keys.extend(atlas.lookup_all(address).map(|(position, answer)| match answer {
            Answer::Special(special) => Key::Special(special.text()),
            Answer::Place(place) => Key::Record(position, place.record()),
        }));
        if keys.is_empty() {
            return None;
        }
        if let Some(places) = known.get(keys.as_slice()) {
            return Some(Arc::clone(places));
        }
        if known.len() >= KEPT {
            known.clear();
        }
        let places: Arc<[Place]> = atlas.lookup_all(address).map(|(_, answer)| read(&answer, special)).collect();
        known.insert(keys.clone(), Arc::clone(&places));
        Some(places)
    }

    /// Looks up the peers of these rows of a frame, each address once.
    pub fn locate(&mut self, frame: &mut Frame, rows: impl IntoIterator<Item = usize>) {
        if frame.databases.is_empty() {
            frame.databases = self.databases();
        }
        let sockets = &frame.snapshot.sockets;
        for socket in rows.into_iter().filter_map(|row| sockets.get(row)) {
            if let Some(remote) = socket.key.remote
                && let Entry::Vacant(vacant) = frame.places.entry(remote.ip())
                && let Some(places) = self.places(remote.ip())
            {
                vacant.insert(places);
            }
        }
    }

    fn databases(&self) -> Vec<IpDatabase> {
        let describe = |database: &sockscope_geo::Database| IpDatabase {
            name: Arc::clone(database.name()),
            attribution: database.info().attribution,
        };
        self.atlas.databases().iter().map(describe).collect()
    }
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
