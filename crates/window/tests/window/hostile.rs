use eframe::egui::{Event, Key, Modifiers, PointerButton, Vec2, pos2};
use proptest::prelude::*;
use sockscope_live::View;
use sockscope_model::State;
use sockscope_window::{AppOptions, Remembered};

use crate::machine::Machine;
use crate::rig::{CONTROL, Rig, options, usual};

const NAMES: [&str; 6] = [
    "evil\x1b[31m\x07\r\n\tname\0",
    "\u{202e}txt.exe\u{2066}\u{200f}",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦🏳\u{fe0f}\u{200d}🌈",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "微信\u{feff}\u{200b}",
    "",
];

/// A machine of programs whose authors mean no good.
fn hostile() -> Machine {
    let mut machine = Machine::usual();
    let long = "a".repeat(10_000);
    for (pid, name) in (5000..).zip(NAMES.into_iter().chain([long.as_str()])) {
        machine.process(pid, name, name, Some(name));
        let local = format!("10.0.0.9:{pid}");
        machine.add(u64::from(pid), "tcp", &local, Some("8.8.8.8:53"), Some(State::Established), &[pid]);
    }
    machine
}

#[test]
fn names_are_cleaned_wherever_they_are_shown() {
    let mut rig = Rig::new(options());
    let mut machine = hostile();
    rig.see(machine.frame());
    assert_eq!(rig.rows().len(), 15);
    for port in 5000..5007 {
        let at = rig.at(&format!("10.0.0.9:{port}"));
        rig.click(at);
        rig.button(at, PointerButton::Secondary, Modifiers::NONE);
        rig.choose("End process…");
        rig.run();
        for bad in ['\x1b', '\x07', '\r', '\0', '\u{202e}', '\u{2066}', '\u{200f}'] {
            assert!(!rig.says(bad), "{port}: {bad:?}");
        }
        rig.key(Key::Escape);
    }
    for view in View::ALL {
        let remembered = Remembered { view, ..Remembered::default() };
        let mut rig = Rig::new(AppOptions { remembered, ..options() });
        rig.see(machine.frame());
        for bad in ['\x1b', '\x07', '\r', '\0', '\u{202e}', '\u{2066}', '\u{200f}'] {
            assert!(!rig.says(bad), "{view:?}: {bad:?}");
        }
    }
}

#[test]
fn no_size_is_too_small_or_too_large() {
    let mut rig = Rig::new(options());
    let mut machine = hostile();
    for (width, height) in [(1.0, 1.0), (100.0, 80.0), (300.0, 200.0), (640.0, 30.0), (20.0, 900.0), (5000.0, 3000.0)] {
        rig.harness.set_size(Vec2::new(width, height));
        rig.look(machine.frame());
        rig.harness.run_steps(3);
        for key in [Key::End, Key::PageUp, Key::Home, Key::F1, Key::Escape, Key::Delete, Key::Escape] {
            rig.harness.key_press(key);
            rig.harness.run_steps(2);
        }
    }
    rig.harness.set_size(Vec2::new(1500.0, 900.0));
    rig.run();
    assert_eq!(rig.rows().len(), 15);
}

#[test]
fn nothing_at_all_is_shown_in_every_view() {
    for view in View::ALL {
        let remembered = Remembered { view, ..Remembered::default() };
        let mut rig = Rig::new(AppOptions { remembered, ..options() });
        let mut machine = Machine::empty();
        for _ in 0..2 {
            rig.see(machine.frame());
            assert!(rig.rows().is_empty());
            for key in [Key::ArrowDown, Key::End, Key::PageUp, Key::Enter, Key::Delete, Key::Escape] {
                rig.key(key);
            }
            rig.key_with(Modifiers::SHIFT, Key::F10);
            rig.key_with(CONTROL, Key::A);
            rig.harness.event(Event::Copy);
            rig.run();
        }
        assert!(rig.closed().is_empty());
    }
}

#[test]
fn everything_goes_while_it_is_looked_at() {
    let (mut rig, mut machine) = usual();
    rig.key_with(CONTROL, Key::A);
    rig.menu("8.8.8.8");
    machine.sockets.clear();
    machine.processes.clear();
    rig.see(machine.frame());
    rig.see(machine.frame());
    rig.key(Key::Escape);
    assert!(rig.rows().is_empty());
    rig.key(Key::ArrowDown);
    rig.key(Key::Delete);
    assert!(rig.is_shown("Nothing is selected"));
}

#[derive(Debug, Clone)]
enum Did {
    Key(Key, Modifiers),
    Text(String),
    Click(f32, f32, PointerButton, Modifiers),
    Look(u8),
}

fn did() -> impl Strategy<Value = Did> {
    let keys = [
        Key::ArrowDown,
        Key::ArrowUp,
        Key::ArrowLeft,
        Key::ArrowRight,
        Key::Home,
        Key::End,
        Key::PageDown,
        Key::Enter,
        Key::Tab,
        Key::Escape,
        Key::Space,
        Key::Delete,
        Key::F1,
        Key::F10,
        Key::A,
        Key::F,
        Key::S,
        Key::O,
    ];
    let modifiers = || prop::sample::select(vec![Modifiers::NONE, Modifiers::NONE, Modifiers::SHIFT, CONTROL]);
    let buttons = prop::sample::select(vec![PointerButton::Primary, PointerButton::Primary, PointerButton::Secondary]);
    prop_oneof![
        4 => (prop::sample::select(keys.to_vec()), modifiers()).prop_map(|(key, modifiers)| Did::Key(key, modifiers)),
        1 => "[a-z=0-9 ()\u{202e}中]{1,6}".prop_map(Did::Text),
        6 => (0.0f32..1000.0, 0.0f32..600.0, buttons, modifiers()).prop_map(|(x, y, button, modifiers)| {
            Did::Click(x, y, button, modifiers)
        }),
        2 => any::<u8>().prop_map(Did::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_anybody_does_it_goes_on(all in prop::collection::vec(did(), 1..25)) {
        let mut rig = Rig::sized(options(), 1000.0, 600.0);
        let mut machine = hostile();
        rig.look(machine.frame());
        for did in all {
            match did {
                Did::Key(key, modifiers) => rig.harness.key_press_modifiers(modifiers, key),
                Did::Text(text) => rig.harness.event(Event::Text(text)),
                Did::Click(x, y, button, modifiers) => {
                    rig.harness.event(Event::PointerMoved(pos2(x, y)));
                    rig.harness.event(Event::ModifiersChanged(modifiers));
                    for pressed in [true, false] {
                        rig.harness.event(Event::PointerButton { pos: pos2(x, y), button, pressed, modifiers });
                    }
                    rig.harness.event(Event::ModifiersChanged(Modifiers::NONE));
                }
                Did::Look(which) => {
                    let count = machine.sockets.len();
                    if count > 0 {
                        machine.sockets.remove(usize::from(which) % count);
                    }
                    machine.sockets.reverse();
                    rig.look(machine.frame());
                }
            }
            rig.harness.run_steps(1);
        }
        // Only what was asked first is done, and only to what was there.
        for cookie in rig.closed() {
            prop_assert!((1..=9).contains(&cookie) || (5000..5007).contains(&cookie));
        }
    }
}
