use sockscope_model::Traffic;

use crate::bytes::{u32_at, u64_at};

/// Offsets in `struct tcp_info` (include/uapi/linux/tcp.h). The structure only ever grew: an older kernel's is shorter.
mod offset {
    pub(super) const SND_MSS: usize = 16;
    pub(super) const LOST: usize = 32;
    pub(super) const LAST_DATA_SENT: usize = 44;
    pub(super) const LAST_DATA_RECV: usize = 52;
    pub(super) const RTT: usize = 68;
    pub(super) const RTTVAR: usize = 72;
    pub(super) const SND_CWND: usize = 80;
    pub(super) const TOTAL_RETRANS: usize = 100;
    pub(super) const BYTES_RECEIVED: usize = 128;
    pub(super) const MIN_RTT: usize = 148;
    pub(super) const DELIVERY_RATE: usize = 160;
    pub(super) const BYTES_SENT: usize = 200;
}

/// Reads as much as there is.
pub(crate) fn decode(bytes: &[u8]) -> Traffic {
    let number = |offset| u32_at(bytes, offset).map(u64::from);
    // Times that were never measured are 0, the shortest round trip ~0.
    let measured = |offset| number(offset).filter(|time| *time != 0);
    let milliseconds = |offset| number(offset).map(|time| time * 1000);
    let (rtt, window, segment) = (measured(offset::RTT), number(offset::SND_CWND), number(offset::SND_MSS));
    Traffic {
        sent_bytes: u64_at(bytes, offset::BYTES_SENT),
        received_bytes: u64_at(bytes, offset::BYTES_RECEIVED),
        rtt_us: rtt,
        rtt_variation_us: measured(offset::RTTVAR),
        min_rtt_us: number(offset::MIN_RTT).filter(|time| *time != u64::from(u32::MAX)),
        retransmitted_segments: number(offset::TOTAL_RETRANS),
        lost_segments: number(offset::LOST),
        congestion_control: None,
        congestion_window: window,
        segment_size: segment,
        // One window a round trip, as `ss` has it.
        send_rate_bps: match (window, segment, rtt) {
            (Some(window), Some(segment), Some(rtt)) => {
                u64::try_from(u128::from(window) * u128::from(segment) * 8_000_000 / u128::from(rtt)).ok()
            }
            _ => None,
        },
        delivery_rate_bps: u64_at(bytes, offset::DELIVERY_RATE)
            .filter(|rate| *rate != 0)
            .and_then(|rate| rate.checked_mul(8)),
        last_sent_us: milliseconds(offset::LAST_DATA_SENT),
        last_received_us: milliseconds(offset::LAST_DATA_RECV),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_structure_gives_what_it_has() {
        assert_eq!(decode(&[]), Traffic::default());
        let mut bytes = vec![0u8; 104];
        bytes[16..20].copy_from_slice(&1448u32.to_ne_bytes());
        bytes[68..72].copy_from_slice(&1000u32.to_ne_bytes());
        bytes[80..84].copy_from_slice(&10u32.to_ne_bytes());
        let traffic = decode(&bytes);
        assert_eq!(traffic.rtt_us, Some(1000));
        assert_eq!(traffic.rtt_variation_us, None);
        assert_eq!(traffic.send_rate_bps, Some(1448 * 10 * 8000));
        assert_eq!(traffic.retransmitted_segments, Some(0));
        assert_eq!(traffic.sent_bytes, None);
    }

    #[test]
    fn extreme_numbers_do_not_overflow() {
        let traffic = decode(&[0xff; 300]);
        assert_eq!(traffic.delivery_rate_bps, None);
        assert_eq!(traffic.min_rtt_us, None);
        assert!(traffic.send_rate_bps.is_some());
    }
}
