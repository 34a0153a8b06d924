use eframe::egui::{Key, Pos2, pos2};
use sockscope_live::{Lines, View};

use crate::rig::{Rig, usual};

fn group(rig: &mut Rig, from: &str, to: &str) {
    rig.choose(&format!("Group: {from}"));
    rig.choose(to);
}

/// The pointer beside a group.
fn pointer(rig: &Rig, part: &str) -> Pos2 {
    let row = rig.row(part);
    pos2(row.left() + 9.0, row.center().y)
}

/// What each view calls its groups, and how many there are.
const VIEWS: [(&str, View, &[&str]); 5] = [
    ("Processes", View::Processes, &["nginx", "nginx", "sshd", "wechat", "dnsmasq", "(time-wait)"]),
    ("Remote hosts", View::Hosts, &["114.114.114.114", "8.8.8.8", "119.29.29.29", "192.168.1.7", "9.9.9.9"]),
    ("Countries", View::Countries, &["China", "United States", "(unknown)"]),
    ("Listeners", View::Listeners, &["tcp 0.0.0.0:80", "tcp [::]:22", "udp 127.0.0.1:53"]),
    ("Services", View::Services, &["nginx.service", "ssh.service", "dnsmasq.service", "(no service)"]),
];

#[test]
fn every_view_has_its_groups() {
    let (mut rig, _) = usual();
    let mut last = "Connections";
    for (name, view, groups) in VIEWS {
        group(&mut rig, last, name);
        last = name;
        assert_eq!(rig.remembered().view, view);
        assert!(matches!(rig.arrangement().lines, Lines::Tree { .. }));
        let rows = rig.rows();
        assert_eq!(rows.len(), groups.len(), "{rows:#?}");
        for part in groups {
            assert!(rows.iter().any(|row| row.starts_with(part)), "no {part:?} in {rows:#?}");
        }
    }
    group(&mut rig, last, "Connections");
    assert_eq!(rig.rows().len(), 8);
}

#[test]
fn groups_open_and_close_by_pointer_and_double_click() {
    let (mut rig, _) = usual();
    group(&mut rig, "Connections", "Countries");
    for by in ["pointer", "double click"] {
        let toggle = |rig: &mut Rig| {
            if by == "pointer" {
                let at = pointer(rig, "China");
                rig.click(at);
            } else {
                let row = rig.row("China");
                rig.double_click(row.center());
            }
        };
        toggle(&mut rig);
        let rows = rig.rows();
        let china = rows.iter().position(|row| row == "China").unwrap();
        assert_eq!(rows.len(), 5, "{by}: {rows:#?}");
        for below in &rows[china + 1..=china + 2] {
            assert!(below.contains("114.114.114.114") || below.contains("119.29.29.29"), "{rows:#?}");
        }
        // A look later it is open still.
        toggle(&mut rig);
        assert_eq!(rig.rows().len(), 3, "{by}");
    }
}

#[test]
fn groups_open_and_close_by_keys() {
    let (mut rig, mut machine) = usual();
    group(&mut rig, "Connections", "Countries");
    let at = rig.at("China");
    rig.click(at);
    let count = |rig: &mut Rig, key: Key| {
        rig.key(key);
        rig.rows().len()
    };
    assert_eq!(count(&mut rig, Key::Enter), 5);
    assert_eq!(count(&mut rig, Key::Enter), 3);
    assert_eq!(count(&mut rig, Key::ArrowRight), 5);
    assert_eq!(count(&mut rig, Key::ArrowRight), 5);
    rig.see(machine.frame());
    assert_eq!(rig.rows().len(), 5, "it stays open");
    assert_eq!(count(&mut rig, Key::ArrowLeft), 3);
    assert_eq!(count(&mut rig, Key::ArrowLeft), 3);
}

#[test]
fn all_are_expanded_and_collapsed() {
    let (mut rig, _) = usual();
    let mut last = "Connections";
    for (name, _, groups) in VIEWS {
        group(&mut rig, last, name);
        last = name;
        rig.choose("Expand all");
        assert!(rig.rows().len() > groups.len());
        // But for one.
        let closed = rig.rows()[0].clone();
        let at = pointer(&rig, &closed);
        let before = rig.rows().len();
        rig.click(at);
        assert!(rig.rows().len() < before);
        rig.choose("Collapse all");
        assert_eq!(rig.rows().len(), groups.len());
    }
}

#[test]
fn sockets_of_an_open_group_are_selected_like_any() {
    let (mut rig, mut machine) = usual();
    group(&mut rig, "Connections", "Countries");
    rig.choose("Expand all");
    let at = rig.at("8.8.8.8");
    rig.click(at);
    assert!(rig.selected()[0].contains("8.8.8.8"));
    // It is found again where the tree is another.
    machine.add(40, "tcp", "10.0.0.5:80", Some("114.114.114.114:7"), Some(sockscope_model::State::Established), &[812]);
    rig.see(machine.frame());
    assert_eq!(rig.selected().len(), 1);
    rig.key(Key::Delete);
    rig.choose("Close connection");
    assert_eq!(rig.closed(), [5]);
}

#[test]
fn a_socket_of_two_processes_is_below_both() {
    let (mut rig, _) = usual();
    group(&mut rig, "Connections", "Processes");
    rig.choose("Expand all");
    let rows = rig.rows();
    assert_eq!(rows.iter().filter(|row| row.contains("0.0.0.0:80")).count(), 2, "{rows:#?}");
}

#[test]
fn the_sort_orders_sockets_within_groups() {
    let (mut rig, _) = usual();
    group(&mut rig, "Connections", "Countries");
    rig.choose("Expand all");
    let first = |rig: &Rig| {
        let rows = rig.rows();
        let china = rows.iter().position(|row| row == "China").unwrap();
        rows[china + 1].clone()
    };
    let at = rig.title("Remote").center();
    rig.click(at);
    assert!(first(&rig).contains("114.114.114.114"));
    rig.click(at);
    assert!(first(&rig).contains("119.29.29.29"));
}
