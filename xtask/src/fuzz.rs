use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::repository::{cargo, check, root, target_directory};

/// What cargo-fuzz asks the compiler for, less the address sanitizer, which alone needs a nightly toolchain: the code
/// under test has no unsafe blocks.
const FLAGS: [&str; 9] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
    "-Cdebuginfo=line-tables-only",
];

/// Which targets, how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Targets; all if none is named
    targets: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let known = targets()?;
    let chosen = if options.targets.is_empty() { &known } else { &options.targets };
    if let Some(unknown) = chosen.iter().find(|target| !known.contains(target)) {
        anyhow::bail!("there is no target {unknown}, but: {}", known.join(", "));
    }

    let triple = host_triple()?;
    let target_directory = target_directory().join("fuzz");
    let mut build = cargo();
    // With --target the flags leave build scripts and macros alone.
    build.args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &triple, "--target-dir"]);
    build.arg(&target_directory).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    for target in chosen {
        build.args(["--bin", target]);
    }
    check(&mut build)?;

    for target in chosen {
        let corpus = root().join("fuzz/corpus").join(target);
        let artifacts = root().join("fuzz/artifacts").join(target);
        std::fs::create_dir_all(&corpus)?;
        std::fs::create_dir_all(&artifacts)?;
        let mut run = Command::new(target_directory.join(&triple).join("release").join(target));
        // New inputs go to the first directory; the others are seeds.
        run.arg(&corpus).args(seeds(target));
        run.arg(format!("-max_total_time={}", options.seconds));
        run.arg(format!("-artifact_prefix={}/", artifacts.display()));
        run.args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536", "-print_final_stats=1", "-verbosity=0"]);
        let dictionary = root().join("fuzz").join(format!("{target}.dict"));
        if dictionary.exists() {
            run.arg(format!("-dict={}", dictionary.display()));
        }
        check(&mut run).with_context(|| format!("{target}: see {}", artifacts.display()))?;
    }
    Ok(())
}

/// Every target that there is a source of.
fn targets() -> Result<Vec<String>> {
    let directory = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

/// Directories of captured inputs for that target.
fn seeds(target: &str) -> Option<std::path::PathBuf> {
    let directory = root().join("testdata").join(target);
    Path::is_dir(&directory).then_some(directory)
}

fn host_triple() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("rustc -vV")?;
    let text = String::from_utf8(output.stdout)?;
    let triple = text.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(triple.to_owned())
}
