//! Opening a short value, against a data key that is kept as an encrypted keyset.

use std::hint::black_box;

use super::sealing::Registered;
use super::tink::EncryptedKeyset;
use super::{open_64b, tink};
use crate::failure::Failure;
use crate::measurement::Effort;
use crate::row::{NANOSECONDS, Row, Sides, Stopwatch};

const NAME: &str = "open_64b_keyset";

pub(crate) const ROW: Row = Row {
    name: NAME,
    ours: "as `open_64b`",
    theirs: "tink-rust 0.3: `keyset::Handle::read` of the data key as in `seal_64b_keyset`, `tink_aead::new`, `decrypt`",
    goal: 0.2,
    unit: NANOSECONDS,
    set_up,
};

fn set_up(_: Effort) -> Result<Sides, Failure> {
    let registered = Registered::new(NAME)?;
    let associated_data = registered.associated_data();
    let keyset = EncryptedKeyset::new(NAME)?;
    let data_key = keyset.data_key().map_err(tink::failed(NAME))?;
    let sealed = tink::seal(NAME, data_key.as_ref(), &associated_data)?;
    let theirs = move |times| {
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            let key = black_box(&keyset).data_key().map_err(tink::failed(NAME))?;
            black_box(key.decrypt(black_box(&sealed), &associated_data).map_err(tink::failed(NAME))?);
        }
        Ok(stopwatch.nanoseconds_of_each(times))
    };
    Ok(Sides { ours: Box::new(open_64b::ours(registered, NAME)?), theirs: Box::new(theirs) })
}
