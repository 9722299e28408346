//! The command line.

mod consent;
mod data;
mod keys;
mod ledger;
mod optout;
mod policy;
mod sending;
mod sent;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use wzapi_compliance::model::ids::{ControllerId, SenderId};

pub(crate) use consent::{ConsentCommand, DocumentOptions, ImportConsentOptions};
pub(crate) use data::{Data, Opening, Source};
pub(crate) use keys::{ExportKeysOptions, ImportKeysOptions, KeysCommand, KeysOptions, RotateEpochOptions};
pub(crate) use ledger::{
    CheckProofOptions, ConsistencyOptions, ExportLogOptions, LedgerCommand, LogOptions, LogOwner,
    ProveOptions, TrustOptions, VerifyOptions,
};
pub(crate) use optout::OptoutCommand;
pub(crate) use policy::{
    CheckPolicyOptions, DiffPolicyOptions, NoticeFormat, PolicyCommand, RenderPolicyOptions, SchemaCommand,
};
pub(crate) use sending::{CheckOptions, PreflightOptions};
pub(crate) use sent::SentOptions;

/// The operator's tool of wzapi.
#[derive(Parser)]
#[command(
    name = "wzapi",
    version,
    after_help = "Exit codes: 0 done, 1 error, 2 bad input, 3 refused, 4 verification failed."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Take in webhook deliveries from files.
    Ingest(IngestOptions),
    /// Ask whether a message may be sent (exit 0: allowed, 3: refused).
    Check(CheckOptions),
    /// Show what was sent to a person, under which permit, and what shows that it might be.
    Sent(SentOptions),
    /// Count how the recipients of a campaign would fare, by reason. Nothing is sent or written.
    Preflight(PreflightOptions),
    /// Consents: what other systems recorded.
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// The accountability log.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Controllers.
    #[command(subcommand)]
    Controller(ControllerCommand),
    /// Senders.
    #[command(subcommand)]
    Sender(SenderCommand),
    /// The tables of a database.
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// The privacy policy as a file.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Keys: which there are, rotation, export and import.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Whether texts ask for messages to stop.
    #[command(subcommand)]
    Optout(OptoutCommand),
    /// Have the storage engine rewrite its files without what was deleted.
    ///
    /// Erasure does not rest on it: what is erased is unreadable because its key is destroyed.
    Compact(CompactOptions),
}

#[derive(Args)]
pub(crate) struct CompactOptions {
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Subcommand)]
pub(crate) enum ControllerCommand {
    /// Register a controller; again changes nothing.
    Register(RegisterControllerOptions),
    /// List the registered controllers.
    List(ListControllersOptions),
}

#[derive(Subcommand)]
pub(crate) enum SenderCommand {
    /// Register a sender with its phone number id and its WABA id; again changes nothing.
    Register(RegisterSenderOptions),
}

#[derive(Args)]
pub(crate) struct IngestOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The controller that the deliveries are for.
    #[arg(long, value_name = "ID")]
    pub(crate) controller: ControllerId,
    /// A file with the Meta app secret on one line, or two while it rotates: the current one first.
    #[arg(long, value_name = "FILE")]
    pub(crate) app_secret_file: PathBuf,
    /// Raw bodies. Beside each, FILE.signature may hold the X-Hub-Signature-256 header that came with it, which is
    /// then verified; without one, the operator vouches for the body with the secret.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct RegisterControllerOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The controller.
    #[arg(value_name = "ID")]
    pub(crate) controller: ControllerId,
}

#[derive(Args)]
pub(crate) struct ListControllersOptions {
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args)]
pub(crate) struct RegisterSenderOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The controller.
    #[arg(long, value_name = "ID")]
    pub(crate) controller: ControllerId,
    /// Meta's id of the business phone number.
    #[arg(long, value_name = "ID")]
    pub(crate) phone_number_id: String,
    /// Meta's id of the WhatsApp Business Account.
    #[arg(long, value_name = "ID")]
    pub(crate) waba_id: String,
    /// Meta's id of the business portfolio that the account belongs to: user ids are scoped to it.
    #[arg(long, value_name = "ID")]
    pub(crate) portfolio: Option<String>,
    /// The sender.
    #[arg(value_name = "SENDER_ID")]
    pub(crate) sender: SenderId,
}
