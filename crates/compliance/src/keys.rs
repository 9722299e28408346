//! Key management: which keys there are, rotation, epochs, export and import.
//!
//! Nothing that is sealed is rewritten by any of this: keys are wrapped anew. Every operation can be cut short and done
//! again, and at no point is a living person unreadable. What was done is an entry of the system
//! controller's ledger; after a crash right before that entry, the row of the epoch still shows it.

use std::fmt;

use wzapi_access::Permission;
use wzapi_encryption::EncryptionError;
use wzapi_encryption::epoch::EpochReport;
use wzapi_encryption::export::{ExportSummary, ImportReport, KeyExportSource, KeyExportTarget};
use wzapi_encryption::rotation::{OnProgress, RotationProgress};
use wzapi_encryption::status::TenantStatus;
use wzapi_ledger::Event;
use wzapi_model::actor::Actor;
use wzapi_model::ids::ControllerId;
use wzapi_storage::row::EpochRow;

use crate::builder::{Builder, Compliance};
use crate::error::Error;
use crate::services::Services;

/// The keys of every controller. Each operation needs [`Permission::ManageKeys`] at the system controller.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    of: &'a Compliance,
}

/// Which keys there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysStatus {
    /// The wrapping key in use and those before it.
    pub epoch: EpochRow,
    /// The keys of each controller, the system controller first.
    pub tenants: Vec<TenantStatus>,
}

impl Compliance {
    /// The keys.
    #[must_use]
    pub const fn keys(&self) -> Keys<'_> {
        Keys { of: self }
    }
}

impl Keys<'_> {
    /// Which keys there are. It counts every data key, so it costs what is stored.
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn status(&self, actor: &Actor) -> Result<KeysStatus, Error> {
        let encryption = &self.allowed(actor).await?.encryption;
        let mut tenants = Vec::new();
        for controller in encryption.controllers().await? {
            match encryption.tenant_status(controller).await {
                Ok(status) => tenants.push(status),
                // In the directory, but its keys are not made yet.
                Err(EncryptionError::UnknownController) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(KeysStatus { epoch: encryption.epoch_status().await?, tenants })
    }

    /// Gives every controller a new tenant key, and wraps every data key anew.
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part, after which doing it again goes on.
    pub async fn rotate(
        &self,
        actor: &Actor,
        on_progress: OnProgress<'_>,
    ) -> Result<RotationProgress, Error> {
        let services = self.allowed(actor).await?;
        let mut progress = RotationProgress::default();
        for controller in services.encryption.controllers().await? {
            match services.encryption.rotate_tenant(controller, &mut progress, on_progress).await {
                Ok(()) | Err(EncryptionError::UnknownController) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.record(actor, "keys.rotated", &[("rewrapped", progress.rewrapped)]).await?;
        Ok(progress)
    }

    /// Begins a new epoch, or finishes one that was cut short: a new wrapping key, new tenant keys, everything wrapped
    /// anew, an export, and the end of the old wrapping key. What was destroyed before is beyond recovery afterwards,
    /// whatever copies of the data there are. Keep the export with the backups of the data.
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part, after which doing it again goes on.
    pub async fn rotate_epoch(
        &self,
        actor: &Actor,
        target: &mut dyn KeyExportTarget,
        on_progress: OnProgress<'_>,
    ) -> Result<EpochReport, Error> {
        let services = self.allowed(actor).await?;
        let report = services.encryption.rotate_epoch(target, on_progress).await?;
        let numbers = [("epoch", u64::from(report.epoch.epoch)), ("rewrapped", report.progress.rewrapped)];
        self.record(actor, "keys.epoch_began", &numbers).await?;
        Ok(report)
    }

    /// Writes the living keys, wrapped as they are stored, to an export.
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn export(
        &self,
        actor: &Actor,
        target: &mut dyn KeyExportTarget,
    ) -> Result<ExportSummary, Error> {
        let summary = self.allowed(actor).await?.encryption.export_keys(target).await?;
        let numbers = [("epoch", u64::from(summary.epoch)), ("rows", summary.rows)];
        self.record(actor, "keys.exported", &numbers).await?;
        Ok(summary)
    }

    async fn allowed(&self, actor: &Actor) -> Result<&Services, Error> {
        let services = &self.of.services;
        services.require(actor, Permission::ManageKeys, ControllerId::SYSTEM).await?;
        Ok(services)
    }

    async fn record(
        &self,
        actor: &Actor,
        event: &'static str,
        numbers: &[(&'static str, u64)],
    ) -> Result<(), Error> {
        let services = &self.of.services;
        let mut event =
            Event::new(event, ControllerId::SYSTEM, services.clock.now()).with("actor", actor.name());
        for (name, number) in numbers {
            event = event.with(name, *number);
        }
        services.record_event(ControllerId::SYSTEM, &event).await
    }
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Builder {
    /// Replaces the keys of a restored store by those of the newest key export, and opens it: the living come back, and
    /// only they. Nothing else may have the store open. Needs [`Permission::ManageKeys`] at the system controller; a
    /// refusal is not recorded, since the store cannot be opened yet.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::KeyImport`], which says whether anything was changed; as [`Builder::build`].
    pub async fn import_keys(
        self,
        actor: &Actor,
        source: &mut dyn KeyExportSource,
        on_progress: &mut (dyn FnMut(ImportReport) + Send),
    ) -> Result<(Compliance, ImportReport), Error> {
        wzapi_access::authorise(actor, Permission::ManageKeys, ControllerId::SYSTEM)?;
        let adopt_journal = self.adopt_journal;
        let services = self.into_services()?;
        let report = services.encryption.import_keys(source, on_progress).await?;
        let compliance = Compliance::open(services, adopt_journal).await?;
        let numbers = [("living", report.living), ("destroyed", report.destroyed)];
        compliance.keys().record(actor, "keys.imported", &numbers).await?;
        Ok((compliance, report))
    }
}
