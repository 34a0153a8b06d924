use anyhow::Result;
use clap::Args;

use crate::part::Part;
use crate::process::{Actor, Scenario};

/// How many processes, and what each holds.
#[derive(Debug, Clone, Args)]
pub struct FilesOptions {
    /// Processes
    #[arg(long, default_value_t = 2_000)]
    pub processes: u32,
    /// Descriptors for plain files in each
    #[arg(long, default_value_t = 106)]
    pub files: u32,
    /// Sockets in all: at most one a process, TCP listeners and UDP by turns
    #[arg(long, default_value_t = 2_000)]
    pub sockets: u32,
}

/// Makes many processes that hold many plain files and few sockets: what makes a search for owners slow.
pub fn files(options: &FilesOptions) -> Result<Scenario> {
    anyhow::ensure!(options.processes <= 65_000, "at most 65,000 processes");
    anyhow::ensure!(options.sockets <= options.processes, "at most one socket a process");
    let mut scenario = Scenario::new("files")?;
    crate::kernel::allow_files(u64::from(options.processes) + 100)?;
    let actors: Vec<Actor> = (0..options.processes)
        .map(|index| {
            let part = Part::Files { index, files: options.files, socket: index < options.sockets };
            scenario.lifeline.start(&part, |_| {})
        })
        .collect::<Result<_>>()?;
    for actor in actors {
        let (_, report) = scenario.keep(actor)?;
        scenario.report.tcp += report.tcp;
        scenario.report.udp += report.udp;
        scenario.report.files += report.files;
    }
    Ok(scenario)
}
