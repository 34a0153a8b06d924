use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use sockscope_model::{State, Value};
use sockscope_output::{clean, push_human};

use super::{bars, cut, fill, grouped, put, width};
use crate::app::{App, Mode};
use sockscope_live::{Totals, View, cells::push_rate};

impl App {
    pub(super) fn draw_title(&self, buffer: &mut Buffer, area: Rect) {
        let (bar, strong) = (self.theme.bar(), self.theme.bar_strong());
        fill(buffer, area, bar);
        let mut x = put(buffer, area, area.x, "sockscope top", strong);
        // From the right: what must be seen first.
        let mut right: Vec<(String, Style)> = Vec::new();
        if self.paused {
            right.push((" PAUSED ".to_owned(), self.theme.warning()));
        }
        if let Some(failure) = &self.failure {
            let mut text = format!(" {} ", clean(failure));
            cut(&mut text, usize::from(area.width) / 2);
            right.push((text, self.theme.error()));
        }
        right.push((format!(" {}", self.interval_text()), bar));
        match self.notice_count() {
            0 => {}
            1 => right.push((" ! 1 notice".to_owned(), self.theme.warning())),
            count => right.push((format!(" ! {count} notices"), self.theme.warning())),
        }
        if let Some(frame) = self.frame() {
            let source = frame.snapshot.sources.first().map_or("", |source| source.name);
            right.push((format!("  {}", clean(source)), bar));
            right.push((format!("  {}", time(frame.snapshot.taken.as_micros())), bar));
        }
        let room = usize::from(area.right().saturating_sub(x)).saturating_sub(1);
        let mut taken = 0;
        right.retain(|(text, _)| {
            let fits = taken + width(text) <= room;
            taken += if fits { width(text) } else { 0 };
            fits
        });
        if let Some(frame) = self.frame() {
            let mut host = format!("  {}", clean(&frame.snapshot.host));
            cut(&mut host, room.saturating_sub(taken));
            x = put(buffer, area, x, &host, bar);
        }
        let mut x = area.right().saturating_sub(u16::try_from(taken).unwrap_or(u16::MAX)).max(x);
        for (text, style) in right {
            x = put(buffer, area, x, &text, style);
        }
    }

    /// How often it looks, and why it does so less often than it was told.
    fn interval_text(&self) -> String {
        let asked = self.interval;
        match &self.arrangement {
            Some(it) if it.look.interval > asked => {
                format!("every {} (a look takes {})", seconds(it.look.interval), seconds(it.look.pass))
            }
            _ => format!("every {}", seconds(asked)),
        }
    }

    pub(super) fn draw_totals(&self, buffer: &mut Buffer, area: Rect) {
        let Some(arrangement) = &self.arrangement else { return };
        let totals = &arrangement.totals;
        let mut parts: Vec<(String, Style)> = Vec::new();
        let count = if totals.sockets == totals.all {
            format!("{} sockets", grouped(totals.all.into()))
        } else {
            format!("{} of {}", grouped(totals.sockets.into()), grouped(totals.all.into()))
        };
        parts.push((count, self.theme.bold()));
        for (name, number, style) in self.states(totals) {
            parts.push((format!("{} {name}", grouped(number.into())), style));
        }
        let mut rates = String::from("in ");
        push_rate(&mut rates, Some(totals.receiving));
        rates.push_str("/s out ");
        push_rate(&mut rates, Some(totals.sending));
        rates.push_str("/s");
        let mut right = rates;
        let bars_room = usize::from(area.width / 8).min(30);
        let skipped = arrangement.rates.len().saturating_sub(bars_room);
        let latest = arrangement.rates.iter().skip(skipped);
        let trend = bars(latest.map(|(sent, received)| sent.saturating_add(*received)));
        let mut x = area.x;
        let right_width = width(&right) + 1 + width(&trend);
        let room = usize::from(area.width);
        let mut taken = 0;
        for (text, style) in parts {
            let next = taken + width(&text) + 2;
            if next > room {
                break;
            }
            x = put(buffer, area, x, &text, style);
            x = put(buffer, area, x, "  ", Style::new());
            taken = next;
        }
        if taken + right_width > room {
            return;
        }
        let start = area.right().saturating_sub(u16::try_from(right_width).unwrap_or(u16::MAX));
        right.push(' ');
        let x = put(buffer, area, start, &right, Style::new());
        put(buffer, area, x, &trend, self.theme.trend());
    }

    fn states(&self, totals: &Totals) -> Vec<(&'static str, u32, Style)> {
        let mut other = totals.sockets.saturating_sub(totals.udp);
        let mut states = Vec::new();
        for (state, name) in [
            (State::Listen, "listen"),
            (State::Established, "estab"),
            (State::TimeWait, "time-wait"),
            (State::CloseWait, "close-wait"),
            (State::SynSent, "syn-sent"),
        ] {
            let place = State::NAMED.iter().position(|named| *named == state);
            let count = place.and_then(|place| totals.states.get(place)).copied().unwrap_or(0);
            other = other.saturating_sub(count);
            if count > 0 {
                states.push((name, count, self.theme.state(state)));
            }
        }
        if other > 0 {
            states.push(("other", other, self.theme.dim()));
        }
        if totals.udp > 0 {
            states.push(("udp", totals.udp, Style::new()));
        }
        states
    }

    pub(super) fn draw_views(&mut self, buffer: &mut Buffer, area: Rect) {
        let asked = self.remembered.view;
        let names: Vec<(View, String)> =
            (1..).zip(View::ALL).map(|(number, view)| (view, format!(" {number} {} ", view.title()))).collect();
        let whole: usize = names.iter().map(|(_, name)| width(name)).sum();
        let is_narrow = whole + 16 > usize::from(area.width);
        let mut x = area.x;
        for (number, (view, name)) in (1..).zip(names) {
            // Where room is short, the others are their numbers.
            let name = if is_narrow && view != asked { format!(" {number} ") } else { name };
            let style = if view == asked { self.theme.chosen() } else { self.theme.dim() };
            let end = put(buffer, area, x, &name, style);
            let region = Rect { x, y: area.y, width: end.saturating_sub(x), height: 1 };
            self.regions.views.push((region, view));
            x = end;
        }
        if let Some((_, _, label)) = &self.within {
            x = put(buffer, area, x, " › ", self.theme.dim());
            x = put(buffer, area, x, label, self.theme.bold());
        }
        let mut filter = self.fixed.0.clone();
        if !filter.is_empty() && !self.filter.0.is_empty() {
            filter.push_str(" and ");
        }
        filter.push_str(&self.filter.0);
        if !filter.is_empty() && x + 4 < area.right() {
            x = put(buffer, area, x, " / ", self.theme.key());
            let mut filter = clean(&filter).into_owned();
            cut(&mut filter, usize::from(area.right() - x));
            put(buffer, area, x, &filter, self.theme.bold());
        }
    }

    /// What is typed, what was done, or what can be; returns where the terminal's cursor belongs.
    pub(super) fn draw_footer(&self, buffer: &mut Buffer, area: Rect) -> Option<Position> {
        if let Mode::Filter(filter) = &self.mode {
            let x = put(buffer, area, area.x, "/", self.theme.key());
            let (before, after) = filter.edit.halves();
            let (mut before, mut after) = (clean(before).into_owned(), clean(after).into_owned());
            let room = usize::from(area.right().saturating_sub(x)).saturating_sub(1);
            super::cut_front(&mut before, room);
            cut(&mut after, room.saturating_sub(width(&before)));
            let cursor = put(buffer, area, x, &before, Style::new());
            put(buffer, area, cursor, &after, Style::new());
            return Some(Position::new(cursor.min(area.right().saturating_sub(1)), area.y));
        }
        if let Some(message) = &self.message {
            let style = if message.is_error { self.theme.error() } else { self.theme.bold() };
            let mut text = clean(&message.text).into_owned();
            cut(&mut text, usize::from(area.width));
            put(buffer, area, area.x, &text, style);
            return None;
        }
        let hints: &[(&str, &str)] = match &self.mode {
            Mode::Help(_) | Mode::Notices(_) => &[("Esc", "back"), ("j k", "scroll"), ("q", "quit")],
            Mode::Details(_) => {
                &[("Esc", "back"), ("x", "close"), ("K", "kill"), ("y", "copy"), ("?", "help"), ("q", "quit")]
            }
            Mode::Menu(menu) if menu.kind == crate::app::MenuKind::Columns => {
                &[("Space", "show, hide"), ("J K", "move"), ("d", "defaults"), ("Esc", "back")]
            }
            Mode::Menu(_) => &[("Enter", "sort by it"), ("Esc", "back")],
            Mode::Ask(_) => &[("Esc", "no")],
            _ => &[
                ("?", "help"),
                ("/", "filter"),
                ("s", "sort"),
                ("Enter", "open"),
                ("c", "columns"),
                ("p", "pause"),
                ("x", "close"),
                ("K", "kill"),
                ("y", "copy"),
                ("q", "quit"),
            ],
        };
        let needed: usize = hints.iter().map(|(key, what)| width(key) + width(what) + 3).sum();
        let mut x = area.x;
        for (index, (key, what)) in hints.iter().enumerate() {
            // Where room is short, the first and the last say the most.
            let left = usize::from(area.right().saturating_sub(x));
            let is_last = index + 1 == hints.len();
            if needed > usize::from(area.width) && !is_last && left < width(key) + width(what) + 3 + 8 {
                continue;
            }
            x = put(buffer, area, x, key, self.theme.key());
            x = put(buffer, area, x, " ", Style::new());
            x = put(buffer, area, x, what, Style::new());
            x = put(buffer, area, x, "  ", Style::new());
        }
        None
    }
}

/// `1s`, `200ms`.
fn seconds(duration: Duration) -> String {
    let mut text = String::new();
    push_human(&mut text, &Value::Micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)));
    text
}

/// The time of day, UTC.
fn time(micros: i64) -> String {
    let second = micros.div_euclid(1_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}
