//! Calling what is undocumented, or withdrawn, in a process of its own: a second run of the same program, which calls one
//! function, writes its table to standard output, and ends. Whatever the function does there, a stub that aborts included, is a
//! sentence here.

use std::ffi::c_void;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX, SetErrorMode,
};
use windows_sys::Win32::System::Memory::{GetProcessHeap, HeapSize};

use super::functions::{Call, Function};
use super::machine::{Apart, Pending};
use super::system::{System, export};

/// The word that tells a second run what it is for; the key of a function follows.
const HELPER: &str = "__call-apart";

/// How long a function may take. A table of a hundred thousand rows takes a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than any table.
const MOST_BYTES: u64 = 1 << 30;

/// Without a window of its own, where the program has none either.
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// Whether a second run of this program knows what to do.
static HOSTS: AtomicBool = AtomicBool::new(false);

/// Makes this program one whose second run calls undocumented functions: the first thing in `main`. In such a run it does not
/// return.
pub(crate) fn serve() {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_none_or(|word| word != HELPER) {
        HOSTS.store(true, Ordering::Relaxed);
        return;
    }
    let function = words.next().and_then(|key| Function::from_key(key.to_str()?));
    std::process::exit(match function.map(answer) {
        Some(Ok(())) => 0,
        _ => 3,
    });
}

/// Writes the status, then the table.
fn answer(function: Function) -> std::io::Result<()> {
    // SAFETY: no precondition. A crash shall end this process at once, without a window that waits for somebody.
    unsafe { SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX) };
    let (status, table) = call(function);
    let mut out = std::io::stdout().lock();
    out.write_all(&status.to_le_bytes())?;
    out.write_all(&table)?;
    out.flush()
}

/// `AllocateAndGet{Tcp,Udp}ExTableFromStack(PVOID *table, BOOL order, HANDLE heap, DWORD flags, DWORD family)`
type FromStack = unsafe extern "system" fn(*mut *mut c_void, i32, HANDLE, u32, u32) -> u32;
/// `InternalGet...(PVOID *table, HANDLE heap, DWORD flags)`
type Internal = unsafe extern "system" fn(*mut *mut c_void, HANDLE, u32) -> u32;

fn call(function: Function) -> (u32, Vec<u8>) {
    if !function.is_called_apart() {
        // Nothing asks for it but whoever wants to see a table as it is.
        return super::read::fill(&mut System::default(), function)
            .map_or_else(|status| (status, Vec::new()), |it| (0, it));
    }
    const ERROR_PROC_NOT_FOUND: u32 = 127;
    let Some(address) = export(function.name) else { return (ERROR_PROC_NOT_FOUND, Vec::new()) };
    // SAFETY: no precondition.
    let heap = unsafe { GetProcessHeap() };
    let mut table: *mut c_void = std::ptr::null_mut();
    let status = match function.call {
        Call::FromStack => {
            // SAFETY: the export of that name has this type, by the pages of Microsoft that described it until Vista.
            let call = unsafe { std::mem::transmute::<super::system::Export, FromStack>(address) };
            // SAFETY: `table` is valid for a write, the heap is this process' own.
            unsafe { call(&raw mut table, 0, heap, 0, super::system::family(function.layout)) }
        }
        _ => {
            // SAFETY: no page describes the type: public programs that use these functions agree on it. If they are wrong,
            // it is this process that ends, which does nothing else.
            let call = unsafe { std::mem::transmute::<super::system::Export, Internal>(address) };
            // SAFETY: as above.
            unsafe { call(&raw mut table, heap, 0) }
        }
    };
    if status != 0 || table.is_null() {
        return (status, Vec::new());
    }
    // SAFETY: the function allocated `table` from that heap, as it was told to; a pointer that is none of the heap's gives
    // usize::MAX, or ends this process.
    let size = unsafe { HeapSize(heap, 0, table) };
    if size as u64 > MOST_BYTES {
        return (status, Vec::new());
    }
    // SAFETY: the heap says that the allocation has `size` bytes; the heap zeroed or the function wrote them, and as plain
    // bytes any value is valid. The table is not freed: the process ends.
    let bytes = unsafe { std::slice::from_raw_parts(table.cast::<u8>(), size) };
    (status, bytes.to_vec())
}

/// Starts a second run that calls the function.
pub(super) fn start(function: Function) -> Pending {
    match spawn(function) {
        Ok(child) => Box::new(move || wait(child)),
        Err(why) => Box::new(move || Err(Apart::NoProcess(why))),
    }
}

fn spawn(function: Function) -> Result<Child, String> {
    if !HOSTS.load(Ordering::Relaxed) {
        return Err("this program is not prepared for it (sockscope::serve_apart, first in main)".to_owned());
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(&program);
    std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NO_WINDOW);
    command.arg(HELPER).arg(function.key()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().map_err(|error| format!("can't start {}: {error}", program.display()))
}

/// Reads what it writes; one that does not come to an end is ended.
fn wait(mut child: Child) -> Result<Vec<u8>, Apart> {
    let failed = |error: std::io::Error| Apart::NoProcess(error.to_string());
    let Some(output) = child.stdout.take() else {
        return Err(Apart::NoProcess("its output can't be read".to_owned()));
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .spawn(move || {
            let mut bytes = Vec::new();
            let read = output.take(MOST_BYTES).read_to_end(&mut bytes);
            // Nobody listens any more to one that came too late.
            let _ = sender.send(read.map(|_| bytes));
        })
        .map_err(failed)?;
    let read = receiver.recv_timeout(PATIENCE);
    if read.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let bytes = match read {
        Ok(bytes) => bytes.map_err(failed)?,
        Err(_) => return Err(Apart::TimedOut(PATIENCE.as_secs())),
    };
    let code = status.code().unwrap_or(-1);
    match bytes.split_first_chunk::<4>() {
        Some((status, table)) if code == 0 => match u32::from_le_bytes(*status) {
            0 => Ok(table.to_vec()),
            status => Err(Apart::Status(status)),
        },
        _ => Err(Apart::Crashed(format!("{:#010x}", code.cast_unsigned()))),
    }
}
