//! Starting again as an administrator, which Windows asks its user about, and Wine nobody.

#![cfg(windows)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by it")]

use std::ffi::OsString;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// The words that the second run was started with come through. It is this same test: it finds the name of a file among its own.
#[test]
#[ignore = "on Windows it asks the user; `cargo xtask windows cargo -- test -p sockscope-sys --test elevated -- --ignored`"]
fn the_second_run_has_the_words_of_the_first() {
    const MARK: &str = "words of the second run \"\\\"";
    let own: Vec<OsString> = env::args_os().skip(1).collect();
    if let Some(at) = own.iter().position(|word| word == MARK) {
        fs::write(&own[at + 1], format!("{own:?}")).unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a file");
    let words = ["--ignored", "the_second_run", MARK].map(OsString::from);
    let words: Vec<OsString> = words.into_iter().chain([file.clone().into_os_string()]).collect();
    sockscope_sys::restart_elevated(&words).unwrap();
    let began = Instant::now();
    loop {
        match fs::read_to_string(&file) {
            Ok(text) if !text.is_empty() => break assert_eq!(text, format!("{words:?}")),
            _ => assert!(began.elapsed() < Duration::from_secs(60), "the second run says nothing"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}
