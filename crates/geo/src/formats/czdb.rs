use super::{Format, Opened};
use crate::{Data, OpenError, Options};

pub(super) fn detect(_bytes: &[u8]) -> bool {
    false
}

pub(super) fn open(_data: Data, _options: &Options) -> Result<Opened, OpenError> {
    Err(OpenError::damaged(Format::Czdb, 0, "not read yet"))
}
