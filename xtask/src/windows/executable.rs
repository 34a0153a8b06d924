use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use object::LittleEndian;
use object::read::pe::{PeFile64, ResourceDirectory, ResourceDirectoryTable};

use super::kit::cargo_home;
use crate::repository::{root, target_directory};

/// Libraries that every Windows has, besides the API sets (`api-ms-win-...`).
const SYSTEM_LIBRARIES: [&str; 15] = [
    "advapi32.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "gdi32.dll",
    "iphlpapi.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "ole32.dll",
    "oleaut32.dll",
    "secur32.dll",
    "shell32.dll",
    "user32.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// Types of resources (winuser.h).
const RT_ICON: u16 = 3;
const RT_GROUP_ICON: u16 = 14;
const RT_VERSION: u16 = 16;
const RT_MANIFEST: u16 = 24;

/// The sizes of our icon, in pixels.
const ICON_SIZES: [u32; 4] = [16, 32, 48, 256];

/// What the manifest must say.
const MANIFEST: [&str; 4] = [
    ">true</longPathAware>",
    ">UTF-8</activeCodePage>",
    "level=\"asInvoker\"",
    // Windows 10 and later
    "<supportedOS Id=\"{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}\"/>",
];

/// An executable for Windows, as bytes.
#[derive(Debug)]
pub(crate) struct Executable {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Executable {
    pub(crate) fn read(path: &Path) -> Result<Executable> {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        Ok(Executable { path: path.to_owned(), bytes })
    }

    /// That it runs on every Windows, tells nothing of this machine, and shows what it is.
    ///
    /// # Errors
    /// The first thing that is not so.
    pub(crate) fn check(&self) -> Result<()> {
        let all = || {
            let libraries = self.check_libraries()?;
            self.check_paths()?;
            self.check_resources()?;
            anyhow::Ok(libraries)
        };
        let libraries = all().with_context(|| self.path.display().to_string())?;
        eprintln!(
            "{}: {:.1} MiB; version, icon and manifest; no path of this machine; links {}",
            self.path.display(),
            self.bytes.len() as f64 / 1024.0 / 1024.0,
            libraries.join(", ")
        );
        Ok(())
    }

    fn parse(&self) -> Result<PeFile64<'_>> {
        Ok(PeFile64::parse(self.bytes.as_slice())?)
    }

    /// It links with what every Windows has, and nothing else.
    fn check_libraries(&self) -> Result<Vec<String>> {
        let file = self.parse()?;
        let mut names = Vec::new();
        let table = file.import_table()?.context("it imports nothing")?;
        let mut descriptors = table.descriptors()?;
        while let Some(descriptor) = descriptors.next()? {
            names.push(table.name(descriptor.name.get(LittleEndian))?);
        }
        if let Some(table) = file.delay_load_import_table()? {
            let mut descriptors = table.descriptors()?;
            while let Some(descriptor) = descriptors.next()? {
                names.push(table.name(descriptor.dll_name_rva.get(LittleEndian))?);
            }
        }
        let mut names: Vec<String> = names.iter().map(|it| String::from_utf8_lossy(it).to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        for name in &names {
            let known = SYSTEM_LIBRARIES.contains(&name.as_str()) || name.starts_with("api-ms-win-");
            ensure!(known, "it links with {name}, which not every Windows has");
        }
        Ok(names)
    }

    /// Nothing in it tells where it was built.
    fn check_paths(&self) -> Result<()> {
        let mut forbidden: Vec<String> =
            ["/root/", "/home/", "/usr/lib/", "/usr/src/", "/usr/share/rust", ".cargo/"].map(str::to_owned).into();
        forbidden.extend([root().to_owned(), target_directory(), cargo_home()].map(|it| it.display().to_string()));
        forbidden.extend(env::var("HOME").ok().filter(|home| home.len() > 1));
        for text in &forbidden {
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for needle in [text.as_bytes(), &wide] {
                if let Some(at) = self.bytes.windows(needle.len()).position(|window| window == needle) {
                    let around = self.bytes.get(at..(at + 100).min(self.bytes.len())).unwrap_or_default();
                    bail!("it contains the path {text}: {}", around.escape_ascii());
                }
            }
        }
        Ok(())
    }

    /// It has what Explorer and the loader look at.
    fn check_resources(&self) -> Result<()> {
        self.check_manifest().context("manifest")?;
        self.check_icon().context("icon")?;
        self.check_version().context("version")
    }

    fn check_manifest(&self) -> Result<()> {
        // The loader reads number 1 of a program.
        let text = std::str::from_utf8(self.resource(RT_MANIFEST, Some(1))?)?;
        for part in MANIFEST {
            ensure!(text.contains(part), "no {part} in {text}");
        }
        Ok(())
    }

    /// A GRPICONDIR names images by number, each of which must be what it says.
    fn check_icon(&self) -> Result<()> {
        let group = self.resource(RT_GROUP_ICON, None)?;
        let count = usize::from(u16_at(group, 4)?);
        let mut sizes = Vec::new();
        for entry in 0..count {
            let at = 6 + 14 * entry;
            let [width, height] = *group.get(at..at + 2).context("too short")? else { bail!("too short") };
            let length = u32_at(group, at + 8)?;
            let image = self.resource(RT_ICON, Some(u16_at(group, at + 12)?))?;
            ensure!(image.len() == length as usize, "image {entry} has {} bytes, not {length}", image.len());
            // 0 stands for 256.
            let size = if width == 0 { 256 } else { u32::from(width) };
            ensure!(width == height && size == image_width(image)?, "image {entry} is no square of {size} pixels");
            sizes.push(size);
        }
        ensure!(sizes == ICON_SIZES, "sizes {sizes:?}");
        Ok(())
    }

    /// A VS_VERSIONINFO: its name, numbers and texts, all in UTF-16.
    fn check_version(&self) -> Result<()> {
        let info = self.resource(RT_VERSION, Some(1))?;
        let numbers = 40;
        ensure!(u32_at(info, numbers)? == 0xfeef_04bd, "no VS_FIXEDFILEINFO");
        let (high, low) = (u32_at(info, numbers + 8)?, u32_at(info, numbers + 12)?);
        let version = format!("{}.{}.{}", high >> 16, high & 0xffff, low >> 16);
        ensure!(version == env!("CARGO_PKG_VERSION"), "it says {version}");
        let words: Vec<u16> =
            info.chunks_exact(2).map(|it| it.iter().rev().fold(0, |all, byte| all << 8 | u16::from(*byte))).collect();
        let text = String::from_utf16_lossy(&words);
        for (key, value) in [
            ("FileVersion", env!("CARGO_PKG_VERSION")),
            ("ProductVersion", env!("CARGO_PKG_VERSION")),
            ("ProductName", "sockscope"),
            ("OriginalFilename", "sockscope.exe"),
            ("LegalCopyright", "Copyright (c) The sockscope developers"),
        ] {
            let (_, rest) = text.split_once(key).with_context(|| format!("no {key}"))?;
            let found = rest.trim_start_matches('\0');
            ensure!(found.starts_with(value), "{key} is {:?}", found.split('\0').next());
        }
        Ok(())
    }

    /// The bytes of a resource; without a number, of the only one of the type.
    fn resource(&self, kind: u16, number: Option<u16>) -> Result<&[u8]> {
        let file = self.parse()?;
        let sections = file.section_table();
        let directory = file.data_directories().resource_directory(file.data(), &sections)?;
        let directory = directory.context("it has no resources")?;
        let of_type = table(directory, &directory.root()?, Some(kind)).with_context(|| format!("type {kind}"))?;
        let languages = table(directory, &of_type, number).with_context(|| format!("type {kind}, {number:?}"))?;
        let [language] = languages.entries else { bail!("in {} languages", languages.entries.len()) };
        let place = language.data(directory)?.data().context("no data")?;
        let (address, size) = (place.offset_to_data.get(LittleEndian), place.size.get(LittleEndian));
        let data = sections.pe_data_at(self.bytes.as_slice(), address).context("outside of the file")?;
        data.get(..size as usize).context("outside of its section")
    }
}

/// The table behind a number; without one, behind the only entry.
fn table<'a>(
    directory: ResourceDirectory<'a>,
    within: &ResourceDirectoryTable<'a>,
    number: Option<u16>,
) -> Result<ResourceDirectoryTable<'a>> {
    let mut found = within.entries.iter().filter(|it| number.is_none() || it.name_or_id().id() == number);
    let (Some(entry), None) = (found.next(), found.next()) else { bail!("there is none, or more than one") };
    entry.data(directory)?.table().context("no table")
}

/// How wide an icon's image is: a PNG, or a bitmap without its file header.
fn image_width(image: &[u8]) -> Result<u32> {
    if image.starts_with(b"\x89PNG") {
        return Ok(u32_at(image, 16)?.swap_bytes());
    }
    ensure!(u32_at(image, 0)? == 40, "neither PNG nor bitmap");
    u32_at(image, 4)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16> {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk).context("too short")?;
    Ok(u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk).context("too short")?;
    Ok(u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_both_encodings() {
        let with = |text: &[u8]| Executable { path: PathBuf::new(), bytes: [b"MZ\0", text, b"\0"].concat() };
        with(b"std/src/io.rs registry/crate-1.0/src/lib.rs").check_paths().unwrap();
        let ours = root().join("crates").display().to_string();
        for path in [ours.as_str(), "/home/ann/.cargo/registry", "/usr/src/rustc-1.96.0/library"] {
            assert!(with(path.as_bytes()).check_paths().is_err(), "{path}");
            let wide: Vec<u8> = path.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert!(with(&wide).check_paths().is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_no_executable_is_refused() {
        let text = Executable { path: PathBuf::new(), bytes: b"#!/bin/sh".to_vec() };
        text.check_libraries().unwrap_err();
        text.check_resources().unwrap_err();
    }
}
