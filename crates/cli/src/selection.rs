use std::sync::Arc;
use std::time::Instant;

use sockscope::geo::Language;
use sockscope::{DatabaseOptions, Databases, Locator};
use sockscope_core::{Context, Filter, Services};
use sockscope_model::{
    ErrorKind, Events, Family, Field, Frame, NoOwner, Notice, Protocol, Request, Row, Snapshot, Socket, Source,
    SourceChoice, SourceError, State, StateSet,
};
use sockscope_output::clean;

use crate::args::{PlaceArgs, SocketArgs};
use crate::exit::Failure;
use crate::peer_names::PeerNames;
use sockscope_sys as sys;

/// Names of sources that a later version has. Those of other systems are among [`SourceChoice::ALL`].
const LATER: [&str; 1] = ["bpf"];

/// The names that `--source` takes here.
pub(crate) fn source_names() -> impl Iterator<Item = &'static str> {
    sys::SOURCES.iter().map(|choice| choice.name())
}

/// Which sockets are meant, and what must be asked to find them.
pub(crate) struct Selection {
    choice: SourceChoice,
    /// Only that source will do.
    needs_identity: bool,
    kinds: Kinds,
    filter: Filter,
    /// What the source is asked: what flags and filter need, and nothing more.
    pub(crate) request: Request,
    /// Which IP databases to ask; `None`: none.
    databases: Option<DatabaseOptions>,
    /// When the program began, if the names of peers are looked up.
    resolve: Option<Instant>,
    /// Whether places are part of what is shown.
    pub(crate) places: bool,
}

/// What was seen of the machine.
pub(crate) struct Seen {
    /// All of it.
    pub(crate) frame: Frame,
    /// The positions of the sockets that are meant.
    pub(crate) rows: Vec<usize>,
    locator: Option<Locator>,
    names: Option<PeerNames>,
}

impl Seen {
    /// Asks for the names of the peers of the rows, if they are wanted, and waits for nobody.
    pub(crate) fn ask_for_names(&mut self) {
        if let Some(names) = &mut self.names {
            names.ask(&self.frame, &self.rows);
        }
    }

    /// Adds the names of the peers of the rows that come in time, if they are wanted.
    pub(crate) fn name(&mut self) {
        if let Some(names) = &mut self.names {
            names.add(&mut self.frame, &self.rows);
        }
    }

    /// Says which names are missing among these rows; `by_filter`: which looks at them now.
    pub(crate) fn say_which_names_are_missing(&mut self, by_filter: bool) {
        if let Some(names) = &mut self.names {
            let notices = names.missing(&self.frame, &self.rows, by_filter);
            if let Some(snapshot) = Arc::get_mut(&mut self.frame.snapshot) {
                snapshot.notices.extend(notices);
            }
        }
    }

    /// Looks up where the peers of the rows are, if that is wanted.
    pub(crate) fn locate(&mut self) {
        if let Some(locator) = &mut self.locator {
            locator.locate(&mut self.frame, self.rows.iter().copied());
        }
    }
}

/// Looks at the machine, one after another.
pub(crate) struct Looks<'a> {
    selection: &'a Selection,
    /// The same for all of them, so that a process' start is the same, too.
    source: sys::NativeSource,
    locator: Option<Locator>,
    /// What is to be said of the databases.
    notices: Vec<Notice>,
}

impl Looks<'_> {
    /// One look, in which that is asked.
    pub(crate) fn look(&mut self, request: &Request) -> Result<Seen, Failure> {
        let mut snapshot = self.source.snapshot(request).map_err(|error| self.selection.explain(error))?;
        let unknown = self.selection.unknown(&snapshot);
        snapshot.notices.extend(unknown);
        snapshot.notices.extend(self.notices.iter().cloned());
        let mut seen = self.selection.select_by(snapshot, self.locator.take());
        self.locator = seen.locator.take();
        Ok(seen)
    }

    /// As [`Seen::locate`].
    pub(crate) fn locate(&mut self, seen: &mut Seen) {
        if let Some(locator) = &mut self.locator {
            locator.locate(&mut seen.frame, seen.rows.iter().copied());
        }
    }
}

fn take_apart(databases: Option<Databases>) -> (Option<Locator>, Vec<Notice>) {
    match databases {
        Some(databases) => (Some(Locator::new(databases.atlas)), databases.notices),
        None => (None, Vec::new()),
    }
}

impl Selection {
    /// Reads flags and filter.
    pub(crate) fn new(args: &SocketArgs) -> Result<Selection, Failure> {
        let choice = source(args.source.as_deref())?;
        let kinds = Kinds::new(args);
        let filter = filter(&args.filter)?;
        let asked = filter.request();
        let request = Request {
            tcp: kinds.tcp && asked.tcp,
            udp: kinds.udp && asked.udp,
            ipv4: kinds.ipv4 && asked.ipv4,
            ipv6: kinds.ipv6 && asked.ipv6,
            states: kinds.states().and(asked.states),
            pushdown: args.pushdown,
            traffic: args.info || asked.traffic,
            ..asked
        };
        let databases = args.places.as_ref().map(database_options).transpose()?;
        if databases.is_none() && filter.needs().places {
            return Err(Failure::Usage("the filter asks for places, which --no-place leaves out".to_owned()));
        }
        if args.resolve != Some(true) && filter.needs().names {
            return Err(Failure::Usage(match args.resolve {
                Some(_) => "the filter asks for names of peers, which only --resolve looks up".to_owned(),
                None => "the filter asks for names of peers, which this command does not look up: a name is what the owner of the \
                         address says it is"
                    .to_owned(),
            }));
        }
        let resolve = (args.resolve == Some(true)).then(Instant::now);
        Ok(Selection { choice, needs_identity: false, kinds, filter, request, databases, resolve, places: false })
    }

    /// Takes only a source whose rows can be told from later sockets with the same addresses: for commands that act on them.
    pub(crate) fn require_identity(&mut self) -> Result<(), Failure> {
        self.needs_identity = true;
        match (self.choice, sys::CLOSABLE) {
            (SourceChoice::Auto, Some(closable)) => self.choice = closable,
            (SourceChoice::Auto, None) => {}
            (choice, closable) if Some(choice) == closable => {}
            (choice, closable) => {
                let help = closable.map_or_else(String::new, |it| format!("; use --source {}", it.name()));
                return Err(Failure::System(format!(
                    "can't close what the source '{}' lists: it has no identity (cookie) to check{help}",
                    choice.name()
                )));
            }
        }
        Ok(())
    }

    /// Whether the names of peers are looked up.
    pub(crate) fn resolves(&self) -> bool {
        self.resolve.is_some()
    }

    /// Whether places may be looked up.
    pub(crate) fn has_places(&self) -> bool {
        self.databases.is_some()
    }

    /// The filter by itself.
    pub(crate) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// One look at the machine.
    pub(crate) fn look(&self) -> Result<Seen, Failure> {
        let mut looks = self.open()?;
        let mut seen = looks.look(&self.request)?;
        seen.locator = looks.locator;
        Ok(seen)
    }

    /// Opens what every look needs, to look more than once.
    pub(crate) fn open(&self) -> Result<Looks<'_>, Failure> {
        let (locator, notices) = take_apart(self.open_databases()?);
        let source = sys::native(self.choice).map_err(|error| self.explain(error))?;
        Ok(Looks { selection: self, source, locator, notices })
    }

    /// The advice to use another source does not help if its sockets could not be told from later ones.
    fn explain(&self, error: SourceError) -> SourceError {
        match self.needs_identity {
            true => SourceError { help: Some("without it nothing can be closed".to_owned()), ..error },
            false => error,
        }
    }

    /// The source, to be asked more than once.
    pub(crate) fn source(&self) -> Result<sys::NativeSource, Failure> {
        Ok(sys::native(self.choice)?)
    }

    /// What is asked for the sake of the flags alone: any socket may be meant that the filter does not mean now.
    pub(crate) fn kinds_request(&self) -> Request {
        let Kinds { tcp, udp, ipv4, ipv6, .. } = self.kinds;
        Request { tcp, udp, ipv4, ipv6, pushdown: self.request.pushdown, ..Request::default() }
    }

    /// What the flags mean, as a filter; empty: everything.
    pub(crate) fn kinds_text(&self) -> String {
        let Kinds { tcp, udp, ipv4, ipv6, listening } = self.kinds;
        let words = [(!udp, "tcp"), (!tcp, "udp"), (!ipv6, "ipv4"), (!ipv4, "ipv6"), (listening, "listening")];
        let words: Vec<&str> = words.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
        words.join(" and ")
    }

    /// Makes the request one for many looks. `hears`: events tell of what closes between them.
    pub(crate) fn watch(&mut self, hears: bool) {
        let request = &mut self.request;
        request.owners = true;
        request.tcp_opens = true;
        // A connection that leaves these states would seem to close.
        let stays = StateSet::NONE.with(State::Listen).with(State::Closed).with(State::Bound);
        if !request.states.and(stays.complement()).is_empty() {
            request.states = StateSet::ALL;
        }
        if !hears {
            // What is missed is estimated from what is seen of all; and what a socket counted must be known before it is gone.
            request.condition = None;
            // Windows counts nothing unless an administrator has it done for a connection.
            request.traffic |= cfg!(not(windows));
        }
    }

    /// What tells of sockets when it happens. Only rows of a source with identities can be told from later ones.
    pub(crate) fn events(&self) -> Result<Box<dyn Events>, SourceError> {
        if self.choice != SourceChoice::Auto && Some(self.choice) != sys::CLOSABLE {
            return Err(SourceError {
                kind: ErrorKind::Unavailable,
                operation: "hear what the system tells of sockets beside".to_owned(),
                object: self.choice.name().to_owned(),
                cause: "its sockets have no identity to know them by".to_owned(),
                help: None,
            });
        }
        sys::events(&self.request)
    }

    /// Whether the socket is meant. Its places must have been looked up, if the filter asks for them.
    pub(crate) fn matches(&self, row: &Row<'_>) -> bool {
        self.kinds.contain(row.socket) && self.filter.matches(row)
    }

    /// Whether every TCP connection is meant.
    pub(crate) fn wants_all_tcp(&self) -> bool {
        let Kinds { tcp, udp: _, ipv4, ipv6, listening } = self.kinds;
        tcp && ipv4 && ipv6 && !listening && self.filter.is_everything()
    }

    /// Whether TCP sockets can be meant.
    pub(crate) fn wants_tcp(&self) -> bool {
        self.request.tcp
    }

    /// Whether UDP sockets can be meant.
    pub(crate) fn wants_udp(&self) -> bool {
        self.request.udp
    }

    /// The sockets of a snapshot that are meant.
    pub(crate) fn select(&self, mut snapshot: Snapshot, databases: Option<Databases>) -> Seen {
        let (locator, notices) = take_apart(databases);
        snapshot.notices.extend(notices);
        self.select_by(snapshot, locator)
    }

    fn select_by(&self, snapshot: Snapshot, locator: Option<Locator>) -> Seen {
        let frame = Frame::new(snapshot);
        let kind = |(_, row): &(usize, Row<'_>)| self.kinds.contain(row.socket);
        let rows = frame.rows().enumerate().filter(kind).map(|(index, _)| index).collect();
        let mut seen = Seen { frame, rows, locator, names: self.resolve.map(PeerNames::new) };
        if self.filter.needs().names {
            seen.ask_for_names();
        }
        if self.filter.needs().places {
            seen.locate();
            self.say_which_places_are_unknown(&mut seen.frame);
        }
        if self.filter.needs().names {
            seen.name();
            seen.say_which_names_are_missing(true);
        }
        let Seen { frame, rows, .. } = &mut seen;
        if !self.filter.is_everything() {
            rows.retain(|index| frame.row(*index).is_some_and(|row| self.filter.matches(&row)));
        }
        // Owners that are hidden matter if a listed row lacks them, or the filter asked for them.
        let hidden =
            |index: &usize| frame.row(*index).is_some_and(|row| row.socket.owners.reason() == Some(NoOwner::NeedsRoot));
        if !self.filter.needs().owners
            && !rows.iter().any(hidden)
            && let Some(snapshot) = Arc::get_mut(&mut frame.snapshot)
        {
            snapshot.notices.retain(|notice| notice.code != "owners-need-root");
        }
        seen
    }

    /// The IP databases, if anything needs them; one that is named must be of use even if nothing does.
    pub(crate) fn open_databases(&self) -> Result<Option<Databases>, Failure> {
        match &self.databases {
            Some(options) if self.places || self.filter.needs().places || !options.files.is_empty() => {
                Ok(Some(Databases::open(options)?))
            }
            _ => Ok(None),
        }
    }

    /// As [`Selection::unknown`], of what the IP databases do not know.
    fn say_which_places_are_unknown(&self, frame: &mut Frame) {
        let needs = self.filter.needs();
        let mut known = frame.places.values().flat_map(|places| places.first());
        let asked = [
            ("asn", needs.asns && !known.clone().any(|place| place.asn.is_some())),
            ("org", needs.organizations && !known.any(|place| place.organization.is_some())),
        ];
        let Some(snapshot) = Arc::get_mut(&mut frame.snapshot) else { return };
        for (term, _) in asked.into_iter().filter(|(_, is_unknown)| *is_unknown) {
            snapshot.notices.push(Notice {
                code: "places-unknown",
                message: format!(
                    "no IP database says of any peer here what `{term}` asks for, so it matches nothing; --database names others"
                ),
            });
        }
    }

    /// A filter on something that is nowhere known matches nothing, which looks like an answer and is none.
    pub(crate) fn unknown(&self, snapshot: &Snapshot) -> Vec<Notice> {
        let mut notices = Vec::new();
        if snapshot.os == "windows" {
            notices.extend(self.unknown_on_windows());
        }
        let needs = self.filter.needs();
        if needs.opened && snapshot.sockets.iter().all(|socket| socket.opened.is_none()) {
            notices.push(Notice {
                code: "age-unknown",
                message: "this source does not know when a socket was opened; `age` matches nothing".to_owned(),
            });
        }
        if needs.marks && snapshot.os != "windows" && snapshot.sockets.iter().all(|socket| socket.mark.is_none()) {
            notices.push(Notice {
                code: "marks-unknown",
                message:
                    "firewall marks can't be read here: that takes root (CAP_NET_ADMIN) and the source sock_diag; \
                          a filter on them matches nothing"
                        .to_owned(),
            });
        }
        notices
    }
}

impl Selection {
    /// What Windows keeps of no socket, and the filter asks for.
    fn unknown_on_windows(&self) -> Option<Notice> {
        let never = |field: &Field| {
            matches!(
                field,
                Field::Uid
                    | Field::Inode
                    | Field::Cookie
                    | Field::Interface
                    | Field::Mark
                    | Field::NamespaceId
                    | Field::NamespaceName
                    | Field::Cgroup
                    | Field::QueuesReceive
                    | Field::QueuesSend
                    | Field::TimerKind
                    | Field::TimerExpiresUs
                    | Field::TimerRetransmits
                    | Field::OwnerFds
                    | Field::OwnerContainer
            )
        };
        let mut names: Vec<&str> =
            self.filter.fields().iter().filter(|field| never(field)).map(|it| it.name()).collect();
        if self.filter.needs().autobound {
            names.push("autobound");
        }
        names.dedup();
        (!names.is_empty()).then(|| Notice {
            code: "unknown-on-windows",
            message: format!("Windows says of no socket its {}; a filter on that matches nothing", names.join(", ")),
        })
    }
}

/// What `-t -u -4 -6 -l` leave.
struct Kinds {
    tcp: bool,
    udp: bool,
    ipv4: bool,
    ipv6: bool,
    listening: bool,
}

impl Kinds {
    /// Of a pair of flags, none means both.
    fn new(args: &SocketArgs) -> Kinds {
        Kinds {
            tcp: args.tcp || !args.udp,
            udp: args.udp || !args.tcp,
            ipv4: args.ipv4 || !args.ipv6,
            ipv6: args.ipv6 || !args.ipv4,
            // As in `ss`: states that the filter begins with take the place of `-l`.
            listening: args.listening && !begins_with_states(&args.filter),
        }
    }

    fn states(&self) -> StateSet {
        if self.listening { StateSet::NONE.with(State::Listen).with(State::Closed) } else { StateSet::ALL }
    }

    fn contain(&self, socket: &Socket) -> bool {
        let protocol = match socket.key.protocol {
            Protocol::Tcp => self.tcp,
            Protocol::Udp => self.udp,
            // A protocol of a later version: shown unless the flags name others.
            _ => self.tcp && self.udp,
        };
        let family = match socket.family() {
            Family::Ipv4 => self.ipv4,
            Family::Ipv6 => self.ipv6,
        };
        // Of a port that a probe found in use nobody knows whether it is listened on.
        let may_listen = socket.is_listening() || socket.key.protocol == Protocol::Tcp && socket.state.is_none();
        protocol && family && (!self.listening || may_listen)
    }
}

/// Whether the filter begins with `state NAME` or `exclude NAME`, and not with a comparison such as `state = NAME`.
fn begins_with_states(words: &[String]) -> bool {
    let text = words.join(" ").to_ascii_lowercase();
    let mut words = text.split_ascii_whitespace();
    let clause = words.next().is_some_and(|word| matches!(word, "state" | "exclude" | "excl"));
    clause && words.next().is_some_and(|word| !word.starts_with(['=', '!', '~', '<', '>']) && word != "in")
}

fn source(name: Option<&str>) -> Result<SourceChoice, Failure> {
    let Some(name) = name else { return Ok(SourceChoice::Auto) };
    if let Some(choice) = sys::SOURCES.iter().find(|choice| choice.name() == name) {
        return Ok(*choice);
    }
    let here = source_names().collect::<Vec<_>>().join(", ");
    if LATER.contains(&name) || SourceChoice::ALL.iter().any(|choice| choice.name() == name) {
        return Err(Failure::System(format!("the source '{name}' is not available here; there are: {here}")));
    }
    Err(Failure::Usage(format!("there is no source named '{}'; there are: {here}", clean(name))))
}

/// Which IP databases to open, and how.
pub(crate) fn database_options(args: &PlaceArgs) -> Result<DatabaseOptions, Failure> {
    let language = match &args.language {
        Some(text) => Some(Language::parse(text).ok_or_else(|| {
            Failure::Usage(format!("--language: '{}' is no language; en, zh-CN and the like are", clean(text)))
        })?),
        None => None,
    };
    Ok(DatabaseOptions { files: args.databases.clone(), language, keep: false })
}

/// The filter that the words are; without words, everything.
fn filter(words: &[String]) -> Result<Filter, Failure> {
    if words.iter().all(|word| word.trim().is_empty()) {
        return Ok(Filter::everything());
    }
    // Interfaces, services and, on Windows, names of users cost system calls or more, and few filters name one.
    let names_interface = words.iter().any(|word| word.contains("dev") || word.contains("interface"));
    let names_viewer = words.iter().any(|word| word.to_ascii_lowercase().contains("mine"));
    let mut context = Context {
        uid: sys::viewer_uid(),
        user: if names_viewer { sys::viewer_user() } else { None },
        services: Services::new(),
        interfaces: if names_interface { sys::interfaces() } else { Default::default() },
    };
    if let Ok(filter) = Filter::from_words(words, &context) {
        return Ok(filter);
    }
    if let Some(text) = sys::services_text() {
        context.services = Services::parse(&text);
    }
    Filter::from_words(words, &context).map_err(|error| Failure::Usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_other_systems_are_known_and_others_are_not() {
        assert!(matches!(source(None), Ok(SourceChoice::Auto)));
        for name in source_names() {
            assert!(source(Some(name)).is_ok_and(|choice| choice.name() == name));
        }
        for elsewhere in LATER.into_iter().chain(SourceChoice::ALL.iter().map(|choice| choice.name())) {
            if source_names().any(|name| name == elsewhere) {
                continue;
            }
            assert!(matches!(source(Some(elsewhere)), Err(Failure::System(_))), "{elsewhere}");
        }
        assert!(matches!(source(Some("netlink")), Err(Failure::Usage(_))));
    }
}
