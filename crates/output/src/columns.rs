use std::fmt;

use sockscope_model::{Field, Frame, NoOwner};

/// A column of a table, of CSV or of HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Column {
    /// One scalar.
    Field(Field),
    /// Local address and port as one text: `10.0.0.5:443`, `[fe80::1%eth0]:22`.
    Local,
    /// Address and port of the peer, likewise.
    Remote,
    /// `name[pid]` of every owner; without an owner, the reason in parentheses.
    Process,
    /// What every database says about the peer, with `≠` before it where they name different countries.
    Places,
    /// Name of the network namespace, or its inode.
    Namespace,
    /// How long ago the socket was made.
    Age,
    /// The running timer: `kind:expires:retransmits`.
    Timer,
}

use Column::Field as F;

/// Stands before the places of a peer whose country the databases do not agree on.
pub(crate) const DISAGREE: char = '≠';

/// Columns that are not fields.
const COMPOSITE: [(Column, &str, &str); 7] = [
    (Column::Local, "local", "Local"),
    (Column::Remote, "remote", "Remote"),
    (Column::Process, "process", "Process"),
    (Column::Places, "places", "Places"),
    (Column::Namespace, "namespace", "Namespace"),
    (Column::Age, "age", "Age"),
    (Column::Timer, "timer", "Timer"),
];

/// Short names, as in the filter language where it has them.
const ALIASES: [(&str, Column); 30] = [
    ("proto", F(Field::Protocol)),
    ("laddr", F(Field::LocalAddress)),
    ("raddr", F(Field::RemoteAddress)),
    ("lport", F(Field::LocalPort)),
    ("rport", F(Field::RemotePort)),
    ("rname", F(Field::RemoteName)),
    ("pid", F(Field::OwnerPid)),
    ("name", F(Field::OwnerName)),
    ("path", F(Field::OwnerPath)),
    ("command", F(Field::OwnerCommandLine)),
    ("fds", F(Field::OwnerFds)),
    ("service", F(Field::OwnerService)),
    ("container", F(Field::OwnerContainer)),
    ("opened", F(Field::OpenedAt)),
    ("recvq", F(Field::QueuesReceive)),
    ("recv-q", F(Field::QueuesReceive)),
    ("sendq", F(Field::QueuesSend)),
    ("send-q", F(Field::QueuesSend)),
    ("sent", F(Field::SentBytes)),
    ("received", F(Field::ReceivedBytes)),
    ("rtt", F(Field::RttUs)),
    ("minrtt", F(Field::MinRttUs)),
    ("retransmits", F(Field::RetransmittedSegments)),
    ("lost", F(Field::LostSegments)),
    ("congestion", F(Field::CongestionControl)),
    ("cwnd", F(Field::CongestionWindow)),
    ("mss", F(Field::SegmentSize)),
    ("country", F(Field::PlaceCountry)),
    ("asn", F(Field::PlaceAsn)),
    ("org", F(Field::PlaceOrganization)),
];

/// The rest of the short names; two tables so that each fits a screen.
const PLACE_ALIASES: [(&str, Column); 4] = [
    ("place", F(Field::PlaceText)),
    ("region", F(Field::PlaceRegion)),
    ("city", F(Field::PlaceCity)),
    ("database", F(Field::PlaceDatabase)),
];

impl Column {
    /// The name: what CSV's header line has, and what [`Column::parse_list`] takes.
    pub fn name(self) -> &'static str {
        match self {
            Column::Field(field) => field.name(),
            _ => COMPOSITE.into_iter().find(|(column, ..)| *column == self).map_or("", |(_, name, _)| name),
        }
    }

    /// The title in tables for people.
    pub fn title(self) -> &'static str {
        match self {
            Column::Field(field) => field_title(field),
            _ => COMPOSITE.into_iter().find(|(column, ..)| *column == self).map_or("", |(_, _, title)| title),
        }
    }

    /// What it holds, in a few words.
    pub fn description(self) -> &'static str {
        match self {
            Column::Field(field) => field.description(),
            Column::Local => "local address and port",
            Column::Remote => "address (with --resolve, name) and port of the peer",
            Column::Process => "name and number of each owner, or why there is none",
            Column::Places => "what every database says about the peer; ≠ where they disagree on the country",
            Column::Namespace => "network namespace, by name or inode",
            Column::Age => "time since the socket was made",
            Column::Timer => "the running timer: kind, time left, retransmits",
        }
    }

    /// Every column, in CSV's order, composite ones last.
    pub fn all() -> impl Iterator<Item = Column> {
        Field::ALL.iter().copied().map(Column::Field).chain(COMPOSITE.into_iter().map(|(column, ..)| column))
    }

    /// The short names that [`Column::parse_list`] takes beside [`Column::name`].
    pub fn aliases() -> impl Iterator<Item = (&'static str, Column)> {
        ALIASES.into_iter().chain(PLACE_ALIASES)
    }

    /// The column of that name or short name; case does not count.
    pub fn from_name(name: &str) -> Option<Column> {
        let same = |known: &str| known.eq_ignore_ascii_case(name);
        Column::all()
            .find(|column| same(column.name()))
            .or_else(|| Column::aliases().find(|(alias, _)| same(alias)).map(|(_, column)| column))
    }

    /// Columns by name, separated by commas; white space around a name does not count.
    ///
    /// # Errors
    /// A name that no column has, or none at all.
    ///
    /// ```
    /// use sockscope_output::Column;
    /// let columns = Column::parse_list("proto, local_port,process")?;
    /// assert_eq!(columns.iter().map(|column| column.name()).collect::<Vec<_>>(), ["protocol", "local_port", "process"]);
    /// let error = Column::parse_list("proto,locl_port").unwrap_err();
    /// assert_eq!((error.word.as_str(), error.column), ("locl_port", 7));
    /// # Ok::<(), sockscope_output::ColumnError>(())
    /// ```
    pub fn parse_list(text: &str) -> Result<Vec<Column>, ColumnError> {
        let mut position = 1;
        text.split(',')
            .map(|part| {
                let word = part.trim();
                let column = position + part.chars().count() - part.trim_start().chars().count();
                position += part.chars().count() + 1;
                Column::from_name(word).ok_or_else(|| ColumnError::new(word, column))
            })
            .collect()
    }

    /// CSV's columns if none are named: every field, so that a file's header never depends on what was asked for. Columns
    /// that nobody asked the source to fill are empty; decide what to ask by the options, not by `needs_*` of this list.
    pub fn default_csv() -> Vec<Column> {
        Field::ALL.iter().copied().map(Column::Field).collect()
    }

    /// The columns of a page if none are named.
    pub fn default_html(frame: &Frame) -> Vec<Column> {
        let mut columns = Column::default_table(frame);
        columns.extend([F(Field::Exposure), F(Field::Interface), F(Field::OwnerPath)]);
        columns
    }

    /// The columns of a table if none are named and there is room: without owners if nobody looked for them, with
    /// namespaces if there are several, with places if any is known: one, or all if several databases were asked. Windows has no
    /// queues, and services in processes of one name.
    pub fn default_table(frame: &Frame) -> Vec<Column> {
        let sockets = &frame.snapshot.sockets;
        let asked = |reason| reason != Some(NoOwner::NotAsked);
        let owners = sockets.is_empty() || sockets.iter().any(|socket| asked(socket.owners.reason()));
        let mut columns = vec![F(Field::Protocol), F(Field::State)];
        if frame.snapshot.os != "windows" {
            columns.extend([F(Field::QueuesReceive), F(Field::QueuesSend)]);
        }
        columns.extend([Column::Local, Column::Remote]);
        if owners {
            columns.push(Column::Process);
        }
        // Elsewhere the name of a process tells the service, here many are called svchost.exe.
        if frame.snapshot.os == "windows" && frame.snapshot.processes.values().any(|it| it.service.is_some()) {
            columns.push(F(Field::OwnerService));
        }
        columns.push(F(Field::User));
        if frame.snapshot.namespaces.len() > 1 {
            columns.push(Column::Namespace);
        }
        if !frame.places.is_empty() {
            columns.push(if frame.databases.len() > 1 { Column::Places } else { F(Field::PlaceText) });
        }
        columns
    }

    /// What `-e` adds to a table of a machine with that operating system, by the name that [`std::env::consts::OS`] has for it:
    /// of a socket of Windows, little is known of what Linux tells.
    pub fn extended(os: &str) -> Vec<Column> {
        if os == "windows" {
            return vec![F(Field::Exposure), Column::Age, F(Field::OwnerPath)];
        }
        vec![
            F(Field::Uid),
            F(Field::Inode),
            F(Field::Cookie),
            F(Field::Interface),
            F(Field::Mark),
            Column::Timer,
            F(Field::Cgroup),
        ]
    }

    /// What `-i` adds to a table.
    pub fn traffic() -> Vec<Column> {
        vec![
            F(Field::SentBytes),
            F(Field::ReceivedBytes),
            F(Field::RttUs),
            F(Field::RetransmittedSegments),
            F(Field::CongestionControl),
            F(Field::CongestionWindow),
            F(Field::SendRateBps),
            F(Field::DeliveryRateBps),
        ]
    }

    /// Whether it comes from the search for owners.
    pub const fn needs_owners(self) -> bool {
        match self {
            Column::Field(field) => field.needs_owners(),
            _ => matches!(self, Column::Process),
        }
    }

    /// Whether it comes from more than a process' number, start and name.
    pub const fn needs_process_details(self) -> bool {
        matches!(self, Column::Field(field) if field.needs_process_details())
    }

    /// Whether it comes from TCP's counters.
    pub const fn needs_traffic(self) -> bool {
        matches!(self, Column::Field(field) if field.needs_traffic())
    }

    /// Whether it comes from cgroup ids resolved to paths.
    pub const fn needs_cgroups(self) -> bool {
        matches!(self, Column::Field(Field::Cgroup))
    }

    /// Whether it comes from an IP database.
    pub const fn needs_places(self) -> bool {
        match self {
            Column::Field(field) => field.needs_places(),
            _ => matches!(self, Column::Places),
        }
    }

    /// Whether it comes from a name service, and is missing without. (The peer's address and port merely look better with it.)
    pub const fn needs_names(self) -> bool {
        matches!(self, Column::Field(field) if field.needs_names())
    }

    /// Whether it holds numbers, which tables align to the right.
    pub const fn is_number(self) -> bool {
        match self {
            Column::Field(field) => {
                // A cell may hold several pids, which no one adds up; they stay texts.
                field.needs_traffic() && !matches!(field, Field::CongestionControl)
                    || matches!(
                        field,
                        Field::LocalPort
                            | Field::RemotePort
                            | Field::Uid
                            | Field::Inode
                            | Field::Cookie
                            | Field::Mark
                            | Field::NamespaceId
                            | Field::QueuesReceive
                            | Field::QueuesSend
                            | Field::TimerExpiresUs
                            | Field::TimerRetransmits
                            | Field::PlaceAsn
                    )
            }
            _ => matches!(self, Column::Age),
        }
    }
}

fn field_title(field: Field) -> &'static str {
    match field {
        Field::Protocol => "Proto",
        Field::Family => "Family",
        Field::State => "State",
        Field::LocalAddress => "Local address",
        Field::LocalPort => "Local port",
        Field::LocalScope => "Local scope",
        Field::RemoteAddress => "Remote address",
        Field::RemotePort => "Remote port",
        Field::RemoteScope => "Remote scope",
        Field::OwnerPid => "PID",
        Field::OwnerStartedAt => "Started",
        Field::OwnerName => "Name",
        Field::OwnerPath => "Path",
        Field::OwnerCommandLine => "Command line",
        Field::OwnerUser => "Process user",
        Field::OwnerFds => "FDs",
        Field::OwnerService => "Service",
        Field::OwnerContainer => "Container",
        Field::NoOwner => "No owner",
        Field::Uid => "UID",
        Field::User => "User",
        Field::Inode => "Inode",
        Field::Cookie => "Cookie",
        Field::Interface => "Interface",
        Field::Mark => "Mark",
        Field::NamespaceId => "Namespace ID",
        Field::NamespaceName => "Namespace",
        Field::Cgroup => "Cgroup",
        Field::OpenedAt => "Opened",
        Field::QueuesReceive => "Recv-Q",
        Field::QueuesSend => "Send-Q",
        Field::TimerKind => "Timer",
        Field::TimerExpiresUs => "Expires",
        Field::TimerRetransmits => "Timer retransmits",
        Field::SentBytes => "Sent",
        Field::ReceivedBytes => "Received",
        Field::RttUs => "RTT",
        Field::RttVariationUs => "RTT variation",
        Field::MinRttUs => "Min RTT",
        Field::RetransmittedSegments => "Retransmits",
        Field::LostSegments => "Lost",
        Field::CongestionControl => "Congestion",
        Field::CongestionWindow => "Cwnd",
        Field::SegmentSize => "MSS",
        Field::SendRateBps => "Send rate",
        Field::DeliveryRateBps => "Delivery rate",
        Field::LastSentUs => "Last sent",
        Field::LastReceivedUs => "Last received",
        Field::Exposure => "Exposure",
        Field::PlaceCountryCode => "CC",
        Field::PlaceCountry => "Country",
        Field::PlaceRegion => "Region",
        Field::PlaceCity => "City",
        Field::PlaceAsn => "ASN",
        Field::PlaceOrganization => "Organization",
        Field::PlaceText => "Place",
        Field::PlaceDatabase => "Database",
        Field::RemoteName => "Remote name",
        // A field that the model gained later shows under its own name until it gets a title.
        _ => field.name(),
    }
}

/// A word in a list of columns that names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnError {
    /// The word; empty where a name is missing.
    pub word: String,
    /// Where it stands in the list, in characters, counted from 1.
    pub column: usize,
    /// Names that resemble it, the nearest first; empty if none does.
    pub nearest: Vec<&'static str>,
}

impl ColumnError {
    fn new(word: &str, column: usize) -> ColumnError {
        let lower = word.to_lowercase();
        let names = Column::all().map(Column::name).chain(Column::aliases().map(|(alias, _)| alias));
        // A typing error is small; a part of a name, as `port` of `local_port`, is taken for a guess.
        let mut near: Vec<(usize, &'static str)> = names
            .filter_map(|name| {
                let distance = edit_distance(&lower, name);
                let close = distance <= lower.chars().count().div_ceil(3).min(3);
                let part = lower.len() >= 3 && name.contains(&lower);
                (close || part).then_some((if close { distance } else { distance.max(3) }, name))
            })
            .collect();
        near.sort_unstable();
        ColumnError { word: word.to_owned(), column, nearest: near.into_iter().take(3).map(|(_, name)| name).collect() }
    }
}

impl fmt::Display for ColumnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.word.is_empty() {
            return write!(f, "a column's name is missing at column {}", self.column);
        }
        write!(f, "no column is named '{}' (at column {})", crate::clean(&self.word), self.column)?;
        for (position, name) in self.nearest.iter().enumerate() {
            write!(f, "{}'{name}'", if position == 0 { "; did you mean " } else { " or " })?;
        }
        if self.nearest.is_empty() {
            f.write_str("; columns are named like the JSON paths: local_address, owner_pid, ...")?;
        }
        Ok(())
    }
}

impl std::error::Error for ColumnError {}

/// How many characters must be inserted, removed or replaced (Levenshtein).
fn edit_distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, left) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(to.chars()) {
            let replaced = diagonal + usize::from(left != right);
            diagonal = *cell;
            before = replaced.min(before + 1).min(*cell + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again_and_none_is_ambiguous() {
        for column in Column::all() {
            assert_eq!(Column::from_name(column.name()), Some(column));
            assert!(!column.title().is_empty() && !column.description().is_empty());
        }
        for (alias, column) in Column::aliases() {
            assert_eq!(Column::from_name(alias), Some(column), "{alias}");
            assert!(Column::all().all(|other| other.name() != alias), "{alias}");
        }
    }

    #[test]
    fn every_word_of_the_filter_language_names_a_column() {
        for word in
            "proto family state local remote lport rport pid process path command user service container namespace \
                     country asn org place database age sent received rtt retransmits recvq sendq interface exposure"
                .split_whitespace()
        {
            assert!(Column::from_name(word).is_some(), "{word}");
        }
    }

    #[test]
    fn errors_point_at_the_word() {
        let error = Column::parse_list("proto, portx ,pid").unwrap_err();
        assert_eq!((error.word.as_str(), error.column), ("portx", 8));
        assert_eq!(error.nearest.first(), Some(&"lport"));
        let error = Column::parse_list("local_adress").unwrap_err();
        assert_eq!(error.nearest, ["local_address"]);
        assert_eq!(error.to_string(), "no column is named 'local_adress' (at column 1); did you mean 'local_address'");
        let error = Column::parse_list("port").unwrap_err();
        assert!(error.nearest.contains(&"lport") && error.nearest.contains(&"rport"), "{:?}", error.nearest);
        let error = Column::parse_list("中,\x1b[2J").unwrap_err();
        assert_eq!((error.word.as_str(), error.column), ("中", 1));
        assert!(Column::parse_list("proto,\x1b[2J").unwrap_err().to_string().contains(r"'\x1b[2J'"));
        for missing in ["", "proto,", ",proto", "proto,,pid"] {
            assert_eq!(Column::parse_list(missing).unwrap_err().word, "", "{missing}");
        }
    }

    #[test]
    fn distances_count_edits() {
        for (from, to, distance) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("a", "a", 0)]
        {
            assert_eq!(edit_distance(from, to), distance, "{from} {to}");
        }
    }
}
