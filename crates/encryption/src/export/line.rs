//! The lines of an export.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::codec::{decode_body, decode_key};
use wzapi_storage::key::Key;
use wzapi_storage::row::Body;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) epoch: u32,
    pub(super) began_at: Timestamp,
    pub(super) wrapping_key: String,
    pub(super) exported_at: Timestamp,
}

/// One row: its encoded key and its encoded body, in base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    k: String,
    v: String,
}

impl Line {
    pub(super) fn new(key: &[u8], body: &[u8]) -> Self {
        Self { k: to_base64(key), v: to_base64(body) }
    }

    /// The row; `None` when it is malformed.
    pub(super) fn row(&self) -> Option<(ControllerId, Key, Body)> {
        let (controller, key) = decode_key(&from_base64(&self.k)?).ok()?;
        let body = decode_body(key.kind(), &from_base64(&self.v)?).ok()?;
        Some((controller, key, body))
    }
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Footer {
    pub(super) rows: u64,
    pub(super) mac: String,
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
