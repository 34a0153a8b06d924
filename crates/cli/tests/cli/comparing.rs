use serde_json::{Value, json};

use crate::{Listener, is_usage_error, run, sport, stderr, stdout, udp};

/// The document of a run in which everything was explained.
#[track_caller]
fn document(words: &[&str]) -> Value {
    let output = run(words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn names(document: &Value) -> Vec<&str> {
    document["sources"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect()
}

#[test]
fn everything_is_explained_on_a_clean_machine() {
    let listener = Listener::open();
    let _connection = listener.connect();
    let _udp = udp();
    let document = document(&["compare", "--json"]);
    assert_eq!(document["schema"], "sockscope.compare/1");
    assert_eq!(names(&document), ["sock_diag", "procfs", "fd_scan"]);
    assert_eq!(document["unexplained"], 0);
    assert!(document["rounds"].as_u64().unwrap() >= 3);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&document), ["differences", "rounds", "schema", "sources", "unexplained"]);
    assert_eq!(keys(&document["sources"][0]), ["available", "name", "reason", "rows"]);
    assert!(document["sources"][0]["rows"].as_u64().unwrap() >= 4);
    for difference in document["differences"].as_array().unwrap() {
        assert_eq!(keys(difference), ["cause", "detail", "missing_from", "seen_by", "socket"]);
        assert!(difference["socket"]["local"]["port"].is_u64());
    }
}

/// A connection in the accept queue has no process, and a bound socket is not in /proc/net.
#[test]
fn what_a_source_can_not_show_is_said() {
    let listener = Listener::open();
    let _waiting = std::net::TcpStream::connect(("127.0.0.1", listener.port)).unwrap();
    let filter = format!("{} and established", sport(listener.port));
    let document = document(&["compare", "--json", &filter]);
    let [difference] = document["differences"].as_array().unwrap().as_slice() else { panic!("{document:#}") };
    assert_eq!(difference["cause"], "not-shown");
    assert_eq!(
        (&difference["seen_by"], &difference["missing_from"]),
        (&json!(["sock_diag", "procfs"]), &json!(["fd_scan"]))
    );
    assert_eq!(difference["detail"], "fd_scan: no process has accepted it yet (accept-queue)");
    assert_eq!(difference["socket"]["no_owner"], "accept-queue");

    let output = run(&["compare", &filter]);
    let text = stdout(&output);
    let line = text.lines().nth(1).unwrap();
    let local = format!("127.0.0.1:{}", listener.port);
    for word in ["+          +       -        tcp    established", &local, "not-shown", "accept-queue"] {
        assert!(line.contains(word), "{line}");
    }
    assert!(text.trim_end().ends_with("explained: 1 not-shown"), "{text}");
    assert_eq!(stderr(&output), "");
}

#[test]
fn kinds_are_left_out_everywhere() {
    let listener = Listener::open();
    let (_udp, port) = udp();
    for (words, rows) in [(&["compare", "--json", "-u"][..], 1), (&["compare", "--json", "-6", "-t"], 0)] {
        let document = document(words);
        assert!(document["sources"][0]["rows"].as_u64().unwrap() >= rows);
        for difference in document["differences"].as_array().unwrap() {
            let socket = &difference["socket"];
            assert_ne!((&socket["protocol"], &socket["local"]["port"]), (&json!("tcp"), &json!(listener.port)));
        }
    }
    let filter = format!("lport = {port}");
    assert_eq!(document(&["compare", "--json", "-t", &filter])["differences"], json!([]));
}

#[test]
fn a_probe_accounts_for_the_ports_of_all() {
    let _listener = Listener::open();
    let output = run(&["compare", "--json", "--probe", "-4", "--rounds", "1"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(names(&document), ["sock_diag", "procfs", "fd_scan", "bind_probe"]);
    assert!(document["sources"][3]["rows"].as_u64().unwrap() >= 1);
    assert!(stderr(&output).contains("--probe binds TCP and UDP ports, each for microseconds; it never listens"));
}

/// It is in the way of IPv4 too, where systems let one socket serve both, and is no hidden holder.
#[test]
fn a_probe_of_ipv4_knows_sockets_of_ipv6() {
    let both = std::net::TcpListener::bind("[::]:0").unwrap();
    let port = both.local_addr().unwrap().port();
    let document = document(&["compare", "--json", "--probe", "-4", "-t", "--rounds", "1", &sport(port)]);
    assert_eq!(document["differences"], json!([]));
}

#[test]
fn tables_fit_a_terminal_and_have_colours_on_demand() {
    let listener = Listener::open();
    let _waiting = std::net::TcpStream::connect(("127.0.0.1", listener.port)).unwrap();
    let filter = format!("{} and established", sport(listener.port));
    let narrow = stdout(&run(&["compare", "--width", "80", &filter]));
    assert!(narrow.lines().all(|line| line.chars().count() <= 90), "{narrow}");
    assert!(narrow.starts_with("1  2  3  Proto  State"), "{narrow}");
    assert!(narrow.contains("\n    not-shown: fd_scan: no process has accepted it yet (accept-queue)\n"), "{narrow}");
    assert!(narrow.contains("\n3  fd_scan "), "{narrow}");
    let coloured = stdout(&run(&["compare", "--colour", "always", &filter]));
    assert!(coloured.contains("\x1b[") && !narrow.contains('\x1b'));
}

#[test]
fn what_makes_no_sense_is_refused() {
    assert!(is_usage_error(&["compare", "--rounds", "0"]).contains("--rounds"));
    assert!(is_usage_error(&["compare", "--rounds", "33"]).contains("1..=32"));
    assert!(is_usage_error(&["compare", "state", "nonsense"]).contains("nonsense"));
    assert!(is_usage_error(&["compare", "--source", "procfs"]).contains("--source"));
    assert!(is_usage_error(&["compare", "--csv"]).contains("--csv"));
    assert!(is_usage_error(&["compare", "--no-place", "country = CN"]).contains("--no-place"));
}
