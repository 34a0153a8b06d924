//! Closing connections: SetTcpEntry, which there is for IPv4 alone.

use std::net::SocketAddr;

use sockscope_model::{NoOwner, Owners, Protocol, Request, Socket, Source, State, StateSet, Tag};

use super::machine::Machine;
use super::source::WindowsSource;
use super::status::{self, words};
use crate::CloseError;

/// Closes connections, each only if it is still the one that was listed: the table is read again first, and afterwards too,
/// since success is not to be believed (Wine says so and does nothing).
pub(super) fn close<M: Machine>(source: &mut WindowsSource<M>, sockets: &[&Socket]) -> Vec<Result<(), CloseError>> {
    let before = match list(source) {
        Ok(before) => before,
        Err(error) => return sockets.iter().map(|_| Err(error.clone())).collect(),
    };
    let mut results: Vec<_> = sockets.iter().map(|socket| close_one(source, socket, &before)).collect();
    if results.iter().all(Result::is_err) {
        return results;
    }
    match list(source) {
        Ok(after) => {
            for (socket, result) in sockets.iter().zip(&mut results) {
                if result.is_ok() && after.iter().any(|row| is_same(socket, row) && !is_over(row)) {
                    *result = Err(CloseError::Failed(
                        "Windows said that it was closed (SetTcpEntry), and it is still there".to_owned(),
                    ));
                }
            }
        }
        Err(error) => {
            for result in results.iter_mut().filter(|result| result.is_ok()) {
                *result = Err(error.clone());
            }
        }
    }
    results
}

fn list<M: Machine>(source: &mut WindowsSource<M>) -> Result<Vec<Socket>, CloseError> {
    let request = Request {
        udp: false,
        ipv6: false,
        process_details: false,
        states: StateSet::ALL.without(State::Bound),
        ..Request::default()
    };
    let snapshot = source.snapshot(&request).map_err(|error| CloseError::Failed(error.to_string()))?;
    Ok(snapshot.sockets)
}

/// Whether Windows has a call that closes such a socket.
pub(super) fn can_close(socket: &Socket) -> Result<(), CloseError> {
    let unsupported = |why: &str| Err(CloseError::Unsupported(why.to_owned()));
    match (socket.key.protocol, socket.key.local) {
        (Protocol::Tcp, SocketAddr::V4(_)) if socket.key.remote.is_some() => Ok(()),
        (Protocol::Tcp, SocketAddr::V4(_)) => {
            unsupported("Windows has no call that closes a socket without a peer; end its process instead")
        }
        (Protocol::Tcp, SocketAddr::V6(_)) => unsupported("Windows has no call that closes a connection over IPv6"),
        _ => unsupported("Windows has no call that closes a UDP socket"),
    }
}

fn close_one<M: Machine>(source: &mut WindowsSource<M>, socket: &Socket, living: &[Socket]) -> Result<(), CloseError> {
    can_close(socket)?;
    if !has_identity(socket) {
        return Err(CloseError::NoIdentity);
    }
    if !living.iter().any(|row| is_same(socket, row)) {
        return Err(CloseError::Gone);
    }
    source.machine().reset(&socket.key).map_err(|status| match status {
        status::ACCESS_DENIED | status::MR_MID_NOT_FOUND => CloseError::Refused,
        status::NOT_FOUND => CloseError::Gone,
        _ => CloseError::Failed(format!("SetTcpEntry: {}", words(status))),
    })
}

/// When it was made tells a socket from others with its addresses; where Windows does not say, its process does.
fn has_identity(socket: &Socket) -> bool {
    matches!(socket.key.tag, Tag::Created(_))
        || socket.owners.processes().iter().any(|owner| owner.process.started.is_some())
        || socket.owners == Owners::Nobody(NoOwner::Kernel)
}

fn is_same(listed: &Socket, row: &Socket) -> bool {
    let process = |socket: &Socket| socket.owners.processes().first().map(|owner| owner.process);
    listed.key == row.key && (matches!(listed.key.tag, Tag::Created(_)) || process(listed) == process(row))
}

fn is_over(row: &Socket) -> bool {
    matches!(row.state, Some(State::TimeWait | State::Closed | State::DeleteTcb))
}
