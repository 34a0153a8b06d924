//! What the two formats of IPIP.net have in common: rows of fields with a tab between them, each field of a known name.

use crate::details::{Details, Role, Statement};
use crate::language::Language;

/// What a field is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field {
    Part(Role),
    CountryCode,
    Asn,
    Latitude,
    Longitude,
    /// JSON that has the district's name among other things.
    DistrictInfo,
    Unshown,
}

const COUNTRY: Field = Field::Part(Role::Country);
const REGION: Field = Field::Part(Role::Region);
const CITY: Field = Field::Part(Role::City);
const ORGANIZATION: Field = Field::Part(Role::Organization);

/// The fields of the databases that came without names: of cities (after the longitude: time zone, its distance from UTC,
/// Chinese administrative code, telephone code, country code; what follows is not shown),
pub(super) const CITIES: [Field; 12] = [
    COUNTRY,
    REGION,
    CITY,
    ORGANIZATION,
    ORGANIZATION,
    Field::Latitude,
    Field::Longitude,
    Field::Unshown,
    Field::Unshown,
    Field::Unshown,
    Field::Unshown,
    Field::CountryCode,
];

/// of Chinese districts (between the name and the longitude: administrative code, radius),
pub(super) const DISTRICTS: [Field; 8] = [
    COUNTRY,
    REGION,
    CITY,
    Field::Part(Role::Other),
    Field::Unshown,
    Field::Unshown,
    Field::Longitude,
    Field::Latitude,
];

/// and of mobile base stations.
pub(super) const BASE_STATIONS: [Field; 5] = [COUNTRY, REGION, CITY, ORGANIZATION, ORGANIZATION];

impl Field {
    /// By its name. Text is where an address is and who runs it: not codes, coordinates or times, nor marks that say what
    /// kind of a network it is (`IDC`, `WIFI`, `ANYCAST`). People make databases with fields of their own: those are text.
    pub(super) fn named(name: &str) -> Field {
        match name {
            "country_name" | "country" => COUNTRY,
            "region_name" | "region" | "province" | "province_name" => REGION,
            "city_name" | "city" => CITY,
            "owner_domain" | "owner" | "isp_domain" | "isp" | "line" | "organization" => ORGANIZATION,
            "country_code" => Field::CountryCode,
            "asn" => Field::Asn,
            "latitude" => Field::Latitude,
            "longitude" => Field::Longitude,
            "district_info" => Field::DistrictInfo,
            "timezone" | "utc_offset" | "country_code3" | "european_union" | "currency_name" | "idc"
            | "base_station" | "anycast" | "usage_type" | "route" | "asn_info" | "covering_radius" => Field::Unshown,
            _ if name.ends_with("_code") => Field::Unshown,
            _ => Field::Part(Role::Other),
        }
    }
}

/// What a row states.
pub(super) fn details<'a>(row: impl Iterator<Item = (Field, &'a str)>, language: &Language) -> Details<'a> {
    let mut statement = Statement::new();
    let (mut latitude, mut longitude) = (None, None);
    for (field, text) in row.filter(|(_, text)| !text.is_empty()) {
        match field {
            Field::Part(role) => statement.part(role, text),
            Field::CountryCode => statement.country_code(text),
            Field::Asn => statement.asn(text.trim_start_matches("AS").parse().unwrap_or_default()),
            Field::Latitude => latitude = text.parse().ok(),
            Field::Longitude => longitude = text.parse().ok(),
            Field::DistrictInfo => {
                let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
                if let Some(name) = json.get("district_name").and_then(|name| name.as_str()) {
                    statement.part(Role::Other, name.to_owned());
                }
            }
            Field::Unshown => {}
        }
    }
    if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
        statement.coordinates(latitude, longitude);
    }
    statement.finish(language)
}

/// The text of a row, up to the first byte that is no UTF-8.
#[inline]
pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_else(|error| {
        std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
    })
}
