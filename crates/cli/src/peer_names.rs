use std::collections::HashSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use sockscope::resolver;
use sockscope_core::Resolver;
use sockscope_model::{Frame, HostName, Notice};

/// How long one listing waits for names at most, beyond what it has to do anyway.
const MOST: Duration = Duration::from_millis(100);
/// When the first output should be there, from the beginning of the program.
const SOON: Duration = Duration::from_millis(120);
/// How long it waits at least, also if the rest has taken longer than that.
const LEAST: Duration = Duration::from_millis(30);

/// The names of peers, as far as they come in time.
pub(crate) struct PeerNames {
    resolver: Resolver,
    /// When the program began.
    began: Instant,
    /// When it is waited no longer, once somebody was asked.
    until: Option<Instant>,
    /// What is missing was said.
    told: bool,
}

impl PeerNames {
    pub(crate) fn new(began: Instant) -> PeerNames {
        PeerNames { resolver: resolver(), began, until: None, told: false }
    }

    /// Asks for the peers of these rows; waits for nobody.
    pub(crate) fn ask(&mut self, frame: &Frame, rows: &[usize]) {
        self.resolver.ask_for(frame, rows.iter().copied());
        let now = Instant::now();
        self.until.get_or_insert((self.began + SOON).clamp(now + LEAST, now + MOST));
    }

    /// Adds to the frame the names that come in time.
    pub(crate) fn add(&mut self, frame: &mut Frame, rows: &[usize]) {
        self.ask(frame, rows);
        if let Some(until) = self.until {
            self.resolver.wait(until);
        }
        self.resolver.fill(frame, rows.iter().copied());
    }

    /// What to say of names that are missing among the peers of these rows, once.
    pub(crate) fn missing(&mut self, frame: &Frame, rows: &[usize], by_filter: bool) -> Vec<Notice> {
        if std::mem::replace(&mut self.told, true) {
            return Vec::new();
        }
        let peers: HashSet<IpAddr> =
            rows.iter().filter_map(|row| Some(frame.row(*row)?.socket.key.remote?.ip())).collect();
        let count = |wanted| peers.iter().filter(|peer| frame.names.get(*peer) == Some(&wanted)).count();
        let so = if by_filter { "; the filter took them for nameless" } else { "; their addresses are shown" };
        let mut notices = Vec::new();
        let (pending, failed) = (count(HostName::Pending), count(HostName::Failed));
        if pending > 0 {
            let noun = if pending == 1 { "name" } else { "names" };
            let message = format!("{pending} {noun} of peers had not come in time{so}");
            notices.push(Notice { code: "names-pending", message });
        }
        if failed > 0 {
            let noun = if failed == 1 { "peer" } else { "peers" };
            let message = format!("the name service failed for {failed} {noun}{so}");
            notices.push(Notice { code: "names-failed", message });
        }
        notices
    }
}
