//! However a file is damaged, it can't make its reader take more memory than it has itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests share fails as tests do")]

#[path = "formats/damage.rs"]
mod damage;

use std::net::IpAddr;
use std::path::Path;

use damage::{Random, damaged};
use peak_alloc::PeakAlloc;
use sockscope_geo::{Database, Format, Language, Options};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// For the reader itself, its name and what an error says.
const SMALL: usize = 16 * 1024;
/// What preparing for many look-ups may take whatever the size: tables over all beginnings of an address.
const TABLES: usize = 600 * 1024;

/// One test, since the allocator counts for the whole process.
#[test]
fn no_reader_takes_more_than_the_file() {
    let key = Some("c29ja3Njb3BlIHRlc3QgIQ==".to_owned());
    let options = Options { language: Language::default(), key };
    let mut files = 0;
    for (format, name) in [
        (Format::Qqwry, "qqwry"),
        (Format::Zx, "zx"),
        (Format::Ipdb, "ipdb"),
        (Format::Datx, "datx"),
        (Format::Xdb, "xdb"),
        (Format::Ip2regionDb, "ip2region_db"),
        (Format::Czdb, "czdb"),
        (Format::Mmdb, "mmdb"),
        (Format::Ip2location, "ip2location"),
        (Format::Table, "table"),
    ] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(format!("geo_{name}"));
        for entry in std::fs::read_dir(directory).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let mut random = Random(bytes.len() as u64);
            files += 1;
            for round in 0..500 {
                let damaged = damaged(&bytes, round, &mut random);
                let length = damaged.len();
                let taken = taken_by(|| {
                    let Ok(database) = Database::open_as(format, damaged, &options) else { return };
                    ask(&database, &mut random);
                });
                assert!(taken <= length + SMALL, "{name}, round {round}: {taken} bytes for a file of {length}");
                let damaged = damage::damaged(&bytes, round, &mut random);
                let taken = taken_by(|| {
                    let Ok(mut database) = Database::open_as(format, damaged, &options) else { return };
                    database.prepare();
                    ask(&database, &mut random);
                });
                assert!(taken <= 5 * length + TABLES, "{name} prepared, round {round}: {taken} bytes for {length}");
            }
        }
    }
    assert!(files >= 15, "only {files} files were found");

    // What no random damage finds.
    let file = long_metadata();
    let taken = taken_by(|| _ = Database::open_as(Format::Ipdb, file, &options).unwrap_err());
    assert!(taken <= SMALL, "{taken} bytes");
}

/// JSON of one long array, which takes many times its length once it is read.
fn long_metadata() -> Vec<u8> {
    let array = "[],".repeat(1_000_000);
    let json = format!(r#"{{"node_count":1,"total_size":8,"fields":["a"],"languages":{{"CN":0}},"x":[{array}[]]}}"#);
    [&(json.len() as u32).to_be_bytes()[..], json.as_bytes(), &[0; 8]].concat()
}

fn ask(database: &Database, random: &mut Random) {
    for _ in 0..16 {
        let bits = u128::from(random.next()) << 64 | u128::from(random.next());
        for address in [IpAddr::from((bits as u32).to_be_bytes()), IpAddr::from(bits.to_be_bytes())] {
            if let Some(place) = database.lookup(address) {
                place.details();
            }
        }
    }
    database.ranges();
}

/// The most that was taken at a time.
fn taken_by(what: impl FnOnce()) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    what();
    ALLOCATOR.peak_usage().saturating_sub(before)
}
