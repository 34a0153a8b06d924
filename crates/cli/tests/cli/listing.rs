use std::net::UdpSocket;

use serde_json::Value;

use crate::{Listener, is_usage_error, run, sockets, sockscope, sport, stderr, stdout, udp};

/// The sockets with this local port.
fn at(port: u16, sockets: &[Value]) -> Vec<&Value> {
    sockets.iter().filter(|socket| socket["local"]["port"] == port).collect()
}

#[test]
fn a_listener_is_found_with_its_process() {
    let listener = Listener::open();
    for words in [&["--json"][..], &["--json", "-l"], &["list", "--json"], &["--json", "list", "-t"]] {
        let found = sockets(words);
        let found = at(listener.port, &found);
        let socket = found.iter().find(|socket| socket["state"] == "listen").unwrap();
        assert_eq!(socket["protocol"], "tcp");
        assert_eq!(socket["local"]["address"], "127.0.0.1");
        assert_eq!(socket["remote"], Value::Null);
        let owners = socket["owners"].as_array().unwrap();
        assert!(owners.iter().any(|owner| owner["pid"] == std::process::id()), "{words:?}: {socket}");
        assert_eq!(socket["no_owner"], Value::Null);
    }
}

#[test]
fn hands_of_ss_and_netstat_users() {
    let listener = Listener::open();
    let mine = format!("127.0.0.1:{}", listener.port);
    for words in [
        &["-tulpn"][..],
        &["-tanp"],
        &["-tunap"],
        &["-antp"],
        &["-lntu"],
        &["-tuanpe", "-H"],
        &["-ltn"],
        &["-tan"],
        &["-tlnpi"],
        &["-tno"],
        &["-4tl"],
        &["-tt", "-n", "-n"],
        &["-al"],
        &["-la"],
        &["--tcp", "--listening", "--numeric", "--processes", "--extended", "--no-header", "--info", "--all", "--ipv4"],
    ] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        assert!(stdout(&output).contains(&mine), "{words:?}: {}", stdout(&output));
    }
}

#[test]
fn protocols_families_and_listening_restrict() {
    let listener = Listener::open();
    let (_client, _server) = listener.connect();
    let (_udp, udp_port) = udp();
    let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
    connected.connect(("127.0.0.1", udp_port)).unwrap();
    let connected_port = connected.local_addr().unwrap().port();
    let count = |words: &[&str], port| at(port, &sockets(&[words, &["--no-owners"]].concat())).len();

    assert_eq!(count(&["--json"], listener.port), 2, "the listener and the accepted connection");
    assert_eq!(count(&["--json", "-l"], listener.port), 1);
    assert_eq!(count(&["--json", "-l", "-a"], listener.port), 2, "the last counts");
    assert_eq!(count(&["--json", "-a", "-l"], listener.port), 1, "the last counts");
    assert_eq!(count(&["--json", "-u"], listener.port), 0);
    assert_eq!(count(&["--json", "-t", "-u"], listener.port), 2);
    assert_eq!(count(&["--json", "-6"], listener.port), 0);
    assert_eq!(count(&["--json", "-4"], listener.port), 2);
    assert_eq!(count(&["--json", "-4", "-6"], listener.port), 2);

    let udp_sockets = |words: &[&str], port| {
        let sockets = sockets(&[words, &["--no-owners"]].concat());
        at(port, &sockets).into_iter().filter(|socket| socket["protocol"] == "udp").count()
    };
    assert_eq!(udp_sockets(&["--json"], udp_port), 1);
    assert_eq!(udp_sockets(&["--json", "-l"], udp_port), 1);
    assert_eq!(udp_sockets(&["--json", "-t"], udp_port), 0);
    assert_eq!(udp_sockets(&["--json"], connected_port), 1);
    // No table of Windows says whether a UDP socket is connected.
    assert_eq!(udp_sockets(&["--json", "-l"], connected_port), usize::from(cfg!(windows)));
}

#[test]
fn the_filter_may_stand_anywhere_and_be_quoted_or_not() {
    let listener = Listener::open();
    let (_client, _server) = listener.connect();
    let port = format!(":{}", listener.port);
    let quoted = format!("state listening and sport = {port}");
    for words in [
        &["--json", "state", "listening", "and", "sport", "=", &port][..],
        &["state", "listening", "-n", "and", "sport", "--json", "=", &port],
        &["state", "listening", "sport", "=", &port, "--json"],
        &["list", "-t", "state", "listening", "sport", "=", &port, "--json"],
        &["-t", "list", "--json", "state", "listening", "sport", "=", &port],
        &["--limit", "10", "list", "--json", "state", "listening", "sport", "=", &port],
        &["--json", "--", "state", "listening", "sport", "=", &port],
        &["--json", &quoted],
        &["list", "--json", &quoted],
        &["--json", "--no-pushdown", &quoted],
    ] {
        let found = sockets(&[&["--no-owners"], words].concat());
        assert_eq!(found.len(), 1, "{words:?}: {found:?}");
        assert_eq!(found[0]["local"]["port"], listener.port);
    }
    let everything = sockets(&["--json", "--no-owners", ""]);
    assert!(!at(listener.port, &everything).is_empty(), "an empty filter lets everything pass");
}

#[test]
fn options_that_look_like_filters_are_refused() {
    assert!(is_usage_error(&["state", "established", "--nonsense"]).contains("--nonsense"));
    assert!(is_usage_error(&["sport", "-x"]).contains("-x"));
    is_usage_error(&["--", "--json"]);
    is_usage_error(&["--", "list"]);
}

#[test]
fn what_later_versions_do_is_said_in_one_line() {
    for command in ["record", "history", "serve", "agent"] {
        for words in [&[command][..], &["--json", command, "8080"], &["help", command]] {
            let message = is_usage_error(words);
            assert!(message.contains(command) && message.contains("version"), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
}

#[test]
fn one_format_at_a_time() {
    for words in [&["--json", "--csv"][..], &["--format", "table", "--ndjson"], &["--format=html", "--format=csv"]] {
        assert!(is_usage_error(words).contains("format"), "{words:?}");
    }
    assert!(is_usage_error(&["--format", "xml"]).contains("xml"));
    let listener = Listener::open();
    let filter = sport(listener.port);
    for words in [&["--json", "--json"][..], &["--json", "--format", "json"], &["--format", "json"]] {
        assert_eq!(sockets(&[words, &["--no-owners", &filter]].concat()).len(), 1, "{words:?}");
    }
}

#[test]
fn every_format_shows_the_socket() {
    let listener = Listener::open();
    let (filter, port) = (sport(listener.port), listener.port.to_string());
    for format in ["table", "json", "ndjson", "csv", "html"] {
        let output = run(&["--no-owners", "--format", format, &filter]);
        assert_eq!(output.status.code(), Some(0), "{format}: {output:?}");
        assert!(stdout(&output).contains(&port), "{format}: {}", stdout(&output));
        assert!(stdout(&output).ends_with('\n'), "{format}");
    }
    let lines = stdout(&run(&["--ndjson", &filter]));
    assert_eq!(lines.lines().count(), 1);
    let socket: Value = serde_json::from_str(&lines).unwrap();
    assert_eq!(socket["local"]["port"], listener.port);
}

/// What this system fills in is what the schema promises to readers.
#[test]
fn json_is_as_the_schema_says() {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/sockscope.snapshot-1.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let listener = Listener::open();
    let (_client, _server) = listener.connect();
    let (_udp, _) = udp();
    let _v6 = UdpSocket::bind("[::1]:0");
    for words in [&["--json"][..], &["--json", "-i"], &["--json", "--no-owners", "--no-place"]] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(!at(listener.port, document["sockets"].as_array().unwrap()).is_empty());
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{words:?}: {errors:#?}");
    }
}

#[test]
fn columns_are_those_that_were_named() {
    let listener = Listener::open();
    let (filter, port) = (sport(listener.port), listener.port.to_string());
    let csv = stdout(&run(&["--csv", "--columns", "protocol,local_port,state", &filter]));
    assert_eq!(csv, format!("protocol,local_port,state\ntcp,{port},listen\n"));
    let csv = stdout(&run(&["--csv", "-H", "--columns", "protocol,local_port", &filter]));
    assert_eq!(csv, format!("tcp,{port}\n"));
    let csv = stdout(&run(&["--csv", "--columns", "protocol", "--columns", "owner_pid", "-H", &filter]));
    assert_eq!(csv, format!("tcp,{}\n", std::process::id()));
    let table = stdout(&run(&["-H", "--columns", "local_port", &filter]));
    assert_eq!(table.trim(), port);
    let html = stdout(&run(&["--html", "--columns", "local_port", &filter]));
    assert!(html.contains(&port));

    assert!(is_usage_error(&["--columns", "local_prot"]).contains("local_prot"));
    is_usage_error(&["--columns", ""]);
    assert!(is_usage_error(&["--json", "--columns", "local_port"]).contains("json"));
}

#[test]
fn columns_help_lists_the_columns() {
    let output = run(&["--columns", "help"]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    for column in ["protocol", "local_address", "owner_pid", "traffic_rtt_us", "place_text", "process"] {
        assert!(text.lines().any(|line| line.split_whitespace().next() == Some(column)), "{column}: {text}");
    }
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn sorting_and_limits() {
    let listeners = [Listener::open(), Listener::open(), Listener::open()];
    let mut ports: Vec<u16> = listeners.iter().map(|it| it.port).collect();
    let filter = ports.iter().map(|port| sport(*port)).collect::<Vec<_>>().join(" or ");
    let sorted = |words: &[&str]| -> Vec<u16> {
        let sockets = sockets(&[words, &["--json", "--no-owners", "-l", &filter]].concat());
        sockets.iter().map(|socket| u16::try_from(socket["local"]["port"].as_u64().unwrap()).unwrap()).collect()
    };
    ports.sort_unstable();
    assert_eq!(sorted(&["--sort", "local_port"]), ports);
    assert_eq!(sorted(&["--sort", "local_port", "--limit", "2"]), ports[..2]);
    assert!(sorted(&["--limit", "0"]).is_empty());
    ports.reverse();
    assert_eq!(sorted(&["--sort", "local_port:desc"]), ports);
    assert_eq!(sorted(&["--sort", "protocol,lport:desc"]), ports);
    assert_eq!(sorted(&["--sort", "protocol", "--sort", "lport:desc"]), ports);
    assert_eq!(sorted(&["--sort", "Mss,lport:desc"]), ports, "a name that only columns have");
    assert!(is_usage_error(&["--sort", "nonsense"]).contains("nonsense"));
    assert!(is_usage_error(&["--sort", "local_port:upwards"]).contains("upwards"));
    for limit in ["-1", "x", "1.5", ""] {
        is_usage_error(&["--limit", limit]);
    }
    is_usage_error(&["--width", "wide"]);
}

#[test]
fn owners_are_searched_only_if_somebody_looks_at_them() {
    let listener = Listener::open();
    let filter = sport(listener.port);
    let socket = &sockets(&["--json", "--no-owners", &filter])[0];
    assert_eq!(socket["owners"], Value::Array(vec![]));
    assert_eq!(socket["no_owner"], "not-asked");
    let socket = &sockets(&["--json", "--no-owners", "-p", &filter])[0];
    assert_eq!(socket["owners"][0]["pid"], std::process::id(), "the last counts");

    let pid = format!("pid = {}", std::process::id());
    let both = format!("{filter} and {pid}");
    let output = run(&["--csv", "-H", "--columns", "local_port", &both]);
    assert_eq!(stdout(&output).trim(), listener.port.to_string(), "the filter looks at them: {output:?}");
    assert!(is_usage_error(&["--no-owners", &both]).contains("--no-owners"));
}

#[test]
fn traffic_is_filled_where_it_is_asked_for() {
    let listener = Listener::open();
    let (_client, _server) = listener.connect();
    let filter = format!("{} and state established", sport(listener.port));
    let of = |words: &[&str]| sockets(&[words, &["--json", "--no-owners", &filter]].concat())[0]["traffic"].clone();
    assert_eq!(of(&[]), Value::Null);
    // A system without the counters leaves them out.
    if of(&["-i"]) != Value::Null {
        assert_ne!(of(&["--sort", "rtt"]), Value::Null);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn sources_that_are_not_here() {
    assert_eq!(run(&["--source", "auto", "--no-owners", "--limit", "0"]).status.code(), Some(0));
    for elsewhere in ["bpf", "get_extended_table", "get_table2", "allocate_ex_table_from_stack", "internal_get_table"] {
        let output = run(&["--json", "--source", elsewhere]);
        assert_eq!(output.status.code(), Some(3), "{elsewhere}: {output:?}");
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains(elsewhere));
    }
    for unknown in ["netlink", "", "AUTO", "proc"] {
        is_usage_error(&["--source", unknown]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn every_source_lists_the_listener() {
    let listener = Listener::open();
    for source in ["auto", "sock_diag", "procfs"] {
        let found = sockets(&["--json", "--no-owners", "--source", source, "-l", &sport(listener.port)]);
        assert_eq!(found.len(), 1, "{source}");
    }
}

#[test]
fn a_filter_on_what_nobody_knows_leaves_a_notice() {
    let _listener = Listener::open();
    let all = sockets(&["--no-owners", "--json"]);
    let output = run(&["--no-owners", "--json", "age > 1m"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let noticed = document["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == "age-unknown");
    if all.iter().all(|socket| socket["opened_at"] == Value::Null) {
        assert!(noticed, "{document}");
        assert_eq!(document["sockets"], Value::Array(vec![]));
        for words in [
            &["--no-owners", "--ndjson", "age > 1m"][..],
            &["--no-owners", "--csv", "age > 1m"],
            &["--no-owners", "-H", "age > 1m"],
        ] {
            let output = run(words);
            assert!(stderr(&output).contains("sockscope: notice: "), "{words:?}: {output:?}");
        }
        let table = stdout(&run(&["--no-owners", "age > 1m"]));
        assert!(table.contains("age"), "{table}");
    }
}

#[test]
fn colour_is_decided_by_option_and_environment() {
    let listener = Listener::open();
    let filter = sport(listener.port);
    let coloured = |words: &[&str], variables: &[(&str, &str)]| {
        let output =
            sockscope().args(words).args(["--no-owners", &filter]).envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        output.stdout.contains(&0x1b)
    };
    assert!(!coloured(&[], &[("TERM", "xterm")]), "a pipe is no terminal");
    assert!(coloured(&["--colour", "always"], &[]));
    assert!(coloured(&["--color=always"], &[]));
    assert!(!coloured(&["--colour", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured(&["--colour", "auto"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(coloured(&["--colour", "always"], &[("NO_COLOR", "1")]), "what was typed is stronger");
    is_usage_error(&["--colour", "sometimes"]);
    is_usage_error(&["--colour"]);
}

#[test]
fn options_that_are_to_come() {
    for words in [&["--all-namespaces"][..], &["-t", "--all-namespaces"]] {
        assert!(is_usage_error(words).contains("this version has no option"), "{words:?}");
    }
}
