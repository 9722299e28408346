//! A permit is for one attempt.

use wzapi_client_whatsapp::{Content, GatedClient};
use wzapi_compliance::consent::gate::{RedeemedPermit, SendPermit};
use wzapi_compliance::model::actor::Actor;
use wzapi_compliance::sending::SendGate;

async fn redeemed(client: &GatedClient, permit: RedeemedPermit, content: &Content) {
    let _ = client.send(permit, content).await;
    let _ = client.send(permit, content).await;
}

async fn checked(client: &GatedClient, gate: &SendGate<'_>, actor: &Actor, permit: SendPermit, content: &Content) {
    let _ = client.send_gated(gate, actor, permit, content).await;
    let _ = client.send_gated(gate, actor, permit, content).await;
}

fn main() {}
