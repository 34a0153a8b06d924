//! Small files read whole, into buffers that are used again.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::{self, Errno};

/// Appends a file's content, up to `limit` bytes. Files under /proc have no size, so this reads until the end.
pub(super) fn read_at(dir: impl AsFd, path: &CStr, limit: usize, text: &mut Vec<u8>) -> io::Result<()> {
    let file = rustix::fs::openat(dir, path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?;
    while text.len() < limit {
        text.reserve(if text.is_empty() { 1024 } else { text.len().max(4096) });
        match rustix::io::read(&file, rustix::buffer::spare_capacity(text)) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    text.truncate(limit);
    Ok(())
}

/// A whole file by its path.
pub(super) fn read(path: &CStr) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    read_at(rustix::fs::CWD, path, usize::MAX, &mut text)?;
    Ok(text)
}

/// A decimal number, an optional tail and a NUL, on the stack: `123/fd`.
pub(super) struct NumberPath {
    bytes: [u8; 24],
    start: usize,
}

impl NumberPath {
    /// `tail` is at most 12 bytes and ends in a NUL.
    pub(super) fn new(mut number: u32, tail: &CStr) -> NumberPath {
        let tail = tail.to_bytes_with_nul();
        let mut bytes = [0u8; 24];
        let mut start = bytes.len().saturating_sub(tail.len());
        if let Some(end) = bytes.get_mut(start..) {
            end.copy_from_slice(tail);
        }
        loop {
            start = start.saturating_sub(1);
            if let Some(digit) = bytes.get_mut(start) {
                *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            }
            number /= 10;
            if number == 0 || start == 0 {
                return NumberPath { bytes, start };
            }
        }
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        self.bytes.get(self.start..).and_then(|bytes| CStr::from_bytes_until_nul(bytes).ok()).unwrap_or(c"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_paths() {
        for number in [0, 7, 10, 4_294_967_295] {
            assert_eq!(NumberPath::new(number, c"/fdinfo").as_c_str().to_str().unwrap(), format!("{number}/fdinfo"));
            assert_eq!(NumberPath::new(number, c"").as_c_str().to_str().unwrap(), format!("{number}"));
        }
    }

    #[test]
    fn files_are_read_whole_or_to_the_limit() {
        assert!(read(c"/proc/self/status").unwrap().len() > 300);
        let mut text = Vec::new();
        read_at(rustix::fs::CWD, c"/proc/self/status", 10, &mut text).unwrap();
        assert_eq!(text.len(), 10);
        assert_eq!(read(c"/proc/self/no-such-file"), Err(Errno::NOENT));
    }
}
