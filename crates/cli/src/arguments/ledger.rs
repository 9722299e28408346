//! `wzapi ledger`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use wzapi_compliance::ledger::proof::signed_note::VerifierKey;
use wzapi_compliance::model::ids::{ControllerId, IdError};

use super::data::{Data, StoreOrTiles};

#[derive(Subcommand)]
pub(crate) enum LedgerCommand {
    /// Recompute logs from what is stored or exported (exit 0: sound, 4: the place of the first fault is printed).
    ///
    /// A rollback of the whole store shows only against a checkpoint that was kept elsewhere: name it with --against.
    Verify(VerifyOptions),
    /// Print a signed checkpoint (C2SP tlog-checkpoint) over everything recorded so far. Keep it elsewhere.
    Checkpoint(LogOptions),
    /// Print the keys that verify the log's checkpoints, the current one first.
    Keys(LogOptions),
    /// Write a proof of one entry that needs nothing of ours to be checked (C2SP tlog-proof).
    Prove(ProveOptions),
    /// Check such a proof and print the event that it discloses (exit 0: it holds, 4: it does not). Needs no data.
    CheckProof(CheckProofOptions),
    /// Say whether a log still begins with what an old checkpoint stated (exit 0: it does, 4: it does not).
    Consistency(ConsistencyOptions),
    /// Write the log as static files (C2SP tlog-tiles). They hold commitments and hashes, and nothing about anyone.
    Export(ExportLogOptions),
    /// Give the log a new signing key. The old one signs beside it for 90 days.
    RotateKey(LogOptions),
}

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogOwner(pub(crate) ControllerId);

impl FromStr for LogOwner {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text == "system" { Ok(Self(ControllerId::SYSTEM)) } else { text.parse().map(Self) }
    }
}

#[derive(Args)]
pub(crate) struct LogOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The controller; `system` for the log of the management of keys and controllers.
    #[arg(long, value_name = "ID")]
    pub(crate) controller: LogOwner,
    /// The shard, of a controller that has several logs.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) shard: u16,
}

/// Whom a check believes.
#[derive(Args)]
pub(crate) struct TrustOptions {
    /// A key of the log, from somewhere that whoever hands over the log does not control. Two while it is rotated.
    #[arg(long = "key", value_name = "VKEY")]
    pub(crate) keys: Vec<VerifierKey>,
    /// The key of a witness.
    #[arg(long = "witness", value_name = "VKEY")]
    pub(crate) witness_keys: Vec<VerifierKey>,
    /// How many of the witnesses must have signed; all of them unless it is said.
    #[arg(long = "witnesses", value_name = "K")]
    pub(crate) required_witnesses: Option<usize>,
}

#[derive(Args)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    pub(crate) from: StoreOrTiles,
    /// Only the logs of this controller, or of the `system`; without it, every log.
    #[arg(long, value_name = "ID", conflicts_with = "tiles")]
    pub(crate) controller: Option<LogOwner>,
    /// A checkpoint that was kept elsewhere, with whose tree its log must begin. Needs --key.
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustOptions,
}

#[derive(Args)]
pub(crate) struct ProveOptions {
    #[command(flatten)]
    pub(crate) log: LogOptions,
    /// The index of the entry, from 0.
    #[arg(long, value_name = "N")]
    pub(crate) entry: u64,
    /// The file to write; it must not be there yet. It discloses the event, so handle it like the data itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct CheckProofOptions {
    /// The proof.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustOptions,
    /// Print a JSON object as the last line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ConsistencyOptions {
    #[command(flatten)]
    pub(crate) of: StoreOrTiles,
    /// The controller, with --data; `system` for the log of the management of keys and controllers.
    #[arg(long, value_name = "ID", required_unless_present = "tiles", conflicts_with = "tiles")]
    pub(crate) controller: Option<LogOwner>,
    /// The shard, of a controller that has several logs.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "tiles")]
    pub(crate) shard: u16,
    /// The old checkpoint.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustOptions,
}

#[derive(Args)]
pub(crate) struct ExportLogOptions {
    #[command(flatten)]
    pub(crate) log: LogOptions,
    /// The directory for the files. An earlier export of the same log there is carried on.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
