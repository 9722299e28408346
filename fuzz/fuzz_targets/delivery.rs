//! Any body is a delivery or a typed error, and its items keep their keys when a change is delivered by itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wzapi_whatsapp::delivery::{Delivery, Limits, parts};

fuzz_target!(|body: &[u8]| {
    let limits = Limits::default();
    let Ok(delivery) = Delivery::parse(body, &limits) else { return };
    let positions = delivery.items.iter().map(|item| item.position);
    let parts = parts(body, positions).expect("a body that was read is read again");
    let again = parts.iter().flat_map(|part| {
        Delivery::parse(part.body.expose(), &limits).expect("a part of a delivery is a delivery").items
    });
    let mut keys: Vec<_> = again.map(|item| item.source_key().clone()).collect();
    let mut expected: Vec<_> = delivery.items.iter().map(|item| item.source_key().clone()).collect();
    keys.sort();
    expected.sort();
    assert_eq!(keys, expected);
});
