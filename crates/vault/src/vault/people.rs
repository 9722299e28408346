//! Whose rows are written: the person must be known, and neither be erased nor merged meanwhile.

use std::collections::BTreeSet;

use wzapi_model::ids::SubjectId;
use wzapi_storage::row::SubjectRow;
use wzapi_storage::{Draft, Key};

use crate::error::VaultError;

/// How far a chain of merged subjects is followed.
const MAX_MERGES: usize = 16;

/// Whether anything may still be stored or changed about a person. The one place where an erasure's mark will be looked
/// for before writing; there is nothing to find yet.
const fn ensure_writable(_row: &SubjectRow) -> Result<(), VaultError> {
    Ok(())
}

/// Whether anything about a person may still be read: the rows of all whom the person turned out to be are looked at.
/// The one place where an erasure's mark will be looked for before reading; there is nothing to find yet.
pub(super) async fn ensure_readable(draft: &mut Draft<'_>, subject: SubjectId) -> Result<(), VaultError> {
    all_of(draft, subject).await.map(drop)
}

/// The subject that `subject` turned out to be, which mostly is itself, about whom something is about to be written. The
/// rows on the way are required to be the same at the commit, so that neither an erasure nor a merge passes the change.
pub(super) async fn guard_for_writing(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<SubjectId, VaultError> {
    let survivor = guard(draft, subject).await?;
    for one in [subject, survivor] {
        ensure_writable(row_of(draft, one, subject)?)?;
    }
    Ok(survivor)
}

/// As [`guard_for_writing`], about somebody who may be erased: what is left of an erased person has to go.
pub(super) async fn guard(draft: &mut Draft<'_>, subject: SubjectId) -> Result<SubjectId, VaultError> {
    let mut survivor = subject;
    for _ in 0..MAX_MERGES {
        let key = Key::Subject(survivor);
        draft.load([key.clone()]).await?;
        let merged_into = row_of(draft, survivor, subject)?.merged_into;
        draft.guard(&key)?;
        match merged_into {
            Some(other) => survivor = other,
            None => return Ok(survivor),
        }
    }
    Err(VaultError::Damaged("merged subjects lead in a circle"))
}

/// Every subject that a person was known as, the one they are known as now among them.
pub(super) async fn all_of(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<BTreeSet<SubjectId>, VaultError> {
    let mut survivor = subject;
    for _ in 0..MAX_MERGES {
        draft.load([Key::Subject(survivor)]).await?;
        let row = row_of(draft, survivor, subject)?;
        match row.merged_into {
            Some(other) => survivor = other,
            None => return Ok(row.former.iter().copied().chain([survivor]).collect()),
        }
    }
    Err(VaultError::Damaged("merged subjects lead in a circle"))
}

fn row_of<'d>(
    draft: &'d Draft<'_>,
    survivor: SubjectId,
    asked: SubjectId,
) -> Result<&'d SubjectRow, VaultError> {
    let row = draft.row::<SubjectRow>(&Key::Subject(survivor))?;
    row.ok_or(if survivor == asked {
        VaultError::UnknownSubject
    } else {
        VaultError::Damaged("the row of a merged subject is missing")
    })
}
