//! The command line.

use std::collections::BTreeMap;

use wzapi_ledger_proof::checkpoint::CheckpointPolicy;
use wzapi_ledger_proof::signed_note::VerifierKey;

use crate::outcome::{Failure, chain};

pub(crate) const USAGE: &str = "\
Checks an exported ledger, and proofs from it.

  wzapi-verify tiles DIR --key VKEY [--against OLD]... [--growing]
  wzapi-verify proof FILE --key VKEY
  wzapi-verify receipt FILE --key VKEY...
  wzapi-verify consistency OLD NEW --tiles DIR --key VKEY

  --key VKEY      a key of the log, name+id+base64; both of them during a rotation. A receipt may speak of
                  several logs: give the keys of all of them
  --witness VKEY  a witness that must have signed the checkpoint; may be repeated
  --witnesses K   so many of the witnesses suffice (all of them, if not given)
  --origin TEXT   the origin of the log, where it is not the name of its keys
  --against OLD   a checkpoint kept from earlier, whose tree the log must begin with
  --growing       the log may go on beyond its checkpoint while it is read
  --json          print one JSON object instead of text

Exit code: 0 done, 1 a file could not be read, 2 bad input, 3 refused: nothing is wrong with the log, but
it is not signed by those whom you named, 4 verification failed.";

/// What to check, and by whose word.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    pub(crate) against: Vec<String>,
    pub(crate) growing: bool,
    keys: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    required_witnesses: Option<usize>,
    origin: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Command {
    Tiles { directory: String },
    Proof { file: String },
    Receipt { file: String },
    Consistency { old: String, new: String, tiles: String },
}

impl Arguments {
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self, Failure> {
        let mut plain = Vec::new();
        let mut tiles = None;
        let mut parsed = Self {
            command: Command::Tiles { directory: String::new() },
            against: Vec::new(),
            growing: false,
            keys: Vec::new(),
            witnesses: Vec::new(),
            required_witnesses: None,
            origin: None,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| bad(&format!("{argument} needs a value")));
            match argument.as_str() {
                "--key" => parsed.keys.push(key(&value()?)?),
                "--witness" => parsed.witnesses.push(key(&value()?)?),
                "--witnesses" => {
                    let count = value()?.parse().map_err(|_| bad("--witnesses needs a number"))?;
                    once(&mut parsed.required_witnesses, count, "--witnesses")?;
                }
                "--origin" => once(&mut parsed.origin, value()?, "--origin")?,
                "--tiles" => once(&mut tiles, value()?, "--tiles")?,
                "--against" => parsed.against.push(value()?),
                "--growing" => parsed.growing = true,
                "--json" => {}
                option if option.starts_with("--") => {
                    return Err(bad(&format!("there is no option {option}")));
                }
                _ => plain.push(argument),
            }
        }
        let is_tiles = plain.first().is_some_and(|command| command == "tiles");
        if !is_tiles && (parsed.growing || !parsed.against.is_empty()) {
            return Err(bad("--against and --growing belong to `tiles`"));
        }
        parsed.command = command(plain, tiles)?;
        Ok(parsed)
    }

    /// Whom to believe.
    pub(crate) fn policy(&self) -> Result<CheckpointPolicy, Failure> {
        self.policy_with(self.required_witnesses.unwrap_or(self.witnesses.len()))
    }

    /// Whom to believe about each of several logs: keys of one name are of one log.
    pub(crate) fn policies(&self) -> Result<Vec<CheckpointPolicy>, Failure> {
        if self.origin.is_some() {
            return Err(bad("--origin does not belong to `receipt`: its logs have the names of their keys"));
        }
        let mut logs: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for key in &self.keys {
            logs.entry(key.name().to_string()).or_default().push(key.clone());
        }
        if logs.is_empty() {
            return Err(bad("a receipt is checked by the keys of its logs: give --key"));
        }
        let required = self.required_witnesses.unwrap_or(self.witnesses.len());
        let policies = logs.into_values().map(|keys| {
            CheckpointPolicy::for_log(keys)
                .and_then(|policy| policy.with_witnesses(self.witnesses.clone(), required))
        });
        policies.collect::<Result<_, _>>().map_err(|error| bad(&error.to_string()))
    }

    /// Whom to believe about a checkpoint from earlier, which fewer witnesses may have signed.
    pub(crate) fn policy_for_old(&self) -> Result<CheckpointPolicy, Failure> {
        self.policy_with(0)
    }

    fn policy_with(&self, required: usize) -> Result<CheckpointPolicy, Failure> {
        match &self.origin {
            Some(origin) => CheckpointPolicy::for_origin(origin, self.keys.clone()),
            None => CheckpointPolicy::for_log(self.keys.clone()),
        }
        .and_then(|policy| policy.with_witnesses(self.witnesses.clone(), required))
        .map_err(|error| bad(&error.to_string()))
    }
}

fn command(plain: Vec<String>, tiles: Option<String>) -> Result<Command, Failure> {
    let mut plain = plain.into_iter();
    let words = (plain.next(), plain.next(), plain.next(), plain.next());
    let command = match (words.0.as_deref(), words.1, words.2, words.3, tiles) {
        (Some("tiles"), Some(directory), None, None, None) => Command::Tiles { directory },
        (Some("proof"), Some(file), None, None, None) => Command::Proof { file },
        (Some("receipt"), Some(file), None, None, None) => Command::Receipt { file },
        (Some("consistency"), Some(old), Some(new), None, Some(tiles)) => {
            Command::Consistency { old, new, tiles }
        }
        (None, ..) => return Err(bad("say what to check; --help tells how")),
        (Some(name), ..) => return Err(bad(&format!("`{name}` was not called as --help says"))),
    };
    Ok(command)
}

fn key(text: &str) -> Result<VerifierKey, Failure> {
    text.parse().map_err(|error| bad(&format!("{text}: {}", chain(&error))))
}

fn once<T>(place: &mut Option<T>, value: T, option: &str) -> Result<(), Failure> {
    if place.replace(value).is_some() { Err(bad(&format!("{option} was given twice"))) } else { Ok(()) }
}

fn bad(message: &str) -> Failure {
    Failure::input("arguments", message)
}
