//! How long each format takes for a listing of 200,000 sockets: `cargo run --release -p sockscope-output --example speed`.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use sockscope_model::{
    Frame, NoOwner, Owner, Owners, Process, ProcessId, Protocol, Queues, Snapshot, Socket, SocketKey, State, Tag,
    Timestamp,
};
use sockscope_output::{Column, Listing, TableOptions, csv, html, json, ndjson, table};

const ROWS: u32 = 200_000;
const PROCESSES: u32 = 400;

/// Counts bytes and drops them.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Three in four established, the others waiting; one in four IPv6.
fn frame() -> Frame {
    let taken = Timestamp::from_micros(1_795_334_400_123_456);
    let mut snapshot = Snapshot::new("linux", "speed".to_owned(), taken);
    for pid in 0..PROCESSES {
        let id = ProcessId { pid: 1000 + pid, started: Some(Timestamp::from_micros(taken.as_micros() - 1_000_000)) };
        let process = Process {
            id,
            name: format!("worker-{pid}"),
            path: Some("/usr/lib/some/application/bin/worker".into()),
            command_line: Some(
                ["worker", "--listen", "0.0.0.0:8080", "--config", "/etc/worker.toml"].map(str::to_owned).into(),
            ),
            uid: Some(1000),
            user: Some("alice".to_owned()),
            service: Some("worker.service".to_owned()),
            container: None,
        };
        snapshot.processes.insert(id, process);
    }
    let ids: Vec<ProcessId> = snapshot.processes.keys().copied().collect();
    for row in 0..ROWS {
        let address = |low: u32| -> IpAddr {
            if row % 4 == 0 {
                Ipv6Addr::from(0x2001_0db8_1234_5678_0000_0000_0000_0000 | u128::from(low) << 16 | 7).into()
            } else {
                Ipv4Addr::from(0x0a00_0000 | low).into()
            }
        };
        let mut socket = Socket::new(SocketKey {
            protocol: Protocol::Tcp,
            local: SocketAddr::new(address(5), 8080),
            remote: Some(SocketAddr::new(address(row), (1024 + row % 60_000) as u16)),
            tag: Tag::Cookie(u64::from(row) + 4096),
        });
        socket.uid = Some(1000);
        socket.mark = Some(0);
        socket.namespace = Some(4_026_531_840);
        socket.queues = Some(Queues::default());
        if row % 4 == 3 {
            socket.state = Some(State::TimeWait);
            socket.owners = Owners::Nobody(NoOwner::TimeWait);
        } else {
            socket.state = Some(State::Established);
            socket.inode = Some(u64::from(row) + 100_000);
            socket.cgroup = Some(1);
            let process = ids.get(row as usize % ids.len()).copied();
            let owners = process.map(|process| Owner { process, fds: vec![5 + row % 1000] });
            socket.owners = Owners::Processes(owners.into_iter().collect());
        }
        snapshot.sockets.push(socket);
    }
    snapshot.users.insert(1000, "alice".to_owned());
    snapshot.cgroups.insert(1, "/system.slice/worker.service".to_owned());
    Frame::new(snapshot)
}

fn main() -> io::Result<()> {
    let frame = frame();
    let rows: Vec<usize> = (0..frame.snapshot.sockets.len()).collect();
    let listing = Listing { frame: &frame, rows: &rows, version: "0.0.0" };
    let limited = TableOptions { width: Some(120), colour: true, ..TableOptions::default() };
    let few = Column::default_table(&frame);
    type Print<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;
    let formats: [(&str, Print<'_>); 7] = [
        ("ndjson", &|out| ndjson(out, &listing)),
        ("json", &|out| json(out, &listing)),
        ("table, 120 wide", &|out| table(out, &listing, &limited)),
        ("table, unlimited", &|out| table(out, &listing, &TableOptions::default())),
        ("csv, all columns", &|out| csv(out, &listing, &Column::default_csv())),
        ("csv, table's columns", &|out| csv(out, &listing, &few)),
        ("html", &|out| html(out, &listing, &few)),
    ];
    for (name, print) in formats {
        // The best of some, since others use the machine too.
        let mut best = f64::INFINITY;
        let mut bytes = 0;
        for _ in 0..7 {
            let mut count = Count(0);
            let start = Instant::now();
            print(&mut count)?;
            best = best.min(start.elapsed().as_secs_f64());
            bytes = count.0;
        }
        println!(
            "{name:22} {:7.1} ms  {:6.0} ns/row  {:6.1} MB  {:5.0} bytes/row",
            best * 1e3,
            best * 1e9 / f64::from(ROWS),
            bytes as f64 / 1e6,
            bytes as f64 / f64::from(ROWS)
        );
    }
    Ok(())
}
