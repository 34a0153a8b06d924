use eframe::egui::accesskit::Role;
use eframe::egui::{Modifiers, PointerButton, Vec2, pos2};
use sockscope_live::{Mark, Shown, Sort};
use sockscope_model::{Field, State};
use sockscope_output::Column;
use sockscope_window::Remembered;

use crate::machine::Machine;
use crate::rig::{Rig, options, usual};

const LOCAL: Shown = Shown::Socket(Column::Local);
const STATE: Shown = Shown::Socket(Column::Field(Field::State));

#[test]
fn every_socket_has_a_row_and_every_column_a_title() {
    let (rig, _) = usual();
    let rows = rig.rows();
    assert_eq!(rows.len(), 8, "{rows:#?}");
    for part in ["nginx", "114.114.114.114:51000", "China Nanjing", "alice", "established", "time-wait", "udp"] {
        assert!(rows.iter().any(|row| row.contains(part)), "no {part:?} in {rows:#?}");
    }
    let titles = ["Process", "Proto", "State", "Local", "Remote", "Place", "In/s", "Out/s", "Trend", "User"];
    assert_eq!(rig.titles(), titles);
    // They stand one below the other, in the order of the arrangement.
    let places = rig.places();
    assert!(places.windows(2).all(|pair| pair[0].0.bottom() <= pair[1].0.top() + 0.5), "{places:#?}");
    assert_eq!(rig.arrangement().lines.len(), 8);
}

#[test]
fn before_the_first_look_it_says_so() {
    let mut rig = Rig::new(options());
    assert!(rig.rows().is_empty());
    rig.see(Machine::empty().frame());
    assert!(rig.rows().is_empty());
    assert_eq!(rig.titles().len(), 10);
}

#[test]
fn a_title_sorts_then_the_other_way_then_as_usual() {
    let (mut rig, _) = usual();
    let at_first = rig.rows();
    for title in rig.titles() {
        let at = rig.title(&title).center();
        rig.click(at);
        let one = (rig.rows(), rig.titles().into_iter().find(|it| it.starts_with(&format!("{title}, "))).unwrap());
        rig.click(at);
        let other = (rig.rows(), rig.titles().into_iter().find(|it| it.starts_with(&format!("{title}, "))).unwrap());
        assert_ne!(one.1, other.1);
        assert!(one.1.contains("sorted") && other.1.contains("sorted"));
        if title != "User" && title != "Trend" {
            assert_ne!(one.0, other.0, "{title}");
        }
        let sorted = |rows: &[String]| {
            let mut rows = rows.to_vec();
            rows.sort();
            rows
        };
        assert_eq!(sorted(&one.0), sorted(&at_first), "{title}");
        assert_eq!(sorted(&other.0), sorted(&at_first), "{title}");
        rig.click(at);
        assert_eq!(rig.rows(), at_first, "{title}");
        assert!(rig.titles().contains(&title));
    }
}

#[test]
fn values_decide_and_what_has_none_comes_last() {
    let (mut rig, _) = usual();
    let at = rig.title("Remote").center();
    let remotes = |rig: &Rig| -> Vec<&str> {
        let all = ["8.8.8.8", "9.9.9.9", "114.114.114.114", "119.29.29.29", "192.168.1.7"];
        let rows = rig.rows();
        rows.iter().map(|row| all.into_iter().find(|it| row.contains(&format!(" {it}:"))).unwrap_or("")).collect()
    };
    rig.click(at);
    let up = ["8.8.8.8", "9.9.9.9", "114.114.114.114", "119.29.29.29", "192.168.1.7", "", "", ""];
    assert_eq!(remotes(&rig), up);
    rig.click(at);
    let down = ["192.168.1.7", "119.29.29.29", "114.114.114.114", "9.9.9.9", "8.8.8.8", "", "", ""];
    assert_eq!(remotes(&rig), down);
    // Of rates, the largest are looked for.
    let at = rig.title("In/s").center();
    rig.click(at);
    assert!(rig.rows()[0].contains("114.114.114.114") && rig.rows()[1].contains("119.29.29.29"));
    assert_eq!(rig.remembered().sort, Sort { by: Some(Shown::Receiving), descending: true });
}

#[test]
fn shift_sorts_among_equals() {
    let (mut rig, _) = usual();
    let (state, local) = (rig.title("State").center(), rig.title("Local").center());
    rig.click(state);
    rig.button(local, PointerButton::Primary, Modifiers::SHIFT);
    rig.button(local, PointerButton::Primary, Modifiers::SHIFT);
    let remembered = rig.remembered();
    assert_eq!(remembered.sort, Sort { by: Some(STATE), descending: false });
    assert_eq!(remembered.then, Some(Sort { by: Some(LOCAL), descending: true }));
    let established = |rig: &Rig| -> Vec<bool> {
        rig.rows().iter().filter(|row| row.contains("established")).map(|row| row.contains(":44312")).collect()
    };
    assert_eq!(established(&rig), [true, false, false]);
    rig.button(local, PointerButton::Primary, Modifiers::SHIFT);
    assert_eq!(rig.remembered().then, None);
    rig.button(local, PointerButton::Primary, Modifiers::SHIFT);
    assert_eq!(established(&rig), [false, false, true]);
    // A click without it begins anew.
    rig.click(local);
    let remembered = rig.remembered();
    assert_eq!((remembered.sort.by, remembered.then), (Some(LOCAL), None));
}

#[test]
fn titles_are_dragged() {
    let (mut rig, _) = usual();
    let (from, to) = (rig.title("Remote").center(), rig.title("Proto").left_center() + Vec2::new(6.0, 0.0));
    rig.drag(from, to);
    let titles = ["Process", "Remote", "Proto", "State", "Local", "Place", "In/s", "Out/s", "Trend", "User"];
    assert_eq!(rig.titles(), titles);
    let names: Vec<&str> =
        rig.remembered().columns.unwrap().into_iter().map(sockscope_live::Shown::name).take(3).collect();
    assert_eq!(names, ["process", "remote", "protocol"]);
    assert_eq!(rig.remembered().sort, Sort::default(), "a drag is no click");
    // To the right, and behind the last.
    let (from, to) = (rig.title("Process").center(), rig.title("User").right_center() - Vec2::new(6.0, 0.0));
    rig.drag(from, to);
    assert_eq!(rig.titles().last().unwrap(), "Process");
    // Nowhere.
    let before = rig.titles();
    let at = rig.title("State").center();
    rig.drag(at, at + Vec2::new(8.0, 0.0));
    assert_eq!(rig.titles(), before);
}

#[test]
fn columns_are_chosen() {
    let (mut rig, _) = usual();
    let at = rig.title("State").center();
    rig.button(at, PointerButton::Secondary, Modifiers::NONE);
    rig.choose_by(Role::CheckBox, "Trend");
    rig.choose_by(Role::CheckBox, "Family");
    assert!(!rig.remembered().columns.unwrap().contains(&Shown::Trend));
    rig.choose("Close");
    let titles = ["Process", "Proto", "State", "Local", "Remote", "Place", "In/s", "Out/s", "User", "Family"];
    assert_eq!(rig.titles(), titles);
    assert!(rig.rows()[0].contains("ipv6"), "{:?}", rig.rows());
    let at = rig.title("State").center();
    rig.button(at, PointerButton::Secondary, Modifiers::NONE);
    rig.choose("The usual columns");
    assert_eq!(rig.remembered().columns, None);
    rig.choose("Close");
    assert!(rig.titles().contains(&"Trend".to_owned()));
}

#[test]
fn widths_are_dragged_and_remembered() {
    let (mut rig, _) = usual();
    let before = rig.title("State");
    let edge = pos2(before.right() + 4.0, before.center().y);
    rig.drag(edge, edge + Vec2::new(60.0, 0.0));
    assert!((rig.title("State").width() - before.width() - 60.0).abs() < 2.0, "{:?}", rig.title("State"));
    let widths = rig.remembered().widths;
    assert!(matches!(widths.as_slice(), [(STATE, width)] if (width - 155.0).abs() < 2.0), "{widths:?}");
    // The next window has them.
    let remembered = Remembered { widths, ..Remembered::default() };
    let mut rig = Rig::new(sockscope_window::AppOptions { remembered, ..options() });
    rig.see(Machine::usual().frame());
    assert!((rig.title("State").width() - before.width() - 60.0).abs() < 2.0);
}

#[test]
fn what_came_changed_and_went_is_marked_for_one_look() {
    let (mut rig, mut machine) = usual();
    let colours = |rig: &Rig| {
        let is_marked = |part: &str| {
            let shown = rig.places().into_iter().find(|(_, text)| text.contains(part));
            shown.map(|(place, _)| {
                let of = |(r, g, b)| rig.is_painted(place, eframe::egui::Color32::from_rgb(r, g, b));
                [of((20, 90, 35)), of((105, 85, 10)), of((115, 30, 30))]
            })
        };
        ["7.7.7.7", "119.29.29.29", "9.9.9.9"].map(is_marked)
    };
    let no = Some([false; 3]);
    assert_eq!(colours(&rig), [None, no, no]);
    machine.add(30, "tcp", "10.0.0.5:80", Some("7.7.7.7:1"), Some(State::Established), &[812]);
    machine.socket(6).state = Some(State::CloseWait);
    machine.remove(8);
    rig.see(machine.frame());
    let [new, changed, gone] = [[true, false, false], [false, true, false], [false, false, true]].map(Some);
    assert_eq!(colours(&rig), [new, changed, gone]);
    let arrangement = rig.arrangement();
    let marks: Vec<Mark> = (0..arrangement.lines.len()).filter_map(|at| arrangement.mark(at)).collect();
    assert_eq!(marks.len(), 3);
    for mark in [Mark::New, Mark::Changed, Mark::Gone] {
        assert!(marks.contains(&mark));
    }
    rig.see(machine.frame());
    assert_eq!(colours(&rig), [no, no, None]);
}

#[test]
fn a_click_selects_and_modifiers_select_more() {
    let (mut rig, _) = usual();
    let rows = rig.rows();
    let at = |rig: &Rig, index: usize| rig.at(&rows[index]);
    rig.click(at(&rig, 1));
    assert_eq!(rig.selected(), [rows[1].clone()]);
    rig.button(at(&rig, 4), PointerButton::Primary, Modifiers::SHIFT);
    assert_eq!(rig.selected(), rows[1..=4]);
    assert!(rig.is_shown("4 selected"));
    rig.button(at(&rig, 2), PointerButton::Primary, crate::rig::CONTROL);
    assert_eq!(rig.selected(), [rows[1].clone(), rows[3].clone(), rows[4].clone()]);
    rig.button(at(&rig, 7), PointerButton::Primary, crate::rig::CONTROL);
    assert_eq!(rig.selected().len(), 4);
    rig.click(at(&rig, 0));
    assert_eq!(rig.selected(), [rows[0].clone()]);
}
