//! Statuses of Windows' functions that mean something here (winerror.h, ntstatus.h).

pub(super) const ACCESS_DENIED: u32 = 5;
pub(super) const NOT_SUPPORTED: u32 = 50;
pub(super) const INVALID_PARAMETER: u32 = 87;
pub(super) const CALL_NOT_IMPLEMENTED: u32 = 120;
pub(super) const INSUFFICIENT_BUFFER: u32 = 122;
pub(super) const PROC_NOT_FOUND: u32 = 127;
pub(super) const NO_DATA: u32 = 232;
/// What SetTcpEntry gives, undocumented, to whoever is no administrator.
pub(super) const MR_MID_NOT_FOUND: u32 = 317;
pub(super) const NOT_FOUND: u32 = 1168;
/// STATUS_UNSUCCESSFUL, which functions that fill tables give, undocumented, while the table changes quickly.
pub(super) const UNSUCCESSFUL: u32 = 0xc000_0001;

/// Whether a status says that there is no such table, rather than that it could not be read.
pub(super) fn is_absence(status: u32) -> bool {
    matches!(status, NOT_SUPPORTED | INVALID_PARAMETER | CALL_NOT_IMPLEMENTED | PROC_NOT_FOUND)
}

/// A status in words that are the same in every language.
pub(super) fn words(status: u32) -> String {
    match status {
        ACCESS_DENIED => "access denied (status 5)".into(),
        NOT_SUPPORTED => "not supported here (status 50)".into(),
        INVALID_PARAMETER => "no such class of table here (status 87)".into(),
        CALL_NOT_IMPLEMENTED => "not implemented here (status 120)".into(),
        _ if status > 0xffff => format!("status {status:#010x}"),
        _ => format!("status {status}"),
    }
}
