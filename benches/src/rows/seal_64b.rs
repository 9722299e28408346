//! Sealing a short value.

use std::hint::black_box;

use ring::aead::Aad;

use super::sealing::{CountedNonces, Registered, VALUE, prepared_key};
use crate::failure::Failure;
use crate::measurement::Effort;
use crate::row::{NANOSECONDS, Row, Side, Sides, Stopwatch};

const NAME: &str = "seal_64b";

pub(crate) const ROW: Row = Row {
    name: NAME,
    ours: "`TenantKeys::data_key_for_writing` over a draft that has loaded the row of the data key (the key is \
           unwrapped, its use counted by sample, its row guarded), then `DataKey::seal` of 64 bytes; the key is wiped",
    theirs: "ring: 64 bytes sealed in place by a prepared AES-256-GCM key, with a nonce that counts up and the same \
             associated data, made beforehand",
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
        let mut draft = registered.loaded_draft()?;
        let (owner, place) = (registered.owner(), registered.place());
        registered.block_on(async {
            let stopwatch = Stopwatch::start();
            for _ in 0..times {
                let (keys, category) = (&registered.keys, &registered.category);
                let key = keys.data_key_for_writing(&mut draft, owner, category, registered.moment).await?;
                black_box(key.seal(&place, black_box(&VALUE))?);
            }
            Ok(stopwatch.nanoseconds_of_each(times))
        })
    })
}

/// ring's side, also for the control.
pub(super) fn ring(associated_data: Vec<u8>) -> Result<impl Side, Failure> {
    let key = prepared_key(NAME)?;
    let mut nonces = CountedNonces::new();
    Ok(move |times| {
        let stopwatch = Stopwatch::start();
        for _ in 0..times {
            let mut value = black_box(VALUE);
            let aad = Aad::from(associated_data.as_slice());
            let tag = key
                .seal_in_place_separate_tag(nonces.next(), aad, &mut value)
                .map_err(|_| Failure::WrongResult { row: NAME, side: "ring" })?;
            black_box((value, tag.as_ref()));
        }
        Ok(stopwatch.nanoseconds_of_each(times))
    })
}
