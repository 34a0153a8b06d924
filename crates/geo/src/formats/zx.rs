use super::{Format, Opened};
use crate::{Data, OpenError};

pub(super) fn detect(_bytes: &[u8]) -> bool {
    false
}

pub(super) fn open(_data: Data) -> Result<Opened, OpenError> {
    Err(OpenError::damaged(Format::Zx, 0, "not read yet"))
}
