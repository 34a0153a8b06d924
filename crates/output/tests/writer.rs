//! What becomes of the writer's errors.

#![allow(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

mod common;

use std::io::{self, ErrorKind, Write};

use common::varied;
use sockscope_output::{Column, Listing, TableOptions, assert_json, csv, html, json, ndjson, table};

/// The reader is gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_told_as_such() {
    let frame = varied();
    let listing = Listing { frame: &frame, rows: &[0, 1], version: "" };
    let out = &mut Closed;
    for result in [
        json(out, &listing),
        ndjson(out, &listing),
        assert_json(out, &listing, true, 0),
        csv(out, &listing, &Column::default_csv()),
        html(out, &listing, &Column::default_html(&frame)),
        table(out, &listing, &TableOptions::default()),
    ] {
        assert_eq!(result.map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
    }
}
