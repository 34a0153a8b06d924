//! What was written is read again, and what is no recording is refused with its place.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod arbitrary;
mod common;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use arbitrary::any_frame;
use common::{any_name, named, named_peer, placed, printed, varied};
use proptest::prelude::*;
use sockscope_model::{EventKind, Frame, Occurrence, Owners, State, Timestamp};
use sockscope_output::read::{LARGEST_DOCUMENT, Place, ReadCause, ReadError, Reader, Recorded};
use sockscope_output::{change_json, json, ndjson};

fn read(text: impl AsRef<[u8]>) -> Result<Vec<(Place, Recorded)>, ReadError> {
    let mut reader = Reader::new(text.as_ref());
    let mut all = Vec::new();
    while let Some(found) = reader.next()? {
        all.push(found);
    }
    assert!(reader.next().unwrap().is_none());
    Ok(all)
}

fn one(text: &str) -> Recorded {
    let mut all = read(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(all.len(), 1);
    let (place, recorded) = all.remove(0);
    assert_eq!((place.document, place.line, place.offset), (1, 1, 0));
    recorded
}

fn document(frame: &Frame) -> String {
    printed(frame, |out, listing| json(out, listing).unwrap())
}

fn lines(frame: &Frame) -> String {
    printed(frame, |out, listing| ndjson(out, listing).unwrap())
}

/// Of two long texts, where they begin to differ.
fn same(read: &str, written: &str) {
    if let Some(at) = (0..written.len()).find(|at| read.as_bytes().get(*at) != written.as_bytes().get(*at)) {
        let part = |text: &str| String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(200)..][..250]).into_owned();
        panic!("read:    {}\nwritten: {}", part(read), part(written));
    }
    assert_eq!(read.len(), written.len());
}

fn comes_back(frame: &Frame) {
    let text = document(frame);
    let Recorded::Snapshot(read, taken) = one(&text) else { panic!("a document is a snapshot") };
    assert_eq!(taken, Some(frame.snapshot.taken));
    same(&document(&read), &text);
    if frame.snapshot.sockets.is_empty() {
        return;
    }
    let text = lines(frame);
    let Recorded::Sockets(read) = one(&text) else { panic!("lines are sockets") };
    same(&lines(&read), &text);
}

#[test]
fn what_was_written_is_read_again() {
    for frame in [varied(), placed(), named_peer("one.one.one.one")] {
        comes_back(&frame);
    }
    let mut named = named("a\u{1b}b\"\\");
    Arc::make_mut(&mut named.snapshot).notices.clear();
    comes_back(&named);
    let mut windows = varied();
    Arc::make_mut(&mut windows.snapshot).os = "windows";
    comes_back(&windows);
    let Recorded::Sockets(read) = one(&lines(&windows)) else { panic!() };
    assert_eq!(read.snapshot.os, "windows", "owners have no descriptors there");
}

#[test]
fn what_the_model_has_is_filled() {
    let frame = varied();
    let Recorded::Snapshot(read, _) = one(&document(&frame)) else { panic!() };
    let (before, after) = (&frame.snapshot, &read.snapshot);
    assert_eq!((&after.host, after.os, &after.sources), (&before.host, before.os, &before.sources));
    assert_eq!((&after.notices, after.elapsed, after.taken), (&before.notices, before.elapsed, before.taken));
    assert_eq!((&after.users[&1000], &after.namespaces), (&before.users[&1000], &before.namespaces));
    assert_eq!(after.processes.len(), before.processes.len());
    for (socket, was) in after.sockets.iter().zip(&before.sockets) {
        assert_eq!((&socket.owners, socket.state), (&was.owners, was.state));
        assert_eq!((after.interface(socket), after.cgroup(socket)), (before.interface(was), before.cgroup(was)));
        assert_eq!((&socket.traffic, socket.timer, socket.queues), (&was.traffic, was.timer, was.queues));
        let scope = |address: std::net::SocketAddr| match address {
            std::net::SocketAddr::V6(address) => address.scope_id() != 0,
            std::net::SocketAddr::V4(_) => false,
        };
        assert_eq!(scope(socket.key.local), scope(was.key.local));
    }
    for (id, process) in &before.processes {
        let process = sockscope_model::Process { uid: None, ..process.clone() };
        assert_eq!(after.processes[id], process, "a number of the user is not written");
    }
}

#[test]
fn changes_are_read_again() {
    let frame = Arc::new(placed());
    let mut text = Vec::new();
    let mut count = 0;
    for socket in &frame.snapshot.sockets {
        for kind in EventKind::ALL {
            let occurrence = Occurrence {
                at: Timestamp::from_micros(1_700_000_000_000_000 + count),
                kind,
                socket: Box::new(socket.clone()),
                frame: Arc::clone(&frame),
                before: socket.state.filter(|_| kind != EventKind::Opened),
                lasted: (kind == EventKind::Closed).then_some(Duration::from_micros(1_500)),
                from_before: count % 2 == 0,
            };
            change_json(&mut text, &occurrence).unwrap();
            count += 1;
        }
    }
    let read = read(&text).unwrap();
    assert_eq!(read.len(), usize::try_from(count).unwrap());
    let mut again = Vec::new();
    for (position, (place, recorded)) in read.iter().enumerate() {
        assert_eq!((place.document, place.line), (position as u64 + 1, position as u64 + 1));
        let Recorded::Change(occurrence, at) = recorded else { panic!() };
        assert_eq!(*at, Some(Timestamp::from_micros(1_700_000_000_000_000 + i64::try_from(position).unwrap())));
        change_json(&mut again, occurrence).unwrap();
    }
    // A change's frame knows one socket, and so of one database what that says.
    let several = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
    assert_eq!(several(&again), several(&text));
}

#[test]
fn any_layout_and_order() {
    let frame = varied();
    let pretty =
        |text: &str| serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(text).unwrap()).unwrap();
    let text = format!(
        "\u{feff}\r\n{}\n{}{}  {}\n\n",
        pretty(&document(&frame)),
        document(&frame).trim_end(),
        lines(&frame),
        document(&frame)
    );
    let read = read(&text).unwrap();
    let kinds: Vec<_> = read.iter().map(|(_, recorded)| matches!(recorded, Recorded::Sockets(_))).collect();
    assert_eq!(kinds, [false, false, true, false]);
    assert_eq!(read.iter().map(|(place, _)| place.document).collect::<Vec<_>>(), [1, 2, 3, 14]);
    for (place, recorded) in &read {
        // Each is found again where it was.
        let (begin, end) = (usize::try_from(place.offset).unwrap(), usize::try_from(place.end).unwrap());
        let mut reader = Reader::from_place(&text.as_bytes()[begin..end], *place, LARGEST_DOCUMENT);
        let (again, same) = reader.next().unwrap().unwrap();
        assert_eq!(again, *place);
        match (recorded, same) {
            (Recorded::Snapshot(a, _), Recorded::Snapshot(b, _)) => assert_eq!(a, &b),
            (Recorded::Sockets(a), Recorded::Sockets(b)) => assert_eq!(a, &b),
            _ => panic!("it is another"),
        }
    }
}

#[test]
fn later_versions_may_add_keys_and_reasons() {
    let text = r#"{"schema":"sockscope.snapshot/1","later":{"a":[1]},"taken_at":null,"os":"plan9","sources":[{"name":"bpf"}],
        "notices":[{"code":"new","message":"m"}],"sockets":[{"later":true,"protocol":"tcp","local":{"address":"::1","port":1},
        "no_owner":"of-a-later-version","state":"unknown-4000000000"}]}"#;
    let Recorded::Snapshot(read, None) = one(text) else { panic!() };
    let snapshot = &read.snapshot;
    assert_eq!((snapshot.os, snapshot.sources[0].name, snapshot.notices[0].code), ("unknown", "recorded", "recorded"));
    assert_eq!(snapshot.sockets[0].state, Some(State::Other(4_000_000_000)));
    assert_eq!(snapshot.sockets[0].owners, Owners::Nobody(sockscope_model::NoOwner::Unknown));
}

#[test]
fn errors_name_the_place() {
    let good = document(&varied()).trim_end().to_owned();
    let socket = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for (text, place, why) in [
        (socket(r#""state":"listen""#, r#""state":"asleep""#), ", sockets[0].state: ", "'asleep' is no state that"),
        (socket(r#""protocol":"tcp""#, r#""protocol":"sctp""#), ", sockets[0].protocol: ", "'sctp' is no protocol"),
        (socket(r#""exposure":"any""#, r#""exposure":"all""#), ", sockets[0].exposure: ", "'all' is no exposure"),
        (socket(r#""port":443"#, r#""port":65536"#), ", sockets[0].local.port: ", "65536"),
        (socket(r#""fds":[6,7]"#, r#""fds":[6,-7]"#), ", sockets[0].owners[0].fds[1]: ", "-7"),
        (socket(r#""cookie":"4097""#, r#""cookie":"+4097""#), ", sockets[0].cookie: ", "decimal number"),
        (socket(r#""family":"ipv4""#, r#""family":"ipv6""#), ", sockets[0]: ", "its family is ipv6"),
        (socket(r#""address":"0.0.0.0""#, r#""address":"0.0.0""#), ", sockets[0].local.address: ", "IP address"),
        (socket("10.0.0.5", "::5"), ", sockets[3]: ", "family"),
        (socket("2026-11-22T08:00:00.123456Z", "yesterday"), ", taken_at: ", "'yesterday' is no time"),
        (socket("snapshot/1", "snapshot/2"), ", schema: ", "this version reads sockscope.snapshot/1"),
        (socket("sockscope.snapshot/1", "sockscope.compare/1"), ", schema: ", "is no recording of sockets"),
        (socket("sockscope.snapshot/1", r"a\u001bb"), ", schema: ", "is no recording of sockets"),
        (socket(r#""sockets":[{"#, r#""sockets":[}"#), "", "expected"),
        (socket(r#""sockets""#, r#""socks""#), "", "missing field `sockets`"),
        (r#"{"matched":true}"#.to_owned(), ", schema: ", "it has none"),
        ("[]".to_owned(), "", "an array"),
        ("oops".to_owned(), "", "'o'"),
        ("\u{1}".to_owned(), "", "the byte 0x01"),
    ] {
        let error = read(format!("{good}\n\n{text}\n")).unwrap_err();
        let message = error.to_string();
        assert_eq!((error.document, error.line), (2, 3), "{message}");
        let offset = usize::try_from(error.offset).unwrap();
        assert!((good.len() + 2..good.len() + 3 + text.len()).contains(&offset), "{message}");
        assert!(message.starts_with("document 2 (line 3, byte ") && message.contains(place), "{message}");
        assert!(message.contains(why), "{message}");
        assert!(message.len() < 400 && !message.contains('\u{1b}'), "{message}");
    }
    let error = read([&[0xff, 0xfe][..], b"{\0}\0"].concat()).unwrap_err();
    assert!(error.to_string().contains("PowerShell"), "{error}");
    let mut broken = good.clone().into_bytes();
    let at = broken.iter().position(|byte| *byte == b'.').unwrap();
    broken[at] = 0xff;
    assert!(matches!(read(broken).unwrap_err().cause, ReadCause::Content(_)));
}

#[test]
fn an_error_is_on_the_line_on_which_it_is() {
    let text = "{\n  \"schema\": \"sockscope.snapshot/1\",\n  \"sockets\": [\n    {\"protocol\": \"tcp\", \"local\": 7}\n  ]\n}\n";
    let error = read(text).unwrap_err();
    assert_eq!((error.line, error.path.as_str()), (4, "sockets[0].local"));
    assert!(text[usize::try_from(error.offset).unwrap()..].starts_with("7}"), "{error}");
}

#[test]
fn a_text_that_ends_early_is_known() {
    let good = document(&varied());
    for kept in [1, 2, 100, good.len() - 2] {
        let text = format!("{good}{}", &good[..kept]);
        let mut reader = Reader::new(text.as_bytes());
        assert!(matches!(reader.next(), Ok(Some((_, Recorded::Snapshot(..))))));
        let error = reader.next().unwrap_err();
        assert!(matches!(error.cause, ReadCause::Truncated), "{error}");
        assert_eq!((error.document, error.line, error.offset), (2, 2, good.len() as u64));
        assert!(reader.next().unwrap().is_none(), "after an error nothing more is read");
    }
    // Sockets that stand before it are given first.
    let text = lines(&varied());
    let mut reader = Reader::new(&text.as_bytes()[..text.len() - 20]);
    let Ok(Some((place, Recorded::Sockets(frame)))) = reader.next() else { panic!() };
    assert_eq!((place.document, frame.snapshot.sockets.len()), (1, 10));
    assert!(matches!(reader.next().unwrap_err().cause, ReadCause::Truncated));
}

#[test]
fn nothing_large_is_kept() {
    let good = document(&varied());
    let start = Place { document: 1, line: 1, offset: 0, end: 0 };
    assert!(Reader::from_place(good.as_bytes(), start, good.len()).next().is_ok());
    let error = Reader::from_place(good.as_bytes(), start, good.len() - 2).next().unwrap_err();
    assert!(matches!(error.cause, ReadCause::TooLarge(_)), "{error}");
    // Without end.
    let endless = std::io::BufReader::new(b"{\"schema\":\"".chain(std::io::repeat(b'x')));
    let error = Reader::from_place(endless, start, 1 << 16).next().unwrap_err();
    assert!(matches!(error.cause, ReadCause::TooLarge(_)), "{error}");
    // Many small ones are one.
    let many = lines(&varied()).repeat(100);
    let error = Reader::from_place(many.as_bytes(), start, 1 << 16).next().unwrap_err();
    assert!(matches!(error.cause, ReadCause::TooLarge(_)), "{error}");
    let deep = format!("{{\"schema\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(read(deep).unwrap_err().cause, ReadCause::Content(_)));
}

#[test]
fn pieces_make_no_difference() {
    let text = format!("\u{feff}{}{}", document(&varied()), lines(&placed()));
    let whole = read(&text).unwrap();
    for piece in [1, 2, 7, 64] {
        let mut reader = Reader::new(std::io::BufReader::with_capacity(piece, text.as_bytes()));
        for (place, _) in &whole {
            assert_eq!(reader.next().unwrap().unwrap().0, *place);
        }
        assert!(reader.next().unwrap().is_none());
    }
}

/// Codes are static in the model: those that are not listed would be lost.
#[test]
fn every_code_of_a_notice_is_known() {
    fn walk(directory: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap();
                let codes = text.split("code: \"").skip(1).filter_map(|rest| rest.split('"').next());
                found.extend(codes.map(str::to_owned));
            }
        }
    }
    let mut codes = Vec::new();
    for room in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap() {
        let sources = room.unwrap().path().join("src");
        if sources.is_dir() {
            walk(&sources, &mut codes);
        }
    }
    assert!(codes.len() > 10, "{codes:?}");
    for code in codes {
        let text =
            format!(r#"{{"schema":"sockscope.snapshot/1","notices":[{{"code":"{code}","message":""}}],"sockets":[]}}"#);
        let Recorded::Snapshot(read, _) = one(&text) else { panic!() };
        assert_eq!(read.snapshot.notices[0].code, code, "it is missing in read/words.rs");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_frame_comes_back(frame in any_frame()) {
        comes_back(&frame);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any_name(), at in 0usize..2000, length in 0usize..8) {
        let _ = read(&text);
        let mut good = document(&varied()).into_bytes();
        let end = (at + length).min(good.len());
        good.splice(at.min(end)..end, text.bytes());
        if let Err(error) = read(&good) {
            prop_assert!(error.offset <= good.len() as u64);
        }
    }
}
