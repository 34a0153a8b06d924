use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The program alone in a directory, and nothing in PATH.
fn alone() -> (TempDir, Command) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("sockscope");
    fs::copy(env!("CARGO_BIN_EXE_sockscope"), &program).unwrap();
    let mut command = Command::new(program);
    command.env("PATH", directory.path().join("nowhere"));
    (directory, command)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn without_the_window_it_is_said_where_it_was_looked_for() {
    let (directory, mut command) = alone();
    let Output { status, stdout, stderr } = command.args(["window", "--filter", "tcp"]).output().unwrap();
    let message = text(&stderr);
    assert_eq!((status.code(), text(&stdout).as_str()), (Some(3), ""), "{message}");
    for word in ["sockscope-window", directory.path().to_str().unwrap(), "PATH", "sockscope top"] {
        assert!(message.contains(word), "{word}: {message}");
    }
}

#[test]
fn all_arguments_go_to_the_window_and_its_status_comes_back() {
    let (directory, mut command) = alone();
    let window = directory.path().join("sockscope-window");
    fs::write(&window, "#!/bin/sh\nfor word; do echo \"<$word>\"; done\nexit 7\n").unwrap();
    fs::set_permissions(&window, fs::Permissions::from_mode(0o755)).unwrap();
    let words = ["window", "--filter", "a b", "--database", "x.dat", "-q", "sport", "=", ":22", "--", "--all"];
    let Output { status, stdout, stderr } = command.args(words).output().unwrap();
    let said = text(&stdout);
    assert_eq!(status.code(), Some(7), "{}", text(&stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(&lines[..8], ["<--filter>", "<a b>", "<--database>", "<x.dat>", "<-q>", "<sport>", "<=>", "<:22>"]);
    assert_eq!(lines.last(), Some(&"<--all>"));
}
