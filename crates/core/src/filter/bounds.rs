//! What can be said about every row that passes a filter, without a row: what a source need not list.
//!
//! For each node two sets are followed: one that no passing row is outside of (`upper`), one that only passing rows are in
//! (`lower`). A negation swaps them, which is why `lower` is needed at all: of a part that is only approximated from
//! above, the negation says nothing.

use sockscope_model::{AddressBlock, Condition, Family, Field, Protocol, State, StateSet};

use super::Needs;
use super::address::Zone;
use super::program::{Node, NumberSource, Side, Test, TextSource};
use super::quantity::Ranges;

/// A set with a complement.
pub(super) trait Set: Copy {
    const ALL: Self;
    const NONE: Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn complement(self) -> Self;
}

impl Set for StateSet {
    const ALL: StateSet = StateSet::ALL;
    const NONE: StateSet = StateSet::NONE;
    fn and(self, other: StateSet) -> StateSet {
        StateSet::and(self, other)
    }
    fn or(self, other: StateSet) -> StateSet {
        StateSet::or(self, other)
    }
    fn complement(self) -> StateSet {
        StateSet::complement(self)
    }
}

/// Of two things, which can be: TCP and UDP, or IPv4 and IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair(pub(super) bool, pub(super) bool);

impl Set for Pair {
    const ALL: Pair = Pair(true, true);
    const NONE: Pair = Pair(false, false);
    fn and(self, other: Pair) -> Pair {
        Pair(self.0 && other.0, self.1 && other.1)
    }
    fn or(self, other: Pair) -> Pair {
        Pair(self.0 || other.0, self.1 || other.1)
    }
    fn complement(self) -> Pair {
        Pair(!self.0, !self.1)
    }
}

struct Bounds<S> {
    upper: S,
    lower: S,
}

impl<S: Set> Bounds<S> {
    fn exactly(set: S) -> Bounds<S> {
        Bounds { upper: set, lower: set }
    }

    fn within(upper: S) -> Bounds<S> {
        Bounds { upper, lower: S::NONE }
    }

    fn of(node: &Node, test: fn(&Test) -> Bounds<S>) -> Bounds<S> {
        match node {
            Node::All(nodes) => {
                nodes.iter().map(|node| Bounds::of(node, test)).fold(Bounds::exactly(S::ALL), |all, one| Bounds {
                    upper: all.upper.and(one.upper),
                    lower: all.lower.and(one.lower),
                })
            }
            Node::Any(nodes) => {
                nodes.iter().map(|node| Bounds::of(node, test)).fold(Bounds::exactly(S::NONE), |any, one| Bounds {
                    upper: any.upper.or(one.upper),
                    lower: any.lower.or(one.lower),
                })
            }
            Node::Not(node) => {
                let inner = Bounds::of(node, test);
                Bounds { upper: inner.lower.complement(), lower: inner.upper.complement() }
            }
            Node::Test(leaf) => test(leaf),
        }
    }
}

/// The states that can pass.
pub(super) fn states(node: &Node) -> StateSet {
    let bounds = Bounds::of(node, |test| match test {
        Test::States(set) => Bounds::exactly(*set),
        // All unknown numbers are one member, so the set is not exact.
        Test::UnknownState(number) => Bounds::within(StateSet::NONE.with(State::Other(*number))),
        _ => Bounds::within(StateSet::ALL),
    });
    bounds.upper
}

/// Whether TCP and UDP can pass.
pub(super) fn protocols(node: &Node) -> Pair {
    let bounds = Bounds::of(node, |test| match test {
        Test::Protocol(protocol) => Bounds::exactly(Pair(*protocol == Protocol::Tcp, *protocol == Protocol::Udp)),
        _ => Bounds::within(Pair::ALL),
    });
    // UDP counts as established or as closed, never as anything else.
    let states = states(node);
    let udp = states.contains(State::Established) || states.contains(State::Closed);
    bounds.upper.and(Pair(!states.is_empty(), udp))
}

/// Whether IPv4 and IPv6 can pass.
pub(super) fn families(node: &Node) -> Pair {
    let bounds = Bounds::of(node, |test| match test {
        Test::Family(family) => Bounds::exactly(Pair(*family == Family::Ipv4, *family == Family::Ipv6)),
        Test::Block(_, block) if block.address().is_ipv6() => Bounds::within(Pair(false, true)),
        Test::Zone(..) => Bounds::within(Pair(false, true)),
        _ => Bounds::within(Pair::ALL),
    });
    bounds.upper
}

/// The fields of all tests.
pub(super) fn fields(node: &Node) -> Vec<Field> {
    let mut fields = Vec::new();
    node.each(&mut |test| {
        fields.extend(match test {
            Test::Mark { .. } => Some(Field::Mark),
            Test::Number(NumberSource::Field(field), _)
            | Test::NumberText(NumberSource::Field(field), _)
            | Test::Text(TextSource::Field(field), _) => Some(*field),
            _ => None,
        });
    });
    fields
}

/// Whether a test that is not negated is on the local port.
pub(super) fn names_local_port(node: &Node) -> bool {
    fn find(node: &Node, negated: bool) -> bool {
        match node {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().any(|node| find(node, negated)),
            Node::Not(node) => find(node, !negated),
            Node::Test(Test::Port(Side::Local, _)) => !negated,
            Node::Test(Test::NumberText(NumberSource::Field(Field::LocalPort), _)) => !negated,
            Node::Test(_) => false,
        }
    }
    find(node, false)
}

/// What must be looked up before rows can be tested.
pub(super) fn needs(node: &Node) -> Needs {
    let mut needs = Needs::default();
    node.each(&mut |test| {
        let field = match test {
            Test::Autobound => {
                needs.autobound = true;
                return;
            }
            Test::Number(NumberSource::Users, _)
            | Test::NumberText(NumberSource::Users, _)
            | Test::Text(TextSource::Users, _) => {
                needs.owners = true;
                needs.process_details = true;
                return;
            }
            Test::Number(NumberSource::Age, _) | Test::NumberText(NumberSource::Age, _) => {
                needs.opened = true;
                return;
            }
            Test::Mark { .. } => {
                needs.marks = true;
                return;
            }
            Test::Text(TextSource::Country | TextSource::Place, _) => {
                needs.places = true;
                return;
            }
            Test::Number(NumberSource::Field(field), _)
            | Test::NumberText(NumberSource::Field(field), _)
            | Test::Text(TextSource::Field(field), _) => *field,
            _ => return,
        };
        needs.add(field);
    });
    needs
}

/// What the kernel can decide; `None`: nothing.
pub(super) fn condition(node: &Node) -> Option<Condition> {
    kernel(node).upper.filter(|condition| *condition != Condition::All(Vec::new()))
}

/// As [`Bounds`], with conditions for sets; `None` is everything above and nothing below.
struct Kernel {
    upper: Option<Condition>,
    lower: Option<Condition>,
}

fn kernel(node: &Node) -> Kernel {
    match node {
        Node::All(nodes) => {
            let (upper, lower): (Vec<_>, Vec<_>) = nodes.iter().map(kernel).map(|it| (it.upper, it.lower)).unzip();
            let upper: Vec<Condition> = upper.into_iter().flatten().collect();
            let lower: Option<Vec<Condition>> = lower.into_iter().collect();
            Kernel { upper: (!upper.is_empty() || nodes.is_empty()).then(|| all(upper)), lower: lower.map(all) }
        }
        Node::Any(nodes) => {
            let (upper, lower): (Vec<_>, Vec<_>) = nodes.iter().map(kernel).map(|it| (it.upper, it.lower)).unzip();
            let upper: Option<Vec<Condition>> = upper.into_iter().collect();
            let lower: Vec<Condition> = lower.into_iter().flatten().collect();
            Kernel { upper: upper.map(any), lower: (!lower.is_empty() || nodes.is_empty()).then(|| any(lower)) }
        }
        Node::Not(node) => {
            let inner = kernel(node);
            Kernel { upper: inner.lower.map(not), lower: inner.upper.map(not) }
        }
        Node::Test(test) => kernel_test(test),
    }
}

fn kernel_test(test: &Test) -> Kernel {
    let exactly = |condition: Condition| Kernel { upper: Some(condition.clone()), lower: Some(condition) };
    let within = |condition: Condition| Kernel { upper: Some(condition), lower: None };
    match test {
        Test::Block(side, block) => exactly(block_condition(*side, *block)),
        Test::Port(side, ranges) => exactly(port_condition(*side, ranges)),
        Test::Interface(Zone::Index(index)) if *index != 0 => exactly(Condition::Interface(*index)),
        // The kernel knows marks that a row may not show, so its "no" is not ours.
        Test::Mark { value, mask } => within(Condition::Mark { value: *value, mask: *mask }),
        Test::Scope(scope) => match scope.blocks() {
            Some(blocks) => {
                let sides = [Side::Local, Side::Remote];
                within(any(sides.iter().flat_map(|side| blocks.iter().map(|it| block_condition(*side, *it))).collect()))
            }
            None => Kernel { upper: None, lower: None },
        },
        _ => Kernel { upper: None, lower: None },
    }
}

fn block_condition(side: Side, block: AddressBlock) -> Condition {
    match side {
        Side::Local => Condition::Local(block),
        Side::Remote => Condition::Remote(block),
    }
}

fn port_condition(side: Side, ranges: &Ranges) -> Condition {
    let one = |(low, high): &(u64, u64)| {
        let mut bounds = Vec::new();
        let Ok(low) = u16::try_from(*low) else { return any(Vec::new()) };
        let high = u16::try_from(*high).unwrap_or(u16::MAX);
        if low > 0 {
            bounds.push(match side {
                Side::Local => Condition::LocalPortFrom(low),
                Side::Remote => Condition::RemotePortFrom(low),
            });
        }
        if high < u16::MAX {
            bounds.push(match side {
                Side::Local => Condition::LocalPortTo(high),
                Side::Remote => Condition::RemotePortTo(high),
            });
        }
        all(bounds)
    };
    any(ranges.as_slice().iter().map(one).collect())
}

fn all(conditions: Vec<Condition>) -> Condition {
    let mut flat = Vec::with_capacity(conditions.len());
    for condition in conditions {
        match condition {
            Condition::All(inner) => flat.extend(inner),
            Condition::Any(inner) if inner.is_empty() => return Condition::Any(inner),
            condition => flat.push(condition),
        }
    }
    match flat.pop() {
        Some(condition) if flat.is_empty() => condition,
        last => {
            flat.extend(last);
            Condition::All(flat)
        }
    }
}

fn any(conditions: Vec<Condition>) -> Condition {
    let mut flat = Vec::with_capacity(conditions.len());
    for condition in conditions {
        match condition {
            Condition::Any(inner) => flat.extend(inner),
            Condition::All(inner) if inner.is_empty() => return Condition::All(inner),
            condition => flat.push(condition),
        }
    }
    match flat.pop() {
        Some(condition) if flat.is_empty() => condition,
        last => {
            flat.extend(last);
            Condition::Any(flat)
        }
    }
}

/// The negation, as far inside as it goes: kernels have no negation, only jumps.
fn not(condition: Condition) -> Condition {
    let never = Condition::Any(Vec::new());
    match condition {
        Condition::All(conditions) => any(conditions.into_iter().map(not).collect()),
        Condition::Any(conditions) => all(conditions.into_iter().map(not).collect()),
        Condition::Not(condition) => *condition,
        Condition::LocalPortFrom(port) => port.checked_sub(1).map_or(never, Condition::LocalPortTo),
        Condition::RemotePortFrom(port) => port.checked_sub(1).map_or(never, Condition::RemotePortTo),
        Condition::LocalPortTo(port) => port.checked_add(1).map_or(never, Condition::LocalPortFrom),
        Condition::RemotePortTo(port) => port.checked_add(1).map_or(never, Condition::RemotePortFrom),
        condition => Condition::Not(Box::new(condition)),
    }
}
