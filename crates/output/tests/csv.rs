//! CSV read back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is a failed test")]

mod common;

use common::{HOSTILE, any_name, is_harmless, named, named_peer, placed, printed, varied};
use proptest::prelude::*;
use sockscope_model::{Field, Frame};
use sockscope_output::{Column, clean, csv};

fn text(frame: &Frame, columns: &[Column]) -> String {
    printed(frame, |out, listing| csv(out, listing, columns).unwrap())
}

/// Every record, the header line first.
fn records(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// The values of a cell with a value an owner.
fn split(cell: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut characters = cell.chars();
    while let Some(character) = characters.next() {
        let value = values.last_mut().unwrap();
        match character {
            ';' => values.push(String::new()),
            '\\' => match characters.next().unwrap() {
                escaped @ (';' | '\\') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            _ => value.push(character),
        }
    }
    values
}

#[test]
fn all_columns_by_default() {
    let records = records(&text(&varied(), &Column::default_csv()));
    assert_eq!(records.len(), 12);
    let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    assert_eq!(records[0], names);
    let cell = |row: usize, name: &str| records[row][names.iter().position(|it| *it == name).unwrap()].as_str();
    assert_eq!(cell(1, "owner_pid"), "2100;2101;2102;2103;2104;2105;2106;2107;2108");
    assert_eq!(cell(1, "owner_fds"), "6,7;6,7;6,7;6,7;6,7;6,7;6,7;6,7;6,7");
    assert_eq!((cell(1, "remote_address"), cell(1, "remote_port"), cell(1, "queues_send")), ("", "", "511"));
    assert_eq!(cell(4, "traffic_rtt_us"), "12400");
    assert_eq!(cell(4, "opened_at"), "2026-11-22T07:58:30.123456Z");
    assert_eq!((cell(6, "local_address"), cell(6, "local_scope")), ("fe80::1c2d:3eff:fe4f:5a6b", "eth0"));
    assert_eq!((cell(10, "owner_pid"), cell(10, "no_owner"), cell(10, "uid")), ("", "time-wait", ""));
}

#[test]
fn chosen_columns() {
    let columns = Column::parse_list("proto,local,process,place,lport").unwrap();
    let lines = text(&placed(), &columns);
    assert_eq!(lines.lines().next(), Some("protocol,local,process,place_text,local_port"));
    assert_eq!(lines.lines().nth(4), Some("tcp,10.0.0.5:44312,curl[812],United States,44312"));
    assert_eq!(lines.lines().nth(7), Some("tcp,[::ffff:10.0.0.5]:8080,\"java[1500];java[1501]\",,8080"));
}

#[test]
fn lines_end_with_a_newline_alone() {
    assert!(!text(&varied(), &Column::default_csv()).contains('\r'));
}

#[test]
fn names_of_peers_have_a_column() {
    let columns = Column::parse_list("remote,rname").unwrap();
    let lines = text(&named_peer("=cmd()"), &columns);
    assert_eq!(lines, "remote,remote_name\n192.0.2.1:443,\"'=cmd()\"\n192.0.2.2:443,\n");
}

#[test]
fn hostile_names() {
    let columns = [Column::Field(Field::OwnerName), Column::Field(Field::User)];
    let cells = HOSTILE.map(|name| text(&named(name), &columns).lines().nth(1).unwrap().to_owned());
    insta::assert_snapshot!(cells.join("\n"));
}

proptest! {
    #[test]
    fn any_name_comes_back_and_is_no_formula(name in any_name()) {
        let columns: Vec<Column> = Column::all().collect();
        let text = text(&named(&name), &columns);
        prop_assert!(text.chars().all(is_harmless), "{text:?}");
        let records = records(&text);
        prop_assert_eq!(records.len(), 2);
        prop_assert_eq!(records[1].len(), columns.len());
        for cell in &records[1] {
            prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r']), "{cell:?}");
        }
        let position = columns.iter().position(|column| *column == Column::Field(Field::OwnerName)).unwrap();
        let cell = &records[1][position];
        // Names that begin with an apostrophe of their own keep it.
        let cell = if name.starts_with('\'') { cell } else { cell.strip_prefix('\'').unwrap_or(cell) };
        let expected = clean(&name).into_owned();
        prop_assert_eq!(split(cell), vec![expected.clone(), expected]);
    }
}
