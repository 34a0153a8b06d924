//! What a kernel said (`cargo xtask capture`, Linux 6.18 on x86_64), and the iphlpapi.dll of Wine 10 (`cargo xtask windows
//! capture`), is decoded to what is written beside it.
//!
//! After a new capture, or a change that is meant, `UPDATE=1 cargo test -p sockscope-wire` writes it anew: look at the difference.
#![cfg(target_endian = "little")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "what can't be read is a failed test")]

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use sockscope_model::{Family, Protocol, Socket};
use sockscope_wire::windows::{self, Layout};
use sockscope_wire::{decode_destroyed, netlink, procfs, sock_diag};

fn testdata(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

fn line(text: &mut String, socket: &Socket) {
    let Socket { key, state, owners, uid, inode, interface, mark, queues, timer, traffic, exposure, cgroup, .. } =
        socket;
    let state = state.map_or("-".to_owned(), |state| state.to_string());
    let remote = key.remote.map_or("-".to_owned(), |remote| remote.to_string());
    writeln!(
        text,
        "{} {state} {} {remote} {:?} uid {uid:?} inode {inode:?} {:?} interface {interface:?} mark {mark:?} cgroup \
         {cgroup:?} {queues:?} {timer:?} {exposure:?} {traffic:?}",
        key.protocol.name(),
        key.local,
        key.tag,
        owners.reason(),
    )
    .unwrap();
}

fn assert_pinned(name: &str, found: &str) {
    let path = testdata(&format!("{name}.expected"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{name}, line {}", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{name}");
}

#[test]
fn sock_diag_dumps() {
    for (name, protocol) in [
        ("tcp", Protocol::Tcp),
        ("tcp4-info", Protocol::Tcp),
        ("tcp6", Protocol::Tcp),
        ("udp4", Protocol::Udp),
        ("udp6", Protocol::Udp),
    ] {
        let bytes = fs::read(testdata(&format!("sock_diag/{name}.bin"))).unwrap();
        let mut text = String::new();
        let mut rows = 0;
        for message in netlink::messages(&bytes) {
            let message = message.unwrap();
            if message.kind == netlink::DONE {
                assert_eq!(message.errno(), Some(0));
                continue;
            }
            line(&mut text, &sock_diag::decode_row(message.payload, protocol, false).unwrap().socket);
            rows += 1;
        }
        assert!(rows > 5, "{name}: {rows}");
        assert_pinned(&format!("sock_diag/{name}"), &text);
    }
}

#[test]
fn sockets_that_were_destroyed() {
    let bytes = fs::read(testdata("sock_diag_destroy/events.bin")).unwrap();
    let mut text = String::new();
    let mut never_bound = 0;
    for message in netlink::messages(&bytes) {
        let message = message.unwrap();
        assert_eq!(message.kind, sock_diag::SOCK_DIAG_BY_FAMILY);
        match decode_destroyed(message.payload).unwrap() {
            Some(socket) => line(&mut text, &socket),
            None => never_bound += 1,
        }
    }
    writeln!(text, "{never_bound} that were never bound").unwrap();
    assert!(text.lines().count() > 50, "{text}");
    assert_pinned("sock_diag_destroy/events", &text);

    // Any prefix of a message, and a message with any byte changed, is a socket, none or an error.
    for message in netlink::messages(&bytes).take(20) {
        let mut damaged = message.unwrap().payload.to_vec();
        (0..damaged.len()).for_each(|length| drop(decode_destroyed(damaged.split_at(length).0)));
        for index in 0..damaged.len() {
            let byte = damaged[index];
            for value in [0, 1, 0x7f, 0xff, byte.wrapping_add(4)] {
                damaged[index] = value;
                drop(decode_destroyed(&damaged));
            }
            damaged[index] = byte;
        }
    }
}

#[test]
fn tables_of_proc_net() {
    for (name, protocol, family) in [
        ("tcp", Protocol::Tcp, Family::Ipv4),
        ("tcp6", Protocol::Tcp, Family::Ipv6),
        ("udp", Protocol::Udp, Family::Ipv4),
        ("udp6", Protocol::Udp, Family::Ipv6),
    ] {
        let table = procfs::table(&fs::read(testdata(&format!("procfs/{name}"))).unwrap(), protocol, family);
        assert_eq!(table.malformed, []);
        let mut text = String::new();
        table.sockets.iter().for_each(|socket| line(&mut text, socket));
        assert_pinned(&format!("procfs/{name}"), &text);
    }
}

#[test]
fn tables_of_iphlpapi() {
    for layout in Layout::ALL {
        let bytes = fs::read(testdata(&format!("ip_helper/{layout:?}.bin"))).unwrap();
        let rows = windows::table(&bytes, layout, false).unwrap();
        assert!(!rows.is_empty(), "{layout:?}");
        let mut text = String::new();
        for row in &rows {
            write!(text, "pid {:?} opened {:?} quirk {:?} ", row.pid, row.socket.opened, windows::quirk(row, layout))
                .unwrap();
            line(&mut text, &row.socket);
        }
        assert_pinned(&format!("ip_helper/{layout:?}"), &text);

        // Any prefix is a table or refused, and so is one with any byte changed.
        let end = layout.first_row() + rows.len() * layout.row_size();
        for length in 0..end {
            windows::table(bytes.split_at(length).0, layout, false).unwrap_err();
        }
        let mut damaged = bytes.clone();
        for (index, byte) in bytes.iter().enumerate().take(1000) {
            for value in [0, 1, 0x7f, 0xff, byte.wrapping_add(1)] {
                damaged[index] = value;
                if let Ok(rows) = windows::table(&damaged, layout, false) {
                    assert!(rows.len() * layout.row_size() <= damaged.len());
                    rows.iter().for_each(|row| drop(windows::quirk(row, layout)));
                }
            }
            damaged[index] = *byte;
        }
    }
}

/// Any prefix of a capture, and a capture with any byte changed, gives rows or errors and nothing else.
#[test]
fn damaged_dumps_are_survived() {
    let bytes = fs::read(testdata("sock_diag/udp6-info.bin")).unwrap();
    let read = |bytes: &[u8]| {
        for message in netlink::messages(bytes) {
            let Ok(message) = message else { break };
            let _ = (message.errno(), sock_diag::decode_row(message.payload, Protocol::Udp, false));
        }
    };
    (0..bytes.len()).for_each(|length| read(bytes.split_at(length).0));
    let mut damaged = bytes.clone();
    for (index, byte) in bytes.iter().enumerate() {
        for value in [0, 1, 0x7f, 0xff, byte.wrapping_add(4)] {
            if let Some(place) = damaged.get_mut(index) {
                *place = value;
            }
            read(&damaged);
        }
        if let Some(place) = damaged.get_mut(index) {
            *place = *byte;
        }
    }
}
