use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use sockscope_core::Comparer;
use sockscope_model::{Cause, Comparison, Condition, Request, Snapshot, Witness};
use sockscope_output::{CompareOptions, Listing, clean, compare_json, compare_table};
use sockscope_sys as sys;

use crate::args::CompareArgs;
use crate::exit::{Exit, Failure, complain};
use crate::selection::{Seen, Selection};
use crate::terminal::{self, Terminal};

/// So many rounds there are before something is called unexplained.
const BEFORE_UNEXPLAINED: u32 = 10;
/// A further round begins as much later than the one before as there were rounds, so that what explains a difference by
/// its passing has time to pass.
const PAUSE: Duration = Duration::from_millis(20);

/// `sockscope compare`.
pub(crate) fn run(args: &CompareArgs) -> Result<Exit, Failure> {
    let mut selection = Selection::new(&args.sockets)?;
    selection.places = args.json;
    let databases = selection.open_databases()?;
    let asked = &selection.request;
    // No source is asked for less because of the filter: they may differ in what it asks for.
    let request = Request {
        tcp: asked.tcp,
        udp: asked.udp,
        ipv4: asked.ipv4,
        ipv6: asked.ipv6,
        traffic: asked.traffic,
        cgroups: args.json || asked.cgroups,
        ..Request::default()
    };
    if args.probe {
        complain("notice: --probe binds TCP and UDP ports, each for microseconds; it never listens");
    }
    // A port may be held by a socket of the other family: one of IPv6 holds it for IPv4 as well.
    let listed = Request { ipv4: request.ipv4 || args.probe, ipv6: request.ipv6 || args.probe, ..request.clone() };
    // Ports that the filter rules out need not be tried.
    let probed = Request { condition: asked.condition.clone(), ..request };
    let (comparison, snapshot) = ask(args, &listed, &probed);
    if comparison.sources.iter().all(|source| !source.available) {
        return Err(unheard(&comparison));
    }
    let mut seen = selection.select(snapshot, databases);
    seen.locate();
    let Seen { frame, rows, .. } = seen;
    let listing = Listing { frame: &frame, rows: &rows, version: env!("CARGO_PKG_VERSION") };
    let mut out = terminal::stdout();
    let printed = if args.json {
        compare_json(&mut out, &comparison, &listing)
    } else {
        let terminal = Terminal::of_stdout();
        let options = CompareOptions { width: terminal.width_or(args.width), colour: terminal.colour(args.colour) };
        compare_table(&mut out, &comparison, &listing, &options)
    };
    printed.and_then(|()| out.flush()).map_err(Failure::Output)?;
    // What the filter leaves out is not asked about.
    let mut shown = rows.iter().filter_map(|row| comparison.differences.get(*row));
    Ok(if shown.any(|it| it.cause == Cause::Unexplained) {
        Exit::No
    } else if comparison.sources.iter().any(|source| source.faulty) {
        Exit::Partly
    } else {
        Exit::Done
    })
}

/// Asks all sources again and again: for what is to be listed, and for the ports that are to be tried.
fn ask(args: &CompareArgs, listed: &Request, probed: &Request) -> (Comparison, Snapshot) {
    let mut comparer = Comparer::new();
    loop {
        // A probe takes as long as all others together: after the first, only what nobody lists is tried again.
        let again = match comparer.rounds() {
            0 => probed.clone(),
            _ => Request { condition: Some(any_of(&comparer.unlisted_ports())), ..probed.clone() },
        };
        let probe = args.probe && again.condition != Some(Condition::Any(Vec::new()));
        for witness in sys::WITNESSES.iter().filter(|it| probe || **it != Witness::BindProbe) {
            let (doing, request) = match witness {
                Witness::BindProbe => ("trying ports", &again),
                _ => ("asking for sockets", listed),
            };
            comparer.hear(*witness, terminal::with_progress(doing, || sys::testify(*witness, request)));
        }
        comparer.end_round();
        if comparer.rounds() < args.rounds {
            continue;
        }
        let (comparison, snapshot) = comparer.comparison();
        if comparison.unexplained() == 0 || comparer.rounds() >= args.rounds.max(BEFORE_UNEXPLAINED) {
            return (comparison, snapshot);
        }
        std::thread::sleep(PAUSE * comparer.rounds());
    }
}

/// A socket on one of these ports.
fn any_of(ports: &BTreeSet<u16>) -> Condition {
    let port = |port: &u16| Condition::All(vec![Condition::LocalPortFrom(*port), Condition::LocalPortTo(*port)]);
    Condition::Any(ports.iter().map(port).collect())
}

/// Nobody said anything.
fn unheard(comparison: &Comparison) -> Failure {
    let mut message = "no source could be heard".to_owned();
    for source in &comparison.sources {
        let reason = source.reason.as_deref().unwrap_or("no reason was given");
        message.push_str(&format!("\n  {}: {}", source.witness.name(), clean(reason)));
    }
    if comparison.sources.is_empty() {
        message.push_str(&format!(": sockscope has no backend for {}", std::env::consts::OS));
    }
    Failure::System(message)
}
