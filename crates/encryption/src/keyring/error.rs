//! What can go wrong with a keyring file.

use std::io;

use wzapi_model::entropy::EntropyError;

use crate::provider::KeyProviderError;

/// Why a keyring file could not be opened or changed. Whatever it is, the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is none. A new keyring opens nothing that the old one wrapped, so none is made in its place.
    #[error("the keyring file is missing; put it back, a new one opens nothing")]
    Missing,
    /// A symbolic link, a directory or something else stands where the file or its lock should.
    #[error("the keyring is not a regular file")]
    NotAFile,
    /// The group or others may read or write it.
    #[error("others may read or write the keyring file; set its mode to 0600")]
    Shared,
    /// It belongs to another user, who could exchange it.
    #[error("the keyring file belongs to another user; the user of this process has to own it")]
    ForeignOwner,
    /// It is something else, or was cut off.
    #[error("the file is not a keyring, or is damaged")]
    Malformed,
    /// A newer version of this library wrote it.
    #[error("a newer version of this library wrote the keyring file")]
    Newer,
    /// Something in it was changed by accident or on purpose. Restore a copy.
    #[error("the keyring file was altered; restore a copy of it")]
    Altered,
    /// It is protected, and no passphrase was given.
    #[error("the keyring file is protected by a passphrase, and none was given")]
    PassphraseRequired,
    /// A passphrase was given, and it is not protected: perhaps it is not the file that was meant.
    #[error("the keyring file is not protected by a passphrase, but one was given")]
    NotProtected,
    /// The passphrase is another one.
    #[error("the passphrase does not open the keyring file")]
    WrongPassphrase,
    /// Another process changed the passphrase after this one had opened the file. Open it anew.
    #[error("the passphrase of the keyring file was changed meanwhile; open it anew")]
    ProtectionChanged,
    /// A passphrase has 1 to [`crate::keyring::Passphrase::MAX_BYTES`] bytes.
    #[error("a passphrase must not be empty or longer than 1024 bytes")]
    InvalidPassphrase,
    /// The number of iterations is outside [`crate::keyring::ITERATIONS`].
    #[error("the number of iterations for the passphrase is outside 100,000 to 10,000,000")]
    Iterations,
    /// It holds as many keys as it may. Destroy those that nothing is wrapped by any more.
    #[error("the keyring file holds as many keys as it may; destroy some first")]
    Full,
    /// Another process is changing it. Retry later.
    #[error("another process is changing the keyring file; retry later")]
    InUse,
    /// The file system failed. Retry later.
    #[error("the keyring file could not be read or written")]
    Io(#[from] io::Error),
    /// Randomness failed. Retry later.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl From<KeyringError> for KeyProviderError {
    /// What another try may mend is [`KeyProviderError::Unavailable`], the rest is [`KeyProviderError::Unusable`].
    fn from(error: KeyringError) -> Self {
        let problem = match &error {
            KeyringError::InUse | KeyringError::Io(_) | KeyringError::Entropy(_) => {
                return Self::Unavailable(Box::new(error));
            }
            KeyringError::Missing => "the file is missing; put it back, a new one opens nothing",
            KeyringError::NotAFile => "it is not a regular file",
            KeyringError::Shared => "others may read or write the file; set its mode to 0600",
            KeyringError::ForeignOwner => "the file belongs to another user",
            KeyringError::Malformed => "the file is not a keyring, or is damaged",
            KeyringError::Newer => "a newer version of this library wrote the file",
            KeyringError::Altered => "the file was altered; restore a copy of it",
            KeyringError::PassphraseRequired => "the file is protected by a passphrase, and none was given",
            KeyringError::NotProtected => "the file is not protected by a passphrase, but one was given",
            KeyringError::WrongPassphrase => "the passphrase does not open it",
            KeyringError::ProtectionChanged => "its passphrase was changed meanwhile; open it anew",
            KeyringError::InvalidPassphrase => "a passphrase must not be empty or longer than 1024 bytes",
            KeyringError::Iterations => "the number of iterations is outside 100,000 to 10,000,000",
            KeyringError::Full => "it holds as many keys as it may; destroy some first",
        };
        Self::Unusable(problem)
    }
}
