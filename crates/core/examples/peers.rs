//! How long it takes to look up the peers of a listing, each of them another address:
//!
//! ```sh
//! cargo run --release -p sockscope-core --example peers -- 20000
//! ```

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use sockscope_core::Locator;
use sockscope_geo::{Atlas, Database, Language};
use sockscope_model::{Frame, Protocol, Snapshot, Socket, SocketKey, Tag, Timestamp};

fn main() -> Result<(), Box<dyn Error>> {
    let sockets: u32 = std::env::args().nth(1).map_or(Ok(20_000), |count| count.parse())?;
    let mut times: Vec<f64> = (0..21).map(|_| look_up(sockets)).collect();
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    println!("{{\"sockets\": {sockets}, \"milliseconds\": {middle:.3}}}");
    Ok(())
}

/// As a program does that has just begun: with no place known yet.
fn look_up(sockets: u32) -> f64 {
    let mut snapshot = Snapshot::new("linux", String::new(), Timestamp::from_micros(0));
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
    snapshot.sockets = (0..sockets)
        .map(|number| {
            let remote = Ipv4Addr::from_bits(0x0100_0000 + number.wrapping_mul(0x9e37_79b1) % 0xd000_0000);
            let remote = Some(SocketAddr::from((remote, 443)));
            Socket::new(SocketKey { protocol: Protocol::Tcp, local, remote, tag: Tag::None })
        })
        .collect();
    let mut frame = Frame::new(snapshot);
    let began = Instant::now();
    let mut locator = Locator::new(Atlas::new([Database::embedded(&Language::default())]));
    locator.locate(&mut frame, 0..sockets as usize);
    began.elapsed().as_secs_f64() * 1e3
}
