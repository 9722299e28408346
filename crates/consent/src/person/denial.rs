//! To whose identifiers a denial goes, beside those that the person goes by.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_encryption::TenantKeys;
use wzapi_model::Timestamp;
use wzapi_model::ids::SubjectId;
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::IdentifierRow;

use super::KnownAs;
use super::finding::{gate_rows, listed_rows, living_rows, row_of, tenures, touch};
use super::link::linked_with;
use crate::error::ConsentError;

/// The gate rows of others that a denial of `subject` goes to. A denial counts on every identifier that it was made
/// under, or that the person had then, and for everybody who had that one since; and for everybody who may be the same
/// person. Their subject rows are rewritten, so that none of them changes hands meanwhile.
pub(crate) async fn denied_with(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    known_as: &[KnownAs],
    subject: SubjectId,
    at: Timestamp,
    now: Timestamp,
) -> Result<Vec<(Key, IdentifierRow)>, ConsentError> {
    let mut rows: BTreeMap<Key, IdentifierRow> = BTreeMap::new();
    let mut named = BTreeSet::new();
    for known in known_as {
        if let Some((index, row)) = row_of(draft, keys, &known.identifier)? {
            named.insert(Key::Identifier(index));
            rows.insert(Key::Identifier(index), row.clone());
        }
    }
    rows.extend(listed_rows(draft, subject).await?);
    rows.retain(|_, row| row.subject != subject);

    let mut heirs = BTreeSet::new();
    for (key, row) in rows.clone() {
        let held = tenures(draft, &row).await?;
        let was_theirs = held.ended.iter().any(|tenure| tenure.subject == subject && at <= tenure.until);
        if was_theirs || named.contains(&key) {
            heirs.extend(held.since(at));
        } else {
            rows.remove(&key);
        }
    }
    heirs.remove(&subject);
    for heir in heirs {
        rows.extend(living_rows(draft, heir).await?);
        touch(draft, heir, now).await?;
    }
    for linked in linked_with(draft, subject).await? {
        rows.extend(gate_rows(draft, linked).await?);
        touch(draft, linked, now).await?;
    }
    Ok(rows.into_iter().collect())
}
