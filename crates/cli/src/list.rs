use std::io::{self, Write};

use sockscope_core::{default_order, sort};
use sockscope_output::{Column, Listing, TableOptions, csv, html, json, ndjson, table};

use crate::args::ListArgs;
use crate::exit::{Exit, Failure, complain_notice};
use crate::plan::{ListPlan, Printing};
use crate::selection::Seen;
use crate::terminal;

/// `sockscope list`.
pub(crate) fn run(args: &ListArgs) -> Result<Exit, Failure> {
    if args.columns.as_deref() == Some("help") {
        terminal::print(&columns_help()).map_err(Failure::Output)?;
        return Ok(Exit::Done);
    }
    let plan = ListPlan::new(args)?;
    let mut seen = plan.selection.look()?;
    if plan.sort.iter().any(|key| key.field.needs_places()) {
        seen.locate();
    }
    if plan.sort.iter().any(|key| key.field.needs_names()) {
        seen.name();
    }
    if plan.sort.is_empty() {
        default_order(&seen.frame, &mut seen.rows);
    } else {
        sort(&seen.frame, &mut seen.rows, &plan.sort);
    }
    seen.rows.truncate(plan.limit);
    seen.ask_for_names();
    seen.locate();
    seen.name();
    seen.say_which_names_are_missing(false);
    let Seen { frame, rows, .. } = seen;
    let listing = Listing { frame: &frame, rows: &rows, version: env!("CARGO_PKG_VERSION") };
    let mut out = terminal::stdout();
    print(&mut out, &listing, &plan.printing).and_then(|()| out.flush()).map_err(Failure::Output)?;
    if !plan.printing.shows_notices() {
        for notice in &frame.snapshot.notices {
            complain_notice(notice);
        }
    }
    // The process ends here: giving every row back to the allocator first is time that nobody sees.
    std::mem::forget(frame);
    Ok(Exit::Done)
}

fn print(out: &mut dyn Write, listing: &Listing<'_>, printing: &Printing) -> io::Result<()> {
    match printing {
        Printing::Table(options) => table(out, listing, options),
        Printing::Json => json(out, listing),
        Printing::Ndjson => ndjson(out, listing),
        Printing::Csv(columns, true) => csv(out, listing, columns),
        Printing::Csv(columns, false) => csv(&mut WithoutFirstLine { out, passed: false }, listing, columns),
        Printing::Html(columns, extra) => {
            let mut columns = columns.clone().unwrap_or_else(|| Column::default_html(listing.frame));
            columns.extend(extra.iter().filter(|column| !columns.contains(column)).copied().collect::<Vec<_>>());
            html(out, listing, &columns)
        }
    }
}

impl Printing {
    /// Whether the notices of the snapshot are part of what is printed.
    fn shows_notices(&self) -> bool {
        match self {
            Printing::Table(TableOptions { header, .. }) => *header,
            Printing::Json | Printing::Html(..) => true,
            Printing::Ndjson | Printing::Csv(..) => false,
        }
    }
}

/// Passes on what comes behind the first line: CSV without its header, whose names contain no line end.
struct WithoutFirstLine<'a> {
    out: &'a mut dyn Write,
    passed: bool,
}

impl Write for WithoutFirstLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.passed {
            return self.out.write(bytes);
        }
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.passed = true;
                Ok(end + 1)
            }
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Every column with its short names, for a terminal of 80 columns.
fn columns_help() -> String {
    const LEFT: usize = 33;
    const WIDTH: usize = 79;
    let mut text = String::from("Columns for --columns and --sort, short names in parentheses:\n");
    for column in Column::all() {
        let short: Vec<&str> = Column::aliases().filter_map(|(alias, of)| (of == column).then_some(alias)).collect();
        let mut about = column.description().to_owned();
        if !short.is_empty() {
            about.push_str(&format!(" ({})", short.join(", ")));
        }
        let mut line = format!("  {:<30}", column.name());
        for word in about.split(' ') {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                text.push_str(&line);
                text.push('\n');
                line = " ".repeat(LEFT - 1);
            }
            line.push(' ');
            line.push_str(word);
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_left_out_however_it_comes() {
        for chunk in 1..12 {
            let mut text = Vec::new();
            let mut out = WithoutFirstLine { out: &mut text, passed: false };
            for part in b"a,b\n1,2\n3,4\n".chunks(chunk) {
                out.write_all(part).unwrap();
            }
            assert_eq!(text, b"1,2\n3,4\n", "{chunk}");
        }
    }
}
