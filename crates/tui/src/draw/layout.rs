use sockscope_model::Field;
use sockscope_output::Column;

use crate::columns::Shown;
use crate::view::View;

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
            self.natural = columns.iter().map(|column| super::width(column.title(view)) + SORT_MARK).collect();
        }
        &mut self.natural
    }
}

/// Room behind a title for the arrow of the order.
const SORT_MARK: usize = 1;

/// What can be done with a column where room is short.
enum Kind {
    /// Its texts can be cut to the first number, and are well off with the second.
    Text(usize, usize),
    /// As a text, but its end is what matters.
    Address(usize),
    /// It is shown whole.
    Whole,
}

fn kind(column: Shown) -> Kind {
    match column {
        Shown::Socket(Column::Local | Column::Remote) => Kind::Address(9),
        Shown::Socket(Column::Process) => Kind::Text(8, 18),
        Shown::Socket(Column::Places | Column::Field(Field::PlaceText)) | Shown::Place => Kind::Text(8, 14),
        Shown::Socket(Column::Field(Field::State)) => Kind::Text(6, 11),
        Shown::Socket(Column::Field(Field::OwnerPath | Field::OwnerCommandLine | Field::Cgroup)) => Kind::Text(12, 40),
        Shown::Socket(column) if !column.is_number() && column != Column::Field(Field::Protocol) => Kind::Text(6, 16),
        Shown::Group => Kind::Text(12, 24),
        Shown::User | Shown::RemoteName => Kind::Text(6, 12),
        _ => Kind::Whole,
    }
}

fn least(column: Shown, natural: usize) -> usize {
    match kind(column) {
        Kind::Text(least, _) | Kind::Address(least) => natural.min(least),
        Kind::Whole => natural,
    }
}

fn good(column: Shown, natural: usize) -> usize {
    match kind(column) {
        Kind::Text(_, good) => natural.min(good),
        Kind::Address(_) | Kind::Whole => natural,
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
    while !chosen {
        let lowest = kept.iter().filter_map(|(_, column, _)| column.rank()).min();
        let Some(lowest) = lowest else { break };
        let width = if lowest < DEAR { good } else { least };
        if total(&kept, width) <= room {
            break;
        }
        kept.retain(|(_, column, _)| column.rank() != Some(lowest));
    }
    let base = if total(&kept, good) <= room { good } else { least };
    let used = total(&kept, base);
    let mut widths: Vec<(usize, usize)> =
        kept.iter().map(|(at, column, natural)| (*at, base(*column, *natural))).collect();
    // What is left goes to the addresses first, then to the texts, the first of them first.
    let mut left = room.saturating_sub(used);
    for addresses in [true, false] {
        for ((_, width), (_, column, natural)) in widths.iter_mut().zip(&kept) {
            if matches!(kind(*column), Kind::Address(_)) == addresses {
                let more = natural.saturating_sub(*width).min(left);
                *width += more;
                left -= more;
            }
        }
    }
    widths
}

/// Whether the beginning is cut where a cell is too long, not the end.
pub(super) fn cuts_front(column: Shown) -> bool {
    matches!(kind(column), Kind::Address(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_least_is_left_out_first() {
        let columns = Shown::default_of(View::Sockets, None, true);
        let natural = [6, 12, 21, 21, 16, 7, 7, 20, 8, 10];
        let shown = |room| {
            let widths = fit(&columns, &natural, room, 1, false);
            assert!(widths.iter().map(|(_, width)| width).sum::<usize>() + widths.len() - 1 <= room, "{room}");
            widths.iter().filter_map(|(at, _)| columns.get(*at)).map(|column| column.name()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(200), "protocol state local remote process receiving sending place_text user trend");
        assert_eq!(shown(120), "protocol state local remote process receiving sending place_text user");
        assert_eq!(shown(80), "protocol state local remote process receiving sending");
        assert_eq!(shown(40), "state local remote process");
        assert_eq!(fit(&columns, &natural, 40, 1, true).len(), columns.len());
    }
}
