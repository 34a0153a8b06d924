//! `sockscope kill` where numbers of processes are used again, where /proc counts otherwise than this process, where the kernel is
//! old, and where it would end what it depends on itself.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what can't be made or is not there is a failed test")]

/// A terminal to ask on.
mod pty;
/// System calls that fail.
mod sandbox;

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};

use sockscope_testkit::{Running, binary};

/// Says to a test that it runs in a PID namespace of its own, and what it needs to know.
const INSIDE: &str = "SOCKSCOPE_TEST_INSIDE";

/// A number that no process in a new namespace has before its time.
const NUMBER: u32 = 5000;

fn sockscope(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    command.args(words);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs the test again in a PID namespace of its own; `None` where that is not possible, and inside what was said.
fn in_a_namespace(test: &str, options: &[&str], say: &str) -> Option<String> {
    if let Ok(said) = std::env::var(INSIDE) {
        return Some(said);
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("needs root");
        return None;
    }
    // Cargo could not be run there in time, nor need it be.
    let output = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child"])
        .args(options)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(INSIDE, say)
        .env("SOCKSCOPE_TESTKIT", binary().unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    None
}

/// Starts a server under a number of our choice: the next after the last that was given (/proc/sys/kernel/ns_last_pid).
fn serve_as(number: u32, port: u16) -> Running {
    for _ in 0..100 {
        std::fs::write("/proc/sys/kernel/ns_last_pid", (number - 1).to_string()).unwrap();
        let running = Running::start(&["serve", "--port", &port.to_string()]).unwrap();
        if running.report.pid == number {
            return running;
        }
        running.stop().unwrap();
    }
    panic!("the number {number} is not to be had");
}

/// The heart of the matter: between question and answer the process ends, and another gets its number, its name and its port.
#[test]
fn a_successor_with_the_same_number_is_spared() {
    if in_a_namespace("a_successor_with_the_same_number_is_spared", &["--mount-proc"], "-").is_none() {
        return;
    }
    for without_pidfd in [false, true] {
        let first = serve_as(NUMBER, 0);
        let port = first.report.case("listener").local.port;
        let mut first = Some(first);
        let mut successor = None;
        let filter = format!("sport = :{port}");
        let mut command = sockscope(&["kill", &filter]);
        if without_pidfd {
            sandbox::forbid(&mut command, &[(libc::SYS_pidfd_open, None, libc::ENOSYS)]);
        }
        let (output, seen) = pty::on_a_terminal(&mut command, "[y/N]", b"y\n", || {
            first.take().unwrap().stop().unwrap();
            successor = Some(serve_as(NUMBER, port));
        });
        let out = text(&output.stdout);
        assert!(seen.contains(&NUMBER.to_string()), "{seen}");
        assert_eq!(output.status.code(), Some(1), "{seen}{out}");
        assert!(out.starts_with(&format!("gone sockscope-testk[{NUMBER}] ")) && out.lines().count() == 1, "{out}");
        // It ends by itself, with success.
        successor.unwrap().stop().unwrap();
    }
}

/// Where /proc shows the processes of another PID namespace, their numbers are others' here.
#[test]
fn numbers_of_another_namespace_are_not_taken_for_ours() {
    const TEST: &str = "numbers_of_another_namespace_are_not_taken_for_ours";
    if let Ok(said) = std::env::var(INSIDE) {
        let (number, port) = said.split_once(' ').unwrap();
        // Here, too, somebody has that number.
        let victim = serve_as(number.parse().unwrap(), 0);
        for without_pidfd in [false, true] {
            let mut command = sockscope(&["kill", "--yes", &format!("sport = :{port}")]);
            if without_pidfd {
                sandbox::forbid(&mut command, &[(libc::SYS_pidfd_open, None, libc::ENOSYS)]);
            }
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(3), "{output:?}");
            assert!(text(&output.stderr).contains("could be another process"), "{output:?}");
        }
        victim.stop().unwrap();
        return;
    }
    let server = Running::start(&["serve"]).unwrap();
    let port = server.report.case("listener").local.port;
    assert!(in_a_namespace(TEST, &[], &format!("{} {port}", server.report.pid)).is_none());
    server.stop().unwrap();
}

/// Linux before 5.3, and sandboxes that do not know of pidfd_open.
#[test]
fn old_kernels_end_processes_too() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let server = Running::start(&["serve"]).unwrap();
        let filter = format!("sport = :{}", server.report.case("listener").local.port);
        let mut command = sockscope(&["kill", "--yes", &filter]);
        sandbox::forbid(&mut command, &[(libc::SYS_pidfd_open, None, errno)]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text(&output.stdout).starts_with("ended sockscope-testk["), "{output:?}");
        let error = server.stop().unwrap_err().to_string();
        assert!(error.contains("signal: 15"), "{error}");
    }
}

/// Runs a shell that has a listener, which runs the program: with the words, on the sockets of the shell.
fn by_a_shell(words: &str) -> (Output, u32) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let filter = format!("sport = :{} and pid = $$", listener.local_addr().unwrap().port());
    // Only the shell is meant, whoever else has inherited the listener.
    let script = format!("\"$0\" kill --yes {words} {filter} </dev/null; echo \"status $?\"");
    let child = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_sockscope"))
        .stdin(OwnedFd::from(listener))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    (child.wait_with_output().unwrap(), pid)
}

#[test]
fn it_does_not_end_what_it_descends_from_unless_it_is_forced() {
    use std::os::unix::process::ExitStatusExt;

    let (output, pid) = by_a_shell("");
    let (out, message) = (text(&output.stdout), text(&output.stderr));
    assert!(out.starts_with("refused ") && out.ends_with("status 3\n"), "{output:?}");
    assert!(message.contains(&format!("[{pid}]: sockscope descends from it; --force")), "{message}");

    let (output, pid) = by_a_shell("--dry-run --force");
    assert!(text(&output.stdout).starts_with("would send TERM to "), "{output:?}");
    assert!(text(&output.stdout).contains(&format!("[{pid}]")) && output.status.success(), "{output:?}");

    let (output, _) = by_a_shell("--force");
    assert_eq!(output.status.signal(), Some(libc::SIGTERM), "{output:?}");
    assert!(!text(&output.stdout).contains("status"), "{output:?}");
}

/// The first process of a namespace, on which all others depend, and which is not ours.
#[test]
fn the_first_process_is_not_ended() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("needs root");
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(binary().unwrap()).arg("serve");
    let server = Running::start_command(command).unwrap();
    assert_eq!(server.report.pid, 1);
    let filter = format!("sport = :{}", server.report.case("listener").local.port);
    let listing = sockscope(&["-H", "--csv", "--columns", "pid", &filter]).output().unwrap();
    let outside = text(&listing.stdout).trim().to_owned();
    // Whoever comes from outside has no ancestors inside.
    let inside = |words: &[&str]| {
        let mut command = Command::new("nsenter");
        command.args(["--target", &outside, "--pid", "--mount"]).arg(env!("CARGO_BIN_EXE_sockscope"));
        command.args(words).arg(&filter).stdin(Stdio::null()).output().unwrap()
    };
    let output = inside(&["kill", "--yes"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let message = text(&output.stderr);
    assert!(message.contains("[1]: it is the first process") && message.contains("--force"), "{message}");
    let output = inside(&["kill", "--dry-run", "--force"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    server.stop().unwrap();
}
