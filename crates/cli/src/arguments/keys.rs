//! `wzapi keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::data::Data;

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Show the epoch and the keys of each controller; never key bytes.
    Status(KeysOptions),
    /// Give every controller a new tenant key and wrap its data keys anew. Can be stopped and run again.
    Rotate(KeysOptions),
    /// Begin a new epoch, after which keys destroyed earlier are beyond recovery. Can be stopped and run again.
    RotateEpoch(RotateEpochOptions),
    /// Write the living keys, wrapped, to a file that belongs to the backups of the data.
    Export(ExportKeysOptions),
    /// Give a restored store the keys of the newest export: the living come back, and only they.
    Import(ImportKeysOptions),
}

#[derive(Args)]
pub(crate) struct KeysOptions {
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args)]
pub(crate) struct RotateEpochOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Where the key export goes; DIR/key-exports/ unless it is named. A database needs it.
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ExportKeysOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The file to write; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct ImportKeysOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The newest key export.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
