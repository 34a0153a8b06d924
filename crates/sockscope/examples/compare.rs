//! Says what opened, changed and closed within a second.

use std::time::Duration;

use sockscope::{Change, Request, Source, SourceChoice, diff};

fn main() -> Result<(), sockscope::SourceError> {
    // One source for both: it keeps what makes their process identities equal.
    let mut source = sockscope::native(SourceChoice::Auto)?;
    let before = source.snapshot(&Request::default())?;
    std::thread::sleep(Duration::from_secs(1));
    let after = source.snapshot(&Request::default())?;
    for change in diff(&before, &after) {
        match change {
            Change::Opened(socket) => println!("opened  {:?}", socket.key),
            Change::Changed { before, after } => {
                println!("changed {:?}: {:?} to {:?}", after.key, before.state, after.state);
            }
            Change::Closed(socket) => println!("closed  {:?}", socket.key),
            _ => {}
        }
    }
    Ok(())
}
