//! `wzapi sender`.

use serde_json::json;

use crate::arguments::RegisterSenderOptions;
use crate::failure::{Failure, Outcome};
use crate::operator::Operator;

pub(crate) async fn register(options: RegisterSenderOptions) -> Result<Outcome, Failure> {
    let operator = Operator::open(&options.data).await?;
    let controller = operator.compliance.controller(options.controller).await?;
    let RegisterSenderOptions { sender, phone_number_id, waba_id, portfolio, .. } = options;
    let actor = &operator.actor;
    match portfolio {
        Some(portfolio) => {
            controller
                .register_sender_in_portfolio(actor, sender, &phone_number_id, &waba_id, &portfolio)
                .await?;
        }
        None => controller.register_sender(actor, sender, &phone_number_id, &waba_id).await?,
    }
    if options.data.json {
        say!("{}", json!({ "controller": controller.id().to_string(), "sender": sender.to_string() }));
    } else {
        say!("registered {sender}");
    }
    Ok(Outcome::Done)
}
