//! Names for the numbers that the kernel gives: network namespaces, interfaces, users.

use std::collections::{BTreeMap, HashMap, HashSet};

use sockscope_model::Namespace;

use super::files;

/// The viewer's network namespace, with the name that `ip netns` gave it.
pub(super) fn own_namespace() -> Option<Namespace> {
    let id = rustix::fs::stat(c"/proc/thread-self/ns/net").ok()?.st_ino;
    let name = std::fs::read_dir("/run/netns").ok().and_then(|mut entries| {
        entries.find_map(|entry| {
            let entry = entry.ok()?;
            let found = rustix::fs::stat(entry.path()).ok()?;
            (found.st_ino == id).then(|| entry.file_name().to_string_lossy().into_owned())
        })
    });
    Some(Namespace { id, name })
}

/// Interfaces by index, from netlink's older cousin: if_nameindex(3).
pub(super) fn interfaces() -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    // SAFETY: no precondition. The result is NULL or an array that ends with an entry of index 0 and name NULL.
    let list = unsafe { libc::if_nameindex() };
    if list.is_null() {
        return names;
    }
    let mut entry = list;
    loop {
        // SAFETY: `entry` has not passed the end: the loop stops at the entry that marks it.
        let libc::if_nameindex { if_index, if_name } = unsafe { entry.read() };
        if if_index == 0 || if_name.is_null() {
            break;
        }
        // SAFETY: the name of an entry before the last is a string that lives until the list is freed.
        let name = unsafe { std::ffi::CStr::from_ptr(if_name) };
        names.insert(if_index, name.to_string_lossy().into_owned());
        // SAFETY: the entry was not the last, so the next one is in the array.
        entry = unsafe { entry.add(1) };
    }
    // SAFETY: the list came from if_nameindex and is freed once.
    unsafe { libc::if_freenameindex(list) };
    names
}

/// Names of users, kept between snapshots.
#[derive(Debug, Default)]
pub(super) struct Users {
    names: HashMap<u32, Option<String>>,
    read: bool,
}

impl Users {
    /// The names of those users. First from /etc/passwd; the system's name service, which may ask the network, is asked
    /// only for numbers that are not there, and once.
    pub(super) fn resolve(&mut self, uids: &HashSet<u32>) -> HashMap<u32, String> {
        if !self.read && !uids.is_empty() {
            self.read = true;
            let text = files::read(c"/etc/passwd").unwrap_or_default();
            for line in String::from_utf8_lossy(&text).lines() {
                let mut fields = line.split(':');
                if let (Some(name), Some(Ok(uid))) = (fields.next(), fields.nth(1).map(str::parse)) {
                    self.names.entry(uid).or_insert_with(|| Some(name.to_owned()));
                }
            }
        }
        let mut found = HashMap::new();
        for uid in uids {
            if let Some(name) = self.names.entry(*uid).or_insert_with(|| name_service(*uid)) {
                found.insert(*uid, name.clone());
            }
        }
        found
    }
}

/// getpwuid_r(3).
fn name_service(uid: u32) -> Option<String> {
    let mut buffer = vec![0u8; 16 * 1024];
    let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: entry and found are valid for writes, the buffer for writes of its length.
    let status =
        unsafe { libc::getpwuid_r(uid, entry.as_mut_ptr(), buffer.as_mut_ptr().cast(), buffer.len(), &raw mut found) };
    if status != 0 || found.is_null() {
        return None;
    }
    // SAFETY: status 0 and a result mean that `entry` was filled.
    let name = unsafe { (*found).pw_name };
    if name.is_null() {
        return None;
    }
    // SAFETY: the name is a string inside `buffer`, which still lives.
    Some(unsafe { std::ffi::CStr::from_ptr(name) }.to_string_lossy().into_owned())
}
