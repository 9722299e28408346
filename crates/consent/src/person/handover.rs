//! An identifier has a new holder, without anybody having announced it.
//!
//! A user id is new when the person changes number (Meta, "Business-scoped user IDs"). So a number that is stated with
//! another user id of the same portfolio has another holder: it was recycled. Portfolios that are not known count as the
//! same one, for in doubt no grant goes from one person to another.

use wzapi_encryption::TenantKeys;
use wzapi_model::Timestamp;
use wzapi_model::identifier::{Identifier, IdentifierKind};
use wzapi_model::ids::SubjectId;
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::{PortfolioIndex, ScopeMarks};

use super::finding::{gate_rows, living_rows, load, row_of, share, subject_row, surviving, tenures};
use super::profile::{Profile, denials, deserted};
use super::tenure::just_before;
use super::{KnownAs, LINKED_PORTFOLIOS, Moment, Recycled, alias};
use crate::error::ConsentError;
use crate::standing;

/// A number is stated with a user id that its holder does not go by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parted {
    pub(super) holder: SubjectId,
    pub(super) change: Change,
}

/// When the number changed hands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// The holder had it before, and whoever is stated has it from then on.
    Since(Timestamp),
    /// Whoever is stated had it before the holder, who is known to have it from then on.
    Before(Timestamp),
}

/// Whether two user ids are known to be of different portfolios.
pub(crate) fn are_apart(one: Option<PortfolioIndex>, other: Option<PortfolioIndex>) -> bool {
    let is_of_one = |portfolio: &PortfolioIndex| *portfolio != LINKED_PORTFOLIOS;
    one.filter(is_of_one).zip(other.filter(is_of_one)).is_some_and(|(one, other)| one != other)
}

/// Whether the holder of a number goes by another user id of the same portfolio than the ones that were stated with it.
pub(super) async fn contradiction(
    draft: &mut Draft<'_>,
    holder: SubjectId,
    stated: &[&KnownAs],
    at: Timestamp,
) -> Result<Option<Parted>, ConsentError> {
    let stated: Vec<_> = stated
        .iter()
        .filter(|known| known.identifier.kind() == IdentifierKind::Bsuid)
        .map(|known| known.portfolio)
        .filter(|portfolio| *portfolio != Some(LINKED_PORTFOLIOS))
        .collect();
    if stated.is_empty() {
        return Ok(None);
    }
    let rows = gate_rows(draft, holder).await?;
    let others: Vec<Key> = rows
        .into_iter()
        .filter(|(_, row)| row.kind == IdentifierKind::Bsuid && row.portfolio != Some(LINKED_PORTFOLIOS))
        .filter(|(_, row)| row.left_at.is_none_or(|left| left >= at))
        .filter(|(_, row)| stated.iter().any(|portfolio| !are_apart(row.portfolio, *portfolio)))
        .map(|(key, _)| key)
        .collect();
    let listed = subject_row(draft, holder).await?.identifiers;
    let since = listed.iter().filter(|one| others.contains(&Key::Identifier(one.index))).map(|one| one.since);
    Ok(since.min().map(|since| {
        let change = if since <= at { Change::Since(at) } else { Change::Before(since) };
        Parted { holder, change }
    }))
}

/// Parts a number from its holder, as the statement says.
pub(super) async fn hand_over(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known: &KnownAs,
    parted: Parted,
    when: Moment,
) -> Result<Recycled, ConsentError> {
    match parted.change {
        Change::Since(at) => {
            pass_on(draft, keys, subject, known, parted.holder, at, when).await?;
            Ok(Recycled { subject: parted.holder, since: at })
        }
        Change::Before(since) => {
            had_before(draft, keys, subject, known, parted.holder, since, when).await?;
            Ok(Recycled { subject, since })
        }
    }
}

/// The number is the subject's from a moment on. What its holder is on record with after that may have been done by the
/// subject, so that no grant of it counts for either.
async fn pass_on(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known: &KnownAs,
    holder: SubjectId,
    at: Timestamp,
    when: Moment,
) -> Result<(), ConsentError> {
    let Some((index, row)) = row_of(draft, keys, &known.identifier)? else { return Ok(()) };
    let row = row.clone();
    let mut held = tenures(draft, &row).await?;
    held.pass(subject, at);
    if held.last == subject && held.left_at.is_none() {
        let when = Moment { acted_at: Some(at), ..when };
        alias::take(draft, keys, subject, known, when).await?;
    } else {
        let later: Vec<SubjectId> = held.since(at).filter(|later| *later != subject).collect();
        let mut changed = row;
        held.write_into(&mut changed);
        draft.put(Key::Identifier(index), changed, None)?;
        alias::list(draft, keys, subject, known, when).await?;
        let theirs = Profile::of(&living_rows(draft, subject).await?);
        inherit(draft, Key::Identifier(index), later, &denials(&theirs.marks), when.now).await?;
    }
    keep_until(draft, holder, just_before(at), when.now).await
}

/// The number was the subject's up to the moment since which its holder is known to have it. What the holder is on record
/// with from before was done by the subject, when the holder had no other identifier then under which to do it;
/// otherwise grants from before count for nobody.
async fn had_before(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known: &KnownAs,
    holder: SubjectId,
    since: Timestamp,
    when: Moment,
) -> Result<(), ConsentError> {
    let Some((index, row)) = row_of(draft, keys, &known.identifier)? else { return Ok(()) };
    let (mut changed, until) = (row.clone(), just_before(since));
    let mut held = tenures(draft, &changed).await?;
    held.precede(subject, until);
    let later: Vec<SubjectId> =
        held.since(since).filter(|later| *later != subject && *later != holder).collect();
    held.write_into(&mut changed);
    draft.put(Key::Identifier(index), changed, None)?;
    alias::list(draft, keys, subject, known, when).await?;

    let mut mine = Profile::of(&living_rows(draft, subject).await?);
    let theirs = Profile::of(&living_rows(draft, holder).await?);
    let listed = subject_row(draft, holder).await?.identifiers;
    let was_used_before = listed.iter().any(|one| one.index == index && one.since < since);
    let is_all_they_had = listed.iter().filter(|one| one.index != index).all(|one| one.since >= since);
    if was_used_before && is_all_they_had {
        // Only the latest denial of a scope is known; when that came later, an earlier one may be behind it.
        standing::join(&mut mine.marks, &standing::taken_along(&theirs.marks, until));
        share(draft, subject, &mine, when.now).await?;
    }
    let inherited = denials(&mine.marks);
    let mut left = theirs.after(until);
    standing::join(&mut left.marks, &inherited);
    share(draft, holder, &left, when.now).await?;
    inherit(draft, Key::Identifier(index), later, &inherited, when.now).await
}

/// Denials of a former holder go to the identifier and to everybody who had it since.
async fn inherit(
    draft: &mut Draft<'_>,
    place: Key,
    heirs: Vec<SubjectId>,
    inherited: &[ScopeMarks],
    now: Timestamp,
) -> Result<(), ConsentError> {
    for heir in heirs {
        let mut profile = Profile::of(&living_rows(draft, heir).await?);
        standing::join(&mut profile.marks, inherited);
        share(draft, heir, &profile, now).await?;
    }
    if let Some(row) = draft.row::<wzapi_storage::row::IdentifierRow>(&place)? {
        let mut row = row.clone();
        standing::join(&mut row.marks, inherited);
        draft.put(place, row, None)?;
    }
    Ok(())
}

/// Takes from the identifiers that a subject still goes by what came after a moment.
pub(super) async fn keep_until(
    draft: &mut Draft<'_>,
    subject: SubjectId,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), ConsentError> {
    let profile = Profile::of(&living_rows(draft, subject).await?);
    share(draft, subject, &profile.until(at), now).await
}

/// Ends the bond between an identifier and its subject; whether that is news. Denials stay.
pub(super) async fn leave(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    identifier: &Identifier,
    subject: SubjectId,
    at: Timestamp,
) -> Result<bool, ConsentError> {
    let Some((index, row)) = row_of(draft, keys, identifier)? else { return Ok(false) };
    let row = row.clone();
    let mut held = tenures(draft, &row).await?;
    let is_last = held.last == subject;
    if !held.end(subject, at) {
        return Ok(false);
    }
    let mut left = if is_last { deserted(&row) } else { row };
    held.write_into(&mut left);
    draft.put(Key::Identifier(index), left, None)?;
    Ok(true)
}

/// Whoever goes by an identifier no longer does, because somebody says so: every consent under it ends, denials stay.
/// `None` when nobody goes by it.
pub(crate) async fn recycle(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    known: &KnownAs,
    at: Timestamp,
    now: Timestamp,
) -> Result<Option<Recycled>, ConsentError> {
    load(draft, keys, [known]).await?;
    let Some((_, row)) = row_of(draft, keys, &known.identifier)? else { return Ok(None) };
    if row.left_at.is_some() {
        return Ok(None);
    }
    let subject = row.subject;
    let subject = surviving(draft, subject).await?;
    leave(draft, keys, &known.identifier, subject, at).await?;
    keep_until(draft, subject, at, now).await?;
    Ok(Some(Recycled { subject, since: at }))
}
