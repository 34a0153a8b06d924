use std::io::{self, Write};

use sockscope_core::default_order;
use sockscope_model::{Field, Frame, Row, State, StateSet};
use sockscope_output::schema::{Outcome, ProcessName, Socket};
use sockscope_output::{Column, Listing, TableOptions, brief, outcome_json, table};
use sockscope_sys::{self as sys, CloseError};

use crate::acting::{Fate, ask, exit, terminal_to_ask};
use crate::args::{CloseArgs, When};
use crate::exit::{Exit, Failure, complain, complain_notice, is_closed_pipe};
use crate::selection::{Seen, Selection};
use crate::terminal::{self, Terminal};

/// What is connected, connecting or parting: what `close` closes.
const CONNECTIONS: StateSet = StateSet::NONE
    .with(State::SynSent)
    .with(State::SynReceived)
    .with(State::Established)
    .with(State::FinWait1)
    .with(State::FinWait2)
    .with(State::CloseWait)
    .with(State::Closing)
    .with(State::LastAck);

/// What is no connection and can be closed if the filter asks for it alone. All else that is none (bound, unconnected UDP)
/// the kernel can't close.
const ON_REQUEST: StateSet = StateSet::NONE.with(State::Listen).with(State::TimeWait);

/// `sockscope close`, and `list -K`.
pub(crate) fn run(args: &CloseArgs) -> Result<Exit, Failure> {
    if args.sockets.filter.iter().all(|word| word.trim().is_empty()) {
        return Err(Failure::Usage(
            "close needs a filter, as in: sockscope close dst 192.0.2.7 and dport = :443 (see --help)".to_owned(),
        ));
    }
    let mut selection = Selection::new(&args.sockets)?;
    selection.require_identity()?;
    let asks_on = if args.dry_run || args.yes { None } else { Some(terminal_to_ask("closes")?) };
    let needs_owners = selection.request.owners;
    let closable = closable(selection.request.states);
    selection.request.owners = true;
    selection.request.process_details |= args.json;
    selection.request.cgroups |= args.json;
    selection.places = args.json;
    let mut seen = selection.look()?;
    seen.locate();
    let Seen { frame, mut rows, .. } = seen;
    let matching = rows.len();
    rows.retain(|index| frame.row(*index).is_some_and(|row| can_be_target(&row, closable)));
    default_order(&frame, &mut rows);
    if rows.is_empty() {
        complain(&nothing_to_close(matching));
    }
    // Owners that could not be seen may be the reason why a socket is missing.
    if asks_on.is_none() && (rows.is_empty() || needs_owners) {
        for notice in &frame.snapshot.notices {
            complain_notice(notice);
        }
    }
    if rows.is_empty() {
        return Ok(Exit::No);
    }
    let targets: Vec<Row<'_>> = rows.iter().filter_map(|index| frame.row(*index)).collect();
    let is_refused = |row: &Row<'_>| sys::can_close(row.socket) == Err(CloseError::Refused);
    if (args.dry_run || asks_on.is_some()) && targets.iter().any(is_refused) {
        complain(&format!("notice: to close them takes more than to show them: {}", CloseError::Refused));
    }
    if let Some(terminal) = asks_on
        && !confirm(&frame, &rows, terminal)?
    {
        complain("nothing was closed");
        return Ok(Exit::No);
    }
    let done = if args.dry_run { targets.into_iter().map(|row| (row, would(&row))).collect() } else { act(targets) };
    // First what went wrong, which nothing that happens to the output may hide.
    for (row, fate) in &done {
        if let Fate::Refused(reason) = fate {
            complain(&format!("can't close {}: {reason}", brief(row)));
        }
    }
    match print(&done, args.json) {
        Err(error) if !is_closed_pipe(&error) => Err(Failure::Output(error)),
        _ => Ok(exit(done.iter().map(|(_, fate)| fate))),
    }
}

/// The states whose sockets are closed, of those that options and filter allow: connections, or, where these are ruled out,
/// what was asked for instead.
fn closable(allowed: StateSet) -> StateSet {
    if allowed.and(CONNECTIONS).is_empty() { allowed.and(ON_REQUEST) } else { CONNECTIONS }
}

fn can_be_target(row: &Row<'_>, closable: StateSet) -> bool {
    closable.contains(row.socket.filter_state())
}

fn nothing_to_close(matching: usize) -> String {
    let matching = match matching {
        0 => return "nothing to close: no socket matches".to_owned(),
        1 => "the socket that matches is no connection".to_owned(),
        count => format!("none of the {count} sockets that match is a connection"),
    };
    format!(
        "nothing to close: {matching}; listeners and TIME-WAIT are closed only by a filter for them alone (`listening`, \
         `state time-wait`)"
    )
}

/// Shows the targets and asks. All that is not yes is no.
fn confirm(frame: &Frame, rows: &[usize], terminal: Terminal) -> Result<bool, Failure> {
    let columns = [Column::Field(Field::Protocol), Column::Field(Field::State)];
    let options = TableOptions {
        width: terminal.width(),
        colour: terminal.colour(When::Auto),
        header: true,
        columns: Some(columns.into_iter().chain([Column::Local, Column::Remote, Column::Process]).collect()),
        extra: Vec::new(),
    };
    let mut question = Vec::new();
    let listing = Listing { frame, rows, version: env!("CARGO_PKG_VERSION") };
    table(&mut question, &listing, &options).map_err(Failure::Output)?;
    let all_are_connections =
        rows.iter().filter_map(|index| frame.row(*index)).all(|row| CONNECTIONS.contains(row.socket.filter_state()));
    let noun = if all_are_connections { "connection" } else { "socket" };
    let plural = if rows.len() == 1 { "" } else { "s" };
    ask(&question, &format!("Close {} {noun}{plural}?", rows.len()))
}

/// What a rehearsal can know.
fn would(row: &Row<'_>) -> Fate {
    match sys::can_close(row.socket) {
        // Who shows it need not be who will close it.
        Ok(()) | Err(CloseError::Refused) => Fate::Would,
        Err(error) => Fate::Refused(error.to_string()),
    }
}

/// Closes the sockets that were captured, and no others: each by its cookie.
fn act(targets: Vec<Row<'_>>) -> Vec<(Row<'_>, Fate)> {
    let sockets: Vec<_> = targets.iter().map(|row| row.socket).collect();
    let results = sys::close(&sockets);
    let fate = |result| match result {
        Ok(()) => Fate::Done,
        Err(CloseError::Gone) => Fate::Gone,
        Err(error) => Fate::Refused(error.to_string()),
    };
    targets.into_iter().zip(results.into_iter().map(fate)).collect()
}

fn print(done: &[(Row<'_>, Fate)], json: bool) -> io::Result<()> {
    let mut out = terminal::stdout();
    for (row, fate) in done {
        if json {
            let process = row.socket.owners.processes().first();
            let outcome = Outcome {
                socket: Some(Socket::from(*row)),
                process: process.map(|owner| ProcessName::new(row.snapshot(), owner.process)),
                result: fate.name(),
                reason: fate.reason(),
            };
            outcome_json(&mut out, &outcome)?;
            continue;
        }
        let verb = match fate {
            Fate::Done => "closed",
            Fate::Would => "would close",
            Fate::Refused(_) => "refused",
            Fate::Gone => "gone",
        };
        writeln!(out, "{verb} {}", brief(row))?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_and_time_wait_must_be_asked_for_alone() {
        let only = |state| StateSet::NONE.with(state);
        assert_eq!(closable(StateSet::ALL), CONNECTIONS);
        assert_eq!(closable(only(State::Established)), CONNECTIONS);
        assert_eq!(closable(only(State::Listen)), only(State::Listen));
        assert_eq!(closable(only(State::TimeWait)), only(State::TimeWait));
        assert_eq!(closable(only(State::Listen).with(State::Established)), CONNECTIONS);
        assert_eq!(closable(only(State::Listen).with(State::Closed)), only(State::Listen), "what -l leaves");
        assert_eq!(closable(only(State::Bound)), StateSet::NONE);
    }
}
