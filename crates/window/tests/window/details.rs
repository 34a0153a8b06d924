use eframe::egui::accesskit::Role;
use eframe::egui::{Modifiers, PointerButton};
use egui_kittest::kittest::Queryable as _;
use sockscope_core::Command;
use sockscope_model::{Request, State};
use sockscope_window::{AppOptions, Remembered};

use crate::machine::Machine;
use crate::rig::{Rig, options, usual};

const HINT: &str = "Select a socket";

#[test]
fn they_tell_all_of_the_selected_socket() {
    let (mut rig, _) = usual();
    assert!(rig.is_shown(HINT));
    let at = rig.at("119.29.29.29");
    rig.click(at);
    assert!(!rig.is_shown(HINT));
    for text in [
        "tcp ipv4 established",
        "10.0.0.5:44312",
        "119.29.29.29:443",
        "wechat[3000]",
        "/usr/bin/wechat",
        "/usr/bin/wechat --flag",
        "China Shenzhen",
        "cz88",
        "cubic",
        "Life so far",
    ] {
        assert!(rig.is_shown(text), "{text}");
    }
    let at = rig.at("[::]:22");
    rig.click(at);
    assert!(rig.is_shown("tcp ipv6 listen") && rig.is_shown("ssh.service") && !rig.is_shown("cubic"));
    let at = rig.at("9.9.9.9");
    rig.click(at);
    assert!(rig.is_shown("nobody: time-wait") && rig.is_shown("No IP database knows it"));
}

#[test]
fn the_source_is_asked_for_what_is_shown() {
    let request = Request { process_details: false, cgroups: false, ..Request::default() };
    let asked = |act: fn(&mut Rig)| {
        let mut rig = Rig::new(AppOptions { request: request.clone(), ..options() });
        rig.see(Machine::usual().frame());
        assert!(rig.told().is_empty(), "{:?}", rig.told());
        act(&mut rig);
        let told = rig.told();
        let [Command::Request(request)] = told.as_slice() else { panic!("{told:?}") };
        (request.process_details, request.cgroups)
    };
    let select = |rig: &mut Rig| {
        let at = rig.at("8.8.8.8");
        rig.click(at);
    };
    assert_eq!(asked(select), (true, true));
    // Services are known of processes.
    let group = |rig: &mut Rig| {
        rig.choose("Group: Connections");
        rig.choose("Services");
    };
    assert_eq!(asked(group), (true, false));
    let show = |rig: &mut Rig| {
        let at = rig.title("State").center();
        rig.button(at, PointerButton::Secondary, Modifiers::NONE);
        // It is too far down to be clicked on without scrolling.
        rig.harness.get_by_role_and_label(Role::CheckBox, "Cgroup").click_accesskit();
        rig.run();
    };
    assert_eq!(asked(show), (false, true));
}

#[test]
fn they_follow_the_socket_until_it_is_gone_and_then_say_so() {
    let (mut rig, mut machine) = usual();
    let at = rig.at("119.29.29.29");
    rig.click(at);
    for round in 0..5 {
        machine.rate(6, 1000 * round, 10);
        machine.sockets.reverse();
        rig.see(machine.frame());
        assert!(rig.is_shown("tcp ipv4 established"));
    }
    machine.socket(6).state = Some(State::CloseWait);
    rig.see(machine.frame());
    assert!(rig.is_shown("tcp ipv4 close-wait"));
    let state = rig.texts("  close-wait");
    assert_eq!(state.len(), 1, "its life: {state:?}");
    assert_eq!(rig.texts("was there: established").len(), 1);
    assert!(!rig.is_shown("This socket is gone"));
    machine.remove(6);
    // Another comes to its addresses: it is not the one.
    machine.add(99, "tcp", "10.0.0.5:44312", Some("119.29.29.29:443"), Some(State::SynSent), &[3000]);
    for _ in 0..3 {
        rig.see(machine.frame());
        assert!(rig.is_shown("This socket is gone"));
        assert!(rig.is_shown("tcp ipv4 close-wait"), "what was known of it stays");
    }
    assert_eq!(rig.texts("  gone").len(), 1);
}

#[test]
fn a_life_begins_when_the_socket_was_opened() {
    let (mut rig, mut machine) = usual();
    machine.add(30, "tcp", "10.0.0.5:9", Some("7.7.7.7:1"), Some(State::SynSent), &[812]);
    rig.see(machine.frame());
    machine.socket(30).state = Some(State::Established);
    rig.see(machine.frame());
    let at = rig.at("7.7.7.7");
    rig.click(at);
    let life = [rig.texts("opened syn-sent"), rig.texts("  established")];
    assert_eq!(life.each_ref().map(Vec::len), [1, 1], "{life:?}");
}

#[test]
fn plots_need_no_samples_and_take_many() {
    let (mut rig, mut machine) = usual();
    let at = rig.at("8.8.8.8");
    rig.click(at);
    for round in 0..130u64 {
        machine.rate(5, round * 1_000_000_000, u64::MAX);
        rig.look(machine.frame());
        rig.harness.step();
    }
    rig.run();
    // Of what is gone nothing more is known.
    let at = rig.at("9.9.9.9");
    rig.click(at);
    machine.remove(8);
    rig.see(machine.frame());
    rig.see(machine.frame());
    assert!(rig.is_shown("This socket is gone"));
}

#[test]
fn they_and_the_map_are_hidden_and_shown() {
    let (mut rig, _) = usual();
    let toggle = |rig: &mut Rig, what: &str| {
        rig.choose("Menu");
        rig.choose_by(Role::CheckBox, what);
    };
    assert!(rig.is_shown(HINT));
    toggle(&mut rig, "Details");
    assert!(!rig.is_shown(HINT) && !rig.remembered().details && rig.remembered().map);
    toggle(&mut rig, "Map");
    assert!(!rig.remembered().map);
    let rows = rig.rows().len();
    toggle(&mut rig, "Details");
    assert!(rig.is_shown(HINT));
    assert_eq!(rig.rows().len(), rows);
    let remembered = Remembered { details: false, map: false, ..Remembered::default() };
    let mut rig = Rig::new(AppOptions { remembered, ..options() });
    rig.see(Machine::usual().frame());
    assert!(!rig.is_shown(HINT));
}
