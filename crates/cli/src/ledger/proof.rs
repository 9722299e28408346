//! A proof of one entry: made here, checked anywhere.

use serde_json::{Value, json};
use wzapi_compliance::ledger::proof::checkpoint::Checkpoint;
use wzapi_compliance::ledger::proof::tlog_proof::{
    MAX_PROOF_BYTES, TlogProof, TlogProofError, VerifiedEvent,
};

use super::sign::Opened;
use crate::arguments::{CheckProofOptions, ProveOptions};
use crate::failure::{Failure, Outcome};
use crate::files;

pub(super) async fn prove(options: ProveOptions) -> Result<Outcome, Failure> {
    let Opened { operator, logs, shard } = Opened::of(&options.log).await?;
    let proof = logs.log().shard(shard).prove(&operator.actor, options.entry).await?;
    files::write_new(&options.out, proof.to_string().as_bytes())?;
    // Our own log signed it a moment ago.
    let checkpoint = Checkpoint::parse(proof.checkpoint().unverified_text());
    let checkpoint = checkpoint.map_err(|error| Failure::bad_file(&options.out, &error))?;
    let (origin, size) = (checkpoint.origin(), checkpoint.head().size());
    let out = options.out.display();
    if options.log.data.json {
        let controller = options.log.controller.0.to_string();
        say!(
            "{}",
            json!({
                "controller": controller,
                "shard": options.log.shard,
                "origin": origin,
                "index": proof.index(),
                "size": size,
                "proof": out.to_string(),
            })
        );
    } else {
        say!("entry {} of {size} of log {origin}, proved in {out}", proof.index());
        say!("the file discloses the event: handle it like the data itself");
    }
    Ok(Outcome::Done)
}

/// Needs nothing but the proof and the keys of those who must have signed.
pub(super) fn check(options: &CheckProofOptions) -> Result<Outcome, Failure> {
    let policy = options.trust.policy()?;
    let bytes = files::read(&options.file, MAX_PROOF_BYTES)?;
    let proof = TlogProof::parse(&bytes).map_err(|error| Failure::bad_file(&options.file, &error))?;
    match proof.verify(&policy) {
        Ok(verified) => {
            print(options, &verified);
            Ok(Outcome::Done)
        }
        Err(error @ (TlogProofError::NotDisclosed | TlogProofError::BadDisclosure)) => {
            Err(Failure::bad_file(&options.file, &error))
        }
        Err(error) => {
            let failure = Failure::not_verified(&options.file, error);
            if let Some(problem) = failure.unverified().filter(|_| options.json) {
                say!("{}", json!({ "verified": false, "problem": problem }));
            }
            Err(failure)
        }
    }
}

fn print(options: &CheckProofOptions, verified: &VerifiedEvent) {
    let inclusion = verified.inclusion();
    let (checkpoint, index) = (inclusion.checkpoint(), inclusion.index());
    let (origin, head) = (checkpoint.checkpoint().origin(), checkpoint.head());
    let witnesses = checkpoint.cosignatures().len();
    // Canonical JSON, as it was committed to.
    let event = String::from_utf8_lossy(verified.event());
    if options.json {
        let event: Value = serde_json::from_str(&event).unwrap_or(Value::Null);
        say!(
            "{}",
            json!({
                "verified": true,
                "event": event,
                "index": index,
                "size": head.size(),
                "root": head.root().to_string(),
                "origin": origin,
                "witnesses": witnesses,
            })
        );
    } else {
        say!("{event}");
        say!("entry {index} of {} of log {origin}, signed by the log and {witnesses} witnesses", head.size());
    }
}
