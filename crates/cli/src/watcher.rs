//! Progress, for whoever watches.

use std::io::{self, IsTerminal as _, Write as _};

/// Shows progress on one line of a terminal, and nothing where nobody watches.
pub(crate) struct Watcher {
    is_terminal: bool,
    has_shown: bool,
}

impl Watcher {
    pub(crate) fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), has_shown: false }
    }

    pub(crate) fn show(&mut self, text: &str) {
        if self.is_terminal {
            self.has_shown = true;
            eprint!("\r\x1b[K{text}");
            let _ = io::stderr().flush();
        }
    }
}

impl Drop for Watcher {
    /// Whatever is printed next, an error too, begins on a line of its own.
    fn drop(&mut self) {
        if self.has_shown {
            eprintln!();
        }
    }
}
