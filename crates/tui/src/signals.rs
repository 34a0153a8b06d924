/// A signal that concerns the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "other systems send none"))]
pub(crate) enum Signal {
    /// End: SIGTERM, SIGHUP, SIGINT, by number.
    End(i32),
    /// Stop until told to go on.
    Stop,
    /// Go on: the terminal may have been another's meanwhile.
    GoOn,
}

#[cfg(unix)]
pub(crate) use of_unix::{end, listen, stop, stop_group};

#[cfg(unix)]
mod of_unix {
    use std::{io, thread};

    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level;

    use super::Signal;

    /// Tells of signals from now on, on a thread of its own.
    pub(crate) fn listen(mut tell: impl FnMut(Signal) -> bool + Send + 'static) -> io::Result<()> {
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT])?;
        let listen = move || {
            for signal in signals.forever() {
                let signal = match signal {
                    SIGTSTP => Signal::Stop,
                    SIGCONT => Signal::GoOn,
                    number => Signal::End(number),
                };
                if !tell(signal) {
                    return;
                }
            }
        };
        thread::Builder::new().name("signals".into()).spawn(listen).map(drop)
    }

    /// Stops as by the key of a terminal that is not in raw mode: everything in front of it, us included by way of the signal.
    pub(crate) fn stop_group() -> io::Result<()> {
        Ok(rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?)
    }

    /// Stops; returns when told to go on.
    pub(crate) fn stop() -> io::Result<()> {
        low_level::emulate_default_handler(SIGTSTP)
    }

    /// Ends as if the signal had not been caught, so that whoever waits for us sees it.
    pub(crate) fn end(number: i32) -> io::Result<()> {
        low_level::emulate_default_handler(number)
    }
}

/// Consoles have no such signals.
#[cfg(not(unix))]
pub(crate) fn listen(_: impl FnMut(Signal) -> bool + Send + 'static) -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn stop_group() -> std::io::Result<()> {
    Err(std::io::Error::other("this system can't suspend programs"))
}

#[cfg(not(unix))]
pub(crate) fn stop() -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn end(_: i32) -> std::io::Result<()> {
    Ok(())
}
