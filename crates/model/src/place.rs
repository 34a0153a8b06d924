use std::sync::Arc;

/// What one IP database says about an address.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// ISO 3166-1 alpha-2, upper case.
    pub country_code: Option<String>,
    /// The country's name in the user's language.
    pub country: Option<String>,
    /// Province or state.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// Who runs the network.
    pub organization: Option<String>,
    /// Where on the globe.
    pub coordinates: Option<Coordinates>,
    /// The database's own words, joined by a space. May be empty.
    pub text: String,
    /// Which database says so.
    pub database: Arc<str>,
}

/// A point on the globe (WGS 84), in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    /// North is positive.
    pub latitude: f64,
    /// East is positive.
    pub longitude: f64,
}

/// An IP database that was asked for places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpDatabase {
    /// Its name, as in [`Place::database`].
    pub name: Arc<str>,
    /// Words that its licence wants to be shown with its answers.
    pub attribution: Option<&'static str>,
    /// Where these words shall lead on a page.
    pub website: Option<&'static str>,
}
