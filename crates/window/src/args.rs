use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use sockscope_window::{Language, ThemeChoice};

#[cfg(windows)]
use crate::renderer::Renderer;

/// The live table of every TCP and UDP socket in a window: which program talks to whom, and where that is.
#[derive(Debug, Parser)]
#[command(name = "sockscope-window", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Show only sockets that match, in the language of `sockscope list` (`sockscope help filter` in short: `state
    /// established and dport = :443`)
    #[arg(value_name = "FILTER")]
    words: Vec<String>,
    /// The same as one argument
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Ask this IP database first; repeatable
    #[arg(long = "database", value_name = "FILE")]
    pub(crate) databases: Vec<PathBuf>,
    /// Show a recording instead of this machine: what `sockscope --json`, `--ndjson` or `watch --ndjson` printed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["source"])]
    pub(crate) replay: Option<PathBuf>,
    /// Look up the names of peers
    #[arg(long)]
    pub(crate) resolve: bool,
    /// How often to look: `500ms`, `2s`
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub(crate) interval: Option<Duration>,
    /// The source to ask, as `sockscope compare` names it
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// The language of the window: en, zh-CN; without it, the one that was chosen last, or the locale's
    #[arg(long, value_name = "TAG", value_parser = language)]
    pub(crate) language: Option<Language>,
    /// Measure what drawing so many made-up sockets costs, print it and end
    #[arg(long, value_name = "ROWS", hide = true)]
    pub(crate) benchmark: Option<usize>,
    /// Light or dark: system, light, dark
    #[arg(long, value_name = "NAME", value_parser = theme)]
    pub(crate) theme: Option<ThemeChoice>,
    /// What draws: auto, wgpu (Direct3D), glow (OpenGL); auto takes wgpu, and glow if it can't
    #[cfg(windows)]
    #[arg(long, value_name = "NAME", value_enum, default_value = "auto", hide_possible_values = true)]
    renderer: Renderer,
    /// wgpu was tried
    #[cfg(windows)]
    #[arg(long, hide = true)]
    after_wgpu: bool,
    /// Print the manual page
    #[arg(long, hide = true)]
    pub(crate) man: bool,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  sockscope-window
  sockscope-window --filter 'established and public'
  sockscope-window --database qqwry.dat --language zh-CN
  sockscope-window --replay tuesday.ndjson";

impl Args {
    /// All of the filter.
    pub(crate) fn filter(&self) -> String {
        let words = self.words.join(" ");
        match &self.filter {
            Some(filter) if words.trim().is_empty() => filter.clone(),
            Some(filter) => format!("({filter}) and ({words})"),
            None => words,
        }
    }

    /// What draws.
    #[cfg(windows)]
    pub(crate) fn renderer(&self) -> eframe::Renderer {
        match self.renderer {
            Renderer::Auto if self.after_wgpu => eframe::Renderer::Glow,
            Renderer::Auto | Renderer::Wgpu => eframe::Renderer::Wgpu,
            Renderer::Glow => eframe::Renderer::Glow,
        }
    }

    /// What draws.
    #[cfg(not(windows))]
    #[expect(clippy::unused_self, reason = "there is a choice on Windows")]
    pub(crate) fn renderer(&self) -> eframe::Renderer {
        eframe::Renderer::Glow
    }

    /// Whether something else may draw if this can't.
    #[cfg(windows)]
    pub(crate) fn may_try_glow(&self) -> bool {
        self.renderer == Renderer::Auto && !self.after_wgpu
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = sockscope_core::parse_duration(text)?;
    if (Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&interval) {
        Ok(interval)
    } else {
        Err("from 100ms to 1h".to_owned())
    }
}

fn language(text: &str) -> Result<Language, String> {
    Language::of_locale(text).ok_or_else(|| "en or zh-CN".to_owned())
}

fn theme(text: &str) -> Result<ThemeChoice, String> {
    ThemeChoice::from_name(text).ok_or_else(|| "system, light or dark".to_owned())
}
