use super::{Format, Opened};
use crate::{Data, Database, Language, OpenError};

pub(super) fn detect(_bytes: &[u8]) -> bool {
    false
}

pub(super) fn open(_data: Data) -> Result<Opened, OpenError> {
    Err(OpenError::damaged(Format::Table, 0, "not read yet"))
}

pub(super) fn embedded(_language: &Language) -> Database {
    unimplemented!()
}
