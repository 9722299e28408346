//! What is stated about a person's age: a code and a time, never a date of birth.

use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::DataCategory;
use wzapi_storage::key::Owner;
use wzapi_storage::row::{AgeBand, AgeMark, Mark};

use crate::entry_words::age_text;
use crate::error::ConsentError;
use crate::person::{self, KnownAs};
use crate::recording::{ConsentLedger, Evidence, Recording, until_through};

impl ConsentLedger {
    /// Records what is known about a person's age. The latest statement holds; of two at the same moment, that it is a
    /// child. What a child agreed to before stays on record, and the gate asks for the guardian from now on.
    ///
    /// # Errors
    /// [`ConsentError::InvalidAct`] when nobody is named or the evidence is too long; [`ConsentError::Busy`] when
    /// others kept changing the same person; otherwise the failure of a part.
    pub async fn state_age(
        &self,
        controller: ControllerId,
        known_as: &[KnownAs],
        band: AgeBand,
        evidence: &Evidence,
    ) -> Result<EntryId, ConsentError> {
        until_through!(self, controller, |recording| recording.state_age(known_as, band, evidence))
    }
}

impl Recording<'_> {
    /// Stages what is known about a person's age.
    ///
    /// # Errors
    /// As [`ConsentLedger::state_age`]; the recording must be dropped then.
    pub async fn state_age(
        &mut self,
        known_as: &[KnownAs],
        band: AgeBand,
        evidence: &Evidence,
    ) -> Result<EntryId, ConsentError> {
        if known_as.is_empty() {
            return Err(ConsentError::InvalidAct("it names nobody"));
        }
        evidence.validate()?;
        let subject = self.subject_of(known_as, None, false).await?;
        let text = |text: &Option<wzapi_model::personal::Personal<String>>| {
            text.as_ref().map(|text| text.expose().clone())
        };
        let event = self
            .event("subject.age_stated")
            .with("subject", subject.to_string())
            .with("age", age_text(band))
            .with_some("evidence", text(&evidence.words))
            .with_some("reference", text(&evidence.reference));
        let entry = self.entry(Owner::Subject(subject), &DataCategory::consent_evidence(), &event).await?;
        let stated = AgeMark { mark: Mark { at: self.now(), entry }, band };
        for (key, mut row) in person::gate_rows(&mut self.draft, subject).await? {
            if row.left_at.is_none() {
                row.age = later_age(row.age, Some(stated));
                self.draft.put(key, row, None)?;
            }
        }
        self.touch(subject).await?;
        Ok(entry)
    }
}

/// Which of two statements holds: the later one, and of two at the same moment the one that it is a child. The order in
/// which they arrive does not matter.
#[must_use]
pub fn later_age(one: Option<AgeMark>, other: Option<AgeMark>) -> Option<AgeMark> {
    let rank = |age: &AgeMark| -> (Timestamp, bool, EntryId) {
        (age.mark.at, age.band == AgeBand::Child, age.mark.entry)
    };
    one.into_iter().chain(other).max_by_key(rank)
}
