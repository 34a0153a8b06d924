use std::io::Write;

use sockscope_output::{Listing, assert_json, brief};

use crate::args::AssertArgs;
use crate::exit::{Exit, Failure, complain, complain_notice};
use crate::selection::{Seen, Selection};
use crate::terminal;

/// How many sockets a failed `--none` names.
const NAMED: usize = 5;

/// `sockscope assert`.
pub(crate) fn run(args: &AssertArgs) -> Result<Exit, Failure> {
    if args.sockets.filter.iter().all(|word| word.trim().is_empty()) {
        return Err(Failure::Usage(
            "assert needs a filter, as in: sockscope assert listening sport = :443 (see --help)".to_owned(),
        ));
    }
    let mut selection = Selection::new(&args.sockets)?;
    if args.json {
        selection.request.cgroups = true;
        if args.sockets.processes {
            selection.request.owners = true;
        }
        selection.request.process_details |= selection.request.owners;
        selection.places = true;
    }
    let mut seen = selection.look()?;
    seen.locate();
    let Seen { frame, mut rows, .. } = seen;
    sockscope_core::default_order(&frame, &mut rows);
    let matched = !rows.is_empty();
    let listing = Listing { frame: &frame, rows: &rows, version: env!("CARGO_PKG_VERSION") };
    if args.json {
        let mut out = terminal::stdout();
        assert_json(&mut out, &listing, matched, 0).and_then(|()| out.flush()).map_err(Failure::Output)?;
    }
    let exit = if matched == args.none { Exit::No } else { Exit::Done };
    match (exit, matched) {
        (Exit::No, true) => complain(&matches(&listing)),
        (Exit::No, false) => complain("no socket matches"),
        _ => {}
    }
    if !matched {
        // Nothing was found; what could not be seen may be the reason.
        for notice in &frame.snapshot.notices {
            complain_notice(notice);
        }
    }
    Ok(exit)
}

/// `2 sockets match: tcp 127.0.0.1:22 listen, ...`
pub(crate) fn matches(listing: &Listing<'_>) -> String {
    let count = listing.rows.len();
    let mut text = if count == 1 { "a socket matches: ".to_owned() } else { format!("{count} sockets match: ") };
    let named: Vec<String> = listing.rows().take(NAMED).map(|row| brief(&row)).collect();
    text.push_str(&named.join("; "));
    if count > NAMED {
        text.push_str(&format!("; and {} more", count - NAMED));
    }
    text
}
