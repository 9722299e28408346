//! Progress, on a terminal only.

use std::io::{IsTerminal, Write, stderr};

/// Shows how far a step is, on one line that is written over.
pub(crate) fn show(what: &str, done: usize, of: usize) {
    let mut terminal = stderr();
    if terminal.is_terminal() {
        let end = if done == of { "\n" } else { "" };
        let _ = write!(terminal, "\r   {what}: {done} of {of}{end}");
        let _ = terminal.flush();
    }
}
