//! `sockscope-testkit SCENARIO`: makes sockets, prints `ready {json}` on one line, and ends when standard input does.

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    sockscope_testkit::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("sockscope-testkit makes Linux sockets only");
    std::process::exit(3);
}
