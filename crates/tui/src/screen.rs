use std::io::{self, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use crate::sixteen::Sixteen;
use crate::theme::Colours;

/// Whether the terminal is ours and has to be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, as long as the table is on it. However that ends, it is given back as it was.
pub(crate) struct Screen {
    pub(crate) terminal: Terminal<CrosstermBackend<Sixteen<Stdout>>>,
}

impl Screen {
    /// Takes the terminal.
    pub(crate) fn take(colours: Colours) -> io::Result<Screen> {
        give_back_on_panic();
        take()?;
        let out = Sixteen::new(io::stdout(), colours == Colours::Sixteen);
        match Terminal::new(CrosstermBackend::new(out)) {
            Ok(terminal) => Ok(Screen { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Takes it again, after it was given back or somebody else used it, and forgets what was on it.
    pub(crate) fn take_again(&mut self) -> io::Result<()> {
        // Whatever the modes are now, they are not what was left.
        give_back();
        take()?;
        self.repaint()
    }

    /// Draws everything at the next turn.
    pub(crate) fn repaint(&mut self) -> io::Result<()> {
        // Not `clear`, which asks the terminal where its cursor is: the answer would go to the thread that waits for keys.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    /// Puts text on the clipboard of whoever looks at the terminal, by OSC 52 (xterm's ctlseqs), which works through ssh.
    pub(crate) fn copy(&mut self, text: &str) -> io::Result<()> {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        let mut out = io::stdout().lock();
        write!(out, "\x1b]52;c;{encoded}\x07")?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let taken = execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, cursor::Hide);
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Gives the terminal back, once. What fails is of no use to anybody then.
pub(crate) fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// Whether the terminal was given back while the table was on it: by a panic, on whatever thread.
pub(crate) fn is_lost() -> bool {
    !TAKEN.load(Ordering::SeqCst)
}

/// A panic's message belongs on a screen where it can be read.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
    });
}
