use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use sockscope_testkit::Running;

use super::{Kit, build, sockets};
use crate::repository::root;

/// Functions of iphlpapi.dll and the rows that they give: every structure of rows that there is, each by a function that Wine has.
const TABLES: [(&str, &str); 14] = [
    ("GetTcpTable", "TcpRow"),
    ("GetTcpTable2", "TcpRow2"),
    ("AllocateAndGetTcpExTableFromStack", "TcpRowOwnerPid"),
    ("GetExtendedTcpTable", "TcpRowOwnerModule"),
    ("GetTcp6Table", "Tcp6Row"),
    ("GetTcp6Table2", "Tcp6Row2"),
    ("GetExtendedTcpTable", "Tcp6RowOwnerPid"),
    ("GetExtendedTcpTable", "Tcp6RowOwnerModule"),
    ("GetUdpTable", "UdpRow"),
    ("GetExtendedUdpTable", "UdpRowOwnerPid"),
    ("GetExtendedUdpTable", "UdpRowOwnerModule"),
    ("GetUdp6Table", "Udp6Row"),
    ("GetExtendedUdpTable", "Udp6RowOwnerPid"),
    ("GetExtendedUdpTable", "Udp6RowOwnerModule"),
];

/// Writes down the tables of iphlpapi.dll while programs have sockets of every kind.
pub(crate) fn run() -> Result<()> {
    let kit = Kit::prepare()?;
    let sockscope = build(&kit, "dev")?;
    let mut command = kit.wine(&sockets::build_testkit(&kit, "dev")?);
    command.arg("varied");
    let _running = Running::start_command(command).context("the scenario of Windows sockets")?;
    let directory = root().join("testdata/ip_helper");
    fs::create_dir_all(&directory)?;
    for (function, rows) in TABLES {
        let mut command = kit.wine(&sockscope);
        // As the program itself has undocumented functions called: the status, how long the table is, and the table.
        command.arg("__call-apart").arg(format!("{function}:{rows}")).stdin(Stdio::null());
        let output = command.output()?;
        let (status, rest) =
            output.stdout.split_first_chunk::<4>().with_context(|| format!("{function}: {output:?}"))?;
        ensure!(output.status.success() && u32::from_le_bytes(*status) == 0, "{function}: {output:?}");
        let (_, table) = rest.split_first_chunk::<8>().with_context(|| format!("{function}: {output:?}"))?;
        // The buffer was longer than the table.
        let end = table.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1).next_multiple_of(4);
        let path = directory.join(format!("{rows}.bin"));
        // Rows may end with zeros: how long they are, only their decoder knows.
        fs::write(&path, table.get(..(end + 192).min(table.len())).unwrap_or(table))?;
        eprintln!("{}", path.display());
    }
    Ok(())
}
