//! Bad days: no netlink, no threads, no descriptors left, no privilege for a filter. Rows stay, and what is missing is said.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what can't be made or is not there is a failed test")]

/// System calls that fail.
mod sandbox;

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use sandbox::Forbidden;

/// The program, in which some system calls fail.
fn forbidding(forbidden: &[Forbidden], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    sandbox::forbid(&mut command, forbidden);
    command.args(arguments).output().unwrap()
}

fn without_netlink(arguments: &[&str]) -> Output {
    forbidding(&[(libc::SYS_socket, Some(libc::AF_NETLINK), libc::EPERM)], arguments)
}

fn document(output: &Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn has_notice(document: &serde_json::Value, code: &str) -> bool {
    document["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == code)
}

#[test]
fn proc_net_takes_over_with_a_notice() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let output = without_netlink(&["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["sources"][0]["name"], "procfs");
    let notices = document["notices"].as_array().unwrap();
    let notice = notices.iter().find(|notice| notice["code"] == "sock-diag-unavailable").unwrap();
    assert!(notice["message"].as_str().unwrap().contains("NETLINK_SOCK_DIAG"));
    let sockets = document["sockets"].as_array().unwrap();
    let own = sockets.iter().find(|socket| socket["local"]["port"] == port && socket["state"] == "listen").unwrap();
    assert_eq!(own["owners"][0]["pid"], std::process::id());
    assert!(own["cookie"].is_null() && own["mark"].is_null() && own["cgroup"].is_null());
    assert!(own["inode"].is_u64() && own["exposure"] == "loopback");
}

#[test]
fn a_source_that_was_asked_for_is_not_replaced() {
    let output = without_netlink(&["--source", "sock_diag", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("NETLINK_SOCK_DIAG") && message.contains("--source procfs"), "{message}");

    let output = without_netlink(&["--source", "procfs", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["sources"][0]["name"], "procfs");
    let notices = document["notices"].as_array().unwrap();
    assert!(notices.iter().all(|notice| notice["code"] != "sock-diag-unavailable"));
}

#[test]
fn without_threads_one_does_all() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let filter = format!("lport = {}", listener.local_addr().unwrap().port());
    let no_threads = [(libc::SYS_clone3, None, libc::EAGAIN), (libc::SYS_clone, None, libc::EAGAIN)];
    for arguments in [&["--json", &filter][..], &["--json", "--no-pushdown", &filter]] {
        let document = document(&forbidding(&no_threads, arguments));
        assert_eq!(document["sockets"][0]["owners"][0]["pid"], std::process::id());
    }
}

#[test]
fn without_descriptors_nothing_is_concluded() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for files in 4..12 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
        command.args(["--json", "-l"]);
        let limit = libc::rlimit { rlim_cur: files, rlim_max: files };
        let install = move || {
            // SAFETY: the call only reads its argument.
            let status = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
            if status == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        };
        // SAFETY: between fork and exec the closure makes one system call and allocates nothing.
        unsafe { command.pre_exec(install) };
        let output = command.output().unwrap();
        if output.status.code() == Some(3) {
            continue;
        }
        let document = document(&output);
        let sockets = document["sockets"].as_array().unwrap();
        let own = sockets.iter().find(|socket| socket["local"]["port"] == port).unwrap();
        let is_owner = own["owners"][0]["pid"] == std::process::id();
        let says_so = has_notice(&document, "owners-incomplete") || has_notice(&document, "owners-unavailable");
        let reason = own["no_owner"].as_str();
        assert!(is_owner || says_so && matches!(reason, Some("unknown" | "needs-root")), "{files} files: {own}");
    }
}

/// Filtering by mark in the kernel needs CAP_NET_ADMIN; without, the rows must be the same as if it was not tried.
#[test]
fn a_filter_on_marks_needs_no_privilege() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let filter = format!("fwmark = 77 or lport = {port}");
    for arguments in [&["--json", &filter][..], &["--json", "--source", "sock_diag", &filter]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
        if rustix::process::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        match command.args(arguments).output() {
            Ok(output) => {
                let document = document(&output);
                assert_eq!(document["sources"][0]["name"], "sock_diag");
                assert_eq!(document["sockets"][0]["local"]["port"], port);
                assert!(document["sockets"][0]["mark"].is_null());
                assert!(has_notice(&document, "marks-unknown"));
            }
            // Another user may not run what is in our target directory.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
        }
    }
}
