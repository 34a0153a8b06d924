//! The published shapes of places, and of the databases that know them.

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use sockscope_model as model;
use sockscope_model::Row;

use super::{Address, known};

/// What one IP database says about an address.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Place<'a> {
    /// ISO 3166-1 alpha-2.
    pub country_code: Option<&'a str>,
    /// The country's name.
    pub country: Option<&'a str>,
    /// Province or state.
    pub region: Option<&'a str>,
    /// City.
    pub city: Option<&'a str>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// Who runs the network.
    pub organization: Option<&'a str>,
    /// The database's own words, joined by a space.
    pub text: Option<&'a str>,
    /// Which database says so.
    pub database: &'a str,
    /// Where on the globe.
    pub coordinates: Option<Coordinates>,
}

impl<'a> From<&'a model::Place> for Place<'a> {
    fn from(place: &'a model::Place) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().and_then(known);
        Place {
            country_code: text(&place.country_code),
            country: text(&place.country),
            region: text(&place.region),
            city: text(&place.city),
            asn: place.asn,
            organization: text(&place.organization),
            text: known(&place.text),
            database: &place.database,
            coordinates: place.coordinates.map(|it| Coordinates { latitude: it.latitude, longitude: it.longitude }),
        }
    }
}

/// A point on the globe (WGS 84), in degrees.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Coordinates {
    /// North is positive.
    pub latitude: f64,
    /// East is positive.
    pub longitude: f64,
}

/// What `sockscope locate --json` prints for each address.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Located<'a> {
    /// IP address.
    pub address: Address,
    /// What the first IP database that knows it says, or that it is a special address.
    pub place: Option<Place<'a>>,
    /// What each database that knows it says.
    pub places: Vec<Place<'a>>,
}

impl<'a> Located<'a> {
    /// With all that is known of the address.
    pub fn new(address: IpAddr, places: &'a [model::Place]) -> Self {
        let places: Vec<Place<'a>> = places.iter().map(Place::from).collect();
        Located { address: Address(address), place: places.first().copied(), places }
    }
}

/// What `sockscope locate --databases --json` prints for each database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Database<'a> {
    /// The name under which it answers.
    pub name: &'a str,
    /// Where it is; null: part of the program.
    pub file: Option<Cow<'a, str>>,
    /// Its format.
    pub format: &'a str,
    /// When it was made: YYYY-MM-DD.
    pub date: Option<String>,
    /// How many ranges of addresses it has.
    pub ranges: Ranges,
    /// The IP versions that it has: 4, 6.
    pub ip_versions: Vec<u8>,
    /// What is known of its licence.
    pub licence: Option<&'a str>,
    /// Words that its licence wants to be shown with its answers.
    pub attribution: Option<&'a str>,
}

/// Ranges of addresses by IP version.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Ranges {
    /// Of IPv4.
    pub ipv4: u64,
    /// Of IPv6.
    pub ipv6: u64,
}

/// Every place of a row, made one at a time.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a>(pub Row<'a>);

impl Serialize for Places<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // One database's answer is `place` already.
        let places = if self.0.frame.databases.len() > 1 { self.0.places() } else { &[] };
        serializer.collect_seq(places.iter().map(Place::from))
    }
}

impl JsonSchema for Places<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Places".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Place<'static>>::json_schema(generator)
    }
}
