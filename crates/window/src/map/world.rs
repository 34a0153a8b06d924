use std::collections::HashMap;
use std::sync::OnceLock;

use sockscope_model::Coordinates;

/// Coasts and borders, and a point inside each country. `cargo xtask map` makes both files.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) lines: Vec<Outline>,
    centres: HashMap<String, Coordinates>,
}

/// A line on the globe: longitude and latitude, in degrees. None crosses the antimeridian.
#[derive(Debug, PartialEq)]
pub(crate) struct Outline {
    /// Between two countries; else a coast.
    pub(crate) is_border: bool,
    pub(crate) points: Vec<[f32; 2]>,
}

const MAGIC: &[u8] = b"SSMAP1\0\0";

impl World {
    /// The one that is part of the program.
    pub(crate) fn get() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(|| World {
            lines: lines(include_bytes!("../../data/world.bin")).unwrap_or_default(),
            centres: centres(include_str!("../../data/centres.txt")),
        })
    }

    /// A point inside a country, by its code.
    pub(crate) fn centre(&self, code: &str) -> Option<Coordinates> {
        self.centres.get(code).copied()
    }
}

/// After the magic: how many lines (16 bits); of each, whether it is a border (8 bits), how many points (16), and these:
/// longitude and latitude in hundredths of a degree (16 bits each, signed). All little-endian.
fn lines(bytes: &[u8]) -> Option<Vec<Outline>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let count = u16::from_le_bytes(*take(&mut rest)?);
    let mut lines = Vec::new();
    for _ in 0..count {
        let [is_border] = *take(&mut rest)?;
        let count = u16::from_le_bytes(*take(&mut rest)?);
        let mut points = Vec::new();
        for _ in 0..count {
            let longitude = i16::from_le_bytes(*take(&mut rest)?);
            let latitude = i16::from_le_bytes(*take(&mut rest)?);
            points.push([f32::from(longitude) / 100.0, f32::from(latitude) / 100.0]);
        }
        lines.push(Outline { is_border: is_border != 0, points });
    }
    rest.is_empty().then_some(lines)
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(taken)
}

/// A line each: code, latitude, longitude.
fn centres(text: &str) -> HashMap<String, Coordinates> {
    let read = |line: &str| {
        let mut words = line.split(' ');
        let code = words.next()?.to_owned();
        let latitude = words.next()?.parse().ok()?;
        let longitude = words.next()?.parse().ok()?;
        Some((code, Coordinates { latitude, longitude }))
    };
    text.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sockscope::geo::CountryCode;

    use super::*;

    #[test]
    fn the_map_is_whole() {
        let world = World::get();
        assert!(world.lines.len() > 400, "{}", world.lines.len());
        for line in &world.lines {
            assert!(line.points.len() > 1);
            for [longitude, latitude] in &line.points {
                assert!(longitude.abs() <= 180.0 && latitude.abs() <= 90.0);
            }
            let jumps = line.points.windows(2).any(|pair| (pair[0][0] - pair[1][0]).abs() > 90.0);
            assert!(!jumps, "{:?}", line.points.first());
        }
    }

    #[test]
    fn every_country_is_somewhere() {
        let world = World::get();
        let mut countries = 0;
        for first in 'A'..='Z' {
            for second in 'A'..='Z' {
                let code = format!("{first}{second}");
                let is_country = CountryCode::parse(&code).is_some();
                let centre = world.centre(&code);
                assert_eq!(centre.is_some(), is_country, "{code}");
                if let Some(Coordinates { latitude, longitude }) = centre {
                    countries += 1;
                    assert!(latitude.abs() <= 90.0 && longitude.abs() <= 180.0, "{code}");
                }
            }
        }
        assert!(countries >= 249, "{countries}");
        // Some that are easily put on the wrong side of the world.
        for (code, south, north, west, east) in [
            ("FJ", -20.0, -15.0, 176.0, 180.0),
            ("RU", 50.0, 70.0, 60.0, 130.0),
            ("US", 30.0, 45.0, -115.0, -80.0),
            ("NZ", -47.0, -35.0, 166.0, 179.0),
            ("HR", 44.0, 46.6, 13.5, 19.5),
        ] {
            let Coordinates { latitude, longitude } = world.centre(code).unwrap();
            assert!((south..=north).contains(&latitude) && (west..=east).contains(&longitude), "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut with_magic = MAGIC.to_vec();
            with_magic.extend(&bytes);
            let _ = lines(&with_magic);
            let _ = lines(&bytes);
        }

        #[test]
        fn a_cut_map_is_refused(cut in 0usize..34_000) {
            let whole = include_bytes!("../../data/world.bin");
            prop_assert_eq!(lines(&whole[..cut.min(whole.len() - 1)]), None);
        }
    }
}
