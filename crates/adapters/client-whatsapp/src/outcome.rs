//! Sent, sent and bound, perhaps sent.

use std::fmt;

use wzapi_compliance::consent::gate::RedeemedPermit;
use wzapi_compliance::model::actor::Actor;
use wzapi_compliance::model::ids::{EntryId, PermitId};
use wzapi_compliance::sending::SendGate;

/// Meta's id of a message. It has the recipient's number in it, so it is personal data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ProviderMessageId(Box<str>);

impl ProviderMessageId {
    pub(crate) fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The id itself: personal data.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProviderMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderMessageId(…)")
    }
}

/// Meta took the message. What is left is to bind its id to the permit.
#[must_use = "the message is sent; bind its id to the permit"]
pub struct Sent {
    permit: RedeemedPermit,
    message_id: ProviderMessageId,
}

impl Sent {
    pub(crate) const fn new(permit: RedeemedPermit, message_id: ProviderMessageId) -> Self {
        Self { permit, message_id }
    }

    /// The id of the permit under which it was sent.
    #[must_use]
    pub const fn permit_id(&self) -> PermitId {
        self.permit.id()
    }

    /// Meta's id of the message.
    #[must_use]
    pub const fn message_id(&self) -> &ProviderMessageId {
        &self.message_id
    }

    /// Records that the message was sent under the permit. Doing it again changes nothing, so it may be retried.
    ///
    /// # Errors
    /// Those of [`SendGate::bind`]. The message is sent all the same.
    pub async fn bind(&self, gate: &SendGate<'_>, actor: &Actor) -> Result<EntryId, wzapi_compliance::Error> {
        gate.bind(actor, &self.permit, self.message_id.expose()).await
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent").field("permit", &self.permit.id()).finish_non_exhaustive()
    }
}

/// A message that was sent, with what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The permit under which it was sent.
    pub permit: PermitId,
    /// Meta's id of it.
    pub message_id: ProviderMessageId,
    /// The ledger entry that binds the two.
    pub entry: EntryId,
}

/// Why nobody can say whether Meta took a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Uncertainty {
    /// No answer came in time.
    TimedOut,
    /// The connection broke after the request may have left.
    ConnectionLost,
    /// The answer cannot be read, or names no message.
    UnreadableAnswer,
    /// The server failed, with this HTTP status. It may have failed after it took the message.
    ServerFailed(u16),
}

/// A message that Meta may have taken. It must not be sent again before this is settled: what the permit
/// carries went along as `biz_opaque_callback_data`, and every status about the message brings it back.
pub struct Unconfirmed {
    permit: RedeemedPermit,
    uncertainty: Uncertainty,
}

impl Unconfirmed {
    pub(crate) const fn new(permit: RedeemedPermit, uncertainty: Uncertainty) -> Self {
        Self { permit, uncertainty }
    }

    /// What the statuses to come bring back. Taking them in binds the message to its permit, without anybody looking.
    #[must_use]
    pub fn callback_data(&self) -> &str {
        self.permit.callback_data()
    }

    /// The permit's id.
    #[must_use]
    pub const fn permit_id(&self) -> PermitId {
        self.permit.id()
    }

    /// Why it is not known.
    #[must_use]
    pub const fn uncertainty(&self) -> Uncertainty {
        self.uncertainty
    }

    /// Records that the message was sent after all, under the id that a status with the permit's id names.
    ///
    /// # Errors
    /// Those of [`SendGate::bind`]. It may be retried.
    pub async fn bind(
        &self,
        gate: &SendGate<'_>,
        actor: &Actor,
        message_id: &str,
    ) -> Result<EntryId, wzapi_compliance::Error> {
        gate.bind(actor, &self.permit, message_id).await
    }
}

impl fmt::Debug for Unconfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unconfirmed")
            .field("permit", &self.permit.id())
            .field("uncertainty", &self.uncertainty)
            .finish_non_exhaustive()
    }
}
