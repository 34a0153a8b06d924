use anstyle::{AnsiColor, Style};
use sockscope_model::{EventKind, Field, Occurrence, Protocol, Timestamp};

use crate::clean::push_clean;
use crate::columns::Column;
use crate::table::{cut, push_cell, push_spaces, push_styled, style, width};
use crate::text::{push_duration, push_scaled, rfc3339};

/// How the lines of `watch` look.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChangeOptions {
    /// Whether to colour.
    pub colour: bool,
    /// Where to cut lines.
    pub width: Option<usize>,
    /// Whether where peers are is part of a line.
    pub places: bool,
}

/// The columns' titles and the room that most cells need. What is longer pushes the rest of its line to the right.
const COLUMNS: [(&str, usize); 7] =
    [("TIME (UTC)", 12), ("EVENT", 7), ("PROTO", 5), ("PROCESS", 16), ("LOCAL", 21), ("REMOTE", 21), ("STATE", 11)];

/// The line above all others, without a line end.
pub fn change_title(options: &ChangeOptions) -> String {
    let mut line = Line::new(options);
    for (title, _) in COLUMNS {
        line.push(Some(Style::new().bold()), title);
    }
    line.push(Some(Style::new().bold()), if options.places { "PLACE, AND WHAT IT WAS" } else { "WHAT IT WAS" });
    line.end()
}

/// What happened, as a line for people, without a line end: the time of day, what, which socket and whose, its state or which
/// it had and has, where the peer is, and of one that is closed how long it was open and what went through it.
pub fn change_line(occurrence: &Occurrence, options: &ChangeOptions) -> String {
    let row = occurrence.row();
    let socket = row.socket;
    let mut line = Line::new(options);
    line.push(None, &time_of_day(occurrence.at));
    let colour = match occurrence.kind {
        EventKind::Opened => AnsiColor::Green,
        EventKind::Closed => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    line.push(Some(colour.on_default()), occurrence.kind.name());
    line.push(None, socket.key.protocol.name());
    let mut cell = String::new();
    for column in [Column::Process, Column::Local, Column::Remote] {
        cell.clear();
        // Of many owners the first few.
        push_cell(&mut cell, column, &row, Some(usize::MAX));
        line.push(style(column, &row, &cell), &cell);
    }
    let state = Column::Field(Field::State);
    cell.clear();
    match (occurrence.kind, occurrence.before) {
        (EventKind::Changed, Some(before)) if Some(before) != socket.state => cell.push_str(&format!("{before} -> ")),
        _ => {}
    }
    push_cell(&mut cell, state, &row, None);
    line.push(style(state, &row, &cell), &cell);
    if options.places {
        cell.clear();
        match row.place() {
            Some(place) => push_clean(&mut cell, &place.text),
            None => cell.push('-'),
        }
        line.push(style(Column::Field(Field::PlaceText), &row, &cell), &cell);
    }
    if occurrence.kind == EventKind::Closed {
        for word in closing_words(occurrence) {
            line.push(None, &word);
        }
    }
    line.end()
}

/// `2026-11-25`: the day on which it happened, which lines leave out.
pub fn change_day(occurrence: &Occurrence) -> Option<String> {
    rfc3339(occurrence.at)?.as_str().get(..10).map(str::to_owned)
}

/// How long it was open, and what went through it.
fn closing_words(occurrence: &Occurrence) -> Vec<String> {
    let mut words = Vec::new();
    match occurrence.lasted {
        Some(lasted) => {
            let mut text = String::from(if occurrence.from_before { "over " } else { "" });
            push_duration(&mut text, u64::try_from(lasted.as_micros()).unwrap_or(u64::MAX));
            words.push(text);
        }
        None => words.push("briefly".to_owned()),
    }
    let traffic = occurrence.socket.traffic.as_deref().filter(|_| occurrence.socket.key.protocol == Protocol::Tcp);
    if let Some(traffic) = traffic {
        let counts = [("sent ", traffic.sent_bytes), ("received ", traffic.received_bytes)];
        for (name, bytes) in counts.into_iter().filter_map(|(name, bytes)| Some((name, bytes?))) {
            let mut text = name.to_owned();
            push_scaled(&mut text, bytes, "B");
            words.push(text);
        }
    }
    words
}

/// `08:15:30.123`.
fn time_of_day(time: Timestamp) -> String {
    let text = rfc3339(time);
    text.as_ref().and_then(|text| text.as_str().get(11..23)).unwrap_or("-").to_owned()
}

struct Line<'a> {
    text: String,
    options: &'a ChangeOptions,
    columns: std::slice::Iter<'static, (&'static str, usize)>,
    /// Blanks before the next cell.
    gap: usize,
    /// Cells of the terminal that are left.
    room: usize,
}

impl Line<'_> {
    fn new(options: &ChangeOptions) -> Line<'_> {
        let room = options.width.unwrap_or(usize::MAX);
        Line { text: String::new(), options, columns: COLUMNS.iter(), gap: 0, room }
    }

    fn push(&mut self, style: Option<Style>, cell: &str) {
        let taken = width(cell);
        if self.room <= self.gap {
            self.room = 0;
            return;
        }
        push_spaces(&mut self.text, self.gap);
        self.room -= self.gap;
        let mut shown = cell.to_owned();
        cut(&mut shown, self.room);
        push_styled(&mut self.text, style.filter(|_| self.options.colour), &shown);
        self.room = self.room.saturating_sub(taken);
        let (gap, usual) = self.columns.next().map_or((2, 0), |(_, usual)| (1, *usual));
        self.gap = gap + usual.saturating_sub(taken);
    }

    fn end(self) -> String {
        self.text
    }
}
