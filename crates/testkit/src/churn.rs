use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::process::Scenario;
use crate::socket;

/// Who churns, and where.
#[derive(Debug, Clone, Args)]
pub struct ChurnOptions {
    /// Threads that open and close TCP connections
    #[arg(long, default_value_t = 1)]
    pub tcp_threads: u32,
    /// Threads that open and close UDP sockets, all on one port
    #[arg(long, default_value_t = 1)]
    pub udp_threads: u32,
    /// Threads that open and close TCP listeners, all on one port
    #[arg(long, default_value_t = 1)]
    pub listen_threads: u32,
    /// Threads that bind TCP sockets and close them, all on one port
    #[arg(long, default_value_t = 0)]
    pub bound_threads: u32,
    /// The one port of UDP sockets and listeners; 0: the kernel chooses
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// The first address of UDP sockets and listeners
    #[arg(long, default_value_t = Ipv4Addr::new(127, 0, 0, 1))]
    pub addr: Ipv4Addr,
    /// Over how many addresses they go; with 1 all share one bucket of each of the kernel's hash tables
    #[arg(long, default_value_t = 64)]
    pub addresses: u32,
    /// Sockets that each UDP or listening thread has open at a time
    #[arg(long, default_value_t = 64)]
    pub open: usize,
    /// Leave a TIME-WAIT behind each connection instead of resetting it
    #[arg(long)]
    pub time_wait: bool,
    /// Connections that stay, amid the others
    #[arg(long, default_value_t = 0)]
    pub stable_tcp: u32,
    /// UDP sockets that stay, on the same port
    #[arg(long, default_value_t = 0)]
    pub stable_udp: u32,
    /// Listeners that stay, on the same port
    #[arg(long, default_value_t = 0)]
    pub stable_listen: u32,
    /// Sockets that are bound and no more and stay, on one port
    #[arg(long, default_value_t = 0)]
    pub stable_bound: u32,
}

/// How many sockets were opened and closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// TCP connections.
    pub tcp: u64,
    /// UDP sockets.
    pub udp: u64,
    /// TCP listeners.
    pub listen: u64,
    /// TCP sockets that were bound and no more.
    pub bound: u64,
    /// Times that a thread was refused (no port, no memory) and went on.
    pub refused: u64,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    tcp: AtomicU64,
    udp: AtomicU64,
    listen: AtomicU64,
    bound: AtomicU64,
    refused: AtomicU64,
}

/// Threads that open and close sockets at full speed until this is dropped.
#[derive(Debug)]
pub struct Churn {
    /// The sockets that stay.
    pub scenario: Scenario,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Churn {
    /// How often sockets were opened so far.
    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            tcp: of(&self.shared.tcp),
            udp: of(&self.shared.udp),
            listen: of(&self.shared.listen),
            bound: of(&self.shared.bound),
            refused: of(&self.shared.refused),
        }
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// Starts to open and close sockets. The report lists those that stay.
pub fn churn(options: &ChurnOptions) -> Result<Churn> {
    anyhow::ensure!(options.addresses > 0 && options.open > 0, "at least one address and one open socket");
    anyhow::ensure!(options.addr.is_loopback(), "{} is not a loopback address", options.addr);
    let all = options.stable_tcp * 2 + options.stable_udp + options.stable_listen + options.stable_bound;
    let threads = options.udp_threads + options.listen_threads + options.bound_threads;
    crate::kernel::allow_files(
        u64::from(all + 64 * options.tcp_threads) + u64::from(threads) * options.open as u64 + 200,
    )?;

    let mut churn = Churn { scenario: Scenario::new("churn")?, shared: Arc::default(), threads: Vec::new() };
    let first = SocketAddr::from((options.addr, options.port));
    // The port stays ours while nothing else is open on it.
    let udp = shared_socket(first, socket::udp)?;
    let udp_port = socket::local(&udp)?.port();
    let listener = shared_socket(first, socket::tcp)?;
    rustix::net::listen(&listener, 8)?;
    let listen_port = socket::local(&listener)?.port();
    churn.scenario.hold_udp("stable-udp", udp)?;
    churn.scenario.hold_tcp("stable-listen", listener, "listen")?;
    for number in 1..options.stable_udp {
        let socket = shared_socket(options.nth(number, udp_port), socket::udp)?;
        churn.scenario.hold_udp("stable-udp", socket)?;
    }
    for number in 1..options.stable_listen {
        let socket = shared_socket(options.nth(number, listen_port), socket::tcp)?;
        rustix::net::listen(&socket, 8)?;
        churn.scenario.hold_tcp("stable-listen", socket, "listen")?;
    }
    let mut bound_port = 0;
    for number in 0..options.stable_bound.max(u32::from(options.bound_threads > 0)) {
        let socket = shared_socket(options.nth(number, bound_port), socket::tcp)?;
        bound_port = socket::local(&socket)?.port();
        churn.scenario.hold_tcp("stable-bound", socket, "bound")?;
    }
    let listener = socket::listener((Ipv4Addr::LOCALHOST, 0).into(), 64)?;
    for _ in 0..options.stable_tcp {
        let (client, server) = socket::connect(&listener)?;
        socket::reset_on_close(&client)?;
        churn.scenario.hold_tcp("stable-tcp", client, "established")?;
        churn.scenario.hold_tcp("stable-tcp", server, "established")?;
    }
    drop(listener);

    for number in 0..options.tcp_threads {
        let listeners = connection_targets(number)?;
        let (shared, time_wait) = (Arc::clone(&churn.shared), options.time_wait);
        churn.threads.push(std::thread::spawn(move || connections(&listeners, time_wait, &shared)));
    }
    for number in 0..options.udp_threads {
        let (shared, options) = (Arc::clone(&churn.shared), options.clone());
        churn.threads.push(std::thread::spawn(move || {
            replace(&options, number, &shared, &shared.udp, |at| shared_socket(options.nth(at, udp_port), socket::udp));
        }));
    }
    for number in 0..options.listen_threads {
        let (shared, options) = (Arc::clone(&churn.shared), options.clone());
        churn.threads.push(std::thread::spawn(move || {
            replace(&options, number, &shared, &shared.listen, |at| {
                let socket = shared_socket(options.nth(at, listen_port), socket::tcp)?;
                rustix::net::listen(&socket, 8)?;
                Ok(socket)
            });
        }));
    }
    for number in 0..options.bound_threads {
        let (shared, options) = (Arc::clone(&churn.shared), options.clone());
        churn.threads.push(std::thread::spawn(move || {
            replace(&options, number, &shared, &shared.bound, |at| {
                shared_socket(options.nth(at, bound_port), socket::tcp)
            });
        }));
    }
    Ok(churn)
}

impl ChurnOptions {
    /// One of the addresses, with that port.
    fn nth(&self, number: u32, port: u16) -> SocketAddr {
        let [_, high, middle, low] = (u32::from(self.addr) + number % self.addresses).to_be_bytes();
        (Ipv4Addr::new(127, high, middle, low), port).into()
    }
}

/// A socket that shares its port with others of ours.
fn shared_socket(address: SocketAddr, make: fn(SocketAddr) -> Result<OwnedFd>) -> Result<OwnedFd> {
    let socket = make(address)?;
    socket::share_port(&socket)?;
    rustix::net::bind(&socket, &address).with_context(|| format!("bind {address}"))?;
    Ok(socket)
}

/// Listeners on as many addresses as it takes to never run out of ports.
fn connection_targets(thread: u32) -> Result<Vec<OwnedFd>> {
    let [.., low] = thread.to_be_bytes();
    (1..=16).map(|number| socket::listener((Ipv4Addr::new(127, 61, low, number), 0).into(), 16)).collect()
}

fn connections(listeners: &[OwnedFd], time_wait: bool, shared: &Shared) {
    for listener in listeners.iter().cycle() {
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let connection = socket::connect(listener).and_then(|(client, server)| {
            if !time_wait {
                socket::reset_on_close(&client)?;
            }
            Ok((client, server))
        });
        let counter = if connection.is_ok() { &shared.tcp } else { &shared.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Keeps some sockets open and replaces the eldest again and again.
fn replace(
    options: &ChurnOptions,
    thread: u32,
    shared: &Shared,
    counter: &AtomicU64,
    make: impl Fn(u32) -> Result<OwnedFd>,
) {
    let mut open = VecDeque::with_capacity(options.open);
    let mut at = thread.wrapping_mul(7);
    while !shared.stop.load(Ordering::Relaxed) {
        at = at.wrapping_add(1);
        if open.len() >= options.open {
            open.pop_front();
        }
        let made = make(at).map(|socket| open.push_back(socket));
        let counter = if made.is_ok() { counter } else { &shared.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
