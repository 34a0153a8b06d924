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
/// What the system says to opening, mapping or reading it; it is a directory or a device, or more than 2 GiB come out of a pipe.
pub fn map_file(path: &Path) -> io::Result<FileBytes> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return read(&file);
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
/// As [`map_file`].
pub fn read_file(path: &Path) -> io::Result<FileBytes> {
    read(&open(path)?)
}

/// Opens a file or a pipe. A named pipe into which nobody writes is empty, and not waited for.
fn open(path: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
        let flags = libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY;
        let file = File::options().read(true).custom_flags(flags).open(path)?;
        let kind = file.metadata()?.file_type();
        if kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a device, not a file"));
        }
        rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::empty())?;
        Ok(file)
    }
    #[cfg(not(target_os = "linux"))]
    File::open(path)
}

fn read(file: &File) -> io::Result<FileBytes> {
    /// No IP database is half as large.
    const MOST: u64 = 2 << 30;
    let mut bytes = Vec::new();
    let read = file.take(MOST + 1).read_to_end(&mut bytes)?;
    if read as u64 > MOST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has no end, or more than 2 GiB"));
    }
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
    #[cfg(target_os = "linux")]
    use std::io::Write;

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
        #[cfg(target_os = "linux")]
        for device in ["/dev/null", "/dev/zero"] {
            assert_eq!(map_file(Path::new(device)).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pipes_are_read_and_not_waited_for() {
        let (read, write) = std::io::pipe().unwrap();
        (&write).write_all(b"abc").unwrap();
        drop(write);
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&read));
        assert_eq!(map_file(Path::new(&path)).unwrap().as_ref(), b"abc");

        let fifo = std::env::temp_dir().join(format!("sockscope-fifo-{}", std::process::id()));
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let bytes = map_file(&fifo);
        std::fs::remove_file(&fifo).unwrap();
        assert_eq!(bytes.unwrap().as_ref(), b"");
    }
}
