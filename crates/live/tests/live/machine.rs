use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sockscope_core::{Context, Filter, Pairs};
use sockscope_live::{Arrangement, Arranger, LineKey, Look, Opened, Settings, Shown, Sort, View, labels};
use sockscope_model::{
    Coordinates, Field, Frame, NoOwner, Owner, Owners, Place, Process, ProcessId, Protocol, Rate, Snapshot, Socket,
    SocketKey, State, Tag, Timestamp,
};
use sockscope_output::Column;

pub(crate) const BEGAN: i64 = 1_795_334_400_000_000;

pub(crate) fn field(field: Field) -> Shown {
    Shown::Socket(Column::Field(field))
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(BEGAN + second * 1_000_000)
}

pub(crate) fn id(pid: u32) -> ProcessId {
    ProcessId { pid, started: Some(at(0)) }
}

pub(crate) fn settings(view: View, change: impl FnOnce(&mut Settings)) -> Arc<Settings> {
    let mut settings = Settings {
        serial: 1,
        view,
        within: None,
        filters: [Arc::new(Filter::everything()), Arc::new(Filter::everything())],
        sort: Sort::default(),
        then: None,
        tree: None,
        map: false,
        ages: false,
        subject: None,
    };
    change(&mut settings);
    Arc::new(settings)
}

pub(crate) fn tree(view: View, all: bool) -> Arc<Settings> {
    settings(view, |it| it.tree = Some(Opened { all, ..Opened::default() }))
}

pub(crate) fn filter(text: &str) -> Arc<Filter> {
    Arc::new(Filter::parse(text, &Context::default()).unwrap())
}

/// A machine, and what was seen of it.
pub(crate) struct Machine {
    pub(crate) sockets: Vec<Socket>,
    pub(crate) processes: HashMap<ProcessId, Process>,
    /// Places and rates as they are now: frames share them.
    pub(crate) now: Frame,
    pub(crate) last: Option<Look>,
    arranger: Arranger,
}

impl Machine {
    pub(crate) fn empty() -> Machine {
        let now = Frame::new(Snapshot::new("linux", "web-1".to_owned(), at(0)));
        let (sockets, processes) = (Vec::new(), HashMap::new());
        Machine { sockets, processes, now, last: None, arranger: Arranger::default() }
    }

    /// Two web servers with guests, and a chat program.
    pub(crate) fn usual() -> Machine {
        let mut machine = Machine::empty();
        machine.process(812, "nginx", Some("nginx.service"));
        machine.process(813, "nginx", Some("nginx.service"));
        machine.process(1200, "sshd", Some("ssh.service"));
        machine.process(3000, "wechat", None);
        let (listen, established) = (Some(State::Listen), Some(State::Established));
        machine.add(1, "0.0.0.0:80", None, listen, &[812, 813]);
        machine.add(2, "0.0.0.0:22", None, listen, &[1200]);
        machine.add(4, "10.0.0.5:80", Some("114.114.114.114:51000"), established, &[812]);
        machine.add(5, "10.0.0.5:80", Some("8.8.8.8:40000"), established, &[813]);
        machine.add(6, "10.0.0.5:44312", Some("119.29.29.29:443"), established, &[3000]);
        machine.add(7, "10.0.0.5:22", Some("192.168.1.7:50022"), Some(State::CloseWait), &[1200]);
        machine.add(8, "10.0.0.5:80", Some("9.9.9.9:1234"), Some(State::TimeWait), &[]);
        machine.place("114.114.114.114", place("CN", "China", "China Nanjing", None));
        machine.place("119.29.29.29", place("CN", "China", "China Shenzhen", None));
        machine.place("8.8.8.8", place("US", "United States", "United States", None));
        machine
    }

    pub(crate) fn process(&mut self, pid: u32, name: &str, service: Option<&str>) {
        let mut process = Process::new(id(pid), name.to_owned());
        process.service = service.map(str::to_owned);
        self.processes.insert(process.id, process);
    }

    pub(crate) fn add(&mut self, cookie: u64, local: &str, remote: Option<&str>, state: Option<State>, pids: &[u32]) {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let protocol = if state.is_some() { Protocol::Tcp } else { Protocol::Udp };
        let tag = Tag::Cookie(cookie);
        let key = SocketKey { protocol, local: parse(local), remote: remote.map(parse), tag };
        let mut socket = Socket::new(key);
        socket.state = state;
        socket.uid = Some(1000);
        let owner = |pid: &u32| Owner { process: id(*pid), fds: vec![5] };
        socket.owners = match pids {
            [] => Owners::Nobody(NoOwner::TimeWait),
            _ => Owners::Processes(pids.iter().map(owner).collect()),
        };
        self.sockets.push(socket);
    }

    pub(crate) fn socket(&mut self, cookie: u64) -> &mut Socket {
        self.sockets.iter_mut().find(|it| it.key.tag == Tag::Cookie(cookie)).unwrap()
    }

    pub(crate) fn remove(&mut self, cookie: u64) {
        self.sockets.retain(|it| it.key.tag != Tag::Cookie(cookie));
    }

    pub(crate) fn place(&mut self, address: &str, place: Place) {
        Arc::make_mut(&mut self.now.places).insert(address.parse::<IpAddr>().unwrap(), Arc::from([place]));
    }

    pub(crate) fn rate(&mut self, cookie: u64, sent: u64, received: u64) {
        let key = self.socket(cookie).key;
        Arc::make_mut(&mut self.now.rates).insert(key, Rate { sent, received });
    }

    /// Looks again, a second later.
    pub(crate) fn look(&mut self) {
        let number = self.last.as_ref().map_or(1, |look| look.number + 1);
        let mut snapshot = Snapshot::new("linux", "web-1".to_owned(), at(i64::try_from(number).unwrap()));
        snapshot.sockets = self.sockets.clone();
        snapshot.processes = self.processes.clone();
        let mut frame = Frame::new(snapshot);
        frame.places = Arc::clone(&self.now.places);
        frame.names = Arc::clone(&self.now.names);
        frame.rates = Arc::clone(&self.now.rates);
        let before = self.last.as_ref().map(|look| Arc::clone(&look.frame));
        let pairs = before.as_ref().map_or_else(Pairs::default, |before| Pairs::new(&before.snapshot, &frame.snapshot));
        self.last = Some(Look {
            number,
            frame: Arc::new(frame),
            before,
            pairs: Arc::new(pairs),
            interval: Duration::from_secs(1),
            pass: Duration::from_millis(4),
        });
    }

    /// What was seen last, arranged.
    pub(crate) fn arrange(&mut self, settings: &Arc<Settings>) -> Arc<Arrangement> {
        if self.last.is_none() {
            self.look();
        }
        self.arranger.arrange(self.last.as_ref().unwrap(), settings)
    }
}

pub(crate) fn place(code: &str, country: &str, text: &str, coordinates: Option<(f64, f64)>) -> Place {
    Place {
        country_code: Some(code.to_owned()).filter(|code| !code.is_empty()),
        country: Some(country.to_owned()).filter(|country| !country.is_empty()),
        text: text.to_owned(),
        coordinates: coordinates.map(|(latitude, longitude)| Coordinates { latitude, longitude }),
        database: "cz88".into(),
        ..Place::default()
    }
}

/// The lines in a few words each: groups by what they are called, sockets by their cookies.
pub(crate) fn lines(arrangement: &Arrangement) -> Vec<String> {
    let line = |position: usize| match arrangement.group(position) {
        Some(group) => {
            let mut text = String::new();
            labels::push_group(&mut text, group, &arrangement.look);
            text
        }
        None => match arrangement.row(position).unwrap().socket.key.tag {
            Tag::Cookie(cookie) => cookie.to_string(),
            _ => String::new(),
        },
    };
    (0..arrangement.lines.len()).map(line).collect()
}

/// Every line is found where it stands, by what it stands for.
pub(crate) fn check_positions(arrangement: &Arrangement) {
    for position in 0..arrangement.lines.len() {
        let key = arrangement.key(position).unwrap();
        let seen = arrangement.line(position).map(|line| (arrangement.look.number, line));
        let found = arrangement.position(&key, seen).unwrap();
        // A socket of several processes stands below each of them, and is found where it is first.
        assert!(found <= position && arrangement.key(found).as_ref() == Some(&key), "{position}: {found}");
        if matches!(key, LineKey::Group(_)) {
            assert_eq!(found, position);
        }
        assert_eq!(arrangement.position(&key, None), Some(found), "{key:?}");
    }
}
