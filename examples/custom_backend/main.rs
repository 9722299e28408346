//! A storage backend of your own: how it is written, and how it is shown to be right.
//!
//! This one is quite unlike those that come with wzapi: it keeps one file to which every changeset is appended, and
//! replays that file when it is opened. `docs/storage-backends.md` walks through it, sentence by sentence of the
//! contract. The suite runs over it with
//!
//! ```text
//! cargo test -p wzapi-examples --example custom_backend
//! ```
//!
//! and this program puts a whole [`Compliance`] on it:
//!
//! ```text
//! cargo run --example custom_backend
//! ```

#![allow(clippy::print_stdout, reason = "a program talks to its user")]

#[cfg(test)]
mod conformance;
mod frames;
mod log_storage;
mod rows;

use std::error::Error;
use std::sync::Arc;

use wzapi_compliance::Compliance;
use wzapi_compliance::consent::NewAct;
use wzapi_compliance::encryption::LocalKeyring;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::model::system::SystemEntropy;

use crate::log_storage::LogStorage;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join("wzapi-custom-backend");
    let entropy = Arc::new(SystemEntropy::new());
    let keyring = LocalKeyring::open_or_create(&directory.join("keyring.json"), entropy)?;
    let storage = LogStorage::open(&directory.join("changesets.log"))?;
    let compliance =
        Compliance::builder().storage(Arc::new(storage)).key_provider(Arc::new(keyring)).build().await?;

    let actor = Actor::service("example", [Role::Administrator, Role::ConsentManager, Role::Auditor])?;
    let controller: ControllerId = "6f0c2d1e-8a4b-4c3d-9e2f-0123456789ab".parse()?;
    let shop = compliance.register_controller(&actor, controller).await?;
    let person = Identifier::parse_recipient("+12025550101")?;
    let stop = NewAct::direct(ConsentAct::Withdrawn, ConsentScope::all_marketing(), ConsentMethod::Verbal);
    let _recorded = shop.consent().record(&actor, &person, &stop).await?;

    let ledger = shop.ledger().verify(&actor).await?;
    assert!(ledger.is_sound(), "the ledger verifies on a backend that wzapi never saw");
    println!("{} entries, all of them verified: run it again, and there is one more", ledger.size());
    Ok(())
}
