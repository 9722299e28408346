//! Permission as a value.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ControllerId, PermitId, SubjectId};

use super::decision::{Decision, Message};
use super::recipient::Recipient;

/// How long a permit can be redeemed.
pub const PERMIT_LIFE: Duration = Duration::from_secs(60);

/// Permission to attempt one message to one recipient.
///
/// Only the gate makes one. It cannot be copied, stored or sent to another process, it expires after
/// [`PERMIT_LIFE`], and [`super::Gate::redeem`] consumes it. Queues carry recipients, not permits.
///
/// ```
/// # use wzapi_consent::{ConsentError, Gate, SendPermit};
/// async fn spend(gate: &Gate, permit: SendPermit) -> Result<(), ConsentError> {
///     let _ = gate.redeem(permit).await?;
///     Ok(())
/// }
/// ```
///
/// It cannot be redeemed twice:
///
/// ```compile_fail,E0382
/// # use wzapi_consent::{ConsentError, Gate, SendPermit};
/// async fn spend_twice(gate: &Gate, permit: SendPermit) -> Result<(), ConsentError> {
///     let _ = gate.redeem(permit).await?;
///     let _ = gate.redeem(permit).await?;
///     Ok(())
/// }
/// ```
///
/// nor copied:
///
/// ```compile_fail,E0599
/// # use wzapi_consent::SendPermit;
/// fn copy(permit: &SendPermit) -> SendPermit {
///     permit.clone()
/// }
/// ```
///
/// nor made of a decision, were it one that allows, nor of another permit:
///
/// ```compile_fail,E0451
/// # use wzapi_consent::{SendPermit, gate::Decision};
/// fn make(decision: Decision, from: SendPermit) -> SendPermit {
///     SendPermit { decision, ..from }
/// }
/// ```
///
/// nor written down for another process:
///
/// ```compile_fail,E0277
/// # use wzapi_consent::SendPermit;
/// fn store<T: serde::Serialize>(_: T) {}
/// fn write_down(permit: SendPermit) {
///     store(permit);
/// }
/// ```
#[must_use = "a permit does nothing until it is redeemed"]
pub struct SendPermit {
    pub(super) id: PermitId,
    pub(super) controller: ControllerId,
    pub(super) recipient: Recipient,
    pub(super) message: Message,
    pub(super) decision: Decision,
}

impl SendPermit {
    /// Its random id. What travels to the provider is [`RedeemedPermit::callback_data`].
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

/// Permission to transmit now. A host's `send` takes this, so that no path around the gate compiles: by value where the
/// message id is bound by somebody else, by reference where the caller binds it.
///
/// ```
/// # use wzapi_consent::gate::RedeemedPermit;
/// fn send(permit: RedeemedPermit, text: &str) {}
/// ```
///
/// A permit that was not redeemed does not do, and a redeemed one does for one message:
///
/// ```compile_fail,E0308
/// # use wzapi_consent::{SendPermit, gate::RedeemedPermit};
/// # fn send(permit: RedeemedPermit, text: &str) {}
/// fn send_unredeemed(permit: SendPermit) {
///     send(permit, "hello");
/// }
/// ```
///
/// ```compile_fail,E0382
/// # use wzapi_consent::gate::RedeemedPermit;
/// # fn send(permit: RedeemedPermit, text: &str) {}
/// fn send_twice(permit: RedeemedPermit) {
///     send(permit, "hello");
///     send(permit, "hello again");
/// }
/// ```
#[must_use = "a redeemed permit is spent; transmit and bind the provider's message id to it"]
pub struct RedeemedPermit {
    pub(super) id: PermitId,
    pub(super) controller: ControllerId,
    pub(super) subject: SubjectId,
    pub(super) callback: String,
    pub(super) recipient: Recipient,
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
        self.recipient.identifier()
    }

    /// What to give to the provider: the digits as the host had them, a spelling of the very line that was asked about,
    /// and the canonical form where the host had none ([`Recipient::expose_address`]). Personal data.
    #[must_use]
    pub fn expose_address(&self) -> Cow<'_, str> {
        self.recipient.expose_address()
    }

    /// What the message must carry as `biz_opaque_callback_data`, at most 512 bytes: every status brings it back and is
    /// bound to the permit by it, also when the process ends before [`super::Gate::bind`]. It holds no personal data, and
    /// nobody but the controller can make one ([`super::callback`]).
    #[must_use]
    pub fn callback_data(&self) -> &str {
        &self.callback
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
