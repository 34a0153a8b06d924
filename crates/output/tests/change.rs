//! The lines of `watch`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not there is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use sockscope_model::{EventKind, Frame, Occurrence, State, Timestamp, Traffic};
use sockscope_output::{ChangeOptions, change_day, change_line, change_title};

mod common;

fn occurrence(frame: &Arc<Frame>, row: usize, kind: EventKind) -> Occurrence {
    let mut socket = Box::new(frame.snapshot.sockets[row].clone());
    if kind == EventKind::Closed && socket.traffic.is_none() {
        let traffic = Traffic { sent_bytes: Some(1_234), received_bytes: Some(56_000_000), ..Traffic::default() };
        socket.traffic = Some(Box::new(traffic));
    }
    Occurrence {
        at: Timestamp::from_micros(1_700_000_000_123_456),
        kind,
        before: (kind == EventKind::Changed).then_some(State::SynSent),
        socket,
        frame: Arc::clone(frame),
        lasted: (!row.is_multiple_of(3)).then_some(Duration::from_millis(2_300)),
        from_before: row % 3 == 1,
    }
}

#[test]
fn lines_for_people() {
    let frame = Arc::new(common::placed());
    let plain = ChangeOptions { places: true, ..ChangeOptions::default() };
    let mut text = change_title(&plain);
    for row in 0..frame.snapshot.sockets.len() {
        for kind in EventKind::ALL {
            let occurrence = occurrence(&frame, row, kind);
            text.push('\n');
            text.push_str(&change_line(&occurrence, &plain));
            let narrow = change_line(&occurrence, &ChangeOptions { width: Some(60), ..plain });
            assert!(unicode_width::UnicodeWidthStr::width(narrow.as_str()) <= 60, "{narrow}");
            let coloured = change_line(&occurrence, &ChangeOptions { colour: true, ..plain });
            let colour = ["\x1b[32mopened", "\x1b[33mchanged", "\x1b[31mclosed"];
            assert!(colour.iter().any(|colour| coloured.contains(colour)), "{coloured:?}");
        }
    }
    insta::assert_snapshot!(text);
    let first = occurrence(&frame, 0, EventKind::Opened);
    assert_eq!(change_day(&first).as_deref(), Some("2023-11-14"));
    let without = change_line(&first, &ChangeOptions::default());
    assert!(!without.contains("United States") && !without.ends_with(' '), "{without:?}");
}

#[test]
fn what_comes_from_outside_is_cleaned() {
    let frame = Arc::new(common::named("ev\x1b[31mil\nname"));
    let line = change_line(&occurrence(&frame, 0, EventKind::Opened), &ChangeOptions::default());
    assert!(line.chars().all(|character| !character.is_control()), "{line:?}");
}
