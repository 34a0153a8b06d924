use crate::Format;

/// Why a database can't be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// Bytes of no format that is known here.
    #[error(
        "this is no IP database of a known format (QQWry, ZX, ipdb, datx, xdb, ip2region db, czdb, mmdb, IP2Location BIN)"
    )]
    Unknown,
    /// An archive or a packed file, perhaps with a database in it.
    #[error("this is a {packer} file, not an IP database: unpack it and give the file that is in it")]
    Packed {
        /// What it is packed with.
        packer: &'static str,
    },
    /// The bytes begin like a format, and do not go on like it.
    #[error("damaged or cut off {format} file: {problem} at byte {offset}")]
    Damaged {
        /// What it looks like.
        format: Format,
        /// Where it went wrong, from the start of the file.
        offset: u64,
        /// What was wrong there.
        problem: &'static str,
    },
    /// A file of a format that is known, of a version or kind that is not.
    #[error("{format} file of a kind that is not supported: {what}")]
    Unsupported {
        /// Its format.
        format: Format,
        /// The version or kind.
        what: String,
    },
    /// An encrypted file, and no key was given.
    #[error("the {format} file is encrypted and needs a key")]
    KeyMissing {
        /// Its format.
        format: Format,
    },
    /// An encrypted file, and another key.
    #[error("wrong key for the {format} file: {problem}")]
    KeyWrong {
        /// Its format.
        format: Format,
        /// How it shows.
        problem: &'static str,
    },
}

impl OpenError {
    pub(crate) fn damaged(format: Format, offset: usize, problem: &'static str) -> OpenError {
        OpenError::Damaged { format, offset: offset as u64, problem }
    }
}
