//! `wzapi check` and `wzapi preflight`.

use std::path::PathBuf;

use clap::Args;
use wzapi_compliance::consent::gate::{Message, TimeZone};
use wzapi_compliance::model::ids::{ControllerId, SenderId};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::policy::file::CountryCode;

use super::Data;

/// What is to be sent, and by whom.
#[derive(Args)]
pub(crate) struct MessageOptions {
    /// The controller.
    #[arg(long, value_name = "ID")]
    pub(crate) controller: ControllerId,
    /// The sender.
    #[arg(long, value_name = "ID")]
    sender: SenderId,
    /// The category of the message: marketing, utility, authentication or service.
    #[arg(long)]
    category: MessageCategory,
    /// The purpose it serves; without it, the usual purpose of the category.
    #[arg(long)]
    purpose: Option<PurposeId>,
}

impl MessageOptions {
    pub(crate) fn message(&self) -> Message {
        let usual = Message::new(self.sender, self.category);
        Message { purpose: self.purpose.clone().unwrap_or_else(|| usual.purpose.clone()), ..usual }
    }
}

#[derive(Args)]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) message: MessageOptions,
    /// The recipient: a phone number with country code, or a business-scoped user id.
    // Not parsed by clap, which would repeat a number that it cannot read.
    #[arg(long, value_name = "PHONE_OR_BSUID")]
    pub(crate) to: String,
    /// The country in which the recipient is known to be, as in IN.
    #[arg(long, value_name = "CODE")]
    pub(crate) country: Option<CountryCode>,
    /// The time zone by which the recipient is known to live, as in Asia/Kolkata.
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<TimeZone>,
}

#[derive(Args)]
pub(crate) struct PreflightOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) message: MessageOptions,
    /// Write the recipients that are refused into a new CSV file: line, reasons, remedies, possible_from.
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) refused: Option<PathBuf>,
    /// Begin each line of that file with the recipient.
    #[arg(long, requires = "refused")]
    pub(crate) with_recipients: bool,
    /// The recipients, one a line: a phone number with country code, or a business-scoped user id. Standard input when it
    /// is not named, or `-`.
    #[arg(value_name = "FILE")]
    pub(crate) recipients: Option<PathBuf>,
}
