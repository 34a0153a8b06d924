use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use sockscope_model::{
    Family, NoOwner, Owners, Process, Protocol, Request, Socket, SocketKey, Source, SourceChoice, State, Tag,
    Testimony, Timestamp,
};
use sockscope_wire::windows::{Layout, ProcessEntry, ServiceEntry};

use super::close::{can_close, close};
use super::functions::Function;
use super::machine::{Apart, Counters, Machine, Pending};
use super::source::WindowsSource;
use crate::CloseError;

/// A Windows made by hand: what it answers is what a real one does, as far as Microsoft's pages and others' reports say.
#[derive(Clone, Default)]
struct Fake(Rc<RefCell<Answers>>);

#[derive(Default)]
struct Answers {
    /// By the function's key.
    tables: Vec<(String, Table)>,
    processes: Vec<ProcessEntry>,
    services: Vec<ServiceEntry>,
    modules: Vec<(u32, String)>,
    counters: Option<(Vec<u8>, Vec<u8>)>,
    counter_status: u32,
    reset_status: u32,
    /// Whether a reset takes the row away.
    resets: bool,
    elevated: bool,
    /// Connections that were opened and accepted, over IPv4 and IPv6.
    opens: [Option<[u32; 2]>; 2],
    /// How often each function was called.
    calls: Vec<String>,
}

enum Table {
    Rows(Vec<Vec<u8>>),
    /// So many rows more at each call.
    Growing(usize, Vec<u8>),
    /// These statuses, one after another, and then the rows.
    After(Vec<u32>, Vec<Vec<u8>>),
    Bytes(Vec<u8>),
    Apart(Apart),
}

/// The bytes of a table.
fn table_bytes(layout: Layout, rows: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; layout.first_row()];
    bytes[..4].copy_from_slice(&u32::try_from(rows.len()).unwrap().to_le_bytes());
    for row in rows {
        assert_eq!(row.len(), layout.row_size());
        bytes.extend(row);
    }
    bytes
}

impl Fake {
    fn with(self, name: &str, layout: Layout, table: Table) -> Fake {
        self.0.borrow_mut().tables.push((format!("{name}:{layout:?}"), table));
        self
    }

    fn tcp(self, rows: &[Vec<u8>]) -> Fake {
        self.with("GetExtendedTcpTable", Layout::TcpRowOwnerModule, Table::Rows(rows.to_vec()))
    }

    fn process(self, pid: u32, name: &str, started: i64) -> Fake {
        let started = Some(Timestamp::from_micros(started));
        self.0.borrow_mut().processes.push(ProcessEntry { pid, name: name.into(), started, parent: 0 });
        self
    }

    fn service(self, pid: u32, name: &str) -> Fake {
        self.0.borrow_mut().services.push(ServiceEntry { name: name.into(), pid });
        self
    }

    fn source(&self, choice: SourceChoice) -> WindowsSource<Fake> {
        WindowsSource::new(choice, self.clone()).unwrap()
    }

    fn calls(&self, name: &str) -> usize {
        self.0.borrow().calls.iter().filter(|call| call.starts_with(name)).count()
    }
}

impl Machine for Fake {
    fn host(&mut self) -> String {
        "fake".into()
    }

    fn exports(&mut self, function: Function) -> bool {
        !function.is_called_apart() || self.0.borrow().tables.iter().any(|(key, _)| *key == function.key())
    }

    fn fill(&mut self, function: Function, buffer: &mut [u8], size: &mut u32) -> Result<(), u32> {
        let mut answers = self.0.borrow_mut();
        answers.calls.push(function.key());
        let Some((_, table)) = answers.tables.iter_mut().find(|(key, _)| *key == function.key()) else {
            return Err(50);
        };
        let bytes = match table {
            Table::Rows(rows) => table_bytes(function.layout, rows),
            Table::Growing(count, row) => {
                *count += *count / 2;
                table_bytes(function.layout, &vec![row.clone(); *count])
            }
            Table::After(statuses, rows) => match statuses.pop() {
                Some(status) => return Err(status),
                None => table_bytes(function.layout, rows),
            },
            Table::Bytes(bytes) => bytes.clone(),
            Table::Apart(_) => panic!("{} is called in this process", function.name),
        };
        let fits = bytes.len() <= buffer.len();
        *size = u32::try_from(bytes.len()).unwrap();
        if !fits {
            return Err(122);
        }
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(())
    }

    fn start_apart(&mut self, functions: &[Function]) -> Pending {
        let mut answers = self.0.borrow_mut();
        answers.calls.push(format!("{} apart", functions.len()));
        let results = functions.iter().map(|function| {
            answers.calls.push(function.key());
            let table = answers.tables.iter().find(|(key, _)| *key == function.key());
            match table.map(|(_, table)| table) {
                Some(Table::Rows(rows)) => Ok(table_bytes(function.layout, rows)),
                Some(Table::Bytes(bytes)) => Ok(bytes.clone()),
                Some(Table::Apart(why)) => Err(why.clone()),
                _ => Err(Apart::Status(127)),
            }
        });
        let results: Vec<_> = results.collect();
        Box::new(move || results)
    }

    fn pause(&mut self, time: Duration) {
        self.0.borrow_mut().calls.push(format!("pause {time:?}"));
    }

    fn processes(&mut self) -> Result<Vec<ProcessEntry>, String> {
        Ok(self.0.borrow().processes.clone())
    }

    fn services(&mut self) -> Result<Vec<ServiceEntry>, String> {
        Ok(self.0.borrow().services.clone())
    }

    fn elevate(&mut self) -> bool {
        self.0.borrow().elevated
    }

    fn describe(&mut self, process: &mut Process) -> bool {
        let may = process.name != "protected.exe";
        process.user = may.then(|| r"HOST\ann".into());
        may
    }

    fn module(&mut self, layout: Layout, row: &[u8]) -> Option<String> {
        assert_eq!(row.len(), layout.row_size());
        let port = u32::from_be_bytes([0, 0, row[8], row[9]]);
        self.0.borrow().modules.iter().find(|(it, _)| *it == port).map(|(_, name)| name.clone())
    }

    fn counters(&mut self, _key: &SocketKey) -> Counters {
        let answers = self.0.borrow();
        let (data, path) = answers.counters.clone().unzip();
        Counters { data, path, status: answers.counter_status }
    }

    fn opens(&mut self, family: Family) -> Option<[u32; 2]> {
        let [four, six] = self.0.borrow().opens;
        if family == Family::Ipv4 { four } else { six }
    }

    fn reset(&mut self, key: &SocketKey) -> Result<(), u32> {
        let mut answers = self.0.borrow_mut();
        if answers.reset_status != 0 {
            return Err(answers.reset_status);
        }
        let port = key.local.port().to_be_bytes();
        if answers.resets {
            for (_, table) in &mut answers.tables {
                if let Table::Rows(rows) = table {
                    rows.retain(|row| row.get(8..10) != Some(&port[..]));
                }
            }
        }
        Ok(())
    }
}

/// Hundreds of nanoseconds since 1601, of microseconds since 1970.
fn file_time(micros: i64) -> [u8; 8] {
    ((micros + 11_644_473_600_000_000) * 10).to_le_bytes()
}

/// A MIB_TCPROW_OWNER_MODULE: from 127.0.0.1 to 192.0.2.7, port 443.
fn row(state: u32, port: u16, pid: u32, created: i64) -> Vec<u8> {
    let mut row = vec![0; Layout::TcpRowOwnerModule.row_size()];
    row[..4].copy_from_slice(&state.to_le_bytes());
    row[4..8].copy_from_slice(&[127, 0, 0, 1]);
    row[8..10].copy_from_slice(&port.to_be_bytes());
    // Uninitialised, says Microsoft.
    row[10..12].copy_from_slice(&[0xab, 0xcd]);
    row[12..16].copy_from_slice(&[192, 0, 2, 7]);
    row[16..18].copy_from_slice(&443u16.to_be_bytes());
    row[20..24].copy_from_slice(&pid.to_le_bytes());
    if created != 0 {
        row[24..32].copy_from_slice(&file_time(created));
    }
    row
}

fn at(sockets: &[Socket], port: u16) -> &Socket {
    sockets.iter().find(|socket| socket.key.local.port() == port).unwrap_or_else(|| panic!("no {port}"))
}

#[test]
fn owners_are_named_or_explained() {
    let fake = Fake::default()
        .tcp(&[
            row(11, 1, 0, 0),
            row(2, 2, 4, 50),
            row(5, 3, 100, 2_000),
            row(5, 4, 100, 500),
            row(5, 5, 999, 500),
            row(7, 6, 0, 0),
            row(4, 7, 0, 0),
            row(5, 8, 0, 0),
            row(77, 9, 100, 0),
        ])
        .process(100, "a.exe", 1_000);
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&Request::default()).unwrap();
    let reason = |port| at(&snapshot.sockets, port).owners.reason();
    assert_eq!(reason(1), Some(NoOwner::TimeWait));
    assert_eq!(reason(2), Some(NoOwner::Kernel));
    assert_eq!(reason(3), None);
    assert_eq!(reason(4), Some(NoOwner::Exited), "its number began after the socket did");
    assert_eq!(reason(5), Some(NoOwner::Exited), "there is no such process");
    assert_eq!(reason(6), Some(NoOwner::Orphan));
    assert_eq!(reason(7), Some(NoOwner::SynReceived));
    assert_eq!(reason(8), Some(NoOwner::Unknown));
    assert_eq!(reason(9), None, "without a time of creation the number is all there is");
    assert_eq!(at(&snapshot.sockets, 9).state, Some(State::Other(77)));

    let open = at(&snapshot.sockets, 3);
    assert_eq!((open.key.tag, open.opened), (Tag::Created(Timestamp::from_micros(2_000)), open.opened));
    assert_eq!(open.opened, Some(Timestamp::from_micros(2_000)));
    let owner = open.owners.processes()[0].process;
    assert_eq!((owner.pid, owner.started), (100, Some(Timestamp::from_micros(1_000))));
    assert_eq!(snapshot.process(owner).unwrap().name, "a.exe");
    assert_eq!(snapshot.user(open), Some(r"HOST\ann"));
    let listener = at(&snapshot.sockets, 2);
    assert_eq!((listener.state, listener.key.remote), (Some(State::Listen), None));
}

/// What is undocumented and breaks is said.
#[test]
fn a_table_that_breaks_is_missed() {
    for why in [Apart::Crashed("0xc0000005".into()), Apart::TimedOut(10), Apart::NoProcess("not prepared".into())] {
        let fake = Fake::default().tcp(&[row(2, 80, 100, 9)]).process(100, "a.exe", 1).with(
            "InternalGetBoundTcpEndpointTable",
            Layout::TcpRow2,
            Table::Apart(why.clone()),
        );
        let request = Request { ipv6: false, udp: false, ..Request::default() };
        let snapshot = fake.source(SourceChoice::Auto).snapshot(&request).unwrap();
        let [notice] = &snapshot.notices[..] else { panic!("{:?}", snapshot.notices) };
        assert!(notice.message.contains("bound and no more is missing") && notice.message.contains(&why.to_string()));
    }
}

/// Connections have a row among the bound endpoints too, with the port that Windows chose for them.
#[test]
fn bound_is_what_is_nothing_else() {
    let two = |port: u16, pid: u32| {
        let mut bytes = row(100, port, pid, 0)[..24].to_vec();
        bytes[4..8].fill(0);
        bytes.extend([0; 4]);
        bytes
    };
    let bound = vec![two(50_000, 100), two(50_000, 101), two(50_001, 100)];
    let fake = Fake::default().tcp(&[row(5, 50_000, 100, 9)]).process(100, "a.exe", 1).process(101, "b.exe", 1).with(
        "InternalGetBoundTcpEndpointTable",
        Layout::TcpRow2,
        Table::Rows(bound),
    );
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&Request::default()).unwrap();
    let bound = snapshot.sockets.iter().filter(|it| it.state == Some(State::Bound));
    let found: Vec<(u16, u32)> = bound.map(|it| (it.key.local.port(), it.owners.processes()[0].process.pid)).collect();
    assert_eq!(found, [(50_000, 101), (50_001, 100)]);
}

/// Wine gives a row for each process that has a connection open, and sometimes the same row again. Of listeners and of UDP, on
/// the other hand, there may be several with one address.
#[test]
fn a_connection_is_one_socket_however_many_rows_it_has() {
    let fake = Fake::default()
        .tcp(&[row(5, 1, 100, 0), row(5, 1, 101, 0), row(5, 1, 100, 0), row(2, 2, 100, 0), row(2, 2, 100, 0)])
        .process(100, "a.exe", 1)
        .process(101, "b.exe", 2);
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&Request::default()).unwrap();
    assert_eq!((snapshot.sockets.len(), snapshot.sources[0].duplicates), (3, 2));
    let owners = at(&snapshot.sockets, 1).owners.processes();
    assert_eq!(owners.iter().map(|owner| owner.process.pid).collect::<Vec<_>>(), [100, 101]);
}

#[test]
fn what_needs_more_rights_is_said() {
    let fake = Fake::default().tcp(&[row(5, 1, 100, 0)]).process(100, "protected.exe", 1);
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&Request::default()).unwrap();
    let process = snapshot.process(snapshot.sockets[0].owners.processes()[0].process).unwrap();
    assert_eq!((process.name.as_str(), process.user.as_deref()), ("protected.exe", None));
    let needs = |snapshot: &sockscope_model::Snapshot| {
        let notice = snapshot.notices.iter().find(|it| it.code == "details-need-administrator");
        notice.unwrap_or_else(|| panic!("{:?}", snapshot.notices)).message.clone()
    };
    assert!(needs(&snapshot).contains("run as administrator"));
    fake.0.borrow_mut().elevated = true;
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&Request::default()).unwrap();
    assert!(needs(&snapshot).contains("even from an administrator"));
}

/// Of two services in one process, the row tells which; of one alone, the process does.
#[test]
fn services_are_named() {
    let fake = Fake::default()
        .tcp(&[row(2, 135, 700, 10), row(2, 136, 700, 10), row(2, 137, 800, 10)])
        .process(700, "svchost.exe", 1)
        .process(800, "svchost.exe", 1)
        .service(700, "RpcEptMapper")
        .service(700, "RpcSs")
        .service(800, "Dnscache");
    fake.0.borrow_mut().modules.push((135, "RpcSs".into()));
    fake.0.borrow_mut().modules.push((136, "svchost.exe".into()));
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&Request::default()).unwrap();
    let service = |port| {
        let socket = at(&snapshot.sockets, port);
        snapshot.service(socket, &socket.owners.processes()[0]).map(str::to_owned)
    };
    assert_eq!(service(135).as_deref(), Some("RpcSs"));
    assert_eq!(service(136).as_deref(), Some("RpcEptMapper,RpcSs"));
    assert_eq!(service(137).as_deref(), Some("Dnscache"));
}

/// The race that other tools lose: the table grows between the call that tells its size and the call that reads it.
#[test]
fn a_table_that_grows_is_read() {
    let statuses = vec![0xc000_0001, 0xc000_0001, 122, 0xc000_0001];
    let table = Table::After(statuses, vec![row(5, 1, 100, 0)]);
    let fake = Fake::default().with("GetExtendedTcpTable", Layout::TcpRowOwnerModule, table);
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&Request::default()).unwrap();
    assert_eq!(snapshot.sockets.len(), 1);
    assert_eq!(fake.calls("GetExtendedTcpTable:TcpRowOwnerModule"), 5);
    assert_eq!(fake.calls("pause"), 3);

    let fake = Fake::default().tcp(&(0..3_000).map(|port| row(5, port, 100, 0)).collect::<Vec<_>>());
    assert_eq!(fake.source(SourceChoice::Auto).snapshot(&Request::default()).unwrap().sockets.len(), 3_000);
    assert_eq!(fake.calls("GetExtendedTcpTable:TcpRowOwnerModule"), 2);
}

#[test]
fn a_table_that_never_fits_is_an_error_and_not_an_empty_list() {
    let udp = vec![0; Layout::UdpRowOwnerModule.row_size()];
    let growing = || {
        let table = Table::Growing(500, row(5, 1, 100, 0));
        Fake::default().with("GetExtendedTcpTable", Layout::TcpRowOwnerModule, table).with(
            "GetExtendedUdpTable",
            Layout::UdpRowOwnerModule,
            Table::Rows(vec![udp.clone()]),
        )
    };
    let fake = growing();
    let request = Request { udp: false, ipv6: false, ..Request::default() };
    let error = fake.source(SourceChoice::Auto).snapshot(&request).unwrap_err();
    assert!(error.to_string().contains("grew faster than it could be read: 10 attempts"), "{error}");

    // Beside a table that can be read it is a notice, and for `compare` a reason.
    let request = Request { ipv6: false, ..Request::default() };
    let snapshot = growing().source(SourceChoice::Auto).snapshot(&request).unwrap();
    assert_eq!(snapshot.sockets.len(), 1);
    let notice = &snapshot.notices[0];
    assert!(notice.code == "table-unavailable" && notice.message.contains("its sockets are missing"), "{notice:?}");
    let testimony = growing().source(SourceChoice::GetExtendedTable).testify(&request).unwrap();
    assert!(testimony.damaged.unwrap().contains("GetExtendedTcpTable (IPv4)"));

    let never = Table::After(vec![0xc000_0001; 100], Vec::new());
    let fake = Fake::default().with("GetExtendedTcpTable", Layout::TcpRowOwnerModule, never);
    let request = Request { udp: false, ipv6: false, ..Request::default() };
    let error = fake.source(SourceChoice::Auto).snapshot(&request).unwrap_err();
    assert!(error.to_string().contains("0xc0000001"), "{error}");
}

#[test]
fn a_table_that_claims_too_much_is_refused() {
    // More rows than any buffer holds.
    let mut bytes = table_bytes(Layout::TcpRowOwnerModule, &[row(5, 1, 100, 0)]);
    bytes[..4].copy_from_slice(&0x00ff_ffff_u32.to_le_bytes());
    let fake = Fake::default().with("GetExtendedTcpTable", Layout::TcpRowOwnerModule, Table::Bytes(bytes));
    let request = Request { udp: false, ipv6: false, ..Request::default() };
    let error = fake.source(SourceChoice::Auto).snapshot(&request).unwrap_err();
    assert!(error.to_string().contains("claims more rows than it holds"), "{error}");
}

/// An older Windows has no module information.
#[test]
fn the_older_class_takes_the_place_of_the_newer() {
    let short = row(5, 1, 100, 0)[..24].to_vec();
    let fake = Fake::default()
        .with("GetExtendedTcpTable", Layout::TcpRowOwnerModule, Table::After(vec![87; 9], Vec::new()))
        .with("GetExtendedTcpTable", Layout::TcpRowOwnerPid, Table::Rows(vec![short]))
        .process(100, "a.exe", 1);
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&Request::default()).unwrap();
    assert_eq!(snapshot.sockets[0].owners.processes()[0].process.pid, 100);
    assert_eq!(snapshot.sockets[0].key.tag, Tag::None);
}

/// The undocumented tables, as public programs that use them say they are.
#[test]
fn undocumented_tables_are_read_where_they_are() {
    let two = |port: u16, pid: u32| {
        let mut bytes = row(2, port, pid, 0)[..24].to_vec();
        bytes.extend([0; 4]);
        bytes
    };
    let mut udp = vec![0; Layout::UdpRowOwnerPid.row_size()];
    udp[4..6].copy_from_slice(&53u16.to_be_bytes());
    udp[8] = 100;
    let fake = Fake::default()
        .with("InternalGetTcpTable2", Layout::TcpRow2, Table::Rows(vec![two(80, 100)]))
        .with("InternalGetUdpTableWithOwnerPid", Layout::UdpRowOwnerPid, Table::Rows(vec![udp]))
        .with("InternalGetBoundTcpEndpointTable", Layout::TcpRow2, Table::Rows(vec![two(81, 100)]))
        .with(
            "AllocateAndGetTcpExTableFromStack",
            Layout::TcpRowOwnerPid,
            Table::Apart(Apart::Crashed("0x80000100".into())),
        )
        .with("AllocateAndGetUdpExTableFromStack", Layout::UdpRowOwnerPid, Table::Apart(Apart::TimedOut(10)))
        .with("GetExtendedUdpTable", Layout::UdpRowOwnerModule, Table::Rows(Vec::new()))
        .tcp(&[row(2, 80, 100, 9)])
        .process(100, "a.exe", 1);
    let request = Request::default();
    let snapshot = fake.source(SourceChoice::InternalGetTable).snapshot(&request).unwrap();
    assert_eq!(at(&snapshot.sockets, 80).owners.processes()[0].process.pid, 100);
    assert_eq!(at(&snapshot.sockets, 53).key.protocol, Protocol::Udp);
    assert!(
        snapshot.notices.iter().any(|it| it.message.contains("TCP over IPv6 is missing")),
        "{:?}",
        snapshot.notices
    );

    let snapshot = fake.source(SourceChoice::Auto).snapshot(&request).unwrap();
    assert_eq!(at(&snapshot.sockets, 81).state, Some(State::Bound));
    assert_eq!(snapshot.notices, [], "what an older or newer Windows lacks of it harms nobody");

    let testimony = fake.source(SourceChoice::InternalGetTable).testify(&request).unwrap();
    assert!(testimony.notice(Testimony::lacks(Protocol::Tcp, Family::Ipv4)).is_none());
    let lack = testimony.notice(Testimony::lacks(Protocol::Tcp, Family::Ipv6)).unwrap();
    assert!(lack.starts_with("iphlpapi.dll here has no InternalGetTcp6Table2"), "{lack}");
    assert_eq!(fake.calls("2 apart"), 2, "each time two functions in one process");
    let testimony = fake.source(SourceChoice::GetExtendedTable).testify(&request).unwrap();
    let lack = testimony.notice(Testimony::LACKS_BOUND).unwrap();
    assert!(lack.contains("no InternalGetBoundTcp6EndpointTable"), "{lack}");

    let error = fake.source(SourceChoice::AllocateExTableFromStack).snapshot(&request).unwrap_err();
    assert!(error.to_string().contains("it ended the process that called it (0x80000100)"), "{error}");
    let only_udp = Request { tcp: false, ..request.clone() };
    let error = fake.source(SourceChoice::AllocateExTableFromStack).snapshot(&only_udp).unwrap_err();
    assert!(error.to_string().contains("did not come back within 10 seconds"), "{error}");
    let apart = Table::Apart(Apart::NoProcess("not prepared".into()));
    let fake = Fake::default().with("AllocateAndGetUdpExTableFromStack", Layout::UdpRowOwnerPid, apart);
    let error = fake.source(SourceChoice::AllocateExTableFromStack).snapshot(&only_udp).unwrap_err();
    assert!(error.to_string().contains("in a process of its own: not prepared"), "{error}");
    let fake = Fake::default();
    let error = fake.source(SourceChoice::AllocateExTableFromStack).snapshot(&request).unwrap_err();
    assert!(error.to_string().contains("iphlpapi.dll here has no AllocateAndGetTcpExTableFromStack"), "{error}");
}

#[test]
fn sources_without_owners_or_udp_say_so() {
    let basic = row(5, 1, 0, 0)[..20].to_vec();
    let fake = Fake::default()
        .with("GetTcpTable", Layout::TcpRow, Table::Rows(vec![basic.clone()]))
        .with("GetTcpTable2", Layout::TcpRow2, Table::Rows(vec![[&basic[..], &[100, 0, 0, 0, 0, 0, 0, 0]].concat()]))
        .process(100, "a.exe", 1);
    let codes = |choice| {
        let snapshot = fake.source(choice).snapshot(&Request::default()).unwrap();
        snapshot.notices.iter().map(|notice| notice.code).collect::<Vec<_>>()
    };
    assert!(codes(SourceChoice::GetTable).contains(&"owners-unknown"));
    assert!(codes(SourceChoice::GetTable2).contains(&"table-unavailable"));
    let only_udp = Request { tcp: false, ..Request::default() };
    let error = fake.source(SourceChoice::GetTable2).snapshot(&only_udp).unwrap_err();
    assert!(error.to_string().contains("it has no UDP"), "{error}");
    let nothing = Request { udp: false, ..only_udp };
    assert_eq!(fake.source(SourceChoice::Auto).snapshot(&nothing).unwrap().sockets, []);
}

#[test]
fn what_means_nothing_is_told_apart() {
    let listener = row(2, 80, 100, 0);
    let fake = Fake::default().tcp(&[listener]).process(100, "a.exe", 1);
    let testimony = fake.source(SourceChoice::GetExtendedTable).testify(&Request::default()).unwrap();
    let [(0, quirk)] = &testimony.quirks[..] else { panic!("{:?}", testimony.quirks) };
    assert!(quirk.contains("0xcdab") && quirk.contains("192.0.2.7:443"), "{quirk}");
}

#[test]
fn counters_are_shown_where_they_run() {
    let fake = Fake::default().tcp(&[row(5, 1, 100, 9), row(2, 2, 100, 9)]).process(100, "a.exe", 1);
    let request = Request { traffic: true, ..Request::default() };
    fake.0.borrow_mut().counter_status = 5;
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&request).unwrap();
    assert!(snapshot.sockets.iter().all(|socket| socket.traffic.is_none()));
    let notice = snapshot.notices.iter().find(|it| it.code == "traffic-unavailable").unwrap();
    assert!(notice.message.contains("1 of 1") && notice.message.contains("access denied"), "{}", notice.message);

    let mut data = vec![0; sockscope_wire::windows::DATA_ROD_SIZE];
    data[0] = 42;
    fake.0.borrow_mut().counters = Some((data, vec![0; sockscope_wire::windows::PATH_ROD_SIZE]));
    let snapshot = fake.source(SourceChoice::Auto).snapshot(&request).unwrap();
    assert_eq!(at(&snapshot.sockets, 1).traffic.as_ref().unwrap().sent_bytes, Some(42));
    assert_eq!(at(&snapshot.sockets, 2).traffic, None, "a listener has no traffic");
    assert!(!snapshot.notices.iter().any(|it| it.code == "traffic-unavailable"));
}

#[test]
fn openings_are_counted_of_both_families() {
    let fake = Fake::default().tcp(&[row(2, 2, 100, 9)]);
    let asked = Request { tcp_opens: true, ..Request::default() };
    let opens = |opens, request: &Request| {
        fake.0.borrow_mut().opens = opens;
        fake.source(SourceChoice::Auto).snapshot(request).unwrap().tcp_opens
    };
    assert_eq!(opens([Some([1, 2]), Some([u32::MAX, 4])], &asked), Some(7 + u64::from(u32::MAX)));
    assert_eq!(opens([Some([1, 2]), None], &asked), Some(3));
    assert_eq!(opens([None, None], &asked), None);
    assert_eq!(opens([Some([1, 2]), None], &Request::default()), None);
}

#[test]
fn connections_are_closed_and_success_is_not_believed() {
    let rows = [row(5, 1, 100, 9), row(5, 2, 100, 9), row(2, 3, 100, 9)];
    let fake = Fake::default().tcp(&rows).process(100, "a.exe", 1);
    let mut source = fake.source(SourceChoice::GetExtendedTable);
    let sockets = source.snapshot(&Request::default()).unwrap().sockets;
    let one = at(&sockets, 1);

    let results = close(&mut source, &[one]);
    let Err(CloseError::Failed(why)) = &results[0] else { panic!("{results:?}") };
    assert!(why.contains("it is still there"), "{why}");

    fake.0.borrow_mut().reset_status = 317;
    assert_eq!(close(&mut source, &[one]), [Err(CloseError::Refused)]);

    fake.0.borrow_mut().reset_status = 0;
    fake.0.borrow_mut().resets = true;
    let mut other = at(&sockets, 2).clone();
    other.key.tag = Tag::Created(Timestamp::from_micros(8));
    let mut six = one.clone();
    six.key.local = SocketAddr::from(([0; 16], 1));
    let mut nobody = one.clone();
    nobody.key.tag = Tag::None;
    nobody.owners = Owners::Nobody(NoOwner::Unknown);
    let results = close(&mut source, &[one, &other, &six, at(&sockets, 3), &nobody]);
    assert_eq!(results[0], Ok(()));
    assert_eq!(results[1], Err(CloseError::Gone), "another connection has its addresses by now");
    assert!(matches!(&results[2], Err(CloseError::Unsupported(why)) if why.contains("IPv6")), "{results:?}");
    assert!(matches!(&results[3], Err(CloseError::Unsupported(_))), "{results:?}");
    assert!(can_close(one).is_ok() && can_close(&six) == results[2] && can_close(at(&sockets, 3)) == results[3]);
    assert_eq!(results[4], Err(CloseError::NoIdentity));
    assert_eq!(close(&mut source, &[one]), [Err(CloseError::Gone)]);
}
