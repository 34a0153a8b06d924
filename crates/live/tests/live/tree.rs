use proptest::prelude::*;
use sockscope_live::{Arranger, GroupKey, LineKey, Mark, Opened, Shown, Sort, View};
use sockscope_model::State;
use sockscope_output::Column;

use crate::machine::{Machine, check_positions, filter, id, lines, settings, tree};

const LOCAL: Shown = Shown::Socket(Column::Local);
const REMOTE: Shown = Shown::Socket(Column::Remote);

#[test]
fn open_groups_have_their_sockets_below_them() {
    let mut machine = Machine::usual();
    let all = machine.arrange(&tree(View::Countries, true));
    // As many here as there: by their first sockets.
    assert_eq!(lines(&all), ["(unknown)", "7", "8", "China", "4", "6", "United States", "5"]);
    check_positions(&all);
    assert_eq!(lines(&machine.arrange(&tree(View::Countries, false))), ["(unknown)", "China", "United States"]);
    // All but one, and none but one.
    let china = GroupKey::Country(Some("China".into()));
    for open in [true, false] {
        let mut opened = Opened { all: open, ..Opened::default() };
        opened.toggle(&china);
        assert_eq!(opened.is_open(&china), !open);
        let arrangement = machine.arrange(&settings(View::Countries, |it| it.tree = Some(opened.clone())));
        check_positions(&arrangement);
        let position = arrangement.position(&LineKey::Group(china.clone()), None).unwrap();
        assert_eq!(arrangement.group(position).unwrap().is_open(), !open);
        assert_eq!(arrangement.lines.len(), if open { 6 } else { 5 }, "{:?}", lines(&arrangement));
        opened.toggle(&china);
        assert_eq!(opened, Opened { all: open, ..Opened::default() });
    }
}

#[test]
fn services_are_those_of_the_owners() {
    let mut machine = Machine::usual();
    let arrangement = machine.arrange(&tree(View::Services, true));
    let of = |lines: &[String], group: &str, next: usize| -> Vec<String> {
        let at = lines.iter().position(|line| line == group).unwrap();
        let mut below = lines[at + 1..=at + next].to_vec();
        below.sort();
        below
    };
    let all = lines(&arrangement);
    assert_eq!(all.len(), 3 + 7, "{all:?}");
    assert_eq!(of(&all, "nginx.service", 3), ["1", "4", "5"]);
    assert_eq!(of(&all, "ssh.service", 2), ["2", "7"]);
    // Of nobody, and of a process that is none.
    assert_eq!(of(&all, "(no service)", 2), ["6", "8"]);
    check_positions(&arrangement);
    // The sockets of a group are the same, however they are asked for.
    for position in 0..arrangement.lines.len() {
        let Some(group) = arrangement.group(position) else { continue };
        assert_eq!(arrangement.members(&group.key).len(), group.sockets as usize);
    }
    // Closed, they are found all the same, by what passes the filter.
    let closed = machine.arrange(&settings(View::Services, |it| {
        it.tree = Some(Opened::default());
        it.filters[1] = filter("established");
    }));
    assert_eq!(closed.members(&GroupKey::Service(Some("nginx.service".into()))).len(), 2);
    assert_eq!(closed.members(&GroupKey::Service(None)).len(), 1);
    assert_eq!(closed.members(&GroupKey::Service(Some("other".into()))).len(), 0);
}

#[test]
fn groups_stand_by_number_by_rate_or_by_their_first_sockets() {
    let mut machine = Machine::usual();
    machine.rate(6, 5000, 7);
    machine.rate(4, 10, 9);
    let mut groups = |by, descending| {
        let settings = settings(View::Processes, |it| {
            it.tree = Some(Opened::default());
            it.sort = Sort { by, descending };
        });
        let arrangement = machine.arrange(&settings);
        let keys = (0..arrangement.lines.len()).map(|at| arrangement.group(at).unwrap().key.clone());
        keys.map(|key| match key {
            GroupKey::Process(id) => id.pid,
            _ => 0,
        })
        .collect::<Vec<u32>>()
    };
    // Most sockets first; those with as many by their first sockets.
    let usual = groups(None, false);
    let mut two = usual[..3].to_vec();
    two.sort_unstable();
    assert_eq!((two.as_slice(), usual.len()), ([812, 813, 1200].as_slice(), 5));
    assert_eq!(groups(Some(Shown::Sending), true)[..2], [3000, 812]);
    assert_eq!(groups(Some(Shown::Receiving), true)[..2], [812, 3000]);
    assert_eq!(groups(Some(Shown::Trend), true)[..2], [3000, 812]);
    let (up, down) = (groups(Some(Shown::Sending), false), groups(Some(Shown::Sending), true));
    assert_eq!((up.last(), down.first()), (Some(&3000), Some(&3000)));
    // By the peer of the first socket: 8.8.8.8, 9.9.9.9, 114.., 119.., 192...
    assert_eq!(groups(Some(REMOTE), false), [813, 0, 812, 3000, 1200]);
    assert_eq!(groups(Some(REMOTE), true), [1200, 3000, 812, 0, 813]);
}

#[test]
fn sockets_within_a_group_are_sorted_and_by_two_columns() {
    let mut machine = Machine::usual();
    machine.add(9, "10.0.0.5:80", Some("114.114.114.114:2"), Some(State::Established), &[812]);
    let order = |machine: &mut Machine, sort, then| {
        let settings = settings(View::Countries, |it| {
            it.tree = Some(Opened { all: true, ..Opened::default() });
            it.sort = sort;
            it.then = then;
        });
        let all = lines(&machine.arrange(&settings));
        let china = all.iter().position(|line| line == "China").unwrap();
        all[china + 1..china + 4].to_vec()
    };
    let sort = |by, descending| Sort { by: Some(by), descending };
    assert_eq!(order(&mut machine, sort(LOCAL, false), Some(sort(REMOTE, false))), ["9", "4", "6"]);
    assert_eq!(order(&mut machine, sort(LOCAL, false), Some(sort(REMOTE, true))), ["4", "9", "6"]);
    assert_eq!(order(&mut machine, sort(LOCAL, true), Some(sort(REMOTE, true))), ["6", "4", "9"]);
}

#[test]
fn groups_are_marked_as_they_come_and_go() {
    let mut machine = Machine::usual();
    let settings = tree(View::Processes, true);
    let first = machine.arrange(&settings);
    assert!((0..first.lines.len()).all(|at| first.mark(at).is_none()));
    machine.remove(6);
    machine.process(4000, "curl", None);
    machine.add(10, "10.0.0.5:9", Some("8.8.8.8:443"), Some(State::SynSent), &[4000]);
    machine.add(11, "10.0.0.5:80", Some("8.8.8.8:444"), Some(State::Established), &[813]);
    machine.look();
    let second = machine.arrange(&settings);
    let mark = |pid| second.mark(second.position(&LineKey::Group(GroupKey::Process(id(pid))), None).unwrap());
    assert_eq!([4000, 3000, 813, 812].map(mark), [Some(Mark::New), Some(Mark::Gone), Some(Mark::Changed), None]);
    check_positions(&second);
    machine.look();
    let third = machine.arrange(&settings);
    assert_eq!(third.position(&LineKey::Group(GroupKey::Process(id(3000))), None), None);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Remove(u64),
    Add(u64),
    State(u64),
    Reverse,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1u64..9).prop_map(Step::Remove),
        (20u64..40).prop_map(Step::Add),
        (1u64..9).prop_map(Step::State),
        Just(Step::Reverse),
    ]
}

proptest! {
    /// Beginning with the order of the look before changes no order.
    #[test]
    fn lines_do_not_depend_on_the_looks_before(
        steps in prop::collection::vec(step(), 1..20),
        view in prop::sample::select(View::ALL.to_vec()),
        by in prop::sample::select(vec![None, Some(LOCAL), Some(REMOTE), Some(Shown::Receiving)]),
        descending: bool,
        all: bool,
    ) {
        let mut machine = Machine::usual();
        let settings = settings(view, |it| {
            it.sort = Sort { by, descending };
            it.tree = (view != View::Sockets).then(|| Opened { all, ..Opened::default() });
        });
        for step in steps {
            match step {
                Step::Remove(cookie) => machine.remove(cookie),
                Step::Add(cookie) => {
                    machine.remove(cookie);
                    let remote = format!("8.8.8.8:{cookie}");
                    machine.add(cookie, "10.0.0.5:80", Some(&remote), Some(State::Established), &[812, 813]);
                }
                Step::State(cookie) => {
                    for socket in machine.sockets.iter_mut().filter(|it| it.key.remote.is_some()) {
                        if socket.key.tag == sockscope_model::Tag::Cookie(cookie) {
                            socket.state = Some(State::CloseWait);
                        }
                    }
                }
                Step::Reverse => machine.sockets.reverse(),
            }
            machine.look();
            let arrangement = machine.arrange(&settings);
            check_positions(&arrangement);
            let anew = Arranger::default().arrange(&arrangement.look, &settings);
            prop_assert_eq!(lines(&arrangement), lines(&anew));
        }
    }
}
