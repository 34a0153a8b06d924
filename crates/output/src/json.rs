use std::io::{self, Write};

use serde::Serialize;

use crate::Listing;
use crate::schema::{Assertion, Snapshot, Socket, Sockets};

/// How much is gathered before it is written.
const CHUNK: usize = 64 << 10;

/// One document, `sockscope.snapshot/1`, and a newline.
///
/// # Errors
/// The writer's.
pub fn json(out: &mut dyn Write, listing: &Listing<'_>) -> io::Result<()> {
    document(out, &Snapshot::from(listing))
}

/// One socket object a line.
///
/// # Errors
/// The writer's.
pub fn ndjson(out: &mut dyn Write, listing: &Listing<'_>) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(CHUNK * 2);
    for row in listing.rows() {
        serde_json::to_writer(&mut buffer, &Socket::from(row))?;
        buffer.push(b'\n');
        if buffer.len() >= CHUNK {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)
}

/// The document of `assert` and `wait`, and a newline.
///
/// # Errors
/// The writer's.
pub fn assert_json(out: &mut dyn Write, listing: &Listing<'_>, matched: bool, waited_us: u64) -> io::Result<()> {
    document(out, &Assertion { matched, sockets: Sockets(*listing), waited_us })
}

fn document(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(CHUNK, out);
    serde_json::to_writer(&mut out, document)?;
    out.write_all(b"\n")?;
    out.flush()
}
