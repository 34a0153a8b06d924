use std::io::{self, Write};
use std::time::{Duration, Instant};

use sockscope_core::{Target, Targets, default_order};
use sockscope_model::{NoOwner, Notice, Row, Snapshot};
use sockscope_output::schema::{Outcome, ProcessName, Socket};
use sockscope_output::{brief, clean, outcome_json, sockets, target_table};
use sockscope_sys::{self as sys, HeldProcess, KillError, Signal};

use crate::acting::{Fate, ask, exit, terminal_to_ask};
use crate::args::KillArgs;
use crate::exit::{Exit, Failure, complain, complain_notice, is_closed_pipe};
use crate::selection::{Seen, Selection};
use crate::terminal::{self, Terminal};

/// How long it is looked whether processes that were asked to end do so.
const LOOK: Duration = Duration::from_secs(1);

/// How many of those that are left alone are named.
const NAMED: usize = 5;

/// `sockscope kill`.
pub(crate) fn run(args: &KillArgs) -> Result<Exit, Failure> {
    if args.sockets.filter.iter().all(|word| word.trim().is_empty()) {
        return Err(Failure::Usage(
            "kill needs a filter, as in: sockscope kill listening sport = :8080 (see --help)".to_owned(),
        ));
    }
    let mut selection = Selection::new(&args.sockets)?;
    let asks_on = if args.dry_run || args.yes { None } else { Some(terminal_to_ask("ends them")?) };
    let needs_owners = selection.request.owners;
    selection.request.owners = true;
    selection.request.process_details = true;
    selection.request.cgroups |= args.json;
    selection.places = args.json;
    let mut seen = selection.look()?;
    seen.locate();
    let Seen { frame, mut rows, .. } = seen;
    default_order(&frame, &mut rows);
    let mut found = Targets::new(selection.filter(), rows.iter().filter_map(|index| frame.row(*index)));
    // This process has what its shell left open to it, and ends by itself.
    let is_other = |target: &Target<'_>| target.process.pid != std::process::id();
    found.processes.retain(is_other);
    found.spared.retain(is_other);
    let nothing = found.processes.is_empty() && found.hidden.is_empty();
    if nothing {
        complain(nothing_to_kill(rows.len(), &frame.snapshot.notices));
    }
    if nothing || needs_owners {
        for notice in &frame.snapshot.notices {
            complain_notice(notice);
        }
    }
    if !found.spared.is_empty() {
        complain(&spared(&frame.snapshot, &found.spared));
    }
    let mut targets = prepare(found, args);
    for target in &targets {
        if let Fate::Refused(reason) = &target.fate {
            complain(&format!("can't end {}: {reason}", target.what(&frame.snapshot)));
        }
    }
    let ready = targets.iter().filter(|target| target.held.is_some()).count();
    if ready > 0
        && let Some(terminal) = asks_on
        && !confirm(&frame.snapshot, &targets, args.signal, terminal)?
    {
        complain("nothing was ended");
        return Ok(Exit::No);
    }
    if args.dry_run {
        for target in targets.iter_mut().filter(|target| target.held.is_some()) {
            target.fate = Fate::Would;
        }
    } else {
        act(&mut targets, args.signal, &frame.snapshot);
    }
    match print(&targets, args, &frame.snapshot) {
        Err(error) if !is_closed_pipe(&error) => Err(Failure::Output(error)),
        _ => Ok(exit(targets.iter().map(|target| &target.fate))),
    }
}

/// A process that is to be ended, or a socket whose process can't be told.
struct Prepared<'a> {
    target: Target<'a>,
    /// Instead of a process, why it is not known.
    hidden: Option<NoOwner>,
    fate: Fate,
    /// The process, if it may be ended: from now on nothing else can be in its place.
    held: Option<HeldProcess>,
    /// How far it is up the line that leads to this process.
    ancestor: Option<usize>,
    /// Whether it was seen to end.
    ended: bool,
}

impl Prepared<'_> {
    /// `nginx[12]`, or the socket.
    fn what(&self, snapshot: &Snapshot) -> String {
        match (self.hidden, self.target.rows.first()) {
            (Some(_), Some(row)) => format!("the process that has {}", brief(row)),
            _ => name(snapshot, &self.target),
        }
    }
}

/// `nginx[12]`
fn name(snapshot: &Snapshot, target: &Target<'_>) -> String {
    let name = snapshot.process(target.process).map_or("?", |process| process.name.as_str());
    format!("{}[{}]", clean(name), target.process.pid)
}

fn nothing_to_kill(matching: usize, notices: &[Notice]) -> &'static str {
    match matching {
        0 if notices.iter().any(|notice| notice.code == "owners-need-root") => {
            "nothing to kill: no socket matches, as far as its owners can be seen"
        }
        0 => "nothing to kill: no socket matches",
        _ => "nothing to kill: no process has the sockets that match",
    }
}

/// Why processes whose sockets match are left alone.
fn spared(snapshot: &Snapshot, targets: &[Target<'_>]) -> String {
    let mut names: Vec<String> = targets.iter().take(NAMED).map(|target| name(snapshot, target)).collect();
    if targets.len() > NAMED {
        names.push(format!("{} more", targets.len() - NAMED));
    }
    format!("left alone, since the filter names a local port that others listen on: {}", names.join(", "))
}

/// Takes hold of all that may be ended.
fn prepare<'a>(found: Targets<'a>, args: &KillArgs) -> Vec<Prepared<'a>> {
    let ancestors = sys::ancestors();
    let mut targets = Vec::new();
    for target in found.processes {
        let pid = target.process.pid;
        let ancestor = ancestors.iter().position(|ancestor| ancestor.pid == pid);
        let protected = match (ancestor, sys::vital(pid)) {
            _ if args.force => None,
            (Some(_), _) => Some("sockscope descends from it; --force ends it all the same".to_owned()),
            (_, Some(why)) => Some(format!("{why}; --force ends it all the same")),
            _ => None,
        };
        let held = match protected {
            Some(reason) => Err(Fate::Refused(reason)),
            None => hold(&target).map_err(|error| match error {
                KillError::Gone => Fate::Gone,
                error => Fate::Refused(error.to_string()),
            }),
        };
        let (held, fate) = match held {
            Ok(held) => (Some(held), Fate::Would),
            Err(fate) => (None, fate),
        };
        targets.push(Prepared { target, hidden: None, fate, held, ancestor, ended: false });
    }
    for (row, reason) in found.hidden {
        // It stands for a process that nobody can name.
        let target = Target { process: sockscope_model::ProcessId { pid: 0, started: None }, rows: vec![row] };
        let fate = Fate::Refused(why_hidden(reason).to_owned());
        targets.push(Prepared { target, hidden: Some(reason), fate, held: None, ancestor: None, ended: false });
    }
    targets
}

fn hold(target: &Target<'_>) -> Result<HeldProcess, KillError> {
    let held = sys::hold(target.process)?;
    held.may_signal()?;
    Ok(held)
}

fn why_hidden(reason: NoOwner) -> &'static str {
    match reason {
        NoOwner::NeedsRoot if sys::viewer_uid() == Some(0) => {
            "the system shows it to nobody here, not even root: it is in another user namespace, or a security module guards it"
        }
        NoOwner::NeedsRoot if cfg!(windows) => "this user can't see it; run as administrator",
        NoOwner::NeedsRoot => "this user can't see it; try sudo",
        NoOwner::Kernel => "it is the system itself",
        NoOwner::OtherNamespace => "it is in another PID namespace",
        NoOwner::InFlight => "the socket is under way from one process to another, in a message",
        NoOwner::IoUring => "it has the socket by an io_uring ring, and whose that is can't be told",
        _ => "it is not known",
    }
}

/// Shows the targets and asks.
fn confirm(snapshot: &Snapshot, targets: &[Prepared<'_>], signal: Signal, terminal: Terminal) -> Result<bool, Failure> {
    let shown: Vec<_> = targets
        .iter()
        .filter(|it| it.held.is_some())
        .map(|it| (it.target.process, it.target.rows.as_slice()))
        .collect();
    let mut about = Vec::new();
    target_table(&mut about, snapshot, &shown, terminal.width()).map_err(Failure::Output)?;
    let what = if shown.len() == 1 { "process" } else { "processes" };
    let question = if cfg!(windows) {
        format!("End {} {what}?", shown.len())
    } else {
        format!("Send {signal} to {} {what}?", shown.len())
    };
    ask(&about, &question)
}

/// Sends the signal, and looks for a moment whether they end.
fn act(targets: &mut [Prepared<'_>], signal: Signal, snapshot: &Snapshot) {
    let mut order: Vec<&mut Prepared<'_>> = targets.iter_mut().filter(|target| target.held.is_some()).collect();
    // What we depend on goes after all else, and this very process last.
    order.sort_by_key(|target| target.ancestor.map(|generations| (generations == 0, generations)));
    for target in &mut order {
        let Some(held) = &target.held else { continue };
        target.fate = match held.signal(signal) {
            Ok(()) => Fate::Done,
            Err(KillError::Gone) => Fate::Gone,
            Err(error) => {
                complain(&format!("can't end {}: {error}", name(snapshot, &target.target)));
                Fate::Refused(error.to_string())
            }
        };
    }
    if !signal.asks_to_end() {
        return;
    }
    let deadline = Instant::now() + LOOK;
    for target in order {
        let Some(held) = target.held.as_ref().filter(|_| target.fate == Fate::Done) else { continue };
        target.ended = held.has_ended(deadline.saturating_duration_since(Instant::now()));
        if !target.ended {
            let help = if signal == Signal::KILL || cfg!(windows) {
                "the system has not ended it yet"
            } else {
                "--signal KILL would end it"
            };
            complain(&format!("{} is still running; {help}", name(snapshot, &target.target)));
        }
    }
}

fn print(targets: &[Prepared<'_>], args: &KillArgs, snapshot: &Snapshot) -> io::Result<()> {
    let mut out = terminal::stdout();
    for it in targets {
        if args.json {
            let process = it.hidden.is_none().then(|| ProcessName::new(snapshot, it.target.process));
            let outcome = Outcome {
                socket: it.target.rows.first().map(|row| Socket::from(*row)),
                process,
                result: it.fate.name(),
                reason: it.fate.reason(),
            };
            outcome_json(&mut out, &outcome)?;
            continue;
        }
        writeln!(out, "{} {}", verb(it, args.signal), line(it, snapshot))?;
    }
    out.flush()
}

fn verb(it: &Prepared<'_>, signal: Signal) -> String {
    match &it.fate {
        Fate::Done if it.ended || cfg!(windows) => "ended".to_owned(),
        Fate::Done => format!("sent {signal} to"),
        Fate::Would if cfg!(windows) => "would end".to_owned(),
        Fate::Would => format!("would send {signal} to"),
        Fate::Refused(_) => "refused".to_owned(),
        Fate::Gone => "gone".to_owned(),
    }
}

/// `nginx[12] (tcp 127.0.0.1:80 - listen)`, or the socket alone.
fn line(it: &Prepared<'_>, snapshot: &Snapshot) -> String {
    let first: Option<&Row<'_>> = it.target.rows.first();
    match (it.hidden, first) {
        (Some(_), Some(row)) => brief(row),
        _ => format!("{} ({})", name(snapshot, &it.target), sockets(&it.target.rows)),
    }
}
