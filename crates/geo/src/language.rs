/// A language, as a BCP 47 tag: `en`, `zh-CN`, `pt-BR`.
///
/// Databases with several languages answer in this one, else in English, else in their first. Names of countries that a
/// database does not state itself are English or, for any `zh`, Simplified Chinese.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language(String);

impl Language {
    /// From a tag (`zh-CN`), or from a POSIX locale's name (`zh_CN.UTF-8`). `None` for what is no language: the locales `C`
    /// and `POSIX`, or text that is no tag.
    pub fn parse(text: &str) -> Option<Language> {
        let tag = text.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
        let well_formed = tag
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let primary = tag.split('-').next().unwrap_or_default();
        let language = (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic());
        (well_formed && language).then_some(Language(tag))
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.0
    }

    /// Whether it is Chinese of any kind.
    #[inline]
    pub fn is_chinese(&self) -> bool {
        is_chinese(&self.0)
    }

    fn primary(&self) -> &str {
        primary(&self.0)
    }

    /// Which of the languages that there are to answer in. Databases spell Chinese `zh-CN`, `zh` or `CN`, and English `en`
    /// or `EN`.
    pub(crate) fn choose<'a, S: AsRef<str>>(&self, available: &'a [S]) -> Option<&'a str> {
        available.iter().map(AsRef::as_ref).min_by_key(|name| self.rank(name))
    }

    /// How well a language that there is would do: the lower the better, the first of equals the best.
    pub(crate) fn rank(&self, available: &str) -> u8 {
        let alike = primary(available).eq_ignore_ascii_case(self.primary());
        if available.eq_ignore_ascii_case(&self.0) {
            0
        } else if alike || (is_chinese(available) && self.is_chinese()) {
            1
        } else if primary(available).eq_ignore_ascii_case("en") {
            2
        } else {
            3
        }
    }
}

fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

/// Asked at each look-up that names a country.
#[inline]
fn is_chinese(tag: &str) -> bool {
    let [a, b, rest @ ..] = tag.as_bytes() else { return false };
    matches!([a.to_ascii_lowercase(), b.to_ascii_lowercase()], [b'z', b'h'] | [b'c', b'n'])
        && rest.first().is_none_or(|byte| *byte == b'-')
}

impl Default for Language {
    /// English.
    fn default() -> Self {
        Language("en".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_and_tags() {
        let tag = |text| Language::parse(text).map(|language| language.0);
        assert_eq!(tag("zh_CN.UTF-8").as_deref(), Some("zh-CN"));
        assert_eq!(tag("de_DE@euro").as_deref(), Some("de-DE"));
        assert_eq!(tag("en").as_deref(), Some("en"));
        for none in ["C", "POSIX", "C.UTF-8", "", "e", "zh CN", "zh--CN", "-"] {
            assert_eq!(tag(none), None, "{none}");
        }
    }

    #[test]
    fn chinese_of_any_kind() {
        let chinese = |text| Language(String::from(text)).is_chinese();
        assert_eq!(["zh", "zh-TW", "ZH-cn", "CN"].map(chinese), [true; 4]);
        assert_eq!(["en", "zha", "cnr", "z", ""].map(chinese), [false; 5]);
    }

    #[test]
    fn the_wanted_then_english_then_the_first() {
        let choose = |wanted: &str, available: &[&'static str]| {
            Language::parse(wanted).unwrap().choose(available).map(str::to_owned)
        };
        assert_eq!(choose("zh-CN", &["CN", "EN"]).as_deref(), Some("CN"));
        assert_eq!(choose("zh", &["de", "en", "zh-CN"]).as_deref(), Some("zh-CN"));
        assert_eq!(choose("pt", &["de", "en", "pt-BR"]).as_deref(), Some("pt-BR"));
        assert_eq!(choose("fr", &["CN", "EN"]).as_deref(), Some("EN"));
        assert_eq!(choose("fr", &["CN"]).as_deref(), Some("CN"));
        assert_eq!(choose("fr", &[]), None);
    }
}
