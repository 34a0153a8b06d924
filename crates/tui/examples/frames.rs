//! What a frame of the table costs with many sockets, by thread:
//!
//! ```sh
//! cargo run --profile fast -p sockscope-tui --example frames -- 100000
//! ```
//!
//! Sockets are made up. From look to look, one in a hundred goes, as many come, one in ten sends, and all others stay.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use sockscope_core::{Context, Filter, Pairs};
use sockscope_live::{Arranger, Look, Settings, View};
use sockscope_model::{
    Frame, Owner, Owners, Place, Process, ProcessId, Protocol, Rate, Request, Snapshot, Socket, SocketKey, State, Tag,
    Timestamp, Traffic,
};
use sockscope_tui::{App, AppOptions, Colours, Effect, Remembered};

const LOOKS: u64 = 40;
const SIZE: Rect = Rect { x: 0, y: 0, width: 200, height: 60 };

fn socket(number: u64) -> Socket {
    let small = u32::try_from(number).unwrap();
    let remote = SocketAddr::from((Ipv4Addr::from(0x0b00_0000 + small.wrapping_mul(2_654_435) % 0x4000_0000), 443));
    let local = SocketAddr::from(([10, 0, 0, 5], u16::try_from(1024 + small % 60_000).unwrap()));
    let key = SocketKey { protocol: Protocol::Tcp, local, remote: Some(remote), tag: Tag::Cookie(number) };
    let mut socket = Socket::new(key);
    socket.state = Some(State::Established);
    socket.owners = Owners::Processes(vec![Owner {
        process: ProcessId { pid: 100 + small % 500, started: None },
        fds: vec![small],
    }]);
    socket.traffic = Some(Box::new(Traffic {
        sent_bytes: Some(number),
        received_bytes: Some(number),
        rtt_us: Some(1_000),
        ..Traffic::default()
    }));
    socket
}

fn frame(sockets: &[Socket], number: u64, places: &Arc<[Place]>) -> Frame {
    let mut snapshot =
        Snapshot::new("linux", "bench".to_owned(), Timestamp::from_micros(number.cast_signed() * 1_000_000));
    snapshot.sockets = sockets.to_vec();
    for pid in 100..600 {
        let id = ProcessId { pid, started: None };
        snapshot.processes.insert(id, Process::new(id, format!("program-{pid}")));
    }
    let mut frame = Frame::new(snapshot);
    let rate = |(index, socket): (usize, &Socket)| {
        let moves = (index as u64 + number).is_multiple_of(10);
        (socket.key, if moves { Rate { sent: 1_000 + number, received: 500 } } else { Rate::default() })
    };
    frame.rates = Arc::new(sockets.iter().enumerate().map(rate).collect());
    frame.places =
        Arc::new(sockets.iter().filter_map(|socket| Some((socket.key.remote?.ip(), Arc::clone(places)))).collect());
    frame
}

fn median(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    (ms(times[times.len() / 2]), ms(times[times.len() - 1]))
}

/// The thread that draws, and what it is told.
struct Rig {
    app: App,
    arranger: Arranger,
    settings: Arc<Settings>,
    terminal: Terminal<CrosstermBackend<io::Sink>>,
}

impl Rig {
    fn new(view: View) -> Rig {
        let (app, effects) = App::new(AppOptions {
            context: Context::default(),
            fixed: (String::new(), Filter::everything()),
            filter: (String::new(), Filter::everything()),
            request: Request::default(),
            remembered: Remembered { view, ..Remembered::default() },
            interval: Duration::from_secs(1),
            colours: Colours::Many,
            places: true,
            names: false,
            signals: &["TERM"],
            notices: Vec::new(),
        });
        let options = TerminalOptions { viewport: Viewport::Fixed(SIZE) };
        Rig {
            app,
            arranger: Arranger::default(),
            settings: settings(effects).unwrap(),
            terminal: Terminal::with_options(CrosstermBackend::new(io::sink()), options).unwrap(),
        }
    }

    fn draw(&mut self) {
        self.terminal.draw(|frame| self.app.draw(frame)).unwrap();
    }

    fn press(&mut self, character: char) -> Option<Arc<Settings>> {
        settings(self.app.event(&Event::Key(KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE))))
    }
}

fn settings(effects: Vec<Effect>) -> Option<Arc<Settings>> {
    effects.into_iter().rev().find_map(|effect| match effect {
        Effect::Arrange(settings) => Some(settings),
        _ => None,
    })
}

fn main() {
    let count: u64 = std::env::args().nth(1).map_or(100_000, |count| count.parse().unwrap());
    let places: Arc<[Place]> = Arc::from([Place {
        country: Some("United States".to_owned()),
        text: "United States".to_owned(),
        ..Place::default()
    }]);
    println!("{count} sockets, {LOOKS} looks, {} x {} cells; milliseconds: median (max)", SIZE.width, SIZE.height);
    let shown = |times| {
        let (median, max) = median(times);
        format!("{median:.2} ({max:.2})")
    };
    for (view, keys) in [
        (View::Sockets, ""),
        (View::Sockets, ">>>>>>"),
        (View::Processes, ""),
        (View::Hosts, ""),
        (View::Countries, ""),
        (View::Listeners, ""),
    ] {
        let mut rig = Rig::new(view);
        for key in keys.chars() {
            rig.settings = rig.press(key).unwrap_or(rig.settings);
        }
        let mut sockets: Vec<Socket> = (0..count).map(socket).collect();
        let mut before: Option<Arc<Frame>> = None;
        let (mut arranging, mut updating, mut drawing, mut keying) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for number in 1..=LOOKS {
            let churn = usize::try_from(count / 100).unwrap();
            sockets.drain(..churn.min(sockets.len()));
            let next = count + number * churn as u64;
            sockets.extend((next..next + churn as u64).map(socket));
            let frame = Arc::new(frame(&sockets, number, &places));
            let pairs = before.as_ref().map_or_else(Pairs::default, |it| Pairs::new(&it.snapshot, &frame.snapshot));
            let look = Look {
                number,
                frame: Arc::clone(&frame),
                before: before.replace(frame),
                pairs: Arc::new(pairs),
                interval: Duration::from_secs(1),
                pass: Duration::from_millis(100),
            };
            let began = Instant::now();
            let arrangement = rig.arranger.arrange(&look, &rig.settings);
            arranging.push(began.elapsed());
            let began = Instant::now();
            let effects = rig.app.arranged(arrangement);
            updating.push(began.elapsed());
            drop(effects);
            let began = Instant::now();
            rig.draw();
            drawing.push(began.elapsed());
            for key in ['j', 'G', 'g'] {
                let began = Instant::now();
                rig.press(key);
                rig.draw();
                keying.push(began.elapsed());
            }
        }
        let name = if keys.is_empty() { view.name().to_owned() } else { format!("{}, by rate", view.name()) };
        // The first looks are not yet steady.
        println!(
            "{name}: arrange {} on its thread; update {}, draw {}, key and draw {} on the thread that draws",
            shown(arranging.split_off(3)),
            shown(updating.split_off(3)),
            shown(drawing.split_off(3)),
            shown(keying.split_off(9)),
        );
    }
}
