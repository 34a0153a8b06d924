use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ratatui::style::{Color, Modifier};
use sockscope_live::View;
use sockscope_model::{State, Tag};
use sockscope_tui::{AppOptions, Colours, Remembered};

use crate::rig::{Machine, Rig, options};

const SIZES: [(u16, u16); 3] = [(40, 10), (80, 24), (160, 50)];

/// After two looks: something is new, something changed, something is gone.
fn moving(width: u16, height: u16, options: AppOptions) -> Rig {
    let mut rig = Rig::with(width, height, options);
    let mut machine = Machine::usual();
    rig.see(machine.frame());
    machine.add(20, "tcp", "10.0.0.5:80", Some("8.8.8.8:40001"), Some(State::Established), &[812]);
    machine.socket(5).state = Some(State::CloseWait);
    machine.remove(9);
    machine.rate(4, 2_400_000, 34_000);
    rig.see(machine.frame());
    rig
}

#[test]
fn every_view_at_every_size() {
    for (width, height) in SIZES {
        for view in View::ALL {
            let remembered = Remembered { view, ..Remembered::default() };
            let mut rig = moving(width, height, AppOptions { remembered, ..options() });
            assert_snapshot!(format!("{}-{width}x{height}", view.name()), rig.screen());
        }
    }
}

#[test]
fn details_at_every_size() {
    for (width, height) in SIZES {
        let mut rig = moving(width, height, options());
        rig.type_text("/sport = :44312");
        rig.press(KeyCode::Enter);
        rig.press(KeyCode::Enter);
        assert_snapshot!(format!("details-{width}x{height}"), rig.screen());
    }
}

#[test]
fn help_at_every_size() {
    for (width, height) in SIZES {
        let mut rig = moving(width, height, options());
        rig.press(KeyCode::Char('?'));
        let screen = rig.screen();
        assert_snapshot!(format!("help-{width}x{height}"), screen);
    }
}

#[test]
fn help_lists_every_key_and_scrolls_to_its_end() {
    let mut rig = moving(80, 24, options());
    rig.press(KeyCode::Char('?'));
    let first = rig.screen();
    rig.press(KeyCode::Char('G'));
    let all = format!("{first}{}", rig.screen());
    for word in ["filter", "sort", "columns", "pause", "close", "copy", "notices", "quit", "Ctrl-Z"] {
        assert!(all.contains(word), "{word}:\n{all}");
    }
    rig.press(KeyCode::Esc);
    let screen = rig.screen();
    assert!(screen.contains("10.0.0.5:80"), "{screen}");
}

#[test]
fn a_bad_filter_is_explained_in_place() {
    for (width, height) in SIZES {
        let mut rig = moving(width, height, options());
        rig.type_text("/tcp and sprt = :22");
        rig.press(KeyCode::Enter);
        assert_snapshot!(format!("filter-error-{width}x{height}"), rig.screen());
    }
}

#[test]
fn questions_menus_and_notices() {
    let mut rig = moving(80, 24, options());
    rig.press(KeyCode::Char('x'));
    assert_snapshot!("ask-close", rig.screen());
    rig.press(KeyCode::Char('n'));
    rig.press(KeyCode::Char('K'));
    assert_snapshot!("ask-kill", rig.screen());
    rig.press(KeyCode::Esc);
    rig.type_text("jjjy");
    assert_snapshot!("ask-copy", rig.screen());
    rig.press(KeyCode::Esc);
    rig.press(KeyCode::Char('c'));
    assert_snapshot!("columns", rig.screen());
    rig.press(KeyCode::Esc);
    rig.press(KeyCode::Char('s'));
    assert_snapshot!("orders", rig.screen());
    rig.press(KeyCode::Esc);
    rig.press(KeyCode::Char('!'));
    assert_snapshot!("notices", rig.screen());
    rig.resize(40, 10);
    for key in ["\u{1b}", "x", "\u{1b}", "c", "\u{1b}", "s"] {
        rig.press(if key == "\u{1b}" { KeyCode::Esc } else { KeyCode::Char(key.chars().next().unwrap()) });
        let screen = rig.screen();
        assert_eq!(screen.lines().count(), 10);
    }
    assert_snapshot!("orders-40x10", rig.screen());
}

/// The style of the line that holds the text, at its mark.
fn style_of(rig: &mut Rig, part: &str) -> (String, ratatui::style::Style) {
    let screen = rig.screen();
    let y = screen.lines().position(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part} in\n{screen}"));
    let cell = &rig.buffer[(0, y as u16)];
    (cell.symbol().to_owned(), cell.style())
}

#[test]
fn new_is_green_changed_yellow_gone_red_and_each_has_a_sign() {
    const NEW: &str = "8.8.8.8:40001";
    const CHANGED: &str = "8.8.8.8:40000";
    const GONE: &str = "1.1.1.1:53";
    let lines = [(NEW, "+"), (CHANGED, "~"), (GONE, "-")];
    for (colours, look) in [
        (Colours::Sixteen, [Some(Color::Green), Some(Color::Yellow), Some(Color::Red)]),
        (Colours::Many, [Some(Color::Indexed(194)), Some(Color::Indexed(230)), Some(Color::Indexed(224))]),
        (Colours::None, [Some(Color::Reset); 3]),
    ] {
        let mut rig = moving(120, 24, AppOptions { colours, ..options() });
        for ((part, sign), colour) in lines.into_iter().zip(look) {
            let (symbol, style) = style_of(&mut rig, part);
            assert_eq!((symbol.as_str(), style.fg), (sign, colour), "{colours:?} {part}");
        }
    }
    let mut rig = moving(120, 24, AppOptions { colours: Colours::None, ..options() });
    let modifiers = lines.map(|(part, _)| style_of(&mut rig, part).1.add_modifier);
    assert_eq!(modifiers, [Modifier::BOLD, Modifier::UNDERLINED, Modifier::DIM]);
    let buffer = &rig.buffer;
    let coloured = buffer.content.iter().filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count();
    assert_eq!(coloured, 0, "NO_COLOR");
}

#[test]
fn marks_last_for_exactly_one_look() {
    let mut rig = moving(120, 24, options());
    assert!(rig.line("1.1.1.1:53").starts_with('-'));
    // Whatever else is done within the interval: they stay.
    rig.type_text("sr");
    rig.press(KeyCode::Esc);
    rig.type_text("1");
    rig.arrange();
    assert!(rig.line("1.1.1.1:53").starts_with('-') && rig.line("8.8.8.8:40001").starts_with('+'));
    let frame = (*rig.look.as_ref().unwrap().frame).clone();
    rig.see(frame);
    let screen = rig.screen();
    assert!(!screen.contains("1.1.1.1:53"), "{screen}");
    assert!(rig.line("8.8.8.8:40001").starts_with("  ") && rig.line("8.8.8.8:40000").starts_with("  "));
}

#[test]
fn what_leaves_the_filter_leaves_like_what_is_gone() {
    let mut rig = Rig::new(100, 24);
    rig.type_text("/state established");
    rig.press(KeyCode::Enter);
    let mut machine = Machine::usual();
    rig.see(machine.frame());
    machine.socket(6).state = Some(State::TimeWait);
    rig.see(machine.frame());
    assert!(rig.line("119.29.29.29").starts_with('-'));
    rig.see(machine.frame());
    assert!(!rig.screen().contains("119.29.29.29"));
}

#[test]
fn wide_characters_keep_columns_aligned() {
    let mut rig = moving(160, 24, options());
    let screen = rig.screen();
    // Each cell of the buffer is a column of the terminal: the column behind the process begins in the same one everywhere.
    let title = screen.lines().find(|line| line.contains("Proto")).unwrap().to_owned();
    let at = unicode_width::UnicodeWidthStr::width(title.split("Place").next().unwrap());
    let buffer = &rig.buffer;
    let mut seen = 0;
    for y in 0..buffer.area.height {
        let line: Vec<&str> = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        let text = line.concat();
        if text.contains("微") && text.contains("信") {
            assert_eq!(line[at], "中", "{at} {title}\n{text}");
            assert_eq!(line[at - 2], " ", "{text}");
            seen += 1;
        }
    }
    assert_eq!(seen, 1, "{screen}");
}

#[test]
fn names_from_outside_steer_nothing() {
    let mut rig = moving(160, 50, options());
    let screen = rig.screen();
    assert!(screen.contains(r"evil\x1b[31m\u{202e}name[3100]"), "{screen}");
    let buffer = &rig.buffer;
    assert!(buffer.content.iter().all(|cell| !cell.symbol().chars().any(char::is_control)));
}

#[test]
fn state_can_be_seen() {
    let mut rig = moving(120, 24, options());
    rig.type_text("p");
    assert!(rig.line("sockscope top").contains("PAUSED"));
    rig.type_text("p+");
    let title = rig.line("sockscope top");
    assert!(title.contains("every 2s") && !title.contains("PAUSED"), "{title}");
    assert!(title.contains("web-1") && title.contains("sock_diag") && title.contains("1 notice"), "{title}");
    rig.type_text("/tcp");
    rig.press(KeyCode::Enter);
    assert!(rig.line("2 Processes").contains("/ tcp"));
    rig.type_text(">>r");
    assert!(rig.line("Proto").contains("State▼"));
    assert!(rig.line("of 9").starts_with("8 of 9  2 listen  3 estab"), "{}", rig.screen());
    rig.app.failed("can't send to NETLINK_SOCK_DIAG: no".to_owned());
    assert!(rig.line("sockscope top").contains("can't send"));
    // A look that takes long is said to stretch the interval.
    if let Some(look) = &mut rig.look {
        look.interval = std::time::Duration::from_secs(5);
        look.pass = std::time::Duration::from_secs(1);
    }
    rig.arrange();
    assert!(rig.line("sockscope top").contains("every 5s (a look takes 1s)"), "{}", rig.screen());
}

#[test]
fn details_stay_when_the_socket_is_gone() {
    let mut rig = Rig::new(80, 40);
    let mut machine = Machine::usual();
    rig.see(machine.frame());
    rig.type_text("/sport = :44312");
    rig.press(KeyCode::Enter);
    rig.press(KeyCode::Enter);
    for rtt in [10_000, 20_000, 40_000] {
        machine.socket(6).traffic.as_mut().unwrap().rtt_us = Some(rtt);
        rig.see(machine.frame());
    }
    assert!(rig.line("rtt ").contains("40ms"), "{}", rig.screen());
    assert!(rig.line("rtt ").contains("▂▄█"), "{}", rig.screen());
    // It is followed though the filter no longer means it.
    machine.socket(6).state = Some(State::CloseWait);
    machine.socket(6).key.tag = Tag::Cookie(6);
    rig.see(machine.frame());
    assert!(rig.line("protocol").contains("close-wait"));
    machine.remove(6);
    rig.see(machine.frame());
    let screen = rig.screen();
    assert!(screen.contains("this socket is gone") && screen.contains("微信[3000]"), "{screen}");
    rig.press(KeyCode::Char('x'));
    assert!(rig.line("it is gone").starts_with("it is gone"), "nothing is left to close");
}

#[test]
fn names_of_peers_are_shown_as_they_come() {
    let mut rig = Rig::with(120, 24, AppOptions { names: true, ..options() });
    let mut machine = Machine::usual();
    machine.has_names = true;
    rig.see(machine.frame());
    assert!(rig.line("dns.google:40000").contains("nginx[813]"));
    rig.type_text("3");
    let (known, pending) = (rig.line("8.8.8.8"), rig.line("1.1.1.1"));
    assert!(known.contains("dns.google") && pending.contains('…'), "{known}\n{pending}");
    rig.type_text("1/rname = dns.google");
    rig.press(KeyCode::Enter);
    assert!(rig.screen().contains("1 of 9"), "{}", rig.screen());
}
