//! What an operator may see of a keyring.

use wzapi_model::Timestamp;

use crate::provider::WrappingKeyId;

/// A keyring without its key bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringStatus {
    /// Whether the file is protected.
    pub protection: Protection,
    /// Every key, oldest first, with those that were destroyed.
    pub keys: Vec<KeyStatus>,
}

/// How the keys stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// In clear: whoever reads the file has the keys.
    None,
    /// Sealed under a passphrase, which so many iterations of PBKDF2 stretch.
    Passphrase {
        /// The iterations.
        iterations: u32,
    },
}

/// One key of a keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// Its name.
    pub id: WrappingKeyId,
    /// When it was made; unknown of keys that the first version of the file held.
    pub created_at: Option<Timestamp>,
    /// What it can still do.
    pub state: KeyState,
}

/// What a key can still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is the current one; exactly one is.
    Active,
    /// It is an earlier one: it unwraps, and wraps for those who learnt its name before there was a newer one.
    Retired {
        /// Since when; unknown of keys that the first version of the file held.
        since: Option<Timestamp>,
    },
    /// Nothing: its bytes are not in the file any more.
    Destroyed {
        /// Since when.
        at: Timestamp,
    },
}
