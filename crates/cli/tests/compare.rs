//! `sockscope compare` against what really hides sockets: mounts over /proc, in namespaces of their own, and system calls that
//! fail. And on clean machines, under churn: nothing is ever unexplained.
//!
//! `SOCKSCOPE_CHURN_RUNS` says how often it is run under churn (default 3).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what can't be made or is not there is a failed test")]

/// A listing of processes that leaves one out.
mod rootkit;
/// System calls that fail.
mod sandbox;

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use sandbox::{Forbidden, forbid};
use serde_json::Value;
use sockscope_testkit::Running;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sockscope");
const NO_NETLINK: Forbidden = (libc::SYS_socket, Some(libc::AF_NETLINK), libc::EPERM);
const NO_OWN_PROC: Forbidden = (libc::SYS_fsopen, None, libc::EPERM);

/// Mounts take root, and so do network namespaces without noise.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("needs root: mounts in a namespace of our own");
    }
    is_root
}

fn document(output: &Output, status: i32) -> Value {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The differences of a cause.
fn of_cause<'a>(document: &'a Value, cause: &str) -> Vec<&'a Value> {
    document["differences"].as_array().unwrap().iter().filter(|it| it["cause"] == cause).collect()
}

fn source<'a>(document: &'a Value, name: &str) -> &'a Value {
    document["sources"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()
}

/// A few connections and UDP sockets that nobody touches, alone in a network namespace.
fn quiet() -> Running {
    Running::start(&["--netns", "load", "--connections", "3", "--processes", "2", "--udp", "2"]).unwrap()
}

/// `compare --json` beside a scenario, after a script of the shell has mounted things: `$$` is the number that the program
/// will have, `$1` a directory.
fn after_mounts(scenario: &Running, script: &str, directory: &Path, forbidden: &[Forbidden], words: &[&str]) -> Output {
    let mut command = scenario.command("unshare").unwrap();
    let script = format!("{script} && directory=$1 && shift && exec \"$@\"");
    command
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(directory)
        .args([PROGRAM, "compare", "--json"])
        .args(words);
    forbid(&mut command, forbidden);
    command.output().unwrap()
}

/// Copies of the tables of the scenario's namespace, each changed by `edit`.
fn copies(scenario: &Running, edit: impl Fn(&str, String) -> String) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read_to_string(format!("/proc/{}/net/{name}", scenario.report.pid)).unwrap();
        std::fs::write(directory.path().join(name), edit(name, text)).unwrap();
    }
    directory
}

/// The program reads its tables here. Over a file of the kernel's, a mount would be gone with the next look-up.
const MOUNT_TABLES: &str = "mount --bind \"$1\" /proc/$$/net";

/// All but the first row.
fn without_first_row(text: &str) -> String {
    text.lines().enumerate().filter(|(number, _)| *number != 1).map(|(_, line)| format!("{line}\n")).collect()
}

/// Address and port as the tables print them, on little-endian machines.
fn as_in_table(endpoint: &Value) -> String {
    let address: std::net::Ipv4Addr = endpoint["address"].as_str().unwrap().parse().unwrap();
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.octets()), endpoint["port"].as_u64().unwrap())
}

#[test]
fn a_row_that_is_taken_out_of_proc_net_is_found() {
    if !is_root() {
        return;
    }
    let scenario = quiet();
    for table in ["tcp", "udp"] {
        let directory = copies(&scenario, |name, text| if name == table { without_first_row(&text) } else { text });
        let truth = std::fs::read_to_string(format!("/proc/{}/net/{table}", scenario.report.pid)).unwrap();
        let hidden = truth.lines().nth(1).unwrap();
        let document = document(&after_mounts(&scenario, MOUNT_TABLES, directory.path(), &[], &[]), 1);
        let [found] = of_cause(&document, "unexplained")[..] else { panic!("{document:#}") };
        assert_eq!(found["missing_from"], serde_json::json!(["procfs"]));
        assert_eq!(found["seen_by"], serde_json::json!(["sock_diag", "fd_scan"]));
        assert!(hidden.contains(&as_in_table(&found["socket"]["local"])), "{hidden}: {found:#}");
        assert!(!found["socket"]["owners"].as_array().unwrap().is_empty());
        assert_eq!((&document["unexplained"], &document["rounds"]), (&1.into(), &10.into()));
        let reason = source(&document, "procfs")["reason"].as_str().unwrap();
        assert!(reason.contains(&format!("mounted over /proc/net/{}", "tcp")), "{reason}");
    }
    // Only what is asked for is an answer.
    let directory = copies(&scenario, |name, text| if name == "tcp" { without_first_row(&text) } else { text });
    let document = document(&after_mounts(&scenario, MOUNT_TABLES, directory.path(), &[], &["-u"]), 0);
    assert_eq!(document["unexplained"], 0);
}

/// Without /proc owners can't be looked for, which is not that there are none.
#[test]
fn without_proc_nobody_is_accused() {
    if !is_root() {
        return;
    }
    let scenario = quiet();
    let empty = tempfile::tempdir().unwrap();
    for script in ["umount -l /proc", "mount --bind \"$1\" /proc"] {
        let document = document(&after_mounts(&scenario, script, empty.path(), &[], &[]), 4);
        assert_eq!(document["unexplained"], 0, "{document:#}");
        assert!(source(&document, "procfs")["reason"].is_string(), "{document:#}");
    }
}

#[test]
fn a_row_that_only_proc_net_has_is_found() {
    if !is_root() {
        return;
    }
    let scenario = quiet();
    let row =
        "   9: 0100007F:1234 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 987654321 1\n";
    let directory = copies(&scenario, |name, text| if name == "tcp" { text + row } else { text });
    let document = document(&after_mounts(&scenario, MOUNT_TABLES, directory.path(), &[], &[]), 1);
    let [found] = of_cause(&document, "unexplained")[..] else { panic!("{document:#}") };
    assert_eq!((&found["socket"]["inode"], &found["socket"]["local"]["port"]), (&987_654_321.into(), &0x1234.into()));
    assert!(found["missing_from"].as_array().unwrap().contains(&"sock_diag".into()), "{found}");
}

#[test]
fn a_table_that_is_none_is_a_reason_and_not_a_flood() {
    if !is_root() {
        return;
    }
    let scenario = quiet();
    for (bad, words) in [("", "titles"), ("\0\x01garbage\n", "titles"), ("  sl  titles\n  0: nonsense\n", "not a row")]
    {
        let directory = copies(&scenario, |name, text| if name == "tcp" { bad.to_owned() } else { text });
        let document = document(&after_mounts(&scenario, MOUNT_TABLES, directory.path(), &[], &[]), 4);
        assert_eq!(document["differences"], serde_json::json!([]));
        let procfs = source(&document, "procfs");
        assert!(procfs["reason"].as_str().unwrap().contains("/proc/net/tcp: "), "{procfs}");
        assert!(procfs["reason"].as_str().unwrap().contains(words), "{procfs}");
    }
    // No table at all.
    let directory = copies(&scenario, |_, text| text);
    for name in ["tcp", "tcp6", "udp", "udp6"] {
        std::fs::remove_file(directory.path().join(name)).unwrap();
    }
    let document = document(&after_mounts(&scenario, MOUNT_TABLES, directory.path(), &[], &[]), 4);
    let procfs = source(&document, "procfs");
    assert_eq!((&procfs["available"], &procfs["rows"]), (&false.into(), &Value::Null));
    assert!(procfs["reason"].as_str().unwrap().contains("/proc/net/tcp"), "{procfs}");
}

#[test]
fn a_process_that_is_hidden_by_a_mount_is_found() {
    if !is_root() {
        return;
    }
    let scenario = quiet();
    let empty = tempfile::tempdir().unwrap();
    let hidden = scenario.report.processes[0];
    // Nothing there, or another process.
    for covering in ["\"$1\"", "/proc/self"] {
        let script = format!("mount --bind {covering} /proc/{hidden}");
        let document = document(&after_mounts(&scenario, &script, empty.path(), &[], &[]), 1);
        let found = of_cause(&document, "unexplained");
        assert!(!found.is_empty());
        for difference in found {
            assert_eq!(difference["socket"]["owners"][0]["pid"], hidden, "{difference:#}");
            assert_eq!(difference["socket"]["owners"][0]["name"], "sockscope-testk");
            let detail = difference["detail"].as_str().unwrap();
            assert!(detail.starts_with(&format!("process {hidden} has it open, and yet")), "{detail}");
        }
    }
    // Where we may not mount a /proc of our own, at least the mount is seen.
    let script = format!("mount --bind \"$1\" /proc/{hidden}");
    let output = after_mounts(&scenario, &script, empty.path(), &[NO_OWN_PROC], &[]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let reason = source(&document, "fd_scan")["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("mounted over /proc/{hidden}")), "{reason}");
}

/// The same by what a root kit does: the listing of /proc leaves the process out, wherever it is mounted, and all else about
/// it is as it was.
#[test]
fn a_process_that_no_listing_shows_is_found() {
    if !is_root() {
        return;
    }
    let scenario = quiet();
    let hidden = scenario.report.processes[0];
    let mut command = scenario.command(PROGRAM).unwrap();
    let document = document(&rootkit::output_without(command.args(["compare", "--json"]), hidden), 1);
    let found = of_cause(&document, "unexplained");
    assert!(!found.is_empty());
    for difference in found {
        assert_eq!(difference["socket"]["owners"][0]["pid"], hidden, "{difference:#}");
        assert_eq!(difference["socket"]["owners"][0]["name"], "sockscope-testk");
        let detail = difference["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("process {hidden} has it open, and yet")), "{detail}");
    }
    let reason = source(&document, "fd_scan")["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        format!("process {hidden} is running, and /proc does not list it: something hides what runs here")
    );
    // With nobody hidden all is as it is: what answers in the kernel's place changes nothing.
    let mut command = scenario.command(PROGRAM).unwrap();
    let document = self::document(&rootkit::output_without(command.args(["compare", "--json"]), 0), 0);
    assert!(!source(&document, "fd_scan")["reason"].to_string().contains("does not list"), "{document:#}");
}

/// Every list is blind to one socket: netlink is refused, its row is taken out of /proc/net, its process is covered. It still
/// has its port.
#[test]
fn a_port_that_no_list_shows_is_found_by_the_probe() {
    if !is_root() {
        return;
    }
    let scenario = quiet();
    let directory = copies(&scenario, |name, text| if name == "udp" { without_first_row(&text) } else { text });
    let empty = directory.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let mut script = MOUNT_TABLES.to_owned();
    for pid in &scenario.report.processes {
        script.push_str(&format!(" && mount --bind \"$1/empty\" /proc/{pid}"));
    }
    let blind = [NO_NETLINK, NO_OWN_PROC];
    let output = after_mounts(&scenario, &script, directory.path(), &blind, &["-u", "--probe"]);
    let probed = document(&output, 1);
    let [found] = of_cause(&probed, "unexplained")[..] else { panic!("{probed:#}") };
    let truth = std::fs::read_to_string(format!("/proc/{}/net/udp", scenario.report.pid)).unwrap();
    let port = format!(":{:04X} ", found["socket"]["local"]["port"].as_u64().unwrap());
    assert!(truth.lines().nth(1).unwrap().contains(&port), "{found}");
    assert_eq!(found["seen_by"], serde_json::json!(["bind_probe"]));
    assert_eq!(found["missing_from"], serde_json::json!(["procfs", "fd_scan"]));
    assert_eq!((&found["socket"]["state"], &found["socket"]["remote"]), (&Value::Null, &Value::Null));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--probe binds TCP and UDP ports"));
    // Without the probe nobody knows.
    let output = after_mounts(&scenario, &script, directory.path(), &blind, &["-u"]);
    assert_eq!(document(&output, 0)["unexplained"], 0);
}

#[test]
fn where_nobody_can_be_heard_the_reasons_are_named() {
    if !is_root() {
        return;
    }
    let scenario = quiet();
    let empty = tempfile::tempdir().unwrap();
    let script = "mount --bind \"$1\" /proc";
    let output = after_mounts(&scenario, script, empty.path(), &[NO_NETLINK, NO_OWN_PROC], &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{output:?}");
    let message = String::from_utf8(output.stderr).unwrap();
    for name in ["no source could be heard", "sock_diag: ", "procfs: ", "fd_scan: "] {
        assert!(message.contains(name), "{message}");
    }
}

/// /proc numbers the processes of a namespace outside, which can't be asked from within.
#[test]
fn processes_of_another_namespace_are_no_riddle() {
    if !is_root() {
        return;
    }
    let scenario = quiet();
    let mut command = scenario.command("unshare").unwrap();
    command.args(["--pid", "--fork", PROGRAM, "compare", "--json"]);
    let document = document(&command.output().unwrap(), 0);
    assert!(!of_cause(&document, "not-shown").is_empty());
    let reason = source(&document, "fd_scan")["reason"].as_str().unwrap();
    assert!(reason.contains("another PID namespace"), "{reason}");
}

/// A source that a sandbox refuses is no fault of the machine's.
#[test]
fn what_is_refused_has_a_reason() {
    let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["compare", "--json"]);
    forbid(&mut command, &[NO_NETLINK, (libc::SYS_pidfd_getfd, None, libc::EPERM)]);
    let document = document(&command.output().unwrap(), 0);
    assert_eq!(source(&document, "sock_diag")["available"], false);
    let reason = source(&document, "fd_scan")["reason"].as_str().unwrap();
    assert!(reason.contains("could not be asked"), "{reason}");
    assert_eq!(source(&document, "fd_scan")["rows"], 0);

    let mut command = Command::new(PROGRAM);
    command.args(["compare", "--json"]);
    forbid(&mut command, &[(libc::SYS_pidfd_getfd, None, libc::ENOSYS)]);
    let document = self::document(&command.output().unwrap(), 0);
    let reason = source(&document, "fd_scan")["reason"].as_str().unwrap();
    assert!(reason.contains("Linux 5.6"), "{reason}");
}

#[test]
fn an_ordinary_user_is_told_what_it_can_not_see() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut command = Command::new(PROGRAM);
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    // Another user may not run what is in our target directory.
    let Ok(output) = command.args(["compare", "--json"]).output() else { return };
    let document = document(&output, 0);
    assert_eq!(document["unexplained"], 0);
    if rustix::process::geteuid().is_root() {
        let reason = source(&document, "fd_scan")["reason"].as_str().unwrap();
        assert!(reason.contains("could not be looked into"), "{reason}");
        let differences = document["differences"].as_array().unwrap();
        let ours = differences.iter().find(|it| it["socket"]["local"]["port"] == port).unwrap();
        assert_eq!((&ours["cause"], &ours["missing_from"]), (&"not-shown".into(), &serde_json::json!(["fd_scan"])));
        assert!(ours["detail"].as_str().unwrap().contains("needs-root"), "{ours}");
    }
}

/// Connections, listeners and UDP sockets that come and go at full speed, with sockets among them that stay.
#[test]
fn nothing_is_unexplained_under_churn() {
    let runs: u32 = std::env::var("SOCKSCOPE_CHURN_RUNS").ok().and_then(|it| it.parse().ok()).unwrap_or(3);
    let churn = Running::start(&[
        "--netns",
        "churn",
        "--udp-threads",
        "2",
        "--listen-threads",
        "2",
        "--bound-threads",
        "1",
        "--stable-tcp",
        "16",
        "--stable-udp",
        "34",
        "--stable-listen",
        "34",
        "--stable-bound",
        "5",
    ]);
    // Without root, a namespace of our own may be forbidden.
    let Ok(churn) = churn else { return assert!(!is_root()) };
    let (mut rounds, mut differences, mut rows) = (0, 0, 0);
    let mut causes = std::collections::BTreeMap::<String, usize>::new();
    for run in 0..runs {
        let mut command = churn.command(PROGRAM).unwrap();
        command.args(["compare", "--json"]);
        // What a probe meets may be gone before the next list; so many rounds would call it unexplained.
        if run % 10 == 0 {
            command.args(["--probe", "--rounds", if run % 20 == 0 { "10" } else { "3" }]);
        }
        let document = document(&command.output().unwrap(), 0);
        assert_eq!(document["unexplained"], 0);
        rounds += document["rounds"].as_u64().unwrap();
        rows += source(&document, "sock_diag")["rows"].as_u64().unwrap();
        let found = document["differences"].as_array().unwrap();
        differences += found.len();
        for difference in found {
            *causes.entry(difference["cause"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    println!(
        "{runs} runs, {rounds} rounds, {rows} rows of sock_diag: {differences} differences {causes:?}, 0 unexplained; {}",
        churn.stop().unwrap().trim()
    );
}
