//! What options of ss, netstat, lsof, kill and timeout are called here, for hands that type these.

use sockscope_sys::Signal;

/// What to type instead of an option that `command` does not have.
pub(super) fn tip(command: &str, unknown: &str, words: &[String]) -> Option<String> {
    if command == "kill"
        && let Some(signal) = words.iter().find_map(|word| signal(word))
    {
        return Some(format!("a signal is named by --signal {signal}"));
    }
    let tip = match (command, unknown) {
        ("kill", "-s") => "a signal is named by --signal KILL",
        ("kill", "--pid") => "a process is named by the filter pid = 812",
        ("kill" | "close", "-y") => "not to be asked, --yes",
        ("kill", "-f") => "those that sockscope descends from are ended with --force",
        ("why", word) if !word.starts_with('-') => {
            "why takes one port and no filter: sockscope why 8080, sockscope why 127.0.0.1:8080"
        }
        ("why", "--port") => "the port needs no option: sockscope why 8080",
        (_, "--port") => "a port is named by the filter sport = :8080",
        ("watch", "-E") => "--events closed prints what closes",
        ("list", "-E" | "--events") => "sockscope watch --events closed prints what closes",
        ("list", "-c" | "--continuous") => "sockscope watch prints what opens and closes, sockscope top shows it",
        ("wait" | "assert", "-q" | "--quiet") => {
            "nothing but the reason of a no is printed, on standard error; 2>/dev/null drops it"
        }
        ("wait", "-w") => "--timeout 30s gives up after that",
        ("watch" | "top", "-d") => "--interval 2s looks every two seconds",
        ("list" | "watch" | "top", "-r") => "names of peers are looked up with --resolve",
        ("watch", "--csv" | "--html" | "--columns" | "--sort" | "--limit") => {
            "watch prints a line each, as they come; --ndjson prints all there is for programs, sockscope list has the table"
        }
        _ => return None,
    };
    Some(tip.to_owned())
}

/// `-9`, `-KILL`, `-SIGKILL`.
fn signal(word: &str) -> Option<Signal> {
    let name = word.strip_prefix('-')?;
    let fits = name.len() > 1 || name.bytes().all(|byte| byte.is_ascii_digit());
    let no_lower_case = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    (fits && no_lower_case).then(|| Signal::parse(name)).flatten()
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    #[test]
    fn signals_are_known_as_kill_takes_them() {
        for word in ["-9", "-KILL", "-SIGKILL"] {
            assert_eq!(signal(word), Some(Signal::KILL), "{word}");
        }
        for word in ["-t", "-K", "--signal", "-", "9", "KILL", "-tu"] {
            assert_eq!(signal(word), None, "{word}");
        }
    }
}
