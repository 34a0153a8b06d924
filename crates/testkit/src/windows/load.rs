use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;

use super::{Held, socket};

/// Makes many connections. Nothing listens any more when it returns.
pub(crate) fn load(connections: u32) -> Result<Held> {
    let mut held = Held::new("load")?;
    let listener = socket::listener(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), 16, true)?;
    let address = socket::local(&listener)?;
    for _ in 0..connections {
        let client = socket::connect(address)?;
        // The client's end is closed first and resets both, so that no TIME-WAIT is left.
        client.set_linger(Some(std::time::Duration::ZERO))?;
        held.sockets.push(client);
        held.sockets.push(listener.accept()?.0);
    }
    held.report.tcp = u64::from(connections) * 2;
    Ok(held)
}
