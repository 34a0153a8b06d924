use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::{env, fs};

use sockscope::{DatabaseOptions, Databases, Kept, Locator};
use sockscope_model::{Notice, ProcessId, Socket};
use sockscope_window::{Desk, Opener, Privilege, Remembered};

/// Why nothing is done.
const RECORDED: &str = "this is a recording: what it shows may be something else by now";

/// The system's part.
pub(crate) struct SystemDesk {
    /// Where it is remembered what was shown.
    kept: Kept,
    /// What is shown is a recording: nothing of it is closed or ended here.
    pub(crate) replays: bool,
    /// IP databases that were named, and those that were added, first.
    databases: Mutex<Vec<PathBuf>>,
}

impl SystemDesk {
    /// Keeps what is shown there.
    pub(crate) fn new(databases: Vec<PathBuf>, kept: Kept) -> SystemDesk {
        SystemDesk { kept, replays: false, databases: Mutex::new(databases) }
    }
}

impl sockscope_live::Actions for SystemDesk {
    fn close(&self, socket: &Socket) -> Result<(), String> {
        if self.replays {
            return Err(RECORDED.to_owned());
        }
        sockscope::close(socket)
    }

    fn kill(&self, process: ProcessId, signal: &str) -> Result<(), String> {
        if self.replays {
            return Err(RECORDED.to_owned());
        }
        sockscope::end(process, signal)
    }
}

impl Desk for SystemDesk {
    fn remember(&self, remembered: &Remembered) -> Result<(), String> {
        self.kept.keep(&remembered.to_text())
    }

    fn open_location(&self, path: &Path) -> Result<(), String> {
        let mut command = file_manager(path);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        match spawned {
            Ok(mut child) => {
                // Whoever does not wait for it leaves a zombie.
                let _ = child.wait();
                Ok(())
            }
            Err(error) => Err(format!("can't show {}: {}: {error}", path.display(), command.get_program().display())),
        }
    }

    fn add_database(&self, path: &Path) -> Result<(Opener, Vec<Notice>), String> {
        let mut files = self.databases.lock().map_err(|error| error.to_string())?;
        let mut wanted = vec![path.to_owned()];
        wanted.extend(files.iter().filter(|file| *file != path).cloned());
        let options = DatabaseOptions { files: wanted.clone(), keep: true, ..DatabaseOptions::default() };
        let databases = Databases::open(&options).map_err(|error| error.to_string())?;
        *files = wanted;
        let atlas = databases.atlas;
        Ok((Box::new(move || Locator::new(atlas)), databases.notices))
    }

    fn elevate(&self) -> Result<(), String> {
        let arguments: Vec<OsString> = env::args_os().skip(1).collect();
        sockscope_sys::restart_elevated(&arguments)
            .map_err(|error| format!("can't start again as an administrator: {error}"))
    }
}

/// Shows a file among those beside it.
#[cfg(windows)]
fn file_manager(path: &Path) -> Command {
    let mut command = Command::new("explorer.exe");
    command.arg("/select,").arg(path);
    command
}

/// Opens the directory of a file: there is no common way to select it there.
#[cfg(not(windows))]
fn file_manager(path: &Path) -> Command {
    let mut command = Command::new("xdg-open");
    command.arg(path.parent().unwrap_or(path));
    command
}

/// How to see what only an administrator sees.
pub(crate) fn privilege() -> Privilege {
    if sockscope_sys::is_elevated() {
        return Privilege::Full;
    }
    if cfg!(windows) {
        return Privilege::Restart;
    }
    let program = env::current_exe().map_or_else(|_| "sockscope-window".to_owned(), |it| it.display().to_string());
    Privilege::Command(format!("sudo --preserve-env=DISPLAY,WAYLAND_DISPLAY,XAUTHORITY,XDG_RUNTIME_DIR {program}"))
}

/// How much memory the program has in use, in bytes, where the system tells without more ado.
pub(crate) fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Where files are saved unless somebody says otherwise.
pub(crate) fn folder() -> PathBuf {
    let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).map(PathBuf::from);
    let documents = home.as_ref().map(|home| home.join("Documents")).filter(|documents| documents.is_dir());
    documents.or(home).or_else(|| env::current_dir().ok()).unwrap_or_default()
}
