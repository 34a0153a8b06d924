use std::sync::Arc;

use sockscope_core::Identity;
use sockscope_live::{SpotKey, View};
use sockscope_model::{Rate, State};

use crate::machine::{Machine, filter, place, settings};

fn shown() -> Arc<sockscope_live::Settings> {
    settings(View::Sockets, |it| it.map = true)
}

#[test]
fn places_with_most_sockets_come_first() {
    let mut machine = Machine::usual();
    machine.rate(4, 3, 4);
    machine.rate(6, 10, 20);
    let spots = machine.arrange(&shown()).spots.clone();
    let told: Vec<_> = spots.iter().map(|spot| (&spot.key, spot.label.as_str(), spot.sockets, spot.rate)).collect();
    let (china, america) = (SpotKey::Country("CN".into()), SpotKey::Country("US".into()));
    assert_eq!(
        told,
        [(&china, "China", 2, 37), (&SpotKey::Unknown, "", 2, 0), (&america, "United States", 1, 0)],
        "two addresses of one country are one spot"
    );
    assert!(machine.arrange(&settings(View::Sockets, |_| {})).spots.is_empty(), "nobody looks at the map");
}

#[test]
fn points_are_better_than_countries_and_zero_is_none() {
    let mut machine = Machine::usual();
    machine.place("8.8.8.8", place("US", "United States", "Mountain View", Some((37.4056, -122.0775))));
    machine.place("114.114.114.114", place("CN", "China", "China Nanjing", Some((0.0, 0.0))));
    machine.place("9.9.9.9", place("", "", "nowhere", Some((91.0, f64::NAN))));
    machine.place("192.168.1.7", place("", "", "private\u{202e}\x1b", None));
    let spots = machine.arrange(&shown()).spots.clone();
    let key = |label: &str| spots.iter().find(|spot| spot.label == label).map(|spot| spot.key.clone());
    let america = key("Mountain View").unwrap();
    assert_eq!(america, SpotKey::At(374_056, -1_220_775));
    let point = america.coordinates().unwrap();
    assert!((point.latitude - 37.4056).abs() < 1e-9 && (point.longitude + 122.0775).abs() < 1e-9);
    assert_eq!(key("China"), Some(SpotKey::Country("CN".into())));
    assert_eq!(key("nowhere"), Some(SpotKey::Special("nowhere".into())));
    let private = spots.iter().find(|spot| spot.label.starts_with("private")).unwrap();
    assert!(private.label.chars().all(|it| it != '\x1b' && it != '\u{202e}'), "{:?}", private.label);
    assert_eq!(private.key.coordinates(), None);
}

#[test]
fn the_sockets_of_a_place_are_those_that_pass_the_filter() {
    let mut machine = Machine::usual();
    let china = [SpotKey::Country("CN".into())];
    let at = |machine: &mut Machine, text: &str| {
        let settings = settings(View::Sockets, |it| {
            it.map = true;
            it.filters[0] = filter(text);
        });
        let arrangement = machine.arrange(&settings);
        (arrangement.at(&china), arrangement.spots.iter().map(|spot| spot.sockets).sum::<u32>())
    };
    let four = Identity::of(machine.socket(4));
    let six = Identity::of(machine.socket(6));
    assert_eq!(at(&mut machine, ""), (vec![four, six], 5));
    assert_eq!(at(&mut machine, "dport = 443"), (vec![six], 1));
    assert_eq!(at(&mut machine, "listening"), (vec![], 0));
    // What went is nowhere.
    machine.remove(4);
    machine.look();
    assert_eq!(at(&mut machine, ""), (vec![six], 4));
}

#[test]
fn no_rate_is_too_high() {
    let mut machine = Machine::usual();
    for cookie in [4, 6] {
        machine.rate(cookie, u64::MAX, u64::MAX);
    }
    let arrangement = machine.arrange(&shown());
    assert_eq!(arrangement.spots[0].rate, u64::MAX);
    assert_eq!(arrangement.totals.sending, u64::MAX);
    assert_eq!(machine.now.rates.values().next(), Some(&Rate { sent: u64::MAX, received: u64::MAX }));
    machine.add(40, "10.0.0.5:1", Some("114.114.114.114:1"), Some(State::Established), &[]);
    machine.look();
    assert_eq!(machine.arrange(&shown()).spots[0].sockets, 3);
}
