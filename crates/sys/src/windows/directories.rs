//! Where users and Windows keep configuration and data (known folders, by the variables that Windows sets for them).

use std::env;
use std::path::PathBuf;

use windows_sys::Win32::Globalization::GetUserDefaultLocaleName;

/// Configuration files, the strongest first. None of them needs to exist.
pub fn config_files() -> Vec<PathBuf> {
    directories(&["APPDATA", "ProgramData"]).map(|directory| directory.join("config.toml")).collect()
}

/// Data directories, the user's first, then the system's. None of them needs to exist.
pub fn data_directories() -> Vec<PathBuf> {
    directories(&["APPDATA", "LOCALAPPDATA", "ProgramData"]).collect()
}

/// Where programs keep what they remember from one run to the next, for this user on this machine.
pub fn state_directory() -> Option<PathBuf> {
    directories(&["LOCALAPPDATA"]).next()
}

/// The locale for messages: the variables of locale(7), where a shell sets them, then the user's setting.
pub fn locale() -> Option<String> {
    let variable = |name: &&str| env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(locale) = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(variable) {
        return Some(locale);
    }
    /// LOCALE_NAME_MAX_LENGTH (winnls.h)
    const LONGEST: usize = 85;
    let mut name = [0u16; LONGEST];
    // SAFETY: the buffer is valid for writes of the length that is given with it.
    let length = unsafe { GetUserDefaultLocaleName(name.as_mut_ptr(), LONGEST as i32) };
    let name = name.get(..usize::try_from(length).ok()?.checked_sub(1)?)?;
    String::from_utf16(name).ok().filter(|name| !name.is_empty())
}

/// The text of the services file, if there is one.
pub fn services_text() -> Option<String> {
    let path = PathBuf::from(env::var_os("SystemRoot")?).join(r"System32\drivers\etc\services");
    std::fs::read(path).ok().map(|text| String::from_utf8_lossy(&text).into_owned())
}

fn directories(variables: &'static [&'static str]) -> impl Iterator<Item = PathBuf> {
    let values = variables.iter().filter_map(env::var_os).map(PathBuf::from);
    values.filter(|path| path.is_absolute()).map(|path| path.join("sockscope"))
}
