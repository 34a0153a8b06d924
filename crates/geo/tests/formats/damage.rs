/// A damaged version of a file: cut off, or with some bytes changed, with a number that is out of all bounds, or with a piece
/// where another was, by turns.
pub(crate) fn damaged(bytes: &[u8], round: usize, random: &mut Random) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    match round % 4 {
        0 => damaged.truncate(random.below(bytes.len())),
        1 => {
            // Headers are where small changes hurt most.
            let span = if random.below(2) == 0 { bytes.len().min(64) } else { bytes.len() };
            for _ in 0..=random.below(4) {
                damaged[random.below(span)] = random.next() as u8;
            }
        }
        2 => {
            let at = random.below(bytes.len().saturating_sub(4).max(1));
            let extreme =
                [0_u32, 1, 0x7fff_ffff, u32::MAX, bytes.len() as u32, bytes.len() as u32 - 1][random.below(6)];
            let value = if random.below(2) == 0 { extreme.to_le_bytes() } else { extreme.to_be_bytes() };
            for (byte, new) in damaged[at..].iter_mut().zip(value) {
                *byte = new;
            }
        }
        _ => {
            let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
            let length = random.below(64).min(bytes.len() - from.max(to));
            damaged.copy_within(from..from + length, to);
        }
    }
    damaged
}

/// The same numbers each time (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below a bound that is not zero.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
