/// What TCP counts for one connection (Linux `struct tcp_info`, include/uapi/linux/tcp.h). Sizes are bytes, times
/// microseconds, rates bits a second; a kernel too old to report a value leaves `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each name says what it holds; units are in the type's documentation")]
pub struct Traffic {
    /// Bytes of data sent, those sent again included.
    pub sent_bytes: Option<u64>,
    pub received_bytes: Option<u64>,
    pub rtt_us: Option<u64>,
    pub rtt_variation_us: Option<u64>,
    pub min_rtt_us: Option<u64>,
    pub retransmitted_segments: Option<u64>,
    pub lost_segments: Option<u64>,
    pub congestion_control: Option<String>,
    pub congestion_window: Option<u64>,
    pub segment_size: Option<u64>,
    pub send_rate_bps: Option<u64>,
    pub delivery_rate_bps: Option<u64>,
    /// Time since the last segment with data was sent.
    pub last_sent_us: Option<u64>,
    /// Time since the last segment with data was received.
    pub last_received_us: Option<u64>,
}
