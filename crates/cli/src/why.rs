use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};

use sockscope::{Databases, Locator};
use sockscope_core::Services;
use sockscope_model::{PortQuestion, Protocol, Source, SourceChoice, Verdict};
use sockscope_output::{Listing, clean, why_json, wrapped};
use sockscope_sys as sys;

use crate::args::WhyArgs;
use crate::exit::{Exit, Failure, complain, complain_notice};
use crate::selection::database_options;
use crate::terminal::{self, Terminal};

/// Longer lines are hard to read.
const WIDEST: usize = 100;

/// `sockscope why`.
pub(crate) fn run(args: &WhyArgs) -> Result<Exit, Failure> {
    let question = question(args)?;
    let databases = match (&args.places, args.json) {
        // One that is named must be of use even if nothing is looked up.
        (Some(places), json) if json || !places.databases.is_empty() => {
            Some(Databases::open(&database_options(places)?)?)
        }
        _ => None,
    };
    if args.probe {
        complain("notice: --probe binds the port for microseconds; it never listens");
    }
    let mut here = sys::native(SourceChoice::Auto)?.snapshot(&question.request([question.port]))?;
    sys::name_containers(&mut here);
    let facts = sys::port_facts(&question);
    let elsewhere = sys::elsewhere(&question, &facts);
    let attempts = args.probe.then(|| sys::try_bind(&question));
    let (mut frame, answer) = sockscope_core::why(&question, here, elsewhere, &facts, attempts.as_deref());
    if let Some(databases) = databases {
        Locator::new(databases.atlas).locate(&mut frame, answer.holders.iter().copied());
    }
    let mut out = terminal::stdout();
    if args.json {
        let listing = Listing { frame: &frame, rows: &answer.holders, version: env!("CARGO_PKG_VERSION") };
        why_json(&mut out, &question, &answer, attempts.as_deref(), &listing).map_err(Failure::Output)?;
    } else {
        let width = Terminal::of_stdout().width().map_or(usize::MAX, |width| width.min(WIDEST));
        for paragraph in [&answer.explanation, &answer.advice] {
            for line in lines(&clean(paragraph), width) {
                writeln!(out, "{line}").map_err(Failure::Output)?;
            }
        }
    }
    out.flush().map_err(Failure::Output)?;
    if !args.json {
        // Owners that are hidden are named as such.
        for notice in frame.snapshot.notices.iter().filter(|notice| notice.code != "owners-need-root") {
            complain_notice(notice);
        }
    }
    Ok(if answer.verdict == Verdict::Unknown { Exit::No } else { Exit::Done })
}

/// The text in lines. What stands between backticks is a command, which is copied, and stays on one line.
fn lines(text: &str, width: usize) -> Vec<String> {
    let glued: Vec<String> = text
        .split('`')
        .enumerate()
        .map(|(part, text)| if part % 2 == 1 { text.replace(' ', "\u{a0}") } else { text.to_owned() })
        .collect();
    wrapped(&glued.join("`"), width).into_iter().map(|line| line.replace('\u{a0}', " ")).collect()
}

/// Which port is meant.
fn question(args: &WhyArgs) -> Result<PortQuestion, Failure> {
    let typed = args.port.trim();
    if typed.is_empty() {
        return Err(Failure::Usage(
            "why needs a port, as in: sockscope why 8080, or sockscope why 127.0.0.1:8080 (see --help)".to_owned(),
        ));
    }
    let (prefix, rest) = match typed.split_once('/') {
        // 8080/tcp, as others write it.
        Some((rest, suffix)) if protocol(suffix).is_some() => (protocol(suffix), rest),
        Some((prefix, rest)) => match protocol(prefix) {
            Some(protocol) => (Some(protocol), rest),
            None => {
                let why = "is no port: a port or an address and a port is wanted, without a slash";
                return Err(bad(typed, typed, &format!("{why}{}", advice(typed))));
            }
        },
        None => (None, typed),
    };
    let protocol = match (prefix, args.udp, args.tcp) {
        (Some(Protocol::Tcp), true, _) => return Err(bad(typed, typed, "is a TCP port, and --udp asks for UDP")),
        (Some(Protocol::Udp), _, true) => return Err(bad(typed, typed, "is a UDP port, and --tcp asks for TCP")),
        (Some(protocol), ..) => protocol,
        (None, true, _) => Protocol::Udp,
        (None, false, _) => Protocol::Tcp,
    };
    let (address, port) = split(typed, rest)?;
    Ok(PortQuestion {
        protocol,
        port: self::port(typed, port, protocol)?,
        address: address.map(|it| it.to_canonical()),
    })
}

fn protocol(name: &str) -> Option<Protocol> {
    match name.to_ascii_lowercase().as_str() {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        _ => None,
    }
}

/// The address, if there is one, and what is to be a port.
fn split<'a>(typed: &str, text: &'a str) -> Result<(Option<IpAddr>, &'a str), Failure> {
    if let Some(inside) = text.strip_prefix('[') {
        let Some((address, behind)) = inside.split_once(']') else {
            return Err(bad(typed, text, "has a bracket that is not closed"));
        };
        // A zone belongs to the address of a socket; ports are taken whatever the zone.
        let bare = address.split_once('%').map_or(address, |(bare, _)| bare);
        let Ok(parsed) = bare.parse::<Ipv6Addr>() else {
            return Err(bad(typed, address, "is no IPv6 address"));
        };
        return match behind.strip_prefix(':') {
            Some(port) => Ok((Some(parsed.into()), port)),
            None => Err(bad(typed, text, "names no port: put it behind the bracket, as in [::1]:8080")),
        };
    }
    match text.rsplit_once(':') {
        None => match text.parse::<IpAddr>() {
            Ok(_) => Err(bad(typed, text, "is an address and names no port, as in 127.0.0.1:8080")),
            Err(_) => Ok((None, text)),
        },
        Some(("" | "*", port)) => Ok((None, port)),
        // As netstat writes it.
        Some(("::", port)) => Ok((Some(Ipv6Addr::UNSPECIFIED.into()), port)),
        Some((address, port)) => match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => Ok((Some(address.into()), port)),
            _ if text.parse::<Ipv6Addr>().is_ok() || address.contains(':') => {
                Err(bad(typed, text, "is not clear: put the IPv6 address into brackets, as in [::1]:8080"))
            }
            _ => {
                let why = "is no IP address; names of hosts are not looked up";
                Err(bad(typed, address, &format!("{why}{}", advice(text))))
            }
        },
    }
}

fn port(typed: &str, text: &str, protocol: Protocol) -> Result<u16, Failure> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.trim_start_matches('0') {
            "" => Err(bad(typed, text, "is no port: with it, the system chooses one (ports are 1 to 65535)")),
            digits => digits.parse().map_err(|_| bad(typed, text, "is above 65535, the highest port")),
        };
    }
    if text.is_empty() {
        return Err(bad(
            typed,
            typed,
            "names no port: a number from 1 to 65535 or a service name belongs behind the colon",
        ));
    }
    let services = sys::services_text().as_deref().map(Services::parse).unwrap_or_default();
    services
        .port(text, protocol)
        .filter(|port| *port != 0)
        .ok_or_else(|| bad(typed, text, "is no port: neither a number from 1 to 65535 nor the name of a known service"))
}

/// What to type instead, if a number behind a colon is plainly the port that is meant.
fn advice(text: &str) -> String {
    let ports = text.split(':').skip(1).map(|part| part.split('/').next().unwrap_or_default());
    match ports.filter_map(|part| part.parse::<u16>().ok()).find(|port| *port != 0) {
        Some(port) => format!(
            " (`sockscope why {port}` asks for the port on every address, `sockscope why 127.0.0.1:{port}` on one)"
        ),
        None => String::new(),
    }
}

/// A message that points at the part that is wrong.
fn bad(typed: &str, part: &str, why: &str) -> Failure {
    let mut message = format!("'{}' {why}", clean(part));
    // Text that has to be cleaned has other columns than it seems.
    if let (Some(at), true) = (typed.find(part), clean(typed) == typed && part != typed) {
        let column = typed.get(..at).unwrap_or_default().chars().count();
        let marks = "^".repeat(part.chars().count().max(1));
        message.push_str(&format!("\n  {typed}\n  {:column$}{marks}", ""));
    }
    Failure::Usage(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &str, udp: bool) -> Result<(Protocol, Option<String>, u16), String> {
        let args = WhyArgs { port: words.to_owned(), tcp: false, udp, probe: false, json: false, places: None };
        match question(&args) {
            Ok(question) => Ok((question.protocol, question.address.map(|it| it.to_string()), question.port)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn commands_stay_on_one_line() {
        let text = "End it: `sockscope kill 'sport = :80'` does so, and asks first.";
        let expected = ["End it:", "`sockscope kill 'sport = :80'`", "does so, and asks first."];
        assert_eq!(lines(text, 24), expected);
        assert_eq!(lines(text, usize::MAX), [text]);
    }

    #[test]
    fn ports_are_understood_as_people_write_them() {
        for (typed, address, port) in [
            ("8080", None, 8080),
            (":8080", None, 8080),
            ("*:8080", None, 8080),
            ("tcp/8080", None, 8080),
            ("8080/tcp", None, 8080),
            ("TCP/127.0.0.1:8080", Some("127.0.0.1"), 8080),
            ("127.0.0.1:8080", Some("127.0.0.1"), 8080),
            ("0.0.0.0:1", Some("0.0.0.0"), 1),
            ("[::1]:65535", Some("::1"), 65535),
            (":::8080", Some("::"), 8080),
            ("[fe80::1%eth0]:80", Some("fe80::1"), 80),
            ("[::ffff:127.0.0.1]:80", Some("127.0.0.1"), 80),
            ("0080", None, 80),
        ] {
            assert_eq!(asked(typed, false), Ok((Protocol::Tcp, address.map(str::to_owned), port)), "{typed}");
        }
        assert_eq!(asked("udp/53", false), Ok((Protocol::Udp, None, 53)));
        assert_eq!(asked("53", true), Ok((Protocol::Udp, None, 53)));
    }

    #[test]
    fn what_is_no_port_is_pointed_at() {
        for (typed, word) in [
            ("0", "'0' is no port"),
            ("65536", "above 65535"),
            ("99999999999999999999", "above 65535"),
            ("no-such-service", "neither a number"),
            ("127.0.0.1", "names no port"),
            ("127.0.0.1:", "names no port"),
            ("[::1]", "names no port"),
            ("::1", "brackets"),
            ("::1:80", "brackets"),
            ("[::1:80", "not closed"),
            ("[x]:80", "'x' is no IPv6 address"),
            ("localhost:80", "no IP address"),
            ("localhost:80", "`sockscope why 80`"),
            ("http://localhost:8080/x", "`sockscope why 8080`"),
            ("https://example.org/", "without a slash"),
            ("1.2.3:80", "no IP address"),
            ("10.0.0.0/8:80", "without a slash"),
            ("-1", "neither a number"),
            ("80 81", "neither a number"),
        ] {
            let message = asked(typed, false).unwrap_err();
            assert!(message.contains(word), "{typed}: {message}");
        }
        assert!(asked("tcp/80", true).unwrap_err().contains("--udp"));
        assert_eq!(
            asked("127.0.0.1:8o80", false).unwrap_err().lines().skip(1).collect::<Vec<_>>(),
            ["  127.0.0.1:8o80", "            ^^^^"]
        );
    }
}
