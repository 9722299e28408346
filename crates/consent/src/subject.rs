//! Who an identifier belongs to, for engines that file something about a person.

use std::sync::Arc;

use wzapi_encryption::TenantKeys;
use wzapi_ledger::PreparedEntry;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, SubjectId};
use wzapi_storage::Draft;

use crate::error::ConsentError;
use crate::person::{self, KnownAs, Moment};
use crate::recording::{ConsentLedger, Recording};

impl ConsentLedger {
    /// The person who goes by these identifiers; `None` when nothing is known about them. It changes nothing: of two
    /// people who turn out to be one by this question, either may be answered until somebody records it.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn subject(
        &self,
        controller: ControllerId,
        known_as: &[KnownAs],
    ) -> Result<Option<SubjectId>, ConsentError> {
        let mut recording = self.begin(controller).await?;
        let (keys, now) = (Arc::clone(&recording.keys), recording.now());
        person::find(recording.draft(), &keys, known_as, None, now).await
    }
}

impl<'a> Recording<'a> {
    /// The person who goes by these identifiers, or went by them at that moment; made known when they are not.
    ///
    /// # Errors
    /// [`ConsentError::InvalidAct`] when nothing names anybody; the failure of a part.
    pub async fn subject(
        &mut self,
        known_as: &[KnownAs],
        at: Option<Timestamp>,
    ) -> Result<SubjectId, ConsentError> {
        if known_as.is_empty() {
            return Err(ConsentError::InvalidAct("it names nobody"));
        }
        let when = Moment { acted_at: at, now: self.now() };
        let (keys, entropy) = (Arc::clone(&self.keys), Arc::clone(&self.parts.entropy));
        person::find_or_create(self.draft(), &keys, entropy.as_ref(), known_as, when, false).await
    }

    /// The rows and the controller's keys, for an engine that stages something of its own in this changeset.
    pub const fn draft_and_keys(&mut self) -> (&mut Draft<'a>, &Arc<TenantKeys>) {
        (&mut self.draft, &self.keys)
    }

    /// Adds an entry that another engine prepared with [`Recording::draft_and_keys`].
    pub fn add_entry(&mut self, entry: PreparedEntry) {
        self.entries.push(entry);
    }
}
