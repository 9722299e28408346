//! Drawing a nonce: what sealing rests on.

use std::hint::black_box;

use ring::rand::{SecureRandom, SystemRandom};
use wzapi_model::Entropy;
use wzapi_model::system::SystemEntropy;

use crate::failure::Failure;
use crate::measurement::Effort;
use crate::row::{NANOSECONDS, Row, Sides, Stopwatch};

const NAME: &str = "nonce_draw";

pub(crate) const ROW: Row = Row {
    name: NAME,
    ours: "`SystemEntropy::fill` of 12 bytes",
    theirs: "ring's `SystemRandom::fill` of 12 bytes: one call of the operating system each",
    goal: 1.0,
    unit: NANOSECONDS,
    set_up,
};

#[allow(clippy::disallowed_methods, reason = "the system's randomness is the peer here")]
fn set_up(_: Effort) -> Result<Sides, Failure> {
    let entropy = SystemEntropy::new();
    let ours = move |times| {
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            let mut nonce = [0; 12];
            entropy.fill(&mut nonce).map_err(Failure::in_row(NAME))?;
            black_box(nonce);
        }
        Ok(stopwatch.nanoseconds_of_each(times))
    };
    let system = SystemRandom::new();
    let theirs = move |times| {
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            let mut nonce = [0; 12];
            system.fill(&mut nonce).map_err(|_| Failure::WrongResult { row: NAME, side: "ring" })?;
            black_box(nonce);
        }
        Ok(stopwatch.nanoseconds_of_each(times))
    };
    Ok(Sides { ours: Box::new(ours), theirs: Box::new(theirs) })
}
