//! Says who listens on a port: `cargo run -p sockscope --example owner_of_port 8080`.

use sockscope::{Condition, Request, Source, SourceChoice};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("which port?")?.parse()?;
    // The kernel picks the rows, so that only their owners are looked up.
    let request = Request {
        condition: Some(Condition::All(vec![Condition::LocalPortFrom(port), Condition::LocalPortTo(port)])),
        ..Request::default()
    };
    let snapshot = sockscope::native(SourceChoice::Auto)?.snapshot(&request)?;
    for socket in snapshot.sockets.iter().filter(|socket| socket.key.local.port() == port && socket.is_listening()) {
        println!("{} {}: {:?}", socket.key.protocol.name(), socket.key.local, socket.owners);
        for owner in socket.owners.processes() {
            println!("  {:?}", snapshot.process(owner.process));
        }
    }
    Ok(())
}
