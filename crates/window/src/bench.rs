use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sockscope_model::{
    Owner, Owners, Process, ProcessId, Protocol, Request, Snapshot, Socket, SocketKey, Source, SourceError,
    SourceReport, State, Tag, Timestamp, Traffic,
};

/// Measures what drawing costs: the hidden option `--benchmark` of the program.
#[derive(Debug, Default)]
pub struct Timings(Mutex<Vec<Frame>>);

/// What one frame cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Taking what was seen, and the code that draws.
    pub(crate) ui: Duration,
    /// All of the thread's work for the frame before, text and shapes made into triangles and painted included, as eframe says it.
    pub(crate) whole: Option<f32>,
}

/// So many frames are measured, after some that warm up.
const FRAMES: usize = 150;
const WARM: usize = 20;

impl Timings {
    /// Notes a frame; true: that is enough.
    pub(crate) fn note(&self, frame: Frame) -> bool {
        let mut frames = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        frames.push(frame);
        frames.len() >= WARM + FRAMES
    }

    /// In milliseconds: the median, the 95th percentile and the most of the drawing code, and the median of all; one line of JSON.
    pub fn report(&self, rows: usize, memory: Option<u64>) -> String {
        let frames = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let frames = frames.get(WARM..).unwrap_or_default();
        let mut ui: Vec<f64> = frames.iter().map(|frame| frame.ui.as_secs_f64() * 1e3).collect();
        let mut whole: Vec<f64> = frames.iter().filter_map(|frame| Some(f64::from(frame.whole?) * 1e3)).collect();
        ui.sort_by(f64::total_cmp);
        whole.sort_by(f64::total_cmp);
        let at = |values: &[f64], part: f64| {
            let index = (values.len().saturating_sub(1) as f64 * part).round() as usize;
            values.get(index).copied().unwrap_or(f64::NAN)
        };
        format!(
            "{{\"rows\":{rows},\"frames\":{},\"ui_ms\":{{\"median\":{:.2},\"p95\":{:.2},\"max\":{:.2}}},\"whole_ms\":{{\"median\":{:.2}}},\
             \"memory_bytes\":{}}}",
            ui.len(),
            at(&ui, 0.5),
            at(&ui, 0.95),
            at(&ui, 1.0),
            at(&whole, 0.5),
            memory.map_or_else(|| "null".to_owned(), |bytes| bytes.to_string()),
        )
    }
}

/// Sockets that are made up, of which one in a hundred changes at every look: some go and come, some change their state, and rates
/// change, by which they are sorted.
#[derive(Debug)]
pub struct MadeUp {
    sockets: Vec<Socket>,
    processes: Vec<(ProcessId, Process)>,
    number: u64,
    fresh: u32,
}

impl MadeUp {
    /// So many.
    pub fn new(count: usize) -> MadeUp {
        let process = |pid: u32| {
            let id = ProcessId { pid, started: Some(Timestamp::from_micros(1_700_000_000_000_000)) };
            (id, Process::new(id, format!("program-{pid}")))
        };
        let processes: Vec<(ProcessId, Process)> = (100..600).map(process).collect();
        let mut made = MadeUp { sockets: Vec::new(), processes, number: 0, fresh: 0 };
        for _ in 0..count {
            let socket = made.socket();
            made.sockets.push(socket);
        }
        made
    }

    fn socket(&mut self) -> Socket {
        let number = self.fresh;
        self.fresh += 1;
        let local =
            SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, (number >> 16) as u8, 1)), (number % 50_000) as u16 + 1024);
        // All over the world, so that places are looked up and the map is full.
        let peer = Ipv4Addr::from_bits(0x0100_0000 + number.wrapping_mul(2_654_435_761) % 0xdf00_0000);
        let key = SocketKey {
            protocol: Protocol::Tcp,
            local,
            remote: Some(SocketAddr::new(peer.into(), 443)),
            tag: Tag::Cookie(u64::from(number) + 1),
        };
        let mut socket = Socket::new(key);
        socket.state = Some(State::Established);
        if let Some((id, _)) = self.processes.get(number as usize % self.processes.len().max(1)) {
            socket.owners = Owners::Processes(vec![Owner { process: *id, fds: vec![number % 1000] }]);
        }
        socket.uid = Some(1000);
        socket.traffic = Some(Box::new(Traffic {
            sent_bytes: Some(0),
            received_bytes: Some(0),
            rtt_us: Some(20_000),
            ..Traffic::default()
        }));
        socket
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

impl Source for MadeUp {
    fn snapshot(&mut self, _request: &Request) -> Result<Snapshot, SourceError> {
        let began = Instant::now();
        let (count, number) = (self.sockets.len(), self.number as usize);
        for step in 0..count / 100 {
            let index = (number * 7919 + step * 97) % count.max(1);
            let fresh = (step % 4 == 0).then(|| self.socket());
            let Some(socket) = self.sockets.get_mut(index) else { continue };
            match fresh {
                Some(fresh) => *socket = fresh,
                None if step % 4 == 1 => {
                    socket.state = Some(if socket.state == Some(State::Established) {
                        State::CloseWait
                    } else {
                        State::Established
                    });
                }
                None => {}
            }
            if let Some(traffic) = &mut socket.traffic {
                traffic.sent_bytes = traffic.sent_bytes.map(|bytes| bytes + (step as u64 * 37) % 9000);
                traffic.received_bytes = traffic.received_bytes.map(|bytes| bytes + (step as u64 * 101) % 90_000);
            }
        }
        self.number += 1;
        let mut snapshot = Snapshot::new("linux", "benchmark".to_owned(), now());
        snapshot.sockets.clone_from(&self.sockets);
        snapshot.processes = self.processes.iter().cloned().collect();
        snapshot.users.insert(1000, "user".to_owned());
        snapshot.elapsed = began.elapsed();
        snapshot.sources.push(SourceReport {
            name: "made-up",
            rows: count as u64,
            duplicates: 0,
            churned: 0,
            elapsed: began.elapsed(),
        });
        Ok(snapshot)
    }
}
