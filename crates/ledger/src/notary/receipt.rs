//! A log's word for a document about a consent.

use wzapi_ledger_proof::Hash;
use wzapi_ledger_proof::receipt::Statement;
use wzapi_ledger_proof::signed_note::{SignedNote, Signer, VerifierKey};
use wzapi_model::ids::ControllerId;

use super::Notary;
use super::checkpoint::signing_keys;
use crate::error::LedgerError;
use crate::log_key;

impl Notary {
    /// Signs that the document of this hash is a receipt of the shard's log, with the keys that sign its checkpoints. The
    /// same document gives the same note, for as long as the log has the same keys.
    ///
    /// # Errors
    /// [`LedgerError::NoLog`]; [`LedgerError::NotFollowed`] and [`LedgerError::OtherJournal`], when nothing is signed at
    /// all; [`LedgerError::DamagedKey`]; the failure of a part.
    pub async fn sign_receipt(
        &self,
        controller: ControllerId,
        shard: u16,
        document: Hash,
    ) -> Result<SignedNote, LedgerError> {
        self.check_journal().await?;
        let (_, head) = self.load_head(&mut self.draft(controller), shard).await?;
        let stored = log_key::stored(self.storage.as_ref(), controller, shard, &head.origin).await?;
        let signing = signing_keys(&stored, self.clock.now());
        let keys = self.encryption.tenant(controller).await?;
        let signers = signing.iter().map(|key| log_key::signer(&keys, key)).collect::<Result<Vec<_>, _>>()?;
        if signers.is_empty() {
            return Err(LedgerError::DamagedKey);
        }
        let borrowed: Vec<&Signer> = signers.iter().collect();
        Ok(Statement::new(&head.origin, document).sign(&borrowed)?)
    }

    /// The origin of the log that a shard has now, which is the one that signs.
    ///
    /// # Errors
    /// [`LedgerError::NoLog`]; the failure of the store.
    pub async fn current_origin(&self, controller: ControllerId, shard: u16) -> Result<String, LedgerError> {
        Ok(self.load_head(&mut self.draft(controller), shard).await?.1.origin)
    }

    /// Every key that the log of this origin ever had, the oldest first.
    ///
    /// # Errors
    /// [`LedgerError::DamagedKey`]; the failure of the store.
    pub async fn verifier_keys(
        &self,
        controller: ControllerId,
        shard: u16,
        origin: &str,
    ) -> Result<Vec<VerifierKey>, LedgerError> {
        let stored = log_key::stored(self.storage.as_ref(), controller, shard, origin).await?;
        Ok(stored.into_iter().map(|key| key.verifier_key).collect())
    }
}
