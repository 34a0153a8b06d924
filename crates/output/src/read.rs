//! Reads what this crate writes: documents of `sockscope.snapshot/1`, socket objects and lines of `sockscope.change/1`, in any
//! number and order, back to the model.
//!
//! A text comes from outside and is trusted in nothing: reading gives a value or an error that names the place, in memory that is
//! bounded by the largest document allowed. Keys that are not known are passed over, since later versions may add some; a schema
//! that is not known is an error.

use std::io::{self, BufRead};

use serde::Deserialize;
use sockscope_model::{Frame, Occurrence, Timestamp};

use crate::clean::clean;
use crate::schema::{CHANGE, SNAPSHOT};
use documents::Documents;

/// Objects to frames.
mod build;
/// Where one document ends and the next begins.
mod documents;
/// The published shapes, as they are read.
mod shapes;
/// Words that stand for something in the model.
mod words;

/// The largest document that is read, unless the caller says otherwise: more than a million sockets.
pub const LARGEST_DOCUMENT: usize = 1 << 30;

/// What a recording says, one document after another.
///
/// After an error nothing more is read.
#[derive(Debug)]
pub struct Reader<R> {
    documents: Documents<R>,
    buffer: Vec<u8>,
    /// What came behind the socket lines that were given.
    ahead: Option<Result<(Place, Content), ReadError>>,
    ended: bool,
}

/// Where a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which document, counted from 1. Of socket lines, the first.
    pub document: u64,
    /// The line on which it begins, counted from 1.
    pub line: u64,
    /// The byte at which it begins.
    pub offset: u64,
    /// The byte behind its end.
    pub end: u64,
}

/// What a document says. Names of peers and places are in the frame as they were recorded, words that IP databases want to be shown
/// with them are not.
#[derive(Debug, Clone)]
pub enum Recorded {
    /// A document of `sockscope.snapshot/1`. Its time is known unless it is outside of the years that a document can write.
    Snapshot(Box<Frame>, Option<Timestamp>),
    /// Socket objects that follow one another. They say nothing of when, and of where only what can be told from them: the
    /// frame's time is 1970.
    Sockets(Box<Frame>),
    /// A line of `sockscope.change/1`; its frame knows this socket alone. Its time as with [`Recorded::Snapshot`].
    Change(Box<Occurrence>, Option<Timestamp>),
}

/// Where a text is no recording, and why.
#[derive(Debug, thiserror::Error)]
#[error("document {document} (line {line}, byte {offset}){}: {cause}", if path.is_empty() { String::new() } else { format!(", {path}") })]
pub struct ReadError {
    /// In which document, counted from 1.
    pub document: u64,
    /// On which line, counted from 1.
    pub line: u64,
    /// At which byte, counted from 0.
    pub offset: u64,
    /// Where in the document: `sockets[3].state`. Empty where that can't be told.
    pub path: String,
    /// Why.
    #[source]
    pub cause: ReadCause,
}

/// Why a text is no recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadCause {
    /// It can't be read.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// The text ends within a document: whoever wrote it was ended, or is still at it.
    #[error("the text ends in the middle of it")]
    Truncated,
    /// A document, or many socket lines in a row, is larger than what is read.
    #[error("it is longer than {0} bytes")]
    TooLarge(usize),
    /// Something else than an object.
    #[error("here should begin an object, and stands {0}")]
    NoObject(String),
    /// An object that is not read here.
    #[error("{0}")]
    Schema(String),
    /// An object that is not as the schema says.
    #[error("{0}")]
    Content(String),
}

/// One document, understood.
#[derive(Debug)]
enum Content {
    Snapshot(shapes::Snapshot),
    Socket(shapes::Socket),
    Change(shapes::Change),
}

impl<R: BufRead> Reader<R> {
    /// Reads from the beginning.
    pub fn new(input: R) -> Reader<R> {
        Reader::from_place(input, Place { document: 1, line: 1, offset: 0, end: 0 }, LARGEST_DOCUMENT)
    }

    /// Reads from a document that is there, in a text that was read before; `largest`: how many bytes a document, or socket lines
    /// in a row, may have.
    pub fn from_place(input: R, place: Place, largest: usize) -> Reader<R> {
        Reader { documents: Documents::new(input, place, largest), buffer: Vec::new(), ahead: None, ended: false }
    }

    /// What follows; `None` at the end.
    ///
    /// # Errors
    /// The next document can't be read or makes no sense.
    #[expect(clippy::should_implement_trait, reason = "an iterator could go on behind an error")]
    pub fn next(&mut self) -> Result<Option<(Place, Recorded)>, ReadError> {
        let Some((mut place, content)) = self.take()? else { return Ok(None) };
        let first = match content {
            Content::Snapshot(snapshot) => {
                let taken = snapshot.taken_at.map(|time| time.0);
                return Ok(Some((place, Recorded::Snapshot(Box::new(build::snapshot(snapshot)), taken))));
            }
            Content::Change(change) => {
                let at = change.at.map(|time| time.0);
                return Ok(Some((place, Recorded::Change(Box::new(build::change(change)), at))));
            }
            Content::Socket(first) => first,
        };
        let mut sockets = vec![first];
        loop {
            match self.take() {
                Ok(Some((next, Content::Socket(socket)))) => {
                    if next.end - place.offset > self.documents.largest as u64 {
                        self.ended = true;
                        let cause = ReadCause::TooLarge(self.documents.largest);
                        return Err(error_at(place, String::new(), cause));
                    }
                    place.end = next.end;
                    sockets.push(socket);
                }
                Ok(None) => break,
                Ok(Some(other)) => {
                    self.ahead = Some(Ok(other));
                    break;
                }
                Err(error) => {
                    self.ahead = Some(Err(error));
                    break;
                }
            }
        }
        Ok(Some((place, Recorded::Sockets(Box::new(build::sockets(sockets))))))
    }

    fn take(&mut self) -> Result<Option<(Place, Content)>, ReadError> {
        if let Some(ahead) = self.ahead.take() {
            return ahead.map(Some);
        }
        if self.ended {
            return Ok(None);
        }
        let read = self.documents.next(&mut self.buffer).and_then(|place| match place {
            Some(place) => understand(place, &self.buffer).map(|content| Some((place, content))),
            None => Ok(None),
        });
        self.ended = !matches!(read, Ok(Some(_)));
        read
    }
}

fn error_at(place: Place, path: String, cause: ReadCause) -> ReadError {
    ReadError { document: place.document, line: place.line, offset: place.offset, path, cause }
}

fn understand(place: Place, bytes: &[u8]) -> Result<Content, ReadError> {
    let refused = |why: String| error_at(place, "schema".to_owned(), ReadCause::Schema(why));
    let shapes::Header { schema, protocol } = parse(place, bytes)?;
    match schema.as_deref() {
        Some(SNAPSHOT) => parse(place, bytes).map(Content::Snapshot),
        Some(CHANGE) => parse(place, bytes).map(Content::Change),
        None if protocol.is_some() => parse(place, bytes).map(Content::Socket),
        None => Err(refused(format!("it has none, and is no socket; {SNAPSHOT} and {CHANGE} are read here"))),
        Some(other) => {
            let text = short(other);
            let name = other.rsplit_once('/').map(|(name, _)| name);
            let is_another_version =
                |known: &&&str| known.rsplit_once('/').is_some_and(|(known, _)| Some(known) == name);
            Err(refused(match [SNAPSHOT, CHANGE].iter().find(is_another_version) {
                Some(known) => format!("'{text}': this version reads {known}"),
                None => format!("'{text}' is no recording of sockets; {SNAPSHOT} and {CHANGE} are"),
            }))
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(place: Place, bytes: &'a [u8]) -> Result<T, ReadError> {
    serde_json::from_slice(bytes).map_err(|error| {
        // Only who fails is asked where, which takes twice the time.
        let deserializer = &mut serde_json::Deserializer::from_slice(bytes);
        let path = serde_path_to_error::deserialize::<_, T>(deserializer).err().map(|error| error.path().to_string());
        let (line, column) = (error.line().max(1), error.column());
        let text = error.to_string();
        let text = text.strip_suffix(&format!(" at line {} column {column}", error.line())).unwrap_or(&text);
        let before: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(line - 1).map(<[u8]>::len).sum();
        ReadError {
            document: place.document,
            line: place.line + line as u64 - 1,
            offset: place.offset + (before + column.saturating_sub(1)) as u64,
            path: path.map(|path| short(&path)).filter(|path| path != ".").unwrap_or_default(),
            cause: ReadCause::Content(short(text)),
        }
    })
}

/// Text from a recording, for a message.
fn short(text: &str) -> String {
    const MOST: usize = 200;
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    clean(&short).into_owned()
}
