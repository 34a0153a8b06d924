//! Who holds a port, or why it can't be bound though nobody seems to.
//!
//! The verdict is the first of these that is so, the ones that make bind fail in front:
//!
//! | verdict | evidence |
//! |---|---|
//! | held, http-sys | a listener (an unconnected UDP socket) has the address: a program, a docker-proxy among them, or http.sys |
//! | other-family | one of the other family has it by its wildcard, and nobody of the own has |
//! | bound | a socket is bound there and does not listen |
//! | ephemeral, held | a connection that lives has it, inside or outside of the range for clients |
//! | time-wait | connections that are over have it |
//! | excluded-range, privileged | the system refuses it |
//! | other-namespace | there is a listener in another network namespace |
//! | published | a rule or a proxy leads it into one |
//! | unknown | the address is not of this machine |
//! | reserved | it is kept from clients |
//! | free | none of these |
//!
//! An attempt to bind that contradicts it makes it `unknown`.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use sockscope_model::{
    BindAttempt, BindErrorKind, Elsewhere, Exposure, Family, ForeignNamespace, Frame, NoOwner, PortAnswer, PortFacts,
    PortQuestion, Protocol, Row, Snapshot, Socket, State, Verdict,
};

/// The answer in words.
mod words;

#[cfg(test)]
mod tests;

/// The number of the process that Windows does its own work in.
const SYSTEM_PID: u32 = 4;
/// What Windows itself listens on there, by drivers that are not http.sys: NetBIOS and SMB.
const NOT_HTTP_SYS: [u16; 2] = [139, 445];

/// Finds the answer. `here` has the sockets of the viewer's network namespace, at least those on the port; `attempts` are what
/// came of binding it, if that was asked for. The frame has the sockets of `here`, then those of `elsewhere`.
pub fn why(
    question: &PortQuestion,
    here: Snapshot,
    elsewhere: Elsewhere,
    facts: &PortFacts,
    attempts: Option<&[BindAttempt]>,
) -> (Frame, PortAnswer) {
    let own = 0..here.sockets.len();
    let Elsewhere { snapshot: abroad, mut namespaces, unseen } = elsewhere;
    for namespace in &mut namespaces {
        namespace.rows = own.end + namespace.rows.start..own.end + namespace.rows.end;
    }
    let mut frame = Frame::new(merged(here, abroad));
    publish(&mut frame, &namespaces, facts);
    let mut case =
        Case { question, frame: &frame, namespaces: &namespaces, facts, unseen: unseen.as_deref(), attempts };
    let finding = case.find(own);
    let answer = case.answer(finding);
    (frame, answer)
}

fn merged(mut here: Snapshot, abroad: Snapshot) -> Snapshot {
    here.sockets.extend(abroad.sockets);
    for (id, process) in abroad.processes {
        here.processes.entry(id).or_insert(process);
    }
    for (uid, name) in abroad.users {
        here.users.entry(uid).or_insert(name);
    }
    for (id, namespace) in abroad.namespaces {
        here.namespaces.entry(id).or_insert(namespace);
    }
    for notice in abroad.notices {
        if here.notices.iter().all(|known| known.code != notice.code) {
            here.notices.push(notice);
        }
    }
    here
}

/// A listener that a rule or a proxy leads to can be reached by the port.
fn publish(frame: &mut Frame, namespaces: &[ForeignNamespace], facts: &PortFacts) {
    let snapshot = Arc::make_mut(&mut frame.snapshot);
    for namespace in namespaces {
        for socket in snapshot.sockets.get_mut(namespace.rows.clone()).unwrap_or_default() {
            if socket.is_listening() && leads_to(facts, namespace, socket) {
                socket.exposure = Some(Exposure::Published);
            }
        }
    }
}

/// Whether a rule or a proxy leads to the socket, as far as can be told without entering its namespace.
fn leads_to(facts: &PortFacts, namespace: &ForeignNamespace, socket: &Socket) -> bool {
    let local = socket.key.local;
    facts.targets().any(|(address, port)| {
        let Some(address) = address else { return false };
        let here = local.ip() == address || local.ip().is_unspecified() && namespace.addresses.contains(&address);
        here && port.is_none_or(|port| port == local.port())
    })
}

/// How a socket stands to the address that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// It keeps others from it.
    Same,
    /// It does so as a socket of the other family.
    Other,
    /// It has nothing to do with it.
    Apart,
}

/// Whether a socket keeps others from the address, as bind(2) has it for sockets that do not share (Linux
/// inet_rcv_saddr_equal; Windows lists what serves both families in the tables of both).
fn relation(asked: Option<IpAddr>, socket: &Socket, os: &str) -> Relation {
    let Some(asked) = asked else { return Relation::Same };
    let local = socket.key.local.ip();
    let served = local.to_canonical();
    match (asked.is_ipv4(), served.is_ipv4()) {
        (true, true) | (false, false) => {
            if asked == served || asked.is_unspecified() || served.is_unspecified() {
                Relation::Same
            } else {
                Relation::Apart
            }
        }
        (true, false) if served.is_unspecified() && socket.only_ipv6 != Some(true) && os != "windows" => {
            Relation::Other
        }
        (false, true) if asked.is_unspecified() && os != "windows" => Relation::Other,
        _ => Relation::Apart,
    }
}

/// What a socket is to somebody who wants its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Listener,
    Bound,
    Living,
    Over,
}

fn kind(socket: &Socket) -> Kind {
    if socket.is_listening() {
        return Kind::Listener;
    }
    match (socket.state, socket.owners.reason()) {
        (Some(State::Bound | State::Closed), _) => Kind::Bound,
        (Some(State::TimeWait | State::DeleteTcb), _) | (_, Some(NoOwner::TimeWait | NoOwner::Orphan)) => Kind::Over,
        _ => Kind::Living,
    }
}

/// What was found: the verdict, and the sockets behind it.
#[derive(Debug, Default)]
struct Finding {
    verdict: Option<Verdict>,
    rows: Vec<usize>,
    /// Sockets in other namespaces that matter beside.
    abroad: Vec<usize>,
    /// Who listens is a proxy into a container.
    proxied: bool,
}

/// All that is known.
struct Case<'a> {
    question: &'a PortQuestion,
    frame: &'a Frame,
    namespaces: &'a [ForeignNamespace],
    facts: &'a PortFacts,
    unseen: Option<&'a str>,
    attempts: Option<&'a [BindAttempt]>,
}

impl<'a> Case<'a> {
    fn socket(&self, row: usize) -> Option<&'a Socket> {
        self.frame.snapshot.sockets.get(row)
    }

    fn row(&self, row: usize) -> Option<Row<'a>> {
        self.frame.row(row)
    }

    fn is_windows(&self) -> bool {
        self.frame.snapshot.os == "windows"
    }

    /// The rows that are on the port and meet the condition.
    fn rows(&self, rows: Range<usize>, wanted: impl Fn(Kind, Relation) -> bool) -> Vec<usize> {
        let os = self.frame.snapshot.os;
        rows.filter(|row| {
            self.socket(*row).is_some_and(|socket| {
                socket.key.protocol == self.question.protocol
                    && socket.key.local.port() == self.question.port
                    && wanted(kind(socket), relation(self.question.address, socket, os))
            })
        })
        .collect()
    }

    fn find(&mut self, own: Range<usize>) -> Finding {
        let abroad = self.behind();
        let found = |verdict, rows| Finding { verdict: Some(verdict), rows, abroad: abroad.clone(), proxied: false };
        let of = |kind, relation| self.rows(own.clone(), |it, how| it == kind && how == relation);
        let listeners = of(Kind::Listener, Relation::Same);
        if !listeners.is_empty() {
            let verdict = if self.is_http_sys(&listeners) { Verdict::HttpSys } else { Verdict::Held };
            let proxied = verdict == Verdict::Held && self.is_proxied(&listeners);
            return Finding { proxied, ..found(verdict, listeners) };
        }
        let bound = of(Kind::Bound, Relation::Same);
        let mut others = of(Kind::Listener, Relation::Other);
        others.extend(of(Kind::Bound, Relation::Other));
        if !others.is_empty() && bound.is_empty() {
            return found(Verdict::OtherFamily, others);
        }
        if !bound.is_empty() {
            return found(Verdict::Bound, bound);
        }
        let living = self.rows(own.clone(), |kind, how| kind == Kind::Living && how != Relation::Apart);
        if !living.is_empty() {
            let is_ephemeral = match self.facts.ephemeral {
                Some((low, high)) => (low..=high).contains(&self.question.port),
                None => true,
            };
            return found(if is_ephemeral { Verdict::Ephemeral } else { Verdict::Held }, living);
        }
        let over = self.rows(own, |kind, how| kind == Kind::Over && how != Relation::Apart);
        if !over.is_empty() {
            return found(Verdict::TimeWait, over);
        }
        if self.facts.excluded.is_some() {
            return found(Verdict::ExcludedRange, Vec::new());
        }
        if self.is_privileged() && !self.facts.may_bind_privileged {
            return found(Verdict::Privileged, Vec::new());
        }
        let abroad_rows = self.abroad();
        let elsewhere = self.rows(abroad_rows, |kind, how| kind == Kind::Listener && how != Relation::Apart);
        if !elsewhere.is_empty() {
            return found(Verdict::OtherNamespace, elsewhere);
        }
        if !self.facts.nat.is_empty() || !self.facts.proxies.is_empty() {
            return found(Verdict::Published, Vec::new());
        }
        if self.facts.address_is_local == Some(false) {
            return found(Verdict::Unknown, Vec::new());
        }
        if self.facts.reserved == Some(true) {
            return found(Verdict::Reserved, Vec::new());
        }
        found(Verdict::Free, Vec::new())
    }

    fn is_privileged(&self) -> bool {
        self.facts.privileged_below.is_some_and(|below| u32::from(self.question.port) < below)
    }

    /// The positions of the sockets of other namespaces.
    fn abroad(&self) -> Range<usize> {
        let first = self.namespaces.iter().map(|it| it.rows.start).min().unwrap_or(0);
        let end = self.namespaces.iter().map(|it| it.rows.end).max().unwrap_or(0);
        first..end
    }

    /// The listeners that rules and proxies lead to.
    fn behind(&self) -> Vec<usize> {
        let is_published = |row: &usize| self.socket(*row).is_some_and(|it| it.exposure == Some(Exposure::Published));
        self.abroad().filter(is_published).collect()
    }

    fn namespace_of(&self, row: usize) -> Option<&'a ForeignNamespace> {
        self.namespaces.iter().find(|namespace| namespace.rows.contains(&row))
    }

    /// Whether http.sys listens: what it serves says so; where it could not be asked, that Windows itself listens does.
    fn is_http_sys(&self, listeners: &[usize]) -> bool {
        let is_system = |row: &usize| {
            self.socket(*row)
                .is_some_and(|socket| socket.owners.processes().iter().any(|owner| owner.process.pid == SYSTEM_PID))
        };
        self.is_windows()
            && self.question.protocol == Protocol::Tcp
            && listeners.iter().any(is_system)
            && match &self.facts.http_urls {
                Some(urls) => !urls.is_empty(),
                None => !NOT_HTTP_SYS.contains(&self.question.port),
            }
    }

    /// Whether every listener is a proxy into a container: by its owner's name, or, where the owner may not be seen, by the
    /// arguments of a proxy, which may.
    fn is_proxied(&self, listeners: &[usize]) -> bool {
        listeners.iter().all(|row| {
            let Some(row) = self.row(*row) else { return false };
            if row.socket.owners.processes().is_empty() {
                let hidden = row.socket.owners.reason() == Some(NoOwner::NeedsRoot);
                return hidden && self.facts.proxies.iter().any(|proxy| serves(proxy.host, row.socket));
            }
            row.processes().all(|process| process.name == "docker-proxy")
        })
    }

    /// What attempts to bind say, if they do not say the same as the verdict.
    fn contradiction(&self, verdict: Verdict) -> bool {
        let Some(attempts) = self.attempts else { return false };
        let plain: Vec<Option<BindErrorKind>> = attempts
            .iter()
            .filter(|attempt| !attempt.reuse_address)
            .map(|attempt| attempt.error.as_ref().map(|error| error.kind))
            // Of a family that is not here nothing follows.
            .filter(|error| !matches!(error, Some(BindErrorKind::NoFamily)))
            .filter(|error| self.question.address.is_some() || *error != Some(BindErrorKind::NotLocal))
            .collect();
        let any = |kind| plain.contains(&Some(kind));
        match verdict {
            Verdict::Held
            | Verdict::Bound
            | Verdict::Ephemeral
            | Verdict::TimeWait
            | Verdict::OtherFamily
            | Verdict::HttpSys => !any(BindErrorKind::InUse) && !any(BindErrorKind::Refused),
            Verdict::Privileged | Verdict::ExcludedRange => !any(BindErrorKind::Refused),
            Verdict::Unknown => false,
            Verdict::Published if self.facts.nat.is_empty() => false,
            _ => plain.iter().any(Option::is_some),
        }
    }

    fn answer(&self, finding: Finding) -> PortAnswer {
        let verdict = finding.verdict.unwrap_or(Verdict::Unknown);
        let words::Text { explanation, advice } = words::text(self, verdict, &finding);
        if self.contradiction(verdict) {
            let words::Text { explanation, advice } = words::contradicted(self, verdict);
            return PortAnswer { verdict: Verdict::Unknown, holders: finding.rows, explanation, advice };
        }
        let mut holders = finding.rows;
        if verdict == Verdict::Published || finding.proxied {
            holders.extend(finding.abroad);
            holders.dedup();
        }
        PortAnswer { verdict, holders, explanation, advice }
    }
}

/// Whether a proxy that serves this address has that socket.
fn serves(host: Option<IpAddr>, socket: &Socket) -> bool {
    let local = socket.key.local.ip().to_canonical();
    host.is_none_or(|host| host == local || host.is_unspecified() && local.is_unspecified())
}

/// The family in words.
fn family_name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}
