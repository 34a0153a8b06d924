//! Comparisons as people see them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is a failed test")]

mod common;

use common::{compared, is_harmless, printed};
use sockscope_model::{Cause, Comparison, Frame};
use sockscope_output::{CompareOptions, compare_table};

fn drawn(comparison: &Comparison, frame: &Frame, width: Option<usize>, colour: bool) -> String {
    let options = CompareOptions { width, colour };
    printed(frame, |out, listing| compare_table(out, comparison, listing, &options).unwrap())
}

fn at(width: Option<usize>) -> String {
    let (comparison, frame) = compared();
    drawn(&comparison, &frame, width, false)
}

#[test]
fn eighty_columns() {
    insta::assert_snapshot!(at(Some(80)));
}

#[test]
fn two_hundred_columns() {
    insta::assert_snapshot!(at(Some(200)));
}

#[test]
fn unlimited() {
    let text = at(None);
    insta::assert_snapshot!(text);
    // A line a difference, with what was out of place in a name or a reason written out.
    assert!(text.lines().any(|line| line.starts_with("+") && line.ends_with(r"procfs: \x1b[31mred\x0aline")));
    assert!(text.chars().all(is_harmless));
}

#[test]
fn what_is_unexplained_is_red() {
    let (comparison, frame) = compared();
    let text = drawn(&comparison, &frame, None, true);
    let red: Vec<&str> = text.lines().filter(|line| line.contains("\x1b[31m")).collect();
    assert_eq!(red.len(), 3, "two sockets and the verdict: {red:#?}");
    assert!(red[2].contains("2 sockets are UNEXPLAINED in 10 rounds"), "{}", red[2]);
}

#[test]
fn verdicts() {
    let (mut comparison, frame) = compared();
    let verdict = |comparison: &Comparison| drawn(comparison, &frame, None, false).lines().last().unwrap().to_owned();
    assert_eq!(
        verdict(&comparison),
        "2 sockets are UNEXPLAINED in 10 rounds; explained: 1 churn, 7 not-shown, 1 same-meaning; but procfs could not be \
         heard wholly"
    );
    comparison.differences.iter_mut().skip(1).for_each(|it| it.cause = Cause::NotShown);
    comparison.sources[1].faulty = false;
    assert_eq!(verdict(&comparison), "1 socket is UNEXPLAINED in 10 rounds; explained: 10 not-shown");
    comparison.differences.clear();
    assert_eq!(verdict(&comparison), "nothing is unexplained in 10 rounds");
    comparison.rounds = 1;
    assert_eq!(verdict(&comparison), "nothing is unexplained in 1 round");
    comparison.sources.truncate(1);
    assert_eq!(verdict(&comparison), "only one source was heard: there is nothing to compare it with");
}

/// A hundred connections in TIME-WAIT tell no more than three, and nothing unexplained is ever left out.
#[test]
fn of_what_is_explained_a_few_are_shown() {
    let (mut comparison, mut frame) = compared();
    let snapshot = std::sync::Arc::make_mut(&mut frame.snapshot);
    for (cause, count) in [(Cause::Unexplained, 40), (Cause::Churn, 40), (Cause::NotShown, 40)] {
        for _ in 0..count {
            let mut difference = comparison.differences[5].clone();
            difference.cause = cause;
            comparison.differences.push(difference);
            snapshot.sockets.push(snapshot.sockets[5].clone());
        }
    }
    let text = drawn(&comparison, &frame, None, false);
    let shown = |cause: &str| text.lines().filter(|line| line.contains(&format!("  {cause}  "))).count();
    assert_eq!((shown("unexplained"), shown("churn      "), shown("not-shown  ")), (42, 5, 3), "{text}");
    assert!(text.contains("... and more: 36 churn, 44 not-shown (--json has them all)\n"), "{text}");
}

/// The process stands below its socket where there is no room beside it, with the cause.
#[test]
fn sixty_columns() {
    let (mut comparison, mut frame) = compared();
    let snapshot = std::sync::Arc::make_mut(&mut frame.snapshot);
    // Without the long addresses, which are never cut.
    let short: Vec<bool> = snapshot.sockets.iter().map(|it| it.key.local.is_ipv4()).collect();
    let mut keep = short.iter();
    snapshot.sockets.retain(|_| *keep.next().unwrap());
    let mut keep = short.iter();
    comparison.differences.retain(|_| *keep.next().unwrap());
    let text = drawn(&comparison, &frame, Some(60), false);
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    insta::assert_snapshot!(text);
}
