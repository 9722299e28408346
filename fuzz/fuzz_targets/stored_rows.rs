//! Any stored bytes are a row or a typed error, and what is read is written back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wzapi_storage::codec::{decode_body, decode_key, encode_body, encode_key};
use wzapi_storage::key::RowKind;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    if let Ok((controller, key)) = decode_key(bytes) {
        assert_eq!(encode_key(controller, &key), bytes);
    }
    let Some(kind) = RowKind::ALL.get(usize::from(kind) % RowKind::ALL.len()) else { return };
    if let Ok(body) = decode_body(*kind, bytes) {
        let written = encode_body(&body).expect("a row that was read can be written");
        assert_eq!(decode_body(*kind, &written).expect("and read again"), body);
    }
});
