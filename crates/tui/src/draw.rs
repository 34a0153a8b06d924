//! What is on the screen: only what can be seen is ever made into text.

/// The details of one socket.
mod details;
/// The lines above and below the table.
mod frame;
/// What groups are called.
/// How much room each column gets.
mod layout;
/// Pages of text, lists, questions.
mod pages;
/// The lines of the table.
mod table;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
pub(crate) use sockscope_output::{cut, width};
use unicode_width::UnicodeWidthChar;

use crate::app::{App, Mode};

pub(crate) use layout::Widths;

/// Which lines of the screen are whose.
struct Areas {
    title: Option<u16>,
    totals: Option<u16>,
    views: Option<u16>,
    body: Rect,
    footer: Option<u16>,
}

impl Areas {
    /// What is dropped first where there are few lines: the totals, the views, the title, the footer.
    fn of(area: Rect) -> Areas {
        let height = area.height;
        let (title, views, totals, footer) = (height >= 5, height >= 7, height >= 9, height >= 3);
        let mut next = area.y;
        let mut take = |wanted: bool| {
            wanted.then(|| {
                next += 1;
                next - 1
            })
        };
        let (title, totals, views) = (take(title), take(totals), take(views));
        let top = next;
        let bottom = area.y + height;
        let footer = footer.then(|| bottom.saturating_sub(1));
        let end = footer.unwrap_or(bottom);
        let body = Rect { x: area.x, y: top, width: area.width, height: end.saturating_sub(top) };
        Areas { title, totals, views, body, footer }
    }
}

impl App {
    /// Draws what can be seen.
    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        self.regions = crate::app::Regions::default();
        if area.width == 0 || area.height == 0 {
            return;
        }
        let areas = Areas::of(area);
        let buffer = frame.buffer_mut();
        if let Some(y) = areas.title {
            self.draw_title(buffer, line(area, y));
        }
        if let Some(y) = areas.totals {
            self.draw_totals(buffer, line(area, y));
        }
        if let Some(y) = areas.views {
            self.draw_views(buffer, line(area, y));
        }
        match &self.mode {
            Mode::Table | Mode::Filter(_) | Mode::Menu(_) => self.draw_table(buffer, areas.body),
            Mode::Ask(question) if question.details.is_none() => self.draw_table(buffer, areas.body),
            Mode::Ask(_) | Mode::Details(_) => self.draw_details(buffer, areas.body),
            Mode::Help(_) => self.draw_help(buffer, areas.body),
            Mode::Notices(_) => self.draw_notices(buffer, areas.body),
        }
        match &self.mode {
            Mode::Menu(_) => self.draw_menu(buffer, areas.body),
            Mode::Ask(_) => self.draw_question(buffer, areas.body),
            Mode::Filter(_) => self.draw_filter_error(buffer, areas.body),
            _ => {}
        }
        let cursor = match areas.footer {
            Some(y) => self.draw_footer(buffer, line(area, y)),
            None => None,
        };
        if let Some(cursor) = cursor {
            frame.set_cursor_position(cursor);
        }
    }
}

fn line(area: Rect, y: u16) -> Rect {
    Rect { y, height: 1, ..area }
}

/// Cuts the beginning instead: of an address, the port matters most.
pub(crate) fn cut_front(text: &mut String, room: usize) {
    if width(text) <= room {
        return;
    }
    let mut taken = 0;
    let start = text.char_indices().rev().find_map(|(position, character)| {
        taken += character.width().unwrap_or(0);
        (taken + 1 > room).then_some(position + character.len_utf8())
    });
    text.replace_range(..start.unwrap_or(0), if room > 0 { "…" } else { "" });
}

/// Writes text at a place, at most to the right edge of `area`; returns where it ends.
fn put(buffer: &mut Buffer, area: Rect, x: u16, text: &str, style: Style) -> u16 {
    if x >= area.right() || area.height == 0 {
        return x;
    }
    let (end, _) = buffer.set_stringn(x, area.y, text, usize::from(area.right() - x), style);
    end
}

/// Gives a whole line a style and nothing else.
fn fill(buffer: &mut Buffer, area: Rect, style: Style) {
    buffer.set_style(area.intersection(buffer.area), style);
}

/// Blanks an area.
fn clear(buffer: &mut Buffer, area: Rect) {
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bars for values, the highest being the largest.
fn bars(values: impl Iterator<Item = u64> + Clone) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.clone().max().unwrap_or(0).max(1);
    values
        .map(|value| {
            if value == 0 {
                return ' ';
            }
            let level = u128::from(value) * (BARS.len() as u128 - 1) / u128::from(most);
            usize::try_from(level).ok().and_then(|level| BARS.get(level)).copied().unwrap_or(' ')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_either_end() {
        let cut = |text: &str, room| {
            let mut text = text.to_owned();
            super::cut(&mut text, room);
            text
        };
        assert_eq!(
            (cut("abc", 3), cut("abcd", 3), cut("中文字", 4), cut("a", 0)),
            ("abc".into(), "ab…".into(), "中…".into(), String::new())
        );
        let front = |text: &str, room| {
            let mut text = text.to_owned();
            cut_front(&mut text, room);
            text
        };
        assert_eq!(
            (front("10.0.0.5:443", 6), front("中文字", 4), front("ab", 2), front("ab", 0)),
            ("…5:443".into(), "…字".into(), "ab".into(), String::new())
        );
    }

    #[test]
    fn numbers_and_bars_can_be_read() {
        assert_eq!((grouped(7), grouped(1_234), grouped(1_234_567)), ("7".into(), "1,234".into(), "1,234,567".into()));
        assert_eq!(bars([0, 1, 50, 100, u64::MAX].into_iter()), " ▁▁▁█");
        assert_eq!(bars([0, 1, 4, 8].into_iter()), " ▁▄█");
    }
}
