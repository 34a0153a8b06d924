use eframe::egui::accesskit::Role;
use sockscope_core::Command;
use sockscope_live::Message;
use sockscope_model::{Notice, State};
use sockscope_window::{AppOptions, Effect, Privilege};

use crate::machine::Machine;
use crate::rig::{Rig, options, usual};

#[test]
fn totals_are_those_of_the_filter() {
    let (mut rig, _) = usual();
    for text in ["8 sockets", "2 listen", "3 established", "1 time-wait", "1 udp", "sock_diag 2ms"] {
        assert!(rig.is_shown(text), "{text}");
    }
    assert!(rig.is_shown("in 1.2MB/s · out 42kB/s"));
    rig.filter("dport = 443");
    for text in ["1 of 8 sockets", "1 established", "in 500B/s · out 8.4kB/s"] {
        assert!(rig.is_shown(text), "{text}");
    }
    assert!(!rig.is_shown("2 listen") && !rig.is_shown("1 udp"));
}

#[test]
fn a_failure_is_told_until_a_look_succeeds() {
    let (mut rig, mut machine) = usual();
    rig.app().failed("the kernel said\x1b[31m no".to_owned());
    rig.run();
    assert!(rig.is_shown("The latest look failed: the kernel said"));
    assert!(!rig.is_shown("\x1b"));
    assert_eq!(rig.rows().len(), 8, "what was seen stays");
    // Another order of what was seen is no look.
    let at = rig.title("Remote").center();
    rig.click(at);
    assert!(rig.is_shown("The latest look failed"));
    rig.see(machine.frame());
    assert!(!rig.is_shown("The latest look failed"));
}

#[test]
fn a_failure_of_the_first_look_stands_where_the_table_would() {
    let mut rig = Rig::new(options());
    assert!(rig.is_shown("Looking…"));
    rig.app().failed("not allowed".to_owned());
    rig.run();
    assert!(rig.is_shown("not allowed"));
}

#[test]
fn what_became_of_an_action_is_told() {
    let (mut rig, _) = usual();
    rig.app().tell(Message { text: "3 closed".to_owned(), is_error: false });
    rig.run();
    assert!(rig.is_shown("3 closed"));
    rig.app().tell(Message { text: "not closed: gone".to_owned(), is_error: true });
    rig.run();
    assert!(rig.is_shown("not closed: gone") && !rig.is_shown("3 closed"));
}

#[test]
fn notices_of_the_program_are_counted_once() {
    let (mut rig, _) = usual();
    assert!(rig.is_shown("1 notices"));
    for _ in 0..2 {
        rig.app().notice(Notice { code: "database", message: "qqwry.dat is damaged".to_owned() });
    }
    rig.run();
    assert!(rig.is_shown("2 notices"));
    rig.choose("2 notices");
    assert!(rig.is_shown("qqwry.dat is damaged"));
}

#[test]
fn hidden_owners_are_counted_with_what_would_show_them() {
    let hidden = |privilege| {
        let mut rig = Rig::new(AppOptions { privilege, ..options() });
        let mut machine = Machine::usual();
        machine.add(20, "tcp", "0.0.0.0:25", None, Some(State::Listen), &[]);
        machine.add(21, "tcp", "0.0.0.0:26", None, Some(State::Listen), &[]);
        rig.see(machine.frame());
        assert!(rig.is_shown("2 owners hidden"));
        rig
    };
    let mut rig = hidden(Privilege::Command("sudo sockscope window".to_owned()));
    rig.choose("Copy the command that shows them");
    assert_eq!(rig.copied(), "sudo sockscope window");
    assert!(rig.is_shown("Copied. In a terminal it shows everything: sudo sockscope window"));
    let mut rig = hidden(Privilege::Restart);
    rig.choose("Restart as administrator");
    assert!(matches!(rig.take_effects().as_slice(), [Effect::Elevate]));
    let rig = hidden(Privilege::Full);
    assert!(!rig.is_shown("Copy the command that shows them") && !rig.is_shown("Restart as administrator"));
    let (rig, _) = usual();
    assert!(!rig.is_shown("owners hidden"));
}

#[test]
fn the_bar_pauses_refreshes_and_changes_the_pace() {
    let (mut rig, mut machine) = usual();
    rig.choose("Pause");
    assert!(rig.is_shown("PAUSED"));
    // What comes in is shown all the same: it is what was asked for.
    machine.remove(8);
    rig.see(machine.frame());
    assert!(rig.is_shown("PAUSED"));
    rig.choose("Go on");
    assert!(!rig.is_shown("PAUSED"));
    rig.choose("Refresh");
    rig.choose_by(Role::ComboBox, "every 1s");
    rig.choose("every 5s");
    let told = rig.told();
    let [Command::Pause(true), Command::Pause(false), Command::Refresh, Command::Interval(interval)] = told.as_slice()
    else {
        panic!("{told:?}");
    };
    assert_eq!(interval.as_secs(), 5);
    assert_eq!(rig.remembered().interval.as_secs(), 5);
}

#[test]
fn what_is_replayed_is_named() {
    let mut rig = Rig::new(AppOptions { replay: Some("web-1.rec".to_owned()), ..options() });
    rig.see(Machine::usual().frame());
    assert!(rig.is_shown("web-1.rec"));
}
