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

mod age;
mod binding;
pub mod callback;
pub mod decision;
pub mod frequency;
pub mod permit;
pub mod preflight;
mod quiet_hours;
mod reach;
mod reading;
pub mod reason;
pub mod recipient;
pub mod region;
pub mod renewal;
pub mod rows;
pub mod rules;
pub mod sent;

use std::sync::Arc;

use wzapi_model::ids::{ControllerId, PermitId};

pub use callback::Callback;
pub use decision::{Decision, Message, decide};
pub use permit::{RedeemedPermit, SendPermit};
pub use preflight::{OnRefused, Preflight, PreflightRun, RefusedCsv, RefusedRecipient};
pub(crate) use reading::read_rows;
pub use reason::{Reason, ReasonCode};
pub use recipient::Recipient;
pub use region::TimeZone;
pub use rows::GateRows;
pub use rules::{GateRules, PurposeRule};

use crate::error::ConsentError;
use crate::recording::Parts;

/// A message to a recipient.
#[derive(Debug, Clone)]
pub struct SendRequest {
    /// The recipient.
    pub recipient: Recipient,
    /// The message.
    pub message: Message,
}

impl SendRequest {
    /// This message to this recipient: an identifier, or a [`Recipient`] with what the host knows besides.
    #[must_use]
    pub fn new(recipient: impl Into<Recipient>, message: Message) -> Self {
        Self { recipient: recipient.into(), message }
    }
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

/// Decides who may be messaged. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    parts: Parts,
    rules: Arc<GateRules>,
}

impl Gate {
    /// A gate over these parts, under these rules.
    #[must_use]
    pub fn new(parts: Parts, rules: GateRules) -> Self {
        Self { parts, rules: Arc::new(rules) }
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
        recipients: impl IntoIterator<Item: Into<Recipient>, IntoIter: Send>,
    ) -> Result<Preflight, ConsentError> {
        self.preflight_with(controller, message, recipients, &mut |_| {}).await
    }

    /// As [`Gate::preflight`], and tells of each recipient that is refused. Lines are counted from 1.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn preflight_with(
        &self,
        controller: ControllerId,
        message: &Message,
        recipients: impl IntoIterator<Item: Into<Recipient>, IntoIter: Send>,
        on_refused: OnRefused<'_>,
    ) -> Result<Preflight, ConsentError> {
        let mut run = self.start_preflight(controller, message.clone());
        for (line, recipient) in (1..).zip(recipients.into_iter().map(Into::into)) {
            run.push(line, recipient, on_refused).await?;
        }
        run.finish(on_refused).await
    }

    /// A preflight to which recipients are given one by one, as from an asynchronous stream.
    pub fn start_preflight(&self, controller: ControllerId, message: Message) -> PreflightRun {
        PreflightRun::new(self.clone(), controller, message)
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
        let keys = self.parts.encryption.tenant(permit.controller).await?;
        let callback = Callback {
            permit: permit.id,
            subject,
            sender: permit.message.sender,
            category: permit.message.category,
            purpose: permit.message.purpose.clone(),
            redeemed_at: decision.decided_at,
            evidence: decision.reasons.iter().filter_map(|reason| reason.evidence).collect(),
        };
        Ok(Redeemed::Allowed(RedeemedPermit {
            callback: callback.write(&keys),
            id: permit.id,
            controller: permit.controller,
            subject,
            recipient: permit.recipient,
            message: permit.message,
            decision,
        }))
    }

    async fn decide_now(
        &self,
        controller: ControllerId,
        recipient: &Recipient,
        message: &Message,
    ) -> Result<Decision, ConsentError> {
        let keys = self.parts.encryption.tenant(controller).await?;
        let storage = self.parts.storage.as_ref();
        let rows = read_rows(storage, &keys, recipient.identifier(), Some(message.sender)).await?;
        Ok(decide(&self.rules, message, recipient, &rows, self.parts.clock.now()))
    }
}
