//! An identifier becomes a subject's.

use wzapi_encryption::{Place, TenantKeys};
use wzapi_model::ids::SubjectId;
use wzapi_model::name::DataCategory;
use wzapi_model::{Entropy, Timestamp};
use wzapi_storage::Draft;
use wzapi_storage::key::{BlindIndex, Key, Owner};
use wzapi_storage::row::{IdentifierRow, ScopeMarks, SubjectIdentifier, SubjectRow};

use super::finding::{listed_rows, living_rows, row_of, share, subject_row, tenures};
use super::profile::{Profile, denials};
use super::{KnownAs, MAX_LINKED, Moment};
use crate::error::ConsentError;
use crate::standing;

/// A subject of whom nothing is known yet.
pub(super) async fn create(
    draft: &mut Draft<'_>,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<SubjectId, ConsentError> {
    let subject = SubjectId::generate(entropy)?;
    draft.load([Key::Subject(subject)]).await?;
    draft.put(Key::Subject(subject), SubjectRow::new(now), None)?;
    Ok(subject)
}

/// As [`take`]; of a person who goes by nothing else any more, with what they denied under what they lost.
pub(super) async fn take_first(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known: &KnownAs,
    when: Moment,
) -> Result<(), ConsentError> {
    let living = living_rows(draft, subject).await?;
    let mut profile = Profile::of(&living);
    if living.is_empty() {
        standing::join(&mut profile.marks, &denied_before(draft, subject).await?);
    }
    take_with(draft, keys, subject, known, profile, when).await
}

/// What stands denied on the identifiers that the subject acted under and lost.
async fn denied_before(draft: &mut Draft<'_>, subject: SubjectId) -> Result<Vec<ScopeMarks>, ConsentError> {
    let listed = subject_row(draft, subject).await?.identifiers;
    let mut marks = Vec::new();
    for (key, row) in listed_rows(draft, subject).await? {
        let held = tenures(draft, &row).await?;
        let used = listed.iter().find(|one| Key::Identifier(one.index) == key).map(|one| one.since);
        if used.is_some_and(|since| held.end_of(subject).is_none_or(|until| since < until)) {
            standing::join(&mut marks, &denials(&row.marks));
        }
    }
    Ok(marks)
}

/// Makes an identifier the subject's from the moment of the statement on, with all that is known of the person.
pub(super) async fn take(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known: &KnownAs,
    when: Moment,
) -> Result<(), ConsentError> {
    let profile = Profile::of(&living_rows(draft, subject).await?);
    take_with(draft, keys, subject, known, profile, when).await
}

/// As [`take`], with what is known of the person. Whoever had the identifier before leaves their denials with it, and
/// the person inherits those.
async fn take_with(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known: &KnownAs,
    mut profile: Profile,
    when: Moment,
) -> Result<(), ConsentError> {
    let mut index = newest_index(keys, known)?;
    let mut row = IdentifierRow {
        portfolio: known.portfolio,
        ..IdentifierRow::new(subject, known.identifier.kind(), keys.index_key_version())
    };
    let before = row_of(draft, keys, &known.identifier)?.map(|(index, row)| (index, row.clone()));
    if let Some((place, before)) = before {
        index = place;
        row.index_key = before.index_key;
        row.portfolio = known.portfolio.or(before.portfolio);
        let mut held = tenures(draft, &before).await?;
        held.pass(subject, when.stated_at());
        held.left_at = None;
        held.write_into(&mut row);
        row.subject = subject;
        standing::join(&mut profile.marks, &denials(&before.marks));
    }
    profile.write_into(&mut row);
    draft.put(Key::Identifier(index), row, None)?;
    list(draft, keys, subject, known, when).await?;
    share(draft, subject, &profile, when.now).await
}

/// Notes that an identifier which is the subject's was stated at an earlier time than any before, and by which
/// portfolio.
pub(super) async fn restate(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known: &KnownAs,
    when: Moment,
) -> Result<(), ConsentError> {
    let Some((index, row)) = row_of(draft, keys, &known.identifier)? else { return Ok(()) };
    if known.portfolio.is_some() && row.portfolio.is_none() {
        let row = IdentifierRow { portfolio: known.portfolio, ..row.clone() };
        draft.put(Key::Identifier(index), row, None)?;
        super::finding::touch(draft, subject, when.now).await?;
    }
    let mut row = subject_row(draft, subject).await?;
    let listed = row.identifiers.iter_mut().find(|one| one.index == index && one.since > when.stated_at());
    if let Some(listed) = listed {
        listed.since = when.stated_at();
        draft.put(Key::Subject(subject), row, None)?;
    }
    Ok(())
}

/// Lists an identifier among the subject's, sealed under the subject's key.
pub(super) async fn list(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known: &KnownAs,
    when: Moment,
) -> Result<(), ConsentError> {
    let mut row = subject_row(draft, subject).await?;
    let index = match row_of(draft, keys, &known.identifier)? {
        Some((index, _)) => index,
        None => newest_index(keys, known)?,
    };
    let known_since = row.identifiers.iter().find(|one| one.index == index).map(|one| one.since);
    row.identifiers.retain(|one| one.index != index);
    if row.identifiers.len() >= MAX_LINKED {
        return Err(ConsentError::TooManyIdentifiers(MAX_LINKED));
    }
    let place_of_row = Key::Subject(subject);
    let owner = Owner::Subject(subject);
    let data_key = keys.data_key_for_writing(draft, owner, &DataCategory::contact(), when.now).await?;
    let field = field_of(index);
    let place = Place { controller: draft.controller(), row: &place_of_row, field: &field };
    let kind = known.identifier.kind();
    let plaintext = serde_json::json!({
        "kind": kind.as_str(),
        "canonical": known.identifier.expose_canonical(),
        "raw": known.raw.expose(),
    });
    let sealed = data_key.seal(&place, plaintext.to_string().as_bytes())?;
    let since = known_since.map_or(when.stated_at(), |since| since.min(when.stated_at()));
    row.identifiers.push(SubjectIdentifier { index, kind, since, sealed_for: subject, sealed });
    row.changed_at = when.now;
    draft.put(place_of_row, row, None)?;
    Ok(())
}

/// The field under which an identifier is sealed: one per identifier, so that none can stand in for another.
fn field_of(index: BlindIndex) -> String {
    let hex: String = index.0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("identifier/{hex}")
}

fn newest_index(keys: &TenantKeys, known: &KnownAs) -> Result<BlindIndex, ConsentError> {
    let indexes = keys.identifier_indexes(&known.identifier);
    indexes.first().copied().ok_or(ConsentError::Damaged("the controller has no index key"))
}
