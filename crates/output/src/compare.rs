use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use sockscope_model::{Cause, Comparison, Difference, Field, Row, SourceVerdict, Witness};

use crate::Listing;
use crate::clean::push_clean;
use crate::columns::Column;
use crate::table::{cut, push_cell, push_spaces, push_styled, style, width};

/// Between columns.
const GAP: usize = 2;
/// A line this wide has room for the sources' names above their marks.
const WIDE: usize = 150;
/// The room that a reason needs beside its socket; with less, it goes below.
const BESIDE: usize = 40;
/// What describes the socket.
const SOCKET: [Column; 5] =
    [Column::Field(Field::Protocol), Column::Field(Field::State), Column::Local, Column::Remote, Column::Process];

/// Where among these the addresses are.
const LOCAL: usize = 2;
const REMOTE: usize = 3;

/// How a comparison looks.
#[derive(Debug, Clone, Default)]
pub struct CompareOptions {
    /// How many cells of a terminal a line may take; `None`: as many as it needs.
    pub width: Option<usize>,
    /// Whether to colour.
    pub colour: bool,
}

/// How many differences of a cause are shown, and how many that say the same in words: a hundred connections in TIME-WAIT
/// tell no more than three.
const fn most(cause: Cause) -> (usize, usize) {
    match cause {
        Cause::Unexplained => (usize::MAX, usize::MAX),
        Cause::Churn => (5, 5),
        _ => (15, 3),
    }
}

/// A comparison for people: a line a difference, with a mark for each source (`+` it lists the socket, `-` it does not, `?` it
/// was not heard or has no say); then the sources, and the verdict. Of what is explained the first few are shown, and how many
/// more there are.
///
/// Without a width, each difference is one line. Addresses are never cut.
///
/// # Errors
/// The writer's.
pub fn compare_table(
    out: &mut dyn Write,
    comparison: &Comparison,
    listing: &Listing<'_>,
    options: &CompareOptions,
) -> io::Result<()> {
    let rows = || {
        let rows = listing.rows.iter();
        rows.filter_map(|row| Some((comparison.differences.get(*row)?, listing.frame.row(*row)?)))
    };
    let heard: Vec<&SourceVerdict> = comparison.sources.iter().filter(|it| it.available).collect();
    let counts = Cause::ALL.map(|cause| (cause, rows().filter(|(it, _)| it.cause == cause).count()));
    let mut grid = Grid::new(&heard, options);
    let mut more = Vec::new();
    for (cause, count) in counts {
        let (all, alike) = most(cause);
        let mut said: HashMap<&str, usize> = HashMap::new();
        let mut shown = 0;
        for (difference, row) in rows().filter(|(it, _)| it.cause == cause) {
            let said = said.entry(&difference.detail).or_default();
            if shown < all && *said < alike {
                shown += 1;
                *said += 1;
                grid.add(difference, &row);
            }
        }
        if shown < count {
            more.push(format!("{} {}", count - shown, cause.name()));
        }
    }
    let mut text = String::new();
    grid.print(&mut text);
    if !more.is_empty() {
        _ = writeln!(text, "... and more: {} (--json has them all)", more.join(", "));
    }
    if !grid.lines.is_empty() {
        text.push('\n');
    }
    push_sources(&mut text, &comparison.sources, grid.numbered(), options);
    push_verdict(&mut text, comparison, &counts, options);
    out.write_all(text.as_bytes())
}

/// The differences that are shown, as cells.
struct Grid<'a> {
    sources: &'a [&'a SourceVerdict],
    options: &'a CompareOptions,
    lines: Vec<Line>,
}

struct Line {
    cause: Cause,
    /// Marks, the socket, the cause; each with its style.
    cells: Vec<(String, Option<Style>)>,
    detail: String,
}

impl<'a> Grid<'a> {
    fn new(sources: &'a [&'a SourceVerdict], options: &'a CompareOptions) -> Grid<'a> {
        Grid { sources, options, lines: Vec::new() }
    }

    /// Whether sources are numbers above their marks, since their names are too wide.
    fn numbered(&self) -> bool {
        self.options.width.is_some_and(|width| width < WIDE)
    }

    fn titles(&self) -> Vec<String> {
        let source = |(index, verdict): (usize, &&SourceVerdict)| match self.numbered() {
            true => (index + 1).to_string(),
            false => verdict.witness.name().to_owned(),
        };
        let columns = SOCKET.iter().map(|column| column.title().to_owned());
        self.sources.iter().enumerate().map(source).chain(columns).chain(["Cause".to_owned()]).collect()
    }

    fn add(&mut self, difference: &Difference, row: &Row<'_>) {
        let mut cells: Vec<_> = self.sources.iter().map(|it| mark(difference, it.witness)).collect();
        for column in SOCKET {
            let mut cell = String::new();
            let room = self.options.width.map(|width| if width < WIDE { 18 } else { 30 });
            push_cell(&mut cell, column, row, room.filter(|_| column == Column::Process));
            if let (Column::Process, Some(room)) = (column, room) {
                cut(&mut cell, room);
            }
            let style = style(column, row, &cell);
            cells.push((cell, style));
        }
        cells.push((difference.cause.name().to_owned(), cause_style(difference.cause)));
        let mut detail = String::new();
        push_clean(&mut detail, &difference.detail);
        self.lines.push(Line { cause: difference.cause, cells, detail });
    }

    fn print(&self, out: &mut String) {
        if self.lines.is_empty() {
            return;
        }
        let titles = self.titles();
        let mut widths: Vec<usize> = titles.iter().map(|title| width(title)).collect();
        for line in &self.lines {
            for (room, (cell, _)) in widths.iter_mut().zip(&line.cells) {
                *room = (*room).max(width(cell));
            }
        }
        if let Some(limit) = self.options.width
            && widths.iter().map(|it| it + GAP).sum::<usize>() > limit + GAP
        {
            // Long addresses are the exception: a line that has one is longer, and the others are not.
            for place in [LOCAL, REMOTE].map(|place| place + self.sources.len()) {
                let mut lengths: Vec<usize> =
                    self.lines.iter().filter_map(|line| Some(width(&line.cells.get(place)?.0))).collect();
                lengths.sort_unstable();
                let usual = lengths.get(lengths.len() * 3 / 4).copied().unwrap_or(0);
                if let (Some(room), Some(title)) = (widths.get_mut(place), titles.get(place)) {
                    *room = usual.max(width(title)).min(*room);
                }
            }
        }
        let bold = Some(Style::new().bold());
        let titles: Vec<_> = titles.into_iter().map(|title| (title, bold)).collect();
        let start = widths.iter().map(|it| it + GAP).sum::<usize>();
        // Where there is no room for details beside the sockets, they stand below, and the cause with them.
        let beside = self.options.width.is_none_or(|width| width >= start + BESIDE);
        // So does the process, where even the sockets alone would be wider than the terminal.
        let without_cause = start.saturating_sub(widths.last().map_or(0, |cause| cause + GAP) + GAP);
        let below = match self.options.width {
            _ if beside => 0,
            Some(width) if width < without_cause => 2,
            _ => 1,
        };
        widths.truncate(widths.len().saturating_sub(below));
        self.push_cells(out, &titles, &widths, beside);
        if beside {
            push_styled(out, bold.filter(|_| self.options.colour), "Detail");
        }
        out.push('\n');
        for line in &self.lines {
            self.push_cells(out, &line.cells, &widths, beside);
            let (indent, limit) = match self.options.width {
                None => (0, usize::MAX),
                Some(width) if beside => (start, width - start),
                Some(width) => (4, width.saturating_sub(4).max(20)),
            };
            let moved = line.cells.iter().rev().take(below).map(|(cell, _)| cell.as_str()).filter(|cell| *cell != "-");
            let moved = moved.collect::<Vec<_>>().join(", ");
            let detail = if beside { line.detail.clone() } else { format!("{moved}: {}", line.detail) };
            let style = cause_style(line.cause).filter(|_| self.options.colour);
            let style = style.filter(|_| line.cause == Cause::Unexplained);
            for (position, part) in wrapped(&detail, limit).iter().enumerate() {
                if !beside || position > 0 {
                    out.push('\n');
                    push_spaces(out, indent);
                }
                push_styled(out, style, part);
            }
            out.push('\n');
        }
    }

    /// `more` will follow on the line.
    fn push_cells(&self, out: &mut String, cells: &[(String, Option<Style>)], widths: &[usize], more: bool) {
        let mut pad = 0;
        for ((cell, style), room) in cells.iter().zip(widths) {
            push_spaces(out, pad);
            push_styled(out, style.filter(|_| self.options.colour), cell);
            pad = room.saturating_sub(width(cell)) + GAP;
        }
        if more {
            push_spaces(out, pad);
        }
    }
}

fn mark(difference: &Difference, witness: Witness) -> (String, Option<Style>) {
    if difference.seen_by.contains(&witness) {
        ("+".to_owned(), Some(AnsiColor::Green.on_default()))
    } else if difference.missing_from.contains(&witness) {
        ("-".to_owned(), cause_style(difference.cause))
    } else {
        ("?".to_owned(), Some(Style::new().dimmed()))
    }
}

fn cause_style(cause: Cause) -> Option<Style> {
    match cause {
        Cause::Unexplained => Some(AnsiColor::Red.on_default().bold()),
        Cause::Churn => Some(AnsiColor::Yellow.on_default()),
        _ => Some(Style::new().dimmed()),
    }
}

/// The text in lines of at most `limit` cells, broken at spaces.
pub fn wrapped(text: &str, limit: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && width(line).saturating_add(1 + width(word)) > limit {
            lines.push(word.to_owned());
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines
}

fn push_sources(out: &mut String, sources: &[SourceVerdict], numbered: bool, options: &CompareOptions) {
    let names = sources.iter().map(|it| it.witness.name().len()).max().unwrap_or(0).max("Source".len());
    let digits = sources.iter().map(|it| rows(it).len()).max().unwrap_or(0).max("Sockets".len());
    let bold = Some(Style::new().bold()).filter(|_| options.colour);
    let number = if numbered { 3 } else { 0 };
    push_spaces(out, number);
    push_styled(out, bold, &format!("{:names$}  {:>digits$}", "Source", "Sockets"));
    out.push('\n');
    let mut place = 0;
    for verdict in sources {
        if numbered && verdict.available {
            place += 1;
            _ = write!(out, "{place:<3}");
        } else {
            push_spaces(out, number);
        }
        _ = write!(out, "{:names$}  {:>digits$}", verdict.witness.name(), rows(verdict));
        if let Some(reason) = &verdict.reason {
            let start = number + names + GAP + digits + GAP;
            let mut clean = String::new();
            push_clean(&mut clean, reason);
            let limit = options.width.map_or(usize::MAX, |width| width.saturating_sub(start).max(20));
            let faulty = verdict.faulty || !verdict.available;
            let style = if faulty { AnsiColor::Yellow.on_default() } else { Style::new().dimmed() };
            for (position, part) in wrapped(&clean, limit).iter().enumerate() {
                if position > 0 {
                    out.push('\n');
                    push_spaces(out, start - GAP);
                }
                push_spaces(out, GAP);
                push_styled(out, Some(style).filter(|_| options.colour), part);
            }
        }
        out.push('\n');
    }
    out.push('\n');
}

fn rows(verdict: &SourceVerdict) -> String {
    verdict.rows.map_or_else(|| "-".to_owned(), |rows| rows.to_string())
}

/// `nothing is unexplained in 3 rounds; 12 differences are explained (10 not-shown, 2 churn)`.
fn push_verdict(out: &mut String, comparison: &Comparison, counts: &[(Cause, usize); 4], options: &CompareOptions) {
    let unexplained = counts.iter().find(|(cause, _)| *cause == Cause::Unexplained).map_or(0, |(_, count)| *count);
    let explained: Vec<String> = counts
        .iter()
        .filter(|(cause, count)| *cause != Cause::Unexplained && *count > 0)
        .map(|(cause, count)| format!("{count} {}", cause.name()))
        .collect();
    let heard = comparison.sources.iter().filter(|it| it.available).count();
    let faulty: Vec<&str> = comparison.sources.iter().filter(|it| it.faulty).map(|it| it.witness.name()).collect();
    let rounds = match comparison.rounds {
        1 => "1 round".to_owned(),
        rounds => format!("{rounds} rounds"),
    };
    let (mut words, style) = match unexplained {
        0 if heard < 2 => ("only one source was heard: there is nothing to compare it with".to_owned(), None),
        0 => (format!("nothing is unexplained in {rounds}"), Some(AnsiColor::Green.on_default())),
        1 => (format!("1 socket is UNEXPLAINED in {rounds}"), cause_style(Cause::Unexplained)),
        count => (format!("{count} sockets are UNEXPLAINED in {rounds}"), cause_style(Cause::Unexplained)),
    };
    if !explained.is_empty() {
        _ = write!(words, "; explained: {}", explained.join(", "));
    }
    if !faulty.is_empty() {
        _ = write!(words, "; but {} could not be heard wholly", faulty.join(", "));
    }
    for line in wrapped(&words, options.width.unwrap_or(usize::MAX)) {
        push_styled(out, style.filter(|_| options.colour), &line);
        out.push('\n');
    }
}
