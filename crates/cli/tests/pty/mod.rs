use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Output, Stdio};

/// Runs a program on a terminal of its own: standard input and error. When `awaited` is to be seen there, `meanwhile` happens, and
/// the answer is typed. Returns what it ended with, standard output in it, and what was to be seen until then.
pub(crate) fn on_a_terminal(
    command: &mut Command,
    awaited: &str,
    answer: &[u8],
    meanwhile: impl FnOnce(),
) -> (Output, String) {
    let (mut terminal, mut inside) = (0, 0);
    // SAFETY: both pointers are to integers that live; null asks for no name and gives no settings.
    let status = unsafe {
        libc::openpty(&raw mut terminal, &raw mut inside, std::ptr::null_mut(), std::ptr::null(), std::ptr::null())
    };
    assert_eq!(status, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: openpty succeeded, so the descriptor is open, and nobody else has it.
    let mut terminal = File::from(unsafe { OwnedFd::from_raw_fd(terminal) });
    // SAFETY: as above.
    let inside = unsafe { OwnedFd::from_raw_fd(inside) };
    // Other children of this process must not keep the terminal open.
    for end in [&inside, &OwnedFd::from(terminal.try_clone().unwrap())] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC).unwrap();
    }
    command.stdin(inside.try_clone().unwrap()).stderr(inside).stdout(Stdio::piped());
    command.env("TERM", "dumb").env_remove("CLICOLOR_FORCE").env_remove("COLUMNS");
    let child = command.spawn().unwrap();
    // Nor must the command.
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(awaited) {
        let mut buffer = [0; 4096];
        // The end is an error here: nobody has the inside any more.
        match terminal.read(&mut buffer) {
            Ok(count) if count > 0 => seen.extend(buffer.iter().take(count)),
            end => panic!("{awaited} was never seen: {end:?}: {}", String::from_utf8_lossy(&seen)),
        }
    }
    meanwhile();
    terminal.write_all(answer).unwrap();
    (child.wait_with_output().unwrap(), String::from_utf8(seen).unwrap())
}
