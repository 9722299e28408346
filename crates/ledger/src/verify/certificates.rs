//! Certificates of erasure, looked at from both sides: an erased body names one that covers it, and a certificate covers
//! nothing but erased bodies.

use std::collections::VecDeque;

use wzapi_encryption::{EncryptionError, TenantKeys};
use wzapi_ledger_proof::EntryCommitment;
use wzapi_model::ids::EntryId;
use wzapi_storage::key::{Key, LogRef, Owner};
use wzapi_storage::row::{ClosedLogRow, DataKeyRow, EntryBody, EntryBodyRow, LogHeadRow, LogLeafRow};

use super::Verifier;
use super::rows::{read, row};
use crate::entry::SealedBody;
use crate::erasure::covered_by;
use crate::error::LedgerError;

/// Certificates kept open: neighbouring bodies were mostly erased together.
const KEPT: usize = 16;
/// The most entries that a certificate may cover. None is written for more than an eighth of it.
const MAX_COVERED: u64 = 4096;
/// Rows read at a time.
const PAGE: usize = 256;

/// The entries that a certificate covers: a log, the first and the last index.
type Covered = Vec<(LogRef, u64, u64)>;

/// Certificates that were opened, by entry; `None` for one that is none.
#[derive(Default)]
pub(super) struct Certificates {
    opened: VecDeque<(EntryId, Option<Covered>)>,
}

impl Certificates {
    /// Whether the entry with this id is a certificate, in a log of the controller, that covers the body of an entry.
    pub(super) async fn cover(
        &mut self,
        verifier: &Verifier<'_>,
        keys: &TenantKeys,
        certificate: EntryId,
        (log, index): (LogRef, u64),
    ) -> Result<bool, LedgerError> {
        if !self.opened.iter().any(|(id, _)| *id == certificate) {
            let opened = verifier.open_certificate(keys, certificate).await?;
            if self.opened.len() == KEPT {
                self.opened.pop_front();
            }
            self.opened.push_back((certificate, opened));
        }
        let covered =
            self.opened.iter().find(|(id, _)| *id == certificate).and_then(|(_, opened)| opened.as_ref());
        Ok(covered.is_some_and(|covered| {
            covered.iter().any(|(of, first, last)| *of == log && (*first..=*last).contains(&index))
        }))
    }

    /// Forgets what was opened by keys that are not the newest any more.
    pub(super) fn clear(&mut self) {
        self.opened.clear();
    }
}

impl Verifier<'_> {
    /// Opens a certificate, and checks that it stands in a log where its body says.
    async fn open_certificate(
        &self,
        keys: &TenantKeys,
        certificate: EntryId,
    ) -> Result<Option<Covered>, LedgerError> {
        let key = Key::EntryBody { owner: Owner::Controller, entry: certificate };
        let [body] = self.read([key.clone()]).await?;
        let Ok(Some(EntryBodyRow { log, index, category, body: EntryBody::Kept(sealed) })) = row(&body)
        else {
            return Ok(None);
        };
        let body = SealedBody { controller: self.controller, key: &key, category, sealed };
        let [leaf, data_key] =
            self.read([Key::LogLeaf { log: *log, index: *index }, body.data_key()]).await?;
        let Ok(Some(leaf)) = row::<LogLeafRow>(&leaf) else { return Ok(None) };
        let is_its_own = leaf.entry == certificate && leaf.owner == Owner::Controller;
        if !is_its_own || !self.counts(*log, *index).await? {
            return Ok(None);
        }
        let Ok(data_key) = row::<DataKeyRow>(&data_key) else { return Ok(None) };
        match body.open(keys, data_key, &EntryCommitment::from(leaf.commitment)) {
            Ok(event) => Ok(covered_by(&event)),
            Err(EncryptionError::KeysChanged) => Err(LedgerError::Conflict),
            Err(_) => Ok(None),
        }
    }

    /// Whether the head of a log counts this entry: then it is verified along with that log.
    async fn counts(&self, log: LogRef, index: u64) -> Result<bool, LedgerError> {
        let [head, closed] = self.read([Key::LogHead(log.shard), Key::ClosedLog(log)]).await?;
        let head = row::<LogHeadRow>(&head).ok().flatten().filter(|head| head.generation == log.generation);
        let closed = row::<ClosedLogRow>(&closed).ok().flatten().map(|row| &row.head);
        Ok(head.or(closed).is_some_and(|head| index < head.size))
    }

    /// Whether every body that a certificate covers was erased.
    pub(super) async fn all_erased(&self, covered: &Covered) -> Result<bool, LedgerError> {
        let mut places: Vec<Key> = Vec::new();
        let mut total: u64 = 0;
        for (log, first, last) in covered {
            total = total.saturating_add(last.saturating_sub(*first).saturating_add(1));
            if last < first || total > MAX_COVERED {
                return Ok(false);
            }
            places.extend((*first..=*last).map(|index| Key::LogLeaf { log: *log, index }));
        }
        for chunk in places.chunks(PAGE) {
            let mut bodies = Vec::with_capacity(chunk.len());
            for leaf in read(self.storage, self.controller, chunk).await? {
                let Ok(Some(leaf)) = row::<LogLeafRow>(&leaf) else { return Ok(false) };
                bodies.push(Key::EntryBody { owner: leaf.owner, entry: leaf.entry });
            }
            for body in read(self.storage, self.controller, &bodies).await? {
                let body = row::<EntryBodyRow>(&body).ok().flatten().map(|row| &row.body);
                if !matches!(body, Some(EntryBody::Erased { .. })) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
