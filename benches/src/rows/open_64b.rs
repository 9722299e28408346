//! Opening a short value.

use std::hint::black_box;

use ring::aead::Aad;

use super::sealing::{CountedNonces, LENGTH, Registered, TAG, VALUE, prepared_key};
use crate::failure::Failure;
use crate::measurement::Effort;
use crate::row::{NANOSECONDS, Row, Side, Sides, Stopwatch};

const NAME: &str = "open_64b";

pub(crate) const ROW: Row = Row {
    name: NAME,
    ours: "`TenantKeys::open` of an envelope with 64 bytes, given the row of the data key: the key is unwrapped, the \
           value opened, both wiped",
    theirs: "ring: 64 bytes opened in place by a prepared AES-256-GCM key, with the same associated data, made \
             beforehand",
    goal: 6.0,
    unit: NANOSECONDS,
    set_up,
};

fn set_up(_: Effort) -> Result<Sides, Failure> {
    let registered = Registered::new(NAME)?;
    let theirs = Box::new(ring(registered.associated_data())?);
    Ok(Sides { ours: Box::new(ours(registered, NAME)?), theirs })
}

/// Our side, also for the row against Tink.
pub(super) fn ours(registered: Registered, row: &'static str) -> Result<impl Side, Failure> {
    let sealed = registered.seal_once()?;
    if registered.open_once(&sealed)? != VALUE {
        return Err(Failure::WrongResult { row, side: "our side" });
    }
    Ok(move |times| {
        let (key_place, place) = (&registered.key_place, registered.place());
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            let opened = registered
                .keys
                .open(key_place, Some(&registered.key_row), &place, black_box(&sealed))
                .map_err(Failure::in_row(row))?;
            black_box(opened.as_slice());
        }
        Ok(stopwatch.nanoseconds_of_each(times))
    })
}

fn ring(associated_data: Vec<u8>) -> Result<impl Side, Failure> {
    let wrong = || Failure::WrongResult { row: NAME, side: "ring" };
    let key = prepared_key(NAME)?;
    let mut sealed = VALUE.to_vec();
    key.seal_in_place_append_tag(CountedNonces::new().next(), Aad::from(&associated_data), &mut sealed)
        .map_err(|_| wrong())?;
    let sealed: [u8; LENGTH + TAG] = sealed.try_into().map_err(|_| wrong())?;
    Ok(move |times| {
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            let mut buffer = black_box(sealed);
            let aad = Aad::from(associated_data.as_slice());
            let opened =
                key.open_in_place(CountedNonces::new().next(), aad, &mut buffer).map_err(|_| wrong())?;
            black_box(opened);
        }
        Ok(stopwatch.nanoseconds_of_each(times))
    })
}
