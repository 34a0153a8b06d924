//! Where peers are, in listings: connections with addresses all over the world, in a namespace in which every address is local.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what can't be made or is not there is a failed test")]

use std::process::{Command, Output};

use serde_json::{Value, json};
use sockscope_testkit::Running;

/// A small database of our own making.
fn fixture(name: &str) -> String {
    format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Takes out of the environment what changes the output, the databases of whoever runs the tests included.
fn plain_environment(command: &mut Command) {
    for variable in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(variable);
    }
    for variable in ["XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS"] {
        command.env(variable, "/nonexistent");
    }
}

fn abroad() -> Running {
    Running::start(&["--netns", "abroad", "--peers", "8.8.8.8,114.114.114.114,2400:3200::1,10.1.2.3,1.0.1.9"]).unwrap()
}

fn list(running: &Running, words: &[&str]) -> Output {
    let mut command = running.command(env!("CARGO_BIN_EXE_sockscope")).unwrap();
    plain_environment(&mut command);
    command.args(words).output().unwrap()
}

fn sockets(running: &Running, words: &[&str]) -> Vec<Value> {
    let output = list(running, words);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["sockets"].as_array().unwrap().clone()
}

#[test]
fn peers_have_places() {
    let running = abroad();
    for socket in sockets(&running, &["--json", "dport = :443"]) {
        let expected = match socket["remote"]["address"].as_str().unwrap() {
            "8.8.8.8" => "United States",
            "10.1.2.3" => "private",
            _ => "China",
        };
        assert_eq!(socket["place"]["text"], expected);
        assert_eq!(socket["places"], json!([]), "one database is no choice");
    }
    let text = stdout(&list(&running, &["dport = :443", "--width", "120"]));
    assert!(
        text.contains("Place") && text.contains("United States") && text.contains("IP Geolocation by DB-IP"),
        "{text}"
    );
    let narrow = stdout(&list(&running, &["dport = :443", "--width", "60"]));
    assert!(!narrow.contains("Place") && !narrow.contains("DB-IP"), "{narrow}");
    let without = list(&running, &["dport = :443", "--no-place"]);
    assert!(!stdout(&without).contains("Place"), "{without:?}");
    assert!(sockets(&running, &["--json", "--no-place"]).iter().all(|socket| socket["place"].is_null()));
    let csv = stdout(&list(&running, &["--csv", "--columns", "raddr,place_country_code,place", "dst 8.8.8.8"]));
    assert_eq!(csv, "remote_address,place_country_code,place_text\n8.8.8.8,US,United States\n");
    let html = stdout(&list(&running, &["--html", "dport = :443"]));
    assert!(html.contains("IP Geolocation by DB-IP") && html.contains("United States"));
}

#[test]
fn filters_and_sorting_know_places() {
    let running = abroad();
    let remotes = |words: &[&str]| {
        let words = [words, &["--json", "dport = :443"]].concat();
        sockets(&running, &words)
            .iter()
            .map(|it| it["remote"]["address"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for same in
        ["country = US", "country = 'united states'", "place ~ States", "country != CN and public", "dst 8.8.8.8"]
    {
        assert_eq!(remotes(&[same]), ["8.8.8.8"], "{same}");
    }
    assert_eq!(remotes(&["country = CN"]).len(), 3);
    assert_eq!(remotes(&["private"]), ["10.1.2.3"]);
    assert_eq!(remotes(&["database ~ DB-IP"]).len(), 4);
    assert_eq!(remotes(&["country = US", "--language", "zh-CN"]), ["8.8.8.8"]);
    assert_eq!(remotes(&["country = 中国", "--language", "zh-CN"]).len(), 3);
    assert_eq!(remotes(&["--sort", "country:desc", "--limit", "1"]), ["8.8.8.8"]);
    let xdb = fixture("geo_xdb/v2.xdb");
    assert_eq!(remotes(&["org = 电信", "--database", &xdb]), ["1.0.1.9"]);
    // It says nothing true, and of IPv6 above 1:0:1:: that it is AS64501.
    let asn = fixture("geo_table/asn.places");
    assert_eq!(remotes(&["asn = AS64501", "--database", &asn]), ["2400:3200::1"]);
    assert_eq!(remotes(&["org = ht and database ~ ^ASN", "--database", &asn]), ["2400:3200::1"]);
    let unknown = stdout(&list(&running, &["asn = 13335"]));
    assert!(unknown.contains("`asn`") && unknown.contains("[places-unknown]"), "{unknown}");

    for words in [&["country = US", "--no-place"][..], &["--sort", "country", "--no-place"]] {
        let output = list(&running, words);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains("--no-place"));
    }
    assert_eq!(list(&running, &["assert", "country", "=", "US"]).status.code(), Some(0));
    assert_eq!(list(&running, &["assert", "country", "=", "FR"]).status.code(), Some(1));
    let asserted = list(&running, &["assert", "--json", "dst 8.8.8.8"]);
    let asserted: Value = serde_json::from_slice(&asserted.stdout).unwrap();
    assert_eq!(asserted["sockets"][0]["place"]["country_code"], "US");
}

#[test]
fn several_databases_are_compared() {
    let running = abroad();
    // It says that 1.0.0.0/8 is in China and Britain, and nothing of other addresses.
    let xdb = fixture("geo_xdb/v2.xdb");
    let text = stdout(&list(&running, &["dport = :443", "--database", &xdb]));
    assert!(text.contains("Places") && text.contains("中国 福建省 福州市 电信 | China"), "{text}");
    let sockets = sockets(&running, &["--json", "dport = :443", "--database", &xdb]);
    for socket in sockets {
        let count = if socket["remote"]["address"] == "1.0.1.9" { 2 } else { 1 };
        assert_eq!(socket["places"].as_array().unwrap().len(), count);
        assert_eq!(socket["places"][0], socket["place"]);
    }
    let csv = stdout(&list(&running, &["--csv", "--columns", "places", "dst 1.0.1.9", "--database", &xdb]));
    assert_eq!(csv, "places\n\"中国 福建省 福州市 电信;China\"\n");

    let elsewhere = Running::start(&["--netns", "abroad", "--peers", "1.255.255.9"]).unwrap();
    let text = stdout(&list(&elsewhere, &["dport = :443", "--database", &xdb]));
    assert!(text.contains("≠ 英国 伦敦 BT | "), "{text}");
}

/// Nothing is sent, and nothing need be reachable.
#[test]
fn no_socket_but_netlinks_is_opened() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("strace is not installed");
        return;
    }
    let running = abroad();
    for words in [&["locate", "8.8.8.8", "2400:3200::1"][..], &["--json"]] {
        let mut command = running.command("strace").unwrap();
        command.args([
            "-f",
            "-qq",
            "-e",
            "trace=socket,connect,sendto,sendmsg,sendmmsg",
            env!("CARGO_BIN_EXE_sockscope"),
        ]);
        let output = command.args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let calls = stderr(&output);
        for call in calls.lines().filter(|line| line.contains("socket(") || line.contains("connect(")) {
            assert!(call.contains("AF_NETLINK"), "{call}");
        }
    }
}
