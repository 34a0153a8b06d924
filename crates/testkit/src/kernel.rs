//! What the standard library and rustix do not offer, as safe functions.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::{size_of, size_of_val};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// Allows `count` descriptors; root may go beyond its hard limit.
pub(crate) fn allow_files(count: u64) -> Result<()> {
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= count) {
        return Ok(());
    }
    let maximum = now.maximum.map(|maximum| maximum.max(count));
    setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum })
        .or_else(|_| setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum }))?;
    let got = getrlimit(Resource::Nofile).current;
    anyhow::ensure!(got.is_none_or(|got| got >= count), "{count} descriptors are needed, {got:?} are allowed");
    Ok(())
}

/// Moves this process into a network namespace of its own, with loopback up. Without the privilege for that, a user
/// namespace comes along in which the caller is still the same user.
///
/// Only the calling thread moves: call it before others start, or from a thread that starts what shall live there.
pub fn enter_private_namespace() -> Result<()> {
    // SAFETY: a network namespace changes no memory or descriptors of this process; the documented hazard is
    // UnshareFlags::FILES, which is not given.
    let alone = unsafe { unshare_unsafe(UnshareFlags::NEWNET) };
    if let Err(error) = alone {
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        // SAFETY: as above.
        unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNET) }
            .with_context(|| format!("a network namespace alone: {error}; with a user namespace"))?;
        std::fs::write("/proc/self/setgroups", "deny").context("/proc/self/setgroups")?;
        std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")).context("/proc/self/uid_map")?;
        std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")).context("/proc/self/gid_map")?;
        hand_down_net_admin().context("CAP_NET_ADMIN")?;
    }
    interface_up("lo").context("loopback up")
}

/// Lets programs that we start, ip(8) among them, administer the network of our own user namespace.
fn hand_down_net_admin() -> io::Result<()> {
    use rustix::thread::{CapabilitySet, capabilities, configure_capability_in_ambient_set, set_capabilities};
    let mut sets = capabilities(None)?;
    sets.inheritable |= CapabilitySet::NET_ADMIN;
    set_capabilities(None, sets)?;
    Ok(configure_capability_in_ambient_set(CapabilitySet::NET_ADMIN, true)?)
}

/// Sets IFF_UP on an interface.
fn interface_up(name: &str) -> io::Result<()> {
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    // SAFETY: ifreq is plain data, all zero is a value of it.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *to = from.cast_signed();
    }
    // SAFETY: SIOCGIFFLAGS reads the name and writes the flags of the ifreq, which outlives the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) })?;
    // SAFETY: SIOCGIFFLAGS has just written this member of the union.
    unsafe { request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short };
    // SAFETY: SIOCSIFFLAGS only reads the ifreq.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) })?;
    Ok(())
}

/// Makes `command` start inside the network namespace of `pid` (and its user namespace, where that is needed).
pub fn in_namespace_of(command: &mut Command, pid: u32) -> Result<&mut Command> {
    let open = |kind: &str| {
        let path = format!("/proc/{pid}/ns/{kind}");
        File::open(&path).with_context(|| path)
    };
    let network = open("net")?;
    let user = open("user")?;
    let enter = move || {
        let into_network = || move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
        if into_network().is_err() {
            move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))?;
            into_network()?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls only: it allocates nothing and takes no lock.
    Ok(unsafe { command.pre_exec(enter) })
}

/// The inode of this process' network namespace.
pub(crate) fn namespace_of_self() -> u64 {
    std::fs::metadata("/proc/thread-self/ns/net").map_or(0, |it| it.ino())
}

/// Whether nothing outside can reach this network namespace: all addresses and routes are of loopback or of interfaces
/// that scenarios made.
pub(crate) fn in_private_namespace() -> bool {
    let ours = |name: &str| name == "lo" || name.starts_with("sockscope");
    let routes = std::fs::read_to_string("/proc/thread-self/net/route");
    let addresses = std::fs::read_to_string("/proc/thread-self/net/if_inet6");
    routes.is_ok_and(|text| text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).all(ours))
        && addresses.is_ok_and(|text| text.lines().filter_map(|line| line.split_whitespace().last()).all(ours))
}

/// The name of an interface.
pub(crate) fn interface_name(index: u32) -> Option<String> {
    let mut name = [0u8; libc::IFNAMSIZ];
    // SAFETY: the buffer has the IFNAMSIZ bytes that if_indextoname(3) may write.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr().cast()) };
    if found.is_null() {
        return None;
    }
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Some(String::from_utf8_lossy(&name[..end]).into_owned())
}

/// The number of an interface.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the argument is a C string that outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Lets a socket drop every segment or datagram that reaches it from now on. That holds its peer in any state that
/// waits for an answer, without a firewall.
pub(crate) fn drop_all_input(socket: &OwnedFd) -> io::Result<()> {
    // BPF_RET | BPF_K with 0: keep no byte.
    let mut code = libc::sock_filter { code: 6, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &raw mut code };
    set_option(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Binds a socket to an interface.
pub(crate) fn bind_to_interface(socket: &OwnedFd, name: &str) -> io::Result<()> {
    let mut bytes = [0u8; libc::IFNAMSIZ];
    for (to, from) in bytes.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *to = from;
    }
    set_option(socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &bytes)
}

/// Sets the firewall mark.
pub(crate) fn set_mark(socket: &OwnedFd, mark: u32) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_MARK, &mark)
}

/// How long, in seconds, FIN-WAIT-2 may last once nobody holds the socket.
pub(crate) fn set_fin_wait_2_seconds(socket: &OwnedFd, seconds: i32) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_LINGER2, &seconds)
}

fn set_option<T>(socket: &OwnedFd, level: i32, name: i32, value: &T) -> io::Result<()> {
    let length = size_of_val(value) as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of `value`, which outlives the call, and keeps no pointer to it.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, std::ptr::from_ref(value).cast(), length) })?;
    Ok(())
}

/// The kernel's number of a TCP socket's state.
pub(crate) fn tcp_state(socket: &OwnedFd) -> io::Result<u8> {
    let mut first = [0u8; 8];
    let mut length = first.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which the buffer has.
    check(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            first.as_mut_ptr().cast(),
            &raw mut length,
        )
    })?;
    Ok(first[0])
}

/// A ring of this process with `sockets` as its fixed files.
pub(crate) fn ring_that_holds(sockets: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    const IORING_REGISTER_FILES: libc::c_uint = 2;
    // struct io_uring_params: 120 bytes, all zero asks for the defaults.
    let mut parameters = [0u32; 30];
    // SAFETY: io_uring_setup(2) reads and writes the 120 bytes of io_uring_params, which the array has.
    let ring = check(unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr()) })?;
    let ring = i32::try_from(ring).map_err(io::Error::other)?;
    // SAFETY: the kernel has just given us this descriptor; nobody else owns it.
    let ring = unsafe { OwnedFd::from_raw_fd(ring) };
    let fds: Vec<i32> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
    // SAFETY: IORING_REGISTER_FILES reads `fds.len()` descriptors from the array, which outlives the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            ring.as_raw_fd(),
            IORING_REGISTER_FILES,
            fds.as_ptr(),
            fds.len() as libc::c_uint,
        )
    })?;
    Ok(ring)
}

/// Registers the ring with the calling thread, so that the ring's descriptor may be closed and the ring lives on.
pub(crate) fn keep_ring_without_descriptor(ring: &OwnedFd) -> io::Result<()> {
    const IORING_REGISTER_RING_FDS: libc::c_uint = 20;
    // struct io_uring_rsrc_update: offset (any: u32::MAX), reserved, and the ring's descriptor as u64.
    #[repr(C)]
    struct Update {
        offset: u32,
        reserved: u32,
        data: u64,
    }
    let mut update = Update { offset: u32::MAX, reserved: 0, data: u64::from(ring.as_raw_fd().cast_unsigned()) };
    // SAFETY: the kernel reads and writes one io_uring_rsrc_update, whose layout is `Update`'s.
    let registered = check(unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            ring.as_raw_fd(),
            IORING_REGISTER_RING_FDS,
            &raw mut update,
            1 as libc::c_uint,
        )
    })?;
    if registered != 1 {
        return Err(io::Error::other("the ring was not registered"));
    }
    const { assert!(size_of::<Update>() == 16) };
    Ok(())
}

/// Gives the calling thread a descriptor table of its own.
pub(crate) fn own_descriptor_table() -> io::Result<()> {
    // SAFETY: the caller's thread gets a copy of the table; descriptors that it owns stay valid in it, and the other
    // threads' copies stay theirs.
    Ok(unsafe { unshare_unsafe(UnshareFlags::FILES) }?)
}

/// Ends the calling thread only, also where it is the process' first.
pub(crate) fn end_this_thread() -> ! {
    loop {
        // SAFETY: exit(2) never returns; what the thread's stack holds is leaked on purpose.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}

/// The number under which a started process finds the first descriptor that it inherits.
pub(crate) const FIRST_INHERITED: i32 = 900;

/// Has the new process inherit `fds`.
pub(crate) fn inherit(command: &mut Command, fds: Vec<OwnedFd>) {
    assert!(fds.iter().all(|fd| fd.as_raw_fd() < FIRST_INHERITED), "too many descriptors are open");
    let place = move || {
        for (fd, number) in fds.iter().zip(FIRST_INHERITED..) {
            // SAFETY: dup2(2) touches the descriptor table only, which the child shares with nobody after the fork.
            check(unsafe { libc::dup2(fd.as_raw_fd(), number) })?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls only: it allocates nothing and takes no lock.
    unsafe { command.pre_exec(place) };
}

/// The descriptor of that position in the list that our starter gave to [`inherit`].
pub(crate) fn inherited(position: i32) -> OwnedFd {
    // SAFETY: our starter placed the descriptor for us, and each position is taken once.
    unsafe { OwnedFd::from_raw_fd(FIRST_INHERITED + position) }
}

fn check<T: PartialOrd + Default>(returned: T) -> io::Result<T> {
    if returned < T::default() { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
