//! Makes the binary tree that mmdb and ipdb have in common, of ranges of addresses.

use std::net::IpAddr;

use super::common::address;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Child {
    Nothing,
    Node(usize),
    /// A record's number.
    Leaf(usize),
}

/// Node 0 is the first one.
pub(crate) struct Tree {
    pub(crate) nodes: Vec<[Child; 2]>,
}

impl Tree {
    pub(crate) fn new() -> Tree {
        Tree { nodes: vec![[Child::Nothing; 2]] }
    }

    /// The first bits of an address, the first one at the top.
    pub(crate) fn prefix(text: &str, bits: u32) -> (u128, u32) {
        match address(text) {
            IpAddr::V4(ipv4) => (u128::from(ipv4.to_bits()) << 96, bits),
            IpAddr::V6(ipv6) => (ipv6.to_bits(), bits),
        }
    }

    /// Lets a prefix lead to a child.
    pub(crate) fn set(&mut self, (prefix, bits): (u128, u32), child: Child) {
        let bit = |depth: u32| (prefix >> (127 - depth) & 1) as usize;
        let mut node = 0;
        for depth in 0..bits - 1 {
            node = match self.nodes[node][bit(depth)] {
                Child::Node(next) => next,
                Child::Nothing => {
                    let next = self.nodes.len();
                    self.nodes.push([Child::Nothing; 2]);
                    self.nodes[node][bit(depth)] = Child::Node(next);
                    next
                }
                Child::Leaf(_) => panic!("a prefix inside of another"),
            };
        }
        let last = &mut self.nodes[node][bit(bits - 1)];
        assert_eq!(*last, Child::Nothing, "two of the same prefix");
        *last = child;
    }

    /// Lets a range of addresses lead to a record, IPv4 addresses behind an IPv6 prefix of 96 bits if there is one.
    pub(crate) fn range(&mut self, first: &str, last: &str, below: Option<u128>, record: usize) {
        let (mut next, last, width) = match (address(first), address(last)) {
            (IpAddr::V4(first), IpAddr::V4(last)) => (u128::from(first.to_bits()), u128::from(last.to_bits()), 32),
            (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits(), 128),
            _ => panic!("a range of two kinds of addresses"),
        };
        // The largest block that starts here and does not go past the end, again and again.
        loop {
            let mut size = next.trailing_zeros().min(width);
            while size > 0 && last - next < (1_u128.checked_shl(size).unwrap_or(0)).wrapping_sub(1) {
                size -= 1;
            }
            let (prefix, bits) = match (width, below) {
                (32, Some(below)) => (below | next, 128 - size),
                _ => (next << (128 - width), width - size),
            };
            self.set((prefix, bits), Child::Leaf(record));
            match next.checked_add(1_u128.checked_shl(size).unwrap_or(0)) {
                Some(after) if after > next && after <= last => next = after,
                _ => return,
            }
        }
    }

    /// The node that a prefix leads to.
    pub(crate) fn node_at(&self, (prefix, bits): (u128, u32)) -> Child {
        (0..bits).fold(Child::Node(0), |child, depth| match child {
            Child::Node(node) => self.nodes[node][(prefix >> (127 - depth) & 1) as usize],
            other => other,
        })
    }
}
