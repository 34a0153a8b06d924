use std::io::{self, Write};

use sockscope_model::{ProcessId, Row, Snapshot};

use crate::clean::push_clean;
use crate::table::{cut, push_spaces, width};
use crate::text::{push_number, push_socket};

/// Between columns.
const GAP: usize = 2;
/// How much of a command line is shown where nothing limits the width.
const LONGEST_COMMAND: usize = 4096;

/// Processes to which something is to be done, for people who are asked whether: a line each, with the sockets that made it one.
/// Addresses are never cut; command lines are.
///
/// # Errors
/// The writer's.
pub fn target_table(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    targets: &[(ProcessId, &[Row<'_>])],
    limit: Option<usize>,
) -> io::Result<()> {
    let titles = ["PID", "Process", "User", "Sockets", "Command"].map(str::to_owned);
    let lines = std::iter::once(titles).chain(targets.iter().map(|(process, rows)| cells(snapshot, *process, rows)));
    let mut lines: Vec<_> = lines.collect();
    let mut widths = [0; 5];
    for line in &lines {
        for (longest, cell) in widths.iter_mut().zip(line) {
            *longest = width(cell).max(*longest);
        }
    }
    let [pid, _, _, _, command] = widths;
    let used = widths.iter().sum::<usize>() - command + GAP * (widths.len() - 1);
    let mut text = String::new();
    for line in &mut lines {
        let [number, middle @ .., command] = line;
        push_spaces(&mut text, pid - width(number));
        text.push_str(number);
        for (cell, room) in middle.iter().zip(widths.iter().skip(1)) {
            push_spaces(&mut text, GAP);
            text.push_str(cell);
            push_spaces(&mut text, room - width(cell));
        }
        push_spaces(&mut text, GAP);
        // The title fits at least, and a few words.
        cut(command, limit.map_or(LONGEST_COMMAND, |limit| limit.saturating_sub(used).max(12)));
        text.push_str(command);
        text.push('\n');
    }
    out.write_all(text.as_bytes())
}

fn cells(snapshot: &Snapshot, id: ProcessId, rows: &[Row<'_>]) -> [String; 5] {
    let process = snapshot.process(id);
    let known = |text: Option<&str>| {
        let mut cell = String::new();
        push_clean(&mut cell, text.filter(|text| !text.is_empty()).unwrap_or("-"));
        cell
    };
    let mut number = String::new();
    push_number(&mut number, u64::from(id.pid));
    let command = process.and_then(|process| process.command_line.as_ref()).map(|words| words.join(" "));
    [
        number,
        known(process.map(|process| process.name.as_str())),
        known(process.and_then(|process| process.user.as_deref())),
        sockets(rows),
        known(command.as_deref()),
    ]
}

/// `tcp 127.0.0.1:80 - listen and 3 more`
pub fn sockets(rows: &[Row<'_>]) -> String {
    let mut text = String::new();
    let Some((first, others)) = rows.split_first() else { return text };
    push_socket(&mut text, first);
    if !others.is_empty() {
        text.push_str(&format!(" and {} more", others.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use sockscope_model::{Frame, Process, Protocol, Socket, SocketKey, State, Tag, Timestamp};

    use super::*;

    #[test]
    fn a_line_a_process() {
        let mut snapshot = Snapshot::new("linux", "host".into(), Timestamp::from_micros(0));
        for port in [80, 443] {
            let local = SocketAddr::from(([127, 0, 0, 1], port));
            let key = SocketKey { protocol: Protocol::Tcp, local, remote: None, tag: Tag::Cookie(port.into()) };
            snapshot.sockets.push(Socket { state: Some(State::Listen), ..Socket::new(key) });
        }
        let ids = [7, 12345].map(|pid| ProcessId { pid, started: None });
        let process = Process {
            user: Some("中".into()),
            command_line: Some(vec!["a\x1b[31m".into(), "中中中中中中中中".into()]),
            ..Process::new(ids[1], "na me".into())
        };
        snapshot.processes.insert(ids[1], process);
        let frame = Frame::new(snapshot);
        let rows: Vec<Row<'_>> = frame.rows().collect();
        let print = |limit| {
            let mut out = Vec::new();
            let targets = [(ids[0], &rows[..1]), (ids[1], &rows[..])];
            target_table(&mut out, &frame.snapshot, &targets, limit).unwrap();
            String::from_utf8(out).unwrap()
        };
        let expected = "  PID  Process  User  Sockets                               Command\n    \
                        7  -        -     tcp 127.0.0.1:80 - listen             -\n\
                        12345  na me    中    tcp 127.0.0.1:80 - listen and 1 more  a\\x1b[31m 中中中中中中中中\n";
        assert_eq!(print(None), expected);
        let narrow = print(Some(80));
        assert!(narrow.ends_with("a\\x1b[31m 中中中中…\n"), "{narrow}");
        assert!(print(Some(10)).lines().all(|line| line.len() > 20), "addresses are never cut");
    }
}
