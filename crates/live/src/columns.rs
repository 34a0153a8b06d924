use sockscope_core::Needs;
use sockscope_model::{Field, Frame, HostName};
use sockscope_output::Column;

use crate::view::View;

/// A column of the live table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Of a socket: a column that listings have too.
    Socket(Column),
    /// The name of the peer, where name servers are asked.
    RemoteName,
    /// Bytes a second that are sent now.
    Sending,
    /// Bytes a second that are received now.
    Receiving,
    /// Both together, over the last looks.
    Trend,
    /// Of a group: what its sockets have in common.
    Group,
    /// The process' number.
    Pid,
    /// The user of the process, or of the listener.
    User,
    /// Where the host is.
    Place,
    /// How many sockets.
    Sockets,
    /// How many of them listen, or are unconnected UDP sockets.
    Listening,
    /// How many are established, or connected UDP sockets.
    Established,
    /// How many are in any other state.
    Other,
    /// Bytes sent, of the connections that are there.
    Sent,
    /// Bytes received, likewise.
    Received,
}

impl Shown {
    const EXTRA: [(Shown, &'static str, &'static str, &'static str); 14] = [
        (Shown::RemoteName, "remote_name", "Remote name", "name of the peer, with --resolve"),
        (Shown::Sending, "sending", "Out/s", "bytes sent a second, now"),
        (Shown::Receiving, "receiving", "In/s", "bytes received a second, now"),
        (Shown::Trend, "trend", "Trend", "bytes a second over the last looks"),
        (Shown::Group, "group", "Group", "what the sockets have in common"),
        (Shown::Pid, "pid", "PID", "number of the process"),
        (Shown::User, "user", "User", "user of the process or listener"),
        (Shown::Place, "place", "Place", "where the host is"),
        (Shown::Sockets, "sockets", "Sockets", "how many sockets"),
        (Shown::Listening, "listening", "Listen", "how many listen"),
        (Shown::Established, "established", "Estab", "how many are established"),
        (Shown::Other, "other", "Other", "how many are in other states"),
        (Shown::Sent, "sent", "Sent", "bytes sent by what is there"),
        (Shown::Received, "received", "Received", "bytes received by what is there"),
    ];

    fn about(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Shown::Socket(column) => (column.name(), column.title(), column.description()),
            _ => Shown::EXTRA
                .into_iter()
                .find(|(shown, ..)| *shown == self)
                .map_or(("", "", ""), |(_, name, title, about)| (name, title, about)),
        }
    }

    /// The name, in the file that remembers it and for `--columns`.
    pub fn name(self) -> &'static str {
        self.about().0
    }

    /// What it holds, in a few words.
    pub fn description(self) -> &'static str {
        self.about().2
    }

    /// The title; for the groups of a view, what they are.
    pub fn title(self, view: View) -> &'static str {
        match (self, view) {
            (Shown::Group, View::Processes) => "Process",
            (Shown::Group, View::Hosts) => "Remote host",
            (Shown::Group, View::Countries) => "Country",
            (Shown::Group, View::Listeners) => "Listener",
            (Shown::Group, View::Services) => "Service",
            _ => self.about().1,
        }
    }

    /// Whether its cells are numbers, which stand to the right.
    pub fn is_number(self) -> bool {
        match self {
            Shown::Socket(column) => column.is_number(),
            Shown::RemoteName | Shown::Group | Shown::User | Shown::Place | Shown::Trend => false,
            _ => true,
        }
    }

    /// Whether its largest values are looked for, so that sorting begins with them.
    pub fn largest_first(self) -> bool {
        match self {
            Shown::Socket(Column::Field(field)) => {
                field.needs_traffic() && !matches!(field, Field::CongestionControl)
                    || matches!(field, Field::QueuesReceive | Field::QueuesSend)
            }
            Shown::Socket(_) | Shown::Pid => false,
            _ => self.is_number() || self == Shown::Trend,
        }
    }

    /// Every column that a view may have.
    pub fn all(view: View) -> Vec<Shown> {
        match view {
            View::Sockets => {
                Column::all().map(Shown::Socket).chain([Shown::Sending, Shown::Receiving, Shown::Trend]).collect()
            }
            _ => {
                let all = Shown::EXTRA.into_iter().map(|(shown, ..)| shown);
                all.filter(|shown| match shown {
                    Shown::RemoteName => view == View::Hosts,
                    Shown::Pid => matches!(view, View::Processes | View::Listeners),
                    Shown::User => matches!(view, View::Processes | View::Listeners),
                    Shown::Place => view == View::Hosts,
                    _ => true,
                })
                .collect()
            }
        }
    }

    /// The column of that name in a view.
    pub fn from_name(view: View, name: &str) -> Option<Shown> {
        let name = name.trim();
        let all = Shown::all(view);
        let exact = all.iter().copied().find(|shown| shown.name().eq_ignore_ascii_case(name));
        // Short names of listings, which the filter language has too.
        let short = || Column::from_name(name).map(Shown::Socket).filter(|_| view == View::Sockets);
        exact.or_else(short)
    }

    /// The columns of a view before anybody chooses.
    pub fn default_of(view: View, frame: Option<&Frame>, places: bool) -> Vec<Shown> {
        let field = |field| Shown::Socket(Column::Field(field));
        match view {
            View::Sockets => {
                let mut columns = vec![field(Field::Protocol), field(Field::State)];
                columns.extend([Shown::Socket(Column::Local), Shown::Socket(Column::Remote)]);
                columns.push(Shown::Socket(Column::Process));
                columns.extend([Shown::Receiving, Shown::Sending]);
                if frame.is_some_and(|frame| frame.snapshot.namespaces.len() > 1) {
                    columns.push(Shown::Socket(Column::Namespace));
                }
                if places {
                    let several = frame.is_some_and(|frame| frame.databases.len() > 1);
                    columns.push(if several { Shown::Socket(Column::Places) } else { field(Field::PlaceText) });
                }
                columns.extend([field(Field::User), Shown::Trend]);
                columns
            }
            View::Processes => {
                let mut columns = vec![Shown::Pid, Shown::User, Shown::Group, Shown::Sockets, Shown::Listening];
                columns.extend([Shown::Established, Shown::Other, Shown::Receiving, Shown::Sending, Shown::Trend]);
                columns
            }
            View::Hosts => {
                let mut columns = vec![Shown::Group];
                if frame.is_some_and(|frame| !frame.names.is_empty()) {
                    columns.push(Shown::RemoteName);
                }
                columns.extend([Shown::Sockets, Shown::Established, Shown::Other, Shown::Receiving, Shown::Sending]);
                if places {
                    columns.push(Shown::Place);
                }
                columns.push(Shown::Trend);
                columns
            }
            View::Services => vec![
                Shown::Group,
                Shown::Sockets,
                Shown::Listening,
                Shown::Established,
                Shown::Other,
                Shown::Receiving,
                Shown::Sending,
                Shown::Trend,
            ],
            View::Countries => vec![
                Shown::Group,
                Shown::Sockets,
                Shown::Established,
                Shown::Other,
                Shown::Receiving,
                Shown::Sending,
                Shown::Trend,
            ],
            View::Listeners => vec![
                Shown::Group,
                Shown::Pid,
                Shown::User,
                Shown::Sockets,
                Shown::Established,
                Shown::Other,
                Shown::Receiving,
                Shown::Sending,
                Shown::Trend,
            ],
        }
    }

    /// Whether its cells change though nothing happens.
    pub fn ages(self) -> bool {
        matches!(
            self,
            Shown::Socket(
                Column::Age
                    | Column::Timer
                    | Column::Field(Field::TimerExpiresUs | Field::LastSentUs | Field::LastReceivedUs)
            )
        )
    }

    /// What must be looked up to show it or to sort by it.
    pub fn needs(self) -> Needs {
        match self {
            Shown::Socket(column) => Needs {
                owners: column.needs_owners() || column.needs_process_details(),
                process_details: column.needs_process_details(),
                traffic: column.needs_traffic(),
                cgroups: column.needs_cgroups(),
                places: column.needs_places(),
                ..Needs::default()
            },
            Shown::User | Shown::Pid => Needs { owners: true, process_details: true, ..Needs::default() },
            Shown::Place => Needs { places: true, ..Needs::default() },
            _ => Needs { traffic: true, ..Needs::default() },
        }
    }

    /// The order in which columns that nobody chose are left out where room is short, lowest first; `None`: never.
    pub const fn rank(self) -> Option<u8> {
        match self {
            Shown::Trend => Some(1),
            Shown::Socket(Column::Field(Field::User)) | Shown::User => Some(2),
            Shown::Socket(Column::Namespace) => Some(3),
            Shown::Other | Shown::Listening => Some(4),
            Shown::Socket(Column::Places | Column::Field(Field::PlaceText)) | Shown::Place => Some(5),
            Shown::RemoteName | Shown::Socket(Column::Field(Field::RemoteName)) => Some(6),
            Shown::Sending | Shown::Receiving => Some(7),
            Shown::Established => Some(8),
            Shown::Socket(Column::Field(Field::Protocol)) => Some(9),
            Shown::Pid => Some(10),
            _ => None,
        }
    }
}

/// What is known of a name, as text: names are asked for in the background.
pub fn name_text(name: Option<&HostName>) -> &str {
    match name {
        Some(HostName::Known(name)) => name,
        Some(HostName::Pending) => "…",
        Some(HostName::Absent) => "-",
        Some(HostName::Failed) => "?",
        _ => "-",
    }
}
