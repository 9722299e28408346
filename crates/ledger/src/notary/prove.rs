//! A proof of one entry that needs nothing of ours to be checked.

use wzapi_encryption::EncryptionError;
use wzapi_ledger_proof::EntryCommitment;
use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::signed_note::SignedNote;
use wzapi_ledger_proof::tlog_proof::{Disclosure, TlogProof};
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_storage::key::{Key, LogRef, Owner};
use wzapi_storage::row::{DataKeyRow, EntryBody, EntryBodyRow, LogLeafRow};

use super::checkpoint::Signed;
use super::{MAX_ATTEMPTS, Notary};
use crate::entry::SealedBody;
use crate::error::LedgerError;

impl Notary {
    /// A proof of the entry at `index`: its event and blinding, its path to the root, and a checkpoint over it. Whoever
    /// has the log's verifier key checks it without us, for ever: also after the person was erased here, for what was
    /// handed out cannot be called back. The checkpoint is the one on record when it covers the entry, and else a new
    /// one.
    ///
    /// # Errors
    /// [`LedgerError::NoSuchEntry`]; [`LedgerError::Erased`] when the body was erased; as [`Notary::checkpoint`].
    pub async fn prove(
        &self,
        controller: ControllerId,
        shard: u16,
        index: u64,
    ) -> Result<TlogProof, LedgerError> {
        let signed = match self.on_record(controller, shard).await? {
            Some(signed) if index < signed.checkpoint.head.size() => signed,
            _ => self.sign(controller, shard).await?,
        };
        self.prove_under(controller, &signed, index).await
    }

    /// As [`Notary::prove`], for an entry of any log that the controller has or had, as [`Notary::locate`] gives it. A log
    /// that was closed signs nothing any more: its entries are proved up to the last checkpoint of it that is stored.
    ///
    /// # Errors
    /// As [`Notary::prove`]; [`LedgerError::NoSuchEntry`] also for an entry of a closed log that no stored checkpoint
    /// covers.
    pub async fn prove_in(
        &self,
        controller: ControllerId,
        log: LogRef,
        index: u64,
    ) -> Result<TlogProof, LedgerError> {
        let (current, _) = self.load_head(&mut self.draft(controller), log.shard).await?;
        if current == log {
            return self.prove(controller, log.shard, index).await;
        }
        let signed = self.last_of_closed(controller, log).await?.ok_or(LedgerError::NoSuchEntry)?;
        self.prove_under(controller, &signed, index).await
    }

    async fn prove_under(
        &self,
        controller: ControllerId,
        signed: &Signed,
        index: u64,
    ) -> Result<TlogProof, LedgerError> {
        let tree = signed.checkpoint.head;
        if index >= tree.size() {
            return Err(LedgerError::NoSuchEntry);
        }
        let disclosure = self.disclose(controller, signed.log, index).await?;
        let nodes = InclusionProof::nodes(index, tree.size()).map_err(LedgerError::Proof)?;
        let tiles = self.tiles(controller, signed.log, &signed.edge, tree, &nodes).await?;
        let path = InclusionProof::build(&tiles, index, tree.size())?;
        let leaf = disclosure.commitment().leaf_hash();
        path.verify(leaf, index, tree).map_err(|_| LedgerError::Contradiction)?;
        let note = SignedNote::parse(signed.checkpoint.note.as_bytes())?;
        Ok(TlogProof::new(Some(disclosure), index, path, note))
    }

    /// Where an entry is: its log and its index.
    ///
    /// # Errors
    /// [`LedgerError::NoSuchEntry`]; the failure of the store.
    pub async fn locate(
        &self,
        controller: ControllerId,
        owner: Owner,
        entry: EntryId,
    ) -> Result<(LogRef, u64), LedgerError> {
        let place = Key::EntryBody { owner, entry };
        let mut draft = self.draft(controller);
        draft.load([place.clone()]).await?;
        let row: &EntryBodyRow = draft.row(&place)?.ok_or(LedgerError::NoSuchEntry)?;
        Ok((row.log, row.index))
    }

    /// Opens an entry's body, and checks that it is what the entry commits to.
    async fn disclose(
        &self,
        controller: ControllerId,
        log: LogRef,
        index: u64,
    ) -> Result<Disclosure, LedgerError> {
        for _ in 0..MAX_ATTEMPTS {
            let keys = self.encryption.tenant(controller).await?;
            let mut draft = self.draft(controller);
            let place = Key::LogLeaf { log, index };
            draft.load([place.clone()]).await?;
            let leaf: LogLeafRow = draft.row(&place)?.cloned().ok_or(LedgerError::NoSuchEntry)?;
            let key = Key::EntryBody { owner: leaf.owner, entry: leaf.entry };
            draft.load([key.clone()]).await?;
            let row: EntryBodyRow = draft.row(&key)?.cloned().ok_or(LedgerError::Contradiction)?;
            let sealed = match &row.body {
                EntryBody::Kept(sealed) => sealed,
                EntryBody::Erased { certificate } => {
                    return Err(LedgerError::Erased { certificate: *certificate });
                }
            };
            let body = SealedBody { controller, key: &key, category: &row.category, sealed };
            let data_key = body.data_key();
            draft.load([data_key.clone()]).await?;
            let commitment = EntryCommitment::from(leaf.commitment);
            match body.disclose(&keys, draft.row::<DataKeyRow>(&data_key)?, &commitment) {
                Err(EncryptionError::KeysChanged) => {}
                outcome => return Ok(outcome?),
            }
        }
        Err(LedgerError::Conflict)
    }
}
