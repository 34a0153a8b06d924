use std::sync::Arc;

use sockscope_core::Identity;
use sockscope_live::arranger::{Arranged, News};
use sockscope_live::{Arrangement, Settings, TREND, View};
use sockscope_model::{Queues, State, Traffic};

use crate::machine::{Machine, place, settings, tree};

/// Whether the look after the change looks like the one before, and the one after that.
fn alike(settings: &Arc<Settings>, change: impl FnOnce(&mut Machine)) -> [bool; 3] {
    let mut machine = Machine::usual();
    machine.arrange(settings);
    machine.look();
    let mut before = machine.arrange(settings);
    change(&mut machine);
    [(); 3].map(|()| {
        machine.look();
        let now = machine.arrange(settings);
        let alike = now.looks_like(&before);
        before = now;
        alike
    })
}

#[test]
fn nothing_happened() {
    for settings in [settings(View::Sockets, |_| {}), tree(View::Processes, true), tree(View::Hosts, false)] {
        assert_eq!(alike(&settings, |_| {}), [true; 3]);
        assert_eq!(alike(&settings, |machine| machine.sockets.reverse()), [true; 3], "{:?}", settings.view);
    }
}

#[test]
fn what_happens_is_drawn_and_that_it_is_over_too() {
    let plain = settings(View::Sockets, |_| {});
    assert_eq!(alike(&plain, |machine| machine.remove(6)), [false, false, true]);
    let change = |machine: &mut Machine| machine.socket(6).state = Some(State::CloseWait);
    assert_eq!(alike(&plain, change), [false, false, true]);
    assert_eq!(alike(&tree(View::Processes, false), change), [false, false, true]);
    let add = |machine: &mut Machine| machine.add(40, "0.0.0.0:1", None, Some(State::Listen), &[812]);
    assert_eq!(alike(&plain, add), [false, false, true]);
    let learn = |machine: &mut Machine| machine.place("9.9.9.9", place("US", "United States", "Quad9", None));
    assert_eq!(alike(&plain, learn), [false, true, true]);
}

#[test]
fn what_nobody_would_call_a_change_is_drawn_where_it_is_seen() {
    let plain = settings(View::Sockets, |_| {});
    // Another process has it open, without a moment in which nobody had.
    let owners = |machine: &mut Machine| {
        let owners = machine.socket(6).owners.clone();
        machine.socket(5).owners = owners;
    };
    assert_eq!(alike(&plain, owners), [false, false, true]);
    let queues = |machine: &mut Machine| machine.socket(6).queues = Some(Queues { receive: 7, send: None });
    assert_eq!(alike(&plain, queues), [false, false, true]);
    let counted = |machine: &mut Machine| {
        machine.socket(6).traffic = Some(Box::new(Traffic { retransmitted_segments: Some(1), ..Traffic::default() }));
    };
    assert_eq!(alike(&plain, counted), [false, false, true]);
    // It is another program by now.
    let name = |machine: &mut Machine| machine.process(3000, "exec", None);
    assert_eq!(alike(&plain, name), [false, true, true]);
    // What counts time counts always.
    let idle = |machine: &mut Machine| {
        machine.socket(6).traffic = Some(Box::new(Traffic { last_sent_us: Some(1), ..Traffic::default() }));
    };
    let mut machine = Machine::usual();
    idle(&mut machine);
    machine.look();
    machine.look();
    let before = machine.arrange(&plain);
    machine.socket(6).traffic.as_mut().unwrap().last_sent_us = Some(1_000_001);
    machine.look();
    assert!(machine.arrange(&plain).looks_like(&before));
}

#[test]
fn trends_move_until_nothing_is_left_of_them() {
    let plain = settings(View::Sockets, |_| {});
    let mut machine = Machine::usual();
    machine.rate(6, 1, 0);
    let mut before = machine.arrange(&plain);
    machine.rate(6, 0, 0);
    let mut drawn = 0;
    for _ in 0..TREND + 5 {
        machine.look();
        let now = machine.arrange(&plain);
        drawn += usize::from(!now.looks_like(&before));
        before = now;
    }
    assert_eq!(drawn, TREND);
}

#[test]
fn only_news_is_passed_on() {
    let plain = settings(View::Sockets, |_| {});
    let mut machine = Machine::usual();
    let mut news = News::default();
    let mut kept = Vec::new();
    let mut is_new = |machine: &mut Machine, kept: &mut Vec<Arc<Arrangement>>| {
        machine.look();
        let lines = machine.arrange(&plain);
        let is_new = news.is_new(&Arranged::Lines(Arc::clone(&lines)));
        if is_new {
            kept.push(lines);
        }
        is_new
    };
    assert!(is_new(&mut machine, &mut kept), "the first");
    assert!(is_new(&mut machine, &mut kept), "nothing was known before the first");
    for _ in 0..5 {
        assert!(!is_new(&mut machine, &mut kept));
    }
    machine.remove(6);
    assert!(is_new(&mut machine, &mut kept));
    assert!(is_new(&mut machine, &mut kept), "it is marked no more");
    assert!(!is_new(&mut machine, &mut kept));
    // Nobody has it any more: what is shown is not known.
    kept.clear();
    assert!(is_new(&mut machine, &mut kept));
    assert!(!is_new(&mut machine, &mut kept));
}

#[test]
fn what_follows_a_failure_is_news() {
    let plain = settings(View::Sockets, |_| {});
    let mut machine = Machine::usual();
    machine.look();
    machine.look();
    let mut news = News::default();
    let shown = machine.arrange(&plain);
    let mut is_new = |lines: &Arc<Arrangement>| news.is_new(&Arranged::Lines(Arc::clone(lines)));
    assert!(is_new(&shown));
    machine.look();
    let next = machine.arrange(&plain);
    assert!(!is_new(&next));
    assert!(news.is_new(&Arranged::Failed("no".to_owned())));
    assert!(news.is_new(&Arranged::Lines(next)));
}

#[test]
fn what_moves_or_ages_is_drawn_always() {
    let plain = settings(View::Sockets, |_| {});
    assert_eq!(alike(&plain, |machine| machine.rate(6, 1, 0)), [false; 3]);
    assert_eq!(alike(&settings(View::Sockets, |it| it.ages = true), |_| {}), [false; 3]);
    let mut machine = Machine::usual();
    let subject = Identity::of(machine.socket(6));
    assert_eq!(alike(&settings(View::Sockets, |it| it.subject = Some(subject)), |_| {}), [false; 3]);
}

#[test]
fn other_settings_look_otherwise() {
    let mut machine = Machine::usual();
    machine.look();
    machine.look();
    let before = machine.arrange(&settings(View::Sockets, |_| {}));
    let after = machine.arrange(&settings(View::Sockets, |it| it.serial = 2));
    assert!(!after.looks_like(&before));
}
