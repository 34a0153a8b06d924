use std::path::{Path, PathBuf};
use std::{fs, io};

use sockscope_model::Notice;
use sockscope_sys::state_directory;

/// A small file in which a view keeps what it showed last, in the user's directory for such.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Who keeps it, for people.
    view: &'static str,
    /// `None`: nothing is kept.
    file: Option<PathBuf>,
}

/// Longer than anything that a view writes.
const MOST: u64 = 1 << 16;

impl Kept {
    /// The file of that name, of the view that is called so. Where the user has no such directory, nothing is kept.
    pub fn of(view: &'static str, name: &str) -> Kept {
        Kept { view, file: state_directory().map(|directory| directory.join(name)) }
    }

    /// What was shown last, as `parse` reads it: the value, and what of it makes no sense. A file that makes no sense is no reason
    /// to show nothing, and leaves a notice.
    pub fn recall<T: Default>(&self, parse: impl FnOnce(&str) -> (T, Option<String>)) -> (T, Option<Notice>) {
        let Some(file) = &self.file else { return (T::default(), None) };
        let (value, why) = match read(file) {
            Ok(None) => (T::default(), None),
            Ok(Some(text)) => parse(&text),
            Err(why) => (T::default(), Some(why)),
        };
        let notice = why.map(|why| Notice {
            code: "not-remembered",
            message: format!("what {} showed last is not all known: {}: {why}", self.view, file.display()),
        });
        (value, notice)
    }

    /// Keeps a text for the next time. Whoever reads meanwhile sees the old one or the new one.
    ///
    /// # Errors
    /// Why not, in a few words that name the file.
    pub fn keep(&self, text: &str) -> Result<(), String> {
        let Some(file) = &self.file else { return Ok(()) };
        write(file, text)
            .map_err(|error| format!("what {} shows can't be remembered in {}: {error}", self.view, file.display()))
    }
}

fn read(file: &Path) -> Result<Option<String>, String> {
    match file.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(metadata) if !metadata.is_file() || metadata.len() > MOST => Err("it is no file of ours".to_owned()),
        Ok(_) => fs::read_to_string(file).map(Some).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    fs::write(&beside, text)?;
    fs::rename(&beside, file).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
