use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::data;
use crate::repository::{check, root};

/// What npm is to install. Scripts of packages do not run.
const NPM: [&str; 4] = ["lib-qqwry@1.3.4", "ipip-ipdb@0.6.0", "ip2region@2.3.0", "ipip-datx@0.2.2"];

/// What pip is to install, with what these need.
const PIP: [&str; 9] = [
    "qqwry-py3==1.2.1",
    "ipip-ipdb==1.6.1",
    "ipip-datx==0.4.0",
    "py-ip2region==3.0.6",
    "maxminddb==3.2.0",
    "IP2Location==8.11.0",
    "czdb-searcher==0.1.2",
    "msgpack==1.2.4",
    "pycryptodome==4.4.0",
];

/// Who runs a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    Node,
    Python,
}

/// The independent readers, installed beside the databases.
#[derive(Debug)]
pub(crate) struct Readers {
    npm: PathBuf,
    pip: PathBuf,
}

impl Readers {
    /// Installs what is not there in these versions yet.
    pub(crate) fn install() -> Result<Readers> {
        let directory = data::directory()?.join("readers");
        let readers = Readers { npm: directory.join("npm"), pip: directory.join("pip") };
        once(&readers.npm, &NPM, |into| {
            let mut npm = Command::new("npm");
            npm.args(["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(into);
            check(npm.args(NPM))
        })?;
        once(&readers.pip, &PIP, |into| {
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]);
            check(pip.args(["--no-deps", "--no-compile", "--target"]).arg(into).args(PIP))
        })?;
        Ok(readers)
    }

    /// Starts `xtask/peers/peer.js` or `peer.py`; see there for its arguments.
    pub(crate) fn command(&self, runtime: Runtime, arguments: &[&OsStr]) -> Command {
        let scripts = root().join("xtask/peers");
        let mut command = match runtime {
            Runtime::Node => {
                let mut node = Command::new("node");
                node.arg(scripts.join("peer.js")).env("NODE_PATH", self.npm.join("node_modules"));
                node
            }
            Runtime::Python => {
                let mut python = Command::new("python3");
                // What is compiled goes into the cache, not beside the sources.
                python.arg(scripts.join("peer.py")).env("PYTHONPATH", &self.pip).env("PYTHONDONTWRITEBYTECODE", "1");
                python
            }
        };
        command.args(arguments);
        command
    }
}

/// Fills a directory, unless it was filled with the same before.
fn once(directory: &Path, wanted: &[&str], fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let list = directory.join("sockscope-installed");
    let wanted = wanted.join("\n");
    if fs::read_to_string(&list).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    fill(directory)?;
    fs::write(&list, wanted).with_context(|| list.display().to_string())
}
