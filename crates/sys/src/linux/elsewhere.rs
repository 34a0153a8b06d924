//! Sockets of the other network namespaces of this machine.
//!
//! A namespace is known by a process that is in it, or by the file that `ip netns` and Docker keep it by. Entering it
//! (setns(2), in a thread of its own) takes CAP_SYS_ADMIN. Without, `/proc/PID/net` of a process that is in it is open to
//! everybody and has its tables; which namespace that is, the kernel does not tell, but that it is another one than ours, since
//! each has files of its own there.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sockscope_model::{
    Elsewhere, Exposure, Family, ForeignNamespace, Namespace, PortFacts, PortQuestion, Protocol, Request, Snapshot,
    Socket, Tag, Timestamp,
};
use sockscope_wire::procfs as wire;

use super::files::{self, NumberPath};
use super::names::Users;
use super::port::is_local;
use super::scan::{numbers_in, open_proc};
use super::{owners, sock_diag, source};

/// Where namespaces without a process are kept, and whether the files there are names: by `ip netns` and Podman, and by Docker.
const KEPT: [(&str, bool); 2] = [("/run/netns", true), ("/run/docker/netns", false)];

/// A namespace that may be looked into.
#[derive(Debug)]
struct Candidate {
    id: Option<u64>,
    name: Option<String>,
    pid: Option<u32>,
    file: Option<OwnedFd>,
}

/// Looks for the port, and for those that rules and proxies lead to, in every other network namespace.
pub fn elsewhere(question: &PortQuestion, facts: &PortFacts) -> Elsewhere {
    let ports: HashSet<u16> = facts.targets().filter_map(|(_, port)| port).chain([question.port]).collect();
    let addresses: Vec<IpAddr> = facts.targets().filter_map(|(address, _)| address).collect();
    let request = Request { cgroups: false, ..question.request(ports.iter().copied()) };
    let mut found = Elsewhere {
        snapshot: Snapshot::new("linux", String::new(), Timestamp::from(std::time::SystemTime::now())),
        namespaces: Vec::new(),
        unseen: None,
    };
    let mut unseen = 0u32;
    for candidate in candidates() {
        let Candidate { id, name, pid, file } = candidate;
        let entered = file.and_then(|file| look_inside(&file, &request, &addresses).ok());
        let Some((sockets, addresses)) = entered.or_else(|| Some((tables_of(pid?, &request)?, Vec::new()))) else {
            unseen += 1;
            continue;
        };
        let first = found.snapshot.sockets.len();
        let wanted = sockets.into_iter().filter(|socket| ports.contains(&socket.key.local.port()));
        found.snapshot.sockets.extend(wanted.map(|socket| abroad(socket, id)));
        let name = name.or_else(|| pid.and_then(container_of));
        if let Some(id) = id {
            found.snapshot.namespaces.insert(id, Namespace { id, name: name.clone() });
        }
        let rows = first..found.snapshot.sockets.len();
        found.namespaces.push(ForeignNamespace { id, name, pid, addresses, rows });
    }
    if open_proc().is_err() {
        found.unseen = Some("other network namespaces were not looked for, since /proc can't be read".to_owned());
    } else if unseen > 0 {
        let (noun, verb) = if unseen == 1 { ("namespace", "was") } else { ("namespaces", "were") };
        // Whoever may enter all of them met one that was going, or tables that made no sense.
        let why = if may_enter() { "" } else { ", which takes root" };
        found.unseen = Some(format!("{unseen} other network {noun} {verb} not looked into{why}"));
    }
    own(&mut found.snapshot, &request);
    found
}

/// What the numbers of a socket of another namespace mean here.
fn abroad(mut socket: Socket, namespace: Option<u64>) -> Socket {
    socket.namespace = namespace;
    // Interfaces have other numbers there.
    socket.interface = None;
    if socket.is_listening() {
        socket.exposure = Some(Exposure::ContainerOnly);
    }
    socket
}

/// Fills the owners.
fn own(snapshot: &mut Snapshot, request: &Request) {
    if snapshot.sockets.is_empty() {
        return;
    }
    // Whoever is not found would be looked for by his cookie in our own namespace, and be taken for gone.
    let tags: Vec<Tag> = snapshot.sockets.iter().map(|socket| socket.key.tag).collect();
    for socket in &mut snapshot.sockets {
        socket.key.tag = socket.inode.map_or(Tag::None, Tag::Inode);
    }
    owners::attribute(snapshot, request, source::boot_time(), &HashSet::new());
    for (socket, tag) in snapshot.sockets.iter_mut().zip(tags) {
        socket.key.tag = tag;
    }
    let uids: HashSet<u32> = snapshot.sockets.iter().filter_map(|socket| socket.uid).collect();
    let uids = uids.into_iter().chain(snapshot.processes.values().filter_map(|process| process.uid)).collect();
    snapshot.users = Users::default().resolve(&uids);
    for process in snapshot.processes.values_mut() {
        process.user = process.uid.and_then(|uid| snapshot.users.get(&uid).cloned());
    }
    name_containers(snapshot);
}

/// Fills the containers that processes run in.
pub fn name_containers(snapshot: &mut Snapshot) {
    for process in snapshot.processes.values_mut() {
        process.container = process.container.take().or_else(|| container_of(process.id.pid));
    }
}

/// The name of a process' container, where Docker says it; else the first half of its id, as `docker ps` shows it.
fn container_of(pid: u32) -> Option<String> {
    let proc = open_proc().ok()?;
    let mut text = Vec::new();
    files::read_at(&proc, NumberPath::new(pid, c"/cgroup").as_c_str(), 1 << 16, &mut text).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let id = text.lines().find_map(|line| wire::container_id(line.splitn(3, ':').nth(2)?))?;
    let path = CString::new(format!("/var/lib/docker/containers/{id}/config.v2.json")).ok()?;
    let mut config = Vec::new();
    let named = files::read_at(rustix::fs::CWD, &path, 1 << 20, &mut config).ok().and_then(|()| {
        // Names of containers begin with a slash, and no other name in there does.
        let config = String::from_utf8_lossy(&config).into_owned();
        let (_, rest) = config.split_once("\"Name\":\"/")?;
        rest.split_once('"').map(|(name, _)| name.to_owned())
    });
    named.or_else(|| id.get(..12).map(str::to_owned))
}

/// The namespaces that are not ours, each once as far as that can be told.
fn candidates() -> Vec<Candidate> {
    let mut found = Vec::new();
    let own = rustix::fs::stat(c"/proc/thread-self/ns/net").map(|it| it.st_ino).ok();
    let own_tables = own_tables();
    let names = kept();
    let mut ids = HashSet::new();
    let mut tables = HashSet::new();
    if let Ok(proc) = open_proc() {
        for pid in numbers_in(proc.as_fd()).unwrap_or_default() {
            let inode = |path: NumberPath| {
                rustix::fs::statat(&proc, path.as_c_str(), rustix::fs::AtFlags::empty()).ok().map(|it| it.st_ino)
            };
            let id = inode(NumberPath::new(pid, c"/ns/net"));
            if id.is_some() && (id == own || id.is_some_and(|id| ids.contains(&id))) {
                continue;
            }
            let Some(table) = inode(NumberPath::new(pid, c"/net/tcp")) else { continue };
            if id.is_none() && own_tables.is_none() {
                continue;
            }
            if Some(table) == own_tables || !tables.insert(table) {
                // Somebody who may not be asked was there before one who may.
                if let (Some(id), Some(known)) = (id, known_by(&mut found, table)) {
                    (known.0.id, known.0.pid) = (Some(id), Some(pid));
                    known.0.file = open(&proc, &NumberPath::new(pid, c"/ns/net"));
                    known.0.name = names.get(&id).and_then(|(name, _)| name.clone());
                    ids.insert(id);
                }
                continue;
            }
            ids.extend(id);
            let file = open(&proc, &NumberPath::new(pid, c"/ns/net"));
            let name = id.and_then(|id| names.get(&id)).and_then(|(name, _)| name.clone());
            found.push((Candidate { id, name, pid: Some(pid), file }, table));
        }
    }
    let mut found: Vec<Candidate> = found.into_iter().map(|(candidate, _)| candidate).collect();
    let may_enter = may_enter();
    for (id, (name, file)) in names {
        // Without privilege, one that is known by a process has no id: whether it is this one, nobody knows.
        if Some(id) != own && !ids.contains(&id) && (may_enter || found.iter().all(|it| it.id.is_some())) {
            found.push(Candidate { id: Some(id), name, pid: None, file: Some(file) });
        }
    }
    found
}

/// The inode of our namespace's tables; `None` where that says nothing: here every process' tables have one of their own.
fn own_tables() -> Option<u64> {
    let inode = |path: &CStr| rustix::fs::stat(path).map(|it| it.st_ino).ok();
    let of_thread = inode(c"/proc/thread-self/net/tcp")?;
    let together = inode(c"/proc/self/ns/net") == inode(c"/proc/thread-self/ns/net");
    (!together || inode(c"/proc/self/net/tcp") == Some(of_thread)).then_some(of_thread)
}

/// Whether this user may enter namespaces.
fn may_enter() -> bool {
    /// Number in linux/capability.h.
    const CAP_SYS_ADMIN: u32 = 21;
    super::owners::has_capability(CAP_SYS_ADMIN)
}

fn known_by(found: &mut [(Candidate, u64)], table: u64) -> Option<&mut (Candidate, u64)> {
    found.iter_mut().find(|(candidate, of)| *of == table && candidate.id.is_none())
}

fn open(proc: &OwnedFd, path: &NumberPath) -> Option<OwnedFd> {
    rustix::fs::openat(proc, path.as_c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// The namespaces that a file keeps, by id, with the name that `ip netns` gave them.
fn kept() -> HashMap<u64, (Option<String>, OwnedFd)> {
    let mut found = HashMap::new();
    for (directory, is_named) in KEPT {
        let Ok(entries) = std::fs::read_dir(Path::new(directory)) else { continue };
        for entry in entries.flatten() {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let Ok(file) = rustix::fs::open(entry.path(), flags, Mode::empty()) else { continue };
            // nsfs (include/uapi/linux/magic.h): anything else is no namespace, or not yet one.
            let is_namespace = rustix::fs::fstatfs(&file).is_ok_and(|it| it.f_type == 0x6e73_6673);
            if let (true, Ok(stat)) = (is_namespace, rustix::fs::fstat(&file)) {
                let name = is_named.then(|| entry.file_name().to_string_lossy().into_owned());
                found.entry(stat.st_ino).or_insert((name, file));
            }
        }
    }
    found
}

/// Enters the namespace, in a thread that ends there.
fn look_inside(file: &OwnedFd, request: &Request, addresses: &[IpAddr]) -> Result<(Vec<Socket>, Vec<IpAddr>), Errno> {
    std::thread::scope(|scope| {
        let look = || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
            let sockets = sock_diag::collect(request).map_err(|_| Errno::IO)?.sockets;
            let own = addresses.iter().copied().filter(|address| is_local(*address) == Some(true));
            Ok((sockets, own.collect()))
        };
        let thread = std::thread::Builder::new().spawn_scoped(scope, look).map_err(|_| Errno::AGAIN)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The tables of the namespace that a process is in; `None` if none can be read, or one makes no sense.
fn tables_of(pid: u32, request: &Request) -> Option<Vec<Socket>> {
    let proc = open_proc().ok()?;
    let kinds = if request.udp {
        [(c"/net/udp", Protocol::Udp, Family::Ipv4), (c"/net/udp6", Protocol::Udp, Family::Ipv6)]
    } else {
        [(c"/net/tcp", Protocol::Tcp, Family::Ipv4), (c"/net/tcp6", Protocol::Tcp, Family::Ipv6)]
    };
    let mut sockets = Vec::new();
    let mut read = false;
    for (path, protocol, family) in kinds {
        let mut text = Vec::new();
        if files::read_at(&proc, NumberPath::new(pid, path).as_c_str(), 64 << 20, &mut text).is_ok() {
            let table = wire::table(&text, protocol, family);
            if !table.malformed.is_empty() {
                return None;
            }
            read = true;
            sockets.extend(table.sockets);
        }
    }
    read.then_some(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_is_not_elsewhere() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let question = PortQuestion { protocol: Protocol::Tcp, port, address: None };
        let found = elsewhere(&question, &PortFacts::default());
        let cookie = rustix::net::sockopt::socket_cookie(&listener).unwrap();
        assert!(found.snapshot.sockets.iter().all(|socket| socket.cookie() != Some(cookie)));
    }
}
