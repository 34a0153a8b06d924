use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

/// The bytes of a file.
pub struct FileBytes(Inner);

enum Inner {
    Mapped(Mmap),
    Read(Vec<u8>),
}

/// The bytes of a file, without reading those that nobody looks at: for files of many megabytes in which a few pages matter.
///
/// A regular file is mapped. Whoever overwrites a mapped file in place changes what is read, and whoever shortens it ends this
/// process (SIGBUS): map only for the moment that a listing takes, and for longer use [`read_file`]. Anything else that can
/// be read, such as a pipe of the shell's `<(...)`, is read.
///
/// # Errors
/// What the system says to opening, mapping or reading it; it is a directory.
pub fn map_file(path: &Path) -> io::Result<FileBytes> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return read(file);
    }
    // SAFETY: the map is private and read-only, so nothing here writes to it. Another process may change the file: the bytes
    // are handed out as plain u8, for which every value is valid, and decoders check each read for itself, trusting no byte
    // that they saw before.
    let map = unsafe { MmapOptions::new().map_copy_read_only(&file)? };
    Ok(FileBytes(Inner::Mapped(map)))
}

/// The bytes of a file, read into memory: safe from whatever becomes of the file.
///
/// # Errors
/// What the system says to opening or reading it; it is a directory.
pub fn read_file(path: &Path) -> io::Result<FileBytes> {
    read(File::open(path)?)
}

fn read(mut file: File) -> io::Result<FileBytes> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(FileBytes(Inner::Read(bytes)))
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Inner::Mapped(map) => map,
            Inner::Read(bytes) => bytes,
        }
    }
}

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.as_ref().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_mapped_and_others_are_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let read = read_file(&path).unwrap();
        let mapped = map_file(&path).unwrap();
        assert!(matches!(mapped.0, Inner::Mapped(_)) && matches!(read.0, Inner::Read(_)));
        assert!(read.as_ref() == std::fs::read(&path).unwrap() && mapped.as_ref() == read.as_ref());
        map_file(path.parent().unwrap()).unwrap_err();
        map_file(&path.join("nothing")).unwrap_err();
        #[cfg(unix)]
        assert_eq!(map_file(Path::new("/dev/null")).unwrap().as_ref(), b"");
    }
}
