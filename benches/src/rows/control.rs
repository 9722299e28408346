//! The same work on both sides: how far the ratios of this machine can be trusted.

use super::seal_64b;
use super::sealing::Registered;
use crate::failure::Failure;
use crate::measurement::Effort;
use crate::row::{NANOSECONDS, Row, Sides};

const NAME: &str = "control";

pub(crate) const ROW: Row = Row {
    name: NAME,
    ours: "ring's side of `seal_64b`",
    theirs: "the same once more; a machine that is fit to measure on gives 1, and the spread is its noise",
    goal: 1.05,
    unit: NANOSECONDS,
    set_up,
};

fn set_up(_: Effort) -> Result<Sides, Failure> {
    let associated_data = Registered::new(NAME)?.associated_data();
    Ok(Sides {
        ours: Box::new(seal_64b::ring(associated_data.clone())?),
        theirs: Box::new(seal_64b::ring(associated_data)?),
    })
}
