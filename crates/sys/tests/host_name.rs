//! Names of addresses by this system's name service.
#![cfg(all(target_os = "linux", not(sockscope_null)))]
#![allow(clippy::unwrap_used, reason = "what can't be made is a failed test")]

use std::net::Ipv4Addr;

use sockscope_model::HostName;
use sockscope_sys::{host_name, hosts_text};

#[test]
fn the_hosts_file_is_read() {
    let text = hosts_text().unwrap_or_default();
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    if lines.any(|words| words.starts_with(&["127.0.0.1", "localhost"])) {
        for address in [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()] {
            assert_eq!(host_name(address), HostName::Known("localhost".into()));
        }
    }
}

/// Where nothing can be reached, that is said, and not that there is no name.
#[test]
fn a_name_service_that_fails_failed() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let alone = || {
        sockscope_testkit::enter_private_namespace().unwrap();
        host_name(Ipv4Addr::new(192, 0, 2, 1).into())
    };
    assert_eq!(std::thread::spawn(alone).join().unwrap(), HostName::Failed);
}
