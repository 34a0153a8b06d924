mod context;

pub use context::{Context, Services};
use sockscope_model::{Condition, Row, StateSet};

/// Which sockets a user means.
#[derive(Debug, Clone)]
pub struct Filter {}

/// What a filter has to know about each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Who owns each socket.
    pub owners: bool,
    /// More of the owners than number, start and name.
    pub process_details: bool,
    /// What TCP counts.
    pub traffic: bool,
    /// Whether the kernel chose the port.
    pub autobound: bool,
    /// The paths of cgroups.
    pub cgroups: bool,
    /// Where peers are.
    pub places: bool,
}

/// A filter that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad")]
pub struct FilterError {}
impl FilterError {
    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        ""
    }
    /// Where: characters from the beginning, the first is 1.
    pub fn column(&self) -> usize {
        1
    }
    /// The word.
    pub fn word(&self) -> &str {
        ""
    }
    /// What could stand there.
    pub fn expected(&self) -> &[String] {
        &[]
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// It can't be read.
    pub fn parse(text: &str, context: &Context) -> Result<Filter, FilterError> {
        let _ = (text, context);
        Ok(Filter {})
    }
    /// Reads the remaining words of a command line.
    ///
    /// # Errors
    /// It can't be read.
    pub fn from_words<S: AsRef<str>>(words: &[S], context: &Context) -> Result<Filter, FilterError> {
        let _ = (words, context);
        Ok(Filter {})
    }
    /// The filter that every row passes.
    pub fn everything() -> Filter {
        Filter {}
    }
    /// Whether the row passes.
    pub fn matches(&self, row: &Row<'_>) -> bool {
        let _ = row;
        true
    }
    /// What must be looked up.
    pub fn needs(&self) -> Needs {
        Needs::default()
    }
    /// Which states can pass.
    pub fn states(&self) -> StateSet {
        StateSet::ALL
    }
    /// What the kernel can decide.
    pub fn condition(&self) -> Option<Condition> {
        None
    }
    /// Whether TCP and UDP sockets can pass.
    pub fn protocols(&self) -> (bool, bool) {
        (true, true)
    }
    /// Whether IPv4 and IPv6 sockets can pass.
    pub fn families(&self) -> (bool, bool) {
        (true, true)
    }
}
