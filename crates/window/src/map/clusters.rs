use std::collections::HashMap;

use eframe::egui::Pos2;
use sockscope_live::Spot;

/// Places that are drawn as one dot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cluster {
    pub(crate) at: Pos2,
    pub(crate) radius: f32,
    /// Positions among the spots, the heaviest first.
    pub(crate) members: Vec<usize>,
    sockets: u64,
}

/// Places nearer than that, in points, can't be told apart.
const NEAR: f32 = 9.0;

/// Puts together what is near to a heavier place. Spots come heaviest first, and so do the clusters.
pub(crate) fn clusters(spots: &[Spot], placed: impl Iterator<Item = (usize, Pos2)>) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut cells: HashMap<(i32, i32), Vec<usize>> = HashMap::new();
    for (index, at) in placed {
        if !at.is_finite() {
            continue;
        }
        let sockets = spots.get(index).map_or(0, |spot| u64::from(spot.sockets));
        let cell = ((at.x / NEAR).floor() as i32, (at.y / NEAR).floor() as i32);
        let beside = (-1..=1).flat_map(|x| (-1..=1).map(move |y| (cell.0.saturating_add(x), cell.1.saturating_add(y))));
        let near = beside
            .filter_map(|cell| cells.get(&cell))
            .flatten()
            .copied()
            .find(|cluster| clusters.get(*cluster).is_some_and(|it| it.at.distance(at) < NEAR));
        match near.and_then(|near| clusters.get_mut(near)) {
            Some(cluster) => {
                cluster.members.push(index);
                cluster.sockets += sockets;
            }
            None => {
                cells.entry(cell).or_default().push(clusters.len());
                clusters.push(Cluster { at, radius: 0.0, members: vec![index], sockets });
            }
        }
    }
    for cluster in &mut clusters {
        cluster.radius = (2.5 + (cluster.sockets as f32).max(1.0).ln() * 1.7).min(18.0);
    }
    clusters
}

#[cfg(test)]
mod tests {
    use eframe::egui::pos2;
    use proptest::prelude::*;
    use sockscope_live::SpotKey;

    use super::*;

    proptest! {
        #[test]
        fn every_place_is_in_one_cluster(places in proptest::collection::vec((-50f32..500.0, -50f32..500.0, 1u32..1000), 0..80)) {
            let spots: Vec<Spot> = places
                .iter()
                .map(|(.., sockets)| Spot { key: SpotKey::Unknown, label: String::new(), sockets: *sockets, rate: 0 })
                .collect();
            let placed = places.iter().enumerate().map(|(index, (x, y, _))| (index, pos2(*x, *y)));
            let clusters = clusters(&spots, placed);
            let mut members: Vec<usize> = clusters.iter().flat_map(|cluster| cluster.members.clone()).collect();
            members.sort_unstable();
            prop_assert_eq!(members, (0..places.len()).collect::<Vec<_>>());
            let sockets: u64 = clusters.iter().map(|cluster| cluster.sockets).sum();
            prop_assert_eq!(sockets, spots.iter().map(|spot| u64::from(spot.sockets)).sum::<u64>());
            for (index, one) in clusters.iter().enumerate() {
                for other in &clusters[index + 1..] {
                    prop_assert!(one.at.distance(other.at) >= NEAR);
                }
            }
        }
    }

    #[test]
    fn what_is_no_place_is_left_out() {
        let spot = Spot { key: SpotKey::Unknown, label: String::new(), sockets: 1, rate: 0 };
        let placed = [(0, pos2(f32::NAN, 1.0)), (0, pos2(f32::INFINITY, 1.0))];
        assert_eq!(clusters(&[spot], placed.into_iter()), []);
    }
}
