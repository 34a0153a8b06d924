use eframe::egui::{Pos2, Rect, Vec2};

/// Which part of the world is seen: degrees are as long in every direction (plate carrée).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MapView {
    /// Longitude and latitude in the middle.
    pub(crate) centre: [f32; 2],
    /// 1: the whole world fits.
    pub(crate) zoom: f32,
}

/// Nobody lives beyond: latitudes that are shown.
const SOUTH: f32 = -58.0;
const NORTH: f32 = 82.0;

/// Beyond, coasts are no more than corners.
const NEAREST: f32 = 64.0;

impl Default for MapView {
    fn default() -> MapView {
        MapView { centre: [0.0, (NORTH + SOUTH) / 2.0], zoom: 1.0 }
    }
}

impl MapView {
    /// Points on the screen for each degree.
    pub(crate) fn scale(&self, area: Rect) -> f32 {
        let whole = (area.width() / 360.0).min(area.height() / (NORTH - SOUTH));
        (whole * self.zoom).max(1e-3)
    }

    /// Where a point of the globe is on the screen.
    pub(crate) fn project(&self, area: Rect, longitude: f32, latitude: f32) -> Pos2 {
        let scale = self.scale(area);
        let [x, y] = self.centre;
        area.center() + Vec2::new((longitude - x) * scale, (y - latitude) * scale)
    }

    /// Which point of the globe is there.
    pub(crate) fn unproject(&self, area: Rect, at: Pos2) -> [f32; 2] {
        let scale = self.scale(area);
        let [x, y] = self.centre;
        let from = at - area.center();
        [x + from.x / scale, y - from.y / scale]
    }

    /// Nearer or farther; what is at that point stays there.
    pub(crate) fn zoom_about(&mut self, area: Rect, at: Pos2, factor: f32) {
        if !factor.is_finite() || factor <= 0.0 {
            return;
        }
        let [longitude, latitude] = self.unproject(area, at);
        self.zoom = (self.zoom * factor).clamp(1.0, NEAREST);
        let now = self.project(area, longitude, latitude);
        self.pan(area, at - now);
    }

    /// Moves what is seen.
    pub(crate) fn pan(&mut self, area: Rect, by: Vec2) {
        let scale = self.scale(area);
        let [x, y] = self.centre;
        self.centre = [x - by.x / scale, y + by.y / scale];
        self.settle(area);
    }

    /// The world does not leave the screen.
    pub(crate) fn settle(&mut self, area: Rect) {
        let scale = self.scale(area);
        let clamp = |value: f32, low: f32, high: f32, room: f32| {
            let (low, high) = (low + room, high - room);
            if low < high && value.is_finite() { value.clamp(low, high) } else { f32::midpoint(low, high) }
        };
        let [x, y] = self.centre;
        self.centre =
            [clamp(x, -180.0, 180.0, area.width() / scale / 2.0), clamp(y, SOUTH, NORTH, area.height() / scale / 2.0)];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use eframe::egui::pos2;

    use super::*;

    fn world(view: &MapView, area: Rect) -> Rect {
        Rect::from_min_max(view.project(area, -180.0, NORTH), view.project(area, 180.0, SOUTH))
    }

    fn area() -> impl Strategy<Value = Rect> {
        (1.0f32..3000.0, 1.0f32..3000.0)
            .prop_map(|(width, height)| Rect::from_min_size(pos2(10.0, 20.0), Vec2::new(width, height)))
    }

    proptest! {
        #[test]
        fn there_and_back(area in area(), longitude in -180f32..180.0, latitude in -90f32..90.0, zoom in 1f32..64.0) {
            let view = MapView { centre: [longitude / 2.0, latitude / 2.0], zoom };
            let at = view.project(area, longitude, latitude);
            let [x, y] = view.unproject(area, at);
            prop_assert!((x - longitude).abs() < 0.05 && (y - latitude).abs() < 0.05, "{x} {y}");
        }

        #[test]
        fn the_world_stays_in_sight(area in area(), moves in proptest::collection::vec((0.1f32..10.0, -5000f32..5000.0, -5000f32..5000.0), 0..20)) {
            let mut view = MapView::default();
            for (factor, x, y) in moves {
                view.zoom_about(area, pos2(x, y), factor);
                view.pan(area, Vec2::new(x, y));
                prop_assert!((1.0..=64.0).contains(&view.zoom));
                prop_assert!(world(&view, area).intersects(area), "{view:?}");
            }
        }

        #[test]
        fn what_is_under_the_pointer_stays_there(x in 0.3f32..0.7, y in 0.3f32..0.7, factor in 1.0f32..8.0) {
            let area = Rect::from_min_size(pos2(0.0, 0.0), Vec2::new(720.0, 280.0));
            let at = pos2(720.0 * x, 280.0 * y);
            let mut view = MapView::default();
            let before = view.unproject(area, at);
            view.zoom_about(area, at, factor);
            let after = view.unproject(area, at);
            prop_assert!((before[0] - after[0]).abs() < 0.1 && (before[1] - after[1]).abs() < 0.1, "{before:?} {after:?}");
        }
    }
}
