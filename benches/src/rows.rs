//! The rows.
//!
//! To add one: a file with a `pub(crate) const ROW`, and a line in [`ALL`]. Its two sides have to do the same job; where
//! that needs a choice, the choice favours the other side, and [`crate::row::Row`] says what each does.

mod control;
mod nonce_draw;
mod open_64b;
mod open_64b_keyset;
mod open_64b_tink;
mod seal_64b;
mod seal_64b_keyset;
mod seal_64b_tink;
mod sealing;
mod tink;

use crate::row::Row;

/// In the order in which they are measured and printed.
pub(crate) const ALL: &[Row] = &[
    control::ROW,
    seal_64b::ROW,
    open_64b::ROW,
    seal_64b_tink::ROW,
    open_64b_tink::ROW,
    seal_64b_keyset::ROW,
    open_64b_keyset::ROW,
    nonce_draw::ROW,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::measurement::{Effort, measure};

    #[test]
    fn every_row_can_be_set_up_and_measured() {
        for row in ALL {
            let sides = (row.set_up)(Effort::Quick).unwrap();
            let measured = measure(sides, Effort::Quick).unwrap();
            assert!(measured.ratio.low > 0.0, "{}", row.name);
            assert!(measured.ratio.low <= measured.ratio.median, "{}", row.name);
            assert!(measured.ratio.median <= measured.ratio.high, "{}", row.name);
        }
    }

    #[test]
    fn names_are_unique_and_plain() {
        let names: BTreeSet<_> = ALL.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ALL.len());
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(names.iter().all(|name| name.chars().all(is_plain)));
    }
}
