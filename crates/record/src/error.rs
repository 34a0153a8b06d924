use std::io;
use std::path::{Path, PathBuf};

use sockscope_output::clean;
use sockscope_output::read::{Place, ReadError};

/// Why a file can't be replayed.
#[derive(Debug, thiserror::Error)]
#[error("can't replay {}: {cause}", shown(file))]
pub struct ReplayError {
    /// Which file.
    pub file: PathBuf,
    /// Why.
    #[source]
    pub cause: Cause,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// It can't be opened.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is no recording.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// Nothing was recorded.
    #[error("nothing is recorded in it")]
    Empty,
    /// When something was recorded is not known, and needed.
    #[error("document {} (line {}, byte {}) does not say when it was recorded", .0.document, .0.line, .0.offset)]
    NoTime(Place),
    /// It is so large that it must be read again, which a pipe does not allow.
    #[error("it is no regular file, and larger than {0} bytes")]
    NoFile(u64),
}

/// A file's name, for a message.
pub(crate) fn shown(file: &Path) -> String {
    clean(&file.to_string_lossy()).into_owned()
}
