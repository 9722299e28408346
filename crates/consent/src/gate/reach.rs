//! What a delivery tells about a person besides consent: whether messages arrive, and by what way the person came.

use wzapi_model::Timestamp;
use wzapi_model::ids::{SenderId, SubjectId};
use wzapi_storage::row::{IdentifierRow, Reach};

use crate::error::ConsentError;
use crate::person::{self, KnownAs};
use crate::recording::Recording;

impl Recording<'_> {
    /// The person who goes by these identifiers, or went by them at that moment. Nobody is made known by it.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn known_subject(
        &mut self,
        known_as: &[KnownAs],
        at: Option<Timestamp>,
    ) -> Result<Option<SubjectId>, ConsentError> {
        let now = self.now();
        let found = person::find(&mut self.draft, &self.keys, known_as, at, now).await?;
        match found {
            Some(subject) => Ok(Some(person::surviving(&mut self.draft, subject).await?)),
            None => Ok(None),
        }
    }

    /// Stages how a message to a person fared, or that the person was heard of. The latest time of each sort stays; one
    /// that lies ahead counts as now.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn note_reach(&mut self, subject: SubjectId, reach: Reach) -> Result<(), ConsentError> {
        let now = self.now();
        let by_now = |at: Option<Timestamp>| at.map(|at| at.min(now));
        self.change_living_rows(subject, |row| {
            row.reach = Reach {
                held_back_at: row.reach.held_back_at.max(by_now(reach.held_back_at)),
                undeliverable_at: row.reach.undeliverable_at.max(by_now(reach.undeliverable_at)),
                reached_at: row.reach.reached_at.max(by_now(reach.reached_at)),
            };
        })
        .await
    }

    /// Stages that a message which opened the window of a sender came through a free entry point, such as an advertisement.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn free_entry(
        &mut self,
        subject: SubjectId,
        sender: SenderId,
        at: Timestamp,
    ) -> Result<(), ConsentError> {
        let at = at.min(self.now());
        self.change_living_rows(subject, |row| {
            if let Some(window) = row.windows.iter_mut().find(|window| window.sender == sender) {
                window.last_free_entry = window.last_free_entry.max(Some(at));
            }
        })
        .await
    }

    async fn change_living_rows(
        &mut self,
        subject: SubjectId,
        change: impl Fn(&mut IdentifierRow),
    ) -> Result<(), ConsentError> {
        let subject = person::surviving(&mut self.draft, subject).await?;
        if person::subject_row(&mut self.draft, subject).await?.erased.is_some() {
            return Ok(());
        }
        for (key, row) in person::gate_rows(&mut self.draft, subject).await? {
            let mut changed = row.clone();
            change(&mut changed);
            if row.left_at.is_none() && changed != row {
                self.draft.put(key, changed, None)?;
            }
        }
        Ok(())
    }
}
