//! Two subjects turn out to be one.

use wzapi_model::Timestamp;
use wzapi_model::ids::SubjectId;
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::SubjectRow;

use super::MAX_LINKED;
use super::finding::{gate_rows, share, subject_row, surviving};
use super::link::spread;
use super::profile::Profile;
use crate::error::ConsentError;

/// Makes one subject of two: the older goes on. What either knows is joined, so that denials win; only the later of two
/// ages counts, and of two at one moment the one that asks for more care.
pub(super) async fn unite(
    draft: &mut Draft<'_>,
    one: Option<SubjectId>,
    other: SubjectId,
    now: Timestamp,
) -> Result<Option<SubjectId>, ConsentError> {
    let other = surviving(draft, other).await?;
    let Some(one) = one else { return Ok(Some(other)) };
    let one = surviving(draft, one).await?;
    if one == other {
        return Ok(Some(one));
    }
    let (one_row, other_row) = (subject_row(draft, one).await?, subject_row(draft, other).await?);
    let one_is_older = (one_row.created_at, one) < (other_row.created_at, other);
    let (survivor, mut row, merged, merged_row) =
        if one_is_older { (one, one_row, other, other_row) } else { (other, other_row, one, one_row) };

    let mut rows = gate_rows(draft, survivor).await?;
    rows.extend(gate_rows(draft, merged).await?);
    let profile = Profile::of(&rows);
    for (key, mut row) in rows {
        row.subject = survivor;
        draft.put(key, row, None)?;
    }

    row.former.push(merged);
    row.former.extend(&merged_row.former);
    for identifier in &merged_row.identifiers {
        match row.identifiers.iter_mut().find(|known| known.index == identifier.index) {
            Some(known) => known.since = known.since.min(identifier.since),
            None => row.identifiers.push(identifier.clone()),
        }
    }
    if row.identifiers.len() > MAX_LINKED {
        return Err(ConsentError::TooManyIdentifiers(MAX_LINKED));
    }
    row.linked.extend(&merged_row.linked);
    row.linked.sort_unstable();
    row.linked.dedup();
    row.linked.retain(|linked| *linked != survivor && *linked != merged);
    draft.put(Key::Subject(survivor), row, None)?;
    let merged_row = SubjectRow { merged_into: Some(survivor), changed_at: now, ..merged_row };
    draft.put(Key::Subject(merged), merged_row, None)?;
    share(draft, survivor, &profile, now).await?;
    spread(draft, survivor, now).await?;
    Ok(Some(survivor))
}
