//! The send gate.
//!
//! A check reads the gate rows of one recipient in a single `get` and decides by a pure function; nothing is
//! written and nothing is cached. What it returns on success is a [`SendPermit`], and the next step demands one:
//!
//! ```text
//! check ── Allowed(SendPermit) ── redeem ── RedeemedPermit ── transmit ── bind(message id)
//!      └── Refused(Decision)          └── Refused(Decision)
//! ```
//!
//! Redeeming reads the rows again: no redemption that begins after a covering withdrawal was acknowledged
//! succeeds. Trouble of the store or of the keys is an error, never a permit.

pub mod decision;
pub mod permit;
pub mod rules;

use std::collections::BTreeMap;

use wzapi_encryption::TenantKeys;
use wzapi_ledger::Event;
use wzapi_model::identifier::{Identifier, Relation};
use wzapi_model::ids::{ControllerId, EntryId, PermitId, SenderId};
use wzapi_model::name::DataCategory;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{IdentifierRow, PermitRow, RowType};
use wzapi_storage::{Storage, StorageError};

pub use decision::{Decision, GateRows, Message, Reason, ReasonCode, decide};
pub use permit::{RedeemedPermit, SendPermit};
pub use rules::{GateRules, PurposeRule};

use crate::error::ConsentError;
use crate::recording::{ConsentLedger, Parts};

/// The most recipients whose rows a preflight reads at a time.
const PREFLIGHT_BATCH: usize = 256;
/// The longest message id that a provider may give, in bytes.
const MAX_MESSAGE_ID: usize = 1024;

/// A message to a recipient.
#[derive(Debug, Clone)]
pub struct SendRequest {
    /// The recipient.
    pub recipient: Identifier,
    /// The message.
    pub message: Message,
}

/// The outcome of a check.
#[derive(Debug)]
#[must_use]
pub enum Checked {
    /// The message may be attempted.
    Allowed(SendPermit),
    /// It may not, and why.
    Refused(Decision),
}

/// The outcome of a redemption.
#[derive(Debug)]
#[must_use]
pub enum Redeemed {
    /// Transmit now.
    Allowed(RedeemedPermit),
    /// Do not: something changed since the check.
    Refused(Decision),
    /// The permit was older than [`permit::PERMIT_LIFE`]. Check again.
    Expired,
}

/// What a campaign would meet, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preflight {
    /// Recipients looked at.
    pub recipients: u64,
    /// Recipients to whom the message might be sent now.
    pub allowed: u64,
    /// Recipients to whom it might not.
    pub refused: u64,
    /// How often each reason was met; a refusal can have several.
    pub reasons: BTreeMap<ReasonCode, u64>,
}

/// Decides who may be messaged. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    parts: Parts,
    rules: GateRules,
}

impl Gate {
    /// A gate over these parts, under these rules.
    #[must_use]
    pub const fn new(parts: Parts, rules: GateRules) -> Self {
        Self { parts, rules }
    }

    /// Whether the message may be sent. One `get`, no scan, nothing written.
    ///
    /// # Errors
    /// The failure of a part. Nothing may be sent then.
    pub async fn check(
        &self,
        controller: ControllerId,
        request: &SendRequest,
    ) -> Result<Checked, ConsentError> {
        let decision = self.decide_now(controller, &request.recipient, &request.message).await?;
        if !decision.is_allowed {
            return Ok(Checked::Refused(decision));
        }
        Ok(Checked::Allowed(SendPermit {
            id: PermitId::generate(self.parts.entropy.as_ref())?,
            controller,
            recipient: request.recipient.clone(),
            message: request.message.clone(),
            decision,
        }))
    }

    /// Counts how the recipients of a campaign would fare. It reads them in batches, holds one batch at a time,
    /// writes nothing and gives no permits.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn preflight(
        &self,
        controller: ControllerId,
        message: &Message,
        recipients: impl IntoIterator<Item = Identifier, IntoIter: Send>,
    ) -> Result<Preflight, ConsentError> {
        let keys = self.parts.encryption.tenant(controller).await?;
        let mut report = Preflight::default();
        let mut recipients = recipients.into_iter();
        loop {
            let batch: Vec<Identifier> = recipients.by_ref().take(PREFLIGHT_BATCH).collect();
            if batch.is_empty() {
                return Ok(report);
            }
            let storage = self.parts.storage.as_ref();
            let rows = read_many(storage, &keys, &batch, Some(message.sender)).await?;
            for rows in rows {
                let decision = decide(&self.rules, message, &rows, self.parts.clock.now());
                report.recipients += 1;
                *if decision.is_allowed { &mut report.allowed } else { &mut report.refused } += 1;
                for reason in decision.reasons {
                    *report.reasons.entry(reason.code).or_default() += 1;
                }
            }
        }
    }

    /// Spends a permit, right before transmission: reads the rows again and decides again.
    ///
    /// # Errors
    /// The failure of a part. Nothing may be sent then, and the permit is spent.
    pub async fn redeem(&self, permit: SendPermit) -> Result<Redeemed, ConsentError> {
        if permit.valid_until() <= self.parts.clock.now() {
            return Ok(Redeemed::Expired);
        }
        let decision = self.decide_now(permit.controller, &permit.recipient, &permit.message).await?;
        let Some(subject) = decision.subject.filter(|_| decision.is_allowed) else {
            return Ok(Redeemed::Refused(decision));
        };
        Ok(Redeemed::Allowed(RedeemedPermit {
            id: permit.id,
            controller: permit.controller,
            subject,
            recipient: permit.recipient,
            message: permit.message,
            decision,
        }))
    }

    /// Records that the provider took the message under this id, with what the permit rested on.
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
        let place = Key::Permit { subject: permit.subject, permit: permit.id };
        let owner = Owner::Subject(permit.subject);
        let category = DataCategory::consent_evidence();
        let mut recording = consent.begin(permit.controller).await?;
        recording.draft().load([place.clone()]).await?;
        if let Some(bound) = recording.draft().row::<PermitRow>(&place)? {
            return Ok(bound.entry);
        }
        let now = recording.now();
        let evidence: Vec<String> = permit
            .decision
            .reasons
            .iter()
            .filter_map(|reason| reason.evidence)
            .map(|id| id.to_string())
            .collect();
        let event = Event::new("message.sent", permit.controller, now)
            .with("subject", permit.subject.to_string())
            .with("permit", permit.id.to_string())
            .with("sender", permit.message.sender.to_string())
            .with("category", permit.message.category.as_str())
            .with("purpose", permit.message.purpose.as_str())
            .with("message_id", message_id)
            .with("redeemed_at", permit.decision.decided_at.as_millis())
            .with("reasons", permit.decision.reasons.iter().map(|one| one.code.as_str()).collect::<Vec<_>>())
            .with("evidence", evidence);
        let entry = recording.entry(owner, &category, &event).await?;
        let message_id = message_id.as_bytes();
        let row = PermitRow {
            sender: permit.message.sender,
            purpose: permit.message.purpose.clone(),
            category: permit.message.category,
            redeemed_at: permit.decision.decided_at,
            entry,
            message_id: recording.seal(owner, &category, &place, "message_id", message_id).await?,
            steps: Vec::new(),
        };
        recording.draft().put(place, row, None)?;
        recording.commit().await?;
        Ok(entry)
    }

    async fn decide_now(
        &self,
        controller: ControllerId,
        recipient: &Identifier,
        message: &Message,
    ) -> Result<Decision, ConsentError> {
        let keys = self.parts.encryption.tenant(controller).await?;
        let storage = self.parts.storage.as_ref();
        let rows = read_rows(storage, &keys, recipient, Some(message.sender)).await?;
        Ok(decide(&self.rules, message, &rows, self.parts.clock.now()))
    }
}

/// Reads the gate rows of one recipient, every spelling under every live index key, and the sender's row, in one
/// `get`.
pub(crate) async fn read_rows(
    storage: &dyn Storage,
    keys: &TenantKeys,
    recipient: &Identifier,
    sender: Option<SenderId>,
) -> Result<GateRows, ConsentError> {
    let rows = read_many(storage, keys, std::slice::from_ref(recipient), sender).await?;
    rows.into_iter().next().ok_or(ConsentError::Damaged("the store answered less than it was asked"))
}

async fn read_many(
    storage: &dyn Storage,
    keys: &TenantKeys,
    recipients: &[Identifier],
    sender: Option<SenderId>,
) -> Result<Vec<GateRows>, ConsentError> {
    let mut wanted = Vec::with_capacity(recipients.len());
    let mut asked: Vec<(usize, Relation)> = Vec::with_capacity(recipients.len());
    for (position, recipient) in recipients.iter().enumerate() {
        for (spelling, relation) in recipient.spellings() {
            for index in keys.identifier_indexes(&spelling) {
                wanted.push(Key::Identifier(index));
                asked.push((position, relation));
            }
        }
    }
    wanted.extend(sender.map(Key::Sender));
    let answers = storage.get(keys.controller(), &wanted).await?;
    if answers.len() != wanted.len() {
        return Err(ConsentError::Damaged("the store answered less than it was asked"));
    }
    let is_sender_registered = sender.is_some() && answers.last().is_some_and(Option::is_some);
    let mut rows = vec![GateRows { is_sender_registered, ..GateRows::default() }; recipients.len()];
    for ((position, relation), stored) in asked.into_iter().zip(answers) {
        let Some(stored) = stored else { continue };
        let row = IdentifierRow::of(&stored.body)
            .ok_or(StorageError::Corrupt { kind: IdentifierRow::KIND, problem: "it is of another kind" })?;
        if let Some(rows) = rows.get_mut(position) {
            rows.push(row.clone(), relation);
        }
    }
    Ok(rows)
}
