//! `sockscope-testkit SCENARIO`: makes sockets, prints `ready {json}` on one line, and ends when standard input does.

#[cfg(any(target_os = "linux", windows))]
fn main() -> std::process::ExitCode {
    match sockscope_testkit::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sockscope-testkit: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(any(target_os = "linux", windows)))]
fn main() {
    eprintln!("sockscope-testkit makes sockets of Linux and Windows only");
    std::process::exit(3);
}
