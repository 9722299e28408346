//! What keeps a record although no ground does: a legal hold, or an open request of the person (policy clauses 6.c and
//! 7.a).

use std::collections::BTreeSet;

use wzapi_model::Timestamp;
use wzapi_model::ids::{HoldId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_storage::row::{HoldScope, HoldSetRow};

use super::disposition::DisposalRefusal;

/// What is asked about a record: whose it is, under every id that the person had, and what it is.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// Every id of the person.
    pub person: &'a BTreeSet<SubjectId>,
    /// The category.
    pub category: &'a DataCategory,
    /// When it was collected.
    pub collected_at: Timestamp,
}

/// Whether a hold with this scope covers the record. Every part of the scope that says something must cover it.
///
/// ```
/// use wzapi_model::ids::SubjectId;
/// use wzapi_storage::row::HoldScope;
/// use wzapi_vault::decision::holding::{Held, covers};
///
/// let person = [SubjectId::from_bytes([1; 16])].into();
/// let category = "email".parse()?;
/// let record = Held { person: &person, category: &category, collected_at: "2027-01-01".parse()? };
/// let everything = HoldScope::default();
/// assert!(covers(&everything, &record));
/// let earlier = HoldScope { collected_before: Some("2026-12-31".parse()?), ..everything };
/// assert!(!covers(&earlier, &record));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn covers(scope: &HoldScope, record: &Held<'_>) -> bool {
    let person = scope.subjects.is_empty() || scope.subjects.iter().any(|one| record.person.contains(one));
    let category = scope.categories.is_empty() || scope.categories.contains(record.category);
    let from = scope.collected_from.is_none_or(|from| record.collected_at >= from);
    let before = scope.collected_before.is_none_or(|before| record.collected_at < before);
    person && category && from && before
}

/// The holds that cover a record.
pub fn holds_on<'h>(holds: &'h HoldSetRow, record: &Held<'h>) -> impl Iterator<Item = HoldId> + 'h {
    let record = *record;
    holds.holds.iter().filter(move |hold| covers(&hold.scope, &record)).map(|hold| hold.hold)
}

/// Whether a record may go, holds and open requests considered, whatever the reason for its disposal.
///
/// # Errors
/// [`DisposalRefusal::OnHold`], [`DisposalRefusal::Frozen`].
pub fn permit_in_spite_of_holds(
    holds: &HoldSetRow,
    is_frozen: bool,
    record: &Held<'_>,
) -> Result<(), DisposalRefusal> {
    if holds_on(holds, record).next().is_some() {
        return Err(DisposalRefusal::OnHold);
    }
    if is_frozen { Err(DisposalRefusal::Frozen) } else { Ok(()) }
}
