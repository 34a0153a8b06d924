use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use sockscope_live::{Arrangement, Mark, Shown, Sort, cells};
use sockscope_model::{Field, State};
use sockscope_output::Column;

use super::layout::{cuts_front, fit};
use super::{bars, cut, cut_front, fill, put, width};
use crate::app::App;

/// Terminals narrower than this get less space between columns.
const NARROW: u16 = 100;

impl App {
    pub(super) fn draw_table(&mut self, buffer: &mut Buffer, area: Rect) {
        let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        self.page = usize::from(rows.height).max(1);
        let Some(arrangement) = self.arrangement.clone() else {
            let text = self.failure.as_deref().unwrap_or("looking ...");
            put(buffer, area, area.x, text, self.theme.dim());
            return;
        };
        // What is drawn is what was arranged, though something else may be asked for by now.
        let settings = Arc::clone(&arrangement.settings);
        let (columns, chosen) = self.columns(settings.view);
        let lines = arrangement.lines.len();
        let page = self.page;
        let mut cursor = self.cursor().clone();
        cursor.settle(lines, page);
        self.cursor_mut().clone_from(&cursor);
        let visible = cursor.top..lines.min(cursor.top + page);
        let cells: Vec<Vec<String>> = visible
            .clone()
            .map(|position| columns.iter().map(|column| cell(*column, &arrangement, position, None)).collect())
            .collect();
        let natural = self.widths.of(settings.view, &columns);
        for line in &cells {
            for (natural, cell) in natural.iter_mut().zip(line) {
                *natural = (*natural).max(width(cell));
            }
        }
        let mut natural = natural.clone();
        for (natural, column) in natural.iter_mut().zip(&columns) {
            if settings.sort.by == Some(*column) {
                // Room for the arrow.
                *natural = (*natural).max(width(column.title(settings.view)) + 1);
            }
        }
        let gap = if area.width < NARROW { 1 } else { 2 };
        // One for the mark.
        let room = usize::from(area.width).saturating_sub(2);
        let scrolled = if chosen || self.scrolled > 0 { self.scrolled.min(columns.len().saturating_sub(1)) } else { 0 };
        let (columns, natural) =
            (columns.get(scrolled..).unwrap_or_default(), natural.get(scrolled..).unwrap_or_default());
        let widths = fit(columns, natural, room, gap, chosen || scrolled > 0);
        self.draw_titles(buffer, area, columns, &widths, gap, settings.sort, settings.view);
        for (y, (position, mut line)) in (rows.y..rows.bottom()).zip(visible.zip(cells)) {
            let mark = arrangement.mark(position);
            let selected = position == cursor.position;
            let style = self.theme.line(mark, selected);
            let area = Rect { y, height: 1, ..area };
            fill(buffer, area, style);
            put(buffer, area, area.x, mark_text(mark), style);
            let mut x = usize::from(area.x) + 2;
            for (at, width_of) in &widths {
                let (Some(column), Some(text)) = (columns.get(*at), line.get_mut(at + scrolled)) else { continue };
                fit_cell(*column, text, *width_of, &arrangement, position);
                let free = width_of.saturating_sub(width(text));
                let start = if column.is_number() { x + free } else { x };
                let style =
                    if mark.is_none() && !selected { self.cell_style(*column, &arrangement, position) } else { style };
                if let Ok(start) = u16::try_from(start) {
                    put(buffer, area, start, text, style);
                }
                x += width_of + gap;
            }
        }
        if lines == 0 {
            let text = match (&self.filter.0, settings.keeps_all()) {
                (_, true) => "nothing",
                _ => "nothing matches",
            };
            put(buffer, rows, rows.x + 2, text, self.theme.dim());
        }
        self.regions.table = rows;
    }

    #[expect(clippy::too_many_arguments, reason = "what a line of titles is made of")]
    fn draw_titles(
        &mut self,
        buffer: &mut Buffer,
        area: Rect,
        columns: &[Shown],
        widths: &[(usize, usize)],
        gap: usize,
        sort: Sort,
        view: sockscope_live::View,
    ) {
        let style = self.theme.titles();
        let mut x = usize::from(area.x) + 2;
        for (at, width_of) in widths {
            let Some(column) = columns.get(*at) else { continue };
            let arrow = match (sort.by == Some(*column), sort.descending) {
                (false, _) => "",
                (true, false) => "▲",
                (true, true) => "▼",
            };
            let mut title = column.title(view).to_owned();
            while width(&title) + width(arrow) > *width_of && title.pop().is_some() {}
            title.push_str(arrow);
            let free = width_of.saturating_sub(width(&title));
            let start = if column.is_number() { x + free } else { x };
            if let (Ok(start), Ok(left), Ok(taken)) = (u16::try_from(start), u16::try_from(x), u16::try_from(*width_of))
            {
                put(buffer, area, start, &title, style);
                let region = Rect { x: left, y: area.y, width: taken, height: 1 };
                self.regions.titles.push((region.intersection(area), *column));
            }
            x += width_of + gap;
        }
    }

    fn cell_style(&self, column: Shown, arrangement: &Arrangement, position: usize) -> Style {
        match column {
            Shown::Socket(Column::Field(Field::State)) => {
                let state = arrangement.row(position).and_then(|row| row.socket.state);
                state.map_or(Style::new(), |state| self.theme.state(state))
            }
            Shown::Socket(Column::Process) => {
                let nobody = arrangement.row(position).is_some_and(|row| row.socket.owners.reason().is_some());
                if nobody { self.theme.dim() } else { Style::new() }
            }
            Shown::Trend => self.theme.trend(),
            _ => Style::new(),
        }
    }
}

/// What happened, for those who see no colours.
fn mark_text(mark: Option<Mark>) -> &'static str {
    match mark {
        None => " ",
        Some(Mark::New) => "+",
        Some(Mark::Changed) => "~",
        Some(Mark::Gone) => "-",
    }
}

/// A cell of a line; with less room than it needs, what is left out is chosen with sense where that can be.
fn cell(column: Shown, arrangement: &Arrangement, position: usize, room: Option<usize>) -> String {
    if column == Shown::Trend {
        return bars(arrangement.trend(position).into_iter().map(u64::from));
    }
    cells::cell(column, arrangement, position, room)
}

/// Makes a cell fit.
fn fit_cell(column: Shown, text: &mut String, room: usize, arrangement: &Arrangement, position: usize) {
    if width(text) <= room {
        return;
    }
    match column {
        Shown::Socket(Column::Process) => *text = cell(column, arrangement, position, Some(room)),
        Shown::Socket(Column::Field(Field::State)) => {
            let state = arrangement.row(position).and_then(|row| row.socket.state);
            if let Some(short) = state.and_then(short_state) {
                *text = short.to_owned();
            }
        }
        _ => {}
    }
    if cuts_front(column) {
        cut_front(text, room);
    } else {
        cut(text, room);
    }
}

/// States in six letters.
fn short_state(state: State) -> Option<&'static str> {
    Some(match state {
        State::Listen => "listen",
        State::SynSent => "syn-se",
        State::SynReceived => "syn-re",
        State::Established => "estab",
        State::FinWait1 => "fin-w1",
        State::FinWait2 => "fin-w2",
        State::CloseWait => "clo-w",
        State::Closing => "closng",
        State::LastAck => "l-ack",
        State::TimeWait => "t-wait",
        State::Closed => "closed",
        State::Bound => "bound",
        State::DeleteTcb => "delete",
        _ => return None,
    })
}
