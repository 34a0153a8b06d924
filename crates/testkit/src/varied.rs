use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::kernel;
use crate::process::Scenario;
use crate::report::Endpoint;
use crate::socket;

/// Makes about 300 sockets of every kind and state, all held by this process or by nobody.
///
/// Wildcard addresses, link-local ones and interfaces need a network namespace of our own (see
/// [`crate::enter_private_namespace`]) and are skipped outside one.
pub fn varied() -> Result<Scenario> {
    let mut scenario = Scenario::new("varied")?;
    kernel::allow_files(1_000)?;
    let mut families = vec![
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 0)),
    ];
    let private = kernel::in_private_namespace();
    if private {
        be_patient();
        match link_local() {
            Ok(address) => families.push(address.into()),
            Err(error) => scenario.report.skip("link-local", format!("{error:#}")),
        }
        wildcards(&mut scenario)?;
    } else {
        for case in ["link-local", "wildcard", "dual-stack", "patience"] {
            scenario.report.skip(case, "not in a network namespace of our own");
        }
    }
    for address in families {
        tcp(&mut scenario, address).with_context(|| format!("TCP on {address}"))?;
        udp(&mut scenario, address).with_context(|| format!("UDP on {address}"))?;
    }
    options(&mut scenario)?;
    Ok(scenario)
}

/// Has the kernel keep unanswered connections for minutes instead of seconds.
fn be_patient() {
    for (name, value) in [("tcp_synack_retries", "20"), ("tcp_syn_retries", "20"), ("tcp_orphan_retries", "15")] {
        drop(std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value));
    }
}

/// An address of a link: of one end of a pair of virtual ones, which we make.
fn link_local() -> Result<SocketAddrV6> {
    const ADDRESS: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x51);
    for arguments in [
        "link add sockscope0 type veth peer name sockscope1",
        "link set sockscope1 up",
        "link set sockscope0 up",
        "addr add fe80::51/64 dev sockscope0 nodad",
    ] {
        ip(arguments)?;
    }
    let index = kernel::interface_index("sockscope0").context("sockscope0")?;
    Ok(SocketAddrV6::new(ADDRESS, 0, 0, index))
}

/// Runs ip(8).
pub(crate) fn ip(arguments: &str) -> Result<()> {
    let output = Command::new("ip").args(arguments.split(' ')).stdin(Stdio::null()).output().context("ip")?;
    anyhow::ensure!(
        output.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")
    );
    Ok(())
}

impl Scenario {
    /// Lists a TCP socket of ours and keeps it.
    pub(crate) fn hold_tcp(&mut self, case: &str, socket: OwnedFd, state: &str) -> Result<()> {
        self.report.add(socket::made_tcp(case, &socket, state)?);
        self.sockets.push(socket);
        Ok(())
    }

    /// Lists a UDP socket of ours and keeps it.
    pub(crate) fn hold_udp(&mut self, case: &str, socket: OwnedFd) -> Result<()> {
        self.report.add(socket::made_udp(case, &socket)?);
        self.sockets.push(socket);
        Ok(())
    }

    /// Lists a TCP socket that has sent a SYN and got no answer, and keeps it.
    pub(crate) fn hold_syn_sent(&mut self, case: &str, socket: OwnedFd, to: SocketAddr) -> Result<()> {
        let mut made = socket::made_tcp(case, &socket, "syn-sent")?;
        made.remote = Some(Endpoint::of(to));
        self.report.add(made);
        self.sockets.push(socket);
        Ok(())
    }
}

/// Both ends' addresses of a connection, the first socket's own first.
pub(crate) fn ends(socket: &OwnedFd) -> Result<(SocketAddr, SocketAddr)> {
    Ok((socket::local(socket)?, socket::remote(socket)?.context("not connected")?))
}

fn tcp(scenario: &mut Scenario, address: SocketAddr) -> Result<()> {
    for _ in 0..4 {
        scenario.hold_tcp("listen", socket::listener(address, 8)?, "listen")?;
    }
    for _ in 0..2 {
        scenario.hold_tcp("bound", socket::tcp_bound(address)?, "bound")?;
    }
    let first = socket::tcp(address)?;
    socket::share_port(&first)?;
    rustix::net::bind(&first, &address)?;
    let second = socket::tcp(address)?;
    socket::share_port(&second)?;
    rustix::net::bind(&second, &socket::local(&first)?)?;
    for socket in [first, second] {
        rustix::net::listen(&socket, 8)?;
        scenario.hold_tcp("reuseport", socket, "listen")?;
    }

    let listener = socket::listener(address, 64)?;
    for _ in 0..12 {
        let (client, server) = socket::connect(&listener)?;
        scenario.hold_tcp("established", client, "established")?;
        scenario.hold_tcp("established", server, "established")?;
    }
    for _ in 0..2 {
        // No answer to the FIN.
        let (client, server) = socket::connect(&listener)?;
        kernel::drop_all_input(&server)?;
        rustix::net::shutdown(&client, rustix::net::Shutdown::Write)?;
        scenario.hold_tcp("fin-wait-1", client, "fin-wait-1")?;
        scenario.hold_tcp("fin-wait-1-peer", server, "established")?;

        // The FIN is answered, the peer keeps its end open.
        let (client, server) = socket::connect(&listener)?;
        rustix::net::shutdown(&client, rustix::net::Shutdown::Write)?;
        scenario.hold_tcp("fin-wait-2", client, "fin-wait-2")?;
        scenario.hold_tcp("close-wait", server, "close-wait")?;

        // The second FIN is not answered.
        let (client, server) = socket::connect(&listener)?;
        rustix::net::shutdown(&client, rustix::net::Shutdown::Write)?;
        socket::await_state(&client, "fin-wait-2")?;
        kernel::drop_all_input(&client)?;
        rustix::net::shutdown(&server, rustix::net::Shutdown::Write)?;
        scenario.hold_tcp("last-ack-peer", client, "fin-wait-2")?;
        scenario.hold_tcp("last-ack", server, "last-ack")?;

        // The FINs cross: the peer's comes, ours was not answered.
        let (client, server) = socket::connect(&listener)?;
        kernel::drop_all_input(&server)?;
        rustix::net::shutdown(&client, rustix::net::Shutdown::Write)?;
        rustix::net::shutdown(&server, rustix::net::Shutdown::Write)?;
        scenario.hold_tcp("closing", client, "closing")?;
        scenario.hold_tcp("closing-peer", server, "fin-wait-1")?;

        time_wait(scenario, &listener)?;
    }
    scenario.hold_tcp("listen", listener, "listen")?;
    let listener = socket::listener(address, 8)?;
    syn_received(scenario, &listener)?;
    syn_received(scenario, &listener)?;
    accept_queue(scenario, listener, 2)?;
    orphan_fin_wait_1(scenario, address)?;
    orphan_fin_wait_2(scenario, address, false)?;

    let listener = socket::listener(address, 8)?;
    kernel::drop_all_input(&listener)?;
    let to = socket::local(&listener)?;
    for _ in 0..2 {
        let client = socket::tcp(address)?;
        socket::start_connecting(&client, to)?;
        scenario.hold_syn_sent("syn-sent", client, to)?;
    }
    scenario.hold_tcp("deaf-listener", listener, "listen")
}

/// A connection that both ends have closed.
pub(crate) fn time_wait(scenario: &mut Scenario, listener: &OwnedFd) -> Result<()> {
    let (client, server) = socket::connect(listener)?;
    let ends = ends(&client)?;
    drop(client);
    drop(server);
    scenario.report.add(socket::made_unheld("time-wait", ends, "time-wait", "time-wait")?);
    Ok(())
}

/// A handshake whose client does not hear the answer.
pub(crate) fn syn_received(scenario: &mut Scenario, listener: &OwnedFd) -> Result<()> {
    let to = socket::local(listener)?;
    let client = socket::tcp(to)?;
    kernel::drop_all_input(&client)?;
    socket::start_connecting(&client, to)?;
    let ends = (to, socket::local(&client)?);
    scenario.report.add(socket::made_unheld("syn-received", ends, "syn-received", "syn-received")?);
    scenario.hold_syn_sent("syn-received-client", client, to)
}

/// Connections that wait for accept(2), and their listener.
pub(crate) fn accept_queue(scenario: &mut Scenario, listener: OwnedFd, count: u32) -> Result<()> {
    let to = socket::local(&listener)?;
    for _ in 0..count {
        let client = socket::tcp(to)?;
        rustix::net::connect(&client, &to)?;
        let ends = (to, socket::local(&client)?);
        scenario.report.add(socket::made_unheld("accept-queue", ends, "established", "accept-queue")?);
        scenario.hold_tcp("accept-queue-client", client, "established")?;
    }
    let mut made = socket::made_tcp("accept-queue-listener", &listener, "listen")?;
    made.receive_queue = Some(count);
    scenario.report.add(made);
    scenario.sockets.push(listener);
    Ok(())
}

/// Closed with data that the peer does not take.
pub(crate) fn orphan_fin_wait_1(scenario: &mut Scenario, address: SocketAddr) -> Result<()> {
    let listener = socket::listener(address, 8)?;
    let (client, server) = socket::connect(&listener)?;
    let ends = ends(&client)?;
    rustix::io::ioctl_fionbio(&client, true)?;
    while rustix::io::write(&client, &[b'x'; 65_536]).is_ok() {}
    drop(client);
    scenario.report.add(socket::made_unheld("orphan-fin-wait-1", ends, "fin-wait-1", "orphan")?);
    scenario.hold_tcp("orphan-fin-wait-1-peer", server, "established")
}

/// Closed, while the peer keeps its end open. The kernel soon replaces the socket by a small record, or keeps it whole for
/// a minute if the state may last long.
pub(crate) fn orphan_fin_wait_2(scenario: &mut Scenario, address: SocketAddr, whole: bool) -> Result<()> {
    let case = if whole { "orphan-fin-wait-2-whole" } else { "orphan-fin-wait-2" };
    let listener = socket::listener(address, 8)?;
    let (client, server) = socket::connect(&listener)?;
    let ends = ends(&client)?;
    if whole {
        kernel::set_fin_wait_2_seconds(&client, 120)?;
    }
    drop(client);
    scenario.report.add(socket::made_unheld(case, ends, "fin-wait-2", "orphan")?);
    scenario.hold_tcp(&format!("{case}-peer"), server, "close-wait")
}

fn udp(scenario: &mut Scenario, address: SocketAddr) -> Result<()> {
    for _ in 0..4 {
        scenario.hold_udp("udp", socket::udp_bound(address)?)?;
    }
    let first = socket::udp(address)?;
    socket::share_port(&first)?;
    rustix::net::bind(&first, &address)?;
    let second = socket::udp(address)?;
    socket::share_port(&second)?;
    rustix::net::bind(&second, &socket::local(&first)?)?;
    scenario.hold_udp("udp-reuseport", first)?;
    scenario.hold_udp("udp-reuseport", second)?;
    for _ in 0..2 {
        let (one, other) = (socket::udp_bound(address)?, socket::udp_bound(address)?);
        rustix::net::connect(&one, &socket::local(&other)?)?;
        rustix::net::connect(&other, &socket::local(&one)?)?;
        scenario.hold_udp("udp-connected", one)?;
        scenario.hold_udp("udp-connected", other)?;
    }
    // Bound by connect(2) alone.
    let other = socket::udp_bound(address)?;
    let one = socket::udp(address)?;
    rustix::net::connect(&one, &socket::local(&other)?)?;
    scenario.hold_udp("udp-connected", one)?;
    scenario.hold_udp("udp", other)
}

/// Sockets on every address, reachable from this namespace's loopback only.
fn wildcards(scenario: &mut Scenario) -> Result<()> {
    let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    for address in [v4, v6] {
        scenario.hold_tcp("wildcard", socket::listener(address, 8)?, "listen")?;
        scenario.hold_udp("wildcard-udp", socket::udp_bound(address)?)?;
    }
    // An IPv4 client of an IPv6 listener.
    let listener = socket::listener(v6, 8)?;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, socket::local(&listener)?.port()));
    let client = socket::tcp(to)?;
    rustix::net::connect(&client, &to)?;
    let server = rustix::net::accept_with(&listener, rustix::net::SocketFlags::CLOEXEC)?;
    scenario.hold_tcp("dual-stack", listener, "listen")?;
    scenario.hold_tcp("dual-stack-client", client, "established")?;
    scenario.hold_tcp("dual-stack-server", server, "established")
}

/// Sockets with options that a listing shows, and one with two descriptors.
fn options(scenario: &mut Scenario) -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = socket::listener(address, 8)?;
    let twice = listener.try_clone()?;
    let mut made = socket::made_tcp("two-descriptors", &listener, "listen")?;
    made.owners = vec![crate::part::holder(std::process::id(), &[&listener, &twice])];
    scenario.report.add(made);
    scenario.sockets.extend([listener, twice]);

    let socket = socket::udp_bound(address)?;
    match kernel::bind_to_interface(&socket, "lo") {
        Ok(()) => {
            let mut made = socket::made_udp("interface", &socket)?;
            made.interface = Some("lo".into());
            scenario.report.add(made);
            scenario.sockets.push(socket);
        }
        Err(error) => scenario.report.skip("interface", error),
    }
    let socket = socket::listener(address, 8)?;
    match kernel::set_mark(&socket, 0x5c) {
        Ok(()) => {
            let mut made = socket::made_tcp("mark", &socket, "listen")?;
            made.mark = Some(0x5c);
            scenario.report.add(made);
            scenario.sockets.push(socket);
        }
        Err(error) => scenario.report.skip("mark", error),
    }

    let listener = socket::listener(address, 8)?;
    let (client, server) = socket::connect(&listener)?;
    rustix::io::write(&client, b"unread")?;
    let mut made = socket::made_tcp("unread-data", &server, "established")?;
    made.receive_queue = Some(6);
    scenario.report.add(made);
    scenario.sockets.push(server);
    scenario.hold_tcp("unread-data-peer", client, "established")
}
