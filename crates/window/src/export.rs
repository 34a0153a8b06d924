use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use sockscope_live::{Arrangement, Arranger, Line, Lines, Opened, Settings, Shown, cells};
use sockscope_model::Frame;
use sockscope_output::{Column, Listing, csv, html, json, ndjson};

/// What lines are copied or saved as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The columns that are shown, a tab between them.
    Text,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// A document as `sockscope --json` prints it.
    Json,
    /// A page for the browser.
    Html,
}

impl Format {
    /// The end of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Format::Text => "txt",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Html => "html",
        }
    }
}

/// What is saved, and where.
#[derive(Debug)]
pub struct Save {
    /// The file.
    pub path: PathBuf,
    /// As what.
    pub format: Format,
    /// Its lines.
    pub arrangement: Arc<Arrangement>,
    /// The columns that are shown.
    pub columns: Vec<Shown>,
    /// Whether the file may be there already.
    pub overwrite: bool,
}

impl Save {
    /// Writes all sockets that are there and pass the filters, in the order of the table.
    ///
    /// # Errors
    /// The writer's own.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let shown = &self.arrangement;
        if !matches!(shown.lines, Lines::Tree { .. }) {
            return write(out, self.format, shown, &self.columns, 0..shown.lines.len());
        }
        // The sockets of closed groups are no lines, but nobody filtered them away.
        let opened = Opened { all: true, ..Opened::default() };
        let settings = Settings { tree: Some(opened), ..Settings::clone(&shown.settings) };
        let all = Arranger::default().arrange(&shown.look, &Arc::new(settings));
        write(out, self.format, &all, &self.columns, 0..all.lines.len())
    }
}

/// Writes the lines of these positions. Formats other than text hold what is there, and no socket twice.
pub(crate) fn write(
    out: &mut dyn Write,
    format: Format,
    arrangement: &Arrangement,
    columns: &[Shown],
    positions: impl Iterator<Item = usize>,
) -> io::Result<()> {
    if format == Format::Text {
        for position in positions {
            out.write_all(text_line(arrangement, columns, position).as_bytes())?;
            out.write_all(b"\n")?;
        }
        return Ok(());
    }
    let mut rows: Vec<usize> = Vec::new();
    let mut seen = vec![false; arrangement.look.frame.snapshot.sockets.len()];
    for position in positions {
        if let Some(Line::There(index)) = arrangement.line(position)
            && let Some(seen) = seen.get_mut(index as usize)
            && !std::mem::replace(seen, true)
        {
            rows.push(index as usize);
        }
    }
    list(out, format, &arrangement.look.frame, columns, &rows)
}

/// Writes these rows of a frame, as anything but text.
fn list(out: &mut dyn Write, format: Format, frame: &Frame, columns: &[Shown], rows: &[usize]) -> io::Result<()> {
    let listing = Listing { frame, rows, version: env!("CARGO_PKG_VERSION") };
    let of_listing: Vec<Column> = columns
        .iter()
        .filter_map(|column| match column {
            Shown::Socket(column) => Some(*column),
            _ => None,
        })
        .collect();
    match format {
        Format::Csv if of_listing.is_empty() => csv(out, &listing, &Column::default_csv()),
        Format::Csv => csv(out, &listing, &of_listing),
        Format::Html if of_listing.is_empty() => html(out, &listing, &Column::default_html(frame)),
        Format::Html => html(out, &listing, &of_listing),
        Format::Json => json(out, &listing),
        Format::Text => Ok(()),
    }
}

/// These rows of a frame for the clipboard, as anything but text: of JSON, an object a line.
pub(crate) fn listed(format: Format, frame: &Frame, columns: &[Shown], rows: &[usize]) -> String {
    let mut bytes = Vec::new();
    let written = if format == Format::Json {
        ndjson(&mut bytes, &Listing { frame, rows, version: env!("CARGO_PKG_VERSION") })
    } else {
        list(&mut bytes, format, frame, columns, rows)
    };
    match written {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => error.to_string(),
    }
}

/// What is put on the clipboard: of JSON, an object a line.
pub(crate) fn copied(
    format: Format,
    arrangement: &Arrangement,
    columns: &[Shown],
    positions: impl Iterator<Item = usize>,
) -> String {
    if format == Format::Text {
        let lines: Vec<String> = positions.map(|position| text_line(arrangement, columns, position)).collect();
        return lines.join("\n");
    }
    let there = positions.filter_map(|position| match arrangement.line(position)? {
        Line::There(index) => Some(index as usize),
        Line::Gone(_) => None,
    });
    listed(format, &arrangement.look.frame, columns, &there.collect::<Vec<_>>())
}

/// The cells of a line, a tab between them.
pub(crate) fn text_line(arrangement: &Arrangement, columns: &[Shown], position: usize) -> String {
    if let Some(group) = arrangement.group(position) {
        let mut label = String::new();
        sockscope_live::labels::push_group(&mut label, group, &arrangement.look);
        return label;
    }
    let cells: Vec<String> = columns
        .iter()
        .filter(|column| **column != Shown::Trend)
        .map(|column| cells::cell(*column, arrangement, position, None))
        .collect();
    cells.join("\t")
}
