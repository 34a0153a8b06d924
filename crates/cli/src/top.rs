use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};

use sockscope::{Databases, Kept, Locator};
use sockscope_core::{Filter, Monitor, MonitorOptions};
use sockscope_live::{Shown, Sort, View};
use sockscope_model::{Notice, ProcessId, Request, Socket};
use sockscope_output::clean;
use sockscope_tui::{AppOptions, Colours, Ended, Remembered};

use crate::args::{TopArgs, When};
use crate::exit::{Exit, Failure};
use crate::selection::Selection;
use crate::terminal::Terminal;

/// `sockscope top`.
pub(crate) fn run(args: &TopArgs) -> Result<Exit, Failure> {
    let mut selection = Selection::new(&args.sockets)?;
    let kept = Kept::of("top", "top.toml");
    let (mut remembered, notice) = kept.recall(Remembered::parse);
    let mut notices: Vec<Notice> = notice.into_iter().collect();
    choose(&mut remembered, args)?;
    let colours = colours(args.colour)?;
    selection.places = true;
    let databases = selection.open_databases()?;
    let places = databases.is_some();
    let source = Box::new(selection.source()?);
    let request = Request {
        owners: true,
        process_details: cfg!(windows),
        traffic: true,
        autobound: false,
        cgroups: false,
        ..selection.kinds_request()
    };
    let options = MonitorOptions {
        interval: args.interval,
        hurry: true,
        places: databases.map(|Databases { atlas, notices: said, .. }| {
            notices.extend(said);
            Box::new(move || Locator::new(atlas)) as Box<dyn FnOnce() -> Locator + Send>
        }),
        names: (args.sockets.resolve == Some(true)).then(sockscope::resolver),
        ..MonitorOptions::new(request.clone())
    };
    let fixed = selection.kinds_text();
    let context = sockscope::filter_context();
    let app = AppOptions {
        fixed: (fixed.clone(), Filter::parse(&fixed, &context).map_err(|error| Failure::Usage(error.to_string()))?),
        filter: (args.sockets.filter.join(" "), selection.filter().clone()),
        context,
        request,
        remembered,
        interval: args.interval,
        colours,
        places,
        names: args.sockets.resolve == Some(true),
        signals: SIGNALS,
        notices,
    };
    let monitor = Monitor::start(source, options)
        .map_err(|error| Failure::System(format!("can't start a thread to look with: {error}")))?;
    let actions = Arc::new(System { kept, said: Mutex::default() });
    match sockscope_tui::run(monitor, app, actions) {
        Ok(Ended::Quit) => Ok(Exit::Done),
        Ok(Ended::Signal(signal)) => {
            sockscope_tui::end_by(signal);
            Ok(Exit::System)
        }
        Err(error) => Err(Failure::System(format!("can't show the table on the terminal: {error}"))),
    }
}

/// What the question whether to end a process offers.
#[cfg(not(windows))]
const SIGNALS: &[&str] = &["TERM", "INT", "HUP", "KILL", "STOP", "CONT"];
#[cfg(windows)]
const SIGNALS: &[&str] = &[];

/// How many colours the terminal has, if it is one on which a table can be shown.
fn colours(when: When) -> Result<Colours, Failure> {
    let variable = |name: &str| std::env::var_os(name).map(|it| it.to_string_lossy().into_owned());
    let is_dumb = variable("TERM").map_or(cfg!(not(windows)), |term| term.is_empty() || term == "dumb");
    let reason = if !io::stdout().is_terminal() {
        "standard output is no terminal"
    } else if !io::stdin().is_terminal() {
        "standard input is no terminal"
    } else if is_dumb {
        "this terminal can't move its cursor (see TERM)"
    } else if Terminal::of_stdout().colour(when) {
        return Ok(Colours::of_terminal(variable));
    } else {
        return Ok(Colours::None);
    };
    Err(Failure::Usage(format!(
        "top needs a terminal: {reason}; `sockscope watch` prints what opens and closes, `sockscope list` what is there"
    )))
}

/// What the command line says comes before what was shown last.
fn choose(remembered: &mut Remembered, args: &TopArgs) -> Result<(), Failure> {
    if let Some(view) = args.view {
        remembered.view = view;
    }
    let view = remembered.view;
    let column = |option: &str, name: &str| {
        Shown::from_name(view, name).ok_or_else(|| {
            let all: Vec<&str> = match view {
                View::Sockets => vec!["those of `sockscope list --columns help`", "sending", "receiving", "trend"],
                _ => Shown::all(view).into_iter().map(Shown::name).collect(),
            };
            let (name, all) = (clean(name).into_owned(), all.join(", "));
            Failure::Usage(format!("{option}: the view of {} has no column '{name}'; there are: {all}", view.name()))
        })
    };
    if let Some(names) = &args.columns {
        let columns: Result<Vec<Shown>, Failure> = names.split(',').map(|name| column("--columns", name)).collect();
        remembered.of_mut(view).columns = Some(columns?);
    }
    if let Some(sort) = &args.sort {
        let (name, direction) = sort.split_once(':').unwrap_or((sort, "asc"));
        let descending = match direction.trim() {
            "asc" => false,
            "desc" => true,
            other => {
                let other = clean(other);
                return Err(Failure::Usage(format!(
                    "--sort: `{other}` is no direction; `asc` or `desc` could stand there"
                )));
            }
        };
        remembered.of_mut(view).sort = Sort { by: Some(column("--sort", name)?), descending };
    }
    Ok(())
}

/// What is done to sockets and processes, and where the table is remembered.
struct System {
    kept: Kept,
    /// Whether it was said already that nothing can be remembered.
    said: Mutex<bool>,
}

impl sockscope_live::Actions for System {
    fn close(&self, socket: &Socket) -> Result<(), String> {
        sockscope::close(socket)
    }

    fn kill(&self, process: ProcessId, signal: &str) -> Result<(), String> {
        sockscope::end(process, signal)
    }
}

impl sockscope_tui::Actions for System {
    fn remember(&self, remembered: &Remembered) -> Result<(), String> {
        let written = self.kept.keep(&remembered.to_text());
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match written {
            Ok(()) => Ok(()),
            Err(_) if std::mem::replace(&mut said, true) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
