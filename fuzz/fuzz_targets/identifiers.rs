//! Any text is an identifier or refused; a number's canonical form is its own canonical form; no text is shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wzapi_model::identifier::{Bsuid, E164, Email, Identifier};

fuzz_target!(|text: &str| {
    if let Ok(number) = E164::parse(text) {
        assert_eq!(E164::from_wa_id(&number.expose_digits()), Ok(number));
    }
    let _ = (Bsuid::parse(text), Email::parse(text));
    if let Ok(identifier) = Identifier::parse_recipient(text) {
        assert!(identifier.spellings().len() <= E164::MAX_SPELLINGS);
    }
    let _ = wzapi_whatsapp::intent::classify_text(text);
});
