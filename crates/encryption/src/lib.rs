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
//! | [`tenant`] | the keys of one controller, and the data keys under them |

pub mod blind_index;
mod encoding;
pub mod envelope;
mod error;
pub mod keyring;
pub mod provider;
pub mod secret;
pub mod tenant;

pub use envelope::Place;
pub use error::EncryptionError;
pub use keyring::LocalKeyring;
pub use provider::{KeyProvider, KeyProviderError};
pub use tenant::{DataKey, Encryption, TenantKeys};
