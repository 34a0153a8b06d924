use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use sockscope_model::{Coordinates, Place, Row};
use sockscope_output::clean;

use crate::arrange::{Line, Look};

/// A place on the map, or beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpotKey {
    /// A point, in ten-thousandths of a degree north and east.
    At(i32, i32),
    /// A country, by its code (ISO 3166-1 alpha-2), of which no more is known.
    Country(Arc<str>),
    /// Addresses that are nowhere: private, loopback and the like.
    Special(Arc<str>),
    /// No database knows.
    Unknown,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Where.
    pub key: SpotKey,
    /// In words of the database, cleaned.
    pub label: String,
    /// How many sockets have their peers there.
    pub sockets: u32,
    /// Bytes a second, in both directions.
    pub rate: u64,
}

impl SpotKey {
    /// Where the peer is; `None`: there is none. The first database that knows a point says it, else the first that knows a
    /// country.
    pub fn of(row: &Row<'_>) -> Option<SpotKey> {
        row.socket.key.remote?;
        Some(of_places(row.places()).0)
    }

    /// The point, if it is one.
    pub fn coordinates(&self) -> Option<Coordinates> {
        match self {
            SpotKey::At(north, east) => {
                Some(Coordinates { latitude: f64::from(*north) / SCALE, longitude: f64::from(*east) / SCALE })
            }
            _ => None,
        }
    }
}

const SCALE: f64 = 10_000.0;

fn of_places(places: &[Place]) -> (SpotKey, Option<&Place>) {
    let point = |place: &Place| {
        let Coordinates { latitude, longitude } = place.coordinates?;
        // Databases write 0, 0 for what they do not know.
        let is_known = latitude.abs() <= 90.0 && longitude.abs() <= 180.0 && (latitude != 0.0 || longitude != 0.0);
        is_known.then(|| SpotKey::At((latitude * SCALE).round() as i32, (longitude * SCALE).round() as i32))
    };
    if let Some((place, key)) = places.iter().find_map(|place| Some((place, point(place)?))) {
        return (key, Some(place));
    }
    if let Some((place, code)) = places.iter().find_map(|place| Some((place, place.country_code.as_deref()?))) {
        return (SpotKey::Country(code.into()), Some(place));
    }
    match places.first() {
        Some(place) => (SpotKey::Special(clean(&place.text).into_owned().into()), Some(place)),
        None => (SpotKey::Unknown, None),
    }
}

/// Where the peers of these lines are, the places with most sockets first.
pub(crate) fn spots(look: &Look, lines: &[Line]) -> Vec<Spot> {
    let mut spots: Vec<Spot> = Vec::new();
    let mut by_key: HashMap<SpotKey, usize, RandomState> = HashMap::default();
    // Addresses of one place share what is known of it, so that most sockets need no more than to look that up.
    let mut by_places: HashMap<*const Place, usize, RandomState> = HashMap::default();
    for line in lines.iter().filter(|line| matches!(line, Line::There(_))) {
        let Some(row) = look.row(*line) else { continue };
        if row.socket.key.remote.is_none() {
            continue;
        }
        let places = row.places();
        let index =
            *by_places.entry(if places.is_empty() { std::ptr::null() } else { places.as_ptr() }).or_insert_with(|| {
                let (key, place) = of_places(places);
                *by_key.entry(key.clone()).or_insert_with(|| {
                    let label = place.map_or_else(String::new, |place| label(&key, place));
                    spots.push(Spot { key, label, sockets: 0, rate: 0 });
                    spots.len() - 1
                })
            });
        if let Some(spot) = spots.get_mut(index) {
            spot.sockets += 1;
            if let Some(rate) = row.rate() {
                spot.rate = spot.rate.saturating_add(rate.sent).saturating_add(rate.received);
            }
        }
    }
    spots.sort_by(|one, other| other.sockets.cmp(&one.sockets).then_with(|| one.key.cmp(&other.key)));
    spots
}

fn label(key: &SpotKey, place: &Place) -> String {
    let text = match key {
        SpotKey::Country(code) => place.country.as_deref().unwrap_or(code),
        _ => place.text.as_str(),
    };
    clean(text).into_owned()
}
