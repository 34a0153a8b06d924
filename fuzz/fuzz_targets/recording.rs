//! Any recording, whole and in pieces. What is read can be written, and then read again.
#![no_main]

use std::io::{BufRead, BufReader};

use libfuzzer_sys::fuzz_target;
use sockscope_model::Frame;
use sockscope_output::read::{Place, ReadError, Reader, Recorded};
use sockscope_output::{Listing, change_json, json, ndjson};

const LARGEST: usize = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let (whole, error) = read(data);
    let (pieces, same) = read(BufReader::with_capacity(data.len() % 61 + 1, data));
    let places = |all: &[(Place, Recorded)]| all.iter().map(|(place, _)| *place).collect::<Vec<_>>();
    assert_eq!(places(&whole), places(&pieces));
    assert_eq!(error.map(|it| it.to_string()), same.map(|it| it.to_string()));
    for (place, recorded) in whole {
        assert!(place.offset < place.end && place.end <= data.len() as u64);
        let mut written = Vec::new();
        let done = match &recorded {
            Recorded::Snapshot(frame, _) => json(&mut written, &listing(frame, &rows(frame))),
            Recorded::Sockets(frame) => ndjson(&mut written, &listing(frame, &rows(frame))),
            Recorded::Change(change, _) => change_json(&mut written, change),
        };
        assert!(done.is_ok());
        let again = Reader::new(written.as_slice()).next();
        assert!(matches!(again, Ok(Some(_))), "{again:?}");
    }
});

fn rows(frame: &Frame) -> Vec<usize> {
    (0..frame.snapshot.sockets.len()).collect()
}

fn listing<'a>(frame: &'a Frame, rows: &'a [usize]) -> Listing<'a> {
    Listing { frame, rows, version: "" }
}

fn read(text: impl BufRead) -> (Vec<(Place, Recorded)>, Option<ReadError>) {
    let mut reader = Reader::from_place(text, Place { document: 1, line: 1, offset: 0, end: 0 }, LARGEST);
    let mut all = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(next)) => all.push(next),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}
