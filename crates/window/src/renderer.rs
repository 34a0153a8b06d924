use clap::ValueEnum;

/// What draws on Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Renderer {
    /// wgpu, and glow if it can't
    #[default]
    Auto,
    /// Direct3D 12 or Vulkan
    Wgpu,
    /// OpenGL
    Glow,
}

/// Starts this program again to draw by OpenGL, waits for it, and gives its status: in one process, nobody can look for a display
/// twice.
pub(crate) fn again_with_glow() -> std::io::Result<u8> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    let status = command.arg("--after-wgpu").args(std::env::args_os().skip(1)).status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(3))
}
