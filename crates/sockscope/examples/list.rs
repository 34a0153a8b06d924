//! Lists every socket with its owners, or the reason why it has none.

use sockscope::{Owners, SourceError};

fn main() -> Result<(), SourceError> {
    let snapshot = sockscope::snapshot()?;
    for socket in &snapshot.sockets {
        let remote = socket.key.remote.map_or("-".to_owned(), |remote| remote.to_string());
        let state = socket.state.map_or("-".to_owned(), |state| state.to_string());
        let owners = match &socket.owners {
            Owners::Processes(owners) => {
                let name = |pid| snapshot.process(pid).map_or("?", |process| process.name.as_str());
                let owners = owners.iter().map(|owner| format!("{}[{}]", name(owner.process), owner.process.pid));
                owners.collect::<Vec<_>>().join(" ")
            }
            Owners::Nobody(reason) => format!("({})", reason.name()),
        };
        println!("{:3} {state:12} {:30} {remote:30} {owners}", socket.key.protocol.name(), socket.key.local);
    }
    for notice in &snapshot.notices {
        eprintln!("{}: {}", notice.code, notice.message);
    }
    Ok(())
}
