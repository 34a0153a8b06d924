use serde_json::Value;

use crate::{Listener, is_usage_error, run, stderr, stdout};

#[test]
fn what_is_no_port_is_a_usage_error() {
    for (words, part) in [
        (&["why"][..], "needs a port"),
        (&["why", ""], "needs a port"),
        (&["why", "--json"], "needs a port"),
        (&["why", "0"], "ports are 1 to 65535"),
        (&["why", "65536"], "above 65535"),
        (&["why", "no-such-service"], "known service"),
        (&["why", "127.0.0.1"], "names no port"),
        (&["why", "::1"], "brackets"),
        (&["why", "localhost:80"], "not looked up"),
        (&["why", "--udp", "tcp/80"], "--udp"),
        (&["why", "80", "81"], "81"),
        (&["why", "80", "--nonsense"], "--nonsense"),
        (&["why", "80", "--all-namespaces"], "--all-namespaces"),
    ] {
        let message = is_usage_error(words);
        assert!(message.contains(part), "{words:?}: {message}");
    }
    // The place is marked under what was typed.
    let message = is_usage_error(&["why", "127.0.0.1:8o80"]);
    assert!(message.ends_with("\n  127.0.0.1:8o80\n            ^^^^\n"), "{message}");
    // Nobody's terminal is written to by what was typed.
    let message = is_usage_error(&["why", "80\u{1b}[31m"]);
    assert!(!message.contains('\u{1b}'), "{message}");
}

#[test]
fn the_answer_has_a_verdict_and_words() {
    let listener = Listener::open();
    let port = listener.port.to_string();
    for words in [&["why", &port][..], &["why", &format!("127.0.0.1:{port}")], &["-t", "why", &port]] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = stdout(&output);
        assert!(text.starts_with(&format!("TCP port {port} ")) && text.contains("is held: "), "{text}");
    }
    let output = run(&["why", &port, "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], "sockscope.why/1");
    assert_eq!((&document["verdict"], &document["protocol"]), (&"held".into(), &"tcp".into()));
    assert_eq!(document["holders"][0]["owners"][0]["pid"], std::process::id());
    assert_eq!(stderr(&output), "");
    let output = run(&["why", &port, "--probe"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stderr(&output).contains("never listens") && stdout(&output).contains("Tried: bind to 0.0.0.0"));
}
