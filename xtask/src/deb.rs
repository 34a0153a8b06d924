use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::page::printed;
use crate::repository::{cargo, check, root, target_directory, words};

/// How to build it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The profile of cargo to build with
    #[arg(long, default_value = "release")]
    profile: String,
}

/// Icons, of which the window has a file for each size, and one for all.
const ICON_SIZES: [u32; 6] = [16, 32, 48, 64, 128, 256];

/// Libraries that the programs are linked with, and packages of Debian that have them.
const LIBRARIES: [(&str, &str); 4] =
    [("libc.so.6", "libc6"), ("libgcc_s.so.1", "libgcc-s1"), ("libm.so.6", "libc6"), ("ld-linux-x86-64.so.2", "libc6")];

/// What the window loads when it starts, and what it draws Chinese with; machines without a display need none of it.
const RECOMMENDED: &str = "libegl1, libgl1, libwayland-client0, libwayland-egl1, libx11-6, libx11-xcb1, libxcursor1, libxi6, \
                           libxkbcommon0, libxkbcommon-x11-0, fonts-noto-cjk | fonts-wqy-microhei";

/// Builds the package, and runs what is in it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let built = build(&options.profile)?;
    let architecture = printed("dpkg", &["--print-architecture"]);
    ensure!(!architecture.is_empty(), "there is no dpkg, which knows the name of this architecture");
    let version = env!("CARGO_PKG_VERSION");
    let directory = target_directory().join("deb");
    let tree = Tree::new(directory.join("tree"))?;
    stage(&tree, &built)?;
    control(&tree, version, &architecture)?;
    let package = directory.join(format!("sockscope_{version}_{architecture}.deb"));
    check(Command::new("dpkg-deb").args(["--build", "--root-owner-group"]).arg(&tree.root).arg(&package))?;
    try_out(&package, &directory.join("unpacked"))?;
    println!("{}", package.display());
    Ok(())
}

/// Where the programs are.
fn build(profile: &str) -> Result<PathBuf> {
    let packages = ["--package", "sockscope-cli", "--package", "sockscope-window", "--bins"];
    check(cargo().args(["build", "--locked", "--profile", profile]).args(packages))?;
    Ok(target_directory().join(if profile == "dev" { "debug" } else { profile }))
}

/// What will be `/`.
struct Tree {
    root: PathBuf,
}

impl Tree {
    /// An empty one.
    fn new(root: PathBuf) -> Result<Tree> {
        remove(&root)?;
        Ok(Tree { root })
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.root.join(path);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        // Whatever the mask of whoever builds it.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        for directory in path.ancestors().skip(1).take_while(|it| it.starts_with(&self.root)) {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
        }
        Ok(path)
    }

    fn copy(&self, from: &Path, path: &str) -> Result<PathBuf> {
        self.write(path, fs::read(from).with_context(|| from.display().to_string())?)
    }

    /// Every file, with its path below the root.
    fn files(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        let mut directories = vec![self.root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory)? {
                let path = entry?.path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    files.push(path.strip_prefix(&self.root)?.display().to_string());
                }
            }
        }
        files.sort();
        Ok(files)
    }
}

fn stage(tree: &Tree, built: &Path) -> Result<()> {
    for name in ["sockscope", "sockscope-window"] {
        let program = tree.copy(&built.join(name), &format!("usr/bin/{name}"))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        check(Command::new("strip").arg("--strip-all").arg(&program))?;
    }
    let (program, window) = (built.join("sockscope"), built.join("sockscope-window"));
    let pages = tree.root.with_file_name("man");
    remove(&pages)?;
    output(Command::new(&program).args(["man", "--dir"]).arg(&pages))?;
    // `sockscope window` has a page of that name too, which says less.
    fs::write(pages.join("sockscope-window.1"), output(Command::new(&window).arg("--man"))?)?;
    for entry in fs::read_dir(&pages)? {
        let page = entry?.path();
        let name = page.file_name().context("no name")?.display().to_string();
        tree.write(&format!("usr/share/man/man1/{name}.gz"), compressed(&page)?)?;
    }
    for (shell, path) in [
        ("bash", "bash-completion/completions/sockscope"),
        ("zsh", "zsh/vendor-completions/_sockscope"),
        ("fish", "fish/vendor_completions.d/sockscope.fish"),
    ] {
        let script = output(Command::new(&program).args(["completions", shell]))?;
        tree.write(&format!("usr/share/{path}"), script)?;
    }
    let linux = root().join("crates/window/linux");
    let desktop = "sockscope-window.desktop";
    tree.copy(&linux.join(desktop), &format!("usr/share/applications/{desktop}"))?;
    let icons = "usr/share/icons/hicolor";
    for size in ICON_SIZES {
        let path = format!("{icons}/{size}x{size}/apps/sockscope-window.png");
        tree.copy(&linux.join(format!("icons/{size}.png")), &path)?;
    }
    let svg = "sockscope-window.svg";
    tree.copy(&linux.join("icons").join(svg), &format!("{icons}/scalable/apps/{svg}"))?;
    tree.write("usr/share/doc/sockscope/copyright", copyright()?)?;
    for licence in font_licences()? {
        let name = licence.file_name().context("no name")?.display().to_string();
        tree.copy(&licence, &format!("usr/share/doc/sockscope/fonts/{name}"))?;
    }
    tree.write("usr/share/doc/sockscope/changelog.gz", compressed(&root().join("CHANGELOG.md"))?)?;
    Ok(())
}

/// The licences of the program and of the data in it. Debian has the text of Apache's on every machine.
fn copyright() -> Result<String> {
    let read = |name: &str| fs::read_to_string(root().join(name)).with_context(|| name.to_owned());
    let (notice, mit) = (read("NOTICE")?, read("LICENSE-MIT")?);
    Ok(format!(
        "{notice}\nThe licences of the fonts are in /usr/share/doc/sockscope/fonts.\n\nThe program itself may be used under either of two licences: the Apache License 2.0, which is in\n\
         /usr/share/common-licenses/Apache-2.0, or:\n\n{mit}"
    ))
}

/// The texts that go with the fonts of the window, which are in the source of a crate.
fn font_licences() -> Result<Vec<PathBuf>> {
    let metadata = output(cargo().args(["metadata", "--format-version", "1", "--locked", "--offline"]))?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata)?;
    let text = |package: &serde_json::Value, key: &str| package.get(key)?.as_str().map(str::to_owned);
    let packages =
        metadata.get("packages").and_then(serde_json::Value::as_array).context("cargo metadata names no packages")?;
    let fonts = packages
        .iter()
        .find(|it| text(it, "name").as_deref() == Some("epaint_default_fonts"))
        .context("no crate with fonts")?;
    let manifest = PathBuf::from(text(fonts, "manifest_path").context("the crate with fonts is nowhere")?);
    let mut licences = Vec::new();
    for entry in fs::read_dir(manifest.with_file_name("fonts"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            licences.push(path);
        }
    }
    ensure!(licences.len() >= 3, "the crate with fonts has {} licences only", licences.len());
    licences.sort();
    Ok(licences)
}

fn control(tree: &Tree, version: &str, architecture: &str) -> Result<()> {
    let files = tree.files()?;
    let mut sums = String::new();
    let mut size = 0;
    for file in &files {
        let path = tree.root.join(file);
        size += path.metadata()?.len();
        let sum = output(Command::new("md5sum").arg("--").arg(&path))?;
        let sum = String::from_utf8_lossy(&sum).split(' ').next().context("md5sum says nothing")?.to_owned();
        sums.push_str(&format!("{sum}  {file}\n"));
    }
    tree.write("DEBIAN/md5sums", sums)?;
    let depends = dependencies(&["usr/bin/sockscope", "usr/bin/sockscope-window"].map(|it| tree.root.join(it)))?;
    let text = format!(
        "Package: sockscope\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: {maintainer}\n\
         Installed-Size: {size}\n\
         Depends: {depends}\n\
         Recommends: {RECOMMENDED}\n\
         Suggests: xdg-utils, bash-completion\n\
         Section: net\n\
         Priority: optional\n\
         Description: which program talks to whom, and where in the world that is\n \
          Lists every TCP and UDP socket of this machine, the processes that own it, and the\n \
          place of its peer, by IP databases that are on this machine: nothing is sent.\n \
          Filters are those of ss, and more. It watches, shows sockets live in a terminal\n \
          (sockscope top) or a window with a map (sockscope window), closes connections,\n \
          and says who holds a port.\n",
        maintainer = "The sockscope developers <sockscope@localhost>",
        size = size.div_ceil(1024),
    );
    tree.write("DEBIAN/control", text)?;
    Ok(())
}

/// Packages that have the libraries which the programs are linked with.
fn dependencies(programs: &[PathBuf]) -> Result<String> {
    let mut packages = BTreeSet::new();
    let mut newest = (0, 0);
    for program in programs {
        let headers = output(Command::new("readelf").args(["--dynamic", "--version-info", "--wide"]).arg(program))?;
        let headers = String::from_utf8_lossy(&headers);
        for library in needed(&headers) {
            let known = LIBRARIES.iter().find(|(name, _)| *name == library);
            let (_, package) = known.with_context(|| {
                format!("{} is linked with {library}, of no package that is known", program.display())
            })?;
            packages.insert(*package);
        }
        newest = newest.max(newest_glibc(&headers));
    }
    ensure!(newest > (2, 0), "no program says which version of glibc it takes");
    let versioned = |package: &&str| match *package {
        "libc6" => format!("libc6 (>= {}.{})", newest.0, newest.1),
        package => package.to_owned(),
    };
    Ok(packages.iter().map(versioned).collect::<Vec<_>>().join(", "))
}

/// The libraries that `readelf` names.
fn needed(headers: &str) -> impl Iterator<Item = &str> {
    let lines = headers.lines().filter(|line| line.contains("(NEEDED)"));
    lines.filter_map(|line| line.split_once('[')?.1.split_once(']').map(|(name, _)| name))
}

/// The newest version of glibc that `readelf` names.
fn newest_glibc(headers: &str) -> (u32, u32) {
    let versions = headers.split("Name: GLIBC_").skip(1).filter_map(|rest| {
        let version = rest.split_whitespace().next()?;
        let mut numbers = version.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    });
    versions.max().unwrap_or_default()
}

/// Unpacks the package, and runs the programs that are in it.
fn try_out(package: &Path, directory: &Path) -> Result<()> {
    remove(directory)?;
    check(Command::new("dpkg-deb").arg("--extract").arg(package).arg(directory))?;
    for name in ["sockscope", "sockscope-window"] {
        let said = output(Command::new(directory.join("usr/bin").join(name)).arg("--version"))?;
        let said = String::from_utf8_lossy(&said).trim_end().to_owned();
        ensure!(said == format!("{name} {}", env!("CARGO_PKG_VERSION")), "{name} says that it is {said}");
    }
    // It finds the window, which finds no display.
    let mut window = Command::new(directory.join("usr/bin/sockscope"));
    window.arg("window").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    let output = window.output()?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(3) && message.starts_with("sockscope-window: "), "{output:?}");
    remove(directory)
}

/// What a program prints; that it fails is our failure.
fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| words(command))?;
    if !output.status.success() {
        bail!("{}: {}: {}", words(command), output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

/// By gzip, the same bytes each time.
fn compressed(file: &Path) -> Result<Vec<u8>> {
    output(Command::new("gzip").args(["--best", "--no-name", "--stdout"]).arg(file))
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| directory.display().to_string())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = "\
 0x0000000000000001 (NEEDED)             Shared library: [libgcc_s.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000000c (INIT)               0x1000
  0x0010:   Name: GLIBC_2.9  Flags: none  Version: 22
  0x0020:   Name: GLIBC_2.34  Flags: none  Version: 21
  0x0030:   Name: GLIBC_2.2.5  Flags: none  Version: 20
  0x0040:   Name: GCC_4.2.0  Flags: none  Version: 17
";

    #[test]
    fn libraries_and_versions_are_read_as_readelf_writes_them() {
        assert_eq!(needed(HEADERS).collect::<Vec<_>>(), ["libgcc_s.so.1", "libc.so.6"]);
        assert_eq!(newest_glibc(HEADERS), (2, 34));
        assert_eq!(newest_glibc(""), (0, 0));
    }
}
