//! The rows of identifiers and subjects.

use wzapi_encryption::TenantKeys;
use wzapi_model::Timestamp;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::SubjectId;
use wzapi_storage::Draft;
use wzapi_storage::key::{BlindIndex, Key};
use wzapi_storage::row::{IdentifierRow, SubjectRow};

use super::KnownAs;
use super::profile::Profile;
use super::tenure::Tenures;
use crate::error::ConsentError;

/// How far a chain of merged subjects is followed.
const MAX_MERGES: usize = 16;

/// Loads the gate rows of these identifiers, under every live index key, in one `get`.
pub(crate) async fn load(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    known_as: impl IntoIterator<Item = &KnownAs>,
) -> Result<(), ConsentError> {
    // Collected first: a future that holds the closure could not move between threads.
    let indexes = known_as.into_iter().flat_map(|known| keys.identifier_indexes(&known.identifier));
    let places: Vec<Key> = indexes.map(Key::Identifier).collect();
    Ok(draft.load(places).await?)
}

/// The gate row of an identifier, and where it is. Under a newer index key it takes up what older ones knew, so that the
/// newest speaks for all.
pub(super) fn row_of<'d>(
    draft: &'d Draft<'_>,
    keys: &TenantKeys,
    identifier: &Identifier,
) -> Result<Option<(BlindIndex, &'d IdentifierRow)>, ConsentError> {
    for index in keys.identifier_indexes(identifier) {
        if let Some(row) = draft.row::<IdentifierRow>(&Key::Identifier(index))? {
            return Ok(Some((index, row)));
        }
    }
    Ok(None)
}

/// Whose identifier it was at the moment of an act, or is now for an act that nobody dated. Whoever has it next did
/// not act.
pub(super) fn holder(
    draft: &Draft<'_>,
    keys: &TenantKeys,
    identifier: &Identifier,
    acted_at: Option<Timestamp>,
) -> Result<Option<SubjectId>, ConsentError> {
    Ok(row_of(draft, keys, identifier)?.and_then(|(_, row)| Tenures::of(row).at(acted_at)))
}

/// Who had an identifier when, by the names that its holders have now.
pub(super) async fn tenures(draft: &mut Draft<'_>, row: &IdentifierRow) -> Result<Tenures, ConsentError> {
    let mut tenures = Tenures::of(row);
    tenures.last = surviving(draft, tenures.last).await?;
    for tenure in &mut tenures.ended {
        tenure.subject = surviving(draft, tenure.subject).await?;
    }
    Ok(tenures)
}

/// Every identifier row that the subject lists and that still is the subject's.
pub(crate) async fn gate_rows(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<Vec<(Key, IdentifierRow)>, ConsentError> {
    let rows = listed_rows(draft, subject).await?;
    Ok(rows.into_iter().filter(|(_, row)| row.subject == subject).collect())
}

/// Every identifier row that the subject lists, also of those that are somebody else's by now.
pub(super) async fn listed_rows(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<Vec<(Key, IdentifierRow)>, ConsentError> {
    let keys: Vec<Key> =
        subject_row(draft, subject).await?.identifiers.iter().map(|one| Key::Identifier(one.index)).collect();
    draft.load(keys.iter().cloned()).await?;
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let row = draft.row::<IdentifierRow>(&key)?.ok_or(ConsentError::Damaged("a gate row is missing"))?;
        rows.push((key.clone(), row.clone()));
    }
    Ok(rows)
}

/// The rows of the identifiers that the subject goes by.
pub(super) async fn living_rows(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<Vec<(Key, IdentifierRow)>, ConsentError> {
    let rows = gate_rows(draft, subject).await?;
    Ok(rows.into_iter().filter(|(_, row)| row.left_at.is_none()).collect())
}

/// Gives every living row of the subject the same, and rewrites the subject row with them.
pub(super) async fn share(
    draft: &mut Draft<'_>,
    subject: SubjectId,
    profile: &Profile,
    now: Timestamp,
) -> Result<(), ConsentError> {
    for (key, mut row) in living_rows(draft, subject).await? {
        profile.write_into(&mut row);
        draft.put(key, row, None)?;
    }
    touch(draft, subject, now).await
}

/// Rewrites the subject row, so that two changes about one person never pass each other.
pub(super) async fn touch(
    draft: &mut Draft<'_>,
    subject: SubjectId,
    now: Timestamp,
) -> Result<(), ConsentError> {
    let row = SubjectRow { changed_at: now, ..subject_row(draft, subject).await? };
    Ok(draft.put(Key::Subject(subject), row, None)?)
}

/// The subject's row, which every change about the person must rewrite.
pub(crate) async fn subject_row(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<SubjectRow, ConsentError> {
    let key = Key::Subject(subject);
    draft.load([key.clone()]).await?;
    draft.row::<SubjectRow>(&key)?.cloned().ok_or(ConsentError::Damaged("a subject row is missing"))
}

/// The subject that `subject` turned out to be, which mostly is itself.
pub(crate) async fn surviving(
    draft: &mut Draft<'_>,
    mut subject: SubjectId,
) -> Result<SubjectId, ConsentError> {
    for _ in 0..MAX_MERGES {
        match subject_row(draft, subject).await?.merged_into {
            Some(other) => subject = other,
            None => return Ok(subject),
        }
    }
    Err(ConsentError::Damaged("merged subjects lead in a circle"))
}
