//! Files of published cases: written by hand-made code from fixed seeds, read back through the crate.

use std::fmt::Debug;
use std::sync::Mutex;
use std::{env, fs};

use serde_json::{Value, json};

use crate::by_hand::{base64, unbase64};

/// Held while files are written and read: several tests use one file.
static FILES: Mutex<()> = Mutex::new(());

/// The file of this name, after seeing that it is what `written` gives. With `WZAPI_WRITE_VECTORS=1` in the
/// environment it is written anew, for a change that is meant.
pub(crate) fn read(name: &str, written: &Value) -> Value {
    let path = format!("{}/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let held = FILES.lock();
    if env::var_os("WZAPI_WRITE_VECTORS").is_some() {
        fs::write(&path, format!("{written:#}\n")).unwrap();
    }
    let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    drop(held);
    assert!(
        file == *written,
        "{name} and the code that writes it disagree; if that is meant, run this with WZAPI_WRITE_VECTORS=1"
    );
    file
}

/// A list of cases that must not be empty, lest a test of it pass for nothing.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let list = value[name].as_array().unwrap();
    assert!(!list.is_empty());
    list
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A file as text, or in Base64 if it is none.
pub(crate) fn contents(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": base64(bytes) }),
    }
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().map_or_else(|| unbase64(text(&value["base64"])), |text| text.as_bytes().to_vec())
}

/// The name of an error's variant, as the files spell it: `BadSignature { .. }` is `bad-signature`.
pub(crate) fn class(error: &impl Debug) -> String {
    let debug = format!("{error:?}");
    let name = debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap();
    let mut class = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !class.is_empty() {
            class.push('-');
        }
        class.push(character.to_ascii_lowercase());
    }
    class
}

pub(crate) fn verdict<T>(result: &Result<T, impl Debug>) -> String {
    result.as_ref().err().map_or_else(|| "accepted".to_owned(), class)
}

#[test]
fn classes_are_names_of_variants() {
    #[derive(Debug)]
    enum Error {
        Plain,
        #[allow(dead_code, reason = "it is only shown")]
        WithField(u8),
    }
    assert_eq!(class(&Error::Plain), "plain");
    assert_eq!(class(&Error::WithField(1)), "with-field");
}
