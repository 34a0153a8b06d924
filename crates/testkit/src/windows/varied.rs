use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use socket2::Socket;

use super::socket::{self, made_tcp, made_udp};
use super::{Held, Other};

/// What the second process does.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    connections: Vec<Connection>,
    /// UDP sockets to connect to.
    udp: Vec<SocketAddr>,
}

/// A connection to make, and in which state to leave it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Connection {
    case: String,
    to: SocketAddr,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum How {
    /// Established, both ends.
    Open,
    /// Established, and nobody accepts it: the other end has no process.
    Unaccepted,
    /// A SYN that is not answered.
    Unanswered,
    /// This end sends no more: FIN-WAIT-2, and CLOSE-WAIT there.
    HalfClosed,
    /// This end sends no more, and the other can't get rid of what it still sends: LAST-ACK there.
    Last,
    /// This end can't get rid of what it still sends: FIN-WAIT-1.
    Stuck,
}

impl How {
    /// In which state the end is that connects, and that which accepts.
    fn states(self) -> (&'static str, Option<&'static str>) {
        match self {
            How::Open => ("established", Some("established")),
            How::Unaccepted => ("established", None),
            How::Unanswered => ("syn-sent", None),
            How::HalfClosed => ("fin-wait-2", Some("close-wait")),
            How::Last => ("fin-wait-2", Some("last-ack")),
            How::Stuck => ("fin-wait-1", Some("established")),
        }
    }
}

/// How many connections wait in the queue of a listener before it answers no more.
const QUEUE: i32 = 1;

/// Makes sockets of every kind and state. This process listens and accepts, another one connects.
pub(crate) fn varied(other: Option<&Path>) -> Result<Held> {
    let mut held = Held::new("varied")?;
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let any_v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let mut listen = |case: &str, address, backlog, only_v6| {
        let listener = socket::listener(address, backlog, only_v6)?;
        let local = socket::local(&listener)?;
        held.hold(made_tcp(case, "listen", local, None), listener.try_clone()?);
        anyhow::Ok((listener, local.port()))
    };
    let (on_v4, port_v4) = listen("listener", v4, 64, true)?;
    let (on_v6, port_v6) = listen("listener-ipv6", v6, 64, true)?;
    let (on_any, port_any) = listen("listener-any", any, 64, true)?;
    let (on_any_v6, port_any_v6) = listen("listener-any-ipv6", any_v6, 64, true)?;
    let (on_dual, port_dual) = listen("listener-dual", any_v6, 64, false)?;
    let (_on_full, port_full) = listen("listener-full", v4, QUEUE, true)?;

    let mapped = IpAddr::from(Ipv4Addr::LOCALHOST.to_ipv6_mapped());
    let connection = |case: &str, address: IpAddr, port, how| Connection {
        case: case.into(),
        to: SocketAddr::from((address, port)),
        how,
    };
    let mut connections = vec![
        connection("established", v4.ip(), port_v4, How::Open),
        connection("half-closed", v4.ip(), port_v4, How::HalfClosed),
        connection("last", v4.ip(), port_v4, How::Last),
        connection("stuck", v4.ip(), port_v4, How::Stuck),
        connection("from-mapped", mapped, port_v4, How::Open),
        connection("established-ipv6", v6.ip(), port_v6, How::Open),
        connection("half-closed-ipv6", v6.ip(), port_v6, How::HalfClosed),
        connection("any", v4.ip(), port_any, How::Open),
        connection("any-ipv6", v6.ip(), port_any_v6, How::Open),
        connection("to-mapped", v4.ip(), port_dual, How::Open),
        connection("dual-ipv6", v6.ip(), port_dual, How::Open),
    ];
    let accepted = connections.clone();
    // As many as the queue holds, and one more than that; then nobody is answered.
    for number in 0..=QUEUE {
        connections.push(connection(&format!("unaccepted-{number}"), v4.ip(), port_full, How::Unaccepted));
    }
    connections.push(connection("syn-sent", v4.ip(), port_full, How::Unanswered));

    let mut udp = Vec::new();
    for (case, address, only_v6) in [
        ("udp", v4, true),
        ("udp-ipv6", v6, true),
        ("udp-any", any, true),
        ("udp-any-ipv6", any_v6, true),
        ("udp-dual", any_v6, false),
    ] {
        let socket = socket::udp(address, only_v6)?;
        if !address.ip().is_unspecified() {
            udp.push(socket::local(&socket)?);
        }
        held.hold(made_udp(case, &socket)?, socket);
    }

    let itself = std::env::current_exe()?;
    let part = serde_json::to_string(&Part { connections, udp })?;
    let other = Other::start(other.unwrap_or(&itself), &["part", &part])?;
    for connection in &accepted {
        let listeners = [
            (port_v4, &on_v4),
            (port_v6, &on_v6),
            (port_any, &on_any),
            (port_any_v6, &on_any_v6),
            (port_dual, &on_dual),
        ];
        let listener = listeners.iter().find(|(port, _)| *port == connection.to.port()).context("no listener")?.1;
        accept(&mut held, connection, listener, &other)?;
    }
    held.hold_other(other);
    Ok(held)
}

/// Accepts a connection: they come in the order in which they were made.
fn accept(held: &mut Held, connection: &Connection, listener: &Socket, other: &Other) -> Result<()> {
    let (socket, _) = listener.accept()?;
    let (local, remote) = (socket::local(&socket)?, socket::remote(&socket)?);
    let client = &other.report.sockets.iter().find(|made| made.case == connection.case).context("it was not made")?;
    anyhow::ensure!(client.local.port == remote.port(), "{}: {remote} is another one", connection.case);
    if matches!(connection.how, How::HalfClosed | How::Last) {
        socket::await_end(&socket)?;
    }
    if connection.how == How::Last {
        socket::fill_and_end(&socket)?;
    }
    let state = connection.how.states().1.context("nobody accepts it")?;
    held.hold(made_tcp(&format!("{}-accepted", connection.case), state, local, Some(remote)), socket);
    Ok(())
}

/// The second process: makes the connections.
pub(crate) fn part(part: &Part) -> Result<Held> {
    let mut held = Held::new("part")?;
    for Connection { case, to, how } in &part.connections {
        let socket = match how {
            How::Unanswered => socket::start_connecting(*to)?,
            _ => socket::connect(*to)?,
        };
        match how {
            How::HalfClosed | How::Last => socket.shutdown(Shutdown::Write)?,
            How::Stuck => socket::fill_and_end(&socket)?,
            How::Open | How::Unaccepted | How::Unanswered => {}
        }
        held.hold(made_tcp(case, how.states().0, socket::local(&socket)?, Some(*to)), socket);
    }
    for (number, to) in part.udp.iter().enumerate() {
        let socket = socket::udp(SocketAddr::from((to.ip(), 0)), true)?;
        socket.connect(&(*to).into())?;
        held.hold(made_udp(&format!("udp-connected-{number}"), &socket)?, socket);
    }
    Ok(held)
}
