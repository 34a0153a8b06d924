use std::process::{Command, Stdio};

use crate::{is_usage_error, run, sockscope, stdout};

/// The help as a terminal of 80 columns shows it.
fn page(words: &[&str]) -> String {
    let output = sockscope().args(words).env("COLUMNS", "80").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
    assert_eq!(output.stderr, b"", "{words:?}");
    stdout(&output)
}

#[test]
fn help_fits_a_terminal() {
    for words in [
        &["-h"][..],
        &["--help"],
        &["help"],
        &["help", "list"],
        &["help", "assert"],
        &["help", "close"],
        &["help", "completions"],
        &["help", "man"],
        &["help", "help"],
        &["help", "filter"],
        &["list", "-h"],
        &["list", "--help"],
        &["assert", "-h"],
        &["assert", "--help"],
        &["close", "-h"],
        &["close", "--help"],
        &["kill", "-h"],
        &["kill", "--help"],
        &["wait", "-h"],
        &["wait", "--help"],
        &["compare", "-h"],
        &["compare", "--help"],
        &["help", "window"],
        &["locate", "-h"],
        &["locate", "--help"],
        &["man", "--help"],
        &["completions", "--help"],
    ] {
        let text = page(words);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{words:?}: {line}");
        }
        assert!(!text.contains('\u{1b}'), "{words:?}");
        for later in ["history", "--all-namespaces", "no-pushdown"] {
            assert!(!text.contains(later), "{words:?} shows {later}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn help_reads_as_it_did() {
    let mut settings = insta::Settings::clone_current();
    // Found without the help of cargo, which not every user who runs tests can run.
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/snapshots"));
    settings.bind(|| {
        insta::assert_snapshot!("short", page(&["-h"]));
        insta::assert_snapshot!("long", page(&["--help"]));
        insta::assert_snapshot!("assert", page(&["assert", "--help"]));
        insta::assert_snapshot!("close", page(&["close", "--help"]));
        insta::assert_snapshot!("kill", page(&["kill", "--help"]));
        insta::assert_snapshot!("wait", page(&["wait", "--help"]));
        insta::assert_snapshot!("compare", page(&["compare", "--help"]));
        insta::assert_snapshot!("locate", page(&["locate", "--help"]));
        insta::assert_snapshot!("filter", page(&["help", "filter"]));
    });
}

#[test]
fn help_is_the_same_however_it_is_asked_for() {
    assert_eq!(page(&["help"]), page(&["--help"]));
    assert_eq!(page(&["help", "list"]), page(&["list", "--help"]));
    assert_eq!(page(&["help", "assert"]), page(&["assert", "--help"]));
    assert_eq!(page(&["help", "close"]), page(&["close", "--help"]));
    assert_eq!(page(&["--help", "--json", "-t"]), page(&["--help"]));
    assert!(is_usage_error(&["help", "nonsense"]).contains("nonsense"));
}

/// Every filter of the help is one that works.
#[test]
fn the_examples_of_the_help_work() {
    let mut count = 0;
    // Where a file that an example names is.
    let directory = tempfile::tempdir().unwrap();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/geo_qqwry/glued.dat");
    std::fs::copy(fixture, directory.path().join("qqwry.dat")).unwrap();
    let pages = ["list", "assert", "wait", "close", "kill", "compare", "locate", "filter"].map(|topic| ["help", topic]);
    for words in pages {
        for line in page(&words).lines() {
            let Some(example) = line.strip_prefix("    sockscope ").or_else(|| line.strip_prefix("  sockscope "))
            else {
                continue;
            };
            let example = example.split("  ").next().unwrap_or_default();
            let example = example.split(" | ").next().unwrap_or_default();
            let example = example.split(" && ").next().unwrap_or_default();
            let example = example.split(" > compare.json").next().unwrap_or_default();
            // Nor is anything closed or ended for the sake of an example; where that takes `sudo`, it does not come this far.
            let acts = example.starts_with("close") || example.starts_with("kill");
            if example.starts_with('(') || acts && !example.contains("--dry-run") {
                continue;
            }
            let mut words = shell_words(example);
            if words.iter().any(|word| word == "wait") {
                // The last that is said counts.
                words.extend(["--timeout", "0"].map(str::to_owned));
            }
            let output = sockscope().current_dir(directory.path()).args(words).output().unwrap();
            assert!(matches!(output.status.code(), Some(0 | 1)), "{example}: {output:?}");
            count += 1;
        }
    }
    assert!(count > 15, "only {count} examples were found");
}

/// Splits as a shell would, for the quotes that our examples have.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn versions() {
    let version = format!("sockscope {}\n", env!("CARGO_PKG_VERSION"));
    for words in [&["--version"][..], &["-V"], &["list", "--version"], &["assert", "-V"]] {
        assert_eq!(page(words), version, "{words:?}");
    }
    let text = page(&["--version", "--verbose"]);
    assert!(text.starts_with(&version));
    for word in ["target:", "sources:", "auto", "licence:", "MIT OR Apache-2.0", "IP Geolocation by DB-IP"] {
        assert!(text.contains(word), "{text}");
    }
}

/// Whether a program of the system can be run, so that tests go without those that are not there.
fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[test]
fn completions_are_scripts() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = page(&["completions", shell]);
        for word in ["assert", "window", "wait", "close", "kill", "compare", "columns", "ndjson"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
        if matches!(shell, "bash" | "zsh" | "fish") {
            assert!(script.contains("owner_pid"), "{shell} does not know the columns");
        }
        assert!(!script.contains("no-pushdown"), "{shell}");
        let path = directory.path().join(shell);
        std::fs::write(&path, script).unwrap();
        if matches!(shell, "bash" | "zsh" | "fish") && has(shell) {
            let output = Command::new(shell).arg("-n").arg(&path).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
        }
    }
    is_usage_error(&["completions"]);
    assert!(is_usage_error(&["completions", "tcsh"]).contains("tcsh"));
    assert_eq!(is_usage_error(&["completion", "bash"]).lines().count(), 1);
}

#[test]
fn man_pages_render() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made").join("man1");
    let output = run(&["man", "--dir", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        if has("groff") {
            let output = Command::new("groff").args(["-man", "-Tutf8", "-ww"]).arg(&path).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{path:?}: {output:?}");
            assert!(stdout(&output).to_lowercase().contains("sockscope"));
        }
    }
    names.sort();
    assert_eq!(
        names,
        [
            "sockscope-assert.1",
            "sockscope-close.1",
            "sockscope-compare.1",
            "sockscope-completions.1",
            "sockscope-help.1",
            "sockscope-kill.1",
            "sockscope-list.1",
            "sockscope-locate.1",
            "sockscope-man.1",
            "sockscope-top.1",
            "sockscope-wait.1",
            "sockscope-watch.1",
            "sockscope-why.1",
            "sockscope-window.1",
            "sockscope.1"
        ]
    );
    assert_eq!(std::fs::read_to_string(path.join("sockscope.1")).unwrap(), page(&["man"]));
    assert_eq!(std::fs::read_to_string(path.join("sockscope-list.1")).unwrap(), page(&["man", "list"]));
    is_usage_error(&["man", "nonsense"]);

    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = run(&["man", "--dir", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("file"));
}
