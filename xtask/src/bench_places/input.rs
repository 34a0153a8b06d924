use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{Options, Version};
use crate::data;
use crate::peers::Random;

/// Files to look up and to read, beside the databases.
pub(super) struct Inputs {
    /// One address a line.
    pub(super) ipv4: PathBuf,
    pub(super) ipv6: PathBuf,
    /// A log with an address in each line.
    pub(super) log: PathBuf,
    /// Logs without any.
    pub(super) plain: PathBuf,
}

impl Inputs {
    pub(super) fn at() -> Result<Inputs> {
        let directory = data::directory()?.join("bench");
        fs::create_dir_all(&directory)?;
        let file = |name| directory.join(name);
        Ok(Inputs { ipv4: file("ipv4.txt"), ipv6: file("ipv6.txt"), log: file("log.txt"), plain: file("plain.txt") })
    }

    pub(super) fn write(&self, options: &Options) -> Result<()> {
        let (ipv4, ipv6) = (Networks::announced(Version::Ipv4)?, Networks::announced(Version::Ipv6)?);
        for (path, networks) in [(&self.ipv4, &ipv4), (&self.ipv6, &ipv6)] {
            let mut random = Random(2);
            write_lines(path, (0..options.addresses).map(|_| networks.address(&mut random).to_string()))?;
        }
        let mut random = Random(2);
        write_lines(&self.log, (0..options.lines).map(|index| log_line(index, ipv4.address(&mut random))))?;
        let (mut random, mut left) = (Random(3), options.megabytes * 1_000_000);
        let plain = std::iter::from_fn(|| {
            let line = (left > 0).then(|| plain_line(&mut random))?;
            left = left.saturating_sub(line.len() + 1);
            Some(line)
        });
        write_lines(&self.plain, plain)
    }
}

fn write_lines(path: &Path, lines: impl Iterator<Item = String>) -> Result<()> {
    let mut file = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}

/// Networks to draw addresses from.
struct Networks {
    version: Version,
    /// Each with the sum of the weights up to it, its first address and its size.
    ranges: Vec<(u128, u128, u128)>,
}

impl Networks {
    /// Those that autonomous systems announce. A network of IPv4 is drawn as often as it is large, one of IPv6, where sizes
    /// differ too much for that, as often as any other.
    fn announced(version: Version) -> Result<Networks> {
        let name = if version == Version::Ipv4 { "asn-ipv4.csv" } else { "asn-ipv6.csv" };
        let mut ranges = Vec::new();
        let mut total = 0;
        for line in fs::read_to_string(data::file(name)?)?.lines() {
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
        Ok(Networks { version, ranges })
    }

    fn address(&self, random: &mut Random) -> IpAddr {
        let mut next = || u128::from(random.next()) << 64 | u128::from(random.next());
        let at = next() % self.ranges.last().map_or(1, |(total, ..)| *total);
        let range = self.ranges.get(self.ranges.partition_point(|(end, ..)| *end <= at));
        let bits = range.map_or(0, |(_, first, size)| first + next() % size);
        match self.version {
            Version::Ipv4 => IpAddr::from((bits as u32).to_be_bytes()),
            Version::Ipv6 => IpAddr::from(bits.to_be_bytes()),
        }
    }
}

/// As web servers write them.
fn log_line(index: usize, address: IpAddr) -> String {
    let (hour, minute, second) = (index / 3600 % 24, index / 60 % 60, index % 60);
    let time = format!("24/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000");
    format!("{address} - - [{time}] \"GET /items/{index}?page=2 HTTP/1.1\" 200 {}", index * 7 % 50_000)
}

/// Text as logs have it, with much that is not an address but begins like one: times, versions, MAC addresses, hashes.
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
