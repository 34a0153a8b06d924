//! What other programs take for a port, an address or a program, and how it is said here.

use std::net::{IpAddr, Ipv6Addr};

/// Longer names of programs are none.
const LONGEST: usize = 40;

/// How to name the port or the address that a word seems to mean: `8080`, `:8080`, `tcp/8080`, `8080/udp`, `127.0.0.1:8080`,
/// `localhost:8080`, `[::1]:8080`, `10.0.0.0/8`.
pub(super) fn place(word: &str) -> Option<String> {
    let (protocol, rest) = protocol(word);
    if rest.parse::<IpAddr>().is_ok() || is_network(rest) {
        return Some(address(rest));
    }
    let (host, port) = rest.rsplit_once(':').unwrap_or(("", rest));
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port: u16 = port.parse().ok()?;
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if host.parse::<std::net::Ipv4Addr>().is_ok() || inside.is_some_and(|it| it.parse::<Ipv6Addr>().is_ok()) {
        return Some(address(rest));
    }
    let protocol = protocol.map(|name| format!("{name} ")).unwrap_or_default();
    let no_host = if is_host(host) { "names of hosts are not looked up, and " } else { "" };
    Some(format!(
        "{no_host}a port is named by `{protocol}sport = :{port}` (the local one) or `{protocol}dport = :{port}` (the peer's)"
    ))
}

/// How to name the program that a word may mean.
pub(super) fn program(word: &str) -> Option<String> {
    let is_name = |char: char| char.is_alphanumeric() || matches!(char, '.' | '-' | '_' | '+');
    let fits = word.chars().count() <= LONGEST && word.chars().any(char::is_alphabetic) && word.chars().all(is_name);
    fits.then(|| format!("a program is named by `process = {word}`"))
}

fn address(text: &str) -> String {
    format!("an address is named by `src {text}` (the local one) or `dst {text}` (the peer's)")
}

fn is_host(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

fn is_network(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, bits)| address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok())
}

/// `tcp/8080`, `8080/tcp`: the protocol, and the rest.
fn protocol(word: &str) -> (Option<&'static str>, &str) {
    let named = |name: &str| ["tcp", "udp"].into_iter().find(|known| name.eq_ignore_ascii_case(known));
    match word.split_once('/') {
        Some((first, rest)) if named(first).is_some() => (named(first), rest),
        Some((rest, last)) if named(last).is_some() => (named(last), rest),
        _ => (None, word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Context, Filter};

    /// What a hint names can be typed.
    #[test]
    fn hints_are_filters() {
        for word in [
            "8080",
            ":8080",
            "*:8080",
            "tcp/8080",
            "8080/udp",
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "::1",
            "10.0.0.0/8",
            ":::8080",
        ] {
            let hint = place(word).unwrap_or_else(|| panic!("{word}"));
            let filters: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
            assert_eq!(filters.len(), 2, "{hint}");
            for filter in filters {
                assert!(Filter::parse(filter, &Context::default()).is_ok(), "{word}: {filter}");
            }
        }
        for word in ["nginx", "65536", "8080x", "", ":", "x:y", "1.2.3"] {
            assert_eq!(place(word), None, "{word}");
        }
    }

    #[test]
    fn words_that_other_programs_take_are_explained() {
        let message = |text: &str| Filter::parse(text, &Context::default()).unwrap_err().message().to_owned();
        assert!(message("tcp/8080").contains("`tcp sport = :8080`"), "{}", message("tcp/8080"));
        assert!(message("localhost:80").contains("names of hosts are not looked up"), "{}", message("localhost:80"));
        assert!(message("python3").ends_with("; a program is named by `process = python3`"), "{}", message("python3"));
        assert!(message("listning").ends_with("did you mean `listening`?"), "{}", message("listning"));
        assert_eq!(message("bogus = 1"), "unknown word `bogus`");
    }
}
