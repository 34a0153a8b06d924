//! The program on a display of its own, under a window manager: that it comes up, and how it ends. Where there is no Xvfb, openbox or
//! xdotool it is said that this is not tested; `.ci/run` installs them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by it")]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than anything takes; nothing waits so long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A display, with what runs on it; all of it ends with it.
struct Display {
    name: String,
    home: TempDir,
    programs: Vec<Child>,
}

impl Drop for Display {
    fn drop(&mut self) {
        // The server last.
        for program in self.programs.iter_mut().rev() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

impl Display {
    /// `None`, with a word on why, where the programs for it are missing.
    fn open(server_options: &[&str]) -> Option<Display> {
        for program in ["Xvfb", "openbox", "xdotool"] {
            let there = std::env::split_paths(&std::env::var_os("PATH")?).any(|place| place.join(program).exists());
            if !there {
                eprintln!("not tested: there is no {program}");
                return None;
            }
        }
        // It looks for a number that is free, and writes it down when it listens. Where its last client goes it would begin anew, and
        // refuse whoever comes just then.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0", "1280x800x24"])
            .args(server_options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = server.stdout.take().unwrap();
        let mut number = String::new();
        let mut byte = [0];
        while output.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            number.push(char::from(byte[0]));
        }
        assert!(!number.is_empty(), "Xvfb does not start");
        let mut display =
            Display { name: format!(":{number}"), home: tempfile::tempdir().unwrap(), programs: vec![server] };
        let manager = display.command("openbox").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        display.programs.push(manager);
        Some(display)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.name).env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        command.env("HOME", self.home.path()).env("XDG_STATE_HOME", self.home.path());
        command
    }

    /// Starts the program, and waits until its window is there.
    fn start(&self, words: &[&str]) -> Child {
        let mut command = self.command(env!("CARGO_BIN_EXE_sockscope-window"));
        let mut child = command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        while !self.is_shown() {
            assert_eq!(child.try_wait().unwrap(), None, "{:?}", child.wait_with_output());
            assert!(began.elapsed() < PATIENCE, "no window");
            sleep(Duration::from_millis(50));
        }
        child
    }

    fn is_shown(&self) -> bool {
        let search = ["search", "--onlyvisible", "--name", "^sockscope "];
        let output = self.command("xdotool").args(search).stderr(Stdio::null()).output().unwrap();
        !output.stdout.is_empty()
    }

    fn xdotool(&self, words: &[&str]) {
        assert!(self.command("xdotool").args(words).status().unwrap().success(), "{words:?}");
    }

    /// Types these, and leaves time for what they lead to: whatever is typed before goes elsewhere.
    fn keys(&self, keys: &[&str]) {
        self.xdotool(&[&["key"], keys].concat());
        sleep(Duration::from_millis(300));
    }

    /// The number of the window.
    fn window(&self) -> String {
        let search = ["search", "--onlyvisible", "--name", "^sockscope "];
        let output = self.command("xdotool").args(search).output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
    }

    /// Tries again until it is so.
    fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "it is never {what}");
            sleep(Duration::from_millis(300));
        }
    }

    /// Closes the window as the keys of the window manager do, which asks it to.
    fn close(&self, child: &mut Child) {
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not close");
            assert!(self.command("xdotool").args(["key", "alt+F4"]).status().unwrap().success());
            sleep(Duration::from_millis(200));
        }
    }
}

/// Nothing was said.
fn is_silent(output: &Output) {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn it_shows_itself_and_closing_it_is_no_failure() {
    let Some(display) = Display::open(&[]) else { return };
    let mut child = display.start(&["--filter", "listening"]);
    display.close(&mut child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    is_silent(&output);
    assert!(display.home.path().join("sockscope/window.toml").exists(), "what was shown is remembered");
}

/// On real sockets: sorted by a click, filtered by typing, closed through the question. Whether the sorting took place is seen in what it
/// remembers, the filtering in what it saves.
#[test]
fn it_sorts_filters_saves_and_closes_a_connection() {
    let Some(display) = Display::open(&[]) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = || (TcpStream::connect(("127.0.0.1", port)).unwrap(), listener.accept().unwrap().0);
    let ((one, _one), (mut other, _other)) = (connect(), connect());
    let mut child = display.start(&["--language", "en"]);
    let state = || fs::read_to_string(display.home.path().join("sockscope/window.toml")).unwrap_or_default();
    // The titles stand below the bar; the first column is that of processes.
    display.until("sorted", || {
        display.xdotool(&["mousemove", "--window", &display.window(), "60", "48", "click", "1"]);
        sleep(Duration::from_millis(300));
        // Another click would turn it round.
        state().contains("sort = \"process")
    });
    let own = one.local_addr().unwrap().port();
    let saved = || {
        let files = fs::read_dir(display.home.path()).unwrap().filter_map(Result::ok).map(|entry| entry.path());
        files
            .filter(|path| path.extension().is_some_and(|it| it == "csv"))
            .find_map(|path| fs::read_to_string(path).ok())
    };
    display.until("saved", || {
        // Keys may have come too soon: what they led to is left first.
        display.keys(&["Escape"]);
        display.keys(&["ctrl+f"]);
        display.keys(&["ctrl+a"]);
        display.xdotool(&["type", "--delay", "30", &format!("sport = {own}")]);
        display.keys(&["Return"]);
        display.keys(&["ctrl+s"]);
        // Where it is there already, the second answers whether to replace it.
        display.keys(&["Return"]);
        display.keys(&["Return"]);
        saved().is_some_and(|csv| csv.lines().count() == 2 && csv.contains(&format!(":{own}")))
    });
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0\n");
    if is_root {
        one.set_nonblocking(true).unwrap();
        display.until("closed", || {
            display.keys(&["Escape", "Home", "Delete"]);
            display.keys(&["shift+Tab"]);
            display.keys(&["Return"]);
            // The kernel tells whoever had it open (ECONNABORTED), and its end (ECONNRESET).
            !matches!((&one).read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
        });
        other.write_all(b"x").unwrap();
    }
    display.close(&mut child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

/// Without GLX there is EGL.
#[test]
fn it_needs_no_glx() {
    let Some(display) = Display::open(&["-extension", "GLX"]) else { return };
    let mut child = display.start(&[]);
    display.close(&mut child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

/// A display of 256 colours has nothing that OpenGL could draw on.
#[test]
fn where_nothing_can_draw_it_says_so_and_ends() {
    let Some(display) = Display::open(&["-screen", "0", "640x480x8"]) else { return };
    let output = display.command(env!("CARGO_BIN_EXE_sockscope-window")).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("OpenGL") && message.contains("`sockscope top`"), "{message}");
    assert!(!message.contains("panicked") && !message.contains(".rs:"), "{message}");
}

#[test]
fn signals_end_it() {
    let Some(display) = Display::open(&[]) else { return };
    for (name, number) in [("-TERM", 15), ("-HUP", 1)] {
        let child = display.start(&[]);
        assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(number), "{output:?}");
        is_silent(&output);
    }
}
