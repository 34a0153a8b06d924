//! Under full-speed churn, sockets that live on are each listed exactly once.
//!
//! `SOCKSCOPE_CHURN_RUNS` says how often (default 25; the figures in docs/completeness.md are for 1,000).
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what can't be made or is not there is a failed test"
)]

use std::collections::HashMap;
use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sockscope_model::{Request, Source, SourceChoice};
use sockscope_sys::native;
use sockscope_testkit::Running;

fn runs() -> u32 {
    std::env::var("SOCKSCOPE_CHURN_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(25)
}

/// Starts the churn, in a network namespace of its own where we may enter one: what it leaves behind (TIME_WAIT, for a
/// minute) would slow other tests down.
fn every_stable_socket_once(arguments: &[&str]) {
    let is_root = rustix::process::geteuid().is_root();
    let mut all = if is_root { vec!["--netns", "churn"] } else { vec!["churn"] };
    all.extend(arguments);
    let churn = Running::start(&all).unwrap();
    if !is_root {
        return look_again_and_again(churn);
    }
    let namespace = std::fs::File::open(format!("/proc/{}/ns/net", churn.report.pid)).unwrap();
    let inside = move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        look_again_and_again(churn);
    };
    std::thread::spawn(inside).join().unwrap();
}

fn look_again_and_again(churn: Running) {
    let stable: Vec<u64> =
        churn.report.sockets.iter().map(|socket| socket.cookie.as_ref().unwrap().parse().unwrap()).collect();
    let mut source = native(SourceChoice::SockDiag).unwrap();
    let request = Request { owners: false, cgroups: false, ..Request::default() };
    let (mut missing, mut doubled, mut rows, mut duplicates, mut churned) = (0, 0, 0, 0, 0);
    for _ in 0..runs() {
        let snapshot = source.snapshot(&request).unwrap();
        let mut seen: HashMap<u64, u32> = HashMap::new();
        for socket in &snapshot.sockets {
            *seen.entry(socket.cookie().unwrap()).or_default() += 1;
        }
        missing += stable.iter().filter(|cookie| !seen.contains_key(cookie)).count();
        doubled += seen.values().filter(|count| **count > 1).count();
        rows += snapshot.sources[0].rows;
        duplicates += snapshot.sources[0].duplicates;
        churned += snapshot.sources[0].churned;
    }
    println!(
        "{} stable sockets, {} runs, {rows} rows: {missing} missing, {doubled} doubled ({duplicates} copies dropped, \
         {churned} churned); {}",
        stable.len(),
        runs(),
        churn.stop().unwrap().trim()
    );
    assert_eq!((missing, doubled), (0, 0));
}

const THREADS: [&str; 6] = ["--tcp-threads", "1", "--udp-threads", "2", "--listen-threads", "2"];

#[test]
fn a_hundred_sockets_amid_churn() {
    let stable = ["--stable-tcp", "16", "--stable-udp", "34", "--stable-listen", "34", "--addresses", "34"];
    every_stable_socket_once(&[&THREADS[..], &stable[..]].concat());
}

/// All on one address and port: no filter of the kernel's tells them apart.
#[test]
fn fifteen_hundred_in_one_bucket() {
    let stable = ["--stable-tcp", "16", "--stable-udp", "1534", "--stable-listen", "1534", "--addresses", "1"];
    every_stable_socket_once(&[&THREADS[..], &stable[..]].concat());
}

/// On one port, so in one bucket of the UDP table.
#[test]
fn fifteen_hundred_over_many_addresses() {
    let stable = ["--stable-tcp", "16", "--stable-udp", "1534", "--stable-listen", "1534", "--addresses", "250"];
    every_stable_socket_once(&[&THREADS[..], &stable[..]].concat());
}

/// Bound and no more: the kernel leaves their bucket after every 16 rows.
#[test]
fn sixty_bound_sockets_on_one_port() {
    let threads = ["--tcp-threads", "0", "--udp-threads", "0", "--listen-threads", "0", "--bound-threads", "2"];
    every_stable_socket_once(&[&threads[..], &["--stable-bound", "60", "--addresses", "1"]].concat());
}

/// Connections that leave TIME-WAIT behind crowd the table of connections.
#[test]
fn connections_amid_time_wait() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("needs root: it leaves TIME_WAIT behind, which had better be in a network namespace of its own");
        return;
    }
    every_stable_socket_once(&[
        "--tcp-threads",
        "2",
        "--udp-threads",
        "0",
        "--listen-threads",
        "0",
        "--time-wait",
        "--stable-tcp",
        "200",
    ]);
}
