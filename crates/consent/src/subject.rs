//! Who an identifier belongs to, for engines that file something about a person, and what a host says about it.

use std::sync::Arc;

use wzapi_encryption::TenantKeys;
use wzapi_ledger::PreparedEntry;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::Owner;

use crate::error::ConsentError;
use crate::person::{self, IdentityChange, KnownAs, Moment, Recycled};
use crate::recording::{ConsentLedger, Recording, until_through};

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

    /// Records that whoever went by an identifier no longer does since a moment, because it was given to somebody else:
    /// every consent under it ends, denials stay. What the person agreed to under their other identifiers stays theirs,
    /// except what is dated later than that moment. Whether anybody went by it.
    ///
    /// A later statement of Meta that the number goes with the same user id as before says otherwise, and counts.
    ///
    /// # Errors
    /// [`ConsentError::Busy`] when others kept changing the same person; the failure of a part.
    pub async fn recycle(
        &self,
        controller: ControllerId,
        known: &KnownAs,
        at: Timestamp,
    ) -> Result<bool, ConsentError> {
        until_through!(self, controller, |recording| recording.recycle(known, at))
    }

    /// Records that two people may be one, by somebody's word: from now on, and for what is on record, what one denies
    /// both deny, and everybody else who is linked with either. Grants are not shared. Whether that is news.
    ///
    /// # Errors
    /// [`ConsentError::TooManyLinks`] and [`ConsentError::TooManyIdentifiers`] when too much would hang together;
    /// [`ConsentError::Busy`] when others kept changing one of them; the failure of a part.
    pub async fn link(
        &self,
        controller: ControllerId,
        one: &KnownAs,
        other: &KnownAs,
    ) -> Result<bool, ConsentError> {
        until_through!(self, controller, |recording| recording.link(one, other))
    }

    /// Ends a link. Denials that went over it stay: nobody can say any more whose they were. Whether there was one.
    ///
    /// # Errors
    /// [`ConsentError::Busy`] when others kept changing one of them; the failure of a part.
    pub async fn unlink(
        &self,
        controller: ControllerId,
        one: &KnownAs,
        other: &KnownAs,
    ) -> Result<bool, ConsentError> {
        until_through!(self, controller, |recording| recording.unlink(one, other))
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
        self.subject_of(known_as, at, false).await
    }

    /// As [`Recording::subject`]; a denial `links_all`.
    pub(crate) async fn subject_of(
        &mut self,
        known_as: &[KnownAs],
        acted_at: Option<Timestamp>,
        links_all: bool,
    ) -> Result<SubjectId, ConsentError> {
        let entropy = self.parts.entropy.as_ref();
        let when = Moment { acted_at, now: self.now() };
        let identified =
            person::identify(&mut self.draft, &self.keys, entropy, known_as, when, links_all).await?;
        self.account_for_recycled(identified.recycled).await?;
        Ok(identified.subject)
    }

    /// Stages that a person goes by other identifiers now.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn change_identity(&mut self, change: &IdentityChange) -> Result<(), ConsentError> {
        let (parts, now) = (self.parts, self.now());
        let change = IdentityChange { at: change.at.min(now), ..change.clone() };
        let entropy = parts.entropy.as_ref();
        let moved = person::change_identity(&mut self.draft, &self.keys, entropy, &change, now).await?;
        let Some(moved) = moved else { return Ok(()) };
        self.account_for_recycled(moved.recycled).await?;
        let event = self
            .event("subject.identity_changed")
            .with("subject", moved.subject.to_string())
            .with("since", change.at.as_millis());
        let owner = Owner::Subject(moved.subject);
        self.entry(owner, &DataCategory::consent_evidence(), &event).await.map(drop)
    }

    /// Stages that an identifier was given to somebody else; see [`ConsentLedger::recycle`].
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn recycle(&mut self, known: &KnownAs, at: Timestamp) -> Result<bool, ConsentError> {
        let now = self.now();
        let recycled = person::recycle(&mut self.draft, &self.keys, known, at.min(now), now).await?;
        self.account_for_recycled(recycled).await?;
        Ok(recycled.is_some())
    }

    pub(crate) async fn link(&mut self, one: &KnownAs, other: &KnownAs) -> Result<bool, ConsentError> {
        let (one, other) = (self.named(one).await?, self.named(other).await?);
        let now = self.now();
        let is_new = person::link(&mut self.draft, one, other, now).await?;
        if is_new {
            self.account_for_link("subject.linked", one, other).await?;
        }
        Ok(is_new)
    }

    async fn unlink(&mut self, one: &KnownAs, other: &KnownAs) -> Result<bool, ConsentError> {
        let (one, other) = (self.named(one).await?, self.named(other).await?);
        let now = self.now();
        let was_linked = person::unlink(&mut self.draft, one, other, now).await?;
        if was_linked {
            self.account_for_link("subject.unlinked", one, other).await?;
        }
        Ok(was_linked)
    }

    async fn named(&mut self, known: &KnownAs) -> Result<SubjectId, ConsentError> {
        self.subject_of(std::slice::from_ref(known), None, false).await
    }

    async fn account_for_link(
        &mut self,
        event_type: &'static str,
        one: SubjectId,
        other: SubjectId,
    ) -> Result<(), ConsentError> {
        for (subject, other) in [(one, other), (other, one)] {
            let event =
                self.event(event_type).with("subject", subject.to_string()).with("other", other.to_string());
            self.entry(Owner::Subject(subject), &DataCategory::consent_evidence(), &event).await?;
        }
        Ok(())
    }

    async fn account_for_recycled(
        &mut self,
        recycled: impl IntoIterator<Item = Recycled>,
    ) -> Result<(), ConsentError> {
        for Recycled { subject, since } in recycled {
            let event = self
                .event("subject.identifier_recycled")
                .with("subject", subject.to_string())
                .with("since", since.as_millis());
            self.entry(Owner::Subject(subject), &DataCategory::consent_evidence(), &event).await?;
        }
        Ok(())
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
