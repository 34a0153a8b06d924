//! The answer as one paragraph, and what to do about it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use sockscope_model::{
    BindAttempt, BindErrorKind, Exposure, Family, ForeignNamespace, NoOwner, Owners, Process, Protocol, Row, Socket,
    State, Timestamp, Verdict,
};

use super::{Case, Finding, Kind, family_name, kind};

/// Sockets, processes and the like that are named before the others are counted.
const NAMED: usize = 3;

/// An answer.
pub(super) struct Text {
    pub(super) explanation: String,
    pub(super) advice: String,
}

/// What a verdict means here.
pub(super) fn text(case: &Case<'_>, verdict: Verdict, finding: &Finding) -> Text {
    let (explanation, advice) = match verdict {
        Verdict::Held if finding.proxied => proxied(case, finding),
        Verdict::Held if finding.rows.iter().any(|row| listens(case, *row)) => held(case, finding),
        Verdict::Held => left_over(case, finding),
        Verdict::Published => redirected(case, finding),
        Verdict::HttpSys => http_sys(case),
        Verdict::OtherFamily => other_family(case, finding),
        Verdict::Bound => bound(case, finding),
        Verdict::Ephemeral => ephemeral(case, finding),
        Verdict::TimeWait => time_wait(case, finding),
        Verdict::ExcludedRange => excluded(case),
        Verdict::Privileged => privileged(case),
        Verdict::OtherNamespace => other_namespace(case, finding),
        Verdict::Reserved => reserved(case),
        Verdict::Free => free(case),
        _ => unknown(case),
    };
    let mut text = Text { explanation: sentences(&explanation), advice };
    // What does not stand against it may be known in part only.
    if matches!(verdict, Verdict::Free | Verdict::Reserved | Verdict::Unknown) {
        push_unseen(case, &mut text.explanation);
    }
    push_attempts(case, &mut text.explanation);
    text
}

/// The words where an attempt to bind says otherwise than all that is known.
pub(super) fn contradicted(case: &Case<'_>, verdict: Verdict) -> Text {
    let attempts = case.attempts.unwrap_or_default();
    let not_local =
        |attempt: &BindAttempt| attempt.error.as_ref().is_some_and(|error| error.kind == BindErrorKind::NotLocal);
    if !attempts.is_empty() && attempts.iter().all(not_local) {
        let (parts, advice) = unknown(case);
        let mut explanation = sentences(&parts);
        push_attempts(case, &mut explanation);
        return Text { explanation, advice };
    }
    let port = port_name(case);
    let first = match verdict {
        Verdict::Free | Verdict::Reserved | Verdict::OtherNamespace | Verdict::Published => {
            format!("Nothing that can be seen keeps {port} from being bound, and yet it can't be")
        }
        _ => format!("By all that can be seen {port} can't be bound ({}), and yet it can be", verdict.name()),
    };
    let mut explanation = sentences(&[first]);
    push_attempts(case, &mut explanation);
    push_unseen(case, &mut explanation);
    let (sudo, who) = if case.is_windows() { ("", " (as administrator)") } else { ("sudo ", "") };
    let advice = format!(
        "Ask again: it may just have changed. If it stays so, `{sudo}sockscope compare --probe sport = :{}`{who} asks every source \
         of this machine for what hides there.",
        case.question.port
    );
    Text { explanation, advice }
}

type Parts = (Vec<String>, String);

fn held(case: &Case<'_>, finding: &Finding) -> Parts {
    let mut parts = holders(case, &finding.rows);
    parts.extend(groups(case, finding));
    parts.extend(owners_note(case, finding));
    parts.extend(families_note(case, finding));
    parts.extend(exposure_note(case, finding));
    parts.extend(queue_note(case, finding));
    parts.extend(chance_note(case));
    let advice = release(case, finding);
    (parts, advice)
}

/// Who listens where, processes that listen at several places once.
fn holders(case: &Case<'_>, rows: &[usize]) -> Vec<String> {
    let mut groups: Vec<(Vec<u32>, Option<NoOwner>, Vec<usize>)> = Vec::new();
    for row in rows {
        let Some(socket) = case.socket(*row) else { continue };
        let pids = pids(socket);
        let reason = socket.owners.reason();
        match groups.iter_mut().find(|(known, why, _)| *known == pids && *why == reason) {
            Some((.., rows)) => rows.push(*row),
            None => groups.push((pids, reason, vec![*row])),
        }
    }
    let count = groups.len();
    let mut parts = Vec::new();
    for (position, (pids, _, rows)) in groups.iter().enumerate() {
        if position >= NAMED && count > NAMED + 1 {
            parts.push(format!("{} more hold it as well", count - position));
            break;
        }
        let Some(row) = rows.first().and_then(|row| case.row(*row)) else { continue };
        let places = places(case, rows);
        let verb = match (row.socket.key.protocol, pids.len() > 1) {
            (Protocol::Udp, false) => "has",
            (Protocol::Udp, true) => "have",
            (_, false) => "listens on",
            (_, true) => "listen on",
        };
        let again = if position == 0 { "" } else { "Also " };
        let name = who(case, &row);
        parts.push(format!("{again}{name} {verb} {places}"));
    }
    if let Some(first) = parts.first_mut() {
        *first = format!("{} is held: {first}", port_name(case));
    }
    parts
}

/// Of which port all this is.
fn port_name(case: &Case<'_>) -> String {
    let protocol = protocol_name(case);
    match case.question.address {
        None => format!("{protocol} port {}", case.question.port),
        Some(address) => format!("{protocol} port {} on {address}", case.question.port),
    }
}

fn protocol_name(case: &Case<'_>) -> &'static str {
    if case.question.protocol == Protocol::Udp { "UDP" } else { "TCP" }
}

fn listens(case: &Case<'_>, row: usize) -> bool {
    case.socket(row).is_some_and(|socket| kind(socket) == Kind::Listener)
}

fn pids(socket: &Socket) -> Vec<u32> {
    socket.owners.processes().iter().map(|owner| owner.process.pid).collect()
}

/// `127.0.0.1:8080`, with the interface where a socket is bound to one.
fn place(row: &Row<'_>) -> String {
    let local = row.socket.key.local;
    match row.socket.interface {
        Some(_) => match row.snapshot().interface(row.socket) {
            Some(name) => format!("{} (interface {name} only)", endpoint(local)),
            None => endpoint(local),
        },
        None => endpoint(local),
    }
}

/// Without the zone: interfaces are named beside.
fn endpoint(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.to_string(),
        SocketAddr::V6(v6) => format!("[{}]:{}", v6.ip(), v6.port()),
    }
}

fn places(case: &Case<'_>, rows: &[usize]) -> String {
    let each: BTreeSet<String> = rows.iter().filter_map(|row| case.row(*row)).map(|row| place(&row)).collect();
    listed(each.into_iter().collect())
}

/// `a, b and c`, or `a, b, c and 7 more`.
fn listed(mut each: Vec<String>) -> String {
    if each.len() > NAMED + 1 {
        let more = each.len() - NAMED;
        each.truncate(NAMED);
        each.push(format!("{more} more"));
    }
    match each.pop() {
        Some(last) if each.is_empty() => last,
        Some(last) => format!("{} and {last}", each.join(", ")),
        None => String::new(),
    }
}

/// The owners of a socket, or why there are none.
fn who(case: &Case<'_>, row: &Row<'_>) -> String {
    let snapshot = row.snapshot();
    match &row.socket.owners {
        Owners::Processes(owners) => {
            let each = owners.iter().map(|owner| match snapshot.process(owner.process) {
                Some(process) => described(row, process, snapshot.service(row.socket, owner)),
                None => format!("process {}", owner.process.pid),
            });
            listed(each.collect())
        }
        Owners::Nobody(NoOwner::NeedsRoot) if case.facts.may_look_into_all => match snapshot.user(row.socket) {
            Some(user) => format!("a process of user {user}, into which the system lets nobody look from here,"),
            None => "a process into which the system lets nobody look from here".to_owned(),
        },
        Owners::Nobody(reason) => nobody(*reason, snapshot.user(row.socket)),
    }
}

/// `nginx (pid 12, user root, /usr/sbin/nginx, service nginx.service, since ...)`.
fn described(row: &Row<'_>, process: &Process, service: Option<&str>) -> String {
    let mut facts = vec![format!("pid {}", process.id.pid)];
    facts.extend(process.user.as_ref().map(|user| format!("user {user}")));
    facts.extend(process.path.as_ref().map(|path| path.to_string_lossy().into_owned()));
    facts.extend(service.map(|service| format!("service {service}")));
    facts.extend(process.container.as_ref().map(|container| format!("container {container}")));
    facts.extend(process.id.started.and_then(|started| since(started, row.snapshot().taken)));
    let name = if process.name.is_empty() { "a process" } else { &process.name };
    format!("{name} ({})", facts.join(", "))
}

/// `running since 2026-11-25 02:10:04 UTC (31 minutes)`.
fn since(started: Timestamp, now: Timestamp) -> Option<String> {
    let time = jiff::Timestamp::from_microsecond(started.as_micros()).ok()?;
    Some(format!("running since {} UTC, {}", time.strftime("%Y-%m-%d %H:%M:%S"), duration(now.micros_since(started))))
}

fn duration(micros: u64) -> String {
    let seconds = micros.div_ceil(1_000_000);
    let (number, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

fn nobody(reason: NoOwner, user: Option<&str>) -> String {
    match reason {
        NoOwner::NeedsRoot => match user {
            Some(user) => format!("a process of user {user}, which only root may see,"),
            None => "a process that only root may see".to_owned(),
        },
        NoOwner::Kernel => "the kernel itself".to_owned(),
        NoOwner::OtherNamespace => "a process outside of this PID namespace".to_owned(),
        NoOwner::Exited => "a process that ended while we looked".to_owned(),
        NoOwner::InFlight => "nobody yet (its descriptor waits in an unread message between two processes)".to_owned(),
        NoOwner::IoUring => "an io_uring ring, of a process that can't be told,".to_owned(),
        NoOwner::Orphan => "no process any more".to_owned(),
        _ => match user {
            Some(user) => format!("a process of user {user} that can't be told"),
            None => "a process that can't be told".to_owned(),
        },
    }
}

/// Several sockets at one place.
fn groups(case: &Case<'_>, finding: &Finding) -> Option<String> {
    let mut places: Vec<(SocketAddr, Option<u32>, usize)> = Vec::new();
    for socket in finding.rows.iter().filter_map(|row| case.socket(*row)) {
        let place = (socket.key.local, socket.interface);
        match places.iter_mut().find(|(local, interface, _)| (*local, *interface) == place) {
            Some((.., count)) => *count += 1,
            None => places.push((place.0, place.1, 1)),
        }
    }
    let shared: Vec<String> = places
        .iter()
        .filter(|(.., count)| *count > 1)
        .map(|(local, _, count)| format!("{count} sockets share {}", endpoint(*local)))
        .collect();
    if shared.is_empty() {
        return None;
    }
    let how = match (case.is_windows(), case.question.protocol) {
        (true, _) => "SO_REUSEADDR: all of them asked for it",
        (_, Protocol::Udp) => "SO_REUSEPORT or SO_REUSEADDR: all of them asked for it",
        _ => "SO_REUSEPORT: by design, all of them asked for it, and the kernel spreads connections over them",
    };
    Some(format!("{} by {how}", listed(shared)))
}

fn owners_note(case: &Case<'_>, finding: &Finding) -> Option<String> {
    let most = finding.rows.iter().filter_map(|row| case.socket(*row)).map(|it| it.owners.processes().len()).max()?;
    (most > 1).then(|| format!("A socket is shared by {most} processes, and stays until the last of them closes it"))
}

/// What of the two families is taken.
fn families_note(case: &Case<'_>, finding: &Finding) -> Option<String> {
    if case.is_windows() {
        return None;
    }
    let sockets = || finding.rows.iter().filter_map(|row| case.socket(*row));
    let any = |family: Family| sockets().any(|it| it.family() == family);
    let dual = |socket: &Socket| {
        socket.family() == Family::Ipv6 && socket.key.local.ip().is_unspecified() && socket.only_ipv6 == Some(false)
    };
    if sockets().any(dual) {
        return Some(
            "The IPv6 socket serves IPv4 as well (IPV6_V6ONLY is off), so the port is taken for both".to_owned(),
        );
    }
    match (any(Family::Ipv4), any(Family::Ipv6)) {
        (true, true) => Some("It is taken for both IPv4 and IPv6".to_owned()),
        (true, false) if case.question.address.is_none() => {
            Some("An IPv6 socket of its own (IPV6_V6ONLY) can still have it".to_owned())
        }
        (false, true) if sockets().all(|it| it.only_ipv6 == Some(true)) && case.question.address.is_none() => {
            Some("Over IPv4 it is not taken (IPV6_V6ONLY is on)".to_owned())
        }
        _ => None,
    }
}

fn exposure_note(case: &Case<'_>, finding: &Finding) -> Option<String> {
    let sockets = finding.rows.iter().filter_map(|row| case.socket(*row));
    Some(
        match sockets.filter_map(|it| it.exposure).max()? {
            Exposure::Loopback => "Only this machine can reach it",
            Exposure::Host => "It can be reached on the addresses named, not on all of this machine",
            Exposure::Any => "It can be reached on every address of this machine",
            _ => return None,
        }
        .to_owned(),
    )
}

/// The accept queue, where it is full (Linux sk_acceptq_is_full: above the limit).
fn queue_note(case: &Case<'_>, finding: &Finding) -> Option<String> {
    if case.question.protocol != Protocol::Tcp {
        return None;
    }
    let queues = finding.rows.iter().filter_map(|row| case.socket(*row)?.queues);
    let full =
        queues.filter_map(|it| Some((it.receive, it.send?))).find(|(waiting, limit)| *limit > 0 && waiting > limit);
    full.map(|(waiting, limit)| {
        format!(
            "Its accept queue is full ({waiting} connections wait, {limit} are allowed): the program does not accept them, and \
             new ones are dropped"
        )
    })
}

/// A UDP socket may have it by chance.
fn chance_note(case: &Case<'_>) -> Option<String> {
    let (low, high) = case.facts.ephemeral?;
    let by_chance = case.question.protocol == Protocol::Udp && (low..=high).contains(&case.question.port);
    by_chance.then(|| {
        format!("The port lies in the range that the system gives to clients ({low} to {high}), so it may have got it by chance")
    })
}

/// What makes the port free.
fn release(case: &Case<'_>, finding: &Finding) -> String {
    let rows = || finding.rows.iter().filter_map(|row| case.row(*row));
    let hidden = rows().any(|row| row.socket.owners.reason() == Some(NoOwner::NeedsRoot));
    if hidden && case.facts.may_look_into_all {
        return "Root does not see more from here: it is in another user namespace, or a security module guards it; look from outside of \
                this container or sandbox. Or give your program another port."
            .to_owned();
    }
    if hidden {
        return format!("`sudo sockscope why {}` names the process.", argument(case));
    }
    let nobody_can_be_told = |row: Row<'_>| {
        row.socket
            .owners
            .reason()
            .is_some_and(|reason| !matches!(reason, NoOwner::Kernel | NoOwner::Exited | NoOwner::Orphan))
    };
    if rows().all(nobody_can_be_told) {
        return "Which process to end can't be told from here; give your program another port.".to_owned();
    }
    let processes: Vec<&Process> = rows().flat_map(|row| row.processes()).collect();
    let mut containers: Vec<&str> = processes.iter().filter_map(|it| it.container.as_deref()).collect();
    containers.dedup();
    if let [container] = containers.as_slice() {
        return format!("To free it: `docker stop {container}`, or whatever runs that container.");
    }
    let mut services: Vec<&str> = rows()
        .flat_map(|row| {
            let snapshot = row.snapshot();
            let services = row.socket.owners.processes().iter().map(move |owner| snapshot.service(row.socket, owner));
            services.flatten().collect::<Vec<_>>()
        })
        // Stopping that ends all that the user does.
        .filter(|service| !service.starts_with("user@"))
        .collect();
    services.sort_unstable();
    services.dedup();
    let systemd = processes.iter().any(|it| it.id.pid == 1 && it.name == "systemd");
    if systemd {
        return "systemd holds it for a service: `systemctl list-sockets` names the unit, `systemctl stop NAME.socket` frees it."
            .to_owned();
    }
    let kill = format!("`sockscope kill '{}'`", filter(case));
    if rows().all(|row| row.socket.owners.reason() == Some(NoOwner::Kernel)) {
        return "No process can be ended to free it: it belongs to something in the kernel (NFS, WireGuard, VXLAN, ...), which \
                has to be switched off."
            .to_owned();
    }
    let mut pids: Vec<u32> = processes.iter().map(|it| it.id.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let what = match pids.len() {
        0 | 1 => "the process",
        2 => "both processes",
        _ => "all of these processes",
    };
    match services.as_slice() {
        [service] if case.is_windows() => format!("To free it: `net stop {service}`; {kill} ends {what}."),
        [service] => {
            format!("To free it: `systemctl stop {service}`; {kill} ends {what}, which the service may start again.")
        }
        _ => format!("To free it: {kill} ends {what} and asks first; or give your program another port."),
    }
}

/// What was typed behind `why`.
fn argument(case: &Case<'_>) -> String {
    let udp = if case.question.protocol == Protocol::Udp { " --udp" } else { "" };
    match case.question.address {
        Some(address) => format!("{}{udp}", endpoint(SocketAddr::new(address, case.question.port))),
        None => format!("{}{udp}", case.question.port),
    }
}

/// A filter for the sockets that hold the port.
fn filter(case: &Case<'_>) -> String {
    let protocol = case.question.protocol.name();
    format!("{protocol} and listening and sport = :{}", case.question.port)
}

/// Connections keep it though nobody listens, and it is none that the system gives to clients.
fn left_over(case: &Case<'_>, finding: &Finding) -> Parts {
    let parts = vec![
        format!("Nobody listens on {}, but {}", port_name(case), connections(case, &finding.rows)),
        "Either the listener has closed and its connections go on, or a client asked for this very port. bind fails unless both \
         the holder and your program set SO_REUSEADDR"
            .to_owned(),
    ];
    (parts, format!("End the connections: {}; or end the process.", close(case, "connected")))
}

/// `curl (...) has it in a connection: 10.0.0.5:44312 to 1.1.1.1:443, established`.
fn connections(case: &Case<'_>, rows: &[usize]) -> String {
    let Some(row) = rows.first().and_then(|row| case.row(*row)) else { return String::new() };
    let what = connection(&row);
    let name = who(case, &row);
    let mut text = format!("{name} has it as its end of a connection: {what}");
    if rows.len() > 1 {
        text.push_str(&format!(" (and {} more)", rows.len() - 1));
    }
    text
}

fn connection(row: &Row<'_>) -> String {
    let key = row.socket.key;
    let mut text = endpoint(key.local);
    if let Some(remote) = key.remote {
        text.push_str(&format!(" to {}", endpoint(remote)));
    }
    if let Some(state) = row.socket.state {
        text.push_str(&format!(", {state}"));
    }
    text
}

fn close(case: &Case<'_>, states: &str) -> String {
    let sudo = if case.is_windows() { "" } else { "sudo " };
    format!("`{sudo}sockscope close 'state {states} and sport = :{}'`", case.question.port)
}

fn http_sys(case: &Case<'_>) -> Parts {
    let mut parts = vec![format!(
        "{} is held by Windows itself: http.sys (the System process, pid 4) serves it for some program or service, which shows in \
         no list of sockets",
        port_name(case)
    )];
    match &case.facts.http_urls {
        Some(urls) if !urls.is_empty() => parts.push(format!("It serves {}", listed(urls.clone()))),
        Some(_) => {}
        None => parts.push("Which, could not be asked".to_owned()),
    }
    let advice =
        "`netsh http show servicestate` (as administrator) names the process of each URL; IIS (W3SVC), WinRM and SQL \
                  Server Reporting Services are the usual ones."
            .to_owned();
    (parts, advice)
}

/// A docker-proxy listens.
fn proxied(case: &Case<'_>, finding: &Finding) -> Parts {
    let mut parts = holders(case, &finding.rows);
    if let Some(first) = parts.first_mut() {
        *first = first.replacen(" is held:", " is held for Docker, which publishes it:", 1);
    }
    let target = case.facts.proxies.iter().find_map(|it| it.container);
    match target {
        Some(target) => parts.push(format!("It carries the port into a container, to {}", endpoint(target))),
        None => parts.push("It carries the port into a container".to_owned()),
    }
    parts.extend(behind(case, finding));
    parts.extend(exposure_note(case, finding));
    (parts, docker(case))
}

fn docker(case: &Case<'_>) -> String {
    format!(
        "`docker ps --filter publish={}` names the container, `docker stop NAME` frees the port; or publish another one (docker \
         run -p).",
        case.question.port
    )
}

/// Who listens behind a rule or a proxy.
fn behind(case: &Case<'_>, finding: &Finding) -> Option<String> {
    let row = finding.abroad.first()?;
    let name = who(case, &case.row(*row)?);
    let namespace = case.namespace_of(*row).map(namespace_name).unwrap_or_default();
    Some(format!("There {name} listens, in {namespace}"))
}

/// Rules lead it into a container.
fn redirected(case: &Case<'_>, finding: &Finding) -> Parts {
    let port = port_name(case);
    let mut parts = Vec::new();
    let rules: Vec<String> = case.facts.nat.iter().map(|rule| format!("{} {}", rule.place, target(rule))).collect();
    if let [rule] = rules.as_slice() {
        parts.push(format!("Nobody listens on {port} here, but a rule sends what comes for it elsewhere: {rule}"));
    } else if !rules.is_empty() {
        parts.push(format!(
            "Nobody listens on {port} here, but rules send what comes for it elsewhere: {}",
            listed(rules)
        ));
    } else {
        let proxy = case.facts.proxies.first().map_or(0, |proxy| proxy.pid);
        parts.push(format!(
            "Nobody listens on {port} here, but a docker-proxy (pid {proxy}) was started to carry it into a container"
        ));
    }
    parts.extend(behind(case, finding));
    parts.push("A program may bind the port here, but connections from outside do not reach it".to_owned());
    let advice = match case.facts.nat.first() {
        Some(rule) if rule.place.contains("DOCKER") => docker(case),
        Some(rule) => {
            let place = rule.place.split(' ').collect::<Vec<_>>();
            // `chain NAME of table FAMILY NAME`.
            match place.as_slice() {
                ["chain", chain, "of", "table", family, table] => format!(
                    "`sudo nft -a list chain {family} {table} {chain}` shows the rule (iptables -t nat -S, where that made it); \
                     delete it, or stop the container that it belongs to."
                ),
                _ => docker(case),
            }
        }
        None => docker(case),
    };
    (parts, advice)
}

fn target(rule: &sockscope_model::NatRule) -> String {
    let only = rule.address.map_or_else(String::new, |address| format!(", for {address} only,"));
    match (rule.to_address, rule.to_port) {
        (Some(address), Some(port)) => format!("leads{only} to {}", endpoint(SocketAddr::new(address, port))),
        (Some(address), None) => format!("leads{only} to {address}"),
        (None, Some(port)) => format!("leads{only} to port {port} of this machine"),
        (None, None) => format!("gives it{only} another destination"),
    }
}

fn other_family(case: &Case<'_>, finding: &Finding) -> Parts {
    let asked = case.question.address.map_or(Family::Ipv4, |it| Family::of(&it));
    let mut parts = holders(case, &finding.rows);
    let has = match asked {
        Family::Ipv4 => Family::Ipv6,
        Family::Ipv6 => Family::Ipv4,
    };
    if let Some(first) = parts.first_mut() {
        let wanted = format!("{} is held:", port_name(case));
        let replaced = format!(
            "No {} socket has {}, but one of {} keeps it:",
            family_name(asked),
            port_name(case),
            family_name(has)
        );
        *first = first.replacen(&wanted, &replaced, 1);
    }
    if asked == Family::Ipv4 {
        let known = finding.rows.iter().filter_map(|row| case.socket(*row)).any(|it| it.only_ipv6 == Some(false));
        parts.push(if known {
            "[::] without IPV6_V6ONLY takes the port for IPv4 as well, on every address".to_owned()
        } else {
            "[::] takes the port for IPv4 as well, unless its program set IPV6_V6ONLY, which can't be seen here"
                .to_owned()
        });
        parts.extend(exposure_note(case, finding));
        let advice = format!(
            "Have that program bind with IPV6_V6ONLY (nginx: `listen [::]:{0} ipv6only=on`), or end it: `sockscope kill '{1}'`.",
            case.question.port,
            filter(case)
        );
        return (parts, advice);
    }
    parts.push("A socket on [::] takes the port for IPv4 as well, which fails, unless it sets IPV6_V6ONLY".to_owned());
    parts.extend(exposure_note(case, finding));
    let advice = format!(
        "Set IPV6_V6ONLY in your program (nginx: `listen [::]:{0} ipv6only=on`): then both can have it. Or end the other: \
         `sockscope kill '{1}'`.",
        case.question.port,
        filter(case)
    );
    (parts, advice)
}

fn bound(case: &Case<'_>, finding: &Finding) -> Parts {
    let rows = || finding.rows.iter().filter_map(|row| case.row(*row));
    let who = rows().next().map_or_else(String::new, |row| self::who(case, &row));
    let places = places(case, &finding.rows);
    let mut parts = vec![format!(
        "Nobody listens on {}, but {who} has bound {places}, and neither listens nor connects",
        port_name(case)
    )];
    if finding.rows.len() > 1 {
        parts.push(format!("{} sockets do so", finding.rows.len()));
    }
    parts.push("Most tools do not show such sockets. bind fails unless both set SO_REUSEADDR".to_owned());
    let hidden = rows().any(|row| row.socket.owners.reason() == Some(NoOwner::NeedsRoot));
    let advice = if hidden {
        format!("`sudo sockscope why {}` names the process.", argument(case))
    } else {
        format!(
            "A program that is still starting listens in a moment; one that hangs is ended by `sockscope kill 'state bound and \
             sport = :{}'`.",
            case.question.port
        )
    };
    (parts, advice)
}

fn ephemeral(case: &Case<'_>, finding: &Finding) -> Parts {
    let mut parts = vec![format!("Nobody listens on {}, but {}", port_name(case), connections(case, &finding.rows))];
    if let Some((low, high)) = case.facts.ephemeral {
        let where_from = if case.is_windows() { "its dynamic range" } else { "net.ipv4.ip_local_port_range" };
        parts.push(format!(
            "The port lies in the range that the system gives to clients ({low} to {high}, {where_from}), and this client got it; \
             until its connection ends, bind fails, with SO_REUSEADDR as well"
        ));
    }
    let range = match case.is_windows() {
        true => format!(
            "`netsh int ipv4 add excludedportrange protocol={} startport={} numberofports=1` keeps it from clients for good, once \
             it is free",
            case.question.protocol.name(),
            case.question.port
        ),
        false => format!(
            "adding it to net.ipv4.ip_local_reserved_ports (`sysctl -w net.ipv4.ip_local_reserved_ports={}`, behind what is there \
             already) keeps it from clients for good",
            case.question.port
        ),
    };
    let advice = format!("Now: {} ends the connection, not the program. Then: {range}.", close(case, "connected"));
    (parts, advice)
}

fn time_wait(case: &Case<'_>, finding: &Finding) -> Parts {
    let sockets = || finding.rows.iter().filter_map(|row| case.socket(*row));
    let count = finding.rows.len();
    let first = finding.rows.first().and_then(|row| case.row(*row));
    let example = first.map_or_else(String::new, |row| connection(&row));
    let states: BTreeSet<String> =
        sockets().filter_map(|it| it.state).map(|it| it.to_string().to_uppercase()).collect();
    let states = listed(states.into_iter().collect());
    let left = sockets().filter_map(|it| it.timer).map(|it| it.expires_us).max();
    let is_last = sockets().all(|it| it.state == Some(State::TimeWait));
    let mut parts = vec![match count {
        1 => format!(
            "No process has {} any more, but a connection that is over still keeps it ({states}): {example}",
            port_name(case)
        ),
        _ => format!(
            "No process has {} any more, but {count} connections that are over still keep it ({states}), such as {example}",
            port_name(case)
        ),
    }];
    if let (Some(left), true) = (left, is_last) {
        parts.push(format!("The last of it is gone in {}", duration(left)));
    }
    if case.is_windows() {
        parts.push("Most programs can bind the port all the same".to_owned());
    } else {
        parts.push(
            "Until then bind fails, unless your program sets SO_REUSEADDR and the one that had the port had set it too (most servers \
             do)"
                .to_owned(),
        );
    }
    let now = if case.is_windows() { String::new() } else { format!("; {} ends them now", close(case, "time-wait")) };
    let advice = format!("Wait, or set SO_REUSEADDR (setsockopt, SOL_SOCKET) before bind{now}.");
    (parts, advice)
}

fn excluded(case: &Case<'_>) -> Parts {
    let (first, last) = case.facts.excluded.unwrap_or((case.question.port, case.question.port));
    let protocol = case.question.protocol.name();
    let parts = vec![format!(
        "Nobody has {}, but it lies in a range that Windows keeps everyone from ({first} to {last}), so bind fails with WSAEACCES \
         (10013). Hyper-V, WSL, Docker and WinNAT reserve such ranges when they start, and administrators do",
        port_name(case)
    )];
    let count = u32::from(last).saturating_sub(u32::from(first)) + 1;
    let advice = format!(
        "As administrator: `net stop winnat`, start your program, `net start winnat`; or, for one that an administrator made (marked \
         * in `netsh int ipv4 show excludedportrange protocol={protocol}`): `netsh int ipv4 delete excludedportrange \
         protocol={protocol} startport={first} numberofports={count}`."
    );
    (parts, advice)
}

fn privileged(case: &Case<'_>) -> Parts {
    let below = case.facts.privileged_below.unwrap_or(1024);
    let mut parts = vec![
        format!(
            "Nobody has {}, but ports below {below} take a privilege that this user does not have (CAP_NET_BIND_SERVICE), so bind \
             fails with \"Permission denied\"",
            port_name(case)
        ),
        "The limit is net.ipv4.ip_unprivileged_port_start".to_owned(),
    ];
    if !case.facts.nat.is_empty() {
        parts.push("A rule also sends what comes for it elsewhere (`sudo sockscope why` shows it)".to_owned());
    }
    let advice = format!(
        "Give your program the privilege: `sudo setcap cap_net_bind_service=+ep /path/to/program`, or \
         AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit; or, for everybody: `sudo sysctl -w \
         net.ipv4.ip_unprivileged_port_start={}`; or take a port from {below} on.",
        case.question.port
    );
    (parts, advice)
}

/// `network namespace web`, or whose it is.
fn namespace_name(namespace: &ForeignNamespace) -> String {
    match (&namespace.name, namespace.pid) {
        (Some(name), _) => format!("network namespace {name}"),
        (None, Some(pid)) => format!("the network namespace of process {pid}"),
        (None, None) => "another network namespace".to_owned(),
    }
}

fn other_namespace(case: &Case<'_>, finding: &Finding) -> Parts {
    let mut parts = Vec::new();
    let mut places = Vec::new();
    for row in &finding.rows {
        let (Some(row), Some(namespace)) = (case.row(*row), case.namespace_of(*row)) else { continue };
        let verb = if row.socket.key.protocol == Protocol::Udp { "has" } else { "listens on" };
        let socket = place(&row);
        let who = who(case, &row);
        places.push(format!("{who} {verb} {socket} in {}", namespace_name(namespace)));
    }
    parts.push(format!(
        "In this network namespace nobody has {}, and it can be bound here; but {}",
        port_name(case),
        listed(places)
    ));
    parts.push(
        "Each namespace has ports of its own: that listener is not reached by the addresses of this one".to_owned(),
    );
    if !case.facts.nat.is_empty() || !case.facts.proxies.is_empty() {
        let rules: Vec<String> = case.facts.nat.iter().map(|rule| format!("{} {}", rule.place, target(rule))).collect();
        let rules = if rules.is_empty() { "a docker-proxy carries it".to_owned() } else { listed(rules) };
        parts.push(format!("And what comes for it from outside is sent elsewhere: {rules}"));
    }
    let port = case.question.port;
    let namespace = finding.rows.first().and_then(|row| case.namespace_of(*row));
    let kept = namespace.filter(|it| it.pid.is_none());
    let advice = match (namespace, kept) {
        (_, Some(ForeignNamespace { name: Some(name), .. })) => {
            format!("Look there: `sudo ip netns exec {name} sockscope why {port}`.")
        }
        (Some(ForeignNamespace { pid: Some(pid), .. }), _) => {
            format!("Look there: `sudo nsenter --net --target {pid} sockscope why {port}`.")
        }
        _ => format!(
            "Bind it here, or look there: `lsns -t net` lists the namespaces; then `sockscope why {port}` in each."
        ),
    };
    (parts, advice)
}

fn reserved(case: &Case<'_>) -> Parts {
    let parts = vec![
        format!("Nobody has {}, and a program that binds it gets it", port_name(case)),
        "It is reserved (net.ipv4.ip_local_reserved_ports): the system never gives it to clients, nor to programs that leave the \
         choice to it, so that it stays free for the program that it is meant for"
            .to_owned(),
    ];
    let advice = "Nothing stands against it: bind it. `sysctl net.ipv4.ip_local_reserved_ports` shows the reservation."
        .to_owned();
    (parts, advice)
}

fn free(case: &Case<'_>) -> Parts {
    let mut parts = vec![format!(
        "{} is free: nobody has it, and nothing that is known keeps it from being bound",
        port_name(case)
    )];
    if case.is_privileged() {
        let below = case.facts.privileged_below.unwrap_or(1024);
        parts.push(format!(
            "Ports below {below} take a privilege (CAP_NET_BIND_SERVICE), which you have; others may not"
        ));
    }
    let advice = match case.attempts {
        None => format!(
            "Start your program. Should its bind fail, `sockscope why {} --probe` tries it and shows the answer.",
            argument(case)
        ),
        Some(_) => "Start your program.".to_owned(),
    };
    (parts, advice)
}

/// The address is not one of this machine.
fn unknown(case: &Case<'_>) -> Parts {
    let address = case.question.address.map_or_else(String::new, |it| it.to_string());
    if case.question.address.is_some_and(|it| it.is_loopback()) {
        let parts = vec![format!(
            "{address} belongs to every machine, but here (in this network namespace) the loopback interface is down, so nobody can \
             be reached by {}",
            port_name(case)
        )];
        return (parts, "`sudo ip link set lo up` brings it up; then ask again.".to_owned());
    }
    let parts = vec![format!(
        "{address} is no address of this machine, so nothing here can hold {}, and bind fails with \"Cannot assign requested \
         address\"",
        port_name(case)
    )];
    (
        parts,
        "Take an address that `ip address` lists (`ipconfig` on Windows), or 0.0.0.0 or [::] for all of them."
            .to_owned(),
    )
}

/// Parts as sentences.
fn sentences(parts: &[String]) -> String {
    let mut text = String::new();
    for part in parts.iter().map(|it| it.trim()).filter(|it| !it.is_empty()) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(part.trim_end_matches(','));
        text.push('.');
    }
    text
}

fn push_unseen(case: &Case<'_>, text: &mut String) {
    let clauses: Vec<&str> = case.unseen.into_iter().chain(case.facts.unknown.iter().map(String::as_str)).collect();
    if !clauses.is_empty() {
        text.push_str(&format!(" What is not known: {}.", clauses.join("; ")));
    }
}

/// What bind answered.
fn push_attempts(case: &Case<'_>, text: &mut String) {
    let Some(attempts) = case.attempts else { return };
    let said = |attempt: &BindAttempt| match &attempt.error {
        None => "succeeds".to_owned(),
        Some(error) => format!("fails ({})", error.text),
    };
    let mut addresses: Vec<SocketAddr> = attempts.iter().map(|attempt| attempt.local).collect();
    addresses.dedup();
    for local in addresses {
        let of = |reuse: bool| attempts.iter().find(|it| it.local == local && it.reuse_address == reuse).map(said);
        let place = endpoint(local);
        text.push_str(&match (of(false), of(true)) {
            (Some(plain), Some(reuse)) if plain == reuse => {
                format!(" Tried: bind to {place} {plain}, with SO_REUSEADDR and without.")
            }
            (Some(plain), Some(reuse)) => format!(" Tried: bind to {place} {plain}; with SO_REUSEADDR it {reuse}."),
            (Some(plain), None) | (None, Some(plain)) => format!(" Tried: bind to {place} {plain}."),
            (None, None) => String::new(),
        });
    }
}
