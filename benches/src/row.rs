//! What a row of the table is.

use std::time::Instant;

use crate::failure::Failure;
use crate::measurement::Effort;

/// One promise about cost.
pub(crate) struct Row {
    /// In lower case with underscores; it never changes its meaning, so that measurements of different days compare.
    pub(crate) name: &'static str,
    /// What our side does, in full.
    pub(crate) ours: &'static str,
    /// What the other side does, in full.
    pub(crate) theirs: &'static str,
    /// The most that our cost may be, as a multiple of theirs.
    pub(crate) goal: f64,
    /// The unit of both costs.
    pub(crate) unit: &'static str,
    /// Makes both sides, and makes sure that both do what they say.
    pub(crate) set_up: fn(Effort) -> Result<Sides, Failure>,
}

/// The unit of most rows.
pub(crate) const NANOSECONDS: &str = "ns";

/// The two sides of a row, ready to be measured.
pub(crate) struct Sides {
    pub(crate) ours: Box<dyn Side>,
    pub(crate) theirs: Box<dyn Side>,
}

/// One side of a row.
pub(crate) trait Side {
    /// Does the operation so many times and says what one of them cost on average, in the unit of the row. What is
    /// only preparation is left out of the cost.
    fn turn(&mut self, times: u32) -> Result<f64, Failure>;
}

impl<F: FnMut(u32) -> Result<f64, Failure>> Side for F {
    fn turn(&mut self, times: u32) -> Result<f64, Failure> {
        self(times)
    }
}

/// Times the operations of a turn; what comes before its start is left out.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "a measurement of time has to read the clock")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The nanoseconds since the start, divided by so many operations.
    pub(crate) fn nanoseconds_of_each(&self, times: u32) -> f64 {
        self.0.elapsed().as_secs_f64() * 1e9 / f64::from(times)
    }
}
