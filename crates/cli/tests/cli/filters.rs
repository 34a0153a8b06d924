use crate::{is_usage_error, sockscope, stderr, stdout};

#[test]
fn malformed_filters_are_usage_errors() {
    for filter in [
        "state",
        "state nonsense",
        "state established established and",
        "exclude",
        "exclude 7",
        "sport",
        "sport =",
        "sport = :65536",
        "sport = :-1",
        "sport = :99999999999999999999",
        "sport = :no-such-service-here",
        "sport ~~ 22",
        "sport = = 22",
        "dport >",
        "dport = 22 22",
        "dport in",
        "dport in ()",
        "dport in (80",
        "dport in (80,",
        "dst",
        "dst 300.1.1.1",
        "dst 10.0.0.0/33",
        "dst 2001:db8::/129",
        "dst [::1",
        "dst not-an-address",
        "src 1.2.3.4.5",
        "src 127.0.0.1:70000",
        "and",
        "or tcp",
        "tcp and",
        "tcp or",
        "tcp or or udp",
        "not",
        "!",
        "(",
        ")",
        "()",
        "( tcp",
        "tcp )",
        "((((tcp)))",
        "process",
        "process =",
        "process ~ '('",
        "process = 'unclosed",
        "age > 5parsecs",
        "age > soon",
        "rtt > -1ms",
        "sent > 1XB",
        "family = ipx",
        "proto = icmp",
        "fwmark = x",
        "nonsense",
        "nonsense = 1",
        "8080",
        "中文",
        "tcp \u{1b}[31m",
        "tcp && && udp",
        "= 22",
    ] {
        for words in [&[filter][..], &["--json", filter], &["assert", filter]] {
            let message = is_usage_error(words);
            assert!(!message.contains('\u{1b}'), "{filter:?}: {message:?}");
            assert!(message.len() < 2000, "{filter:?}: {message}");
        }
    }
}

#[test]
fn the_message_points_at_the_word() {
    let message = is_usage_error(&["state", "established", "and", "dprot", "=", ":443"]);
    assert!(message.contains("dprot") && message.contains('^'), "{message}");
    let line = message.lines().find(|line| line.contains("dprot") && line.contains("established")).unwrap();
    let caret = message.lines().find(|line| line.trim_start().starts_with('^')).unwrap();
    assert_eq!(caret.find('^'), line.find("dprot"), "{message}");
}

/// The kernel takes 128 KiB an argument, so a long filter comes as many words.
#[test]
fn a_filter_of_a_megabyte_is_read() {
    let word = "sport=:1||".repeat(10_000);
    let mut words = vec![word; 10];
    words.push("sport=:1".to_owned());
    assert!(words.iter().map(String::len).sum::<usize>() > 1_000_000);
    let output = sockscope().args(["--json", "--no-owners"]).args(&words).output().unwrap();
    // Whether it is accepted is for the language to say; that it is answered is what counts here.
    match output.status.code() {
        Some(0) => assert!(stdout(&output).starts_with('{')),
        Some(2) => assert!(stderr(&output).len() < 10_000, "{}", stderr(&output).len()),
        _ => panic!("{:?} {}", output.status, stderr(&output)),
    }
    words.push(")".to_owned());
    let output = sockscope().args(&words).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).len() < 10_000, "{}", stderr(&output).len());
}

#[test]
fn deep_nesting_ends_with_a_message() {
    for word in ["(", "not ", "!", "(tcp or "] {
        let output = sockscope().arg(word.repeat(100_000 / word.len())).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{word}: {:?}", output.status);
        assert!(stderr(&output).len() < 10_000, "{word}: {}", stderr(&output).len());
    }
}

#[cfg(unix)]
#[test]
fn words_that_are_no_text_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let bad = OsStr::from_bytes(b"caf\xe9\x1b");
    for words in [&[bad][..], &[OsStr::new("--columns"), bad], &[OsStr::new("assert"), OsStr::new("process"), bad]] {
        let output = sockscope().args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let message = stderr(&output);
        assert!(message.contains("UTF-8") && message.contains("caf"), "{message}");
        assert!(message.contains(&format!("argument {}", words.len())), "{message}");
        assert!(!message.contains('\u{1b}'), "{message:?}");
    }
}
