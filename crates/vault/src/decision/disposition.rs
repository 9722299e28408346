//! Whether a record may be disposed of (policy clauses 6.a, 6.b and 7.c).

use wzapi_model::Timestamp;
use wzapi_model::name::DataCategory;
use wzapi_policy::Policy;
use wzapi_policy::retention::{GroundKind, Reason, RetentionState};
use wzapi_storage::row::RecordRow;

use crate::decision::retention::{UnknownEvent, standing};

/// Why a record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisposalReason {
    /// Its last ground ended.
    RetentionEnded,
    /// The person asked for it.
    ErasureRequested,
    /// What it was stored for came to its end.
    PurposeEnded,
    /// It should never have been stored: it is about somebody else, or holds what the policy forbids.
    StoredInError,
}

impl DisposalReason {
    /// Every reason.
    pub const ALL: [Self; 4] =
        [Self::RetentionEnded, Self::ErasureRequested, Self::PurposeEnded, Self::StoredInError];

    /// The word that the ledger records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RetentionEnded => "retention_ended",
            Self::ErasureRequested => "erasure_requested",
            Self::PurposeEnded => "purpose_ended",
            Self::StoredInError => "stored_in_error",
        }
    }
}

/// Why a record stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisposalRefusal {
    /// It is said to have come to its end, and a ground still holds.
    StillKept,
    /// A law asks for it: a legal ground holds.
    LegalDuty,
    /// A legal hold covers it.
    OnHold,
    /// The person asked what is held about them, or for something else that needs it, and has no answer yet.
    Frozen,
    /// It has an event that this version of the library does not know.
    UnknownEvent,
}

impl DisposalRefusal {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StillKept => "still_kept",
            Self::LegalDuty => "legal_duty",
            Self::OnHold => "on_hold",
            Self::Frozen => "frozen",
            Self::UnknownEvent => "unknown_event",
        }
    }
}

impl std::fmt::Display for DisposalRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::StillKept => "a ground still keeps the record",
            Self::LegalDuty => "a law asks for the record",
            Self::OnHold => "a legal hold covers the record",
            Self::Frozen => "an open request of the person keeps the record",
            Self::UnknownEvent => "the record has an event that only a newer version of the library knows",
        })
    }
}

/// Whether a record may go for this reason now. Holds and open requests are looked at by
/// [`permit_in_spite_of_holds`](super::holding::permit_in_spite_of_holds).
///
/// # Errors
/// The reason why not.
pub fn permit_disposal(
    policy: &Policy,
    category: &DataCategory,
    row: &RecordRow,
    reason: DisposalReason,
    erased_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DisposalRefusal> {
    if reason == DisposalReason::StoredInError {
        return Ok(());
    }
    let assessment = standing(policy, policy.category(category), row, erased_at, now)
        .map_err(|UnknownEvent| DisposalRefusal::UnknownEvent)?;
    let is_asked_by_law = assessment
        .reasons
        .iter()
        .any(|reason| matches!(reason, Reason::Ground { kind: GroundKind::Legal, holds: true, .. }));
    match reason {
        DisposalReason::RetentionEnded if assessment.state != RetentionState::Due => {
            Err(DisposalRefusal::StillKept)
        }
        DisposalReason::ErasureRequested | DisposalReason::PurposeEnded if is_asked_by_law => {
            Err(DisposalRefusal::LegalDuty)
        }
        DisposalReason::RetentionEnded
        | DisposalReason::ErasureRequested
        | DisposalReason::PurposeEnded
        | DisposalReason::StoredInError => Ok(()),
    }
}
