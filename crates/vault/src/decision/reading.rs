//! Whether a record may be opened (policy clauses 3.a, 6.a and 6.b).

use wzapi_model::Timestamp;
use wzapi_model::basis::LegalBasis;
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_policy::Policy;
use wzapi_policy::file::Purpose;
use wzapi_policy::retention::{Assessment, Ground, GroundKind, Reason, RetentionState};
use wzapi_storage::row::RecordRow;

use crate::decision::retention::{UnknownEvent, standing};

/// Why a record was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadRefusal {
    /// This controller has no such record: it was disposed of, is another controller's, or never was.
    NotFound,
    /// It was not stored for this purpose.
    OutsidePurpose,
    /// The policy does not declare this purpose for its category, or not any more.
    NotDeclared,
    /// It is restricted, and this purpose is not among those for which it may still be read.
    Restricted,
    /// Only a legal duty keeps it, and this purpose does not serve that duty.
    LegalDutyOnly,
    /// Nothing in the policy keeps it any more: it waits to be disposed of, or a legal hold keeps it from that.
    PastItsEnd,
    /// It has an event that this version of the library does not know. The version that wrote it reads it.
    UnknownEvent,
}

impl ReadRefusal {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::NotFound,
        Self::OutsidePurpose,
        Self::NotDeclared,
        Self::Restricted,
        Self::LegalDutyOnly,
        Self::PastItsEnd,
        Self::UnknownEvent,
    ];

    /// The word that the ledger records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::OutsidePurpose => "outside_purpose",
            Self::NotDeclared => "not_declared",
            Self::Restricted => "restricted",
            Self::LegalDutyOnly => "legal_duty_only",
            Self::PastItsEnd => "past_its_end",
            Self::UnknownEvent => "unknown_event",
        }
    }
}

impl std::fmt::Display for ReadRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotFound => "this controller has no such record",
            Self::OutsidePurpose => "the record was not stored for this purpose",
            Self::NotDeclared => "the policy does not declare this purpose for the category of the record",
            Self::Restricted => "the record is restricted, and not readable for this purpose",
            Self::LegalDutyOnly => "only a legal duty keeps the record, and this purpose does not serve it",
            Self::PastItsEnd => "nothing keeps the record any more; it waits for its disposal",
            Self::UnknownEvent => "the record has an event that only a newer version of the library knows",
        })
    }
}

/// A record may be opened once. Only [`permit_read`] makes one, and opening demands it.
#[derive(Debug)]
#[must_use]
pub struct ReadPermit(());

/// Whether a record may be opened for a purpose now.
///
/// It must have been stored for the purpose, and the policy as it is now must declare the purpose for its category. A
/// restriction leaves the purposes that it names. While only legal grounds keep the record, it may be read for a purpose
/// that rests on a legal obligation under the law of such a ground (any law, where the ground names none). A record that
/// no ground keeps is not read, nor what no law keeps of a person who was erased at `erased_at`, however late its disposal is: the sweep's delay is no second retention period. A legal
/// hold keeps a record from disposal and makes nothing readable.
///
/// # Errors
/// The reason why not.
pub fn permit_read(
    policy: &Policy,
    category: &DataCategory,
    row: &RecordRow,
    purpose: &PurposeId,
    erased_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<ReadPermit, ReadRefusal> {
    if !row.purposes.contains(purpose) {
        return Err(ReadRefusal::OutsidePurpose);
    }
    let declared = policy.purposes.get(purpose).filter(|_| policy.permits(purpose, category));
    let (Some(declared), Some(rules)) = (declared, policy.category(category)) else {
        return Err(ReadRefusal::NotDeclared);
    };
    if row.restriction.as_ref().is_some_and(|restriction| !restriction.readable_for.contains(purpose)) {
        return Err(ReadRefusal::Restricted);
    }
    let assessment = standing(policy, Some(rules), row, erased_at, now)
        .map_err(|UnknownEvent| ReadRefusal::UnknownEvent)?;
    match assessment.state {
        RetentionState::InService => Ok(ReadPermit(())),
        RetentionState::Restricted if serves_a_duty(declared, &rules.retention, &assessment) => {
            Ok(ReadPermit(()))
        }
        RetentionState::Restricted => Err(ReadRefusal::LegalDutyOnly),
        RetentionState::OnHold | RetentionState::Due => Err(ReadRefusal::PastItsEnd),
    }
}

/// Whether the purpose rests on a legal obligation under the law of a legal ground that holds.
fn serves_a_duty(purpose: &Purpose, grounds: &[Ground], assessment: &Assessment) -> bool {
    let holding = assessment.reasons.iter().filter_map(|reason| match reason {
        Reason::Ground { index, kind: GroundKind::Legal, holds: true, .. } => grounds.get(*index),
        Reason::Ground { .. } | Reason::Hold { .. } => None,
    });
    holding.into_iter().any(|ground| match ground.regime {
        Some(regime) => purpose.basis.get(&regime) == Some(&LegalBasis::LegalObligation),
        None => purpose.basis.values().any(|basis| *basis == LegalBasis::LegalObligation),
    })
}
