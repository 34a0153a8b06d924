//! Paths of cgroups by their ids: the inode numbers of the directories of the cgroup v2 file system.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::{FileType, RawDir};

use super::files::{self, NumberPath};
use super::scan::open_directory;

/// Type of a kernfs file handle (include/linux/exportfs.h, FILEID_KERNFS): 8 bytes, the id.
const FILEID_KERNFS: libc::c_int = 0xfe;

/// Resolves the ids that can be resolved, as paths below the root of the hierarchy, beginning with `/`.
pub(super) fn resolve(ids: &HashSet<u64>) -> HashMap<u64, String> {
    let mut paths = HashMap::new();
    if ids.is_empty() {
        return paths;
    }
    let Some((mount, root)) = mount_point().and_then(|mount| {
        let root = open_directory(rustix::fs::CWD, &mount).ok()?;
        Some((mount, root))
    }) else {
        return paths;
    };
    let mut missing: HashSet<u64> = ids.clone();
    missing.retain(|id| match by_handle(root.as_fd(), &mount, *id) {
        Some(path) => {
            paths.insert(*id, path);
            false
        }
        None => true,
    });
    if !missing.is_empty() {
        walk(root.as_fd(), "", &mut missing, &mut paths, 0);
    }
    paths
}

/// Where the cgroup v2 hierarchy is mounted, from /proc/self/mountinfo (proc(5)).
fn mount_point() -> Option<CString> {
    let text = files::read(c"/proc/self/mountinfo").ok()?;
    let line = text.split(|byte| *byte == b'\n').find(|line| {
        let behind = line.windows(3).position(|window| window == b" - ").and_then(|at| line.get(at + 3..));
        behind.is_some_and(|behind| behind.starts_with(b"cgroup2 "))
    })?;
    CString::new(line.split(|byte| *byte == b' ').nth(4)?).ok()
}

/// One call instead of a walk through thousands of directories; needs CAP_DAC_READ_SEARCH.
fn by_handle(root: BorrowedFd<'_>, mount: &CStr, id: u64) -> Option<String> {
    #[repr(C)]
    struct Handle {
        bytes: libc::c_uint,
        kind: libc::c_int,
        id: [u8; 8],
    }
    let mut handle = Handle { bytes: 8, kind: FILEID_KERNFS, id: id.to_ne_bytes() };
    // SAFETY: the handle is laid out as `struct file_handle` with 8 bytes behind the header, as `bytes` says; the call
    // only reads it.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_open_by_handle_at,
            root.as_raw_fd(),
            &raw mut handle,
            libc::O_PATH | libc::O_CLOEXEC | libc::O_DIRECTORY,
        )
    };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: the call returned a new descriptor that nobody else owns.
    let directory = unsafe { OwnedFd::from_raw_fd(fd) };
    let link = NumberPath::new(u32::try_from(directory.as_raw_fd()).ok()?, c"");
    let own = open_directory(rustix::fs::CWD, c"/proc/self/fd").ok()?;
    let path = rustix::fs::readlinkat(own, link.as_c_str(), Vec::new()).ok()?;
    let below = path.to_bytes().strip_prefix(mount.to_bytes())?;
    match below {
        b"" => Some("/".to_owned()),
        [b'/', ..] => Some(String::from_utf8_lossy(below).into_owned()),
        _ => None,
    }
}

/// Looks at every directory until all ids are found.
fn walk(
    directory: BorrowedFd<'_>,
    path: &str,
    missing: &mut HashSet<u64>,
    paths: &mut HashMap<u64, String>,
    depth: u32,
) {
    // The hierarchy can't be deeper than cgroup.max.depth allows, which nobody sets this high.
    if depth > 64 {
        return;
    }
    if let Ok(found) = rustix::fs::fstat(directory)
        && missing.remove(&found.st_ino)
    {
        paths.insert(found.st_ino, if path.is_empty() { "/".to_owned() } else { path.to_owned() });
    }
    if missing.is_empty() {
        return;
    }
    let mut children = Vec::new();
    let mut buffer = vec![MaybeUninit::uninit(); 16 * 1024];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name();
        if entry.file_type() == FileType::Directory && !matches!(name.to_bytes(), b"." | b"..") {
            children.push(name.to_owned());
        }
    }
    for name in children {
        if let Ok(child) = open_directory(directory, &name) {
            walk(child.as_fd(), &format!("{path}/{}", name.to_string_lossy()), missing, paths, depth + 1);
        }
    }
}
