//! The recipes of docs/scripts.md, run as they stand there, but for the ports.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what can't be made or is not there is a failed test")]

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sockscope_testkit::binary;
use tempfile::TempDir;

/// Scripts by their names.
fn recipes() -> BTreeMap<String, String> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/scripts.md")).unwrap();
    let mut parts = page.split("<!-- recipe: ");
    parts.next();
    let script = |part: &str| {
        let (name, rest) = part.split_once(" -->\n```sh\n").unwrap();
        (name.to_owned(), rest.split_once("```").unwrap().0.to_owned())
    };
    parts.map(script).collect()
}

/// A directory with the programs that the recipes call besides ours, and ports that are nobody else's.
struct Stage {
    directory: TempDir,
    database: u16,
    server: u16,
    /// While it is open, servers that the scripts start go on.
    lifeline: Option<File>,
}

impl Stage {
    fn new() -> Stage {
        // Held until both are known, so that they are two.
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [database, server] = listeners.map(|listener| listener.local_addr().unwrap().port());
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("lifeline");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let lifeline = Some(File::options().read(true).write(true).open(&fifo).unwrap());
        let stage = Stage { directory, database, server, lifeline };
        stage.link("sockscope", Path::new(env!("CARGO_BIN_EXE_sockscope")));
        let serve = format!("\"{}\" serve < \"{}\"", binary().unwrap().display(), fifo.display());
        stage.program("systemctl", &format!("{serve} --port {database} > /dev/null 2>&1 &"));
        stage.program("server", &format!("exec {serve} \"$@\" > /dev/null 2>&1"));
        for name in ["psql", "curl"] {
            stage.program(name, &format!("echo \"{name} $*\" >> log"));
        }
        stage
    }

    fn link(&self, name: &str, to: &Path) {
        std::os::unix::fs::symlink(to, self.directory.path().join(name)).unwrap();
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.directory.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    /// The recipe with the ports of this stage.
    fn script(&self, recipe: &str) -> String {
        let script = recipes().remove(recipe).unwrap();
        script.replace("5432", &self.database.to_string()).replace("8080", &self.server.to_string())
    }

    fn command(&self, script: &str) -> Command {
        let path = format!("{}:{}", self.directory.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.args(["-u", "-c", script]).env("PATH", path).current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    fn run(&self, recipe: &str) -> Output {
        self.command(&self.script(recipe)).output().unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Whoever still serves ends now.
        self.lifeline = None;
    }
}

#[track_caller]
fn is_well(output: &Output) {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn every_recipe_is_tried() {
    let names: Vec<String> = recipes().into_keys().collect();
    assert_eq!(names, ["database", "drain", "exposed", "free", "only", "server", "who"]);
}

#[test]
fn a_database_is_waited_for() {
    let stage = Stage::new();
    is_well(&stage.run("database"));
    assert_eq!(stage.file("log"), "psql --quiet --file schema.sql\n");
    TcpStream::connect(("127.0.0.1", stage.database)).unwrap();
}

#[test]
fn a_server_is_tried_and_ended() {
    let stage = Stage::new();
    let output = stage.run("server");
    is_well(&output);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("ended "), "{output:?}");
    assert_eq!(stage.file("log"), format!("curl --silent --fail http://127.0.0.1:{}/health\n", stage.server));
    TcpListener::bind(("127.0.0.1", stage.server)).unwrap();
}

#[test]
fn a_port_is_made_free() {
    let stage = Stage::new();
    let output = stage.run("free");
    assert!(output.status.success() && output.stdout.is_empty(), "nobody was there: {output:?}");
    let mut server = Command::new("sh");
    server.args(["-c", &format!("trap '' TERM; exec ./server --port {}", stage.server)]).current_dir(&stage.directory);
    let mut server = server.stdin(Stdio::null()).spawn().unwrap();
    let listening = format!("listening and sport = :{}", stage.server);
    let sockscope = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_sockscope"))
            .args(words)
            .args(["--timeout", "60s", &listening])
            .status()
            .unwrap()
    };
    assert!(sockscope(&["wait"]).success());
    // The patience of the recipe is shorter here.
    let output = stage.command(&stage.script("free").replace("10s", "50ms")).output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && out.contains("sent TERM to ") && out.contains("ended "), "{output:?}");
    assert!(!server.wait().unwrap().success());
}

#[test]
fn the_last_clients_leave() {
    let stage = Stage::new();
    let listener = TcpListener::bind(("127.0.0.1", stage.server)).unwrap();
    is_well(&stage.run("drain"));
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let output = stage.command(&stage.script("drain").replace("5m", "50ms")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "some clients are still there\n");
    let waiting = stage.command(&stage.script("drain")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((client, server));
    let output = waiting.wait_with_output().unwrap();
    is_well(&output);
    assert_eq!(output.stdout, b"");
}

#[test]
fn what_is_exposed_is_found() {
    let stage = Stage::new();
    if !rustix::process::geteuid().is_root() {
        eprintln!("needs root, for a network of its own");
        assert!(matches!(stage.run("exposed").status.code(), Some(0 | 1)));
        return;
    }
    // Nothing else listens there.
    let script = stage.script("exposed");
    let alone = |before: &str| {
        let script = format!("{before}\n{script}");
        let path = format!("{}:{}", stage.directory.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-u", "-c", &script]).env("PATH", path).current_dir(&stage.directory);
        command.output().unwrap()
    };
    is_well(&alone(""));
    let listen = |address: &str, port: u16| {
        let program = format!(
            "import socket, time; s = socket.socket(); s.bind(('{address}', {port})); s.listen(); print(flush=True); \
             open('lifeline').read()"
        );
        format!(
            "ip link set lo up; python3 -c \"{program}\" > ready 2>&1 & sockscope wait -t sport = :{port} --timeout 60s"
        )
    };
    is_well(&alone(&listen("0.0.0.0", 443)));
    is_well(&alone(&listen("127.0.0.1", 8443)));
    let output = alone(&listen("0.0.0.0", 8443));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("tcp 0.0.0.0:8443"), "{output:?}");
}

#[test]
fn who_talks_to_the_database_is_seen() {
    let stage = Stage::new();
    is_well(&stage.run("only"));
    // From an address that is another's, as far as the recipe is concerned.
    let listener = TcpListener::bind(("127.0.0.2", stage.database)).unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let _server = listener.accept().unwrap();
    let output = stage.run("only");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("a socket matches: tcp 127.0.0.2:"), "{output:?}");
}

#[test]
fn who_came_is_written_down() {
    let stage = Stage::new();
    let waiting = stage.command(&stage.script("who")).stderr(Stdio::piped()).spawn().unwrap();
    let _listener = TcpListener::bind(("127.0.0.1", stage.server)).unwrap();
    is_well(&waiting.wait_with_output().unwrap());
    let document: serde_json::Value = serde_json::from_str(&stage.file("who.json")).unwrap();
    assert_eq!(document.pointer("/sockets/0/owners/0/pid"), Some(&std::process::id().into()), "{document}");
}
