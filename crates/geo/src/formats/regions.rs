use std::borrow::Cow;

use crate::details::{Details, Role, Statement};
use crate::language::Language;

/// Which part of a region's text is what. Parts are separated by `|`. Users make files of their own with other parts: of
/// those the first is taken for a country if it is one, and all are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `国家|区域|省份|城市|ISP`: country, area (nearly always 0), province, city, ISP.
    Area,
    /// `Country|Province|City|ISP|iso-alpha2`, as published since version 3 of xdb.
    Code,
}

impl Layout {
    /// The layout of a file, by what most of some of its texts end with: an ISP may look like a code (`BT`), and a code may
    /// be unknown.
    pub(super) fn of<'a>(regions: impl Iterator<Item = &'a [u8]>) -> Layout {
        let (mut codes, mut others) = (0, 0);
        for last in regions.filter(|region| parts(region).count() == 5).filter_map(|region| parts(region).next_back()) {
            if is_code(last) {
                codes += 1;
            } else if !matches!(last, b"" | b"0") {
                others += 1;
            }
        }
        if codes > others { Layout::Code } else { Layout::Area }
    }

    fn roles(self) -> [Role; 5] {
        match self {
            Layout::Area => [Role::Country, Role::Other, Role::Region, Role::City, Role::Organization],
            Layout::Code => [Role::Country, Role::Region, Role::City, Role::Organization, Role::Other],
        }
    }

    /// What a text states.
    pub(super) fn details<'a>(self, region: &'a [u8], language: &Language) -> Details<'a> {
        let mut statement = Statement::new();
        if parts(region).count() == 5 {
            if let Some(code) = parts(region).next_back().filter(|last| self == Layout::Code && is_code(last)) {
                statement.country_code(&String::from_utf8_lossy(code));
            }
            for (role, part) in self.roles().into_iter().zip(parts(region)) {
                statement.part(role, words(part));
            }
        } else {
            let roles = std::iter::once(Role::Glued).chain(std::iter::repeat(Role::Other));
            for (role, part) in roles.zip(parts(region)) {
                statement.part(role, words(part));
            }
        }
        statement.finish(language)
    }
}

fn parts(region: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    region.split(|byte| *byte == b'|')
}

/// UTF-8, as nearly every text is, or what can be read of it.
fn words(part: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(part).map_or_else(|_| String::from_utf8_lossy(part), Cow::Borrowed)
}

fn is_code(part: &[u8]) -> bool {
    matches!(part, [b'A'..=b'Z', b'A'..=b'Z'])
}
