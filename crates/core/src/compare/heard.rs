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
    pub(super) partial: Option<Limit>,
    /// What about it is not as it should be.
    pub(super) suspect: Option<String>,
    /// Why it does not show sockets that are bound and no more, though elsewhere it would.
    pub(super) lacks_bound: Option<Limit>,
    /// The kinds that it has no tables of.
    pub(super) lacks: Vec<(Protocol, Family, Limit)>,
}

/// Something that a witness can't show, at some times.
#[derive(Debug, Default)]
pub(super) struct Limit {
    /// As it was said at the latest.
    pub(super) why: String,
    /// Rounds in which it was said.
    pub(super) rounds: Rounds,
}

impl Limit {
    /// Whether it was so in all of those rounds: what was missed in another has no explanation in it.
    pub(super) fn covers(&self, missed: Rounds) -> bool {
        missed & !self.rounds == 0
    }

    fn keep(&mut self, why: String, round: Rounds) {
        self.why = why;
        self.rounds |= round;
    }
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
    pub(super) fn note(&mut self, testimony: &Testimony, round: Rounds) {
        if let Some(why) = said(testimony, Testimony::PARTIAL) {
            self.partial.get_or_insert_default().keep(why, round);
        }
        if let Some(why) = said(testimony, Testimony::SUSPECT) {
            self.suspect = Some(why);
        }
        if let Some(why) = said(testimony, Testimony::LACKS_BOUND) {
            self.lacks_bound.get_or_insert_default().keep(why, round);
        }
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            for family in [Family::Ipv4, Family::Ipv6] {
                let Some(why) = said(testimony, Testimony::lacks(protocol, family)) else { continue };
                match self.lacks.iter_mut().find(|it| (it.0, it.1) == (protocol, family)) {
                    Some((.., limit)) => limit.keep(why, round),
                    None => self.lacks.push((protocol, family, Limit { why, rounds: round })),
                }
            }
        }
    }

    /// Why the witness can't show the socket, which it missed in those rounds, if that is so in all of them.
    pub(super) fn cannot_show(&self, case: &Case<'_>, missed: Rounds) -> Option<String> {
        let kind = (case.socket.key.protocol, case.socket.family());
        let bound = self.lacks_bound.as_ref().filter(|_| case.socket.state == Some(State::Bound));
        let of_kind = self.lacks.iter().filter(|it| (it.0, it.1) == kind).map(|it| &it.2);
        if let Some(limit) = of_kind.chain(bound).find(|limit| limit.covers(missed)) {
            return Some(limit.why.clone());
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
        let partial = || self.partial.as_ref().map(|limit| limit.why.clone());
        let mut reason = self.reason.clone().or_else(|| self.suspect.clone()).or_else(partial);
        if reason.is_none() && !self.lacks.is_empty() {
            let mut whys: Vec<&str> = self.lacks.iter().map(|it| it.2.why.as_str()).collect();
            whys.dedup();
            reason = Some(whys.join("; "));
        }
        let available = self.spoke != 0;
        SourceVerdict { witness: self.witness, available, reason, faulty: self.faulty, rows: self.rows }
    }
}

/// What the notices with that code say.
fn said(testimony: &Testimony, code: &str) -> Option<String> {
    let notices = testimony.snapshot.notices.iter().filter(|notice| notice.code == code);
    let messages: Vec<&str> = notices.map(|notice| notice.message.as_str()).collect();
    (!messages.is_empty()).then(|| messages.join("; "))
}
