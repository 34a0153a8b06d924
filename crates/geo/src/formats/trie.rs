//! The binary tree that mmdb and ipdb have in common: each bit of an address, the first one first, chooses one of a node's
//! two values, which is another node, nothing, or a leaf.

use std::net::IpAddr;

use crate::bytes::{array_at, be32_at};

/// How many leading bits the table of [`Trie::prepare`] saves.
const TABLE_BITS: u32 = 16;

/// How long a node's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// Three bytes each.
    Bits24,
    /// Three bytes each, and one between them with the highest four bits of either.
    Bits28,
    /// Four bytes each.
    Bits32,
}

/// Where a tree is in its file. The bytes come with each call, as they belong to the reader.
#[derive(Debug)]
pub(super) struct Trie {
    /// The first node's offset.
    start: usize,
    /// How many nodes there are. This value itself stands for "nothing"; what is above is a leaf.
    nodes: u32,
    width: Width,
    /// The value from which IPv4 addresses go on, and the 96 bits before it.
    ipv4: Option<(u32, u128)>,
    /// Whether IPv6 addresses start from the first node.
    ipv6: bool,
    /// The value for each first 16 bits of IPv4 addresses. Empty unless prepared.
    table: Vec<u32>,
}

impl Trie {
    /// Of as many nodes as there are; `None` if they go past the end of the file. It has no addresses yet.
    pub(super) fn new(bytes: &[u8], start: usize, nodes: u32, width: Width) -> Option<Trie> {
        let trie = Trie { start, nodes, width, ipv4: None, ipv6: false, table: Vec::new() };
        bytes.get(start..trie.end()?)?;
        Some(trie)
    }

    /// It has IPv4 addresses alone, from the first node.
    pub(super) fn only_ipv4(mut self) -> Trie {
        self.ipv4 = Some((0, 0));
        self
    }

    /// It has IPv6 addresses.
    pub(super) fn with_ipv6(mut self) -> Trie {
        self.ipv6 = true;
        self
    }

    /// It has IPv4 addresses behind the first 96 bits of an IPv6 address.
    pub(super) fn with_ipv4_below(mut self, bytes: &[u8], prefix: u128) -> Trie {
        let root = self.follow(bytes, 0, (32..128).rev().map(|bit| (prefix >> bit) as u32 & 1));
        self.ipv4 = (root != self.nodes).then_some((root, prefix));
        self
    }

    /// Whether there may be an answer for any IPv4 address.
    pub(super) fn has_ipv4(&self) -> bool {
        self.ipv4.is_some()
    }

    /// The offset behind the last node.
    pub(super) fn end(&self) -> Option<usize> {
        (self.nodes as usize).checked_mul(self.node_size())?.checked_add(self.start)
    }

    fn node_size(&self) -> usize {
        match self.width {
            Width::Bits24 => 6,
            Width::Bits28 => 7,
            Width::Bits32 => 8,
        }
    }

    /// The leaf of an address: by how much its value is above that of "nothing", at least 1.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8], address: IpAddr) -> Option<u32> {
        let value = match address {
            IpAddr::V4(ipv4) => {
                let (root, _) = self.ipv4?;
                let ip = ipv4.to_bits();
                let known = self.table.get((ip >> (32 - TABLE_BITS)) as usize);
                let (from, bits) = known.map_or((root, 32), |value| (*value, 32 - TABLE_BITS));
                self.follow(bytes, from, (0..bits).rev().map(|bit| ip >> bit & 1))
            }
            IpAddr::V6(ipv6) => {
                let ip = ipv6.to_bits();
                let bits = if self.ipv6 { 0..128_u32 } else { return None };
                self.follow(bytes, 0, bits.rev().map(|bit| (ip >> bit) as u32 & 1))
            }
        };
        // Bits that end at a node are a damaged tree.
        value.checked_sub(self.nodes).filter(|leaf| *leaf > 0)
    }

    /// Follows bits from a value as far as there are nodes.
    #[inline]
    fn follow(&self, bytes: &[u8], from: u32, bits: impl Iterator<Item = u32>) -> u32 {
        match self.width {
            Width::Bits24 => follow(from, self.nodes, bits, |node, bit| child24(bytes, self.start, node, bit)),
            Width::Bits28 => follow(from, self.nodes, bits, |node, bit| child28(bytes, self.start, node, bit)),
            Width::Bits32 => follow(from, self.nodes, bits, |node, bit| child32(bytes, self.start, node, bit)),
        }
    }

    /// Both values of a node; `None` behind the last one.
    pub(super) fn node(&self, bytes: &[u8], node: u32) -> Option<[u32; 2]> {
        if node >= self.nodes {
            return None;
        }
        let child = |bit| match self.width {
            Width::Bits24 => child24(bytes, self.start, node, bit),
            Width::Bits28 => child28(bytes, self.start, node, bit),
            Width::Bits32 => child32(bytes, self.start, node, bit),
        };
        Some([child(0)?, child(1)?])
    }

    /// The offset of a node.
    pub(super) fn offset(&self, node: u32) -> usize {
        (node as usize).saturating_mul(self.node_size()).saturating_add(self.start)
    }

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> u32 {
        self.nodes
    }

    /// Saves half of the way of IPv4 addresses. Takes 256 KiB, which a file has to be larger than.
    pub(super) fn prepare(&mut self, bytes: &[u8]) {
        let size = 1_usize << TABLE_BITS;
        let Some((root, _)) = self.ipv4 else { return };
        if self.table.is_empty() && bytes.len() >= size * size_of::<u32>() {
            self.table = (0..1_u32 << TABLE_BITS)
                .map(|prefix| self.follow(bytes, root, (0..TABLE_BITS).rev().map(|bit| prefix >> bit & 1)))
                .collect();
        }
    }

    /// Visits every leaf: IPv4 addresses first, then IPv6 addresses but for those that lead to the same IPv4 tree, as
    /// `::ffff:0:0/96` or `2002::/16` do.
    pub(super) fn each_leaf(&self, bytes: &[u8], visit: &mut dyn FnMut(IpAddr, IpAddr, u32)) {
        if let Some((root, _)) = self.ipv4 {
            self.walk(bytes, root, 32, &|_, _, _| false, &mut |first, last, leaf| {
                visit(
                    IpAddr::from(((first >> 96) as u32).to_be_bytes()),
                    IpAddr::from(((last >> 96) as u32).to_be_bytes()),
                    leaf,
                );
            });
        }
        if self.ipv6 {
            let ipv4 = self.ipv4;
            let skip = |value, first, depth| {
                ipv4.is_some_and(|(root, prefix)| {
                    (value == root && value < self.nodes) || (first == prefix && depth == 96)
                })
            };
            self.walk(bytes, 0, 128, &skip, &mut |first, last, leaf| {
                visit(IpAddr::from(first.to_be_bytes()), IpAddr::from(last.to_be_bytes()), leaf);
            });
        }
    }

    /// Visits the leaves below a value: the first and the last address, their bits at the top, and the leaf. Each node is
    /// below one other, so that a walk that meets many more than there are goes in circles, and ends.
    fn walk(
        &self,
        bytes: &[u8],
        root: u32,
        bits: u32,
        skip: &dyn Fn(u32, u128, u32) -> bool,
        visit: &mut dyn FnMut(u128, u128, u32),
    ) {
        let mut allowance = u64::from(self.nodes) * 2;
        // At most one value waits for each bit.
        let mut waiting = vec![(root, 0_u128, 0_u32)];
        while let Some((value, first, depth)) = waiting.pop() {
            if skip(value, first, depth) {
                continue;
            }
            if let Some([left, right]) = self.node(bytes, value) {
                if allowance == 0 {
                    return;
                }
                allowance -= 1;
                if depth < bits {
                    let bit = 1_u128 << 127 >> depth;
                    waiting.extend([(right, first | bit, depth + 1), (left, first, depth + 1)]);
                }
            } else if value > self.nodes {
                visit(first, first | u128::MAX.checked_shr(depth).unwrap_or(0), value - self.nodes);
            }
        }
    }
}

#[inline(always)]
fn follow(from: u32, nodes: u32, bits: impl Iterator<Item = u32>, child: impl Fn(u32, u32) -> Option<u32>) -> u32 {
    let mut value = from;
    for bit in bits {
        if value >= nodes {
            break;
        }
        // The tree is inside of the file: there always is a value.
        let Some(next) = child(value, bit) else { return nodes };
        value = next;
    }
    value
}

#[inline(always)]
fn child24(bytes: &[u8], start: usize, node: u32, bit: u32) -> Option<u32> {
    let [a, b, c] = array_at(bytes, start + node as usize * 6 + bit as usize * 3)?;
    Some(u32::from_be_bytes([0, a, b, c]))
}

#[inline(always)]
fn child28(bytes: &[u8], start: usize, node: u32, bit: u32) -> Option<u32> {
    let [a, b, c, middle, d, e, f] = array_at(bytes, start + node as usize * 7)?;
    Some(match bit {
        0 => u32::from_be_bytes([middle >> 4, a, b, c]),
        _ => u32::from_be_bytes([middle & 0xf, d, e, f]),
    })
}

#[inline(always)]
fn child32(bytes: &[u8], start: usize, node: u32, bit: u32) -> Option<u32> {
    be32_at(bytes, start + node as usize * 8 + bit as usize * 4)
}
