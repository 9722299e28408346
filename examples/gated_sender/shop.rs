//! A business with its store, its sender and the people who agreed.

use std::path::Path;

use tokio::task::JoinSet;
use wzapi_compliance::consent::NewAct;
use wzapi_compliance::consent::gate::{Message, SendRequest};
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_compliance::model::identifier::{E164, Identifier};
use wzapi_compliance::model::ids::{ControllerId, SenderId};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::storage_embedded::Options;
use wzapi_compliance::{Controller, data_directory, policy};

use crate::Problem;

/// A host takes these from its own tables.
const CONTROLLER: ControllerId = ControllerId::from_bytes([0x6f; 16]);
const SENDER: SenderId = SenderId::from_bytes([0x0b; 16]);
/// How many consents are recorded at a time, so that they share syncs of the disk.
const AT_A_TIME: u64 = 64;

#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) controller: Controller,
    pub(crate) actor: Actor,
}

impl Shop {
    pub(crate) async fn open(data: &Path) -> Result<Self, Problem> {
        let policy = policy::parse(include_str!("../../policies/wzapi.toml"), "wzapi.toml")?;
        let builder = data_directory::open(data, Options::default())?;
        let compliance = builder.policy(&policy).build().await?;
        let roles = [Role::Administrator, Role::ConsentManager, Role::Sender];
        let actor = Actor::service("gated-sender", roles)?;
        let controller = compliance.register_controller(&actor, CONTROLLER).await?;
        controller.register_sender(&actor, SENDER, "106540352242922", "102290129340398").await?;
        Ok(Self { controller, actor })
    }

    pub(crate) async fn everybody_agrees(&self, people: u64) -> Result<(), Problem> {
        let mut under_way = JoinSet::new();
        for person in 0..people {
            if under_way.len() as u64 >= AT_A_TIME
                && let Some(done) = under_way.join_next().await
            {
                done??;
            }
            let shop = self.clone();
            under_way.spawn(async move { shop.record(person, ConsentAct::Given).await });
        }
        while let Some(done) = under_way.join_next().await {
            done??;
        }
        Ok(())
    }

    pub(crate) async fn record(&self, person: u64, act: ConsentAct) -> Result<(), Problem> {
        let act = NewAct::direct(act, ConsentScope::whatsapp(PurposeId::marketing()), ConsentMethod::WebForm);
        let _recorded = self.controller.consent().record(&self.actor, &identifier(person)?, &act).await?;
        Ok(())
    }

    /// A marketing message to a person.
    pub(crate) fn request(&self, person: u64) -> Result<SendRequest, Problem> {
        let message = Message::new(SENDER, MessageCategory::Marketing);
        Ok(SendRequest::new(identifier(person)?, message))
    }
}

/// Made-up numbers of a country that the policy does not refuse. Nothing leaves this machine.
fn identifier(person: u64) -> Result<Identifier, Problem> {
    Ok(Identifier::Phone(E164::from_wa_id(&format!("9198{:08}", 10_000_000 + person))?))
}
