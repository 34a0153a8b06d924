use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use sockscope_output::clean;

use super::{clear, cut, fill, put, width};
use crate::app::{App, KEYS, MenuKind, Mode};
use sockscope_live::Shown;

/// A line of a page: pieces of text.
pub(super) type Text = Vec<(String, Style)>;

impl App {
    /// Draws lines from `top` on, as far as they fit; returns the first that is drawn, so that nobody scrolls past the end.
    pub(super) fn draw_page(&mut self, buffer: &mut Buffer, area: Rect, lines: &[Text], top: usize) -> usize {
        self.page = usize::from(area.height).max(1);
        let top = top.min(lines.len().saturating_sub(self.page));
        for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(top)) {
            let area = Rect { y, height: 1, ..area };
            let mut x = area.x;
            for (text, style) in line {
                x = put(buffer, area, x, text, *style);
            }
        }
        let below = lines.len().saturating_sub(top + self.page);
        if below > 0 {
            let text = format!(" ↓ {below} more ");
            let x = area.right().saturating_sub(u16::try_from(width(&text)).unwrap_or(u16::MAX)).max(area.x);
            let last = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
            put(buffer, last, x, &text, self.theme.chosen());
        }
        top
    }

    pub(super) fn draw_help(&mut self, buffer: &mut Buffer, area: Rect) {
        let mut lines: Vec<Text> = Vec::new();
        let longest = KEYS.iter().flat_map(|(_, keys)| keys.iter()).map(|(key, _)| width(key)).max().unwrap_or(0);
        let is_narrow = usize::from(area.width) < longest + 30;
        for (title, keys) in KEYS {
            if !lines.is_empty() {
                lines.push(Vec::new());
            }
            lines.push(vec![((*title).to_owned(), self.theme.titles())]);
            for (key, what) in *keys {
                if is_narrow {
                    lines.push(vec![(format!(" {key}"), self.theme.key())]);
                    lines.extend(wrapped(what, usize::from(area.width), "   "));
                } else {
                    lines.push(vec![
                        (format!("  {key:<longest$}  "), self.theme.key()),
                        ((*what).to_owned(), Style::new()),
                    ]);
                }
            }
        }
        lines.push(Vec::new());
        lines.push(vec![("Marks".to_owned(), self.theme.titles())]);
        for (mark, what) in [
            ("+", "new since the last look (green)"),
            ("~", "changed: state, addresses or owner (yellow)"),
            ("-", "gone; the line leaves at the next look (red)"),
        ] {
            lines.push(vec![(format!("  {mark} "), self.theme.key()), (what.to_owned(), Style::new())]);
        }
        lines.push(Vec::new());
        lines.extend(wrapped(
            "Filters are those of the command line: sockscope help filter.",
            usize::from(area.width),
            "",
        ));
        let Mode::Help(top) = self.mode else { return };
        let top = self.draw_page(buffer, area, &lines, top);
        self.mode = Mode::Help(top);
    }

    pub(super) fn draw_notices(&mut self, buffer: &mut Buffer, area: Rect) {
        let mut lines: Vec<Text> = vec![vec![("Notices".to_owned(), self.theme.titles())]];
        let room = usize::from(area.width);
        let notices = self.notices();
        for notice in &notices {
            lines.push(vec![(notice.code.to_owned(), self.theme.warning())]);
            lines.extend(wrapped(&clean(&notice.message), room, "  "));
        }
        if let Some(failure) = &self.failure {
            lines.push(vec![("the latest look failed".to_owned(), self.theme.error())]);
            lines.extend(wrapped(&clean(failure), room, "  "));
        }
        if notices.is_empty() && self.failure.is_none() {
            lines.push(vec![("  nothing is missing".to_owned(), Style::new())]);
        }
        if let Some(frame) = self.frame() {
            let attributions: Vec<&str> = frame.databases.iter().filter_map(|it| it.attribution).collect();
            for attribution in attributions {
                lines.push(vec![(format!("places: {attribution}"), self.theme.dim())]);
            }
        }
        let Mode::Notices(top) = self.mode else { return };
        let top = self.draw_page(buffer, area, &lines, top);
        self.mode = Mode::Notices(top);
    }

    pub(super) fn draw_menu(&mut self, buffer: &mut Buffer, area: Rect) {
        let view = self.view();
        let (shown, _) = self.columns(view);
        let sort = self.sort();
        let Mode::Menu(menu) = &mut self.mode else { return };
        let describe = |column: Shown| format!("{:<22} {}", column.name(), column.description());
        let entries: Vec<String> = match menu.kind {
            MenuKind::Columns => {
                let sign = |column: &Shown| if shown.contains(column) { "[x]" } else { "[ ]" };
                menu.entries.iter().map(|column| format!("{} {}", sign(column), describe(*column))).collect()
            }
            MenuKind::Orders => {
                let sign = |is: bool| {
                    if !is {
                        " "
                    } else if sort.descending {
                        "▼"
                    } else {
                        "▲"
                    }
                };
                let usual = format!("{} {:<22} {}", sign(sort.by.is_none()), "(usual)", "the order that nobody chose");
                let columns = menu
                    .entries
                    .iter()
                    .map(|column| format!("{} {}", sign(sort.by == Some(*column)), describe(*column)));
                std::iter::once(usual).chain(columns).collect()
            }
        };
        let title = match menu.kind {
            MenuKind::Columns => "Columns",
            MenuKind::Orders => "Sort by",
        };
        let longest = entries.iter().map(|entry| width(entry)).max().unwrap_or(0);
        let inner = boxed(buffer, area, title, longest, entries.len(), self.theme.bold());
        let page = usize::from(inner.height).max(1);
        menu.top = menu.top.min(entries.len().saturating_sub(page)).min(menu.at);
        if menu.at >= menu.top + page {
            menu.top = menu.at + 1 - page;
        }
        let (top, at) = (menu.top, menu.at);
        for (y, (index, mut entry)) in (inner.y..inner.bottom()).zip(entries.into_iter().enumerate().skip(top)) {
            let area = Rect { y, height: 1, ..inner };
            cut(&mut entry, usize::from(inner.width));
            let style = if index == at { self.theme.chosen() } else { Style::new() };
            fill(buffer, area, style);
            put(buffer, area, area.x, &entry, style);
        }
        self.page = page;
        self.regions.menu = inner;
    }

    pub(super) fn draw_question(&mut self, buffer: &mut Buffer, area: Rect) {
        use crate::app::About;
        let Mode::Ask(question) = &self.mode else { return };
        let plain = Style::new();
        let key = self.theme.key();
        let room = usize::from(area.width).saturating_sub(4).min(76);
        let mut lines: Vec<Text> = Vec::new();
        let title = match &question.about {
            About::Close { sockets, what } => {
                lines.extend(wrapped(what, room, ""));
                lines.push(vec![
                    ("y".to_owned(), key),
                    (" close   ".to_owned(), plain),
                    ("n".to_owned(), key),
                    (" don't".to_owned(), plain),
                ]);
                match sockets.as_slice() {
                    [socket] if socket.is_listening() => "Close this listener?",
                    _ => "Close?",
                }
            }
            About::Kill { processes, chosen, signals, signal } => {
                for (index, (id, name)) in processes.iter().enumerate() {
                    let sign = if processes.len() == 1 {
                        ""
                    } else if index == *chosen {
                        "▶ "
                    } else {
                        "  "
                    };
                    let style = if index == *chosen { self.theme.bold() } else { plain };
                    lines.push(vec![(format!("{sign}{name}[{}]", id.pid), style)]);
                }
                match signals.get(*signal) {
                    Some(signal) => lines.push(vec![
                        ("y".to_owned(), key),
                        (format!(" send {signal}   "), plain),
                        ("Tab".to_owned(), key),
                        (" another signal   ".to_owned(), plain),
                        ("n".to_owned(), key),
                        (" don't".to_owned(), plain),
                    ]),
                    None => lines.push(vec![
                        ("y".to_owned(), key),
                        (" end it   ".to_owned(), plain),
                        ("n".to_owned(), key),
                        (" don't".to_owned(), plain),
                    ]),
                }
                "End the process?"
            }
            About::Copy { texts } => {
                for (letter, name, text) in texts {
                    lines.push(vec![
                        (letter.to_string(), key),
                        (format!(" {name}: "), self.theme.dim()),
                        (text.clone(), plain),
                    ]);
                }
                "Copy what?"
            }
        };
        let longest = lines.iter().map(|line| line.iter().map(|(text, _)| width(text)).sum()).max().unwrap_or(0);
        let inner = boxed(buffer, area, title, longest.min(room), lines.len(), self.theme.bold());
        // Where not all lines fit, the last says how to answer.
        let skipped = lines.len().saturating_sub(usize::from(inner.height));
        for (y, line) in (inner.y..inner.bottom()).zip(lines.iter().skip(skipped)) {
            let area = Rect { y, height: 1, ..inner };
            let mut x = area.x;
            for (text, style) in line {
                x = put(buffer, area, x, text, *style);
            }
        }
    }

    /// What is wrong with the filter, above the line in which it is typed, as the command line would say it.
    pub(super) fn draw_filter_error(&self, buffer: &mut Buffer, area: Rect) {
        let Mode::Filter(filter) = &self.mode else { return };
        let Some(error) = &filter.error else { return };
        let room = usize::from(area.width);
        let wrap = |text: &str| wrapped(text, room, "").into_iter().flatten().map(|(text, _)| text);
        // The caret must stay below its word, so the place is cut and not wrapped; what could stand there is wrapped anew.
        let (place, expected) = error.split_once("\nexpected: ").unwrap_or((error, ""));
        let mut lines: Vec<String> = Vec::new();
        for (index, line) in place.lines().enumerate() {
            if index == 0 { lines.extend(wrap(line)) } else { lines.push(line.to_owned()) }
        }
        if !expected.is_empty() {
            let words: Vec<&str> = expected.split_whitespace().collect();
            lines.extend(wrap(&format!("expected: {}", words.join(" "))));
        }
        let most = usize::from(area.height);
        lines.truncate(most);
        let height = u16::try_from(lines.len()).unwrap_or(area.height);
        let area = Rect { y: area.bottom().saturating_sub(height), height, ..area };
        clear(buffer, area);
        for (index, (y, mut line)) in (area.y..area.bottom()).zip(lines).enumerate() {
            cut(&mut line, usize::from(area.width));
            let style = if index == 0 { self.theme.error() } else { Style::new() };
            put(buffer, Rect { y, height: 1, ..area }, area.x, &line, style);
        }
    }
}

/// A box in the middle, as large as what is in it; returns the room inside.
fn boxed(buffer: &mut Buffer, area: Rect, title: &str, wide: usize, high: usize, style: Style) -> Rect {
    let wide = u16::try_from(wide.max(width(title))).unwrap_or(u16::MAX).saturating_add(4).min(area.width);
    let high = u16::try_from(high).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let x = area.x + (area.width - wide) / 2;
    let y = area.y + (area.height - high) / 2;
    let outer = Rect { x, y, width: wide, height: high };
    clear(buffer, outer);
    if wide < 4 || high < 3 {
        return outer;
    }
    let dashes = "─".repeat(usize::from(wide) - 2);
    for (y, left, right) in [(outer.y, "┌", "┐"), (outer.bottom() - 1, "└", "┘")] {
        let line = Rect { y, height: 1, ..outer };
        let x = put(buffer, line, outer.x, left, style);
        let x = put(buffer, line, x, &dashes, style);
        put(buffer, line, x, right, style);
    }
    put(buffer, Rect { height: 1, ..outer }, outer.x + 2, title, style);
    for y in outer.y + 1..outer.bottom() - 1 {
        let line = Rect { y, height: 1, ..outer };
        put(buffer, line, outer.x, "│", style);
        put(buffer, line, outer.right() - 1, "│", style);
    }
    Rect { x: outer.x + 2, y: outer.y + 1, width: wide - 4, height: high - 2 }
}

/// Text in lines of at most `room` cells, each behind an indent; words that are longer are cut in pieces.
pub(super) fn wrapped(text: &str, room: usize, indent: &str) -> Vec<Text> {
    let room = room.max(width(indent) + 1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::from(indent);
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && width(&line) + 1 + width(word) > room {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        for character in word.chars() {
            let mut bytes = [0; 4];
            let character = character.encode_utf8(&mut bytes);
            if width(&line) + width(character) > room {
                lines.push(std::mem::replace(&mut line, indent.to_owned()));
            }
            line.push_str(character);
        }
        is_empty = false;
    }
    lines.push(line);
    lines.into_iter().map(|line| vec![(line, Style::new())]).collect()
}
