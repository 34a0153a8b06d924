//! Puts into the executable for Windows what Explorer and the loader read of it: version, icon and manifest.

use std::env;
use std::io;

const ICON: &str = "../cli/windows/sockscope.ico";
const MANIFEST: &str = "windows/sockscope-window.manifest";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // Of the target; `cfg!(windows)` would be of the machine that builds.
    if env::var_os("CARGO_CFG_WINDOWS").is_some() {
        resources()?;
    }
    Ok(())
}

fn resources() -> io::Result<()> {
    println!("cargo::rerun-if-changed={ICON}");
    println!("cargo::rerun-if-changed={MANIFEST}");
    let mut resource = winresource::WindowsResource::new();
    resource
        .set_icon(ICON)
        .set_manifest_file(MANIFEST)
        // English (United States)
        .set_language(0x0409)
        .set("ProductName", "sockscope")
        .set("FileDescription", "sockscope: which program talks to whom, in a window")
        .set("CompanyName", "The sockscope developers")
        .set("LegalCopyright", "Copyright (c) The sockscope developers. MIT OR Apache-2.0")
        .set("InternalName", "sockscope-window")
        .set("OriginalFilename", "sockscope-window.exe");
    resource.compile_for("sockscope-window")
}
