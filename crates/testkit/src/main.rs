//! `sockscope-testkit SCENARIO`: makes sockets, prints `ready {json}` on one line, and ends when standard input does.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match sockscope_testkit::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sockscope-testkit: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("sockscope-testkit makes Linux sockets only");
    std::process::exit(3);
}
