//! Subjects that may be one person, by somebody's word: what one of them denies, all deny. Grants are not shared.

use std::collections::BTreeSet;

use wzapi_model::Timestamp;
use wzapi_model::ids::SubjectId;
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::SubjectRow;

use super::MAX_LINKED;
use super::finding::{gate_rows, living_rows, share, subject_row, surviving};
use super::profile::{Profile, bare_denials};
use crate::error::ConsentError;
use crate::standing;

/// The most subjects that hang together by links.
pub const MAX_LINKED_SUBJECTS: usize = 16;

/// Links two subjects; whether that is news. Who is linked with either is linked with both from then on: in doubt, a
/// denial reaches further.
pub(crate) async fn link(
    draft: &mut Draft<'_>,
    one: SubjectId,
    other: SubjectId,
    now: Timestamp,
) -> Result<bool, ConsentError> {
    if one == other || direct(draft, one).await?.contains(&other) {
        return Ok(false);
    }
    let mut all = linked_with(draft, one).await?;
    all.extend(linked_with(draft, other).await?);
    all.extend([one, other]);
    if all.len() > MAX_LINKED_SUBJECTS {
        return Err(ConsentError::TooManyLinks(MAX_LINKED_SUBJECTS));
    }
    let mut identifiers = 0;
    for subject in all {
        identifiers += subject_row(draft, subject).await?.identifiers.len();
    }
    if identifiers > MAX_LINKED {
        return Err(ConsentError::TooManyIdentifiers(MAX_LINKED));
    }
    for (from, to) in [(one, other), (other, one)] {
        let mut row = subject_row(draft, from).await?;
        row.linked.push(to);
        row.linked.sort_unstable();
        draft.put(Key::Subject(from), row, None)?;
    }
    spread(draft, one, now).await?;
    Ok(true)
}

/// Ends the link between two subjects; whether there was one. Denials that went over it stay.
pub(crate) async fn unlink(
    draft: &mut Draft<'_>,
    one: SubjectId,
    other: SubjectId,
    now: Timestamp,
) -> Result<bool, ConsentError> {
    let mut was_linked = false;
    for (from, to) in [(one, other), (other, one)] {
        let row = subject_row(draft, from).await?;
        let mut linked = Vec::with_capacity(row.linked.len());
        for subject in &row.linked {
            // A subject may have been linked before it turned out to be another one.
            if surviving(draft, *subject).await? == to {
                was_linked = true;
            } else {
                linked.push(*subject);
            }
        }
        draft.put(Key::Subject(from), SubjectRow { linked, changed_at: now, ..row }, None)?;
    }
    Ok(was_linked)
}

/// Everybody who may be the same person, over any number of links, without the subject.
pub(super) async fn linked_with(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<BTreeSet<SubjectId>, ConsentError> {
    let mut found = BTreeSet::new();
    let mut next = vec![subject];
    while let Some(one) = next.pop() {
        for linked in direct(draft, one).await? {
            if linked != subject && found.insert(linked) {
                next.push(linked);
            }
        }
    }
    Ok(found)
}

/// Brings what any of the linked subjects denied to all of them.
pub(super) async fn spread(
    draft: &mut Draft<'_>,
    subject: SubjectId,
    now: Timestamp,
) -> Result<(), ConsentError> {
    let mut all = linked_with(draft, subject).await?;
    if all.is_empty() {
        return Ok(());
    }
    all.insert(subject);
    let mut denied = Vec::new();
    for one in &all {
        for (_, row) in gate_rows(draft, *one).await? {
            standing::join(&mut denied, &bare_denials(&row.marks));
        }
    }
    for one in all {
        let mut profile = Profile::of(&living_rows(draft, one).await?);
        standing::join(&mut profile.marks, &denied);
        share(draft, one, &profile, now).await?;
    }
    Ok(())
}

async fn direct(draft: &mut Draft<'_>, subject: SubjectId) -> Result<BTreeSet<SubjectId>, ConsentError> {
    let mut found = BTreeSet::new();
    for linked in subject_row(draft, subject).await?.linked {
        found.insert(surviving(draft, linked).await?);
    }
    found.remove(&subject);
    Ok(found)
}
