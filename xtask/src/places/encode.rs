use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use anyhow::{Context, Result, ensure};

/// What a table states of a range of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    /// Two letters, or none.
    pub(super) country: String,
    /// 0: none.
    pub(super) asn: u32,
    pub(super) organization: String,
}

/// The first and the last address, and what is there.
pub(super) type Range = (IpAddr, IpAddr, Place);

/// The address where a range starts, and the number of its record.
type Entry = (u128, u32);

/// Bits of an IPv6 address behind its first 48.
const FINE_BITS: u32 = 80;
/// The number of no record: a gap.
const GAP: u32 = 0;

/// Writes a table, in the format that `crates/geo/src/formats/table.rs` describes. `date` is of the digits YYYYMMDD. Ranges
/// come in order, IPv4 and IPv6 apart; one that reaches into the next ends before it.
///
/// It lives here, as the published crate has no use for it.
pub(super) fn encode(source: u8, date: u32, ranges: &[Range]) -> Result<Vec<u8>> {
    let places: BTreeSet<&Place> = ranges.iter().map(|(_, _, place)| place).collect();
    let numbers: HashMap<&Place, u32> = places.iter().copied().zip(1..).collect();
    // One byte has a number for no record and one for a mixed /48.
    let width = if places.len() <= 254 { 1 } else { 4 };
    let mixed = if width == 1 { u8::MAX.into() } else { u32::MAX };

    let of_family = |wanted_ipv4: bool| {
        ranges.iter().filter_map(move |(first, last, place)| match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) if wanted_ipv4 => {
                Some((first.to_bits().into(), last.to_bits().into(), place))
            }
            (IpAddr::V6(first), IpAddr::V6(last)) if !wanted_ipv4 => Some((first.to_bits(), last.to_bits(), place)),
            _ => None,
        })
    };
    let ipv4 = starts(of_family(true), u32::MAX.into(), &numbers)?.into_iter().collect();
    let (ipv6, exact) = split(starts(of_family(false), u128::MAX, &numbers)?, mixed);

    let (records, text) = records(&places)?;
    let ipv4 = Family::new(ipv4, 16);
    let ipv6 = Family::new(ipv6, 112);

    let mut bytes = b"sockscope places\0".to_vec();
    bytes.extend([1, source, width]);
    let counts = [date, places.len() as u32, text.len() as u32].into_iter();
    for word in counts.chain(ipv4.counts()).chain(ipv6.counts()).chain([exact.len() as u32]) {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(records);
    bytes.extend(text);
    let number = |number: u32| number.to_le_bytes().into_iter().take(width.into());
    bytes.extend(ipv4.index.into_iter().flat_map(u32::to_le_bytes));
    for (start, record) in ipv4.entries {
        bytes.extend((start as u16).to_le_bytes().into_iter().chain(number(record)));
    }
    bytes.extend(ipv6.index.into_iter().flat_map(u32::to_le_bytes));
    for (start, record) in ipv6.entries {
        bytes.extend(((start >> FINE_BITS) as u32).to_le_bytes().into_iter().chain(number(record)));
    }
    for (start, record) in exact {
        bytes.extend(start.to_le_bytes().into_iter().chain(number(record)));
    }
    Ok(bytes)
}

/// Where something else begins, and the number of what begins there.
fn starts<'a>(
    ranges: impl Iterator<Item = (u128, u128, &'a Place)>,
    end: u128,
    numbers: &HashMap<&Place, u32>,
) -> Result<BTreeMap<u128, u32>> {
    let mut starts = BTreeMap::new();
    let mut before: Option<(u128, u128, u32)> = None;
    for (first, last, place) in ranges {
        ensure!(first <= last, "the range {first}-{last} ends before it begins");
        let number = *numbers.get(place).context("a place without a number")?;
        if let Some((first_before, last_before, _)) = before {
            let ascending = first > first_before && last > last_before;
            ensure!(ascending, "the range {first}-{last} does not follow {first_before}-{last_before}");
            if first - 1 > last_before {
                starts.insert(last_before + 1, GAP);
            }
        }
        // Neighbours with the same place are one range.
        if before.is_none_or(|(_, last_before, same)| number != same || first - 1 > last_before) {
            starts.insert(first, number);
        }
        before = Some((first, last, number));
    }
    if let Some((_, last, _)) = before
        && last < end
    {
        starts.insert(last + 1, GAP);
    }
    Ok(starts)
}

/// Takes the /48s with starts inside of them out of the entries, which are not fine enough for them.
fn split(mut starts: BTreeMap<u128, u32>, mixed: u32) -> (Vec<Entry>, Vec<Entry>) {
    let block = |start: u128| start >> FINE_BITS;
    let blocks: BTreeSet<u128> =
        starts.keys().copied().filter(|start| block(*start) << FINE_BITS != *start).map(block).collect();
    for cut in blocks.iter().flat_map(|block| [*block, *block + 1]) {
        // Behind the last /48 of all is nothing.
        let Some(cut) = cut.checked_mul(1 << FINE_BITS) else { continue };
        let in_force = starts.range(..=cut).next_back().map_or(GAP, |(_, number)| *number);
        starts.insert(cut, in_force);
    }
    let (exact, mut entries): (Vec<_>, Vec<_>) =
        starts.into_iter().partition(|(start, _)| blocks.contains(&block(*start)));
    entries.extend(blocks.iter().map(|block| (*block << FINE_BITS, mixed)));
    entries.sort_unstable();
    (entries, exact)
}

/// The records, and the text that they refer to. What several organizations are called is there once.
fn records(places: &BTreeSet<&Place>) -> Result<(Vec<u8>, Vec<u8>)> {
    let (mut records, mut text) = (Vec::new(), Vec::new());
    let mut known = HashMap::new();
    for place in places {
        let country: [u8; 2] = match place.country.as_bytes() {
            [] => [0, 0],
            letters => letters.try_into().with_context(|| format!("{} is no country code", place.country))?,
        };
        let organization = place.organization.as_bytes();
        let length = u16::try_from(organization.len()).context("an organization with a very long name")?;
        let offset = *known.entry(organization).or_insert_with(|| {
            let offset = text.len() as u32;
            text.extend(organization);
            offset
        });
        records.extend(country);
        records.extend(length.to_le_bytes());
        records.extend(place.asn.to_le_bytes());
        records.extend(offset.to_le_bytes());
    }
    Ok((records, text))
}

/// Entries, and where each bucket of them begins.
struct Family {
    first: u32,
    index: Vec<u32>,
    entries: Vec<Entry>,
}

impl Family {
    /// The bucket is what is above `shift` bits.
    fn new(entries: Vec<Entry>, shift: u32) -> Family {
        let bucket = |(start, _): &Entry| (start >> shift) as u32;
        let first = entries.first().map_or(0, bucket);
        let end = entries.last().map_or(0, |last| bucket(last) + 1);
        let position = |wanted| entries.partition_point(|entry| bucket(entry) < wanted) as u32;
        let index = (first..=end).chain([end]).map(position).collect();
        Family { first, index, entries }
    }

    /// The first bucket, buckets, entries.
    fn counts(&self) -> [u32; 3] {
        [self.first, self.index.len() as u32 - 2, self.entries.len() as u32]
    }
}
