//! What several targets do.

use std::net::IpAddr;

use sockscope_geo::{Database, Format, Language, Options};

/// The key of the encrypted fixture.
const KEY: &str = "c29ja3Njb3BlIHRlc3QgIQ==";

/// Opens bytes as a database of that format, and asks it everything.
pub fn database(format: Format, data: &[u8]) {
    for language in ["en", "zh-CN"] {
        let Some(language) = Language::parse(language) else { return };
        let options = Options { language, key: Some(KEY.to_owned()) };
        let Ok(mut database) = Database::open_as(format, data.to_vec(), &options) else { return };
        ask(&database, data);
        database.prepare();
        ask(&database, data);
    }
}

fn ask(database: &Database, data: &[u8]) {
    // The ends, and what the input itself says.
    let mut addresses =
        vec![IpAddr::from([0; 4]), IpAddr::from([255; 4]), IpAddr::from([0; 16]), IpAddr::from([255; 16])];
    addresses.extend(data.rchunks_exact(4).take(4).filter_map(|it| <[u8; 4]>::try_from(it).ok()).map(IpAddr::from));
    addresses.extend(data.rchunks_exact(16).take(4).filter_map(|it| <[u8; 16]>::try_from(it).ok()).map(IpAddr::from));
    let mut count = 0;
    database.each_range(&mut |first, last, place| {
        count += 1;
        if count <= 64 {
            place.details();
            addresses.extend([first, last]);
        }
    });
    let ranges = database.ranges();
    assert_eq!(ranges.ipv4 + ranges.ipv6, count);
    for address in addresses {
        if let Some(place) = database.lookup(address) {
            let again = database.lookup(address).map(|place| place.record());
            assert_eq!(again, Some(place.record()));
            assert_eq!(place.text(), place.details().text);
        }
    }
}
