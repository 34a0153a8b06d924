//! Any rule of nftables, and any answer of the routing table.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockscope_wire::{nftables, route};

fuzz_target!(|data: &[u8]| {
    if let Ok(Some(rule)) = nftables::redirection(data) {
        assert!(rule.ports.0 <= rule.ports.1);
    }
    let _ = route::is_local(data);
});
