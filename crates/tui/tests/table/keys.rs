use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use sockscope_core::Command;
use sockscope_live::{Shown, Sort, View};
use sockscope_model::{State, Tag};
use sockscope_tui::{AppOptions, Effect, Remembered};

use crate::rig::{Machine, Rig, options};

fn rig() -> (Rig, Machine) {
    let mut rig = Rig::new(120, 24);
    let mut machine = Machine::usual();
    rig.see(machine.frame());
    (rig, machine)
}

/// The line under the cursor.
fn selected(rig: &mut Rig) -> String {
    rig.draw();
    let buffer = &rig.buffer;
    for y in 4..buffer.area.height {
        let cell = &buffer[(0, y)];
        if cell.modifier.contains(ratatui::style::Modifier::REVERSED) {
            return (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        }
    }
    panic!("nothing is selected");
}

#[test]
fn the_cursor_moves_and_stays_on_its_socket() {
    let (mut rig, mut machine) = rig();
    rig.type_text("jjjj");
    assert!(selected(&mut rig).contains("8.8.8.8:40000"), "{}", rig.screen());
    // Lines come in above it and go: it stays where it is meant.
    machine.add(30, "tcp", "0.0.0.0:21", None, Some(State::Listen), &[1200]);
    machine.add(31, "tcp", "0.0.0.0:23", None, Some(State::Listen), &[1200]);
    rig.see(machine.frame());
    assert!(selected(&mut rig).contains("8.8.8.8:40000"), "{}", rig.screen());
    rig.type_text(">r");
    assert!(selected(&mut rig).contains("8.8.8.8:40000"));
    // When it is gone, its red line is selected, and then whatever stands there.
    machine.remove(5);
    rig.see(machine.frame());
    assert!(selected(&mut rig).contains("8.8.8.8:40000"));
    rig.see(machine.frame());
    assert!(!selected(&mut rig).contains("8.8.8.8:40000"));
    rig.type_text("g");
    let first = selected(&mut rig);
    for (down, up) in [('j', 'k'), ('G', 'g')] {
        rig.press(KeyCode::Char(down));
        assert_ne!(selected(&mut rig), first);
        rig.press(KeyCode::Char(up));
        assert_eq!(selected(&mut rig), first);
    }
    for (down, up) in
        [(KeyCode::Down, KeyCode::Up), (KeyCode::PageDown, KeyCode::PageUp), (KeyCode::End, KeyCode::Home)]
    {
        rig.press(down);
        assert_ne!(selected(&mut rig), first);
        rig.press(up);
        assert_eq!(selected(&mut rig), first);
    }
    for (down, up) in [('d', 'u'), ('f', 'b'), ('n', 'p')] {
        rig.control(down);
        assert_ne!(selected(&mut rig), first);
        rig.control(up);
        assert_eq!(selected(&mut rig), first);
    }
}

#[test]
fn who_is_at_the_top_sees_what_comes_in_there() {
    let (mut rig, mut machine) = rig();
    machine.add(30, "tcp", "0.0.0.0:1", None, Some(State::Listen), &[1200]);
    rig.see(machine.frame());
    assert!(selected(&mut rig).contains("0.0.0.0:1 "), "{}", rig.screen());
}

#[test]
fn views_are_a_key_away_and_groups_open() {
    let (mut rig, _) = rig();
    for (key, title) in [('2', "Process"), ('3', "Remote host"), ('4', "Country"), ('5', "Listener"), ('1', "Local")] {
        rig.press(KeyCode::Char(key));
        let screen = rig.screen();
        assert!(screen.lines().nth(3).unwrap().contains(title), "{screen}");
    }
    rig.press(KeyCode::Tab);
    assert!(rig.screen().lines().nth(3).unwrap().contains("PID"));
    rig.press(KeyCode::BackTab);
    assert!(rig.screen().lines().nth(3).unwrap().contains("Local"));
    rig.press(KeyCode::Char('4'));
    assert!(rig.line("中国").contains(" 2 "));
    rig.press(KeyCode::Enter);
    let screen = rig.screen();
    assert!(screen.contains("› 中国") && screen.contains("114.114.114.114") && !screen.contains("8.8.8.8"), "{screen}");
    rig.press(KeyCode::Esc);
    assert!(rig.screen().contains("United States"));
    // A listener has what came in through it, and nothing else.
    rig.press(KeyCode::Char('5'));
    assert!(rig.line("tcp 0.0.0.0:80").contains(" 4 "), "{}", rig.screen());
    rig.type_text("/sport = :80");
    rig.press(KeyCode::Enter);
    rig.press(KeyCode::Enter);
    let screen = rig.screen();
    assert!(screen.contains("9.9.9.9:1234") && screen.contains("4 of 9"), "{screen}");
}

#[test]
fn keys_that_come_before_the_lines_are_meant_for_them() {
    let (mut rig, _) = rig();
    // The arranger takes its time.
    let mut effects = rig.app.event(&Event::Key(KeyCode::Char('2').into()));
    effects.extend(rig.app.event(&Event::Key(KeyCode::Enter.into())));
    effects.extend(rig.app.event(&Event::Key(KeyCode::Char('j').into())));
    let asked = effects.iter().filter(|effect| matches!(effect, Effect::Arrange(_))).count();
    assert_eq!(asked, 1, "Enter waits for the processes: {effects:?}");
}

#[test]
fn filters_are_edited_applied_and_left() {
    let (mut rig, _) = rig();
    rig.type_text("/udp");
    rig.press(KeyCode::Enter);
    assert!(rig.screen().contains("2 of 9"));
    rig.press(KeyCode::Char('/'));
    assert!(rig.screen().contains("/udp"));
    rig.control('u');
    assert!(!rig.screen().lines().last().unwrap().contains("udp"), "Ctrl-U clears");
    rig.type_text("sprt");
    rig.press(KeyCode::Enter);
    assert!(rig.screen().contains("did you mean `sport`?"));
    for _ in 0..4 {
        rig.press(KeyCode::Backspace);
    }
    rig.type_text("sport = :22");
    let screen = rig.screen();
    assert!(!screen.contains("did you mean"), "{screen}");
    rig.press(KeyCode::Esc);
    assert!(rig.screen().contains("2 of 9"), "Esc leaves the filter as it was");
    // Up brings earlier ones back.
    rig.type_text("/");
    rig.control('u');
    rig.type_text("tcp");
    rig.press(KeyCode::Enter);
    assert!(rig.screen().contains("7 of 9"));
    rig.type_text("/");
    rig.press(KeyCode::Up);
    rig.press(KeyCode::Up);
    rig.press(KeyCode::Enter);
    assert!(rig.screen().contains("2 of 9"), "{}", rig.screen());
    // What nobody looks up is no answer.
    rig.type_text("/");
    rig.control('u');
    rig.type_text("rname ~ google");
    rig.press(KeyCode::Enter);
    assert!(rig.screen().contains("which only --resolve looks up"), "{}", rig.screen());
    rig.press(KeyCode::Esc);
    rig.press(KeyCode::Esc);
    let screen = rig.screen();
    assert!(screen.contains("9 sockets") && screen.contains("the filter is cleared"), "{screen}");
    rig.type_text("/");
    rig.event(&Event::Paste("state\nestablished".to_owned()));
    rig.press(KeyCode::Enter);
    assert!(rig.screen().contains("4 of 9"), "{}", rig.screen());
    assert!(!rig.quits());
}

#[test]
fn orders_are_chosen_by_keys_and_lists() {
    let (mut rig, _) = rig();
    let lines = |rig: &mut Rig| -> Vec<String> { rig.screen().lines().skip(4).take(9).map(str::to_owned).collect() };
    let usual = lines(&mut rig);
    rig.type_text("s");
    rig.type_text("jjjj");
    rig.press(KeyCode::Enter);
    assert!(rig.line("Proto").contains("Remote▲"), "{}", rig.screen());
    let sorted = lines(&mut rig);
    assert!(sorted[0].contains("1.1.1.1:53") && sorted[8].contains(" - "), "{sorted:?}");
    rig.type_text("r");
    assert!(lines(&mut rig)[0].contains("2001:4860"), "{}", rig.screen());
    rig.type_text("<");
    assert!(rig.line("Proto").contains("Local▲"));
    rig.type_text(">>>");
    assert!(rig.line("Proto").contains("In/s▼"));
    assert!(lines(&mut rig)[0].contains("1.2MB"), "rates are sorted from the largest: {}", rig.screen());
    rig.type_text("<<<<<<");
    assert_eq!(lines(&mut rig), usual, "beyond the first column is the usual order");
    let remembered = rig.effects.iter().rev().find_map(|effect| match effect {
        Effect::Remember(remembered) => Some(remembered.clone()),
        _ => None,
    });
    assert_eq!(remembered.unwrap().of(View::Sockets).sort, Sort::default());
    rig.press(KeyCode::F(6));
    rig.press(KeyCode::Esc);
}

#[test]
fn columns_are_chosen_and_remembered() {
    let (mut rig, mut machine) = rig();
    rig.press(KeyCode::Char('c'));
    rig.press(KeyCode::Char(' '));
    rig.press(KeyCode::Char('j'));
    rig.press(KeyCode::Char('J'));
    rig.press(KeyCode::Esc);
    let titles = rig.line("State");
    assert!(!titles.contains("Proto") && titles.trim_start().starts_with("Local"), "{titles}");
    let remembered = rig.effects.iter().rev().find_map(|effect| match effect {
        Effect::Remember(remembered) => Some(remembered.clone()),
        _ => None,
    });
    let remembered = Remembered::parse(&remembered.unwrap().to_text()).0;
    let mut again = Rig::with(120, 24, AppOptions { remembered, ..options() });
    again.see(machine.frame());
    assert_eq!(again.line("State"), titles);
    again.press(KeyCode::Char('c'));
    again.press(KeyCode::Char('d'));
    again.press(KeyCode::Enter);
    assert!(again.line("State").contains("Proto"));
    // The last column stays.
    again.press(KeyCode::Char('c'));
    for _ in 0..20 {
        again.press(KeyCode::Char(' '));
        again.press(KeyCode::Char('j'));
    }
    again.press(KeyCode::Esc);
    again.draw();
    // A column that needs more than is asked for has it asked for.
    let mut wants_details = AppOptions { ..options() };
    wants_details.request.process_details = false;
    let command = Shown::from_name(View::Sockets, "command").unwrap();
    wants_details.remembered.of_mut(View::Sockets).columns = Some(vec![command]);
    let rig = Rig::with(80, 24, wants_details);
    let asked = rig
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::Tell(Command::Request(request)) if request.process_details));
    assert!(asked, "{:?}", rig.effects);
}

#[test]
fn actions_are_asked_and_mean_what_was_there_when_they_were_asked() {
    let (mut rig, mut machine) = rig();
    rig.type_text("jjjj");
    rig.press(KeyCode::Char('x'));
    assert!(rig.screen().contains("8.8.8.8:40000"));
    // Meanwhile the socket goes, and another one has its addresses.
    machine.remove(5);
    machine.add(55, "tcp", "10.0.0.5:80", Some("8.8.8.8:40000"), Some(State::Established), &[812]);
    rig.see(machine.frame());
    rig.press(KeyCode::Char('y'));
    let closed = rig.effects.iter().find_map(|effect| match effect {
        Effect::Close(sockets) => Some(sockets.iter().map(|socket| socket.key.tag).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(closed, Some(vec![Tag::Cookie(5)]));
    rig.see(machine.frame());
    // Anything but yes is no.
    for key in [KeyCode::Enter, KeyCode::Esc, KeyCode::Char('n'), KeyCode::Char('x')] {
        rig.effects.clear();
        rig.press(KeyCode::Char('x'));
        rig.press(key);
        assert!(rig.effects.is_empty(), "{key:?}: {:?}", rig.effects);
        assert!(rig.screen().contains("nothing was closed"), "{key:?}");
    }
    // A process: one of its owners, and a signal.
    rig.type_text("g");
    rig.press(KeyCode::Char('K'));
    assert!(rig.screen().contains("send TERM"));
    rig.press(KeyCode::Tab);
    rig.press(KeyCode::Tab);
    rig.press(KeyCode::Char('y'));
    let killed = rig.effects.iter().find_map(|effect| match effect {
        Effect::Kill(process, name, signal) => Some((process.pid, name.clone(), *signal)),
        _ => None,
    });
    assert_eq!(killed, Some((1200, "sshd".to_owned(), "KILL")));
    rig.effects.clear();
    rig.type_text("jK");
    rig.press(KeyCode::Down);
    rig.press(KeyCode::Char('y'));
    let killed = rig.effects.iter().find_map(|effect| match effect {
        Effect::Kill(process, ..) => Some(process.pid),
        _ => None,
    });
    assert_eq!(killed, Some(813), "the second owner: {:?}", rig.effects);
    // Nobody to end.
    rig.type_text("/state time-wait");
    rig.press(KeyCode::Enter);
    rig.press(KeyCode::Char('K'));
    assert!(rig.screen().contains("no process owns it"));
}

#[test]
fn a_group_is_closed_as_it_was_when_it_was_asked() {
    let (mut rig, mut machine) = rig();
    rig.type_text("2");
    rig.type_text("/sport = :80");
    rig.press(KeyCode::Enter);
    rig.type_text("x");
    let screen = rig.screen();
    assert!(screen.contains("1 connection of nginx"), "{screen}");
    machine.add(60, "tcp", "10.0.0.5:80", Some("8.8.8.8:50000"), Some(State::Established), &[812, 813]);
    rig.see(machine.frame());
    rig.press(KeyCode::Char('y'));
    let closed = rig.effects.iter().find_map(|effect| match effect {
        Effect::Close(sockets) => Some(sockets.len()),
        _ => None,
    });
    assert_eq!(closed, Some(1));
}

#[test]
fn text_is_copied_after_a_question() {
    let (mut rig, _) = rig();
    rig.type_text("jjjj");
    for (key, text) in [
        ("yy", "tcp 10.0.0.5:80 8.8.8.8:40000 established nginx[813]"),
        ("yl", "10.0.0.5:80"),
        ("yr", "8.8.8.8:40000"),
        ("ya", "8.8.8.8"),
        ("yp", "813"),
    ] {
        rig.effects.clear();
        rig.type_text(key);
        assert!(matches!(&rig.effects[..], [Effect::Copy(copied)] if copied == text), "{key}: {:?}", rig.effects);
    }
    rig.effects.clear();
    rig.type_text("yz");
    assert!(rig.effects.is_empty());
}

#[test]
fn the_rest_of_the_keys() {
    let (mut rig, _) = rig();
    let tells = |rig: &Rig| format!("{:?}", rig.effects.last());
    for (key, told) in [
        (KeyCode::Char('p'), "Pause(true)"),
        (KeyCode::Char(' '), "Pause(false)"),
        (KeyCode::Char('+'), "Interval(2s)"),
        (KeyCode::Char('-'), "Interval(1s)"),
        (KeyCode::Char('-'), "Interval(500ms)"),
        (KeyCode::Char('u'), "Refresh"),
        (KeyCode::F(5), "Refresh"),
        (KeyCode::Char('q'), "Quit"),
        (KeyCode::F(10), "Quit"),
    ] {
        rig.press(key);
        assert!(tells(&rig).contains(told), "{key:?}: {}", tells(&rig));
    }
    for (key, told) in [('c', "Quit"), ('z', "Suspend"), ('l', "Repaint")] {
        rig.control(key);
        assert!(tells(&rig).contains(told), "{key}: {}", tells(&rig));
    }
    // Ctrl-C ends from everywhere, q from everywhere but where text is typed or a question is asked.
    for (open, by_q) in [("?", true), ("!", true), ("c", true), ("s", true), ("/", false), ("x", false)] {
        let (mut rig, _) = super::keys::rig();
        rig.type_text(open);
        rig.press(KeyCode::Char('q'));
        assert_eq!(rig.quits(), by_q, "{open}");
        rig.control('c');
        assert!(rig.quits());
    }
    let (mut rig, _) = super::keys::rig();
    rig.press(KeyCode::Enter);
    rig.press(KeyCode::Char('q'));
    assert!(rig.quits());
}

#[test]
fn columns_scroll_sideways() {
    let (mut rig, _) = rig();
    rig.press(KeyCode::Right);
    rig.press(KeyCode::Right);
    let titles = rig.line("Remote");
    assert!(titles.trim_start().starts_with("Local"), "{titles}");
    rig.press(KeyCode::Left);
    rig.press(KeyCode::Left);
    assert!(rig.line("Remote").trim_start().starts_with("Proto"));
}

fn mouse(rig: &mut Rig, kind: MouseEventKind, column: u16, row: u16) {
    rig.draw();
    rig.event(&Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

#[test]
fn the_mouse_selects_opens_sorts_scrolls_and_changes_views() {
    let (mut rig, _) = rig();
    let click = MouseEventKind::Down(MouseButton::Left);
    mouse(&mut rig, click, 20, 8);
    assert!(selected(&mut rig).contains("8.8.8.8:40000"), "{}", rig.screen());
    mouse(&mut rig, MouseEventKind::ScrollUp, 20, 8);
    assert!(!selected(&mut rig).contains("8.8.8.8:40000"));
    mouse(&mut rig, MouseEventKind::ScrollDown, 20, 8);
    assert!(selected(&mut rig).contains("8.8.8.8:40000"));
    let screen = rig.screen();
    let column = screen.lines().nth(3).unwrap().find("Remote").unwrap() as u16;
    mouse(&mut rig, click, column, 3);
    assert!(rig.line("Proto").contains("Remote▲"));
    mouse(&mut rig, click, column, 3);
    assert!(rig.line("Proto").contains("Remote▼"));
    let column = rig.screen().lines().nth(2).unwrap().find("Hosts").unwrap() as u16;
    mouse(&mut rig, click, column, 2);
    assert!(rig.screen().contains("Remote host"));
    rig.type_text("1");
    mouse(&mut rig, click, 5, 5);
    mouse(&mut rig, click, 5, 5);
    assert!(rig.screen().contains("Owner"), "{}", rig.screen());
    rig.press(KeyCode::Esc);
    rig.type_text("x");
    mouse(&mut rig, click, 5, 5);
    assert!(rig.screen().contains("Close?"), "a click answers no question");
}
