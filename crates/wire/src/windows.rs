//! What the DLLs of Windows say: the tables of iphlpapi.dll, lists of processes and services, the output of netsh.
//!
//! Numbers are little-endian: Windows runs on nothing else.

/// Command lines.
mod arguments;
/// The per-connection counters of iphlpapi.dll (ESTATS).
mod estats;
/// Ranges of ports that nobody may bind, as netsh prints them.
mod netsh;
/// Structures that hold pointers into their own buffer: processes, services, modules.
mod pointers;
/// The tables of iphlpapi.dll.
mod tables;

use sockscope_model::Timestamp;

pub use arguments::arguments;
pub use estats::{DATA_ROD_SIZE, PATH_ROD_SIZE, is_collecting, traffic};
pub use netsh::{dynamic_ports, excluded_port_ranges, http_urls};
pub use pointers::{Buffer, ProcessEntry, ServiceEntry, module_name, processes, services, unicode_string};
pub use tables::{Layout, Row, quirk, table};

/// A moment that Windows counts in hundreds of nanoseconds since 1601 (FILETIME); 0 stands for unknown.
pub fn file_time(ticks: u64) -> Option<Timestamp> {
    /// From 1601 to 1970.
    const EPOCH: i64 = 11_644_473_600_000_000;
    let micros = i64::try_from(ticks / 10).ok()?;
    (ticks != 0).then(|| Timestamp::from_micros(micros - EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_times_count_from_1601() {
        assert_eq!(file_time(0), None);
        assert_eq!(file_time(116_444_736_000_000_000), Some(Timestamp::from_micros(0)));
        assert_eq!(file_time(116_444_736_000_000_019), Some(Timestamp::from_micros(1)));
        assert_eq!(file_time(10).unwrap().as_micros(), -11_644_473_599_999_999);
        assert!(file_time(u64::MAX).is_some());
    }
}
