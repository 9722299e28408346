//! `wzapi keys` and `wzapi compact`.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde_json::json;
use wzapi_compliance::encryption::export::{ExportSummary, KeyExportFile};
use wzapi_compliance::encryption::rotation::RotationProgress;
use wzapi_compliance::keys::KeysStatus;
use wzapi_compliance::location::Location;
use wzapi_compliance::storage::row::{EpochRow, EpochStage, WrappingKeyFate};

use crate::arguments::{
    CompactOptions, ExportKeysOptions, ImportKeysOptions, KeysCommand, KeysOptions, RotateEpochOptions,
};
use crate::failure::{Failure, Outcome};
use crate::operator::Operator;
use crate::watcher::Watcher;

pub(crate) async fn run(command: KeysCommand) -> Result<Outcome, Failure> {
    match command {
        KeysCommand::Status(options) => status(options).await,
        KeysCommand::Rotate(options) => rotate(options).await,
        KeysCommand::RotateEpoch(options) => rotate_epoch(options).await,
        KeysCommand::Export(options) => export(options).await,
        KeysCommand::Import(options) => import(options).await,
    }
}

async fn status(options: KeysOptions) -> Result<Outcome, Failure> {
    let operator = Operator::open(&options.data).await?;
    let status = operator.compliance.keys().status(&operator.actor).await?;
    if options.data.json {
        say!("{}", status_json(&status));
    } else {
        print_status(&status);
    }
    Ok(Outcome::Done)
}

async fn rotate(options: KeysOptions) -> Result<Outcome, Failure> {
    let operator = Operator::open(&options.data).await?;
    let mut watcher = Watcher::new();
    let progress = operator
        .compliance
        .keys()
        .rotate(&operator.actor, &mut |progress| watcher.show(&rotation_text(progress)))
        .await?;
    drop(watcher);
    if options.data.json {
        say!("{}", json!({ "controllers": progress.controllers, "rewrapped": progress.rewrapped }));
    } else {
        say!("{}", rotation_text(progress));
    }
    Ok(Outcome::Done)
}

async fn rotate_epoch(options: RotateEpochOptions) -> Result<Outcome, Failure> {
    let operator = Operator::open(&options.data).await?;
    let keys = operator.compliance.keys();
    let path = match (&options.export, &options.data.data) {
        (Some(path), _) => path.clone(),
        (None, Location::Directory(directory)) => {
            let next = keys.status(&operator.actor).await?.epoch;
            free_name(
                &directory.join("key-exports"),
                next.epoch + u32::from(next.stage == EpochStage::Complete),
            )
        }
        (None, Location::Postgres(_)) => return Err(Failure::NoExportPath),
    };
    let mut target = create(&path)?;
    let mut watcher = Watcher::new();
    let report = keys
        .rotate_epoch(&operator.actor, &mut target, &mut |progress| watcher.show(&rotation_text(progress)))
        .await?;
    drop(watcher);
    if options.data.json {
        say!(
            "{}",
            json!({
                "epoch": epoch_json(&report.epoch),
                "rewrapped": report.progress.rewrapped,
                "export": path.display().to_string(),
                "final": report.is_final(),
            })
        );
    } else {
        say!("{}", rotation_text(report.progress));
        print_epoch(&report.epoch);
        say!("keys written to {}: keep it with the backups of the data", path.display());
        if !report.is_final() {
            say!(
                "the provider still holds former wrapping keys; until they are gone, old copies can be read"
            );
        }
    }
    Ok(Outcome::Done)
}

async fn export(options: ExportKeysOptions) -> Result<Outcome, Failure> {
    let operator = Operator::open(&options.data).await?;
    let mut target = create(&options.out)?;
    let summary: ExportSummary = operator.compliance.keys().export(&operator.actor, &mut target).await?;
    if options.data.json {
        say!(
            "{}",
            json!({ "epoch": summary.epoch, "controllers": summary.controllers, "rows": summary.rows })
        );
    } else {
        say!("{} keys of {} controllers, epoch {}", summary.rows, summary.controllers, summary.epoch);
    }
    Ok(Outcome::Done)
}

async fn import(options: ImportKeysOptions) -> Result<Outcome, Failure> {
    Operator::refuse_fresh(&options.data)?;
    let file = std::fs::File::open(&options.file)
        .map_err(|cause| Failure::Unreadable { path: options.file.clone(), cause })?;
    let (builder, actor) = Operator::builder(&options.data).await?;
    let mut watcher = Watcher::new();
    let (compliance, report) = builder
        .import_keys(&actor, &mut BufReader::new(file), &mut |report| {
            watcher.show(&format!("{} controllers, {} keys", report.controllers, report.living));
        })
        .await?;
    drop(watcher);
    let _opened = Operator::over(compliance, actor);
    if options.data.json {
        say!(
            "{}",
            json!({
                "controllers": report.controllers,
                "unknown_controllers": report.unknown_controllers,
                "living": report.living,
                "destroyed": report.destroyed,
            })
        );
    } else {
        say!(
            "{} controllers: {} keys live, {} were destroyed since",
            report.controllers,
            report.living,
            report.destroyed
        );
    }
    Ok(Outcome::Done)
}

pub(crate) async fn compact(options: CompactOptions) -> Result<Outcome, Failure> {
    Operator::refuse_fresh(&options.data)?;
    let compacted = options.data.data.compact().await?;
    let (before, after) = (compacted.bytes_before, compacted.bytes_after);
    if options.data.json {
        say!("{}", json!({ "bytes_before": before, "bytes_after": after }));
    } else {
        say!("{before} bytes before, {after} after");
    }
    Ok(Outcome::Done)
}

fn create(path: &Path) -> Result<KeyExportFile, Failure> {
    KeyExportFile::create(path).map_err(|cause| Failure::Unwritable { path: path.to_owned(), cause })
}

/// A file for the export of an epoch that is not there yet: an earlier attempt may have left one.
fn free_name(folder: &Path, epoch: u32) -> PathBuf {
    let mut attempt = 1_u32;
    loop {
        let path = folder.join(format!("epoch-{epoch}-{attempt}.keys"));
        if !path.exists() {
            return path;
        }
        attempt = attempt.saturating_add(1);
    }
}

fn rotation_text(progress: RotationProgress) -> String {
    format!(
        "{} controllers, {} data keys seen, {} wrapped anew",
        progress.controllers, progress.data_keys, progress.rewrapped
    )
}

fn print_status(status: &KeysStatus) {
    print_epoch(&status.epoch);
    for tenant in &status.tenants {
        say!(
            "{}: tenant key {}, {} data keys, {} to be wrapped anew",
            tenant.controller,
            tenant.tenant_keys.iter().map(|key| key.version.to_string()).collect::<Vec<_>>().join(" and "),
            tenant.data_keys,
            tenant.outdated
        );
    }
}

fn print_epoch(epoch: &EpochRow) {
    say!(
        "epoch {} since {}: wrapping key {} ({})",
        epoch.epoch,
        epoch.began_at,
        epoch.wrapping_key,
        stage_text(epoch.stage)
    );
    for former in &epoch.former {
        say!("  former wrapping key {}: {}", former.name, fate_text(former.fate));
    }
}

const fn stage_text(stage: EpochStage) -> &'static str {
    match stage {
        EpochStage::Complete => "complete",
        EpochStage::Rewrapping => "rotation cut short while keys were wrapped anew; rotate again to go on",
        EpochStage::Destroying => {
            "rotation cut short before former keys were destroyed; rotate again to go on"
        }
    }
}

fn fate_text(fate: WrappingKeyFate) -> String {
    match fate {
        WrappingKeyFate::Live => "still there".to_owned(),
        WrappingKeyFate::PendingUntil(until) => format!("destroyed by the provider at {until}"),
        WrappingKeyFate::DestroyedAt(at) => format!("destroyed at {at}"),
    }
}

fn epoch_json(epoch: &EpochRow) -> serde_json::Value {
    let stage = match epoch.stage {
        EpochStage::Complete => "complete",
        EpochStage::Rewrapping => "rewrapping",
        EpochStage::Destroying => "destroying",
    };
    let former = epoch.former.iter().map(|former| match former.fate {
        WrappingKeyFate::Live => json!({ "name": former.name, "fate": "live" }),
        WrappingKeyFate::PendingUntil(until) => {
            json!({ "name": former.name, "fate": "pending", "until": until.to_string() })
        }
        WrappingKeyFate::DestroyedAt(at) => {
            json!({ "name": former.name, "fate": "destroyed", "at": at.to_string() })
        }
    });
    json!({
        "epoch": epoch.epoch,
        "began_at": epoch.began_at.to_string(),
        "wrapping_key": epoch.wrapping_key,
        "stage": stage,
        "former": former.collect::<Vec<_>>(),
    })
}

fn status_json(status: &KeysStatus) -> serde_json::Value {
    let tenants = status.tenants.iter().map(|tenant| {
        json!({
            "controller": tenant.controller.to_string(),
            "tenant_keys": tenant.tenant_keys.iter().map(|key| json!({
                "version": key.version,
                "created_at": key.created_at.to_string(),
                "wrapped_by": key.wrapped_by,
            })).collect::<Vec<_>>(),
            "index_keys": tenant.index_keys,
            "data_keys": tenant.data_keys,
            "outdated": tenant.outdated,
        })
    });
    json!({ "epoch": epoch_json(&status.epoch), "tenants": tenants.collect::<Vec<_>>() })
}
