use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command whose failure is ours.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let words = words(command);
    eprintln!("+ {words}");
    let status = command.status().with_context(|| words.clone())?;
    anyhow::ensure!(status.success(), "{words}: {status}");
    Ok(())
}

/// A command as one would type it, without what it changes in the environment.
pub(crate) fn words(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    words.join(OsStr::new(" ")).display().to_string()
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |directory| root().join(directory))
}

/// Builds `sockscope` and says where it is.
#[cfg(target_os = "linux")]
pub(crate) fn build_sockscope(profile: &str) -> Result<PathBuf> {
    check(cargo().args(["build", "--profile", profile, "--package", "sockscope-cli", "--bin", "sockscope"]))?;
    let path = target_directory().join(profile).join("sockscope");
    anyhow::ensure!(path.exists(), "{} is not there", path.display());
    Ok(path)
}
