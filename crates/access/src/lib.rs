//! Who may do what (policy clause 5.b).
//!
//! Every operation of the facade names a [`Permission`]; [`authorise`] says whether an actor has it at a
//! controller. What no role lists is refused, and an actor of one controller reaches no other.
//!
//! ```
//! use wzapi_access::{Permission, authorise};
//! use wzapi_model::actor::{Actor, ControllerScope, Role};
//! use wzapi_model::ids::ControllerId;
//!
//! let (ours, theirs) = (ControllerId::from_bytes([1; 16]), ControllerId::from_bytes([2; 16]));
//! let worker = Actor::new("campaign-worker", [Role::Sender], ControllerScope::Only([ours].into()))?;
//! assert!(authorise(&worker, Permission::CheckSend, ours).is_ok());
//! assert!(authorise(&worker, Permission::CheckSend, theirs).is_err());
//! assert!(authorise(&worker, Permission::RecordConsent, ours).is_err());
//! # Ok::<(), wzapi_model::actor::ActorError>(())
//! ```

use wzapi_model::actor::{Actor, Role};
use wzapi_model::ids::ControllerId;

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Register a controller.
    RegisterController,
    /// Register a sender, a WABA id or a phone number id.
    RegisterSender,
    /// Take in a webhook delivery.
    IngestDelivery,
    /// Record a consent, a refusal or a withdrawal.
    RecordConsent,
    /// Import consents from another system.
    ImportConsent,
    /// See the state of a person's consent.
    ReadConsent,
    /// Read what waits for a decision about consent, and decide.
    ReviewConsent,
    /// Read the acts of a person and hand them out, as a consent record or a receipt.
    IssueReceipt,
    /// Ask whether a message may be sent, and get a permit.
    CheckSend,
    /// Redeem a permit and record the message that was sent under it.
    RedeemPermit,
    /// Verify the ledger and read its root.
    VerifyLedger,
    /// Remove what is only kept for a time and has come to its end.
    ExpireRows,
    /// Rotate, export and import keys, and see which there are. No key bytes are shown.
    ManageKeys,
    /// Store and correct records of personal data.
    StoreRecord,
    /// Read records of personal data for a purpose, and list them.
    ReadRecord,
    /// Restrict records of personal data and lift a restriction.
    RestrictRecord,
    /// Dispose of records of personal data.
    DisposeRecord,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 17] = [
        Self::RegisterController,
        Self::RegisterSender,
        Self::IngestDelivery,
        Self::RecordConsent,
        Self::ImportConsent,
        Self::ReadConsent,
        Self::IssueReceipt,
        Self::ReviewConsent,
        Self::CheckSend,
        Self::RedeemPermit,
        Self::VerifyLedger,
        Self::ExpireRows,
        Self::ManageKeys,
        Self::StoreRecord,
        Self::ReadRecord,
        Self::RestrictRecord,
        Self::DisposeRecord,
    ];

    /// The name that the ledger records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RegisterController => "register_controller",
            Self::RegisterSender => "register_sender",
            Self::IngestDelivery => "ingest_delivery",
            Self::RecordConsent => "record_consent",
            Self::ImportConsent => "import_consent",
            Self::ReadConsent => "read_consent",
            Self::IssueReceipt => "issue_receipt",
            Self::ReviewConsent => "review_consent",
            Self::CheckSend => "check_send",
            Self::RedeemPermit => "redeem_permit",
            Self::VerifyLedger => "verify_ledger",
            Self::ExpireRows => "expire_rows",
            Self::ManageKeys => "manage_keys",
            Self::StoreRecord => "store_record",
            Self::ReadRecord => "read_record",
            Self::RestrictRecord => "restrict_record",
            Self::DisposeRecord => "dispose_record",
        }
    }
}

/// The permissions of a role.
#[must_use]
pub const fn permissions_of(role: Role) -> &'static [Permission] {
    match role {
        Role::Administrator => &[
            Permission::RegisterController,
            Permission::RegisterSender,
            Permission::ExpireRows,
            Permission::ManageKeys,
        ],
        Role::Ingest => &[Permission::IngestDelivery],
        Role::Sender => &[Permission::CheckSend, Permission::RedeemPermit],
        Role::ConsentManager => &[
            Permission::RecordConsent,
            Permission::ImportConsent,
            Permission::ReadConsent,
            Permission::IssueReceipt,
        ],
        Role::RecordKeeper => &[Permission::StoreRecord, Permission::ReadRecord],
        Role::Officer => &[
            Permission::ReadConsent,
            Permission::IssueReceipt,
            Permission::ReviewConsent,
            Permission::ReadRecord,
            Permission::RestrictRecord,
            Permission::DisposeRecord,
            Permission::VerifyLedger,
        ],
        Role::Auditor => &[Permission::VerifyLedger, Permission::ReadConsent],
    }
}

/// The actor may not do this. The error tells neither whether the controller exists nor which role would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the actor is not allowed to do this ({})", permission.as_str())]
pub struct NotAuthorised {
    /// What was asked for.
    pub permission: Permission,
}

/// Whether `actor` may do what needs `permission` at `controller`.
///
/// # Errors
/// [`NotAuthorised`] unless a role of the actor lists the permission and the actor acts for the controller.
pub fn authorise(
    actor: &Actor,
    permission: Permission,
    controller: ControllerId,
) -> Result<(), NotAuthorised> {
    let has_permission = actor.roles().any(|role| permissions_of(role).contains(&permission));
    if has_permission && actor.acts_for(controller) { Ok(()) } else { Err(NotAuthorised { permission }) }
}

#[cfg(test)]
mod tests {
    use wzapi_model::actor::ControllerScope;

    use super::*;

    const ROLES: [Role; 7] = [
        Role::Administrator,
        Role::Ingest,
        Role::Sender,
        Role::ConsentManager,
        Role::RecordKeeper,
        Role::Officer,
        Role::Auditor,
    ];

    #[test]
    fn clause_5_b_every_operation_needs_a_role_that_lists_it() {
        let controller = ControllerId::from_bytes([1; 16]);
        let nobody = Actor::service("nobody", []).unwrap();
        for permission in Permission::ALL {
            assert_eq!(authorise(&nobody, permission, controller), Err(NotAuthorised { permission }));
            for role in ROLES {
                let actor = Actor::service("somebody", [role]).unwrap();
                let allowed = authorise(&actor, permission, controller).is_ok();
                assert_eq!(allowed, permissions_of(role).contains(&permission), "{role:?} {permission:?}");
            }
        }
    }

    #[test]
    fn clause_5_b_no_role_reaches_another_controller() {
        let (ours, theirs) = (ControllerId::from_bytes([1; 16]), ControllerId::from_bytes([2; 16]));
        let scope = ControllerScope::Only([ours].into());
        let actor = Actor::new("everything", ROLES, scope).unwrap();
        for permission in Permission::ALL {
            assert!(authorise(&actor, permission, ours).is_ok(), "{permission:?}");
            assert!(authorise(&actor, permission, theirs).is_err(), "{permission:?}");
        }
    }
}
