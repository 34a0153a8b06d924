//! Hands the target's name, which only build scripts are told, to `sockscope --version --verbose`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=SOCKSCOPE_TARGET={target}");
}
