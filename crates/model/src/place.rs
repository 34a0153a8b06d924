use std::sync::Arc;

/// What one IP database says about an address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// The database's own words, joined by a space.
    pub text: String,
    /// Which database says so.
    pub database: Arc<str>,
}
