//! `sockscope-window`: the live table of sockets in a window.

#![forbid(unsafe_code)]
// Else Windows opens a console beside the window.
#![cfg_attr(windows, windows_subsystem = "windows")]

mod args;
mod desk;
/// The manual page.
mod page;
/// What draws on Windows, where there is a choice.
#[cfg(windows)]
mod renderer;
/// What can go wrong, and how it is said.
mod trouble;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use clap::error::{ContextKind, ErrorKind};
use eframe::NativeOptions;
use sockscope::{DatabaseOptions, Databases, Kept, Locator, SourceChoice};
use sockscope_core::{Monitor, MonitorOptions};
use sockscope_live::{Shown, Sort};
use sockscope_model::{Notice, Request, Source};
use sockscope_output::clean;
use sockscope_sys::{Stream, tell};
use sockscope_window::{AppOptions, Language, MadeUp, Privilege, Remembered, Started, Timings, run};

use crate::args::Args;
use crate::desk::SystemDesk;
use crate::trouble::{Failure, PROGRAM, caught, why_no_window};

fn main() -> ExitCode {
    sockscope_sys::serve_apart();
    sockscope_sys::give_memory_back();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return ExitCode::from(explain(error)),
    };
    if args.man {
        return page::print();
    }
    match start(&args) {
        Ok(()) => ExitCode::SUCCESS,
        #[cfg(windows)]
        Err(failure) if failure.nothing_shown && args.may_try_glow() => match renderer::again_with_glow() {
            Ok(status) => ExitCode::from(status),
            Err(_) => failure.end(),
        },
        Err(failure) => failure.end(),
    }
}

/// Says what was wrong with what was typed, or the help that was asked for; the status.
fn explain(mut error: clap::Error) -> u8 {
    if !error.use_stderr() {
        // In colours, where there is a terminal; a program for Windows has to look for one.
        if cfg!(windows) {
            tell(Stream::Output, PROGRAM, &error.render().to_string());
        } else {
            let _ = error.print();
        }
        return 0;
    }
    if error.kind() == ErrorKind::UnknownArgument {
        // It advises to put the word behind --, where it would be a bad filter.
        error.remove(ContextKind::Suggested);
    }
    let message = error.render().to_string();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    tell(Stream::Error, PROGRAM, &format!("{PROGRAM}: {message}"));
    2
}

fn start(args: &Args) -> Result<(), Failure> {
    let choice = source(args.source.as_deref())?;
    let kept = if args.benchmark.is_some() { Kept::default() } else { Kept::of("the window", "window.toml") };
    let (mut remembered, notice) = kept.recall(Remembered::parse);
    let mut notices: Vec<Notice> = notice.into_iter().collect();
    let mut desk = SystemDesk::new(args.databases.clone(), kept);
    desk.replays = args.replay.is_some();
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
    let databases = Databases::open(&options).map_err(|error| Failure::system(error.to_string()))?;
    notices.extend(databases.notices);
    let atlas = databases.atlas;
    let source: Box<dyn Source + Send> = match (args.benchmark, &args.replay) {
        (Some(rows), _) => Box::new(MadeUp::new(rows)),
        (None, Some(file)) => {
            Box::new(sockscope_record::Replay::open(file).map_err(|error| Failure::system(error.to_string()))?)
        }
        (None, None) => Box::new(sockscope::native(choice).map_err(|error| Failure::system(error.to_string()))?),
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
        .map_err(|error| Failure::system(format!("can't start a thread to look with: {error}")))?;
    let mut context = sockscope::filter_context();
    if args.replay.is_some() {
        // The recording has its own, by its own numbers.
        context.interfaces.clear();
    }
    let app = AppOptions {
        context,
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
    let is_drawn = Arc::new(AtomicBool::new(false));
    let started = Started {
        monitor,
        options: app,
        desk: Arc::new(desk),
        timings: timings.clone(),
        is_drawn: Arc::clone(&is_drawn),
        native,
    };
    match caught(|| run(started)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(Failure::no_window(&why_no_window(&error))),
        Err(panic) if !is_drawn.load(Ordering::Relaxed) => {
            return Err(Failure::no_window(panic.trim_end_matches('.')));
        }
        Err(panic) => return Err(Failure::system(format!("the window broke down, by a mistake of its own: {panic}"))),
    }
    if let (Some(timings), Some(rows)) = (timings, args.benchmark) {
        println!("{}", timings.report(rows, desk::memory()));
    }
    Ok(())
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
        return Err(Failure::system(format!("the source '{name}' is not available here; there are: {here}")));
    }
    Err(Failure::usage(format!("there is no source named '{}'; there are: {here}", clean(name))))
}
