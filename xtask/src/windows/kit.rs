use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::page::printed;
use crate::repository::{check, root, target_directory};

/// Names another directory than `target/windows-kit`, such as one that several clones share.
const DIRECTORY: &str = "SOCKSCOPE_WINDOWS_KIT";

/// What we build for.
pub(crate) const TRIPLE: &str = "x86_64-pc-windows-gnu";

/// The compiler that has a standard library for Windows: Debian's, not the one that runs us.
const COMPILERS: &str = "/usr/bin";

/// Variables by which the toolchain that runs us, or whoever started it, would change what Debian's does.
const FOREIGN: [&str; 9] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "LD_LIBRARY_PATH",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// Compilers and Wine, prepared by `windows-kit.sh`.
#[derive(Debug)]
pub(crate) struct Kit {
    directory: PathBuf,
    /// The version of the compiler that its standard library is for.
    version: String,
}

impl Kit {
    /// Prepares what is missing.
    pub(crate) fn prepare() -> Result<Kit> {
        let directory = directory();
        let script = root().join("xtask/windows-kit.sh");
        check(Command::new(script).arg(&directory)).context("the Windows kit could not be prepared")?;
        Kit::there(directory)
    }

    /// As it is, if it is there, which is not looked at closely; else it is prepared.
    pub(crate) fn open() -> Result<Kit> {
        Kit::there(directory()).or_else(|_| Kit::prepare())
    }

    fn there(directory: PathBuf) -> Result<Kit> {
        let read = |name: &str| fs::read_to_string(directory.join(name)).with_context(|| format!("no {name}"));
        let version = read("compiler")?.trim().to_owned();
        // It was moved if it names another place.
        ensure!(Path::new(read("wine-is-in")?.trim()) == directory.canonicalize()?, "it was moved");
        let installed = printed(&format!("{COMPILERS}/rustc"), &["-V"]);
        ensure!(installed.split(' ').nth(1) == Some(&version), "it is for Rust {version}, and {installed} is here");
        let kit = Kit { directory, version };
        ensure!(kit.sysroot().exists(), "no standard library");
        Ok(kit)
    }

    /// As `windows-kit.sh` names it.
    fn sysroot(&self) -> PathBuf {
        self.directory.join(format!("sysroot-{}-2", self.version))
    }

    /// Where cargo puts what it builds for Windows: not where another compiler puts what it builds for us.
    pub(crate) fn target_directory(&self) -> PathBuf {
        target_directory().join("windows")
    }

    /// Where executables are.
    pub(crate) fn built(&self, profile: &str) -> PathBuf {
        let name = if profile == "dev" { "debug" } else { profile };
        self.target_directory().join(TRIPLE).join(name)
    }

    /// A program under Wine. Its status comes back modulo 256.
    pub(crate) fn wine(&self, program: &Path) -> Command {
        let mut command = Command::new(self.directory.join("wine-run"));
        command.arg(program);
        command
    }

    /// What Wine says of itself.
    pub(crate) fn wine_version(&self) -> String {
        printed(&self.directory.join("wine-run").display().to_string(), &["--version"])
    }

    /// Cargo, with the compiler, linker and flags that make executables for Windows, and Wine to run them.
    pub(crate) fn cargo(&self) -> Command {
        self.tool("cargo")
    }

    /// `cargo clippy`. Cargo would find that of the toolchain that runs us.
    pub(crate) fn clippy(&self) -> Command {
        let mut command = self.tool("cargo-clippy");
        command.arg("clippy");
        command
    }

    fn tool(&self, name: &str) -> Command {
        let compilers = Path::new(COMPILERS);
        let mut command = Command::new(compilers.join(name));
        command.current_dir(root());
        for variable in FOREIGN {
            command.env_remove(variable);
        }
        let sysroot = format!("--sysroot={}", self.sysroot().display());
        let mut flags = remaps();
        flags.push(sysroot.clone());
        command
            .env("CARGO", compilers.join("cargo"))
            .env("RUSTC", compilers.join("rustc"))
            .env("RUSTDOC", compilers.join("rustdoc"))
            .env("CARGO_BUILD_TARGET", TRIPLE)
            .env("CARGO_TARGET_DIR", self.target_directory())
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc")
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", self.directory.join("wine-run"))
            // Of all places that flags come from, cargo takes one: this replaces those of .cargo/config.toml.
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .env("CARGO_ENCODED_RUSTDOCFLAGS", sysroot)
            // Under Wine, tests can't ask cargo.
            .env("INSTA_WORKSPACE_ROOT", root());
        command
    }

    /// `cargo build` of some of our executables.
    pub(crate) fn build(&self, what: &[&str], profile: &str) -> Result<()> {
        check(self.cargo().args(["build", "--locked", "--profile", profile]).args(what))
    }
}

fn directory() -> PathBuf {
    env::var_os(DIRECTORY).map_or_else(|| target_directory().join("windows-kit"), |path| root().join(path))
}

/// Where sources are on this machine, and what executables name instead.
fn remaps() -> Vec<String> {
    let sources = [
        (cargo_home().join("registry/src"), "registry"),
        (root().to_owned(), "sockscope"),
        // It may be in the former, so it comes later: the last that fits counts.
        (target_directory(), "target"),
    ];
    sources.iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display())).collect()
}

/// Where cargo keeps sources of dependencies.
pub(crate) fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_else(|| OsString::from("/root")));
    env::var_os("CARGO_HOME").map_or_else(|| home().join(".cargo"), PathBuf::from)
}
