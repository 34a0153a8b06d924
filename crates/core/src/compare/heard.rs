use sockscope_model::{Family, NoOwner, Protocol, SourceVerdict, State, Testimony, Witness};

use super::case::Case;
use super::{Rounds, in_rounds, knowledge, rank};

/// How it went with one witness.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) witness: Witness,
    /// Rounds in which it was asked.
    pub(super) asked: Rounds,
    /// Rounds in which it said something.
    pub(super) spoke: Rounds,
    /// Rounds in which its tables were whole: what it does not name then is missing from it.
    pub(super) whole: Rounds,
    /// Of the last round in which it spoke.
    pub(super) rows: Option<u64>,
    /// Why it could not be heard, or not wholly, at the latest.
    pub(super) reason: Option<String>,
    pub(super) faulty: bool,
    /// Why it sees less than it could.
    pub(super) partial: Option<String>,
    /// What about it is not as it should be.
    pub(super) suspect: Option<String>,
    /// Why it does not show sockets that are bound and no more, though elsewhere it would.
    pub(super) lacks_bound: Option<String>,
    /// The kinds that it has no tables of.
    pub(super) lacks: Vec<(Protocol, Family, String)>,
}

impl Heard {
    pub(super) fn new(witness: Witness) -> Heard {
        Heard {
            witness,
            asked: 0,
            spoke: 0,
            whole: 0,
            rows: None,
            reason: None,
            faulty: false,
            partial: None,
            suspect: None,
            lacks_bound: None,
            lacks: Vec::new(),
        }
    }

    pub(super) fn rank(&self) -> u8 {
        match self.witness {
            Witness::Source(choice) => rank(choice),
            _ => u8::MAX,
        }
    }

    /// Keeps what the testimony says of what it can't show.
    pub(super) fn note(&mut self, testimony: &Testimony) {
        if let Some(message) = testimony.notice(Testimony::PARTIAL) {
            self.partial = Some(message.to_owned());
        }
        if let Some(message) = testimony.notice(Testimony::SUSPECT) {
            self.suspect = Some(message.to_owned());
        }
        if let Some(message) = testimony.notice(Testimony::LACKS_BOUND) {
            self.lacks_bound = Some(message.to_owned());
        }
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            for family in [Family::Ipv4, Family::Ipv6] {
                let is_new = self.lacks.iter().all(|it| (it.0, it.1) != (protocol, family));
                if let (true, Some(message)) = (is_new, testimony.notice(Testimony::lacks(protocol, family))) {
                    self.lacks.push((protocol, family, message.to_owned()));
                }
            }
        }
    }

    /// Why the witness can't show the socket, if that is so.
    pub(super) fn cannot_show(&self, case: &Case<'_>) -> Option<String> {
        let kind = (case.socket.key.protocol, case.socket.family());
        if let Some((.., why)) = self.lacks.iter().find(|it| (it.0, it.1) == kind) {
            return Some(why.clone());
        }
        if let (Some(State::Bound), Some(why)) = (case.socket.state, &self.lacks_bound) {
            return Some(why.clone());
        }
        let known = match self.witness {
            // That nobody was found says little where something is in the way.
            Witness::FdScan if self.suspect.is_some() && case.reason == Some(NoOwner::Kernel) => None,
            Witness::FdScan => knowledge::not_held(case.socket, case.reason),
            witness => knowledge::not_listed(witness, case.socket),
        };
        known.map(str::to_owned)
    }

    /// What is strange about the socket's missing from this witness.
    pub(super) fn puzzle(&self, case: &Case<'_>, rounds: u32) -> String {
        let rounds = in_rounds(rounds);
        match (self.witness, case.reason) {
            (Witness::FdScan, Some(reason)) => format!(
                "no process has it open {rounds}, hidden ones included, and nothing shows that the kernel holds it ({})",
                reason.name()
            ),
            (Witness::FdScan, None) => {
                format!("a process is said to have it open, and has no such descriptor when asked {rounds}")
            }
            (witness, _) => {
                format!("{} does not list it {rounds}, though it shows such sockets", witness.name())
            }
        }
    }

    pub(super) fn verdict(&self) -> SourceVerdict {
        let mut reason = self.reason.clone().or_else(|| self.suspect.clone()).or_else(|| self.partial.clone());
        if reason.is_none() && !self.lacks.is_empty() {
            let mut whys: Vec<&str> = self.lacks.iter().map(|it| it.2.as_str()).collect();
            whys.dedup();
            reason = Some(whys.join("; "));
        }
        let available = self.spoke != 0;
        SourceVerdict { witness: self.witness, available, reason, faulty: self.faulty, rows: self.rows }
    }
}
