/// What a line of the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum View {
    /// A socket.
    #[default]
    Sockets,
    /// A process with its sockets.
    Processes,
    /// An address with the connections that lead there.
    Hosts,
    /// A country, likewise.
    Countries,
    /// A listener with the connections that came in through it.
    Listeners,
    /// A service, as the system's manager of services names it, with its sockets.
    Services,
}

impl View {
    /// Every view, in the order of the keys 1 to 6.
    pub const ALL: [View; 6] =
        [View::Sockets, View::Processes, View::Hosts, View::Countries, View::Listeners, View::Services];

    /// The name, in the list of views and in the file that remembers it.
    pub const fn name(self) -> &'static str {
        match self {
            View::Sockets => "sockets",
            View::Processes => "processes",
            View::Hosts => "hosts",
            View::Countries => "countries",
            View::Listeners => "listeners",
            View::Services => "services",
        }
    }

    /// The view of that name.
    pub fn from_name(name: &str) -> Option<View> {
        View::ALL.into_iter().find(|view| view.name() == name)
    }

    /// The name, for people.
    pub const fn title(self) -> &'static str {
        match self {
            View::Sockets => "Sockets",
            View::Processes => "Processes",
            View::Hosts => "Hosts",
            View::Countries => "Countries",
            View::Listeners => "Listeners",
            View::Services => "Services",
        }
    }

    /// The next in the list, or the one before.
    #[must_use]
    pub fn beside(self, forward: bool) -> View {
        let at = View::ALL.iter().position(|view| *view == self).unwrap_or(0);
        let count = View::ALL.len();
        let next = if forward { at + 1 } else { at + count - 1 } % count;
        View::ALL.get(next).copied().unwrap_or_default()
    }
}
