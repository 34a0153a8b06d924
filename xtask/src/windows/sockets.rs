#![expect(clippy::indexing_slicing, reason = "JSON that has no such key gives null")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, pipe};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::Value;
use sockscope_testkit::{Program, Report, Running};

use super::Kit;

/// Under a name that no code page has, one process of the scenario: what is printed must be UTF-8 all the way.
const OTHER: &str = "sockscope tëst 中.exe";

/// What is listed within this time, at the latest, is what is there: connections settle, and Wine starts.
const SETTLED: Duration = Duration::from_secs(20);

/// A socket as any listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    protocol: String,
    state: Option<String>,
    local: (IpAddr, u16),
    remote: Option<(IpAddr, u16)>,
}

type Rows = BTreeSet<Row>;

/// Which of the sockets of a listing a filter keeps.
type Keep<'a> = &'a dyn Fn(&Value) -> bool;

/// `sockscope.exe` beside sockets of Windows programs that it must list, and what this system says of them.
struct Stage<'a> {
    kit: &'a Kit,
    sockscope: &'a Path,
    report: &'a Report,
}

/// Holds `sockscope.exe` against what programs say of themselves, and against ss.
pub(crate) fn check(kit: &Kit, sockscope: &Path, testkit: &Path) -> Result<()> {
    let other = kit.target_directory().join(OTHER);
    // Where the former one still runs, its file can't be written to.
    drop(fs::remove_file(&other));
    fs::copy(testkit, &other).with_context(|| other.display().to_string())?;
    let mut command = kit.wine(testkit);
    command.arg("varied").arg("--other").arg(&other);
    let running = Running::start_command(command).context("the scenario of Windows sockets")?;
    let stage = Stage { kit, sockscope, report: &running.report };

    let listed = stage.same_as_ss()?;
    stage.owners(&listed)?;
    stage.other_sources(&listed)?;
    stage.filters(&listed)?;
    stage.formats()?;
    stage.statuses()?;
    stage.closed_pipe()?;
    stage.what_wine_lacks()?;
    stage.compared(&listed)?;
    stage.hidden_port()?;
    stage.waited()?;
    stage.explained()?;
    // The last: of the two processes of the scenario, one remains.
    stage.ended(&listed)?;
    Ok(())
}

impl Stage<'_> {
    fn command<S: AsRef<OsStr>>(&self, words: &[S]) -> Command {
        let mut command = self.kit.wine(self.sockscope);
        command.args(words).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Result<Output> {
        self.command(words).output().with_context(|| words.join(" "))
    }

    /// Runs it, and it must end with this status.
    fn ends_with(&self, status: i32, words: &[&str]) -> Result<Output> {
        let output = self.run(words)?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(status), "{words:?}: {}, not {status}: {message}", output.status);
        Ok(output)
    }

    /// What it prints, which must be UTF-8.
    fn text(&self, words: &[&str]) -> Result<String> {
        String::from_utf8(self.ends_with(0, words)?.stdout).with_context(|| format!("{words:?}: no UTF-8"))
    }

    /// The sockets of our programs, and which sources they come from.
    fn list(&self, words: &[&str]) -> Result<(Vec<Value>, Vec<Value>)> {
        let text = self.text(&[&["--json"], words].concat())?;
        let document: Value = serde_json::from_str(&text).with_context(|| format!("{words:?}: no JSON"))?;
        ensure!(document["schema"] == "sockscope.snapshot/1" && document["os"] == "windows", "{words:?}: {document}");
        let array = |key: &str| document[key].as_array().cloned().with_context(|| format!("{words:?}: no {key}"));
        let mut sockets = array("sockets")?;
        sockets.retain(|socket| self.is_ours(socket));
        Ok((sockets, array("sources")?))
    }

    fn is_ours(&self, socket: &Value) -> bool {
        let owners = socket["owners"].as_array().map_or(&[][..], Vec::as_slice);
        owners.iter().any(|owner| self.program(owner).is_some())
    }

    fn program(&self, owner: &Value) -> Option<&Program> {
        self.report.programs.iter().find(|program| owner["pid"] == program.pid)
    }

    /// Lists until our programs' sockets are those that ss shows and that the programs say they made.
    fn same_as_ss(&self) -> Result<Vec<Value>> {
        let made = self.made()?;
        let deadline = Instant::now() + SETTLED;
        loop {
            let (listed, _) = self.list(&[])?;
            let rows = listed.iter().map(row_of).collect::<Result<Rows>>()?;
            ensure!(rows.len() == listed.len(), "a socket is listed twice: {listed:#?}");
            let by_ss = ss(&made)?;
            if rows == by_ss && rows == made {
                eprintln!("{} sockets in {} states, as ss shows them", rows.len(), states(&rows).len());
                return Ok(listed);
            }
            if Instant::now() > deadline {
                let (lacks, more) = (by_ss.difference(&rows), rows.difference(&by_ss));
                eprintln!("sockscope.exe lacks: {lacks:#?}\nand shows besides: {more:#?}");
                eprintln!(
                    "ss lacks: {:#?}\nand shows besides: {:#?}",
                    made.difference(&by_ss),
                    by_ss.difference(&made)
                );
                bail!("sockscope.exe and ss do not show the sockets that were made");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// What the programs say they made.
    fn made(&self) -> Result<Rows> {
        let rows: Rows =
            self.report.sockets.iter().map(|made| row_of(&serde_json::to_value(made)?)).collect::<Result<_>>()?;
        ensure!(self.report.programs.len() == 2 && rows.len() == self.report.sockets.len(), "{:?}", self.report);
        for state in ["listen", "syn-sent", "established", "fin-wait-1", "fin-wait-2", "close-wait", "last-ack"] {
            ensure!(states(&rows).contains(&Some(state)), "the scenario lacks {state}");
        }
        Ok(rows)
    }

    /// Who has each socket, and what is known of them, is what they know of themselves.
    fn owners(&self, listed: &[Value]) -> Result<()> {
        let expected: BTreeMap<Row, u32> = self
            .report
            .sockets
            .iter()
            .map(|made| {
                let owner = made.owners.first().context("nobody")?;
                Ok((row_of(&serde_json::to_value(made)?)?, owner.pid))
            })
            .collect::<Result<_>>()?;
        for socket in listed {
            let [owner] = socket["owners"].as_array().context("no owners")?.as_slice() else {
                bail!("not one owner: {socket}");
            };
            ensure!(expected.get(&row_of(socket)?).is_some_and(|pid| owner["pid"] == *pid), "another owner: {socket}");
            let program = self.program(owner).context("no owner of ours")?;
            let name = program.path.rsplit('\\').next().unwrap_or_default();
            ensure!(owner["name"] == name && owner["path"] == program.path.as_str(), "{owner} is no {program:?}");
            let started: Timestamp = owner["started_at"].as_str().context("no time of start")?.parse()?;
            ensure!(started.as_microsecond() == program.started_at_us, "{owner} was not started as {program:?}");
            let command_line = serde_json::to_value(&program.command_line)?;
            ensure!(owner["command_line"] == command_line, "{owner} has not the command line of {program:?}");
            for key in ["uid", "inode", "cookie", "cgroup", "mark", "queues"] {
                ensure!(socket[key].is_null(), "{key} is nothing that Windows knows: {socket}");
            }
            ensure!(owner["fds"].is_null() || owner["fds"] == Value::Array(Vec::new()), "descriptors: {owner}");
            ensure!(socket["no_owner"].is_null(), "an owner, and a reason for none: {socket}");
        }
        Ok(())
    }

    /// The same by functions of other ages.
    fn other_sources(&self, listed: &[Value]) -> Result<()> {
        let part = |keep: Keep<'_>| -> Result<Vec<Value>> {
            let mut kept: Vec<Value> = listed.iter().filter(|socket| keep(socket)).map(known).collect::<Result<_>>()?;
            kept.sort_by_key(Value::to_string);
            Ok(kept)
        };
        let is_tcp = |socket: &Value| socket["protocol"] == "tcp";
        let is_tcp4 = |socket: &Value| is_tcp(socket) && socket["family"] == "ipv4";
        for (source, words, expected) in [
            ("get_extended_table", &[][..], part(&|_| true)?),
            ("get_table2", &["-t"], part(&is_tcp)?),
            ("allocate_ex_table_from_stack", &["-t", "-4"], part(&is_tcp4)?),
        ] {
            let (sockets, sources) = self.list(&[&["--source", source], words].concat())?;
            ensure!(sources.len() == 1 && sources.iter().all(|it| it["name"] == source), "{source}: {sources:?}");
            let mut sockets: Vec<Value> = sockets.iter().map(known).collect::<Result<_>>()?;
            sockets.sort_by_key(Value::to_string);
            ensure!(!expected.is_empty() && sockets == expected, "{source} shows {sockets:#?}, not {expected:#?}");
            eprintln!("{source} shows the same {}", sockets.len());
        }
        Ok(())
    }

    /// Filters and options keep what they would keep of the whole list.
    fn filters(&self, listed: &[Value]) -> Result<()> {
        let program = self.report.programs.last().context("no program")?;
        let port = listed.iter().find_map(|socket| socket["remote"]["port"].as_u64()).context("no connection")?;
        let has_pid = |socket: &Value, pid: u32| socket["owners"][0]["pid"] == pid;
        let cases: [(Vec<String>, Keep<'_>); 10] = [
            (vec![format!("pid = {}", program.pid)], &|it| has_pid(it, program.pid)),
            (vec![format!("process = '{OTHER}'")], &|it| has_pid(it, program.pid)),
            (vec!["path ~ '中'".into()], &|it| has_pid(it, program.pid)),
            (vec!["state close-wait".into()], &|it| it["state"] == "close-wait"),
            (vec![format!("dport = :{port}")], &|it| it["remote"]["port"] == port),
            (vec!["-t".into()], &|it| it["protocol"] == "tcp"),
            (vec!["-u".into()], &|it| it["protocol"] == "udp"),
            (vec!["-6".into()], &|it| it["family"] == "ipv6"),
            (vec!["-lt".into()], &|it| it["state"] == "listen"),
            (vec!["-t".into(), "src 127.0.0.1".into()], &|it| {
                it["protocol"] == "tcp"
                    && matches!(it["local"]["address"].as_str(), Some("127.0.0.1" | "::ffff:127.0.0.1"))
            }),
        ];
        for (words, keep) in cases {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let rows = self.list(&words)?.0.iter().map(row_of).collect::<Result<Rows>>()?;
            let expected = listed.iter().filter(|socket| keep(socket)).map(row_of).collect::<Result<Rows>>()?;
            ensure!(!expected.is_empty() && rows == expected, "{words:?} shows {rows:#?}, not {expected:#?}");
        }
        Ok(())
    }

    /// Every format shows the program whose name is in no code page.
    fn formats(&self) -> Result<()> {
        let program = self.report.programs.last().context("no program")?;
        let filter = format!("pid = {}", program.pid);
        for format in ["table", "json", "ndjson", "csv", "html"] {
            let text = self.text(&["--format", format, "--width", "0", &filter])?;
            ensure!(text.contains("tëst 中.exe"), "{format} does not show {OTHER}: {text}");
        }
        let csv = self.text(&["--csv", "-H", "--columns", "owner_path", "--limit", "1", &filter])?;
        // Among several owners, a backslash tells a semicolon from a separator.
        ensure!(csv.trim_end() == program.path.replace('\\', r"\\"), "{csv:?} is not {}", program.path);
        Ok(())
    }

    /// What scripts go by.
    fn statuses(&self) -> Result<()> {
        let listener = self.report.case("listener").local.port;
        let there = format!("listening and sport = :{listener}");
        for (status, words) in [
            (0, &["assert", &there][..]),
            (1, &["assert", "--none", &there]),
            (2, &["state", "nonsense"]),
            (2, &["--source", "nonsense"]),
            (3, &["--source", "sock_diag"]),
            // Of its functions Wine has one, which is a stub that aborts: the program lives on and says so.
            (3, &["--source", "internal_get_table"]),
        ] {
            let output = self.ends_with(status, words)?;
            ensure!(output.stdout.is_empty(), "{words:?} prints {output:?}");
            ensure!((status == 0) == output.stderr.is_empty(), "{words:?} says {output:?}");
            if words.contains(&"internal_get_table") {
                let message = String::from_utf8_lossy(&output.stderr);
                let crash = "InternalGetTcpTable: it ended the process that called it (0x80000100)";
                ensure!(message.contains(crash), "{words:?} says {message}");
            }
        }
        Ok(())
    }

    /// What Wine does not do is said, and ends nothing.
    fn what_wine_lacks(&self) -> Result<()> {
        // Its counters are a function that says so for IPv4, and for IPv6 a stub that aborts.
        let document: Value = serde_json::from_str(&self.text(&["--json", "-i", "state established"])?)?;
        let sockets = document["sockets"].as_array().context("no sockets")?;
        ensure!(sockets.iter().any(|it| it["family"] == "ipv6"), "no connection over IPv6: {document}");
        ensure!(sockets.iter().all(|it| it["traffic"].is_null()), "{document}");
        let has_notice = |document: &Value, code: &str| {
            document["notices"].as_array().is_some_and(|notices| notices.iter().any(|it| it["code"] == code))
        };
        ensure!(has_notice(&document, "traffic-unavailable"), "{document}");
        // Nor does it say when a socket was made, and no Windows how much waits in one.
        for (filter, code) in [("age > 1s", "age-unknown"), ("recvq > 0", "unknown-on-windows")] {
            let document: Value = serde_json::from_str(&self.text(&["--json", filter])?)?;
            ensure!(has_notice(&document, code), "{filter}: {document}");
        }
        // A rehearsal says what Windows has no call for; what Wine says it did is looked at.
        for words in [
            &["close", "--dry-run", "ipv6 and state established"][..],
            &["close", "--dry-run", "listening"],
            &["close", "--yes", "state established and src 127.0.0.1 and ipv4"],
        ] {
            let output = self.ends_with(3, words)?;
            let message = String::from_utf8_lossy(&output.stderr);
            let why = if words.contains(&"--yes") { "it is still there" } else { "Windows has no call" };
            ensure!(message.contains(why), "{words:?}: {message}");
        }
        eprintln!("what Wine lacks is said");
        Ok(())
    }

    /// Sources that differ are explained, and nothing of it is a finding.
    fn compared(&self, listed: &[Value]) -> Result<()> {
        let document: Value = serde_json::from_str(&self.text(&["compare", "--json"])?)?;
        ensure!(document["schema"] == "sockscope.compare/1" && document["unexplained"] == 0, "{document}");
        let source = |name: &str| {
            let sources = document["sources"].as_array().map_or(&[][..], Vec::as_slice);
            sources.iter().find(|it| it["name"] == name).with_context(|| format!("no {name}: {document}"))
        };
        for (name, available) in [
            ("get_extended_table", true),
            ("get_table2", true),
            ("get_table", true),
            ("allocate_ex_table_from_stack", true),
            ("internal_get_table", false),
        ] {
            ensure!(source(name)?["available"] == available, "{name}: {document}");
        }
        ensure!(source("get_extended_table")?["rows"].as_u64() >= Some(listed.len() as u64), "{document}");
        let reason = source("internal_get_table")?["reason"].as_str().context("no reason")?;
        ensure!(reason.contains("0x80000100"), "{reason}");
        // UDP has neither a GetUdpTable2 nor, here, a function that allocates its table.
        let differences = document["differences"].as_array().context("no differences")?;
        let udp = differences.iter().find(|it| it["socket"]["protocol"] == "udp" && self.is_ours(&it["socket"]));
        let missing_from = &udp.context("no UDP socket differs")?["missing_from"];
        ensure!(missing_from == &serde_json::json!(["get_table2", "allocate_ex_table_from_stack"]), "{missing_from}");
        eprintln!("{} differences between sources, all explained", differences.len());
        Ok(())
    }

    /// A listener that is no Windows program's: in none of Wine's tables, and yet its port can't be bound.
    fn hidden_port(&self) -> Result<()> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let filter = format!("sport = :{port}");
        let words = ["compare", "--json", "--probe", "--rounds", "1", "-t", "-4", &filter];
        let output = self.ends_with(1, &words)?;
        let document: Value = serde_json::from_slice(&output.stdout)?;
        let [difference] = document["differences"].as_array().context("no differences")?.as_slice() else {
            bail!("not one difference: {document}");
        };
        ensure!(difference["cause"] == "unexplained" && difference["socket"]["local"]["port"] == port, "{difference}");
        ensure!(difference["seen_by"] == serde_json::json!(["bind_probe"]), "{difference}");
        // It is still there, and whole.
        let _client = std::net::TcpStream::connect(listener.local_addr()?)?;
        listener.accept()?;
        eprintln!("a port that no table shows is found");
        Ok(())
    }

    /// What is there is not waited for, and what is not, not for ever.
    fn waited(&self) -> Result<()> {
        let there = format!("listening and sport = :{}", self.report.case("listener").local.port);
        let document: Value = serde_json::from_str(&self.text(&["wait", "--json", &there])?)?;
        ensure!(document["matched"] == true && document["sockets"][0]["state"] == "listen", "{document}");
        self.ends_with(1, &["wait", "--gone", &there, "--timeout", "300ms"])?;
        self.ends_with(1, &["wait", "sport = :0 and dport = :1", "--timeout", "300ms"])?;
        self.ends_with(0, &["wait", "--gone", "sport = :0 and dport = :1"])?;
        eprintln!("what is there is not waited for");
        Ok(())
    }

    /// A process is ended by what it is connected with, and whoever listens there lives.
    fn ended(&self, listed: &[Value]) -> Result<()> {
        let client = self.report.programs.last().context("no program")?;
        let listener = self.report.case("listener").local.port;
        let filter = format!("pid = {} and dport = :{listener}", client.pid);
        let is_meant = |it: &&Value| it["remote"]["port"] == listener && it["owners"][0]["pid"] == client.pid;
        ensure!(listed.iter().filter(is_meant).count() > 0, "nobody is connected with {listener}");

        let output = self.ends_with(2, &["kill", &filter])?;
        ensure!(String::from_utf8_lossy(&output.stderr).contains("--yes"), "{output:?}");
        let output = self.ends_with(2, &["kill", "--yes", "--signal", "HUP", &filter])?;
        ensure!(String::from_utf8_lossy(&output.stderr).contains("Windows has no signals"), "{output:?}");
        self.ends_with(1, &["kill", "--yes", "sport = :0 and dport = :1"])?;
        let watch = self.watch(&["--events", "closed", "--count", "1", &filter])?;
        for (result, words) in [("would", &["--dry-run", "--yes"][..]), ("done", &["--yes", "--signal", "KILL"])] {
            let text = self.text(&[&["kill", "--json"], words, &[&filter]].concat())?;
            let line: Value = serde_json::from_str(&text).with_context(|| format!("not one line: {text}"))?;
            ensure!(line["result"] == result && line["process"]["pid"] == client.pid, "{words:?}: {line}");
        }
        self.ends_with(1, &["kill", "--yes", &filter])?;
        self.ends_with(0, &["wait", "--gone", &format!("pid = {}", client.pid), "--timeout", "20s"])?;
        self.ends_with(0, &["assert", &format!("listening and sport = :{listener}")])?;
        eprintln!("a client is ended, and its server lives");

        let output = watch.wait_with_output()?;
        let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let line = format!(" closed  tcp   {}", client_name(listed, client.pid)?);
        ensure!(output.status.success() && told.lines().count() == 1 && told.contains(&line), "{told}{said}");
        ensure!(said.contains(" opened, ") && said.contains(" missed (of TCP"), "{said}");
        eprintln!("a watch tells what it closes");
        Ok(())
    }

    /// A watch that has begun, and printed its titles.
    fn watch(&self, words: &[&str]) -> Result<Child> {
        let words = [&["watch"], words].concat();
        let mut child = self.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let output = child.stdout.as_mut().context("no pipe")?;
        let mut title = Vec::new();
        // Byte by byte: what follows is read later.
        while title.last() != Some(&b'\n') {
            let mut byte = [0];
            output.read_exact(&mut byte).with_context(|| format!("{words:?}: no titles"))?;
            title.push(byte[0]);
        }
        ensure!(title.starts_with(b"TIME (UTC)"), "{}", String::from_utf8_lossy(&title));
        Ok(child)
    }

    /// Why a port is taken, and why a live table can't be shown in a pipe.
    fn explained(&self) -> Result<()> {
        let made = self.report.case("listener");
        let document: Value =
            serde_json::from_str(&self.text(&["why", "--json", &made.local.port.to_string()])?).context("why")?;
        ensure!(document["verdict"] == "held" && self.is_ours(&document["holders"][0]), "{document}");
        let output = self.ends_with(2, &["top"])?;
        ensure!(String::from_utf8_lossy(&output.stderr).contains("sockscope watch"), "{output:?}");
        eprintln!("a port that is taken is explained");
        Ok(())
    }

    /// Who reads no more has seen enough.
    fn closed_pipe(&self) -> Result<()> {
        for words in [&[][..], &["--json"], &["--ndjson"], &["--csv"], &["--html"]] {
            let (reader, writer) = pipe()?;
            drop(reader);
            let mut command = self.command::<&str>(words);
            let output = command.stdout(writer).stderr(Stdio::piped()).spawn()?.wait_with_output()?;
            let message = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success() && message.is_empty(), "{words:?}: {}: {message}", output.status);
        }
        Ok(())
    }
}

/// The name of the program that has that number.
fn client_name(listed: &[Value], pid: u32) -> Result<String> {
    let owner = listed.iter().map(|socket| &socket["owners"][0]).find(|owner| owner["pid"] == pid);
    Ok(owner.and_then(|owner| owner["name"].as_str()).context("the client has no name")?.to_owned())
}

/// What any source can know of a socket and its owner.
fn known(socket: &Value) -> Result<Value> {
    let mut known = serde_json::Map::new();
    for key in ["protocol", "family", "state", "local", "remote", "owners", "no_owner"] {
        known.insert(key.into(), socket.get(key).with_context(|| format!("no {key}: {socket}"))?.clone());
    }
    Ok(known.into())
}

fn states(rows: &Rows) -> BTreeSet<Option<&str>> {
    rows.iter().map(|row| row.state.as_deref()).collect()
}

/// Of an object of ours or of the scenario's, which has the same keys.
fn row_of(socket: &Value) -> Result<Row> {
    let end = |key: &str| -> Result<Option<(IpAddr, u16)>> {
        let end = &socket[key];
        if end.is_null() {
            return Ok(None);
        }
        let address = end["address"].as_str().with_context(|| format!("no address: {socket}"))?.parse()?;
        let port = end["port"].as_u64().with_context(|| format!("no port: {socket}"))?;
        Ok(Some((address, port.try_into()?)))
    };
    Ok(Row {
        protocol: socket["protocol"].as_str().context("no protocol")?.into(),
        state: socket["state"].as_str().map(str::to_owned),
        local: end("local")?.context("no local end")?,
        remote: end("remote")?,
    })
}

/// What ss shows with the local ends of these sockets.
fn ss(of: &Rows) -> Result<Rows> {
    let output = Command::new("ss").args(["-tuanHe"]).output().context("ss")?;
    ensure!(output.status.success(), "ss: {output:?}");
    let ours: BTreeSet<(&str, (IpAddr, u16))> = of.iter().map(|row| (row.protocol.as_str(), row.local)).collect();
    let mut rows = Rows::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(protocol), Some(state), Some(_), Some(_), Some(local), Some(remote)) =
            (words.next(), words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            bail!("ss prints {line:?}");
        };
        // A connection that nobody has accepted is no process' socket yet, and of those Windows tells.
        if words.any(|word| word == "ino:0") {
            continue;
        }
        let Some(local) = ss_end(local)? else { continue };
        if !ours.contains(&(protocol, local)) {
            continue;
        }
        let is_tcp = protocol == "tcp";
        let state = is_tcp.then(|| ss_state(state)).transpose()?;
        // No table of Windows says with whom a UDP socket is connected.
        let remote = if is_tcp { ss_end(remote)? } else { None };
        ensure!(rows.insert(Row { protocol: protocol.into(), state, local, remote }), "ss shows it twice: {line}");
    }
    Ok(rows)
}

/// `ADDRESS:PORT` as ss writes it; `None` without a port.
fn ss_end(text: &str) -> Result<Option<(IpAddr, u16)>> {
    let (address, port) = text.rsplit_once(':').with_context(|| format!("ss prints {text:?}"))?;
    let Ok(port) = port.parse() else { return Ok(None) };
    // With the interface, such as link-local ones.
    let address = address.split('%').next().unwrap_or(address);
    let address = address.trim_start_matches('[').trim_end_matches(']');
    // Both families
    let address = if address == "*" { "::" } else { address };
    Ok(Some((address.parse().with_context(|| format!("ss prints {text:?}"))?, port)))
}

fn ss_state(name: &str) -> Result<String> {
    Ok(match name {
        "ESTAB" => "established".into(),
        "SYN-RECV" => "syn-received".into(),
        "LISTEN" | "SYN-SENT" | "FIN-WAIT-1" | "FIN-WAIT-2" | "TIME-WAIT" | "CLOSE-WAIT" | "LAST-ACK" | "CLOSING" => {
            name.to_ascii_lowercase()
        }
        _ => bail!("ss knows a state {name}"),
    })
}

/// The program that makes sockets, for Windows.
pub(crate) fn build_testkit(kit: &Kit, profile: &str) -> Result<PathBuf> {
    kit.build(&["--package", "sockscope-testkit", "--bin", "sockscope-testkit"], profile)?;
    Ok(kit.built(profile).join("sockscope-testkit.exe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_as_ss_writes_them() {
        let end = |text| ss_end(text).unwrap().map(|(address, port)| format!("{address} {port}"));
        for (text, expected) in [
            ("127.0.0.1:80", Some("127.0.0.1 80")),
            ("127.0.0.53%lo:53", Some("127.0.0.53 53")),
            ("[::1]:443", Some("::1 443")),
            ("[::ffff:127.0.0.1]:1", Some("::ffff:127.0.0.1 1")),
            ("[fe80::1]%eth0:546", Some("fe80::1 546")),
            ("*:8080", Some(":: 8080")),
            ("0.0.0.0:*", None),
            ("[::]:*", None),
        ] {
            assert_eq!(end(text).as_deref(), expected, "{text}");
        }
        ss_end("nonsense").unwrap_err();
    }

    #[test]
    fn states_have_our_names() {
        assert_eq!(
            ["ESTAB", "LISTEN", "LAST-ACK"].map(|name| ss_state(name).unwrap()),
            ["established", "listen", "last-ack"]
        );
        ss_state("UNCONN").unwrap_err();
    }
}
