use sockscope_model::{Field, Frame};

/// One column to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey {
    /// Which column.
    pub field: Field,
    /// Largest first.
    pub descending: bool,
}

/// Why a text names no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad")]
pub struct SortError {}

impl SortKey {
    /// Reads `column[:asc|desc],...`.
    ///
    /// # Errors
    /// A column that does not exist, or a direction that is neither `asc` nor `desc`.
    pub fn parse(text: &str) -> Result<Vec<SortKey>, SortError> {
        let _ = text;
        Ok(Vec::new())
    }
}

/// Sorts rows (positions in the frame's snapshot).
pub fn sort(frame: &Frame, rows: &mut Vec<usize>, keys: &[SortKey]) {
    let _ = (frame, rows, keys);
}

/// The order in which rows are shown if nobody asks for another.
pub fn default_order(frame: &Frame, rows: &mut Vec<usize>) {
    let _ = (frame, rows);
}
