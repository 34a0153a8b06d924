use std::env;
use std::io;
use std::path::{Path, PathBuf};

use sockscope_geo::{Atlas, Database, Language, OpenError, Options};
use sockscope_model::Notice;
use sockscope_sys::{FileBytes, config_files, data_directories, locale, map_file, read_file};

use crate::config::{Config, can_enter, is_nothing};

/// The variable that holds the key of an encrypted database.
const KEY_VARIABLE: &str = "SOCKSCOPE_DATABASE_KEY";

/// Which IP databases to open, and how.
#[derive(Debug, Clone, Default)]
pub struct DatabaseOptions {
    /// Files to ask first, in this order.
    pub files: Vec<PathBuf>,
    /// In which language to answer; `None`: the configuration's, else the locale's, else English.
    pub language: Option<Language>,
    /// Read files into memory instead of mapping them: for programs that go on while somebody may overwrite a file in place.
    pub keep: bool,
}

/// The IP databases that a user has, in the order in which they are asked.
#[derive(Debug)]
pub struct Databases {
    /// They.
    pub atlas: Atlas,
    /// Where each is; `None`: part of the program.
    pub files: Vec<Option<PathBuf>>,
    /// What was passed over, and why.
    pub notices: Vec<Notice>,
}

/// Why a database that was asked for by name can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The file can't be read.
    #[error("can't read the IP database {}: {error}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It can, and is no database, or damaged, or needs a key.
    #[error("can't use the IP database {}: {error}{}", .path.display(), help(.path, .error))]
    Open {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: OpenError,
    },
}

impl Databases {
    /// Opens the files that are named, those of the configuration, those in `databases/` of the user's and the system's data
    /// directories, and the one that is part of the program. Only the first must be usable; others leave a notice.
    ///
    /// # Errors
    /// A named file can't be used.
    pub fn open(options: &DatabaseOptions) -> Result<Databases, DatabaseError> {
        let mut notices = Vec::new();
        let config = Config::read(&config_files()).unwrap_or_else(|message| {
            notices.push(Notice { code: "configuration-ignored", message });
            Config::default()
        });
        let configured = config.language.as_deref().and_then(Language::parse);
        if let (Some(text), None) = (&config.language, &configured) {
            let message = format!("the language '{text}' of the configuration is none; en, zh-CN and the like are");
            notices.push(Notice { code: "configuration-ignored", message });
        }
        let language =
            options.language.clone().or(configured).or_else(|| Language::parse(&locale()?)).unwrap_or_default();
        let mut databases = Databases { atlas: Atlas::default(), files: Vec::new(), notices };
        let opener = Opener { language: &language, config: &config, keep: options.keep };
        for path in &options.files {
            databases.push(opener.open(path)?, Some(path));
        }
        let mut found = Vec::new();
        for directory in data_directories() {
            let directory = directory.join("databases");
            match in_directory(&directory) {
                Ok(paths) => found.extend(paths),
                Err(error) if is_nothing(&error) || !can_enter(directory.parent()) => {}
                Err(error) => databases.notices.push(Notice {
                    code: "database-ignored",
                    message: format!("can't read the directory {}: {error}", directory.display()),
                }),
            }
        }
        for path in config.databases.iter().cloned().chain(found) {
            if databases.has(&path) {
                continue;
            }
            match opener.open(&path) {
                Ok(database) => databases.push(database, Some(&path)),
                Err(error) => {
                    databases.notices.push(Notice { code: "database-ignored", message: error.to_string() });
                }
            }
        }
        databases.push(Database::embedded(&language), None);
        Ok(databases)
    }

    /// Whether that file is open already, under whatever name.
    fn has(&self, path: &Path) -> bool {
        self.files.iter().flatten().any(|other| is_same(other, path))
    }

    fn push(&mut self, database: Database, path: Option<&Path>) {
        if let Some(warning) = &database.info().warning {
            let message = format!("the IP database {}: {warning}", path.unwrap_or(Path::new("")).display());
            self.notices.push(Notice { code: "database-warning", message });
        }
        self.atlas.push(database);
        self.files.push(path.map(Path::to_owned));
    }
}

struct Opener<'a> {
    language: &'a Language,
    config: &'a Config,
    keep: bool,
}

impl Opener<'_> {
    fn open(&self, path: &Path) -> Result<Database, DatabaseError> {
        let read = |path: &Path| if self.keep { read_file(path) } else { map_file(path) };
        let bytes: FileBytes = read(path).map_err(|error| DatabaseError::Read { path: path.to_owned(), error })?;
        let bytes = sockscope_geo::Data::Shared(std::sync::Arc::new(bytes));
        let options = Options { language: self.language.clone(), key: None };
        let opened = match Database::open(bytes.clone(), &options) {
            // Only now, since few formats have keys.
            Err(OpenError::KeyMissing { .. }) => Database::open(bytes, &Options { key: self.key(path)?, ..options }),
            opened => opened,
        };
        opened.map_err(|error| DatabaseError::Open { path: path.to_owned(), error })
    }

    /// The key beside the file, else the configuration's, else the environment's.
    fn key(&self, path: &Path) -> Result<Option<String>, DatabaseError> {
        let beside = key_file(path);
        match std::fs::read_to_string(&beside) {
            Ok(key) => return Ok(Some(key.trim().to_owned())),
            Err(error) if is_nothing(&error) => {}
            Err(error) => return Err(DatabaseError::Read { path: beside, error }),
        }
        let configured = self.config.database_keys.iter().find(|(other, _)| is_same(other, path));
        let configured = configured.map(|(_, key)| key.clone());
        Ok(configured.or_else(|| env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty())))
    }
}

/// `FILE.key`.
fn key_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// What would help.
fn help(path: &Path, error: &OpenError) -> String {
    match error {
        OpenError::KeyMissing { .. } | OpenError::KeyWrong { .. } => format!(
            "; its base64 key can be in {}, in [database-keys] of the configuration, or in {KEY_VARIABLE}",
            key_file(path).display()
        ),
        _ => String::new(),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Files that may be databases, by name. What comes along with databases is passed over.
fn in_directory(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)?
        .filter_map(Result::ok)
        .filter(|entry| !comes_along(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    Ok(paths)
}

/// Texts, keys, archives' lists, hidden files, editors' copies and what Explorer leaves behind.
fn comes_along(name: &str) -> bool {
    const ENDS: [&str; 11] =
        [".key", ".txt", ".md", ".csv", ".json", ".html", ".pdf", ".sha256", ".license", ".licence", "~"];
    const NAMES: [&str; 9] =
        ["readme", "license", "licence", "copying", "copyright", "notice", "changelog", "desktop.ini", "thumbs.db"];
    let name = name.to_ascii_lowercase();
    name.starts_with('.') || ENDS.iter().any(|end| name.ends_with(end)) || NAMES.contains(&name.as_str())
}
