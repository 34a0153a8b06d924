use std::io::{self, Write};

use serde::Serialize;
use sockscope_model as model;

use crate::Listing;
use crate::schema::{Assertion, Change, Comparison, Database, Located, Outcome, Snapshot, Socket, Sockets, Why};

/// How much is gathered before it is written.
const CHUNK: usize = 64 << 10;

/// One document, `sockscope.snapshot/1`, and a newline.
///
/// # Errors
/// The writer's.
pub fn json(out: &mut dyn Write, listing: &Listing<'_>) -> io::Result<()> {
    document(out, &Snapshot::from(listing))
}

/// One socket object a line. Many rows are put into words by several threads, in pieces that are written in order; what is
/// held at a time does not grow with the number of rows.
///
/// # Errors
/// The writer's.
pub fn ndjson(out: &mut dyn Write, listing: &Listing<'_>) -> io::Result<()> {
    let pieces = listing.rows.chunks(PIECE).map(|rows| Listing { rows, ..*listing });
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    if workers == 1 || listing.rows.len() < WORTH_THREADS {
        return pieces.into_iter().try_for_each(|piece| out.write_all(&lines(&piece)?));
    }
    std::thread::scope(|scope| {
        // Worker n has the pieces n, n + workers, ...: whoever writes asks them in turn.
        let results: Vec<_> = (0..workers)
            .map(|worker| {
                let (sender, receiver) = std::sync::mpsc::sync_channel(2);
                let mut pieces = pieces.clone().skip(worker).step_by(workers);
                // A sender whose receiver is gone has nobody to work for.
                scope.spawn(move || pieces.try_for_each(|piece| sender.send(lines(&piece)).map_err(drop)));
                receiver
            })
            .collect();
        for receiver in results.iter().cycle().take(pieces.len()) {
            match receiver.recv() {
                Ok(lines) => out.write_all(&lines?)?,
                Err(_) => return Err(io::Error::other("a thread that formats rows ended early")),
            }
        }
        Ok(())
    })
}

/// Fewer rows are done before a new thread has begun.
const WORTH_THREADS: usize = 6000;

/// Rows that are put into words at a time: some 350 KiB.
const PIECE: usize = 512;

fn lines(listing: &Listing<'_>) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(listing.rows.len() * 800);
    for row in listing.rows() {
        serde_json::to_writer(&mut buffer, &Socket::from(row))?;
        buffer.push(b'\n');
    }
    Ok(buffer)
}

/// The document of `assert` and `wait`, and a newline.
///
/// # Errors
/// The writer's.
pub fn assert_json(out: &mut dyn Write, listing: &Listing<'_>, matched: bool, waited_us: u64) -> io::Result<()> {
    document(out, &Assertion { matched, sockets: Sockets(*listing), waited_us })
}

/// The document of `compare`, `sockscope.compare/1`, and a newline: the differences at the positions of the listing.
///
/// # Errors
/// The writer's.
pub fn compare_json(out: &mut dyn Write, comparison: &model::Comparison, listing: &Listing<'_>) -> io::Result<()> {
    document(out, &Comparison::new(comparison, listing))
}

/// A line of `watch`, `sockscope.change/1`.
///
/// # Errors
/// The writer's.
pub fn change_json(out: &mut dyn Write, occurrence: &model::Occurrence) -> io::Result<()> {
    line(out, &Change::from(occurrence))
}

/// The document of `why`, `sockscope.why/1`, and a newline: the holders are the rows of the listing.
///
/// # Errors
/// The writer's.
pub fn why_json(
    out: &mut dyn Write,
    question: &model::PortQuestion,
    answer: &model::PortAnswer,
    attempts: Option<&[model::BindAttempt]>,
    listing: &Listing<'_>,
) -> io::Result<()> {
    document(out, &Why::new(question, answer, attempts, listing))
}

/// A line of `locate`: an address, and where it is.
///
/// # Errors
/// The writer's.
pub fn located_json(out: &mut dyn Write, located: &Located<'_>) -> io::Result<()> {
    line(out, located)
}

/// A line of `locate --databases`.
///
/// # Errors
/// The writer's.
pub fn database_json(out: &mut dyn Write, database: &Database<'_>) -> io::Result<()> {
    line(out, database)
}

/// A line of `close` and `kill`: a target, and what became of it.
///
/// # Errors
/// The writer's.
pub fn outcome_json(out: &mut dyn Write, outcome: &Outcome<'_>) -> io::Result<()> {
    document(out, outcome)
}

/// Small, to a writer that has a buffer.
fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn document(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(CHUNK, out);
    serde_json::to_writer(&mut out, document)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use sockscope_model::{Frame, Protocol, Snapshot, Socket, SocketKey, Tag, Timestamp};

    use super::*;

    #[test]
    fn lines_of_several_threads_keep_their_order() {
        let mut snapshot = Snapshot::new("linux", "host".into(), Timestamp::from_micros(0));
        for number in 0..20_000u64 {
            let local = SocketAddr::from(([127, 0, 0, 1], u16::try_from(number).unwrap()));
            let key = SocketKey { protocol: Protocol::Udp, local, remote: None, tag: Tag::Cookie(number) };
            snapshot.sockets.push(Socket::new(key));
        }
        let frame = Frame::new(snapshot);
        let rows: Vec<usize> = (0..20_000).rev().collect();
        let listing = Listing { frame: &frame, rows: &rows, version: "0" };
        let mut out = Vec::new();
        ndjson(&mut out, &listing).unwrap();
        let ports: Vec<u64> = out
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap()["local"]["port"].as_u64().unwrap())
            .collect();
        assert_eq!(ports, (0..20_000).rev().collect::<Vec<u64>>());

        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = ndjson(&mut Full(1 << 20), &listing).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
