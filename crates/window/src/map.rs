//! The map: a dot for each place where peers are, as large as there are sockets, and beside it what is nowhere.

/// Dots that would lie upon one another.
mod clusters;
mod projection;
/// Coasts, borders, and where countries are.
mod world;

use eframe::egui::{
    self, Align2, Color32, CornerRadius, Key, Modifiers, Rect, Response, Role, Sense, Shape, Stroke, TextStyle, Ui,
    Vec2, WidgetInfo, pos2,
};
use sockscope_live::{Spot, SpotKey};
use sockscope_model::Value;
use sockscope_output::push_human;

use crate::app::App;
use crate::words::Words;
use clusters::{Cluster, clusters};
pub(crate) use projection::MapView;
use world::World;

/// What is kept of the map from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct MapState {
    pub(crate) view: MapView,
    /// Coasts and borders as they are drawn, and for which view.
    drawn: Option<(MapView, Rect, bool, Vec<Shape>)>,
    /// The places that were clicked last.
    pub(crate) chosen: Vec<SpotKey>,
}

/// What was done on the map.
enum Act {
    Choose(Vec<SpotKey>, bool),
    Nothing,
}

/// So many places can be reached by keyboard.
const REACHABLE: usize = 200;

impl App {
    pub(crate) fn map(&mut self, ui: &mut Ui) {
        let area = ui.available_rect_before_wrap();
        if area.width() < 40.0 || area.height() < 40.0 {
            return;
        }
        let words = self.words;
        let id = egui::Id::unique("map");
        ui.advance_cursor_after_rect(area);
        let response = ui.interact(area, id, Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words.map));
        self.move_map(ui, &response, area);
        let painter = ui.painter_at(area);
        painter.rect_filled(area, CornerRadius::ZERO, sea(ui));
        painter.extend(self.outlines(ui, area));
        let Some(arrangement) = self.arrangement.clone() else { return };
        let world = World::get();
        let view = self.map.view;
        let mut placed = Vec::new();
        let mut specials = Vec::new();
        for (index, spot) in arrangement.spots.iter().enumerate() {
            let at = match &spot.key {
                SpotKey::Country(code) => world.centre(code),
                key => key.coordinates(),
            };
            match at {
                Some(at) => placed.push((index, view.project(area, at.longitude as f32, at.latitude as f32))),
                None => specials.push(spot),
            }
        }
        let subject = self.subject.as_ref().and_then(|held| SpotKey::of(&held.row()));
        let is_chosen = |key: &SpotKey| self.map.chosen.contains(key) || subject.as_ref() == Some(key);
        let spots = &arrangement.spots;
        let mut act = Act::Nothing;
        let seen = placed.into_iter().filter(|(_, at)| area.expand(20.0).contains(*at));
        let all = clusters(spots, seen);
        // The lightest last to be drawn, so that they are seen upon the heavier ones.
        for (index, cluster) in all.iter().enumerate() {
            let keys = || cluster.members.iter().filter_map(|member| Some(&spots.get(*member)?.key));
            let chosen = keys().any(&is_chosen);
            dot(ui, &painter, cluster, chosen, keys().all(|key| matches!(key, SpotKey::Country(_))));
            if index >= REACHABLE {
                continue;
            }
            let size = Vec2::splat((cluster.radius * 2.0).max(12.0));
            let rect = Rect::from_center_size(cluster.at, size).intersect(area);
            if !rect.is_positive() {
                continue;
            }
            let label = cluster_label(words, cluster, spots);
            let first = keys().next().map(sockscope_live::digest);
            let response = ui.interact(rect, id.with(first), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
            if response.hovered() || response.has_focus() {
                painter.circle_stroke(
                    cluster.at,
                    cluster.radius + 2.0,
                    Stroke::new(1.5, ui.visuals().strong_text_color()),
                );
            }
            let response = response.on_hover_text(&label);
            if response.clicked() {
                act = Act::Choose(keys().cloned().collect(), ui.input(|input| input.modifiers.command));
            }
        }
        if let Some(keys) = special_box(ui, area, words, &specials, &is_chosen) {
            act = Act::Choose(keys, ui.input(|input| input.modifiers.command));
        }
        match act {
            Act::Choose(keys, add) => self.choose_on_map(keys, add),
            Act::Nothing if response.clicked() => self.map.chosen.clear(),
            Act::Nothing => {}
        }
    }

    /// Selects the sockets whose peers are there.
    fn choose_on_map(&mut self, keys: Vec<SpotKey>, add: bool) {
        let Some(arrangement) = self.arrangement.clone() else { return };
        if !add {
            self.map.chosen.clear();
        }
        let sockets = arrangement.at(&keys);
        self.map.chosen.extend(keys);
        if let Some(first) = self.selection.select(&arrangement, sockets.into_iter(), add) {
            self.scroll_to = Some(first);
        }
    }

    /// Wheel, pinch, double click and keys zoom; dragging and arrows move.
    fn move_map(&mut self, ui: &Ui, response: &Response, area: Rect) {
        let view = &mut self.map.view;
        if response.dragged() {
            view.pan(area, response.drag_delta());
        }
        if response.contains_pointer()
            && let Some(at) = ui.input(|input| input.pointer.hover_pos())
        {
            let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
            let factor = pinch * (scroll / 200.0).exp();
            if (factor - 1.0).abs() > 1e-4 {
                view.zoom_about(area, at, factor);
            }
            if response.double_clicked() {
                view.zoom_about(area, at, 2.0);
            }
        }
        if response.has_focus() {
            let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
            let steps = [
                (Key::ArrowLeft, Vec2::new(60.0, 0.0)),
                (Key::ArrowRight, Vec2::new(-60.0, 0.0)),
                (Key::ArrowUp, Vec2::new(0.0, 60.0)),
                (Key::ArrowDown, Vec2::new(0.0, -60.0)),
            ];
            for (key, by) in steps {
                if pressed(key) {
                    view.pan(area, by);
                }
            }
            if pressed(Key::Plus) || pressed(Key::Equals) {
                view.zoom_about(area, area.center(), 1.5);
            }
            if pressed(Key::Minus) {
                view.zoom_about(area, area.center(), 1.0 / 1.5);
            }
            if pressed(Key::Home) || pressed(Key::Num0) {
                *view = MapView::default();
            }
            ui.memory_mut(|memory| {
                let filter = egui::EventFilter {
                    horizontal_arrows: true,
                    vertical_arrows: true,
                    ..egui::EventFilter::default()
                };
                memory.set_focus_lock_filter(response.id, filter);
            });
        }
        view.settle(area);
    }

    /// Coasts and borders. They are made anew only when another part of the world is seen.
    fn outlines(&mut self, ui: &Ui, area: Rect) -> Vec<Shape> {
        let view = self.map.view;
        let dark = ui.visuals().dark_mode;
        if let Some((of, of_area, of_dark, shapes)) = &self.map.drawn
            && (*of, *of_area, *of_dark) == (view, area, dark)
        {
            return shapes.clone();
        }
        let coast = Stroke::new(1.0, ui.visuals().weak_text_color());
        let border = Stroke::new(0.6, ui.visuals().weak_text_color().gamma_multiply(0.5));
        let mut shapes = Vec::new();
        for line in &World::get().lines {
            let mut points: Vec<egui::Pos2> = Vec::with_capacity(line.points.len());
            let mut bounds = Rect::NOTHING;
            let last = line.points.len().saturating_sub(1);
            for (index, [longitude, latitude]) in line.points.iter().enumerate() {
                let point = view.project(area, *longitude, *latitude);
                bounds.extend_with(point);
                // What is nearer than that can't be told apart.
                if index == last || points.last().is_none_or(|before| before.distance_sq(point) > 2.0) {
                    points.push(point);
                }
            }
            if points.len() > 1 && bounds.intersects(area) {
                shapes.push(Shape::line(points, if line.is_border { border } else { coast }));
            }
        }
        self.map.drawn = Some((view, area, dark, shapes.clone()));
        shapes
    }
}

fn sea(ui: &Ui) -> Color32 {
    if ui.visuals().dark_mode { Color32::from_rgb(18, 24, 32) } else { Color32::from_rgb(236, 243, 249) }
}

fn dot(ui: &Ui, painter: &egui::Painter, cluster: &Cluster, chosen: bool, is_country: bool) {
    let visuals = ui.visuals();
    let color = if chosen { visuals.warn_fg_color } else { visuals.hyperlink_color };
    painter.circle_filled(cluster.at, cluster.radius, color.gamma_multiply(if is_country { 0.35 } else { 0.6 }));
    painter.circle_stroke(cluster.at, cluster.radius, Stroke::new(1.2, color));
}

/// `Germany: 12 sockets, 3.4MB/s`.
fn cluster_label(words: &Words, cluster: &Cluster, spots: &[Spot]) -> String {
    let mut names: Vec<&str> = Vec::new();
    let (mut sockets, mut rate) = (0u64, 0u64);
    for spot in cluster.members.iter().filter_map(|member| spots.get(*member)) {
        sockets += u64::from(spot.sockets);
        rate = rate.saturating_add(spot.rate);
        if !names.contains(&spot.label.as_str()) {
            names.push(&spot.label);
        }
    }
    let more = names.len().saturating_sub(5);
    names.truncate(5);
    let mut label = names.join(", ");
    if more > 0 {
        label.push_str(&format!(" +{more}"));
    }
    label.push_str(": ");
    label.push_str(&weight(words, sockets, rate));
    label
}

fn weight(words: &Words, sockets: u64, rate: u64) -> String {
    let mut text = words.with(words.n_sockets, &[&sockets.to_string()]);
    if rate > 0 {
        text.push_str(", ");
        push_human(&mut text, &Value::Bytes(rate));
        text.push_str("/s");
    }
    text
}

/// What is nowhere, in a corner of its own; returns what was clicked.
fn special_box(
    ui: &mut Ui,
    area: Rect,
    words: &Words,
    specials: &[&Spot],
    is_chosen: &impl Fn(&SpotKey) -> bool,
) -> Option<Vec<SpotKey>> {
    const SHOWN: usize = 6;
    let mut chosen = None;
    let font = TextStyle::Small.resolve(ui.style());
    let height = ui.text_style_height(&TextStyle::Small) + 3.0;
    let shown = specials.iter().take(SHOWN);
    let count = specials.len().min(SHOWN);
    let mut y = area.bottom() - height * count as f32 - 4.0;
    for spot in shown {
        let name = if spot.key == SpotKey::Unknown { words.unknown_place } else { spot.label.as_str() };
        let label = format!("{name}: {}", weight(words, spot.sockets.into(), spot.rate));
        let galley = ui.fonts_mut(|fonts| fonts.layout_no_wrap(label.clone(), font.clone(), ui.visuals().text_color()));
        let rect = Rect::from_min_size(pos2(area.left() + 4.0, y), Vec2::new(galley.size().x + 8.0, height));
        let id = egui::Id::unique("map").with(("special", sockscope_live::digest(&spot.key)));
        let response = ui.interact(rect, id, Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
        let visuals = ui.visuals();
        let fill = if is_chosen(&spot.key) {
            visuals.selection.bg_fill
        } else if response.hovered() || response.has_focus() {
            visuals.widgets.hovered.bg_fill
        } else {
            visuals.window_fill().gamma_multiply(0.8)
        };
        ui.painter().rect_filled(rect, CornerRadius::same(3), fill);
        ui.painter().text(
            pos2(rect.left() + 4.0, rect.center().y),
            Align2::LEFT_CENTER,
            &label,
            font.clone(),
            visuals.text_color(),
        );
        if response.clicked() {
            chosen = Some(vec![spot.key.clone()]);
        }
        y += height;
    }
    chosen
}
