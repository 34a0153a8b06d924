use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, sendmsg,
};

use crate::kernel;
use crate::part::Part;
use crate::process::Scenario;
use crate::socket;
use crate::varied::{accept_queue, ends, ip, orphan_fin_wait_1, orphan_fin_wait_2, syn_received, time_wait};

/// The name of the process in the case `name-escape`: it colours, rings, breaks lines and turns the text's direction.
pub const NAME_WITH_ESCAPES: &str = "\x1b[1mred\x07\n\r\t)\u{202e}";

/// The name of the process in the case `name-formula`: what spreadsheets run and quoting trips over.
pub const NAME_WITH_FORMULA: &str = "=cmd()|'\";\\ x";

/// The name of the executable in the case `path`: terminals, spreadsheets and browsers would act on it.
pub const FILE_NAME_WITH_EVERYTHING: &str = "=cmd|' <b>\x1b]0;title\x07\n;x";

/// How many processes share the listener of the case `prefork`, besides the one that got it by message.
const WORKERS: usize = 8;

/// Makes sockets that many processes own, that are owned in unusual ways, and that nobody owns, each for its own reason.
///
/// The case `kernel` needs a network namespace of our own, `other-user` needs root; they are skipped where that lacks.
pub fn owners() -> Result<Scenario> {
    let mut scenario = Scenario::new("owners")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    prefork(&mut scenario, address).context("prefork")?;

    let listener = socket::listener(address, 8)?;
    time_wait(&mut scenario, &listener)?;
    syn_received(&mut scenario, &listener)?;
    accept_queue(&mut scenario, listener, 1)?;
    orphan_fin_wait_1(&mut scenario, address)?;
    orphan_fin_wait_2(&mut scenario, address, false)?;
    orphan_fin_wait_2(&mut scenario, address, true)?;
    orphan_last_ack(&mut scenario, address)?;
    orphan_closing(&mut scenario, address)?;
    in_flight(&mut scenario, address).context("in-flight")?;
    unusual_processes(&mut scenario)?;
    odd_path(&mut scenario).context("path")?;
    kernels_own(&mut scenario)?;
    Ok(scenario)
}

/// One listener in eight processes that inherited it and in one that got it by message; not in this one.
fn prefork(scenario: &mut Scenario, address: SocketAddr) -> Result<()> {
    let listener = socket::listener(address, 8)?;
    let mut made = socket::made_tcp("prefork", &listener, "listen")?;
    made.owners.clear();
    for _ in 0..WORKERS {
        let inherited = vec![listener.try_clone()?];
        let (pid, _) = scenario.play(&Part::Hold, |command| kernel::inherit(command, inherited))?;
        made.owners.push(crate::Holder { pid, fds: vec![kernel::FIRST_INHERITED.cast_unsigned()] });
    }
    let (ours, theirs) = unix_pair()?;
    send(&ours, &listener)?;
    drop(listener);
    let (_, report) = scenario.play(&Part::Receive, |command| kernel::inherit(command, vec![theirs]))?;
    made.owners.extend(report.case("received").owners.iter().cloned());
    made.owners.sort();
    scenario.report.add(made);
    Ok(())
}

/// The second FIN is not answered, and its sender has closed.
fn orphan_last_ack(scenario: &mut Scenario, address: SocketAddr) -> Result<()> {
    let listener = socket::listener(address, 8)?;
    let (client, server) = socket::connect(&listener)?;
    let ends = ends(&server)?;
    rustix::net::shutdown(&client, Shutdown::Write)?;
    socket::await_state(&client, "fin-wait-2")?;
    kernel::drop_all_input(&client)?;
    drop(server);
    scenario.report.add(socket::made_unheld("orphan-last-ack", ends, "last-ack", "orphan")?);
    scenario.hold_tcp("orphan-last-ack-peer", client, "fin-wait-2")
}

/// The FINs crossed, and one end has closed.
fn orphan_closing(scenario: &mut Scenario, address: SocketAddr) -> Result<()> {
    let listener = socket::listener(address, 8)?;
    let (client, server) = socket::connect(&listener)?;
    let ends = ends(&client)?;
    kernel::drop_all_input(&server)?;
    rustix::net::shutdown(&client, Shutdown::Write)?;
    rustix::net::shutdown(&server, Shutdown::Write)?;
    socket::await_state(&client, "closing")?;
    drop(client);
    scenario.report.add(socket::made_unheld("orphan-closing", ends, "closing", "orphan")?);
    scenario.hold_tcp("orphan-closing-peer", server, "fin-wait-1")
}

/// Sockets whose only descriptor waits in an unread message; this process holds both ends of its Unix socket.
fn in_flight(scenario: &mut Scenario, address: SocketAddr) -> Result<()> {
    let listener = socket::listener(address, 8)?;
    let datagram = socket::udp_bound(address)?;
    let (one, other) = unix_pair()?;
    let made = [socket::made_tcp("in-flight", &listener, "listen")?, socket::made_udp("in-flight-udp", &datagram)?];
    send(&one, &listener)?;
    send(&one, &datagram)?;
    for mut made in made {
        made.owners.clear();
        made.no_owner = Some("in-flight".into());
        scenario.report.add(made);
    }
    scenario.sockets.extend([one, other]);
    Ok(())
}

/// Processes that hold a socket in an unusual way or under an unusual name.
fn unusual_processes(scenario: &mut Scenario) -> Result<()> {
    let listen =
        |case: &str, name: Option<&str>, uid| Part::Listen { case: case.into(), name: name.map(str::to_owned), uid };
    let mut parts = vec![
        ("io-uring", Part::Ring { hidden: false }),
        ("io-uring-hidden", Part::Ring { hidden: true }),
        ("thread-files", Part::Thread),
        ("leader-gone", Part::LeaderGone),
        ("name-escape", listen("name-escape", Some(NAME_WITH_ESCAPES), None)),
        ("name-formula", listen("name-formula", Some(NAME_WITH_FORMULA), None)),
    ];
    if rustix::process::geteuid().is_root() {
        parts.push(("other-user", listen("other-user", None, Some(65_534))));
    } else {
        scenario.report.skip("other-user", "only root can become another user");
    }
    for (case, part) in parts {
        match scenario.play(&part, |_| {}) {
            Ok((_, report)) => report.sockets.into_iter().for_each(|made| scenario.report.add(made)),
            Err(error) => scenario.report.skip(case, format!("{error:#}")),
        }
    }
    Ok(())
}

/// A process whose executable has an odd name.
fn odd_path(scenario: &mut Scenario) -> Result<()> {
    let directory = scratch_directory()?;
    let program = directory.join(FILE_NAME_WITH_EVERYTHING);
    scenario.scratch = Some(directory);
    std::fs::copy(crate::process::binary()?, &program)?;
    let part = Part::Listen { case: "path".into(), name: None, uid: None };
    let actor = scenario.lifeline.start_program(&program, &part, |_| {})?;
    let (_, report) = scenario.keep(actor)?;
    report.sockets.into_iter().for_each(|made| scenario.report.add(made));
    Ok(())
}

/// A directory of our own below the temporary one.
fn scratch_directory() -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let path = std::env::temp_dir().join(format!("sockscope-testkit.{}", std::process::id()));
    drop(std::fs::remove_dir_all(&path));
    std::fs::DirBuilder::new().mode(0o700).create(&path).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// The UDP socket of a tunnel, which the kernel makes for itself.
fn kernels_own(scenario: &mut Scenario) -> Result<()> {
    const PORT: u16 = 4789;
    if !kernel::in_private_namespace() {
        scenario.report.skip("kernel", "not in a network namespace of our own");
        return Ok(());
    }
    let made =
        ip(&format!("link add sockscopex type vxlan id 42 dstport {PORT}")).and_then(|()| ip("link set sockscopex up"));
    if let Err(error) = made {
        scenario.report.skip("kernel", format!("{error:#}"));
        return Ok(());
    }
    let mut made = socket::made("kernel", "udp", SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)), None);
    made.no_owner = Some("kernel".into());
    scenario.report.add(made);
    Ok(())
}

fn unix_pair() -> Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// Puts a descriptor into a message.
fn send(to: &OwnedFd, socket: &OwnedFd) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [socket.as_fd()];
    anyhow::ensure!(control.push(SendAncillaryMessage::ScmRights(&fds)), "no room for the descriptor");
    sendmsg(to, &[IoSlice::new(b"x")], &mut control, SendFlags::empty())?;
    Ok(())
}
