//! What a program with a window needs besides: somewhere to say what went wrong, and an administrator's rights.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::AsRawHandle;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_CANCELLED, GetLastError};
use windows_sys::Win32::Security::{GetTokenInformation, TOKEN_ELEVATION, TOKEN_QUERY, TokenElevation};
use windows_sys::Win32::Storage::FileSystem::{FILE_TYPE_DISK, FILE_TYPE_PIPE, GetFileType};
use windows_sys::Win32::System::Com::{COINIT_APARTMENTTHREADED, COINIT_DISABLE_OLE1DDE, CoInitializeEx};
use windows_sys::Win32::System::Console::{
    ATTACH_PARENT_PROCESS, AttachConsole, GetStdHandle, STD_ERROR_HANDLE, STD_OUTPUT_HANDLE, WriteConsoleW,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use windows_sys::Win32::UI::Shell::{SEE_MASK_NOASYNC, SHELLEXECUTEINFOW, ShellExecuteExW};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    MB_ICONERROR, MB_ICONINFORMATION, MB_OK, MB_SETFOREGROUND, MessageBoxW, SW_SHOWNORMAL,
};

use super::command_line::command_line;
use super::processes::Handle;
use crate::Stream;

pub(crate) fn tell(stream: Stream, title: &str, text: &str) {
    if is_redirected(stream) {
        stream.write(text);
    } else if !console(text) {
        message_box(stream, title, text);
    }
}

/// Whether somebody has put a file or a pipe there. A console is none: without being attached to it, nobody can write to it.
fn is_redirected(stream: Stream) -> bool {
    let which = match stream {
        Stream::Output => STD_OUTPUT_HANDLE,
        Stream::Error => STD_ERROR_HANDLE,
    };
    // SAFETY: no precondition.
    let handle = unsafe { GetStdHandle(which) };
    // SAFETY: of what is no handle of a file it says that it does not know.
    let kind = unsafe { GetFileType(handle) };
    kind == FILE_TYPE_DISK || kind == FILE_TYPE_PIPE
}

/// Writes on the console of whoever started us; false: there is none.
fn console(text: &str) -> bool {
    // SAFETY: no precondition. It fails if there is none, and if we have one already, which is then the one.
    unsafe { AttachConsole(ATTACH_PARENT_PROCESS) };
    let Ok(console) = OpenOptions::new().write(true).open("CONOUT$") else { return false };
    // The shell has printed its prompt meanwhile: it does not wait for programs with a window.
    let text = format!("\r\n{}\r\n", text.trim_end_matches('\n').replace('\n', "\r\n"));
    let text: Vec<u16> = text.encode_utf16().collect();
    let mut written = 0;
    // SAFETY: the handle is open, the text valid for reads of its length, the number for a write; the last must be null.
    let done = unsafe {
        WriteConsoleW(console.as_raw_handle(), text.as_ptr(), text.len() as u32, &raw mut written, ptr::null())
    };
    done != 0
}

fn message_box(stream: Stream, title: &str, text: &str) {
    let icon = if stream == Stream::Error { MB_ICONERROR } else { MB_ICONINFORMATION };
    let (title, text) = (wide(title), wide(text));
    // SAFETY: both end with NUL and outlive the call; it needs no owner.
    unsafe { MessageBoxW(ptr::null_mut(), text.as_ptr(), title.as_ptr(), MB_OK | MB_SETFOREGROUND | icon) };
}

pub(crate) fn is_elevated() -> bool {
    let mut token = ptr::null_mut();
    // SAFETY: the pseudo handle of this process needs no closing; the token is valid for a write.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return false;
    }
    let token = Handle(token);
    let mut elevation = TOKEN_ELEVATION::default();
    let mut needed = 0;
    let size = size_of_val(&elevation) as u32;
    // SAFETY: the token is open and allows it; the structure, which is what this question is answered with, is valid for writes of
    // its size.
    let done =
        unsafe { GetTokenInformation(token.0, TokenElevation, (&raw mut elevation).cast(), size, &raw mut needed) };
    done != 0 && elevation.TokenIsElevated != 0
}

pub(crate) fn restart_elevated(arguments: &[OsString]) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("can't tell which program this is: {error}"))?;
    let program: Vec<u16> = program.as_os_str().encode_wide().chain([0]).collect();
    let words: Vec<Vec<u16>> = arguments.iter().map(|word| word.encode_wide().collect()).collect();
    let parameters: Vec<u16> = command_line(&words).into_iter().chain([0]).collect();
    // Else it would begin in a directory of Windows, where relative paths among the arguments mean nothing.
    let directory = std::env::current_dir().unwrap_or_default();
    let directory: Vec<u16> = directory.as_os_str().encode_wide().chain([0]).collect();
    let verb = wide("runas");
    // What asks the user may be an object of COM's.
    // SAFETY: the first must be null. This thread has no other use for it; if it has one of another kind, that will do.
    unsafe { CoInitializeEx(ptr::null(), (COINIT_APARTMENTTHREADED | COINIT_DISABLE_OLE1DDE) as u32) };
    let mut info = SHELLEXECUTEINFOW {
        cbSize: size_of::<SHELLEXECUTEINFOW>() as u32,
        // This thread may end before the other program runs.
        fMask: SEE_MASK_NOASYNC,
        lpVerb: verb.as_ptr(),
        lpFile: program.as_ptr(),
        lpParameters: parameters.as_ptr(),
        lpDirectory: directory.as_ptr(),
        nShow: SW_SHOWNORMAL,
        ..Default::default()
    };
    // SAFETY: the structure says its size, all texts end with NUL and outlive the call, and the rest is zero.
    if unsafe { ShellExecuteExW(&raw mut info) } != 0 {
        return Ok(());
    }
    // SAFETY: no precondition.
    let code = unsafe { GetLastError() };
    Err(match code {
        ERROR_CANCELLED => "it was refused".into(),
        _ => std::io::Error::from_raw_os_error(code as i32).to_string(),
    })
}

fn wide(text: &str) -> Vec<u16> {
    // A NUL inside would end it.
    text.encode_utf16().filter(|unit| *unit != 0).chain([0]).collect()
}
