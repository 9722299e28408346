//! Whose rows are written: the person must be known, and neither be erased nor merged meanwhile.

use std::collections::BTreeSet;

use wzapi_model::ids::SubjectId;
use wzapi_storage::row::{ErasedMark, SubjectRow};
use wzapi_storage::{Draft, Key};

use crate::error::VaultError;

/// How far a chain of merged subjects is followed.
const MAX_MERGES: usize = 16;

/// Whether anything may still be stored or changed about a person.
const fn ensure_writable(row: &SubjectRow) -> Result<(), VaultError> {
    if row.erased.is_some() { Err(VaultError::Erased) } else { Ok(()) }
}

/// The erasure of a person, if there was one: the rows of all whom the person turned out to be are looked at.
pub(super) async fn erased(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<Option<ErasedMark>, VaultError> {
    let mut found: Option<ErasedMark> = None;
    let mut survivor = subject;
    for _ in 0..MAX_MERGES {
        draft.load([Key::Subject(survivor)]).await?;
        let row = row_of(draft, survivor, subject)?;
        found = found.into_iter().chain(row.erased).min_by_key(|mark| mark.at);
        match row.merged_into {
            Some(other) => survivor = other,
            None => return Ok(found),
        }
    }
    Err(VaultError::Damaged("merged subjects lead in a circle"))
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

/// A person about whom something is to be disposed of.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// Every id that they had.
    pub(super) ids: BTreeSet<SubjectId>,
    /// Whether a request of theirs is open.
    pub(super) is_frozen: bool,
    /// Their erasure.
    pub(super) erased: Option<ErasedMark>,
}

/// Who the person is. The rows that say so are required to be the same at the commit.
pub(super) async fn for_disposal(draft: &mut Draft<'_>, subject: SubjectId) -> Result<Person, VaultError> {
    let survivor = guard(draft, subject).await?;
    let ids = all_of(draft, subject).await?;
    let mut is_frozen = false;
    for one in [subject, survivor] {
        is_frozen |= !row_of(draft, one, subject)?.frozen_by.is_empty();
    }
    Ok(Person { ids, is_frozen, erased: erased(draft, subject).await? })
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
