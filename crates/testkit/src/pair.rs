use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use clap::Args;

use crate::part::become_user;
use crate::process::Scenario;
use crate::socket;

/// A server that accepts whoever comes.
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    /// The port; without, a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The user to become, by number
    #[arg(long)]
    user: Option<u32>,
}

/// A client that holds one connection.
#[derive(Debug, Clone, Args)]
pub struct ConnectOptions {
    /// To whom
    to: SocketAddr,
}

/// Listens on loopback in this process, and keeps every connection that comes.
pub fn serve(options: &ServeOptions) -> Result<Scenario> {
    if let Some(user) = options.user {
        become_user(user)?;
    }
    let mut scenario = Scenario::new("serve")?;
    let listener = socket::listener(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)), 8)?;
    scenario.report.add(socket::made_tcp("listener", &listener, "listen")?);
    let listener = TcpListener::from(listener);
    std::thread::spawn(move || {
        let mut accepted = Vec::new();
        while let Ok((connection, _)) = listener.accept() {
            accepted.push(connection);
        }
    });
    Ok(scenario)
}

/// Connects, and keeps the connection.
pub fn connect(options: &ConnectOptions) -> Result<Scenario> {
    let mut scenario = Scenario::new("connect")?;
    let client = OwnedFd::from(TcpStream::connect(options.to).with_context(|| options.to.to_string())?);
    scenario.report.add(socket::made_tcp("client", &client, "established")?);
    scenario.sockets.push(client);
    Ok(scenario)
}
