//! The arguments of `wzapi sent`.

use clap::Args;
use wzapi_compliance::model::ids::ControllerId;

use super::Data;

#[derive(Args)]
pub(crate) struct SentOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The controller.
    #[arg(long, value_name = "ID")]
    pub(crate) controller: ControllerId,
    /// The person: a phone number with country code, or a business-scoped user id.
    // Not parsed by clap, which would repeat a number that it cannot read.
    #[arg(long, value_name = "PHONE_OR_BSUID")]
    pub(crate) to: String,
}
