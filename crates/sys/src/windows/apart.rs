//! Calling what is undocumented, or withdrawn, in a process of its own: a second run of the same program, which calls some
//! functions, writes their tables to standard output, and ends. Whatever a function does there, a stub that aborts included, is a
//! sentence here.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX, SetErrorMode,
};
use windows_sys::Win32::System::Memory::{GetProcessHeap, HeapSize};

use super::functions::{Call, Function};
use super::machine::{Apart, Pending};
use super::read::{ATTEMPTS, empty_table, fill, pause_after};
use super::status;
use super::system::{Export, System, export, family};

/// The word that tells a second run what it is for; the keys of functions follow.
const HELPER: &str = "__call-apart";

/// How long one run may take. A table of a hundred thousand rows takes a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than any table.
const MOST_BYTES: u64 = 1 << 30;

/// Without a window of its own, where the program has none either.
pub(super) const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// What crashed once or did not come back, and how: it is not called again.
static BROKEN: Mutex<BTreeMap<String, Apart>> = Mutex::new(BTreeMap::new());

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
    let functions: Option<Vec<Function>> = words.map(|key| Function::from_key(key.to_str()?)).collect();
    std::process::exit(match functions.map(|functions| answer(&functions)) {
        Some(Ok(())) => 0,
        _ => 3,
    });
}

/// Writes for each function the status, how long the table is, and the table.
fn answer(functions: &[Function]) -> std::io::Result<()> {
    // SAFETY: no precondition. A crash shall end this process at once, without a window that waits for somebody.
    unsafe { SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX) };
    let mut out = std::io::stdout().lock();
    for function in functions {
        let (status, table) = call_patiently(*function);
        out.write_all(&status.to_le_bytes())?;
        out.write_all(&(table.len() as u64).to_le_bytes())?;
        out.write_all(&table)?;
        // What comes next may end this process.
        out.flush()?;
    }
    Ok(())
}

/// As documented functions are called: no row is no failure, and a table that changes quickly is tried again.
fn call_patiently(function: Function) -> (u32, Vec<u8>) {
    if !function.is_called_apart() {
        // Nothing asks for it but whoever wants to see a table as it is.
        let filled = fill(&mut System::default(), function);
        return filled.map_or_else(|status| (status, Vec::new()), |table| (0, table));
    }
    for number in 0..ATTEMPTS {
        match call(function) {
            (status::UNSUCCESSFUL, _) => std::thread::sleep(pause_after(number)),
            (status::NO_DATA, _) => return (0, empty_table()),
            answer => return answer,
        }
    }
    (status::UNSUCCESSFUL, Vec::new())
}

/// `AllocateAndGet{Tcp,Udp}ExTableFromStack(PVOID *table, BOOL order, HANDLE heap, DWORD flags, DWORD family)`
type FromStack = unsafe extern "system" fn(*mut *mut c_void, i32, HANDLE, u32, u32) -> u32;
/// `InternalGet...(PVOID *table, HANDLE heap, DWORD flags)`
type Internal = unsafe extern "system" fn(*mut *mut c_void, HANDLE, u32) -> u32;

fn call(function: Function) -> (u32, Vec<u8>) {
    let Some(address) = export(function.name) else { return (status::PROC_NOT_FOUND, Vec::new()) };
    // SAFETY: no precondition.
    let heap = unsafe { GetProcessHeap() };
    let mut table: *mut c_void = std::ptr::null_mut();
    let status = match function.call {
        Call::FromStack => {
            // SAFETY: the export of that name has this type, by the pages of Microsoft that described it until Vista.
            let call = unsafe { std::mem::transmute::<Export, FromStack>(address) };
            // SAFETY: `table` is valid for a write, the heap is this process' own.
            unsafe { call(&raw mut table, 0, heap, 0, family(function.layout)) }
        }
        _ => {
            // SAFETY: no page describes the type: public programs that use these functions agree on it. If they are wrong,
            // it is this process that ends, which does nothing else.
            let call = unsafe { std::mem::transmute::<Export, Internal>(address) };
            // SAFETY: as above.
            unsafe { call(&raw mut table, heap, 0) }
        }
    };
    if status != 0 {
        return (status, Vec::new());
    }
    if table.is_null() {
        return (0, empty_table());
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

/// Starts a second run that calls the functions, one after another.
pub(super) fn start(functions: &[Function]) -> Pending {
    let functions = functions.to_vec();
    let (broken, sound) = sort_out(&functions);
    let child = (!sound.is_empty()).then(|| spawn(&sound));
    Box::new(move || {
        let mut results = child.map_or_else(Vec::new, |child| collect(child, &sound));
        // Behind one that ended its process, the others have not been called yet.
        while let Some(rest) = sound.get(results.len()..).filter(|rest| !rest.is_empty()) {
            results.extend(collect(spawn(rest), rest));
        }
        let mut results = results.into_iter();
        let nothing = || Err(Apart::NoProcess("it gave no answer".to_owned()));
        let result = |broken: Option<Apart>| broken.map_or_else(|| results.next().unwrap_or_else(nothing), Err);
        broken.into_iter().map(result).collect()
    })
}

/// For each function, how it broke before, and those that did not.
fn sort_out(functions: &[Function]) -> (Vec<Option<Apart>>, Vec<Function>) {
    let known = BROKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let broken: Vec<Option<Apart>> = functions.iter().map(|function| known.get(&function.key()).cloned()).collect();
    let sound = functions.iter().zip(&broken).filter(|(_, broken)| broken.is_none());
    let sound = sound.map(|(function, _)| *function).collect();
    (broken, sound)
}

fn spawn(functions: &[Function]) -> Result<Run, Apart> {
    if !HOSTS.load(Ordering::Relaxed) {
        let why = "this program is not prepared for it (sockscope::serve_apart, first in main)";
        return Err(Apart::NoProcess(why.to_owned()));
    }
    let program = std::env::current_exe().map_err(|error| Apart::NoProcess(error.to_string()))?;
    let mut command = Command::new(&program);
    command.arg(HELPER).args(functions.iter().map(|function| function.key()));
    Run::start(command, PATIENCE)
}

/// At least one result, unless none is asked for: of the functions up to the one that ended the run.
fn collect(run: Result<Run, Apart>, functions: &[Function]) -> Vec<Result<Vec<u8>, Apart>> {
    let count = functions.len();
    let run = match run {
        Ok(run) => run,
        Err(why) => return vec![Err(why); count],
    };
    let (bytes, end) = run.wait();
    let mut results = Vec::new();
    let mut rest = bytes.as_slice();
    while results.len() < count
        && let Some((status, table, behind)) = record(rest)
    {
        results.push(if status == 0 { Ok(table.to_vec()) } else { Err(Apart::Status(status)) });
        rest = behind;
    }
    if let Some(function) = functions.get(results.len()) {
        let why = Apart::from(end);
        if !matches!(why, Apart::NoProcess(_)) {
            BROKEN.lock().unwrap_or_else(PoisonError::into_inner).insert(function.key(), why.clone());
        }
        results.push(Err(why));
    }
    results
}

/// Status, table, and what comes behind them.
fn record(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (status, bytes) = bytes.split_first_chunk::<4>()?;
    let (length, bytes) = bytes.split_first_chunk::<8>()?;
    let (table, behind) = bytes.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    Some((u32::from_le_bytes(*status), table, behind))
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Status(i32),
    /// It was ended after that long.
    TimedOut(Duration),
    /// That could not be found out.
    Unknown(String),
}

impl From<End> for Apart {
    /// For a program that should have said more.
    fn from(end: End) -> Apart {
        match end {
            End::Status(status) => Apart::Crashed(format!("{:#010x}", status.cast_unsigned())),
            End::TimedOut(patience) => Apart::TimedOut(patience.as_secs()),
            End::Unknown(why) => Apart::NoProcess(why),
        }
    }
}

/// A program that runs, and until when it may.
pub(super) struct Run {
    child: Child,
    patience: Duration,
    started: Instant,
}

impl Run {
    /// Starts it without a window, without input, and with its output for us alone.
    pub(super) fn start(mut command: Command, patience: Duration) -> Result<Run, Apart> {
        std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NO_WINDOW);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command
            .spawn()
            .map_err(|error| Apart::NoProcess(format!("can't start {}: {error}", command.get_program().display())))?;
        Ok(Run { child, patience, started: Instant::now() })
    }

    /// What it writes, and how it ended; one that does not come to an end is ended.
    pub(super) fn wait(mut self) -> (Vec<u8>, End) {
        let (sender, receiver) = mpsc::channel();
        let output = self.child.stdout.take();
        let reader = std::thread::Builder::new().spawn(move || {
            let mut bytes = Vec::new();
            // What was read before an error counts.
            let _ = output.map(|output| output.take(MOST_BYTES).read_to_end(&mut bytes));
            // Nobody listens any more to one that came too late.
            let _ = sender.send(bytes);
        });
        let bytes = match reader {
            Ok(_) => receiver.recv_timeout(self.patience.saturating_sub(self.started.elapsed())).ok(),
            Err(_) => None,
        };
        let timed_out = bytes.is_none();
        if timed_out {
            let _ = self.child.kill();
        }
        // Its last words, if it had any.
        let bytes = bytes.or_else(|| receiver.recv_timeout(Duration::from_secs(1)).ok()).unwrap_or_default();
        let end = match self.child.wait() {
            _ if timed_out => End::TimedOut(self.patience),
            Ok(status) => End::Status(status.code().unwrap_or(-1)),
            Err(error) => End::Unknown(error.to_string()),
        };
        (bytes, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLEEPER: &str = "SOCKSCOPE_TEST_SLEEPS";

    /// A process that says something and does not end by itself, where a test asks for one.
    #[test]
    fn sleeper() {
        if std::env::var_os(SLEEPER).is_some() {
            std::io::stdout().write_all(b"awake").unwrap();
            std::io::stdout().flush().unwrap();
            std::thread::sleep(Duration::from_secs(600));
        }
    }

    #[test]
    fn what_does_not_come_back_is_ended() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "windows::apart::tests::sleeper", "--nocapture"]).env(SLEEPER, "1");
        let run = Run::start(command, Duration::from_secs(3)).unwrap();
        let pid = run.child.id();
        let (bytes, end) = run.wait();
        assert_eq!(end, End::TimedOut(Duration::from_secs(3)));
        assert!(bytes.windows(5).any(|it| it == b"awake"), "{}", String::from_utf8_lossy(&bytes));
        assert!(super::super::processes::list().unwrap().iter().all(|process| process.pid != pid));
    }

    #[test]
    fn records_are_split() {
        let mut bytes = vec![0; 4];
        bytes.extend(2u64.to_le_bytes());
        bytes.extend([7, 8, 9]);
        assert_eq!(record(&bytes), Some((0, &[7, 8][..], &[9][..])));
        assert_eq!(record(&bytes[..13]), None);
        assert_eq!(record(&[0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]), None);
        assert_eq!(record(&[]), None);
    }
}
