use std::path::Path;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, PointerButton, pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _, by};
use sockscope_window::{AppOptions, Effect};

use crate::machine::{Machine, id};
use crate::rig::{Rig, options, usual};

fn ended(rig: &Rig) -> Vec<(Vec<u32>, &'static str)> {
    let ended = rig.desktop().effects.iter().filter_map(|effect| match effect {
        Effect::End(processes, signal) => Some((processes.iter().map(|(id, _)| id.pid).collect(), *signal)),
        _ => None,
    });
    ended.collect()
}

fn filter_text(rig: &Rig) -> String {
    rig.harness.get(by().role(Role::SearchInput)).accesskit_node().value().unwrap_or_default()
}

#[test]
fn cells_and_rows_are_copied() {
    let (mut rig, _) = usual();
    let at = rig.cell("8.8.8.8", "Remote");
    rig.button(at, PointerButton::Secondary, Modifiers::NONE);
    rig.choose("Copy cell");
    assert_eq!(rig.copied(), "8.8.8.8:40000");
    rig.menu("8.8.8.8");
    rig.choose("Copy");
    let cells: Vec<&str> = rig.copied().split('\t').collect();
    assert!(cells.contains(&"8.8.8.8:40000") && cells.contains(&"established"), "{cells:?}");
    assert_eq!(rig.copied().lines().count(), 1);
    rig.menu("8.8.8.8");
    rig.choose("Copy as CSV");
    let lines: Vec<&str> = rig.copied().lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("protocol") && lines[1].contains("8.8.8.8"));
    rig.menu("8.8.8.8");
    rig.choose("Copy as JSON");
    assert_eq!(rig.copied().lines().count(), 1);
    assert!(rig.copied().starts_with('{') && rig.copied().contains("8.8.8.8"), "{}", rig.copied());
    assert!(rig.is_shown("1 copied"));
}

#[test]
fn several_are_copied_in_the_order_of_the_view() {
    let (mut rig, _) = usual();
    let at = rig.title("Remote").center();
    rig.click(at);
    let rows = rig.rows();
    let at = rig.at(&rows[0]);
    rig.click(at);
    let at = rig.at(&rows[2]);
    rig.button(at, PointerButton::Primary, Modifiers::SHIFT);
    for (word, skip) in [("Copy as CSV", 1), ("Copy as JSON", 0)] {
        rig.menu(&rows[1]);
        assert!(rig.is_shown("3 sockets"));
        rig.choose(word);
        let lines: Vec<&str> = rig.copied().lines().skip(skip).collect();
        assert_eq!(lines.len(), 3, "{lines:#?}");
        for (line, remote) in lines.iter().zip(["8.8.8.8", "9.9.9.9", "114.114.114.114"]) {
            assert!(line.contains(remote), "{lines:#?}");
        }
    }
    rig.menu(&rows[1]);
    rig.choose("Copy");
    assert_eq!(rig.copied().lines().count(), 3);
}

#[test]
fn filters_are_made_of_what_was_clicked() {
    let (mut rig, _) = usual();
    rig.menu("119.29.29.29");
    rig.choose("Only host 119.29.29.29");
    assert_eq!((filter_text(&rig).as_str(), rig.rows().len()), ("remote = 119.29.29.29", 1));
    rig.choose("Clear");
    rig.menu("119.29.29.29");
    rig.choose("Only port 443");
    assert_eq!(rig.rows().len(), 1);
    rig.choose("Clear");
    rig.menu("8.8.8.8");
    rig.choose("Only port 80");
    assert_eq!(rig.rows().len(), 4, "{:#?}", rig.rows());
    rig.choose("Clear");
    rig.menu("192.168.1.7");
    rig.choose("Only sshd[1200]");
    assert_eq!((filter_text(&rig).as_str(), rig.rows().len()), ("", 2));
}

#[test]
fn the_program_is_shown_where_it_lies() {
    let (mut rig, _) = usual();
    rig.menu("8.8.8.8");
    rig.choose("Open file location");
    let opened = rig.take_effects().into_iter().find_map(|effect| match effect {
        Effect::OpenLocation(path) => Some(path),
        _ => None,
    });
    assert_eq!(opened.as_deref(), Some(Path::new("/usr/bin/nginx")));
    // Of what nobody owns, there is none.
    rig.menu("9.9.9.9");
    rig.choose("Open file location");
    assert!(!rig.take_effects().iter().any(|effect| matches!(effect, Effect::OpenLocation(_))));
}

#[test]
fn connections_are_closed_when_the_answer_is_yes() {
    let (mut rig, _) = usual();
    rig.menu("8.8.8.8");
    rig.choose("Close connection…");
    assert!(rig.closed().is_empty(), "first a question");
    assert!(rig.is_shown("Close this connection?") && rig.is_shown("8.8.8.8:40000"));
    rig.choose("Cancel");
    assert!(rig.closed().is_empty() && !rig.is_shown("Close this connection?"));
    rig.menu("8.8.8.8");
    rig.choose("Close connection…");
    rig.key(Key::Escape);
    assert!(rig.closed().is_empty() && !rig.is_shown("Close this connection?"));
    rig.menu("8.8.8.8");
    rig.choose("Close connection…");
    rig.choose("Close connection");
    assert_eq!(rig.closed(), [5]);
}

#[test]
fn processes_are_ended_when_the_answer_is_yes() {
    let (mut rig, _) = usual();
    rig.menu("0.0.0.0:80");
    rig.choose("End process…");
    assert!(rig.is_shown("End these processes?"));
    rig.choose("Cancel");
    assert!(ended(&rig).is_empty());
    rig.menu("0.0.0.0:80");
    rig.choose("End process…");
    // One of the two, and by force.
    rig.choose_by(Role::CheckBox, "nginx[812]");
    rig.choose("KILL");
    rig.choose("End process");
    assert_eq!(ended(&rig), [(vec![813], "KILL")]);
    rig.menu("0.0.0.0:80");
    rig.choose("End process…");
    rig.choose_by(Role::CheckBox, "nginx[812]");
    rig.choose_by(Role::CheckBox, "nginx[813]");
    rig.choose("End process");
    assert_eq!(ended(&rig).len(), 1, "of none there is nothing to end");
    rig.choose_by(Role::CheckBox, "nginx[813]");
    rig.choose("End process");
    assert_eq!(ended(&rig)[1], (vec![813], "TERM"));
    let Some(Effect::End(processes, _)) = rig.take_effects().pop() else { panic!() };
    assert_eq!(processes, [(id(813), "nginx".to_owned())]);
}

#[test]
fn where_there_are_no_signals_processes_are_just_ended() {
    let mut rig = Rig::new(AppOptions { signals: &[], ..options() });
    rig.see(Machine::usual().frame());
    rig.menu("8.8.8.8");
    rig.choose("End process…");
    rig.choose("End process");
    assert_eq!(ended(&rig), [(vec![813], "")]);
}

#[test]
fn shift_f10_opens_it_for_the_line_at_the_cursor() {
    let (mut rig, _) = usual();
    let at = rig.at("8.8.8.8");
    rig.click(at);
    rig.key_with(Modifiers::SHIFT, Key::F10);
    assert!(rig.is_shown("Only host 8.8.8.8"));
    rig.key(Key::Escape);
    assert!(!rig.is_shown("Only host 8.8.8.8"));
    assert_eq!(rig.selected().len(), 1, "Escape was the menu's");
    rig.key_with(Modifiers::SHIFT, Key::F10);
    rig.choose("Close connection…");
    rig.choose("Close connection");
    assert_eq!(rig.closed(), [5]);
}

#[test]
fn it_is_closed_by_a_click_elsewhere() {
    let (mut rig, _) = usual();
    rig.menu("8.8.8.8");
    assert!(rig.is_shown("Copy cell"));
    rig.click(pos2(700.0, 880.0));
    assert!(!rig.is_shown("Copy cell"));
    rig.menu("9.9.9.9");
    assert!(rig.is_shown("Only host 9.9.9.9"));
    // And by the menu of another row, in one click.
    let at = pos2(900.0, rig.row("119.29.29.29").center().y);
    rig.button(at, PointerButton::Secondary, Modifiers::NONE);
    assert!(rig.is_shown("Only host 119.29.29.29") && !rig.is_shown("Only host 9.9.9.9"));
}

#[test]
fn of_a_group_it_acts_on_all_its_sockets() {
    let (mut rig, _) = usual();
    rig.choose("Group: Connections");
    rig.choose("Countries");
    rig.menu("China");
    rig.choose("Close connection…");
    assert!(rig.is_shown("Close 2 connections?"));
    rig.choose("Close connection");
    let mut closed = rig.closed();
    closed.sort_unstable();
    assert_eq!(closed, [4, 6]);
    rig.choose("Group: Countries");
    rig.choose("Processes");
    rig.menu("wechat");
    rig.choose("End process…");
    rig.choose("End process");
    assert_eq!(ended(&rig), [(vec![3000], "TERM")]);
    // Copies are of its sockets, open or not.
    rig.menu("wechat");
    rig.choose("Copy");
    assert!(rig.copied().contains("119.29.29.29"), "{:?}", rig.copied());
    rig.menu("wechat");
    rig.choose("Copy as CSV");
    assert!(rig.copied().contains("119.29.29.29"), "{:?}", rig.copied());
}
