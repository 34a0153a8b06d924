use eframe::egui::Key;
use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _, by};
use sockscope_window::AppOptions;

use crate::machine::Machine;
use crate::rig::{Rig, options, usual};

/// What stands in the box.
fn text(rig: &Rig) -> String {
    rig.harness.get(by().role(Role::SearchInput)).accesskit_node().value().unwrap_or_default()
}

#[test]
fn what_is_typed_is_in_force_at_once() {
    let (mut rig, _) = usual();
    rig.filter("established and dport = 443");
    assert_eq!(text(&rig), "established and dport = 443");
    let rows = rig.rows();
    assert!(rows.len() == 1 && rows[0].contains("119.29.29.29:443"), "{rows:#?}");
    assert!(rig.is_shown("1 of 8 sockets"));
    rig.filter("state = listen");
    assert_eq!(rig.rows().len(), 2);
    rig.filter("dport = 1");
    assert!(rig.rows().is_empty());
    rig.choose("Clear");
    assert_eq!((rig.rows().len(), text(&rig).as_str()), (8, ""));
}

#[test]
fn a_filter_that_cannot_be_read_is_told_and_the_last_stays() {
    let (mut rig, _) = usual();
    rig.filter("established");
    assert_eq!(rig.rows().len(), 3);
    rig.filter("established and prt = 443");
    assert_eq!(rig.rows().len(), 3, "the last that could be read");
    assert!(rig.is_shown("prt"));
    rig.filter("established and");
    assert!(rig.is_shown("there could stand: "));
    assert_eq!(rig.rows().len(), 3);
    rig.filter("established and dport = 443");
    assert!(!rig.is_shown("there could stand: "));
    assert_eq!(rig.rows().len(), 1);
}

#[test]
fn a_filter_of_the_command_line_is_shown_with_what_is_wrong() {
    let mut rig = Rig::new(AppOptions { filter: "listening and".into(), ..options() });
    rig.see(Machine::usual().frame());
    assert_eq!(text(&rig), "listening and");
    assert!(rig.is_shown("there could stand: "));
    assert_eq!(rig.rows().len(), 8);
    let mut rig = Rig::new(AppOptions { filter: "listening".into(), ..options() });
    rig.see(Machine::usual().frame());
    assert_eq!(rig.rows().len(), 2, "{:#?}", rig.rows());
}

#[test]
fn words_are_completed() {
    let (mut rig, _) = usual();
    rig.filter("estab");
    assert!(rig.is_shown("established"));
    rig.key(Key::Tab);
    assert_eq!(text(&rig), "established ");
    assert_eq!(rig.rows().len(), 3);
    // Typing goes on behind it.
    rig.type_text("and dport = 443");
    assert_eq!(text(&rig), "established and dport = 443");
    assert_eq!(rig.rows().len(), 1);
    // In the middle, and another than the first that is offered.
    rig.filter("listening or rem");
    let offered = rig.harness.query_all_by_label_contains("rem").count();
    assert!(offered > 1);
    rig.key(Key::ArrowDown);
    rig.key(Key::ArrowDown);
    rig.key(Key::Enter);
    let completed = text(&rig);
    assert!(completed.starts_with("listening or rem") && completed.ends_with(' '), "{completed:?}");
    // Escape declines; Tab then leaves the box.
    rig.filter("estab");
    rig.key(Key::Escape);
    assert_eq!(text(&rig), "estab");
    rig.key(Key::Tab);
    assert_eq!(text(&rig), "estab");
}

#[test]
fn chips_filter_and_are_combined_with_what_is_typed() {
    let (mut rig, _) = usual();
    rig.choose("Listening");
    assert_eq!(rig.rows().len(), 2, "{:#?}", rig.rows());
    rig.choose("Established");
    assert_eq!(rig.rows().len(), 5, "either");
    rig.choose("Listening");
    assert_eq!(rig.rows().len(), 3);
    rig.choose("Public peers");
    assert_eq!(rig.rows().len(), 3);
    rig.filter("dport = 443");
    assert_eq!(rig.rows().len(), 1);
    rig.choose("Clear");
    assert_eq!(rig.rows().len(), 8);
    rig.choose("Public peers");
    let rows = rig.rows();
    assert!(rows.len() == 4 && rows.iter().all(|row| !row.contains("192.168.1.7")), "{rows:#?}");
}

#[test]
fn the_chip_of_a_process_is_of_what_is_selected() {
    let (mut rig, _) = usual();
    rig.choose("This process");
    assert_eq!(rig.rows().len(), 8, "nothing is selected");
    let at = rig.at("119.29.29.29");
    rig.click(at);
    rig.choose("This process");
    assert_eq!(rig.rows().len(), 1);
    let chips = rig.harness.query_all_by_role_and_label(Role::Button, "wechat[3000]").count();
    assert_eq!(chips, 1);
    rig.harness.get_by_role_and_label(Role::Button, "wechat[3000]").click();
    rig.run();
    assert_eq!(rig.rows().len(), 8);
}

#[test]
fn what_is_typed_is_no_key_of_the_table() {
    let (mut rig, _) = usual();
    rig.filter("");
    rig.key(Key::Space);
    rig.key(Key::Delete);
    rig.key(Key::Slash);
    assert!(rig.told().is_empty(), "{:?}", rig.told());
    // Enter gives the keyboard to the table.
    rig.key(Key::Enter);
    rig.key(Key::ArrowDown);
    assert_eq!(rig.selected().len(), 1);
}
