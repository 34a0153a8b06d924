use crate::Witness;

/// What came of holding the sources of one machine against one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// How many rounds there were.
    pub rounds: u32,
    /// Who was asked, in the order of asking.
    pub sources: Vec<SourceVerdict>,
    /// The sockets that are not the same everywhere, unexplained ones first. Each is the socket at the same position of the
    /// snapshot that comes with the comparison.
    pub differences: Vec<Difference>,
}

/// How it went with one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceVerdict {
    /// Which.
    pub witness: Witness,
    /// Whether it could be heard at all.
    pub available: bool,
    /// Why it could not be heard, or not wholly. One sentence.
    pub reason: Option<String>,
    /// Whether that should not be: this system has it, nobody refuses it, and yet it failed or made no sense.
    pub faulty: bool,
    /// Sockets that it listed in the last round in which it was heard, if there was any.
    pub rows: Option<u64>,
}

/// A socket that is not the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Who listed it, at least once.
    pub seen_by: Vec<Witness>,
    /// Who was heard and did not list it while others did.
    pub missing_from: Vec<Witness>,
    /// Why.
    pub cause: Cause,
    /// The same in words.
    pub detail: String,
}

/// Why sources differ on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Cause {
    /// Nothing that is known explains it.
    Unexplained,
    /// It came, went or changed between the calls.
    Churn,
    /// The source can't show such a socket.
    NotShown,
    /// The rows differ in what has no meaning.
    SameMeaning,
}

impl Cause {
    /// Every cause, the worst first.
    pub const ALL: [Cause; 4] = [Cause::Unexplained, Cause::Churn, Cause::NotShown, Cause::SameMeaning];

    /// The name that formats print.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Unexplained => "unexplained",
            Cause::Churn => "churn",
            Cause::NotShown => "not-shown",
            Cause::SameMeaning => "same-meaning",
        }
    }
}

impl Comparison {
    /// How many differences have no explanation.
    pub fn unexplained(&self) -> usize {
        self.differences.iter().filter(|it| it.cause == Cause::Unexplained).count()
    }
}
