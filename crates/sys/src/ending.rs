use std::fmt;

use crate::SIGNALS;

/// What a process is told: a signal of Unix. On Windows, where there are none, `TERM` and `KILL` both end it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signal(i32);

impl Signal {
    /// Please end.
    pub const TERM: Signal = Signal(15);
    /// End, without being asked.
    pub const KILL: Signal = Signal(9);

    /// The signal of that name, with or without `SIG`, in any case, or of that number.
    pub fn parse(text: &str) -> Option<Signal> {
        let upper = text.trim().to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some((_, number)) = SIGNALS.iter().find(|(known, _)| *known == name) {
            return Some(Signal(*number));
        }
        let number = upper.bytes().all(|byte| byte.is_ascii_digit()).then(|| upper.parse().ok()).flatten()?;
        crate::has_signal(number).then_some(Signal(number))
    }

    /// Its number.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Whether programs end by it, unless they see to it that they do not; others go on, and read their configuration anew.
    pub const fn asks_to_end(self) -> bool {
        matches!(self.0, 2 | 3 | 9 | 15)
    }
}

/// `TERM`; of those without a name, the number.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIGNALS.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => f.pad(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

/// Why a process was not ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KillError {
    /// It has ended, and its number may be another's by now.
    #[error("it is gone")]
    Gone,
    /// This user may not.
    #[cfg_attr(not(windows), error("this user may not signal it (CAP_KILL); try sudo"))]
    #[cfg_attr(windows, error("it needs more rights; run as administrator"))]
    Refused,
    /// Nothing says that it is the process that was listed.
    #[error("when it began can't be compared, so it could be another process by now")]
    NoIdentity,
    /// The system has no such call.
    #[error("{0}")]
    Unsupported(String),
    /// The call failed.
    #[error("{0}")]
    Failed(String),
}

#[cfg(all(test, target_os = "linux", not(sockscope_null)))]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for text in ["TERM", "term", "SIGTERM", "sigterm", "15", " TERM "] {
            assert_eq!(Signal::parse(text), Some(Signal::TERM), "{text}");
        }
        assert_eq!(Signal::parse("KILL"), Some(Signal::KILL));
        assert_eq!(Signal::parse("usr1").map(Signal::number), Some(libc::SIGUSR1));
        assert_eq!(Signal::parse("64").map(|signal| signal.to_string()).as_deref(), Some("64"));
        for text in ["", "SIG", "0", "-9", "+9", "65", "99999999999", "NONSENSE", "TERM KILL", "SIGSIGTERM"] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
        for (name, number) in SIGNALS {
            assert_eq!(Signal::parse(name).map(Signal::number), Some(*number));
        }
        assert_eq!(Signal::TERM.to_string(), "TERM");
    }
}
