//! Binding: which message a redeemed permit became.

use wzapi_ledger::Event;
use wzapi_model::Timestamp;
use wzapi_model::ids::{EntryId, PermitId, SenderId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_policy::file::FrequencyLimit;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{PermitRow, SentMark};

use super::frequency::note_sent;
use super::{Gate, RedeemedPermit};
use crate::error::ConsentError;
use crate::person;
use crate::recording::{ConsentLedger, Recording};

/// The longest message id that a provider may give, in bytes.
pub(super) const MAX_MESSAGE_ID: usize = 1024;

/// A message that left under a permit, as far as its record needs.
pub(super) struct Departure<'d> {
    pub(super) permit: PermitId,
    pub(super) subject: SubjectId,
    pub(super) sender: SenderId,
    pub(super) category: MessageCategory,
    pub(super) purpose: &'d PurposeId,
    pub(super) redeemed_at: Timestamp,
    pub(super) evidence: Vec<EntryId>,
    /// The codes of the decision's reasons; not known of a message that is bound by what a status brought back.
    pub(super) reasons: Option<Vec<&'static str>>,
}

impl Gate {
    /// Records that the provider took the message under this id, with what the permit rested on. A message whose status
    /// came first is bound already: nothing changes then.
    ///
    /// # Errors
    /// [`ConsentError::InvalidAct`] when the id is empty or longer than 1,024 bytes; the failure of a part.
    pub async fn bind(&self, permit: &RedeemedPermit, message_id: &str) -> Result<EntryId, ConsentError> {
        if message_id.is_empty() || message_id.len() > MAX_MESSAGE_ID {
            return Err(ConsentError::InvalidAct("a message id has 1 to 1,024 bytes"));
        }
        let consent = ConsentLedger::new(self.parts.clone());
        for _ in 0..ConsentLedger::MAX_ATTEMPTS {
            match self.bind_once(&consent, permit, message_id).await {
                Err(ConsentError::Busy) => {}
                outcome => return outcome,
            }
        }
        Err(ConsentError::Busy)
    }

    async fn bind_once(
        &self,
        consent: &ConsentLedger,
        permit: &RedeemedPermit,
        message_id: &str,
    ) -> Result<EntryId, ConsentError> {
        let reasons = &permit.decision.reasons;
        let departure = Departure {
            permit: permit.id,
            subject: permit.subject,
            sender: permit.message.sender,
            category: permit.message.category,
            purpose: &permit.message.purpose,
            redeemed_at: permit.decision.decided_at,
            evidence: reasons.iter().filter_map(|reason| reason.evidence).collect(),
            reasons: Some(reasons.iter().map(|reason| reason.code.as_str()).collect()),
        };
        let mut recording = consent.begin(permit.controller).await?;
        if let Some(bound) = recording.bound(permit.subject, permit.id).await? {
            return Ok(bound.entry);
        }
        let limits = &self.rules.sending().frequency;
        let entry = recording.bind_message(&departure, message_id, limits).await?;
        recording.commit().await?;
        Ok(entry)
    }
}

impl Recording<'_> {
    /// The row of a permit to which a message was bound.
    pub(super) async fn bound(
        &mut self,
        subject: SubjectId,
        permit: PermitId,
    ) -> Result<Option<PermitRow>, ConsentError> {
        let place = Key::Permit { subject, permit };
        self.draft.load([place.clone()]).await?;
        Ok(self.draft.row::<PermitRow>(&place)?.cloned())
    }

    /// Stages the row and the entry of a message, and counts it where a limit of frequency does.
    pub(super) async fn bind_message(
        &mut self,
        departure: &Departure<'_>,
        message_id: &str,
        limits: &[FrequencyLimit],
    ) -> Result<EntryId, ConsentError> {
        let place = Key::Permit { subject: departure.subject, permit: departure.permit };
        let owner = Owner::Subject(departure.subject);
        let category = DataCategory::consent_evidence();
        self.draft.load([place.clone()]).await?;
        let evidence: Vec<String> = departure.evidence.iter().map(ToString::to_string).collect();
        let is_healed = departure.reasons.is_none();
        let event = Event::new("message.sent", self.draft.controller(), self.now())
            .with("subject", departure.subject.to_string())
            .with("permit", departure.permit.to_string())
            .with("sender", departure.sender.to_string())
            .with("category", departure.category.as_str())
            .with("purpose", departure.purpose.as_str())
            .with("message_id", message_id)
            .with("redeemed_at", departure.redeemed_at.as_millis())
            .with_some("reasons", departure.reasons.clone())
            .with_some("healed", is_healed.then_some(true))
            .with("evidence", evidence);
        let entry = self.entry(owner, &category, &event).await?;
        let row = PermitRow {
            sender: departure.sender,
            purpose: departure.purpose.clone(),
            category: departure.category,
            redeemed_at: departure.redeemed_at,
            entry,
            message_id: self.seal(owner, &category, &place, "message_id", message_id.as_bytes()).await?,
            steps: Vec::new(),
        };
        self.draft.put(place, row, None)?;
        let sent = SentMark { at: departure.redeemed_at, category: departure.category };
        self.count_sent(departure.subject, sent, limits).await?;
        Ok(entry)
    }

    /// Counts a message in every row of the person. The subject row is rewritten with them, so that an identifier which
    /// becomes the person's meanwhile is not left behind.
    async fn count_sent(
        &mut self,
        subject: SubjectId,
        sent: SentMark,
        limits: &[FrequencyLimit],
    ) -> Result<(), ConsentError> {
        if !limits.iter().any(|limit| limit.category == sent.category) {
            return Ok(());
        }
        let subject = person::surviving(&mut self.draft, subject).await?;
        for (key, mut row) in person::gate_rows(&mut self.draft, subject).await? {
            if row.left_at.is_none() {
                note_sent(&mut row, limits, sent);
                self.draft.put(key, row, None)?;
            }
        }
        self.touch(subject).await
    }
}
