//! Sealing a short value, against a data key that is kept as an encrypted keyset.

use std::hint::black_box;

use super::sealing::{Registered, VALUE};
use super::tink::EncryptedKeyset;
use super::{seal_64b, tink};
use crate::failure::Failure;
use crate::measurement::Effort;
use crate::row::{NANOSECONDS, Row, Sides, Stopwatch};

const NAME: &str = "seal_64b_keyset";

pub(crate) const ROW: Row = Row {
    name: NAME,
    ours: "as `seal_64b`",
    theirs: "tink-rust 0.3: `keyset::Handle::read` of the data key, wrapped as in `seal_64b_tink` but for many values, \
             `tink_aead::new`, `encrypt` of 64 bytes with the same associated data, made beforehand",
    goal: 0.2,
    unit: NANOSECONDS,
    set_up,
};

fn set_up(_: Effort) -> Result<Sides, Failure> {
    let registered = Registered::new(NAME)?;
    let associated_data = registered.associated_data();
    let keyset = EncryptedKeyset::new(NAME)?;
    tink::seal(NAME, keyset.data_key().map_err(tink::failed(NAME))?.as_ref(), &associated_data)?;
    let theirs = move |times| {
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            let key = black_box(&keyset).data_key().map_err(tink::failed(NAME))?;
            black_box(key.encrypt(black_box(&VALUE), &associated_data).map_err(tink::failed(NAME))?);
        }
        Ok(stopwatch.nanoseconds_of_each(times))
    };
    Ok(Sides { ours: Box::new(seal_64b::ours(registered, NAME)?), theirs: Box::new(theirs) })
}
