use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sockscope_model::{
    Exposure, Frame, IpDatabase, NoOwner, Notice, Owner, Owners, Place, Process, ProcessId, Protocol, Queues, Rate,
    Snapshot, Socket, SocketKey, SourceReport, State, Tag, Timestamp, Traffic,
};

/// A machine whose sockets are made up.
pub(crate) struct Machine {
    pub(crate) sockets: Vec<Socket>,
    pub(crate) processes: HashMap<ProcessId, Process>,
    rates: HashMap<SocketKey, Rate>,
    seconds: i64,
}

const BEGAN: i64 = 1_795_334_400_000_000;

pub(crate) fn id(pid: u32) -> ProcessId {
    ProcessId { pid, started: Some(Timestamp::from_micros(BEGAN)) }
}

impl Machine {
    pub(crate) fn empty() -> Machine {
        Machine { sockets: Vec::new(), processes: HashMap::new(), rates: HashMap::new(), seconds: 0 }
    }

    /// A web server with guests, a chat program, and what else there is on a machine.
    pub(crate) fn usual() -> Machine {
        let mut machine = Machine::empty();
        machine.process(812, "nginx", "www-data", Some("nginx.service"));
        machine.process(813, "nginx", "www-data", Some("nginx.service"));
        machine.process(1200, "sshd", "root", Some("ssh.service"));
        machine.process(3000, "wechat", "alice", None);
        machine.process(53, "dnsmasq", "dnsmasq", Some("dnsmasq.service"));
        let (listen, established) = (Some(State::Listen), Some(State::Established));
        machine.add(1, "tcp", "0.0.0.0:80", None, listen, &[812, 813]);
        machine.add(2, "tcp", "[::]:22", None, listen, &[1200]);
        machine.add(3, "udp", "127.0.0.1:53", None, None, &[53]);
        machine.add(4, "tcp", "10.0.0.5:80", Some("114.114.114.114:51000"), established, &[812]);
        machine.add(5, "tcp", "10.0.0.5:80", Some("8.8.8.8:40000"), established, &[813]);
        machine.add(6, "tcp", "10.0.0.5:44312", Some("119.29.29.29:443"), established, &[3000]);
        machine.add(7, "tcp", "10.0.0.5:22", Some("192.168.1.7:50022"), Some(State::CloseWait), &[1200]);
        machine.add(8, "tcp", "10.0.0.5:80", Some("9.9.9.9:1234"), Some(State::TimeWait), &[]);
        machine.socket(8).owners = Owners::Nobody(NoOwner::TimeWait);
        machine.rate(4, 1_200_000, 34_000);
        machine.rate(6, 500, 8_400);
        machine
    }

    pub(crate) fn process(&mut self, pid: u32, name: &str, user: &str, service: Option<&str>) {
        let mut process = Process::new(id(pid), name.to_owned());
        process.user = Some(user.to_owned());
        process.path = Some(format!("/usr/bin/{name}").into());
        process.command_line = Some(vec![format!("/usr/bin/{name}"), "--flag".to_owned()]);
        process.service = service.map(str::to_owned);
        self.processes.insert(process.id, process);
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
        socket.uid = Some(1000);
        socket.inode = Some(70_000 + cookie);
        socket.queues = Some(Queues { receive: 0, send: Some(0) });
        let owner = |pid: &u32| Owner { process: id(*pid), fds: vec![5] };
        socket.owners = match pids {
            [] => Owners::Nobody(NoOwner::NeedsRoot),
            _ => Owners::Processes(pids.iter().map(owner).collect()),
        };
        if remote.is_none() {
            socket.exposure = Some(Exposure::of_local(key.local.ip()));
        } else if protocol == "tcp" {
            socket.traffic = Some(Box::new(Traffic {
                sent_bytes: Some(12_345 * cookie),
                received_bytes: Some(54_321 * cookie),
                rtt_us: Some(12_000 + 100 * cookie),
                congestion_control: Some("cubic".to_owned()),
                ..Traffic::default()
            }));
        }
        self.sockets.push(socket);
    }

    pub(crate) fn rate(&mut self, cookie: u64, received: u64, sent: u64) {
        let key = self.socket(cookie).key;
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
            message: "the owners of some sockets can't be seen without root".to_owned(),
        }];
        let mut frame = Frame::new(snapshot);
        frame.databases = vec![IpDatabase { name: "cz88".into(), attribution: Some("by its maker"), website: None }];
        let place = |code: &str, country: &str, text: &str| -> Arc<[Place]> {
            Arc::from([Place {
                country_code: Some(code.to_owned()),
                country: Some(country.to_owned()),
                text: text.to_owned(),
                database: "cz88".into(),
                ..Place::default()
            }])
        };
        frame.places = Arc::new(
            [
                ("114.114.114.114", place("CN", "China", "China Nanjing")),
                ("119.29.29.29", place("CN", "China", "China Shenzhen")),
                ("8.8.8.8", place("US", "United States", "United States")),
            ]
            .map(|(address, place)| (address.parse::<IpAddr>().unwrap(), place))
            .into_iter()
            .collect(),
        );
        frame.rates = Arc::new(self.rates.iter().map(|(key, rate)| (*key, *rate)).collect());
        frame
    }
}
