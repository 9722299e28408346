//! Why no receipt was issued.

use wzapi_consent::ConsentError;
use wzapi_ledger::LedgerError;
use wzapi_ledger::proof::receipt::{MAX_CITED, ReceiptError};

/// Why nothing was handed out.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no such person, or nothing about this purpose is on record.
    #[error("nothing is on record about this person and purpose")]
    NothingOnRecord,
    /// The policy does not declare the purpose, so nobody could say what the person agreed to.
    #[error("the policy does not declare this purpose")]
    UndeclaredPurpose,
    /// The policy has no texts in this language.
    #[error("the policy does not declare this language")]
    UndeclaredLanguage,
    /// The person was erased. What was handed out before still holds; nothing new can be made.
    #[error("the person was erased")]
    Erased,
    /// More acts than one document cites.
    #[error("more than {MAX_CITED} acts are on record about this purpose")]
    TooManyActs,
    /// What was put together does not hold: stored consent and log contradict each other. Verify the log.
    #[error("the receipt that was put together does not hold")]
    Contradiction(#[source] ReceiptError),
    /// Consent could not be read.
    #[error("the acts could not be read")]
    Consent(#[source] ConsentError),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[source] LedgerError),
}

impl From<ConsentError> for IssueError {
    fn from(error: ConsentError) -> Self {
        if wzapi_consent::history::is_erased(&error) { Self::Erased } else { Self::Consent(error) }
    }
}

impl From<LedgerError> for IssueError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Erased { .. } => Self::Erased,
            other => Self::Ledger(other),
        }
    }
}
