use crate::Socket;

/// One difference between two snapshots of the same source, by [`crate::SocketKey`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// A socket that was not there before.
    Opened(Box<Socket>),
    /// The same socket with other content.
    Changed {
        /// As it was.
        before: Box<Socket>,
        /// As it is.
        after: Box<Socket>,
    },
    /// A socket that is not there any more.
    Closed(Box<Socket>),
}
