//! `wzapi ledger`.

mod consistency;
mod directory;
mod export;
mod proof;
mod sign;
mod tiles;
mod trust;
mod verify;

use crate::arguments::LedgerCommand;
use crate::failure::{Failure, Outcome};

pub(crate) async fn run(command: LedgerCommand) -> Result<Outcome, Failure> {
    match command {
        LedgerCommand::Verify(options) => verify::run(options).await,
        LedgerCommand::Checkpoint(options) => sign::checkpoint(options).await,
        LedgerCommand::Keys(options) => sign::keys(options).await,
        LedgerCommand::RotateKey(options) => sign::rotate_key(options).await,
        LedgerCommand::Prove(options) => proof::prove(options).await,
        LedgerCommand::CheckProof(options) => proof::check(&options),
        LedgerCommand::Consistency(options) => consistency::run(options).await,
        LedgerCommand::Export(options) => export::run(options).await,
    }
}
