//! Where a sandbox forbids netlink, /proc/net takes over and says so.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what can't be made or is not there is a failed test")]

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

/// The program, in which socket(AF_NETLINK, ...) fails with EPERM: seccomp(2).
fn without_netlink(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
    command.args(arguments);
    let install = || {
        let statement = |code: u32, value: u32| libc::sock_filter {
            code: u16::try_from(code).unwrap_or(0),
            jt: 0,
            jf: 0,
            k: value,
        };
        let jump = |value: u32, jt: u8, jf: u8| libc::sock_filter {
            jt,
            jf,
            ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value)
        };
        let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
        let answer = |action| statement(libc::BPF_RET | libc::BPF_K, action);
        // struct seccomp_data: nr at 0, the low half of args[0] at 16 (at 20 on big-endian machines).
        let first_argument = if cfg!(target_endian = "little") { 16 } else { 20 };
        let mut filter = [
            load(0),
            jump(u32::try_from(libc::SYS_socket).unwrap_or(0), 0, 3),
            load(first_argument),
            jump(libc::AF_NETLINK.cast_unsigned(), 0, 1),
            answer(libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned()),
            answer(libc::SECCOMP_RET_ALLOW),
        ];
        let program = libc::sock_fprog { len: 6, filter: filter.as_mut_ptr() };
        // SAFETY: both calls only read their arguments; `program` describes `filter`, which lives until they return.
        let status = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
        };
        if status == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(install) };
    command.output().unwrap()
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
