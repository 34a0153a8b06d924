use sockscope_model::{Frame, Row};

/// What is to be printed: some rows of a frame, already filtered, sorted and limited.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// Where the rows are.
    pub frame: &'a Frame,
    /// Positions in `frame.snapshot.sockets`, in the order of printing. A position behind the end is passed over.
    pub rows: &'a [usize],
    /// The program's version, for formats that name it.
    pub version: &'a str,
}

impl<'a> Listing<'a> {
    /// The rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let frame = self.frame;
        self.rows.iter().filter_map(move |index| frame.row(*index))
    }
}
