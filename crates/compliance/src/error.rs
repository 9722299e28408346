//! What can go wrong, by what the caller can do.

use wzapi_access::NotAuthorised;
use wzapi_consent::ConsentError;
use wzapi_consent::import::ImportError;
use wzapi_encryption::EncryptionError;
use wzapi_encryption::export::ImportError as KeyImportError;
use wzapi_ledger::LedgerError;
use wzapi_model::entropy::EntropyError;
use wzapi_model::name::DataCategory;
use wzapi_storage::StorageError;
use wzapi_storage::draft::NotLoaded;
use wzapi_vault::VaultError;
use wzapi_whatsapp::delivery::DeliveryError;
use wzapi_whatsapp::signature::SignatureError;

/// Why an operation of the facade did nothing. In every case: do not send, do not acknowledge, do not disclose.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The actor is not allowed to do this. Do not retry.
    #[error(transparent)]
    Refused(#[from] NotAuthorised),
    /// The builder lacks a part.
    #[error("the builder needs {0}")]
    Incomplete(&'static str),
    /// The policy does not declare a category under which these libraries store data about people. Declare it.
    #[error("the policy does not declare the data category {0}, under which data about people is stored")]
    UndeclaredCategory(DataCategory),
    /// The address of a database is not one; it is not repeated here, for it may hold a password.
    #[error("the address of the database cannot be used")]
    Address(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The controller is not registered here.
    #[error("the controller is not registered; register it first")]
    UnknownController,
    /// The reserved system controller cannot be used as a customer.
    #[error("the system controller is reserved")]
    ReservedController,
    /// A WABA or phone number id belongs to another controller or sender. Nothing was changed.
    #[error("the {0} is registered for another controller or sender")]
    RouteTaken(&'static str),
    /// The sender is known to belong to another business portfolio. Nothing was changed.
    #[error("the sender is registered in another business portfolio")]
    OtherPortfolio,
    /// A WABA, phone number or portfolio id is empty or too long.
    #[error("a WABA, phone number or portfolio id has 1 to 64 letters and digits")]
    InvalidRoute,
    /// The signature of a delivery is missing or wrong. Answer 401; do not look at the body.
    #[error("the delivery is not signed with a live app secret")]
    Signature(#[from] SignatureError),
    /// The body of a delivery is not a webhook. Answer 400; it will not get better.
    #[error("the delivery cannot be read")]
    Delivery(#[from] DeliveryError),
    /// A file could not be imported to its end.
    #[error("the import stopped")]
    Import(#[from] ImportError),
    /// A key export could not be imported.
    #[error("the key export was not imported")]
    KeyImport(#[from] KeyImportError),
    /// There is no policy, and what a policy does not name is not stored. Give the builder one.
    #[error("there is no privacy policy, so no personal data is stored or read; give the builder one")]
    NoPolicy,
    /// A record was refused, or the vault failed.
    #[error("the record was not stored, read or changed")]
    Vault(#[from] VaultError),
    /// No consent record or receipt was issued.
    #[error("no record or receipt was issued")]
    Receipt(#[from] wzapi_receipt::IssueError),
    /// Consent could not be recorded or asked about.
    #[error("consent failed")]
    Consent(#[from] ConsentError),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] LedgerError),
    /// Keys failed.
    #[error("encryption failed")]
    Encryption(#[source] EncryptionError),
    /// The store failed.
    #[error("the store failed")]
    Storage(#[from] StorageError),
    /// Randomness failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A mistake in these libraries.
    #[error(transparent)]
    NotLoaded(#[from] NotLoaded),
}

impl Error {
    /// Whether rows or keys changed meanwhile, so that beginning again helps.
    pub(crate) const fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::Ledger(LedgerError::Conflict)
                | Self::Consent(ConsentError::Busy)
                | Self::Encryption(EncryptionError::KeysChanged)
        )
    }
}

impl From<EncryptionError> for Error {
    fn from(error: EncryptionError) -> Self {
        match error {
            EncryptionError::UnknownController => Self::UnknownController,
            other => Self::Encryption(other),
        }
    }
}
