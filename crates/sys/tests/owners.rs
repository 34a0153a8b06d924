//! Every owner of a socket, and every reason for having none, on sockets that are made for real.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what can't be made or is not there is a failed test"
)]

use std::collections::BTreeMap;

use sockscope_model::{NoOwner, Owners, Request, Snapshot, Socket, Source, SourceChoice};
use sockscope_sys::native;
use sockscope_testkit::{Made, NAME_WITH_ESCAPES, NAME_WITH_FORMULA, Running};

/// A snapshot from inside the scenario's network namespace.
fn look_inside(scenario: &Running, choice: SourceChoice, request: &Request) -> Snapshot {
    let namespace = std::fs::File::open(format!("/proc/{}/ns/net", scenario.report.pid)).unwrap();
    let request = request.clone();
    // Only the thread moves.
    std::thread::spawn(move || {
        use std::os::fd::AsFd;
        rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(rustix::thread::LinkNameSpaceType::Network))
            .unwrap();
        native(choice).unwrap().snapshot(&request).unwrap()
    })
    .join()
    .unwrap()
}

fn find<'a>(snapshot: &'a Snapshot, made: &Made) -> Option<&'a Socket> {
    let endpoint = |address: std::net::SocketAddr| (address.ip().to_string(), address.port());
    snapshot.sockets.iter().find(|socket| match &made.cookie {
        Some(cookie) => socket.cookie().map(|it| it.to_string()).as_ref() == Some(cookie),
        None => {
            socket.key.protocol.name() == made.protocol
                && endpoint(socket.key.local) == (made.local.address.clone(), made.local.port)
                && socket.key.remote.map(endpoint)
                    == made.remote.as_ref().map(|remote| (remote.address.clone(), remote.port))
        }
    })
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether some process refuses even root: then what needs every process to be looked into stays `needs-root`.
fn somebody_refuses(snapshot: &Snapshot) -> bool {
    snapshot.notices.iter().any(|notice| notice.code == "owners-need-root")
}

#[test]
fn every_owner_and_every_reason() {
    if !is_root() {
        eprintln!("needs root: a network namespace to look into");
        return;
    }
    let scenario = Running::start(&["--netns", "owners"]).unwrap();
    assert_eq!(scenario.report.skipped, [], "everything can be made here");
    let snapshot = look_inside(&scenario, SourceChoice::Auto, &Request::default());
    let mut failures = Vec::new();
    for made in &scenario.report.sockets {
        let Some(socket) = find(&snapshot, made) else {
            failures.push(format!("{}: not listed", made.case));
            continue;
        };
        let expected: BTreeMap<u32, Vec<u32>> =
            made.owners.iter().map(|owner| (owner.pid, owner.fds.clone())).collect();
        let found: BTreeMap<u32, Vec<u32>> =
            socket.owners.processes().iter().map(|owner| (owner.process.pid, owner.fds.clone())).collect();
        let reason = socket.owners.reason().map(NoOwner::name);
        // A ring without a descriptor is shown by nothing under /proc, and of descriptors in flight only those of a first
        // message: elimination decides, if every process can be looked into.
        let by_elimination = matches!(made.case.as_str(), "io-uring-hidden" | "in-flight-udp");
        let expected_reason = made.no_owner.as_deref();
        let right = if by_elimination {
            matches!(
                socket.owners.reason(),
                Some(NoOwner::NeedsRoot | NoOwner::Kernel | NoOwner::IoUring | NoOwner::InFlight)
            )
        } else {
            expected == found && reason == expected_reason
        };
        let state = socket.state.map(|state| state.to_string());
        if !right || state != made.state {
            failures.push(format!(
                "{}: {expected:?} {expected_reason:?} {:?}, found {found:?} {reason:?} {state:?}",
                made.case, made.state
            ));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}\n{:?}", snapshot.notices);

    let prefork = scenario.report.case("prefork");
    assert_eq!(find(&snapshot, prefork).unwrap().owners.processes().len(), 9);
    let name_of = |case: &str| {
        let owner = find(&snapshot, scenario.report.case(case)).unwrap().owners.processes()[0].process;
        snapshot.process(owner).unwrap().name.clone()
    };
    assert!(NAME_WITH_ESCAPES.starts_with(&name_of("name-escape").replace('\u{fffd}', "")), "cut at 15 bytes");
    assert_eq!(name_of("name-formula"), NAME_WITH_FORMULA);
}

/// Without the right to look into other processes, reasons replace owners and rows stay.
#[test]
fn an_ordinary_user_gets_reasons() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let snapshot = native(SourceChoice::Auto).unwrap().snapshot(&Request::default()).unwrap();
    let own = snapshot.sockets.iter().find(|it| it.key.local.port() == port && it.is_listening()).unwrap();
    let [owner] = own.owners.processes() else { panic!("{:?}", own.owners) };
    assert_eq!(owner.process.pid, std::process::id());
    let process = snapshot.process(owner.process).unwrap();
    assert_eq!(process.path.as_deref(), std::env::current_exe().ok().as_deref());
    assert_eq!(process.uid, Some(rustix::process::geteuid().as_raw()));
    assert!(process.command_line.as_ref().is_some_and(|arguments| !arguments.is_empty()));
    let age = snapshot.taken.micros_since(process.id.started.unwrap());
    assert!(age < 3_600_000_000, "this test runs for {age} microseconds?");
    assert!(snapshot.sockets.iter().all(|socket| socket.owners.reason() != Some(NoOwner::NotAsked)));
    if !is_root() {
        let others = snapshot
            .sockets
            .iter()
            .filter(|socket| socket.inode.is_some() && socket.uid != Some(rustix::process::geteuid().as_raw()));
        let mut hidden = 0;
        for socket in others {
            assert_eq!(socket.owners, Owners::Nobody(NoOwner::NeedsRoot));
            hidden += 1;
        }
        assert_eq!(hidden > 0, somebody_refuses(&snapshot));
    }
}

#[test]
fn owners_that_were_not_asked_for_say_so() {
    let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let request = Request { owners: false, ..Request::default() };
    let snapshot = native(SourceChoice::Auto).unwrap().snapshot(&request).unwrap();
    assert!(!snapshot.sockets.is_empty() && snapshot.processes.is_empty());
    assert!(snapshot.sockets.iter().all(|socket| socket.owners == Owners::Nobody(NoOwner::NotAsked)));
}
