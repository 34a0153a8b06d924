use std::io::{self, Write};

use sockscope_model::{Row, Value};

use crate::Listing;
use crate::cell::{each_value, has_several, push_raw};
use crate::clean::{is_formula, push_clean};
use crate::columns::Column;

/// How much is gathered before it is written.
const CHUNK: usize = 64 << 10;

/// A header line and a line a socket, quoted as RFC 4180 says. Lines end with a newline alone, which every reader takes
/// and which leaves no carriage return in the last column of `cut` and `read`.
///
/// Where a column has a value an owner, the values are joined by `;`, and a `;` or `\` within one gets a `\` before it.
/// Control characters are written as `\xNN`. A cell that a spreadsheet would run as a formula gets a `'` before it.
/// Numbers have JSON's units; unknown is empty.
///
/// # Errors
/// The writer's.
pub fn csv(out: &mut dyn Write, listing: &Listing<'_>, columns: &[Column]) -> io::Result<()> {
    let mut lines = String::with_capacity(CHUNK * 2);
    for (position, column) in columns.iter().enumerate() {
        if position > 0 {
            lines.push(',');
        }
        lines.push_str(column.name());
    }
    lines.push('\n');
    let mut scratch = Scratch::default();
    for row in listing.rows() {
        for (position, column) in columns.iter().enumerate() {
            if position > 0 {
                lines.push(',');
            }
            push_cell(&mut lines, *column, &row, &mut scratch);
        }
        lines.push('\n');
        if lines.len() >= CHUNK {
            out.write_all(lines.as_bytes())?;
            lines.clear();
        }
    }
    out.write_all(lines.as_bytes())
}

/// Texts that are used again for every cell.
#[derive(Default)]
struct Scratch {
    cell: String,
    composite: String,
}

fn push_cell(lines: &mut String, column: Column, row: &Row<'_>, scratch: &mut Scratch) {
    let Scratch { cell, composite } = scratch;
    if !has_several(column) {
        each_value(column, row, composite, &mut |value| match value {
            Some(Value::Text(text)) => {
                cell.clear();
                push_clean(cell, &text);
                push_quoted(lines, cell);
            }
            // Numbers, addresses and times are our own words: nothing in them needs quoting.
            Some(value) => push_raw(lines, &value),
            None => {}
        });
        return;
    }
    cell.clear();
    let mut first = true;
    each_value(column, row, composite, &mut |value| {
        if !first {
            cell.push(';');
        }
        first = false;
        match value {
            Some(Value::Text(text)) => push_escaped(cell, &text),
            Some(value) => push_raw(cell, &value),
            None => {}
        }
    });
    push_quoted(lines, cell);
}

/// One of several values. Cleaning adds backslashes of its own, which stay single: it comes after.
fn push_escaped(cell: &mut String, text: &str) {
    for part in text.split_inclusive([';', '\\']) {
        let end = part.len() - usize::from(part.ends_with([';', '\\']));
        let (text, special) = part.split_at(end);
        push_clean(cell, text);
        if !special.is_empty() {
            cell.push('\\');
            cell.push_str(special);
        }
    }
}

/// A cell, quoted where need be. `;` is quoted too: where the comma is the decimal point, spreadsheets take it for the
/// separator, and what stands behind it for a cell.
fn push_quoted(out: &mut String, cell: &str) {
    let formula = is_formula(cell);
    if !formula && !cell.contains(['"', ',', ';']) {
        out.push_str(cell);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    for part in cell.split_inclusive('"') {
        out.push_str(part);
        if part.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}
