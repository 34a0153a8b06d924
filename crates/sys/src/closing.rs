/// Why a socket was not closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// It is not there any more.
    #[error("it is gone")]
    Gone,
    /// The system has it and said no to this user.
    #[cfg_attr(not(windows), error("it needs CAP_NET_ADMIN; try sudo"))]
    #[cfg_attr(windows, error("it needs an administrator; run it elevated"))]
    Refused,
    /// The system can't close sockets of this kind, or none at all.
    #[error("{0}")]
    Unsupported(String),
    /// Its row has nothing by which the system could tell it from another socket with these addresses.
    #[error("its source gives it no identity that can be checked")]
    NoIdentity,
    /// The call failed.
    #[error("{0}")]
    Failed(String),
}
