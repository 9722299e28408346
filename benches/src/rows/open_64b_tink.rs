//! Opening a short value, against envelope encryption with a data key for each value.

use std::hint::black_box;

use tink_core::Aead;

use super::sealing::Registered;
use super::{open_64b, tink};
use crate::failure::Failure;
use crate::measurement::Effort;
use crate::row::{NANOSECONDS, Row, Sides, Stopwatch};

const NAME: &str = "open_64b_tink";

pub(crate) const ROW: Row = Row {
    name: NAME,
    ours: "as `open_64b`",
    theirs: "tink-rust 0.3: `KmsEnvelopeAead::decrypt` of what `seal_64b_tink` seals; it unwraps the data key that stands before \
             the value and opens",
    goal: 0.2,
    unit: NANOSECONDS,
    set_up,
};

fn set_up(_: Effort) -> Result<Sides, Failure> {
    let registered = Registered::new(NAME)?;
    let associated_data = registered.associated_data();
    let tink = tink::envelope(NAME)?;
    let sealed = tink::seal(NAME, &tink, &associated_data)?;
    let theirs = move |times| {
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            black_box(tink.decrypt(black_box(&sealed), &associated_data).map_err(tink::failed(NAME))?);
        }
        Ok(stopwatch.nanoseconds_of_each(times))
    };
    Ok(Sides { ours: Box::new(open_64b::ours(registered, NAME)?), theirs: Box::new(theirs) })
}
