use std::borrow::Cow;

use encoding_rs::Encoding;
use jiff::civil::Date;

use super::Record;
use crate::bytes::{array_at, u8_at};
use crate::country::CountryCode;
use crate::details::{Details, Role, Statement};
use crate::{Data, Language};

/// The file, as far as both formats are the same: a place is two texts, its country and its area (which is mostly the ISP),
/// either of which may stand elsewhere:
///
/// - `1`, pointer: both texts are where it points to, in any of these ways;
/// - `2`, pointer, area: the country's text is where it points to;
/// - country, area: text that ends with a NUL.
///
/// An area is a text that ends with a NUL, or `1` or `2` and a pointer to one; a pointer to 0 stands for no text.
pub(super) struct Wry {
    pub(super) data: Data,
    /// How many bytes a pointer has. Its lowest is the first, and it counts from the start of the file.
    pub(super) pointer_size: usize,
    pub(super) encoding: &'static Encoding,
    /// What stands between country, province and city.
    pub(super) separator: char,
    /// What a country's text is without separators.
    pub(super) unseparated: Role,
}

/// How often a pointer may point to a pointer. Real files: once.
const MAX_POINTERS: usize = 4;

/// The longest text, in bytes. In real files, texts have at most some 300.
const MAX_TEXT: usize = 1024;

impl Wry {
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.data.as_ref()
    }

    /// Where the place is that is referred to from there: behind all pointers to both of its texts.
    pub(super) fn location(&self, bytes: &[u8], mut offset: usize) -> Option<usize> {
        for _ in 0..MAX_POINTERS {
            match u8_at(bytes, offset)? {
                1 => offset = self.pointer(bytes, offset.checked_add(1)?)?,
                _ => return Some(offset),
            }
        }
        None
    }

    /// The bytes of a place's country and area; of those that can't be read, none.
    pub(super) fn texts(&self, location: usize) -> (&[u8], &[u8]) {
        let bytes = self.bytes();
        if u8_at(bytes, location) == Some(2) {
            let country = self.text(bytes, location).unwrap_or_default();
            let area = location.checked_add(1 + self.pointer_size);
            (country, area.and_then(|area| self.text(bytes, area)).unwrap_or_default())
        } else {
            let Some(country) = text_at(bytes, location) else { return Default::default() };
            let area = location.checked_add(country.len() + 1);
            (country, area.and_then(|area| self.text(bytes, area)).unwrap_or_default())
        }
    }

    /// A text, or the one that is pointed to.
    fn text<'a>(&self, bytes: &'a [u8], mut offset: usize) -> Option<&'a [u8]> {
        for _ in 0..MAX_POINTERS {
            match u8_at(bytes, offset)? {
                1 | 2 => match self.pointer(bytes, offset.checked_add(1)?)? {
                    0 => return Some(&[]),
                    pointer => offset = pointer,
                },
                _ => return text_at(bytes, offset),
            }
        }
        None
    }

    pub(super) fn pointer(&self, bytes: &[u8], offset: usize) -> Option<usize> {
        let bytes = bytes.get(offset..offset.checked_add(self.pointer_size)?)?;
        let value = bytes.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).ok()
    }

    pub(super) fn decode<'a>(&self, text: &'a [u8]) -> Cow<'a, str> {
        self.encoding.decode_without_bom_handling(text).0
    }

    /// What a place states by its two texts.
    fn state<'a>(&self, (country, area): (&'a [u8], &'a [u8])) -> Statement<'a> {
        const LEVELS: [Role; 3] = [Role::Country, Role::Region, Role::City];
        let country = self.decode(country);
        let mut statement = Statement::new();
        if country.contains(self.separator) {
            for (level, text) in country.split(self.separator).enumerate() {
                let role = LEVELS.get(level).copied().unwrap_or(Role::Other);
                statement.part(role, text.to_owned());
            }
        } else {
            statement.part(self.unseparated, country);
        }
        statement.part(Role::Organization, self.decode(area));
        statement
    }
}

fn text_at(bytes: &[u8], offset: usize) -> Option<&[u8]> {
    let rest = bytes.get(offset..)?;
    let rest = rest.get(..MAX_TEXT).unwrap_or(rest);
    rest.get(..rest.iter().position(|byte| *byte == 0)?)
}

/// The date in a text such as `2024年01月17日IP数据` or `ZX公网IPv6库 20210511版`.
pub(super) fn date_in(text: &str) -> Option<Date> {
    let numbers: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).collect();
    numbers.iter().enumerate().find_map(|(at, number)| {
        let (year, month, day) = match (number.len(), numbers.get(at + 1), numbers.get(at + 2)) {
            (8, ..) => (number.get(..4)?, number.get(4..6)?, number.get(6..)?),
            (4, Some(month), Some(day)) => (*number, *month, *day),
            _ => return None,
        };
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
    })
}

/// Every place's text, decoded and joined: what makes many look-ups quick.
///
/// A place is a [`Header`] and its text, so that whoever reads the one has loaded the other, and is named by its position in
/// steps of [`STEP`] bytes.
pub(super) struct Pool(String);

/// How many bytes a position counts, so that it takes three bytes.
const STEP: usize = 4;

/// The position of no place.
pub(super) const NO_PLACE: u32 = 0xff_ffff;

/// Marks the [`Record`] whose number is a position in the pool.
const POOLED: u64 = 1 << 63;

/// What stands in front of a place's text, in digits of seven bits, which are characters.
#[derive(Debug, Clone, Copy)]
enum Header {
    Pooled {
        /// Of the text.
        length: usize,
        /// Where in the text the organization begins, which goes on to the end.
        organization: usize,
        /// See [`CountryCode::index`].
        code: u8,
        /// How long country, region and city are, with which the text begins.
        levels: [usize; 3],
    },
    /// The text is still to be read from that location in the file.
    Unread(usize),
}

impl Header {
    const SIZE: usize = 9;
    /// The length of what is unread.
    const UNREAD: usize = 0x3fff;

    fn write(self, text: &mut String) -> Option<()> {
        let mut push = |value: usize, digits: u32| {
            text.extend((0..digits).map(|digit| char::from((value >> (7 * digit)) as u8 & 0x7f)));
            (value >> (7 * digits) == 0).then_some(())
        };
        match self {
            Header::Pooled { length: Header::UNREAD.., .. } => None,
            Header::Pooled { length, organization, code, levels: [country, region, city] } => {
                push(length, 2)?;
                push(organization, 2)?;
                push(code.into(), 2)?;
                push(country, 1)?;
                push(region, 1)?;
                push(city, 1)
            }
            Header::Unread(location) => {
                push(Header::UNREAD, 2)?;
                push(location, 7)
            }
        }
    }

    #[inline]
    fn read(digits: [u8; Header::SIZE]) -> Header {
        let [a, b, c, d, e, f, g, h, i] = digits.map(usize::from);
        match a | b << 7 {
            Header::UNREAD => Header::Unread([i, h, g, f, e, d, c].iter().fold(0, |value, digit| value << 7 | digit)),
            length => Header::Pooled { length, organization: c | d << 7, code: (e | f << 7) as u8, levels: [g, h, i] },
        }
    }
}

impl Pool {
    /// Reads the places of all ranges, of which one may have none, and gives the position of each range's place. `None`: there
    /// are too many for positions of three bytes, or more than a whole file has.
    pub(super) fn new(wry: &Wry, ranges: impl Iterator<Item = Option<usize>>) -> Option<(Pool, Vec<u32>)> {
        /// How many bytes an unread place takes.
        const UNREAD: usize = Header::SIZE.next_multiple_of(STEP);
        let length = wry.bytes().len();
        let none = u32::MAX;
        let of_ranges: Vec<u32> =
            ranges.map(|location| location.and_then(|it| u32::try_from(it).ok()).unwrap_or(none)).collect();
        let mut locations = Locations::new(length);
        of_ranges.iter().filter(|it| **it != none).for_each(|location| locations.insert(*location as usize));
        let count = locations.number();
        if count * UNREAD > length {
            return None;
        }

        let most = length + length / 8;
        let mut pool = Pool(String::with_capacity(most));
        let mut positions = Vec::with_capacity(count);
        let language = Language::default();
        // Places that share bytes may have more text than the file is long.
        let mut work = length.saturating_mul(4);
        for (number, location) in locations.iter().enumerate() {
            let start = pool.0.len();
            let mut added = None;
            if work > 0 && start + (count - number) * UNREAD < most {
                let texts @ (country, area) = wry.texts(location);
                work = work.saturating_sub(country.len() + area.len() + 16);
                added = pool.add(wry.state(texts).stated(), &language);
            }
            if added.is_none() {
                pool.0.truncate(start);
                Header::Unread(location).write(&mut pool.0)?;
            }
            let padding = pool.0.len().next_multiple_of(STEP) - pool.0.len();
            pool.0.extend(std::iter::repeat_n(' ', padding));
            positions.push(u32::try_from(start / STEP).ok().filter(|position| *position < NO_PLACE)?);
        }
        pool.0.shrink_to_fit();

        let position = |location| positions.get(locations.number_of(location)?).copied();
        let of_range = |location| if location == none { None } else { position(location as usize) };
        Some((pool, of_ranges.into_iter().map(|location| of_range(location).unwrap_or(NO_PLACE)).collect()))
    }

    /// Adds a place. `None`: it is not as places usually are.
    fn add(&mut self, mut details: Details<'_>, language: &Language) -> Option<()> {
        let size = |part: &Option<Cow<'_, str>>| part.as_deref().unwrap_or_default().len();
        let position = self.0.len() / STEP;
        let header = Header::Pooled {
            length: details.text.len(),
            organization: details.text.len().checked_sub(size(&details.organization))?,
            code: details.country_code.map_or(u8::MAX, CountryCode::index),
            levels: [&details.country, &details.region, &details.city].map(size),
        };
        header.write(&mut self.0)?;
        self.0.push_str(&details.text);
        // Parts that stand elsewhere than a header can say would be read as something else.
        details.complete(language);
        (self.place(position, language) == Ok(details)).then_some(())
    }

    /// The text of a place, or its location in the file.
    #[inline]
    fn text(&self, position: usize, language: &Language) -> Result<&str, usize> {
        const NOWHERE: usize = usize::MAX;
        let start = position.saturating_mul(STEP);
        match Header::read(array_at(self.0.as_bytes(), start).ok_or(NOWHERE)?) {
            Header::Unread(location) => Err(location),
            Header::Pooled { length: 0, code, .. } => {
                Ok(CountryCode::from_index(code, language).map(|(_, name)| name).unwrap_or_default())
            }
            Header::Pooled { length, .. } => {
                let start = start + Header::SIZE;
                self.0.get(start..start + length).ok_or(NOWHERE)
            }
        }
    }

    /// What a place states, or its location in the file. Nothing here depends on whether a part is there but what is given
    /// back: a processor that can't guess it goes on to the next look-up, and waits for memory only once.
    #[inline]
    fn place(&self, position: usize, language: &Language) -> Result<Details<'_>, usize> {
        const NOWHERE: usize = usize::MAX;
        let start = position.saturating_mul(STEP);
        match Header::read(array_at(self.0.as_bytes(), start).ok_or(NOWHERE)?) {
            Header::Unread(location) => Err(location),
            Header::Pooled { length, organization, code, levels: [country, region, city] } => {
                let start = start + Header::SIZE;
                let text = self.0.get(start..start + length).ok_or(NOWHERE)?;
                let part = |part| if str::is_empty(part) { None } else { Some(Cow::Borrowed(part)) };
                let (country_code, name) = CountryCode::from_index(code, language).unzip();
                let stated = text.get(..country).unwrap_or_default();
                let country = if stated.is_empty() { name.unwrap_or_default() } else { stated };
                // Most places have none.
                let levels =
                    if region | city > 0 { levels(text, stated.len(), region, city) } else { Default::default() };
                Ok(Details {
                    country_code,
                    country: part(country),
                    region: part(levels.0),
                    city: part(levels.1),
                    organization: part(text.get(organization..).unwrap_or_default()),
                    text: Cow::Borrowed(if text.is_empty() { country } else { text }),
                    ..Details::default()
                })
            }
        }
    }
}

/// The region and the city of that lengths that follow the country in a place's text.
fn levels(text: &str, country: usize, region: usize, city: usize) -> (&str, &str) {
    let behind = |at: usize, length: usize| if length > 0 { at + length + 1 } else { at };
    let part = |at: usize, length: usize| text.get(at..at + length).unwrap_or_default();
    let start = behind(0, country);
    (part(start, region), part(behind(start, region), city))
}

/// The record of a place in the pool.
#[inline]
pub(super) fn pooled(position: u32) -> Option<Record> {
    (position != NO_PLACE).then_some(Record(POOLED | u64::from(position)))
}

/// What a record states, whether it is a position in the pool or a location in the file.
#[inline]
pub(super) fn details<'a>(wry: &'a Wry, pool: Option<&'a Pool>, record: Record, language: &Language) -> Details<'a> {
    let number = usize::try_from(record.0 & !POOLED).unwrap_or(usize::MAX);
    let place = match pool {
        Some(pool) if record.0 & POOLED != 0 => pool.place(number, language),
        _ => Err(number),
    };
    place.unwrap_or_else(|location| wry.state(wry.texts(location)).finish(language))
}

/// The text of [`details`].
pub(super) fn text<'a>(wry: &'a Wry, pool: Option<&'a Pool>, record: Record, language: &Language) -> Cow<'a, str> {
    let number = usize::try_from(record.0 & !POOLED).unwrap_or(usize::MAX);
    let text = match pool {
        Some(pool) if record.0 & POOLED != 0 => pool.text(number, language),
        _ => Err(number),
    };
    text.map_or_else(|location| wry.state(wry.texts(location)).finish(language).text, Cow::Borrowed)
}

/// A set of locations in a file, each with its number among them.
struct Locations {
    /// A bit for each byte of the file.
    bits: Vec<u64>,
    /// How many bits are set in front of each of `bits`; once they are counted.
    before: Vec<u32>,
}

impl Locations {
    fn new(length: usize) -> Locations {
        Locations { bits: vec![0; length.div_ceil(64)], before: Vec::new() }
    }

    fn insert(&mut self, location: usize) {
        if let Some(bits) = self.bits.get_mut(location / 64) {
            *bits |= 1 << (location % 64);
        }
    }

    /// Numbers them, and gives how many there are.
    fn number(&mut self) -> usize {
        let mut count = 0;
        self.before = self
            .bits
            .iter()
            .map(|bits| {
                let before = count;
                count += bits.count_ones();
                before
            })
            .collect();
        count as usize
    }

    /// The number of one of them.
    fn number_of(&self, location: usize) -> Option<usize> {
        let (bits, before) = (self.bits.get(location / 64)?, self.before.get(location / 64)?);
        let lower = bits & ((1 << (location % 64)) - 1);
        Some((before + lower.count_ones()) as usize)
    }

    /// All of them, in their order.
    fn iter(&self) -> impl Iterator<Item = usize> {
        self.bits.iter().enumerate().flat_map(|(word, bits)| {
            let mut bits = *bits;
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.checked_sub(1)?;
                Some(word * 64 + bit as usize)
            })
        })
    }
}
