//! Keys, each wrapped by the one above it, and the epoch of the one on top.

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;

/// A key, wrapped by the one above it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// The name of the wrapping key in the key provider, or the version of the tenant key in decimal.
    pub wrapped_by: String,
    /// The wrapped key, as the wrapper made it.
    pub wrapped: Vec<u8>,
    /// A commitment to the key (`docs/formats/envelope.md`), authenticated together with it.
    pub commitment: [u8; 32],
}

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WrappedKey").field("wrapped_by", &self.wrapped_by).finish_non_exhaustive()
    }
}

/// A tenant key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantKeyRow {
    /// When it was made.
    pub created_at: Timestamp,
    /// The key, wrapped by the key provider.
    pub key: WrappedKey,
}

/// A key of blind indexes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKeyRow {
    /// When it was made.
    pub created_at: Timestamp,
    /// The key, wrapped by a tenant key.
    pub key: WrappedKey,
}

/// One version of a data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKeyVersion {
    /// Its version; it stands in every envelope that the key sealed.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// About how many values it sealed: counted by sample, and never written for a single one.
    pub seals: u64,
    /// The key, wrapped by a tenant key.
    pub key: WrappedKey,
}

/// A data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKeyRow {
    /// Its versions, newest first; the first seals. There is a second one only when the first has sealed as much as
    /// one key may.
    pub versions: Vec<DataKeyVersion>,
}

/// The signing key of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogKeyRow {
    /// When it was made.
    pub created_at: Timestamp,
    /// The key that verifies what it signs, as a signed-note verifier key.
    pub verifier_key: String,
    /// The key's 32-byte seed, wrapped by a tenant key.
    pub key: WrappedKey,
    /// When another one took over; both sign until the rotation ends.
    pub retired_at: Option<Timestamp>,
}

/// What became of a wrapping key that is not used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WrappingKeyFate {
    /// It still unwraps.
    Live,
    /// The provider destroys it at this moment.
    PendingUntil(Timestamp),
    /// It was destroyed at this moment.
    DestroyedAt(Timestamp),
}

/// A wrapping key of an earlier epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerWrappingKey {
    /// Its name in the key provider.
    pub name: String,
    /// What became of it.
    pub fate: WrappingKeyFate,
}

/// How far a rotation to a new epoch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EpochStage {
    /// Every key of the epoch is in place, and what came before it is destroyed or about to be.
    Complete,
    /// Tenant keys are made anew, and what they wrap is wrapped again.
    Rewrapping,
    /// Everything is wrapped anew and the key export is written; former wrapping keys are being destroyed.
    Destroying,
}

/// The epoch: the wrapping key in use and those before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Its number; 1 is the first.
    pub epoch: u32,
    /// When it began.
    pub began_at: Timestamp,
    /// The name of its wrapping key in the key provider.
    pub wrapping_key: String,
    /// How far the rotation to it is.
    pub stage: EpochStage,
    /// The wrapping keys before it, newest first.
    pub former: Vec<FormerWrappingKey>,
}
