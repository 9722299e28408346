//! `wzapi ledger verify --tiles`: an exported log recomputed from its entries.

use std::path::Path;

use serde_json::json;
use wzapi_compliance::ledger::proof::audit::{Audit, AuditError, AuditReport, Fault};
use wzapi_compliance::ledger::proof::checkpoint::{CheckpointPolicy, OpenedCheckpoint};

use super::directory::Directory;
use super::verify::ROLLBACK;
use crate::failure::{Failure, Outcome, in_one_line};
use crate::watcher::Watcher;

pub(super) fn verify(
    path: &Path,
    policy: &CheckpointPolicy,
    older: Option<OpenedCheckpoint>,
    is_json: bool,
) -> Result<Outcome, Failure> {
    let directory = Directory::open(path)?;
    let audit = Audit::new(policy);
    let audit = older.into_iter().fold(audit, Audit::against);
    let mut watcher = Watcher::new();
    let outcome = audit.run(&directory, |done, size| {
        watcher.show(&format!("{done} of {size} entries verified"));
    });
    drop(watcher);
    match outcome {
        Ok(report) => {
            print_sound(is_json, &report);
            Ok(Outcome::Done)
        }
        Err(AuditError::Fault(fault)) => {
            print_fault(is_json, policy.origin(), &fault);
            Ok(Outcome::NotVerified)
        }
        Err(AuditError::Source { path, source }) => {
            Err(Failure::Unreadable { path: directory.place(&path), cause: source })
        }
    }
}

fn print_sound(is_json: bool, report: &AuditReport) {
    let (checkpoint, head) = (report.checkpoint.checkpoint(), report.checkpoint.head());
    let (origin, witnesses) = (checkpoint.origin(), report.checkpoint.cosignatures().len());
    if is_json {
        say!(
            "{}",
            json!({
                "verified": true,
                "origin": origin,
                "size": head.size(),
                "root": head.root().to_string(),
                "tiles": report.tiles,
                "witnesses": witnesses,
                "compared": report.older,
                "fault": null,
            })
        );
        return;
    }
    say!("{origin}: {} entries, root {}", head.size(), head.root());
    for older in &report.older {
        say!("  begins with the {older} entries of the checkpoint that was kept elsewhere");
    }
    say!("  sound, {} tiles compared, {witnesses} witnesses", report.tiles);
    if report.older.is_empty() && witnesses == 0 {
        say!("{ROLLBACK}");
    }
}

fn print_fault(is_json: bool, origin: &str, fault: &Fault) {
    let text = in_one_line(fault);
    if is_json {
        let fault = json!({ "kind": fault.kind(), "path": fault.path(), "text": text });
        say!("{}", json!({ "verified": false, "origin": origin, "fault": fault }));
    } else {
        say!("{origin}");
        say!("  FAULT: {text}");
    }
}
