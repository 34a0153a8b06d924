use ratatui::style::{Color, Modifier, Style};
use sockscope_model::State;

use sockscope_live::Mark;

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// None, or none are wanted: bold, reverse and the like say it all.
    None,
    /// The sixteen of old terminals.
    Sixteen,
    /// 256.
    Many,
}

impl Colours {
    /// What the variables of the environment say of a terminal that may be coloured.
    pub fn of_terminal(variable: impl Fn(&str) -> Option<String>) -> Colours {
        let term = variable("TERM").unwrap_or_default();
        let colour_term = variable("COLORTERM").unwrap_or_default();
        if matches!(colour_term.as_str(), "truecolor" | "24bit") || term.contains("256color") || term.contains("direct")
        {
            return Colours::Many;
        }
        // These have nothing to do with it, and say so by their names alone.
        if term.starts_with("vt") || term.ends_with("-m") || term.contains("mono") {
            return Colours::None;
        }
        // Consoles of Windows do without the variable, and have had 256 for long.
        if term.is_empty() && cfg!(windows) { Colours::Many } else { Colours::Sixteen }
    }
}

/// What things look like. Whatever a colour says, something else says too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    colours: Colours,
}

impl Theme {
    pub(crate) fn new(colours: Colours) -> Theme {
        Theme { colours }
    }

    /// A line to which that happened. The character in front of it says so as well.
    pub(crate) fn line(self, mark: Option<Mark>, selected: bool) -> Style {
        let style = match (self.colours, mark) {
            (_, None) => Style::new(),
            (Colours::None, Some(Mark::New)) => Style::new().add_modifier(Modifier::BOLD),
            (Colours::None, Some(Mark::Changed)) => Style::new().add_modifier(Modifier::UNDERLINED),
            (Colours::None, Some(Mark::Gone)) => Style::new().add_modifier(Modifier::DIM),
            (Colours::Sixteen, Some(mark)) => Style::new().fg(sixteen(mark)),
            (Colours::Many, Some(Mark::New)) => Style::new().fg(Color::Indexed(194)).bg(Color::Indexed(22)),
            (Colours::Many, Some(Mark::Changed)) => Style::new().fg(Color::Indexed(230)).bg(Color::Indexed(58)),
            (Colours::Many, Some(Mark::Gone)) => Style::new().fg(Color::Indexed(224)).bg(Color::Indexed(52)),
        };
        if selected { style.add_modifier(Modifier::REVERSED) } else { style }
    }

    pub(crate) fn state(self, state: State) -> Style {
        let colour = match state {
            State::Listen => Color::Cyan,
            State::Established => Color::Green,
            State::SynSent | State::SynReceived => Color::Yellow,
            // The program at this end has yet to close: many of these are a leak.
            State::CloseWait => Color::Magenta,
            State::TimeWait | State::Closed | State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck => {
                return self.dim();
            }
            State::Other(_) => Color::Red,
            _ => return Style::new(),
        };
        self.coloured(colour)
    }

    pub(crate) fn dim(self) -> Style {
        match self.colours {
            Colours::Many => Style::new().fg(Color::Indexed(245)),
            Colours::None | Colours::Sixteen => Style::new().add_modifier(Modifier::DIM),
        }
    }

    pub(crate) fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The lines above and below the table.
    pub(crate) fn bar(self) -> Style {
        match self.colours {
            Colours::Many => Style::new().fg(Color::Indexed(252)).bg(Color::Indexed(236)),
            Colours::None | Colours::Sixteen => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// What stands out from them.
    pub(crate) fn bar_strong(self) -> Style {
        match self.colours {
            Colours::Many => self.bar().add_modifier(Modifier::BOLD).fg(Color::Indexed(231)),
            Colours::None | Colours::Sixteen => self.bar().add_modifier(Modifier::BOLD),
        }
    }

    /// A key in a line of hints, the chosen view.
    pub(crate) fn key(self) -> Style {
        self.coloured(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn titles(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    pub(crate) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(crate) fn warning(self) -> Style {
        self.coloured(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn error(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn trend(self) -> Style {
        self.coloured(Color::Cyan)
    }

    fn coloured(self, colour: Color) -> Style {
        match self.colours {
            Colours::None => Style::new(),
            Colours::Sixteen | Colours::Many => Style::new().fg(colour),
        }
    }
}

fn sixteen(mark: Mark) -> Color {
    match mark {
        Mark::New => Color::Green,
        Mark::Changed => Color::Yellow,
        Mark::Gone => Color::Red,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_tells_how_many_colours_there_are() {
        let of = |term: &str, colour_term: &str| {
            Colours::of_terminal(|name| match name {
                "TERM" => Some(term.to_owned()),
                "COLORTERM" => Some(colour_term.to_owned()),
                _ => None,
            })
        };
        for (term, colour_term, colours) in [
            ("xterm-256color", "", Colours::Many),
            ("xterm", "truecolor", Colours::Many),
            ("xterm", "", Colours::Sixteen),
            ("linux", "", Colours::Sixteen),
            ("screen", "", Colours::Sixteen),
            ("vt100", "", Colours::None),
        ] {
            assert_eq!(of(term, colour_term), colours, "{term}");
        }
    }
}
