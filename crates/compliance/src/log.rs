//! The accountability log of one controller: checkpoints, proofs, exports, verification.
//!
//! What leaves here is in open formats (C2SP `tlog-checkpoint`, `tlog-proof`, `tlog-tiles`) and is checked without these
//! libraries, by `wzapi-verify` or by anybody else's verifier.

use std::fmt;
use std::sync::Arc;

use wzapi_access::Permission;
use wzapi_ledger::notary::{ExportProgress, ExportSink, KeyRotation, SignedCheckpoint};
use wzapi_ledger::proof::checkpoint::OpenedCheckpoint;
use wzapi_ledger::proof::tlog_proof::TlogProof;
use wzapi_ledger::sequencer::FIRST_SHARD;
use wzapi_ledger::verify::VerifyProgress;
use wzapi_ledger::{Verification, Verifier};
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_storage::key::{LogRef, Owner};

use crate::error::Error;
use crate::services::Services;

/// The accountability log of one controller, or of the system controller. Every operation needs
/// [`Permission::VerifyLedger`], unless it says otherwise.
#[derive(Clone, Copy)]
pub struct AccountabilityLog<'a> {
    services: &'a Arc<Services>,
    controller: ControllerId,
    shard: u16,
}

/// What verification found in the logs of one controller: one per shard, and those that were closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct VerifiedLogs {
    /// Each log by itself.
    pub logs: Vec<Verification>,
}

impl VerifiedLogs {
    /// Whether no fault was found in any of them.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.logs.is_empty() && self.logs.iter().all(Verification::is_sound)
    }

    /// How many entries they have together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.logs.iter().map(|log| log.size).sum()
    }
}

impl<'a> AccountabilityLog<'a> {
    pub(crate) const fn new(services: &'a Arc<Services>, controller: ControllerId) -> Self {
        Self { services, controller, shard: FIRST_SHARD }
    }

    /// The same log, by one of its shards. Verification always covers all of them.
    #[must_use]
    pub const fn shard(self, shard: u16) -> Self {
        Self { shard, ..self }
    }

    /// Recomputes every log of the controller from what is stored: its size, its root, and the first fault if there is
    /// one.
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part. A fault is an answer, not an error.
    pub async fn verify(&self, actor: &Actor) -> Result<VerifiedLogs, Error> {
        self.verify_against(actor, Vec::new(), &mut |_| {}).await
    }

    /// As [`AccountabilityLog::verify`], and compares with checkpoints that were kept elsewhere.
    ///
    /// # Errors
    /// As [`AccountabilityLog::verify`]; [`Error::Ledger`] when a checkpoint is of no log of this controller.
    pub async fn verify_against(
        &self,
        actor: &Actor,
        older: Vec<OpenedCheckpoint>,
        on_progress: &mut (dyn FnMut(VerifyProgress) + Send),
    ) -> Result<VerifiedLogs, Error> {
        let services = self.allowed(actor).await?;
        // A controller that was never registered has no keys, and that is the error to tell.
        services.encryption.tenant(self.controller).await?;
        let verifier = Verifier::new(services.storage.as_ref(), &services.encryption, self.controller);
        let verifier = older.into_iter().fold(verifier, Verifier::against);
        Ok(VerifiedLogs { logs: verifier.run(on_progress).await? })
    }

    /// A signed checkpoint over everything that was recorded when this was called. Ask for one on an interval, and hand
    /// it to whoever is to hold the log to it.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Ledger`], after which nothing was signed.
    pub async fn checkpoint(&self, actor: &Actor) -> Result<SignedCheckpoint, Error> {
        Ok(self.allowed(actor).await?.notary.checkpoint(self.controller, self.shard).await?)
    }

    /// A proof of one entry that needs nothing of ours to be checked: its event, its path to the root, and a signed
    /// checkpoint. It discloses the event, and cannot be called back.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Ledger`] when there is no such entry, or its body was erased.
    pub async fn prove(&self, actor: &Actor, index: u64) -> Result<TlogProof, Error> {
        Ok(self.allowed(actor).await?.notary.prove(self.controller, self.shard, index).await?)
    }

    /// Where an entry is.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Ledger`] when there is no such entry about `owner`.
    pub async fn locate(&self, actor: &Actor, owner: Owner, entry: EntryId) -> Result<(LogRef, u64), Error> {
        Ok(self.allowed(actor).await?.notary.locate(self.controller, owner, entry).await?)
    }

    /// Writes the log as static files, the checkpoint last.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Ledger`].
    pub async fn export(
        &self,
        actor: &Actor,
        sink: &mut dyn ExportSink,
        on_progress: &mut (dyn FnMut(ExportProgress) + Send),
    ) -> Result<SignedCheckpoint, Error> {
        let services = self.allowed(actor).await?;
        Ok(services.notary.export(self.controller, self.shard, sink, on_progress).await?)
    }

    /// Gives the log a new signing key; both sign for a while. Needs [`Permission::ManageKeys`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Ledger`].
    pub async fn rotate_key(&self, actor: &Actor) -> Result<KeyRotation, Error> {
        self.services.require(actor, Permission::ManageKeys, self.controller).await?;
        Ok(self.services.notary.rotate_key(actor, self.controller, self.shard).await?)
    }

    /// Gives the log more shards, for a very large controller. Needs [`Permission::ManageKeys`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Ledger`].
    pub async fn add_shards(&self, actor: &Actor, shards: u16) -> Result<(), Error> {
        self.services.require(actor, Permission::ManageKeys, self.controller).await?;
        let keys = self.services.encryption.tenant(self.controller).await?;
        Ok(self.services.ledger.add_shards(self.controller, &keys, shards).await?)
    }

    async fn allowed(&self, actor: &Actor) -> Result<&'a Services, Error> {
        self.services.require(actor, Permission::VerifyLedger, self.controller).await?;
        Ok(self.services)
    }
}

impl fmt::Debug for AccountabilityLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountabilityLog").field("controller", &self.controller).finish_non_exhaustive()
    }
}
