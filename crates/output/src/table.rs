use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use sockscope_model::{Field, Notice, Owners, Row, SourceReport, State, Value};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::Listing;
use crate::cell::{each_value, for_people, push_human, push_owner};
use crate::clean::push_clean;
use crate::columns::{Column, DISAGREE};
use crate::text::{push_address, push_duration, push_endpoint, push_local, push_number};

/// How much is gathered before it is written.
const CHUNK: usize = 64 << 10;
/// Between columns.
const GAP: usize = 2;
/// How many owners a cell names where room is short.
const OWNERS: usize = 3;
/// How long the name of a peer may be where room is short: as long as an IPv6 address.
const NAME: usize = 39;

/// How a table looks.
#[derive(Debug, Clone)]
pub struct TableOptions {
    /// How many cells of a terminal a line may take; `None`: as many as it needs, nothing is left out or cut.
    pub width: Option<usize>,
    /// Whether to colour.
    pub colour: bool,
    /// Whether the summary, the notices and the titles come first.
    pub header: bool,
    /// Which columns; `None`: those of [`Column::default_table`] that fit. Named columns are all shown.
    pub columns: Option<Vec<Column>>,
    /// Columns behind those, all shown: [`Column::extended`], [`Column::traffic`].
    pub extra: Vec<Column>,
}

impl Default for TableOptions {
    /// For a pipe: unlimited, without colour, with header.
    fn default() -> Self {
        TableOptions { width: None, colour: false, header: true, columns: None, extra: Vec::new() }
    }
}

/// A table for people: a summary, a line a notice, titles, and a line a socket.
///
/// No cell is empty (`-` stands for unknown and for none), so that without a width the table can also be split at white
/// space; only names from outside, such as a process', may hold spaces of their own. Where room is short, columns of the
/// default set are left out, the least important first, then long texts are cut, marked by `…`. Addresses are never cut: a
/// line that holds long ones is longer instead.
///
/// # Errors
/// The writer's.
pub fn table(out: &mut dyn Write, listing: &Listing<'_>, options: &TableOptions) -> io::Result<()> {
    let chosen = options.columns.clone().unwrap_or_else(|| Column::default_table(listing.frame));
    let mut columns: Vec<Slot> = chosen
        .into_iter()
        .map(|column| Slot::new(column, options.columns.is_none()))
        .chain(options.extra.iter().map(|column| Slot::new(*column, false)))
        .collect();
    let mut cell = String::new();
    // Cells are made twice, to be measured and to be printed: kept, they would take several times the snapshot's room.
    for row in listing.rows() {
        for slot in &mut columns {
            cell.clear();
            push_cell(&mut cell, slot.column, &row, options.width.map(|_| usize::MAX));
            slot.measure(width(&cell));
        }
    }
    for slot in &mut columns {
        slot.width = slot.natural;
    }
    if let Some(limit) = options.width {
        fit(&mut columns, limit);
    }

    let mut lines = String::with_capacity(CHUNK * 2);
    if options.header {
        let places = columns.iter().any(|it| it.column.needs_places());
        push_summary(&mut lines, listing, places, options);
        push_titles(&mut lines, &columns, options.colour);
    }
    for row in listing.rows() {
        push_row(&mut lines, &mut cell, &columns, &row, options);
        if lines.len() >= CHUNK {
            out.write_all(lines.as_bytes())?;
            lines.clear();
        }
    }
    out.write_all(lines.as_bytes())
}

/// A column and the room it gets.
struct Slot {
    column: Column,
    kind: Kind,
    /// May be left out.
    optional: bool,
    /// How many cells have each length; longer ones count as the longest.
    lengths: [usize; 64],
    /// The longest cell, title included.
    natural: usize,
    /// What it gets.
    width: usize,
}

impl Slot {
    fn new(column: Column, default: bool) -> Slot {
        let natural = column.title().len();
        let optional = default && rank(column).is_some();
        Slot { column, kind: kind(column), optional, lengths: [0; 64], natural, width: natural }
    }

    fn measure(&mut self, length: usize) {
        self.natural = self.natural.max(length);
        let longest = self.lengths.len() - 1;
        if let Some(count) = self.lengths.get_mut(length.min(longest)) {
            *count += 1;
        }
    }

    /// The least room in which the column is of use; `natural` for what is never cut.
    fn least(&self) -> usize {
        match self.kind {
            Kind::Text { least, .. } => self.natural.min(least.max(self.column.title().len())),
            Kind::Address | Kind::Whole => self.natural,
        }
    }

    /// The room that is worth leaving out another column for.
    fn good(&self) -> usize {
        match self.kind {
            Kind::Text { good, .. } => self.natural.min(good.max(self.column.title().len())),
            Kind::Address | Kind::Whole => self.natural,
        }
    }

    /// The room that most addresses need: three in four.
    fn usual(&self) -> usize {
        let mut left = self.lengths.iter().sum::<usize>() / 4;
        let usual = self.lengths.iter().enumerate().rev().find_map(|(length, count)| match left.checked_sub(*count) {
            Some(rest) => {
                left = rest;
                None
            }
            None => Some(length),
        });
        usual.unwrap_or(0).max(self.column.title().len()).min(self.natural)
    }

    /// `room` for texts, the usual for addresses.
    fn usual_or(&self, room: fn(&Slot) -> usize) -> usize {
        if matches!(self.kind, Kind::Address) { self.usual() } else { room(self) }
    }
}

/// What may be done to a column's cells.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// May be cut.
    Text { least: usize, good: usize },
    /// Never cut, but a long one may push the rest of its line to the right.
    Address,
    /// Never cut: short by nature.
    Whole,
}

fn kind(column: Column) -> Kind {
    match column {
        Column::Process => Kind::Text { least: 14, good: 24 },
        Column::Local | Column::Remote => Kind::Address,
        Column::Field(Field::LocalAddress | Field::RemoteAddress) => Kind::Address,
        Column::Namespace => Kind::Text { least: 8, good: 16 },
        Column::Places => Kind::Text { least: 10, good: 12 },
        Column::Field(field) => match field {
            Field::User | Field::OwnerUser | Field::LocalScope | Field::RemoteScope | Field::Interface => {
                Kind::Text { least: 6, good: 12 }
            }
            Field::OwnerName | Field::OwnerPid | Field::OwnerFds | Field::OwnerService | Field::OwnerContainer => {
                Kind::Text { least: 8, good: 16 }
            }
            Field::OwnerPath | Field::OwnerCommandLine | Field::Cgroup => Kind::Text { least: 12, good: 40 },
            Field::OwnerStartedAt | Field::NamespaceName => Kind::Text { least: 8, good: 27 },
            Field::PlaceCountry
            | Field::PlaceRegion
            | Field::PlaceCity
            | Field::PlaceOrganization
            | Field::PlaceDatabase => Kind::Text { least: 8, good: 20 },
            // A longer text is cut rather than left out.
            Field::PlaceText => Kind::Text { least: 8, good: 10 },
            _ => Kind::Whole,
        },
        _ => Kind::Whole,
    }
}

/// The order in which columns of the default set are left out, lowest first; `None`: never.
const fn rank(column: Column) -> Option<u8> {
    match column {
        Column::Field(Field::QueuesReceive | Field::QueuesSend) => Some(0),
        Column::Field(Field::User) => Some(1),
        Column::Namespace => Some(2),
        Column::Places | Column::Field(Field::PlaceText) => Some(3),
        _ => None,
    }
}

/// Leaves out, cuts and widens columns until the lines fit, as far as that can be done.
///
/// Long addresses are the exception on most machines. So the address columns get what most addresses need, and a line
/// with longer ones is made to fit by itself, by cutting its own texts ([`push_row`]).
fn fit(columns: &mut Vec<Slot>, limit: usize) {
    if total(columns.iter(), |it| it.natural) <= limit {
        return;
    }
    // If a line does not fit even with nothing but what is never left out, it counts no further.
    let possible = total(columns.iter().filter(|it| !it.optional), Slot::least) <= limit;
    while total(columns.iter(), |it| it.usual_or(Slot::good)) > limit
        || possible && total(columns.iter(), Slot::least) > limit
    {
        let Some(lowest) = columns.iter().filter(|it| it.optional).filter_map(|it| rank(it.column)).min() else {
            break;
        };
        columns.retain(|it| !(it.optional && rank(it.column) == Some(lowest)));
    }
    let room = if total(columns.iter(), |it| it.usual_or(Slot::good)) <= limit { Slot::good } else { Slot::least };
    for slot in columns.iter_mut() {
        slot.width = slot.usual_or(room);
    }
    let used = total(columns.iter(), |it| it.width);
    if used <= limit {
        // What is left goes to the texts that are cut, then to the addresses, the first of them first.
        let mut left = limit - used;
        for address in [false, true] {
            for slot in columns.iter_mut().filter(|it| matches!(it.kind, Kind::Address) == address) {
                let more = (slot.natural - slot.width).min(left);
                slot.width += more;
                left -= more;
            }
        }
        return;
    }
    let others = total(columns.iter(), |it| if matches!(it.kind, Kind::Address) { 0 } else { it.width });
    let mut left = limit.saturating_sub(others);
    let mut addresses: Vec<&mut Slot> = columns.iter_mut().filter(|it| matches!(it.kind, Kind::Address)).collect();
    addresses.sort_by_key(|it| it.width);
    let mut rest = addresses.len();
    for slot in addresses {
        slot.width = slot.width.min((left / rest.max(1)).max(slot.column.title().len()));
        left = left.saturating_sub(slot.width);
        rest -= 1;
    }
}

/// How long a line is if each column gets that room.
fn total<'a>(columns: impl IntoIterator<Item = &'a Slot>, room: impl Fn(&Slot) -> usize) -> usize {
    let (count, sum) = columns.into_iter().fold((0usize, 0), |(count, sum), it| (count + 1, sum + room(it)));
    sum + GAP * count.saturating_sub(1)
}

fn push_titles(out: &mut String, columns: &[Slot], colour: bool) {
    let style = colour.then_some(Style::new().bold());
    let mut pad = 0;
    for (position, slot) in columns.iter().enumerate() {
        let title = slot.column.title();
        if position > 0 {
            pad += GAP;
        }
        let free = slot.width.saturating_sub(title.len());
        let (before, after) = if slot.column.is_number() { (free, 0) } else { (0, free) };
        push_spaces(out, pad + before);
        push_styled(out, style, title);
        pad = after;
    }
    out.push('\n');
}

fn push_row(lines: &mut String, cell: &mut String, columns: &[Slot], row: &Row<'_>, options: &TableOptions) {
    let mut pad = 0;
    // How far the line has been pushed to the right by cells that were too long for their column.
    let mut late = 0;
    for (position, slot) in columns.iter().enumerate() {
        if position > 0 {
            pad += GAP;
        }
        cell.clear();
        let is_text = matches!(slot.kind, Kind::Text { .. });
        let room = options.width.map(|_| {
            let room = slot.width.saturating_sub(late).max(slot.least());
            if is_text { room } else { usize::MAX }
        });
        push_cell(cell, slot.column, row, room);
        if let Some(room) = room.filter(|_| is_text) {
            cut(cell, room);
        }
        let taken = width(cell);
        let free = slot.width.saturating_sub(taken);
        // An earlier cell's overflow is made up for by this one's free space.
        let made_up = late.min(free);
        let over = taken.saturating_sub(slot.width);
        late = late - made_up + over;
        let free = free - made_up;
        let (before, after) = if slot.column.is_number() { (free, 0) } else { (0, free) };
        push_spaces(lines, pad + before);
        let style = if options.colour { style(slot.column, row, cell) } else { None };
        push_styled(lines, style, cell);
        pad = after;
    }
    lines.push('\n');
}

/// Appends one cell, cleaned and never empty. `room`: how wide it may be, for cells that can be shortened with sense;
/// `None` if nothing is to be left out.
pub fn push_cell(out: &mut String, column: Column, row: &Row<'_>, room: Option<usize>) {
    let socket = row.socket;
    match column {
        // The columns of every listing, without the detour by way of values.
        Column::Field(Field::Protocol) => out.push_str(socket.key.protocol.name()),
        Column::Field(Field::LocalAddress) => push_address(out, socket.key.local.ip()),
        Column::Local => push_local(out, row),
        Column::Remote => match (socket.key.remote, row.remote_name()) {
            (Some(remote), Some(name)) => push_named(out, name, remote.port(), room),
            (Some(remote), None) => push_endpoint(out, row, remote),
            (None, _) => out.push('-'),
        },
        Column::Process => push_process(out, row, room),
        _ => {
            let (mut scratch, mut composite) = (String::new(), String::new());
            let limit = if room.is_some() && column != Column::Places { OWNERS } else { usize::MAX };
            let separator = if column == Column::Places { " | " } else { ";" };
            let mut count = 0;
            let mut before = String::new();
            each_value(column, row, &mut composite, &mut |value| {
                // Several databases may say the same; owners are as many as they are.
                if let (Column::Places, Some(Value::Text(text))) = (column, &value) {
                    if count > 0 && before.trim_start_matches([DISAGREE, ' ']) == text {
                        return;
                    }
                    before.clear();
                    before.push_str(text);
                }
                count += 1;
                if count > limit {
                    return;
                }
                if count > 1 {
                    // Of owners as in CSV; a comma is in descriptors and command lines.
                    out.push_str(separator);
                }
                scratch.clear();
                if let Some(value) = for_people(column, row, value) {
                    push_human(&mut scratch, &value);
                }
                if scratch.is_empty() {
                    scratch.push('-');
                }
                push_clean(out, &scratch);
            });
            if count > limit {
                _ = write!(out, ";+{}", count - limit);
            }
            if out.is_empty() {
                out.push('-');
            }
        }
    }
}

/// The name of a peer, and the port. Where room is limited a long name loses its beginning: whose it is stands at its end.
fn push_named(out: &mut String, name: &str, port: u16, room: Option<usize>) {
    let mut clean = String::new();
    push_clean(&mut clean, name);
    if room.is_some() && width(&clean) > NAME {
        let mut left = NAME - 1;
        let fits = |(_, character): &(usize, char)| {
            let taken = character.width().unwrap_or(0);
            let fits = taken <= left;
            left = left.saturating_sub(taken);
            fits
        };
        let start = clean.char_indices().rev().take_while(fits).last().map_or(clean.len(), |(start, _)| start);
        clean.replace_range(..start, "…");
    }
    out.push_str(&clean);
    out.push(':');
    push_number(out, u64::from(port));
}

/// The owners, or in parentheses why there is none. With limited room: the first few, and how many more.
fn push_process(out: &mut String, row: &Row<'_>, room: Option<usize>) {
    let owners = match &row.socket.owners {
        Owners::Processes(owners) => owners,
        Owners::Nobody(reason) => {
            _ = write!(out, "({})", reason.name());
            return;
        }
    };
    let limit = if room.is_some() { OWNERS } else { usize::MAX };
    let room = room.unwrap_or(usize::MAX);
    let mut raw = String::new();
    for (position, owner) in owners.iter().enumerate() {
        let before = out.len();
        if position > 0 {
            out.push(',');
        }
        raw.clear();
        push_owner(&mut raw, row, owner);
        push_clean(out, &raw);
        let more = owners.len() - position - 1;
        // Room for ",+N" behind this owner, unless it is the last.
        let mark = if more > 0 { 2 + digits(more) } else { 0 };
        if position < limit && (room == usize::MAX || width(out) + mark <= room) {
            continue;
        }
        if position > 0 {
            out.truncate(before);
            _ = write!(out, ",+{}", more + 1);
        } else {
            // The number is what people copy: the name is cut instead.
            let tail_start = out.rfind('[').unwrap_or(out.len());
            let mut tail = out.split_off(tail_start);
            if more > 0 {
                _ = write!(tail, ",+{more}");
            }
            cut(out, room.saturating_sub(width(&tail)).max(2));
            out.push_str(&tail);
        }
        return;
    }
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Cuts the end, marked by `…`, so that the text takes at most `room` cells.
pub fn cut(text: &mut String, room: usize) {
    if width(text) <= room {
        return;
    }
    let mut taken = 0;
    let end = text.char_indices().find_map(|(position, character)| {
        taken += character.width().unwrap_or(0);
        (taken + 1 > room).then_some(position)
    });
    text.truncate(end.unwrap_or(text.len()));
    if room > 0 && !text.ends_with('…') {
        text.push('…');
    }
}

/// How many cells of a terminal the text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

pub(crate) fn style(column: Column, row: &Row<'_>, cell: &str) -> Option<Style> {
    let dim = Some(Style::new().dimmed());
    let colour = |colour: AnsiColor| Some(colour.on_default());
    match column {
        _ if cell == "-" => dim,
        Column::Process if row.socket.owners.reason().is_some() => dim,
        Column::Places if cell.starts_with(DISAGREE) => colour(AnsiColor::Yellow),
        Column::Field(Field::State) => match row.socket.state? {
            State::Listen => Some(AnsiColor::Cyan.on_default().bold()),
            State::Established => colour(AnsiColor::Green),
            State::SynSent | State::SynReceived => colour(AnsiColor::Yellow),
            // The program at this end has yet to close: many of these are a leak.
            State::CloseWait => colour(AnsiColor::Magenta),
            State::TimeWait | State::Closed | State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => {
                dim
            }
            State::Other(_) => colour(AnsiColor::Red),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn push_styled(out: &mut String, style: Option<Style>, text: &str) {
    match style {
        Some(style) => _ = write!(out, "{style}{text}{style:#}"),
        None => out.push_str(text),
    }
}

pub(crate) fn push_spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

/// How many rows, of which sources, in what time, and whose places; then the notices.
fn push_summary(out: &mut String, listing: &Listing<'_>, places: bool, options: &TableOptions) {
    push_summary_line(out, listing);
    if places {
        push_attributions(out, listing, options);
    }
    out.push('\n');
    let style = options.colour.then_some(AnsiColor::Yellow.on_default());
    for Notice { code, message } in &listing.frame.snapshot.notices {
        let mut line = String::new();
        push_clean(&mut line, message);
        // The code is what `--json` has and what can be looked up.
        _ = write!(line, " [{code}]");
        push_styled(out, style, &line);
        out.push('\n');
    }
}

/// The words that licences of the databases want to be shown beside places: on the same line where there is room.
fn push_attributions(out: &mut String, listing: &Listing<'_>, options: &TableOptions) {
    let style = options.colour.then_some(Style::new().dimmed());
    let mut taken = width(out);
    for attribution in attributions(listing) {
        taken += 2 + width(attribution);
        if options.width.is_some_and(|limit| taken > limit) {
            out.push('\n');
            taken = width(attribution);
        } else {
            out.push_str("; ");
        }
        push_styled(out, style, attribution);
    }
}

/// Of those databases whose answers are listed, in the order of the databases, each once.
fn attributions<'a>(listing: &Listing<'a>) -> Vec<&'a str> {
    let databases = &listing.frame.databases;
    let mut unused: Vec<&str> = databases.iter().filter(|it| it.attribution.is_some()).map(|it| &*it.name).collect();
    for place in listing.rows().flat_map(|row| row.places()) {
        if unused.is_empty() {
            break;
        }
        unused.retain(|name| *name != &*place.database);
    }
    let used = databases.iter().filter(|it| !unused.contains(&&*it.name)).filter_map(|it| it.attribution);
    used.fold(Vec::new(), |mut words, attribution| {
        if !words.contains(&attribution) {
            words.push(attribution);
        }
        words
    })
}

/// `12 of 340 sockets from sock_diag (3 churned) in 3.8ms`.
pub(crate) fn push_summary_line(out: &mut String, listing: &Listing<'_>) {
    let snapshot = &listing.frame.snapshot;
    let (shown, all) = (listing.rows().count(), snapshot.sockets.len());
    _ = write!(out, "{shown} ");
    if shown != all {
        _ = write!(out, "of {all} ");
    }
    out.push_str(if all == 1 { "socket" } else { "sockets" });
    for (position, source) in snapshot.sources.iter().enumerate() {
        out.push_str(if position == 0 { " from " } else { ", " });
        push_source(out, source);
    }
    out.push_str(" in ");
    push_duration(out, u64::try_from(snapshot.elapsed.as_micros()).unwrap_or(u64::MAX));
}

fn push_source(out: &mut String, source: &SourceReport) {
    push_clean(out, source.name);
    let mut details = Vec::new();
    if source.duplicates > 0 {
        details.push(format!("{} duplicate", source.duplicates));
    }
    if source.churned > 0 {
        details.push(format!("{} churned", source.churned));
    }
    if !details.is_empty() {
        _ = write!(out, " ({})", details.join(", "));
    }
}
