//! What commands share that change something: they show what they mean, ask, act on that and nothing else, and say what became of
//! each.

use std::io::{self, BufRead, Write};

use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// What became of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was done.
    Done,
    /// It is a rehearsal.
    Would,
    /// It was not done, for this reason.
    Refused(String),
    /// There was nothing left to do it to.
    Gone,
}

impl Fate {
    /// The name in JSON.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Fate::Done => "done",
            Fate::Would => "would",
            Fate::Refused(_) => "refused",
            Fate::Gone => "gone",
        }
    }

    /// Why it was refused.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Fate::Refused(reason) => Some(reason),
            _ => None,
        }
    }
}

/// How a run ends in which that became of the targets. What was gone counts neither as done nor as refused.
pub(crate) fn exit<'a>(fates: impl IntoIterator<Item = &'a Fate>) -> Exit {
    let (mut done, mut refused) = (false, false);
    for fate in fates {
        done |= matches!(fate, Fate::Done | Fate::Would);
        refused |= matches!(fate, Fate::Refused(_));
    }
    match (done, refused) {
        (true, false) => Exit::Done,
        (true, true) => Exit::Partly,
        (false, true) => Exit::System,
        (false, false) => Exit::No,
    }
}

/// The terminal that can be asked; `does` is what --yes does.
pub(crate) fn terminal_to_ask(does: &str) -> Result<Terminal, Failure> {
    Terminal::of_questions().ok_or_else(|| {
        Failure::Usage(format!("there is no terminal to ask on; --yes {does} without a question, --dry-run only shows"))
    })
}

/// Shows what it is about, and asks. All that is not yes is no.
pub(crate) fn ask(about: &[u8], question: &str) -> Result<bool, Failure> {
    let text = [about, question.as_bytes(), b" [y/N] "].concat();
    let mut answer = String::new();
    let asked = io::stderr().write_all(&text).and_then(|()| io::stdin().lock().read_line(&mut answer));
    match asked {
        // The end of the input: the line with the question is still open.
        Ok(0) => {
            let _ = io::stderr().write_all(b"\n");
            Ok(false)
        }
        Ok(_) => Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")),
        Err(error) => Err(Failure::System(format!("can't ask on the terminal: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_whether_all_was_done() {
        let refused = || Fate::Refused("why".into());
        for (fates, expected) in [
            (vec![], Exit::No),
            (vec![Fate::Gone], Exit::No),
            (vec![Fate::Done, Fate::Gone], Exit::Done),
            (vec![Fate::Would], Exit::Done),
            (vec![refused()], Exit::System),
            (vec![refused(), Fate::Gone], Exit::System),
            (vec![refused(), Fate::Done], Exit::Partly),
        ] {
            assert_eq!(exit(&fates), expected, "{fates:?}");
        }
    }
}
