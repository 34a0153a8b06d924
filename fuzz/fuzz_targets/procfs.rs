//! Any text under /proc that we read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockscope_model::{Family, Protocol};
use sockscope_wire::procfs;

fuzz_target!(|data: &[u8]| {
    let lines = data.split(|byte| *byte == b'\n').count();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        for family in [Family::Ipv4, Family::Ipv6] {
            let table = procfs::table(data, protocol, family);
            assert!(table.sockets.len() + table.malformed.len() <= lines);
        }
    }
    let _ = procfs::stat(data);
    let _ = procfs::socket_inode(data);
    let _ = procfs::number(data);
    let _ = procfs::command_line(data);
    let _ = procfs::cgroup(data).and_then(procfs::service);
    let _ = procfs::cgroup(data).and_then(procfs::container_id);
    let _ = procfs::command_line(data).as_deref().and_then(procfs::docker_proxy);
    let _ = procfs::port_range(data);
    let _ = procfs::port_ranges(data);
    let _ = procfs::ring_sockets(data);
    let _ = procfs::ring_file_count(data);
    let _ = procfs::in_flight_count(data);
    let _ = procfs::sockstat_tcp(data);
    let _ = procfs::snmp_tcp(data);
    let _ = procfs::unix_inodes(data).count();
    let _ = procfs::last_process(data);
    let _ = procfs::forks(data);
    let _ = procfs::hides_processes(data);
    let _ = procfs::has_capability(data, 19);
});
