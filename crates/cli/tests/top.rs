//! `sockscope top` on a real terminal (tmux's) with real sockets: every key, and the terminal as it was afterwards.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what can't be made or is not there is a failed test"
)]

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long something may take before it is held for broken; machines are slow at times.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with a shell in it.
struct Pane {
    directory: TempDir,
}

impl Pane {
    fn open(width: u16, height: u16) -> Pane {
        let pane = Pane { directory: tempfile::tempdir().unwrap() };
        let (width, height) = (width.to_string(), height.to_string());
        let mut command = pane.command();
        command.args(["-f", "/dev/null", "-u", "new-session", "-d", "-x", &width, "-y", &height]);
        command.args(["env", "-u", "NO_COLOR", "-u", "COLUMNS", "-u", "LINES", "PS1=prompt> "]);
        command.arg(format!("XDG_STATE_HOME={}", pane.directory.path().join("state").display()));
        for variable in ["XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS"] {
            command.arg(format!("{variable}=/nonexistent"));
        }
        command.args(["bash", "--norc", "--noprofile", "-i"]);
        let output = command.output().unwrap_or_else(|error| panic!("tmux: {error}; apt-get install tmux"));
        assert!(output.status.success(), "{output:?}");
        // What programs put on the clipboard is kept in a buffer.
        pane.tmux(&["set-option", "-g", "set-clipboard", "on"]);
        pane.wait("a prompt", |screen| screen.contains("prompt>"));
        pane
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.directory.path().join("socket")).env_remove("TMUX");
        command
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.command().arg("-u").args(arguments).output().unwrap();
        assert!(output.status.success(), "tmux {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// With the sequences that colour it.
    fn coloured_screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Waits until the screen is so, and returns it.
    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "waiting for {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    #[track_caller]
    fn wait_without(&self, text: &str) -> String {
        self.wait(&format!("no {text}"), |screen| !screen.contains(text))
    }

    /// Presses keys by tmux's names for them.
    fn keys(&self, keys: &[&str]) {
        let mut arguments = vec!["send-keys"];
        arguments.extend(keys);
        self.tmux(&arguments);
    }

    /// Types text as it is.
    fn text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// Runs a command line in the shell.
    fn run(&self, line: &str) {
        self.text(line);
        self.keys(&["Enter"]);
    }

    /// Starts the table and waits until it is there.
    fn top(&self, arguments: &str) {
        self.run(&format!("clear; {} top {arguments}; echo ended $?", env!("CARGO_BIN_EXE_sockscope")));
        self.wait("the table", |screen| {
            screen.starts_with("sockscope top") && screen.contains(" sockets") || screen.contains(" of ")
        });
    }

    fn property(&self, name: &str) -> String {
        self.tmux(&["display-message", "-p", &format!("#{{{name}}}")]).trim().to_owned()
    }

    /// The table's process: the shell's only child.
    fn top_pid(&self) -> String {
        let shell = self.property("pane_pid");
        fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap().trim().to_owned()
    }

    /// The table ended so, and the terminal is what it was before.
    #[track_caller]
    fn wait_end(&self, status: &str) {
        self.wait_for(&format!("ended {status}"));
        for (name, value) in
            [("alternate_on", "0"), ("mouse_any_flag", "0"), ("cursor_flag", "1"), ("mouse_sgr_flag", "0")]
        {
            assert_eq!(self.property(name), value, "{name}");
        }
        self.run("clear; stty -a | tr ' ' '\\n' | grep -cxE 'icanon;?|echo;?|isig;?|opost;?|icrnl;?'; echo");
        self.wait("the line discipline of a shell", |screen| screen.lines().any(|line| line == "5"));
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        drop(self.command().arg("kill-server").output());
    }
}

/// A listener of our own, and what connects to it.
struct Door {
    listener: TcpListener,
    port: u16,
}

impl Door {
    fn open() -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        Door { listener, port }
    }

    fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        (client, self.listener.accept().unwrap().0)
    }

    /// Whatever has to do with it, and nothing else on this machine.
    fn filter(&self) -> String {
        format!("'sport = :{0} or dport = :{0}'", self.port)
    }
}

/// A process that holds a socket and nothing more; by whatever name.
struct Holder(Child);

impl Holder {
    fn start(program: &std::path::Path, socket: OwnedFd) -> Holder {
        Holder(Command::new(program).arg("1000").stdin(Stdio::from(socket)).spawn().unwrap())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn titles(screen: &str) -> &str {
    screen.lines().nth(3).unwrap_or_default()
}

#[test]
fn every_key_does_what_the_help_says() {
    let door = Door::open();
    let (client, _server) = door.connect();
    let client_port = client.local_addr().unwrap().port();
    let pane = Pane::open(110, 30);
    pane.top(&door.filter());
    let screen = pane.wait("three sockets", |screen| screen.contains("3 of "));
    assert!(screen.contains(&format!("127.0.0.1:{}", door.port)), "{screen}");

    // The help.
    for key in ["?", "h", "F1"] {
        pane.keys(&[key]);
        pane.wait_for("Moving");
        pane.keys(&["End"]);
        pane.wait_without("↓");
        pane.keys(&["Escape"]);
        pane.wait_for("Local");
    }
    // Pause: nothing moves, until asked to look.
    for key in ["p", "Space"] {
        pane.keys(&[key]);
        pane.wait_for("PAUSED");
        pane.keys(&[key]);
        pane.wait_without("PAUSED");
    }
    pane.keys(&["p"]);
    pane.wait_for("PAUSED");
    let (second, _second_server) = door.connect();
    let second_port = second.local_addr().unwrap().port();
    pane.keys(&["u"]);
    let screen = pane.wait_for(&format!(":{second_port}"));
    let marked = screen.lines().filter(|line| line.starts_with("+ ")).count();
    assert_eq!(marked, 2, "both ends are new: {screen}");
    drop(second);
    drop(_second_server);
    pane.keys(&["F5"]);
    let screen =
        pane.wait("one end in TIME-WAIT, one gone", |screen| screen.lines().any(|line| line.starts_with("- ")));
    assert!(screen.lines().any(|line| line.starts_with("~ ") && line.contains("time-wait")), "{screen}");
    pane.keys(&["u"]);
    pane.wait("it is gone for good", |screen| !screen.lines().any(|line| line.starts_with(['-', '~'])));
    pane.keys(&["p"]);
    pane.wait_without("PAUSED");

    // The views, and into a group and back.
    for (key, title) in [("2", "PID"), ("3", "Remote host"), ("4", "Country"), ("5", "Listener"), ("1", "Local")] {
        pane.keys(&[key]);
        pane.wait(title, |screen| titles(screen).contains(title));
    }
    pane.keys(&["Tab"]);
    pane.wait("processes", |screen| titles(screen).contains("PID"));
    pane.keys(&["BTab"]);
    pane.wait("sockets", |screen| titles(screen).contains("Local"));
    pane.keys(&["5", "Enter"]);
    pane.wait_for(&format!("› tcp 127.0.0.1:{}", door.port));
    pane.keys(&["Escape"]);
    pane.wait("listeners", |screen| titles(screen).contains("Listener"));
    pane.keys(&["1"]);
    pane.wait("sockets", |screen| titles(screen).contains("Local"));

    // Moving, seen by what opens: only the listener has an exposure, and it comes first.
    let opens = |is_listener: bool| {
        pane.keys(&["Enter"]);
        let screen = pane.wait("details", |screen| {
            screen.contains("Owner") && screen.contains("cookie") || screen.contains("inode")
        });
        assert_eq!(screen.contains("exposure"), is_listener, "{screen}");
        pane.keys(&["Escape"]);
        pane.wait("the table", |screen| titles(screen).contains("Local"));
    };
    opens(true);
    for (away, back) in [
        ("j", "k"),
        ("Down", "Up"),
        ("G", "g"),
        ("End", "Home"),
        ("PageDown", "PageUp"),
        ("C-d", "C-u"),
        ("C-f", "C-b"),
    ] {
        pane.keys(&[away]);
        opens(false);
        pane.keys(&[back]);
        opens(true);
    }
    pane.keys(&["Right", "Right"]);
    pane.wait("columns scrolled", |screen| titles(screen).trim_start().starts_with("Local"));
    pane.keys(&["Left", "Left"]);
    pane.wait("columns scrolled back", |screen| titles(screen).trim_start().starts_with("Proto"));

    // The order.
    for key in ["s", "F6"] {
        pane.keys(&[key]);
        pane.wait_for("Sort by");
        pane.keys(&["Home", "j", "j", "j", "Enter"]);
        pane.wait("sorted by local", |screen| titles(screen).contains("Local▲") || titles(screen).contains("Local▼"));
    }
    pane.keys(&[">"]);
    pane.wait("sorted by remote", |screen| titles(screen).contains("Remote▲"));
    for key in ["r", "I"] {
        pane.keys(&[key]);
    }
    pane.keys(&["r"]);
    pane.wait("reversed", |screen| titles(screen).contains("Remote▼"));
    pane.keys(&["<", "<", "<", "<"]);
    pane.wait("the usual order", |screen| !titles(screen).contains(['▲', '▼']));

    // Columns.
    for (key, shown) in [("c", false), ("F2", true)] {
        pane.keys(&[key]);
        pane.wait_for("Columns");
        // Those that are shown come first: `state` is second while it is, and somewhere below when it is not.
        pane.keys(if shown { &["d", "Escape"] } else { &["j", "Space", "Escape"] });
        pane.wait("columns", |screen| titles(screen).contains("State") == shown && titles(screen).contains("Local"));
    }

    // How often.
    pane.keys(&["+"]);
    pane.wait_for("every 2s");
    pane.keys(&["-"]);
    pane.wait_for("every 1s");

    // Notices.
    pane.keys(&["!"]);
    pane.wait_for("Notices");
    pane.keys(&["Escape"]);
    pane.wait("the table", |screen| titles(screen).contains("Local"));

    // What is on the screen by mistake goes.
    fs::OpenOptions::new().write(true).open(pane.property("pane_tty")).unwrap().write_all(b"\x1b[9;1Hgarbage").unwrap();
    pane.wait_for("garbage");
    pane.keys(&["C-l"]);
    pane.wait_without("garbage");

    // Another filter, and none.
    pane.keys(&["/", "C-u"]);
    pane.text(&format!("sport = :{client_port}"));
    pane.keys(&["Enter"]);
    pane.wait_for("1 of ");
    pane.keys(&["Escape"]);
    pane.wait_for("the filter is cleared");
    pane.keys(&["q"]);
    pane.wait_end("0");
}

#[test]
fn filters_are_typed_explained_and_cleared() {
    let door = Door::open();
    let pane = Pane::open(100, 30);
    pane.top("-l");
    for key in ["/", "F4"] {
        pane.keys(&[key]);
        pane.keys(&["C-u"]);
        pane.text("tcp and sprt = :22");
        pane.keys(&["Enter"]);
        let screen = pane.wait_for("did you mean");
        let lines: Vec<&str> = screen.lines().collect();
        let at = lines.iter().position(|line| line.starts_with("unknown word `sprt`")).unwrap();
        assert_eq!(&lines[at + 1..at + 3], ["  tcp and sprt = :22", "          ^^^^"], "{screen}");
        assert!(lines[at + 3].starts_with("expected: "), "{screen}");
        // The same words as on the command line.
        let output = sockscope(&["tcp", "and", "sprt", "=", ":22"]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.starts_with(&format!("sockscope: {}", lines[at])), "{message}");
        pane.keys(&["Escape"]);
        pane.wait_without("did you mean");
    }
    pane.keys(&["/", "C-u"]);
    pane.text(&format!("sport = :{}", door.port));
    pane.keys(&["Enter"]);
    pane.wait("one listener", |screen| {
        screen.contains("1 of ") && screen.contains(&format!("127.0.0.1:{}", door.port))
    });
    pane.keys(&["/", "C-u", "Enter"]);
    pane.wait_without("1 of ");
    // Words of the command line count as typed ones.
    pane.keys(&["q"]);
    pane.wait_end("0");
    pane.top(&format!("-t sport = :{}", door.port));
    pane.wait_for(&format!("/ tcp and sport = :{}", door.port));
    pane.keys(&["F10"]);
    pane.wait_end("0");
}

#[test]
fn it_closes_kills_and_copies_what_was_asked_for() {
    let door = Door::open();
    let (mut client, server) = door.connect();
    let client_port = client.local_addr().unwrap().port();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let held_port = held.local_addr().unwrap().port();
    let mut holder = Holder::start("/bin/sleep".as_ref(), held.into());
    let pane = Pane::open(110, 30);

    pane.top(&format!("sport = :{client_port}"));
    pane.wait_for("1 of ");
    pane.keys(&["y"]);
    pane.wait_for("Copy what?");
    pane.keys(&["p"]);
    pane.wait_for("copied: ");
    let pid = std::process::id().to_string();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = pane.command().arg("show-buffer").output().unwrap();
        if output.status.success() && output.stdout == pid.as_bytes() {
            break;
        }
        assert!(Instant::now() < deadline, "the clipboard: {output:?}, not {pid}");
        std::thread::sleep(Duration::from_millis(10));
    }
    pane.keys(&["x"]);
    pane.wait_for("Close?");
    pane.keys(&["n"]);
    pane.wait_for("nothing was closed");
    for key in ["x", "DC"] {
        pane.keys(&[key]);
        pane.wait_for("Close?");
        pane.keys(&["Escape"]);
        pane.wait_without("Close?");
    }
    pane.keys(&["x", "y"]);
    let may = rustix::process::geteuid().is_root();
    if may {
        pane.wait("it is closed", |screen| screen.lines().last().is_some_and(|line| line.starts_with("closed")));
        let error = std::io::Read::read(&mut client, &mut [0]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNABORTED));
    } else {
        pane.wait_for("CAP_NET_ADMIN");
    }
    pane.keys(&["q"]);
    pane.wait_end("0");
    drop(server);

    pane.top(&format!("sport = :{held_port}"));
    pane.wait_for("sleep[");
    for key in ["F9", "K"] {
        pane.keys(&[key]);
        pane.wait_for("End the process?");
        pane.keys(&["n"]);
        pane.wait_for("no process was touched");
    }
    pane.keys(&["K", "Tab"]);
    pane.wait_for("send INT");
    pane.keys(&["BTab", "y"]);
    pane.wait_for("sent TERM to sleep[");
    let status = holder.0.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGTERM));
    pane.wait_for("nothing matches");
    pane.keys(&["q"]);
    pane.wait_end("0");
}

#[test]
fn the_terminal_comes_back_however_it_ends() {
    let pane = Pane::open(80, 24);
    pane.top("");
    pane.keys(&["C-c"]);
    pane.wait_end("0");

    pane.top("");
    let status = Command::new("kill").arg(pane.top_pid()).status().unwrap();
    assert!(status.success());
    // 128 and the number of the signal: whoever waits for it sees that.
    pane.wait_end("143");

    // Suspended by the key, and by the signal; each time the shell can be used, and the table comes back.
    pane.top("");
    for by_key in [true, false] {
        if by_key {
            pane.keys(&["C-z"]);
        } else {
            Command::new("kill").args(["-TSTP", &pane.top_pid()]).status().unwrap();
        }
        pane.wait_for("Stopped");
        assert_eq!((pane.property("alternate_on"), pane.property("mouse_any_flag")), ("0".into(), "0".into()));
        pane.run("clear; stty -a | tr ' ' '\\n' | grep -cxE 'icanon;?|echo;?'");
        pane.wait("a usable shell", |screen| screen.lines().any(|line| line == "2"));
        pane.run("fg");
        pane.wait("the table", |screen| screen.starts_with("sockscope top  "));
        pane.keys(&["?"]);
        pane.wait_for("Moving");
        pane.keys(&["Escape"]);
        pane.wait_without("Moving");
    }
    pane.keys(&["q"]);
    pane.wait("it ended", |screen| screen.contains("prompt>") && !screen.contains("sockscope top  "));

    // The terminal goes: so does the table.
    pane.top("");
    let pid = pane.top_pid();
    pane.tmux(&["kill-server"]);
    let deadline = Instant::now() + PATIENCE;
    while fs::metadata(format!("/proc/{pid}")).is_ok() {
        assert!(Instant::now() < deadline, "it outlives its terminal");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn mouse_and_sizes() {
    let door = Door::open();
    let _connection = door.connect();
    let pane = Pane::open(100, 24);
    pane.top(&door.filter());
    pane.wait_for("3 of ");
    let click = |x: usize, y: usize| pane.text(&format!("\x1b[<0;{};{}M\x1b[<0;{};{}m", x + 1, y + 1, x + 1, y + 1));
    let column = |screen: &str, text: &str| titles(screen).chars().collect::<String>().find(text).unwrap();
    click(column(&pane.screen(), "Remote"), 3);
    pane.wait("sorted by the mouse", |screen| titles(screen).contains("Remote▲"));
    let views = pane.screen().lines().nth(2).unwrap().to_owned();
    click(views.find("Hosts").unwrap(), 2);
    pane.wait_for("Remote host");
    click(2, 2);
    pane.wait("sockets", |screen| titles(screen).contains("Local"));
    // The wheel, then a click on the selected line opens it.
    pane.text("\x1b[<65;5;6M");
    click(5, 6);
    pane.wait_for("Owner");
    pane.keys(&["Escape"]);
    for (width, height) in [("40", "10"), ("20", "5"), ("3", "2"), ("200", "60"), ("80", "24")] {
        pane.tmux(&["resize-window", "-x", width, "-y", height]);
        if height != "2" {
            pane.wait("the table at another size", |screen| screen.starts_with("sockscope top"));
        }
    }
    pane.wait("the table", |screen| titles(screen).contains("Local"));
    pane.keys(&["q"]);
    pane.wait_end("0");
}

#[test]
fn colours_are_those_of_the_terminal() {
    let door = Door::open();
    let pane = Pane::open(100, 24);
    // Of 256, of 16, of none at all.
    for (environment, has, has_not) in [
        ("TERM=tmux-256color", "38;5;", "none"),
        ("TERM=screen COLORTERM=", "\x1b[36m", "8;5;"),
        ("NO_COLOR=1", "\x1b[7m", "8;5;"),
    ] {
        pane.run(&format!(
            "clear; {environment} {} top {}; echo ended $?",
            env!("CARGO_BIN_EXE_sockscope"),
            door.filter()
        ));
        pane.wait_for("1 of ");
        let screen = pane.coloured_screen();
        assert!(screen.contains(has) && !screen.contains(has_not), "{environment}: {screen:?}");
        if environment.starts_with("NO_COLOR") {
            let coloured = (30..38).chain(90..98).any(|code| screen.contains(&format!("\x1b[{code}m")));
            assert!(!coloured, "{screen:?}");
        }
        pane.keys(&["q"]);
        pane.wait_end("0");
    }
}

#[test]
fn names_in_chinese_keep_the_columns_aligned() {
    let door = Door::open();
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("微信");
    fs::copy("/bin/sleep", &program).unwrap();
    let _holder = Holder::start(&program, door.listener.try_clone().unwrap().into());
    let _connection = door.connect();
    let pane = Pane::open(120, 24);
    pane.top(&format!("{} --columns process,local,state", door.filter()));
    let screen = pane.wait("both kinds of names", |screen| screen.contains("微信[") && screen.contains("3 of "));
    // Cells before the address, on every line: a wide character takes two.
    let cells = |line: &str| {
        let before = line.split("127.0.0.1").next().unwrap();
        before.chars().map(|it| if it.is_ascii() || it == '…' { 1 } else { 2 }).sum::<usize>()
    };
    let lines: Vec<usize> = screen.lines().skip(4).filter(|line| line.contains("127.0.0.1")).map(cells).collect();
    assert_eq!(lines.len(), 3, "{screen}");
    assert!(lines.iter().all(|cells| *cells == lines[0]), "{lines:?}\n{screen}");
    pane.keys(&["q"]);
    pane.wait_end("0");
}

#[test]
fn what_was_shown_is_shown_again() {
    let pane = Pane::open(100, 24);
    let file = pane.directory.path().join("state/sockscope/top.toml");
    pane.top("");
    pane.keys(&["2", ">"]);
    pane.wait("sorted processes", |screen| titles(screen).contains("PID▲"));
    pane.keys(&["q"]);
    pane.wait_end("0");
    assert!(fs::read_to_string(&file).unwrap().contains("view = \"processes\""));
    pane.top("");
    pane.wait("the same", |screen| titles(screen).contains("PID▲"));
    pane.keys(&["q"]);
    pane.wait_end("0");
    // A file that makes no sense stops nothing, and is said.
    for broken in ["view = [", "view = 'nowhere'", "\u{0}"] {
        fs::write(&file, broken).unwrap();
        pane.top("");
        pane.keys(&["!"]);
        pane.wait_for("not-remembered");
        pane.keys(&["q"]);
        pane.wait_end("0");
    }
    // Nor does one that can't be written.
    fs::remove_dir_all(pane.directory.path().join("state")).unwrap();
    fs::write(pane.directory.path().join("state"), "in the way").unwrap();
    pane.top("");
    pane.keys(&["3"]);
    pane.wait_for("Remote host");
    pane.keys(&["!"]);
    pane.wait_for("can't be remembered");
    pane.keys(&["q"]);
    pane.wait_end("0");
}

fn sockscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sockscope")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn without_a_terminal_it_says_what_else_there_is() {
    let output = sockscope(&["top"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("sockscope watch") && message.contains("sockscope list"), "{message}");
    let pane = Pane::open(100, 24);
    pane.run(&format!("clear; TERM=dumb {} top; echo ended $?", env!("CARGO_BIN_EXE_sockscope")));
    let screen = pane.wait_for("ended 2");
    assert!(screen.contains("sockscope watch"), "{screen}");
    // What is wrong with the arguments is said before.
    for (arguments, message) in [
        (&["top", "sprt", "=", ":1"][..], "did you mean `sport`?"),
        (&["top", "--columns", "nothing"][..], "no column 'nothing'"),
        (&["top", "--sort", "pid:down"][..], "`down` is no direction"),
        (&["top", "--view", "map"][..], "invalid value 'map'"),
        (&["top", "--interval", "1ms"][..], "the shortest is 10ms"),
    ] {
        let output = sockscope(arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(message), "{arguments:?}: {output:?}");
    }
    let output = sockscope(&["top", "--source", "get_table2"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}
