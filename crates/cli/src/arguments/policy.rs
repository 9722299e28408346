//! `wzapi policy` and `wzapi schema`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check a policy file (exit 0, or 2 with every finding).
    Check(CheckPolicyOptions),
    /// Print the notice that people read.
    Render(RenderPolicyOptions),
    /// Say what changed between two versions, and for whom.
    Diff(DiffPolicyOptions),
}

#[derive(Args)]
pub(crate) struct CheckPolicyOptions {
    /// The policy file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print a JSON object as the last line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct RenderPolicyOptions {
    /// The policy file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The form of the notice.
    #[arg(long, value_enum, default_value = "md")]
    pub(crate) format: NoticeFormat,
    /// The language of the notice: en, hi, pt or es.
    #[arg(long, default_value = "en")]
    pub(crate) lang: String,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NoticeFormat {
    /// Markdown.
    Md,
    /// A page of its own.
    Html,
}

#[derive(Args)]
pub(crate) struct DiffPolicyOptions {
    /// The version in force.
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The version that is to follow it.
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// Print a JSON object as the last line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum SchemaCommand {
    /// Print the statements that make the tables, for a DBA to apply by hand.
    Print(PrintSchemaOptions),
}

#[derive(Args)]
pub(crate) struct PrintSchemaOptions {
    /// For PostgreSQL.
    #[arg(long, required = true)]
    pub(crate) postgres: bool,
    /// With the commands that distribute the tables on Citus.
    #[arg(long)]
    pub(crate) citus: bool,
}
