//! What the log signs, and with which keys.

use std::io::{self, Write as _};

use serde_json::{Value, json};
use wzapi_compliance::ledger::notary::SignedCheckpoint;

use crate::arguments::{Data, LogOptions, LogOwner};
use crate::failure::{Failure, Outcome};
use crate::operator::{Logs, Operator};

/// A log that was asked for, in an open store.
pub(super) struct Opened {
    pub(super) operator: Operator,
    pub(super) logs: Logs,
    pub(super) shard: u16,
}

impl Opened {
    pub(super) async fn of(options: &LogOptions) -> Result<Self, Failure> {
        Self::at(&options.data, options.controller, options.shard).await
    }

    pub(super) async fn at(data: &Data, owner: LogOwner, shard: u16) -> Result<Self, Failure> {
        let operator = Operator::open(data).await?;
        let logs = operator.logs(owner).await?;
        Ok(Self { operator, logs, shard })
    }

    pub(super) async fn checkpoint(&self) -> Result<SignedCheckpoint, Failure> {
        Ok(self.logs.log().shard(self.shard).checkpoint(&self.operator.actor).await?)
    }
}

/// Prints the note and nothing else, so that it can be redirected into a file.
pub(super) async fn checkpoint(options: LogOptions) -> Result<Outcome, Failure> {
    let signed = Opened::of(&options).await?.checkpoint().await?;
    if options.data.json {
        say!("{}", to_json(&options, &signed));
    } else {
        print_exactly(&signed.note)?;
    }
    Ok(Outcome::Done)
}

/// A checkpoint that was redirected to a full disk is none.
fn print_exactly(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Unwritable { path: "standard output".into(), cause })
        }
        _ => Ok(()),
    }
}

pub(super) async fn keys(options: LogOptions) -> Result<Outcome, Failure> {
    let signed = Opened::of(&options).await?.checkpoint().await?;
    let keys = verifier_keys(&signed);
    if options.data.json {
        say!("{}", json!({ "origin": signed.origin, "verifier_keys": keys }));
    } else {
        keys.iter().for_each(|key| say!("{key}"));
    }
    Ok(Outcome::Done)
}

pub(super) async fn rotate_key(options: LogOptions) -> Result<Outcome, Failure> {
    let Opened { operator, logs, shard } = Opened::of(&options).await?;
    let rotation = logs.log().shard(shard).rotate_key(&operator.actor).await?;
    let (old, new) = (rotation.old.to_string(), rotation.new.to_string());
    if options.data.json {
        let (statement, entry) = (&rotation.statement, rotation.entry.to_string());
        say!("{}", json!({ "old": old, "new": new, "statement": statement, "entry": entry }));
    } else {
        say!("old key {old}");
        say!("new key {new}");
        say!("both sign checkpoints for a while; entry {} records the handover", rotation.entry);
    }
    Ok(Outcome::Done)
}

fn to_json(options: &LogOptions, signed: &SignedCheckpoint) -> Value {
    json!({
        "controller": options.controller.0.to_string(),
        "shard": options.shard,
        "log": signed.log.to_string(),
        "origin": signed.origin,
        "size": signed.head.size(),
        "root": signed.head.root().to_string(),
        "signed_at": signed.signed_at.to_string(),
        "note": signed.note,
        "verifier_keys": verifier_keys(signed),
    })
}

fn verifier_keys(signed: &SignedCheckpoint) -> Vec<String> {
    signed.verifier_keys.iter().map(ToString::to_string).collect()
}
