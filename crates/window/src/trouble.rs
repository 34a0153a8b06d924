use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, thread};

use sockscope_output::clean;
use sockscope_sys::{Stream, tell};

/// The name in front of messages, and above those in a box.
pub(crate) const PROGRAM: &str = "sockscope-window";

/// Why there is no window, or none any more: what to say, and the status.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    status: u8,
    /// Nothing was shown: something else might draw.
    #[cfg_attr(not(windows), expect(dead_code, reason = "elsewhere there is one thing that draws"))]
    pub(crate) nothing_shown: bool,
}

impl Failure {
    /// What was typed makes no sense.
    pub(crate) fn usage(message: String) -> Failure {
        Failure { message, status: 2, nothing_shown: false }
    }

    /// The system refused or failed.
    pub(crate) fn system(message: String) -> Failure {
        Failure { message, status: 3, nothing_shown: false }
    }

    /// Nothing can be shown.
    pub(crate) fn no_window(why: &str) -> Failure {
        let message = format!("can't show a window: {why}; `sockscope top` shows the same in a terminal");
        Failure { nothing_shown: true, ..Failure::system(message) }
    }

    /// Tells the user, and gives the status. It may name files, and what is in them.
    pub(crate) fn end(&self) -> ExitCode {
        tell(Stream::Error, PROGRAM, &format!("{PROGRAM}: {}", clean(&self.message)));
        ExitCode::from(self.status)
    }
}

/// What is missing, in words for people.
pub(crate) fn why_no_window(error: &eframe::Error) -> String {
    let display = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    match error {
        eframe::Error::WinitEventLoop(error) if cfg!(unix) => {
            let Some(display) = display("WAYLAND_DISPLAY").or_else(|| display("DISPLAY")) else {
                return "there is no display (neither WAYLAND_DISPLAY nor DISPLAY is set)".to_owned();
            };
            format!("the display {display} can't be opened ({})", without_place(&error.to_string()))
        }
        eframe::Error::WinitEventLoop(error) => without_place(&error.to_string()).to_owned(),
        eframe::Error::Winit(error) => without_place(&error.to_string()).to_owned(),
        eframe::Error::Glutin(error) => format!("nothing can draw on this display by OpenGL ({error})"),
        eframe::Error::NoGlutinConfigs(_, error) => format!("nothing can draw on this display by OpenGL ({error})"),
        error => error.to_string(),
    }
}

/// Without the line of the library that could not go on, which says nothing to anybody else.
fn without_place(message: &str) -> &str {
    let cause = message.strip_prefix("os error at ").and_then(|rest| rest.split_once(": "));
    cause.map_or(message, |(_, cause)| cause)
}

/// Does it, and if it panics, says with what. Libraries that look for displays panic where a part of the system is missing.
pub(crate) fn caught<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    let said = Arc::new(Mutex::new(None));
    let (note, here) = (Arc::clone(&said), thread::current().id());
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == here {
            *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.to_string());
        } else {
            before(info);
        }
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(act));
    // That of this thread only: what other threads said goes where it always goes.
    let _ = panic::take_hook();
    result.map_err(|payload| {
        let said = said.lock().unwrap_or_else(PoisonError::into_inner).take();
        message_of(&*payload).or(said).unwrap_or_else(|| "for no reason that it told".to_owned())
    })
}

fn message_of(payload: &(dyn Any + Send)) -> Option<String> {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref().copied());
    text.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| panic!("no {}", "library")), Err::<(), _>("no library".to_owned()));
        assert_eq!(caught(|| panic::panic_any(7)).map_err(|said| said.contains("trouble.rs")), Err::<(), _>(true));
    }

    #[test]
    fn the_line_of_a_library_is_left_out() {
        assert_eq!(without_place("os error at src/x.rs:7: no display: at all"), "no display: at all");
        assert_eq!(without_place("no display"), "no display");
    }
}
