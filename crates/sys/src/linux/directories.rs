//! Where users and the system keep configuration and data: the XDG Base Directory Specification, and /etc.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Configuration files, the strongest first. None of them needs to exist.
pub fn config_files() -> Vec<PathBuf> {
    let user = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    let directories = user.into_iter().chain(list("XDG_CONFIG_DIRS", "/etc/xdg")).chain([PathBuf::from("/etc")]);
    directories.map(|directory| directory.join("sockscope/config.toml")).collect()
}

/// Data directories, the user's first, then the system's. None of them needs to exist.
pub fn data_directories() -> Vec<PathBuf> {
    let user = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    let directories = user.into_iter().chain(list("XDG_DATA_DIRS", "/usr/local/share:/usr/share"));
    directories.map(|directory| directory.join("sockscope")).collect()
}

/// Where programs keep what they remember from one run to the next, for this user.
pub fn state_directory() -> Option<PathBuf> {
    let user = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    user.map(|directory| directory.join("sockscope"))
}

/// The locale for messages, by the variables of locale(7).
pub fn locale() -> Option<String> {
    let set = |name: &&str| env::var(name).is_ok_and(|value| !value.is_empty());
    let name = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find(set)?;
    env::var(name).ok()
}

/// The specification has relative paths ignored.
fn absolute(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn list(variable: &str, default: &str) -> Vec<PathBuf> {
    let value = env::var_os(variable).filter(|value| !value.is_empty()).unwrap_or_else(|| OsString::from(default));
    env::split_paths(&value).filter(|path| path.is_absolute()).collect()
}
