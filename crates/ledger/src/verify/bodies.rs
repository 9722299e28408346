//! The bodies of entries: each opens to what its entry commits to, or was erased under a certificate.

use std::collections::BTreeMap;
use std::ops::Range;

use wzapi_encryption::{EncryptionError, TenantKeys};
use wzapi_ledger_proof::{EntryCommitment, succession};
use wzapi_model::ids::LogId;
use wzapi_storage::Version;
use wzapi_storage::key::{Key, LogRef, Owner};
use wzapi_storage::row::{DataKeyRow, EntryBody, EntryBodyRow, LogLeafRow};

use super::certificates::Certificates;
use super::rows::{Found, read, row};
use super::{Fault, FaultKind, MAX_ATTEMPTS, Verifier};
use crate::entry::SealedBody;
use crate::erasure::{CERTIFICATE, covered_by};
use crate::error::LedgerError;
use crate::notary::PREDECESSOR;

/// Verifies the entries of one log, page by page.
pub(super) struct Bodies<'a> {
    verifier: &'a Verifier<'a>,
    log: LogRef,
    predecessor: Option<LogId>,
    counted: Counted,
    opened: Certificates,
}

#[derive(Clone, Copy, Default)]
struct Counted {
    erased: u64,
    certificates: u64,
}

/// An entry, and what stands where its body should.
struct Entry<'p> {
    index: u64,
    key: &'p Key,
    commitment: EntryCommitment,
    body: &'p Found,
}

/// What seems to be wrong with an entry.
enum Suspicion {
    /// It is.
    Firm(FaultKind),
    /// Unless the controller's keys were rotated since they were loaded.
    Outdated(FaultKind),
    /// Nothing: the rows changed while they were read.
    Overtaken,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(verifier: &'a Verifier<'a>, log: LogRef, predecessor: Option<LogId>) -> Self {
        Self { verifier, log, predecessor, counted: Counted::default(), opened: Certificates::default() }
    }

    /// Entries whose body was erased, so far.
    pub(super) const fn erased(&self) -> u64 {
        self.counted.erased
    }

    /// Certificates, so far.
    pub(super) const fn certificates(&self) -> u64 {
        self.counted.certificates
    }

    /// Verifies the entries of a range, which are read together, and gives them.
    pub(super) async fn verify_page(
        &mut self,
        range: Range<u64>,
    ) -> Result<Result<Vec<EntryCommitment>, Fault>, LedgerError> {
        let before = self.counted;
        for _ in 1..MAX_ATTEMPTS {
            match self.try_page(range.clone()).await? {
                Ok(entries) => return Ok(Ok(entries)),
                Err((index, Suspicion::Firm(kind))) => return Ok(Err(Fault { index, kind })),
                Err((_, Suspicion::Outdated(_) | Suspicion::Overtaken)) => {
                    self.counted = before;
                    self.opened.clear();
                }
            }
        }
        match self.try_page(range).await? {
            Ok(entries) => Ok(Ok(entries)),
            // Nobody rotates keys so often: there is no such key.
            Err((index, Suspicion::Firm(kind) | Suspicion::Outdated(kind))) => Ok(Err(Fault { index, kind })),
            Err((_, Suspicion::Overtaken)) => Err(LedgerError::Conflict),
        }
    }

    async fn try_page(
        &mut self,
        range: Range<u64>,
    ) -> Result<Result<Vec<EntryCommitment>, (u64, Suspicion)>, LedgerError> {
        let Verifier { storage, encryption, controller, .. } = *self.verifier;
        let keys = encryption.tenant(controller).await?;
        let log = self.log;
        let leaf_keys: Vec<Key> = range.clone().map(|index| Key::LogLeaf { log, index }).collect();
        let (mut body_keys, mut commitments) = (Vec::new(), Vec::new());
        for (index, found) in range.clone().zip(read(storage, controller, &leaf_keys).await?) {
            let leaf = match row::<LogLeafRow>(&found) {
                Ok(Some(leaf)) => leaf,
                Ok(None) => return Ok(Err((index, Suspicion::Firm(FaultKind::EntryMissing)))),
                Err(_) => return Ok(Err((index, Suspicion::Firm(FaultKind::Unreadable)))),
            };
            body_keys.push(Key::EntryBody { owner: leaf.owner, entry: leaf.entry });
            commitments.push(EntryCommitment::from(leaf.commitment));
        }
        let bodies = read(storage, controller, &body_keys).await?;
        let data_keys = self.data_keys(&body_keys, &bodies).await?;
        for (((index, key), commitment), body) in range.zip(&body_keys).zip(&commitments).zip(&bodies) {
            let entry = Entry { index, key, commitment: *commitment, body };
            if let Err(suspicion) = self.verify_entry(&keys, &entry, &data_keys).await? {
                return Ok(Err((index, suspicion)));
            }
        }
        Ok(Ok(commitments))
    }

    /// The data keys of these bodies.
    async fn data_keys(
        &self,
        body_keys: &[Key],
        bodies: &[Found],
    ) -> Result<BTreeMap<Key, Found>, LedgerError> {
        let Verifier { storage, controller, .. } = *self.verifier;
        let mut keys: Vec<Key> = Vec::new();
        for (key, body) in body_keys.iter().zip(bodies) {
            if let Ok(Some(EntryBodyRow { category, body: EntryBody::Kept(sealed), .. })) = row(body) {
                keys.push(SealedBody { controller, key, category, sealed }.data_key());
            }
        }
        keys.sort_unstable();
        keys.dedup();
        let rows = read(storage, controller, &keys).await?;
        Ok(keys.into_iter().zip(rows).collect())
    }

    async fn verify_entry(
        &mut self,
        keys: &TenantKeys,
        entry: &Entry<'_>,
        data_keys: &BTreeMap<Key, Found>,
    ) -> Result<Result<(), Suspicion>, LedgerError> {
        let verified = self.verify_body(keys, entry, data_keys).await?;
        if !matches!(verified, Err(Suspicion::Firm(_))) {
            return Ok(verified);
        }
        // Body and key were not read from one snapshot: it may have been erased in between.
        let Verifier { storage, controller, .. } = *self.verifier;
        let again = read(storage, controller, std::slice::from_ref(entry.key)).await?;
        let is_same = again.first().is_some_and(|found| version_of(found) == version_of(entry.body));
        Ok(if is_same { verified } else { Err(Suspicion::Overtaken) })
    }

    async fn verify_body(
        &mut self,
        keys: &TenantKeys,
        entry: &Entry<'_>,
        data_keys: &BTreeMap<Key, Found>,
    ) -> Result<Result<(), Suspicion>, LedgerError> {
        let body = match row::<EntryBodyRow>(entry.body) {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(Err(Suspicion::Firm(FaultKind::BodyMissing))),
            Err(_) => return Ok(Err(Suspicion::Firm(FaultKind::Unreadable))),
        };
        if body.log != self.log || body.index != entry.index {
            return Ok(Err(Suspicion::Firm(FaultKind::Misplaced)));
        }
        let sealed = match &body.body {
            EntryBody::Kept(sealed) => sealed,
            EntryBody::Erased { certificate } => {
                self.counted.erased += 1;
                let place = (self.log, entry.index);
                return Ok(match self.opened.cover(self.verifier, keys, *certificate, place).await {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(Suspicion::Firm(FaultKind::NotCertified)),
                    Err(LedgerError::Conflict) => Err(Suspicion::Outdated(FaultKind::NotCertified)),
                    Err(error) => return Err(error),
                });
            }
        };
        let controller = self.verifier.controller;
        let body = SealedBody { controller, key: entry.key, category: &body.category, sealed };
        let data_key = match data_keys.get(&body.data_key()).map_or(Ok(None), row::<DataKeyRow>) {
            Ok(data_key) => data_key,
            Err(_) => return Ok(Err(Suspicion::Firm(FaultKind::Unreadable))),
        };
        Ok(match body.open(keys, data_key, &entry.commitment) {
            Ok(event) => self.verify_event(entry, &event).await?.map_err(Suspicion::Firm),
            Err(EncryptionError::KeysChanged) => Err(Suspicion::Outdated(FaultKind::KeyMissing)),
            Err(EncryptionError::KeyMissing) => Err(Suspicion::Firm(FaultKind::KeyMissing)),
            Err(_) => Err(Suspicion::Firm(FaultKind::BodyAltered)),
        })
    }

    /// Holds the log to what its own events say about it.
    async fn verify_event(
        &mut self,
        entry: &Entry<'_>,
        event: &[u8],
    ) -> Result<Result<(), FaultKind>, LedgerError> {
        // The first event says whether the log follows another one, and only then it may.
        let is_successor = self.log.generation > 0;
        if entry.index == 0 && names(event, self.predecessor) != is_successor {
            return Ok(Err(FaultKind::SuccessionBroken));
        }
        if entry.key.owner() == Owner::Controller
            && mentions(event, CERTIFICATE)
            && let Some(covered) = covered_by(event)
        {
            self.counted.certificates += 1;
            if !self.verifier.all_erased(&covered).await? {
                return Ok(Err(FaultKind::CertificateContradicted));
            }
        }
        Ok(Ok(()))
    }
}

fn version_of(found: &Found) -> Option<Version> {
    found.as_ref().ok()?.as_ref().map(|stored| stored.version)
}

/// Whether the first event of a log says that it follows another one, and which, where that is known.
fn names(event: &[u8], predecessor: Option<LogId>) -> bool {
    let Ok(event) = serde_json::from_slice::<serde_json::Value>(event) else { return false };
    let text = |key: &str| event.get(key).and_then(serde_json::Value::as_str);
    text("type") == Some(succession::EVENT_TYPE)
        && predecessor.is_none_or(|log| text(PREDECESSOR) == Some(log.to_string().as_str()))
}

fn mentions(event: &[u8], word: &str) -> bool {
    event.windows(word.len()).any(|window| window == word.as_bytes())
}
