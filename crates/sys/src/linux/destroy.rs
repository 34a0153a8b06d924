//! Closing sockets of other processes: SOCK_DESTROY (Linux 4.5, CONFIG_INET_DIAG_DESTROY).

use std::collections::HashSet;

use rustix::io::Errno;
use rustix::thread::CapabilitySet;
use sockscope_model::{Protocol, Request, Socket, SocketKey, State, StateSet};
use sockscope_wire::sock_diag::encode_destroy;

use super::netlink::{DiagSocket, DumpError};
use super::sock_diag;
use crate::CloseError;

/// Closes sockets, each only if it is still the one that was listed: the kernel compares the cookie, and a cookie is not
/// used again until the next boot. The results are in the order of the sockets; whatever is no success was not touched.
///
/// A socket is closed as if its program had asked for an abort (RFC 9293, 3.10.5): a TCP peer gets a reset, and the next
/// call of the owner on its descriptor, which stays open, fails with ECONNABORTED.
///
/// # Errors
/// See [`CloseError`].
pub fn close(sockets: &[&Socket]) -> Vec<Result<(), CloseError>> {
    let mut diag = match DiagSocket::open() {
        Ok(diag) => diag,
        Err(error) => {
            let error = CloseError::Failed(format!("can't open NETLINK_SOCK_DIAG: {error}"));
            return sockets.iter().map(|_| Err(error.clone())).collect();
        }
    };
    let mut results: Vec<_> = sockets.iter().map(|socket| (*socket, close_one(&mut diag, socket))).collect();
    close_hidden(&mut diag, &mut results);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Whether this user may close sockets at all; what else the kernel refuses, it says when it is asked.
///
/// # Errors
/// [`CloseError::Refused`] without CAP_NET_ADMIN.
pub fn can_close(_socket: &Socket) -> Result<(), CloseError> {
    match rustix::thread::capabilities(None) {
        Ok(sets) if !sets.effective.contains(CapabilitySet::NET_ADMIN) => Err(CloseError::Refused),
        // Who can't be asked (a sandbox) hears it from the kernel.
        _ => Ok(()),
    }
}

fn close_one(diag: &mut DiagSocket, socket: &Socket) -> Result<(), CloseError> {
    match diag.ask(|sequence| encode_destroy(socket, sequence)) {
        None => Err(CloseError::NoIdentity),
        Some(outcome) => outcome.map_err(|error| explain(&error)),
    }
}

/// Of several sockets with equal addresses (SO_REUSEPORT) the kernel finds one, and says ENOENT if that has another cookie.
/// So what seems to be gone is tried again as long as it is listed and something else was closed.
fn close_hidden(diag: &mut DiagSocket, results: &mut [(&Socket, Result<(), CloseError>)]) {
    loop {
        let mut hidden: Vec<_> =
            results.iter_mut().filter(|(_, result)| matches!(result, Err(CloseError::Gone))).collect();
        if hidden.is_empty() {
            return;
        }
        let Ok(living) = living(&hidden.iter().map(|(socket, _)| *socket).collect::<Vec<_>>()) else { return };
        hidden.retain(|(socket, _)| living.contains(&socket.key));
        let mut progress = false;
        for (socket, result) in &mut hidden {
            *result = close_one(diag, socket);
            progress |= result.is_ok();
        }
        if !progress {
            for (_, result) in hidden.into_iter().filter(|(_, result)| matches!(result, Err(CloseError::Gone))) {
                *result = Err(CloseError::Unsupported(
                    "the kernel finds another socket with the same addresses in its place".to_owned(),
                ));
            }
            return;
        }
    }
}

/// Who is still listed, under the same addresses and the same cookie. What is bound and no more was a connection that ended.
fn living(sockets: &[&Socket]) -> Result<HashSet<SocketKey>, DumpError> {
    let request = Request {
        tcp: sockets.iter().any(|socket| socket.key.protocol == Protocol::Tcp),
        udp: sockets.iter().any(|socket| socket.key.protocol == Protocol::Udp),
        states: StateSet::ALL.without(State::Bound),
        ..Request::default()
    };
    let listed = sock_diag::collect(&request)?.sockets;
    Ok(listed.into_iter().map(|socket| socket.key).collect())
}

/// net/core/sock_diag.c, net/ipv4/inet_diag.c.
fn explain(error: &DumpError) -> CloseError {
    match error {
        // Nothing has the addresses, or what has them has another cookie.
        DumpError::System(Errno::NOENT | Errno::STALE) => CloseError::Gone,
        DumpError::System(Errno::PERM | Errno::ACCESS) => CloseError::Refused,
        // Before 4.5 the type of the request is unknown, which is EINVAL.
        DumpError::System(Errno::OPNOTSUPP | Errno::INVAL) => CloseError::Unsupported(
            "the kernel can't close such sockets (it needs 4.5 or later, with CONFIG_INET_DIAG_DESTROY)".to_owned(),
        ),
        DumpError::System(error) => CloseError::Failed(error.to_string()),
        DumpError::Malformed(error) => CloseError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_kernel_have_meanings() {
        let explained = |errno| explain(&DumpError::System(errno));
        assert_eq!(explained(Errno::NOENT), CloseError::Gone);
        assert_eq!(explained(Errno::PERM), CloseError::Refused);
        assert!(matches!(explained(Errno::OPNOTSUPP), CloseError::Unsupported(why) if why.contains("DIAG_DESTROY")));
        assert!(matches!(explained(Errno::TIMEDOUT), CloseError::Failed(_)));
    }
}
