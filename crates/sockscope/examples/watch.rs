//! Tells what opens and closes until it is ended: `cargo run -p sockscope --example watch 'dport = :443'`.

use std::time::Duration;

use sockscope::{Chronicle, Filter, Monitor, MonitorOptions, Request, SourceChoice, Update};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = std::env::args().nth(1).unwrap_or_default();
    let filter = match text.trim() {
        "" => Filter::everything(),
        text => Filter::parse(text, &sockscope::filter_context())?,
    };
    // Everything is looked at: what the filter means now it may not mean later.
    let request = Request { process_details: filter.needs().process_details, ..Request::default() };
    let events = match sockscope::events(&request) {
        Ok(events) => Some(events),
        Err(error) => {
            eprintln!("{error}; what lives between two looks is missed");
            None
        }
    };
    let mut chronicle = Chronicle::new(events.is_some());
    let source = Box::new(sockscope::native(SourceChoice::Auto)?);
    let monitor = Monitor::start(source, MonitorOptions { events, ..MonitorOptions::new(request) })?;
    loop {
        let story = match monitor.next(Duration::from_secs(1))? {
            Some(Update::Frame(beat)) => chronicle.look(&beat),
            Some(Update::Events(events, heard)) => chronicle.events(events, heard),
            Some(Update::EventsEnded(error)) => {
                eprintln!("{error}");
                chronicle.hears_no_more();
                continue;
            }
            Some(Update::Failed(error)) => {
                eprintln!("{error}");
                continue;
            }
            _ => continue,
        };
        for occurrence in story.iter().filter(|occurrence| filter.matches(&occurrence.row())) {
            let (socket, names) = (&occurrence.socket, occurrence.row().processes().map(|it| it.name.as_str()));
            let (kind, protocol) = (occurrence.kind.name(), socket.key.protocol.name());
            println!(
                "{kind:8} {protocol} {} {:?} {:?}",
                socket.key.local,
                socket.key.remote,
                names.collect::<Vec<_>>()
            );
        }
    }
}
