//! `wzapi optout`: what texts mean to the rules of opt-out intent.

use std::io::{BufRead as _, BufReader, Write as _};

use wzapi_compliance::whatsapp::intent::{Intent, classify_text};

use crate::failure::Outcome;

/// Answers every line of standard input, in order, and shows each answer at once.
pub(crate) fn classify() -> Outcome {
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut output = std::io::stdout().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        // Input or output that has gone away ends the work; what was answered stands.
        if !input.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            return Outcome::Done;
        }
        if writeln!(output, "{}", answer(&String::from_utf8_lossy(&line)))
            .and_then(|()| output.flush())
            .is_err()
        {
            return Outcome::Done;
        }
    }
}

fn answer(line: &str) -> String {
    let line = line.trim_end_matches(['\n', '\r']);
    let (hint, text) = line.split_once('\t').unwrap_or(("", line));
    let verdict = classify_text(text, Some(hint.trim()).filter(|hint| !hint.is_empty()));
    let label = match verdict.intent {
        Intent::Withdraw => "withdraw",
        Intent::Ambiguous => "ambiguous",
        Intent::Subscribe | Intent::None => "none",
    };
    format!("{label}\t{verdict}")
}
