//! Who asks for an operation.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::ControllerId;

/// The longest actor name, in bytes.
pub const MAX_ACTOR_NAME: usize = 64;

/// A role. What each may do is decided by `wzapi-access`; nothing is allowed that it does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sets up controllers, senders and keys; reads no personal data.
    Administrator,
    /// The service that receives webhooks.
    Ingest,
    /// The service that sends messages.
    Sender,
    /// Records and imports consent.
    ConsentManager,
    /// Stores, corrects and reads records of personal data for their purposes.
    RecordKeeper,
    /// The data protection officer: reads, restricts and disposes of records.
    Officer,
    /// Verifies the ledger and reads evidence.
    Auditor,
}

/// Which controllers an actor may act for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControllerScope {
    /// Every controller: for services of the platform itself.
    Every,
    /// These and no others.
    Only(BTreeSet<ControllerId>),
}

impl ControllerScope {
    /// Whether `controller` is inside the scope.
    #[must_use]
    pub fn contains(&self, controller: ControllerId) -> bool {
        match self {
            Self::Every => true,
            Self::Only(controllers) => controllers.contains(&controller),
        }
    }
}

/// A name is not one that an actor may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an actor name: use 1 to 64 of a-z, A-Z, 0-9 and . _ - : /, and no personal data")]
pub struct ActorError;

/// Who asks: a named service or member of staff, with roles and the controllers they act for.
///
/// The name is recorded in the ledger, so it must be a staff or service identifier and not a person's name or
/// address. How the host authenticated the actor is the host's business; an `Actor` is its result.
///
/// ```
/// use wzapi_model::actor::{Actor, Role};
///
/// let actor = Actor::service("campaign-worker", [Role::Sender])?;
/// assert!(actor.has_role(Role::Sender));
/// assert!(Actor::service("name with spaces", []).is_err());
/// # Ok::<(), wzapi_model::actor::ActorError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    roles: BTreeSet<Role>,
    controllers: ControllerScope,
}

impl Actor {
    /// An actor with these roles at the controllers of `controllers`.
    ///
    /// # Errors
    /// [`ActorError`] when `name` is not allowed.
    pub fn new(
        name: &str,
        roles: impl IntoIterator<Item = Role>,
        controllers: ControllerScope,
    ) -> Result<Self, ActorError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte);
        if name.is_empty() || name.len() > MAX_ACTOR_NAME || !name.bytes().all(allowed) {
            return Err(ActorError);
        }
        Ok(Self { name: name.to_owned(), roles: roles.into_iter().collect(), controllers })
    }

    /// A service of the platform, with these roles at every controller.
    ///
    /// # Errors
    /// [`ActorError`] when `name` is not allowed.
    pub fn service(name: &str, roles: impl IntoIterator<Item = Role>) -> Result<Self, ActorError> {
        Self::new(name, roles, ControllerScope::Every)
    }

    /// These libraries themselves, where they go on with what an actor began. It may do nothing.
    #[must_use]
    pub fn wzapi() -> Self {
        Self {
            name: "wzapi".to_owned(),
            roles: BTreeSet::new(),
            controllers: ControllerScope::Only(BTreeSet::new()),
        }
    }

    /// The name that the ledger records.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the actor has `role`.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The roles, in a fixed order.
    pub fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        self.roles.iter().copied()
    }

    /// Whether the actor may act for `controller` at all.
    #[must_use]
    pub fn acts_for(&self, controller: ControllerId) -> bool {
        self.controllers.contains(controller)
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor").field("name", &self.name).field("roles", &self.roles).finish_non_exhaustive()
    }
}
