//! `/proc/net/{tcp,tcp6,udp,udp6}` (Documentation/networking/proc_net_tcp.rst), `/proc/PID/stat` and its like.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

use sockscope_model::{
    Exposure, Family, NoOwner, Owners, Protocol, Queues, Socket, SocketKey, State, Tag, Timer, TimerKind,
};

use crate::Malformed;
use crate::sock_diag::{scoped, state};

/// What a table file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct TableText {
    /// The rows that could be read.
    pub sockets: Vec<Socket>,
    /// The lines that could not.
    pub malformed: Vec<Malformed>,
}

/// Decodes a whole table file. A line that makes no sense is reported beside the others, and so are missing titles and a
/// line that is cut off: the kernel writes both, so a file without them is no table, however few rows it has.
pub fn table(text: &[u8], protocol: Protocol, family: Family) -> TableText {
    let mut found = TableText { sockets: Vec::new(), malformed: Vec::new() };
    let malformed = |offset, problem| Malformed { what: "table of /proc/net", offset, problem };
    let mut offset = 0;
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let start = offset;
        offset += line.len() + 1;
        if number == 0 {
            if !line.trim_ascii_start().starts_with(b"sl ") {
                found.malformed.push(malformed(start, "its line of titles is missing"));
            }
            continue;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // What stands behind the last line end was cut off, or the text would end there.
        match row(line, protocol, family).filter(|_| offset <= text.len()) {
            Some(socket) => found.sockets.push(socket),
            None => found.malformed.push(malformed(start, "not a row of a socket table")),
        }
    }
    found
}

/// `sl: local remote st tx:rx tr:when retrnsmt uid timeout inode ...`
fn row(line: &[u8], protocol: Protocol, family: Family) -> Option<Socket> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    words.next()?.strip_suffix(':')?;
    let local = endpoint(words.next()?, family)?;
    let remote = endpoint(words.next()?, family)?;
    let number = hexadecimal(words.next()?)?;
    let (send, receive) = pair(words.next()?)?;
    let (timer, expires) = pair(words.next()?)?;
    let retransmits = hexadecimal(words.next()?)?;
    let uid: u32 = words.next()?.parse().ok()?;
    words.next()?;
    let inode = Some(words.next()?.parse::<u64>().ok()?).filter(|inode| *inode != 0);

    let number = u8::try_from(number).map_or(State::Other(number), state);
    let connected = remote.port() != 0 || !remote.ip().is_unspecified();
    let (state, has_peer) = match protocol {
        Protocol::Udp => (None, number == State::Established || connected),
        _ => (Some(number), number != State::Listen && connected),
    };
    let tag = inode.map_or(Tag::None, Tag::Inode);
    let mut socket = Socket::new(SocketKey { protocol, local, remote: has_peer.then_some(remote), tag });
    socket.state = state;
    socket.inode = inode;
    socket.uid = Some(uid).filter(|uid| *uid != 0 || inode.is_some());
    // For a listener the file always says 0.
    let send = Some(send).filter(|_| state != Some(State::Listen));
    socket.queues = Some(Queues { receive, send });
    socket.timer = match timer {
        1 => Some(TimerKind::Retransmit),
        2 => Some(TimerKind::Keepalive),
        3 => Some(TimerKind::TimeWait),
        4 => Some(TimerKind::Probe),
        _ => None,
    }
    .map(|kind| Timer {
        kind,
        // In ticks of USER_HZ, which is 100 on every architecture.
        expires_us: u64::from(expires) * 10_000,
        retransmits: u8::try_from(retransmits).unwrap_or(u8::MAX),
    });
    if socket.is_listening() {
        socket.exposure = Some(Exposure::of_local(local.ip()));
    }
    if inode.is_none() {
        socket.owners = Owners::Nobody(match state {
            Some(State::TimeWait) => NoOwner::TimeWait,
            Some(State::SynReceived) => NoOwner::SynReceived,
            // The file does not tell a connection that was closed from one that nobody accepted yet, but only the
            // former can have sent a FIN.
            Some(State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck) => NoOwner::Orphan,
            Some(State::Established | State::CloseWait) => NoOwner::AcceptQueue,
            _ => NoOwner::Exited,
        });
    }
    Some(socket)
}

fn hexadecimal(text: &str) -> Option<u32> {
    // from_str_radix alone would take a sign.
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(text, 16).ok())?
}

fn pair(text: &str) -> Option<(u32, u32)> {
    let (first, second) = text.split_once(':')?;
    Some((hexadecimal(first)?, hexadecimal(second)?))
}

/// Addresses are printed as 32-bit words in host order.
fn endpoint(text: &str, family: Family) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::try_from(hexadecimal(port)?).ok()?;
    match family {
        Family::Ipv4 if address.len() == 8 => {
            let octets = hexadecimal(address)?.to_ne_bytes();
            Some(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from(octets), port)))
        }
        Family::Ipv6 if address.len() == 32 => {
            let mut octets = [0u8; 16];
            for (index, word) in octets.chunks_exact_mut(4).enumerate() {
                word.copy_from_slice(&hexadecimal(address.get(index * 8..index * 8 + 8)?)?.to_ne_bytes());
            }
            Some(scoped(Ipv6Addr::from(octets), port, 0))
        }
        _ => None,
    }
}

/// What `/proc/PID/stat` says of interest (Documentation/filesystems/proc.rst, table 1-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// `comm`: at most 15 bytes, any bytes.
    pub name: Vec<u8>,
    /// `R`, `S`, ...; `Z` and `X` of one that has ended.
    pub state: u8,
    /// The process that it is a child of, as the PID namespace of the mounted /proc counts; 0: none.
    pub parent: u32,
    /// When it began, in clock ticks since boot.
    pub start_ticks: u64,
}

/// Decodes `/proc/PID/stat`. The name stands in parentheses and may itself hold parentheses, spaces and line ends.
pub fn stat(text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let name = text.get(open + 1..close)?.to_vec();
    let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
    // The first word behind the name is field 3, the state; field 4 is the parent, field 22 the start.
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().unwrap_or(0);
    let start_ticks = fields.nth(17)?.parse().ok()?;
    Some(Stat { name, state, parent, start_ticks })
}

/// The process of a pidfd, from `/proc/self/fdinfo/FD` (pidfd_open(2)), as the PID namespace of the mounted /proc counts:
/// 0: it has no number there, -1: it has ended. `None` for other descriptors.
pub fn pidfd_number(text: &[u8]) -> Option<i64> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Pid:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// The inode of a descriptor that is a socket, from the target of its link: `socket:[12345]`.
pub fn socket_inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

/// The decimal number that names a process or a descriptor under /proc.
pub fn number(name: &[u8]) -> Option<u32> {
    if name.is_empty() || name.len() > 10 {
        return None;
    }
    name.iter().try_fold(0u32, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The arguments in `/proc/PID/cmdline`, each ended by a NUL. A program that wrote over them may have left other text.
pub fn command_line(text: &[u8]) -> Option<Vec<String>> {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    if text.is_empty() {
        return None;
    }
    Some(text.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect())
}

/// The cgroup v2 path in `/proc/PID/cgroup`: the line `0::/path`.
pub fn cgroup(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()?.lines().find_map(|line| line.strip_prefix("0::"))
}

/// The systemd unit that a cgroup path belongs to: its last part that ends in `.service`.
pub fn service(cgroup: &str) -> Option<&str> {
    cgroup.rsplit('/').find(|part| part.ends_with(".service"))
}

/// The inodes of the sockets that an io_uring ring holds in its table of files, from `/proc/PID/fdinfo/FD`: lines behind
/// `UserFiles:` of the form `    0: socket:[123]` (io_uring/fdinfo.c).
pub fn ring_sockets(text: &[u8]) -> Vec<u64> {
    let lines = text.split(|byte| *byte == b'\n').skip_while(|line| !line.starts_with(b"UserFiles:")).skip(1);
    lines
        .take_while(|line| line.first().is_some_and(u8::is_ascii_whitespace))
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            socket_inode(line.get(colon + 1..)?.trim_ascii())
        })
        .collect()
}

/// How many files a ring holds, from the same file.
pub fn ring_file_count(text: &[u8]) -> u64 {
    value(text, b"UserFiles:").unwrap_or(0)
}

/// How many descriptors wait in the unread messages of a Unix socket, from its `/proc/PID/fdinfo/FD`: `scm_fds: 1`
/// (net/unix/af_unix.c, Linux 5.11).
pub fn in_flight_count(text: &[u8]) -> u64 {
    value(text, b"scm_fds:").unwrap_or(0)
}

fn value(text: &[u8], title: &[u8]) -> Option<u64> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(title))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// Gauges of the TCP line of `/proc/net/sockstat`: sockets in the hash tables (`inuse`) and in TIME_WAIT (`tw`). The
/// other numbers of the line are the whole system's, not the network namespace's (net/ipv4/proc.c).
pub fn sockstat_tcp(text: &[u8]) -> Option<[u64; 2]> {
    let text = std::str::from_utf8(text).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let gauge = |title| {
        let mut words = line.split_ascii_whitespace().skip_while(|word| *word != title);
        words.nth(1)?.parse().ok()
    };
    Some([gauge("inuse")?, gauge("tw")?])
}

/// The IPv6 sockets in the TCP hash tables, from `/proc/net/sockstat6`: `TCP6: inuse 5`. Connections that an IPv6 socket
/// accepted from IPv4-mapped addresses are among them.
pub fn sockstat_tcp6(text: &[u8]) -> Option<u64> {
    value(text, b"TCP6: inuse")
}

/// Counters of `/proc/net/snmp` that tell whether a TCP connection began or ended (RFC 4022): ActiveOpens, PassiveOpens,
/// AttemptFails, EstabResets and CurrEstab, in the order of the file.
pub fn snmp_tcp(text: &[u8]) -> Option<Vec<u64>> {
    counters(text, &["ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets", "CurrEstab"])
}

/// How many TCP connections were opened and accepted since the network namespace began, from the same file.
pub fn snmp_tcp_opens(text: &[u8]) -> Option<u64> {
    counters(text, &["ActiveOpens", "PassiveOpens"])?.into_iter().try_fold(0u64, u64::checked_add)
}

/// The counters with these titles in the two lines of TCP, all of them.
fn counters(text: &[u8], wanted: &[&str]) -> Option<Vec<u64>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let (titles, values) = (lines.next()?, lines.next()?);
    let found: Option<Vec<u64>> = titles
        .split_ascii_whitespace()
        .zip(values.split_ascii_whitespace())
        .filter(|(title, _)| wanted.contains(title))
        .map(|(_, value)| value.parse().ok())
        .collect();
    found.filter(|found| found.len() == wanted.len())
}

/// The first and the last of `net.ipv4.ip_local_port_range`.
pub fn port_range(text: &[u8]) -> Option<(u16, u16)> {
    let mut words = std::str::from_utf8(text).ok()?.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// Ranges of ports, first and last, as `net.ipv4.ip_local_reserved_ports` has them: `8080,9148-9150`. What is no range is passed
/// over.
pub fn port_ranges(text: &[u8]) -> Vec<(u16, u16)> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
    };
    String::from_utf8_lossy(text).split(',').filter_map(range).collect()
}

/// What the arguments of a docker-proxy say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerProxy {
    /// UDP, not TCP.
    pub udp: bool,
    /// The address that it serves.
    pub address: Option<IpAddr>,
    /// The port that it serves.
    pub port: u16,
    /// The container's address.
    pub container_address: Option<IpAddr>,
    /// The port there.
    pub container_port: Option<u16>,
}

/// The arguments of a docker-proxy (`-proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80`);
/// `None` if they name no port.
pub fn docker_proxy(arguments: &[String]) -> Option<DockerProxy> {
    let value = |name: &str| {
        let is_name = |it: &String| it.trim_start_matches('-') == name && it.starts_with('-');
        let at = arguments.iter().position(is_name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    Some(DockerProxy {
        udp: value("proto") == Some("udp"),
        address: value("host-ip").and_then(|it| it.parse().ok()),
        port: value("host-port")?.parse().ok()?,
        container_address: value("container-ip").and_then(|it| it.parse().ok()),
        container_port: value("container-port").and_then(|it| it.parse().ok()),
    })
}

/// The id of the container that a cgroup belongs to: 64 hexadecimal digits in the name that Docker, Podman, containerd or CRI-O
/// gave it.
pub fn container_id(cgroup: &str) -> Option<&str> {
    cgroup.rsplit('/').find_map(|name| {
        let name = name.strip_suffix(".scope").unwrap_or(name);
        let id = name.rsplit(['-', ':']).next()?;
        (id.len() == 64 && id.bytes().all(|it| it.is_ascii_hexdigit())).then_some(id)
    })
}

/// The inodes in `/proc/net/unix` (proc_net(5)): the seventh word of each line.
pub fn unix_inodes(text: &[u8]) -> impl Iterator<Item = u64> + '_ {
    text.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
        let word = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(6)?;
        std::str::from_utf8(word).ok()?.parse().ok()
    })
}

/// The number that was given to a process at the latest, from `/proc/loadavg`: its fifth word (proc(5)).
pub fn last_process(text: &[u8]) -> Option<u32> {
    number(text.split(u8::is_ascii_whitespace).nth(4)?)
}

/// How many processes and threads were started since the system was, from `/proc/stat`.
pub fn forks(text: &[u8]) -> Option<u64> {
    value(text, b"processes ")
}

/// Whether the /proc of `/proc/self/mountinfo` hides the processes of others (`hidepid`, proc(5)).
pub fn hides_processes(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).lines().any(|line| {
        let Some((mount, options)) = line.split_once(" - proc ") else { return false };
        let hidden = options
            .rsplit([' ', ','])
            .find_map(|option| option.strip_prefix("hidepid="))
            .is_some_and(|value| !matches!(value, "0" | "off"));
        mount.split(' ').nth(4) == Some("/proc") && hidden
    })
}

/// Whether a capability is in the effective set that `/proc/PID/status` states.
pub fn has_capability(text: &[u8], number: u32) -> bool {
    let text = String::from_utf8_lossy(text);
    let set = text.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set >> number & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        0: 0100007F:0050 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n\
        1: 0100007F:0050 0200007F:9C40 06 00000000:00000000 03:00000F51 00000000     0        0 0 3 0\n";

    #[test]
    fn ports_are_read_as_sysctl_writes_them() {
        assert_eq!(port_range(b"32768\t60999\n"), Some((32768, 60999)));
        assert_eq!(port_range(b"32768\n"), None);
        assert_eq!(port_ranges(b"8080,9148-9150\n"), [(8080, 8080), (9148, 9150)]);
        assert_eq!(port_ranges(b"\n"), []);
        assert_eq!(port_ranges(b"x,1-,70000,5"), [(5, 5)]);
    }

    #[test]
    fn a_proxy_says_what_it_carries() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let found = docker_proxy(&words(
            "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80 -use-listen-fd",
        ))
        .unwrap();
        assert_eq!((found.udp, found.port, found.container_port), (false, 8080, Some(80)));
        assert_eq!(found.container_address, Some("172.17.0.2".parse().unwrap()));
        assert_eq!(docker_proxy(&words("docker-proxy -host-port")), None);
        assert_eq!(docker_proxy(&words("docker-proxy -host-port x")), None);
    }

    #[test]
    fn containers_have_ids() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for cgroup in [
            format!("/system.slice/docker-{id}.scope"),
            format!("/docker/{id}"),
            format!("/machine.slice/libpod-{id}.scope/container"),
            format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"),
        ] {
            assert_eq!(container_id(&cgroup), Some(id), "{cgroup}");
        }
        assert_eq!(container_id("/user.slice/user-0.slice/session-1.scope"), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn tables_are_read() {
        let found = table(TCP.as_bytes(), Protocol::Tcp, Family::Ipv4);
        assert_eq!(found.malformed, []);
        let [listener, waiting] = &found.sockets[..] else { panic!("{found:?}") };
        assert_eq!(listener.key.local, "127.0.0.1:80".parse().unwrap());
        assert_eq!((listener.key.remote, listener.uid, listener.inode), (None, Some(1000), Some(4711)));
        assert_eq!(listener.queues, Some(Queues { receive: 3, send: None }));
        assert_eq!(waiting.key.remote, Some("127.0.0.2:40000".parse().unwrap()));
        assert_eq!((waiting.uid, waiting.owners.reason()), (None, Some(NoOwner::TimeWait)));
        assert_eq!(waiting.timer.unwrap().expires_us, 0xf51 * 10_000);
        let six = "  sl  titles\n 0: 0000000000000000FFFF00000100007F:0016 00000000000000000000000000000000:0000 0A \
                   00000000:00000000 00:00000000 00000000     0        0 99 1\n";
        let found = table(six.as_bytes(), Protocol::Tcp, Family::Ipv6);
        assert_eq!(found.sockets[0].key.local, "[::ffff:127.0.0.1]:22".parse().unwrap());
    }

    #[test]
    fn lines_that_make_no_sense_are_reported_beside_the_others() {
        let text = format!("{TCP}   2: nonsense\n   3: 0100007F:+050 0:0 0A\n\n");
        let found = table(text.as_bytes(), Protocol::Tcp, Family::Ipv4);
        assert_eq!((found.sockets.len(), found.malformed.len()), (2, 2));
        assert_eq!(found.malformed[0].offset, TCP.len());
    }

    #[test]
    fn what_is_no_table_is_not_taken_for_an_empty_one() {
        for (text, rows, malformed) in [
            ("", 0, 1),
            ("\n", 0, 1),
            ("nonsense\n", 0, 1),
            ("\0\0\0\0", 0, 1),
            (TCP.lines().next().unwrap(), 0, 0),
            (TCP.split_once('\n').unwrap().1, 1, 1),
            (TCP.trim_end(), 1, 1),
            (TCP, 2, 0),
        ] {
            let found = table(text.as_bytes(), Protocol::Tcp, Family::Ipv4);
            assert_eq!((found.sockets.len(), found.malformed.len()), (rows, malformed), "{text:?}");
        }
    }

    #[test]
    fn a_process_may_be_called_anything() {
        let text = b"7 (a) (b\n) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 0";
        assert_eq!(stat(text), Some(Stat { name: b"a) (b\n".to_vec(), state: b'S', parent: 1, start_ticks: 12345 }));
        for bad in [&b""[..], b"7", b"7 (a", b"7 )a(", b"7 (a) S 1", b"7 (a) \xff"] {
            assert_eq!(stat(bad), None);
        }
    }

    #[test]
    fn a_pidfd_names_its_process() {
        assert_eq!(pidfd_number(b"pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t9\nPid:\t42\nNSpid:\t42\n"), Some(42));
        assert_eq!(pidfd_number(b"Pid:\t-1\nNSpid:\t-1\n"), Some(-1));
        for other in [&b""[..], b"pos:\t0\nflags:\t02\n", b"NSpid:\t1\n", b"Pid:\n", b"Pid:\t\xff\n"] {
            assert_eq!(pidfd_number(other), None);
        }
    }

    #[test]
    fn links_and_names_are_read_strictly() {
        assert_eq!(socket_inode(b"socket:[123]"), Some(123));
        for bad in [&b"socket:[]"[..], b"socket:[1", b"pipe:[1]", b"socket:[1x]", b"socket:[99999999999999999999]"] {
            assert_eq!(socket_inode(bad), None);
        }
        assert_eq!(
            (number(b"4294967295"), number(b"4294967296"), number(b"self"), number(b"")),
            (Some(u32::MAX), None, None, None)
        );
    }

    #[test]
    fn fdinfo_and_counters_are_read() {
        let ring = b"pos:\t0\nUserFiles:\t2\n    0: socket:[55]\n    1: /dev/null\nUserBufs:\t0\n    9: socket:[66]\n";
        assert_eq!((ring_sockets(ring), ring_file_count(ring)), (vec![55], 2));
        assert_eq!(in_flight_count(b"pos:\t0\nscm_fds: 3\n"), 3);
        assert_eq!(sockstat_tcp(b"sockets: used 8\nTCP: inuse 5 orphan 0 tw 2 alloc 1 mem 0\n"), Some([5, 2]));
        assert_eq!(sockstat_tcp6(b"TCP6: inuse 7\nUDP6: inuse 1\n"), Some(7));
        let snmp = b"Tcp: RtoAlgorithm ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab\nTcp: 1 2 3 4 5 6\n";
        assert_eq!(snmp_tcp(snmp), Some(vec![2, 3, 4, 5, 6]));
        assert_eq!(snmp_tcp_opens(snmp), Some(5));
        for bad in
            [&b""[..], b"Tcp: ActiveOpens\nTcp: 1\n", b"Tcp: ActiveOpens PassiveOpens\nTcp: 18446744073709551615 1\n"]
        {
            assert_eq!(snmp_tcp_opens(bad), None);
        }
        assert_eq!(last_process(b"0.20 0.18 0.12 1/80 11206\n"), Some(11206));
        assert_eq!((last_process(b"0.20 0.18 0.12 1/80"), last_process(b"")), (None, None));
        assert_eq!(forks(b"cpu  1 2\nprocesses 513495\nprocs_running 2\n"), Some(513_495));
        let unix = b"Num RefCount Protocol Flags Type St Inode Path\n0000: 00000002 00000000 00010000 0001 01 4711 /run/x\nx\n";
        assert_eq!(unix_inodes(unix).collect::<Vec<_>>(), [4711]);
        assert!(hides_processes(b"1 2 0:1 / /proc rw,relatime shared:1 - proc proc rw,gid=5,hidepid=2\n"));
        assert!(hides_processes(b"1 2 0:1 / /proc rw - proc proc rw,hidepid=invisible\n"));
        assert!(!hides_processes(b"1 2 0:1 / /proc rw,relatime - proc proc rw\n1 2 0:1 / /x rw - proc p rw,hidepid=2"));
        assert!(has_capability(b"Name: a\nCapEff:\t0000000000080000\n", 19));
        assert!(!has_capability(b"CapEff:\t0000000000080000\n", 18));
        assert_eq!(command_line(b"a\0b c\0\0"), Some(vec!["a".into(), "b c".into(), String::new()]));
        assert_eq!(cgroup(b"1:cpu:/\n0::/system.slice/nginx.service\n"), Some("/system.slice/nginx.service"));
        assert_eq!(service("/system.slice/nginx.service/worker"), Some("nginx.service"));
    }
}
