//! Erasing the bodies of entries, and certifying it.
//!
//! The entries themselves stay: commitments that nobody can link to anything any more. What goes is the body, blinding
//! and event. Its row stays too, and names the certificate that covers it: an entry about nobody that lists the indexes.
//! So a verifier can tell what was erased from what is missing.

use wzapi_encryption::TenantKeys;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::DataCategory;
use wzapi_model::{Entropy, Timestamp};
use wzapi_storage::key::{Key, KeyPrefix, LogRef, Owner, RowKind};
use wzapi_storage::query::{Cursor, Query};
use wzapi_storage::row::{EntryBody, EntryBodyRow, RowType};
use wzapi_storage::{Draft, Storage};

use crate::entry::PreparedEntry;
use crate::error::LedgerError;
use crate::event::Event;
use crate::sequencer::Ledger;

/// Bodies erased under one certificate.
pub const BODIES_PER_CERTIFICATE: usize = 512;
/// The type of the event that certifies an erasure.
pub const CERTIFICATE: &str = "ledger.bodies_erased";
/// The key under which that event lists what it covers: `[shard, generation, first, last]`, both ends included.
pub const COVERED: &str = "covered";

/// How often a chunk is tried again when others change its rows, and how often all bodies are gone through.
const MAX_ATTEMPTS: usize = 64;

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct ErasedBodies {
    /// Bodies erased.
    pub bodies: u64,
    /// The certificates.
    pub certificates: Vec<EntryId>,
}

/// What is needed to erase bodies.
#[derive(Clone, Copy)]
pub struct Eraser<'a> {
    /// Where they are.
    pub storage: &'a dyn Storage,
    /// The log that gets the certificates.
    pub ledger: &'a Ledger,
    /// The controller's keys.
    pub keys: &'a TenantKeys,
    /// Randomness.
    pub entropy: &'a dyn Entropy,
}

/// Bodies that are to be erased, of one controller.
struct Doomed<'a> {
    controller: ControllerId,
    owner: Owner,
    kept: &'a [DataCategory],
}

impl Eraser<'_> {
    /// Erases the bodies of all entries about `owner` that are of none of the `kept` categories, in chunks, each with its
    /// certificate, until none is found. `case` is named in the certificates; it must not tell who the person is. Doing it
    /// again goes on where it stopped. Nobody's own entries in the category `accountability` are never erased: the
    /// certificates are among them.
    ///
    /// The data keys of the bodies are for the caller to destroy. Bodies whose key is gone before they were erased are
    /// faults until then.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when others kept changing the rows, or when these are not the controller's newest keys;
    /// the failure of a part. What was erased until then stays erased.
    pub async fn erase(
        &self,
        controller: ControllerId,
        owner: Owner,
        kept: &[DataCategory],
        case: &str,
        now: Timestamp,
    ) -> Result<ErasedBodies, LedgerError> {
        let doomed = Doomed { controller, owner, kept };
        let mut erased = ErasedBodies::default();
        // An entry that is written meanwhile can come before those that were looked at already.
        for _ in 0..MAX_ATTEMPTS {
            let before = erased.certificates.len();
            self.erase_once(&doomed, case, now, &mut erased).await?;
            if erased.certificates.len() == before {
                return Ok(erased);
            }
        }
        Err(LedgerError::Conflict)
    }

    /// Goes through all bodies once.
    async fn erase_once(
        &self,
        doomed: &Doomed<'_>,
        case: &str,
        now: Timestamp,
        erased: &mut ErasedBodies,
    ) -> Result<(), LedgerError> {
        let (mut after, mut conflicts) = (None, 0);
        loop {
            let (chunk, next) = self.find(doomed, after.clone()).await?;
            match self.erase_chunk(doomed, &chunk, case, now).await {
                Ok(None) => {}
                Ok(Some((certificate, bodies))) => {
                    erased.bodies += bodies;
                    erased.certificates.push(certificate);
                }
                Err(LedgerError::Conflict) if conflicts < MAX_ATTEMPTS => {
                    conflicts += 1;
                    continue;
                }
                Err(error) => return Err(error),
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// The next bodies that are to be erased, and where to go on.
    async fn find(
        &self,
        doomed: &Doomed<'_>,
        after: Option<Cursor>,
    ) -> Result<(Vec<Key>, Option<Cursor>), LedgerError> {
        let prefix = KeyPrefix::Kind(doomed.owner, RowKind::EntryBody);
        let mut query = Query::prefix(doomed.controller, prefix, BODIES_PER_CERTIFICATE);
        query.after = after;
        let page = self.storage.scan(&query).await?;
        let found = page
            .rows
            .into_iter()
            .filter(|(_, stored)| EntryBodyRow::of(&stored.body).is_some_and(|row| doomed.contains(row)));
        Ok((found.map(|(key, _)| key).collect(), page.next))
    }

    /// Erases these bodies, as far as they still are to be erased. The certificate, and how many it covers.
    async fn erase_chunk(
        &self,
        doomed: &Doomed<'_>,
        chunk: &[Key],
        case: &str,
        now: Timestamp,
    ) -> Result<Option<(EntryId, u64)>, LedgerError> {
        let mut draft = Draft::new(self.storage, doomed.controller);
        draft.load(chunk.iter().cloned()).await?;
        let mut covered = Vec::new();
        let mut rows = Vec::new();
        for key in chunk {
            // Somebody else may have erased it since it was found.
            let Some(row) = draft.row::<EntryBodyRow>(key)?.filter(|row| doomed.contains(row)) else {
                continue;
            };
            covered.push((row.log, row.index));
            rows.push((key.clone(), row.clone()));
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let bodies = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let event = Event::new(CERTIFICATE, doomed.controller, now)
            .with("case", case)
            .with("bodies", bodies)
            .with(COVERED, ranges(covered));
        let about = (Owner::Controller, &DataCategory::accountability());
        let entry = PreparedEntry::seal(&mut draft, self.keys, self.entropy, about, &event, now).await?;
        let certificate = entry.id();
        for (key, row) in rows {
            let erased = EntryBodyRow { body: EntryBody::Erased { certificate }, ..row };
            draft.put(key, erased, None)?;
        }
        let _appended = self.ledger.commit(draft, vec![entry]).await?;
        Ok(Some((certificate, bodies)))
    }
}

impl std::fmt::Debug for Eraser<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eraser").finish_non_exhaustive()
    }
}

impl Doomed<'_> {
    fn contains(&self, row: &EntryBodyRow) -> bool {
        let is_certificate =
            self.owner == Owner::Controller && row.category == DataCategory::accountability();
        matches!(row.body, EntryBody::Kept(_)) && !is_certificate && !self.kept.contains(&row.category)
    }
}

/// The indexes as ranges: `[shard, generation, first, last]`.
fn ranges(mut covered: Vec<(LogRef, u64)>) -> serde_json::Value {
    covered.sort_unstable();
    let mut ranges: Vec<[u64; 4]> = Vec::new();
    for (log, index) in covered {
        let (shard, generation) = (u64::from(log.shard), u64::from(log.generation));
        match ranges.last_mut() {
            Some([s, g, _, last]) if *s == shard && *g == generation && *last + 1 == index => *last = index,
            _ => ranges.push([shard, generation, index, index]),
        }
    }
    serde_json::json!(ranges)
}

/// The entries whose erasure an event certifies, as ranges; `None` when it certifies nothing.
pub(crate) fn covered_by(event: &[u8]) -> Option<Vec<(LogRef, u64, u64)>> {
    let event: serde_json::Value = serde_json::from_slice(event).ok()?;
    if event.get("type")?.as_str() != Some(CERTIFICATE) {
        return None;
    }
    let covered = event.get(COVERED)?.as_array()?.iter().map(|range| {
        let number = |place: usize| range.get(place)?.as_u64();
        let (shard, generation) = (u16::try_from(number(0)?).ok()?, u16::try_from(number(1)?).ok()?);
        Some((LogRef { shard, generation }, number(2)?, number(3)?))
    });
    covered.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_covers_what_it_lists_and_nothing_else() {
        let log = |shard, generation| LogRef { shard, generation };
        let covered = vec![(log(0, 0), 4), (log(0, 0), 3), (log(0, 0), 7), (log(1, 0), 8), (log(0, 1), 5)];
        let ranges = ranges(covered);
        assert_eq!(ranges, serde_json::json!([[0, 0, 3, 4], [0, 0, 7, 7], [0, 1, 5, 5], [1, 0, 8, 8]]));
        let bytes = |event: serde_json::Value| serde_json::to_vec(&event).unwrap();
        let certificate = bytes(serde_json::json!({ "type": CERTIFICATE, "covered": ranges }));
        let expected = [(log(0, 0), 3, 4), (log(0, 0), 7, 7), (log(0, 1), 5, 5), (log(1, 0), 8, 8)];
        assert_eq!(covered_by(&certificate).unwrap(), expected);
        for other in [
            serde_json::json!({ "type": "record.disposed", "covered": [[0, 0, 3, 4]] }),
            serde_json::json!({ "type": CERTIFICATE }),
            serde_json::json!({ "type": CERTIFICATE, "covered": [[0, 0, 3]] }),
            serde_json::json!({ "type": CERTIFICATE, "covered": [[0, 65536, 3, 4]] }),
            serde_json::json!({ "type": CERTIFICATE, "covered": [[0, 0, -3, 4]] }),
        ] {
            assert_eq!(covered_by(&bytes(other.clone())), None, "{other}");
        }
    }
}
