//! `wzapi controller`.

use serde_json::json;

use crate::arguments::{ListControllersOptions, RegisterControllerOptions};
use crate::failure::{Failure, Outcome};
use crate::operator::Operator;

pub(crate) async fn register(options: RegisterControllerOptions) -> Result<Outcome, Failure> {
    let operator = Operator::open_or_create(&options.data).await?;
    let controller = operator.compliance.register_controller(&operator.actor, options.controller).await?;
    if options.data.json {
        say!("{}", json!({ "controller": controller.id().to_string() }));
    } else {
        say!("registered {}", controller.id());
    }
    Ok(Outcome::Done)
}

pub(crate) async fn list(options: ListControllersOptions) -> Result<Outcome, Failure> {
    let operator = Operator::open(&options.data).await?;
    let controllers: Vec<String> =
        operator.compliance.controllers(&operator.actor).await?.iter().map(ToString::to_string).collect();
    if options.data.json {
        say!("{}", json!({ "controllers": controllers }));
    } else {
        controllers.iter().for_each(|controller| say!("{controller}"));
    }
    Ok(Outcome::Done)
}
