//! The command line.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use wzapi_compliance::location::Location;
use wzapi_compliance::model::ids::{ControllerId, SenderId};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::model::name::PurposeId;

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
}

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

#[derive(Subcommand)]
pub(crate) enum LedgerCommand {
    /// Recompute the log from what is stored (exit 0: sound, 4: the place of the first fault is printed).
    Verify(VerifyOptions),
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

/// Every text is a location, so that clap never has to repeat one: it may hold a password.
fn location(text: &str) -> Result<Location, Infallible> {
    Ok(Location::from(text))
}

#[derive(Args)]
pub(crate) struct Data {
    /// The directory of the store and its keyring, or the address of a database: postgres://…
    #[arg(long, value_name = "DIR|ADDRESS", value_parser = location)]
    pub(crate) data: Location,
    /// The file of the wrapping keys; DIR/keyring.json unless it is named. A database needs it.
    #[arg(long, value_name = "FILE")]
    pub(crate) keyring: Option<PathBuf>,
    /// The privacy policy that is enforced; wzapi's own purposes unless it is named.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Print a JSON object as the last line.
    #[arg(long)]
    pub(crate) json: bool,
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
pub(crate) struct CheckOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The controller.
    #[arg(long, value_name = "ID")]
    pub(crate) controller: ControllerId,
    /// The sender.
    #[arg(long, value_name = "ID")]
    pub(crate) sender: SenderId,
    /// The recipient: a phone number with country code, or a business-scoped user id.
    // Not parsed by clap, which would repeat a number that it cannot read.
    #[arg(long, value_name = "PHONE_OR_BSUID")]
    pub(crate) to: String,
    /// The category of the message: marketing, utility, authentication or service.
    #[arg(long)]
    pub(crate) category: MessageCategory,
    /// The purpose it serves; without it, the usual purpose of the category.
    #[arg(long)]
    pub(crate) purpose: Option<PurposeId>,
}

#[derive(Args)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Only this controller's log; without it, every log.
    #[arg(long, value_name = "ID")]
    pub(crate) controller: Option<ControllerId>,
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
    /// The sender.
    #[arg(value_name = "SENDER_ID")]
    pub(crate) sender: SenderId,
}
