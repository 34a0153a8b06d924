use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use clap::Args;

use crate::process::Scenario;
use crate::varied::ip;
use crate::{kernel, socket};

/// With whom.
#[derive(Debug, Clone, Args)]
pub struct AbroadOptions {
    /// Addresses of the peers
    #[arg(long, value_delimiter = ',', default_value = "8.8.8.8,114.114.114.114,2001:4860:4860::8888,10.1.2.3")]
    pub peers: Vec<IpAddr>,
}

/// Makes a connection to port 443 of each peer, whatever its address is, in a private network namespace in which every address
/// is local: nothing leaves it.
pub fn abroad(options: &AbroadOptions) -> Result<Scenario> {
    everything_is_local()?;
    let mut scenario = Scenario::new("abroad")?;
    for peer in &options.peers {
        let from = match peer {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        let (client, server, listener) = connect(SocketAddr::new(from, 0), SocketAddr::new(*peer, 443))?;
        scenario.hold_tcp("client", client, "established")?;
        scenario.hold_tcp("server", server, "established")?;
        drop(listener);
    }
    Ok(scenario)
}

/// Makes every address an address of loopback.
///
/// # Errors
/// This is not a network namespace that was made for tests.
pub(crate) fn everything_is_local() -> Result<()> {
    anyhow::ensure!(kernel::in_private_namespace(), "a network namespace of our own is needed: --netns");
    ip("route add local 0.0.0.0/0 dev lo")?;
    ip("-6 route add local ::/0 dev lo")?;
    // IPv6 wants an address of an interface, whatever is local.
    std::fs::write("/proc/sys/net/ipv6/ip_nonlocal_bind", "1").context("ip_nonlocal_bind")
}

/// A connection between any two addresses: the client's end, the accepted one, and the listener.
pub(crate) fn connect(from: SocketAddr, to: SocketAddr) -> Result<(OwnedFd, OwnedFd, OwnedFd)> {
    let listener = socket::listener(to, 1)?;
    let client = socket::tcp_bound(from)?;
    // When the process ends, the client's end resets both.
    socket::reset_on_close(&client)?;
    rustix::net::connect(&client, &socket::local(&listener)?)?;
    let server = rustix::net::accept_with(&listener, rustix::net::SocketFlags::CLOEXEC)?;
    Ok((client, server, listener))
}

/// An address that somebody may have, for each number another.
pub(crate) fn somewhere(number: u32) -> Ipv4Addr {
    // Neighbours are far apart, and the blocks are ones that have been given out since long.
    let mixed = number.wrapping_mul(0x9e37_79b1).rotate_left(11) ^ number;
    let [_, b, c, _] = mixed.to_be_bytes();
    const FIRST: [u8; 12] = [1, 5, 8, 23, 36, 46, 61, 80, 101, 114, 185, 203];
    let [.., high, low] = number.to_be_bytes();
    Ipv4Addr::new(FIRST[usize::from(b ^ low) % FIRST.len()], c, high, low)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn addresses_differ() {
        let all: HashSet<Ipv4Addr> = (0..60_000).map(somewhere).collect();
        assert_eq!(all.len(), 60_000);
    }
}
