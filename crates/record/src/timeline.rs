use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use sockscope_model::{Occurrence, Snapshot, Timestamp};
use sockscope_output::read::{LARGEST_DOCUMENT, Place, ReadCause, ReadError, Reader, Recorded};

use crate::error::Cause;
use crate::state::State;

/// What happened within this time (microseconds) is one moment.
const BUCKET: u64 = 100_000;

/// Recordings of at most so many bytes are kept in memory, and larger ones read again where they are looked at.
pub(crate) const KEPT: u64 = 16 << 20;

/// A recording, moment by moment.
#[derive(Debug)]
pub(crate) struct Timeline {
    file: File,
    /// Ascending in time; never empty.
    pub(crate) moments: Vec<Moment>,
    /// What must be said of the whole recording.
    pub(crate) remarks: Vec<String>,
    /// Every moment is a document of its own.
    pub(crate) documents_only: bool,
}

/// Something to be shown.
#[derive(Debug)]
pub(crate) struct Moment {
    /// When it was so.
    pub(crate) at: Timestamp,
    /// The moment at or before this that says all that there was, or the first that is known.
    base: usize,
    /// The document, or the lines, that say it.
    place: Place,
    /// What they say, unless there is too much of it.
    kept: Option<Content>,
}

#[derive(Debug, Clone)]
enum Content {
    /// All sockets.
    All(Arc<Snapshot>),
    /// The sockets of lines that say nothing of when.
    Lines(Arc<Snapshot>),
    /// What happened.
    Changes(Vec<Occurrence>),
}

/// Moments of which each but the first rests on the one before.
struct Segment {
    moments: Vec<Moment>,
    /// When what is added last began.
    bucket: Timestamp,
    /// Whether the first has no time yet.
    untimed: bool,
    /// Whether the last can take another change.
    grows: bool,
}

impl Timeline {
    /// Reads and checks all that is there now; keeps at most so many bytes of it.
    pub(crate) fn open(path: &Path, keep: u64) -> Result<Timeline, Cause> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        let is_file = metadata.is_file();
        // What is added from now on is left to the next time.
        let length = if is_file { metadata.len() } else { u64::MAX };
        let modified = metadata.modified().unwrap_or_else(|_| SystemTime::now());
        let mut reader = Reader::new(BufReader::with_capacity(1 << 16, (&file).take(length)));
        let mut segments: Vec<Segment> = Vec::new();
        let mut remarks = Vec::new();
        let mut keeps = true;
        loop {
            let (place, recorded) = match reader.next() {
                Ok(Some(next)) => next,
                Ok(None) => break,
                Err(error) if matches!(error.cause, ReadCause::Truncated) && !segments.is_empty() => {
                    remarks.push(format!(
                        "the recording is cut off within document {} (line {}), which is left out",
                        error.document, error.line
                    ));
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            if keeps && place.end > keep {
                if !is_file {
                    return Err(Cause::NoFile(keep));
                }
                keeps = false;
                segments.iter_mut().flat_map(|segment| &mut segment.moments).for_each(|moment| moment.kept = None);
            }
            add(&mut segments, place, recorded, keeps)?;
        }
        drop(reader);
        let modified = Timestamp::from(if is_file { modified } else { SystemTime::now() });
        for segment in segments.iter_mut().filter(|segment| segment.untimed) {
            segment.time(modified);
        }
        let begin = |segment: &Segment| segment.moments.first().map(|moment| moment.at);
        let documents_only = segments.iter().all(|segment| segment.moments.len() == 1);
        if !segments.is_sorted_by_key(begin) {
            remarks.push(
                "the recording's documents are not in the order of their times, in which they are shown".to_owned(),
            );
            segments.sort_by_key(begin);
        }
        let moments = in_order(segments);
        if moments.is_empty() {
            return Err(Cause::Empty);
        }
        Ok(Timeline { file, moments, remarks, documents_only })
    }

    /// The sockets at that moment; `before`: what they were at another.
    pub(crate) fn state(&self, index: usize, before: Option<(usize, State)>) -> Result<State, Cause> {
        let base = self.moments.get(index).map_or(0, |moment| moment.base);
        let (first, mut state) = match before {
            Some((known, state)) if (base..=index).contains(&known) => (known + 1, state),
            _ => (base, State::empty()),
        };
        for moment in self.moments.get(first..=index).unwrap_or_default() {
            match moment.kept.clone().map_or_else(|| self.read(moment.place), Ok)? {
                Content::All(snapshot) => state = State::of(Arc::unwrap_or_clone(snapshot)),
                Content::Lines(snapshot) => state = State::of_lines(Arc::unwrap_or_clone(snapshot)),
                Content::Changes(changes) => changes.iter().for_each(|change| state.apply(change)),
            }
        }
        Ok(state)
    }

    /// Reads a moment again.
    fn read(&self, place: Place) -> Result<Content, Cause> {
        (&self.file).seek(SeekFrom::Start(place.offset))?;
        let input = BufReader::with_capacity(1 << 16, (&self.file).take(place.end.saturating_sub(place.offset)));
        let mut reader = Reader::from_place(input, place, LARGEST_DOCUMENT);
        let mut changes = Vec::new();
        while let Some((_, recorded)) = reader.next()? {
            match recorded {
                Recorded::Snapshot(frame, _) => return Ok(Content::All(frame.snapshot)),
                Recorded::Sockets(frame) => return Ok(Content::Lines(frame.snapshot)),
                Recorded::Change(change, _) => changes.push(*change),
            }
        }
        if changes.is_empty() {
            let (path, cause) = (String::new(), ReadCause::Content("it is not there any more".to_owned()));
            let Place { document, line, offset, .. } = place;
            return Err(ReadError { document, line, offset, path, cause }.into());
        }
        Ok(Content::Changes(changes))
    }
}

/// Adds what a document says.
fn add(segments: &mut Vec<Segment>, place: Place, recorded: Recorded, keeps: bool) -> Result<(), Cause> {
    let (content, at) = match recorded {
        Recorded::Snapshot(frame, at) => (Content::All(frame.snapshot), Some(at.ok_or(Cause::NoTime(place))?)),
        Recorded::Sockets(frame) => (Content::Lines(frame.snapshot), None),
        Recorded::Change(change, at) => {
            match segments.last_mut() {
                Some(segment) if at.is_some() || !segment.untimed => segment.add(place, *change, at, keeps),
                Some(_) => return Err(Cause::NoTime(place)),
                None => {
                    let at = at.ok_or(Cause::NoTime(place))?;
                    let kept = keeps.then(|| Content::Changes(vec![*change]));
                    let first = Segment::begin(Moment { at, base: 0, place, kept }, false);
                    segments.push(Segment { grows: true, ..first });
                }
            }
            return Ok(());
        }
    };
    let moment = Moment { at: at.unwrap_or(Timestamp::from_micros(0)), base: 0, place, kept: keeps.then_some(content) };
    segments.push(Segment::begin(moment, at.is_none()));
    Ok(())
}

impl Segment {
    fn begin(moment: Moment, untimed: bool) -> Segment {
        Segment { bucket: moment.at, moments: vec![moment], untimed, grows: false }
    }

    /// The first was at that time.
    fn time(&mut self, at: Timestamp) {
        if let (true, Some(first)) = (self.untimed, self.moments.first_mut()) {
            first.at = at;
            self.untimed = false;
        }
    }

    /// A change, in the order in which it was told: what is told later of an earlier time counts as of then.
    fn add(&mut self, place: Place, change: Occurrence, at: Option<Timestamp>, keeps: bool) {
        if let Some(at) = at {
            self.time(at);
        }
        let Some(last) = self.moments.last_mut() else { return };
        let at = at.map_or(last.at, |at| at.max(last.at));
        if self.grows && at.micros_since(self.bucket) < BUCKET {
            last.at = at;
            last.place.end = place.end;
            match &mut last.kept {
                Some(Content::Changes(changes)) if keeps => changes.push(change),
                kept => *kept = None,
            }
            return;
        }
        (self.bucket, self.grows) = (at, true);
        let kept = keeps.then(|| Content::Changes(vec![change]));
        self.moments.push(Moment { at, base: 0, place, kept });
    }
}

/// All moments, one after another; none is earlier than that before.
fn in_order(segments: Vec<Segment>) -> Vec<Moment> {
    let mut moments: Vec<Moment> = Vec::new();
    for segment in segments {
        let base = moments.len();
        for moment in segment.moments {
            let at = moments.last().map_or(moment.at, |before| before.at.max(moment.at));
            moments.push(Moment { at, base, ..moment });
        }
    }
    moments
}
