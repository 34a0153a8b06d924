use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What a configuration file says.
///
/// ```toml
/// language = "zh-CN"
/// databases = ["/srv/ip/qqwry.dat", "city.czdb"]
///
/// [database-keys]
/// "city.czdb" = "MDEyMzQ1Njc4OWFiY2RlZg=="
/// ```
///
/// Relative paths are relative to the file's directory; `~` is the user's home.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// In which language IP databases answer.
    pub(crate) language: Option<String>,
    /// IP databases, in the order in which they are asked.
    pub(crate) databases: Vec<PathBuf>,
    /// Keys of encrypted ones, base64, by path.
    pub(crate) database_keys: BTreeMap<PathBuf, String>,
}

impl Config {
    /// Of the first of these files that exists; where none does, nothing is configured.
    ///
    /// # Errors
    /// A sentence that names the file and the place in it.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Config, String> {
        for path in files {
            match read(path) {
                Ok(text) => return Config::parse(&text, path),
                Err(error) if is_nothing(&error) => {}
                // Nor is there a file for who may not even enter its directory, as when the home is another user's.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !can_enter(path.parent()) => {}
                Err(error) => return Err(format!("can't read the configuration {}: {error}", path.display())),
            }
        }
        Ok(Config::default())
    }

    fn parse(text: &str, path: &Path) -> Result<Config, String> {
        let mut config: Config = toml::from_str(text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| 1 + text.get(..span.start).unwrap_or_default().matches('\n').count());
            // What people meet who write a path of Windows as they always do.
            let escape = text.lines().nth(line - 1).is_some_and(|line| line.contains('\\') && line.contains('"'));
            let help = if escape { "; a path with backslashes belongs in single quotes" } else { "" };
            format!("{}, line {line}: {}{help}; nothing of the file is used", path.display(), error.message())
        })?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let whole = |path: PathBuf| match (path.strip_prefix("~"), std::env::home_dir()) {
            (Ok(path), Some(home)) => home.join(path),
            _ => directory.join(path),
        };
        config.databases = config.databases.into_iter().map(whole).collect();
        config.database_keys = config.database_keys.into_iter().map(|(path, key)| (whole(path), key)).collect();
        Ok(config)
    }
}

/// The text of a file that is one, and no longer than a configuration is.
fn read(path: &Path) -> io::Result<String> {
    const MOST: u64 = 1 << 20;
    // Asked before it is opened: opening a pipe would wait for whoever writes.
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let mut text = String::new();
    let read = File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    if read as u64 > MOST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB"));
    }
    Ok(text)
}

/// Whether the error says that there is nothing: also where a home is no directory, as that of many a service is.
pub(crate) fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether the user may see what is in a directory.
pub(crate) fn can_enter(directory: Option<&Path>) -> bool {
    directory.is_some_and(|directory| directory.join(".").metadata().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file() {
        let text = "language = 'zh-CN'\ndatabases = ['/a.dat', 'b.czdb']\n[database-keys]\n'b.czdb' = 'KEY'\n";
        let config = Config::parse(text, Path::new("/etc/sockscope/config.toml")).unwrap();
        assert_eq!(config.databases, [Path::new("/a.dat"), Path::new("/etc/sockscope/b.czdb")]);
        assert_eq!(config.database_keys[Path::new("/etc/sockscope/b.czdb")], "KEY");
        assert_eq!(config.language.as_deref(), Some("zh-CN"));
        assert_eq!(Config::parse("", Path::new("/x")).unwrap(), Config::default());
    }

    #[test]
    fn errors_name_file_and_line() {
        for (text, expected) in [
            ("language = 1", "/x.toml, line 1: "),
            ("\n\ndatabase = ['a']", "/x.toml, line 3: unknown field `database`"),
            ("\nlanguage = 'a", "/x.toml, line 2: "),
            ("databases = [\"C:\\users\\x.dat\"]", "/x.toml, line 1: "),
        ] {
            let error = Config::parse(text, Path::new("/x.toml")).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            assert_eq!(error.contains("in single quotes"), text.contains('\\'), "{error}");
        }
    }
}
