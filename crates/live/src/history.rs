use std::collections::VecDeque;

use sockscope_core::Identity;
use sockscope_model::{Row, Timestamp};

/// What one socket counted at the last looks.
#[derive(Debug, Default)]
pub struct History {
    of: Option<Identity>,
    number: u64,
    samples: VecDeque<Sample>,
}

/// One look at a socket.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sample {
    /// When the look began.
    pub taken: Option<Timestamp>,
    /// Bytes a second.
    pub sending: Option<u64>,
    /// Bytes a second.
    pub receiving: Option<u64>,
    /// Microseconds.
    pub rtt: Option<u64>,
    /// Segments.
    pub window: Option<u64>,
    /// Bits a second.
    pub delivery: Option<u64>,
    /// Segments, since the connection was opened.
    pub retransmitted: Option<u64>,
}

/// How many looks are kept.
const SAMPLES: usize = 120;

impl History {
    /// The looks, the latest last.
    pub fn samples(&self) -> &VecDeque<Sample> {
        &self.samples
    }

    /// Notes a look, each once; another socket than before begins anew. `row`: `None` if the socket was not there.
    pub fn note(&mut self, number: u64, of: Identity, row: Option<Row<'_>>) {
        if self.of != Some(of) {
            *self = History { of: Some(of), ..History::default() };
        } else if self.number == number {
            return;
        }
        self.number = number;
        let Some(row) = row else { return };
        let (rate, traffic) = (row.rate(), row.socket.traffic.as_deref());
        self.samples.push_back(Sample {
            taken: Some(row.snapshot().taken),
            sending: rate.map(|rate| rate.sent),
            receiving: rate.map(|rate| rate.received),
            rtt: traffic.and_then(|it| it.rtt_us),
            window: traffic.and_then(|it| it.congestion_window),
            delivery: traffic.and_then(|it| it.delivery_rate_bps),
            retransmitted: traffic.and_then(|it| it.retransmitted_segments),
        });
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
    }
}
