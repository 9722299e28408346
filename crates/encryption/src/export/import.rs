//! A restored store gets the keys that live now.
//!
//! For each data key that the store holds: when the export holds it, it gets the export's row; when not, it was
//! destroyed since, and goes. Keys that the store does not hold are left out, since nothing in it was sealed under
//! them. So an export brings nobody back, however old the data is.
//!
//! An export may also be older than the data. Then the store holds keys that were made after it, and they live on: those
//! that were made later than five minutes before it, and that its tenant keys open. So a key that was made within those
//! minutes and destroyed before the export was written lives on as well, when the data is from in between: restore from
//! the export of an epoch, under whose tenant keys no earlier backup is. Signing keys of logs that were made since live on
//! too.
//!
//! The whole file is authenticated, and every key in it opened, before the first row is changed. While a controller is
//! being imported it has no tenant key, so nothing of it can be read or written; an import that is cut short is done
//! again from the start.

use std::collections::BTreeMap;
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::Draft;
use wzapi_storage::codec::encode_key;
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::{
    Body, ControllerRow, DataKeyRow, DataKeyVersion, EpochRow, EpochStage, FormerWrappingKey, LogKeyRow,
    RowType, TenantKeyRow, WrappingKeyFate,
};

use super::line::{Footer, Header, from_base64};
use super::mac_key;
use super::merge::merged;
use super::reader::{Item, KeyExportSource, Lines, Order, OwnRows, Row};
use crate::error::EncryptionError;
use crate::provider::KeyProviderError;
use crate::tenant::{Encryption, TenantKeys};

/// Rows changed with one changeset.
const CHUNK: usize = 512;
/// A key may be made a while before it is committed, and by a machine whose clock is slow. One that was made so long
/// before an export, and is not in it, may therefore have been committed after it.
const COMMITTED_WITHIN: Duration = Duration::from_secs(300);

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// Controllers whose keys were replaced.
    pub controllers: u64,
    /// Controllers of the export that the store does not know: they were registered after the backup.
    pub unknown_controllers: u64,
    /// Data keys that live.
    pub living: u64,
    /// Data keys of the store that were destroyed since, and are gone now.
    pub destroyed: u64,
}

/// Why an export was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not a key export of this version, or not whole. Nothing was changed.
    #[error("line {line} of the key export cannot be read: {problem}")]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// The file was altered. Nothing was changed.
    #[error("the key export was altered: it does not authenticate")]
    Altered,
    /// The export's own wrapping key was destroyed, so there is a newer export. Nothing was changed.
    #[error("the wrapping key of this export was destroyed: import the newest export")]
    Outdated,
    /// The keys in the store are newer than those of the export. Nothing was changed.
    #[error("the store has newer keys than the export: it needs no import, or a newer export")]
    OlderThanStore,
    /// Somebody else changes the store. Stop every other process and import again.
    #[error("the store is being changed by somebody else; stop every other process and import again")]
    InUse,
    /// The file cannot be read.
    #[error("the key export cannot be read")]
    Read(#[from] std::io::Error),
    /// Keys, the key provider or the store failed.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
}

impl From<wzapi_storage::StorageError> for ImportError {
    fn from(error: wzapi_storage::StorageError) -> Self {
        Self::Encryption(error.into())
    }
}

impl From<wzapi_storage::draft::NotLoaded> for ImportError {
    fn from(error: wzapi_storage::draft::NotLoaded) -> Self {
        Self::Encryption(error.into())
    }
}

impl Encryption {
    /// Replaces the keys of this store by those of an export. Nothing else may have the store open.
    ///
    /// # Errors
    /// [`ImportError`]; where it says so, nothing was changed, and otherwise import again.
    pub async fn import_keys(
        &self,
        source: &mut dyn KeyExportSource,
        on_progress: &mut (dyn FnMut(ImportReport) + Send),
    ) -> Result<ImportReport, ImportError> {
        let mac_key = self.open_export(source).await?;
        self.check(source, &mac_key).await?;
        self.check_keys(source).await?;

        let (mut lines, header, _) = Lines::begin(source)?;
        // First: a store whose controllers are all imported must not be taken for one of the former epoch.
        self.import_epoch(&header).await?;
        let mut report = ImportReport::default();
        let mut next = lines.next_row()?;
        while let Some(own) = lines.own_rows(next)? {
            next = self.import_controller(own, &mut lines, &header, &mut report).await?;
            on_progress(report);
        }
        Ok(report)
    }

    /// Reads the system controller's keys, which come first; the key that authenticates the whole file.
    async fn open_export(&self, source: &mut dyn KeyExportSource) -> Result<ring::hmac::Key, ImportError> {
        let (mut lines, header, _) = Lines::begin(source)?;
        let first = lines.next_row()?;
        let own = match lines.own_rows(first)? {
            Some(own) if own.controller.is_system() => own.rows,
            _ => return Err(lines.malformed("it does not begin with the system controller")),
        };
        let newest = own.iter().rev().find_map(|(key, body)| match (key, body) {
            (Key::TenantKey(version), Body::TenantKey(row)) => Some((*version, row)),
            _ => None,
        });
        let (version, row) = newest.ok_or(lines.malformed("the system controller has no tenant key"))?;
        if row.key.wrapped_by != header.wrapping_key {
            return Err(ImportError::Altered);
        }
        let unwrapped = self.unwrap_tenant_key(ControllerId::SYSTEM, version, &row.key).await;
        let key = unwrapped.map_err(|error| match error {
            EncryptionError::Provider(KeyProviderError::NoSuchKey) => ImportError::Outdated,
            EncryptionError::Authentication | EncryptionError::Provider(KeyProviderError::Authentication) => {
                ImportError::Altered
            }
            other => other.into(),
        })?;
        Ok(mac_key(&self.keys_of(ControllerId::SYSTEM, BTreeMap::from([(version, key)])))?)
    }

    /// Authenticates the whole file, and sees that it is in order and not older than the keys of the store.
    async fn check(
        &self,
        source: &mut dyn KeyExportSource,
        key: &ring::hmac::Key,
    ) -> Result<(), ImportError> {
        let (mut lines, header, text) = Lines::begin(source)?;
        let mut mac = ring::hmac::Context::with_key(key);
        mac.update(&text);
        let (mut rows, mut settings, mut order) = (0_u64, Vec::new(), Order::default());
        let footer: Footer = loop {
            match lines.next_item()? {
                (Item::Footer(footer), _) => break footer,
                (Item::Row(row), text) => {
                    mac.update(&text);
                    rows += 1;
                    if let Some(problem) = order.problem(&row) {
                        return Err(lines.malformed(problem));
                    }
                    if let (controller, _, Body::Controller(row)) = row {
                        settings.push((controller, row));
                    }
                }
            }
        };
        lines.end()?;
        let stated = from_base64(&footer.mac).ok_or(ImportError::Altered)?;
        // Compared under another application of the key, so that the comparison tells nothing about the tag.
        let is_same =
            ring::hmac::verify(key, mac.sign().as_ref(), ring::hmac::sign(key, &stated).as_ref()).is_ok();
        if footer.rows != rows || !is_same {
            return Err(ImportError::Altered);
        }

        if self.epoch().await?.is_some_and(|epoch| epoch.epoch > header.epoch) {
            return Err(ImportError::OlderThanStore);
        }
        for (controller, exported) in settings {
            let stored = self.stored_settings(controller).await?;
            if stored
                .is_some_and(|stored| stored.tenant_keys.iter().max() > exported.tenant_keys.iter().max())
            {
                return Err(ImportError::OlderThanStore);
            }
        }
        Ok(())
    }

    /// Sees that every key of the export opens: better now than after those of the store are gone.
    async fn check_keys(&self, source: &mut dyn KeyExportSource) -> Result<(), ImportError> {
        let (mut lines, _, _) = Lines::begin(source)?;
        let mut next = lines.next_row()?;
        while let Some(own) = lines.own_rows(next)? {
            let keys = self.exported_keys(&own).await?;
            own.rows.iter().try_for_each(|(key, body)| keys.check(key, body))?;
            next = own.following;
            while let Some((controller, key, body)) = &next {
                if *controller != own.controller {
                    break;
                }
                keys.check(key, body)?;
                next = lines.next_row()?;
            }
        }
        Ok(())
    }

    /// The tenant keys of a controller as they were exported.
    async fn exported_keys(&self, own: &OwnRows) -> Result<TenantKeys, ImportError> {
        let settings = own.rows.iter().find_map(|(_, body)| ControllerRow::of(body));
        let mut tenant_keys = BTreeMap::new();
        for version in settings.map_or(&[][..], |row| row.tenant_keys.as_slice()) {
            let place = Key::TenantKey(*version);
            let damaged = || {
                let place = Box::new(place.clone());
                EncryptionError::DamagedKey { controller: own.controller, place }
            };
            let row = own.rows.iter().find(|(key, _)| *key == place);
            let row = row.and_then(|(_, body)| TenantKeyRow::of(body)).ok_or_else(damaged)?;
            let unwrapped = self.unwrap_tenant_key(own.controller, *version, &row.key).await;
            let key = unwrapped.map_err(|error| match error {
                EncryptionError::Provider(KeyProviderError::NoSuchKey) => ImportError::Outdated,
                EncryptionError::Authentication
                | EncryptionError::Provider(KeyProviderError::Authentication) => damaged().into(),
                other => other.into(),
            })?;
            tenant_keys.insert(*version, key);
        }
        Ok(self.keys_of(own.controller, tenant_keys))
    }

    async fn stored_settings(&self, controller: ControllerId) -> Result<Option<ControllerRow>, ImportError> {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        draft.load([Key::Controller]).await?;
        Ok(draft.row(&Key::Controller)?.cloned())
    }

    /// Imports one controller; returns the row after its last one.
    async fn import_controller(
        &self,
        own: OwnRows,
        lines: &mut Lines<'_>,
        header: &Header,
        report: &mut ImportReport,
    ) -> Result<Option<Row>, ImportError> {
        let controller = own.controller;
        let Some(stored) = self.stored_settings(controller).await? else {
            report.unknown_controllers += 1;
            return skip(controller, own.following, lines);
        };
        let exported = Exported { keys: self.exported_keys(&own).await?, at: header.exported_at };
        self.forget(controller);
        self.remove_own(controller, RowKind::TenantKey).await?;
        let mut next = own.following;
        let mut query = Query::kind(controller, RowKind::DataKey, CHUNK);
        loop {
            let page = self.storage.scan(&query).await?;
            let after = page.next.clone();
            next = self.import_page(page, next, lines, &exported, report).await?;
            match after {
                Some(after) => query.after = Some(after),
                None => break,
            }
        }
        let next = skip(controller, next, lines)?;
        self.remove_own(controller, RowKind::IndexKey).await?;
        let mut rows = own.rows;
        self.merge_log_keys(&exported, &mut rows).await?;
        self.put_own(controller, &stored, rows).await?;
        report.controllers += 1;
        Ok(next)
    }

    /// Both sides are in the order of their encoded keys.
    async fn import_page(
        &self,
        page: Page,
        mut next: Option<Row>,
        lines: &mut Lines<'_>,
        exported: &Exported,
        report: &mut ImportReport,
    ) -> Result<Option<Row>, ImportError> {
        let controller = exported.keys.controller();
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        draft.load(page.rows.iter().map(|(key, _)| key.clone())).await?;
        for (place, stored) in page.rows {
            let encoded = encode_key(controller, &place);
            while next.as_ref().is_some_and(|row| row.0 == controller && encode_key(row.0, &row.1) < encoded)
            {
                next = lines.next_row()?;
            }
            let found = next.as_ref().filter(|row| row.0 == controller && row.1 == place);
            let found = found.and_then(|(_, _, body)| DataKeyRow::of(body));
            let Some(row) = DataKeyRow::of(&stored.body) else { continue };
            let living = merged(row, found, |version| exported.is_older_than(&place, version));
            if living.versions.is_empty() {
                report.destroyed += 1;
                draft.delete(place)?;
                continue;
            }
            report.living += 1;
            if living != *row {
                draft.put(place, living, stored.due_at)?;
            }
        }
        self.commit_import(draft).await?;
        Ok(next)
    }

    /// A signing key that was made after the export, and that its tenant keys open, stays; so does what the store knows
    /// of a handover since. The others go: nothing opens them any more.
    async fn merge_log_keys(&self, exported: &Exported, rows: &mut [(Key, Body)]) -> Result<(), ImportError> {
        let controller = exported.keys.controller();
        let mut query = Query::prefix(controller, KeyPrefix::Kind(Owner::Controller, RowKind::LogKey), CHUNK);
        loop {
            let page = self.storage.scan(&query).await?;
            let mut draft = Draft::new(self.storage.as_ref(), controller);
            draft.load(page.rows.iter().map(|(key, _)| key.clone())).await?;
            for (key, stored) in page.rows {
                let Some(row) = LogKeyRow::of(&stored.body) else { continue };
                let is_open = exported.keys.unwrap_log_key(&key, &row.key).is_ok();
                let found = rows.iter_mut().find(|(place, _)| *place == key).map(|(_, body)| body);
                match found {
                    Some(Body::LogKey(kept)) if is_open => {
                        kept.retired_at = kept.retired_at.or(row.retired_at)
                    }
                    Some(_) => {}
                    None if is_open => {}
                    None => draft.delete(key)?,
                }
            }
            self.commit_import(draft).await?;
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn remove_own(&self, controller: ControllerId, kind: RowKind) -> Result<(), ImportError> {
        let mut query = Query::prefix(controller, KeyPrefix::Kind(Owner::Controller, kind), CHUNK);
        loop {
            let page = self.storage.scan(&query).await?;
            let mut draft = Draft::new(self.storage.as_ref(), controller);
            draft.load(page.rows.iter().map(|(key, _)| key.clone())).await?;
            for (key, _) in page.rows {
                draft.delete(key)?;
            }
            self.commit_import(draft).await?;
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// The controller's row comes with its tenant keys in one changeset: from then on it can be used.
    async fn put_own(
        &self,
        controller: ControllerId,
        stored: &ControllerRow,
        own: Vec<(Key, Body)>,
    ) -> Result<(), ImportError> {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        draft.load(own.iter().map(|(key, _)| key.clone())).await?;
        for (key, body) in own {
            let body = match body {
                Body::Controller(row) => ControllerRow { registered_at: stored.registered_at, ..row }.into(),
                other => other,
            };
            draft.put(key, body, None)?;
        }
        self.commit_import(draft).await
    }

    async fn import_epoch(&self, header: &Header) -> Result<(), ImportError> {
        let mut draft = Draft::new(self.storage.as_ref(), ControllerId::SYSTEM);
        draft.load([Key::Epoch]).await?;
        // An empty store has no epoch, and nothing to import.
        let Some(stored) = draft.row::<EpochRow>(&Key::Epoch)?.cloned() else { return Ok(()) };
        if stored.wrapping_key == header.wrapping_key {
            return Ok(());
        }
        // Whether it was destroyed, the next rotation finds out from the provider.
        let mut former = vec![FormerWrappingKey { name: stored.wrapping_key, fate: WrappingKeyFate::Live }];
        former.extend(stored.former.into_iter().filter(|former| former.name != header.wrapping_key));
        let row = EpochRow {
            epoch: header.epoch,
            began_at: header.began_at,
            wrapping_key: header.wrapping_key.clone(),
            stage: EpochStage::Complete,
            former,
        };
        draft.put(Key::Epoch, row, None)?;
        self.commit_import(draft).await
    }

    async fn commit_import(&self, draft: Draft<'_>) -> Result<(), ImportError> {
        if draft.is_unchanged() || self.commit_rows(draft).await? { Ok(()) } else { Err(ImportError::InUse) }
    }
}

/// What a controller's data keys are compared with.
struct Exported {
    keys: TenantKeys,
    at: Timestamp,
}

impl Exported {
    /// Whether a key of the store was committed after the export, under a tenant key that the export holds.
    fn is_older_than(&self, place: &Key, version: &DataKeyVersion) -> bool {
        version.created_at.saturating_add(COMMITTED_WITHIN) > self.at
            && self.keys.unwrap(place, version.version, &version.key).is_ok()
    }
}

/// The first row that is not of this controller.
fn skip(
    controller: ControllerId,
    mut next: Option<Row>,
    lines: &mut Lines<'_>,
) -> Result<Option<Row>, ImportError> {
    while next.as_ref().is_some_and(|row| row.0 == controller) {
        next = lines.next_row()?;
    }
    Ok(next)
}
