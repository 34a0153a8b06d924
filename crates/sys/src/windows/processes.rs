//! Processes, the services in them and the users behind them: all that Windows tells without elevation.

use std::collections::HashMap;
use std::ffi::{OsString, c_void};
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;

use sockscope_model::Process;
use sockscope_wire::windows::{self as wire, Buffer, ProcessEntry, ServiceEntry, file_time};
use windows_sys::Wdk::System::SystemInformation::{NtQuerySystemInformation, SystemProcessInformation};
use windows_sys::Wdk::System::Threading::{
    NtQueryInformationProcess, ProcessBasicInformation, ProcessCommandLineInformation,
};
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, FILETIME, GetLastError, HANDLE, LUID, UNICODE_STRING,
};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, GetLengthSid, GetTokenInformation, LUID_AND_ATTRIBUTES, LookupAccountSidW,
    LookupPrivilegeValueW, PSID, SE_DEBUG_NAME, SE_PRIVILEGE_ENABLED, TOKEN_ADJUST_PRIVILEGES, TOKEN_PRIVILEGES,
    TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Diagnostics::Debug::ReadProcessMemory;
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, EnumServicesStatusExW, OpenSCManagerW, SC_ENUM_PROCESS_INFO, SC_HANDLE,
    SC_MANAGER_ENUMERATE_SERVICE, SERVICE_ACTIVE, SERVICE_WIN32,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessTimes, OpenProcess, OpenProcessToken, PEB, PROCESS_BASIC_INFORMATION,
    PROCESS_NAME_WIN32, PROCESS_QUERY_INFORMATION, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_VM_READ,
    QueryFullProcessImageNameW, RTL_USER_PROCESS_PARAMETERS,
};

use super::system::bytes_mut;

const STATUS_INFO_LENGTH_MISMATCH: i32 = 0xc000_0004_u32 as i32;
/// A command line is shorter (CreateProcess allows 32,767 characters).
const LONGEST_COMMAND_LINE: usize = 64 * 1024;

/// A handle that is closed when it is dropped.
#[derive(Debug)]
pub(super) struct Handle(pub(super) HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle was opened here and is closed once.
        unsafe { CloseHandle(self.0) };
    }
}

/// Every process, by NtQuerySystemInformation: unlike the documented snapshot, it says when each began, whoever asks.
pub(super) fn list() -> Result<Vec<ProcessEntry>, String> {
    let mut words = vec![0u64; 64 * 1024];
    for _ in 0..8 {
        let size = u32::try_from(size_of_val(&words[..])).map_err(|error| error.to_string())?;
        let mut needed = 0;
        // SAFETY: the buffer is valid for writes of `size` bytes.
        let status = unsafe {
            NtQuerySystemInformation(SystemProcessInformation, words.as_mut_ptr().cast(), size, &raw mut needed)
        };
        match status {
            0 => {
                let address = words.as_ptr() as u64;
                let bytes = bytes_mut(&mut words);
                return wire::processes(Buffer { bytes, address, pointer: size_of::<usize>() })
                    .map_err(|error| error.to_string());
            }
            // More have begun since it was told how much is needed.
            STATUS_INFO_LENGTH_MISMATCH => words = vec![0; (size.max(needed) as usize / 8) * 5 / 4 + 1024],
            _ => return Err(format!("NtQuerySystemInformation: status {:#010x}", status.cast_unsigned())),
        }
    }
    Err("NtQuerySystemInformation: the list grew faster than it could be read".to_owned())
}

/// Every running service, which any user may list.
pub(super) fn services() -> Result<Vec<ServiceEntry>, String> {
    // SAFETY: both names may be null: this machine, its active services.
    let manager = unsafe { OpenSCManagerW(std::ptr::null(), std::ptr::null(), SC_MANAGER_ENUMERATE_SERVICE) };
    if manager.is_null() {
        return Err(format!("OpenSCManager: {}", last_error()));
    }
    let services = running_services(manager);
    // SAFETY: the handle was opened above and is closed once.
    unsafe { CloseServiceHandle(manager) };
    services
}

/// `manager` is an open handle that may enumerate.
fn running_services(manager: SC_HANDLE) -> Result<Vec<ServiceEntry>, String> {
    const ERROR_MORE_DATA: u32 = 234;
    /// As much as the function gives at a time.
    const SIZE: usize = 256 * 1024;
    let mut words = vec![0u64; SIZE / 8];
    let mut found = Vec::new();
    let mut resume = 0;
    loop {
        let (mut more, mut count) = (0, 0);
        // SAFETY: the buffer is valid for writes of `SIZE` bytes, and so are the three numbers.
        let done = unsafe {
            EnumServicesStatusExW(
                manager,
                SC_ENUM_PROCESS_INFO,
                SERVICE_WIN32,
                SERVICE_ACTIVE,
                words.as_mut_ptr().cast(),
                SIZE as u32,
                &raw mut more,
                &raw mut count,
                &raw mut resume,
                std::ptr::null(),
            )
        };
        // SAFETY: no precondition.
        let error = if done == 0 { unsafe { GetLastError() } } else { 0 };
        if error != 0 && error != ERROR_MORE_DATA {
            return Err(format!("EnumServicesStatusEx: {}", std::io::Error::from_raw_os_error(error.cast_signed())));
        }
        let address = words.as_ptr() as u64;
        let buffer = Buffer { bytes: bytes_mut(&mut words), address, pointer: size_of::<usize>() };
        found.extend(wire::services(buffer, count).map_err(|error| error.to_string())?);
        // One that fits into no buffer would never end.
        if error == 0 || count == 0 || resume == 0 {
            return Ok(found);
        }
    }
}

/// Adds path, command line and user, if the process is still the one that was listed; false if this user may not know them.
pub(super) fn describe(process: &mut Process, users: &mut HashMap<Vec<u8>, Option<String>>) -> bool {
    let handle = match open(process.id.pid, PROCESS_QUERY_LIMITED_INFORMATION) {
        Ok(handle) => handle,
        Err(error) => return error != ERROR_ACCESS_DENIED,
    };
    let started = started(&handle);
    if process.id.started.is_some() && started.is_some() && started != process.id.started {
        return true;
    }
    process.path = path(&handle);
    if process.name.is_empty()
        && let Some(name) = process.path.as_deref().and_then(|path| path.file_name())
    {
        process.name = name.to_string_lossy().into_owned();
    }
    let line = command_line(&handle).or_else(|| command_line_of_memory(process.id.pid));
    process.command_line = line.map(|line| wire::arguments(&line)).filter(|arguments| !arguments.is_empty());
    process.user = user(&handle, users);
    process.path.is_some() && process.user.is_some()
}

/// Lets an administrator look into processes of the system and of services: the privilege to do so is held and switched off.
/// Whether it is on now.
pub(super) fn may_look_into_services() -> bool {
    let mut token = std::ptr::null_mut();
    // SAFETY: the pseudo handle of this process needs no closing; the token is valid for a write.
    let opened =
        unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &raw mut token) };
    if opened == 0 {
        return false;
    }
    let token = Handle(token);
    let mut luid = LUID::default();
    // SAFETY: the name ends with NUL; the number is valid for a write; null is this machine.
    if unsafe { LookupPrivilegeValueW(std::ptr::null(), SE_DEBUG_NAME, &raw mut luid) } == 0 {
        return false;
    }
    let privilege = LUID_AND_ATTRIBUTES { Luid: luid, Attributes: SE_PRIVILEGE_ENABLED };
    let privileges = TOKEN_PRIVILEGES { PrivilegeCount: 1, Privileges: [privilege] };
    // SAFETY: the token is open and allows it; the structure is valid for reads, and nothing is to be written back. It gives
    // success, and ERROR_NOT_ALL_ASSIGNED behind it, to a user who does not hold the privilege.
    let adjusted = unsafe {
        AdjustTokenPrivileges(token.0, 0, &raw const privileges, 0, std::ptr::null_mut(), std::ptr::null_mut())
    };
    // SAFETY: no precondition.
    adjusted != 0 && unsafe { GetLastError() } == 0
}

/// A handle, or what GetLastError says, asked at once: closing a handle, too, changes it.
pub(super) fn open(pid: u32, rights: u32) -> Result<Handle, u32> {
    // SAFETY: no precondition.
    let handle = unsafe { OpenProcess(rights, 0, pid) };
    if handle.is_null() {
        // SAFETY: no precondition.
        return Err(unsafe { GetLastError() });
    }
    Ok(Handle(handle))
}

pub(super) fn started(handle: &Handle) -> Option<sockscope_model::Timestamp> {
    let [mut created, mut exited, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: the handle is open and allows it; the four times are valid for writes.
    let done = unsafe { GetProcessTimes(handle.0, &raw mut created, &raw mut exited, &raw mut kernel, &raw mut user) };
    let ticks = u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime);
    file_time(ticks).filter(|_| done != 0)
}

fn path(handle: &Handle) -> Option<PathBuf> {
    // The longest that there can be (UNICODE_STRING).
    let mut name = vec![0u16; 32 * 1024];
    let mut length = u32::try_from(name.len()).ok()?;
    // SAFETY: the handle is open and allows it; the buffer is valid for writes of the length that is given with it.
    let done = unsafe { QueryFullProcessImageNameW(handle.0, PROCESS_NAME_WIN32, name.as_mut_ptr(), &raw mut length) };
    let name = name.get(..usize::try_from(length).ok()?).filter(|name| done != 0 && !name.is_empty())?;
    Some(PathBuf::from(OsString::from_wide(name)))
}

/// By ProcessCommandLineInformation (Windows 8.1), which needs no right to read the process' memory.
fn command_line(handle: &Handle) -> Option<String> {
    let mut words = vec![0u64; LONGEST_COMMAND_LINE / 4];
    let size = u32::try_from(size_of_val(&words[..])).ok()?;
    let mut needed = 0;
    // SAFETY: the handle is open and allows it; the buffer is valid for writes of `size` bytes.
    let status = unsafe {
        NtQueryInformationProcess(
            handle.0,
            ProcessCommandLineInformation,
            words.as_mut_ptr().cast(),
            size,
            &raw mut needed,
        )
    };
    if status != 0 {
        return None;
    }
    let address = words.as_ptr() as u64;
    wire::unicode_string(Buffer { bytes: bytes_mut(&mut words), address, pointer: size_of::<usize>() })
}

/// Out of the process' own memory (PEB), as older Windows and Wine need it.
fn command_line_of_memory(pid: u32) -> Option<String> {
    let handle = open(pid, PROCESS_QUERY_INFORMATION | PROCESS_VM_READ).ok()?;
    let mut basic = PROCESS_BASIC_INFORMATION::default();
    let mut needed = 0;
    // SAFETY: the handle is open and allows it; the structure is valid for writes of its size.
    let status = unsafe {
        NtQueryInformationProcess(
            handle.0,
            ProcessBasicInformation,
            (&raw mut basic).cast(),
            size_of::<PROCESS_BASIC_INFORMATION>() as u32,
            &raw mut needed,
        )
    };
    if status != 0 || basic.PebBaseAddress.is_null() {
        return None;
    }
    let peb: PEB = read_memory(&handle, basic.PebBaseAddress.cast())?;
    let parameters: RTL_USER_PROCESS_PARAMETERS = read_memory(&handle, peb.ProcessParameters.cast())?;
    let UNICODE_STRING { Length: length, Buffer: text, .. } = parameters.CommandLine;
    let mut units = vec![0u16; usize::from(length) / 2];
    let size = size_of_val(&units[..]);
    read_bytes(&handle, text.cast(), units.as_mut_ptr().cast(), size)?;
    Some(String::from_utf16_lossy(&units))
}

/// A structure of which every bit pattern is a value: plain numbers and pointers that are never followed here.
fn read_memory<T: Copy + Default>(handle: &Handle, address: *const c_void) -> Option<T> {
    let mut value = T::default();
    read_bytes(handle, address, (&raw mut value).cast(), size_of::<T>())?;
    Some(value)
}

/// `target` is valid for writes of `size` bytes.
fn read_bytes(handle: &Handle, address: *const c_void, target: *mut c_void, size: usize) -> Option<()> {
    let mut read = 0;
    // SAFETY: the handle is open and allows it; the address is in the other process and is checked by Windows; the target is
    // valid for writes of `size` bytes, as both callers see to.
    let done = unsafe { ReadProcessMemory(handle.0, address, target, size, &raw mut read) };
    (done != 0 && read == size).then_some(())
}

/// `DOMAIN\name` of whoever the process runs as.
fn user(handle: &Handle, users: &mut HashMap<Vec<u8>, Option<String>>) -> Option<String> {
    let mut token = std::ptr::null_mut();
    // SAFETY: the handle is open; the token is valid for a write.
    if unsafe { OpenProcessToken(handle.0, TOKEN_QUERY, &raw mut token) } == 0 {
        return None;
    }
    let token = Handle(token);
    let mut words = [0u64; 64];
    let mut needed = 0;
    // SAFETY: the token is open and allows it; the buffer is valid for writes of its size, which a SID of the greatest length
    // (68 bytes) and the structure in front of it do not exceed.
    let done = unsafe {
        GetTokenInformation(token.0, TokenUser, words.as_mut_ptr().cast(), size_of_val(&words) as u32, &raw mut needed)
    };
    if done == 0 {
        return None;
    }
    // SAFETY: Windows wrote a TOKEN_USER at the start of the buffer, which is aligned for it.
    let sid = unsafe { words.as_ptr().cast::<TOKEN_USER>().read() }.User.Sid;
    // SAFETY: the SID that Windows wrote lies in the buffer behind the structure, and both still live.
    let length = unsafe { GetLengthSid(sid) } as usize;
    // SAFETY: it is so many bytes long.
    let key = unsafe { std::slice::from_raw_parts(sid.cast::<u8>(), length) }.to_vec();
    users.entry(key).or_insert_with(|| account(sid)).clone()
}

/// `sid` is a valid SID.
fn account(sid: PSID) -> Option<String> {
    let (mut name, mut domain) = ([0u16; 257], [0u16; 257]);
    let (mut name_length, mut domain_length) = (name.len() as u32, domain.len() as u32);
    let mut kind = 0;
    // SAFETY: the SID is valid; both buffers are valid for writes of the lengths given with them; null is this machine.
    let done = unsafe {
        LookupAccountSidW(
            std::ptr::null(),
            sid,
            name.as_mut_ptr(),
            &raw mut name_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    };
    if done == 0 {
        return None;
    }
    let name = String::from_utf16_lossy(name.get(..name_length as usize)?);
    let domain = String::from_utf16_lossy(domain.get(..domain_length as usize)?);
    match (domain.is_empty(), name.is_empty()) {
        (_, true) => None,
        (true, false) => Some(name),
        (false, false) => Some(format!("{domain}\\{name}")),
    }
}

/// Who runs this program, `DOMAIN\name`.
pub fn viewer_user() -> Option<String> {
    // SAFETY: no precondition; the pseudo handle that it gives need not be closed, and closing it does nothing.
    let handle = Handle(unsafe { GetCurrentProcess() });
    user(&handle, &mut HashMap::new())
}

fn last_error() -> std::io::Error {
    std::io::Error::last_os_error()
}

#[cfg(test)]
mod tests {
    use sockscope_model::ProcessId;
    use windows_sys::Win32::Foundation::ERROR_INVALID_PARAMETER;

    use super::*;

    #[test]
    fn why_a_process_can_not_be_opened_is_told() {
        assert_eq!(open(0x7fff_fffc, PROCESS_QUERY_LIMITED_INFORMATION).err(), Some(ERROR_INVALID_PARAMETER));
        assert!(open(std::process::id(), PROCESS_QUERY_LIMITED_INFORMATION).is_ok());
    }

    #[test]
    fn this_process_is_listed_and_described() {
        let all = list().unwrap();
        let entry = all.iter().find(|process| process.pid == std::process::id()).unwrap();
        let id = ProcessId { pid: entry.pid, started: entry.started };
        let mut process = Process::new(id, entry.name.clone());
        assert!(describe(&mut process, &mut HashMap::new()));
        assert_eq!(process.path.as_deref(), std::env::current_exe().ok().as_deref());
        // Whoever is root to Wine is an administrator there.
        may_look_into_services();
        services().unwrap();
    }
}
