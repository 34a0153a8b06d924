//! Decodes what kernels say about sockets, and encodes what they are asked.
//!
//! This crate makes no system call: it turns bytes into the types of `sockscope-model` on any host, so that what a Linux
//! kernel or a Windows DLL says is tested everywhere. Bytes are never trusted: whatever they are, a decoder returns
//! values, or an error that names the place.

#![forbid(unsafe_code)]

/// The kernel's socket filter bytecode (`INET_DIAG_REQ_BYTECODE`).
mod bytecode;
/// Reading fixed-width numbers out of a slice that may be too short.
mod bytes;
/// Sockets that the kernel has just destroyed.
mod destroyed;
/// Netlink: the messages in a datagram.
pub mod netlink;
/// Rules of address translation, as nftables keeps them.
pub mod nftables;
/// The text files under /proc.
pub mod procfs;
/// What the routing table says of one address.
pub mod route;
/// NETLINK_SOCK_DIAG: requests and replies.
pub mod sock_diag;
/// `struct tcp_info`.
mod tcp_info;
/// iphlpapi.dll's tables, and other lists of Windows.
pub mod windows;

pub use bytecode::compile;
pub use destroyed::{decode_destroyed, destroy_groups};

/// Bytes that make no sense: what was read, and where it went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}: {problem}")]
pub struct Malformed {
    /// What was being decoded.
    pub what: &'static str,
    /// Where, from the start of the input.
    pub offset: usize,
    /// What is wrong there.
    pub problem: &'static str,
}
