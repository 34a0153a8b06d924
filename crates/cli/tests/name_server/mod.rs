use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A DNS server on 127.0.0.1, port 53, of the network namespace of the thread that starts it (RFC 1035): it notes every question, and
/// answers those for names of addresses.
pub(crate) struct NameServer {
    shared: Arc<Shared>,
    /// Where we ask ourselves from.
    asker: UdpSocket,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<String>>,
    answered: AtomicUsize,
    marks: AtomicUsize,
    ended: AtomicBool,
}

/// No question.
const MARK: &[u8] = b"mark";
/// Flags, and four counts.
const HEADER: usize = 12;
const PTR: [u8; 2] = [0, 12];
const IN: [u8; 2] = [0, 1];

impl NameServer {
    /// `answers` gives the name to a question; an empty one: there is none; `None`: no answer ever.
    pub(crate) fn start(answers: fn(&str) -> Option<String>) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
        asker.connect("127.0.0.1:53").unwrap();
        let shared = Arc::<Shared>::default();
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve(&socket, &shared, answers))
        };
        NameServer { shared, asker, thread: Some(thread) }
    }

    /// The questions so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.settle();
        self.shared.asked.lock().unwrap().clone()
    }

    /// Waits until every question that was sent by now is noted: what we send comes behind them.
    fn settle(&self) {
        let before = self.shared.marks.load(Ordering::SeqCst);
        let begin = Instant::now();
        while self.shared.marks.load(Ordering::SeqCst) == before {
            assert!(begin.elapsed() < Duration::from_secs(60));
            self.asker.send(MARK).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// How many were answered.
    pub(crate) fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::SeqCst)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(socket: &UdpSocket, shared: &Shared, answers: fn(&str) -> Option<String>) {
    let mut buffer = [0; 1024];
    while !shared.ended.load(Ordering::SeqCst) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let query = &buffer[..length];
        if query == MARK {
            shared.marks.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let (name, end) = question(query);
        assert_eq!(query[end..end + 4], [PTR, IN].concat(), "{name}");
        shared.asked.lock().unwrap().push(name.clone());
        let Some(answer) = answers(&name) else { continue };
        let mut reply = query[..end + 4].to_vec();
        // An answer, by who is in charge, to a question that wished for recursion, which is there; NXDOMAIN, or one answer.
        reply[2..4].copy_from_slice(&[0x85, if answer.is_empty() { 0x83 } else { 0x80 }]);
        reply[4..HEADER].copy_from_slice(&[0, 1, 0, u8::from(!answer.is_empty()), 0, 0, 0, 0]);
        if !answer.is_empty() {
            let mut encoded = Vec::new();
            for label in answer.split('.') {
                encoded.push(u8::try_from(label.len()).unwrap());
                encoded.extend(label.as_bytes());
            }
            encoded.push(0);
            // The name of the question, a minute, and the answer.
            reply.extend([0xc0, 12]);
            reply.extend([PTR, IN].concat());
            reply.extend(60u32.to_be_bytes());
            reply.extend(u16::try_from(encoded.len()).unwrap().to_be_bytes());
            reply.extend(encoded);
        }
        socket.send_to(&reply, from).unwrap();
        shared.answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// The name that is asked for, and where it ends.
fn question(query: &[u8]) -> (String, usize) {
    let mut labels = Vec::new();
    let mut at = HEADER;
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8(query[at + 1..][..length].to_vec()).unwrap());
        at += 1 + length;
    }
    (labels.join("."), at + 1)
}
