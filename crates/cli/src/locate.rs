use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::net::IpAddr;

use sockscope::geo::{Answer, Atlas, Database};
use sockscope::{DatabaseOptions, Databases, Locator, Services};
use sockscope_core::AddressScanner;
use sockscope_output::schema::{self, Located};
use sockscope_output::{clean, database_json, located_json};

use crate::args::LocateArgs;
use crate::exit::{Exit, Failure, complain, complain_notice};
use crate::{selection, terminal};

/// How much is read at a time.
const CHUNK: usize = 256 * 1024;
/// From so many look-ups on it is worth preparing the databases.
const WORTH_PREPARING: u64 = 100_000;

/// `sockscope locate`.
pub(crate) fn run(args: &LocateArgs) -> Result<Exit, Failure> {
    let addresses = addresses(&args.addresses)?;
    // What reads standard input may go on for days, while somebody brings the databases up to date.
    let keep = addresses.is_empty() && !args.list_databases;
    let databases = Databases::open(&DatabaseOptions { keep, ..selection::database_options(&args.places)? })?;
    for notice in &databases.notices {
        complain_notice(notice);
    }
    let mut out = terminal::stdout();
    let exit = if args.list_databases {
        list(&mut out, &databases, args.json).map_err(Failure::Output)?;
        Exit::Done
    } else if !addresses.is_empty() {
        locate(&mut out, databases.atlas, &args.addresses, &addresses, args.json).map_err(Failure::Output)?;
        Exit::Done
    } else {
        if io::stdin().is_terminal() {
            complain("reading addresses from the terminal, until Ctrl-D; `sockscope locate --help` has examples");
        }
        if args.json { objects(&mut out, databases.atlas)? } else { annotate(&mut out, databases.atlas)? }
    };
    out.flush().map_err(Failure::Output)?;
    Ok(exit)
}

/// The arguments as addresses, all of them, before anything is printed.
fn addresses(words: &[String]) -> Result<Vec<IpAddr>, Failure> {
    let no_address = |word: &String| {
        Failure::Usage(format!(
            "'{}' is no IP address; names are not looked up, and blocks have no single place",
            clean(word)
        ))
    };
    words.iter().map(|word| address(word).ok_or_else(|| no_address(word))).collect()
}

/// An address, also in brackets or with a zone, neither of which matters for where it is.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let (address, zone) = inner.split_once('%').unwrap_or((inner, "none"));
    let has_zone = !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    let address = address.parse().ok().map(IpAddr::V6)?;
    has_zone.then_some(address)
}

/// A line an address, as the filter writes it, or an object.
fn locate(out: &mut dyn Write, atlas: Atlas, words: &[String], addresses: &[IpAddr], json: bool) -> io::Result<()> {
    let mut locator = Locator::new(atlas);
    for (word, address) in words.iter().zip(addresses) {
        if json {
            let places = locator.places(*address).unwrap_or_default();
            located_json(out, &Located::new(*address, &places))?;
            continue;
        }
        out.write_all(word.as_bytes())?;
        write_place(out, locator.atlas(), *address)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Objects of standard input, which has an address a line.
fn objects(out: &mut dyn Write, atlas: Atlas) -> Result<Exit, Failure> {
    let mut input = io::BufReader::with_capacity(CHUNK, io::stdin().lock());
    let mut locator = Locator::new(atlas);
    let mut line = Vec::new();
    let mut exit = Exit::Done;
    for number in 1u64.. {
        line.clear();
        if read_line(&mut input, &mut line).map_err(|error| unreadable(&error))? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let word = text.trim();
        match address(word) {
            Some(address) => {
                let places = locator.places(address).unwrap_or_default();
                located_json(out, &Located::new(address, &places)).map_err(Failure::Output)?;
            }
            None if word.is_empty() => {}
            None => {
                complain(&format!("line {number}: '{}' is no IP address", clean(word)));
                exit = Exit::Partly;
            }
        }
        if input.buffer().is_empty() {
            out.flush().map_err(Failure::Output)?;
        }
        if number == WORTH_PREPARING {
            locator.prepare();
        }
    }
    Ok(exit)
}

/// Appends a line, or the beginning of one that is too long to hold an address; its rest is passed over.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    const LONGEST: u64 = 256;
    let read = input.by_ref().take(LONGEST).read_until(b'\n', line)?;
    if read as u64 == LONGEST && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
    }
    Ok(read)
}

/// Copies standard input and adds where its addresses are. What was read is written before more is waited for, the beginning
/// of an address aside.
fn annotate(out: &mut dyn Write, mut atlas: Atlas) -> Result<Exit, Failure> {
    let services = sockscope_sys::services_text().as_deref().map(Services::parse).unwrap_or_default();
    let mut scanner = AddressScanner::new(services);
    let mut input = io::stdin().lock();
    let mut buffer = vec![0; CHUNK];
    let mut held = 0;
    let mut lookups = 0;
    let mut is_prepared = false;
    loop {
        let room = buffer.get_mut(held..).unwrap_or_default();
        let read = match input.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(|error| unreadable(&error))?,
        };
        let text = buffer.get(..held + read).unwrap_or_default();
        let mut copied = 0;
        let mut written = Ok(());
        let done = scanner.scan(text, read == 0, &mut |position, address| {
            if written.is_ok() {
                written = out
                    .write_all(text.get(copied..position).unwrap_or_default())
                    .and_then(|()| write_place(out, &atlas, address));
            }
            copied = position;
            lookups += 1;
        });
        written
            .and_then(|()| out.write_all(text.get(copied..done).unwrap_or_default()))
            .and_then(|()| out.flush())
            .map_err(Failure::Output)?;
        if read == 0 {
            return Ok(Exit::Done);
        }
        let end = held + read;
        buffer.copy_within(done..end, 0);
        held = end - done;
        if lookups >= WORTH_PREPARING && !is_prepared {
            atlas.prepare();
            is_prepared = true;
        }
    }
}

/// ` [PLACE]`, or nothing where no place is known.
fn write_place(out: &mut dyn Write, atlas: &Atlas, address: IpAddr) -> io::Result<()> {
    let mut texts = atlas.lookup_all(address).map(|(_, answer)| match answer {
        Answer::Special(special) => Cow::Borrowed(special.text()),
        Answer::Place(place) => place.text(),
    });
    let Some(text) = texts.find(|text| !text.is_empty()) else { return Ok(()) };
    out.write_all(b" [")?;
    out.write_all(clean(&text).as_bytes())?;
    out.write_all(b"]")
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::System(format!("can't read standard input: {error}"))
}

/// The databases, and what they say of themselves.
fn list(out: &mut dyn Write, databases: &Databases, json: bool) -> io::Result<()> {
    let all: Vec<schema::Database<'_>> = databases
        .atlas
        .databases()
        .iter()
        .zip(&databases.files)
        .map(|(database, path)| describe(database, path.as_deref().map(|path| path.to_string_lossy())))
        .collect();
    if json {
        return all.iter().try_for_each(|database| database_json(out, database));
    }
    for (position, database) in all.iter().enumerate() {
        if position > 0 {
            out.write_all(b"\n")?;
        }
        let versions: Vec<String> = database.ip_versions.iter().map(|version| format!("IPv{version}")).collect();
        writeln!(out, "{}", clean(database.name))?;
        let mut row = |name: &str, value: &str| writeln!(out, "  {name:<12} {}", clean(value));
        row("file", database.file.as_deref().unwrap_or("part of the program"))?;
        row("format", database.format)?;
        row("date", database.date.as_deref().unwrap_or("unknown"))?;
        let ranges = [(database.ranges.ipv4, "IPv4"), (database.ranges.ipv6, "IPv6")];
        let ranges =
            ranges.iter().filter(|(count, _)| *count > 0).map(|(count, version)| format!("{count} of {version}"));
        row("ranges", &ranges.collect::<Vec<_>>().join(", "))?;
        row("IP versions", &versions.join(", "))?;
        row("licence", database.licence.unwrap_or("unknown"))?;
        if let Some(attribution) = database.attribution {
            row("attribution", attribution)?;
        }
    }
    Ok(())
}

fn describe<'a>(database: &'a Database, file: Option<Cow<'a, str>>) -> schema::Database<'a> {
    let (info, ranges) = (database.info(), database.ranges());
    schema::Database {
        name: database.name(),
        file,
        format: info.format.name(),
        date: info.date.map(|date| date.to_string()),
        ranges: schema::Ranges { ipv4: ranges.ipv4, ipv6: ranges.ipv6 },
        ip_versions: [(4, info.ipv4), (6, info.ipv6)].into_iter().filter_map(|(it, has)| has.then_some(it)).collect(),
        licence: Some(info.licence).filter(|licence| !licence.is_empty()),
        attribution: info.attribution,
    }
}
