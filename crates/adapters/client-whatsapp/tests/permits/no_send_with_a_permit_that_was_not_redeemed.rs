//! A checked permit is not enough: the gate has to be asked again right before.

use wzapi_client_whatsapp::{Content, GatedClient};
use wzapi_compliance::consent::SendPermit;

async fn send(client: &GatedClient, permit: SendPermit, content: &Content) {
    let _ = client.send(permit, content).await;
}

fn main() {}
