use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as StdCommand, Output, Stdio};

use serde_json::{Value, json};

use crate::{is_usage_error, run, sockscope, stderr, stdout};

/// A small database of our own making.
fn fixture(name: &str) -> String {
    format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Lines of a run that ended well.
#[track_caller]
fn lines(output: &Output) -> Vec<String> {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    stdout(output).lines().map(str::to_owned).collect()
}

#[track_caller]
fn objects(output: &Output) -> Vec<Value> {
    lines(output).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What the filter makes of a text.
#[track_caller]
fn filtered(words: &[&str], text: &[u8]) -> Vec<u8> {
    let output = sockscope().arg("locate").args(words).write_stdin(text).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    output.stdout
}

#[test]
fn a_line_an_address() {
    let output = run(&["locate", "8.8.8.8", "2400:3200::1", "192.168.1.1", "fe80::1%eth0", "[::1]", "fd00::1"]);
    assert_eq!(
        lines(&output),
        [
            "8.8.8.8 [United States]",
            "2400:3200::1 [China]",
            "192.168.1.1 [private]",
            "fe80::1%eth0 [link-local]",
            "[::1] [loopback]",
            "fd00::1 [private]"
        ]
    );
    assert_eq!(stderr(&output), "");
    // Never given out.
    assert_eq!(lines(&run(&["locate", "4000::1"])), ["4000::1"]);
}

#[test]
fn objects_have_every_key() {
    let output = run(&["locate", "--json", "8.8.8.8", "::ffff:114.114.114.114", "10.0.0.1", "4000::1"]);
    let objects = objects(&output);
    let place = json!({
        "country_code": "US", "country": "United States", "region": null, "city": null, "asn": null, "organization": null,
        "text": "United States", "database": "DB-IP Country Lite 2026-06", "coordinates": null
    });
    assert_eq!(objects[0], json!({"address": "8.8.8.8", "place": place, "places": [place]}));
    assert_eq!(objects[1]["address"], "::ffff:114.114.114.114");
    assert_eq!(objects[1]["place"]["country_code"], "CN");
    assert_eq!((&objects[2]["place"]["text"], &objects[2]["place"]["country_code"]), (&json!("private"), &Value::Null));
    assert_eq!(objects[3], json!({"address": "4000::1", "place": null, "places": []}));
}

#[test]
fn special_addresses_are_what_they_are_whatever_a_database_says() {
    let cases = [
        ("10.1.2.3", "private"),
        ("127.0.0.1", "loopback"),
        ("169.254.1.1", "link-local"),
        ("100.64.0.1", "shared (CGNAT)"),
        ("192.0.2.1", "documentation"),
        ("2001:db8::1", "documentation"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("255.255.255.255", "broadcast"),
        ("0.1.2.3", "this network"),
        ("::ffff:192.168.0.1", "private"),
        ("2002:0a00:0001::", "private"),
    ];
    for (address, text) in cases {
        let database = fixture("geo_xdb/v2.xdb");
        let output = run(&["locate", "--database", &database, address]);
        assert_eq!(lines(&output), [format!("{address} [{text}]")]);
    }
}

#[test]
fn what_is_no_address_is_refused_before_anything_is_printed() {
    for bad in ["example.org", "10.0.0.0/8", "8.8.8", "8.8.8.8:443", "::1%", "%eth0", "", " 8.8.8.8", "1.2.3.4%eth0"] {
        let message = is_usage_error(&["locate", "8.8.8.8", bad]);
        assert!(message.contains(&format!("'{bad}'")), "{message}");
    }
    assert!(is_usage_error(&["locate", "--databases", "8.8.8.8"]).contains("--databases"));
    assert!(is_usage_error(&["locate", "--language", "C", "8.8.8.8"]).contains("--language"));
    is_usage_error(&["locate", "--nonsense"]);
    is_usage_error(&["locate", "--database"]);
}

#[test]
fn languages() {
    let text = |words: &[&str], locale: Option<&str>| {
        let mut command = sockscope();
        if let Some(locale) = locale {
            command.env("LANG", locale);
        }
        lines(&command.arg("locate").args(words).output().unwrap()).remove(0)
    };
    assert_eq!(text(&["8.8.8.8", "--language", "zh-CN"], None), "8.8.8.8 [美国]");
    assert_eq!(text(&["8.8.8.8"], Some("zh_CN.UTF-8")), "8.8.8.8 [美国]");
    assert_eq!(text(&["8.8.8.8", "--language", "en"], Some("zh_CN.UTF-8")), "8.8.8.8 [United States]");
    for english in ["C", "C.UTF-8", "de_DE.UTF-8"] {
        assert_eq!(text(&["8.8.8.8"], Some(english)), "8.8.8.8 [United States]");
    }
}

#[test]
fn text_passes_through_with_places() {
    let text = b"from 8.8.8.8:443 to [2400:3200::1%eth0]:1 at 12:00:00, v1.2.3.4.5\r\nmac 00:11:22:33:44:55\n";
    let expected = "from 8.8.8.8 [United States]:443 to [2400:3200::1%eth0 [China]]:1 at 12:00:00, v1.2.3.4.5\r\n\
                    mac 00:11:22:33:44:55\n";
    assert_eq!(String::from_utf8(filtered(&[], text)).unwrap(), expected);
    assert_eq!(filtered(&[], b""), b"");
    // The end of the text ends an address; what has no place stays as it is.
    assert_eq!(filtered(&[], b"4000::1 8.8.8.8"), b"4000::1 8.8.8.8 [United States]");
}

#[test]
fn every_byte_comes_through() {
    let mut bytes: Vec<u8> = (0..=255).cycle().take(700_000).collect();
    bytes.extend(std::iter::repeat_n(b'1', 300_000));
    assert_eq!(filtered(&[], &bytes), bytes);
}

/// What was read is written before more is waited for.
#[test]
fn the_filter_streams() {
    let mut child = StdCommand::new(env!("CARGO_BIN_EXE_sockscope"))
        .arg("locate")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..3 {
        input.write_all(b"prompt> 10.0.0.1 x").unwrap();
        // All but the last word, which may go on.
        let mut begun = vec![0; "prompt> 10.0.0.1 [private] ".len()];
        output.read_exact(&mut begun).unwrap();
        assert_eq!(begun, b"prompt> 10.0.0.1 [private] ");
        input.write_all(b"\n").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "x\n");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn whoever_reads_may_go() {
    let mut child = StdCommand::new(env!("CARGO_BIN_EXE_sockscope"))
        .arg("locate")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    // It ends with the first line that it can't pass on; then our own pipe breaks.
    while input.write_all(b"8.8.8.8\n").is_ok() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn an_address_a_line_as_objects() {
    let run = |text: &str| sockscope().args(["locate", "--json"]).write_stdin(text).output().unwrap();
    let output = run("8.8.8.8\n\n 10.0.0.1\r\n2400:3200::1");
    let codes: Vec<Value> = objects(&output).iter().map(|object| object["place"]["country_code"].clone()).collect();
    assert_eq!(codes, [json!("US"), Value::Null, json!("CN")]);

    let long = "9".repeat(100_000);
    let output = run(&format!("8.8.8.8\nexample.org\n{long}\n1.1.1.1\n"));
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert_eq!(stdout(&output).lines().count(), 2);
    let message = stderr(&output);
    assert!(message.contains("line 2: 'example.org'") && message.contains("line 3: ") && message.len() < 1000);
}

#[test]
fn a_database_that_is_named_must_be_of_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("empty"), "").unwrap();
    std::fs::write(path("text"), "8.8.8.8 is in the United States\n").unwrap();
    let mut cut = std::fs::read(fixture("geo_xdb/v2.xdb")).unwrap();
    cut.truncate(1000);
    std::fs::write(path("cut"), cut).unwrap();
    for (name, problem) in
        [("none", "(os error 2)"), ("empty", "empty"), ("text", "known format"), ("cut", "damaged"), ("", "")]
    {
        for words in
            [&["locate", "8.8.8.8"][..], &["list", "-t"], &["--json"], &["assert", "tcp"], &["locate", "--databases"]]
        {
            let output = run(&[words, &["--database", &path(name)]].concat());
            assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(3), ""), "{words:?} {name}: {output:?}");
            let message = stderr(&output);
            assert!(message.contains(&path(name)) && message.contains(problem), "{words:?} {name}: {message}");
            assert_eq!(message.lines().count(), 1);
        }
    }
}

/// Of the encrypted fixture.
const KEY: &str = "c29ja3Njb3BlIHRlc3QgIQ==";

#[test]
fn keys_of_encrypted_databases() {
    let home = Home::new();
    let file = home.0.path().join("city.czdb");
    std::fs::copy(fixture("geo_czdb/v4.czdb"), &file).unwrap();
    let path = file.to_str().unwrap();
    let ask = |variable: Option<&str>| {
        let mut command = home.command();
        if let Some(key) = variable {
            command.env("SOCKSCOPE_DATABASE_KEY", key);
        }
        command.args(["locate", "--databases", "--database", path]).output().unwrap()
    };
    let refused = |output: &Output, words: &[&str]| {
        assert_eq!((output.status.code(), stdout(output).as_str()), (Some(3), ""), "{output:?}");
        for word in words {
            assert!(stderr(output).contains(word), "{word}: {output:?}");
        }
    };
    refused(&ask(None), &[path, "needs a key", "city.czdb.key", "SOCKSCOPE_DATABASE_KEY"]);
    for wrong in ["AAAAAAAAAAAAAAAAAAAAAA==", "no base64!", "c2hvcnQ="] {
        refused(&ask(Some(wrong)), &[path, "wrong key"]);
    }
    assert!(lines(&ask(Some(KEY))).iter().any(|line| line.contains("city.czdb")));

    std::fs::write(home.configuration(), format!("[database-keys]\n'{path}' = '{KEY}'\n")).unwrap();
    assert!(lines(&ask(None)).iter().any(|line| line.contains("czdb")));
    assert!(
        !lines(&ask(Some("AAAAAAAAAAAAAAAAAAAAAA=="))).is_empty(),
        "the configuration is stronger than the variable"
    );
    let beside = home.0.path().join("city.czdb.key");
    std::fs::write(&beside, "AAAAAAAAAAAAAAAAAAAAAA==\n").unwrap();
    refused(&ask(Some(KEY)), &["wrong key"]);
    std::fs::write(&beside, format!("{KEY}\n")).unwrap();
    std::fs::remove_file(home.configuration()).unwrap();
    assert!(lines(&ask(None)).iter().any(|line| line.contains("city.czdb")));
}

/// A directory with a user's data and configuration, and the program with these alone.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(home.databases()).unwrap();
        std::fs::create_dir_all(home.configuration().parent().unwrap()).unwrap();
        home
    }

    fn databases(&self) -> PathBuf {
        self.0.path().join("data/sockscope/databases")
    }

    fn configuration(&self) -> PathBuf {
        self.0.path().join("config/sockscope/config.toml")
    }

    fn put(&self, fixture_name: &str, path: impl AsRef<Path>) {
        std::fs::copy(fixture(fixture_name), self.databases().join(path)).unwrap();
    }

    fn command(&self) -> assert_cmd::Command {
        let mut command = sockscope();
        for (place, variables) in
            [("data", ["XDG_DATA_HOME", "LOCALAPPDATA"]), ("config", ["XDG_CONFIG_HOME", "APPDATA"])]
        {
            for variable in variables {
                command.env(variable, self.0.path().join(place));
            }
        }
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command().args(words).output().unwrap()
    }
}

#[test]
fn databases_are_asked_in_order() {
    let home = Home::new();
    home.put("geo_xdb/v2.xdb", "b.whatever");
    home.put("geo_ip2region_db/ip2region.db", "a");
    std::fs::write(home.databases().join("LICENSE.txt"), "yours").unwrap();
    std::fs::write(home.databases().join(".hidden"), "?").unwrap();
    std::fs::copy(fixture("geo_xdb/v3.xdb"), home.0.path().join("config/sockscope/c.xdb")).unwrap();
    std::fs::write(home.configuration(), "databases = ['c.xdb']\nlanguage = 'zh'\n").unwrap();
    let named = fixture("geo_table/countries.places");

    let output = home.run(&["locate", "--databases", "--json", "--database", &named]);
    let databases = objects(&output);
    assert_eq!(stderr(&output), "");
    let name = |file: &Value| Some(Path::new(file.as_str()?).file_name()?.to_str()?.to_owned());
    let files: Vec<Option<String>> = databases.iter().map(|it| name(&it["file"])).collect();
    let expected = [Some("countries.places"), Some("c.xdb"), Some("a"), Some("b.whatever"), None];
    assert_eq!(files, expected.map(|it| it.map(str::to_owned)));
    let names: Vec<&str> = databases.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "DB-IP Country Lite 2026-06",
            "xdb 2024-02-28",
            "ip2region 2021-10-25",
            "xdb 2024-02-28 (2)",
            "DB-IP Country Lite 2026-06 (2)"
        ]
    );
    assert_eq!(databases[1]["ranges"], json!({"ipv4": 514, "ipv6": 0}));
    assert_eq!((&databases[1]["date"], &databases[1]["ip_versions"]), (&json!("2024-02-28"), &json!([4])));
    assert_eq!(databases[4]["attribution"], "IP Geolocation by DB-IP");

    let place = &objects(&home.run(&["locate", "--json", "1.0.1.1"]))[0];
    assert_eq!(place["place"]["text"], "中国 福建省 福州市 电信");
    let places = place["places"].as_array().unwrap();
    assert!(places.len() >= 2 && places[0] == place["place"], "{places:?}");
    assert_eq!(places.last().unwrap()["text"], "中国", "the configuration's language");

    let text = stdout(&home.run(&["locate", "--databases"]));
    for word in ["c.xdb", "xdb 2024-02-28 (2)", "part of the program", "514 of IPv4", "CC BY 4.0"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn what_is_found_and_of_no_use_leaves_a_notice() {
    let home = Home::new();
    std::fs::write(home.databases().join("odd.dat"), "no database").unwrap();
    std::fs::write(home.configuration(), "databases = ['/nonexistent/x.mmdb']\n").unwrap();
    let output = home.run(&["locate", "8.8.8.8"]);
    assert_eq!(lines(&output), ["8.8.8.8 [United States]"]);
    assert!(stderr(&output).contains("odd.dat") && stderr(&output).contains("/nonexistent/x.mmdb"));
    let document: Value = serde_json::from_slice(&home.run(&["--json", "-l"]).stdout).unwrap();
    let codes: Vec<&Value> = document["notices"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes.iter().filter(|code| **code == "database-ignored").count(), 2, "{codes:?}");

    std::fs::write(home.configuration(), "\ndatabase = 'x'\n").unwrap();
    let output = home.run(&["locate", "8.8.8.8"]);
    assert!(stderr(&output).contains("config.toml, line 2: "), "{output:?}");
    std::fs::write(home.configuration(), "language = 'x'\n").unwrap();
    assert!(stderr(&home.run(&["locate", "8.8.8.8"])).contains("language 'x'"));
}

#[cfg(unix)]
#[test]
fn odd_files_are_neither_waited_for_nor_read_without_end() {
    let home = Home::new();
    let refused = run(&["locate", "--database", "/dev/zero", "8.8.8.8"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(stderr(&refused).contains("device"), "{refused:?}");

    std::fs::write(home.configuration(), "databases = ['/dev/zero']\n").unwrap();
    let output = home.run(&["locate", "8.8.8.8"]);
    assert!(lines(&output).len() == 1 && stderr(&output).contains("/dev/zero"));

    std::fs::remove_file(home.configuration()).unwrap();
    std::os::unix::fs::symlink("/dev/zero", home.configuration()).unwrap();
    let output = home.run(&["locate", "8.8.8.8"]);
    assert!(lines(&output).len() == 1 && stderr(&output).contains("it is no file"));
}

/// Homes of services are none, and homes of others may not be entered: no reason to complain at each run.
#[test]
fn a_home_that_is_none_is_no_notice() {
    let output = sockscope()
        .env("XDG_CONFIG_HOME", "/dev/null/config")
        .env("XDG_DATA_HOME", "/dev/null/data")
        .args(["locate", "8.8.8.8"])
        .output()
        .unwrap();
    assert_eq!((lines(&output).len(), stderr(&output).as_str()), (1, ""));
}

/// Names of files reach a terminal only without what it would obey.
#[cfg(unix)]
#[test]
fn notices_are_clean() {
    let home = Home::new();
    std::fs::write(home.databases().join("a\u{1b}[31mX.dat"), "no database").unwrap();
    for words in [&["locate", "8.8.8.8"][..], &["--csv"], &["-H"], &["list"], &["assert", "country = XX"]] {
        let output = home.run(words);
        assert!(!output.stderr.contains(&0x1b) && !output.stdout.contains(&0x1b), "{words:?}: {output:?}");
    }
}

#[test]
fn a_file_is_asked_once_and_found_by_any_name() {
    let home = Home::new();
    home.put("geo_czdb/v4.czdb", "x.czdb");
    let path = home.databases().join("x.czdb");
    std::fs::write(home.configuration(), format!("[database-keys]\n'{}' = '{KEY}'\n", path.display())).unwrap();
    let mut command = home.command();
    command.current_dir(home.databases()).args(["locate", "--databases", "--json", "--database", "x.czdb"]);
    assert_eq!(objects(&command.output().unwrap()).len(), 2, "it, and the one that is part of the program");
}
