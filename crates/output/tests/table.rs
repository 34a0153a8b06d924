//! The table as people see it, and what no name may do to it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is a failed test")]

mod common;

use common::{Machine, any_name, is_harmless, named, named_peer, placed, printed, socket, varied};
use proptest::prelude::*;
use sockscope_model::{Frame, NoOwner, State};
use sockscope_output::{Column, TableOptions, table};
use unicode_width::UnicodeWidthStr;

fn drawn(frame: &Frame, options: &TableOptions) -> String {
    printed(frame, |out, listing| table(out, listing, options).unwrap())
}

fn at(frame: &Frame, width: Option<usize>) -> String {
    drawn(frame, &TableOptions { width, ..TableOptions::default() })
}

/// Without the colours that the table itself sets.
fn without_colour(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character: char| !character.is_ascii_digit() && character != ';').unwrap();
        assert!(part[end..].starts_with('m'), "not a colour: {part:?}");
        plain.push_str(&part[end + 1..]);
    }
    plain
}

#[test]
fn eighty_columns() {
    insta::assert_snapshot!(at(&varied(), Some(80)));
}

#[test]
fn a_hundred_and_twenty_columns() {
    insta::assert_snapshot!(at(&varied(), Some(120)));
}

#[test]
fn two_hundred_columns() {
    insta::assert_snapshot!(at(&varied(), Some(200)));
}

#[test]
fn unlimited() {
    insta::assert_snapshot!(at(&varied(), None));
}

#[test]
fn places() {
    insta::assert_snapshot!(at(&placed(), Some(120)));
}

#[test]
fn names_of_peers() {
    let text = at(&named_peer("one.one.one.one"), None);
    assert!(text.contains("  one.one.one.one:443  curl") && text.contains("  192.0.2.2:443        curl"), "{text}");
    assert!(!text.contains("192.0.2.1"), "{text}");
    // Whose it is stands at the end.
    let long = format!("{}.example.org", "subdomain.".repeat(20).trim_end_matches('.'));
    let narrow = at(&named_peer(&long), Some(100));
    assert!(narrow.contains("  …domain.subdomain.subdomain.example.org:443  "), "{narrow}");
    assert!(at(&named_peer(&long), None).contains(&format!("  {long}:443  ")));
    let short = "a".repeat(39);
    assert!(at(&named_peer(&short), Some(100)).contains(&format!("  {short}:443  ")));
}

#[test]
fn traffic() {
    let options = TableOptions { width: Some(160), extra: Column::traffic(), ..TableOptions::default() };
    insta::assert_snapshot!(drawn(&varied(), &options));
}

#[test]
fn extended() {
    let options = TableOptions { width: Some(160), extra: Column::extended("linux"), ..TableOptions::default() };
    insta::assert_snapshot!(drawn(&varied(), &options));
}

#[test]
fn named_columns() {
    let columns = Column::parse_list("pid,name,command,fds,lport,age,opened").ok();
    let options = TableOptions { width: Some(100), columns, ..TableOptions::default() };
    insta::assert_snapshot!(drawn(&varied(), &options));
}

#[test]
fn colours() {
    let coloured = drawn(&varied(), &TableOptions { width: Some(100), colour: true, ..TableOptions::default() });
    insta::assert_snapshot!(coloured.replace('\x1b', "␛"));
    assert_eq!(without_colour(&coloured), at(&varied(), Some(100)));
}

#[test]
fn without_header_there_are_only_rows() {
    let frame = varied();
    let bare = drawn(&frame, &TableOptions { header: false, ..TableOptions::default() });
    assert_eq!(bare.lines().count(), frame.snapshot.sockets.len());
    assert!(at(&frame, None).ends_with(&bare));
}

#[test]
fn an_empty_listing_is_a_header() {
    let frame = Machine::new().frame();
    assert_eq!(
        at(&frame, Some(80)),
        "0 sockets in 3.8ms\nProto  State  Recv-Q  Send-Q  Local  Remote  Process  User\n"
    );
}

#[test]
fn the_summary_says_how_many_of_how_many() {
    let frame = varied();
    let mut out = Vec::new();
    let listing = sockscope_output::Listing { frame: &frame, rows: &[3], version: "" };
    table(&mut out, &listing, &TableOptions::default()).unwrap();
    assert!(out.starts_with(b"1 of 11 sockets from sock_diag (3 churned) in 3.8ms\n"));
}

#[test]
fn owners_nobody_looked_for_have_no_column() {
    let mut machine = Machine::new();
    machine.unowned(socket(Some(State::Listen), "0.0.0.0:80", None), NoOwner::NotAsked);
    assert!(!at(&machine.frame(), None).contains("Process"));
}

#[test]
fn cells_are_never_empty_and_split_at_white_space() {
    let mut frame = varied();
    // The one name with a space.
    std::sync::Arc::make_mut(&mut frame.snapshot).processes.retain(|_, process| !process.name.contains(' '));
    let text = at(&frame, None);
    for line in text.lines().skip(2) {
        assert_eq!(line.split_whitespace().count(), 8, "{line}");
    }
}

#[test]
fn addresses_are_whole_at_any_width() {
    let frame = varied();
    let options = |width| TableOptions {
        width: Some(width),
        header: false,
        columns: Column::parse_list("local,remote").ok(),
        ..TableOptions::default()
    };
    let whole: Vec<String> = drawn(&frame, &options(500))
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for width in [0, 1, 10, 40, 60, 80, 93, 94, 95, 131, 200] {
        for (line, whole) in at(&frame, Some(width)).lines().skip(3).zip(&whole) {
            for address in whole.split(' ') {
                assert!(line.split_whitespace().any(|cell| cell == address), "{width}: {line}");
            }
            // IPv4 at its longest fits 80 cells with everything essential.
            let short = whole.split(' ').all(|address| address.len() <= 21);
            assert!(width < 80 || !short || line.width() <= width, "{width}: {line}");
        }
    }
}

proptest! {
    #[test]
    fn no_name_harms_a_terminal(name in any_name(), width in proptest::option::of(1usize..200), colour: bool) {
        let columns = Column::all().collect();
        for columns in [None, Some(columns)] {
            let frame = named(&name);
            let text = drawn(&frame, &TableOptions { width, colour, columns, ..TableOptions::default() });
            let plain = without_colour(&text);
            prop_assert!(plain.chars().all(is_harmless), "{plain:?}");
            // Summary, notice, titles, one socket.
            prop_assert_eq!(plain.lines().count(), 4);
        }
    }

    #[test]
    fn names_of_peers_do_no_harm(name in any_name(), width in proptest::option::of(80usize..200)) {
        let text = at(&named_peer(&name), width);
        prop_assert!(text.chars().all(is_harmless), "{text:?}");
        prop_assert_eq!(text.lines().count(), 4);
        if let Some(width) = width {
            // What is never left out, a name that was cut, and a port.
            prop_assert!(text.lines().all(|line| line.width() <= width.max(120)), "{text}");
        }
    }

    #[test]
    fn names_of_any_length_fit(name in any_name(), width in 80usize..200) {
        let text = at(&named(&name), Some(width));
        for line in text.lines().skip(2) {
            prop_assert!(line.width() <= width, "{line}");
        }
    }
}
