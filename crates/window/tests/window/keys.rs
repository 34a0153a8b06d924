use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _, by};
use sockscope_core::Command;
use sockscope_model::State;
use sockscope_window::Effect;

use crate::rig::{CONTROL, Rig, usual};

/// Which row is selected, if one is.
fn at(rig: &Rig) -> Option<usize> {
    let selected = rig.selected();
    assert!(selected.len() <= 1, "{selected:?}");
    let rows = rig.rows();
    rows.iter().position(|row| selected.contains(row))
}

#[test]
fn arrows_and_pages_move() {
    let (mut rig, _) = usual();
    let last = rig.rows().len() - 1;
    for (key, to) in [
        (Key::ArrowDown, 0),
        (Key::ArrowDown, 1),
        (Key::ArrowDown, 2),
        (Key::ArrowUp, 1),
        (Key::End, last),
        (Key::ArrowDown, last),
        (Key::Home, 0),
        (Key::ArrowUp, 0),
        (Key::PageDown, last),
        (Key::PageUp, 0),
    ] {
        rig.key(key);
        assert_eq!(at(&rig), Some(to), "{key:?}");
    }
    rig.key(Key::Escape);
    assert_eq!(at(&rig), None);
    rig.key(Key::ArrowUp);
    assert_eq!(at(&rig), Some(last));
}

#[test]
fn a_page_is_what_fits_and_what_is_gone_to_is_shown() {
    let (mut rig, mut machine) = usual();
    for port in 1000..1200u16 {
        let local = format!("127.0.0.1:{port}");
        machine.add(u64::from(port), "tcp", &local, None, Some(State::Listen), &[812]);
    }
    rig.see(machine.frame());
    let drawn = rig.rows().len();
    assert!((10..100).contains(&drawn), "only what fits is drawn: {drawn}");
    rig.key(Key::Home);
    let first = rig.selected();
    rig.key(Key::PageDown);
    assert!(rig.selected() != first && rig.selected().len() == 1, "it is drawn");
    for key in [Key::End, Key::PageUp, Key::PageUp, Key::ArrowUp, Key::Home, Key::PageDown, Key::ArrowDown] {
        rig.key(key);
        assert_eq!(rig.selected().len(), 1, "{key:?}: {:?}", rig.selected());
    }
}

#[test]
fn shift_selects_and_control_a_selects_all() {
    let (mut rig, _) = usual();
    let rows = rig.rows();
    rig.key(Key::ArrowDown);
    rig.key(Key::ArrowDown);
    rig.key_with(Modifiers::SHIFT, Key::ArrowDown);
    rig.key_with(Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!(rig.selected(), rows[1..=3]);
    rig.key_with(Modifiers::SHIFT, Key::ArrowUp);
    assert_eq!(rig.selected(), rows[1..=2]);
    rig.key_with(Modifiers::SHIFT, Key::End);
    assert_eq!(rig.selected(), rows[1..]);
    rig.key_with(Modifiers::SHIFT, Key::Home);
    assert_eq!(rig.selected(), rows[..=1]);
    rig.key_with(CONTROL, Key::A);
    assert_eq!(rig.selected().len(), rows.len());
    rig.harness.event(Event::Copy);
    rig.run();
    assert_eq!(rig.copied().lines().count(), rows.len());
    for (line, row) in rig.copied().lines().zip(&rows) {
        assert_eq!(&line.replace('\t', " "), row);
    }
    rig.key(Key::Escape);
    assert!(rig.selected().is_empty());
    rig.harness.event(Event::Copy);
    rig.run();
    assert!(rig.is_shown("Nothing is selected"));
}

#[test]
fn delete_asks_to_close_and_with_shift_to_end() {
    let (mut rig, _) = usual();
    rig.key(Key::Delete);
    assert!(rig.is_shown("Nothing is selected"));
    let row = rig.rows().iter().position(|row| row.contains("8.8.8.8")).unwrap();
    for _ in 0..=row {
        rig.key(Key::ArrowDown);
    }
    rig.key(Key::Delete);
    assert!(rig.is_shown("Close this connection?"));
    rig.key(Key::Escape);
    assert!(!rig.is_shown("Close this connection?") && rig.closed().is_empty());
    assert_eq!(at(&rig), Some(row), "Escape was the question's");
    rig.key(Key::Delete);
    // To the first button, without the mouse.
    rig.key(Key::Tab);
    rig.key(Key::Enter);
    assert_eq!(rig.closed(), [5]);
    rig.key_with(Modifiers::SHIFT, Key::Delete);
    assert!(rig.is_shown("End these processes?"));
    rig.choose("End process");
    let ended = rig.take_effects().into_iter().any(
        |effect| matches!(effect, Effect::End(processes, "TERM") if processes.len() == 1 && processes[0].0.pid == 813),
    );
    assert!(ended);
}

#[test]
fn space_pauses_and_f5_looks() {
    let (mut rig, _) = usual();
    rig.key(Key::Space);
    assert!(matches!(rig.told().as_slice(), [Command::Pause(true)]), "{:?}", rig.told());
    assert!(rig.is_shown("PAUSED"));
    rig.key(Key::Space);
    assert!(matches!(rig.told().as_slice(), [_, Command::Pause(false)]), "{:?}", rig.told());
    assert!(!rig.is_shown("PAUSED"));
    rig.key(Key::F5);
    assert!(matches!(rig.told().as_slice(), [_, _, Command::Refresh]));
}

#[test]
fn control_f_and_slash_lead_to_the_filter() {
    for (modifiers, key) in [(CONTROL, Key::F), (Modifiers::NONE, Key::Slash)] {
        let (mut rig, _) = usual();
        rig.key_with(modifiers, key);
        assert!(rig.harness.get(by().role(Role::SearchInput)).accesskit_node().is_focused());
        rig.type_text("listening");
        assert_eq!(rig.rows().len(), 2);
    }
}

#[test]
fn dialogs_have_keys() {
    let (mut rig, _) = usual();
    for (modifiers, key, shown) in [
        (Modifiers::NONE, Key::F1, "Keyboard"),
        (CONTROL, Key::S, "Save as"),
        (CONTROL, Key::O, "files can also be dropped"),
    ] {
        rig.key_with(modifiers, key);
        assert!(rig.is_shown(shown), "{shown}");
        // Keys of the table are not meant now.
        rig.key_with(Modifiers::NONE, Key::F5);
        assert!(rig.told().is_empty());
        rig.key(Key::Escape);
        assert!(!rig.is_shown(shown), "{shown}");
    }
}

#[test]
fn the_cursor_follows_its_socket() {
    let (mut rig, mut machine) = usual();
    let click = rig.at("8.8.8.8");
    rig.click(click);
    for port in 1..6u16 {
        machine.add(60 + u64::from(port), "tcp", &format!("0.0.0.0:{port}"), None, Some(State::Listen), &[812]);
    }
    rig.see(machine.frame());
    assert!(rig.selected()[0].contains("8.8.8.8"));
    let now = at(&rig).unwrap();
    rig.key(Key::ArrowDown);
    assert_eq!(at(&rig), Some(now + 1));
    rig.key(Key::ArrowUp);
    assert!(rig.selected()[0].contains("8.8.8.8"));
    // What is gone leaves the cursor where it was.
    machine.remove(5);
    rig.see(machine.frame());
    rig.see(machine.frame());
    rig.key(Key::ArrowDown);
    assert_eq!(at(&rig), Some(now + 1));
}

#[test]
fn tab_and_enter_reach_titles_and_buttons() {
    let (mut rig, _) = usual();
    rig.harness.get_by_role_and_label(Role::ColumnHeader, "Remote").focus();
    rig.run();
    rig.key(Key::Enter);
    assert!(rig.titles().contains(&"Remote, sorted ascending".to_owned()), "{:?}", rig.titles());
}
