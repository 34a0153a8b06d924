//! On a quiet machine, the program shows what the real `ss` shows: rows, owners, and what the filters of its manual page select.
//!
//! Needs root, for a network namespace in which nothing else happens, and `ss`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what can't be made or is not there is a failed test"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use sockscope_testkit::Running;

/// Protocol, state, local and remote end as text: `tcp established 127.0.0.1 80 127.0.0.1 40000`.
type Row = String;

struct Quiet {
    scenario: Running,
}

impl Quiet {
    fn new() -> Option<Quiet> {
        let has_ss = Command::new("ss").arg("-V").output().is_ok();
        if !rustix::process::geteuid().is_root() || !has_ss {
            eprintln!("needs root and ss");
            return None;
        }
        Some(Quiet { scenario: Running::start(&["--netns", "varied"]).unwrap() })
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.scenario.command(program).unwrap().args(arguments).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn sockscope(&self, filter: &[&str]) -> BTreeSet<Row> {
        let mut arguments = vec!["--json", "--no-owners"];
        arguments.extend(filter);
        let text = self.run(env!("CARGO_BIN_EXE_sockscope"), &arguments);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        document["sockets"]
            .as_array()
            .unwrap()
            .iter()
            // ss 6.1 does not know sockets that are bound and no more.
            .filter(|socket| socket["state"] != "bound")
            .map(row_of)
            .collect()
    }

    fn ss(&self, filter: &[&str]) -> BTreeSet<Row> {
        // Without a state, `ss` leaves listeners out unless it is told not to.
        let states = if filter.iter().any(|word| matches!(*word, "state" | "exclude")) { "-tun" } else { "-tuna" };
        let mut arguments = vec!["-H", states];
        arguments.extend(filter);
        self.run("ss", &arguments).lines().map(|line| ss_row(line).0).collect()
    }
}

fn row_of(socket: &serde_json::Value) -> Row {
    let end = |end: &serde_json::Value| match end {
        serde_json::Value::Null => "-".to_owned(),
        end => format!("{} {}", end["address"].as_str().unwrap(), end["port"]),
    };
    let (local, remote) = (end(&socket["local"]), end(&socket["remote"]));
    format!("{} {} {local} {remote}", socket["protocol"].as_str().unwrap(), socket["state"].as_str().unwrap_or("-"))
}

/// A line of `ss -H -tun`, and its owners as `name pid fd`.
fn ss_row(line: &str) -> (Row, BTreeSet<String>) {
    let mut words: Vec<&str> = line.split_ascii_whitespace().collect();
    // Where a filter leaves one state, `ss` leaves out its column.
    if words[1].bytes().all(|byte| byte.is_ascii_digit()) {
        words.insert(1, "?");
    }
    let [protocol, state, _, _, local, remote, ..] = words[..] else { panic!("{line}") };
    let state = match (protocol, state) {
        ("udp", _) => "-",
        (_, "ESTAB") => "established",
        (_, "SYN-SENT") => "syn-sent",
        (_, "SYN-RECV") => "syn-received",
        (_, "FIN-WAIT-1") => "fin-wait-1",
        (_, "FIN-WAIT-2") => "fin-wait-2",
        (_, "TIME-WAIT") => "time-wait",
        (_, "UNCONN") => "closed",
        (_, "CLOSE-WAIT") => "close-wait",
        (_, "LAST-ACK") => "last-ack",
        (_, "LISTEN") => "listen",
        (_, "CLOSING") => "closing",
        (_, "?") => "?",
        _ => panic!("{line}"),
    };
    // `[fe80::1]%lo:80`, `127.0.0.1%lo:80`, `*:80` for all addresses of both families.
    let end = |text: &str| {
        let (address, port) = text.rsplit_once(':').unwrap();
        let address = address.split('%').next().unwrap().trim_start_matches('[').trim_end_matches(']');
        if port == "*" {
            return "-".to_owned();
        }
        format!("{} {port}", if address == "*" { "::" } else { address })
    };
    let mut owners = BTreeSet::new();
    if let Some(users) = line.split("users:((").nth(1) {
        for user in users.trim_end().trim_end_matches("))").split("),(") {
            let (name, rest) = user.trim_start_matches('"').split_once("\",pid=").unwrap();
            let (pid, fd) = rest.split_once(",fd=").unwrap();
            owners.insert(format!("{name} {pid} {fd}"));
        }
    }
    (format!("{protocol} {state} {} {}", end(local), end(remote)), owners)
}

/// Without the state.
fn ends(rows: BTreeSet<Row>) -> BTreeSet<Row> {
    rows.into_iter()
        .map(|row| {
            let mut words: Vec<&str> = row.split(' ').collect();
            words.remove(1);
            words.join(" ")
        })
        .collect()
}

fn assert_same(what: &str, ours: &BTreeSet<Row>, theirs: &BTreeSet<Row>) {
    let missing: Vec<_> = theirs.difference(ours).collect();
    let more: Vec<_> = ours.difference(theirs).collect();
    assert!(missing.is_empty() && more.is_empty(), "{what}: ss alone has {missing:#?}, sockscope alone {more:#?}");
}

#[test]
fn the_same_sockets() {
    let Some(quiet) = Quiet::new() else { return };
    let (ours, theirs) = (quiet.sockscope(&[]), quiet.ss(&[]));
    assert!(theirs.len() > 200, "{}", theirs.len());
    assert_same("all", &ours, &theirs);
}

#[test]
fn the_same_owners() {
    let Some(quiet) = Quiet::new() else { return };
    let text = quiet.run(env!("CARGO_BIN_EXE_sockscope"), &["--json"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ours: BTreeSet<String> = document["sockets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|socket| socket["state"] != "bound")
        .map(|socket| {
            let owners: BTreeSet<String> = socket["owners"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|owner| {
                    let name = owner["name"].as_str().unwrap();
                    let of = move |fd: &serde_json::Value| format!("{name} {} {fd}", owner["pid"]);
                    owner["fds"].as_array().unwrap().iter().map(of)
                })
                .collect();
            format!("{} {owners:?}", row_of(socket))
        })
        .collect();
    let theirs: BTreeSet<String> = quiet
        .run("ss", &["-H", "-tunap"])
        .lines()
        .map(|line| {
            let (row, owners) = ss_row(line);
            format!("{row} {owners:?}")
        })
        .collect();
    assert!(theirs.len() > 200 && theirs.iter().any(|row| row.contains("sockscope-testk")));
    assert_same("owners", &ours, &theirs);
}

/// The examples of the manual page that are about TCP and UDP, as they stand there and with what exists here in place of
/// what existed there, and the forms that its grammar section lists.
#[test]
fn the_same_rows_by_filter() {
    let Some(quiet) = Quiet::new() else { return };
    let port = |state: &str, local: bool| {
        let made = quiet.scenario.report.sockets.iter().find(|made| made.state.as_deref() == Some(state)).unwrap();
        if local { made.local.port } else { made.remote.as_ref().unwrap().port }
    };
    let listening = format!(":{}", port("listen", true));
    let established = format!(":{}", port("established", true));
    let (http, fin_wait) = (format!("sport = {listening}"), format!("sport = :{}", port("fin-wait-1", true)));
    let examples: Vec<Vec<String>> = [
        "state established ( dport = :ssh or sport = :ssh )".to_owned(),
        "state fin-wait-1 ( sport = :http or sport = :https ) dst 193.233.7/24".to_owned(),
        format!("state established ( dport = {established} or sport = {established} )"),
        format!("state fin-wait-1 ( {fin_wait} or {http} ) dst 127.0.0/24"),
        format!("state fin-wait-1 ( {fin_wait} or {http} )"),
        "state all".into(),
        "state connected".into(),
        "state synchronized".into(),
        "state bucket".into(),
        "state big".into(),
        "state listening".into(),
        "state unconnected".into(),
        "state time-wait state syn-recv".into(),
        "state connected exclude established".into(),
        "exclude listening".into(),
        "exclude bucket".into(),
        "state established dst 127.0.0.1".into(),
        "src 127.0.0.1".into(),
        "src = 127.0.0.1".into(),
        "src 127/8".into(),
        "src inet:127.0.0.1".into(),
        "src [::1]".into(),
        "dst [::1]".into(),
        "not src 127.0.0.1".into(),
        "dst 0.0.0.0/0".into(),
        format!("src {listening}"),
        format!("src 127.0.0.1{listening}"),
        format!("src *{listening}"),
        format!("sport {}", &listening[1..]),
        format!("sport eq {listening}"),
        format!("sport != {listening}"),
        format!("sport gt {listening}"),
        format!("sport le {listening}"),
        format!("dport >= {established}"),
        format!("dport < {established} and sport > 1000"),
        format!("sport = {listening} | dport = {established}"),
        format!("sport = {listening} || dport = {established}"),
        format!("sport >= 1024 & dport = {established}"),
        format!("! ( sport = {listening} or dport = {established} )"),
        format!("not sport = {listening} and not dport = {established}"),
        "dev = lo".into(),
        "dev != lo".into(),
        "fwmark = 0".into(),
        "fwmark = 0x17/0xff".into(),
        "autobound and state established".into(),
    ]
    .into_iter()
    .map(|text| text.split(' ').map(str::to_owned).collect())
    .collect();
    let mut with_rows = 0;
    for words in &examples {
        // As one argument and as many, the manual's quotes being the shell's.
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words[0] == "autobound" {
            // `ss` takes states only in front.
            let theirs = ends(quiet.ss(&["state", "established", "autobound"]));
            assert_same("autobound", &ends(quiet.sockscope(&words)), &theirs);
            continue;
        }
        let theirs = ends(quiet.ss(&words));
        with_rows += usize::from(!theirs.is_empty());
        assert_same(&words.join(" "), &ends(quiet.sockscope(&words)), &theirs);
        assert_same(&words.join(" "), &ends(quiet.sockscope(&[&words.join(" ")])), &theirs);
    }
    assert!(with_rows + 8 > examples.len(), "only {with_rows} of {} filters select anything", examples.len());
}

/// An ordinary user gets the same rows; the owners of other users' sockets become a reason, and a notice says what would help.
#[test]
fn the_same_rows_for_an_ordinary_user() {
    let Some(quiet) = Quiet::new() else { return };
    // Where anybody may run it.
    let directory = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let program = directory.path().join("sockscope");
    std::fs::copy(env!("CARGO_BIN_EXE_sockscope"), &program).unwrap();
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", program.to_str().unwrap(), "--json"];
    let document: serde_json::Value = serde_json::from_str(&quiet.run("setpriv", &nobody)).unwrap();
    let sockets = document["sockets"].as_array().unwrap();
    let rows = sockets.iter().filter(|socket| socket["state"] != "bound").map(row_of).collect();
    assert_same("as nobody", &rows, &quiet.sockscope(&[]));
    for socket in sockets {
        let held = !socket["inode"].is_null();
        assert!(socket["owners"].as_array().unwrap().is_empty());
        assert_eq!(held, socket["no_owner"] == "needs-root", "{socket}");
    }
    let notices = document["notices"].as_array().unwrap();
    let notice = notices.iter().find(|notice| notice["code"] == "owners-need-root").unwrap();
    assert!(notice["message"].as_str().unwrap().contains("sudo"));

    // Rows that nobody can own lack nothing that root would see, unless the filter asks for owners.
    for (filter, expected) in [("state time-wait", false), ("process = nobody-has-it or state = time-wait", true)] {
        let words = [&nobody[..], &[filter]].concat();
        let document: serde_json::Value = serde_json::from_str(&quiet.run("setpriv", &words)).unwrap();
        let notices = document["notices"].as_array().unwrap();
        assert!(!document["sockets"].as_array().unwrap().is_empty());
        assert_eq!(notices.iter().any(|notice| notice["code"] == "owners-need-root"), expected, "{filter}");
    }
}

/// States that the filter begins with take the place of `-l`, as in `ss`.
#[test]
fn states_replace_the_flag_for_listeners() {
    let Some(quiet) = Quiet::new() else { return };
    for words in
        [&["state", "established"][..], &["exclude", "listening"], &["state", "listening", "state", "time-wait"], &[]]
    {
        let mut ours = vec!["-tl"];
        ours.extend(words);
        let mut theirs = vec!["-Htl", "-n"];
        theirs.extend(words);
        // With one protocol `ss` leaves out its column.
        let theirs = quiet.run("ss", &theirs);
        let theirs = theirs.lines().map(|line| ss_row(&format!("tcp {line}")).0).collect();
        let text = quiet.run(env!("CARGO_BIN_EXE_sockscope"), &[&["--json", "--no-owners"], &ours[..]].concat());
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rows = document["sockets"].as_array().unwrap().iter();
        let ours = rows.filter(|socket| socket["state"] != "bound").map(row_of).collect();
        assert_same(&format!("-tl {words:?}"), &ends(ours), &ends(theirs));
    }
}
