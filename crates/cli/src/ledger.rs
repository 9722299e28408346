//! `wzapi ledger verify`.

use serde_json::json;
use wzapi_compliance::ledger::Verification;
use wzapi_compliance::model::ids::ControllerId;

use crate::Operator;
use crate::arguments::VerifyOptions;
use crate::failure::{Failure, Outcome};

pub(crate) async fn verify(options: VerifyOptions) -> Result<Outcome, Failure> {
    let operator = Operator::open(&options.data).await?;
    let mut found = Vec::new();
    match options.controller {
        Some(id) => found.push((id, verify_one(&operator, id).await?)),
        None => {
            let system = operator.compliance.verify_system_ledger(&operator.actor).await?;
            found.push((ControllerId::SYSTEM, system));
            for id in operator.compliance.controllers(&operator.actor).await? {
                found.push((id, verify_one(&operator, id).await?));
            }
        }
    }
    let is_sound = found.iter().all(|(_, verification)| verification.is_sound());
    let mut logs = Vec::with_capacity(found.len());
    for (id, verification) in &found {
        if options.data.json {
            logs.push(to_json(*id, verification));
        } else {
            print(*id, verification);
        }
    }
    if options.data.json {
        say!("{}", json!({ "verified": is_sound, "logs": logs }));
    }
    Ok(if is_sound { Outcome::Done } else { Outcome::NotVerified })
}

async fn verify_one(operator: &Operator, id: ControllerId) -> Result<Verification, Failure> {
    let controller = operator.compliance.controller(id).await?;
    Ok(controller.ledger().verify(&operator.actor).await?)
}

fn print(controller: ControllerId, verification: &Verification) {
    say!("{controller}: {} entries, root {}", verification.size, verification.root);
    match verification.fault {
        None => say!("  sound"),
        Some(fault) => say!("  FAULT at entry {}: {}", fault.index, fault.kind.as_str()),
    }
}

fn to_json(controller: ControllerId, verification: &Verification) -> serde_json::Value {
    json!({
        "controller": controller.to_string(),
        "size": verification.size,
        "root": verification.root.to_string(),
        "verified": verification.is_sound(),
        "fault": verification.fault.map(|fault| json!({ "index": fault.index, "kind": fault.kind.as_str() })),
    })
}
