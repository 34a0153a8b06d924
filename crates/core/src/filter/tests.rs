//! The language as a whole: every filter here is data.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use sockscope_model::{
    Exposure, Family, Frame, Namespace, NoOwner, Owner, Owners, Place, Process, ProcessId, Protocol, Queues, Snapshot,
    Socket, SocketKey, State, Tag, Timer, TimerKind, Timestamp, Traffic,
};

use super::*;

fn context() -> Context {
    Context {
        uid: Some(1000),
        user: None,
        services: Services::parse(
            "# services\nssh 22/tcp\nhttp\t80/tcp www # web\nhttps 443/tcp\ndomain 53/tcp\ndomain 53/udp\n\
             tftp 69/udp\nodd 512/tcp\nodd 513/udp\nexec-x 512/sctp\nbad x/tcp\nlonely\n",
        ),
        interfaces: [(1, "lo".to_owned()), (2, "eth0".to_owned())].into(),
    }
}

fn process(pid: u32, name: &str, user: &str, uid: u32) -> Process {
    Process {
        id: ProcessId { pid, started: Some(Timestamp::from_micros(500)) },
        name: name.to_owned(),
        path: Some(PathBuf::from(format!("/usr/bin/{name}"))),
        command_line: Some(vec![format!("/usr/bin/{name}"), "-x".to_owned(), "a b".to_owned()]),
        uid: Some(uid),
        user: Some(user.to_owned()),
        service: None,
        container: None,
    }
}

fn socket(protocol: Protocol, state: Option<State>, local: &str, remote: Option<&str>) -> Socket {
    let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
    let key = SocketKey { protocol, local: parse(local), remote: remote.map(parse), tag: Tag::None };
    let mut socket = Socket::new(key);
    socket.state = state;
    socket.uid = Some(0);
    socket.mark = Some(0);
    socket
}

/// Eleven sockets, called `a` to `k`.
fn frame(os: &'static str) -> Frame {
    use Protocol::{Tcp, Udp};
    let mut snapshot = Snapshot::new(os, "host".to_owned(), Timestamp::from_micros(600_000_000));
    let listen = Some(State::Listen);
    let open = Some(State::Established);
    let mut a = socket(Tcp, listen, "0.0.0.0:22", None);
    let mut b = socket(Tcp, listen, "[::]:80", None);
    let mut c = socket(Tcp, open, "10.0.0.5:44312", Some("1.1.1.1:443"));
    let d = socket(Tcp, open, "[::ffff:127.0.0.1]:8080", Some("[::ffff:127.0.0.1]:50001"));
    let e = socket(Tcp, open, "127.0.0.1:50001", Some("127.0.0.1:8080"));
    let mut f = socket(Tcp, Some(State::TimeWait), "10.0.0.5:50002", Some("8.8.8.8:53"));
    let mut g = socket(Udp, None, "127.0.0.53:53", None);
    let h = socket(Udp, None, "10.0.0.5:5353", Some("9.9.9.9:53"));
    let i = socket(Tcp, Some(State::Bound), "0.0.0.0:9000", None);
    let mut j = socket(Tcp, open, "[fe80::1%2]:1234", Some("[fe80::2%2]:179"));
    let k = socket(Tcp, Some(State::Other(77)), "10.0.0.5:1", Some("192.168.0.9:2"));

    let own = |socket: &mut Socket, snapshot: &mut Snapshot, processes: &[Process]| {
        let owners = processes.iter().map(|it| Owner { process: it.id, fds: vec![5, 6] }).collect();
        socket.owners = Owners::Processes(owners);
        snapshot.processes.extend(processes.iter().map(|it| (it.id, it.clone())));
    };
    let mut sshd = process(700, "sshd", "root", 0);
    sshd.service = Some("ssh.service".to_owned());
    own(&mut a, &mut snapshot, &[sshd]);
    own(&mut b, &mut snapshot, &[process(800, "nginx", "root", 0), process(801, "nginx: worker", "www-data", 33)]);
    let mut curl = process(812, "curl", "CORP\\alice", 1000);
    curl.container = Some("web".to_owned());
    own(&mut c, &mut snapshot, &[curl]);
    own(&mut g, &mut snapshot, &[process(53, "systemd-resolve", "resolver", 101)]);
    f.owners = Owners::Nobody(NoOwner::TimeWait);
    f.uid = None;
    f.mark = None;
    f.timer = Some(Timer { kind: TimerKind::TimeWait, expires_us: 5_000_000, retransmits: 0 });
    a.exposure = Some(Exposure::Any);
    b.exposure = Some(Exposure::Published);
    a.queues = Some(Queues { receive: 0, send: Some(128) });
    c.uid = Some(1000);
    c.inode = Some(12345);
    c.cgroup = Some(9);
    c.mark = Some(0x17);
    c.namespace = Some(4_026_531_840);
    c.autobound = Some(true);
    c.opened = Some(Timestamp::from_micros(0));
    c.queues = Some(Queues { receive: 2048, send: Some(0) });
    c.traffic = Some(Box::new(Traffic {
        sent_bytes: Some(1_500_000),
        received_bytes: Some(10),
        rtt_us: Some(120_000),
        retransmitted_segments: Some(3),
        congestion_control: Some("cubic".to_owned()),
        send_rate_bps: Some(2_000_000),
        ..Traffic::default()
    }));
    j.interface = Some(2);
    j.opened = Some(Timestamp::from_micros(590_000_000));
    j.key.tag = Tag::Cookie(4097);
    snapshot.sockets = vec![a, b, c, d, e, f, g, h, i, j, k];
    snapshot.users = [(0, "root".to_owned()), (1000, "alice".to_owned())].into();
    snapshot.interfaces = context().interfaces;
    snapshot.cgroups = [(9, "/user.slice/a b".to_owned())].into();
    snapshot.namespaces = [(4_026_531_840, Namespace { id: 4_026_531_840, name: Some("blue".to_owned()) })].into();
    let mut frame = Frame::new(snapshot);
    let place = |code: &str, country: &str, city: &str, asn: u32, organization: &str| Place {
        country_code: Some(code.to_owned()),
        country: Some(country.to_owned()),
        region: None,
        city: Some(city.to_owned()),
        asn: Some(asn),
        organization: Some(organization.to_owned()),
        coordinates: None,
        text: format!("{country} {city}"),
        database: Arc::from("Test 2026"),
    };
    Arc::make_mut(&mut frame.places).insert(
        "1.1.1.1".parse().unwrap(),
        [place("AU", "Australia", "Sydney", 13335, "Cloudflare"), place("US", "United States", "", 1, "")].into(),
    );
    Arc::make_mut(&mut frame.places)
        .insert("9.9.9.9".parse().unwrap(), [place("CH", "Schweiz", "Zürich", 19281, "Quad9")].into());
    frame
}

#[test]
fn names_of_peers_are_compared_where_they_are_known() {
    use sockscope_model::HostName;
    let mut frame = frame("linux");
    for (address, name) in [
        ("1.1.1.1", HostName::Known("One.One.One.One".into())),
        ("8.8.8.8", HostName::Pending),
        ("9.9.9.9", HostName::Absent),
        ("192.168.0.9", HostName::Known("printer".into())),
    ] {
        Arc::make_mut(&mut frame.names).insert(address.parse().unwrap(), name);
    }
    for (text, rows) in [
        ("remote_name = one.one.one.one", "c"),
        ("rname ~ ^one", "c"),
        ("rname in (printer, x)", "k"),
        ("rname != printer", "abcdefghij"),
        ("rname ~ .", "ck"),
        ("not rname ~ . and dport = :53", "fh"),
    ] {
        assert_eq!(passing(&parse(text), &frame), rows, "{text}");
    }
    let rows = |keys: &str| {
        let mut rows: Vec<usize> = (0..11).collect();
        crate::sort(&frame, &mut rows, &crate::SortKey::parse(keys).unwrap());
        rows
    };
    assert_eq!((rows("rname")[..2].to_vec(), rows("rname:desc")[..2].to_vec()), (vec![2, 10], vec![10, 2]));
}

/// The names of the rows that pass.
fn passing(filter: &Filter, frame: &Frame) -> String {
    frame.rows().zip('a'..).filter(|(row, _)| filter.matches(row)).map(|(_, name)| name).collect()
}

fn parse(text: &str) -> Filter {
    Filter::parse(text, &context()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn filters_of_ss_mean_the_same() {
    let frame = frame("linux");
    for (text, rows) in [
        ("", "abcdefghijk"),
        ("   ", "abcdefghijk"),
        // States before the expression.
        ("state established", "cdehj"),
        ("state ESTABLISHED", "cdehj"),
        ("state listening", "ab"),
        ("state listen", "ab"),
        ("state time-wait state listening", "abf"),
        ("state time-wait,listening", "abf"),
        ("state time-wait, listening", "abf"),
        ("state all", "abcdefghijk"),
        ("state connected", "cdefhjk"),
        ("state connected exclude time-wait", "cdehjk"),
        ("exclude established", "abfgik"),
        ("excl established exclude listening", "fgik"),
        ("exclude listening state listening", "abcdefghijk"),
        ("state synchronized", "cdefhjk"),
        ("state bucket", "f"),
        ("state big", "abcdeghijk"),
        ("state closed", "g"),
        ("state close", "g"),
        ("state unconnected", "g"),
        ("state bound-inactive", "i"),
        ("state bound", "i"),
        ("state syn-recv", ""),
        ("state unknown-77", "k"),
        ("state unknown-78", ""),
        ("state unknown", "k"),
        ("state connected exclude unknown-77", "cdefhj"),
        // They stand before all of the expression, not before its first part.
        ("state established dport = :443 or sport = :8080", "cd"),
        ("state listening sport = :22 or dport = :443", "a"),
        ("state listening or dport = :443", "abc"),
        ("state established and dport = :443 or sport = :22", "ac"),
        ("( dport = :ssh or sport = :ssh )", "a"),
        ("(dport=:ssh or sport=:ssh)", "a"),
        ("\\( dport = :ssh or sport = :ssh \\)", "a"),
        // Addresses and ports.
        ("src 127.0.0.1", "de"),
        ("src = 127.0.0.1", "de"),
        ("src == 127.0.0.1", "de"),
        ("src eq 127.0.0.1", "de"),
        ("src != 127.0.0.1", "abcfghijk"),
        ("src inet:127.0.0.1", "e"),
        ("src ::ffff:127.0.0.1", "d"),
        ("src [::ffff:127.0.0.1]:8080", "d"),
        ("src 127.0.0.1:8080", "d"),
        ("src 127/8", "deg"),
        ("src 127/8:53", "g"),
        ("src 10.0.0.0/8", "cfhk"),
        ("src 0.0.0.0", "ai"),
        ("src 0/0", "acdefghik"),
        ("src ::/0", "bdj"),
        ("src :22", "a"),
        ("src *:22", "a"),
        ("src *:*", "abcdefghijk"),
        ("src [::]:80", "b"),
        ("src inet6:*", "bdj"),
        ("src fe80::1:1234", "j"),
        ("src fe80::1%eth0", "j"),
        ("src fe80::1%lo", ""),
        ("src localhost", "de"),
        ("dst 0.0.0.0", "agi"),
        ("dst ::", "b"),
        ("dst 1.1.1.1:https", "c"),
        ("dst in (1.1.1.1, 8.8.8.8)", "cf"),
        ("dst 193.233.7/24", ""),
        ("sport = :22", "a"),
        ("sport = 22", "a"),
        ("sport 22", "a"),
        ("sport :ssh", "a"),
        ("sport = 0x16", "a"),
        ("sport = 026", "a"),
        ("sport = www", "b"),
        ("sport eq 22", "a"),
        ("sport neq 22", "bcdefghijk"),
        ("sport ne 22", "bcdefghijk"),
        ("sport != :22", "bcdefghijk"),
        ("sport < 53", "ak"),
        ("sport lt 53", "ak"),
        ("sport <= 53", "agk"),
        ("sport leq 53", "agk"),
        ("sport le 53", "agk"),
        ("sport > 50001", "f"),
        ("sport gt 50001", "f"),
        ("sport >= 50001", "ef"),
        ("sport geq 50001", "ef"),
        ("sport ge :50001", "ef"),
        ("sport > 65535", ""),
        ("sport < 0", ""),
        ("sport = *", "abcdefghijk"),
        ("sport = inet::80", ""),
        ("sport = inet6::80", "b"),
        ("sport in (22, http)", "ab"),
        ("dport = 0", "abgi"),
        ("dport < 53", "abgik"),
        ("dport = :domain", "fh"),
        ("dport = :odd", ""),
        ("sport < :odd", "abgk"),
        // The rest of ss.
        ("dev = eth0", "j"),
        ("dev eth0", "j"),
        ("dev 2", "j"),
        ("dev != eth0", "abcdefghik"),
        ("dev = 0", "abcdefghik"),
        ("fwmark = 0x17", "c"),
        ("fwmark 23", "c"),
        ("fwmark = 0x01/0x03", ""),
        ("fwmark = 0x03/0x03", "c"),
        ("fwmark = 0", "abdeghijk"),
        ("fwmark != 0", "cf"),
        ("cgroup = \"/user.slice/a b\"", "c"),
        ("cgroup = '/sys/fs/cgroup/user.slice/a b'", "c"),
        ("cgroup = /sys/fs/cgroup/unified/user.slice/a\\ b", "c"),
        ("cgroup /user.slice", ""),
        ("cgroup != /user.slice", "abcdefghijk"),
        ("autobound", "c"),
        // Connectives and their order.
        ("not state established", "abfgik"),
        ("! sport = :22", "bcdefghijk"),
        ("!sport = :22", "bcdefghijk"),
        ("!!sport = :22", "a"),
        ("not not not sport = :22", "bcdefghijk"),
        ("sport = :22 or sport = :80 and dport = :1", "a"),
        ("sport = :22 | sport = :80 & dport = :1", "a"),
        ("sport = :22 || sport = :80 && dport = :1", "a"),
        ("sport=:22||sport=:80", "ab"),
        ("sport = :22 or sport = :80 dport = :1", "a"),
        ("( sport = :22 or sport = :80 ) and dport = :0", "ab"),
        ("not sport = :22 and tcp", "bcdefijk"),
        ("not ( sport = :22 and tcp )", "bcdefghijk"),
        ("SPORT = :22 OR SPORT = :80", "ab"),
        ("state established exclude established", ""),
    ] {
        assert_eq!(passing(&parse(text), &frame), rows, "{text}");
    }
}

#[test]
fn own_terms_mean_what_they_say() {
    let frame = frame("linux");
    for (text, rows) in [
        ("tcp", "abcdefijk"),
        ("udp", "gh"),
        ("proto = udp", "gh"),
        ("protocol != tcp", "gh"),
        ("proto in (tcp, udp)", "abcdefghijk"),
        ("proto ~ ^u", "gh"),
        ("ipv6", "bdj"),
        ("family = ipv4", "acefghik"),
        ("family = inet6", "bdj"),
        ("family ~ 6", "bdj"),
        ("listening", "ab"),
        ("established", "cdehj"),
        ("time-wait", "f"),
        ("connected and tcp", "cdefjk"),
        ("state = established", "cdehj"),
        ("state == listen", "ab"),
        ("state = listen, time-wait", "abf"),
        ("state in (listen, TIME_WAIT)", "abf"),
        ("state not in (listen, time-wait)", "cdeghijk"),
        ("state != established", "abfgik"),
        ("state ~ wait", "f"),
        ("state !~ wait", "abcdeghijk"),
        ("state = established state = listening", ""),
        ("tcp state established", "cdej"),
        ("tcp and (state listening state time-wait)", "abf"),
        ("tcp not state established state listening", "ab"),
        ("loopback", "deg"),
        ("private", "k"),
        ("public", "cfh"),
        ("not loopback and not private and not public", "abij"),
        ("mine", "c"),
        ("local = 10.0.0.0/8", "cfhk"),
        ("local = 127.0.0.1", "de"),
        ("local ~ ^10\\.", "cfhk"),
        ("remote = 1.1.1.1", "c"),
        ("remote = 1.1.1.1:443", "c"),
        ("remote = 0.0.0.0/0", "cdefhk"),
        ("remote = ::/0", "dj"),
        ("remote = 0.0.0.0", ""),
        ("remote != 1.1.1.1", "abdefghijk"),
        ("remote ~ .", "cdefhjk"),
        ("remote in ([fe80::2]:179, 8/8)", "fj"),
        ("address = 10.0.0.5", "cfhk"),
        ("address = 8.8.8.8", "f"),
        ("lport = 22", "a"),
        ("lport = :ssh", "a"),
        ("lport in (22, 80, 8000-9000)", "abdi"),
        ("lport = 50000-50002", "ef"),
        ("lport ~ ^5", "efgh"),
        ("rport = 53", "fh"),
        ("rport < 100", "fhk"),
        ("rport >= 0", "cdefhjk"),
        ("rport != 53", "abcdegijk"),
        ("port = 53", "fgh"),
        ("port != 53", "abcdeijk"),
        ("pid = 812", "c"),
        ("pid 812", "c"),
        ("pid in (700, 801)", "ab"),
        ("pid not in (700, 801)", "cdefghijk"),
        ("pid > 800", "bc"),
        ("pid != 800", "acdefghijk"),
        ("pid ~ ^8", "bc"),
        ("owner_pid = 700", "a"),
        ("fd = 6", "abcg"),
        ("process = nginx", "b"),
        ("process=nginx", "b"),
        ("process = Nginx", ""),
        ("process = 'nginx: worker'", "b"),
        ("process = nginx*", "b"),
        ("process = '*ssh*'", ""),
        ("process = ?shd", "a"),
        ("process ~ ^(sshd|curl)$", "ac"),
        ("(process ~ ^(sshd|curl)$)", "ac"),
        ("process =~ ^ssh", "a"),
        ("process !~ ssh", "bcdefghijk"),
        ("process ~ SSH", ""),
        ("process ~ (?i)SSH", "a"),
        ("process != nginx", "acdefghijk"),
        ("not process = nginx", "acdefghijk"),
        ("process = systemd-resolved", "g"),
        ("process = systemd-resolv", ""),
        ("process in (curl, sshd)", "ac"),
        ("process in (\"nginx: worker\", curl)", "bc"),
        ("path = /usr/bin/curl", "c"),
        ("path ~ /curl$", "c"),
        ("path = /usr/bin/*", "abcg"),
        ("command ~ '-x a b$'", "abcg"),
        ("command = '/usr/bin/curl -x a b'", "c"),
        ("command = *curl*", "c"),
        ("user = alice", "c"),
        ("user = 1000", "c"),
        ("user = www-data", "b"),
        ("user = root", "abdeghijk"),
        ("user = 33", "b"),
        ("owner_user = 'CORP\\alice'", "c"),
        ("uid = 1000", "c"),
        ("uid != 0", "cf"),
        ("service = ssh", "a"),
        ("service = ssh.service", "a"),
        ("container = web", "c"),
        ("namespace = blue", "c"),
        ("namespace = 4026531840", "c"),
        ("namespace ~ ^bl", "c"),
        ("country = AU", "c"),
        ("country = australia", "c"),
        ("country = US", ""),
        ("country = 瑞士", "h"),
        ("country = Switzerland", "h"),
        ("country in ('Schweiz', 澳大利亚)", "ch"),
        ("country != 瑞士", "abcdefgijk"),
        ("country in (au, ch)", "ch"),
        ("country ~ ^SCH", "h"),
        ("country != AU", "abdefghijk"),
        ("asn = 13335", "c"),
        ("asn = AS13335", "c"),
        ("asn in (13335, AS19281)", "ch"),
        ("org = cloudflare", "c"),
        ("org ~ cloud", "c"),
        ("place = 'AUSTRALIA sydney'", "c"),
        ("place = ZÜRICH", "h"),
        ("place ~ zürich", "h"),
        ("database = 'test 2026'", "ch"),
        ("age > 5m", "c"),
        ("age = 10", "j"),
        ("age < 1m", "j"),
        ("age >= 0", "cj"),
        ("sent > 1MB", "c"),
        ("sent > 1.5MB", ""),
        ("sent >= 1.5MB", "c"),
        ("received < 1kb", "c"),
        ("rtt > 100ms", "c"),
        ("rtt < 0.1s", ""),
        ("rtt !=0", "abcdefghijk"),
        ("traffic_rtt_us = 120000", "c"),
        ("traffic_send_rate_bps > 1mbps", "c"),
        ("traffic_congestion_control = cubic", "c"),
        ("retransmits > 2", "c"),
        ("recvq > 1KiB", "c"),
        ("recvq = 2kib", "c"),
        ("sendq = 128", "a"),
        ("interface = eth0", "j"),
        ("interface != eth0", "abcdefghik"),
        ("exposure = any", "a"),
        ("exposure in (any, published)", "ab"),
        ("exposure != any", "bcdefghijk"),
        ("no_owner = time-wait", "f"),
        ("no-owner = time_wait", "f"),
        ("no_owner ~ .", "defhijk"),
        ("timer = time-wait", "f"),
        ("timer_expires_us >= 5s", "f"),
        ("inode = 12345", "c"),
        ("cookie = 4097", "j"),
        ("mark = 23", "c"),
        ("mark > 0", "c"),
        ("local_scope = eth0", "j"),
        ("opened_at < 1970-01-01T00:01:00Z", "c"),
        ("opened_at > 1970-01-01", "j"),
        ("owner_started_at > 1970-01-01T00:00:00Z", "abcg"),
        ("cgroup = /user.slice/*", "c"),
        ("cgroup ~ slice", "c"),
    ] {
        assert_eq!(passing(&parse(text), &frame), rows, "{text}");
    }
}

#[test]
fn windows_ignores_case_in_names() {
    let frame = frame("windows");
    for (text, rows) in [
        ("process = NGINX", "b"),
        ("process = CURL*", "c"),
        ("path = /USR/bin/curl", "c"),
        ("process = systemd-resolved", ""),
        ("process ~ CURL", ""),
    ] {
        assert_eq!(passing(&parse(text), &frame), rows, "{text}");
    }
}

#[test]
fn programs_of_windows_are_called_with_and_without_their_extension() {
    let mut frame = frame("windows");
    let snapshot = Arc::get_mut(&mut frame.snapshot).unwrap();
    snapshot.processes.values_mut().for_each(|process| process.name.push_str(".EXE"));
    for (text, rows) in [
        ("process = nginx", "b"),
        ("process = nginx.exe", "b"),
        ("process = nginx.ex", ""),
        ("process in (curl, x)", "c"),
    ] {
        assert_eq!(passing(&parse(text), &frame), rows, "{text}");
    }
}

#[test]
fn malformed_filters_name_the_word_and_its_column() {
    for (text, column, word) in [
        ("sprt = :22", 1, "sprt"),
        ("tcp and sprt = :22", 9, "sprt"),
        ("tcp   bogus", 7, "bogus"),
        ("数据 and x", 1, "数据"),
        ("process = 数据 and x = 1", 18, "x"),
        ("sport = :70000", 9, ":70000"),
        ("dport = 65536", 9, "65536"),
        ("sport = :nosuch", 9, ":nosuch"),
        ("sport = -1", 9, "-1"),
        ("sport = 080", 9, "080"),
        ("sport =", 8, ""),
        ("sport", 6, ""),
        ("sport = and tcp", 9, "and"),
        ("process and pid = 5", 9, "and"),
        ("pid = 1,2", 7, "1,2"),
        ("pid = abc", 7, "abc"),
        ("pid = -1", 7, "-1"),
        ("pid = 99999999999999999999", 7, "99999999999999999999"),
        ("pid = 9-3", 7, "9-3"),
        ("lport in (9-3)", 11, "9-3"),
        ("src 10.0.0.0/33", 5, "10.0.0.0/33"),
        ("src 10.0.0.300", 5, "10.0.0.300"),
        ("dst example.org", 5, "example.org"),
        ("dst [::1", 5, "[::1"),
        ("dst unix:/x", 5, "unix:/x"),
        ("src inet:::1", 5, "inet:::1"),
        ("remote = 10", 10, "10"),
        ("src < 10.0.0.1", 5, "<"),
        ("dev = nosuch", 7, "nosuch"),
        ("dev ~ eth", 5, "~"),
        ("fwmark = x", 10, "x"),
        ("fwmark = 1/", 10, "1/"),
        ("fwmark > 1", 8, ">"),
        ("state", 6, ""),
        ("state bogus", 7, "bogus"),
        ("state listning", 7, "listning"),
        ("state established,", 19, ""),
        ("state = x", 9, "x"),
        ("state in (listen, x)", 19, "x"),
        ("state > listen", 7, ">"),
        ("exclude", 8, ""),
        ("tcp and", 8, ""),
        ("and tcp", 1, "and"),
        ("or", 1, "or"),
        ("not", 4, ""),
        ("tcp or or udp", 8, "or"),
        ("( tcp", 1, "("),
        ("tcp ( udp", 5, "("),
        ("tcp )", 5, ")"),
        ("()", 2, ")"),
        ("( tcp or )", 10, ")"),
        (", tcp", 1, ","),
        ("tcp, udp", 4, ","),
        ("= 5", 1, "="),
        ("tcp = 5", 5, "="),
        ("\"tcp\"", 1, "\"tcp\""),
        ("process = \"nginx", 11, "\"nginx"),
        ("process = 'a'b", 14, "b"),
        ("process < m", 9, "<"),
        ("process in nginx", 12, "nginx"),
        ("process in (a b)", 15, "b"),
        ("process in (a", 12, "("),
        ("process in ()", 13, ")"),
        ("process in (a,)", 15, ")"),
        ("process not nginx", 9, "not"),
        ("process ~ [", 11, "["),
        ("process ~ a{999999}", 11, "a{999999}"),
        ("proto = sctp", 9, "sctp"),
        ("proto > tcp", 7, ">"),
        ("family = ipv5", 10, "ipv5"),
        ("exposure = everywhere", 12, "everywhere"),
        ("no_owner = orphn", 12, "orphn"),
        ("age > 5 parsecs", 9, "parsecs"),
        ("age > 5parsecs", 7, "5parsecs"),
        ("rtt > 100", 7, "100"),
        ("sent > 1MBit", 8, "1MBit"),
        ("sent > 99999999TB", 8, "99999999TB"),
        ("asn = ASX", 7, "ASX"),
        ("opened_at > yesterday", 13, "yesterday"),
        ("opened_at ~ 2026", 11, "~"),
        ("tcp & & udp", 7, "&"),
        ("process = nginx foo", 17, "foo"),
        ("user = (a)", 8, "("),
        ("sport = :22\nsprot = :23", 13, "sprot"),
    ] {
        match Filter::parse(text, &context()) {
            Ok(filter) => panic!("{text} was read as {filter:?}"),
            Err(error) => {
                assert_eq!((error.column(), error.word()), (column, word), "{text}: {error}");
                assert!(!error.message().is_empty() && !error.expected().is_empty(), "{text}: {error}");
                assert_eq!(text[..error.offset()].chars().count() + 1, column, "{text}");
            }
        }
    }
    let nobody = Context { uid: None, ..context() };
    assert_eq!(Filter::parse("tcp mine", &nobody).unwrap_err().column(), 5);
    let named = Context { user: Some("HOST\\Ann".into()), ..nobody };
    assert!(Filter::parse("mine", &named).unwrap().needs().process_details);
}

#[test]
fn near_misses_are_suggested() {
    for (text, suggestion) in [
        ("sprt = :22", "did you mean `sport`?"),
        ("proces = nginx", "did you mean `process`?"),
        ("estblished", "did you mean `established`?"),
        ("state listning", "did you mean `listening`?"),
        ("sport = :htp", "did you mean `http`?"),
        ("dev = eht0", "did you mean `eth0`?"),
        ("proto = tpc", "did you mean `tcp`?"),
        ("exposure = publishd", "did you mean `published`?"),
        ("owner_pdi = 5", "did you mean `owner_pid`?"),
    ] {
        let message = Filter::parse(text, &context()).unwrap_err().to_string();
        assert!(message.contains(suggestion), "{message}");
    }
}

#[test]
fn errors_show_the_place() {
    let shown = |text: &str| Filter::parse(text, &context()).unwrap_err().to_string();
    assert_eq!(
        shown("proto = tcp and exposure = al"),
        "`al` is none of the words that can stand here\n  proto = tcp and exposure = al\n                             ^^\n\
         expected: loopback, host, any, container-only, published"
    );
    assert_eq!(shown("rtt > 100").lines().next(), Some("this duration has no unit"));
    // Wide characters take two cells.
    assert_eq!(shown("process = 数据 and proto = x").lines().nth(2), Some("                             ^"),);
    // A long filter is shown around the place, control characters are not shown at all.
    let long =
        format!("{} and \u{1b}[31mbogus\u{202e} and {}", "tcp and ".repeat(50) + "tcp", "udp and ".repeat(50) + "udp");
    let message = shown(&long);
    let lines: Vec<&str> = message.lines().collect();
    assert!(lines[1].starts_with("  …") && lines[1].ends_with('…') && lines[1].chars().count() < 75, "{message}");
    assert_eq!(lines[1].chars().position(|char| char == '\u{fffd}'), lines[2].find('^'), "{message}");
    assert!(!message.chars().any(|char| char != '\n' && char.is_control()), "{message:?}");
    assert!(!message.contains('\u{202e}'));
    let endless = shown(&"x".repeat(100_000));
    assert!(endless.len() < 2000, "{}", endless.len());
    // At the end, the caret stands behind the text.
    assert_eq!(shown("tcp and").lines().nth(2), Some("         ^"));
}

#[test]
fn shell_words_may_have_lost_their_quotes() {
    let mut frame = frame("linux");
    let mut named = process(900, "my app", "root", 0);
    named.id.started = None;
    let snapshot = Arc::make_mut(&mut frame.snapshot);
    let owner = Owner { process: named.id, fds: Vec::new() };
    snapshot.processes.insert(named.id, named);
    snapshot.sockets[3].owners = Owners::Processes(vec![owner]);
    for (words, rows) in [
        (&["sport", "=", ":22"][..], "a"),
        (&["sport = :22"], "a"),
        (&["sport=:22"], "a"),
        (&["state", "listening", "( sport = :ssh or sport = :http )"], "ab"),
        (&["process", "=", "my app"], "d"),
        (&["process", "my app"], "d"),
        (&["process", "!=", "my app", "tcp"], "abcefijk"),
        (&["process", "~", "^my app$|^sshd$"], "ad"),
        (&["process = 'my app'"], "d"),
        (&["process=\"my app\""], "d"),
        (&["process", "=", "\"my app\""], "d"),
        (&["process", "in", "(", "my app", ",", "sshd", ")"], "ad"),
        (&["tcp", "", "sport", "=", ":22"], "a"),
        (&[], "abcdefghijk"),
        (&[""], "abcdefghijk"),
        (&["", " "], "abcdefghijk"),
    ] {
        let filter = Filter::from_words(words, &context()).unwrap_or_else(|error| panic!("{words:?}: {error}"));
        assert_eq!(passing(&filter, &frame), rows, "{words:?}");
    }
    let error = Filter::from_words(&["tcp", "and", "sprt", "=", ":22"], &context()).unwrap_err();
    assert_eq!(error.column(), 9);
}

#[test]
fn needs_follow_from_the_terms() {
    let none = Needs::default();
    for (text, needs) in [
        ("", none),
        ("sport = :22 or state listening or loopback", none),
        ("pid = 5", Needs { owners: true, ..none }),
        ("process = x", Needs { owners: true, ..none }),
        ("no_owner = orphan", Needs { owners: true, ..none }),
        ("not path ~ x", Needs { owners: true, process_details: true, ..none }),
        ("user = x", Needs { owners: true, process_details: true, ..none }),
        ("tcp and (udp or sent > 5)", Needs { traffic: true, ..none }),
        ("autobound", Needs { autobound: true, ..none }),
        ("cgroup = /x", Needs { cgroups: true, ..none }),
        ("country = CN or org ~ x", Needs { places: true, organizations: true, ..none }),
        ("asn = 64496", Needs { places: true, asns: true, ..none }),
        ("not rname ~ x", Needs { names: true, ..none }),
        ("not age > 5m", Needs { opened: true, ..none }),
        ("process = age", Needs { owners: true, ..none }),
        ("fwmark = 1", Needs { marks: true, ..none }),
        ("mark in (1, 2)", Needs { marks: true, ..none }),
        ("mine uid = 5 dev = lo", none),
    ] {
        assert_eq!(parse(text).needs(), needs, "{text}");
    }
}

#[test]
fn states_protocols_and_families_are_narrowed() {
    use State::{Closed, Established, Listen, TimeWait};
    let set = |states: &[State]| states.iter().fold(StateSet::NONE, |set, state| set.with(*state));
    for (text, states) in [
        ("", StateSet::ALL),
        ("state listening", set(&[Listen])),
        ("listening and sport = :22", set(&[Listen])),
        ("state listening or sport = :22", StateSet::ALL),
        ("state listening or established and mine", set(&[Listen, Established])),
        ("not state listening", set(&[Listen]).complement()),
        ("not (state listening and mine)", StateSet::ALL),
        ("not (state listening or mine)", set(&[Listen]).complement()),
        ("state unknown-5", set(&[State::Other(0)])),
        ("not state unknown-5", StateSet::ALL),
        ("state in (closed, time-wait) tcp", set(&[Closed, TimeWait])),
    ] {
        assert_eq!(parse(text).states(), states, "{text}");
    }
    for (text, protocols, families) in [
        ("", (true, true), (true, true)),
        ("tcp", (true, false), (true, true)),
        ("not tcp", (false, true), (true, true)),
        ("udp or mine", (true, true), (true, true)),
        ("tcp udp", (false, false), (true, true)),
        ("state listening", (true, false), (true, true)),
        ("state unconnected", (true, true), (true, true)),
        ("ipv6", (true, true), (false, true)),
        ("src 10/8", (true, true), (true, true)),
        ("src inet:10/8", (true, true), (true, false)),
        ("src ::1", (true, true), (false, true)),
        ("not src ::1", (true, true), (true, true)),
        ("ipv4 or src [::1]:80", (true, true), (true, true)),
    ] {
        assert_eq!((parse(text).protocols(), parse(text).families()), (protocols, families), "{text}");
    }
}

#[test]
fn conditions_are_what_a_kernel_can_decide() {
    for (text, condition) in [
        ("", "None"),
        ("process = x", "None"),
        ("sport = :22", "Some(All([LocalPortFrom(22), LocalPortTo(22)]))"),
        ("sport >= 22", "Some(LocalPortFrom(22))"),
        ("sport < 22", "Some(LocalPortTo(21))"),
        ("sport < 0", "Some(Any([]))"),
        ("sport >= 0", "None"),
        ("sport != 22", "Some(Any([LocalPortTo(21), LocalPortFrom(23)]))"),
        ("sport = :22 and process = x", "Some(All([LocalPortFrom(22), LocalPortTo(22)]))"),
        ("sport = :22 or process = x", "None"),
        ("not (sport = :22 or process = x)", "Some(Any([LocalPortTo(21), LocalPortFrom(23)]))"),
        ("not (sport = :22 and process = x)", "None"),
        ("rport <= 22", "Some(RemotePortTo(22))"),
        ("not rport <= 22", "None"),
        ("not rport = 22", "Some(Any([RemotePortTo(21), RemotePortFrom(23)]))"),
        ("dev = eth0", "Some(Interface(2))"),
        ("not dev = eth0", "Some(Not(Interface(2)))"),
        ("fwmark = 1/3", "Some(Mark { value: 1, mask: 3 })"),
        ("fwmark != 1/3", "None"),
        ("src inet:10/8", "Some(Local(AddressBlock { address: 10.0.0.0, prefix: 8 }))"),
        ("not src inet:10/8", "None"),
        ("not src 10/8", "Some(Not(Local(AddressBlock { address: 10.0.0.0, prefix: 8 })))"),
        ("public", "None"),
        ("not loopback", "None"),
    ] {
        assert_eq!(format!("{:?}", parse(text).condition()), condition, "{text}");
    }
}

#[test]
fn depth_and_length_are_limited() {
    // Threads of tests have small stacks, which is the point.
    let nested = |depth: usize| format!("{}tcp{}", "( not ".repeat(depth), ")".repeat(depth));
    let filter = parse(&nested(200));
    assert_eq!(passing(&filter, &frame("linux")), "abcdefijk");
    assert_eq!((filter.states(), filter.condition()), (StateSet::ALL, None));
    drop(filter.clone());
    let error = Filter::parse(&nested(201), &context()).unwrap_err();
    assert_eq!(error.column(), 200 * 6 + 1);
    assert!(Filter::parse(&"(".repeat(1_000_000), &context()).is_err());
    assert!(Filter::parse(&"tcp ".repeat(300_000), &context()).is_err());
    let patterns = "process ~ a or ".repeat(200) + "tcp";
    assert!(Filter::parse(&patterns, &context()).unwrap_err().message().contains("regular expressions"));
    assert!(Filter::parse(&format!("process ~ {}", "a".repeat(5000)), &context()).is_err());
}

#[test]
fn a_megabyte_is_read_in_linear_time() {
    let megabyte = |part: &str, last: &str| {
        let mut text = part.repeat((1_000_000 - last.len()) / part.len());
        text.push_str(last);
        text
    };
    let started = Instant::now();
    for text in [
        megabyte("sport = :22 or ", "tcp"),
        megabyte("sport=:22||", "tcp"),
        megabyte("not ", "tcp"),
        megabyte("!", "tcp"),
        megabyte("tcp and ", "udp"),
        megabyte("process = aaaa or ", "tcp"),
        megabyte("src 10.0.0.1 or not ", "tcp"),
        megabyte("state listening ", "tcp"),
        megabyte("x", "x"),
        megabyte("\"", "x"),
        megabyte("\\", "x"),
        megabyte(" ", "tcp"),
        format!("pid in ({})", megabyte("12345, ", "1")),
        format!("process = {}", megabyte("(", "x")),
        format!("process = \"{}\"", megabyte("a ", "x")),
        format!("process = {}", megabyte("a*", "x")),
        format!("process = {}", megabyte("\\ ", "x")),
        format!("process ~ {}", megabyte("(a|b)", "x")),
        format!("tcp {}", megabyte(")", "x")),
    ] {
        if let Ok(filter) = Filter::parse(&text, &context()) {
            passing(&filter, &frame("linux"));
            let _ = (filter.condition(), filter.states(), filter.families(), filter.needs());
        }
    }
    // Generous: a quadratic step would take minutes, in a debug build hours.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn services_are_read() {
    let services = context().services;
    assert_eq!(services.port("www", Protocol::Tcp), Some(80));
    assert_eq!(services.port("tftp", Protocol::Tcp), None);
    assert_eq!(services.port("tftp", Protocol::Udp), Some(69));
    assert_eq!(services.port("exec-x", Protocol::Tcp), None);
    assert_eq!(services.name(Protocol::Tcp, 80), Some("http"));
    assert_eq!(services.name(Protocol::Udp, 80), None);
    // A name with a port of its own for each protocol is compared with each.
    let filter = parse("sport = :odd");
    let frame = |protocol, port| {
        let mut snapshot = Snapshot::new("linux", String::new(), Timestamp::from_micros(0));
        snapshot.sockets = vec![socket(protocol, None, &format!("0.0.0.0:{port}"), None)];
        Frame::new(snapshot)
    };
    for (protocol, port, expected) in
        [(Protocol::Tcp, 512, "a"), (Protocol::Tcp, 513, ""), (Protocol::Udp, 512, ""), (Protocol::Udp, 513, "a")]
    {
        assert_eq!(passing(&filter, &frame(protocol, port)), expected, "{protocol:?} {port}");
    }
}

#[test]
fn interfaces_that_are_not_known_yet_are_compared_by_name() {
    let bare = Context { interfaces: Default::default(), ..context() };
    for (text, rows) in
        [("dev = eth0", "j"), ("dev = wlan0", ""), ("src [fe80::1%eth0]", "j"), ("dev != wlan0", "abcdefghijk")]
    {
        let filter = Filter::parse(text, &bare).unwrap();
        assert_eq!(passing(&filter, &frame("linux")), rows, "{text}");
        assert_eq!(filter.condition().is_some(), text.starts_with("src"), "{text}");
    }
}

/// What a kernel would say.
fn holds(condition: &Condition, socket: &Socket) -> bool {
    let unspecified = match socket.family() {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let remote = socket.key.remote.unwrap_or_else(|| SocketAddr::new(unspecified, 0));
    let local = socket.key.local;
    match condition {
        Condition::All(all) => all.iter().all(|condition| holds(condition, socket)),
        Condition::Any(any) => any.iter().any(|condition| holds(condition, socket)),
        Condition::Not(condition) => !holds(condition, socket),
        Condition::LocalPortFrom(port) => local.port() >= *port,
        Condition::LocalPortTo(port) => local.port() <= *port,
        Condition::RemotePortFrom(port) => remote.port() >= *port,
        Condition::RemotePortTo(port) => remote.port() <= *port,
        Condition::Local(block) => block.contains_mapped(local.ip()),
        Condition::Remote(block) => block.contains_mapped(remote.ip()),
        Condition::Interface(index) => socket.interface.unwrap_or(0) == *index,
        // Where the row does not show a mark, the kernel may know one all the same.
        Condition::Mark { value, mask } => socket.mark.unwrap_or(3) & mask == *value,
        other => panic!("{other:?}"),
    }
}

fn any_address(family: bool) -> BoxedStrategy<IpAddr> {
    let v4 = prop::sample::select(vec!["0.0.0.0", "127.0.0.1", "10.0.0.1", "10.1.0.1", "8.8.8.8", "192.168.0.1"]);
    let v6 = prop::sample::select(vec![
        "::",
        "::1",
        "fe80::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::ffff:0.0.0.0",
        "fd00::1",
    ]);
    let parse = |text: &str| text.parse::<IpAddr>().unwrap();
    if family { v4.prop_map(parse).boxed() } else { v6.prop_map(parse).boxed() }
}

fn any_socket() -> impl Strategy<Value = Socket> {
    let ports = || prop::sample::select(vec![0u16, 1, 21, 22, 23, 80, 443, 512, 513, 65534, 65535]);
    let states = prop::sample::select(
        State::NAMED.into_iter().chain([State::Other(77), State::Other(5)]).collect::<Vec<State>>(),
    );
    (any::<bool>(), any::<bool>())
        .prop_flat_map(move |(tcp, family)| {
            (
                Just(tcp),
                any_address(family),
                ports(),
                prop::option::of((any_address(family), ports())),
                states.clone(),
                prop::option::of(0..4u32),
                prop::option::of(0..4u32),
            )
        })
        .prop_map(|(tcp, local, port, remote, state, interface, mark)| {
            let mut socket = Socket::new(SocketKey {
                protocol: if tcp { Protocol::Tcp } else { Protocol::Udp },
                local: SocketAddr::new(local, port),
                remote: remote.map(|(address, port)| SocketAddr::new(address, port)),
                tag: Tag::None,
            });
            socket.state = tcp.then_some(state);
            socket.interface = interface.filter(|index| *index != 0);
            socket.mark = mark;
            socket.uid = mark;
            socket
        })
}

/// Filters of which most are well formed.
fn any_filter() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        "sport = :22|dport = :0|sport != 22|dport > 22|dport >= 443|sport < 65535|rport = 0|rport != 443|rport < 80\
         |lport in (22, 80-443)|port = 22|dport = :odd|sport < :odd|src 10/8|dst 10/8|dst 0.0.0.0|dst != 0/0|src ::/0\
         |src inet:10.0.0.1|dst inet6:*:22|sport = inet::22|remote = 0/0|remote = 10.0.0.0/8:22|remote != ::/0\
         |local = ::ffff:10.0.0.1|address = 10/8|local ~ ^10|loopback|private|public|tcp|udp|ipv4|ipv6|listening\
         |state = established|state unconnected|state != time-wait|exclude bound|state unknown-77|state unknown\
         |state connected exclude time-wait|mine|uid = 2|process = x|process != x|dev = eth0|dev != lo|dev = 0\
         |fwmark = 1|fwmark != 3|fwmark = 1/1|autobound|country = CN|age > 5m|src fe80::1%eth0|src [fe80::1]:22"
            .split('|')
            .map(str::trim)
            .collect::<Vec<&str>>(),
    );
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 4, |inner| {
        let joined = |with: &'static str| {
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(move |parts| parts.iter().map(|it| format!("( {it} )")).collect::<Vec<_>>().join(with))
        };
        prop_oneof![
            joined(" or "),
            joined(" and "),
            joined(" "),
            inner.clone().prop_map(|it| format!("not ( {it} )")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("{one} or not {other}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_pushed_down_excludes_nothing_that_matches(
        text in any_filter(),
        sockets in prop::collection::vec(any_socket(), 1..24),
    ) {
        let filter = Filter::parse(&text, &context()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let mut snapshot = Snapshot::new("linux", String::new(), Timestamp::from_micros(0));
        snapshot.sockets = sockets;
        let frame = Frame::new(snapshot);
        let (condition, states) = (filter.condition(), filter.states());
        let ((tcp, udp), (ipv4, ipv6)) = (filter.protocols(), filter.families());
        for row in frame.rows().filter(|row| filter.matches(row)) {
            let socket = row.socket;
            prop_assert!(states.contains(socket.filter_state()), "{text}: {socket:?}");
            prop_assert!(condition.as_ref().is_none_or(|it| holds(it, socket)), "{text}: {condition:?} {socket:?}");
            prop_assert!(if socket.key.protocol == Protocol::Tcp { tcp } else { udp }, "{text}: {socket:?}");
            prop_assert!(if socket.family() == Family::Ipv4 { ipv4 } else { ipv6 }, "{text}: {socket:?}");
        }
        // The negation passes exactly the others, and is narrowed as soundly.
        let negated = Filter::parse(&format!("not ( {text} )"), &context()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let condition = negated.condition();
        for row in frame.rows() {
            let passes = negated.matches(&row);
            prop_assert_ne!(passes, filter.matches(&row), "{} {:?}", text, row.socket);
            prop_assert!(!passes || condition.as_ref().is_none_or(|it| holds(it, row.socket)), "{text}");
        }
    }

    #[test]
    fn no_text_panics(text in ".*") {
        check(&text);
    }

    #[test]
    fn no_mixture_of_words_panics(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "sport", "dst", "state", "exclude", "process", "pid", "age", "in", "not", "and", "or", "!", "&", "||",
                "(", ")", ",", "=", "!=", "<", ">=", "~", "=~", "\"", "'", "\\", ":22", "[::1]:80", "10/8", "established",
                "tcp", "5m", "-", "*", "数", "\u{0}", "fe80::1%eth0", "0x", "1-", ":", "[", "]", "/", "é",
            ]),
            0..12,
        ),
        glue in prop::sample::select(vec!["", " "]),
    ) {
        check(&parts.join(glue));
        let words = Filter::from_words(&parts, &context());
        prop_assert_eq!(words.is_ok(), Filter::parse(&parts.join(" "), &context()).is_ok());
    }
}

/// Reads a text and, if it is a filter, applies it; errors must point into the text.
fn check(text: &str) {
    match Filter::parse(text, &context()) {
        Ok(filter) => {
            passing(&filter, &frame("linux"));
            let _ = (filter.condition(), filter.states(), filter.needs(), filter.protocols(), filter.families());
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.offset()), "{text:?}");
            assert!(error.column() <= text.chars().count() + 1, "{text:?}");
            let shown = error.to_string();
            assert!(!shown.chars().any(|char| char != '\n' && char.is_control()), "{shown:?}");
        }
    }
}

#[test]
fn everything_needs_nothing() {
    let filter = Filter::everything();
    assert!(filter.is_everything() && parse(" ").is_everything() && !parse("tcp").is_everything());
    assert_eq!((filter.needs(), filter.states(), filter.condition()), (Needs::default(), StateSet::ALL, None));
    assert_eq!((filter.protocols(), filter.families()), ((true, true), (true, true)));
    assert_eq!(passing(&filter, &frame("linux")), "abcdefghijk");
}

#[test]
fn the_manual_is_right() {
    let manual = include_str!("../../../../docs/filter.md");
    let examples: Vec<&str> =
        manual.split("```filter\n").skip(1).filter_map(|part| part.split("\n```").next()).collect();
    assert_eq!(examples.len(), 10);
    for example in examples {
        parse(example);
    }
    for word in
        terms::SHOWN.iter().chain(terms::BARE).chain(terms::STATES.iter().take(terms::STATES_SHOWN).map(|(it, _)| it))
    {
        assert!(
            manual.contains(&format!("`{word}")) || manual.contains(&format!(" {word}")),
            "{word} is not explained"
        );
    }
}

#[test]
fn every_shown_word_is_read() {
    let words: BTreeSet<&str> = terms::vocabulary().collect();
    for word in words {
        let known = ["not", "and", "or", "exclude"].contains(&word)
            || terms::term(word).is_some()
            || Filter::parse(word, &context()).is_ok();
        assert!(known, "{word}");
    }
}

#[test]
fn a_local_port_is_named_or_not() {
    for (text, named) in [
        ("sport = :80", true),
        ("src 127.0.0.1:80", true),
        ("src :80 or pid = 1", true),
        ("lport in (80, 443)", true),
        ("lport ~ ^80", true),
        ("local = 127.0.0.1:80", true),
        ("port = 80", true),
        ("sport >= :8000 and sport < :8100", true),
        ("not (not sport = :80)", true),
        ("", false),
        ("dport = :80", false),
        ("dst 127.0.0.1:80", false),
        ("src 127.0.0.1", false),
        ("not sport = :80", false),
        ("sport != :80", false),
        ("not lport in (80, 443)", false),
        ("listening", false),
    ] {
        assert_eq!(parse(text).names_local_port(), named, "{text}");
    }
}

#[test]
fn durations_are_read_as_in_filters() {
    use std::time::Duration;
    for (text, millis) in [
        ("30s", 30_000),
        ("500ms", 500),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("5", 5_000),
        ("0", 0),
        ("1.5s", 1_500),
        ("2.5", 2_500),
        (" 1s ", 1_000),
    ] {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
    }
    for text in ["", "s", "-1", "1x", "1s1", "soon", "1,5", ".5", "1.", "nan", "99999999999999999999", "1e3"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}
