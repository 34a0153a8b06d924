use sockscope_model::Field;
use sockscope_output::Column;

use sockscope_live::Shown;
use sockscope_live::View;

/// How wide the cells of each column have been, of those that were on the screen.
#[derive(Debug, Default)]
pub(crate) struct Widths {
    of: Option<View>,
    columns: Vec<Shown>,
    natural: Vec<usize>,
}

impl Widths {
    /// The widths of these columns; begins anew where they are others.
    pub(super) fn of(&mut self, view: View, columns: &[Shown]) -> &mut Vec<usize> {
        if self.of != Some(view) || self.columns != columns {
            self.of = Some(view);
            self.columns = columns.to_vec();
            self.natural = columns.iter().map(|column| super::width(column.title(view))).collect();
        }
        &mut self.natural
    }
}

/// What can be done with a column where room is short.
enum Kind {
    /// Its texts can be cut to the first number, and are well off with the second.
    Text(usize, usize),
    /// As a text, but its end is what matters, and it is shown whole where it is one of IPv4.
    Address,
    /// It is shown whole.
    Whole,
}

fn kind(column: Shown) -> Kind {
    match column {
        Shown::Socket(Column::Local | Column::Remote) => Kind::Address,
        Shown::Socket(Column::Process) => Kind::Text(11, 18),
        Shown::Socket(Column::Places | Column::Field(Field::PlaceText)) | Shown::Place => Kind::Text(8, 14),
        Shown::Socket(Column::Field(Field::State)) => Kind::Text(6, 11),
        Shown::Socket(Column::Field(Field::OwnerPath | Field::OwnerCommandLine | Field::Cgroup)) => Kind::Text(12, 40),
        Shown::Socket(column) if !column.is_number() && column != Column::Field(Field::Protocol) => Kind::Text(6, 16),
        Shown::Group => Kind::Text(12, 24),
        Shown::User | Shown::RemoteName => Kind::Text(6, 12),
        _ => Kind::Whole,
    }
}

/// `255.255.255.255:65535`.
const IPV4: usize = 21;

/// What an address is cut to where nothing else helps: its port, and a little more.
const TINY: usize = 9;

fn tiny(column: Shown, natural: usize) -> usize {
    if cuts_front(column) { natural.min(TINY) } else { least(column, natural) }
}

fn least(column: Shown, natural: usize) -> usize {
    match kind(column) {
        Kind::Text(least, _) => natural.min(least),
        Kind::Address => natural.min(IPV4),
        Kind::Whole => natural,
    }
}

fn good(column: Shown, natural: usize) -> usize {
    match kind(column) {
        Kind::Text(_, good) => natural.min(good),
        Kind::Address | Kind::Whole => natural,
    }
}

/// Columns of this rank and above are shown in little room rather than left out.
const DEAR: u8 = 6;

/// Which columns are shown, by position, and how wide. Columns that somebody chose are never left out: what does not fit is
/// beyond the edge of the screen.
pub(super) fn fit(columns: &[Shown], natural: &[usize], room: usize, gap: usize, chosen: bool) -> Vec<(usize, usize)> {
    let mut kept: Vec<(usize, Shown, usize)> =
        columns.iter().zip(natural).enumerate().map(|(at, (column, natural))| (at, *column, *natural)).collect();
    let total = |kept: &[(usize, Shown, usize)], width: fn(Shown, usize) -> usize| {
        let sum: usize = kept.iter().map(|(_, column, natural)| width(*column, *natural)).sum();
        sum + gap * kept.len().saturating_sub(1)
    };
    while let Some(lowest) = kept.iter().filter_map(|(_, column, _)| column.rank()).min().filter(|_| !chosen) {
        let width = if lowest < DEAR { good } else { least };
        if total(&kept, width) <= room {
            break;
        }
        kept.retain(|(_, column, _)| column.rank() != Some(lowest));
    }
    let fits = |width: &fn(Shown, usize) -> usize| total(&kept, *width) <= room;
    let base = [good, least].into_iter().find(fits).unwrap_or(tiny);
    let used = total(&kept, base);
    let mut widths: Vec<(usize, usize)> =
        kept.iter().map(|(at, column, natural)| (*at, base(*column, *natural))).collect();
    // What is left goes to who it is, as far as that is worth it, then to the addresses, then to all others.
    let mut left = room.saturating_sub(used);
    type Wanted = fn(Shown, usize) -> usize;
    let turns: [Wanted; 3] = [
        |column, natural| {
            if matches!(column, Shown::Socket(Column::Process) | Shown::Group) { good(column, natural) } else { 0 }
        },
        |column, natural| if matches!(kind(column), Kind::Address) { natural } else { 0 },
        |_, natural| natural,
    ];
    for wanted in turns {
        for ((_, width), (_, column, natural)) in widths.iter_mut().zip(&kept) {
            let more = wanted(*column, *natural).saturating_sub(*width).min(left);
            *width += more;
            left -= more;
        }
    }
    widths
}

/// Whether the beginning is cut where a cell is too long, not the end.
pub(super) fn cuts_front(column: Shown) -> bool {
    matches!(kind(column), Kind::Address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_least_is_left_out_first() {
        let columns = Shown::default_of(View::Sockets, None, true);
        let natural = [5, 11, 16, 21, 16, 5, 5, 20, 8, 10];
        let shown = |room| {
            let widths = fit(&columns, &natural, room, 1, false);
            assert!(widths.iter().map(|(_, width)| width).sum::<usize>() + widths.len() - 1 <= room, "{room}");
            widths
                .iter()
                .filter_map(|(at, _)| columns.get(*at))
                .map(|column| column.name())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(shown(200), "protocol state local remote process receiving sending place_text user trend");
        assert_eq!(shown(116), "protocol state local remote process receiving sending place_text user");
        assert_eq!(shown(80), "protocol state local remote process receiving sending");
        assert_eq!(shown(40), "state local remote process");
        assert_eq!(fit(&columns, &natural, 40, 1, true).len(), columns.len());
    }
}
