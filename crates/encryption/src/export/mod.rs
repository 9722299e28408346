//! The keys in one file.
//!
//! A backup of the data is opened by the keys that live now: those that were destroyed since must stay destroyed, and
//! the wrapping key of its epoch may be gone. So a restored backup gets its key rows from the newest key export
//! ([`Encryption::import_keys`]), and each rotation of the epoch writes one.
//!
//! An export holds wrapped keys only. It is worth nothing without the wrapping key, and as much as the key rows with it.
//!
//! The file is lines of JSON: a header, a line per row, a footer with the number of rows and an HMAC-SHA256 of every
//! byte before it, under a key derived from the newest tenant key of the system controller. `docs/formats/key-export.md`
//! describes it.

mod file;
mod import;
mod line;
mod merge;
mod reader;

use std::io;

use wzapi_model::ids::ControllerId;
use wzapi_storage::codec::{encode_body, encode_key};
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{MAX_PAGE, Query, Selection};
use wzapi_storage::row::{Body, EpochRow, WrappedKey};
use wzapi_storage::{Draft, Version};

pub use file::KeyExportFile;
pub use import::{ImportError, ImportReport};
pub use reader::KeyExportSource;

use crate::error::EncryptionError;
use crate::tenant::{Encryption, TenantKeys};
use line::{Footer, Header, Line};

/// What an export is called in its header.
const FORMAT: &str = "wzapi-key-export";
/// The version of the format.
const VERSION: u32 = 1;
const MAC_SALT: &[u8] = b"wzapi/key-export/v1";
/// The most rows of keys of a controller besides its data keys: an import writes them with one changeset.
const MAX_OWN_ROWS: usize = 4096;

/// Where an export is written to.
pub trait KeyExportTarget: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// That of the medium; the export is not complete then.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what was appended. Only after this may keys be destroyed.
    ///
    /// # Errors
    /// That of the medium; the export is not complete then.
    fn finish(&mut self) -> io::Result<()>;
}

/// What an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportSummary {
    /// The epoch.
    pub epoch: u32,
    /// Controllers, the system controller included.
    pub controllers: u64,
    /// Rows of keys.
    pub rows: u64,
}

impl Encryption {
    /// Writes every living key, wrapped as it is stored, after it has been seen to open.
    ///
    /// # Errors
    /// [`EncryptionError::KeysChanged`] when keys were rotated meanwhile: begin again with a new target;
    /// [`EncryptionError::DamagedKey`]; [`EncryptionError::Export`], [`EncryptionError::Storage`],
    /// [`EncryptionError::Provider`].
    pub async fn export_keys(
        &self,
        target: &mut dyn KeyExportTarget,
    ) -> Result<ExportSummary, EncryptionError> {
        let epoch: EpochRow = self.epoch().await?.ok_or(EncryptionError::UnknownController)?;
        let system =
            self.steady_keys(ControllerId::SYSTEM).await?.ok_or(EncryptionError::UnknownController)?;
        let wrapping_key = self.wrapping_key_of(&system.keys).await?;
        let mut writer = Writer::new(target, &system.keys)?;
        writer.line(&Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            epoch: epoch.epoch,
            began_at: epoch.began_at,
            wrapping_key,
            exported_at: self.clock.now(),
        })?;
        let rows = self.export_controller(&system, &mut writer).await?;
        let mut summary = ExportSummary { epoch: epoch.epoch, controllers: 1, rows };
        for controller in self.controllers().await? {
            if controller.is_system() {
                continue;
            }
            // One without keys is being registered: nothing was sealed for it yet.
            let Some(steady) = self.steady_keys(controller).await? else { continue };
            summary.rows += self.export_controller(&steady, &mut writer).await?;
            summary.controllers += 1;
        }
        let is_same = self.epoch().await?.is_some_and(|now| now.epoch == epoch.epoch);
        if !is_same {
            return Err(EncryptionError::KeysChanged);
        }
        writer.finish(summary.rows)?;
        Ok(summary)
    }

    /// The keys of a controller, from the store and not from memory; `None` when it has none.
    async fn steady_keys(&self, controller: ControllerId) -> Result<Option<Steady>, EncryptionError> {
        let Some(settings) = self.settings_version(controller).await? else { return Ok(None) };
        Ok(Some(Steady { settings, keys: self.load_tenant(controller).await? }))
    }

    /// The version of the row that every rotation changes.
    async fn settings_version(&self, controller: ControllerId) -> Result<Option<Version>, EncryptionError> {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        draft.load([Key::Controller]).await?;
        Ok(draft.loaded_version(&Key::Controller))
    }

    /// The wrapping key of a controller's newest tenant key.
    async fn wrapping_key_of(&self, keys: &TenantKeys) -> Result<String, EncryptionError> {
        let rows = self.tenant_key_rows(keys.controller()).await?.unwrap_or_default();
        let newest = rows.into_iter().find(|(version, _)| *version == keys.current_version());
        Ok(newest.ok_or(EncryptionError::KeysChanged)?.1.key.wrapped_by)
    }

    async fn export_controller(
        &self,
        steady: &Steady,
        writer: &mut Writer<'_>,
    ) -> Result<u64, EncryptionError> {
        let controller = steady.keys.controller();
        let own = |kind| Selection::Prefix(KeyPrefix::Kind(Owner::Controller, kind));
        let selections = [
            own(RowKind::Controller),
            own(RowKind::TenantKey),
            own(RowKind::IndexKey),
            own(RowKind::LogKey),
            Selection::Kind(RowKind::DataKey),
        ];
        let mut count = 0_usize;
        for selection in selections {
            let mut query = Query { controller, selection: selection.clone(), after: None, limit: MAX_PAGE };
            loop {
                let page = self.storage.scan(&query).await?;
                for (key, stored) in &page.rows {
                    steady.keys.check(key, &stored.body)?;
                    let body = encode_body(&stored.body).map_err(|_| EncryptionError::Corrupt)?;
                    writer.line(&Line::new(&encode_key(controller, key), &body))?;
                    count += 1;
                }
                if selection != Selection::Kind(RowKind::DataKey) && count > MAX_OWN_ROWS {
                    return Err(EncryptionError::Export(io::Error::other("a controller has too many keys")));
                }
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
        }
        // A rotation meanwhile would have torn the rows apart: some under a tenant key that was written here, some under
        // one that was not.
        if self.settings_version(controller).await? == Some(steady.settings) {
            Ok(u64::try_from(count).unwrap_or(u64::MAX))
        } else {
            Err(EncryptionError::KeysChanged)
        }
    }
}

/// The keys of a controller, and the version of its row from before they were read.
struct Steady {
    settings: Version,
    keys: TenantKeys,
}

impl TenantKeys {
    /// Opens every key that a tenant key wraps in this row.
    fn check(&self, place: &Key, body: &Body) -> Result<(), EncryptionError> {
        let open = |version, key: &WrappedKey| self.unwrap_checked(place, version, key).map(drop);
        match (place, body) {
            (Key::IndexKey(version), Body::IndexKey(row)) => open(*version, &row.key),
            (Key::LogKey { version, .. }, Body::LogKey(row)) => open(*version, &row.key),
            (Key::DataKey { .. }, Body::DataKey(row)) => {
                row.versions.iter().try_for_each(|version| open(version.version, &version.key))
            }
            _ => Ok(()),
        }
    }
}

/// Writes lines and authenticates them.
struct Writer<'a> {
    target: &'a mut dyn KeyExportTarget,
    mac: ring::hmac::Context,
}

impl<'a> Writer<'a> {
    fn new(target: &'a mut dyn KeyExportTarget, system: &TenantKeys) -> Result<Self, EncryptionError> {
        Ok(Self { target, mac: ring::hmac::Context::with_key(&mac_key(system)?) })
    }

    fn line<T: serde::Serialize>(&mut self, line: &T) -> Result<(), EncryptionError> {
        let mut bytes = serde_json::to_vec(line).map_err(|_| EncryptionError::Corrupt)?;
        bytes.push(b'\n');
        self.mac.update(&bytes);
        self.target.append(&bytes).map_err(EncryptionError::Export)
    }

    fn finish(self, rows: u64) -> Result<(), EncryptionError> {
        let mac = line::to_base64(self.mac.sign().as_ref());
        let mut bytes = serde_json::to_vec(&Footer { rows, mac }).map_err(|_| EncryptionError::Corrupt)?;
        bytes.push(b'\n');
        self.target.append(&bytes).map_err(EncryptionError::Export)?;
        self.target.finish().map_err(EncryptionError::Export)
    }
}

fn mac_key(system: &TenantKeys) -> Result<ring::hmac::Key, EncryptionError> {
    let derived = system.derive(MAC_SALT)?;
    Ok(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, derived.expose()))
}
