//! Encryption at rest, from the first row on.
//!
//! ```text
//! wrapping key   in a KeyProvider (key management service, HSM, or a local keyring file)
//!   └ tenant key   one per controller, wrapped; held in memory for a bounded time
//!       ├ index key    keyed hashes that stand for identifiers (blind indexes)
//!       └ data key     one per person, data category and month; unwrapped at use, never cached
//!            └ envelope    AES-256-GCM, bound to the one field of the one row it was made for
//! ```
//!
//! Destroying a data key makes everything it sealed unreadable, whatever the storage engine keeps in its files.
//!
//! | module | what is in it |
//! |---|---|
//! | [`provider`] | the [`KeyProvider`] trait |
//! | [`keyring`] | the local keyring file |
//! | [`secret`] | keys that are wiped and never printed |
//! | [`envelope`] | the format of a sealed value, and what it is bound to |
//! | [`blind_index`] | keyed hashes in place of identifiers |
//! | [`tenant`] | the keys of one controller |
//! | [`data_key`] | the keys of one person, category and month |
//! | [`shredding`] | destroying keys, and with them what they sealed |
//! | [`rotation`] | new tenant keys: everything is wrapped anew, nothing sealed is rewritten |
//! | [`epoch`] | a new wrapping key: whatever was destroyed before is beyond recovery |
//! | [`export`] | the keys in one file, which a restored backup of the data needs |
//! | [`status`] | which keys there are |

pub mod blind_index;
mod cipher;
pub mod data_key;
mod encoding;
pub mod envelope;
pub mod epoch;
mod error;
pub mod export;
pub mod keyring;
pub mod provider;
pub mod rotation;
pub mod secret;
pub mod shredding;
pub mod status;
pub mod tenant;
#[cfg(test)]
mod vectors;

pub use data_key::DataKey;
pub use envelope::Place;
pub use error::EncryptionError;
pub use keyring::LocalKeyring;
pub use provider::{KeyProvider, KeyProviderError};
pub use tenant::{Encryption, TenantKeys};
