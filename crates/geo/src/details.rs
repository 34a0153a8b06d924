use std::borrow::Cow;

use crate::country::{self, CountryCode};
use crate::language::Language;

/// What a database states about an address.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Details<'a> {
    /// ISO 3166-1 alpha-2: as stated, or told from the country's name.
    pub country_code: Option<CountryCode>,
    /// The country in the database's words; where it states a code alone, or none that can be told from the rest of its
    /// text, the country's name in the language asked for.
    pub country: Option<Cow<'a, str>>,
    /// Province or state.
    pub region: Option<Cow<'a, str>>,
    /// City.
    pub city: Option<Cow<'a, str>>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// Who runs the network: an organization or an ISP.
    pub organization: Option<Cow<'a, str>>,
    /// Where on the globe.
    pub coordinates: Option<Coordinates>,
    /// All of the database's own parts in its order, joined by a space, without placeholders and bare country codes; the
    /// country's name if nothing else is left, or the number of the autonomous system (`AS64496`). Empty if nothing is known. It comes from outside: clean it before a terminal sees it.
    pub text: Cow<'a, str>,
}

/// A point on the globe (WGS 84), in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    /// North is positive, -90 to 90.
    pub latitude: f64,
    /// East is positive, -180 to 180.
    pub longitude: f64,
}

impl Coordinates {
    /// `None` outside of the globe, and at 0/0, which databases write for "unknown".
    pub fn new(latitude: f64, longitude: f64) -> Option<Coordinates> {
        let on_globe = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        (on_globe && (latitude, longitude) != (0.0, 0.0)).then_some(Coordinates { latitude, longitude })
    }
}

/// What a part of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Country,
    Region,
    City,
    Organization,
    /// Part of the text only.
    Other,
    /// Country, province and city without a border between them, as QQWry writes: `美国加利福尼亚州`, `广东省深圳市`.
    Glued,
}

/// Collects what a record states, part by part in the database's order.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    details: Details<'a>,
    /// How many parts the text has.
    parts: usize,
}

impl<'a> Statement<'a> {
    pub(crate) fn new() -> Statement<'a> {
        Statement { details: Details::default(), parts: 0 }
    }

    /// A part of the database's text. Placeholders are dropped; a bare country code is taken as such where one can be: a
    /// region may be `CA` and an ISP `BT`.
    pub(crate) fn part(&mut self, role: Role, text: impl Into<Cow<'a, str>>) {
        let text = trim(text.into());
        if is_placeholder(&text) || text.len() > LONGEST_PART || self.details.text.len() > LONGEST_TEXT {
            return;
        }
        if matches!(role, Role::Country | Role::Other | Role::Glued)
            && let Some(code) = CountryCode::parse(&text)
        {
            self.details.country_code.get_or_insert(code);
            return;
        }
        let field = match role {
            Role::Country => Some(&mut self.details.country),
            Role::Region => Some(&mut self.details.region),
            Role::City => Some(&mut self.details.city),
            Role::Organization => Some(&mut self.details.organization),
            Role::Other | Role::Glued => None,
        };
        if let Some(field) = field
            && field.is_none()
        {
            *field = Some(text.clone());
        }
        if role == Role::Glued && self.details.country.is_none() {
            let start = country::at_start_of(&text);
            self.details.country_code = self.details.country_code.or(start.code);
            self.details.country = (start.words > 0).then(|| match &text {
                Cow::Borrowed(text) => Cow::Borrowed(text.get(..start.words).unwrap_or(text)),
                Cow::Owned(text) => Cow::Owned(text.get(..start.words).unwrap_or(text).to_owned()),
            });
        }
        if self.parts == 0 {
            self.details.text = text;
        } else {
            let joined = self.details.text.to_mut();
            joined.push(' ');
            joined.push_str(&text);
        }
        self.parts += 1;
    }

    /// The country's code, which is never part of the text.
    pub(crate) fn country_code(&mut self, text: &str) {
        if let Some(code) = CountryCode::parse(text.trim()) {
            self.details.country_code = Some(code);
        }
    }

    pub(crate) fn asn(&mut self, asn: u32) {
        if asn != 0 {
            self.details.asn = Some(asn);
        }
    }

    pub(crate) fn coordinates(&mut self, latitude: f64, longitude: f64) {
        self.details.coordinates = Coordinates::new(latitude, longitude);
    }

    /// All of it, with what follows from it: the code from the name, or the name from the code.
    pub(crate) fn finish(self, language: &Language) -> Details<'a> {
        let mut details = self.stated();
        details.complete(language);
        details
    }

    /// All of it, whatever the language: [`Details::complete`] is still to be done.
    pub(crate) fn stated(self) -> Details<'a> {
        let mut details = self.details;
        if details.country_code.is_none()
            && let Some(name) = &details.country
        {
            let code = country::of_field(name);
            let region = details.region.as_deref().filter(|_| code == Some(country::CHINA));
            details.country_code = region.and_then(country::of_region).or(code);
        }
        details
    }
}

impl<'a> Details<'a> {
    /// Names the country that is known by its code alone; as text, too, if there is none, or else the autonomous system.
    pub(crate) fn complete(&mut self, language: &Language) {
        if let Some(code) = self.country_code
            && self.country.is_none()
            && let Some(name) = code.name(language)
        {
            self.country = Some(Cow::Borrowed(name));
        }
        if self.text.is_empty()
            && let Some(name) = &self.country
        {
            self.text = name.clone();
        }
        if self.text.is_empty()
            && let Some(asn) = self.asn
        {
            self.text = Cow::Owned(format!("AS{asn}"));
        }
    }
}

/// No place's name is longer: what is comes from a file that was made to fill our memory.
const LONGEST_PART: usize = 2048;
/// How long a text may be before nothing more is added.
const LONGEST_TEXT: usize = 4096;

fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// What databases write where they know nothing.
fn is_placeholder(text: &str) -> bool {
    matches!(text, "" | "0" | "-") || text.eq_ignore_ascii_case("CZ88.NET") || text.eq_ignore_ascii_case("null")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish<'a>(parts: &[(Role, &'a str)]) -> Details<'a> {
        let mut statement = Statement::new();
        for (role, text) in parts {
            statement.part(*role, *text);
        }
        statement.finish(&Language::default())
    }

    #[test]
    fn placeholders_and_codes_are_no_text() {
        let details = finish(&[
            (Role::Country, "China"),
            (Role::Region, "0"),
            (Role::City, " Shenzhen "),
            (Role::Organization, " CZ88.NET"),
            (Role::Other, "CN"),
        ]);
        assert_eq!(details.text, "China Shenzhen");
        assert_eq!(details.country_code.unwrap().as_str(), "CN");
        assert_eq!((details.region, details.organization), (None, None));
    }

    #[test]
    fn what_only_looks_like_a_code_is_text() {
        let details = finish(&[
            (Role::Country, "United Kingdom"),
            (Role::Region, "CA"),
            (Role::Organization, "BT"),
            (Role::Other, "GB"),
        ]);
        assert_eq!(details.text, "United Kingdom CA BT");
        assert_eq!(details.country_code.unwrap().as_str(), "GB");
        assert_eq!(details.organization.as_deref(), Some("BT"));
    }

    #[test]
    fn a_code_alone_gives_the_name() {
        let mut statement = Statement::new();
        statement.country_code("DE");
        let details = statement.finish(&Language::parse("zh-CN").unwrap());
        assert_eq!(details.text, "德国");
        assert_eq!(details.country.as_deref(), Some("德国"));
    }

    #[test]
    fn a_region_may_have_a_code_of_its_own() {
        let code = |region| finish(&[(Role::Country, "中国"), (Role::Region, region)]).country_code.unwrap();
        assert_eq!(["香港", "台湾省", "广东省"].map(|region| code(region).to_string()), ["HK", "TW", "CN"]);
    }

    #[test]
    fn an_organization_may_have_two_letters() {
        let details = finish(&[(Role::Glued, "韩国"), (Role::Organization, "SK")]);
        assert_eq!((details.country_code.unwrap().as_str(), &*details.text), ("KR", "韩国 SK"));
    }

    #[test]
    fn a_country_is_told_from_the_start_of_glued_text() {
        let details = finish(&[(Role::Glued, "美国加利福尼亚州"), (Role::Organization, "谷歌公司")]);
        assert_eq!(details.country_code.unwrap().as_str(), "US");
        assert_eq!(details.country.as_deref(), Some("美国"));
        assert_eq!(details.text, "美国加利福尼亚州 谷歌公司");
    }
}
