use serde_json::Value;

use crate::{Listener, is_usage_error, run, sport, stderr, stdout};

#[test]
fn the_status_is_the_answer() {
    let listener = Listener::open();
    let there = format!("listening and {}", sport(listener.port));
    // Our listener is bound to one address, so nothing else listens on its port there.
    let not_there = format!("{} and state syn-sent", sport(listener.port));
    for (words, status) in [
        (&["assert", &there][..], 0),
        (&["assert", "--none", &not_there], 0),
        (&["assert", &not_there], 1),
        (&["assert", "--none", &there], 1),
        (&["assert", "-tln", &sport(listener.port)], 0),
        (&["assert", "-u", &there], 1),
        (&["-t", "assert", &there], 0),
    ] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
        assert_eq!(stdout(&output), "", "{words:?}");
        let lines = stderr(&output).lines().count();
        assert_eq!(lines, usize::from(status == 1), "{words:?}: {output:?}");
    }
    let message = stderr(&run(&["assert", "--none", &there]));
    assert!(message.contains(&format!("127.0.0.1:{}", listener.port)), "{message}");
}

#[test]
fn many_matches_are_not_all_named() {
    let listener = Listener::open();
    let connections: Vec<_> = (0..8).map(|_| listener.connect()).collect();
    let message = stderr(&run(&["assert", "--none", &sport(listener.port)]));
    assert!(message.starts_with("sockscope: 9 sockets match: "), "{message}");
    assert!(message.trim_end().ends_with("and 4 more"), "{message}");
    drop(connections);
}

#[test]
fn words_of_the_filter_need_no_quotes() {
    let listener = Listener::open();
    let port = format!(":{}", listener.port);
    let output = run(&["assert", "listening", "sport", "=", &port]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn without_a_filter_there_is_nothing_to_assert() {
    for words in [&["assert"][..], &["assert", "--none"], &["assert", "-tl"], &["assert", "--json"], &["assert", " "]] {
        assert!(is_usage_error(words).contains("filter"), "{words:?}");
    }
    is_usage_error(&["assert", "state", "nonsense"]);
    is_usage_error(&["assert", "--csv", "tcp"]);
}

#[test]
fn json_says_whether_a_socket_matches() {
    let listener = Listener::open();
    let there = format!("listening and {}", sport(listener.port));
    let not_there = format!("{} and state syn-sent", sport(listener.port));
    for (words, status, matched) in [
        (&["assert", "--json", &there][..], 0, true),
        (&["--json", "assert", "--none", &there], 1, true),
        (&["assert", "--json", &not_there], 1, false),
        (&["assert", "--json", "--none", &not_there], 0, false),
    ] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["matched"], matched, "{words:?}");
        assert_eq!(document["waited_us"], 0);
        let sockets = document["sockets"].as_array().unwrap();
        assert_eq!(sockets.len(), usize::from(matched), "{words:?}");
        for socket in sockets {
            assert_eq!(socket["local"]["port"], listener.port);
            assert_eq!(socket["no_owner"], "not-asked", "neither the filter nor an option asks for owners");
        }
    }
    let output = run(&["assert", "--json", "-p", &there]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["sockets"][0]["owners"][0]["pid"], std::process::id());
    let mine = format!("{there} and pid = {}", std::process::id());
    let output = run(&["assert", "--json", &mine]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["sockets"][0]["owners"][0]["pid"], std::process::id());
}
