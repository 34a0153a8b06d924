use std::ffi::OsString;
use std::io::{self, Write};

/// Where a program says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output: what was asked for.
    Output,
    /// Standard error: what went wrong.
    Error,
}

impl Stream {
    /// In one write, so that messages of programs that share it do not mix. If it is closed, nobody is left to tell.
    pub(crate) fn write(self, text: &str) {
        let text = format!("{}\n", text.trim_end_matches('\n'));
        let _ = match self {
            Stream::Output => io::stdout().write_all(text.as_bytes()),
            Stream::Error => io::stderr().write_all(text.as_bytes()),
        };
    }
}

/// Says something where the user of a program with a window looks: on Windows, such a program has no console, and no streams but
/// those that somebody redirects. There it says it on the console of whoever started it, else in a box with that title.
#[cfg_attr(not(windows), expect(unused_variables, reason = "only a box has a title"))]
pub fn tell(stream: Stream, title: &str, text: &str) {
    #[cfg(all(windows, not(sockscope_null)))]
    crate::windows::tell(stream, title, text);
    #[cfg(not(all(windows, not(sockscope_null))))]
    stream.write(text);
}

/// Whether this process has an administrator's full rights already. Only Windows has administrators who work without them.
pub fn is_elevated() -> bool {
    #[cfg(all(windows, not(sockscope_null)))]
    return crate::windows::is_elevated();
    #[cfg(not(all(windows, not(sockscope_null))))]
    return crate::viewer_uid() == Some(0);
}

/// Starts this program once more, with an administrator's rights, after Windows has asked the user; does not wait for it to end.
///
/// # Errors
/// Why not, in a few words; systems other than Windows can't.
#[cfg_attr(not(windows), expect(unused_variables, reason = "nothing is started"))]
pub fn restart_elevated(arguments: &[OsString]) -> Result<(), String> {
    #[cfg(all(windows, not(sockscope_null)))]
    return crate::windows::restart_elevated(arguments);
    #[cfg(not(all(windows, not(sockscope_null))))]
    return Err("this system has no way to start a program again with more privilege".into());
}
