//! `wzapi ledger verify`: logs recomputed from what is stored.

use serde_json::{Value, json};
use wzapi_compliance::ledger::Verification;
use wzapi_compliance::ledger::proof::checkpoint::OpenedCheckpoint;
use wzapi_compliance::ledger::verify::VerifyProgress;
use wzapi_compliance::log::VerifiedLogs;
use wzapi_compliance::model::ids::ControllerId;

use super::tiles;
use super::trust::open_checkpoint;
use crate::arguments::{Data, LogOwner, Source, VerifyOptions};
use crate::failure::{Failure, Outcome};
use crate::operator::Operator;
use crate::watcher::Watcher;

/// What is printed when nothing from elsewhere was compared with.
pub(super) const ROLLBACK: &str = "compared with no checkpoint kept elsewhere: a rollback of the whole store would not \
                                   show; keep one (`wzapi ledger checkpoint`) and name it with --against";

pub(super) async fn run(options: VerifyOptions) -> Result<Outcome, Failure> {
    let VerifyOptions { from, controller, against, trust } = options;
    let is_json = from.json;
    let source = from.source()?;
    let older = match &against {
        Some(file) => Some(open_checkpoint(file, &trust.policy()?)?),
        None => None,
    };
    match source {
        Source::Tiles(directory) => tiles::verify(&directory, &trust.policy()?, older, is_json),
        Source::Store(data) => stored(&data, controller, older).await,
    }
}

async fn stored(
    data: &Data,
    only: Option<LogOwner>,
    older: Option<OpenedCheckpoint>,
) -> Result<Outcome, Failure> {
    let operator = Operator::open(data).await?;
    let owners = match only {
        Some(owner) => vec![owner.0],
        None => {
            let mut owners = vec![ControllerId::SYSTEM];
            owners.extend(operator.compliance.controllers(&operator.actor).await?);
            owners
        }
    };
    let mut found = Vec::with_capacity(owners.len());
    for owner in owners {
        let mut logs = verify_one(&operator, owner, older.clone().filter(|_| only.is_some())).await?;
        // Of all the controllers, only their logs tell which one the checkpoint is of.
        if let Some(older) = older.clone().filter(|older| only.is_none() && is_among(older, &logs)) {
            logs = verify_one(&operator, owner, Some(older)).await?;
        }
        found.push((owner, logs));
    }
    let is_compared = found.iter().any(|(_, logs)| logs.logs.iter().any(|log| log.compared > 0));
    print(data.json, &found, is_compared);
    // A log that signed a checkpoint and is not here was taken away, or is somebody else's.
    if let Some(older) = older.filter(|_| !is_compared) {
        return Err(Failure::UnknownLog(older.checkpoint().origin().to_owned()));
    }
    let is_sound = found.iter().all(|(_, logs)| logs.is_sound());
    Ok(if is_sound { Outcome::Done } else { Outcome::NotVerified })
}

/// Whether the checkpoint is of one of these logs.
fn is_among(older: &OpenedCheckpoint, found: &VerifiedLogs) -> bool {
    let origin = older.checkpoint().origin();
    found.logs.iter().any(|log| log.name.as_ref().is_some_and(|(_, name)| name == origin))
}

async fn verify_one(
    operator: &Operator,
    owner: ControllerId,
    older: Option<OpenedCheckpoint>,
) -> Result<VerifiedLogs, Failure> {
    let mut watcher = Watcher::new();
    let logs = operator.logs(LogOwner(owner)).await?;
    let log = logs.log();
    let mut show = |progress: VerifyProgress| {
        watcher.show(&format!("{owner}: {} of {} entries verified", progress.entries, progress.size));
    };
    Ok(log.verify_against(&operator.actor, older.into_iter().collect(), &mut show).await?)
}

fn print(is_json: bool, found: &[(ControllerId, VerifiedLogs)], is_compared: bool) {
    let logs = || found.iter().flat_map(|(owner, logs)| logs.logs.iter().map(|log| (*owner, log)));
    if is_json {
        let is_sound = found.iter().all(|(_, logs)| logs.is_sound());
        let logs: Vec<Value> = logs().map(|(owner, log)| to_json(owner, log)).collect();
        say!("{}", json!({ "verified": is_sound, "compared": is_compared, "logs": logs }));
        return;
    }
    for (owner, log) in logs() {
        print_one(owner, log);
    }
    if !is_compared {
        say!("{ROLLBACK}");
    }
}

fn print_one(owner: ControllerId, log: &Verification) {
    let place = match (log.log.shard, log.log.generation) {
        (0, 0) => String::new(),
        (shard, generation) => format!(" (shard {shard}, generation {generation})"),
    };
    say!("{owner}{place}: {} entries, root {}", log.size, log.root);
    if log.is_closed {
        say!("  closed; another log follows it");
    }
    if log.erased > 0 {
        say!("  {} of them erased, each under a certificate", log.erased);
    }
    if let Some(signed) = log.signed {
        say!("  signed up to {signed} entries");
    }
    if log.compared > 0 {
        say!("  compared with the checkpoint that was kept elsewhere");
    }
    match log.fault {
        None => say!("  sound"),
        Some(fault) => say!("  FAULT at entry {}: {}", fault.index, fault.kind.as_str()),
    }
}

fn to_json(owner: ControllerId, log: &Verification) -> Value {
    let (id, origin) = log.name.as_ref().map(|(id, origin)| (id.to_string(), origin.as_str())).unzip();
    json!({
        "controller": owner.to_string(),
        "shard": log.log.shard,
        "generation": log.log.generation,
        "log": id,
        "origin": origin,
        "size": log.size,
        "root": log.root.to_string(),
        "erased": log.erased,
        "closed": log.is_closed,
        "signed": log.signed,
        "compared": log.compared,
        "verified": log.is_sound(),
        "fault": log.fault.map(|fault| json!({ "index": fault.index, "kind": fault.kind.as_str() })),
    })
}
