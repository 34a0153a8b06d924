use eframe::egui::{Event, Key, Modifiers, PointerButton};
use sockscope_model::State;
use sockscope_window::Effect;

use crate::machine::{Machine, id};
use crate::rig::{CONTROL, Rig, usual};

/// Everything at once: other lines above, the other order, other sockets at the same addresses.
fn upheaval(rig: &mut Rig, machine: &mut Machine) {
    for cookie in 50..60 {
        machine.remove(cookie);
        let remote = format!("1.0.0.{cookie}:9");
        machine.add(cookie, "tcp", "10.0.0.5:7", Some(&remote), Some(State::Established), &[813]);
    }
    machine.sockets.reverse();
    rig.see(machine.frame());
}

#[test]
fn the_menu_acts_on_what_was_clicked_after_rows_moved() {
    let (mut rig, mut machine) = usual();
    rig.menu("8.8.8.8");
    upheaval(&mut rig, &mut machine);
    rig.choose("Close connection…");
    upheaval(&mut rig, &mut Machine::usual());
    rig.choose("Close connection");
    assert_eq!(rig.closed(), [5]);
}

#[test]
fn the_menu_acts_on_what_was_clicked_after_it_went() {
    let (mut rig, mut machine) = usual();
    rig.menu("8.8.8.8");
    machine.remove(5);
    rig.see(machine.frame());
    rig.see(machine.frame());
    assert!(rig.rows().iter().all(|row| !row.contains("8.8.8.8")));
    rig.choose("Close connection…");
    assert!(rig.is_shown("8.8.8.8:40000"), "the question names what was clicked");
    rig.choose("Close connection");
    // Whoever closes it finds that it is gone; nothing else is named.
    assert_eq!(rig.closed(), [5]);
}

#[test]
fn another_socket_at_the_same_addresses_is_not_meant() {
    for is_asked_before in [false, true] {
        let (mut rig, mut machine) = usual();
        rig.menu("8.8.8.8");
        if is_asked_before {
            rig.choose("Close connection…");
        }
        machine.remove(5);
        machine.add(99, "tcp", "10.0.0.5:80", Some("8.8.8.8:40000"), Some(State::Established), &[812]);
        rig.see(machine.frame());
        rig.see(machine.frame());
        if !is_asked_before {
            rig.choose("Close connection…");
        }
        rig.choose("Close connection");
        assert_eq!(rig.closed(), [5]);
    }
}

#[test]
fn processes_are_those_of_the_click() {
    let (mut rig, mut machine) = usual();
    rig.menu("8.8.8.8");
    // Its owner hands it over meanwhile.
    let owners = machine.socket(6).owners.clone();
    machine.socket(5).owners = owners;
    upheaval(&mut rig, &mut machine);
    rig.choose("End process…");
    rig.choose("End process");
    let ended = rig.take_effects().into_iter().find_map(|effect| match effect {
        Effect::End(processes, signal) => Some((processes, signal)),
        _ => None,
    });
    assert_eq!(ended, Some((vec![(id(813), "nginx".to_owned())], "TERM")));
}

#[test]
fn a_selection_of_several_stays_what_it_was() {
    for by_key in [true, false] {
        let (mut rig, mut machine) = usual();
        let at = rig.at("8.8.8.8");
        rig.click(at);
        let at = rig.at("119.29.29.29");
        rig.button(at, PointerButton::Primary, CONTROL);
        if by_key {
            // It moved before the key as well.
            upheaval(&mut rig, &mut machine);
            assert_eq!(rig.selected().len(), 2);
            rig.key(Key::Delete);
        } else {
            rig.menu("119.29.29.29");
            upheaval(&mut rig, &mut machine);
            rig.choose("Close connection…");
        }
        machine.remove(6);
        machine.add(98, "tcp", "10.0.0.5:44312", Some("119.29.29.29:443"), Some(State::Established), &[3000]);
        upheaval(&mut rig, &mut machine);
        assert!(rig.is_shown("Close 2 connections?"));
        rig.choose("Close connection");
        let mut closed = rig.closed();
        closed.sort_unstable();
        assert_eq!(closed, [5, 6]);
    }
}

#[test]
fn the_selection_does_not_pass_to_a_successor() {
    let (mut rig, mut machine) = usual();
    let at = rig.at("8.8.8.8");
    rig.click(at);
    machine.remove(5);
    machine.add(99, "tcp", "10.0.0.5:80", Some("8.8.8.8:40000"), Some(State::Established), &[812]);
    rig.see(machine.frame());
    rig.see(machine.frame());
    assert!(rig.selected().is_empty(), "{:?}", rig.selected());
    rig.key(Key::Delete);
    assert!(rig.is_shown("Nothing is selected"));
    assert!(rig.closed().is_empty());
}

#[test]
fn a_press_on_one_row_and_a_release_on_what_moved_there_is_no_click_on_that() {
    for (button, moves) in [
        (PointerButton::Primary, false),
        (PointerButton::Primary, true),
        (PointerButton::Secondary, false),
        (PointerButton::Secondary, true),
    ] {
        let (mut rig, mut machine) = usual();
        let at = rig.at("8.8.8.8");
        rig.harness.event(Event::PointerMoved(at));
        rig.run();
        // As few frames as there can be: what takes long is no click anyway.
        let press = |pressed| Event::PointerButton { pos: at, button, pressed, modifiers: Modifiers::NONE };
        rig.harness.event(press(true));
        rig.harness.step();
        if moves {
            for cookie in 50..52 {
                let remote = format!("1.0.0.{cookie}:9");
                machine.add(cookie, "tcp", "10.0.0.5:7", Some(&remote), Some(State::Established), &[813]);
            }
        }
        rig.look(machine.frame());
        rig.harness.step();
        assert_eq!(rig.row("8.8.8.8").contains(at), !moves);
        rig.harness.event(press(false));
        rig.harness.step();
        rig.run();
        // What was pressed may be meant, but nothing else.
        let selected = rig.selected();
        assert!(selected.iter().all(|row| row.contains("8.8.8.8")), "{selected:?}");
        if !moves {
            assert_eq!(selected.len(), 1);
        }
        let has_menu = rig.is_shown("Copy cell");
        assert!(moves || has_menu == (button == PointerButton::Secondary));
        assert_eq!(has_menu, rig.is_shown("Only host 8.8.8.8"));
    }
}

#[test]
fn a_socket_of_two_groups_is_closed_once() {
    let (mut rig, _) = usual();
    rig.choose("Group: Connections");
    rig.choose("Processes");
    rig.choose("Expand all");
    let at = rig.at("0.0.0.0:80");
    rig.click(at);
    let at = rig.at("119.29.29.29");
    rig.button(at, PointerButton::Primary, CONTROL);
    rig.key_with(CONTROL, Key::A);
    rig.key_with(Modifiers::SHIFT, Key::F10);
    assert!(rig.is_shown("8 sockets"));
    rig.choose("Copy as JSON");
    let mut lines: Vec<&str> = rig.copied().lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!((lines.len(), rig.copied().lines().count()), (8, 8));
    rig.key(Key::Delete);
    rig.choose("Close connection");
    let mut closed = rig.closed();
    closed.sort_unstable();
    assert_eq!(closed, [4, 5, 6, 7, 8]);
}

#[test]
fn a_group_means_the_sockets_it_had() {
    let (mut rig, mut machine) = usual();
    rig.choose("Group: Connections");
    rig.choose("Processes");
    rig.menu("wechat");
    machine.add(97, "tcp", "10.0.0.5:5555", Some("8.8.4.4:443"), Some(State::Established), &[3000]);
    upheaval(&mut rig, &mut machine);
    rig.choose("Close connection…");
    rig.choose("Close connection");
    assert_eq!(rig.closed(), [6]);
}
