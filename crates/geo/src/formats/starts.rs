/// The upper 32 bits of where each entry of a sorted index starts, small enough to stay in a processor's cache: how many
/// entries start before each value of the first 16 bits, and the next 16 bits of every entry.
pub(super) struct Starts {
    before: Vec<u32>,
    next: Vec<u16>,
}

impl Starts {
    /// What the starts of so many entries take in memory, in bytes.
    pub(super) const fn size(entries: usize) -> usize {
        4 * 0x1_0001 + 2 * entries
    }

    /// From the entries' starts in order: one pass. What is out of order may not be found.
    pub(super) fn new(starts: impl ExactSizeIterator<Item = u32>) -> Starts {
        let mut before = Vec::with_capacity(0x1_0001);
        let mut next = Vec::with_capacity(starts.len());
        let mut count = 0;
        for start in starts {
            while before.len() <= (start >> 16) as usize {
                before.push(count);
            }
            next.push(start as u16);
            count += 1;
        }
        before.resize(0x1_0001, count);
        Starts { before, next }
    }

    /// Which is the last entry that starts at or before an IPv4 address.
    #[inline]
    pub(super) fn last(&self, address: u32) -> Option<usize> {
        let (from, next) = self.of_prefix(address)?;
        (from + next.partition_point(|next| *next <= address as u16)).checked_sub(1)
    }

    /// Among which entries (from, to) the last is that starts at or before an IPv6 address with these upper bits.
    #[inline]
    pub(super) fn candidates(&self, upper: u32) -> Option<(usize, usize)> {
        let (from, next) = self.of_prefix(upper)?;
        let below = next.partition_point(|next| *next < upper as u16);
        let to = next.partition_point(|next| *next <= upper as u16);
        // The range that an earlier entry starts may reach into these addresses.
        Some(((from + below).saturating_sub(1), from + to))
    }

    #[inline]
    fn of_prefix(&self, upper: u32) -> Option<(usize, &[u16])> {
        let prefix = (upper >> 16) as usize;
        let from = *self.before.get(prefix)? as usize;
        let to = *self.before.get(prefix + 1)? as usize;
        Some((from, self.next.get(from..to)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_that_starts_at_or_before() {
        let starts = Starts::new([0_u32, 0x5_0000, 0x5_0010, 0xffff_0000].into_iter());
        for (address, last) in [
            (0_u32, 0),
            (0x4_ffff, 0),
            (0x5_0000, 1),
            (0x5_000f, 1),
            (0x5_0010, 2),
            (0xfffe_ffff, 2),
            (0xffff_0000, 3),
            (u32::MAX, 3),
        ] {
            assert_eq!(starts.last(address), Some(last), "{address:x}");
        }
        assert_eq!(Starts::new([7_u32].into_iter()).last(6), None);
        assert_eq!(Starts::new([].into_iter()).last(6), None);
    }

    #[test]
    fn entries_with_the_same_upper_bits_and_the_one_before_are_candidates() {
        let starts = Starts::new([1_u32, 1, 1, 4, 0x1_0000, 0x1_0000].into_iter());
        assert_eq!(starts.candidates(0), Some((0, 0)));
        assert_eq!(starts.candidates(1), Some((0, 3)));
        assert_eq!(starts.candidates(2), Some((2, 3)));
        assert_eq!(starts.candidates(4), Some((2, 4)));
        assert_eq!(starts.candidates(0x1_0000), Some((3, 6)));
        assert_eq!(starts.candidates(0xffff_ffff), Some((5, 6)));
    }

    #[test]
    fn out_of_order_is_no_accident() {
        let starts = Starts::new([0x9_0000_u32, 3, 0xffff_ffff, 5].into_iter());
        for address in [0, 3, 0x9_0000, 0xffff_ffff] {
            assert!(starts.last(address).is_none_or(|last| last < 4));
            assert!(starts.candidates(address).is_none_or(|(from, to)| from <= to && to <= 4));
        }
    }
}
