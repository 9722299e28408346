//! The main job: webhook deliveries become consent and records, a campaign is checked and sent under permits, a STOP
//! ends the next message, a record is read for its purpose and for no other, and the ledger verifies. Run it again on the same directory: it goes on where it was, and the
//! same deliveries change nothing.
//!
//! ```text
//! cargo run --release --example quickstart -- [--data DIR|ADDRESS] [--webhooks DIR] [--contacts FILE.csv] [--json]
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

mod campaign;
mod deliveries;
mod progress;
mod records;
mod summary;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use wzapi_compliance::location::Location;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::whatsapp::signature::AppSecrets;
use wzapi_compliance::{Compliance, Controller, policy};

use crate::deliveries::Demo;
use crate::summary::Summary;

/// The business in this example. A host takes its controllers' ids from its own customers' table.
const CONTROLLER: &str = "6f0c2d1e-8a4b-4c3d-9e2f-0123456789ab";

#[derive(Parser)]
#[command(name = "quickstart", about = "Webhooks to consent, consent to permits, permits to proof")]
struct Arguments {
    /// Where the store and the keyring are kept; or postgres://…, with --keyring.
    #[arg(long, value_name = "DIR|ADDRESS", default_value = "quickstart-data")]
    data: String,
    /// The file of the wrapping keys; in DIR unless it is named.
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// Deliveries to take in: every *.json in this directory.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/webhooks"))]
    webhooks: PathBuf,
    /// Contacts with their consents: phone,purpose,status,obtained_at,method,evidence.
    #[arg(long, value_name = "FILE.csv", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/contacts.csv"))]
    contacts: PathBuf,
    /// Print a JSON object as the last line.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(summary) => {
            summary.print();
            if arguments.json {
                println!("{}", summary.to_json());
            }
            summary.exit_code()
        }
        Err(error) => {
            let mut cause: Option<&dyn Error> = Some(error.as_ref());
            while let Some(current) = cause {
                eprintln!("quickstart: {current}");
                cause = current.source();
            }
            ExitCode::from(1)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Summary, Box<dyn Error>> {
    // Everything that a service needs: a store, a keyring, a clock and randomness (the last two by default).
    let location = Location::from(arguments.data.as_str());
    // The privacy policy is enforced: what it does not name is refused.
    let policy = policy::parse(include_str!("../../policies/wzapi.toml"), "wzapi.toml")?;
    let builder = location.open(arguments.keyring.as_deref()).await?;
    let compliance: Compliance = builder.policy(&policy).build().await?;

    // Each operation is asked for by somebody. In a service these are several actors with a role each.
    let actor = Actor::service(
        "quickstart",
        [
            Role::Administrator,
            Role::Ingest,
            Role::ConsentManager,
            Role::Sender,
            Role::RecordKeeper,
            Role::Auditor,
        ],
    )?;
    let shop: Controller =
        compliance.register_controller(&actor, CONTROLLER.parse::<ControllerId>()?).await?;
    let demo =
        Demo { shop: &shop, actor: &actor, secrets: AppSecrets::new(b"the-app-secret-of-this-example")? };

    let mut summary = Summary::default();
    println!("1. Deliveries from {}", arguments.webhooks.display());
    let sender = deliveries::ingest_all(&demo, &arguments.webhooks, &mut summary).await?;

    println!("2. Contacts from {}", arguments.contacts.display());
    campaign::import_contacts(&demo, &arguments.contacts, &mut summary).await?;

    println!("3. A marketing campaign to all of them");
    campaign::send_to_all(&demo, sender, &arguments.contacts, &mut summary).await?;

    println!("4. One of them answers STOP");
    campaign::stop_one(&demo, sender, &arguments.contacts, &mut summary).await?;

    println!("5. What they wrote");
    records::read_one(&demo, &policy).await?;

    println!("6. The ledger");
    summary.record_verification(shop.ledger().verify(&actor).await?);
    print!("{}", shop.ledger().checkpoint(&actor).await?.note);
    Ok(summary)
}
