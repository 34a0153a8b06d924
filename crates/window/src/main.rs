//! `sockscope-window`: the live table of sockets in a window.

#![forbid(unsafe_code)]
// Else Windows opens a console beside the window.
#![cfg_attr(windows, windows_subsystem = "windows")]

mod args;
mod desk;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use eframe::NativeOptions;
use sockscope::{DatabaseOptions, Databases, Locator, SourceChoice};
use sockscope_core::{Monitor, MonitorOptions};
use sockscope_live::{Shown, Sort};
use sockscope_model::{Request, Source};
use sockscope_output::clean;
use sockscope_window::{AppOptions, Language, MadeUp, Privilege, Started, Timings, run};

use crate::args::Args;
use crate::desk::SystemDesk;

/// Why there is no window: what to say, and the status.
struct Failure(String, u8);

fn main() -> ExitCode {
    match start(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(message, status)) => {
            eprintln!("sockscope-window: {message}");
            ExitCode::from(status)
        }
    }
}

fn start(args: &Args) -> Result<(), Failure> {
    let choice = source(args.source.as_deref())?;
    let mut desk = SystemDesk::new(args.databases.clone(), args.benchmark.is_none());
    desk.replays = args.replay.is_some();
    let (mut remembered, mut notices) = desk.recall();
    remembered.locale = sockscope_sys::locale().and_then(|locale| Language::of_locale(&locale)).unwrap_or_default();
    if let Some(language) = args.language {
        remembered.language = Some(language);
    }
    if let Some(theme) = args.theme {
        remembered.theme = theme;
    }
    if let Some(interval) = args.interval {
        remembered.interval = interval;
    }
    if args.benchmark.is_some() {
        // As fast as it looks, and by what changes most.
        remembered.interval = std::time::Duration::from_millis(100);
        remembered.sort = Sort { by: Some(Shown::Receiving), descending: true };
    }
    // Places are told in the language of the window, if somebody chose that.
    let language = remembered.language.and_then(|language| sockscope::geo::Language::parse(language.tag()));
    let options = DatabaseOptions { files: args.databases.clone(), keep: true, language };
    let databases = Databases::open(&options).map_err(|error| Failure(error.to_string(), 3))?;
    notices.extend(databases.notices);
    let atlas = databases.atlas;
    let source: Box<dyn Source + Send> = match (args.benchmark, &args.replay) {
        (Some(rows), _) => Box::new(MadeUp::new(rows)),
        (None, Some(file)) => {
            Box::new(sockscope_record::Replay::open(file).map_err(|error| Failure(error.to_string(), 3))?)
        }
        (None, None) => Box::new(sockscope::native(choice).map_err(|error| Failure(error.to_string(), 3))?),
    };
    let request = Request { owners: true, process_details: cfg!(windows), traffic: true, ..Request::default() };
    let monitor_options = MonitorOptions {
        interval: remembered.interval,
        hurry: true,
        places: Some(Box::new(move || Locator::new(atlas))),
        names: args.resolve.then(sockscope::resolver),
        ..MonitorOptions::new(request.clone())
    };
    let monitor = Monitor::start(source, monitor_options)
        .map_err(|error| Failure(format!("can't start a thread to look with: {error}"), 3))?;
    let app = AppOptions {
        context: sockscope::filter_context(),
        filter: args.filter(),
        request,
        remembered,
        signals: SIGNALS,
        notices,
        // Of a recording, no privilege shows more.
        privilege: if args.replay.is_some() { Privilege::Full } else { desk::privilege() },
        folder: desk::folder(),
        replay: args.replay.as_ref().map(|file| file.display().to_string()),
    };
    let native = NativeOptions { renderer: args.renderer(), ..NativeOptions::default() };
    let timings = args.benchmark.map(|_| Arc::new(Timings::default()));
    let started = Started { monitor, options: app, desk: Arc::new(desk), timings: timings.clone(), native };
    run(started).map_err(|error| {
        let why = why_no_window(&error);
        let message =
            format!("can't show a window: {why}; `sockscope top` shows the same in a terminal, and needs no display");
        Failure(message, 3)
    })?;
    if let (Some(timings), Some(rows)) = (timings, args.benchmark) {
        println!("{}", timings.report(rows, desk::memory()));
    }
    Ok(())
}

/// What is missing, in words for people.
fn why_no_window(error: &eframe::Error) -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match error {
        eframe::Error::WinitEventLoop(_) if cfg!(unix) => match set("WAYLAND_DISPLAY").or_else(|| set("DISPLAY")) {
            Some(display) => format!("the display {} can't be opened", clean(&display)),
            None => "there is no display (neither WAYLAND_DISPLAY nor DISPLAY is set)".to_owned(),
        },
        eframe::Error::Glutin(error) => format!("nothing can draw on this display by OpenGL ({error})"),
        eframe::Error::NoGlutinConfigs(_, error) => format!("nothing can draw on this display by OpenGL ({error})"),
        error => error.to_string(),
    }
}

/// What the question whether to end a process offers.
#[cfg(not(windows))]
const SIGNALS: &[&str] = &["TERM", "INT", "HUP", "KILL", "STOP", "CONT"];
#[cfg(windows)]
const SIGNALS: &[&str] = &[];

fn source(name: Option<&str>) -> Result<SourceChoice, Failure> {
    let Some(name) = name else { return Ok(SourceChoice::Auto) };
    if let Some(choice) = sockscope::SOURCES.iter().find(|choice| choice.name() == name) {
        return Ok(*choice);
    }
    let here: Vec<&str> = sockscope::SOURCES.iter().map(|choice| choice.name()).collect();
    let here = here.join(", ");
    if name == "bpf" || SourceChoice::ALL.iter().any(|choice| choice.name() == name) {
        return Err(Failure(format!("the source '{name}' is not available here; there are: {here}"), 3));
    }
    Err(Failure(format!("there is no source named '{}'; there are: {here}", clean(name)), 2))
}
