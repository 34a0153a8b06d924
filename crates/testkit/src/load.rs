use anyhow::Result;
use clap::Args;

use crate::kernel;
use crate::part::{self, Part};
use crate::process::{Actor, Scenario};

/// How many connections, and in how many processes.
#[derive(Debug, Clone, Args)]
pub struct LoadOptions {
    /// Established TCP connections over loopback; each is two sockets
    #[arg(long, default_value_t = 1_000)]
    pub connections: u32,
    /// Processes that hold them; more are started if these may not open enough descriptors
    #[arg(long, default_value_t = 4)]
    pub processes: u32,
    /// UDP sockets besides
    #[arg(long, default_value_t = 0)]
    pub udp: u32,
    /// The connections are between addresses all over the world, each used once; with --netns
    #[arg(long)]
    pub abroad: bool,
}

/// Makes many connections. Nothing listens any more when it returns.
pub fn load(options: &LoadOptions) -> Result<Scenario> {
    anyhow::ensure!(options.processes > 0, "no process to hold the sockets");
    if options.abroad {
        crate::abroad::everything_is_local()?;
    }
    let mut scenario = Scenario::new("load")?;
    let descriptors = u64::from(options.connections) * 2 + u64::from(options.udp);
    let mut processes = options.processes;
    while kernel::allow_files(descriptors / u64::from(processes) + part::SPARE_DESCRIPTORS).is_err() {
        anyhow::ensure!(processes < 10_000, "no number of processes may open {descriptors} descriptors");
        processes += 1;
    }
    // A pipe each.
    kernel::allow_files(u64::from(processes) + part::SPARE_DESCRIPTORS)?;
    let share = |total: u32, index: u32| total / processes + u32::from(index < total % processes);
    let actors: Vec<Actor> = (0..processes)
        .map(|index| {
            let (connections, udp) = (share(options.connections, index), share(options.udp, index));
            scenario.lifeline.start(&Part::Load { index, connections, udp, abroad: options.abroad }, |_| {})
        })
        .collect::<Result<_>>()?;
    for actor in actors {
        let (_, report) = scenario.keep(actor)?;
        scenario.report.tcp += report.tcp;
        scenario.report.udp += report.udp;
    }
    Ok(scenario)
}
