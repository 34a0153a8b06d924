use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use sockscope_model::{
    ErrorKind, Family, Notice, Protocol, Request, Snapshot, Socket, Source, SourceError, SourceReport, StateSet,
};
use sockscope_output::{clean, moment};

use crate::clock::{Clock, SteadyClock};
use crate::error::{Cause, ReplayError, shown};
use crate::playback::Playback;
use crate::state::{State, keep_owners};
use crate::timeline::{KEPT, Timeline};

/// A recording that is played: each time it is asked it gives the sockets of the moment that is due.
///
/// It begins when it is asked first, and its last moment stays. What it gives has the time at which it was recorded, and a notice
/// (code `replay`) that says so. Of the request it obeys protocols, families and states; what else was recorded, it gives.
#[derive(Debug)]
pub struct Replay {
    file: PathBuf,
    timeline: Timeline,
    playback: Playback,
    /// What was given last.
    last: Option<(usize, State)>,
}

impl Replay {
    /// Opens a recording, and reads and checks all that is in it now.
    ///
    /// # Errors
    /// It can't be read, or is no recording. That it ends within a document is no error if something stands before.
    pub fn open(file: &Path) -> Result<Replay, ReplayError> {
        Replay::open_with(file, Arc::new(SteadyClock::default()))
    }

    /// As [`Replay::open`], to be played by another clock.
    ///
    /// # Errors
    /// As [`Replay::open`].
    pub fn open_with(file: &Path, clock: Arc<dyn Clock>) -> Result<Replay, ReplayError> {
        Replay::open_keeping(file, clock, KEPT)
    }

    fn open_keeping(file: &Path, clock: Arc<dyn Clock>, keep: u64) -> Result<Replay, ReplayError> {
        let file = file.to_owned();
        let timeline = match Timeline::open(&file, keep) {
            Ok(timeline) => timeline,
            Err(cause) => return Err(ReplayError { file, cause }),
        };
        let times = timeline.moments.iter().map(|moment| moment.at).collect();
        Ok(Replay { file, timeline, playback: Playback::new(times, clock), last: None })
    }

    /// How far it is, and how it goes on.
    pub fn playback(&self) -> Playback {
        self.playback.clone()
    }

    fn state(&mut self, index: usize) -> Result<&State, SourceError> {
        let last = self.last.take();
        let state = self.timeline.state(index, last).map_err(|cause| self.failed(&cause))?;
        Ok(&self.last.insert((index, state)).1)
    }

    fn failed(&self, cause: &Cause) -> SourceError {
        SourceError {
            kind: if matches!(cause, Cause::Io(_)) { ErrorKind::Failed } else { ErrorKind::Malformed },
            operation: "replay".to_owned(),
            object: shown(&self.file),
            cause: cause.to_string(),
            help: matches!(cause, Cause::Read(_)).then(|| "the file is not what it was when it was opened".to_owned()),
        }
    }

    /// What is shown, of what there is.
    fn notices(&self, index: usize, snapshot: &Snapshot) -> Vec<Notice> {
        let count = self.playback.len();
        let host = if snapshot.host.is_empty() { String::new() } else { format!("{} ", clean(&snapshot.host)) };
        let unit = if self.timeline.documents_only { "document" } else { "step" };
        let end = if index + 1 == count { "; the recording has ended" } else { "" };
        let message = format!(
            "a recording is shown, {}: {host}at {}, {unit} {} of {count}{end}",
            shown(&self.file),
            moment(snapshot.taken),
            index + 1,
        );
        let remarks = self.timeline.remarks.iter().cloned();
        let remarks = remarks.map(|message| Notice { code: "replay-incomplete", message });
        [Notice { code: "replay", message }].into_iter().chain(remarks).collect()
    }
}

impl Source for Replay {
    fn snapshot(&mut self, request: &Request) -> Result<Snapshot, SourceError> {
        let began = Instant::now();
        let index = self.playback.ask();
        let mut snapshot = self.state(index)?.snapshot().clone();
        if let Some(time) = self.playback.time(index) {
            snapshot.taken = time;
        }
        let count = snapshot.sockets.len();
        snapshot.sockets.retain(|socket| is_asked(request, socket));
        if snapshot.sockets.len() < count {
            keep_owners(&mut snapshot);
        }
        let mut notices = self.notices(index, &snapshot);
        notices.append(&mut snapshot.notices);
        snapshot.notices = notices;
        let rows = snapshot.sockets.len() as u64;
        let report = SourceReport { name: "replay", rows, duplicates: 0, churned: 0, elapsed: began.elapsed() };
        snapshot.sources.insert(0, report);
        Ok(snapshot)
    }
}

fn is_asked(request: &Request, socket: &Socket) -> bool {
    let protocol = match socket.key.protocol {
        Protocol::Tcp => request.tcp,
        Protocol::Udp => request.udp,
        _ => true,
    };
    let family = match socket.family() {
        Family::Ipv4 => request.ipv4,
        Family::Ipv6 => request.ipv6,
    };
    let states = if request.pushdown { request.states } else { StateSet::ALL };
    protocol && family && states.contains(socket.filter_state())
}

#[cfg(test)]
mod tests;
