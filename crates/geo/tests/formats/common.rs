use std::net::IpAddr;
use std::path::PathBuf;

use sockscope_geo::{Database, Details, Format, Language, OpenError, Options};

use crate::damage::{self, Random};

/// Holds what a writer made against the committed file, `testdata/geo_FORMAT/NAME`, and gives it back.
pub(crate) fn fixture(format: &str, name: &str, made: Vec<u8>) -> Vec<u8> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(format!("geo_{format}"));
    let path = directory.join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(committed == made, "{} is not what its writer makes; UPDATE=1 rewrites it", path.display());
    made
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Opens by content.
pub(crate) fn open(bytes: &[u8]) -> Result<Database, OpenError> {
    Database::open(bytes.to_vec(), &Options::default())
}

/// Opens by content, to answer in a language.
pub(crate) fn open_in(bytes: &[u8], language: &str) -> Result<Database, OpenError> {
    Database::open(bytes.to_vec(), &Options { language: Language::parse(language).unwrap(), key: None })
}

/// What a database states about an address.
pub(crate) fn details<'a>(database: &'a Database, text: &str) -> Option<Details<'a>> {
    database.lookup(address(text)).map(|place| place.details())
}

/// The text alone.
pub(crate) fn text(database: &Database, address: &str) -> Option<String> {
    details(database, address).map(|details| details.text.into_owned())
}

/// 2,000 damaged versions of a file: opening gives a database or an error, a look-up an answer or none, and both end.
pub(crate) fn survives_damage(format: Format, bytes: &[u8], options: &Options) {
    let mut random = Random(0x5eed ^ bytes.len() as u64);
    let mut opened = 0;
    for round in 0..2000 {
        let damaged = damage::damaged(bytes, round, &mut random);
        let open =
            if round % 2 == 0 { Database::open(damaged, options) } else { Database::open_as(format, damaged, options) };
        match open {
            Ok(mut database) => {
                opened += 1;
                exercise(&database, &mut random);
                let ranges = database.ranges();
                let mut visited = 0;
                database.each_range(&mut |_, _, _| visited += 1);
                assert_eq!(ranges.ipv4 + ranges.ipv6, visited);
                database.prepare();
                exercise(&database, &mut random);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!(opened > 50, "damage was always found at once: the look-ups were hardly tried");
    assert_eq!(open(&[]).unwrap_err(), OpenError::Empty);
    Database::open_as(format, Vec::new(), options).unwrap_err();
}

fn exercise(database: &Database, random: &mut Random) {
    let edges = ["0.0.0.0", "255.255.255.255", "1.0.0.0", "8.8.8.8", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"];
    let random_ones = (0..16).map(|index| match index % 2 {
        0 => IpAddr::from((random.next() as u32).to_be_bytes()),
        _ => IpAddr::from((u128::from(random.next()) << 64 | u128::from(random.next())).to_be_bytes()),
    });
    for address in edges.map(address).into_iter().chain(random_ones.collect::<Vec<_>>()) {
        if let Some(place) = database.lookup(address) {
            assert_eq!(place.text(), place.details().text);
        }
    }
}
