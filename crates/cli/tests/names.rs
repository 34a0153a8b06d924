//! Names of peers, in a network namespace in which every address is local, with a name server of our own: one that answers, and one
//! that never does. That takes root; without, these tests pass without doing anything.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what can't be made or is not there is a failed test")]

/// A name server that is asked.
mod name_server;

use std::ffi::CString;
use std::fs::{File, read_to_string, write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use name_server::NameServer;
use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use serde_json::{Value, json};
use sockscope_testkit::Running;
use tempfile::TempDir;

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A machine of its own: connections, a name server, and the files that say where that is.
struct Machine {
    running: Running,
    server: NameServer,
    files: TempDir,
}

impl Machine {
    fn new(arguments: &[&str], hosts: &str, answers: fn(&str) -> Option<String>) -> Machine {
        let running = Running::start(arguments).unwrap();
        let namespace = File::open(format!("/proc/{}/ns/net", running.report.pid)).unwrap();
        let server = std::thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            NameServer::start(answers)
        });
        let files = tempfile::tempdir().unwrap();
        write(files.path().join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        write(files.path().join("nsswitch.conf"), "passwd: files\nhosts: files dns\n").unwrap();
        write(files.path().join("hosts"), hosts).unwrap();
        Machine { running, server: server.join().unwrap(), files }
    }

    /// The program, which sees these files in place of the system's.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.running.command(env!("CARGO_BIN_EXE_sockscope")).unwrap();
        for variable in ["XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS"] {
            command.env(variable, "/nonexistent");
        }
        command.env_remove("LOCALDOMAIN").env_remove("RES_OPTIONS").args(words);
        let mounts: Vec<(CString, CString)> = ["resolv.conf", "nsswitch.conf", "hosts"]
            .into_iter()
            .filter(|name| std::fs::exists(format!("/etc/{name}")).unwrap())
            .map(|name| {
                let source = self.files.path().join(name);
                (CString::new(source.as_os_str().as_bytes()).unwrap(), CString::new(format!("/etc/{name}")).unwrap())
            })
            .collect();
        let change = move || {
            // SAFETY: a mount namespace changes no memory or descriptors of this process.
            unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
            mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
            for (source, target) in &mounts {
                mount_bind(source.as_c_str(), target.as_c_str())?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec the closure makes system calls only: it allocates nothing and takes no lock.
        unsafe { command.pre_exec(change) };
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn document(&self, words: &[&str]) -> Value {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs it until nothing is missing: a busy machine may take longer than a listing waits.
    fn stdout_with_all_names(&self, words: &[&str]) -> String {
        let begin = Instant::now();
        loop {
            let output = self.run(words);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            let both = [&output.stdout[..], &output.stderr[..]].map(|it| String::from_utf8(it.to_vec()).unwrap());
            if !both.iter().any(|text| text.contains("names-pending")) {
                return both.into_iter().next().unwrap();
            }
            assert!(begin.elapsed() < PATIENCE, "{both:?}");
        }
    }
}

fn notice<'a>(document: &'a Value, code: &str) -> Option<&'a str> {
    let notices = document["notices"].as_array().unwrap();
    notices.iter().find(|notice| notice["code"] == code).map(|notice| notice["message"].as_str().unwrap())
}

/// 10,000 sockets, and a name server that is asked and never answers: the listing is there, and ends, all the same.
#[test]
fn a_name_server_that_never_answers_delays_no_listing() {
    if !is_root() {
        return;
    }
    assert!(read_to_string("/etc/resolv.conf").is_ok(), "there is nothing to put ours in the place of");
    let load = ["--netns", "load", "--connections", "5000", "--abroad"];
    let machine = Machine::new(&load, "10.255.255.255 nobody\n", |_| None);
    let document = machine.document(&["--json", "--resolve", "tcp"]);
    // The process has ended, and nobody has answered it.
    let asked = machine.server.asked();
    assert!(!asked.is_empty());
    assert_eq!(machine.server.answered(), 0);
    let sockets = document["sockets"].as_array().unwrap();
    assert_eq!(sockets.len(), 10_000);
    assert!(sockets.iter().all(|socket| socket["remote"]["name"].is_null()));
    let message = notice(&document, "names-pending").unwrap();
    assert!(message.starts_with("10000 names of peers"), "{message}");

    // Nor a table, nor a filter, nor an order, and each says it once.
    for words in [
        &["--resolve", "tcp", "--width", "100"][..],
        &["--resolve", "tcp", "and remote_name != x"],
        &["--resolve", "tcp", "--sort", "remote_name"],
    ] {
        let output = machine.run(words);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.matches("names-pending").count(), 1, "{}", text.lines().next().unwrap());
    }
    assert_eq!(machine.server.answered(), 0);
    // Nobody who did not ask for it asks anybody.
    let before = machine.server.asked().len();
    machine.document(&["--json"]);
    machine.run(&["-tanp"]);
    assert_eq!(machine.server.asked().len(), before);
}

const PEERS: &str = "8.8.8.8,114.114.114.114,2400:3200::1,10.1.2.3,1.0.1.9";

/// As name servers do: they know some, deny some, and some lie.
fn answers(question: &str) -> Option<String> {
    Some(match question {
        "8.8.8.8.in-addr.arpa" => "dns.google".to_owned(),
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.3.0.0.4.2.ip6.arpa" => {
            format!("{}.dns.alidns.com", ["long"; 12].join("."))
        }
        // The owner of an address says what he likes of it.
        "9.1.0.1.in-addr.arpa" => "127.0.0.1".to_owned(),
        _ => String::new(),
    })
}

#[test]
fn names_are_shown() {
    if !is_root() {
        return;
    }
    let machine = Machine::new(&["--netns", "abroad", "--peers", PEERS], "10.1.2.3 printer.home printer\n", answers);
    let columns = ["--resolve", "--csv", "--columns", "raddr,remote_name", "dport = :443", "--sort", "raddr"];
    let csv = machine.stdout_with_all_names(&columns);
    let long = format!("{}.dns.alidns.com", ["long"; 12].join("."));
    assert_eq!(
        csv,
        format!(
            "remote_address,remote_name\n1.0.1.9,\n8.8.8.8,dns.google\n10.1.2.3,printer.home\n114.114.114.114,\n\
             2400:3200::1,{long}\n"
        )
    );
    let table = machine.stdout_with_all_names(&["--resolve", "-n", "dport = :443"]);
    for shown in ["  dns.google:443", "  printer.home:443", "  1.0.1.9:443", "  114.114.114.114:443"] {
        assert!(table.contains(shown), "{shown}: {table}");
    }
    assert!(table.contains(&format!("  {long}:443")) && !table.contains("8.8.8.8:443"), "{table}");
    let narrow = machine.stdout_with_all_names(&["--resolve", "dport = :443", "--width", "120"]);
    assert!(narrow.contains("…") && narrow.contains(".long.dns.alidns.com:443"), "{narrow}");
    let html = machine.stdout_with_all_names(&["--resolve", "--html", "dst 8.8.8.8"]);
    assert!(html.contains("title=\"8.8.8.8:443\">dns.google:443</td>"), "{html}");
    let json = machine.stdout_with_all_names(&["--resolve", "--ndjson", "dst 8.8.8.8"]);
    let socket: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(socket["remote"], json!({"address": "8.8.8.8", "port": 443, "scope": null, "name": "dns.google"}));

    for filter in ["remote_name = DNS.Google", "rname ~ google$", "dst 8.8.8.8 and remote_name != printer.home"] {
        let found =
            machine.stdout_with_all_names(&["--resolve", "--csv", "-H", "--columns", "remote", "dport = :443", filter]);
        assert_eq!(found, "8.8.8.8:443\n", "{filter}");
    }
    let sorted =
        ["--resolve", "--csv", "-H", "--columns", "raddr", "--sort", "rname:desc", "--limit", "1", "dport = :443"];
    assert_eq!(machine.stdout_with_all_names(&sorted), "10.1.2.3\n");
    assert!(!machine.run(&["dport = :443"]).stdout.windows(6).any(|it| it == b"google"));
}

/// What the hosts file has is there though all that is asked besides never comes.
#[test]
fn names_of_the_hosts_file_wait_for_nobody() {
    if !is_root() {
        return;
    }
    let machine = Machine::new(&["--netns", "abroad", "--peers", PEERS], "8.8.8.8 eight\n2400:3200::1 six\n", |_| None);
    let document = machine.document(&["--json", "--resolve", "dport = :443"]);
    let sockets = document["sockets"].as_array().unwrap();
    for socket in sockets {
        let expected = match socket["remote"]["address"].as_str().unwrap() {
            "8.8.8.8" => "eight".into(),
            "2400:3200::1" => "six".into(),
            _ => Value::Null,
        };
        assert_eq!(socket["remote"]["name"], expected);
    }
    let message = notice(&document, "names-pending").unwrap();
    assert!(message.starts_with("3 names of peers"), "{message}");
}
