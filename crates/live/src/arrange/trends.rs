use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use sockscope_model::Rate;

use super::AsIs;

/// How many looks a trend goes back.
pub const TREND: usize = 10;

/// Bytes a second of what sent or received lately, by digest of its key.
#[derive(Debug, Default)]
pub(crate) struct Trends {
    all: HashMap<u64, Trend, BuildHasherDefault<AsIs>>,
    swept: u64,
}

#[derive(Debug, Clone, Copy)]
struct Trend {
    /// The latest last.
    values: [u32; TREND],
    /// The look that the latest is of.
    number: u64,
}

impl Trends {
    /// Notes the rates of a look. What neither sends nor receives costs nothing.
    pub(crate) fn add(&mut self, rates: impl Iterator<Item = (u64, Rate)>, number: u64) {
        for (digest, rate) in rates {
            let sum = u32::try_from(rate.sent.saturating_add(rate.received)).unwrap_or(u32::MAX);
            if sum == 0 {
                continue;
            }
            let trend = self.all.entry(digest).or_insert(Trend { values: [0; TREND], number });
            trend.values = trend.at(number);
            trend.number = number;
            if let Some(last) = trend.values.last_mut() {
                *last = sum;
            }
        }
        if number >= self.swept + TREND as u64 {
            self.swept = number;
            self.all.retain(|_, trend| number < trend.number + TREND as u64);
        }
    }

    /// Whether anything sent or received within the trend that ends at that look.
    pub(crate) fn any(&self, number: u64) -> bool {
        self.all.values().any(|trend| number < trend.number + TREND as u64)
    }

    pub(crate) fn of(&self, digest: u64, number: u64) -> [u32; TREND] {
        self.all.get(&digest).map_or([0; TREND], |trend| trend.at(number))
    }
}

impl Trend {
    /// As it looks at that look: nothing since the latest value.
    fn at(&self, number: u64) -> [u32; TREND] {
        let mut values = [0; TREND];
        let gone = usize::try_from(number.saturating_sub(self.number)).unwrap_or(TREND).min(TREND);
        let kept = self.values.iter().skip(gone);
        for (to, from) in values.iter_mut().zip(kept) {
            *to = *from;
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_move_to_the_left_and_out() {
        let mut trends = Trends::default();
        let rate = |sent| Rate { sent, received: 1 };
        trends.add([(1, rate(4)), (2, Rate::default())].into_iter(), 1);
        trends.add([(1, rate(9))].into_iter(), 3);
        assert_eq!(trends.of(1, 3), [0, 0, 0, 0, 0, 0, 0, 5, 0, 10]);
        assert_eq!(trends.of(1, 4), [0, 0, 0, 0, 0, 0, 5, 0, 10, 0]);
        assert_eq!(trends.of(1, 30), [0; TREND]);
        assert_eq!(trends.of(2, 3), [0; TREND]);
        trends.add(std::iter::empty(), 20);
        assert!(trends.all.is_empty());
        trends.add([(1, Rate { sent: u64::MAX, received: u64::MAX })].into_iter(), 21);
        assert_eq!(trends.of(1, 21)[TREND - 1], u32::MAX);
    }
}
