//! The records of one controller: personal data, stored under the policy and read for a purpose.
//!
//! Everything goes through the policy that the [`Builder`](crate::Builder) was given; without one there is no vault, and
//! every operation is refused with [`Error::NoPolicy`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use wzapi_access::Permission;
use wzapi_consent::ConsentError;
use wzapi_consent::person::KnownAs;
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ControllerId, SubjectId};
use wzapi_model::name::PurposeId;
use wzapi_policy::file::DataSource;
use wzapi_vault::decision::disposition::DisposalReason;
use wzapi_vault::decision::retention::RetentionEvent;
use wzapi_vault::record::{EarlierValue, OpenRecord};
use wzapi_vault::vault::{Changed, Corrected, Disposed, InfoPage, RecordStream, Selection};
use wzapi_vault::{NewRecord, RecordRef, RecordValue, Vault, VaultError};

use crate::error::Error;
use crate::services::{MAX_ATTEMPTS, Services};

/// The records of one controller.
#[derive(Clone, Copy)]
pub struct Records<'a> {
    services: &'a Arc<Services>,
    controller: ControllerId,
}

impl<'a> Records<'a> {
    pub(crate) const fn new(services: &'a Arc<Services>, controller: ControllerId) -> Self {
        Self { services, controller }
    }

    /// Stores a record about the person who goes by `identifier`, who becomes known by it when nothing else is known.
    /// Durable when it returns. Each call stores another record. Needs [`Permission::StoreRecord`].
    ///
    /// # Errors
    /// [`Error::Vault`] when the policy does not let it be stored; [`Error::NoPolicy`]; [`Error::Refused`]; the failure
    /// of a part.
    pub async fn store(
        &self,
        actor: &Actor,
        identifier: &Identifier,
        new: &NewRecord,
    ) -> Result<RecordRef, Error> {
        let vault = self.allowed(actor, Permission::StoreRecord).await?;
        let known_as = [KnownAs::canonical(identifier.clone())];
        for _ in 0..MAX_ATTEMPTS {
            match self.try_store(vault, actor, &known_as, new).await {
                Err(Error::Vault(VaultError::Busy) | Error::Consent(ConsentError::Busy)) => {}
                outcome => return outcome,
            }
        }
        Err(VaultError::Busy.into())
    }

    /// The person and the record in one changeset: what is refused makes nobody known.
    async fn try_store(
        &self,
        vault: &Vault,
        actor: &Actor,
        known_as: &[KnownAs],
        new: &NewRecord,
    ) -> Result<RecordRef, Error> {
        let mut recording = self.services.consent.begin(self.controller).await?;
        let subject = recording.subject(known_as, None).await?;
        let now = recording.now();
        let (draft, keys) = recording.draft_and_keys();
        let keys = Arc::clone(keys);
        let (record, entry) = vault.stage_store(draft, &keys, subject, new, actor, now).await?;
        recording.add_entry(entry);
        match recording.commit().await {
            Ok(_) => Ok(record),
            Err(ConsentError::UnknownOutcome) => {
                Err(VaultError::UnknownOutcome { record: Some(Box::new(record)) }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a record for a purpose. What is refused is recorded. Needs [`Permission::ReadRecord`].
    ///
    /// # Errors
    /// [`Error::Vault`] when it may not be read for that purpose, or is gone; [`Error::NoPolicy`]; [`Error::Refused`];
    /// the failure of a part.
    pub async fn read(
        &self,
        actor: &Actor,
        record: &RecordRef,
        purpose: &PurposeId,
    ) -> Result<OpenRecord, Error> {
        let vault = self.allowed(actor, Permission::ReadRecord).await?;
        Ok(vault.read(self.controller, record, purpose, actor).await?)
    }

    /// The values that a record had before, where the policy keeps them. Needs [`Permission::ReadRecord`].
    ///
    /// # Errors
    /// As [`Records::read`].
    pub async fn history(
        &self,
        actor: &Actor,
        record: &RecordRef,
        purpose: &PurposeId,
    ) -> Result<Vec<EarlierValue>, Error> {
        let vault = self.allowed(actor, Permission::ReadRecord).await?;
        Ok(vault.history(self.controller, record, purpose, actor).await?)
    }

    /// Gives a record a new value (policy clause 7.b). Needs [`Permission::StoreRecord`].
    ///
    /// # Errors
    /// As [`Records::store`].
    pub async fn update(
        &self,
        actor: &Actor,
        record: &RecordRef,
        value: &RecordValue,
        source: DataSource,
    ) -> Result<Corrected, Error> {
        let vault = self.allowed(actor, Permission::StoreRecord).await?;
        Ok(vault.update(self.controller, record, value, source, actor).await?)
    }

    /// Notes that something happened on which the retention of a record depends. Needs [`Permission::StoreRecord`].
    ///
    /// # Errors
    /// [`Error::Vault`]; [`Error::NoPolicy`]; [`Error::Refused`]; the failure of a part.
    pub async fn set_event(
        &self,
        actor: &Actor,
        record: &RecordRef,
        event: RetentionEvent,
        at: Timestamp,
    ) -> Result<Changed, Error> {
        let vault = self.allowed(actor, Permission::StoreRecord).await?;
        Ok(vault.set_event(self.controller, record, event, at, actor).await?)
    }

    /// Restricts a record to these of its purposes, which may be none. Needs [`Permission::RestrictRecord`].
    ///
    /// # Errors
    /// [`Error::Vault`]; [`Error::NoPolicy`]; [`Error::Refused`]; the failure of a part.
    pub async fn restrict(
        &self,
        actor: &Actor,
        record: &RecordRef,
        readable_for: &BTreeSet<PurposeId>,
    ) -> Result<Changed, Error> {
        let vault = self.allowed(actor, Permission::RestrictRecord).await?;
        Ok(vault.restrict(self.controller, record, readable_for, actor).await?)
    }

    /// Lifts the restriction of a record. Needs [`Permission::RestrictRecord`].
    ///
    /// # Errors
    /// [`Error::Vault`]; [`Error::NoPolicy`]; [`Error::Refused`]; the failure of a part.
    pub async fn lift(&self, actor: &Actor, record: &RecordRef) -> Result<Changed, Error> {
        let vault = self.allowed(actor, Permission::RestrictRecord).await?;
        Ok(vault.lift(self.controller, record, actor).await?)
    }

    /// Disposes of a record, and destroys its key when nothing else needs it. Needs [`Permission::DisposeRecord`].
    ///
    /// # Errors
    /// [`Error::Vault`] when a ground still keeps it; [`Error::NoPolicy`]; [`Error::Refused`]; the failure of a part.
    pub async fn dispose(
        &self,
        actor: &Actor,
        record: &RecordRef,
        reason: DisposalReason,
    ) -> Result<Disposed, Error> {
        let vault = self.allowed(actor, Permission::DisposeRecord).await?;
        Ok(vault.dispose(self.controller, record, reason, actor).await?)
    }

    /// The person who goes by an identifier, for [`Selection`]; `None` when nothing is known about it. Needs
    /// [`Permission::ReadRecord`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn person(&self, actor: &Actor, identifier: &Identifier) -> Result<Option<SubjectId>, Error> {
        self.services.require(actor, Permission::ReadRecord, self.controller).await?;
        let known_as = [KnownAs::canonical(identifier.clone())];
        Ok(self.services.consent.subject(self.controller, &known_as).await?)
    }

    /// A page of what is known of records; no value is opened. Needs [`Permission::ReadRecord`].
    ///
    /// # Errors
    /// [`Error::Vault`]; [`Error::NoPolicy`]; [`Error::Refused`]; the failure of a part.
    pub async fn list(
        &self,
        actor: &Actor,
        selection: &Selection,
        after: Option<&RecordRef>,
        limit: usize,
    ) -> Result<InfoPage, Error> {
        let vault = self.allowed(actor, Permission::ReadRecord).await?;
        Ok(vault.list(self.controller, selection, after, limit).await?)
    }

    /// Opens all records of a selection for a purpose, page by page. Needs [`Permission::ReadRecord`].
    ///
    /// # Errors
    /// [`Error::NoPolicy`]; [`Error::Refused`]; the failure of a part.
    pub async fn stream(
        &self,
        actor: &Actor,
        selection: Selection,
        purpose: PurposeId,
    ) -> Result<RecordStream, Error> {
        let vault = self.allowed(actor, Permission::ReadRecord).await?;
        Ok(vault.stream(self.controller, selection, purpose, actor))
    }

    async fn allowed(&self, actor: &Actor, permission: Permission) -> Result<&'a Vault, Error> {
        self.services.require(actor, permission, self.controller).await?;
        self.services.vault.as_ref().ok_or(Error::NoPolicy)
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("controller", &self.controller).finish_non_exhaustive()
    }
}
