use sockscope_live::{Event, Held, History, Moment, Subject, View};
use sockscope_model::State;

use crate::machine::{Machine, at, lines, settings};

fn life(machine: &mut Machine, cookie: u64) -> Vec<Moment> {
    let socket = machine.socket(cookie).clone();
    machine.arrange(&settings(View::Sockets, |_| {})).life(&socket)
}

fn moment(second: i64, what: Event) -> Moment {
    Moment { at: at(second), what }
}

#[test]
fn what_was_there_was_found() {
    let mut machine = Machine::usual();
    let found = moment(1, Event::Found(Some(State::Established)));
    assert_eq!(life(&mut machine, 6), [found]);
    machine.look();
    assert_eq!(life(&mut machine, 6), [found], "nothing happened");
}

#[test]
fn what_comes_changes_and_goes_is_noted_with_its_time() {
    let mut machine = Machine::usual();
    assert_eq!(life(&mut machine, 6).len(), 1);
    machine.add(30, "10.0.0.5:9", Some("8.8.8.8:443"), Some(State::SynSent), &[812]);
    machine.look();
    let opened = moment(2, Event::Opened(Some(State::SynSent)));
    assert_eq!(life(&mut machine, 30), [opened]);
    machine.socket(30).state = Some(State::Established);
    machine.socket(6).state = Some(State::CloseWait);
    machine.look();
    // Another arrangement of the same look notes nothing again.
    assert_eq!(life(&mut machine, 30).len(), 2);
    let established = moment(3, Event::State(Some(State::Established)));
    assert_eq!(life(&mut machine, 30), [opened, established]);
    let [found, changed] = life(&mut machine, 6)[..] else { panic!() };
    assert_eq!(found, moment(1, Event::Found(Some(State::Established))));
    assert_eq!(changed, moment(3, Event::State(Some(State::CloseWait))));
    let socket = machine.socket(30).clone();
    machine.remove(30);
    machine.look();
    let arrangement = machine.arrange(&settings(View::Sockets, |_| {}));
    assert_eq!(arrangement.life(&socket), [opened, established, moment(4, Event::Gone)]);
    // Others that go later do not change that.
    machine.remove(6);
    machine.look();
    let arrangement = machine.arrange(&settings(View::Sockets, |_| {}));
    assert_eq!(arrangement.life(&socket).len(), 3);
}

#[test]
fn the_system_knows_better_when_it_was_opened() {
    let mut machine = Machine::usual();
    machine.look();
    machine.arrange(&settings(View::Sockets, |_| {}));
    machine.add(30, "10.0.0.5:9", Some("8.8.8.8:443"), Some(State::Established), &[812]);
    machine.socket(30).opened = Some(at(-7));
    machine.look();
    assert_eq!(life(&mut machine, 30), [moment(-7, Event::Opened(Some(State::Established)))]);
}

#[test]
fn a_successor_has_a_life_of_its_own() {
    let mut machine = Machine::usual();
    life(&mut machine, 5);
    machine.remove(5);
    machine.add(99, "10.0.0.5:80", Some("8.8.8.8:40000"), Some(State::SynReceived), &[812]);
    machine.look();
    assert_eq!(life(&mut machine, 99), [moment(2, Event::Opened(Some(State::SynReceived)))]);
}

#[test]
fn one_that_cannot_make_up_its_mind_takes_no_more_room() {
    let mut machine = Machine::usual();
    life(&mut machine, 6);
    for round in 0..200 {
        machine.socket(6).state = Some(if round % 2 == 0 { State::CloseWait } else { State::Established });
        machine.look();
        life(&mut machine, 6);
    }
    assert!(life(&mut machine, 6).len() <= 65);
}

#[test]
fn held_sockets_follow_themselves_alone() {
    let mut machine = Machine::usual();
    let plain = settings(View::Sockets, |_| {});
    let first = machine.arrange(&plain);
    let position = lines(&first).iter().position(|line| line == "5").unwrap();
    let mut held = Held::of(&first, position).unwrap();
    let identity = held.identity;
    let settings = settings(View::Sockets, |it| it.subject = Some(identity));
    let mut history = History::default();
    for _ in 0..3 {
        machine.sockets.reverse();
        machine.look();
        let arrangement = machine.arrange(&settings);
        held.follow(&arrangement);
        for _ in 0..2 {
            history.note(arrangement.look.number, identity, Some(held.row()));
        }
        assert!(!held.is_gone && matches!(arrangement.subject, Subject::There(_)));
        assert_eq!(held.row().snapshot().taken, arrangement.look.frame.snapshot.taken);
    }
    assert_eq!(history.samples().len(), 3, "each look once");
    machine.remove(5);
    machine.add(99, "10.0.0.5:80", Some("8.8.8.8:40000"), Some(State::Established), &[812]);
    machine.look();
    let arrangement = machine.arrange(&settings);
    held.follow(&arrangement);
    assert!(held.is_gone && matches!(arrangement.subject, Subject::Gone(_)));
    history.note(arrangement.look.number, identity, None);
    assert_eq!(history.samples().len(), 3);
    machine.look();
    let arrangement = machine.arrange(&settings);
    held.follow(&arrangement);
    assert!(held.is_gone && arrangement.subject == Subject::Nowhere);
    assert_eq!(held.socket.key.remote.unwrap().port(), 40000, "what was known stays");
}
