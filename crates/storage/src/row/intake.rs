//! What came in by webhook: what was seen, what nobody claims yet, and what was not recognised.

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;

use crate::row::Sealed;

/// Part of a delivery whose WABA and phone number are not registered: kept, counted, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedRow {
    /// When it arrived.
    pub received_at: Timestamp,
    /// A whole delivery of one element, as it would arrive again; sealed under the system controller's key.
    pub sealed: Sealed,
}

/// A source event was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEventRow {
    /// When.
    pub seen_at: Timestamp,
}

/// A webhook element that was not recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnrecognisedRow {
    /// When it arrived.
    pub received_at: Timestamp,
    /// Why it was not recognised: a word of the parser.
    pub reason: String,
    /// The element, under the category `unrecognised` of the controller.
    pub sealed: Sealed,
}
