use std::fmt;

use crate::language::Language;

/// Which countries there are, and what they are called.
mod table;

use table::{ALONE, COUNTRIES, NOWHERE, PROVINCES, code_of};

/// ISO 3166-1 alpha-2, upper case: a code that is assigned, or `XK` for Kosovo.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// Two upper case letters that are a country's code. What databases write beside codes is none: `EU` and `AP` for parts
    /// of the world, `ZZ`, `A1`, `A2` and `O1` for what they know no country of, nor are codes that were taken back (`AN`).
    #[inline]
    pub fn parse(text: &str) -> Option<CountryCode> {
        let code = <[u8; 2]>::try_from(text.as_bytes()).ok()?;
        position(code).map(|_| CountryCode(code))
    }

    /// The country of exactly that name, in English (in any case) or Chinese; names that are in use beside the usual one count.
    ///
    /// ```
    /// use sockscope_geo::CountryCode;
    ///
    /// assert_eq!(CountryCode::from_name("viet nam"), CountryCode::parse("VN"));
    /// assert_eq!(CountryCode::from_name("瑞士"), CountryCode::parse("CH"));
    /// assert_eq!(CountryCode::from_name("Atlantis"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<CountryCode> {
        by_name(name)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The country's name: Simplified Chinese for any Chinese, else English.
    #[inline]
    pub fn name(self, language: &Language) -> Option<&'static str> {
        CountryCode::from_index(position(self.0)?, language).map(|(_, name)| name)
    }

    /// Its position in the order of codes, in a byte.
    pub(crate) fn index(self) -> u8 {
        position(self.0).unwrap_or(NONE)
    }

    /// The code of [`CountryCode::index`], and its name.
    #[inline]
    pub(crate) fn from_index(index: u8, language: &Language) -> Option<(CountryCode, &'static str)> {
        let country = COUNTRIES_AT.get(usize::from(index))?;
        Some((CountryCode(country.code), if language.is_chinese() { country.chinese } else { country.english }))
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The country of exactly that name, in English (in any case) or Chinese.
pub(crate) fn by_name(name: &str) -> Option<CountryCode> {
    let word = find(hash(name.as_bytes()), name)?;
    matches!(word.sense, Sense::Country | Sense::Alone).then_some(word.code)
}

/// The country that a database's field of countries names: by its name, or as some write it in Chinese, as a dependency
/// behind the state that it belongs to (`英国 根西岛`), or with more behind it (`美国俄亥俄州`).
pub(crate) fn of_field(text: &str) -> Option<CountryCode> {
    by_name(text)
        .or_else(|| text.split_once(' ').filter(|(state, _)| !state.is_ascii()).and_then(|(_, last)| by_name(last)))
        .or_else(|| at_start_of(text).code)
}

/// The country of which a database's field of countries names China, by its field of provinces.
pub(crate) fn of_region(region: &str) -> Option<CountryCode> {
    of_field(region).filter(|code| APART.contains(code))
}

/// How a text starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Start {
    /// Of the country that it is about.
    pub(crate) code: Option<CountryCode>,
    /// How many of its bytes name that country: none in front of a province.
    pub(crate) words: usize,
}

/// The country that a Chinese text starts with. A Chinese province stands for China.
pub(crate) fn at_start_of(text: &str) -> Start {
    let Some(word) = word_at_start_of(text) else { return Start::default() };
    let rest = text.get(word.text.len()..).unwrap_or_default();
    match word.sense {
        // A list of countries is no country.
        Sense::Country if rest.starts_with('、') => Start::default(),
        Sense::Country if word.code == CHINA => {
            let next = rest.trim_start_matches([' ', '\t', '\u{3000}', '-', '–', '—', '·', '|', '/']);
            let apart = word_at_start_of(next).map(|next| next.code).filter(|code| APART.contains(code));
            Start { code: Some(apart.unwrap_or(CHINA)), words: word.text.len() }
        }
        Sense::Country => Start { code: Some(word.code), words: word.text.len() },
        Sense::Province => Start { code: Some(CHINA), words: 0 },
        Sense::Alone | Sense::Nowhere => Start::default(),
    }
}

/// China.
pub(crate) const CHINA: CountryCode = CountryCode(code_of("CN"));

/// China's regions that have codes of their own, and are often written as provinces are.
const APART: [CountryCode; 3] = [CountryCode(code_of("HK")), CountryCode(code_of("MO")), CountryCode(code_of("TW"))];

// Everything below is worked out by the compiler: a table of the codes' positions, and a hash table of all words.

static COUNTRIES_AT: [table::Country; COUNTRIES.len()] = COUNTRIES;

/// No position.
const NONE: u8 = u8::MAX;

/// Where each code is in [`COUNTRIES`].
static POSITIONS: [[u8; 26]; 26] = positions();

#[inline]
fn position([a, b]: [u8; 2]) -> Option<u8> {
    let row = POSITIONS.get(usize::from(a.wrapping_sub(b'A')))?;
    row.get(usize::from(b.wrapping_sub(b'A'))).copied().filter(|position| *position != NONE)
}

/// What it means that a text starts with a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sense {
    /// It is about this country.
    Country,
    /// Nothing; as a whole text, the word is the country's name.
    Alone,
    /// It is about China.
    Province,
    /// It is about no country, though a part of the word is the name of one.
    Nowhere,
}

#[derive(Clone, Copy)]
struct Word {
    text: &'static str,
    sense: Sense,
    code: CountryCode,
}

static WORDS: [Word; WORD_COUNT] = words();
const WORD_COUNT: usize = count_words();

/// Positions in [`WORDS`], each in the first free slot from the one that the word's hash gives.
static SLOTS: [u16; SLOT_COUNT] = slots();
const SLOT_COUNT: usize = 4096;
const FREE: u16 = u16::MAX;

/// The word with that hash.
fn find(hash: u32, text: &str) -> Option<&'static Word> {
    let mut slot = slot_of(hash);
    // It ends at a free slot, of which there are many.
    loop {
        let word = WORDS.get(usize::from(*SLOTS.get(slot)?))?;
        if word.text.eq_ignore_ascii_case(text) {
            return Some(word);
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
}

/// The longest word that a text starts with and that means something there.
fn word_at_start_of(text: &str) -> Option<&'static Word> {
    // Only Chinese texts are written without spaces.
    if text.as_bytes().first()?.is_ascii() {
        return None;
    }
    let limit = *LONGEST.get(start_of(text.as_bytes()))?;
    let mut longest = None;
    let mut hash = HASH_OF_NOTHING;
    for (at, byte) in text.bytes().enumerate().take(limit.into()) {
        hash = hash_on(hash, byte);
        if let Some(start) = text.get(..=at)
            && let Some(word) = find(hash, start)
            && word.sense != Sense::Alone
        {
            longest = Some(word);
        }
    }
    longest
}

/// How long the longest word is, in bytes, that starts like this.
static LONGEST: [u8; 1024] = longest();

/// A number below 1,024 from the first character, if it is Chinese.
const fn start_of(text: &[u8]) -> usize {
    match text {
        [a, b, c, ..] => (*a as usize * 256 + *b as usize * 64 + *c as usize) % 1024,
        _ => 0,
    }
}

// FNV-1a, of 32 bits, of lower case.
const HASH_OF_NOTHING: u32 = 0x811c_9dc5;

const fn hash_on(hash: u32, byte: u8) -> u32 {
    (hash ^ byte.to_ascii_lowercase() as u32).wrapping_mul(0x0100_0193)
}

#[expect(clippy::indexing_slicing, reason = "below the length; the compiler needs a loop that it can run itself")]
const fn hash(bytes: &[u8]) -> u32 {
    let mut hash = HASH_OF_NOTHING;
    let mut at = 0;
    while at < bytes.len() {
        hash = hash_on(hash, bytes[at]);
        at += 1;
    }
    hash
}

const fn slot_of(hash: u32) -> usize {
    ((hash ^ (hash >> 16)) as usize) % SLOT_COUNT
}

#[expect(clippy::indexing_slicing, reason = "run by the compiler alone")]
const fn positions() -> [[u8; 26]; 26] {
    let mut positions = [[NONE; 26]; 26];
    let mut at = 0;
    while at < COUNTRIES.len() {
        let [a, b] = COUNTRIES[at].code;
        positions[(a - b'A') as usize][(b - b'A') as usize] = at as u8;
        at += 1;
    }
    positions
}

#[expect(clippy::indexing_slicing, reason = "run by the compiler alone")]
const fn count_words() -> usize {
    let mut count = ALONE.len() + PROVINCES.len() + NOWHERE.len();
    let mut at = 0;
    while at < COUNTRIES.len() {
        count += 2 + COUNTRIES[at].others.len();
        at += 1;
    }
    count
}

#[expect(clippy::indexing_slicing, reason = "run by the compiler alone")]
const fn words() -> [Word; WORD_COUNT] {
    let mut words = [Word { text: "", sense: Sense::Nowhere, code: CHINA }; WORD_COUNT];
    let mut count = 0;
    let mut at = 0;
    while at < COUNTRIES.len() {
        let country = COUNTRIES[at];
        let code = CountryCode(country.code);
        words[count] = Word { text: country.english, sense: Sense::Country, code };
        words[count + 1] = Word { text: country.chinese, sense: Sense::Country, code };
        count += 2;
        let mut other = 0;
        while other < country.others.len() {
            words[count] = Word { text: country.others[other], sense: Sense::Country, code };
            count += 1;
            other += 1;
        }
        at += 1;
    }
    at = 0;
    while at < ALONE.len() {
        let (text, code) = ALONE[at];
        words[count] = Word { text, sense: Sense::Alone, code: CountryCode(code_of(code)) };
        count += 1;
        at += 1;
    }
    at = 0;
    while at < PROVINCES.len() {
        words[count] = Word { text: PROVINCES[at], sense: Sense::Province, code: CHINA };
        count += 1;
        at += 1;
    }
    at = 0;
    while at < NOWHERE.len() {
        words[count] = Word { text: NOWHERE[at], sense: Sense::Nowhere, code: CHINA };
        count += 1;
        at += 1;
    }
    words
}

#[expect(clippy::indexing_slicing, reason = "run by the compiler alone")]
const fn longest() -> [u8; 1024] {
    let words = words();
    let mut longest = [0; 1024];
    let mut at = 0;
    while at < words.len() {
        let text = words[at].text.as_bytes();
        let start = start_of(text);
        if text.len() > longest[start] as usize {
            longest[start] = text.len() as u8;
        }
        at += 1;
    }
    longest
}

#[expect(clippy::indexing_slicing, reason = "run by the compiler alone")]
const fn slots() -> [u16; SLOT_COUNT] {
    let words = words();
    let mut slots = [FREE; SLOT_COUNT];
    let mut at = 0;
    while at < words.len() {
        let mut slot = slot_of(hash(words[at].text.as_bytes()));
        while slots[slot] != FREE {
            slot = (slot + 1) % SLOT_COUNT;
        }
        slots[slot] = at as u16;
        at += 1;
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(of: impl Fn(&str) -> Option<CountryCode>, texts: &str) -> String {
        let name = |code: Option<CountryCode>| code.map_or("--".to_owned(), |code| code.to_string());
        texts.split('|').map(|text| name(of(text))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn codes_that_are_assigned() {
        assert_eq!(codes(CountryCode::parse, "CN|US|GB|XK|AX|ZW|AD"), "CN US GB XK AX ZW AD");
        assert_eq!(codes(CountryCode::parse, "EU|AP|ZZ|A1|AN|UK|cn|C|CHN||中"), "-- -- -- -- -- -- -- -- -- -- --");
        assert!(COUNTRIES.is_sorted_by_key(|country| country.code));
        for (index, country) in (0..).zip(COUNTRIES) {
            let code = CountryCode::parse(std::str::from_utf8(&country.code).unwrap()).unwrap();
            assert_eq!(code.index(), index);
            let english = Language::default();
            assert_eq!(CountryCode::from_index(index, &english), Some((code, code.name(&english).unwrap())));
        }
        assert_eq!(CountryCode::from_index(NONE, &Language::default()), None);
    }

    #[test]
    fn names_in_two_languages() {
        let name = |code: &str, language: &str| {
            CountryCode::parse(code).unwrap().name(&Language::parse(language).unwrap()).unwrap()
        };
        assert_eq!(
            ["US", "GB", "KR", "RU", "TW"].map(|code| name(code, "zh-TW")),
            ["美国", "英国", "韩国", "俄罗斯", "台湾"]
        );
        assert_eq!(["CZ", "TR", "MO"].map(|code| name(code, "pt")), ["Czechia", "Türkiye", "Macao"]);
    }

    /// No two countries share a name, so that each of them is found by all of its names.
    #[test]
    fn every_word_is_found_and_means_one_thing() {
        for word in &WORDS {
            let found = find(hash(word.text.as_bytes()), word.text).unwrap();
            assert!(std::ptr::eq(found, word), "{} is there twice", word.text);
            assert!(word.text.len() < 256);
            assert_eq!(word.text.trim(), word.text);
        }
        assert_eq!(codes(by_name, "USA|usa|VIET NAM|korea, republic of|Iran, Islamic Republic of"), "US US VN KR IR");
        assert_eq!(
            codes(by_name, "美国|刚果(金)|刚果金|刚果布|刚果|圣马丁|中国台湾|马其顿"),
            "US CD CD CG CG MF TW MK"
        );
        assert_eq!(codes(by_name, "北京|印度洋|欧洲|美国加利福尼亚|IANA|"), "-- -- -- -- -- --");
    }

    #[test]
    fn texts_that_start_with_a_country() {
        let start = |text| {
            let start = at_start_of(text);
            (start.code.map(|code| code.to_string()).unwrap_or_default(), text.get(..start.words).unwrap())
        };
        let cases = [
            ("美国加利福尼亚州圣克拉拉县", "US", "美国"),
            ("俄罗斯联邦图瓦共和国", "RU", "俄罗斯联邦"),
            ("几内亚比绍", "GW", "几内亚比绍"),
            ("几内亚科纳克里", "GN", "几内亚"),
            ("印度尼西亚雅加达", "ID", "印度尼西亚"),
            ("印尼雅加达", "ID", "印尼"),
            ("印度孟买", "IN", "印度"),
            ("印度洋", "", ""),
            ("尼日利亚拉各斯", "NG", "尼日利亚"),
            ("尼日尔", "NE", "尼日尔"),
            ("马里巴马科", "ML", "马里"),
            ("马里兰州", "", ""),
            ("多米尼加共和国圣多明各", "DO", "多米尼加共和国"),
            ("多米尼克", "DM", "多米尼克"),
            ("南非开普敦", "ZA", "南非"),
            ("南非地区", "", ""),
            ("刚果(布)布拉柴维尔", "CG", "刚果(布)"),
            ("刚果民主共和国", "CD", "刚果民主共和国"),
            ("刚果某地", "", ""),
            ("奥兰多", "", ""),
            ("中国", "CN", "中国"),
            ("中国青岛", "CN", "中国"),
            ("中国香港", "HK", "中国香港"),
            ("中国台湾省台北市", "TW", "中国台湾省"),
            ("中国-香港-香港岛-中西区", "HK", "中国"),
            ("中国 澳门区", "MO", "中国"),
            ("中国–广东–广州", "CN", "中国"),
            ("香港九龙", "HK", "香港"),
            ("台湾省台北市", "TW", "台湾省"),
            ("北京市海淀区", "CN", ""),
            ("内蒙古赤峰市", "CN", ""),
            ("山西省", "CN", ""),
            ("陕西西安", "CN", ""),
            ("希腊、英伦和中非地区", "", ""),
            ("局域网", "", ""),
            ("亚太地区", "", ""),
            ("北美地区", "", ""),
            ("IANA", "", ""),
            ("", "", ""),
        ];
        for (text, code, words) in cases {
            assert_eq!(start(text), (code.to_owned(), words), "{text}");
        }
    }

    #[test]
    fn fields_of_countries() {
        assert_eq!(codes(of_field, "英国 根西岛|荷兰 加勒比区|中国 香港区|中国 台湾省|法国 留尼汪"), "GG BQ HK TW RE");
        assert_eq!(codes(of_field, "美国俄亥俄州|重庆工学院|New Zealand|Papua New Guinea|欧洲地区"), "US CN NZ PG --");
        assert_eq!(codes(of_region, "台湾|台湾省|香港葵涌区|澳门|Hong Kong|广东|美国"), "TW TW HK MO HK -- --");
    }
}
