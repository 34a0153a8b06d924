//! The backend for Windows, on real sockets of this process and of one that it starts.
#![cfg(windows)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "what fails here is a failed test")]

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

use sockscope_model::{
    Exposure, Owners, ProcessId, Protocol, Request, Snapshot, Socket, Source, SourceChoice, State, Witness,
};
use sockscope_sys as sys;

fn snapshot(choice: SourceChoice, request: &Request) -> Snapshot {
    sys::native(choice).unwrap().snapshot(request).unwrap()
}

fn everything() -> Snapshot {
    snapshot(SourceChoice::Auto, &Request::default())
}

fn find(snapshot: &Snapshot, protocol: Protocol, local: SocketAddr, remote: Option<SocketAddr>) -> &Socket {
    let is_it =
        |socket: &&Socket| (socket.key.protocol, socket.key.local, socket.key.remote) == (protocol, local, remote);
    snapshot.sockets.iter().find(is_it).unwrap_or_else(|| panic!("no {protocol:?} {local} {remote:?}"))
}

fn loopback(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse::<IpAddr>().unwrap(), 0)
}

#[test]
fn sockets_of_every_kind_have_their_owner() {
    for address in ["127.0.0.1", "::1"] {
        let listener = TcpListener::bind(loopback(address)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let udp = UdpSocket::bind(loopback(address)).unwrap();
        let snapshot = everything();

        let listening = find(&snapshot, Protocol::Tcp, listener.local_addr().unwrap(), None);
        assert_eq!((listening.state, listening.exposure), (Some(State::Listen), Some(Exposure::Loopback)));
        for (one, other) in [(&client, &server), (&server, &client)] {
            let (local, remote) = (one.local_addr().unwrap(), other.local_addr().unwrap());
            let socket = find(&snapshot, Protocol::Tcp, local, Some(remote));
            assert_eq!(socket.state, Some(State::Established));
            is_ours(&snapshot, socket);
        }
        is_ours(&snapshot, listening);
        is_ours(&snapshot, find(&snapshot, Protocol::Udp, udp.local_addr().unwrap(), None));
    }
}

fn is_ours(snapshot: &Snapshot, socket: &Socket) {
    let Owners::Processes(owners) = &socket.owners else { panic!("{socket:?}") };
    assert_eq!(owners.len(), 1);
    let process = snapshot.process(owners[0].process).unwrap();
    let program = std::env::current_exe().unwrap();
    assert_eq!(process.id.pid, std::process::id());
    assert_eq!(process.name.to_lowercase(), program.file_name().unwrap().to_string_lossy().to_lowercase());
    let path = process.path.as_ref().unwrap();
    assert_eq!(path.to_string_lossy().to_lowercase(), program.to_string_lossy().to_lowercase());
    let arguments: Vec<String> = std::env::args().collect();
    assert_eq!(process.command_line.as_ref().unwrap()[1..], arguments[1..]);
    let age = snapshot.taken.micros_since(process.id.started.unwrap());
    assert!((1..3_600_000_000).contains(&age), "{age}");
    assert!(process.user.is_some() && process.user == sys::viewer_user(), "{:?}", process.user);
    assert_eq!(snapshot.user(socket), process.user.as_deref());
}

/// Each source that there is here lists what it can.
#[test]
fn sources_agree() {
    let listener = TcpListener::bind(loopback("127.0.0.1")).unwrap();
    let udp = UdpSocket::bind(loopback("127.0.0.1")).unwrap();
    let request = Request::default();
    for choice in [SourceChoice::GetExtendedTable, SourceChoice::GetTable2, SourceChoice::GetTable] {
        let snapshot = snapshot(choice, &request);
        let socket = find(&snapshot, Protocol::Tcp, listener.local_addr().unwrap(), None);
        match choice {
            SourceChoice::GetTable => assert!(snapshot.notices.iter().any(|it| it.code == "owners-unknown")),
            _ => is_ours(&snapshot, socket),
        }
        if choice != SourceChoice::GetTable2 {
            find(&snapshot, Protocol::Udp, udp.local_addr().unwrap(), None);
        }
        assert_eq!(snapshot.sources[0].name, choice.name());
    }
}

/// This program does not serve calls apart: it is said, and nothing undocumented is called in it.
#[test]
fn undocumented_functions_are_not_called_in_a_program_that_is_not_prepared() {
    let error = sys::native(SourceChoice::AllocateExTableFromStack).unwrap().snapshot(&Request::default()).unwrap_err();
    assert!(error.cause.contains("not prepared") || error.cause.contains("has no"), "{error}");
    sys::native(SourceChoice::Procfs).unwrap_err();
}

#[test]
fn less_is_listed_where_less_is_asked_for() {
    let _listener = TcpListener::bind(loopback("127.0.0.1")).unwrap();
    let _udp = UdpSocket::bind(loopback("::1")).unwrap();
    let only = Request { tcp: false, ipv4: false, owners: false, ..Request::default() };
    let snapshot = snapshot(SourceChoice::Auto, &only);
    assert!(!snapshot.sockets.is_empty() && snapshot.processes.is_empty());
    for socket in &snapshot.sockets {
        assert!(socket.key.protocol == Protocol::Udp && socket.key.local.is_ipv6(), "{socket:?}");
    }
}

/// The probe finds what is bound, whoever bound it, and leaves it alone.
#[test]
fn a_bound_port_is_found_and_not_disturbed() {
    let listener = TcpListener::bind(loopback("127.0.0.1")).unwrap();
    let udp = UdpSocket::bind(loopback("127.0.0.1")).unwrap();
    let request = Request { ipv6: false, ..Request::default() };
    let testimony = sys::testify(Witness::BindProbe, &request).unwrap();
    assert_eq!(testimony.damaged, None);
    let found = |protocol, port| {
        testimony.snapshot.sockets.iter().any(|it| (it.key.protocol, it.key.local.port()) == (protocol, port))
    };
    assert!(found(Protocol::Tcp, listener.local_addr().unwrap().port()));
    assert!(found(Protocol::Udp, udp.local_addr().unwrap().port()));
    let free = TcpListener::bind(loopback("127.0.0.1")).unwrap().local_addr().unwrap().port();
    assert!(!found(Protocol::Tcp, free));
    TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.accept().unwrap();
}

/// A process that waits until its input ends.
fn waiting() -> Child {
    let root = std::env::var("SystemRoot").unwrap();
    let command = format!(r"{root}\System32\cmd.exe");
    Command::new(command).args(["/c", "set /p x="]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn only_the_process_that_was_meant_is_ended() {
    use std::os::windows::io::AsRawHandle;

    use windows_sys::Win32::Foundation::FILETIME;
    use windows_sys::Win32::System::Threading::GetProcessTimes;

    let mut child = waiting();
    let [mut created, mut exited, mut kernel, mut user] = [FILETIME::default(); 4];
    let handle = child.as_raw_handle();
    // SAFETY: the handle of the child is open, and the times are valid for writes.
    let done = unsafe { GetProcessTimes(handle, &raw mut created, &raw mut exited, &raw mut kernel, &raw mut user) };
    assert_ne!(done, 0);
    let ticks = u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime);
    let id = ProcessId { pid: child.id(), started: sockscope_wire::windows::file_time(ticks) };
    let term = sys::Signal::TERM;
    let later = sockscope_model::Timestamp::from_micros(id.started.unwrap().as_micros() + 1);
    assert_eq!(sys::kill(ProcessId { started: Some(later), ..id }, term), Err(sys::KillError::Gone));
    assert_eq!(sys::kill(ProcessId { started: None, ..id }, term), Err(sys::KillError::NoIdentity));
    assert!(child.try_wait().unwrap().is_none());
    let held = sys::hold(id).unwrap();
    held.may_signal().unwrap();
    held.signal(term).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(held.has_ended(std::time::Duration::ZERO));
    assert_eq!(held.signal(term), Err(sys::KillError::Gone));
    assert_eq!(sys::hold(id).err(), Some(sys::KillError::Gone));
    assert_eq!(sys::kill(ProcessId { pid: 0x7fff_fffc, ..id }, term), Err(sys::KillError::Gone));
}

#[test]
fn this_process_descends_from_others() {
    let found = sys::ancestors();
    assert_eq!(found[0].pid, std::process::id());
    assert!(found.iter().is_sorted_by(|child, parent| parent.started <= child.started), "{found:?}");
    assert_eq!(sys::Signal::parse("sigkill"), Some(sys::Signal::KILL));
    assert_eq!(sys::Signal::parse("HUP"), None);
}

#[test]
fn what_windows_cannot_close_is_said() {
    let listener = TcpListener::bind(loopback("::1")).unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let snapshot = everything();
    let six: Vec<&Socket> =
        snapshot.sockets.iter().filter(|it| it.key.remote == Some(listener.local_addr().unwrap())).collect();
    let results = sys::close(&six);
    assert_eq!(results.len(), 1);
    assert!(results[0].as_ref().unwrap_err().to_string().contains("over IPv6"), "{results:?}");
}

#[test]
fn directories_are_windows() {
    let files = sys::config_files();
    assert!(files.len() == 2 && files.iter().all(|it| it.ends_with(r"sockscope\config.toml")), "{files:?}");
    assert_eq!(sys::data_directories().len(), 3);
    assert!(sys::locale().is_some());
    assert!(sys::viewer_uid().is_none() && sys::viewer_user().is_some());
}
