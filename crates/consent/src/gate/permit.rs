//! Permission as a value.

use std::fmt;
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ControllerId, PermitId, SubjectId};

use super::decision::{Decision, Message};

/// How long a permit can be redeemed.
pub const PERMIT_LIFE: Duration = Duration::from_secs(60);

/// Permission to attempt one message to one recipient.
///
/// Only the gate makes one. It cannot be copied, stored or sent to another process, it expires after
/// [`PERMIT_LIFE`], and [`super::Gate::redeem`] consumes it. Queues carry recipients, not permits.
#[must_use = "a permit does nothing until it is redeemed"]
pub struct SendPermit {
    pub(super) id: PermitId,
    pub(super) controller: ControllerId,
    pub(super) recipient: Identifier,
    pub(super) message: Message,
    pub(super) decision: Decision,
}

impl SendPermit {
    /// Its random id; it may travel to the provider as `biz_opaque_callback_data`.
    #[must_use]
    pub const fn id(&self) -> PermitId {
        self.id
    }

    /// The controller it was given for.
    #[must_use]
    pub const fn controller(&self) -> ControllerId {
        self.controller
    }

    /// What it rests on.
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Until when it can be redeemed.
    #[must_use]
    pub fn valid_until(&self) -> Timestamp {
        self.decision.decided_at.saturating_add(PERMIT_LIFE)
    }
}

impl fmt::Debug for SendPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendPermit").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Permission to transmit now. A host's `send` takes this by value, so that no path around the gate compiles.
#[must_use = "a redeemed permit is spent; transmit and bind the provider's message id to it"]
pub struct RedeemedPermit {
    pub(super) id: PermitId,
    pub(super) controller: ControllerId,
    pub(super) subject: SubjectId,
    pub(super) recipient: Identifier,
    pub(super) message: Message,
    pub(super) decision: Decision,
}

impl RedeemedPermit {
    /// The permit's id.
    #[must_use]
    pub const fn id(&self) -> PermitId {
        self.id
    }

    /// The controller it was given for.
    #[must_use]
    pub const fn controller(&self) -> ControllerId {
        self.controller
    }

    /// Whom to send to.
    #[must_use]
    pub const fn recipient(&self) -> &Identifier {
        &self.recipient
    }

    /// What was permitted.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// What it rested on at the moment of redemption.
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }
}

impl fmt::Debug for RedeemedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedeemedPermit").field("id", &self.id).finish_non_exhaustive()
    }
}
