use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use sockscope_model::State;

use crate::rig::{Machine, Rig};

/// What may happen.
#[derive(Debug, Clone)]
enum Step {
    Key(KeyEvent),
    Mouse(MouseEventKind, u16, u16),
    Paste(String),
    Resize(u16, u16),
    Open(u16, u8),
    Close(usize),
    Look,
    Draw,
}

fn any_step() -> impl Strategy<Value = Step> {
    let code = prop_oneof![
        8 => prop::sample::select("qjkgGsrcpxKyhud/?!<>+-12345 IJnN=~^é中".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        1 => any::<char>().prop_map(KeyCode::Char),
        2 => prop::sample::select(vec![
            KeyCode::Up, KeyCode::Down, KeyCode::Left, KeyCode::Right, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home,
            KeyCode::End, KeyCode::Tab, KeyCode::BackTab, KeyCode::Delete, KeyCode::Backspace, KeyCode::Insert,
        ]),
        2 => Just(KeyCode::Enter),
        2 => Just(KeyCode::Esc),
        1 => (1u8..=12).prop_map(KeyCode::F),
    ];
    let modifiers =
        prop_oneof![9 => Just(KeyModifiers::NONE), 1 => Just(KeyModifiers::CONTROL), 1 => Just(KeyModifiers::ALT)];
    let mouse = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Down(MouseButton::Right),
        MouseEventKind::Moved,
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
    ]);
    prop_oneof![
        20 => (code, modifiers).prop_map(|(code, modifiers)| Step::Key(KeyEvent::new(code, modifiers))),
        4 => (mouse, 0..200u16, 0..60u16).prop_map(|(kind, x, y)| Step::Mouse(kind, x, y)),
        1 => any::<String>().prop_map(Step::Paste),
        2 => (1..180u16, 1..60u16).prop_map(|(width, height)| Step::Resize(width, height)),
        3 => (1..9u16, 0..4u8).prop_map(|(port, kind)| Step::Open(port, kind)),
        3 => any::<usize>().prop_map(Step::Close),
        5 => Just(Step::Look),
        5 => Just(Step::Draw),
    ]
}

fn take(rig: &mut Rig, machine: &mut Machine, cookie: &mut u64, step: Step) {
    match step {
        Step::Key(key) => rig.event(&Event::Key(key)),
        Step::Mouse(kind, column, row) => {
            rig.event(&Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
        }
        Step::Paste(text) => rig.event(&Event::Paste(text)),
        Step::Resize(width, height) => rig.resize(width, height),
        Step::Open(port, kind) => {
            *cookie += 1;
            let local = format!("10.0.0.5:{port}");
            let remote = format!("8.8.8.{port}:443");
            match kind {
                0 => machine.add(*cookie, "tcp", &local, None, Some(State::Listen), &[812, 813]),
                1 => machine.add(*cookie, "udp", &local, None, None, &[]),
                2 => machine.add(*cookie, "tcp", &local, Some(&remote), Some(State::Established), &[3000]),
                _ => machine.add(*cookie, "tcp", &local, Some(&remote), Some(State::Other(77)), &[1]),
            }
        }
        Step::Close(index) => {
            if !machine.sockets.is_empty() {
                let index = index % machine.sockets.len();
                machine.sockets.remove(index);
            }
        }
        Step::Look => rig.see(machine.frame()),
        Step::Draw => rig.draw(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_typed_or_happens_breaks_the_table(steps in prop::collection::vec(any_step(), 1..120), late in any::<bool>()) {
        let mut rig = Rig::new(80, 24);
        let mut machine = Machine::usual();
        let mut cookie = 100;
        if !late {
            rig.see(machine.frame());
        }
        for step in steps {
            take(&mut rig, &mut machine, &mut cookie, step);
            let (position, lines) = rig.app.selection();
            prop_assert!(position < lines.max(1), "line {position} of {lines}");
            if let Some([kept, anew]) = rig.orders() {
                prop_assert_eq!(kept, anew);
            }
        }
        rig.draw();
        // Whatever was done, this leads back to the table, and out.
        rig.press(KeyCode::Esc);
        rig.press(KeyCode::Esc);
        rig.press(KeyCode::Char('q'));
        prop_assert!(rig.quits());
    }
}

#[test]
fn every_size_can_be_drawn_in_every_state() {
    let mut machine = Machine::usual();
    for open in ["", "2", "3", "4", "5", "?", "!", "c", "s", "x", "K", "y", "/sprt\n", "\n", "\nx", "p"] {
        let mut rig = Rig::new(80, 24);
        rig.see(machine.frame());
        for character in open.chars() {
            rig.press(if character == '\n' { KeyCode::Enter } else { KeyCode::Char(character) });
        }
        for width in [1, 2, 3, 7, 12, 39, 40, 80, 200, 500] {
            for height in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 60] {
                rig.resize(width, height);
                rig.draw();
            }
        }
    }
}
