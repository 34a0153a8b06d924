use std::env;
use std::path::{Path, PathBuf};

use sockscope_geo::{Atlas, Database, Language, OpenError, Options};
use sockscope_model::Notice;
use sockscope_sys::{FileBytes, config_files, data_directories, locale, map_file, read_file};

use crate::config::Config;

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
        let language =
            options.language.clone().or(configured).or_else(|| Language::parse(&locale()?)).unwrap_or_default();
        let mut databases = Databases { atlas: Atlas::default(), files: Vec::new(), notices };
        let opener = Opener { language: &language, config: &config, keep: options.keep };
        for path in &options.files {
            databases.push(opener.open(path)?, Some(path));
        }
        let found = data_directories().into_iter().flat_map(|directory| in_directory(&directory.join("databases")));
        for path in config.databases.iter().cloned().chain(found) {
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
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(DatabaseError::Read { path: beside, error }),
        }
        let configured = self.config.database_keys.get(path).cloned();
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

/// Files that may be databases, by name. What comes along with databases is passed over.
fn in_directory(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let beside = ["key", "txt", "md", "sha256", "license", "licence"];
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            path.is_file() && !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
        })
        .filter(|path| {
            let extension = path.extension().map(|it| it.to_string_lossy().to_ascii_lowercase());
            !extension.is_some_and(|it| beside.contains(&it.as_str()))
        })
        .collect();
    paths.sort();
    paths
}
