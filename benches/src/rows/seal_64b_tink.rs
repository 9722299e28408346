//! Sealing a short value, against envelope encryption with a data key for each value.

use std::hint::black_box;

use tink_core::Aead;

use super::sealing::{Registered, VALUE};
use super::{seal_64b, tink};
use crate::failure::Failure;
use crate::measurement::Effort;
use crate::row::{NANOSECONDS, Row, Sides, Stopwatch};

const NAME: &str = "seal_64b_tink";

pub(crate) const ROW: Row = Row {
    name: NAME,
    ours: "as `seal_64b`",
    theirs: "tink-rust 0.3: `KmsEnvelopeAead::encrypt` of 64 bytes with AES-256-GCM for both keys, the key-encryption key in \
             memory, the same associated data made beforehand; it makes a data key for the value, wraps it and seals",
    goal: 0.2,
    unit: NANOSECONDS,
    set_up,
};

fn set_up(_: Effort) -> Result<Sides, Failure> {
    let registered = Registered::new(NAME)?;
    let associated_data = registered.associated_data();
    let tink = tink::envelope(NAME)?;
    tink::seal(NAME, &tink, &associated_data)?;
    let theirs = move |times| {
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            black_box(tink.encrypt(black_box(&VALUE), &associated_data).map_err(tink::failed(NAME))?);
        }
        Ok(stopwatch.nanoseconds_of_each(times))
    };
    Ok(Sides { ours: Box::new(seal_64b::ours(registered, NAME)?), theirs: Box::new(theirs) })
}
