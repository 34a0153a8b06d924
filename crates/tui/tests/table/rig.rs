//! A table without terminal, clock and threads, and a machine whose sockets are made up: what a kernel would not do on demand
//! (peers all over the world, names that lie) is to be seen as well.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use sockscope_core::{Context, Filter, Pairs};
use sockscope_live::{Arranger, LineKey, Look};
use sockscope_model::{
    Exposure, Frame, HostName, IpDatabase, NoOwner, Notice, Owner, Owners, Place, Process, ProcessId, Protocol, Queues,
    Rate, Request, Snapshot, Socket, SocketKey, SourceReport, State, Tag, Timestamp, Traffic,
};
use sockscope_tui::{App, AppOptions, Colours, Effect, Remembered};

/// A table, its arranger, and what the monitor saw last.
pub(crate) struct Rig {
    pub(crate) app: App,
    terminal: Terminal<TestBackend>,
    /// What was drawn last. The test backend's own buffer keeps what stood behind the halves of wide characters.
    pub(crate) buffer: Buffer,
    arranger: Arranger,
    settings: Option<Arc<sockscope_live::Settings>>,
    pub(crate) look: Option<Look>,
    /// What the table wanted to have done, arranging aside.
    pub(crate) effects: Vec<Effect>,
}

pub(crate) fn options() -> AppOptions {
    AppOptions {
        context: Context::default(),
        fixed: (String::new(), Filter::everything()),
        filter: (String::new(), Filter::everything()),
        request: Request::default(),
        remembered: Remembered::default(),
        interval: Duration::from_secs(1),
        colours: Colours::Many,
        places: true,
        names: false,
        signals: &["TERM", "INT", "KILL"],
        notices: Vec::new(),
    }
}

impl Rig {
    pub(crate) fn new(width: u16, height: u16) -> Rig {
        Rig::with(width, height, options())
    }

    pub(crate) fn with(width: u16, height: u16, options: AppOptions) -> Rig {
        let (app, effects) = App::new(options);
        let mut rig = Rig {
            app,
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
            buffer: Buffer::default(),
            arranger: Arranger::default(),
            settings: None,
            look: None,
            effects: Vec::new(),
        };
        rig.follow(effects);
        rig
    }

    /// The monitor has looked.
    pub(crate) fn see(&mut self, frame: Frame) {
        let before = self.look.as_ref().map(|look| Arc::clone(&look.frame));
        let pairs = before.as_ref().map_or_else(Pairs::default, |before| Pairs::new(&before.snapshot, &frame.snapshot));
        let number = self.look.as_ref().map_or(1, |look| look.number + 1);
        self.look = Some(Look {
            number,
            frame: Arc::new(frame),
            before,
            pairs: Arc::new(pairs),
            interval: Duration::from_secs(1),
            pass: Duration::from_millis(4),
        });
        self.arrange();
    }

    /// Arranges what was seen last by the settings that were asked for last.
    pub(crate) fn arrange(&mut self) {
        if let (Some(look), Some(settings)) = (&self.look, &self.settings) {
            let arrangement = self.arranger.arrange(look, settings);
            let effects = self.app.arranged(arrangement);
            self.follow(effects);
        }
    }

    /// The lines that are there, in order: as they were arranged from the lines before, and as nobody knew any before.
    pub(crate) fn orders(&mut self) -> Option<[Vec<LineKey>; 2]> {
        let (look, settings) = (self.look.as_ref()?, self.settings.as_ref()?);
        let keys = |arranger: &mut Arranger| {
            let arrangement = arranger.arrange(look, settings);
            (0..arrangement.lines.len()).filter_map(|position| arrangement.key(position)).collect()
        };
        Some([keys(&mut self.arranger), keys(&mut Arranger::default())])
    }

    /// Something happens at the terminal, and is on the screen at once.
    pub(crate) fn event(&mut self, event: &Event) {
        let effects = self.app.event(event);
        self.follow(effects);
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        let mut is_other = false;
        for effect in effects {
            match effect {
                Effect::Arrange(settings) => {
                    self.settings = Some(settings);
                    is_other = true;
                }
                Effect::Discard(_) => {}
                effect => self.effects.push(effect),
            }
        }
        if is_other {
            self.arrange();
        }
    }

    pub(crate) fn press(&mut self, code: KeyCode) {
        self.event(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    pub(crate) fn control(&mut self, character: char) {
        self.event(&Event::Key(KeyEvent::new(KeyCode::Char(character), KeyModifiers::CONTROL)));
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            self.press(KeyCode::Char(character));
        }
    }

    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        self.terminal.backend_mut().resize(width, height);
        self.event(&Event::Resize(width, height));
    }

    pub(crate) fn draw(&mut self) {
        self.buffer = self.terminal.draw(|frame| self.app.draw(frame)).unwrap().buffer.clone();
    }

    /// What is on the screen. A wide character takes two cells and is once in the text, so that columns are aligned where the
    /// text is shown as a terminal shows it.
    pub(crate) fn screen(&mut self) -> String {
        self.draw();
        let buffer = &self.buffer;
        let mut text = String::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..buffer.area.width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buffer[(x, y)].symbol();
                skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
                line.push_str(symbol);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The line of the screen that holds the text.
    pub(crate) fn line(&mut self, part: &str) -> String {
        let screen = self.screen();
        screen.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part:?} in\n{screen}")).to_owned()
    }

    pub(crate) fn quits(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Quit))
    }
}

/// A machine.
pub(crate) struct Machine {
    pub(crate) sockets: Vec<Socket>,
    pub(crate) rates: HashMap<SocketKey, Rate>,
    pub(crate) seconds: i64,
    /// Whether name servers answered.
    pub(crate) has_names: bool,
    processes: HashMap<ProcessId, Process>,
}

const BEGAN: i64 = 1_795_334_400_000_000;

fn process(pid: u32, name: &str, user: &str) -> Process {
    let mut process = Process::new(ProcessId { pid, started: Some(Timestamp::from_micros(BEGAN)) }, name.to_owned());
    process.user = Some(user.to_owned());
    process.path = Some(format!("/usr/bin/{name}").into());
    process.command_line = Some(vec![format!("/usr/bin/{name}"), "--flag".to_owned(), "value with spaces".to_owned()]);
    process
}

impl Machine {
    /// A web server with guests, a chat program with a name in Chinese, and what else there is on a machine.
    pub(crate) fn usual() -> Machine {
        let mut machine = Machine {
            sockets: Vec::new(),
            rates: HashMap::new(),
            seconds: 0,
            has_names: false,
            processes: HashMap::new(),
        };
        for process in [
            process(812, "nginx", "www-data"),
            process(813, "nginx", "www-data"),
            process(1200, "sshd", "root"),
            process(3000, "微信", "alice"),
            process(3100, "evil\x1b[31m\u{202e}name", "mallory"),
            process(53, "dnsmasq", "dnsmasq"),
        ] {
            machine.processes.insert(process.id, process);
        }
        machine.add(1, "tcp", "0.0.0.0:80", None, Some(State::Listen), &[812, 813]);
        machine.add(2, "tcp", "[::]:22", None, Some(State::Listen), &[1200]);
        machine.add(3, "udp", "127.0.0.1:53", None, None, &[53]);
        machine.add(4, "tcp", "10.0.0.5:80", Some("114.114.114.114:51000"), Some(State::Established), &[812]);
        machine.add(5, "tcp", "10.0.0.5:80", Some("8.8.8.8:40000"), Some(State::Established), &[813]);
        machine.add(6, "tcp", "10.0.0.5:44312", Some("119.29.29.29:443"), Some(State::Established), &[3000]);
        machine.add(
            7,
            "tcp",
            "[2001:db8::5]:22",
            Some("[2001:4860:4860::8888]:50022"),
            Some(State::CloseWait),
            &[1200],
        );
        machine.add(8, "tcp", "10.0.0.5:80", Some("9.9.9.9:1234"), Some(State::TimeWait), &[]);
        machine.add(9, "udp", "10.0.0.5:5353", Some("1.1.1.1:53"), None, &[3100]);
        machine.sockets[7].owners = Owners::Nobody(NoOwner::TimeWait);
        machine.rate(4, 1_200_000, 34_000);
        machine.rate(6, 500, 8_400);
        machine
    }

    pub(crate) fn add(
        &mut self,
        cookie: u64,
        protocol: &str,
        local: &str,
        remote: Option<&str>,
        state: Option<State>,
        pids: &[u32],
    ) {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let key = SocketKey {
            protocol: if protocol == "tcp" { Protocol::Tcp } else { Protocol::Udp },
            local: parse(local),
            remote: remote.map(parse),
            tag: Tag::Cookie(cookie),
        };
        let mut socket = Socket::new(key);
        socket.state = state;
        socket.uid = Some(if pids.contains(&1200) { 0 } else { 1000 });
        socket.inode = Some(70_000 + cookie);
        socket.queues = Some(Queues { receive: 0, send: Some(0) });
        let process = |pid: &u32| ProcessId { pid: *pid, started: Some(Timestamp::from_micros(BEGAN)) };
        let owner = |pid| Owner { process: process(pid), fds: vec![5] };
        socket.owners = if pids.is_empty() {
            Owners::Nobody(NoOwner::NeedsRoot)
        } else {
            Owners::Processes(pids.iter().map(owner).collect())
        };
        if remote.is_none() {
            socket.exposure = Some(Exposure::of_local(key.local.ip()));
        } else if protocol == "tcp" {
            socket.traffic = Some(Box::new(Traffic {
                sent_bytes: Some(12_345 * cookie),
                received_bytes: Some(54_321 * cookie),
                rtt_us: Some(12_000 + 100 * cookie),
                min_rtt_us: Some(11_000),
                congestion_control: Some("cubic".to_owned()),
                congestion_window: Some(10),
                delivery_rate_bps: Some(9_000_000),
                retransmitted_segments: Some(2),
                ..Traffic::default()
            }));
        }
        self.sockets.push(socket);
    }

    pub(crate) fn rate(&mut self, cookie: u64, received: u64, sent: u64) {
        let key = self.sockets.iter().find(|it| it.key.tag == Tag::Cookie(cookie)).unwrap().key;
        self.rates.insert(key, Rate { sent, received });
    }

    pub(crate) fn socket(&mut self, cookie: u64) -> &mut Socket {
        self.sockets.iter_mut().find(|it| it.key.tag == Tag::Cookie(cookie)).unwrap()
    }

    pub(crate) fn remove(&mut self, cookie: u64) {
        self.sockets.retain(|it| it.key.tag != Tag::Cookie(cookie));
    }

    /// What is seen of it now; a second later than the time before.
    pub(crate) fn frame(&mut self) -> Frame {
        self.seconds += 1;
        let taken = Timestamp::from_micros(BEGAN + self.seconds * 1_000_000);
        let mut snapshot = Snapshot::new("linux", "web-1".to_owned(), taken);
        snapshot.sockets = self.sockets.clone();
        snapshot.processes = self.processes.clone();
        snapshot.users = HashMap::from([(0, "root".to_owned()), (1000, "alice".to_owned())]);
        snapshot.sources = vec![SourceReport {
            name: "sock_diag",
            rows: self.sockets.len() as u64,
            duplicates: 0,
            churned: 0,
            elapsed: Duration::from_millis(2),
        }];
        snapshot.notices = vec![Notice {
            code: "owners-need-root",
            message: "the owners of 3 sockets can't be seen without root".to_owned(),
        }];
        let mut frame = Frame::new(snapshot);
        frame.databases = ["cz88", "db-ip"]
            .map(|name| IpDatabase { name: name.into(), attribution: Some("by its maker"), website: None })
            .to_vec();
        frame.databases.truncate(1);
        let place = |code: Option<&str>, country: Option<&str>, text: &str| {
            let places: Arc<[Place]> = Arc::from([Place {
                country_code: code.map(str::to_owned),
                country: country.map(str::to_owned),
                text: text.to_owned(),
                database: "cz88".into(),
                ..Place::default()
            }]);
            places
        };
        let china = Some("中国");
        frame.places = Arc::new(
            [
                ("114.114.114.114", place(Some("CN"), china, "中国 江苏省 南京市")),
                ("119.29.29.29", place(Some("CN"), china, "中国 广东省 深圳市 腾讯云")),
                ("8.8.8.8", place(Some("US"), Some("United States"), "United States")),
                ("1.1.1.1", place(Some("AU"), Some("Australia"), "Australia")),
            ]
            .map(|(address, place)| (address.parse::<IpAddr>().unwrap(), place))
            .into_iter()
            .collect(),
        );
        if !self.has_names {
            return self.with_rates(frame);
        }
        frame.names = Arc::new(
            [("8.8.8.8", HostName::Known("dns.google".into())), ("1.1.1.1", HostName::Pending)]
                .map(|(address, name)| (address.parse::<IpAddr>().unwrap(), name))
                .into_iter()
                .collect(),
        );
        self.with_rates(frame)
    }

    fn with_rates(&self, mut frame: Frame) -> Frame {
        frame.rates = Arc::new(self.rates.iter().map(|(key, rate)| (*key, *rate)).collect());
        frame
    }
}
