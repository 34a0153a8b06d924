use sockscope_live::{Shown, Sort, View};
use sockscope_model::{Field, State};
use sockscope_output::Column;

use crate::machine::{Machine, check_positions, field, filter, lines, settings};

fn by(by: Shown, descending: bool) -> Sort {
    Sort { by: Some(by), descending }
}

const LOCAL: Shown = Shown::Socket(Column::Local);
const REMOTE: Shown = Shown::Socket(Column::Remote);

#[test]
fn a_second_column_decides_among_equals_and_the_usual_order_after_it() {
    let mut machine = Machine::usual();
    let state = field(Field::State);
    let mut order = |sort, then| {
        let settings = settings(View::Sockets, |it| {
            it.sort = sort;
            it.then = then;
        });
        let arrangement = machine.arrange(&settings);
        check_positions(&arrangement);
        lines(&arrangement)
    };
    let established = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| ["4", "5", "6"].contains(&line.as_str())).cloned().collect()
    };
    // As usual: by port, then by the peer.
    assert_eq!(established(&order(by(state, false), None)), ["5", "4", "6"]);
    assert_eq!(established(&order(by(state, false), Some(by(REMOTE, false)))), ["5", "4", "6"]);
    assert_eq!(established(&order(by(state, false), Some(by(REMOTE, true)))), ["6", "4", "5"]);
    assert_eq!(established(&order(by(state, true), Some(by(REMOTE, true)))), ["6", "4", "5"]);
    // Equal in both: as usual.
    assert_eq!(established(&order(by(state, false), Some(by(field(Field::Protocol), true)))), ["5", "4", "6"]);
    // The first column is the first.
    let all = order(by(state, false), Some(by(LOCAL, true)));
    let states = ["1", "2"].map(|cookie| all.iter().position(|line| line == cookie).unwrap());
    assert_eq!(states[0].abs_diff(states[1]), 1, "listeners stand together: {all:?}");
}

#[test]
fn what_has_no_value_comes_last_in_both_columns() {
    let mut machine = Machine::usual();
    for descending in [false, true] {
        let settings = settings(View::Sockets, |it| {
            it.sort = by(field(Field::Protocol), false);
            it.then = Some(by(REMOTE, descending));
        });
        let lines = lines(&machine.arrange(&settings));
        let mut last = lines[5..].to_vec();
        last.sort();
        assert_eq!(last, ["1", "2"], "{lines:?}");
    }
}

#[test]
fn rates_decide_and_stay_decided_over_looks() {
    let mut machine = Machine::usual();
    machine.rate(6, 10, 500);
    machine.rate(4, 20, 100);
    let settings = settings(View::Sockets, |it| it.sort = by(Shown::Receiving, true));
    assert_eq!(lines(&machine.arrange(&settings))[..2], ["6", "4"]);
    machine.rate(4, 20, 1000);
    machine.sockets.reverse();
    machine.look();
    let arrangement = machine.arrange(&settings);
    assert_eq!(lines(&arrangement)[..2], ["4", "6"]);
    assert_eq!(arrangement.totals.receiving, 1500);
    check_positions(&arrangement);
}

#[test]
fn what_is_gone_is_found_for_one_look() {
    let mut machine = Machine::usual();
    let settings = settings(View::Sockets, |_| {});
    let first = machine.arrange(&settings);
    let position = lines(&first).iter().position(|line| line == "5").unwrap();
    let (key, line) = (first.key(position).unwrap(), first.line(position).unwrap());
    machine.remove(5);
    machine.add(99, "10.0.0.5:80", Some("8.8.8.8:40000"), Some(State::Established), &[812]);
    machine.look();
    let second = machine.arrange(&settings);
    let found = second.position(&key, Some((first.look.number, line))).unwrap();
    assert_eq!((second.mark(found), lines(&second)[found].as_str()), (Some(sockscope_live::Mark::Gone), "5"));
    check_positions(&second);
    machine.look();
    let third = machine.arrange(&settings);
    assert_eq!(third.position(&key, Some((second.look.number, second.line(found).unwrap()))), None);
    assert_eq!(third.position(&key, None), None, "its successor has its addresses, and is another");
}

#[test]
fn what_left_the_filter_has_left_the_table() {
    let mut machine = Machine::usual();
    let settings = settings(View::Sockets, |it| it.filters[1] = filter("established"));
    assert_eq!(machine.arrange(&settings).totals.sockets, 3);
    machine.socket(6).state = Some(State::CloseWait);
    machine.look();
    let arrangement = machine.arrange(&settings);
    assert_eq!((arrangement.totals.sockets, arrangement.totals.all, arrangement.lines.len()), (2, 7, 3));
    let position = lines(&arrangement).iter().position(|line| line == "6").unwrap();
    assert_eq!(arrangement.mark(position), Some(sockscope_live::Mark::Gone));
    machine.look();
    assert_eq!(machine.arrange(&settings).lines.len(), 2);
}
