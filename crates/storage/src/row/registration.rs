//! Who is registered: controllers, their senders, and whom a delivery belongs to.

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, EntryId, SenderId};

use super::consent::PortfolioIndex;

/// A registered controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRow {
    /// When it was registered.
    pub registered_at: Timestamp,
}

/// Whose WABA or phone number id this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRow {
    /// The controller.
    pub controller: ControllerId,
    /// The sender, for a phone number id; `None` for a WABA id.
    pub sender: Option<SenderId>,
    /// When it was registered.
    pub registered_at: Timestamp,
}

/// The controller's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerRow {
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The versions of the tenant keys that wrap anything, newest first; new keys are wrapped by the first. There is
    /// more than one only while a rotation is under way.
    pub tenant_keys: Vec<u32>,
    /// The versions of the index keys that look-ups try, newest first; new entries use the first.
    pub index_keys: Vec<u32>,
}

/// A sender of the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderRow {
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The ledger entry of its registration.
    pub entry: EntryId,
    /// The business portfolio that its account belongs to, as far as anybody said.
    pub portfolio: Option<PortfolioIndex>,
}
