//! The one language in which users say which sockets they mean. `docs/filter.md` describes it.

/// Addresses as users write them, and what the registries say about an address.
mod address;
/// What a source need not list.
mod bounds;
/// What a filter may refer to.
mod context;
/// Errors that show the place.
mod error;
/// What other programs take for a port, an address or a program.
mod hints;
/// Words of a filter.
mod lexer;
/// From text to a tree.
mod parser;
/// The tree, and how it is evaluated.
mod program;
/// Numbers with units.
mod quantity;
/// The words of the language.
mod terms;
/// Comparing text.
mod text;

use sockscope_model::{Condition, Field, Request, Row, StateSet};

pub use context::{Context, Services};
pub use error::FilterError;
pub(crate) use error::clean;
use lexer::Span;
use program::Node;
pub use quantity::parse_duration;
pub(crate) use text::fold_chars;

/// Which sockets a user means.
///
/// ```
/// use sockscope_core::{Context, Filter};
///
/// let context = Context::default();
/// let filter = Filter::parse("state established ( dport = :443 or process ~ ^ssh )", &context)?;
/// assert!(filter.needs().owners);
/// assert!(!filter.states().contains(sockscope_model::State::Listen));
/// # Ok::<(), sockscope_core::FilterError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Filter {
    root: Node,
}

/// What has to be looked up before a filter can be applied to rows; what is not asked for is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Who owns each socket.
    pub owners: bool,
    /// More of the owners than number, start and name.
    pub process_details: bool,
    /// What TCP counts ([`sockscope_model::Socket::traffic`]).
    pub traffic: bool,
    /// Whether the kernel chose the port ([`sockscope_model::Socket::autobound`]).
    pub autobound: bool,
    /// The paths of cgroups.
    pub cgroups: bool,
    /// Where peers are ([`sockscope_model::Frame::places`]).
    pub places: bool,
    /// Autonomous systems of peers, which few databases know.
    pub asns: bool,
    /// Operators of peers' networks, which not all databases know.
    pub organizations: bool,
    /// Names of peers ([`sockscope_model::Frame::names`]).
    pub names: bool,
    /// When a socket was made, which not every source knows.
    pub opened: bool,
    /// Firewall marks, which not everybody may read.
    pub marks: bool,
}

impl Needs {
    /// What a field needs: also for columns and sorting.
    pub fn of(field: Field) -> Needs {
        let mut needs = Needs::default();
        needs.add(field);
        needs
    }

    /// Also what `field` needs.
    pub fn add(&mut self, field: Field) {
        self.owners |= field.needs_owners();
        self.process_details |= field.needs_process_details();
        self.traffic |= field.needs_traffic();
        self.cgroups |= field == Field::Cgroup;
        self.opened |= field == Field::OpenedAt;
        self.marks |= field == Field::Mark;
        self.places |= field.needs_places();
        self.asns |= field == Field::PlaceAsn;
        self.names |= field.needs_names();
        self.organizations |= field == Field::PlaceOrganization;
    }

    /// What either needs.
    #[must_use]
    pub fn or(self, other: Needs) -> Needs {
        Needs {
            owners: self.owners || other.owners,
            process_details: self.process_details || other.process_details,
            traffic: self.traffic || other.traffic,
            autobound: self.autobound || other.autobound,
            cgroups: self.cgroups || other.cgroups,
            places: self.places || other.places,
            asns: self.asns || other.asns,
            organizations: self.organizations || other.organizations,
            names: self.names || other.names,
            opened: self.opened || other.opened,
            marks: self.marks || other.marks,
        }
    }
}

impl Filter {
    /// Reads a filter; an empty one is [`Filter::everything`].
    ///
    /// # Errors
    /// It can't be read: the error names the word, its column and what could stand there.
    pub fn parse(text: &str, context: &Context) -> Result<Filter, FilterError> {
        parser::parse(text, &[], context).map(|root| Filter { root })
    }

    /// Reads the words that a shell made of a filter: one quoted argument, or as many as it was typed in.
    ///
    /// A word that holds spaces and stands where a text is compared is that text, since its quotes were eaten by the
    /// shell: `process = "my app"` may be typed as it is. Columns in errors count in the words joined by single spaces.
    ///
    /// # Errors
    /// As [`Filter::parse`].
    pub fn from_words<S: AsRef<str>>(words: &[S], context: &Context) -> Result<Filter, FilterError> {
        let mut text = String::new();
        let mut spaced = Vec::new();
        for word in words.iter().map(AsRef::as_ref) {
            if !text.is_empty() {
                text.push(' ');
            }
            let start = text.len();
            text.push_str(word);
            if word.contains(char::is_whitespace) && !word.trim().is_empty() {
                spaced.push(Span { start, end: text.len() });
            }
        }
        parser::parse(&text, &spaced, context).map(|root| Filter { root })
    }

    /// What a source must be asked for, so that this filter can tell which rows it means: no table that can't have any, no
    /// owners unless they are compared, and as much of the filter as a kernel may evaluate. Whoever prints owners or
    /// traffic asks for these besides. [`Filter::matches`] has the last word on every row that comes back.
    pub fn request(&self) -> Request {
        let needs = self.needs();
        let (tcp, udp) = self.protocols();
        let (ipv4, ipv6) = self.families();
        Request {
            tcp,
            udp,
            ipv4,
            ipv6,
            states: self.states(),
            condition: self.condition(),
            pushdown: true,
            owners: needs.owners || needs.process_details,
            process_details: needs.process_details,
            traffic: needs.traffic,
            autobound: needs.autobound,
            cgroups: needs.cgroups,
            tcp_opens: false,
        }
    }

    /// Every word that a filter may begin with: terms, words that stand alone, states, names of fields. For completions.
    pub fn words() -> impl Iterator<Item = &'static str> {
        terms::vocabulary()
    }

    /// The filter that every row passes.
    pub fn everything() -> Filter {
        Filter { root: Node::All(Vec::new()) }
    }

    /// Whether every row passes, so that none need be tested.
    pub fn is_everything(&self) -> bool {
        matches!(&self.root, Node::All(nodes) if nodes.is_empty())
    }

    /// Whether the row passes.
    pub fn matches(&self, row: &Row<'_>) -> bool {
        self.root.matches(row)
    }

    /// What must be looked up before rows can be tested.
    pub fn needs(&self) -> Needs {
        bounds::needs(&self.root)
    }

    /// The fields that decide about rows.
    pub fn fields(&self) -> Vec<Field> {
        bounds::fields(&self.root)
    }

    /// Whether it names a port that is to be the local one, as `sport = :80` and `src 192.0.2.1:80` do, and `not sport = :80`
    /// does not. `port = 80`, which may be either end's, does.
    pub fn names_local_port(&self) -> bool {
        bounds::names_local_port(&self.root)
    }

    /// The states, as [`sockscope_model::Socket::filter_state`] counts them, of rows that can pass; maybe more.
    pub fn states(&self) -> StateSet {
        bounds::states(&self.root)
    }

    /// What a kernel can decide; no row that passes is excluded by it. `None`: nothing.
    pub fn condition(&self) -> Option<Condition> {
        bounds::condition(&self.root)
    }

    /// Whether TCP and whether UDP sockets can pass.
    pub fn protocols(&self) -> (bool, bool) {
        let pair = bounds::protocols(&self.root);
        (pair.0, pair.1)
    }

    /// Whether IPv4 and whether IPv6 sockets can pass.
    pub fn families(&self) -> (bool, bool) {
        let pair = bounds::families(&self.root);
        (pair.0, pair.1)
    }
}

#[cfg(test)]
mod tests;
