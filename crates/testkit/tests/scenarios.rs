//! Each scenario makes what it says, as the kernel's own tables show it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what can't be made is a failed test")]

use std::path::Path;

use sockscope_testkit::{Counts, Made, Running};

/// A network namespace of our own where that is allowed, else the machine's.
fn start(arguments: &[&str]) -> Running {
    let mut private = vec!["--netns"];
    private.extend(arguments);
    Running::start(&private).or_else(|_| Running::start(arguments)).unwrap()
}

/// The kernel's table as the scenario's process sees it.
fn table(running: &Running, name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{}/net/{name}", running.report.pid)).unwrap()
}

fn listed(made: &[Made], inode: u64) -> bool {
    made.iter().any(|made| made.inode == Some(inode))
}

#[test]
fn load_makes_as_many_sockets_as_asked() {
    let running = start(&["load", "--connections", "1001", "--processes", "4", "--udp", "10"]);
    assert_eq!((running.report.tcp, running.report.udp, running.report.processes.len()), (2002, 10, 4));
    let rows = table(&running, "tcp").lines().filter(|line| line.contains(" 01 ")).count();
    assert!(rows >= 2002, "{rows}");
}

#[test]
fn files_are_open_in_every_process() {
    let running = start(&["files", "--processes", "20", "--files", "30", "--sockets", "7"]);
    assert_eq!((running.report.files, running.report.tcp, running.report.udp), (600, 4, 3));
    for pid in &running.report.processes {
        assert!(std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() >= 30);
    }
}

#[test]
fn varied_sockets_are_in_the_tables_in_their_states() {
    let running = start(&["varied"]);
    let report = &running.report;
    assert!(report.sockets.len() > 200, "{}", report.sockets.len());
    for state in [
        "established",
        "syn-sent",
        "syn-received",
        "fin-wait-1",
        "fin-wait-2",
        "time-wait",
        "close-wait",
        "last-ack",
        "listen",
        "closing",
        "bound",
    ] {
        assert!(report.sockets.iter().any(|made| made.state.as_deref() == Some(state)), "{state}");
    }
    let tables: String = ["tcp", "tcp6", "udp", "udp6"].map(|name| table(&running, name)).concat();
    for made in &report.sockets {
        let Some(inode) = made.inode else { continue };
        // The tables of /proc leave these out.
        if made.state.as_deref() != Some("bound") {
            assert!(tables.contains(&format!(" {inode} ")), "{made:?}");
        }
    }
}

#[test]
fn owners_are_where_they_are_said_to_be() {
    let running = start(&["owners"]);
    let report = &running.report;
    assert_eq!(report.case("prefork").owners.len(), 9);
    for made in &report.sockets {
        assert_ne!(made.owners.is_empty(), made.no_owner.is_none(), "{made:?}");
        for owner in &made.owners {
            for fd in &owner.fds {
                let tasks = std::fs::read_dir(format!("/proc/{}/task", owner.pid)).unwrap();
                let link = format!("socket:[{}]", made.inode.unwrap());
                assert!(
                    tasks.flatten().any(|task| {
                        std::fs::read_link(task.path().join(format!("fd/{fd}"))).is_ok_and(|it| it == Path::new(&link))
                    }),
                    "{made:?}"
                );
            }
        }
    }
}

#[test]
fn churn_leaves_the_stable_sockets_alone() {
    let running = start(&["churn", "--stable-udp", "5", "--stable-listen", "5", "--stable-tcp", "5"]);
    assert_eq!(running.report.sockets.len(), 20);
    let before = running.report.sockets.clone();
    while !table(&running, "udp").lines().any(|line| {
        line.split_whitespace().nth(9).and_then(|inode| inode.parse().ok()).is_some_and(|it| !listed(&before, it))
    }) {}
    let output = running.stop().unwrap();
    let counts: Counts = serde_json::from_str(output.trim().strip_prefix("done ").unwrap()).unwrap();
    assert!(counts.udp > 0, "{counts:?}");
}
