use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Version;
use crate::data;
use crate::peers::Random;

/// Random addresses out of the networks that are announced, as often as a network is large; of IPv6, where sizes differ
/// too much for that, as often from each network.
pub(super) fn announced(version: Version, count: usize) -> Result<Vec<String>> {
    let name = if version == Version::Ipv4 { "asn-ipv4.csv" } else { "asn-ipv6.csv" };
    let table = fs::read_to_string(data::file(name)?)?;
    let mut ranges = Vec::new();
    let mut total = 0;
    for line in table.lines() {
        let mut columns = line.split(',');
        let mut bits = || -> Result<u128> {
            Ok(match columns.next().context("too short a line")?.parse()? {
                IpAddr::V4(address) => u128::from(address.to_bits()),
                IpAddr::V6(address) => address.to_bits(),
            })
        };
        let (first, last) = (bits()?, bits()?);
        let size = last.saturating_sub(first).saturating_add(1);
        total += if version == Version::Ipv4 { size } else { 1 };
        ranges.push((total, first, size));
    }
    ensure!(total > 0, "{name} is empty");
    let mut random = Random(2);
    let mut next = || u128::from(random.next()) << 64 | u128::from(random.next());
    let address = |_| {
        let at = next() % total;
        let range = ranges.get(ranges.partition_point(|(end, ..)| *end <= at)).or(ranges.last());
        let bits = range.map_or(0, |(_, first, size)| first + next() % size);
        match version {
            Version::Ipv4 => IpAddr::from((bits as u32).to_be_bytes()).to_string(),
            Version::Ipv6 => IpAddr::from(bits.to_be_bytes()).to_string(),
        }
    };
    Ok((0..count).map(address).collect())
}

/// Lines as web servers write them.
pub(super) fn log(addresses: &[String]) -> Vec<String> {
    let line = |(index, address): (usize, &String)| {
        format!(
            "{address} - - [24/Nov/2026:{:02}:{:02}:{:02} +0000] \"GET /items/{index}?page=2 HTTP/1.1\" 200 {}",
            index / 3600 % 24,
            index / 60 % 60,
            index % 60,
            index * 7 % 50_000,
        )
    };
    addresses.iter().enumerate().map(line).collect()
}

pub(super) fn write_lines(path: &Path, lines: &[String]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}

/// Text as logs have it, with much that is not an address but begins like one: times, versions, MAC addresses, hashes.
pub(super) fn write_plain(path: &Path, megabytes: usize) -> Result<()> {
    let mut file = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
    let mut random = Random(3);
    let mut written = 0;
    while written < megabytes * 1_000_000 {
        let line = plain_line(&mut random);
        written += line.len() + 1;
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}

fn plain_line(random: &mut Random) -> String {
    let hash = format!("{:016x}{:016x}", random.next(), random.next());
    let mut below = |bound: u64| random.next() % bound;
    let time = format!("{:02}:{:02}:{:02}", below(24), below(60), below(60));
    match below(6) {
        0 => {
            let mac: Vec<String> = (0..6).map(|_| format!("{:02x}", below(256))).collect();
            format!("Nov 24 {time} web-3 kernel: eth0: link/ether {} brd ff:ff:ff:ff:ff:ff", mac.join(":"))
        }
        1 => {
            let (worker, micros, took) = (below(30_000), below(1_000_000), below(90_000) as f64 / 100.0);
            format!("2026-11-24T{time}.{micros:06}Z INFO worker[{worker}] job finished in {took} ms, 0 errors")
        }
        2 => format!("commit {hash} release v{}.{}.{}-rc.1 of libfoo", below(9), below(20), below(30)),
        3 => {
            let version = format!("6.{}.{}", below(20), below(90));
            format!("[{time}] Unpacking linux-image-{version}-amd64 ({version}-1) over (6.1.0-27) ...")
        }
        4 => {
            let chrome = format!("{}.0.{}.{}", 100 + below(40), 5000 + below(1500), below(200));
            format!(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{chrome} Safari/537.36"
            )
        }
        _ => format!(
            "{{\"level\":\"warn\",\"id\":\"{hash}\",\"message\":\"upstream timed out; retrying in {} s\"}}",
            below(60)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_have_no_address() {
        let mut random = Random(3);
        for _ in 0..10_000 {
            let line = plain_line(&mut random);
            let mut words = line.split(|it: char| !it.is_ascii_hexdigit() && it != '.' && it != ':');
            assert_eq!(words.find(|word| word.trim_end_matches(['.', ':']).parse::<IpAddr>().is_ok()), None, "{line}");
        }
    }
}
