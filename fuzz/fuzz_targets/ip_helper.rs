//! Any buffer that a DLL of Windows may fill: tables, lists with pointers, counters, and what netsh prints.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockscope_wire::windows::{
    Buffer, Layout, arguments, excluded_port_ranges, file_time, is_collecting, module_name, processes, quirk, services,
    table, traffic, unicode_string,
};

fuzz_target!(|data: &[u8]| {
    for layout in Layout::ALL {
        for bound in [false, true] {
            let Ok(rows) = table(data, layout, bound) else { continue };
            assert!(rows.len() * layout.row_size() <= data.len());
            for row in rows {
                assert_eq!(row.bytes.len(), layout.row_size());
                // No peer is never 0.0.0.0:0, and a listener has none.
                if let Some(remote) = row.socket.key.remote {
                    assert!(remote.port() != 0 || !remote.ip().is_unspecified());
                    assert!(!row.socket.is_listening());
                }
                let _ = quirk(&row, layout);
            }
        }
    }
    for pointer in [4, 8] {
        let buffer = Buffer { bytes: data, address: 0x1000, pointer };
        let _ = processes(buffer);
        let _ = module_name(buffer);
        let _ = unicode_string(buffer);
        if let Some(count) = data.first() {
            let _ = services(buffer, u32::from(*count));
        }
        let _ = services(buffer, u32::MAX);
    }
    let _ = traffic(Some(data), data.get(16..));
    let _ = is_collecting(data);
    let _ = data.first_chunk().map(|ticks| file_time(u64::from_le_bytes(*ticks)));
    if let Ok(text) = std::str::from_utf8(data) {
        let length: usize = arguments(text).iter().map(String::len).sum();
        assert!(length <= text.len());
        assert!(excluded_port_ranges(text).iter().all(|(first, last)| first <= last));
    }
});
