//! `TCP_ESTATS_*` (tcpestats.h). Collection is off until someone with the right to do so turns it on for a connection.

use sockscope_model::Traffic;

use crate::bytes::{le32_at, le64_at, u8_at};

/// Bytes of `TCP_ESTATS_DATA_ROD_v0`.
pub const DATA_ROD_SIZE: usize = 96;
/// Bytes of `TCP_ESTATS_PATH_ROD_v0`.
pub const PATH_ROD_SIZE: usize = 160;

/// Whether a connection's counters are running: the one byte of `TCP_ESTATS_DATA_RW_v0` and its like.
pub fn is_collecting(rw: &[u8]) -> bool {
    u8_at(rw, 0).is_some_and(|enabled| enabled != 0)
}

/// What the counters say, of those that are running; `None` if none is.
pub fn traffic(data: Option<&[u8]>, path: Option<&[u8]>) -> Option<Traffic> {
    if data.is_none() && path.is_none() {
        return None;
    }
    let bytes = |offset| data.and_then(|data| le64_at(data, offset));
    let number = |offset| path.and_then(|path| le32_at(path, offset)).filter(|number| *number != u32::MAX);
    // In milliseconds; nothing was measured yet where it is 0.
    let time = |offset| number(offset).filter(|time| *time != 0).map(|millis| u64::from(millis) * 1000);
    Some(Traffic {
        // DataBytesOut, DataBytesIn
        sent_bytes: bytes(0),
        received_bytes: bytes(16),
        // PktsRetrans
        retransmitted_segments: number(20).map(u64::from),
        // SmoothedRtt, RttVar, MinRtt
        rtt_us: time(108),
        rtt_variation_us: time(112),
        min_rtt_us: time(120),
        // CurMss
        segment_size: number(144).map(u64::from).filter(|size| *size != 0),
        ..Traffic::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_where_the_header_puts_them() {
        assert_eq!(traffic(None, None), None);
        let mut data = [0; DATA_ROD_SIZE];
        data[0] = 7;
        data[16] = 9;
        let mut path = [0; PATH_ROD_SIZE];
        for (offset, value) in [(20, 3u32), (108, 40), (112, 5), (120, 30), (144, 1460)] {
            path[offset..][..4].copy_from_slice(&value.to_le_bytes());
        }
        let traffic = traffic(Some(&data), Some(&path)).unwrap();
        assert_eq!((traffic.sent_bytes, traffic.received_bytes), (Some(7), Some(9)));
        assert_eq!((traffic.rtt_us, traffic.rtt_variation_us), (Some(40_000), Some(5_000)));
        assert_eq!((traffic.min_rtt_us, traffic.segment_size), (Some(30_000), Some(1460)));
        assert_eq!(traffic.retransmitted_segments, Some(3));
        let short = super::traffic(Some(&[1, 2]), None).unwrap();
        assert_eq!((short.sent_bytes, short.rtt_us), (None, None));
        assert!(is_collecting(&[1]) && !is_collecting(&[0]) && !is_collecting(&[]));
    }
}
